// Times: 100 ns since 1 January 1601, proleptic Gregorian calendar.
#include "ntdll.h"

#define TICKS_PER_MILLISECOND 10000ll
#define TICKS_PER_SECOND 10000000ll
#define TICKS_PER_DAY (86400ll * TICKS_PER_SECOND)
#define SECONDS_1601_TO_1970 11644473600ll
#define SECONDS_1601_TO_1980 11960006400ll

static BOOLEAN is_leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int days_in_month(int year, int month) {
  static const UCHAR days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days from 1601-01-01 to the first of January. */
static int days_to_year(int year) {
  int past = year - 1601;
  return past * 365 + past / 4 - past / 100 + past / 400;
}

VOID NTAPI RtlTimeToTimeFields(const LARGE_INTEGER *time, TIME_FIELDS *fields) {
  ULONG days = (ULONG)(time->QuadPart / TICKS_PER_DAY);
  ULONG milliseconds = (ULONG)(time->QuadPart % TICKS_PER_DAY / TICKS_PER_MILLISECOND);
  fields->Weekday = (SHORT)((days + 1) % 7);
  int year = 1601 + (int)((unsigned long long)days * 400 / 146097);
  while (days_to_year(year + 1) <= (int)days) year++;
  while (days_to_year(year) > (int)days) year--;
  int day = (int)days - days_to_year(year), month = 1;
  while (day >= days_in_month(year, month)) day -= days_in_month(year, month++);
  fields->Year = (SHORT)year;
  fields->Month = (SHORT)month;
  fields->Day = (SHORT)(day + 1);
  fields->Hour = (SHORT)(milliseconds / 3600000);
  fields->Minute = (SHORT)(milliseconds / 60000 % 60);
  fields->Second = (SHORT)(milliseconds / 1000 % 60);
  fields->Milliseconds = (SHORT)(milliseconds % 1000);
}

/* FALSE when a field is out of its range. The weekday is not looked at. */
BOOLEAN NTAPI RtlTimeFieldsToTime(const TIME_FIELDS *fields, PLARGE_INTEGER time) {
  if (fields->Year < 1601 || fields->Year > 30827 || fields->Month < 1 || fields->Month > 12) return FALSE;
  if (fields->Day < 1 || fields->Day > days_in_month(fields->Year, fields->Month)) return FALSE;
  if (fields->Hour < 0 || fields->Hour > 23 || fields->Minute < 0 || fields->Minute > 59) return FALSE;
  if (fields->Second < 0 || fields->Second > 59 || fields->Milliseconds < 0 || fields->Milliseconds > 999) return FALSE;
  int days = days_to_year(fields->Year) + fields->Day - 1;
  for (int month = 1; month < fields->Month; month++) days += days_in_month(fields->Year, month);
  LONG milliseconds = ((fields->Hour * 60 + fields->Minute) * 60 + fields->Second) * 1000 + fields->Milliseconds;
  time->QuadPart = days * TICKS_PER_DAY + milliseconds * TICKS_PER_MILLISECOND;
  return TRUE;
}

static BOOLEAN seconds_since(const LARGE_INTEGER *time, LONGLONG epoch, PULONG seconds) {
  LONGLONG value = time->QuadPart / TICKS_PER_SECOND - epoch;
  if (value < 0 || value > 0xFFFFFFFFll) return FALSE;
  *seconds = (ULONG)value;
  return TRUE;
}
BOOLEAN NTAPI RtlTimeToSecondsSince1970(const LARGE_INTEGER *time, PULONG seconds) {
  return seconds_since(time, SECONDS_1601_TO_1970, seconds);
}
BOOLEAN NTAPI RtlTimeToSecondsSince1980(const LARGE_INTEGER *time, PULONG seconds) {
  return seconds_since(time, SECONDS_1601_TO_1980, seconds);
}
VOID NTAPI RtlSecondsSince1970ToTime(ULONG seconds, PLARGE_INTEGER time) {
  time->QuadPart = (seconds + SECONDS_1601_TO_1970) * TICKS_PER_SECOND;
}
VOID NTAPI RtlSecondsSince1980ToTime(ULONG seconds, PLARGE_INTEGER time) {
  time->QuadPart = (seconds + SECONDS_1601_TO_1980) * TICKS_PER_SECOND;
}

/* The machine's time zone is UTC: local and system time are the same. */
NTSTATUS NTAPI RtlSystemTimeToLocalTime(const LARGE_INTEGER *system, PLARGE_INTEGER local) {
  *local = *system;
  return STATUS_SUCCESS;
}
NTSTATUS NTAPI RtlLocalTimeToSystemTime(const LARGE_INTEGER *local, PLARGE_INTEGER system) {
  *system = *local;
  return STATUS_SUCCESS;
}
