/* What Win32 makes of names: devices, dots and blanks, forbidden characters, and paths of every length. */
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include "ok.h"

/* Creates a file of that name: the error, or 0. `shown`: as which entry of the current folder it is there, "" for none. */
static DWORD create(const char *name, char shown[MAX_PATH]) {
  WIN32_FIND_DATAA found;
  HANDLE file = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_NEW, 0, NULL);
  DWORD error = file == INVALID_HANDLE_VALUE ? GetLastError() : 0;
  shown[0] = 0;
  if (file == INVALID_HANDLE_VALUE) return error;
  CloseHandle(file);
  HANDLE search = FindFirstFileA("*", &found);
  if (search == INVALID_HANDLE_VALUE) return error;
  do {
    if (!(found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY)) strcpy(shown, found.cFileName);
  } while (FindNextFileA(search, &found));
  FindClose(search);
  if (shown[0] != 0) {
    WCHAR path[MAX_PATH + 16];
    swprintf(path, MAX_PATH + 16, L"\\\\?\\C:\\names\\%hs", shown);
    ok(DeleteFileW(path), "delete %s: %lu", shown, GetLastError());
  }
  return error;
}

static void short_names(void) {
  static const struct { const char *name; DWORD error; const char *shown; } cases[] = {
    { "plain.txt", 0, "plain.txt" },
    { "dots...", 0, "dots" },
    { "blanks   ", 0, "blanks" },
    { "mixed. . .", 0, "mixed" },
    { " leading", 0, " leading" },
    { ".hidden", 0, ".hidden" },
    { "two.dots.txt", 0, "two.dots.txt" },
    { ".\\here", 0, "here" },
    { "..\\names\\there", 0, "there" },
    { "..\\..\\..\\names\\up", 0, "up" },
    { "C:\\names\\.\\abs", 0, "abs" },
    { "C:rel", 0, "rel" },
    { "/names/slashes", 0, "slashes" },
    { "\\\\.\\C:\\names\\device", 0, "device" },
    { "\\\\?\\C:\\names\\literal. ", 0, "literal. " },
    { "\\\\?\\C:\\names\\nul", 0, "nul" },
    { "\\\\?\\C:\\names\\com1.txt", 0, "com1.txt" },
    { "COM0", 0, "COM0" },
    { "com10", 0, "com10" },
    { "nul2", 0, "nul2" },
    { "CONSOLE", 0, "CONSOLE" },
    { "\\\\?\\C:\\names\\..\\x", ERROR_INVALID_NAME, "" },
    { "\\\\?\\C:/names/x", ERROR_FILE_NOT_FOUND, "" },
    { "\\\\?\\C:\\names/x", ERROR_INVALID_NAME, "" },
    { "a<b", ERROR_INVALID_NAME, "" },
    { "a>b", ERROR_INVALID_NAME, "" },
    { "a|b", ERROR_INVALID_NAME, "" },
    { "a\"b", ERROR_INVALID_NAME, "" },
    { "a*b", ERROR_INVALID_NAME, "" },
    { "a?b", ERROR_INVALID_NAME, "" },
    { "a\x01" "b", ERROR_INVALID_NAME, "" },
    { "file:stream", ERROR_INVALID_NAME, "" },
    { "file:stream:$DATA", ERROR_INVALID_NAME, "" },
    { "file::$DATA", 0, "file" },
    { "", ERROR_PATH_NOT_FOUND, "" },
    { "folder\\", ERROR_INVALID_NAME, "" },
    { "none\\x", ERROR_PATH_NOT_FOUND, "" },
    { "Q:\\x", ERROR_PATH_NOT_FOUND, "" },
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char shown[MAX_PATH];
    DWORD error = create(cases[i].name, shown);
    ok(error == cases[i].error, "%s: error %lu, not %lu", cases[i].name, error, cases[i].error);
    ok(strcmp(shown, cases[i].shown) == 0, "%s is %s, not %s", cases[i].name, shown, cases[i].shown);
  }
}

/* Devices have their names in every folder, with any extension, whatever else is there. */
static void devices(void) {
  static const char *const null[] = { "NUL", "nul", "nul.txt", "Nul .txt", "nul   ", "nul:", "C:nul", "C:\\none\\nul", "\\\\.\\NUL", "..\\nul.tar.gz" };
  static const char *const missing[] = { "AUX", "aux.c", "PRN", "prn.txt", "COM1", "com9:", "C:\\names\\LPT1.log", "lpt9   ", "\\\\.\\COM1" };
  char shown[MAX_PATH], full[MAX_PATH];
  for (size_t i = 0; i < sizeof null / sizeof *null; i++) {
    HANDLE file = CreateFileA(null[i], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
    DWORD written = 0;
    ok(file != INVALID_HANDLE_VALUE, "%s: %lu", null[i], GetLastError());
    ok(WriteFile(file, "gone", 4, &written, NULL) && written == 4, "write to %s", null[i]);
    ok(GetFileType(file) == FILE_TYPE_CHAR, "%s is no file", null[i]);
    CloseHandle(file);
  }
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++) {
    DWORD error = create(missing[i], shown);
    ok(error == ERROR_FILE_NOT_FOUND && shown[0] == 0, "%s: %lu %s", missing[i], error, shown);
  }
  ok(GetFullPathNameA("C:\\x\\con.txt", sizeof full, full, NULL) != 0 && strcmp(full, "\\\\.\\con") == 0, "con.txt is %s", full);
  ok(!CreateDirectoryA("aux", NULL), "no folder aux");
}

