// Pipes: named ones, and the anonymous ones, whose name nobody else is told.
#include "kernel32.h"

#define FILE_CREATE_DISPOSITION 2
#define FILE_OPEN_IF_DISPOSITION 3

BOOL WINAPI CreatePipe(PHANDLE readEnd, PHANDLE writeEnd, LPSECURITY_ATTRIBUTES security, DWORD size) {
  static LONG serial;
  WCHAR text[80];
  UNICODE_STRING name = { 0, sizeof text, text };
  IO_STATUS_BLOCK io;
  LARGE_INTEGER timeout = { .QuadPart = -120 * 10000000LL };
  HANDLE server, client;
  ULONG length = (ULONG)format_wide(text, ARRAY_LENGTH(text), L"\\Device\\NamedPipe\\Win32Pipes.%08x.%08x", GetCurrentProcessId(),
                                    (ULONG)__sync_add_and_fetch(&serial, 1));
  name.Length = (USHORT)(length * sizeof(WCHAR));
  BOOL inherits = security != NULL && security->bInheritHandle;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&name, OBJ_CASE_INSENSITIVE | (inherits ? OBJ_INHERIT : 0));
  if (size == 0) size = 4096;
  NTSTATUS status = NtCreateNamedPipeFile(&server, GENERIC_READ | FILE_WRITE_ATTRIBUTES | SYNCHRONIZE, &attributes, &io,
                                          FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE_DISPOSITION, FILE_SYNCHRONOUS_IO_NONALERT, 0, 0, 0,
                                          1, size, size, &timeout);
  if (!ok(status)) return FALSE;
  status = NtOpenFile(&client, GENERIC_WRITE | FILE_READ_ATTRIBUTES | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ,
                      FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
  if (!ok(status)) {
    NtClose(server);
    return FALSE;
  }
  *readEnd = server;
  *writeEnd = client;
  return TRUE;
}

enum { FSCTL_PIPE_DISCONNECT = 0x110004, FSCTL_PIPE_LISTEN = 0x110008, FSCTL_PIPE_PEEK = 0x11400c, FSCTL_PIPE_WAIT = 0x110018,
       FSCTL_PIPE_TRANSCEIVE = 0x11c017 };
typedef struct { ULONG readMode, completionMode; } FILE_PIPE_INFORMATION;
typedef struct {
  ULONG type, configuration, maximumInstances, currentInstances, inboundQuota, readDataAvailable, outboundQuota, writeQuotaAvailable,
      state, end;
} FILE_PIPE_LOCAL_INFORMATION;
enum { CONFIGURATION_INBOUND, CONFIGURATION_OUTBOUND, CONFIGURATION_DUPLEX };

/* Waits for a control code that a handle without FILE_FLAG_OVERLAPPED carries out at once. */
static NTSTATUS control(HANDLE pipe, HANDLE event, PIO_STATUS_BLOCK io, ULONG code, PVOID in, ULONG inLength, PVOID out, ULONG outLength) {
  NTSTATUS status = NtFsControlFile(pipe, event, NULL, NULL, io, code, in, inLength, out, outLength);
  if (status != STATUS_PENDING || event != NULL) return status;
  status = NtWaitForSingleObject(pipe, FALSE, NULL);
  return NT_SUCCESS(status) ? io->Status : status;
}

/* As control(), for functions that take an OVERLAPPED and then may stay pending. */
static BOOL control_overlapped(HANDLE pipe, LPOVERLAPPED overlapped, ULONG code, PVOID in, ULONG inLength, PVOID out, ULONG outLength,
                               LPDWORD done) {
  IO_STATUS_BLOCK own;
  NTSTATUS status;
  if (overlapped == NULL) {
    status = control(pipe, NULL, &own, code, in, inLength, out, outLength);
    if (done != NULL && !NT_ERROR(status)) *done = (DWORD)own.Information;
  } else {
    overlapped->Internal = (ULONG_PTR)STATUS_PENDING;
    status = NtFsControlFile(pipe, (HANDLE)((ULONG_PTR)overlapped->hEvent & ~(ULONG_PTR)1), NULL, port_context(overlapped),
                             (PIO_STATUS_BLOCK)overlapped, code, in, inLength, out, outLength);
    if (done != NULL && !NT_ERROR(status) && status != STATUS_PENDING) *done = (DWORD)overlapped->InternalHigh;
    if (status == STATUS_PENDING) return refuse(ERROR_IO_PENDING);
  }
  if (status == STATUS_BUFFER_OVERFLOW) return refuse(ERROR_MORE_DATA);
  return ok(status);
}

