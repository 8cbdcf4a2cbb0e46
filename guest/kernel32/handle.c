// Handles, the standard handles, and text helpers that every file uses.
#include "kernel32.h"

HANDLE WINAPI GetStdHandle(DWORD which) {
  switch (which) {
  case STD_INPUT_HANDLE: return parameters()->StandardInput;
  case STD_OUTPUT_HANDLE: return parameters()->StandardOutput;
  case STD_ERROR_HANDLE: return parameters()->StandardError;
  }
  set_last_error(ERROR_INVALID_HANDLE);
  return INVALID_HANDLE_VALUE;
}

BOOL WINAPI SetStdHandle(DWORD which, HANDLE handle) {
  switch (which) {
  case STD_INPUT_HANDLE: parameters()->StandardInput = handle; return TRUE;
  case STD_OUTPUT_HANDLE: parameters()->StandardOutput = handle; return TRUE;
  case STD_ERROR_HANDLE: parameters()->StandardError = handle; return TRUE;
  }
  return refuse(ERROR_INVALID_HANDLE);
}

/* File functions take the STD_ constants themselves too. */
HANDLE standard_handle(HANDLE handle) {
  switch ((DWORD)handle) {
  case STD_INPUT_HANDLE: return parameters()->StandardInput;
  case STD_OUTPUT_HANDLE: return parameters()->StandardOutput;
  case STD_ERROR_HANDLE: return parameters()->StandardError;
  }
  return handle;
}

BOOL WINAPI CloseHandle(HANDLE handle) { return ok(NtClose(standard_handle(handle))); }

BOOL WINAPI DuplicateHandle(HANDLE sourceProcess, HANDLE source, HANDLE targetProcess, LPHANDLE target, DWORD access,
                            BOOL inherit, DWORD options) {
  return ok(NtDuplicateObject(sourceProcess, standard_handle(source), targetProcess, target, access,
                              inherit ? OBJ_INHERIT : 0, options));
}

BOOL WINAPI GetHandleInformation(HANDLE handle, LPDWORD flags) {
  struct { BOOLEAN inherit, protect; } information;
  if (!ok(NtQueryObject(standard_handle(handle), 4, &information, sizeof information, NULL))) return FALSE;
  *flags = (information.inherit ? HANDLE_FLAG_INHERIT : 0) | (information.protect ? HANDLE_FLAG_PROTECT_FROM_CLOSE : 0);
  return TRUE;
}

BOOL WINAPI SetHandleInformation(HANDLE handle, DWORD mask, DWORD flags) {
  struct { BOOLEAN inherit, protect; } information;
  handle = standard_handle(handle);
  if (!ok(NtQueryObject(handle, 4, &information, sizeof information, NULL))) return FALSE;
  if (mask & HANDLE_FLAG_INHERIT) information.inherit = (flags & HANDLE_FLAG_INHERIT) != 0;
  if (mask & HANDLE_FLAG_PROTECT_FROM_CLOSE) information.protect = (flags & HANDLE_FLAG_PROTECT_FROM_CLOSE) != 0;
  return ok(NtSetInformationObject(handle, 4, &information, sizeof information));
}

UINT WINAPI SetHandleCount(UINT count) { return count; }

// --- errors
DWORD WINAPI GetLastError(VOID) { return last_error(); }
VOID WINAPI SetLastError(DWORD error) { set_last_error(error); }

// --- text
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

static BOOLEAN oem_file_apis;

BOOLEAN file_apis_are_ansi(void) { return !oem_file_apis; }
BOOL WINAPI AreFileApisANSI(VOID) { return !oem_file_apis; }
VOID WINAPI SetFileApisToOEM(VOID) { oem_file_apis = TRUE; }
VOID WINAPI SetFileApisToANSI(VOID) { oem_file_apis = FALSE; }

static PWSTR widen(const char *text, BOOLEAN oem) {
  if (text == NULL) return NULL;
  ULONG length = (ULONG)strlen(text) + 1, used;
  PWSTR copy = allocate(length * sizeof(WCHAR));
  if (copy == NULL) return NULL;
  if (oem) RtlOemToUnicodeN(copy, length * sizeof(WCHAR), &used, text, length);
  else RtlMultiByteToUnicodeN(copy, length * sizeof(WCHAR), &used, text, length);
  return copy;
}
PWSTR wide_copy(const char *text) { return widen(text, FALSE); }
PWSTR wide_path(const char *text) { return widen(text, oem_file_apis); }

DWORD narrow_result(PCWSTR text, DWORD length, char *buffer, DWORD size) {
  if (length + 1 > size) return length + 1;
  ULONG used;
  if (oem_file_apis) RtlUnicodeToOemN(buffer, length, &used, text, length * sizeof(WCHAR));
  else RtlUnicodeToMultiByteN(buffer, length, &used, text, length * sizeof(WCHAR));
  buffer[length] = 0;
  return length;
}

int compare_wide(PCWSTR a, PCWSTR b, BOOLEAN ignoreCase) {
  for (;; a++, b++) {
    WCHAR x = ignoreCase ? RtlUpcaseUnicodeChar(*a) : *a, y = ignoreCase ? RtlUpcaseUnicodeChar(*b) : *b;
    if (x != y) return (int)x - (int)y;
    if (x == 0) return 0;
  }
}

void copy_wide(PWSTR target, PCWSTR source) { memcpy(target, source, (wcslen(source) + 1) * sizeof(WCHAR)); }

/* %s (wide text), %u and %x with a width and '0', %%. Returns characters stored without the terminator. */
int format_wide(PWSTR buffer, int size, PCWSTR format, ...) {
  __builtin_va_list arguments;
  int out = 0;
  __builtin_va_start(arguments, format);
  for (; *format != 0 && out + 1 < size; format++) {
    if (*format != L'%') {
      buffer[out++] = *format;
      continue;
    }
    int width = 0;
    WCHAR fill = L' ';
    format++;
    if (*format == L'0') fill = L'0', format++;
    while (*format >= L'0' && *format <= L'9') width = width * 10 + *format++ - L'0';
    if (*format == L's') {
      for (PCWSTR text = __builtin_va_arg(arguments, PCWSTR); *text != 0 && out + 1 < size; text++) buffer[out++] = *text;
    } else if (*format == L'u' || *format == L'x' || *format == L'X') {
      ULONG value = __builtin_va_arg(arguments, ULONG), base = *format == L'u' ? 10 : 16;
      PCWSTR digits = *format == L'x' ? L"0123456789abcdef" : L"0123456789ABCDEF";
      WCHAR text[24];
      int at = 24;
      do {
        text[--at] = digits[value % base];
        value /= base;
      } while (value != 0);
      while (24 - at < width && at > 0) text[--at] = fill;
      while (at < 24 && out + 1 < size) buffer[out++] = text[at++];
    } else {
      buffer[out++] = *format;
    }
  }
  __builtin_va_end(arguments);
  buffer[out] = 0;
  return out;
}
