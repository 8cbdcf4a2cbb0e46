/* Privileges of the program's account: what it holds, what it can enable (OpenProcessToken, LookupPrivilegeValue, AdjustTokenPrivileges). */
#include <stdio.h>
#include <windows.h>

static const char *const names[] = { "SeLockMemoryPrivilege", "SeDebugPrivilege", "SeChangeNotifyPrivilege", "SeNoSuchPrivilege" };

static HANDLE token;

static const char *state(LUID luid) {
  static BYTE buffer[1024];
  const TOKEN_PRIVILEGES *held = (const TOKEN_PRIVILEGES *)buffer;
  DWORD length;
  if (!GetTokenInformation(token, TokenPrivileges, buffer, sizeof buffer, &length)) return "unknown";
  for (DWORD i = 0; i < held->PrivilegeCount; i++) {
    if (held->Privileges[i].Luid.LowPart == luid.LowPart)
      return held->Privileges[i].Attributes & SE_PRIVILEGE_ENABLED ? "enabled" : "disabled";
  }
  return "not held";
}

int main(void) {
  char user[64];
  DWORD size = sizeof user;
  if (!OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES, &token)) return 1;
  GetUserNameA(user, &size);
  printf("running as %s\n", user);
  for (int i = 0; i < 4; i++) {
    TOKEN_PRIVILEGES wanted = { 1, { { { 0, 0 }, SE_PRIVILEGE_ENABLED } } };
    if (!LookupPrivilegeValueA(NULL, names[i], &wanted.Privileges[0].Luid)) {
      printf("%s: error %lu\n", names[i], GetLastError());
      continue;
    }
    const char *before = state(wanted.Privileges[0].Luid);
    BOOL adjusted = AdjustTokenPrivileges(token, FALSE, &wanted, 0, NULL, NULL);
    DWORD error = GetLastError();
    printf("%s: %s, then %s (%d, error %lu)\n", names[i], before, state(wanted.Privileges[0].Luid), adjusted, error);
  }
  return 0;
}
