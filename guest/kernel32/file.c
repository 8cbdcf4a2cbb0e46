// Files: opening, reading, writing, positions, sizes, times, locks.
#include "kernel32.h"

static ULONG file_options(DWORD flags) {
  ULONG options = 0;
  if (flags & FILE_FLAG_WRITE_THROUGH) options |= FILE_WRITE_THROUGH;
  if (flags & FILE_FLAG_NO_BUFFERING) options |= FILE_NO_INTERMEDIATE_BUFFERING;
  if (flags & FILE_FLAG_RANDOM_ACCESS) options |= FILE_RANDOM_ACCESS;
  if (flags & FILE_FLAG_SEQUENTIAL_SCAN) options |= FILE_SEQUENTIAL_ONLY;
  if (flags & FILE_FLAG_DELETE_ON_CLOSE) options |= FILE_DELETE_ON_CLOSE;
  if (flags & FILE_FLAG_OPEN_REPARSE_POINT) options |= FILE_OPEN_REPARSE_POINT;
  if (!(flags & FILE_FLAG_OVERLAPPED)) options |= FILE_SYNCHRONOUS_IO_NONALERT;
  if (!(flags & FILE_FLAG_BACKUP_SEMANTICS)) return options | FILE_NON_DIRECTORY_FILE;
  return options | FILE_OPEN_FOR_BACKUP_INTENT;
}

static HANDLE open_failed(NTSTATUS status, DWORD disposition) {
  DWORD error = RtlNtStatusToDosError(status);
  if (status == STATUS_OBJECT_NAME_COLLISION) error = disposition == CREATE_NEW ? ERROR_FILE_EXISTS : ERROR_ALREADY_EXISTS;
  if (status == STATUS_FILE_IS_A_DIRECTORY) error = ERROR_ACCESS_DENIED;
  set_last_error(error);
  return INVALID_HANDLE_VALUE;
}

/* CON in any folder and with any extension: which side of it, the access says. */
static BOOLEAN is_console(PCWSTR name) {
  ULONG device = RtlIsDosDeviceName_U(name);
  PCWSTR start = name + (device >> 16) / sizeof(WCHAR);
  return (device & 0xFFFF) == 3 * sizeof(WCHAR) && RtlUpcaseUnicodeChar(start[0]) == L'C' && RtlUpcaseUnicodeChar(start[1]) == L'O' &&
         RtlUpcaseUnicodeChar(start[2]) == L'N';
}

HANDLE WINAPI CreateFileW(LPCWSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                          DWORD flags, HANDLE template) {
  static const ULONG dispositions[] = { 0, FILE_CREATE, FILE_OVERWRITE_IF, FILE_OPEN, FILE_OPEN_IF, FILE_OVERWRITE };
  (void)template;
  if (disposition < CREATE_NEW || disposition > TRUNCATE_EXISTING) return open_failed(STATUS_INVALID_PARAMETER, disposition);
  if (disposition == TRUNCATE_EXISTING && !(access & GENERIC_WRITE)) return open_failed(STATUS_INVALID_PARAMETER, disposition);
  if (name == NULL || name[0] == 0) return open_failed(STATUS_OBJECT_PATH_NOT_FOUND, disposition);
  BOOLEAN directoryWanted = name[wcslen(name) - 1] == L'\\' || name[wcslen(name) - 1] == L'/';
  if (is_console(name)) name = access & GENERIC_WRITE ? L"CONOUT$" : L"CONIN$";
  UNICODE_STRING ntName;
  if (!RtlDosPathNameToNtPathName_U(name, &ntName, NULL, NULL)) return open_failed(STATUS_OBJECT_PATH_NOT_FOUND, disposition);
  ULONG inherit = security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0;
  OBJECT_ATTRIBUTES attributes =
      OBJECT_ATTRIBUTES_OF(&ntName, inherit | (flags & FILE_FLAG_POSIX_SEMANTICS ? 0 : OBJ_CASE_INSENSITIVE));
  if (security != NULL) attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  IO_STATUS_BLOCK io;
  HANDLE handle;
  ULONG wanted = access | SYNCHRONIZE | FILE_READ_ATTRIBUTES | (flags & FILE_FLAG_DELETE_ON_CLOSE ? DELETE : 0);
  NTSTATUS status = NtCreateFile(&handle, wanted, &attributes, &io, NULL, flags & 0x7FB7 & ~FILE_ATTRIBUTE_DIRECTORY, share,
                                 dispositions[disposition], file_options(flags), NULL, 0);
  RtlFreeUnicodeString(&ntName);
  if (!NT_SUCCESS(status)) {
    if (status == STATUS_FILE_IS_A_DIRECTORY && directoryWanted) status = STATUS_OBJECT_PATH_NOT_FOUND;
    return open_failed(status, disposition);
  }
  // A device is opened, never overwritten.
  BOOLEAN existed = (disposition == CREATE_ALWAYS && io.Information == FILE_OVERWRITTEN_INFORMATION) ||
                    (disposition == OPEN_ALWAYS && io.Information == FILE_OPENED_INFORMATION);
  set_last_error(existed ? ERROR_ALREADY_EXISTS : 0);
  return handle;
}

