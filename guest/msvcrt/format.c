/*
 * The one formatter behind every printf. Rules of msvcrt.dll where they differ from C99: exponents have three digits,
 * infinities and NaNs print as 1.#INF and so on, %p is eight upper-case digits, I64/I32/w prefixes exist, and %S and %C
 * name the other character width than the function's own.
 */
#include "crt.h"

enum { LEFT = 1, PLUS = 2, BLANK = 4, HASH = 8, ZERO = 16 };
enum { SIZE_NONE, SIZE_HALF, SIZE_BYTE, SIZE_LONG, SIZE_64, SIZE_WIDE };

struct specification {
  unsigned flags;
  int width, precision, size;
};

static void put_repeated(struct output *output, unsigned unit, int count) {
  while (count-- > 0) output->put(output, unit);
}

static void put_text(struct output *output, const char *text, int count) {
  while (count-- > 0) output->put(output, (unsigned char)*text++);
}

/* Sign or radix prefix, zeros or blanks up to the width, then the body with its own leading zeros. */
static void put_number(struct output *output, const struct specification *s, const char *prefix, int zeros, const char *body,
                       int length, int zero_fill) {
  int prefix_length = (int)strlen(prefix);
  if (zeros < 0) zeros = 0;
  int fill = s->width - prefix_length - zeros - length;
  if (!(s->flags & LEFT) && !zero_fill) put_repeated(output, ' ', fill);
  put_text(output, prefix, prefix_length);
  if (!(s->flags & LEFT) && zero_fill) put_repeated(output, '0', fill);
  put_repeated(output, '0', zeros);
  put_text(output, body, length);
  if (s->flags & LEFT) put_repeated(output, ' ', fill);
}

static void put_integer(struct output *output, const struct specification *s, uint64_t value, int negative, unsigned base,
                        int upper) {
  char text[24], *end = text + sizeof text, *first = end;
  const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef", *prefix = "";
  uint64_t rest = value;
  for (; rest >> 32; rest /= base) *--first = digits[rest % base];
  for (unsigned low = (unsigned)rest; low; low /= base) *--first = digits[low % base];
  int length = (int)(end - first), minimum = s->precision < 0 ? 1 : s->precision;
  if (base == 16 && s->flags & HASH && value) prefix = upper ? "0X" : "0x";
  if (base == 8 && s->flags & HASH && minimum <= length) minimum = length + 1;
  if (base == 10) prefix = negative ? "-" : s->flags & PLUS ? "+" : s->flags & BLANK ? " " : "";
  put_number(output, s, prefix, minimum - length, first, length, s->flags & ZERO && s->precision < 0);
}

static int64_t next_integer(va_list *arguments, int size, int is_signed) {
  if (size == SIZE_64) return va_arg(*arguments, int64_t);
  int value = va_arg(*arguments, int);
  if (size == SIZE_HALF) return is_signed ? (short)value : (unsigned short)value;
  if (size == SIZE_BYTE) return is_signed ? (signed char)value : (unsigned char)value;
  return is_signed ? (int64_t)value : (int64_t)(unsigned)value;
}

/*
 * Digits of a finite value, rounded to `count` of them or, if `behind_point`, to `count` places behind the point. msvcrt
 * makes at most 17 digits and rounds those half up; what lies to their right is zero.
 */
static int significant_digits(double value, int behind_point, int count, char *text, int *point) {
  int sign;
  char *end, *digits = __dtoa(value, 2, 17, point, &sign, &end);
  int length = (int)(end - digits), wanted = behind_point ? *point + count : count;
  memcpy(text, digits, length);
  __freedtoa(digits);
  if (wanted >= length) return length;
  if (wanted < 0) return 0;
  int carry = text[wanted] >= '5';
  for (length = wanted; carry && length > 0; length--) {
    if (text[length - 1] != '9') {
      text[length - 1]++;
      return length;
    }
  }
  if (!carry) return length;
  text[0] = '1';
  ++*point;
  return 1;
}

static char *put_exponent(char *to, int exponent, char letter) {
  *to++ = letter;
  *to++ = exponent < 0 ? '-' : '+';
  if (exponent < 0) exponent = -exponent;
  *to++ = (char)('0' + exponent / 100);
  *to++ = (char)('0' + exponent / 10 % 10);
  *to++ = (char)('0' + exponent % 10);
  return to;
}

enum { MAXIMUM_DIGITS = 512, BODY_SIZE = 1100 };

