// The small part of the C library that ntdll itself exports.
#include "ntdll.h"

size_t strlen(const char *text) {
  const char *end = text;
  while (*end != 0) end++;
  return (size_t)(end - text);
}
size_t wcslen(const wchar_t *text) {
  const wchar_t *end = text;
  while (*end != 0) end++;
  return (size_t)(end - text);
}
char *strcpy(char *target, const char *source) {
  char *to = target;
  while ((*to++ = *source++) != 0) {}
  return target;
}
char *strncpy(char *target, const char *source, size_t count) {
  size_t i = 0;
  for (; i < count && source[i] != 0; i++) target[i] = source[i];
  for (; i < count; i++) target[i] = 0;
  return target;
}
char *strcat(char *target, const char *source) {
  strcpy(target + strlen(target), source);
  return target;
}
int strcmp(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return (unsigned char)*a < (unsigned char)*b ? -1 : (unsigned char)*a > (unsigned char)*b;
}
int strncmp(const char *a, const char *b, size_t count) {
  for (; count > 0 && *a != 0 && *a == *b; count--) a++, b++;
  return count == 0 ? 0 : (int)(unsigned char)*a - (int)(unsigned char)*b;
}
char *strchr(const char *text, int c) {
  for (;; text++) {
    if (*text == (char)c) return (char *)text;
    if (*text == 0) return NULL;
  }
}
char *strrchr(const char *text, int c) {
  const char *found = NULL;
  for (;; text++) {
    if (*text == (char)c) found = text;
    if (*text == 0) return (char *)found;
  }
}
char *strstr(const char *text, const char *part) {
  size_t length = strlen(part);
  for (;; text++) {
    if (strncmp(text, part, length) == 0) return (char *)text;
    if (*text == 0) return NULL;
  }
}
void *memchr(const void *block, int c, size_t count) {
  const unsigned char *at = block;
  for (; count > 0; count--, at++) {
    if (*at == (unsigned char)c) return (void *)at;
  }
  return NULL;
}