HANDLE WINAPI CreateFileA(LPCSTR name, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                          DWORD flags, HANDLE template) {
  PWSTR wide = wide_path(name);
  if (name != NULL && wide == NULL) return INVALID_HANDLE_VALUE;
  HANDLE handle = CreateFileW(wide, access, share, security, disposition, flags, template);
  release(wide);
  return handle;
}

HANDLE open_path(PCWSTR path, ULONG access, ULONG share, ULONG options) {
  UNICODE_STRING ntName;
  IO_STATUS_BLOCK io;
  HANDLE handle;
  if (path == NULL || !RtlDosPathNameToNtPathName_U(path, &ntName, NULL, NULL)) {
    set_last_error(ERROR_PATH_NOT_FOUND);
    return INVALID_HANDLE_VALUE;
  }
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE);
  NTSTATUS status = NtOpenFile(&handle, access | SYNCHRONIZE, &attributes, &io, share,
                               options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
  RtlFreeUnicodeString(&ntName);
  return ok(status) ? handle : INVALID_HANDLE_VALUE;
}

static BOOL finish_transfer(NTSTATUS status, const IO_STATUS_BLOCK *io, LPDWORD done, BOOLEAN reading) {
  if (reading && status == STATUS_END_OF_FILE) {
    if (done != NULL) *done = 0;
    return TRUE;
  }
  if (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW) {
    if (done != NULL) *done = (DWORD)io->Information;
    if (NT_SUCCESS(status)) return TRUE;
  }
  return ok(status);
}

/* Positions and the event of a request that may stay pending. */
static NTSTATUS begin_overlapped(LPOVERLAPPED overlapped, PLARGE_INTEGER offset, PHANDLE event) {
  offset->LowPart = overlapped->Offset;
  offset->HighPart = (LONG)overlapped->OffsetHigh;
  overlapped->Internal = (ULONG_PTR)STATUS_PENDING;
  *event = (HANDLE)((ULONG_PTR)overlapped->hEvent & ~(ULONG_PTR)1);
  return STATUS_SUCCESS;
}

/* What a completion port is given of a request: its OVERLAPPED, unless the event's lowest bit says that it is not to hear of it. */
PVOID port_context(LPOVERLAPPED overlapped) {
  return ((ULONG_PTR)overlapped->hEvent & 1) != 0 ? NULL : overlapped;
}

BOOL WINAPI ReadFile(HANDLE file, LPVOID buffer, DWORD length, LPDWORD done, LPOVERLAPPED overlapped) {
  IO_STATUS_BLOCK io = { { STATUS_PENDING }, 0 };
  if (done != NULL) *done = 0;
  file = standard_handle(file);
  if (overlapped == NULL) {
    NTSTATUS status = NtReadFile(file, NULL, NULL, NULL, &io, buffer, length, NULL, NULL);
    if (status == STATUS_PENDING) {
      status = NtWaitForSingleObject(file, FALSE, NULL);
      if (NT_SUCCESS(status)) status = io.Status;
    }
    return finish_transfer(status, &io, done, TRUE);
  }
  LARGE_INTEGER offset;
  HANDLE event;
  begin_overlapped(overlapped, &offset, &event);
  NTSTATUS status = NtReadFile(file, event, NULL, port_context(overlapped), (PIO_STATUS_BLOCK)overlapped, buffer, length, &offset, NULL);
  if (NT_SUCCESS(status) && status != STATUS_PENDING) {
    if (done != NULL) *done = (DWORD)overlapped->InternalHigh;
    return TRUE;
  }
  // With a position of its own, reading behind the end is an error and not an empty success.
  if (status == STATUS_END_OF_FILE) overlapped->Internal = (ULONG_PTR)status;
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return FALSE;
}

