// Counted strings: ANSI (code page 1252), OEM (437) and Unicode.
#include "ntdll.h"
#include "code-pages.h"

VOID NTAPI RtlInitString(PSTRING target, PCSZ source) {
  size_t length = source == NULL ? 0 : strlen(source);
  if (length > 0xFFFE) length = 0xFFFE;
  target->Length = (USHORT)length;
  target->MaximumLength = source == NULL ? 0 : (USHORT)(length + 1);
  target->Buffer = (PCHAR)source;
}
VOID NTAPI RtlInitAnsiString(PANSI_STRING target, PCSZ source) { RtlInitString(target, source); }

VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING target, PCWSTR source) {
  size_t length = source == NULL ? 0 : wcslen(source) * sizeof(WCHAR);
  if (length > 0xFFFC) length = 0xFFFC;
  target->Length = (USHORT)length;
  target->MaximumLength = source == NULL ? 0 : (USHORT)(length + sizeof(WCHAR));
  target->Buffer = (PWSTR)source;
}
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING target, PCWSTR source) {
  if (source != NULL && wcslen(source) > 0x7FFE) return STATUS_NAME_TOO_LONG;
  RtlInitUnicodeString(target, source);
  return STATUS_SUCCESS;
}

// --- code pages
static WCHAR widen(const WCHAR *page, UCHAR byte) { return byte < 0x80 ? byte : page[byte - 0x80]; }

static CHAR narrow(const WCHAR *page, WCHAR character) {
  if (character < 0x80) return (CHAR)character;
  if (page == code_page_1252 && character >= 0xA0 && character <= 0xFF) return (CHAR)character;
  for (ULONG i = 0; i < 128; i++) {
    if (page[i] == character) return (CHAR)(0x80 + i);
  }
  return '?';
}

