// Tokens: whom a process or thread acts for, and what that allows. What mingw's import libraries look for in kernel32 is there.
#include "advapi32.h"

BOOL WINAPI OpenProcessToken(HANDLE process, DWORD access, PHANDLE token) { return ok(NtOpenProcessToken(process, access, token)); }
BOOL WINAPI GetTokenInformation(HANDLE token, TOKEN_INFORMATION_CLASS class, LPVOID buffer, DWORD length, PDWORD used) {
  return ok(NtQueryInformationToken(token, class, buffer, length, used));
}
BOOL WINAPI SetTokenInformation(HANDLE token, TOKEN_INFORMATION_CLASS class, LPVOID buffer, DWORD length) {
  return ok(NtSetInformationToken(token, class, buffer, length));
}

/* ERROR_NOT_ALL_ASSIGNED comes with a TRUE result. */
static BOOL adjusted(NTSTATUS status) {
  current_teb()->LastErrorValue = RtlNtStatusToDosError(status);
  return NT_SUCCESS(status);
}
BOOL WINAPI AdjustTokenPrivileges(HANDLE token, BOOL disableAll, PTOKEN_PRIVILEGES state, DWORD length,
                                  PTOKEN_PRIVILEGES previous, PDWORD used) {
  return adjusted(NtAdjustPrivilegesToken(token, disableAll != FALSE, state, length, previous, used));
}
BOOL WINAPI AdjustTokenGroups(HANDLE token, BOOL reset, PTOKEN_GROUPS state, DWORD length, PTOKEN_GROUPS previous, PDWORD used) {
  return adjusted(NtAdjustGroupsToken(token, reset != FALSE, state, length, previous, used));
}

// --- copies
BOOL WINAPI DuplicateTokenEx(HANDLE token, DWORD access, LPSECURITY_ATTRIBUTES security, SECURITY_IMPERSONATION_LEVEL level,
                             TOKEN_TYPE type, PHANDLE copy) {
  SECURITY_QUALITY_OF_SERVICE quality = { sizeof quality, level, SECURITY_STATIC_TRACKING, FALSE };
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0);
  if (security != NULL) attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  attributes.SecurityQualityOfService = &quality;
  return ok(NtDuplicateToken(token, access, &attributes, FALSE, type, copy));
}
BOOL WINAPI DuplicateToken(HANDLE token, SECURITY_IMPERSONATION_LEVEL level, PHANDLE copy) {
  return DuplicateTokenEx(token, TOKEN_IMPERSONATE | TOKEN_QUERY, NULL, level, TokenImpersonation, copy);
}

/* A list of the native interface: a count, then the caller's entries. */
static PVOID counted(ULONG count, const void *entries, SIZE_T size) {
  PULONG list = RtlAllocateHeap(current_peb()->ProcessHeap, 0, sizeof count + count * size);
  if (list == NULL) return NULL;
  *list = count;
  memcpy(list + 1, entries, count * size);
  return list;
}
BOOL WINAPI CreateRestrictedToken(HANDLE token, DWORD flags, DWORD disableCount, PSID_AND_ATTRIBUTES disable, DWORD deleteCount,
                                  PLUID_AND_ATTRIBUTES delete, DWORD restrictCount, PSID_AND_ATTRIBUTES restricting, PHANDLE filtered) {
  if (disableCount > 0x1000 || deleteCount > 0x1000 || restrictCount > 0x1000) return refuse(ERROR_INVALID_PARAMETER);
  PVOID lists[] = { disableCount == 0 ? NULL : counted(disableCount, disable, sizeof *disable),
                    deleteCount == 0 ? NULL : counted(deleteCount, delete, sizeof *delete),
                    restrictCount == 0 ? NULL : counted(restrictCount, restricting, sizeof *restricting) };
  BOOLEAN complete = (disableCount == 0 || lists[0] != NULL) && (deleteCount == 0 || lists[1] != NULL) &&
                     (restrictCount == 0 || lists[2] != NULL);
  BOOL done = complete ? ok(NtFilterToken(token, flags, lists[0], lists[1], lists[2], filtered)) : refuse(ERROR_NOT_ENOUGH_MEMORY);
  for (ULONG i = 0; i < ARRAY_LENGTH(lists); i++) RtlFreeHeap(current_peb()->ProcessHeap, 0, lists[i]);
  return done;
}
BOOL WINAPI IsTokenRestricted(HANDLE token) {
  ULONG buffer[1024], used;
  return ok(NtQueryInformationToken(token, TokenRestrictedSids, buffer, sizeof buffer, &used)) && buffer[0] > 0;
}