/* ddd.ddd with exactly `places` digits behind the point. */
static char *fixed(char *to, const char *digits, int count, int point, int places, int keep_point) {
  if (point <= 0) *to++ = '0';
  for (int i = 0; i < point; i++) *to++ = i < count ? digits[i] : '0';
  if (places > 0 || keep_point) *to++ = '.';
  for (int i = point; places > 0; i++, places--) *to++ = i >= 0 && i < count ? digits[i] : '0';
  return to;
}

static char *scientific(char *to, const char *digits, int count, int exponent, int places, int keep_point, char letter) {
  *to++ = count > 0 ? digits[0] : '0';
  if (places > 0 || keep_point) *to++ = '.';
  for (int i = 1; places > 0; i++, places--) *to++ = i < count ? digits[i] : '0';
  return put_exponent(to, exponent, letter);
}

/* 1.#INF, 1.#QNAN, 1.#IND and 1.#SNAN, cut and rounded like digits as msvcrt does. */
static int special(uint64_t bits, int precision, char *body) {
  const char *text = !(bits & 0xfffffffffffffULL) ? "INF"
                     : bits == 0xfff8000000000000ULL ? "IND"
                     : bits & 0x8000000000000ULL ? "QNAN" : "SNAN";
  char *to = body;
  *to++ = '1';
  if (precision == 0) return 1;
  *to++ = '.';
  *to++ = '#';
  for (int i = 1; i < precision || precision < 0; i++) {
    if (!*text) {
      if (precision < 0) break;
      *to++ = '0';
    } else *to++ = *text++;
  }
  /* The rounding of digits happens to these letters too: 1.#J. */
  if (*text >= '5') to[-1]++;
  return (int)(to - body);
}

static void put_double(struct output *output, const struct specification *s, double value, char conversion) {
  char digits[20], body[BODY_SIZE], *end;
  union { double d; uint64_t u; } bits = {value};
  int precision = s->precision < 0 ? 6 : s->precision > MAXIMUM_DIGITS ? MAXIMUM_DIGITS : s->precision, point, length;
  int upper = conversion < 'a', kind = conversion | 32, keep = (s->flags & HASH) != 0;
  char letter = upper ? 'E' : 'e';
  int negative = bits.u >> 63 != 0, zero_fill = (s->flags & ZERO) != 0;
  if ((bits.u >> 52 & 0x7ff) == 0x7ff) {
    length = special(bits.u, kind == 'g' ? (precision > 5 || precision == 0 ? -1 : precision) : precision, body);
  } else {
    if (negative) value = -value;
    if (kind == 'f') {
      int count = significant_digits(value, 1, precision, digits, &point);
      end = fixed(body, digits, count, value == 0 ? 0 : point, precision, keep);
    } else if (kind == 'e') {
      int count = significant_digits(value, 0, precision + 1, digits, &point);
      end = scientific(body, digits, count, value == 0 ? 0 : point - 1, precision, keep, letter);
    } else {
      if (precision == 0) precision = 1;
      int count = significant_digits(value, 0, precision, digits, &point);
      while (count > 1 && digits[count - 1] == '0') count--;
      int exponent = value == 0 ? 0 : point - 1, shown = keep ? precision : count;
      if (value == 0 && !keep) shown = 1;
      if (exponent < -4 || exponent >= precision) end = scientific(body, digits, count, exponent, shown - 1, keep, letter);
      else end = fixed(body, digits, count, value == 0 ? 1 : point, shown - exponent - 1, keep);
    }
    length = (int)(end - body);
  }
  const char *prefix = negative ? "-" : s->flags & PLUS ? "+" : s->flags & BLANK ? " " : "";
  put_number(output, s, prefix, 0, body, length, zero_fill);
}

static void put_string(struct output *output, const struct specification *s, const void *text, int is_wide) {
  static const char none[] = "(null)";
  int length = 0;
  if (!text) text = none, is_wide = 0;
  const unsigned char *bytes = text;
  const wide *units = text;
  while ((s->precision < 0 || length < s->precision) && (is_wide ? units[length] : bytes[length])) length++;
  if (!(s->flags & LEFT)) put_repeated(output, s->flags & ZERO ? '0' : ' ', s->width - length);
  for (int i = 0; i < length; i++) output->put(output, is_wide ? units[i] : bytes[i]);
  if (s->flags & LEFT) put_repeated(output, ' ', s->width - length);
}

static int argument_is_wide(int size, int default_is_wide) {
  if (size == SIZE_HALF) return 0;
  if (size == SIZE_LONG || size == SIZE_WIDE) return 1;
  return default_is_wide;
}

