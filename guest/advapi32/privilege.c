// Privileges by name: their locally unique identifiers are 2 to 30.
#include "advapi32.h"

static const WCHAR *const privileges[] = {
  L"SeCreateTokenPrivilege", L"SeAssignPrimaryTokenPrivilege", L"SeLockMemoryPrivilege", L"SeIncreaseQuotaPrivilege",
  L"SeMachineAccountPrivilege", L"SeTcbPrivilege", L"SeSecurityPrivilege", L"SeTakeOwnershipPrivilege",
  L"SeLoadDriverPrivilege", L"SeSystemProfilePrivilege", L"SeSystemtimePrivilege", L"SeProfileSingleProcessPrivilege",
  L"SeIncreaseBasePriorityPrivilege", L"SeCreatePagefilePrivilege", L"SeCreatePermanentPrivilege", L"SeBackupPrivilege",
  L"SeRestorePrivilege", L"SeShutdownPrivilege", L"SeDebugPrivilege", L"SeAuditPrivilege", L"SeSystemEnvironmentPrivilege",
  L"SeChangeNotifyPrivilege", L"SeRemoteShutdownPrivilege", L"SeUndockPrivilege", L"SeSyncAgentPrivilege",
  L"SeEnableDelegationPrivilege", L"SeManageVolumePrivilege", L"SeImpersonatePrivilege", L"SeCreateGlobalPrivilege",
};
#define FIRST_PRIVILEGE 2

BOOL WINAPI LookupPrivilegeValueW(LPCWSTR system, LPCWSTR name, PLUID value) {
  UNICODE_STRING wanted, own;
  (void)system;
  RtlInitUnicodeString(&wanted, name);
  for (ULONG i = 0; i < ARRAY_LENGTH(privileges); i++) {
    RtlInitUnicodeString(&own, privileges[i]);
    if (!RtlEqualUnicodeString(&own, &wanted, TRUE)) continue;
    *value = (LUID){ i + FIRST_PRIVILEGE, 0 };
    return TRUE;
  }
  return refuse(ERROR_NO_SUCH_PRIVILEGE);
}
BOOL WINAPI LookupPrivilegeValueA(LPCSTR system, LPCSTR name, PLUID value) {
  UNICODE_STRING wide;
  (void)system;
  if (!RtlCreateUnicodeStringFromAsciiz(&wide, name)) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  BOOL found = LookupPrivilegeValueW(NULL, wide.Buffer, value);
  RtlFreeUnicodeString(&wide);
  return found;
}

/* NULL, with the error set: there is none, or its name is longer than the buffer. */
static const WCHAR *name_of(PLUID value, LPDWORD size) {
  ULONG index = value->LowPart - FIRST_PRIVILEGE;
  if (value->HighPart != 0 || index >= ARRAY_LENGTH(privileges)) return refuse(ERROR_NO_SUCH_PRIVILEGE), NULL;
  DWORD length = (DWORD)lstrlenW(privileges[index]);
  BOOLEAN fits = *size > length;
  *size = fits ? length : length + 1;
  return fits ? privileges[index] : (refuse(ERROR_INSUFFICIENT_BUFFER), NULL);
}
BOOL WINAPI LookupPrivilegeNameW(LPCWSTR system, PLUID value, LPWSTR name, LPDWORD size) {
  (void)system;
  const WCHAR *found = name_of(value, size);
  if (found != NULL) memcpy(name, found, (*size + 1) * sizeof(WCHAR));
  return found != NULL;
}
BOOL WINAPI LookupPrivilegeNameA(LPCSTR system, PLUID value, LPSTR name, LPDWORD size) {
  (void)system;
  const WCHAR *found = name_of(value, size);
  for (ULONG i = 0; found != NULL && i <= *size; i++) name[i] = (CHAR)found[i];
  return found != NULL;
}
