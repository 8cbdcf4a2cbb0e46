/* wchar.h: strings of UTF-16 units, and conversion to and from the ANSI code page. */
#include "crt.h"

unsigned short towlower(unsigned short c);
unsigned short towupper(unsigned short c);

size_t wcslen(const wide *text) {
  const wide *end = text;
  while (*end) end++;
  return end - text;
}

wide *wcscpy(wide *target, const wide *source) {
  wide *to = target;
  while ((*to++ = *source++)) {}
  return target;
}

wide *wcsncpy(wide *target, const wide *source, size_t count) {
  size_t i = 0;
  for (; i < count && source[i]; i++) target[i] = source[i];
  for (; i < count; i++) target[i] = 0;
  return target;
}

wide *wcscat(wide *target, const wide *source) {
  wcscpy(target + wcslen(target), source);
  return target;
}

wide *wcsncat(wide *target, const wide *source, size_t count) {
  wide *to = target + wcslen(target);
  while (count-- && *source) *to++ = *source++;
  *to = 0;
  return target;
}

int wcscmp(const wide *a, const wide *b) {
  for (; *a && *a == *b; a++, b++) {}
  return (*a > *b) - (*a < *b);
}

int wcsncmp(const wide *a, const wide *b, size_t count) {
  for (; count && *a && *a == *b; a++, b++, count--) {}
  return count ? *a - *b : 0;
}

int wcscoll(const wide *a, const wide *b) { return wcscmp(a, b); }

size_t wcsxfrm(wide *target, const wide *source, size_t count) {
  size_t length = wcslen(source);
  if (count) wcsncpy(target, source, count);
  return length;
}

int _wcsicmp(const wide *a, const wide *b) {
  for (; *a && towlower(*a) == towlower(*b); a++, b++) {}
  return towlower(*a) - towlower(*b);
}

int _wcsnicmp(const wide *a, const wide *b, size_t count) {
  for (; count && *a && towlower(*a) == towlower(*b); a++, b++, count--) {}
  return count ? towlower(*a) - towlower(*b) : 0;
}

wide *wcschr(const wide *text, wide character) {
  for (;; text++) {
    if (*text == character) return (wide *)text;
    if (!*text) return NULL;
  }
}

wide *wcsrchr(const wide *text, wide character) {
  const wide *found = NULL;
  for (;; text++) {
    if (*text == character) found = text;
    if (!*text) return (wide *)found;
  }
}

size_t wcsspn(const wide *text, const wide *set) {
  size_t length = 0;
  while (text[length] && wcschr(set, text[length])) length++;
  return length;
}

size_t wcscspn(const wide *text, const wide *set) {
  size_t length = 0;
  while (text[length] && !wcschr(set, text[length])) length++;
  return length;
}

wide *wcspbrk(const wide *text, const wide *set) {
  text += wcscspn(text, set);
  return *text ? (wide *)text : NULL;
}

wide *wcsstr(const wide *text, const wide *part) {
  size_t length = wcslen(part);
  if (!length) return (wide *)text;
  for (; (text = wcschr(text, *part)); text++)
    if (!wcsncmp(text, part, length)) return (wide *)text;
  return NULL;
}

wide *wcstok(wide *text, const wide *set) {
  struct thread_data *data = thread_data();
  if (!text) text = data->wcstok_next;
  if (!text) return NULL;
  text += wcsspn(text, set);
  if (!*text) return data->wcstok_next = NULL;
  wide *end = text + wcscspn(text, set);
  data->wcstok_next = *end ? end + 1 : NULL;
  *end = 0;
  return text;
}

wide *_wcsdup(const wide *text) {
  if (!text) return NULL;
  wide *copy = malloc((wcslen(text) + 1) * sizeof *copy);
  return copy ? wcscpy(copy, text) : NULL;
}

wide *_wcslwr(wide *text) {
  for (wide *c = text; *c; c++) *c = towlower(*c);
  return text;
}

wide *_wcsupr(wide *text) {
  for (wide *c = text; *c; c++) *c = towupper(*c);
  return text;
}