static int fold(int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

int _strnicmp(const char *a, const char *b, size_t count) {
  for (; count > 0; count--, a++, b++) {
    int x = fold((unsigned char)*a), y = fold((unsigned char)*b);
    if (x != y || x == 0) return x - y;
  }
  return 0;
}
int _stricmp(const char *a, const char *b) { return _strnicmp(a, b, (size_t)-1); }
int _memicmp(const void *a, const void *b, size_t count) {
  const unsigned char *x = a, *y = b;
  for (; count > 0; count--, x++, y++) {
    if (fold(*x) != fold(*y)) return fold(*x) - fold(*y);
  }
  return 0;
}

wchar_t *wcscpy(wchar_t *target, const wchar_t *source) {
  wchar_t *to = target;
  while ((*to++ = *source++) != 0) {}
  return target;
}
wchar_t *wcsncpy(wchar_t *target, const wchar_t *source, size_t count) {
  size_t i = 0;
  for (; i < count && source[i] != 0; i++) target[i] = source[i];
  for (; i < count; i++) target[i] = 0;
  return target;
}
wchar_t *wcscat(wchar_t *target, const wchar_t *source) {
  wcscpy(target + wcslen(target), source);
  return target;
}
int wcsncmp(const wchar_t *a, const wchar_t *b, size_t count) {
  for (; count > 0 && *a != 0 && *a == *b; count--) a++, b++;
  return count == 0 ? 0 : (int)*a - (int)*b;
}
int wcscmp(const wchar_t *a, const wchar_t *b) { return wcsncmp(a, b, (size_t)-1); }
int _wcsnicmp(const wchar_t *a, const wchar_t *b, size_t count) {
  for (; count > 0; count--, a++, b++) {
    int x = RtlDowncaseUnicodeChar(*a), y = RtlDowncaseUnicodeChar(*b);
    if (x != y || x == 0) return x - y;
  }
  return 0;
}
int _wcsicmp(const wchar_t *a, const wchar_t *b) { return _wcsnicmp(a, b, (size_t)-1); }
wchar_t *wcschr(const wchar_t *text, wchar_t c) {
  for (;; text++) {
    if (*text == c) return (wchar_t *)text;
    if (*text == 0) return NULL;
  }
}
wchar_t *wcsrchr(const wchar_t *text, wchar_t c) {
  const wchar_t *found = NULL;
  for (;; text++) {
    if (*text == c) found = text;
    if (*text == 0) return (wchar_t *)found;
  }
}
wchar_t *wcsstr(const wchar_t *text, const wchar_t *part) {
  size_t length = wcslen(part);
  for (;; text++) {
    if (wcsncmp(text, part, length) == 0) return (wchar_t *)text;
    if (*text == 0) return NULL;
  }
}
int tolower(int c) { return fold(c); }
int toupper(int c) { return c >= 'a' && c <= 'z' ? c - 32 : c; }

// --- formatted output: d i u x X p c s S wZ Z with width, precision, '-', '0', 'l', 'I64', 'h', 'w'
typedef struct { char *buffer; size_t size, length; } OUTPUT;

static void put(OUTPUT *output, char c) {
  if (output->length + 1 < output->size) output->buffer[output->length] = c;
  output->length++;
}

static void put_field(OUTPUT *output, const char *text, int length, int width, BOOLEAN left, char fill) {
  if (!left) for (int i = length; i < width; i++) put(output, fill);
  for (int i = 0; i < length; i++) put(output, text[i]);
  if (left) for (int i = length; i < width; i++) put(output, ' ');
}

static void put_wide(OUTPUT *output, const WCHAR *text, int length, int width, BOOLEAN left) {
  if (!left) for (int i = length; i < width; i++) put(output, ' ');
  for (int i = 0; i < length; i++) put(output, text[i] < 0x80 ? (char)text[i] : '?');
  if (left) for (int i = length; i < width; i++) put(output, ' ');
}

/* Characters that the full text has or, when it did not fit, the characters stored. Always ends the text with 0. */
int rtlp_format(char *buffer, size_t size, const char *format, __builtin_va_list arguments) {
  OUTPUT output = { buffer, size, 0 };
  for (; *format != 0; format++) {
    if (*format != '%') {
      put(&output, *format);
      continue;
    }
    BOOLEAN left = FALSE, isLong = FALSE, wide = FALSE;
    char fill = ' ';
    int width = 0, precision = -1;
    for (format++; *format == '-' || *format == '0' || *format == '#' || *format == '+'; format++) {
      if (*format == '-') left = TRUE;
      if (*format == '0') fill = '0';
    }
    if (*format == '*') width = __builtin_va_arg(arguments, int), format++;
    else for (; *format >= '0' && *format <= '9'; format++) width = width * 10 + *format - '0';
    if (*format == '.') {
      precision = 0;
      format++;
      if (*format == '*') precision = __builtin_va_arg(arguments, int), format++;
      else for (; *format >= '0' && *format <= '9'; format++) precision = precision * 10 + *format - '0';
    }
    for (;; format++) {
      if (*format == 'l' && format[1] == 'l') isLong = TRUE, format++;
      else if (*format == 'I' && format[1] == '6' && format[2] == '4') isLong = TRUE, format += 2;
      else if (*format == 'w' || *format == 'l') wide = TRUE;
      else if (*format != 'h') break;
    }
    char kind = *format;
    if (kind == 0) break;
    if (kind == 'c') {
      char c = (char)__builtin_va_arg(arguments, int);
      put_field(&output, &c, 1, width, left, ' ');
    } else if (kind == 'Z' && wide) {
      PCUNICODE_STRING string = __builtin_va_arg(arguments, PCUNICODE_STRING);
      if (string != NULL) put_wide(&output, string->Buffer, string->Length / 2, width, left);
    } else if (kind == 'Z') {
      PCANSI_STRING string = __builtin_va_arg(arguments, PCANSI_STRING);
      if (string != NULL) put_field(&output, string->Buffer, string->Length, width, left, ' ');
    } else if (kind == 'S' || (kind == 's' && wide)) {
      const WCHAR *text = __builtin_va_arg(arguments, const WCHAR *);
      int length = 0;
      if (text == NULL) text = L"(null)";
      while ((precision < 0 || length < precision) && text[length] != 0) length++;
      put_wide(&output, text, length, width, left);
    } else if (kind == 's') {
      const char *text = __builtin_va_arg(arguments, const char *);
      int length = 0;
      if (text == NULL) text = "(null)";
      while ((precision < 0 || length < precision) && text[length] != 0) length++;
      put_field(&output, text, length, width, left, ' ');
    } else if (kind == 'd' || kind == 'i' || kind == 'u' || kind == 'x' || kind == 'X' || kind == 'p') {
      ULONGLONG value = isLong ? __builtin_va_arg(arguments, ULONGLONG) : __builtin_va_arg(arguments, ULONG);
      BOOLEAN isSigned = kind == 'd' || kind == 'i', negative = FALSE;
      if (isSigned && !isLong) value = (ULONGLONG)(LONGLONG)(LONG)value;
      if (isSigned && (LONGLONG)value < 0) negative = TRUE, value = 0 - value;
      if (kind == 'p') precision = 8;
      const char *digits = kind == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
      ULONG base = isSigned || kind == 'u' ? 10 : 16;
      char text[72];
      int at = sizeof text;
      while (value != 0 || at == sizeof text || (int)sizeof text - at < precision) {
        if (at <= 1) break;
        text[--at] = digits[value % base];
        value /= base;
      }
      while (fill == '0' && !left && (int)sizeof text - at + negative < width && at > 1) text[--at] = '0';
      if (negative) text[--at] = '-';
      put_field(&output, text + at, (int)sizeof text - at, width, left, ' ');
    } else {
      put(&output, kind);
    }
  }
  size_t stored = output.length < size ? output.length : size - 1;
  buffer[stored] = 0;
  return (int)stored;
}

int _vsnprintf(char *buffer, size_t size, const char *format, __builtin_va_list arguments) {
  return size == 0 ? -1 : rtlp_format(buffer, size, format, arguments);
}
int _snprintf(char *buffer, size_t size, const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  int length = _vsnprintf(buffer, size, format, arguments);
  __builtin_va_end(arguments);
  return length;
}
int sprintf(char *buffer, const char *format, ...) {
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  int length = rtlp_format(buffer, 0x7FFFFFFF, format, arguments);
  __builtin_va_end(arguments);
  return length;
}
