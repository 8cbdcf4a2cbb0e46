// Security identifiers.
#include "advapi32.h"

DWORD sid_length(PSID sid) { return 8 + 4u * ((SID *)sid)->SubAuthorityCount; }

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
BOOL WINAPI EqualPrefixSid(PSID a, PSID b) {
  DWORD length = sid_length(a);
  return length == sid_length(b) && memcmp(a, b, length > 8 ? length - 4 : length) == 0;
}
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

// --- well-known ones
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

// --- as text: S-1-5-32-544
#define MAXIMUM_TEXT (4 + 16 + SID_MAX_SUB_AUTHORITIES * 11 + 1)

static PSTR put_number(PSTR at, DWORD value) {
  CHAR digits[10];
  ULONG count = 0;
  do digits[count++] = (CHAR)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) *at++ = digits[--count];
  return at;
}
static PSTR put_authority(PSTR at, const BYTE *value) {
  if (value[0] == 0 && value[1] == 0) return put_number(at, (DWORD)value[2] << 24 | value[3] << 16 | value[4] << 8 | value[5]);
  *at++ = '0', *at++ = 'x';
  for (ULONG i = 0; i < 12; i++) *at++ = "0123456789abcdef"[value[i / 2] >> (i % 2 ? 0 : 4) & 15];
  return at;
}
BOOL WINAPI ConvertSidToStringSidA(PSID sid, LPSTR *text) {
  const SID *own = sid;
  if (text == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (!IsValidSid(sid)) return refuse(ERROR_INVALID_SID);
  PSTR at = *text = LocalAlloc(LMEM_FIXED, MAXIMUM_TEXT);
  if (at == NULL) return FALSE;
  *at++ = 'S', *at++ = '-', *at++ = '1', *at++ = '-';
  at = put_authority(at, own->IdentifierAuthority.Value);
  for (ULONG i = 0; i < own->SubAuthorityCount; i++) {
    *at++ = '-';
    at = put_number(at, own->SubAuthority[i]);
  }
  *at = 0;
  return TRUE;
}
BOOL WINAPI ConvertSidToStringSidW(PSID sid, LPWSTR *text) {
  LPSTR narrow;
  if (text == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (!ConvertSidToStringSidA(sid, &narrow)) return FALSE;
  *text = LocalAlloc(LMEM_FIXED, MAXIMUM_TEXT * sizeof(WCHAR));
  for (ULONG i = 0; *text != NULL && i < MAXIMUM_TEXT; i++) {
    (*text)[i] = (BYTE)narrow[i];
    if (narrow[i] == 0) break;
  }
  LocalFree(narrow);
  return *text != NULL;
}

static const char *get_number(const char *at, ULONGLONG *value) {
  ULONG base = 10;
  if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) base = 16, at += 2;
  const char *start = at;
  for (*value = 0;; at++) {
    ULONG digit = *at >= '0' && *at <= '9' ? (ULONG)(*at - '0') : (*at | 32) >= 'a' && (*at | 32) <= 'f' ? (ULONG)((*at | 32) - 'a') + 10 : 16;
    if (digit >= base || *value >> 56) return at == start || digit < base ? NULL : at;
    *value = *value * base + digit;
  }
}
BOOL WINAPI ConvertStringSidToSidA(LPCSTR text, PSID *sid) {
  if (text == NULL || sid == NULL) return refuse(ERROR_INVALID_PARAMETER);
  ULONGLONG value;
  BYTE known[SECURITY_MAX_SID_SIZE];
  DWORD length = lstrlenA(text) == 2 ? sid_by_name(text, (SID *)known) : 0;
  if (length != 0) {
    *sid = LocalAlloc(LMEM_FIXED, length);
    return *sid != NULL && CopySid(length, *sid, known);
  }
  if ((text[0] | 32) != 's' || text[1] != '-' || text[2] != '1' || text[3] != '-') return refuse(ERROR_INVALID_SID);
  const char *at = get_number(text + 4, &value);
  if (at == NULL || value >> 48) return refuse(ERROR_INVALID_SID);
  SID_IDENTIFIER_AUTHORITY authority;
  for (ULONG i = 0; i < 6; i++) authority.Value[i] = (BYTE)(value >> (40 - 8 * i));
  DWORD parts[SID_MAX_SUB_AUTHORITIES];
  BYTE count = 0;
  while (*at == '-') {
    at = get_number(at + 1, &value);
    if (at == NULL || value >> 32 || count == SID_MAX_SUB_AUTHORITIES) return refuse(ERROR_INVALID_SID);
    parts[count++] = (DWORD)value;
  }
  if (*at != 0 || count == 0) return refuse(ERROR_INVALID_SID);
  *sid = LocalAlloc(LMEM_FIXED, GetSidLengthRequired(count));
  if (*sid == NULL) return FALSE;
  InitializeSid(*sid, &authority, count);
  memcpy(((SID *)*sid)->SubAuthority, parts, count * sizeof *parts);
  return TRUE;
}
BOOL WINAPI ConvertStringSidToSidW(LPCWSTR text, PSID *sid) {
  CHAR narrow[MAXIMUM_TEXT];
  if (text == NULL || sid == NULL) return refuse(ERROR_INVALID_PARAMETER);
  for (ULONG i = 0; i < sizeof narrow; i++) {
    narrow[i] = text[i] < 128 ? (CHAR)text[i] : '?';
    if (text[i] == 0) return ConvertStringSidToSidA(narrow, sid);
  }
  return refuse(ERROR_INVALID_SID);
}