wide *_wcsrev(wide *text) {
  for (wide *a = text, *b = text + wcslen(text); a < --b; a++) {
    wide swap = *a;
    *a = *b;
    *b = swap;
  }
  return text;
}

wide *widen(const char *text) {
  size_t length = strlen(text) + 1;
  wide *result = malloc(length * sizeof *result);
  if (result) MultiByteToWideChar(CP_ACP, 0, text, length, (LPWSTR)result, length);
  return result;
}

char *narrow(const wide *text) {
  int length = WideCharToMultiByte(CP_ACP, 0, (LPCWSTR)text, -1, NULL, 0, NULL, NULL);
  char *result = malloc(length ? length : 1);
  if (!result) return NULL;
  *result = 0;
  WideCharToMultiByte(CP_ACP, 0, (LPCWSTR)text, -1, result, length, NULL, NULL);
  return result;
}

/* ---- multibyte: the C locale takes a byte as the character of the same number ---- */

int mblen(const char *text, size_t count) { return !text ? 0 : !count ? -1 : *text != 0; }

int mbtowc(wide *target, const char *text, size_t count) {
  if (!text) return 0;
  if (!count) return -1;
  if (target) *target = (unsigned char)*text;
  return *text != 0;
}

int wctomb(char *target, wide character) {
  if (!target) return 0;
  if (character > 255) return fail_errno(E_ILSEQ);
  *target = (char)character;
  return 1;
}

size_t mbstowcs(wide *target, const char *source, size_t count) {
  size_t i = 0;
  if (!target) return strlen(source);
  for (; i < count; i++)
    if (!(target[i] = (unsigned char)source[i])) break;
  return i;
}

size_t wcstombs(char *target, const wide *source, size_t count) {
  size_t i = 0;
  for (; !target || i < count; i++) {
    if (source[i] > 255) return (size_t)fail_errno(E_ILSEQ);
    if (target) target[i] = (char)source[i];
    if (!source[i]) break;
  }
  return i;
}

unsigned short btowc(int c) { return c < 0 || c > 255 ? 0xffff : (unsigned short)c; }
int wctob(unsigned short c) { return c > 255 ? EOF : c; }

size_t mbrtowc(wide *target, const char *text, size_t count, int *state) {
  (void)state;
  return !text ? 0 : !count ? (size_t)-2 : (size_t)mbtowc(target, text, count);
}
size_t mbrlen(const char *text, size_t count, int *state) { return mbrtowc(NULL, text, count, state); }
size_t wcrtomb(char *target, wide character, int *state) {
  (void)state;
  return target ? (size_t)wctomb(target, character) : 1;
}

size_t mbsrtowcs(wide *target, const char **source, size_t count, int *state) {
  (void)state;
  size_t length = mbstowcs(target, *source, count);
  if (target) *source = length < count ? NULL : *source + length;
  return length;
}

size_t wcsrtombs(char *target, const wide **source, size_t count, int *state) {
  (void)state;
  size_t length = wcstombs(target, *source, count);
  if (target && length != (size_t)-1) *source = length < count ? NULL : *source + length;
  return length;
}

/* ---- mbstring.h, for single-byte code pages ---- */
unsigned char *_mbschr(const unsigned char *text, unsigned c) { return (unsigned char *)strchr((const char *)text, (int)c); }
unsigned char *_mbsrchr(const unsigned char *text, unsigned c) { return (unsigned char *)strrchr((const char *)text, (int)c); }
int _mbscmp(const unsigned char *a, const unsigned char *b) { return strcmp((const char *)a, (const char *)b); }
int _mbsicmp(const unsigned char *a, const unsigned char *b) { return _stricmp((const char *)a, (const char *)b); }
unsigned char *_mbsinc(const unsigned char *text) { return (unsigned char *)text + 1; }
unsigned char *_mbsdec(const unsigned char *start, const unsigned char *text) { return text > start ? (unsigned char *)text - 1 : NULL; }
size_t _mbslen(const unsigned char *text) { return strlen((const char *)text); }
int _ismbblead(unsigned c) { return (void)c, 0; }
int _setmbcp(int page) { return (void)page, 0; }
int _getmbcp(void) { return 0; }
