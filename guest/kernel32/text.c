// Comparing, mapping and classifying text; the lstr routines.
#include "kernel32.h"

static int text_length(PCWSTR text, int length) { return length < 0 ? (int)wcslen(text) : length; }

/* Word sort order: letters by themselves first, lower before upper case as the last tie-breaker; symbols by code. */
static ULONG weight(WCHAR c) {
  if (c >= L'0' && c <= L'9') return 0x10000u + c;
  WCHAR upper = RtlUpcaseUnicodeChar(c);
  if (upper != RtlDowncaseUnicodeChar(c)) return 0x20000u + upper;
  return c;
}

int WINAPI CompareStringW(LCID locale, DWORD flags, LPCWSTR a, int lengthA, LPCWSTR b, int lengthB) {
  (void)locale;
  if (a == NULL || b == NULL) return refuse(ERROR_INVALID_PARAMETER);
  lengthA = text_length(a, lengthA);
  lengthB = text_length(b, lengthB);
  int common = lengthA < lengthB ? lengthA : lengthB, caseOrder = 0;
  for (int i = 0; i < common; i++) {
    if (a[i] == b[i]) continue;
    ULONG x = weight(a[i]), y = weight(b[i]);
    if (x != y) return x < y ? CSTR_LESS_THAN : CSTR_GREATER_THAN;
    if (caseOrder == 0 && !(flags & (NORM_IGNORECASE | LINGUISTIC_IGNORECASE))) {
      caseOrder = RtlDowncaseUnicodeChar(a[i]) == a[i] ? CSTR_LESS_THAN : CSTR_GREATER_THAN;
    }
  }
  if (lengthA != lengthB) return lengthA < lengthB ? CSTR_LESS_THAN : CSTR_GREATER_THAN;
  return caseOrder != 0 ? caseOrder : CSTR_EQUAL;
}

static PWSTR widen_counted(const char *text, int *length) {
  int bytes = *length < 0 ? (int)strlen(text) : *length;
  PWSTR wide = allocate(((SIZE_T)bytes + 1) * sizeof(WCHAR));
  if (wide == NULL) return NULL;
  *length = bytes == 0 ? 0 : MultiByteToWideChar(CP_ACP, 0, text, bytes, wide, bytes);
  wide[*length] = 0;
  return wide;
}

int WINAPI CompareStringA(LCID locale, DWORD flags, LPCSTR a, int lengthA, LPCSTR b, int lengthB) {
  if (a == NULL || b == NULL) return refuse(ERROR_INVALID_PARAMETER);
  PWSTR wideA = widen_counted(a, &lengthA), wideB = widen_counted(b, &lengthB);
  int order = wideA != NULL && wideB != NULL ? CompareStringW(locale, flags, wideA, lengthA, wideB, lengthB) : 0;
  release(wideA), release(wideB);
  return order;
}

int WINAPI CompareStringOrdinal(LPCWCH a, int lengthA, LPCWCH b, int lengthB, WINBOOL ignoreCase) {
  if (a == NULL || b == NULL) return refuse(ERROR_INVALID_PARAMETER);
  UNICODE_STRING x = { (USHORT)(text_length(a, lengthA) * 2), 0, (PWSTR)a }, y = { (USHORT)(text_length(b, lengthB) * 2), 0, (PWSTR)b };
  LONG order = RtlCompareUnicodeString(&x, &y, ignoreCase != FALSE);
  return order < 0 ? CSTR_LESS_THAN : order > 0 ? CSTR_GREATER_THAN : CSTR_EQUAL;
}

