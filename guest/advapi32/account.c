// Accounts by name and by identifier: those that the machine knows are the same in every run.
#include "advapi32.h"

#define COMPUTER L"NT86"

typedef struct { const WCHAR *domain, *name; SID_NAME_USE use; UCHAR authority, count; DWORD parts[5]; } ACCOUNT;
#define OWN(name, use, relative) { COMPUTER, name, use, 5, 5, { MACHINE_DOMAIN, relative } }
#define BUILTIN(name, relative) { L"BUILTIN", name, SidTypeAlias, 5, 2, { 32, relative } }
#define AUTHORITY(name, value) { L"NT AUTHORITY", name, SidTypeWellKnownGroup, 5, 1, { value } }
static const ACCOUNT accounts[] = {
  OWN(L"Administrator", SidTypeUser, 500), OWN(L"Guest", SidTypeUser, 501), OWN(L"None", SidTypeGroup, 513),
  OWN(L"User", SidTypeUser, 1000),
  BUILTIN(L"Administrators", 544), BUILTIN(L"Users", 545), BUILTIN(L"Guests", 546), BUILTIN(L"Power Users", 547),
  AUTHORITY(L"NETWORK", 2), AUTHORITY(L"BATCH", 3), AUTHORITY(L"INTERACTIVE", 4), AUTHORITY(L"SERVICE", 6),
  AUTHORITY(L"ANONYMOUS LOGON", 7), AUTHORITY(L"SELF", 10), AUTHORITY(L"Authenticated Users", 11), AUTHORITY(L"RESTRICTED", 12),
  AUTHORITY(L"SYSTEM", 18), AUTHORITY(L"LOCAL SERVICE", 19), AUTHORITY(L"NETWORK SERVICE", 20),
  { L"", L"Everyone", SidTypeWellKnownGroup, 1, 1, { 0 } }, { L"", L"LOCAL", SidTypeWellKnownGroup, 2, 1, { 0 } },
  { L"", L"CREATOR OWNER", SidTypeWellKnownGroup, 3, 1, { 0 } }, { L"", L"CREATOR GROUP", SidTypeWellKnownGroup, 3, 1, { 1 } },
  { COMPUTER, COMPUTER, SidTypeDomain, 5, 4, { MACHINE_DOMAIN } },
};

static const ACCOUNT *account_of(const SID *sid) {
  for (ULONG i = 0; i < ARRAY_LENGTH(accounts); i++) {
    const ACCOUNT *row = &accounts[i];
    if (sid->SubAuthorityCount == row->count && sid->IdentifierAuthority.Value[5] == row->authority &&
        memcmp(sid->SubAuthority, row->parts, row->count * sizeof(DWORD)) == 0) return row;
  }
  return NULL;
}

static BOOLEAN same_text(const WCHAR *a, ULONG length, const WCHAR *b) {
  UNICODE_STRING left = { (USHORT)(length * sizeof(WCHAR)), (USHORT)(length * sizeof(WCHAR)), (PWSTR)a }, right;
  RtlInitUnicodeString(&right, b);
  return RtlEqualUnicodeString(&left, &right, TRUE);
}

/* NAME or DOMAIN\NAME. */
static const ACCOUNT *account_named(const WCHAR *name) {
  ULONG length = (ULONG)lstrlenW(name), domain = 0;
  for (ULONG i = 0; i < length; i++) if (name[i] == L'\\') domain = i + 1;
  for (ULONG i = 0; i < ARRAY_LENGTH(accounts); i++) {
    const ACCOUNT *row = &accounts[i];
    if (domain != 0 && !same_text(name, domain - 1, row->domain)) continue;
    if (same_text(name + domain, length - domain, row->name)) return row;
  }
  return NULL;
}

/* Both texts or their sizes with terminators; without them when they fit. */
static BOOL give_texts(const WCHAR *const texts[2], LPWSTR const buffers[2], DWORD *const sizes[2]) {
  BOOL fit = TRUE;
  DWORD lengths[2];
  for (ULONG i = 0; i < 2; i++) {
    lengths[i] = (DWORD)lstrlenW(texts[i]);
    if (buffers[i] == NULL || *sizes[i] <= lengths[i]) fit = FALSE;
  }
  for (ULONG i = 0; i < 2; i++) {
    if (fit) memcpy(buffers[i], texts[i], (lengths[i] + 1) * sizeof(WCHAR));
    *sizes[i] = fit ? lengths[i] : lengths[i] + 1;
  }
  return fit ? TRUE : refuse(ERROR_INSUFFICIENT_BUFFER);
}

