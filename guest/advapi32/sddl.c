// Security descriptors as text: O:BAG:SYD:P(A;OICI;FA;;;BA).
#include "advapi32.h"

#define MAXIMUM_SID_TEXT 200u

// --- the words
typedef struct { const char *name; DWORD value; } WORD_ROW;

static const WORD_ROW ace_types[] = {
  { "A", ACCESS_ALLOWED_ACE_TYPE }, { "D", ACCESS_DENIED_ACE_TYPE }, { "AU", SYSTEM_AUDIT_ACE_TYPE }, { "AL", SYSTEM_ALARM_ACE_TYPE },
  { "OA", ACCESS_ALLOWED_OBJECT_ACE_TYPE }, { "OD", ACCESS_DENIED_OBJECT_ACE_TYPE }, { "OU", SYSTEM_AUDIT_OBJECT_ACE_TYPE },
  { "OL", SYSTEM_ALARM_OBJECT_ACE_TYPE },
};
static const WORD_ROW ace_flags[] = {
  { "OI", OBJECT_INHERIT_ACE }, { "CI", CONTAINER_INHERIT_ACE }, { "NP", NO_PROPAGATE_INHERIT_ACE }, { "IO", INHERIT_ONLY_ACE },
  { "ID", INHERITED_ACE }, { "SA", SUCCESSFUL_ACCESS_ACE_FLAG }, { "FA", FAILED_ACCESS_ACE_FLAG },
};
// Rights that stand for several bits are only written where they are the whole mask.
static const WORD_ROW whole_rights[] = {
  { "FA", 0x1F01FF }, { "FR", 0x120089 }, { "FW", 0x120116 }, { "FX", 0x1200A0 },
  { "KA", 0xF003F }, { "KR", 0x20019 }, { "KW", 0x20006 }, { "KX", 0x20019 },
};
static const WORD_ROW single_rights[] = {
  { "GA", GENERIC_ALL }, { "GR", GENERIC_READ }, { "GW", GENERIC_WRITE }, { "GX", GENERIC_EXECUTE },
  { "CC", 0x1 }, { "DC", 0x2 }, { "LC", 0x4 }, { "SW", 0x8 }, { "RP", 0x10 }, { "WP", 0x20 }, { "DT", 0x40 }, { "LO", 0x80 },
  { "CR", 0x100 }, { "SD", DELETE }, { "RC", READ_CONTROL }, { "WD", WRITE_DAC }, { "WO", WRITE_OWNER },
};
static const WORD_ROW acl_flags[] = {
  { "P", SE_DACL_PROTECTED }, { "AR", SE_DACL_AUTO_INHERIT_REQ }, { "AI", SE_DACL_AUTO_INHERITED },
};

typedef struct { char name[3]; BYTE authority, count; DWORD parts[2]; } SID_ROW;
#define OWN_DOMAIN 0xFF // The account of the machine's own domain with this relative identifier.
static const SID_ROW sid_names[] = {
  { "WD", 1, 1, { 0 } }, { "CO", 3, 1, { 0 } }, { "CG", 3, 1, { 1 } }, { "NU", 5, 1, { 2 } }, { "IU", 5, 1, { 4 } },
  { "SU", 5, 1, { 6 } }, { "AN", 5, 1, { 7 } }, { "ED", 5, 1, { 9 } }, { "PS", 5, 1, { 10 } }, { "AU", 5, 1, { 11 } },
  { "RC", 5, 1, { 12 } }, { "SY", 5, 1, { 18 } }, { "LS", 5, 1, { 19 } }, { "NS", 5, 1, { 20 } },
  { "BA", 5, 2, { 32, 544 } }, { "BU", 5, 2, { 32, 545 } }, { "BG", 5, 2, { 32, 546 } }, { "PU", 5, 2, { 32, 547 } },
  { "AO", 5, 2, { 32, 548 } }, { "SO", 5, 2, { 32, 549 } }, { "PO", 5, 2, { 32, 550 } }, { "BO", 5, 2, { 32, 551 } },
  { "RE", 5, 2, { 32, 552 } }, { "RU", 5, 2, { 32, 554 } }, { "RD", 5, 2, { 32, 555 } }, { "NO", 5, 2, { 32, 556 } },
  { "LA", 5, OWN_DOMAIN, { 500 } }, { "LG", 5, OWN_DOMAIN, { 501 } }, { "DA", 5, OWN_DOMAIN, { 512 } },
  { "DU", 5, OWN_DOMAIN, { 513 } }, { "DG", 5, OWN_DOMAIN, { 514 } }, { "DC", 5, OWN_DOMAIN, { 515 } },
  { "DD", 5, OWN_DOMAIN, { 516 } }, { "CA", 5, OWN_DOMAIN, { 517 } }, { "SA", 5, OWN_DOMAIN, { 518 } },
  { "EA", 5, OWN_DOMAIN, { 519 } }, { "PA", 5, OWN_DOMAIN, { 520 } },
};