HANDLE WINAPI CreateNamedPipeW(LPCWSTR name, DWORD openMode, DWORD pipeMode, DWORD instances, DWORD outSize, DWORD inSize, DWORD timeout,
                               LPSECURITY_ATTRIBUTES security) {
  enum { OPEN_FLAGS = FILE_FLAG_WRITE_THROUGH | FILE_FLAG_OVERLAPPED | FILE_FLAG_FIRST_PIPE_INSTANCE | WRITE_DAC | WRITE_OWNER |
                      ACCESS_SYSTEM_SECURITY | PIPE_ACCESS_DUPLEX };
  UNICODE_STRING ntName;
  IO_STATUS_BLOCK io;
  HANDLE pipe;
  DWORD direction = openMode & PIPE_ACCESS_DUPLEX;
  BOOLEAN isMessage = (pipeMode & PIPE_TYPE_MESSAGE) != 0, readsMessages = (pipeMode & PIPE_READMODE_MESSAGE) != 0;
  if (direction == 0 || (openMode & ~(DWORD)OPEN_FLAGS) != 0 || (pipeMode & ~7u) != 0 || instances == 0 || instances > PIPE_UNLIMITED_INSTANCES) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return INVALID_HANDLE_VALUE;
  }
  if (name == NULL || !RtlDosPathNameToNtPathName_U(name, &ntName, NULL, NULL)) {
    set_last_error(ERROR_PATH_NOT_FOUND);
    return INVALID_HANDLE_VALUE;
  }
  ULONG inherit = security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE | inherit);
  if (security != NULL) attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  ULONG share = (direction & PIPE_ACCESS_INBOUND ? FILE_SHARE_WRITE : 0) | (direction & PIPE_ACCESS_OUTBOUND ? FILE_SHARE_READ : 0);
  ULONG access = SYNCHRONIZE | FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES | (direction & PIPE_ACCESS_INBOUND ? GENERIC_READ : 0) |
                 (direction & PIPE_ACCESS_OUTBOUND ? GENERIC_WRITE : 0) | (openMode & (WRITE_DAC | WRITE_OWNER | ACCESS_SYSTEM_SECURITY));
  ULONG options = (openMode & FILE_FLAG_WRITE_THROUGH ? FILE_WRITE_THROUGH : 0) |
                  (openMode & FILE_FLAG_OVERLAPPED ? 0 : FILE_SYNCHRONOUS_IO_NONALERT);
  LARGE_INTEGER wait = { .QuadPart = timeout == 0 ? -50 * 10000LL : -10000LL * timeout };
  ULONG disposition = openMode & FILE_FLAG_FIRST_PIPE_INSTANCE ? FILE_CREATE_DISPOSITION : FILE_OPEN_IF_DISPOSITION;
  NTSTATUS status = NtCreateNamedPipeFile(&pipe, access, &attributes, &io, share, disposition, options, isMessage, readsMessages,
                                          (pipeMode & PIPE_NOWAIT) != 0, instances == PIPE_UNLIMITED_INSTANCES ? 0xffffffffu : instances, inSize, outSize, &wait);
  RtlFreeUnicodeString(&ntName);
  if (ok(status)) return pipe;
  if (status == STATUS_NOT_SUPPORTED || status == STATUS_OBJECT_TYPE_MISMATCH) set_last_error(ERROR_INVALID_NAME);
  return INVALID_HANDLE_VALUE;
}

HANDLE WINAPI CreateNamedPipeA(LPCSTR name, DWORD openMode, DWORD pipeMode, DWORD instances, DWORD outSize, DWORD inSize, DWORD timeout,
                               LPSECURITY_ATTRIBUTES security) {
  PWSTR wide = wide_copy(name);
  if (name != NULL && wide == NULL) return INVALID_HANDLE_VALUE;
  HANDLE pipe = CreateNamedPipeW(wide, openMode, pipeMode, instances, outSize, inSize, timeout, security);
  release(wide);
  return pipe;
}

BOOL WINAPI ConnectNamedPipe(HANDLE pipe, LPOVERLAPPED overlapped) {
  return control_overlapped(pipe, overlapped, FSCTL_PIPE_LISTEN, NULL, 0, NULL, 0, NULL);
}
BOOL WINAPI DisconnectNamedPipe(HANDLE pipe) {
  IO_STATUS_BLOCK io;
  return ok(control(pipe, NULL, &io, FSCTL_PIPE_DISCONNECT, NULL, 0, NULL, 0));
}
BOOL WINAPI TransactNamedPipe(HANDLE pipe, LPVOID in, DWORD inLength, LPVOID out, DWORD outLength, LPDWORD done, LPOVERLAPPED overlapped) {
  return control_overlapped(pipe, overlapped, FSCTL_PIPE_TRANSCEIVE, in, inLength, out, outLength, done);
}