/* A name of so many characters in all, below C:\names. */
static WCHAR *named(WCHAR *buffer, const WCHAR *start, size_t length, WCHAR with) {
  wcscpy(buffer, start);
  size_t at = wcslen(buffer);
  for (; at < length; at++) buffer[at] = with;
  buffer[length] = 0;
  return buffer;
}

static DWORD create_wide(const WCHAR *name) {
  HANDLE file = CreateFileW(name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return GetLastError();
  CloseHandle(file);
  return DeleteFileW(name) ? 0 : GetLastError();
}

static void lengths(void) {
  static WCHAR name[33000], folder[600];
  WIN32_FIND_DATAW found;
  ok(create_wide(named(name, L"C:\\names\\", 259, L'x')) == 0, "259 characters: %lu", GetLastError());
  ok(create_wide(named(name, L"C:\\names\\", 260, L'x')) == ERROR_PATH_NOT_FOUND, "260 characters: %lu", GetLastError());
  ok(create_wide(named(name, L"", 250, L'x')) == 0, "250 characters here are 259");
  ok(create_wide(named(name, L"", 251, L'x')) == ERROR_PATH_NOT_FOUND, "251 characters here are 260");
  ok(create_wide(named(name, L"", 32767, L'x')) == ERROR_PATH_NOT_FOUND, "32767 characters");
  ok(GetFileAttributesW(name) == INVALID_FILE_ATTRIBUTES && GetLastError() == ERROR_PATH_NOT_FOUND, "attributes of it: %lu", GetLastError());
  ok(FindFirstFileW(name, &found) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PATH_NOT_FOUND, "search for it: %lu", GetLastError());
  ok(!SetCurrentDirectoryW(name) && GetLastError() == ERROR_INVALID_NAME, "go there");
  ok(!SetCurrentDirectoryW(named(name, L"", 300, L'x')) && GetLastError() == ERROR_FILENAME_EXCED_RANGE, "go to 300");
  ok(create_wide(named(name, L"\\\\?\\C:\\names\\", 13 + 255, L'x')) == 0, "a component of 255");
  ok(create_wide(named(name, L"\\\\?\\C:\\names\\", 13 + 256, L'x')) == ERROR_INVALID_NAME, "a component of 256: %lu", GetLastError());
  ok(FindFirstFileW(name, &found) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_NAME, "search for it: %lu", GetLastError());
  ok(create_wide(named(name, L"\\\\?\\C:\\names\\", 32000, L'x')) == ERROR_INVALID_NAME, "a component of 32000");
  ok(create_wide(named(name, L"\\\\?\\C:\\names\\", 32900, L'x')) == ERROR_PATH_NOT_FOUND, "32900: %lu", GetLastError());
  for (size_t at = 14; at + 1 < 32000; at += 2) name[at] = L'\\';
  name[31999] = 0;
  ok(create_wide(name) == ERROR_PATH_NOT_FOUND, "16000 components: %lu", GetLastError());
  ok(CreateDirectoryW(named(folder, L"C:\\names\\", 247, L'd'), NULL), "a folder of 247: %lu", GetLastError());
  ok(RemoveDirectoryW(folder), "remove it: %lu", GetLastError());
  ok(!CreateDirectoryW(named(folder, L"C:\\names\\", 248, L'd'), NULL) && GetLastError() == ERROR_FILENAME_EXCED_RANGE, "a folder of 248: %lu", GetLastError());
  // Six folders in each other, and a file beyond what the old functions reach.
  named(folder, L"\\\\?\\C:\\names", 12, 0);
  for (int i = 0; i < 6; i++) {
    wcscat(folder, L"\\a folder with a name of more than fifty characters....");
    ok(CreateDirectoryW(folder, NULL), "folder %d: %lu", i, GetLastError());
  }
  swprintf(name, 1000, L"%ls\\file", folder);
  ok(wcslen(name) > 300 && create_wide(name) == 0, "a file of %u characters: %lu", (unsigned)wcslen(name), GetLastError());
  ok(GetFileAttributesW(name + 4) == INVALID_FILE_ATTRIBUTES && GetLastError() == ERROR_PATH_NOT_FOUND, "without \\\\?\\: %lu", GetLastError());
  for (int i = 0; i < 6; i++) {
    ok(RemoveDirectoryW(folder), "remove folder %d: %lu", i, GetLastError());
    *wcsrchr(folder, L'\\') = 0;
  }
}

int main(void) {
  ok(CreateDirectoryA("C:\\names", NULL) && SetCurrentDirectoryA("C:\\names"), "folder: %lu", GetLastError());
  short_names();
  devices();
  lengths();
  ok(SetCurrentDirectoryA("C:\\") && RemoveDirectoryA("C:\\names"), "the folder is empty: %lu", GetLastError());
  return report("names");
}
