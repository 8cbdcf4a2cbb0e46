// Tokens and security identifiers.
#include "advapi32.h"

BOOL WINAPI OpenProcessToken(HANDLE process, DWORD access, PHANDLE token) { return ok(NtOpenProcessToken(process, access, token)); }
BOOL WINAPI OpenThreadToken(HANDLE thread, DWORD access, BOOL self, PHANDLE token) {
  return ok(NtOpenThreadToken(thread, access, self != FALSE, token));
}
BOOL WINAPI GetTokenInformation(HANDLE token, TOKEN_INFORMATION_CLASS class, LPVOID buffer, DWORD length, PDWORD used) {
  return ok(NtQueryInformationToken(token, class, buffer, length, used));
}
BOOL WINAPI SetTokenInformation(HANDLE token, TOKEN_INFORMATION_CLASS class, LPVOID buffer, DWORD length) {
  return ok(NtSetInformationToken(token, class, buffer, length));
}
BOOL WINAPI AdjustTokenPrivileges(HANDLE token, BOOL disableAll, PTOKEN_PRIVILEGES state, DWORD length,
                                  PTOKEN_PRIVILEGES previous, PDWORD used) {
  NTSTATUS status = NtAdjustPrivilegesToken(token, disableAll != FALSE, state, length, previous, used);
  current_teb()->LastErrorValue = RtlNtStatusToDosError(status); // Also says ERROR_NOT_ALL_ASSIGNED with a TRUE result.
  return NT_SUCCESS(status);
}
BOOL WINAPI DuplicateTokenEx(HANDLE token, DWORD access, LPSECURITY_ATTRIBUTES security, SECURITY_IMPERSONATION_LEVEL level,
                             TOKEN_TYPE type, PHANDLE copy) {
  SECURITY_QUALITY_OF_SERVICE quality = { sizeof quality, level, SECURITY_STATIC_TRACKING, FALSE };
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0);
  attributes.SecurityQualityOfService = &quality;
  return ok(NtDuplicateToken(token, access, &attributes, FALSE, type, copy));
}
BOOL WINAPI DuplicateToken(HANDLE token, SECURITY_IMPERSONATION_LEVEL level, PHANDLE copy) {
  return DuplicateTokenEx(token, TOKEN_IMPERSONATE | TOKEN_QUERY, NULL, level, TokenImpersonation, copy);
}

// --- identifiers
static DWORD sid_length(PSID sid) { return 8 + 4u * ((SID *)sid)->SubAuthorityCount; }