static NTSTATUS widen_text(const WCHAR *page, PWSTR target, ULONG size, PULONG used, const char *source, ULONG length) {
  ULONG count = size / sizeof(WCHAR) < length ? size / sizeof(WCHAR) : length;
  for (ULONG i = 0; i < count; i++) target[i] = widen(page, (UCHAR)source[i]);
  if (used != NULL) *used = count * sizeof(WCHAR);
  return count < length ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

static NTSTATUS narrow_text(const WCHAR *page, PCHAR target, ULONG size, PULONG used, PCWSTR source, ULONG length) {
  ULONG count = size < length / sizeof(WCHAR) ? size : length / sizeof(WCHAR);
  for (ULONG i = 0; i < count; i++) target[i] = narrow(page, source[i]);
  if (used != NULL) *used = count;
  return count < length / sizeof(WCHAR) ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWSTR target, ULONG size, PULONG used, const char *source, ULONG length) {
  return widen_text(code_page_1252, target, size, used, source, length);
}
NTSTATUS NTAPI RtlUnicodeToMultiByteN(PCHAR target, ULONG size, PULONG used, PCWSTR source, ULONG length) {
  return narrow_text(code_page_1252, target, size, used, source, length);
}
NTSTATUS NTAPI RtlOemToUnicodeN(PWSTR target, ULONG size, PULONG used, const char *source, ULONG length) {
  return widen_text(code_page_437, target, size, used, source, length);
}
NTSTATUS NTAPI RtlUnicodeToOemN(PCHAR target, ULONG size, PULONG used, PCWSTR source, ULONG length) {
  return narrow_text(code_page_437, target, size, used, source, length);
}
NTSTATUS NTAPI RtlMultiByteToUnicodeSize(PULONG size, const char *source, ULONG length) {
  (void)source;
  *size = length * sizeof(WCHAR);
  return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG size, PCWSTR source, ULONG length) {
  (void)source;
  *size = length / sizeof(WCHAR);
  return STATUS_SUCCESS;
}

static NTSTATUS string_to_unicode(const WCHAR *page, PUNICODE_STRING target, const STRING *source, BOOLEAN allocate) {
  ULONG bytes = (source->Length + 1u) * sizeof(WCHAR);
  if (bytes > 0xFFFF) return STATUS_INVALID_PARAMETER_2;
  if (allocate) {
    target->Buffer = RtlAllocateHeap(process_heap(), 0, bytes);
    if (target->Buffer == NULL) return STATUS_NO_MEMORY;
    target->MaximumLength = (USHORT)bytes;
  } else if (bytes > target->MaximumLength) {
    return STATUS_BUFFER_OVERFLOW;
  }
  target->Length = (USHORT)(bytes - sizeof(WCHAR));
  widen_text(page, target->Buffer, target->Length, NULL, source->Buffer, source->Length);
  target->Buffer[source->Length] = 0;
  return STATUS_SUCCESS;
}

static NTSTATUS unicode_to_string(const WCHAR *page, PSTRING target, PCUNICODE_STRING source, BOOLEAN allocate) {
  ULONG bytes = source->Length / sizeof(WCHAR) + 1;
  NTSTATUS status = STATUS_SUCCESS;
  if (allocate) {
    target->Buffer = RtlAllocateHeap(process_heap(), 0, bytes);
    if (target->Buffer == NULL) return STATUS_NO_MEMORY;
    target->MaximumLength = (USHORT)bytes;
  } else if (bytes > target->MaximumLength) {
    if (target->MaximumLength == 0) return STATUS_BUFFER_OVERFLOW;
    bytes = target->MaximumLength;
    status = STATUS_BUFFER_OVERFLOW;
  }
  target->Length = (USHORT)(bytes - 1);
  narrow_text(page, target->Buffer, target->Length, NULL, source->Buffer, source->Length);
  target->Buffer[target->Length] = 0;
  return status;
}

NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING target, PCANSI_STRING source, BOOLEAN allocate) {
  return string_to_unicode(code_page_1252, target, source, allocate);
}
NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING target, PCUNICODE_STRING source, BOOLEAN allocate) {
  return unicode_to_string(code_page_1252, target, source, allocate);
}
NTSTATUS NTAPI RtlOemStringToUnicodeString(PUNICODE_STRING target, PCOEM_STRING source, BOOLEAN allocate) {
  return string_to_unicode(code_page_437, target, source, allocate);
}
NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING target, PCUNICODE_STRING source, BOOLEAN allocate) {
  return unicode_to_string(code_page_437, target, source, allocate);
}

VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING string) {
  if (string->Buffer != NULL) RtlFreeHeap(process_heap(), 0, string->Buffer);
  memset(string, 0, sizeof *string);
}
VOID NTAPI RtlFreeAnsiString(PANSI_STRING string) {
  if (string->Buffer != NULL) RtlFreeHeap(process_heap(), 0, string->Buffer);
  memset(string, 0, sizeof *string);
}
VOID NTAPI RtlFreeOemString(POEM_STRING string) { RtlFreeAnsiString(string); }

// --- case: Latin-1, Latin Extended-A and Additional, Greek, Cyrillic, Armenian, full width
static BOOLEAN pairs_even_upper(WCHAR c) {
  return (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) || (c >= 0x14A && c <= 0x177) || (c >= 0x1E00 && c <= 0x1E95) ||
         (c >= 0x1EA0 && c <= 0x1EF9) || (c >= 0x460 && c <= 0x481) || (c >= 0x490 && c <= 0x4BF) || (c >= 0x4D0 && c <= 0x4F9) ||
         (c >= 0x1DE && c <= 0x1EF) || (c >= 0x1F8 && c <= 0x21F);
}
static BOOLEAN pairs_odd_upper(WCHAR c) { return (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E) || (c >= 0x1CD && c <= 0x1DC); }

WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  if (c < 0x100) return c == 0xFF ? 0x178 : c >= 0xE0 && c != 0xF7 ? c - 32 : c;
  if (pairs_even_upper(c)) return c & ~1;
  if (pairs_odd_upper(c)) return c & 1 ? c : c - 1;
  if (c >= 0x3B1 && c <= 0x3CB && c != 0x3C2) return c - 32;
  if (c >= 0x430 && c <= 0x44F) return c - 32;
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  if (c >= 0x561 && c <= 0x586) return c - 48;
  if (c >= 0xFF41 && c <= 0xFF5A) return c - 32;
  return c;
}

WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if (c < 0x100) return c >= 0xC0 && c <= 0xDE && c != 0xD7 ? c + 32 : c;
  if (c == 0x178) return 0xFF;
  if (pairs_even_upper(c)) return c | 1;
  if (pairs_odd_upper(c)) return c & 1 ? c + 1 : c;
  if (c >= 0x391 && c <= 0x3AB && c != 0x3A2) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if (c >= 0x531 && c <= 0x556) return c + 48;
  if (c >= 0xFF21 && c <= 0xFF3A) return c + 32;
  return c;
}

CHAR NTAPI RtlUpperChar(CHAR c) {
  if ((UCHAR)c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  CHAR upper = narrow(code_page_1252, RtlUpcaseUnicodeChar(widen(code_page_1252, (UCHAR)c)));
  return upper == '?' ? c : upper;
}

// --- comparison and copying
LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignoreCase) {
  ULONG length = (a->Length < b->Length ? a->Length : b->Length) / sizeof(WCHAR);
  for (ULONG i = 0; i < length; i++) {
    WCHAR x = a->Buffer[i], y = b->Buffer[i];
    if (x == y) continue;
    if (ignoreCase) x = RtlUpcaseUnicodeChar(x), y = RtlUpcaseUnicodeChar(y);
    if (x != y) return (LONG)x - (LONG)y;
  }
  return (LONG)a->Length - (LONG)b->Length;
}
BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING a, PCUNICODE_STRING b, BOOLEAN ignoreCase) {
  return a->Length == b->Length && RtlCompareUnicodeString(a, b, ignoreCase) == 0;
}
BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING string, BOOLEAN ignoreCase) {
  if (prefix->Length > string->Length) return FALSE;
  UNICODE_STRING start = { prefix->Length, prefix->Length, string->Buffer };
  return RtlEqualUnicodeString(prefix, &start, ignoreCase);
}
LONG NTAPI RtlCompareString(PCANSI_STRING a, PCANSI_STRING b, BOOLEAN ignoreCase) {
  ULONG length = a->Length < b->Length ? a->Length : b->Length;
  for (ULONG i = 0; i < length; i++) {
    CHAR x = a->Buffer[i], y = b->Buffer[i];
    if (ignoreCase) x = RtlUpperChar(x), y = RtlUpperChar(y);
    if (x != y) return (LONG)(UCHAR)x - (LONG)(UCHAR)y;
  }
  return (LONG)a->Length - (LONG)b->Length;
}
BOOLEAN NTAPI RtlEqualString(PCANSI_STRING a, PCANSI_STRING b, BOOLEAN ignoreCase) {
  return a->Length == b->Length && RtlCompareString(a, b, ignoreCase) == 0;
}
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING target, PCUNICODE_STRING source) {
  if (source == NULL) {
    target->Length = 0;
    return;
  }
  target->Length = source->Length < target->MaximumLength ? source->Length : target->MaximumLength;
  memmove(target->Buffer, source->Buffer, target->Length);
  if (target->Length + sizeof(WCHAR) <= target->MaximumLength) target->Buffer[target->Length / sizeof(WCHAR)] = 0;
}
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING target, PCUNICODE_STRING source) {
  if ((ULONG)target->Length + source->Length > target->MaximumLength) return STATUS_BUFFER_TOO_SMALL;
  memmove((char *)target->Buffer + target->Length, source->Buffer, source->Length);
  target->Length += source->Length;
  if (target->Length + sizeof(WCHAR) <= target->MaximumLength) target->Buffer[target->Length / sizeof(WCHAR)] = 0;
  return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING target, PCWSTR source) {
  UNICODE_STRING string;
  RtlInitUnicodeString(&string, source);
  return RtlAppendUnicodeStringToString(target, &string);
}
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING target, PCWSTR source) {
  UNICODE_STRING string;
  RtlInitUnicodeString(&string, source);
  target->Buffer = RtlAllocateHeap(process_heap(), 0, string.Length + sizeof(WCHAR));
  if (target->Buffer == NULL) return FALSE;
  target->Length = 0;
  target->MaximumLength = (USHORT)(string.Length + sizeof(WCHAR));
  RtlCopyUnicodeString(target, &string);
  return TRUE;
}
BOOLEAN NTAPI RtlCreateUnicodeStringFromAsciiz(PUNICODE_STRING target, PCSZ source) {
  ANSI_STRING ansi;
  RtlInitAnsiString(&ansi, source);
  return NT_SUCCESS(RtlAnsiStringToUnicodeString(target, &ansi, TRUE));
}
NTSTATUS NTAPI RtlUpcaseUnicodeString(PUNICODE_STRING target, PCUNICODE_STRING source, BOOLEAN allocate) {
  if (allocate) {
    target->Buffer = RtlAllocateHeap(process_heap(), 0, source->Length == 0 ? 2 : source->Length);
    if (target->Buffer == NULL) return STATUS_NO_MEMORY;
    target->MaximumLength = source->Length;
  } else if (source->Length > target->MaximumLength) {
    return STATUS_BUFFER_OVERFLOW;
  }
  for (ULONG i = 0; i < source->Length / sizeof(WCHAR); i++) target->Buffer[i] = RtlUpcaseUnicodeChar(source->Buffer[i]);
  target->Length = source->Length;
  return STATUS_SUCCESS;
}