// --- acting for somebody else
BOOL WINAPI RevertToSelf(void) { return SetThreadToken(NULL, NULL); }
BOOL WINAPI ImpersonateNamedPipeClient(HANDLE pipe) {
  enum { FSCTL_PIPE_IMPERSONATE = 0x11001c };
  IO_STATUS_BLOCK io;
  return ok(NtFsControlFile(pipe, NULL, NULL, NULL, &io, FSCTL_PIPE_IMPERSONATE, NULL, 0, NULL, 0));
}
BOOL WINAPI ImpersonateAnonymousToken(HANDLE thread) { return ok(NtImpersonateAnonymousToken(thread)); }

static BOOL act_as(HANDLE token, SECURITY_IMPERSONATION_LEVEL level) {
  HANDLE copy;
  if (!DuplicateTokenEx(token, TOKEN_IMPERSONATE | TOKEN_QUERY, NULL, level, TokenImpersonation, &copy)) return FALSE;
  BOOL done = SetThreadToken(NULL, copy);
  NtClose(copy);
  return done;
}
BOOL WINAPI ImpersonateSelf(SECURITY_IMPERSONATION_LEVEL level) {
  HANDLE own;
  if (!OpenProcessToken(CURRENT_PROCESS, TOKEN_DUPLICATE, &own)) return FALSE;
  BOOL done = act_as(own, level);
  NtClose(own);
  return done;
}
BOOL WINAPI ImpersonateLoggedOnUser(HANDLE token) {
  TOKEN_TYPE type;
  DWORD used;
  if (!GetTokenInformation(token, TokenType, &type, sizeof type, &used)) return FALSE;
  return type == TokenPrimary ? act_as(token, SecurityImpersonation) : SetThreadToken(NULL, token);
}

// --- what a token allows
BOOL WINAPI PrivilegeCheck(HANDLE token, PPRIVILEGE_SET set, LPBOOL result) {
  BOOLEAN held = FALSE;
  NTSTATUS status = NtPrivilegeCheck(token, set, &held);
  *result = held;
  return ok(status);
}
BOOL WINAPI AccessCheck(PSECURITY_DESCRIPTOR descriptor, HANDLE token, DWORD access, PGENERIC_MAPPING mapping, PPRIVILEGE_SET set,
                        LPDWORD length, LPDWORD granted, LPBOOL allowed) {
  NTSTATUS verdict = STATUS_ACCESS_DENIED;
  if (!ok(NtAccessCheck(descriptor, token, access, mapping, set, length, granted, &verdict))) return FALSE;
  *allowed = ok(verdict);
  return TRUE;
}
VOID WINAPI MapGenericMask(PDWORD mask, PGENERIC_MAPPING mapping) {
  if (*mask & GENERIC_READ) *mask |= mapping->GenericRead;
  if (*mask & GENERIC_WRITE) *mask |= mapping->GenericWrite;
  if (*mask & GENERIC_EXECUTE) *mask |= mapping->GenericExecute;
  if (*mask & GENERIC_ALL) *mask |= mapping->GenericAll;
  *mask &= ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}
BOOL WINAPI AreAllAccessesGranted(DWORD granted, DWORD desired) { return (desired & ~granted) == 0; }
BOOL WINAPI AreAnyAccessesGranted(DWORD granted, DWORD desired) { return (desired & granted) != 0; }

/* Whom the caller acts for: the thread's client, else its process. The access check of a descriptor for this identifier alone decides. */
BOOL WINAPI CheckTokenMembership(HANDLE token, PSID sid, PBOOL member) {
  struct { ACL header; ACCESS_ALLOWED_ACE ace; BYTE rest[SECURITY_MAX_SID_SIZE]; } list;
  SECURITY_DESCRIPTOR descriptor;
  GENERIC_MAPPING mapping = { 1, 1, 1, 1 };
  PRIVILEGE_SET privileges;
  DWORD length = sizeof privileges, granted = 0;
  HANDLE used = token, own;
  *member = FALSE;
  if (token == NULL && !OpenThreadToken(CURRENT_THREAD, TOKEN_QUERY | TOKEN_DUPLICATE, TRUE, &used)) {
    if (!OpenProcessToken(CURRENT_PROCESS, TOKEN_QUERY | TOKEN_DUPLICATE, &own)) return FALSE;
    BOOL copied = DuplicateToken(own, SecurityIdentification, &used);
    NtClose(own);
    if (!copied) return FALSE;
  }
  InitializeAcl(&list.header, sizeof list, ACL_REVISION);
  InitializeSecurityDescriptor(&descriptor, SECURITY_DESCRIPTOR_REVISION);
  SetSecurityDescriptorOwner(&descriptor, sid, FALSE);
  SetSecurityDescriptorGroup(&descriptor, sid, FALSE);
  BOOL done = AddAccessAllowedAce(&list.header, ACL_REVISION, 1, sid) && SetSecurityDescriptorDacl(&descriptor, TRUE, &list.header, FALSE) &&
              AccessCheck(&descriptor, used, 1, &mapping, &privileges, &length, &granted, member);
  if (used != token) NtClose(used);
  return done;
}
