// Pipes: the anonymous ones, which are named pipes whose name nobody else is told.
#include "kernel32.h"

#define FILE_CREATE_DISPOSITION 2

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
