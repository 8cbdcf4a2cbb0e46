// Time of day, counters, conversions. The machine lives in UTC.
#include "kernel32.h"

static LONGLONG read_shared(const volatile KSYSTEM_TIME *time) {
  LONG high;
  ULONG low;
  do {
    high = time->High1Time;
    low = time->LowPart;
  } while (high != time->High2Time);
  return ((LONGLONG)high << 32) | low;
}

static void to_file_time(LPFILETIME target, LONGLONG value) {
  target->dwLowDateTime = (DWORD)value;
  target->dwHighDateTime = (DWORD)(value >> 32);
}
static LONGLONG from_file_time(const FILETIME *source) {
  return ((LONGLONG)source->dwHighDateTime << 32) | source->dwLowDateTime;
}

VOID WINAPI GetSystemTimeAsFileTime(LPFILETIME time) { to_file_time(time, read_shared(&SHARED_USER_DATA->SystemTime)); }
VOID WINAPI GetSystemTimePreciseAsFileTime(LPFILETIME time) {
  LARGE_INTEGER now;
  NtQuerySystemTime(&now);
  to_file_time(time, now.QuadPart);
}

ULONGLONG WINAPI GetTickCount64(VOID) {
  ULONGLONG ticks = (ULONGLONG)read_shared(SHARED_TICK_COUNT);
  return (ticks * SHARED_USER_DATA->TickCountMultiplier) >> 24;
}
DWORD WINAPI GetTickCount(VOID) { return (DWORD)GetTickCount64(); }

BOOL WINAPI QueryPerformanceCounter(PLARGE_INTEGER counter) {
  LARGE_INTEGER frequency;
  return ok(NtQueryPerformanceCounter(counter, &frequency));
}
BOOL WINAPI QueryPerformanceFrequency(PLARGE_INTEGER frequency) {
  LARGE_INTEGER counter;
  return ok(NtQueryPerformanceCounter(&counter, frequency));
}
BOOL WINAPI QueryUnbiasedInterruptTime(PULONGLONG time) {
  *time = (ULONGLONG)read_shared(&SHARED_USER_DATA->InterruptTime);
  return TRUE;
}

BOOL WINAPI FileTimeToSystemTime(const FILETIME *time, LPSYSTEMTIME system) {
  LARGE_INTEGER value = { .QuadPart = from_file_time(time) };
  TIME_FIELDS fields;
  if (value.QuadPart < 0) return refuse(ERROR_INVALID_PARAMETER);
  RtlTimeToTimeFields(&value, &fields);
  *system = (SYSTEMTIME){ (WORD)fields.Year, (WORD)fields.Month, (WORD)fields.Weekday, (WORD)fields.Day, (WORD)fields.Hour,
                          (WORD)fields.Minute, (WORD)fields.Second, (WORD)fields.Milliseconds };
  return TRUE;
}
BOOL WINAPI SystemTimeToFileTime(const SYSTEMTIME *system, LPFILETIME time) {
  TIME_FIELDS fields = { (SHORT)system->wYear, (SHORT)system->wMonth, (SHORT)system->wDay, (SHORT)system->wHour,
                         (SHORT)system->wMinute, (SHORT)system->wSecond, (SHORT)system->wMilliseconds, 0 };
  LARGE_INTEGER value;
  if (!RtlTimeFieldsToTime(&fields, &value)) return refuse(ERROR_INVALID_PARAMETER);
  to_file_time(time, value.QuadPart);
  return TRUE;
}

VOID WINAPI GetSystemTime(LPSYSTEMTIME time) {
  FILETIME now;
  GetSystemTimeAsFileTime(&now);
  FileTimeToSystemTime(&now, time);
}
VOID WINAPI GetLocalTime(LPSYSTEMTIME time) { GetSystemTime(time); }

BOOL WINAPI SetSystemTime(const SYSTEMTIME *time) {
  FILETIME value;
  LARGE_INTEGER wanted;
  if (!SystemTimeToFileTime(time, &value)) return FALSE;
  wanted.QuadPart = from_file_time(&value);
  return ok(NtSetSystemTime(&wanted, NULL));
}
BOOL WINAPI SetLocalTime(const SYSTEMTIME *time) { return SetSystemTime(time); }

BOOL WINAPI FileTimeToLocalFileTime(const FILETIME *time, LPFILETIME local) {
  *local = *time;
  return TRUE;
}
BOOL WINAPI LocalFileTimeToFileTime(const FILETIME *local, LPFILETIME time) {
  *time = *local;
  return TRUE;
}
LONG WINAPI CompareFileTime(const FILETIME *a, const FILETIME *b) {
  ULONGLONG x = (ULONGLONG)from_file_time(a), y = (ULONGLONG)from_file_time(b);
  return x < y ? -1 : x > y;
}

BOOL WINAPI FileTimeToDosDateTime(const FILETIME *time, LPWORD date, LPWORD clock) {
  SYSTEMTIME fields;
  if (!FileTimeToSystemTime(time, &fields) || fields.wYear < 1980 || fields.wYear > 2107) return refuse(ERROR_INVALID_PARAMETER);
  *date = (WORD)((fields.wYear - 1980) << 9 | fields.wMonth << 5 | fields.wDay);
  *clock = (WORD)(fields.wHour << 11 | fields.wMinute << 5 | fields.wSecond / 2);
  return TRUE;
}
BOOL WINAPI DosDateTimeToFileTime(WORD date, WORD clock, LPFILETIME time) {
  SYSTEMTIME fields = { (WORD)(1980 + (date >> 9)), (date >> 5) & 15, 0, date & 31, clock >> 11, (clock >> 5) & 63,
                        (WORD)((clock & 31) * 2), 0 };
  return SystemTimeToFileTime(&fields, time);
}