BOOL WINAPI WriteFile(HANDLE file, LPCVOID buffer, DWORD length, LPDWORD done, LPOVERLAPPED overlapped) {
  IO_STATUS_BLOCK io = { { STATUS_PENDING }, 0 };
  if (done != NULL) *done = 0;
  file = standard_handle(file);
  if (overlapped == NULL) {
    NTSTATUS status = NtWriteFile(file, NULL, NULL, NULL, &io, buffer, length, NULL, NULL);
    if (status == STATUS_PENDING) {
      status = NtWaitForSingleObject(file, FALSE, NULL);
      if (NT_SUCCESS(status)) status = io.Status;
    }
    return finish_transfer(status, &io, done, FALSE);
  }
  LARGE_INTEGER offset;
  HANDLE event;
  begin_overlapped(overlapped, &offset, &event);
  NTSTATUS status = NtWriteFile(file, event, NULL, port_context(overlapped), (PIO_STATUS_BLOCK)overlapped, buffer, length, &offset, NULL);
  if (NT_SUCCESS(status) && status != STATUS_PENDING) {
    if (done != NULL) *done = (DWORD)overlapped->InternalHigh;
    return TRUE;
  }
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return FALSE;
}

/* The completion routine is the APC context: the adapter gives it Win32's three arguments. */
static VOID NTAPI transfer_done(PVOID context, PIO_STATUS_BLOCK io, ULONG reserved) {
  (void)reserved;
  LPOVERLAPPED_COMPLETION_ROUTINE routine = (LPOVERLAPPED_COMPLETION_ROUTINE)context;
  DWORD error = NT_SUCCESS(io->Status) ? 0 : RtlNtStatusToDosErrorNoTeb(io->Status);
  routine(error, NT_SUCCESS(io->Status) ? (DWORD)io->Information : 0, (LPOVERLAPPED)io);
}

BOOL WINAPI ReadFileEx(HANDLE file, LPVOID buffer, DWORD length, LPOVERLAPPED overlapped,
                       LPOVERLAPPED_COMPLETION_ROUTINE routine) {
  LARGE_INTEGER offset;
  HANDLE event;
  begin_overlapped(overlapped, &offset, &event);
  return ok(NtReadFile(file, NULL, transfer_done, (PVOID)routine, (PIO_STATUS_BLOCK)overlapped, buffer, length, &offset, NULL));
}
BOOL WINAPI WriteFileEx(HANDLE file, LPCVOID buffer, DWORD length, LPOVERLAPPED overlapped,
                        LPOVERLAPPED_COMPLETION_ROUTINE routine) {
  LARGE_INTEGER offset;
  HANDLE event;
  begin_overlapped(overlapped, &offset, &event);
  return ok(NtWriteFile(file, NULL, transfer_done, (PVOID)routine, (PIO_STATUS_BLOCK)overlapped, buffer, length, &offset, NULL));
}

BOOL WINAPI GetOverlappedResult(HANDLE file, LPOVERLAPPED overlapped, LPDWORD done, BOOL wait) {
  if (overlapped->Internal == (ULONG_PTR)STATUS_PENDING) {
    if (!wait) return refuse(ERROR_IO_INCOMPLETE);
    HANDLE object = overlapped->hEvent != NULL ? overlapped->hEvent : file;
    if (!ok(NtWaitForSingleObject(object, FALSE, NULL))) return FALSE;
  }
  *done = (DWORD)overlapped->InternalHigh;
  return ok((NTSTATUS)overlapped->Internal);
}

BOOL WINAPI CancelIo(HANDLE file) {
  IO_STATUS_BLOCK io;
  return ok(NtCancelIoFile(file, &io));
}

BOOL WINAPI FlushFileBuffers(HANDLE file) {
  IO_STATUS_BLOCK io;
  return ok(NtFlushBuffersFile(standard_handle(file), &io));
}

static BOOL query(HANDLE file, void *buffer, ULONG length, ULONG class) {
  IO_STATUS_BLOCK io;
  return ok(NtQueryInformationFile(file, &io, buffer, length, class));
}
static BOOL set(HANDLE file, void *buffer, ULONG length, ULONG class) {
  IO_STATUS_BLOCK io;
  return ok(NtSetInformationFile(file, &io, buffer, length, class));
}

