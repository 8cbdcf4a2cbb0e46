// Access control lists.
#include "advapi32.h"

#define ACE_BODY 8 // header and access mask, the SID behind them

BOOL WINAPI InitializeAcl(PACL acl, DWORD length, DWORD revision) {
  if (length < sizeof *acl) return refuse(ERROR_INSUFFICIENT_BUFFER);
  if (revision < ACL_REVISION || revision > ACL_REVISION_DS || length > 0xFFFF) return refuse(ERROR_INVALID_PARAMETER);
  *acl = (ACL){ (BYTE)revision, 0, (WORD)(length & ~3u), 0, 0 };
  return TRUE;
}

/* The end of the entries, or NULL when they go beyond the list. */
static PBYTE end_of(PACL acl) {
  PBYTE at = (PBYTE)(acl + 1), limit = (PBYTE)acl + acl->AclSize;
  for (ULONG i = 0; i < acl->AceCount; i++) {
    if (at + sizeof(ACE_HEADER) > limit) return NULL;
    at += ((PACE_HEADER)at)->AceSize;
  }
  return at <= limit ? at : NULL;
}
BOOL WINAPI IsValidAcl(PACL acl) {
  if (acl == NULL || acl->AclRevision < MIN_ACL_REVISION || acl->AclRevision > MAX_ACL_REVISION) return FALSE;
  if (acl->AclSize < sizeof *acl || (acl->AclSize & 3) != 0) return FALSE;
  PBYTE at = (PBYTE)(acl + 1), limit = (PBYTE)acl + acl->AclSize;
  for (ULONG i = 0; i < acl->AceCount; i++) {
    PACE_HEADER header = (PACE_HEADER)at;
    if (at + sizeof *header > limit || header->AceSize < sizeof *header || (header->AceSize & 3) != 0 || at + header->AceSize > limit) return FALSE;
    if (header->AceType <= SYSTEM_ALARM_ACE_TYPE) {
      if (header->AceSize < ACE_BODY + 8u || !IsValidSid(at + ACE_BODY) || ACE_BODY + sid_length(at + ACE_BODY) > header->AceSize) return FALSE;
    }
    at += header->AceSize;
  }
  return TRUE;
}
BOOL WINAPI FindFirstFreeAce(PACL acl, LPVOID *ace) {
  *ace = end_of(acl);
  return *ace != NULL ? TRUE : refuse(ERROR_INVALID_ACL);
}
BOOL WINAPI GetAclInformation(PACL acl, LPVOID information, DWORD length, ACL_INFORMATION_CLASS class) {
  PBYTE end = end_of(acl);
  if (end == NULL) return refuse(ERROR_INVALID_ACL);
  if (class == AclRevisionInformation) {
    if (length < sizeof(ACL_REVISION_INFORMATION)) return refuse(ERROR_INSUFFICIENT_BUFFER);
    *(ACL_REVISION_INFORMATION *)information = (ACL_REVISION_INFORMATION){ acl->AclRevision };
    return TRUE;
  }
  if (class != AclSizeInformation) return refuse(ERROR_INVALID_PARAMETER);
  if (length < sizeof(ACL_SIZE_INFORMATION)) return refuse(ERROR_INSUFFICIENT_BUFFER);
  DWORD used = (DWORD)(end - (PBYTE)acl);
  *(ACL_SIZE_INFORMATION *)information = (ACL_SIZE_INFORMATION){ acl->AceCount, used, acl->AclSize - used };
  return TRUE;
}

static PACE_HEADER ace_at(PACL acl, DWORD index) {
  PBYTE at = (PBYTE)(acl + 1);
  if (index >= acl->AceCount || end_of(acl) == NULL) return NULL;
  while (index-- > 0) at += ((PACE_HEADER)at)->AceSize;
  return (PACE_HEADER)at;
}
BOOL WINAPI GetAce(PACL acl, DWORD index, LPVOID *ace) {
  *ace = ace_at(acl, index);
  return *ace != NULL ? TRUE : refuse(ERROR_INVALID_PARAMETER);
}
BOOL WINAPI DeleteAce(PACL acl, DWORD index) {
  PACE_HEADER ace = ace_at(acl, index);
  if (ace == NULL) return refuse(ERROR_INVALID_PARAMETER);
  PBYTE end = end_of(acl), rest = (PBYTE)ace + ace->AceSize;
  memmove(ace, rest, (SIZE_T)(end - rest));
  acl->AceCount--;
  return TRUE;
}