BOOL WINAPI WaitNamedPipeW(LPCWSTR name, DWORD timeout) {
  struct { LARGE_INTEGER timeout; ULONG nameLength; BOOLEAN timeoutSpecified; WCHAR name[256]; } __attribute__((packed, aligned(8))) *wait;
  static const WCHAR prefix[] = L"\\??\\PIPE\\";
  enum { PREFIX = ARRAY_LENGTH(prefix) - 1, NAME_OFFSET = 14, MAXIMUM = 256 };
  UNICODE_STRING ntName;
  IO_STATUS_BLOCK io;
  HANDLE device;
  if (name == NULL || !RtlDosPathNameToNtPathName_U(name, &ntName, NULL, NULL)) return refuse(ERROR_PATH_NOT_FOUND);
  ULONG length = ntName.Length / sizeof(WCHAR), nameLength = length > PREFIX ? length - PREFIX : 0;
  UNICODE_STRING head = { PREFIX * sizeof(WCHAR), PREFIX * sizeof(WCHAR), ntName.Buffer };
  UNICODE_STRING wanted = { PREFIX * sizeof(WCHAR), sizeof prefix, (PWSTR)prefix };
  if (nameLength == 0 || nameLength > MAXIMUM || !RtlEqualUnicodeString(&head, &wanted, TRUE)) {
    RtlFreeUnicodeString(&ntName);
    return refuse(nameLength == 0 ? ERROR_INVALID_NAME : ERROR_BAD_PATHNAME);
  }
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&wanted, OBJ_CASE_INSENSITIVE);
  NTSTATUS status = NtOpenFile(&device, FILE_READ_ATTRIBUTES | SYNCHRONIZE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
                               FILE_SYNCHRONOUS_IO_NONALERT);
  if (NT_SUCCESS(status)) {
    wait = allocate(NAME_OFFSET + (MAXIMUM + 1) * sizeof(WCHAR));
    if (wait != NULL) {
      wait->timeout.QuadPart = timeout == NMPWAIT_WAIT_FOREVER ? (LONGLONG)0x8000000000000000ULL : -10000LL * timeout;
      wait->timeoutSpecified = timeout != NMPWAIT_USE_DEFAULT_WAIT;
      wait->nameLength = nameLength * sizeof(WCHAR);
      memcpy((char *)wait + NAME_OFFSET, ntName.Buffer + PREFIX, nameLength * sizeof(WCHAR));
      status = control(device, NULL, &io, FSCTL_PIPE_WAIT, wait, NAME_OFFSET + nameLength * sizeof(WCHAR), NULL, 0);
      release(wait);
    } else {
      status = STATUS_NO_MEMORY;
    }
    NtClose(device);
  }
  RtlFreeUnicodeString(&ntName);
  return ok(status);
}
BOOL WINAPI WaitNamedPipeA(LPCSTR name, DWORD timeout) {
  PWSTR wide = wide_copy(name);
  if (name != NULL && wide == NULL) return FALSE;
  BOOL result = WaitNamedPipeW(wide, timeout);
  release(wide);
  return result;
}

/* Opens the pipe, waiting for an instance if need be, says one thing and takes one answer. */
BOOL WINAPI CallNamedPipeW(LPCWSTR name, LPVOID in, DWORD inLength, LPVOID out, DWORD outLength, LPDWORD done, DWORD timeout) {
  DWORD mode = PIPE_READMODE_MESSAGE | PIPE_WAIT;
  HANDLE pipe;
  while ((pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL)) ==
         INVALID_HANDLE_VALUE) {
    if (last_error() != ERROR_PIPE_BUSY || timeout == NMPWAIT_NOWAIT || !WaitNamedPipeW(name, timeout)) return FALSE;
  }
  BOOL result = SetNamedPipeHandleState(pipe, &mode, NULL, NULL) && TransactNamedPipe(pipe, in, inLength, out, outLength, done, NULL);
  DWORD error = last_error();
  NtClose(pipe);
  set_last_error(error);
  return result;
}
BOOL WINAPI CallNamedPipeA(LPCSTR name, LPVOID in, DWORD inLength, LPVOID out, DWORD outLength, LPDWORD done, DWORD timeout) {
  PWSTR wide = wide_copy(name);
  if (name != NULL && wide == NULL) return FALSE;
  BOOL result = CallNamedPipeW(wide, in, inLength, out, outLength, done, timeout);
  DWORD error = last_error();
  release(wide);
  set_last_error(error);
  return result;
}