BOOL WINAPI SetFilePointerEx(HANDLE file, LARGE_INTEGER distance, PLARGE_INTEGER result, DWORD method) {
  LARGE_INTEGER position = { .QuadPart = 0 };
  FILE_STANDARD_INFORMATION standard;
  if (method == FILE_CURRENT) {
    if (!query(file, &position, sizeof position, FilePositionInformationClass)) return FALSE;
  } else if (method == FILE_END) {
    if (!query(file, &standard, sizeof standard, FileStandardInformationClass)) return FALSE;
    position = standard.EndOfFile;
  } else if (method != FILE_BEGIN) {
    return refuse(ERROR_INVALID_PARAMETER);
  }
  position.QuadPart += distance.QuadPart;
  if (position.QuadPart < 0) return refuse(ERROR_NEGATIVE_SEEK);
  if (!set(file, &position, sizeof position, FilePositionInformationClass)) return FALSE;
  if (result != NULL) *result = position;
  return TRUE;
}

DWORD WINAPI SetFilePointer(HANDLE file, LONG low, PLONG high, DWORD method) {
  LARGE_INTEGER distance, position;
  if (high == NULL) distance.QuadPart = low;
  else distance.LowPart = (DWORD)low, distance.HighPart = *high;
  if (!SetFilePointerEx(file, distance, &position, method)) return INVALID_SET_FILE_POINTER;
  if (high == NULL && position.HighPart != 0) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return INVALID_SET_FILE_POINTER;
  }
  if (high != NULL) *high = position.HighPart;
  if (position.LowPart == INVALID_SET_FILE_POINTER) set_last_error(ERROR_SUCCESS);
  return position.LowPart;
}

BOOL WINAPI SetEndOfFile(HANDLE file) {
  LARGE_INTEGER position;
  if (!query(file, &position, sizeof position, FilePositionInformationClass)) return FALSE;
  if (!set(file, &position, sizeof position, FileEndOfFileInformationClass)) return FALSE;
  return set(file, &position, sizeof position, FileAllocationInformationClass);
}

BOOL WINAPI GetFileSizeEx(HANDLE file, PLARGE_INTEGER size) {
  FILE_STANDARD_INFORMATION standard;
  if (!query(standard_handle(file), &standard, sizeof standard, FileStandardInformationClass)) return FALSE;
  *size = standard.EndOfFile;
  return TRUE;
}

DWORD WINAPI GetFileSize(HANDLE file, LPDWORD high) {
  LARGE_INTEGER size;
  if (!GetFileSizeEx(file, &size)) return INVALID_FILE_SIZE;
  if (high != NULL) *high = (DWORD)size.HighPart;
  if (size.LowPart == INVALID_FILE_SIZE) set_last_error(ERROR_SUCCESS);
  return size.LowPart;
}

DWORD WINAPI GetFileType(HANDLE file) {
  FILE_FS_DEVICE_INFORMATION device;
  IO_STATUS_BLOCK io;
  file = standard_handle(file);
  if (!ok(NtQueryVolumeInformationFile(file, &io, &device, sizeof device, FileFsDeviceClass))) return FILE_TYPE_UNKNOWN;
  set_last_error(NO_ERROR);
  switch (device.DeviceType) {
  case FILE_DEVICE_CONSOLE: case FILE_DEVICE_KEYBOARD: case FILE_DEVICE_SCREEN: case FILE_DEVICE_NULL:
  case FILE_DEVICE_SERIAL_PORT: case FILE_DEVICE_PARALLEL_PORT: case FILE_DEVICE_MODEM:
    return FILE_TYPE_CHAR;
  case FILE_DEVICE_NAMED_PIPE: case FILE_DEVICE_MAILSLOT:
    return FILE_TYPE_PIPE;
  case FILE_DEVICE_DISK: case FILE_DEVICE_DISK_FILE_SYSTEM: case FILE_DEVICE_CD_ROM: case FILE_DEVICE_VIRTUAL_DISK:
  case FILE_DEVICE_FILE_SYSTEM: case FILE_DEVICE_NETWORK_FILE_SYSTEM: case FILE_DEVICE_CONTROLLER: case FILE_DEVICE_DFS:
    return FILE_TYPE_DISK;
  }
  return FILE_TYPE_UNKNOWN;
}