// --- numbers
/* base 0: 0x, 0o and 0b prefixes choose, else decimal. */
NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING string, ULONG base, PULONG value) {
  ULONG length = string->Length / sizeof(WCHAR), i = 0, result = 0;
  BOOLEAN negative = FALSE;
  while (i < length && string->Buffer[i] <= L' ') i++;
  if (i < length && (string->Buffer[i] == L'-' || string->Buffer[i] == L'+')) negative = string->Buffer[i++] == L'-';
  if (base == 0) {
    base = 10;
    if (i + 1 < length && string->Buffer[i] == L'0') {
      WCHAR mark = string->Buffer[i + 1];
      if (mark == L'x') base = 16;
      else if (mark == L'o') base = 8;
      else if (mark == L'b') base = 2;
      if (base != 10) i += 2;
    }
  } else if (base != 2 && base != 8 && base != 10 && base != 16) {
    return STATUS_INVALID_PARAMETER;
  }
  for (; i < length; i++) {
    WCHAR c = RtlUpcaseUnicodeChar(string->Buffer[i]);
    ULONG digit = c >= L'0' && c <= L'9' ? (ULONG)(c - L'0') : c >= L'A' && c <= L'F' ? (ULONG)(c - L'A') + 10 : 99;
    if (digit >= base) break;
    result = result * base + digit;
  }
  *value = negative ? 0u - result : result;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToChar(ULONG value, ULONG base, LONG length, PCHAR text) {
  char digits[33];
  ULONG at = 33;
  if (base == 0) base = 10;
  if (base != 2 && base != 8 && base != 10 && base != 16) return STATUS_INVALID_PARAMETER;
  do {
    digits[--at] = "0123456789ABCDEF"[value % base];
    value /= base;
  } while (value != 0);
  ULONG count = 33 - at;
  if ((LONG)count > length) return STATUS_BUFFER_OVERFLOW;
  memcpy(text, digits + at, count);
  if ((LONG)count < length) text[count] = 0;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING target) {
  char text[34];
  ANSI_STRING ansi;
  NTSTATUS status = RtlIntegerToChar(value, base, sizeof text, text);
  if (!NT_SUCCESS(status)) return status;
  RtlInitAnsiString(&ansi, text);
  return RtlAnsiStringToUnicodeString(target, &ansi, FALSE);
}