BOOL WINAPI LookupAccountSidW(LPCWSTR system, PSID sid, LPWSTR name, LPDWORD nameSize, LPWSTR domain, LPDWORD domainSize, PSID_NAME_USE use) {
  (void)system;
  if (!IsValidSid(sid)) return refuse(ERROR_INVALID_SID);
  const ACCOUNT *found = account_of(sid);
  if (found == NULL) return refuse(ERROR_NONE_MAPPED);
  *use = found->use;
  const WCHAR *const texts[] = { found->name, found->domain };
  return give_texts(texts, (LPWSTR const[]){ name, domain }, (DWORD *const[]){ nameSize, domainSize });
}
BOOL WINAPI LookupAccountSidA(LPCSTR system, PSID sid, LPSTR name, LPDWORD nameSize, LPSTR domain, LPDWORD domainSize, PSID_NAME_USE use) {
  WCHAR wide[2][32];
  DWORD sizes[2] = { 32, 32 };
  LPSTR buffers[] = { name, domain };
  DWORD *given[] = { nameSize, domainSize };
  (void)system;
  if (!LookupAccountSidW(NULL, sid, wide[0], &sizes[0], wide[1], &sizes[1], use)) return FALSE;
  BOOL fit = name != NULL && domain != NULL && *nameSize > sizes[0] && *domainSize > sizes[1];
  for (ULONG i = 0; i < 2; i++) {
    for (ULONG at = 0; fit && at <= sizes[i]; at++) buffers[i][at] = (CHAR)wide[i][at];
    *given[i] = fit ? sizes[i] : sizes[i] + 1;
  }
  return fit ? TRUE : refuse(ERROR_INSUFFICIENT_BUFFER);
}
BOOL WINAPI LookupAccountNameW(LPCWSTR system, LPCWSTR name, PSID sid, LPDWORD sidSize, LPWSTR domain, LPDWORD domainSize, PSID_NAME_USE use) {
  (void)system;
  const ACCOUNT *found = account_named(name);
  if (found == NULL) return refuse(ERROR_NONE_MAPPED);
  DWORD needed = GetSidLengthRequired(found->count), length = (DWORD)lstrlenW(found->domain);
  if (*sidSize < needed || *domainSize <= length || sid == NULL || domain == NULL) {
    *sidSize = needed;
    *domainSize = length + 1;
    return refuse(ERROR_INSUFFICIENT_BUFFER);
  }
  SID_IDENTIFIER_AUTHORITY authority = { { 0, 0, 0, 0, 0, found->authority } };
  InitializeSid(sid, &authority, found->count);
  memcpy(((SID *)sid)->SubAuthority, found->parts, found->count * sizeof(DWORD));
  memcpy(domain, found->domain, (length + 1) * sizeof(WCHAR));
  *domainSize = length;
  *use = found->use;
  return TRUE;
}
BOOL WINAPI LookupAccountNameA(LPCSTR system, LPCSTR name, PSID sid, LPDWORD sidSize, LPSTR domain, LPDWORD domainSize, PSID_NAME_USE use) {
  UNICODE_STRING wide;
  WCHAR text[32];
  DWORD size = domain != NULL && *domainSize < 32 ? *domainSize : 32;
  (void)system;
  if (!RtlCreateUnicodeStringFromAsciiz(&wide, name)) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  BOOL found = LookupAccountNameW(NULL, wide.Buffer, sid, sidSize, domain == NULL ? NULL : text, &size, use);
  RtlFreeUnicodeString(&wide);
  for (ULONG i = 0; found && i <= size; i++) domain[i] = (CHAR)text[i];
  *domainSize = size;
  return found;
}

// --- the user whom the caller acts for
BOOL WINAPI GetUserNameW(LPWSTR buffer, LPDWORD size) {
  ULONG information[64], used;
  HANDLE token;
  if (!OpenThreadToken(CURRENT_THREAD, TOKEN_QUERY, TRUE, &token) && !OpenProcessToken(CURRENT_PROCESS, TOKEN_QUERY, &token)) return FALSE;
  NTSTATUS status = NtQueryInformationToken(token, TokenUser, information, sizeof information, &used);
  NtClose(token);
  if (!ok(status)) return FALSE;
  const ACCOUNT *user = account_of(((TOKEN_USER *)information)->User.Sid);
  if (user == NULL) return refuse(ERROR_NONE_MAPPED);
  DWORD needed = (DWORD)lstrlenW(user->name) + 1, given = *size;
  *size = needed;
  if (given < needed) return refuse(ERROR_INSUFFICIENT_BUFFER);
  memcpy(buffer, user->name, needed * sizeof(WCHAR));
  return TRUE;
}
BOOL WINAPI GetUserNameA(LPSTR buffer, LPDWORD size) {
  WCHAR text[32];
  DWORD length = ARRAY_LENGTH(text), given = *size;
  if (!GetUserNameW(text, &length)) return FALSE;
  *size = length;
  if (given < length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  for (ULONG i = 0; i < length; i++) buffer[i] = (CHAR)text[i];
  return TRUE;
}