static char upper(char letter) { return letter >= 'a' && letter <= 'z' ? (char)(letter - 32) : letter; }

/* The well-known SID of two letters; its length, 0 when there is none. */
DWORD sid_by_name(const char *name, SID *sid) {
  static const DWORD domain[] = { MACHINE_DOMAIN };
  for (ULONG i = 0; i < ARRAY_LENGTH(sid_names); i++) {
    const SID_ROW *row = &sid_names[i];
    if (upper(name[0]) != row->name[0] || upper(name[1]) != row->name[1]) continue;
    BOOL isOwn = row->count == OWN_DOMAIN;
    SID_IDENTIFIER_AUTHORITY authority = { { 0, 0, 0, 0, 0, row->authority } };
    InitializeSid(sid, &authority, isOwn ? ARRAY_LENGTH(domain) + 1 : row->count);
    if (isOwn) memcpy(sid->SubAuthority, domain, sizeof domain);
    memcpy(sid->SubAuthority + (isOwn ? ARRAY_LENGTH(domain) : 0), row->parts, (isOwn ? 1 : row->count) * sizeof(DWORD));
    return sid_length(sid);
  }
  return 0;
}

// --- reading. Everything is written behind `at` of a buffer that is as large as the text can make it.
typedef struct {
  const char *text;
  DWORD error; // 0: all is well so far.
} READER;

static void skip_spaces(READER *reader) {
  while (*reader->text == ' ' || *reader->text == '\t' || *reader->text == '\r' || *reader->text == '\n') reader->text++;
}
static BOOL fail(READER *reader, DWORD error) {
  if (reader->error == 0) reader->error = error;
  return FALSE;
}
static BOOL take(READER *reader, char letter) {
  skip_spaces(reader);
  if (upper(*reader->text) != letter) return FALSE;
  reader->text++;
  return TRUE;
}
static BOOL expect(READER *reader, char letter, DWORD error) { return take(reader, letter) || fail(reader, error); }

/* The row whose name the text begins with; the longest one counts. */
static const WORD_ROW *take_word(READER *reader, const WORD_ROW *rows, ULONG count) {
  const WORD_ROW *found = NULL;
  ULONG longest = 0;
  skip_spaces(reader);
  for (ULONG i = 0; i < count; i++) {
    ULONG length = 0;
    while (rows[i].name[length] != 0 && upper(reader->text[length]) == rows[i].name[length]) length++;
    if (rows[i].name[length] == 0 && length > longest) found = &rows[i], longest = length;
  }
  reader->text += longest;
  return found;
}

static BOOL is_digit_of(char letter, ULONG base, ULONG *digit) {
  char up = upper(letter);
  *digit = up >= '0' && up <= '9' ? (ULONG)(up - '0') : up >= 'A' && up <= 'F' ? (ULONG)(up - 'A') + 10 : 16;
  return *digit < base;
}

static BOOL read_mask(READER *reader, ACCESS_MASK *mask) {
  ULONG digit;
  *mask = 0;
  skip_spaces(reader);
  if (*reader->text >= '0' && *reader->text <= '9') {
    ULONG base = 10;
    if (reader->text[0] == '0') base = upper(reader->text[1]) == 'X' ? 16 : 8;
    if (base == 16) reader->text += 2;
    for (; is_digit_of(*reader->text, base, &digit); reader->text++) *mask = *mask * base + digit;
    return TRUE;
  }
  while (*reader->text != ';' && *reader->text != 0) {
    const WORD_ROW *row = take_word(reader, whole_rights, ARRAY_LENGTH(whole_rights));
    if (row == NULL) row = take_word(reader, single_rights, ARRAY_LENGTH(single_rights));
    if (row == NULL) return fail(reader, ERROR_INVALID_ACL);
    *mask |= row->value;
    skip_spaces(reader);
  }
  return TRUE;
}

