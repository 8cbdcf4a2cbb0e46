/* Numbers from text and text from numbers. */
#include "crt.h"

static int digit_of(unsigned c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

struct parsed {
  uint64_t value;
  int negative, overflow;
  size_t end;
};

/* Reads text of either width; `end` stays 0 when there is no number. */
static struct parsed parse(const void *text, int is_wide, int base, uint64_t limit) {
  const char *bytes = text;
  const wide *units = text;
#define AT(i) ((unsigned)(is_wide ? units[i] : (unsigned char)bytes[i]))
  struct parsed result = {0, 0, 0, 0};
  size_t i = 0;
  if (base < 0 || base == 1 || base > 36) return errno = E_INVAL, result;
  while (AT(i) < 128 && isspace((int)AT(i))) i++;
  if (AT(i) == '+' || AT(i) == '-') result.negative = AT(i++) == '-';
  if ((base == 0 || base == 16) && AT(i) == '0' && (AT(i + 1) | 32) == 'x' && digit_of(AT(i + 2)) < 16) i += 2, base = 16;
  else if (base == 0) base = AT(i) == '0' ? 8 : 10;
  for (; digit_of(AT(i)) < base; i++) {
    unsigned digit = (unsigned)digit_of(AT(i));
    result.end = i + 1;
    if (result.value > (limit - digit) / base) result.overflow = 1;
    else result.value = result.value * base + digit;
  }
  return result;
#undef AT
}

static long to_long(struct parsed p) {
  if (p.overflow || p.value > 0x7fffffffu + (unsigned)p.negative) {
    errno = E_RANGE;
    return p.negative ? (long)0x80000000 : 0x7fffffff;
  }
  return p.negative ? (long)-p.value : (long)p.value;
}

static unsigned long to_unsigned(struct parsed p) {
  if (p.overflow) return errno = E_RANGE, 0xffffffff;
  return p.negative ? (unsigned long)-p.value : (unsigned long)p.value;
}

static int64_t to_int64(struct parsed p) {
  if (p.overflow || p.value > 0x7fffffffffffffffULL + (unsigned)p.negative) {
    errno = E_RANGE;
    return p.negative ? INT64_MIN : INT64_MAX;
  }
  return p.negative ? (int64_t)-p.value : (int64_t)p.value;
}

static uint64_t to_unsigned64(struct parsed p) {
  if (p.overflow) return errno = E_RANGE, UINT64_MAX;
  return p.negative ? -p.value : p.value;
}

#define NARROW(name, type, convert, limit)                        \
  type name(const char *text, char **end, int base) {             \
    struct parsed p = parse(text, 0, base, limit);                \
    if (end) *end = (char *)text + p.end;                         \
    return convert(p);                                            \
  }
#define WIDE(name, type, convert, limit)                          \
  type name(const wide *text, wide **end, int base) {             \
    struct parsed p = parse(text, 1, base, limit);                \
    if (end) *end = (wide *)text + p.end;                         \
    return convert(p);                                            \
  }
NARROW(strtol, long, to_long, 0xffffffffu)
NARROW(strtoul, unsigned long, to_unsigned, 0xffffffffu)
NARROW(_strtoi64, int64_t, to_int64, UINT64_MAX)
NARROW(_strtoui64, uint64_t, to_unsigned64, UINT64_MAX)
WIDE(wcstol, long, to_long, 0xffffffffu)
WIDE(wcstoul, unsigned long, to_unsigned, 0xffffffffu)
WIDE(_wcstoi64, int64_t, to_int64, UINT64_MAX)
WIDE(_wcstoui64, uint64_t, to_unsigned64, UINT64_MAX)

/* atoi and its kin wrap around where strtol saturates. */
static int64_t wrapped(const void *text, int is_wide) {
  struct parsed p = parse(text, is_wide, 10, UINT64_MAX);
  return p.negative ? (int64_t)-p.value : (int64_t)p.value;
}
int atoi(const char *text) { return (int)wrapped(text, 0); }
long atol(const char *text) { return (long)wrapped(text, 0); }
int64_t _atoi64(const char *text) { return wrapped(text, 0); }
int _wtoi(const wide *text) { return (int)wrapped(text, 1); }
long _wtol(const wide *text) { return (long)wrapped(text, 1); }
int64_t _wtoi64(const wide *text) { return wrapped(text, 1); }

double strtod(const char *text, char **end) {
  /* msvcrt knows neither hexadecimal floats nor texts for infinity and NaN. */
  const char *c = text;
  while (isspace((unsigned char)*c)) c++;
  if (*c == '+' || *c == '-') c++;
  if (!isdigit((unsigned char)*c) && !(*c == '.' && isdigit((unsigned char)c[1]))) {
    if (end) *end = (char *)text;
    return 0;
  }
  if (*c == '0' && (c[1] | 32) == 'x') {
    if (end) *end = (char *)c + 1;
    return 0;
  }
  return __strtod(text, end);
}

double atof(const char *text) { return strtod(text, NULL); }
double _atof_l(const char *text, void *locale) { return (void)locale, strtod(text, NULL); }

double wcstod(const wide *text, wide **end) {
  char digits[512], *stop;
  size_t skip = 0, length = 0;
  while (text[skip] < 128 && isspace(text[skip])) skip++;
  for (; length < sizeof digits - 1 && text[skip + length] && text[skip + length] < 128; length++) digits[length] = (char)text[skip + length];
  digits[length] = 0;
  double value = strtod(digits, &stop);
  if (end) *end = (wide *)text + (stop == digits ? 0 : skip + (stop - digits));
  return value;
}

double _wtof(const wide *text) { return wcstod(text, NULL); }

/* ---- text from integers ---- */

static void *digits_of(uint64_t value, void *text, int is_wide, int base, int negative) {
  char reversed[66];
  int count = 0, at = 0;
  if (negative) value = -value;
  do reversed[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % base];
  while (value /= base);
  if (negative) reversed[count++] = '-';
  while (count--) {
    if (is_wide) ((wide *)text)[at++] = (unsigned char)reversed[count];
    else ((char *)text)[at++] = reversed[count];
  }
  if (is_wide) ((wide *)text)[at] = 0;
  else ((char *)text)[at] = 0;
  return text;
}

char *_itoa(int value, char *text, int base) { return digits_of(base == 10 ? (uint64_t)(int64_t)value : (unsigned)value, text, 0, base, base == 10 && value < 0); }
char *_ltoa(long value, char *text, int base) { return _itoa((int)value, text, base); }
char *_ultoa(unsigned long value, char *text, int base) { return digits_of(value, text, 0, base, 0); }
char *_i64toa(int64_t value, char *text, int base) { return digits_of((uint64_t)value, text, 0, base, base == 10 && value < 0); }
char *_ui64toa(uint64_t value, char *text, int base) { return digits_of(value, text, 0, base, 0); }
wide *_itow(int value, wide *text, int base) { return digits_of(base == 10 ? (uint64_t)(int64_t)value : (unsigned)value, text, 1, base, base == 10 && value < 0); }
wide *_ltow(long value, wide *text, int base) { return _itow((int)value, text, base); }
wide *_ultow(unsigned long value, wide *text, int base) { return digits_of(value, text, 1, base, 0); }
wide *_i64tow(int64_t value, wide *text, int base) { return digits_of((uint64_t)value, text, 1, base, base == 10 && value < 0); }
wide *_ui64tow(uint64_t value, wide *text, int base) { return digits_of(value, text, 1, base, 0); }

/* ---- text from doubles ---- */

static char *digits(double value, int mode, int count, int *point, int *sign) {
  static char text[352];
  char *end, *all = __dtoa(value, mode, count, point, sign, &end);
  int wanted = mode == 3 ? *point + count : count;
  if (*point == 9999) *point = 1;
  int length = (int)(end - all);
  if (wanted < 0) wanted = 0;
  if (wanted > 349) wanted = 349;
  memcpy(text, all, length > 349 ? 349 : length);
  for (; length < wanted; length++) text[length] = '0';
  text[length > wanted ? wanted : length] = 0;
  __freedtoa(all);
  if (value == 0) *point = 0;
  return text;
}
char *_ecvt(double value, int count, int *point, int *sign) { return digits(value, 2, count, point, sign); }
char *_fcvt(double value, int count, int *point, int *sign) { return digits(value, 3, count, point, sign); }

int sprintf(char *target, const char *format, ...);
char *_gcvt(double value, int count, char *text) {
  sprintf(text, "%.*g", count, value);
  return text;
}