int format_output(struct output *output, const void *format, int is_wide, va_list arguments) {
  const unsigned char *bytes = format;
  const wide *units = format;
  size_t at = 0;
  va_list next;
  va_copy(next, arguments);
#define UNIT() (is_wide ? units[at] : bytes[at])
  for (unsigned unit; (unit = UNIT()) != 0; at++) {
    if (unit != '%') {
      output->put(output, unit);
      continue;
    }
    struct specification s = {0, 0, -1, SIZE_NONE};
    for (at++;; at++) {
      unsigned flag = UNIT();
      if (flag == '-') s.flags |= LEFT;
      else if (flag == '+') s.flags |= PLUS;
      else if (flag == ' ') s.flags |= BLANK;
      else if (flag == '#') s.flags |= HASH;
      else if (flag == '0') s.flags |= ZERO;
      else break;
    }
    if (UNIT() == '*') {
      s.width = va_arg(next, int);
      if (s.width < 0) s.flags |= LEFT, s.width = -s.width;
      at++;
    } else
      for (; (unsigned)UNIT() - '0' < 10u; at++) s.width = s.width * 10 + (int)(UNIT() - '0');
    if (UNIT() == '.') {
      s.precision = 0;
      at++;
      if (UNIT() == '*') s.precision = va_arg(next, int), at++;
      else
        for (; (unsigned)UNIT() - '0' < 10u; at++) s.precision = s.precision * 10 + (int)(UNIT() - '0');
    }
    for (;; at++) {
      int size = UNIT();
      if (size == 'h') s.size = s.size == SIZE_HALF ? SIZE_BYTE : SIZE_HALF;
      else if (size == 'l') s.size = s.size == SIZE_LONG ? SIZE_64 : SIZE_LONG;
      else if (size == 'w') s.size = SIZE_WIDE;
      else if (size == 'L' || size == 'F' || size == 'N' || size == 'z' || size == 't') {}
      else if (size == 'j') s.size = SIZE_64;
      else if (size == 'I') {
        unsigned a = is_wide ? units[at + 1] : bytes[at + 1], b = a ? (is_wide ? units[at + 2] : bytes[at + 2]) : 0;
        if (a == '6' && b == '4') s.size = SIZE_64, at += 2;
        else if (a == '3' && b == '2') s.size = SIZE_NONE, at += 2;
      } else break;
    }
    unsigned conversion = UNIT();
    if (!conversion) break;
    switch (conversion) {
      case 'd': case 'i': {
        int64_t value = next_integer(&next, s.size, 1);
        put_integer(output, &s, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, 0);
        break;
      }
      case 'u':
        s.flags &= ~(PLUS | BLANK);
        put_integer(output, &s, (uint64_t)next_integer(&next, s.size, 0), 0, 10, 0);
        break;
      case 'o': put_integer(output, &s, (uint64_t)next_integer(&next, s.size, 0), 0, 8, 0); break;
      case 'x': put_integer(output, &s, (uint64_t)next_integer(&next, s.size, 0), 0, 16, 0); break;
      case 'X': put_integer(output, &s, (uint64_t)next_integer(&next, s.size, 0), 0, 16, 1); break;
      case 'p':
        s.precision = 8;
        s.flags &= ~HASH;
        put_integer(output, &s, va_arg(next, unsigned), 0, 16, 1);
        break;
      case 'e': case 'E': case 'f': case 'g': case 'G': put_double(output, &s, va_arg(next, double), (char)conversion); break;
      case 'c': case 'C': {
        wide character[2] = {(wide)va_arg(next, int), 0};
        int wide_character = argument_is_wide(s.size, (conversion == 'C') != is_wide);
        if (!wide_character) character[0] &= 0xff;
        int fill = s.width - 1;
        if (!(s.flags & LEFT)) put_repeated(output, s.flags & ZERO ? '0' : ' ', fill);
        output->put(output, character[0]);
        if (s.flags & LEFT) put_repeated(output, ' ', fill);
        break;
      }
      case 's': case 'S': {
        const void *text = va_arg(next, const void *);
        put_string(output, &s, text, argument_is_wide(s.size, (conversion == 'S') != is_wide));
        break;
      }
      case 'Z': {
        const struct { unsigned short length, maximum; char *text; } *counted = va_arg(next, const void *);
        if (s.precision < 0 || s.precision > counted->length) s.precision = counted->length;
        put_string(output, &s, counted->text, 0);
        break;
      }
      case 'n':
        if (s.size == SIZE_HALF) *va_arg(next, short *) = (short)output->count;
        else *va_arg(next, int *) = output->count;
        break;
      default: output->put(output, conversion);
    }
  }
#undef UNIT
  va_end(next);
  return output->failed ? -1 : output->count;
}
