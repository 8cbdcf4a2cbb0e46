// I/O completion ports.
#include "kernel32.h"

enum { FILE_COMPLETION_INFORMATION_CLASS = 30 };
typedef struct { HANDLE port; PVOID key; } COMPLETION_INFORMATION;

HANDLE WINAPI CreateIoCompletionPort(HANDLE file, HANDLE existing, ULONG_PTR key, DWORD concurrency) {
  HANDLE port = existing;
  if (existing == NULL && !ok(NtCreateIoCompletion(&port, IO_COMPLETION_ALL_ACCESS, NULL, concurrency))) return NULL;
  if (file == INVALID_HANDLE_VALUE) {
    if (existing == NULL) return port;
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  COMPLETION_INFORMATION information = { port, (PVOID)key };
  IO_STATUS_BLOCK io;
  if (ok(NtSetInformationFile(file, &io, &information, sizeof information, FILE_COMPLETION_INFORMATION_CLASS))) return port;
  if (existing == NULL) NtClose(port);
  return NULL;
}

/* An operation that failed gives its packet all the same: FALSE with its error, and the OVERLAPPED. */
BOOL WINAPI GetQueuedCompletionStatus(HANDLE port, LPDWORD bytes, PULONG_PTR key, LPOVERLAPPED *overlapped, DWORD milliseconds) {
  LARGE_INTEGER storage;
  IO_STATUS_BLOCK io;
  *overlapped = NULL;
  NTSTATUS status = NtRemoveIoCompletion(port, (PVOID *)key, (PVOID *)overlapped, &io, relative_timeout(milliseconds, &storage));
  if (status == STATUS_TIMEOUT) return refuse(WAIT_TIMEOUT);
  if (!ok(status)) return FALSE;
  *bytes = (DWORD)io.Information;
  return NT_SUCCESS(io.Status) ? TRUE : ok(io.Status);
}

BOOL WINAPI PostQueuedCompletionStatus(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped) {
  return ok(NtSetIoCompletion(port, (PVOID)key, overlapped, STATUS_SUCCESS, bytes));
}