static void to_file_time(LPFILETIME target, const LARGE_INTEGER *source) {
  target->dwLowDateTime = source->LowPart;
  target->dwHighDateTime = (DWORD)source->HighPart;
}
static void from_file_time(PLARGE_INTEGER target, const FILETIME *source) {
  target->LowPart = source->dwLowDateTime;
  target->HighPart = (LONG)source->dwHighDateTime;
}

BOOL WINAPI GetFileTime(HANDLE file, LPFILETIME creation, LPFILETIME access, LPFILETIME write) {
  FILE_BASIC_INFORMATION basic;
  if (!query(file, &basic, sizeof basic, FileBasicInformationClass)) return FALSE;
  if (creation != NULL) to_file_time(creation, &basic.CreationTime);
  if (access != NULL) to_file_time(access, &basic.LastAccessTime);
  if (write != NULL) to_file_time(write, &basic.LastWriteTime);
  return TRUE;
}

BOOL WINAPI SetFileTime(HANDLE file, const FILETIME *creation, const FILETIME *access, const FILETIME *write) {
  FILE_BASIC_INFORMATION basic;
  memset(&basic, 0, sizeof basic); // A zero leaves the field as it is.
  if (creation != NULL) from_file_time(&basic.CreationTime, creation);
  if (access != NULL) from_file_time(&basic.LastAccessTime, access);
  if (write != NULL) from_file_time(&basic.LastWriteTime, write);
  return set(file, &basic, sizeof basic, FileBasicInformationClass);
}

BOOL WINAPI GetFileInformationByHandle(HANDLE file, LPBY_HANDLE_FILE_INFORMATION information) {
  FILE_BASIC_INFORMATION basic;
  FILE_STANDARD_INFORMATION standard;
  FILE_INTERNAL_INFORMATION internal = { { .QuadPart = 0 } };
  union { FILE_FS_VOLUME_INFORMATION volume; char space[128]; } volume;
  IO_STATUS_BLOCK io;
  if (!query(file, &basic, sizeof basic, FileBasicInformationClass)) return FALSE;
  if (!query(file, &standard, sizeof standard, FileStandardInformationClass)) return FALSE;
  NtQueryInformationFile(file, &io, &internal, sizeof internal, FileInternalInformationClass);
  memset(&volume, 0, sizeof volume);
  NtQueryVolumeInformationFile(file, &io, &volume, sizeof volume, FileFsVolumeClass);
  information->dwFileAttributes = basic.FileAttributes;
  to_file_time(&information->ftCreationTime, &basic.CreationTime);
  to_file_time(&information->ftLastAccessTime, &basic.LastAccessTime);
  to_file_time(&information->ftLastWriteTime, &basic.LastWriteTime);
  information->dwVolumeSerialNumber = volume.volume.VolumeSerialNumber;
  information->nFileSizeHigh = (DWORD)standard.EndOfFile.HighPart;
  information->nFileSizeLow = standard.EndOfFile.LowPart;
  information->nNumberOfLinks = standard.NumberOfLinks;
  information->nFileIndexHigh = (DWORD)internal.IndexNumber.HighPart;
  information->nFileIndexLow = internal.IndexNumber.LowPart;
  return TRUE;
}

/* Classes of Windows 6 that the older kernel can answer: basic, standard and name. */
BOOL WINAPI GetFileInformationByHandleEx(HANDLE file, FILE_INFO_BY_HANDLE_CLASS class, LPVOID buffer, DWORD length) {
  switch (class) {
  case FileBasicInfo: return query(file, buffer, length, FileBasicInformationClass);
  case FileStandardInfo: return query(file, buffer, length, FileStandardInformationClass);
  case FileNameInfo: return query(file, buffer, length, FileNameInformationClass);
  case FileAttributeTagInfo: return query(file, buffer, length, FileAttributeTagInformationClass);
  default: return refuse(ERROR_INVALID_PARAMETER);
  }
}
BOOL WINAPI SetFileInformationByHandle(HANDLE file, FILE_INFO_BY_HANDLE_CLASS class, LPVOID buffer, DWORD length) {
  switch (class) {
  case FileBasicInfo: return set(file, buffer, length, FileBasicInformationClass);
  case FileDispositionInfo: return set(file, buffer, length, FileDispositionInformationClass);
  case FileAllocationInfo: return set(file, buffer, length, FileAllocationInformationClass);
  case FileEndOfFileInfo: return set(file, buffer, length, FileEndOfFileInformationClass);
  case FileRenameInfo: return set(file, buffer, length, FileRenameInformationClass);
  default: return refuse(ERROR_INVALID_PARAMETER);
  }
}

