// SetEntriesInAcl: lists made of who is to have what.
#include "advapi32.h"

#define MAXIMUM_ENTRIES 256

typedef struct { BYTE sid[SECURITY_MAX_SID_SIZE]; } TRUSTEE_SID;

/* The identifier of a trustee that is given by identifier or by name. */
static DWORD sid_of(const TRUSTEE_W *trustee, BOOLEAN narrow, TRUSTEE_SID *sid) {
  if (trustee->pMultipleTrustee != NULL || trustee->MultipleTrusteeOperation != NO_MULTIPLE_TRUSTEE) return ERROR_INVALID_PARAMETER;
  if (trustee->TrusteeForm == TRUSTEE_IS_SID) {
    PSID own = (PSID)trustee->ptstrName;
    if (own == NULL || !IsValidSid(own)) return ERROR_INVALID_SID;
    memcpy(sid->sid, own, sid_length(own));
    return ERROR_SUCCESS;
  }
  if (trustee->TrusteeForm != TRUSTEE_IS_NAME || trustee->ptstrName == NULL) return ERROR_INVALID_PARAMETER;
  DWORD size = sizeof sid->sid, domainSize = 32;
  WCHAR domain[32];
  SID_NAME_USE use;
  if (!narrow) return LookupAccountNameW(NULL, trustee->ptstrName, sid->sid, &size, domain, &domainSize, &use) ? ERROR_SUCCESS : ERROR_NONE_MAPPED;
  CHAR text[32];
  return LookupAccountNameA(NULL, (LPCSTR)trustee->ptstrName, sid->sid, &size, text, &domainSize, &use) ? ERROR_SUCCESS : ERROR_NONE_MAPPED;
}

static BOOLEAN is_about(const ACE_HEADER *ace, const TRUSTEE_SID *sid) {
  return ace->AceType <= ACCESS_DENIED_ACE_TYPE && EqualSid(&((ACCESS_ALLOWED_ACE *)ace)->SidStart, (PSID)sid->sid);
}

/* Old entries stay unless their trustee is set anew or revoked. */
static BOOLEAN stays(const ACE_HEADER *ace, const EXPLICIT_ACCESS_W *entries, const TRUSTEE_SID *sids, ULONG count) {
  for (ULONG i = 0; i < count; i++) {
    ACCESS_MODE mode = entries[i].grfAccessMode;
    if ((mode == SET_ACCESS || mode == REVOKE_ACCESS) && is_about(ace, &sids[i])) return FALSE;
  }
  return TRUE;
}

static void put_new(PACL acl, BOOLEAN deny, const EXPLICIT_ACCESS_W *entries, TRUSTEE_SID *sids, ULONG count) {
  for (ULONG i = 0; i < count; i++) {
    ACCESS_MODE mode = entries[i].grfAccessMode;
    DWORD flags = entries[i].grfInheritance & VALID_INHERIT_FLAGS, mask = entries[i].grfAccessPermissions;
    if (deny && mode == DENY_ACCESS) AddAccessDeniedAceEx(acl, ACL_REVISION, flags, mask, sids[i].sid);
    if (!deny && (mode == GRANT_ACCESS || mode == SET_ACCESS)) AddAccessAllowedAceEx(acl, ACL_REVISION, flags, mask, sids[i].sid);
  }
}
static void put_old(PACL acl, BOOLEAN deny, PACL old, const EXPLICIT_ACCESS_W *entries, const TRUSTEE_SID *sids, ULONG count) {
  for (ULONG i = 0; old != NULL && i < old->AceCount; i++) {
    PACE_HEADER ace;
    if (!GetAce(old, i, (LPVOID *)&ace) || (ace->AceType == ACCESS_DENIED_ACE_TYPE) != deny) continue;
    if (stays(ace, entries, sids, count)) AddAce(acl, ACL_REVISION, MAXDWORD, ace, ace->AceSize);
  }
}

/* The two forms of EXPLICIT_ACCESS differ in nothing but what a name is. Denials come first, new entries before old ones. */
static DWORD set_entries(ULONG count, const EXPLICIT_ACCESS_W *entries, BOOLEAN narrow, PACL old, PACL *made) {
  if (count > MAXIMUM_ENTRIES || (count > 0 && entries == NULL)) return ERROR_INVALID_PARAMETER;
  if (old != NULL && !IsValidAcl(old)) return ERROR_INVALID_ACL;
  TRUSTEE_SID *sids = LocalAlloc(LMEM_FIXED, (count + 1) * sizeof *sids);
  if (sids == NULL) return ERROR_NOT_ENOUGH_MEMORY;
  ULONG size = sizeof(ACL) + (old == NULL ? 0 : old->AclSize - sizeof(ACL));
  DWORD error = ERROR_SUCCESS;
  for (ULONG i = 0; i < count && error == ERROR_SUCCESS; i++) {
    ACCESS_MODE mode = entries[i].grfAccessMode;
    if (mode < GRANT_ACCESS || mode > REVOKE_ACCESS) error = ERROR_INVALID_PARAMETER;
    else error = sid_of(&entries[i].Trustee, narrow, &sids[i]);
    if (error == ERROR_SUCCESS && mode != REVOKE_ACCESS) size += 8 + sid_length(sids[i].sid);
  }
  if (error == ERROR_SUCCESS && size > 0xFFFC) error = ERROR_INVALID_PARAMETER;
  PACL acl = error == ERROR_SUCCESS ? LocalAlloc(LMEM_FIXED, size) : NULL;
  if (error == ERROR_SUCCESS && acl == NULL) error = ERROR_NOT_ENOUGH_MEMORY;
  if (acl != NULL) {
    InitializeAcl(acl, size, ACL_REVISION);
    put_new(acl, TRUE, entries, sids, count);
    put_old(acl, TRUE, old, entries, sids, count);
    put_new(acl, FALSE, entries, sids, count);
    put_old(acl, FALSE, old, entries, sids, count);
    *made = acl;
  }
  LocalFree(sids);
  return error;
}
DWORD WINAPI SetEntriesInAclW(ULONG count, PEXPLICIT_ACCESS_W entries, PACL old, PACL *made) {
  return set_entries(count, entries, FALSE, old, made);
}
DWORD WINAPI SetEntriesInAclA(ULONG count, PEXPLICIT_ACCESS_A entries, PACL old, PACL *made) {
  return set_entries(count, (PEXPLICIT_ACCESS_W)entries, TRUE, old, made);
}
