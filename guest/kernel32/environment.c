// Environment variables.
#include "kernel32.h"


DWORD WINAPI GetEnvironmentVariableW(LPCWSTR name, LPWSTR buffer, DWORD size) {
  UNICODE_STRING wanted, value = { 0, (USHORT)(size > 0x7FFF ? 0xFFFE : size == 0 ? 0 : (size - 1) * sizeof(WCHAR)), buffer };
  RtlInitUnicodeString(&wanted, name);
  NTSTATUS status = RtlQueryEnvironmentVariable_U(NULL, &wanted, &value);
  if (status == STATUS_BUFFER_TOO_SMALL || (NT_SUCCESS(status) && size == 0)) return value.Length / sizeof(WCHAR) + 1;
  if (!ok(status)) return 0;
  buffer[value.Length / sizeof(WCHAR)] = 0;
  set_last_error(ERROR_SUCCESS);
  return value.Length / sizeof(WCHAR);
}

DWORD WINAPI GetEnvironmentVariableA(LPCSTR name, LPSTR buffer, DWORD size) {
  PWSTR wide = wide_copy(name);
  DWORD result = 0;
  if (wide == NULL) return 0;
  DWORD needed = GetEnvironmentVariableW(wide, NULL, 0);
  PWSTR text = needed == 0 ? NULL : allocate(needed * sizeof(WCHAR));
  if (text != NULL) {
    DWORD length = GetEnvironmentVariableW(wide, text, needed);
    ULONG used = 0;
    if (length + 1 > size) {
      result = length + 1;
    } else {
      RtlUnicodeToMultiByteN(buffer, length, &used, text, length * sizeof(WCHAR));
      buffer[length] = 0;
      result = length;
    }
    release(text);
  }
  release(wide);
  return result;
}

BOOL WINAPI SetEnvironmentVariableW(LPCWSTR name, LPCWSTR value) {
  UNICODE_STRING nameString, valueString;
  if (name == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (!ok(RtlInitUnicodeStringEx(&nameString, name)) || !ok(RtlInitUnicodeStringEx(&valueString, value))) return FALSE;
  NTSTATUS status = RtlSetEnvironmentVariable(NULL, &nameString, value == NULL ? NULL : &valueString);
  return ok(status);
}
BOOL WINAPI SetEnvironmentVariableA(LPCSTR name, LPCSTR value) {
  PWSTR wideName = wide_copy(name), wideValue = wide_copy(value);
  BOOL done = SetEnvironmentVariableW(wideName, wideValue);
  release(wideName), release(wideValue);
  return done;
}

/* A copy, so that later changes do not reach it. */
LPWCH WINAPI GetEnvironmentStringsW(VOID) {
  RtlAcquirePebLock();
  PCWSTR block = parameters()->Environment, end = block;
  while (*end != 0) end += wcslen(end) + 1;
  SIZE_T bytes = (SIZE_T)(end - block + 1) * sizeof(WCHAR);
  PWSTR copy = allocate(bytes + sizeof(WCHAR));
  if (copy != NULL) {
    memcpy(copy, block, bytes);
    copy[bytes / sizeof(WCHAR)] = 0;
  }
  RtlReleasePebLock();
  return copy;
}
BOOL WINAPI FreeEnvironmentStringsW(LPWCH block) { return RtlFreeHeap(process_heap(), 0, block); }

LPCH WINAPI GetEnvironmentStrings(VOID) {
  PWSTR wide = GetEnvironmentStringsW();
  if (wide == NULL) return NULL;
  PCWSTR end = wide;
  while (*end != 0) end += wcslen(end) + 1;
  ULONG count = (ULONG)(end - wide) + 2, used = 0;
  char *copy = allocate(count);
  if (copy != NULL) RtlUnicodeToMultiByteN(copy, count, &used, wide, count * sizeof(WCHAR));
  release(wide);
  return copy;
}
BOOL WINAPI FreeEnvironmentStringsA(LPCH block) { return RtlFreeHeap(process_heap(), 0, block); }

DWORD WINAPI ExpandEnvironmentStringsW(LPCWSTR source, LPWSTR buffer, DWORD size) {
  UNICODE_STRING from, to = { 0, (USHORT)(size > 0x7FFF ? 0xFFFE : size * sizeof(WCHAR)), buffer };
  ULONG needed = 0;
  if (!ok(RtlInitUnicodeStringEx(&from, source))) return 0;
  NTSTATUS status = RtlExpandEnvironmentStrings_U(NULL, &from, &to, &needed);
  if (status != STATUS_BUFFER_TOO_SMALL && !ok(status)) return 0;
  return needed / sizeof(WCHAR);
}
DWORD WINAPI ExpandEnvironmentStringsA(LPCSTR source, LPSTR buffer, DWORD size) {
  PWSTR wide = wide_copy(source);
  if (wide == NULL) return 0;
  DWORD needed = ExpandEnvironmentStringsW(wide, NULL, 0);
  PWSTR text = needed == 0 ? NULL : allocate(needed * sizeof(WCHAR));
  if (text != NULL) {
    ULONG used = 0;
    ExpandEnvironmentStringsW(wide, text, needed);
    if (needed <= size) RtlUnicodeToMultiByteN(buffer, needed, &used, text, needed * sizeof(WCHAR));
    release(text);
  }
  release(wide);
  return needed;
}