/* Makes room in front of an entry, MAXDWORD: behind the last. */
static PBYTE make_room(PACL acl, DWORD revision, DWORD index, DWORD size) {
  PBYTE end = end_of(acl);
  if (end == NULL) return refuse(ERROR_INVALID_ACL), NULL;
  if (revision < ACL_REVISION || revision > ACL_REVISION_DS) return refuse(ERROR_REVISION_MISMATCH), NULL;
  if (end + size > (PBYTE)acl + acl->AclSize) return refuse(ERROR_ALLOTTED_SPACE_EXCEEDED), NULL;
  PBYTE at = index < acl->AceCount ? (PBYTE)ace_at(acl, index) : end;
  memmove(at + size, at, (SIZE_T)(end - at));
  if (revision > acl->AclRevision) acl->AclRevision = (BYTE)revision;
  return at;
}
BOOL WINAPI AddAce(PACL acl, DWORD revision, DWORD index, LPVOID list, DWORD length) {
  WORD count = 0;
  for (DWORD at = 0; at < length; count++) {
    PACE_HEADER header = (PACE_HEADER)((PBYTE)list + at);
    if (length - at < sizeof *header || header->AceSize < sizeof *header || header->AceSize > length - at) return refuse(ERROR_INVALID_PARAMETER);
    at += header->AceSize;
  }
  PBYTE room = make_room(acl, revision, index, length);
  if (room == NULL) return FALSE;
  memcpy(room, list, length);
  acl->AceCount += count;
  return TRUE;
}

static BOOL add(PACL acl, DWORD revision, BYTE type, DWORD flags, DWORD mask, PSID sid) {
  if (!IsValidSid(sid)) return refuse(ERROR_INVALID_SID);
  DWORD size = ACE_BODY + sid_length(sid);
  PBYTE room = make_room(acl, revision, MAXDWORD, size);
  if (room == NULL) return FALSE;
  *(PACE_HEADER)room = (ACE_HEADER){ type, (BYTE)flags, (WORD)size };
  *(PDWORD)(room + sizeof(ACE_HEADER)) = mask;
  memcpy(room + ACE_BODY, sid, sid_length(sid));
  acl->AceCount++;
  return TRUE;
}
BOOL WINAPI AddAccessAllowedAce(PACL acl, DWORD revision, DWORD mask, PSID sid) { return add(acl, revision, ACCESS_ALLOWED_ACE_TYPE, 0, mask, sid); }
BOOL WINAPI AddAccessDeniedAce(PACL acl, DWORD revision, DWORD mask, PSID sid) { return add(acl, revision, ACCESS_DENIED_ACE_TYPE, 0, mask, sid); }
BOOL WINAPI AddAccessAllowedAceEx(PACL acl, DWORD revision, DWORD flags, DWORD mask, PSID sid) {
  return add(acl, revision, ACCESS_ALLOWED_ACE_TYPE, flags, mask, sid);
}
BOOL WINAPI AddAccessDeniedAceEx(PACL acl, DWORD revision, DWORD flags, DWORD mask, PSID sid) {
  return add(acl, revision, ACCESS_DENIED_ACE_TYPE, flags, mask, sid);
}
BOOL WINAPI AddAuditAccessAce(PACL acl, DWORD revision, DWORD mask, PSID sid, BOOL success, BOOL failure) {
  DWORD flags = (success ? SUCCESSFUL_ACCESS_ACE_FLAG : 0) | (failure ? FAILED_ACCESS_ACE_FLAG : 0);
  return add(acl, revision, SYSTEM_AUDIT_ACE_TYPE, flags, mask, sid);
}
