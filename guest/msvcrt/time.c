/* time.h. The machine's time zone is UTC unless TZ says otherwise (as msvcrt reads it: NNN[+-]hh[:mm[:ss]][DDD]). */
#include "crt.h"

struct tm { int sec, min, hour, mday, mon, year, wday, yday, isdst; };

long _timezone;
int _daylight;
long _dstbias = -3600;
static char names[2][64] = {"UTC", "UTC"};
char *_tzname[2] = {names[0], names[1]};

long *__p__timezone(void) { return &_timezone; }
int *__p__daylight(void) { return &_daylight; }
long *__p__dstbias(void) { return &_dstbias; }
char **__p__tzname(void) { return _tzname; }

static const int64_t epoch = 116444736000000000LL;
static const int64_t latest = 32535215999LL; /* 3000-12-31 23:59:59 */
static const short days_before[2][13] = {{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
                                         {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366}};

static int is_leap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

static int64_t filetime_now(void) {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  return ((int64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) - epoch;
}

int64_t _time64(int64_t *out) {
  int64_t now = filetime_now() / 10000000;
  if (out) *out = now;
  return now;
}
int time(int *out) {
  int now = (int)_time64(NULL);
  if (out) *out = now;
  return now;
}
double difftime(int later, int earlier) { return (double)later - earlier; }
double _difftime64(int64_t later, int64_t earlier) { return (double)(later - earlier); }

long clock(void) {
  FILETIME created, ended, kernel, user;
  int64_t now;
  if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user)) return -1;
  now = filetime_now() + epoch - ((int64_t)created.dwHighDateTime << 32 | created.dwLowDateTime);
  return (long)(now / 10000);
}

void _tzset(void) {
  char text[64];
  _timezone = 0;
  _daylight = 0;
  if (!GetEnvironmentVariableA("TZ", text, sizeof text)) {
    strcpy(names[0], "UTC");
    strcpy(names[1], "UTC");
    return;
  }
  char *c = text;
  int length = 0, sign = 1;
  while (*c && length < 3) names[0][length++] = *c++;
  names[0][length] = 0;
  if (*c == '-' || *c == '+') sign = *c++ == '-' ? -1 : 1;
  _timezone = (long)strtoul(c, &c, 10) * 3600;
  if (*c == ':') _timezone += (long)strtoul(c + 1, &c, 10) * 60;
  if (*c == ':') _timezone += (long)strtoul(c + 1, &c, 10);
  _timezone *= sign;
  length = 0;
  while (*c && length < 3) names[1][length++] = *c++;
  names[1][length] = 0;
  _daylight = length > 0;
}

static struct tm *split(int64_t time, struct tm *out) {
  if (time < 0 || time > latest) return errno = E_INVAL, NULL;
  int days = (int)(time / 86400), rest = (int)(time % 86400), year = 1970;
  out->sec = rest % 60;
  out->min = rest / 60 % 60;
  out->hour = rest / 3600;
  out->wday = (days + 4) % 7;
  while (days >= 365 + is_leap(year)) days -= 365 + is_leap(year++);
  out->year = year - 1900;
  out->yday = days;
  const short *before = days_before[is_leap(year)];
  for (out->mon = 0; before[out->mon + 1] <= days;) out->mon++;
  out->mday = days - before[out->mon] + 1;
  out->isdst = 0;
  return out;
}

static struct tm *own(void) { return (struct tm *)thread_data()->tm; }
struct tm *_gmtime64(const int64_t *time) { return split(*time, own()); }
struct tm *gmtime(const int *time) { return split(*time, own()); }
struct tm *_localtime64(const int64_t *time) { return _tzset(), *time < 0 ? (errno = E_INVAL, NULL) : split(*time - _timezone, own()); }
struct tm *localtime(const int *time) { return _tzset(), *time < 0 ? NULL : split((int64_t)*time - _timezone, own()); }

static int64_t join(struct tm *time, long zone) {
  int64_t month = time->mon, year = time->year + 1900LL + month / 12;
  month %= 12;
  if (month < 0) month += 12, year--;
  if (year < 1969 || year > 3001) return fail_errno(E_INVAL);
  int64_t days = 0;
  for (int y = 1970; y < year; y++) days += 365 + is_leap(y);
  if (year == 1969) days = -365;
  days += days_before[is_leap((int)year)][month] + time->mday - 1;
  int64_t seconds = ((days * 24 + time->hour) * 60 + time->min) * 60 + time->sec;
  if (!split(seconds, time) || seconds + zone < 0) return fail_errno(E_INVAL);
  return seconds + zone;
}
int64_t _mktime64(struct tm *time) { return _tzset(), join(time, _timezone); }
int mktime(struct tm *time) {
  int64_t value = _mktime64(time);
  return value > 0x7fffffff ? fail_errno(E_INVAL) : (int)value;
}
int64_t _mkgmtime64(struct tm *time) { return join(time, 0); }
int _mkgmtime(struct tm *time) { return (int)join(time, 0); }

static const char day_names[7][10] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
static const char month_names[12][10] = {"January", "February", "March",     "April",   "May",      "June",
                                         "July",    "August",   "September", "October", "November", "December"};

static void two_digits(char *to, int value, char fill) {
  to[0] = value >= 10 ? (char)('0' + value / 10 % 10) : fill;
  to[1] = (char)('0' + value % 10);
}