static BOOL lock(HANDLE file, DWORD low, DWORD high, DWORD sizeLow, DWORD sizeHigh, DWORD flags, PIO_STATUS_BLOCK io,
                 HANDLE event) {
  LARGE_INTEGER offset = { .LowPart = low, .HighPart = (LONG)high }, length = { .LowPart = sizeLow, .HighPart = (LONG)sizeHigh };
  NTSTATUS status = NtLockFile(file, event, NULL, NULL, io, &offset, &length, 0, (flags & LOCKFILE_FAIL_IMMEDIATELY) != 0,
                               (flags & LOCKFILE_EXCLUSIVE_LOCK) != 0);
  // What fails at once is never pending; LockFileEx tells its caller, who gave an OVERLAPPED, to wait.
  return status == STATUS_PENDING ? refuse(ERROR_IO_PENDING) : ok(status);
}
BOOL WINAPI LockFile(HANDLE file, DWORD low, DWORD high, DWORD sizeLow, DWORD sizeHigh) {
  IO_STATUS_BLOCK io;
  return lock(file, low, high, sizeLow, sizeHigh, LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK, &io, NULL);
}
BOOL WINAPI LockFileEx(HANDLE file, DWORD flags, DWORD reserved, DWORD sizeLow, DWORD sizeHigh, LPOVERLAPPED overlapped) {
  if (reserved != 0) return refuse(ERROR_INVALID_PARAMETER);
  overlapped->Internal = (ULONG_PTR)STATUS_PENDING;
  return lock(file, overlapped->Offset, overlapped->OffsetHigh, sizeLow, sizeHigh, flags, (PIO_STATUS_BLOCK)overlapped,
              overlapped->hEvent);
}
BOOL WINAPI UnlockFile(HANDLE file, DWORD low, DWORD high, DWORD sizeLow, DWORD sizeHigh) {
  LARGE_INTEGER offset = { .LowPart = low, .HighPart = (LONG)high }, length = { .LowPart = sizeLow, .HighPart = (LONG)sizeHigh };
  IO_STATUS_BLOCK io;
  return ok(NtUnlockFile(file, &io, &offset, &length, 0));
}
BOOL WINAPI UnlockFileEx(HANDLE file, DWORD reserved, DWORD sizeLow, DWORD sizeHigh, LPOVERLAPPED overlapped) {
  if (reserved != 0) return refuse(ERROR_INVALID_PARAMETER);
  return UnlockFile(file, overlapped->Offset, overlapped->OffsetHigh, sizeLow, sizeHigh);
}

BOOL WINAPI DeviceIoControl(HANDLE device, DWORD code, LPVOID in, DWORD inLength, LPVOID out, DWORD outLength, LPDWORD done,
                            LPOVERLAPPED overlapped) {
  IO_STATUS_BLOCK own = { { STATUS_PENDING }, 0 };
  PIO_STATUS_BLOCK io = overlapped != NULL ? (PIO_STATUS_BLOCK)overlapped : &own;
  HANDLE event = overlapped != NULL ? (HANDLE)((ULONG_PTR)overlapped->hEvent & ~(ULONG_PTR)1) : NULL;
  PVOID context = overlapped != NULL ? port_context(overlapped) : NULL;
  BOOLEAN isFileSystem = code >> 16 == FILE_DEVICE_FILE_SYSTEM;
  io->Status = STATUS_PENDING;
  NTSTATUS status = isFileSystem ? NtFsControlFile(device, event, NULL, context, io, code, in, inLength, out, outLength)
                                 : NtDeviceIoControlFile(device, event, NULL, context, io, code, in, inLength, out, outLength);
  if (status == STATUS_PENDING && overlapped == NULL) {
    status = NtWaitForSingleObject(device, FALSE, NULL);
    if (NT_SUCCESS(status)) status = io->Status;
  }
  if (done != NULL) *done = NT_ERROR(status) ? 0 : (DWORD)io->Information;
  if (status == STATUS_PENDING) return refuse(ERROR_IO_PENDING);
  return ok(status);
}
