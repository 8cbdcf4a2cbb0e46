// What file a process runs: the kernel knows its device, programs want a drive.
#include "kernel32.h"

SERVICE NtOpenSymbolicLinkObject(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtQuerySymbolicLinkObject(HANDLE, PUNICODE_STRING target, PULONG length);

enum { ProcessImageFileNameClass = 27, MAXIMUM_NAME = 1100, SYMBOLIC_LINK_QUERY_RIGHT = 1 };

/* The device behind a drive; characters, 0 where there is none. */
static ULONG drive_device(WCHAR letter, PWSTR device, ULONG size) {
  WCHAR text[] = L"\\??\\A:";
  UNICODE_STRING name = UNICODE_LITERAL(L"\\??\\A:"), target = { 0, (USHORT)(size * sizeof(WCHAR)), device };
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&name, OBJ_CASE_INSENSITIVE);
  HANDLE link;
  text[4] = letter;
  name.Buffer = text;
  if (!NT_SUCCESS(NtOpenSymbolicLinkObject(&link, SYMBOLIC_LINK_QUERY_RIGHT, &attributes))) return 0;
  NTSTATUS status = NtQuerySymbolicLinkObject(link, &target, NULL);
  NtClose(link);
  return NT_SUCCESS(status) ? target.Length / sizeof(WCHAR) : 0;
}

/* "\Device\HarddiskVolume1\x" to "C:\x", in place. */
static ULONG to_drive(PWSTR path, ULONG length) {
  WCHAR device[260];
  for (WCHAR letter = L'A'; letter <= L'Z'; letter++) {
    ULONG size = drive_device(letter, device, ARRAY_LENGTH(device));
    if (size == 0 || size >= length || path[size] != L'\\' || memcmp(path, device, size * sizeof(WCHAR)) != 0) continue;
    path[0] = letter, path[1] = L':';
    memmove(path + 2, path + size, (length - size) * sizeof(WCHAR));
    return length - size + 2;
  }
  return length;
}

BOOL WINAPI QueryFullProcessImageNameW(HANDLE process, DWORD flags, LPWSTR buffer, PDWORD size) {
  struct { UNICODE_STRING name; WCHAR text[MAXIMUM_NAME]; } *found;
  if ((flags & ~(DWORD)PROCESS_NAME_NATIVE) != 0) return refuse(ERROR_INVALID_PARAMETER);
  found = allocate(sizeof *found);
  if (found == NULL) return FALSE;
  BOOL done = ok(NtQueryInformationProcess(process, ProcessImageFileNameClass, found, sizeof *found, NULL));
  ULONG length = done ? found->name.Length / sizeof(WCHAR) : 0;
  if (done && flags == 0) length = to_drive(found->name.Buffer, length);
  if (done && length >= *size) done = refuse(ERROR_INSUFFICIENT_BUFFER);
  if (done) {
    memcpy(buffer, found->name.Buffer, length * sizeof(WCHAR));
    buffer[length] = 0;
    *size = length;
  }
  release(found);
  return done;
}

BOOL WINAPI QueryFullProcessImageNameA(HANDLE process, DWORD flags, LPSTR buffer, PDWORD size) {
  DWORD wide = MAXIMUM_NAME;
  PWSTR text = allocate(MAXIMUM_NAME * sizeof(WCHAR));
  if (text == NULL) return FALSE;
  BOOL done = QueryFullProcessImageNameW(process, flags, text, &wide);
  if (done) {
    DWORD length = narrow_result(text, wide, buffer, *size);
    done = length < *size || refuse(ERROR_INSUFFICIENT_BUFFER);
    if (done) *size = length;
  }
  release(text);
  return done;
}