/* What waits in a pipe, without taking it. */
BOOL WINAPI PeekNamedPipe(HANDLE pipe, LPVOID buffer, DWORD size, LPDWORD read, LPDWORD available, LPDWORD left) {
  enum { MAXIMUM = 0x10000 };
  struct peek { ULONG state, available, messages, messageLength; UCHAR data[]; } empty, *peek = &empty;
  IO_STATUS_BLOCK io;
  if (size > MAXIMUM) size = MAXIMUM;
  if (size != 0) peek = allocate(sizeof *peek + size);
  if (peek == NULL) return FALSE;
  NTSTATUS status = control(standard_handle(pipe), NULL, &io, FSCTL_PIPE_PEEK, NULL, 0, peek, sizeof *peek + size);
  if (status == STATUS_BUFFER_OVERFLOW) status = STATUS_SUCCESS;
  if (NT_SUCCESS(status)) {
    ULONG copied = io.Information - sizeof *peek;
    if (size != 0) memcpy(buffer, peek->data, copied);
    if (read != NULL) *read = copied;
    if (available != NULL) *available = peek->available;
    if (left != NULL) *left = peek->messageLength > copied ? peek->messageLength - copied : 0;
  }
  if (peek != &empty) release(peek);
  return ok(status);
}

static BOOL query(HANDLE pipe, void *information, ULONG size, ULONG class) {
  IO_STATUS_BLOCK io;
  return ok(NtQueryInformationFile(pipe, &io, information, size, class));
}

/* Collecting data is for clients of other machines. */
BOOL WINAPI SetNamedPipeHandleState(HANDLE pipe, LPDWORD mode, LPDWORD maximumCount, LPDWORD collectTimeout) {
  IO_STATUS_BLOCK io;
  if (maximumCount != NULL || collectTimeout != NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (mode == NULL) return TRUE;
  if ((*mode & ~(DWORD)(PIPE_READMODE_MESSAGE | PIPE_NOWAIT)) != 0) return refuse(ERROR_INVALID_PARAMETER);
  FILE_PIPE_INFORMATION information = { (*mode & PIPE_READMODE_MESSAGE) != 0, (*mode & PIPE_NOWAIT) != 0 };
  return ok(NtSetInformationFile(pipe, &io, &information, sizeof information, FilePipeInformationClass));
}

static BOOL handle_state(HANDLE pipe, LPDWORD state, LPDWORD instances, LPDWORD maximumCount, LPDWORD collectTimeout) {
  FILE_PIPE_INFORMATION information;
  FILE_PIPE_LOCAL_INFORMATION local;
  if (maximumCount != NULL || collectTimeout != NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (!query(pipe, &information, sizeof information, FilePipeInformationClass)) return FALSE;
  if (!query(pipe, &local, sizeof local, FilePipeLocalInformationClass)) return FALSE;
  if (state != NULL) *state = (information.readMode ? PIPE_READMODE_MESSAGE : 0) | (information.completionMode ? PIPE_NOWAIT : 0);
  if (instances != NULL) *instances = local.currentInstances > 255 ? 255 : local.currentInstances;
  return TRUE;
}
/* The name of a client's user needs impersonation, which tokens do not have. */
BOOL WINAPI GetNamedPipeHandleStateW(HANDLE pipe, LPDWORD state, LPDWORD instances, LPDWORD maximumCount, LPDWORD collectTimeout,
                                     LPWSTR user, DWORD userSize) {
  (void)userSize;
  if (user != NULL) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  return handle_state(pipe, state, instances, maximumCount, collectTimeout);
}
BOOL WINAPI GetNamedPipeHandleStateA(HANDLE pipe, LPDWORD state, LPDWORD instances, LPDWORD maximumCount, LPDWORD collectTimeout,
                                     LPSTR user, DWORD userSize) {
  (void)userSize;
  if (user != NULL) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  return handle_state(pipe, state, instances, maximumCount, collectTimeout);
}

BOOL WINAPI GetNamedPipeInfo(HANDLE pipe, LPDWORD flags, LPDWORD outSize, LPDWORD inSize, LPDWORD instances) {
  FILE_PIPE_LOCAL_INFORMATION local;
  if (!query(pipe, &local, sizeof local, FilePipeLocalInformationClass)) return FALSE;
  if (flags != NULL) *flags = (local.type ? PIPE_TYPE_MESSAGE : 0) | (local.end ? PIPE_SERVER_END : 0);
  if (outSize != NULL) *outSize = local.end ? local.outboundQuota : local.inboundQuota;
  if (inSize != NULL) *inSize = local.end ? local.inboundQuota : local.outboundQuota;
  if (instances != NULL) *instances = local.maximumInstances > 255 ? PIPE_UNLIMITED_INSTANCES : local.maximumInstances;
  return TRUE;
}