char *asctime(const struct tm *time) {
  char *text = thread_data()->asctime_text;
  memcpy(text, "??? ??? 00 00:00:00 0000\n", 26);
  if ((unsigned)time->wday < 7) memcpy(text, day_names[time->wday], 3);
  if ((unsigned)time->mon < 12) memcpy(text + 4, month_names[time->mon], 3);
  two_digits(text + 8, time->mday, '0');
  two_digits(text + 11, time->hour, '0');
  two_digits(text + 14, time->min, '0');
  two_digits(text + 17, time->sec, '0');
  two_digits(text + 20, (time->year + 1900) / 100, '0');
  two_digits(text + 22, (time->year + 1900) % 100, '0');
  return text;
}
wide *_wasctime(const struct tm *time) {
  char *text = asctime(time);
  wide *result = thread_data()->wasctime_text;
  for (int i = 0; i < 26; i++) result[i] = (unsigned char)text[i];
  return result;
}
char *_ctime64(const int64_t *time) {
  struct tm *local = _localtime64(time);
  return local ? asctime(local) : NULL;
}
char *ctime(const int *time) {
  int64_t wide_time = *time;
  return _ctime64(&wide_time);
}

int sprintf(char *target, const char *format, ...);

char *_strdate(char *text) {
  struct tm now;
  _tzset();
  split(_time64(NULL) - _timezone, &now);
  sprintf(text, "%02d/%02d/%02d", now.mon + 1, now.mday, now.year % 100);
  return text;
}
char *_strtime(char *text) {
  struct tm now;
  _tzset();
  split(_time64(NULL) - _timezone, &now);
  sprintf(text, "%02d:%02d:%02d", now.hour, now.min, now.sec);
  return text;
}

/* One conversion of strftime; `plain` is the # flag, which drops leading zeros. */
static int convert(char *out, const struct tm *t, char conversion, int plain) {
  int hour12 = t->hour % 12 ? t->hour % 12 : 12;
  const char *two = plain ? "%d" : "%02d";
  switch (conversion) {
    case 'a': return sprintf(out, "%.3s", day_names[t->wday % 7]);
    case 'A': return sprintf(out, "%s", day_names[t->wday % 7]);
    case 'b': return sprintf(out, "%.3s", month_names[t->mon % 12]);
    case 'B': return sprintf(out, "%s", month_names[t->mon % 12]);
    case 'c':
      if (plain) return sprintf(out, "%s, %s %02d, %d %02d:%02d:%02d", day_names[t->wday % 7], month_names[t->mon % 12], t->mday, t->year + 1900, t->hour, t->min, t->sec);
      return sprintf(out, "%02d/%02d/%02d %02d:%02d:%02d", t->mon + 1, t->mday, t->year % 100, t->hour, t->min, t->sec);
    case 'd': return sprintf(out, two, t->mday);
    case 'H': return sprintf(out, two, t->hour);
    case 'I': return sprintf(out, two, hour12);
    case 'j': return sprintf(out, plain ? "%d" : "%03d", t->yday + 1);
    case 'm': return sprintf(out, two, t->mon + 1);
    case 'M': return sprintf(out, two, t->min);
    case 'p': return sprintf(out, "%s", t->hour < 12 ? "AM" : "PM");
    case 'S': return sprintf(out, two, t->sec);
    case 'U': return sprintf(out, two, (t->yday + 7 - t->wday) / 7);
    case 'w': return sprintf(out, "%d", t->wday);
    case 'W': return sprintf(out, two, (t->yday + 7 - (t->wday + 6) % 7) / 7);
    case 'x':
      if (plain) return sprintf(out, "%s, %s %02d, %d", day_names[t->wday % 7], month_names[t->mon % 12], t->mday, t->year + 1900);
      return sprintf(out, "%02d/%02d/%02d", t->mon + 1, t->mday, t->year % 100);
    case 'X': return sprintf(out, "%02d:%02d:%02d", t->hour, t->min, t->sec);
    case 'y': return sprintf(out, two, t->year % 100);
    case 'Y': return sprintf(out, "%d", t->year + 1900);
    case 'z': case 'Z': return sprintf(out, "%s", _tzname[t->isdst > 0]);
    case '%': return sprintf(out, "%%");
    default: return 0;
  }
}

size_t strftime(char *target, size_t room, const char *format, const struct tm *time) {
  size_t length = 0;
  _tzset();
  for (; *format; format++) {
    char piece[64] = {*format, 0};
    int count = 1;
    if (*format == '%') {
      int plain = *++format == '#';
      format += plain;
      if (!*format) break;
      count = convert(piece, time, *format, plain);
    }
    if (length + (size_t)count >= room) return errno = E_RANGE, room ? *target = 0 : 0, 0;
    memcpy(target + length, piece, (size_t)count);
    length += (size_t)count;
  }
  if (room) target[length] = 0;
  return length;
}

size_t wcsftime(wide *target, size_t room, const wide *format, const struct tm *time) {
  char *text = malloc(room ? room : 1), *pattern = narrow(format);
  size_t length = text && pattern ? strftime(text, room, pattern, time) : 0;
  for (size_t i = 0; room && i <= length; i++) target[i] = text ? (unsigned char)text[i] : 0;
  free(text);
  free(pattern);
  return length;
}

struct timeb32 { int time; unsigned short millitm; short timezone, dstflag; };
struct timeb64 { int64_t time; unsigned short millitm; short timezone, dstflag; };
void _ftime(struct timeb32 *out) {
  int64_t now = filetime_now();
  _tzset();
  *out = (struct timeb32){(int)(now / 10000000), (unsigned short)(now / 10000 % 1000), (short)(_timezone / 60), 0};
}
void _ftime64(struct timeb64 *out) {
  int64_t now = filetime_now();
  _tzset();
  *out = (struct timeb64){now / 10000000, (unsigned short)(now / 10000 % 1000), (short)(_timezone / 60), 0};
}
