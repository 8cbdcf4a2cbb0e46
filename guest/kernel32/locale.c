// Locales: the machine speaks English (United States) and knows nothing else.
#include "kernel32.h"

#define ENGLISH 0x0409u

LCID WINAPI GetUserDefaultLCID(VOID) { return ENGLISH; }
LCID WINAPI GetSystemDefaultLCID(VOID) { return ENGLISH; }
LANGID WINAPI GetUserDefaultLangID(VOID) { return ENGLISH; }
LANGID WINAPI GetSystemDefaultLangID(VOID) { return ENGLISH; }
LANGID WINAPI GetUserDefaultUILanguage(VOID) { return ENGLISH; }
LANGID WINAPI GetSystemDefaultUILanguage(VOID) { return ENGLISH; }

static BOOLEAN is_known(LCID locale) {
  return locale == ENGLISH || locale == LOCALE_USER_DEFAULT || locale == LOCALE_SYSTEM_DEFAULT || locale == LOCALE_NEUTRAL ||
         locale == LOCALE_INVARIANT || locale == 9;
}
BOOL WINAPI IsValidLocale(LCID locale, DWORD flags) {
  (void)flags;
  return is_known(locale);
}
LCID WINAPI ConvertDefaultLocale(LCID locale) { return is_known(locale) && locale != LOCALE_INVARIANT ? ENGLISH : locale; }
LCID WINAPI GetThreadLocale(VOID) {
  LCID locale = current_teb()->CurrentLocale;
  return locale == 0 ? ENGLISH : locale;
}
BOOL WINAPI SetThreadLocale(LCID locale) {
  if (!is_known(locale)) return refuse(ERROR_INVALID_PARAMETER);
  current_teb()->CurrentLocale = ConvertDefaultLocale(locale);
  return TRUE;
}

BOOL WINAPI EnumSystemLocalesW(LOCALE_ENUMPROCW callback, DWORD flags) {
  WCHAR text[] = L"00000409";
  (void)flags;
  callback(text);
  return TRUE;
}
BOOL WINAPI EnumSystemLocalesA(LOCALE_ENUMPROCA callback, DWORD flags) {
  char text[] = "00000409";
  (void)flags;
  callback(text);
  return TRUE;
}

static const struct { LCTYPE type; const WCHAR *text; } facts[] = {
  { LOCALE_ILANGUAGE, L"0409" }, { LOCALE_SLANGUAGE, L"English (United States)" }, { LOCALE_SENGLANGUAGE, L"English" },
  { LOCALE_SABBREVLANGNAME, L"ENU" }, { LOCALE_SNATIVELANGNAME, L"English" }, { LOCALE_ICOUNTRY, L"1" },
  { LOCALE_SCOUNTRY, L"United States" }, { LOCALE_SENGCOUNTRY, L"United States" }, { LOCALE_SABBREVCTRYNAME, L"USA" },
  { LOCALE_IDEFAULTLANGUAGE, L"0409" }, { LOCALE_IDEFAULTCODEPAGE, L"437" }, { LOCALE_IDEFAULTANSICODEPAGE, L"1252" },
  { LOCALE_SLIST, L"," }, { LOCALE_IMEASURE, L"1" }, { LOCALE_SDECIMAL, L"." }, { LOCALE_STHOUSAND, L"," },
  { LOCALE_SGROUPING, L"3;0" }, { LOCALE_IDIGITS, L"2" }, { LOCALE_ILZERO, L"1" }, { LOCALE_INEGNUMBER, L"1" },
  { LOCALE_SNATIVEDIGITS, L"0123456789" }, { LOCALE_SCURRENCY, L"$" }, { LOCALE_SINTLSYMBOL, L"USD" },
  { LOCALE_SMONDECIMALSEP, L"." }, { LOCALE_SMONTHOUSANDSEP, L"," }, { LOCALE_SMONGROUPING, L"3;0" }, { LOCALE_ICURRDIGITS, L"2" },
  { LOCALE_IINTLCURRDIGITS, L"2" }, { LOCALE_ICURRENCY, L"0" }, { LOCALE_INEGCURR, L"0" }, { LOCALE_SDATE, L"/" },
  { LOCALE_STIME, L":" }, { LOCALE_SSHORTDATE, L"M/d/yyyy" }, { LOCALE_SLONGDATE, L"dddd, MMMM dd, yyyy" },
  { LOCALE_STIMEFORMAT, L"h:mm:ss tt" }, { LOCALE_IDATE, L"0" }, { LOCALE_ILDATE, L"0" }, { LOCALE_ITIME, L"0" },
  { LOCALE_ITLZERO, L"0" }, { LOCALE_S1159, L"AM" }, { LOCALE_S2359, L"PM" }, { LOCALE_SPOSITIVESIGN, L"" },
  { LOCALE_SNEGATIVESIGN, L"-" }, { LOCALE_IFIRSTDAYOFWEEK, L"6" }, { LOCALE_IFIRSTWEEKOFYEAR, L"0" },
  { LOCALE_SISO639LANGNAME, L"en" }, { LOCALE_SISO3166CTRYNAME, L"US" }, { LOCALE_SNAME, L"en-US" },
};
static const WCHAR *const day_names[] = { L"Sunday", L"Monday", L"Tuesday", L"Wednesday", L"Thursday", L"Friday", L"Saturday" };
static const WCHAR *const month_names[] = { L"January", L"February", L"March", L"April", L"May", L"June", L"July", L"August",
                                            L"September", L"October", L"November", L"December" };

