// The registry: its predefined keys exist and are empty.
#include "advapi32.h"

static BOOLEAN is_predefined(HKEY key) {
  return (ULONG_PTR)key >= (ULONG_PTR)HKEY_CLASSES_ROOT && (ULONG_PTR)key <= (ULONG_PTR)HKEY_DYN_DATA;
}
static LONG about(HKEY key, LONG error) { return is_predefined(key) ? error : ERROR_INVALID_HANDLE; }

LONG WINAPI RegOpenKeyExW(HKEY key, LPCWSTR name, DWORD options, REGSAM access, PHKEY result) {
  (void)options, (void)access;
  if (name != NULL && name[0] != 0) return about(key, ERROR_FILE_NOT_FOUND);
  *result = key;
  return about(key, ERROR_SUCCESS);
}
LONG WINAPI RegOpenKeyExA(HKEY key, LPCSTR name, DWORD options, REGSAM access, PHKEY result) {
  return RegOpenKeyExW(key, name != NULL && name[0] != 0 ? L"?" : NULL, options, access, result);
}
LONG WINAPI RegOpenKeyW(HKEY key, LPCWSTR name, PHKEY result) { return RegOpenKeyExW(key, name, 0, KEY_READ, result); }
LONG WINAPI RegOpenKeyA(HKEY key, LPCSTR name, PHKEY result) { return RegOpenKeyExA(key, name, 0, KEY_READ, result); }
LONG WINAPI RegCloseKey(HKEY key) { return about(key, ERROR_SUCCESS); }
LONG WINAPI RegQueryValueExW(HKEY key, LPCWSTR name, LPDWORD reserved, LPDWORD type, LPBYTE data, LPDWORD size) {
  (void)name, (void)reserved, (void)type, (void)data, (void)size;
  return about(key, ERROR_FILE_NOT_FOUND);
}
LONG WINAPI RegQueryValueExA(HKEY key, LPCSTR name, LPDWORD reserved, LPDWORD type, LPBYTE data, LPDWORD size) {
  (void)name, (void)reserved, (void)type, (void)data, (void)size;
  return about(key, ERROR_FILE_NOT_FOUND);
}
LONG WINAPI RegEnumKeyExW(HKEY key, DWORD index, LPWSTR name, LPDWORD size, LPDWORD reserved, LPWSTR class, LPDWORD classSize,
                          PFILETIME time) {
  (void)index, (void)name, (void)size, (void)reserved, (void)class, (void)classSize, (void)time;
  return about(key, ERROR_NO_MORE_ITEMS);
}
LONG WINAPI RegEnumValueW(HKEY key, DWORD index, LPWSTR name, LPDWORD size, LPDWORD reserved, LPDWORD type, LPBYTE data,
                          LPDWORD dataSize) {
  (void)index, (void)name, (void)size, (void)reserved, (void)type, (void)data, (void)dataSize;
  return about(key, ERROR_NO_MORE_ITEMS);
}