/* S-1-... or two letters. Gives the length; 0: neither. */
static DWORD read_sid(READER *reader, SID *sid) {
  char own[MAXIMUM_SID_TEXT];
  ULONG length = 0;
  skip_spaces(reader);
  if (upper(reader->text[0]) == 'S' && reader->text[1] == '-') {
    // A part in hexadecimal may look like the letter of the next part: D:, but for the colon.
    for (; length < sizeof own - 1; length++) {
      char letter = upper(reader->text[length]);
      ULONG digit;
      if (letter != 'S' && letter != '-' && letter != 'X' && !is_digit_of(letter, 16, &digit)) break;
      if (reader->text[length + 1] == ':') break;
      own[length] = reader->text[length];
    }
    own[length] = 0;
    PSID converted;
    if (!ConvertStringSidToSidA(own, &converted)) return fail(reader, ERROR_INVALID_SID), 0;
    DWORD size = sid_length(converted);
    memcpy(sid, converted, size);
    LocalFree(converted);
    reader->text += length;
    return size;
  }
  DWORD size = reader->text[0] == 0 ? 0 : sid_by_name(reader->text, sid);
  if (size == 0) return fail(reader, ERROR_INVALID_SID), 0;
  reader->text += 2;
  return size;
}

/* 00112233-4455-6677-8899-aabbccddeeff, or nothing. */
static BOOL read_guid(READER *reader, GUID *guid, BOOL *present) {
  static const BYTE order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
  BYTE *bytes = (BYTE *)guid;
  skip_spaces(reader);
  *present = *reader->text != ';';
  if (!*present) return TRUE;
  for (ULONG i = 0; i < sizeof *guid; i++) {
    ULONG high, low;
    if ((i == 4 || i == 6 || i == 8 || i == 10) && *reader->text++ != '-') return fail(reader, ERROR_INVALID_ACL);
    if (!is_digit_of(reader->text[0], 16, &high) || !is_digit_of(reader->text[1], 16, &low)) return fail(reader, ERROR_INVALID_ACL);
    bytes[order[i]] = (BYTE)(high << 4 | low);
    reader->text += 2;
  }
  return TRUE;
}

/* (type;flags;rights;object;inherited object;sid). Gives its size; 0: it is none. */
static DWORD read_ace(READER *reader, BYTE *at) {
  ACE_HEADER *header = (ACE_HEADER *)at;
  const WORD_ROW *type = take_word(reader, ace_types, ARRAY_LENGTH(ace_types)), *flag;
  if (type == NULL || !expect(reader, ';', ERROR_INVALID_ACL)) return fail(reader, ERROR_INVALID_ACL), 0;
  header->AceType = (BYTE)type->value;
  header->AceFlags = 0;
  while ((flag = take_word(reader, ace_flags, ARRAY_LENGTH(ace_flags))) != NULL) header->AceFlags |= (BYTE)flag->value;
  if (!expect(reader, ';', ERROR_INVALID_ACL) || !read_mask(reader, (ACCESS_MASK *)(at + 4))) return 0;
  GUID guids[2];
  BOOL present[2];
  for (ULONG i = 0; i < 2; i++) {
    if (!expect(reader, ';', ERROR_INVALID_ACL) || !read_guid(reader, &guids[i], &present[i])) return 0;
  }
  if (!expect(reader, ';', ERROR_INVALID_ACL)) return 0;
  DWORD size = 8;
  BOOL isObject = header->AceType >= ACCESS_ALLOWED_OBJECT_ACE_TYPE;
  if (!isObject && (present[0] || present[1])) return fail(reader, ERROR_INVALID_ACL), 0;
  if (isObject) {
    *(DWORD *)(at + size) = (present[0] ? ACE_OBJECT_TYPE_PRESENT : 0) | (present[1] ? ACE_INHERITED_OBJECT_TYPE_PRESENT : 0);
    size += 4;
    for (ULONG i = 0; i < 2; i++) {
      if (present[i]) memcpy(at + size, &guids[i], sizeof *guids), size += sizeof *guids;
    }
  }
  DWORD sid = read_sid(reader, (SID *)(at + size));
  if (sid == 0 || !expect(reader, ')', ERROR_INVALID_ACL)) return 0;
  header->AceSize = (WORD)(size + sid);
  return header->AceSize;
}