/* The text of a fact, short names cut to three letters into `buffer`; NULL when unknown. */
static PCWSTR fact(LCTYPE type, PWSTR buffer) {
  PCWSTR source = NULL;
  for (ULONG i = 0; i < ARRAY_LENGTH(facts); i++) {
    if (facts[i].type == type) return facts[i].text;
  }
  if (type >= LOCALE_SDAYNAME1 && type <= LOCALE_SDAYNAME7) return day_names[(type - LOCALE_SDAYNAME1 + 1) % 7];
  if (type >= LOCALE_SMONTHNAME1 && type <= LOCALE_SMONTHNAME12) return month_names[type - LOCALE_SMONTHNAME1];
  if (type >= LOCALE_SABBREVDAYNAME1 && type <= LOCALE_SABBREVDAYNAME7) source = day_names[(type - LOCALE_SABBREVDAYNAME1 + 1) % 7];
  if (type >= LOCALE_SABBREVMONTHNAME1 && type <= LOCALE_SABBREVMONTHNAME12) source = month_names[type - LOCALE_SABBREVMONTHNAME1];
  if (source == NULL) return NULL;
  memcpy(buffer, source, 3 * sizeof(WCHAR));
  buffer[3] = 0;
  return buffer;
}

int WINAPI GetLocaleInfoW(LCID locale, LCTYPE type, LPWSTR buffer, int size) {
  WCHAR shortName[4];
  if (!is_known(locale)) return refuse(ERROR_INVALID_PARAMETER);
  PCWSTR text = fact(type & 0xFFFF, shortName);
  if (text == NULL) return refuse(ERROR_INVALID_FLAGS);
  if (type & LOCALE_RETURN_NUMBER) {
    UNICODE_STRING string;
    ULONG value = 0;
    RtlInitUnicodeString(&string, text);
    if (!NT_SUCCESS(RtlUnicodeStringToInteger(&string, (type & 0xFFFF) == LOCALE_ILANGUAGE ? 16 : 10, &value))) {
      return refuse(ERROR_INVALID_FLAGS);
    }
    if (size == 0) return 2;
    if (size < 2) return refuse(ERROR_INSUFFICIENT_BUFFER);
    memcpy(buffer, &value, sizeof value);
    return 2;
  }
  int length = (int)wcslen(text) + 1;
  if (size == 0) return length;
  if (size < length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  copy_wide(buffer, text);
  return length;
}
int WINAPI GetLocaleInfoA(LCID locale, LCTYPE type, LPSTR buffer, int size) {
  WCHAR text[80];
  int length = GetLocaleInfoW(locale, type, text, ARRAY_LENGTH(text));
  if (length == 0) return 0;
  if (type & LOCALE_RETURN_NUMBER) {
    if (size == 0) return sizeof(DWORD);
    if (size < (int)sizeof(DWORD)) return refuse(ERROR_INSUFFICIENT_BUFFER);
    memcpy(buffer, text, sizeof(DWORD));
    return sizeof(DWORD);
  }
  return WideCharToMultiByte(CP_ACP, 0, text, length, buffer, size, NULL, NULL);
}

// --- dates and times as text
static void append(PWSTR out, ULONG *at, PCWSTR text) {
  while (*text != 0 && *at < 255) out[(*at)++] = *text++;
}
static void append_number(PWSTR out, ULONG *at, ULONG value, ULONG digits) {
  WCHAR text[12];
  format_wide(text, 12, digits >= 2 ? L"%02u" : L"%u", value);
  append(out, at, text);
}

static ULONG format_picture(PCWSTR picture, const SYSTEMTIME *time, PWSTR out) {
  ULONG at = 0;
  while (*picture != 0) {
    WCHAR c = *picture;
    ULONG run = 0;
    if (c == L'\'') {
      for (picture++; *picture != 0 && *picture != L'\''; picture++) {
        WCHAR one[] = { *picture, 0 };
        append(out, &at, one);
      }
      if (*picture != 0) picture++;
      continue;
    }
    while (picture[run] == c) run++;
    picture += run;
    WCHAR shortName[4];
    switch (c) {
    case L'd':
      if (run >= 4) append(out, &at, day_names[time->wDayOfWeek % 7]);
      else if (run == 3) append(out, &at, fact(LOCALE_SABBREVDAYNAME1 + (time->wDayOfWeek + 6u) % 7, shortName));
      else append_number(out, &at, time->wDay, run);
      break;
    case L'M':
      if (run >= 4) append(out, &at, month_names[(time->wMonth + 11) % 12]);
      else if (run == 3) append(out, &at, fact(LOCALE_SABBREVMONTHNAME1 + (time->wMonth + 11u) % 12, shortName));
      else append_number(out, &at, time->wMonth, run);
      break;
    case L'y': append_number(out, &at, run >= 3 ? time->wYear : time->wYear % 100u, run >= 2 ? 2 : 1); break;
    case L'g': append(out, &at, L"A.D."); break;
    case L'h': append_number(out, &at, (time->wHour + 11u) % 12 + 1, run); break;
    case L'H': append_number(out, &at, time->wHour, run); break;
    case L'm': append_number(out, &at, time->wMinute, run); break;
    case L's': append_number(out, &at, time->wSecond, run); break;
    case L't': append(out, &at, run >= 2 ? (time->wHour < 12 ? L"AM" : L"PM") : (time->wHour < 12 ? L"A" : L"P")); break;
    default:
      for (ULONG i = 0; i < run; i++) {
        WCHAR one[] = { c, 0 };
        append(out, &at, one);
      }
    }
  }
  out[at] = 0;
  return at + 1;
}

static int give_picture(LCID locale, const SYSTEMTIME *time, PCWSTR picture, PWSTR buffer, int size) {
  SYSTEMTIME now;
  WCHAR text[256];
  if (!is_known(locale)) return refuse(ERROR_INVALID_PARAMETER);
  if (time == NULL) {
    GetLocalTime(&now);
    time = &now;
  }
  int length = (int)format_picture(picture, time, text);
  if (size == 0) return length;
  if (size < length) return refuse(ERROR_INSUFFICIENT_BUFFER);
  copy_wide(buffer, text);
  return length;
}

int WINAPI GetDateFormatW(LCID locale, DWORD flags, const SYSTEMTIME *date, LPCWSTR picture, LPWSTR buffer, int size) {
  if (picture == NULL) {
    picture = flags & DATE_LONGDATE ? L"dddd, MMMM dd, yyyy" : flags & DATE_YEARMONTH ? L"MMMM, yyyy" : L"M/d/yyyy";
  }
  return give_picture(locale, date, picture, buffer, size);
}
int WINAPI GetTimeFormatW(LCID locale, DWORD flags, const SYSTEMTIME *time, LPCWSTR picture, LPWSTR buffer, int size) {
  if (picture == NULL) {
    static const WCHAR *const pictures[] = { L"h:mm:ss tt", L"h:mm tt", L"H:mm:ss", L"H:mm", L"h tt", L"H" };
    ULONG choice = (flags & TIME_FORCE24HOURFORMAT) ? 2 : 0;
    picture = pictures[flags & TIME_NOMINUTESORSECONDS ? 4 + choice / 2 : choice + (flags & TIME_NOSECONDS ? 1 : 0)];
  }
  return give_picture(locale, time, picture, buffer, size);
}
int WINAPI GetDateFormatA(LCID locale, DWORD flags, const SYSTEMTIME *date, LPCSTR picture, LPSTR buffer, int size) {
  WCHAR text[256];
  PWSTR wide = wide_copy(picture);
  int length = GetDateFormatW(locale, flags, date, wide, text, ARRAY_LENGTH(text));
  release(wide);
  return length == 0 ? 0 : WideCharToMultiByte(CP_ACP, 0, text, length, buffer, size, NULL, NULL);
}
int WINAPI GetTimeFormatA(LCID locale, DWORD flags, const SYSTEMTIME *time, LPCSTR picture, LPSTR buffer, int size) {
  WCHAR text[256];
  PWSTR wide = wide_copy(picture);
  int length = GetTimeFormatW(locale, flags, time, wide, text, ARRAY_LENGTH(text));
  release(wide);
  return length == 0 ? 0 : WideCharToMultiByte(CP_ACP, 0, text, length, buffer, size, NULL, NULL);
}