BOOL WINAPI IsValidSid(PSID sid) {
  const SID *own = sid;
  return own != NULL && own->Revision == SID_REVISION && own->SubAuthorityCount <= SID_MAX_SUB_AUTHORITIES;
}
DWORD WINAPI GetLengthSid(PSID sid) { return sid_length(sid); }
DWORD WINAPI GetSidLengthRequired(UCHAR count) { return 8 + 4u * count; }
PSID_IDENTIFIER_AUTHORITY WINAPI GetSidIdentifierAuthority(PSID sid) { return &((SID *)sid)->IdentifierAuthority; }
PDWORD WINAPI GetSidSubAuthority(PSID sid, DWORD index) { return &((SID *)sid)->SubAuthority[index]; }
PUCHAR WINAPI GetSidSubAuthorityCount(PSID sid) { return &((SID *)sid)->SubAuthorityCount; }
BOOL WINAPI InitializeSid(PSID sid, PSID_IDENTIFIER_AUTHORITY authority, BYTE count) {
  SID *own = sid;
  if (count > SID_MAX_SUB_AUTHORITIES) return refuse(ERROR_INVALID_PARAMETER);
  own->Revision = SID_REVISION;
  own->SubAuthorityCount = count;
  own->IdentifierAuthority = *authority;
  return TRUE;
}
BOOL WINAPI EqualSid(PSID a, PSID b) { return sid_length(a) == sid_length(b) && memcmp(a, b, sid_length(a)) == 0; }
BOOL WINAPI CopySid(DWORD length, PSID target, PSID source) {
  if (sid_length(source) > length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  memcpy(target, source, sid_length(source));
  return TRUE;
}
BOOL WINAPI AllocateAndInitializeSid(PSID_IDENTIFIER_AUTHORITY authority, BYTE count, DWORD a, DWORD b, DWORD c, DWORD d,
                                     DWORD e, DWORD f, DWORD g, DWORD h, PSID *sid) {
  DWORD parts[] = { a, b, c, d, e, f, g, h };
  if (count > ARRAY_LENGTH(parts)) return refuse(ERROR_INVALID_SID);
  SID *own = RtlAllocateHeap(current_peb()->ProcessHeap, 0, GetSidLengthRequired(count));
  if (own == NULL) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  InitializeSid(own, authority, count);
  memcpy(own->SubAuthority, parts, count * sizeof *parts);
  *sid = own;
  return TRUE;
}
PVOID WINAPI FreeSid(PSID sid) { return RtlFreeHeap(current_peb()->ProcessHeap, 0, sid) ? NULL : sid; }

typedef struct { WELL_KNOWN_SID_TYPE type; UCHAR authority, count; DWORD parts[2]; } WELL_KNOWN;
static const WELL_KNOWN well_known[] = {
  { WinNullSid, 0, 1, { 0 } }, { WinWorldSid, 1, 1, { 0 } }, { WinLocalSid, 2, 1, { 0 } }, { WinCreatorOwnerSid, 3, 1, { 0 } },
  { WinCreatorGroupSid, 3, 1, { 1 } }, { WinDialupSid, 5, 1, { 1 } }, { WinNetworkSid, 5, 1, { 2 } }, { WinBatchSid, 5, 1, { 3 } },
  { WinInteractiveSid, 5, 1, { 4 } }, { WinServiceSid, 5, 1, { 6 } }, { WinAnonymousSid, 5, 1, { 7 } },
  { WinSelfSid, 5, 1, { 10 } }, { WinAuthenticatedUserSid, 5, 1, { 11 } }, { WinRestrictedCodeSid, 5, 1, { 12 } },
  { WinLocalSystemSid, 5, 1, { 18 } }, { WinLocalServiceSid, 5, 1, { 19 } }, { WinNetworkServiceSid, 5, 1, { 20 } },
  { WinBuiltinAdministratorsSid, 5, 2, { 32, 544 } }, { WinBuiltinUsersSid, 5, 2, { 32, 545 } },
  { WinBuiltinGuestsSid, 5, 2, { 32, 546 } }, { WinBuiltinPowerUsersSid, 5, 2, { 32, 547 } },
};

BOOL WINAPI IsWellKnownSid(PSID sid, WELL_KNOWN_SID_TYPE type) {
  const SID *own = sid;
  for (ULONG i = 0; i < ARRAY_LENGTH(well_known); i++) {
    const WELL_KNOWN *row = &well_known[i];
    if (row->type != type) continue;
    SID_IDENTIFIER_AUTHORITY authority = { { 0, 0, 0, 0, 0, row->authority } };
    return own->SubAuthorityCount == row->count && memcmp(&own->IdentifierAuthority, &authority, sizeof authority) == 0 &&
           memcmp(own->SubAuthority, row->parts, row->count * sizeof(DWORD)) == 0;
  }
  return FALSE;
}
BOOL WINAPI CreateWellKnownSid(WELL_KNOWN_SID_TYPE type, PSID domain, PSID sid, DWORD *length) {
  (void)domain;
  for (ULONG i = 0; i < ARRAY_LENGTH(well_known); i++) {
    const WELL_KNOWN *row = &well_known[i];
    if (row->type != type) continue;
    DWORD needed = GetSidLengthRequired(row->count);
    DWORD given = *length;
    *length = needed;
    if (given < needed || sid == NULL) return refuse(ERROR_INSUFFICIENT_BUFFER);
    SID_IDENTIFIER_AUTHORITY authority = { { 0, 0, 0, 0, 0, row->authority } };
    InitializeSid(sid, &authority, row->count);
    memcpy(((SID *)sid)->SubAuthority, row->parts, row->count * sizeof(DWORD));
    return TRUE;
  }
  return refuse(ERROR_INVALID_PARAMETER);
}

/* Token NULL: the process's own. A group counts when it is enabled and not for denial only. */
BOOL WINAPI CheckTokenMembership(HANDLE token, PSID sid, PBOOL member) {
  HANDLE own = NULL;
  ULONG needed = 0;
  *member = FALSE;
  if (token == NULL && !OpenProcessToken(CURRENT_PROCESS, TOKEN_QUERY, &own)) return FALSE;
  HANDLE used = token == NULL ? own : token;
  NTSTATUS status = NtQueryInformationToken(used, TokenGroups, NULL, 0, &needed);
  TOKEN_GROUPS *groups = NULL;
  if (status == STATUS_BUFFER_TOO_SMALL) {
    groups = RtlAllocateHeap(current_peb()->ProcessHeap, 0, needed);
    status = groups == NULL ? STATUS_NO_MEMORY : NtQueryInformationToken(used, TokenGroups, groups, needed, &needed);
  }
  for (ULONG i = 0; NT_SUCCESS(status) && groups != NULL && i < groups->GroupCount; i++) {
    ULONG attributes = groups->Groups[i].Attributes;
    if ((attributes & SE_GROUP_ENABLED) && !(attributes & SE_GROUP_USE_FOR_DENY_ONLY) && EqualSid(groups->Groups[i].Sid, sid)) {
      *member = TRUE;
    }
  }
  if (groups != NULL) RtlFreeHeap(current_peb()->ProcessHeap, 0, groups);
  if (own != NULL) NtClose(own);
  return ok(status);
}

// --- privileges: locally unique identifiers 2 to 30
static const WCHAR *const privileges[] = {
  L"SeCreateTokenPrivilege", L"SeAssignPrimaryTokenPrivilege", L"SeLockMemoryPrivilege", L"SeIncreaseQuotaPrivilege",
  L"SeMachineAccountPrivilege", L"SeTcbPrivilege", L"SeSecurityPrivilege", L"SeTakeOwnershipPrivilege",
  L"SeLoadDriverPrivilege", L"SeSystemProfilePrivilege", L"SeSystemtimePrivilege", L"SeProfileSingleProcessPrivilege",
  L"SeIncreaseBasePriorityPrivilege", L"SeCreatePagefilePrivilege", L"SeCreatePermanentPrivilege", L"SeBackupPrivilege",
  L"SeRestorePrivilege", L"SeShutdownPrivilege", L"SeDebugPrivilege", L"SeAuditPrivilege", L"SeSystemEnvironmentPrivilege",
  L"SeChangeNotifyPrivilege", L"SeRemoteShutdownPrivilege", L"SeUndockPrivilege", L"SeSyncAgentPrivilege",
  L"SeEnableDelegationPrivilege", L"SeManageVolumePrivilege", L"SeImpersonatePrivilege", L"SeCreateGlobalPrivilege",
};

BOOL WINAPI LookupPrivilegeValueW(LPCWSTR system, LPCWSTR name, PLUID value) {
  UNICODE_STRING wanted, own;
  (void)system;
  RtlInitUnicodeString(&wanted, name);
  for (ULONG i = 0; i < ARRAY_LENGTH(privileges); i++) {
    RtlInitUnicodeString(&own, privileges[i]);
    if (!RtlEqualUnicodeString(&own, &wanted, TRUE)) continue;
    *value = (LUID){ i + 2, 0 };
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

// --- the user: USERNAME of the environment, as the machine's owner set it
BOOL WINAPI GetUserNameW(LPWSTR buffer, LPDWORD size) {
  WCHAR text[260];
  DWORD length = GetEnvironmentVariableW(L"USERNAME", text, ARRAY_LENGTH(text));
  if (length == 0 || length >= ARRAY_LENGTH(text)) length = (DWORD)lstrlenW(lstrcpyW(text, L"Administrator"));
  DWORD given = *size;
  *size = length + 1;
  if (given < length + 1) return refuse(ERROR_INSUFFICIENT_BUFFER);
  memcpy(buffer, text, (length + 1) * sizeof(WCHAR));
  return TRUE;
}
BOOL WINAPI GetUserNameA(LPSTR buffer, LPDWORD size) {
  WCHAR text[260];
  DWORD length = ARRAY_LENGTH(text), given = *size;
  if (!GetUserNameW(text, &length)) return FALSE;
  *size = length;
  if (given < length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  return WideCharToMultiByte(CP_ACP, 0, text, (int)length, buffer, (int)given, NULL, NULL) != 0;
}

// --- security descriptors, absolute form
BOOL WINAPI InitializeSecurityDescriptor(PSECURITY_DESCRIPTOR descriptor, DWORD revision) {
  SECURITY_DESCRIPTOR *own = descriptor;
  if (revision != SECURITY_DESCRIPTOR_REVISION) return refuse(ERROR_UNKNOWN_REVISION);
  memset(own, 0, sizeof *own);
  own->Revision = SECURITY_DESCRIPTOR_REVISION;
  return TRUE;
}
BOOL WINAPI SetSecurityDescriptorDacl(PSECURITY_DESCRIPTOR descriptor, BOOL present, PACL acl, BOOL defaulted) {
  SECURITY_DESCRIPTOR *own = descriptor;
  if (own->Control & SE_SELF_RELATIVE) return refuse(ERROR_INVALID_SECURITY_DESCR);
  own->Control &= (WORD) ~(SE_DACL_PRESENT | SE_DACL_DEFAULTED);
  if (present) own->Control |= SE_DACL_PRESENT | (defaulted ? SE_DACL_DEFAULTED : 0);
  own->Dacl = present ? acl : NULL;
  return TRUE;
}