/* The control bits of the list go to `control`, as those of a DACL. */
static DWORD read_acl(READER *reader, BYTE *at, WORD *control) {
  PACL acl = (PACL)at;
  const WORD_ROW *flag;
  DWORD size = sizeof *acl;
  while ((flag = take_word(reader, acl_flags, ARRAY_LENGTH(acl_flags))) != NULL) *control |= (WORD)flag->value;
  *acl = (ACL) { ACL_REVISION, 0, 0, 0, 0 };
  while (take(reader, '(')) {
    DWORD ace = read_ace(reader, at + size);
    if (ace == 0) return 0;
    if (at[size] >= ACCESS_ALLOWED_OBJECT_ACE_TYPE) acl->AclRevision = ACL_REVISION_DS;
    size += ace;
    if (size > 0xFFFC) return fail(reader, ERROR_INVALID_ACL), 0;
    acl->AceCount++;
  }
  acl->AclSize = (WORD)size;
  return size;
}

/* The bits of a SACL are those of a DACL, one further up. */
#define SACL_SHIFT 1

static DWORD read_descriptor(READER *reader, SECURITY_DESCRIPTOR_RELATIVE *to) {
  DWORD size = sizeof *to;
  BYTE *bytes = (BYTE *)to;
  *to = (SECURITY_DESCRIPTOR_RELATIVE) { SECURITY_DESCRIPTOR_REVISION, 0, SE_SELF_RELATIVE, 0, 0, 0, 0 };
  for (skip_spaces(reader); *reader->text != 0 && reader->error == 0; skip_spaces(reader)) {
    char part = upper(*reader->text++);
    if (!expect(reader, ':', ERROR_INVALID_PARAMETER)) return 0;
    DWORD *field = part == 'O' ? &to->Owner : part == 'G' ? &to->Group : part == 'D' ? &to->Dacl : part == 'S' ? &to->Sacl : NULL;
    if (field == NULL || *field != 0) return fail(reader, ERROR_INVALID_PARAMETER), 0;
    *field = size;
    if (part == 'O' || part == 'G') {
      size += read_sid(reader, (SID *)(bytes + size));
      continue;
    }
    WORD control = 0;
    size += read_acl(reader, bytes + size, &control);
    to->Control |= part == 'D' ? (WORD)(control | SE_DACL_PRESENT) : (WORD)(control << SACL_SHIFT | SE_SACL_PRESENT);
  }
  return reader->error == 0 ? size : 0;
}

BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorA(LPCSTR text, DWORD revision, PSECURITY_DESCRIPTOR *descriptor,
                                                                 PULONG size) {
  if (text == NULL || descriptor == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (revision != SDDL_REVISION_1) return refuse(ERROR_UNKNOWN_REVISION);
  // No word of the text becomes more than 28 bytes (a SID of two letters); an entry has at least ten letters for its other bytes.
  SIZE_T room = 64 + (SIZE_T)lstrlenA(text) * 16;
  BYTE *scratch = LocalAlloc(LMEM_FIXED, room);
  if (scratch == NULL) return FALSE;
  READER reader = { text, 0 };
  DWORD length = read_descriptor(&reader, (SECURITY_DESCRIPTOR_RELATIVE *)scratch);
  *descriptor = length == 0 ? NULL : LocalAlloc(LMEM_FIXED, length);
  if (*descriptor != NULL) memcpy(*descriptor, scratch, length);
  LocalFree(scratch);
  if (length == 0) return refuse(reader.error);
  if (size != NULL) *size = length;
  return *descriptor != NULL;
}
BOOL WINAPI ConvertStringSecurityDescriptorToSecurityDescriptorW(LPCWSTR text, DWORD revision, PSECURITY_DESCRIPTOR *descriptor,
                                                                 PULONG size) {
  if (text == NULL || descriptor == NULL) return refuse(ERROR_INVALID_PARAMETER);
  SIZE_T length = (SIZE_T)lstrlenW(text) + 1;
  char *narrow = LocalAlloc(LMEM_FIXED, length);
  if (narrow == NULL) return FALSE;
  for (SIZE_T i = 0; i < length; i++) narrow[i] = text[i] < 128 ? (char)text[i] : '?';
  BOOL done = ConvertStringSecurityDescriptorToSecurityDescriptorA(narrow, revision, descriptor, size);
  DWORD error = GetLastError();
  LocalFree(narrow);
  return done || refuse(error);
}

// --- writing. Once without a place, to learn the length.
typedef struct {
  char *at; // NULL: count only.
  SIZE_T length;
} WRITER;

static void put_text(WRITER *writer, const char *text) {
  for (; *text != 0; text++, writer->length++) {
    if (writer->at != NULL) writer->at[writer->length] = *text;
  }
}
static void put_hex(WRITER *writer, DWORD value, ULONG digits) {
  char text[9];
  for (ULONG i = 0; i < digits; i++) text[i] = "0123456789abcdef"[value >> (4 * (digits - 1 - i)) & 15];
  text[digits] = 0;
  put_text(writer, text);
}
static void put_words(WRITER *writer, const WORD_ROW *rows, ULONG count, DWORD value) {
  for (ULONG i = 0; i < count; i++) {
    if ((value & rows[i].value) != 0) put_text(writer, rows[i].name);
  }
}

static BOOL put_sid(WRITER *writer, PSID sid) {
  BYTE buffer[SECURITY_MAX_SID_SIZE];
  for (ULONG i = 0; i < ARRAY_LENGTH(sid_names); i++) {
    DWORD length = sid_by_name(sid_names[i].name, (SID *)buffer);
    if (length != sid_length(sid) || memcmp(buffer, sid, length) != 0) continue;
    put_text(writer, sid_names[i].name);
    return TRUE;
  }
  LPSTR text;
  if (!ConvertSidToStringSidA(sid, &text)) return FALSE;
  put_text(writer, text);
  LocalFree(text);
  return TRUE;
}

static void put_mask(WRITER *writer, ACCESS_MASK mask) {
  DWORD named = 0;
  for (ULONG i = 0; i < ARRAY_LENGTH(whole_rights); i++) {
    if (whole_rights[i].value == mask) return put_text(writer, whole_rights[i].name);
  }
  for (ULONG i = 0; i < ARRAY_LENGTH(single_rights); i++) named |= single_rights[i].value;
  if ((mask & ~named) == 0) return put_words(writer, single_rights, ARRAY_LENGTH(single_rights), mask);
  put_text(writer, "0x");
  ULONG digits = 1;
  while (digits < 8 && mask >> (4 * digits) != 0) digits++;
  put_hex(writer, mask, digits);
}

static void put_guid(WRITER *writer, const GUID *guid) {
  put_hex(writer, guid->Data1, 8), put_text(writer, "-");
  put_hex(writer, guid->Data2, 4), put_text(writer, "-");
  put_hex(writer, guid->Data3, 4), put_text(writer, "-");
  for (ULONG i = 0; i < 8; i++) {
    if (i == 2) put_text(writer, "-");
    put_hex(writer, guid->Data4[i], 2);
  }
}

static BOOL put_ace(WRITER *writer, const ACE_HEADER *ace) {
  const BYTE *at = (const BYTE *)ace + 8;
  const char *type = NULL;
  for (ULONG i = 0; i < ARRAY_LENGTH(ace_types); i++) {
    if (ace_types[i].value == ace->AceType) type = ace_types[i].name;
  }
  if (type == NULL) return refuse(ERROR_INVALID_ACL);
  put_text(writer, "("), put_text(writer, type), put_text(writer, ";");
  put_words(writer, ace_flags, ARRAY_LENGTH(ace_flags), ace->AceFlags);
  put_text(writer, ";"), put_mask(writer, *(const ACCESS_MASK *)((const BYTE *)ace + 4)), put_text(writer, ";");
  DWORD present = 0;
  if (ace->AceType >= ACCESS_ALLOWED_OBJECT_ACE_TYPE) present = *(const DWORD *)at, at += 4;
  if (present & ACE_OBJECT_TYPE_PRESENT) put_guid(writer, (const GUID *)at), at += sizeof(GUID);
  put_text(writer, ";");
  if (present & ACE_INHERITED_OBJECT_TYPE_PRESENT) put_guid(writer, (const GUID *)at), at += sizeof(GUID);
  put_text(writer, ";");
  if (!put_sid(writer, (PSID)at)) return FALSE;
  put_text(writer, ")");
  return TRUE;
}

static BOOL put_acl(WRITER *writer, const char *part, PACL acl, WORD control) {
  put_text(writer, part);
  put_words(writer, acl_flags, ARRAY_LENGTH(acl_flags), control);
  for (DWORD i = 0; acl != NULL && i < acl->AceCount; i++) {
    PVOID ace;
    if (!GetAce(acl, i, &ace) || !put_ace(writer, ace)) return FALSE;
  }
  return TRUE;
}

static BOOL put_descriptor(WRITER *writer, PSECURITY_DESCRIPTOR descriptor, SECURITY_INFORMATION parts) {
  SECURITY_DESCRIPTOR_CONTROL control;
  DWORD revision;
  PSID owner, group;
  PACL dacl, sacl;
  BOOL defaulted, hasDacl, hasSacl;
  if (!GetSecurityDescriptorControl(descriptor, &control, &revision) || !GetSecurityDescriptorOwner(descriptor, &owner, &defaulted) ||
      !GetSecurityDescriptorGroup(descriptor, &group, &defaulted) ||
      !GetSecurityDescriptorDacl(descriptor, &hasDacl, &dacl, &defaulted) ||
      !GetSecurityDescriptorSacl(descriptor, &hasSacl, &sacl, &defaulted)) return FALSE;
  if ((parts & OWNER_SECURITY_INFORMATION) && owner != NULL) {
    put_text(writer, "O:");
    if (!put_sid(writer, owner)) return FALSE;
  }
  if ((parts & GROUP_SECURITY_INFORMATION) && group != NULL) {
    put_text(writer, "G:");
    if (!put_sid(writer, group)) return FALSE;
  }
  if ((parts & DACL_SECURITY_INFORMATION) && hasDacl && !put_acl(writer, "D:", dacl, control)) return FALSE;
  return !(parts & SACL_SECURITY_INFORMATION) || !hasSacl || put_acl(writer, "S:", sacl, (WORD)(control >> SACL_SHIFT));
}

BOOL WINAPI ConvertSecurityDescriptorToStringSecurityDescriptorA(PSECURITY_DESCRIPTOR descriptor, DWORD revision,
                                                                 SECURITY_INFORMATION parts, LPSTR *text, PULONG size) {
  if (descriptor == NULL || text == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (revision != SDDL_REVISION_1) return refuse(ERROR_UNKNOWN_REVISION);
  if (!IsValidSecurityDescriptor(descriptor)) return refuse(ERROR_INVALID_SECURITY_DESCR);
  WRITER writer = { NULL, 0 };
  if (!put_descriptor(&writer, descriptor, parts)) return FALSE;
  *text = writer.at = LocalAlloc(LMEM_FIXED, writer.length + 1);
  if (writer.at == NULL) return FALSE;
  writer.length = 0;
  put_descriptor(&writer, descriptor, parts);
  writer.at[writer.length++] = 0;
  if (size != NULL) *size = writer.length;
  return TRUE;
}
BOOL WINAPI ConvertSecurityDescriptorToStringSecurityDescriptorW(PSECURITY_DESCRIPTOR descriptor, DWORD revision,
                                                                 SECURITY_INFORMATION parts, LPWSTR *text, PULONG size) {
  LPSTR narrow;
  ULONG length;
  if (text == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (!ConvertSecurityDescriptorToStringSecurityDescriptorA(descriptor, revision, parts, &narrow, &length)) return FALSE;
  *text = LocalAlloc(LMEM_FIXED, length * sizeof(WCHAR));
  for (ULONG i = 0; *text != NULL && i < length; i++) (*text)[i] = (BYTE)narrow[i];
  LocalFree(narrow);
  if (size != NULL) *size = length;
  return *text != NULL;
}
