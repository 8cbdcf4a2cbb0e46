/* The one scanner behind every scanf, and the families over it. */
#include "crt.h"

enum { SCAN_NONE, SCAN_HALF, SCAN_BYTE, SCAN_LONG, SCAN_64, SCAN_WIDE };

static int next_unit(struct input *input) {
  int unit = input->get(input);
  if (unit >= 0) input->position++;
  return unit;
}

static void back(struct input *input, int unit) {
  if (unit < 0) return;
  input->position--;
  input->unget(input, unit);
}

static int is_space(int unit) { return unit >= 0 && unit < 128 && isspace(unit); }

static int skip_space(struct input *input) {
  int unit;
  do unit = next_unit(input);
  while (is_space(unit));
  return unit;
}

static int digit_value(int c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

/* Reads an integer; returns the number of digits, 0 when there is none. */
static int scan_integer(struct input *input, int first, int width, int base, uint64_t *value) {
  int negative = 0, digits = 0, c = first;
  *value = 0;
  if ((c == '+' || c == '-') && width > 1) negative = c == '-', c = next_unit(input), width--;
  if ((base == 0 || base == 16) && c == '0' && width > 1) {
    digits = 1;
    c = next_unit(input);
    width--;
    if ((c | 32) == 'x' && width > 1) c = next_unit(input), width--, base = 16;
    else if (base == 0) base = 8;
  } else if (base == 0) base = 10;
  for (; width > 0 && digit_value(c) < base; width--) {
    *value = *value * base + (unsigned)digit_value(c);
    digits++;
    c = width > 1 ? next_unit(input) : -2;
  }
  if (c != -2) back(input, c);
  if (negative) *value = -*value;
  return digits;
}

static int scan_double(struct input *input, int first, int width, double *value) {
  char text[400];
  int length = 0, digits = 0, c = first;
#define TAKE() (text[length++] = (char)c, c = --width > 0 && length < 390 ? next_unit(input) : -2)
  if (c == '+' || c == '-') TAKE();
  while (c >= '0' && c <= '9') TAKE(), digits++;
  if (c == '.') {
    TAKE();
    while (c >= '0' && c <= '9') TAKE(), digits++;
  }
  if (digits && (c == 'e' || c == 'E')) {
    TAKE();
    if (c == '+' || c == '-') TAKE();
    while (c >= '0' && c <= '9') TAKE();
  }
#undef TAKE
  if (c != -2) back(input, c);
  text[length] = 0;
  *value = digits ? __strtod(text, NULL) : 0;
  return digits;
}

static void store_integer(va_list *arguments, int size, uint64_t value) {
  void *target = va_arg(*arguments, void *);
  if (size == SCAN_64) *(uint64_t *)target = value;
  else if (size == SCAN_HALF) *(unsigned short *)target = (unsigned short)value;
  else if (size == SCAN_BYTE) *(unsigned char *)target = (unsigned char)value;
  else *(unsigned *)target = (unsigned)value;
}

static void store_character(void *target, size_t index, int is_wide, int unit) {
  if (is_wide) ((wide *)target)[index] = (wide)unit;
  else ((char *)target)[index] = (char)unit;
}

int scan_input(struct input *input, const void *format, int is_wide, va_list arguments) {
  const unsigned char *bytes = format;
  const wide *units = format;
  int converted = 0, failed_at_end = 0;
  size_t at = 0;
  va_list next;
  va_copy(next, arguments);
#define UNIT() ((int)(is_wide ? units[at] : bytes[at]))
  for (int unit; (unit = UNIT()) != 0; at++) {
    if (is_space(unit)) {
      back(input, skip_space(input));
      continue;
    }
    if (unit != '%' || (is_wide ? units[at + 1] : bytes[at + 1]) == '%') {
      if (unit == '%') at++;
      int c = unit == '%' ? skip_space(input) : next_unit(input);
      if (c == unit) continue;
      failed_at_end = c < 0;
      back(input, c);
      break;
    }
    int suppress = 0, width = 0, size = SCAN_NONE;
    at++;
    if (UNIT() == '*') suppress = 1, at++;
    for (; (unsigned)UNIT() - '0' < 10u; at++) width = width * 10 + UNIT() - '0';
    for (;; at++) {
      int c = UNIT();
      if (c == 'h') size = size == SCAN_HALF ? SCAN_BYTE : SCAN_HALF;
      else if (c == 'l') size = size == SCAN_LONG ? SCAN_64 : SCAN_LONG;
      else if (c == 'L') size = SCAN_64;
      else if (c == 'w') size = SCAN_WIDE;
      else if (c == 'I') {
        int a = is_wide ? units[at + 1] : bytes[at + 1], b = a ? (is_wide ? units[at + 2] : bytes[at + 2]) : 0;
        if (a == '6' && b == '4') size = SCAN_64, at += 2;
        else if (a == '3' && b == '2') at += 2;
      } else break;
    }
    int conversion = UNIT();
    if (!conversion) break;
    if (conversion == 'n') {
      if (!suppress) store_integer(&next, size, input->position);
      continue;
    }
    int takes_space = conversion == 'c' || conversion == 'C' || conversion == '[';
    int c = takes_space ? next_unit(input) : skip_space(input);
    if (c < 0) {
      failed_at_end = 1;
      break;
    }
    int limit = width ? width : 0x7fffffff, done = 0;
    uint64_t value;
    double real;
    switch (conversion) {
      case 'd': case 'u': done = scan_integer(input, c, limit, 10, &value); break;
      case 'i': done = scan_integer(input, c, limit, 0, &value); break;
      case 'o': done = scan_integer(input, c, limit, 8, &value); break;
      case 'x': case 'X': case 'p': done = scan_integer(input, c, limit, 16, &value); break;
      case 'e': case 'E': case 'f': case 'g': case 'G':
        if (!scan_double(input, c, limit, &real)) goto out;
        if (!suppress) {
          void *target = va_arg(next, void *);
          if (size == SCAN_LONG || size == SCAN_64) *(double *)target = real;
          else *(float *)target = (float)real;
          converted++;
        }
        continue;
      case 's': case 'S': case 'c': case 'C': case '[': {
        int wide_target = size == SCAN_LONG || size == SCAN_WIDE || (size != SCAN_HALF && ((conversion == 'S' || conversion == 'C') != is_wide));
        unsigned char set[8192] = {0};
        int invert = 0;
        if (conversion == '[') {
          at++;
          if (UNIT() == '^') invert = 1, at++;
          for (int first = 1; UNIT() && (first || UNIT() != ']'); at++, first = 0) {
            int from = UNIT(), dash = is_wide ? units[at + 1] : bytes[at + 1], to = dash ? (is_wide ? units[at + 2] : bytes[at + 2]) : 0;
            if (dash == '-' && to && to != ']') at += 2;
            else to = from;
            if (to < from) { int swap = to; to = from; from = swap; }
            for (int member = from; member <= to; member++) set[member >> 3] |= (unsigned char)(1 << (member & 7));
          }
        }
        if ((conversion | 32) == 'c' && !width) limit = 1;
        void *target = suppress ? NULL : va_arg(next, void *);
        size_t count = 0;
        while (c >= 0) {
          if ((conversion | 32) == 's' && is_space(c)) break;
          if (conversion == '[' && ((set[(c & 0xffff) >> 3] >> (c & 7)) & 1) == invert) break;
          if (target) store_character(target, count, wide_target, c);
          count++;
          if (--limit == 0) break;
          c = next_unit(input);
        }
        if (limit != 0) back(input, c);
        if (count == 0 || ((conversion | 32) == 'c' && limit != 0)) goto out;
        if (target && (conversion | 32) != 'c') store_character(target, count, wide_target, 0);
        if (target) converted++;
        continue;
      }
      default: back(input, c); goto out;
    }
    if (!done) break;
    if (!suppress) store_integer(&next, size, value), converted++;
  }
out:
#undef UNIT
  va_end(next);
  return failed_at_end && converted == 0 ? EOF : converted;
}

static int get_from_text(struct input *input) {
  const char **text = (const char **)&input->source;
  return **text ? (unsigned char)*(*text)++ : EOF;
}
static void unget_to_text(struct input *input, int unit) {
  (void)unit;
  input->source = (char *)input->source - 1;
}
static int get_from_wide_text(struct input *input) {
  const wide **text = (const wide **)&input->source;
  return **text ? *(*text)++ : EOF;
}
static void unget_to_wide_text(struct input *input, int unit) {
  (void)unit;
  input->source = (wide *)input->source - 1;
}
static int get_from_stream(struct input *input) { return get_byte(input->source); }
static void unget_to_stream(struct input *input, int unit) { unget_byte(unit, input->source); }

static int scan_stream(FILE *stream, const void *format, int is_wide, va_list arguments) {
  struct input input = {get_from_stream, unget_to_stream, stream, 0};
  _lock_file(stream);
  int converted = scan_input(&input, format, is_wide, arguments);
  _unlock_file(stream);
  return converted;
}

int vfscanf(FILE *stream, const char *format, va_list arguments) { return scan_stream(stream, format, 0, arguments); }
int vfwscanf(FILE *stream, const wide *format, va_list arguments) { return scan_stream(stream, format, 1, arguments); }
int vsscanf(const char *text, const char *format, va_list arguments) {
  struct input input = {get_from_text, unget_to_text, (void *)text, 0};
  return scan_input(&input, format, 0, arguments);
}
int vswscanf(const wide *text, const wide *format, va_list arguments) {
  struct input input = {get_from_wide_text, unget_to_wide_text, (void *)text, 0};
  return scan_input(&input, format, 1, arguments);
}

#define VARIADIC(call)           \
  {                              \
    va_list arguments;           \
    va_start(arguments, format); \
    int converted = call;        \
    va_end(arguments);           \
    return converted;            \
  }
int scanf(const char *format, ...) VARIADIC(vfscanf(stdin, format, arguments))
int wscanf(const wide *format, ...) VARIADIC(vfwscanf(stdin, format, arguments))
int fscanf(FILE *stream, const char *format, ...) VARIADIC(vfscanf(stream, format, arguments))
int fwscanf(FILE *stream, const wide *format, ...) VARIADIC(vfwscanf(stream, format, arguments))
int sscanf(const char *text, const char *format, ...) VARIADIC(vsscanf(text, format, arguments))
int swscanf(const wide *text, const wide *format, ...) VARIADIC(vswscanf(text, format, arguments))