/* Case mapping (LOWERCASE, UPPERCASE) and byte sort keys; the East Asian mappings are not built. */
int WINAPI LCMapStringW(LCID locale, DWORD flags, LPCWSTR source, int length, LPWSTR target, int size) {
  (void)locale;
  if (source == NULL || length == 0 || size < 0) return refuse(ERROR_INVALID_PARAMETER);
  BOOLEAN terminated = length < 0;
  length = text_length(source, length) + (terminated ? 1 : 0);
  if (flags & LCMAP_SORTKEY) {
    int needed = length * 3 + 1;
    if (size == 0) return needed;
    if (size < needed) return refuse(ERROR_INSUFFICIENT_BUFFER);
    PUCHAR key = (PUCHAR)target;
    for (int i = 0; i < length; i++) {
      WCHAR c = flags & NORM_IGNORECASE ? RtlUpcaseUnicodeChar(source[i]) : source[i];
      ULONG value = weight(c);
      *key++ = (UCHAR)(value >> 16) + 1, *key++ = (UCHAR)(value >> 8) | 1, *key++ = (UCHAR)value | 1;
    }
    *key = 0;
    return needed;
  }
  if (flags & (LCMAP_FULLWIDTH | LCMAP_HALFWIDTH | LCMAP_HIRAGANA | LCMAP_KATAKANA | LCMAP_SIMPLIFIED_CHINESE |
               LCMAP_TRADITIONAL_CHINESE)) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  if ((flags & (LCMAP_LOWERCASE | LCMAP_UPPERCASE)) == (LCMAP_LOWERCASE | LCMAP_UPPERCASE)) return refuse(ERROR_INVALID_FLAGS);
  if (size == 0) return length;
  if (size < length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  for (int i = 0; i < length; i++) {
    WCHAR c = source[i];
    target[i] = flags & LCMAP_LOWERCASE ? RtlDowncaseUnicodeChar(c) : flags & LCMAP_UPPERCASE ? RtlUpcaseUnicodeChar(c) : c;
  }
  return length;
}
int WINAPI LCMapStringA(LCID locale, DWORD flags, LPCSTR source, int length, LPSTR target, int size) {
  if (source == NULL || length == 0) return refuse(ERROR_INVALID_PARAMETER);
  if (flags & LCMAP_SORTKEY) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  BOOLEAN terminated = length < 0;
  PWSTR wide = widen_counted(source, &length);
  if (wide == NULL) return 0;
  if (terminated) length++;
  int result = LCMapStringW(locale, flags, wide, length, wide, length);
  if (result != 0) result = WideCharToMultiByte(CP_ACP, 0, wide, result, target, size, NULL, NULL);
  release(wide);
  return result;
}
int WINAPI FoldStringW(DWORD flags, LPCWSTR source, int length, LPWSTR target, int size) {
  if (source == NULL || length == 0) return refuse(ERROR_INVALID_PARAMETER);
  if (flags & ~(DWORD)MAP_FOLDDIGITS) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  return LCMapStringW(LOCALE_USER_DEFAULT, 0, source, length, target, size);
}

static WORD class_of(WCHAR c) {
  WORD class = 0;
  if (c == L' ' || c == 0xA0) return C1_SPACE | C1_BLANK;
  if (c == L'\t') return C1_SPACE | C1_BLANK | C1_CNTRL;
  if (c >= 0x0A && c <= 0x0D) return C1_SPACE | C1_CNTRL;
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return C1_CNTRL;
  if (c >= L'0' && c <= L'9') return C1_DIGIT | C1_XDIGIT;
  BOOLEAN isUpper = RtlDowncaseUnicodeChar(c) != c, isLower = RtlUpcaseUnicodeChar(c) != c || c == 0xDF || c == 0xAA || c == 0xBA || c == 0xB5;
  if (isUpper) class |= C1_UPPER | C1_ALPHA;
  if (isLower) class |= C1_LOWER | C1_ALPHA;
  if ((c >= L'A' && c <= L'F') || (c >= L'a' && c <= L'f')) class |= C1_XDIGIT;
  if (class != 0) return class;
  if (c == 0xB2 || c == 0xB3 || c == 0xB9) return C1_DIGIT | C1_PUNCT;
  if (c < 0x100) return C1_PUNCT;
  if (c >= 0x2000 && c < 0x3000) return C1_PUNCT;
  return C1_ALPHA;
}

BOOL WINAPI GetStringTypeW(DWORD kind, LPCWCH text, int length, LPWORD classes) {
  if (text == NULL || classes == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (length < 0) length = (int)wcslen(text) + 1;
  for (int i = 0; i < length; i++) {
    WORD class = class_of(text[i]);
    switch (kind) {
    case CT_CTYPE1: classes[i] = class; break;
    case CT_CTYPE2:
      classes[i] = class & C1_ALPHA ? C2_LEFTTORIGHT : class & C1_DIGIT ? C2_EUROPENUMBER : class & C1_SPACE ? C2_WHITESPACE : C2_OTHERNEUTRAL;
      break;
    case CT_CTYPE3: classes[i] = class & C1_ALPHA ? C3_ALPHA : class & C1_PUNCT ? C3_SYMBOL : 0; break;
    default: return refuse(ERROR_INVALID_PARAMETER);
    }
  }
  return TRUE;
}
BOOL WINAPI GetStringTypeExW(LCID locale, DWORD kind, LPCWCH text, int length, LPWORD classes) {
  (void)locale;
  return GetStringTypeW(kind, text, length, classes);
}
BOOL WINAPI GetStringTypeA(LCID locale, DWORD kind, LPCSTR text, int length, LPWORD classes) {
  (void)locale;
  if (text == NULL) return refuse(ERROR_INVALID_PARAMETER);
  if (length < 0) length = (int)strlen(text) + 1;
  PWSTR wide = widen_counted(text, &length);
  BOOL done = wide != NULL && GetStringTypeW(kind, wide, length, classes);
  release(wide);
  return done;
}
BOOL WINAPI GetStringTypeExA(LCID locale, DWORD kind, LPCSTR text, int length, LPWORD classes) {
  return GetStringTypeA(locale, kind, text, length, classes);
}

// --- lstr: forgiving of NULL, as far as Windows is
int WINAPI lstrlenA(LPCSTR text) { return text == NULL ? 0 : (int)strlen(text); }
int WINAPI lstrlenW(LPCWSTR text) { return text == NULL ? 0 : (int)wcslen(text); }
LPSTR WINAPI lstrcpyA(LPSTR target, LPCSTR source) { return memcpy(target, source, strlen(source) + 1); }
LPWSTR WINAPI lstrcpyW(LPWSTR target, LPCWSTR source) {
  copy_wide(target, source);
  return target;
}
LPSTR WINAPI lstrcatA(LPSTR target, LPCSTR source) {
  lstrcpyA(target + strlen(target), source);
  return target;
}
LPWSTR WINAPI lstrcatW(LPWSTR target, LPCWSTR source) {
  copy_wide(target + wcslen(target), source);
  return target;
}
LPSTR WINAPI lstrcpynA(LPSTR target, LPCSTR source, int size) {
  int i = 0;
  for (; i + 1 < size && source[i] != 0; i++) target[i] = source[i];
  if (size > 0) target[i] = 0;
  return target;
}
LPWSTR WINAPI lstrcpynW(LPWSTR target, LPCWSTR source, int size) {
  int i = 0;
  for (; i + 1 < size && source[i] != 0; i++) target[i] = source[i];
  if (size > 0) target[i] = 0;
  return target;
}
static int by_locale_w(PCWSTR a, PCWSTR b, DWORD flags) {
  if (a == NULL || b == NULL) return a == b ? 0 : a == NULL ? -1 : 1;
  return CompareStringW(LOCALE_USER_DEFAULT, flags, a, -1, b, -1) - CSTR_EQUAL;
}
static int by_locale_a(PCSTR a, PCSTR b, DWORD flags) {
  if (a == NULL || b == NULL) return a == b ? 0 : a == NULL ? -1 : 1;
  return CompareStringA(LOCALE_USER_DEFAULT, flags, a, -1, b, -1) - CSTR_EQUAL;
}
int WINAPI lstrcmpA(LPCSTR a, LPCSTR b) { return by_locale_a(a, b, 0); }
int WINAPI lstrcmpiA(LPCSTR a, LPCSTR b) { return by_locale_a(a, b, NORM_IGNORECASE); }
int WINAPI lstrcmpW(LPCWSTR a, LPCWSTR b) { return by_locale_w(a, b, 0); }
int WINAPI lstrcmpiW(LPCWSTR a, LPCWSTR b) { return by_locale_w(a, b, NORM_IGNORECASE); }
int WINAPI MulDiv(int number, int numerator, int denominator) {
  if (denominator == 0) return -1;
  LONGLONG product = (LONGLONG)number * numerator, half = (denominator < 0 ? -(LONGLONG)denominator : denominator) / 2;
  LONGLONG result = (product < 0) == (denominator < 0) ? (product + (product < 0 ? -half : half)) / denominator
                                                      : (product - (product < 0 ? half : -half)) / denominator;
  return result > 0x7FFFFFFF || result < -0x80000000ll ? -1 : (int)result;
}
