/* Enables a privilege of the program's account, as programs have to before they use it. */
#pragma once
#include <windows.h>

static BOOL enable_privilege(const char *name) {
  HANDLE token;
  TOKEN_PRIVILEGES wanted = { 1, { { { 0, 0 }, SE_PRIVILEGE_ENABLED } } };
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, &token)) return FALSE;
  if (!LookupPrivilegeValueA(NULL, name, &wanted.Privileges[0].Luid)) return FALSE;
  BOOL adjusted = AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL) && GetLastError() == ERROR_SUCCESS;
  CloseHandle(token);
  return adjusted;
}