DWORD WINAPI GetTimeZoneInformation(LPTIME_ZONE_INFORMATION information) {
  memset(information, 0, sizeof *information);
  copy_wide(information->StandardName, L"UTC");
  copy_wide(information->DaylightName, L"UTC");
  return TIME_ZONE_ID_UNKNOWN;
}
BOOL WINAPI GetTimeZoneInformationForYear(USHORT year, PDYNAMIC_TIME_ZONE_INFORMATION dynamic, LPTIME_ZONE_INFORMATION zone) {
  (void)year, (void)dynamic;
  GetTimeZoneInformation(zone);
  return TRUE;
}

/* The n-th (5: last) weekday of the month as the switch rules of a time zone say, in 100 ns, for a year. */
static LONGLONG switch_time(const SYSTEMTIME *rule, WORD year) {
  SYSTEMTIME start = *rule;
  FILETIME time;
  SYSTEMTIME first;
  start.wYear = year;
  start.wDay = 1;
  if (!SystemTimeToFileTime(&start, &time)) return 0;
  FileTimeToSystemTime(&time, &first);
  WORD day = (WORD)(1 + (rule->wDayOfWeek + 7 - first.wDayOfWeek) % 7 + 7 * (rule->wDay - 1));
  for (; day > 28; day -= 7) {
    start.wDay = day;
    if (SystemTimeToFileTime(&start, &time)) break;
  }
  start.wDay = day;
  SystemTimeToFileTime(&start, &time);
  return from_file_time(&time);
}

#define TICKS_PER_MINUTE 600000000ll

BOOL WINAPI SystemTimeToTzSpecificLocalTime(const TIME_ZONE_INFORMATION *zone, const SYSTEMTIME *universal, LPSYSTEMTIME local) {
  TIME_ZONE_INFORMATION own;
  FILETIME time;
  if (zone == NULL) {
    GetTimeZoneInformation(&own);
    zone = &own;
  }
  if (!SystemTimeToFileTime(universal, &time)) return FALSE;
  LONGLONG standard = from_file_time(&time) - (zone->Bias + zone->StandardBias) * TICKS_PER_MINUTE;
  LONGLONG value = standard;
  if (zone->DaylightDate.wMonth != 0 && zone->StandardDate.wMonth != 0) {
    LONGLONG from = switch_time(&zone->DaylightDate, universal->wYear);
    LONGLONG to = switch_time(&zone->StandardDate, universal->wYear) + zone->DaylightBias * TICKS_PER_MINUTE;
    BOOLEAN daylight = from < to ? standard >= from && standard < to : standard >= from || standard < to;
    if (daylight) value -= (zone->DaylightBias - zone->StandardBias) * TICKS_PER_MINUTE;
  }
  to_file_time(&time, value);
  return FileTimeToSystemTime(&time, local);
}
BOOL WINAPI TzSpecificLocalTimeToSystemTime(const TIME_ZONE_INFORMATION *zone, const SYSTEMTIME *local, LPSYSTEMTIME universal) {
  TIME_ZONE_INFORMATION own;
  FILETIME time;
  if (zone == NULL) {
    GetTimeZoneInformation(&own);
    zone = &own;
  }
  if (!SystemTimeToFileTime(local, &time)) return FALSE;
  LONGLONG value = from_file_time(&time);
  LONG bias = zone->Bias + zone->StandardBias;
  if (zone->DaylightDate.wMonth != 0 && zone->StandardDate.wMonth != 0) {
    LONGLONG from = switch_time(&zone->DaylightDate, local->wYear), to = switch_time(&zone->StandardDate, local->wYear);
    BOOLEAN daylight = from < to ? value >= from && value < to : value >= from || value < to;
    if (daylight) bias = zone->Bias + zone->DaylightBias;
  }
  to_file_time(&time, value + bias * TICKS_PER_MINUTE);
  return FileTimeToSystemTime(&time, universal);
}

BOOL WINAPI GetSystemTimeAdjustment(PDWORD adjustment, PDWORD increment, PBOOL disabled) {
  struct { ULONG adjustment, increment; BOOLEAN enable; } query = { 0, 0, 0 };
  if (!ok(NtQuerySystemInformation(28, &query, sizeof query, NULL))) return FALSE;
  *adjustment = query.adjustment;
  *increment = query.increment;
  *disabled = query.enable;
  return TRUE;
}

BOOL WINAPI GetSystemTimes(LPFILETIME idle, LPFILETIME kernel, LPFILETIME user) {
  struct { LARGE_INTEGER idle, kernel, user, dpc, interrupt; ULONG count; } processor;
  if (!ok(NtQuerySystemInformation(8, &processor, sizeof processor, NULL))) return FALSE;
  if (idle != NULL) to_file_time(idle, processor.idle.QuadPart);
  if (kernel != NULL) to_file_time(kernel, processor.kernel.QuadPart);
  if (user != NULL) to_file_time(user, processor.user.QuadPart);
  return TRUE;
}
