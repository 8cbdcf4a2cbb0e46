/* Code pages, comparison, classification, messages, environment, dates. */
#include <string.h>
#include <wchar.h>
#include <windows.h>
#include "ok.h"

static DWORD format(const char *pattern, char *buffer, ...) {
  va_list arguments;
  va_start(arguments, buffer);
  DWORD length = FormatMessageA(FORMAT_MESSAGE_FROM_STRING, pattern, 0, 0, buffer, 200, &arguments);
  va_end(arguments);
  return length;
}

static void code_pages(void) {
  WCHAR wide[32];
  char narrow[32];
  BOOL substituted = FALSE;
  ok(GetACP() == 1252 && GetOEMCP() == 437, "pages");
  ok(MultiByteToWideChar(CP_ACP, 0, "\x80\xE9", -1, wide, 32) == 3 && wide[0] == 0x20AC && wide[1] == 0xE9, "1252");
  ok(MultiByteToWideChar(437, 0, "\x82", 1, wide, 32) == 1 && wide[0] == 0xE9, "437");
  ok(MultiByteToWideChar(CP_UTF8, 0, "\xF0\x9F\x98\x80", 4, wide, 32) == 2 && wide[0] == 0xD83D && wide[1] == 0xDE00, "pair");
  ok(MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, "\xC0\x80", 2, wide, 32) == 0, "overlong");
  ok(GetLastError() == ERROR_NO_UNICODE_TRANSLATION, "error %lu", GetLastError());
  ok(MultiByteToWideChar(CP_ACP, 0, "abc", 3, wide, 2) == 0 && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "too small");
  ok(WideCharToMultiByte(CP_UTF8, 0, L"\xD83D\xDE00\x20AC", 3, narrow, 32, NULL, NULL) == 7, "to UTF-8");
  ok(memcmp(narrow, "\xF0\x9F\x98\x80\xE2\x82\xAC", 7) == 0, "bytes");
  ok(WideCharToMultiByte(CP_ACP, 0, L"\x4E2Dx", -1, narrow, 32, "#", &substituted) == 3 && narrow[0] == '#' && substituted, "default");
  ok(WideCharToMultiByte(CP_ACP, 0, L"abc", -1, NULL, 0, NULL, NULL) == 4, "size asked for");
  ok(MultiByteToWideChar(12345, 0, "a", 1, wide, 32) == 0 && GetLastError() == ERROR_INVALID_PARAMETER, "unknown page");
}

static void comparison(void) {
  WCHAR buffer[16];
  WORD types[4];
  ok(CompareStringA(LOCALE_USER_DEFAULT, 0, "abc", -1, "ABD", -1) == CSTR_LESS_THAN, "letters before case");
  ok(CompareStringA(LOCALE_USER_DEFAULT, 0, "abc", -1, "ABC", -1) == CSTR_LESS_THAN, "lower before upper");
  ok(CompareStringA(LOCALE_USER_DEFAULT, NORM_IGNORECASE, "abc", -1, "ABC", -1) == CSTR_EQUAL, "ignoring case");
  ok(lstrcmpiA("Hello", "hELLO") == 0 && lstrcmpA("a", "b") < 0, "lstrcmp");
  ok(CompareStringOrdinal(L"a", -1, L"B", -1, FALSE) == CSTR_GREATER_THAN, "ordinal");
  ok(LCMapStringW(LOCALE_USER_DEFAULT, LCMAP_UPPERCASE, L"stra\xDF" L"e \xE9", -1, buffer, 16) == 9, "upper");
  ok(wcscmp(buffer, L"STRA\xDF" L"E \xC9") == 0, "upper text");
  ok(GetStringTypeW(CT_CTYPE1, L"aZ9 ", 4, types) && (types[0] & C1_LOWER) && (types[1] & C1_UPPER) && (types[2] & C1_DIGIT) &&
         (types[3] & C1_SPACE), "types");
  ok(MulDiv(7, 3, 2) == 11 && MulDiv(-7, 3, 2) == -11 && MulDiv(1, 1, 0) == -1, "MulDiv");
}

static void messages(void) {
  char buffer[200], *allocated = NULL;
  ok(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, 2, 0, buffer, sizeof buffer, NULL) == 44,
     "length");
  ok(strcmp(buffer, "The system cannot find the file specified.\r\n") == 0, "text %s", buffer);
  ok(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, 5, 0,
                    (char *)&allocated, 0, NULL) != 0 && strcmp(allocated, "Access is denied.\r\n") == 0, "allocated");
  LocalFree(allocated);
  ok(FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM, NULL, 60000, 0, buffer, sizeof buffer, NULL) == 0, "no such message");
  ok(GetLastError() == ERROR_MR_MID_NOT_FOUND, "error %lu", GetLastError());
  format("%2!5d!|%1|%3!04x!%n%%", buffer, "text", 42, 0xAB);
  ok(strcmp(buffer, "   42|text|00ab\r\n%") == 0, "inserts: %s", buffer);
}

static void environment(void) {
  char buffer[100];
  ok(SetEnvironmentVariableA("Nt86_Test", "value"), "set");
  ok(GetEnvironmentVariableA("NT86_TEST", buffer, sizeof buffer) == 5 && strcmp(buffer, "value") == 0, "get, any case");
  ok(GetEnvironmentVariableA("NT86_TEST", buffer, 5) == 6, "needed size");
  ok(ExpandEnvironmentStringsA("<%nt86_test%|%nope%>", buffer, sizeof buffer) == 15 && strcmp(buffer, "<value|%nope%>") == 0, "expand");
  ok(SetEnvironmentVariableA("NT86_TEST", NULL), "remove");
  ok(GetEnvironmentVariableA("NT86_TEST", buffer, 5) == 0 && GetLastError() == ERROR_ENVVAR_NOT_FOUND, "removed");
}

static void dates(void) {
  SYSTEMTIME date = {2000, 2, 0, 29, 23, 59, 58, 123}, back;
  FILETIME time;
  WORD dosDate, dosTime;
  WCHAR text[64];
  ok(SystemTimeToFileTime(&date, &time) && time.dwHighDateTime == 0x1BF8311, "29 February 2000");
  ok(FileTimeToSystemTime(&time, &back) && back.wDay == 29 && back.wDayOfWeek == 2 && back.wMilliseconds == 123, "and back");
  ok(FileTimeToDosDateTime(&time, &dosDate, &dosTime) && dosDate == 0x285D && dosTime == 0xBF7D, "DOS %x %x", dosDate, dosTime);
  date.wYear = 2001;
  ok(!SystemTimeToFileTime(&date, &time), "29 February 2001");
  date = (SYSTEMTIME){2005, 3, 5, 25, 13, 5, 9, 0};
  ok(GetDateFormatW(LOCALE_USER_DEFAULT, 0, &date, L"ddd, dd MMM yyyy", text, 64) == 17 && wcscmp(text, L"Fri, 25 Mar 2005") == 0, "date");
  ok(GetTimeFormatW(LOCALE_USER_DEFAULT, 0, &date, NULL, text, 64) == 11 && wcscmp(text, L"1:05:09 PM") == 0, "time");
}

int main(void) {
  code_pages();
  comparison();
  messages();
  environment();
  dates();
  return report("text");
}
