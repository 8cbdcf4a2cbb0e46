/* Paths, directories, files and searching on drive C:. */
#include <string.h>
#include <windows.h>
#include "ok.h"

static void full(const char *name, const char *expected) {
  char buffer[MAX_PATH], *part;
  DWORD length = GetFullPathNameA(name, sizeof buffer, buffer, &part);
  ok(length == strlen(expected) && strcmp(buffer, expected) == 0, "full path of %s is %s, not %s", name, buffer, expected);
}

static DWORD error_of(BOOL result) { return result ? 0 : GetLastError(); }

static DWORD open_error(const char *name, DWORD access, DWORD disposition, DWORD flags) {
  HANDLE file = CreateFileA(name, access, FILE_SHARE_READ, NULL, disposition, flags, NULL);
  if (file == INVALID_HANDLE_VALUE) return GetLastError();
  CloseHandle(file);
  return 0;
}

static void put_file(const char *name, const char *text) {
  DWORD written;
  HANDLE file = CreateFileA(name, GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  ok(file != INVALID_HANDLE_VALUE, "create %s: %lu", name, GetLastError());
  ok(WriteFile(file, text, (DWORD)strlen(text), &written, NULL) && written == strlen(text), "write %s", name);
  CloseHandle(file);
}

static int count_matches(const char *pattern) {
  WIN32_FIND_DATAA data;
  int count = 0;
  HANDLE search = FindFirstFileA(pattern, &data);
  if (search == INVALID_HANDLE_VALUE) return -(int)GetLastError();
  do count++;
  while (FindNextFileA(search, &data));
  ok(GetLastError() == ERROR_NO_MORE_FILES, "search ends with %lu", GetLastError());
  FindClose(search);
  return count;
}

static void paths(void) {
  full("C:\\a\\b\\..\\c", "C:\\a\\c");
  full("C:\\a\\.\\b\\", "C:\\a\\b\\");
  full("C:\\..\\..\\x", "C:\\x");
  full("C:/one//two\\\\three", "C:\\one\\two\\three");
  full("x.txt", "C:\\x.txt");
  full("sub\\x. . ", "C:\\sub\\x");
  full("\\rooted", "C:\\rooted");
  full("C:relative", "C:\\relative");
  full("c:\\lower", "C:\\lower");
  full("\\\\server\\share\\dir\\..\\x", "\\\\server\\share\\x");
  full("NUL", "\\\\.\\NUL");
  full("dir\\nul.txt", "\\\\.\\nul");
  full("C:\\", "C:\\");
  char small[4];
  ok(GetFullPathNameA("C:\\abcdef", sizeof small, small, NULL) == 10, "needed size includes the terminator");
}

static void errors(void) {
  ok(open_error("missing.txt", GENERIC_READ, OPEN_EXISTING, 0) == ERROR_FILE_NOT_FOUND, "missing file");
  ok(open_error("missing\\x.txt", GENERIC_READ, OPEN_EXISTING, 0) == ERROR_PATH_NOT_FOUND, "missing folder");
  ok(open_error("folder", GENERIC_READ, OPEN_EXISTING, 0) == ERROR_ACCESS_DENIED, "folder opened as a file");
  ok(open_error("folder", GENERIC_READ, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS) == 0, "folder with backup semantics");
  ok(open_error("one.txt", GENERIC_WRITE, CREATE_NEW, 0) == ERROR_FILE_EXISTS, "create new over old");
  ok(open_error("a<b", GENERIC_READ, OPEN_EXISTING, 0) == ERROR_INVALID_NAME, "bad character: %lu", GetLastError());
  ok(open_error("NUL", GENERIC_READ | GENERIC_WRITE, OPEN_EXISTING, 0) == 0, "the null device: %lu", GetLastError());
  ok(error_of(DeleteFileA("missing.txt")) == ERROR_FILE_NOT_FOUND, "delete a missing file");
  ok(error_of(RemoveDirectoryA("folder")) == ERROR_DIR_NOT_EMPTY, "remove a full folder");
  ok(error_of(CreateDirectoryA("folder", NULL)) == ERROR_ALREADY_EXISTS, "create a folder twice");
  ok(error_of(CreateDirectoryA("no\\folder", NULL)) == ERROR_PATH_NOT_FOUND, "folder in a missing folder");
  ok(error_of(CopyFileA("one.txt", "two.txt", TRUE)) == ERROR_FILE_EXISTS, "copy over an old file");
  ok(error_of(MoveFileA("one.txt", "two.txt")) == ERROR_ALREADY_EXISTS, "move over an old file");
  ok(error_of(SetCurrentDirectoryA("missing")) == ERROR_FILE_NOT_FOUND, "change to a missing folder");
  ok(error_of(SetCurrentDirectoryA("one.txt")) == ERROR_DIRECTORY, "change to a file: %lu", GetLastError());
  ok(GetFileAttributesA("missing.txt") == INVALID_FILE_ATTRIBUTES && GetLastError() == ERROR_FILE_NOT_FOUND, "attributes");
  ok(error_of(CloseHandle((HANDLE)0x1234)) == ERROR_INVALID_HANDLE, "close no handle");
}

static void contents(void) {
  char buffer[100];
  DWORD count;
  LARGE_INTEGER zero = {.QuadPart = 0}, position;
  HANDLE file = CreateFileA("data.bin", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  ok(WriteFile(file, "0123456789", 10, &count, NULL) && count == 10, "write");
  ok(SetFilePointer(file, -3, NULL, FILE_END) == 7, "seek from the end");
  ok(ReadFile(file, buffer, 100, &count, NULL) && count == 3 && memcmp(buffer, "789", 3) == 0, "read the tail");
  ok(ReadFile(file, buffer, 100, &count, NULL) && count == 0, "read at the end gives nothing");
  ok(SetFilePointer(file, -1, NULL, FILE_BEGIN) == INVALID_SET_FILE_POINTER && GetLastError() == ERROR_NEGATIVE_SEEK, "negative");
  SetFilePointer(file, 4, NULL, FILE_BEGIN);
  ok(SetEndOfFile(file) && GetFileSize(file, NULL) == 4, "cut to 4");
  ok(SetFilePointerEx(file, zero, &position, FILE_CURRENT) && position.QuadPart == 4, "position");
  SetFilePointer(file, 8, NULL, FILE_BEGIN);
  ok(WriteFile(file, "x", 1, &count, NULL) && GetFileSize(file, NULL) == 9, "write behind the end");
  SetFilePointer(file, 4, NULL, FILE_BEGIN);
  ok(ReadFile(file, buffer, 4, &count, NULL) && memcmp(buffer, "\0\0\0\0", 4) == 0, "the gap is zeros");
  OVERLAPPED at = {.Offset = 2};
  ok(ReadFile(file, buffer, 2, &count, &at) && count == 2 && memcmp(buffer, "23", 2) == 0, "read at an offset");
  at.Offset = 100;
  ok(!ReadFile(file, buffer, 2, &count, &at) && GetLastError() == ERROR_HANDLE_EOF, "read behind the end at an offset");
  FILETIME stamp = {0x12340000, 0x01C0ABCD}, got;
  ok(SetFileTime(file, NULL, NULL, &stamp) && GetFileTime(file, NULL, NULL, &got), "times");
  ok(GetFileType(file) == FILE_TYPE_DISK, "type");
  ok(LockFile(file, 0, 0, 4, 0) && UnlockFile(file, 0, 0, 4, 0), "lock");
  BY_HANDLE_FILE_INFORMATION information;
  ok(GetFileInformationByHandle(file, &information) && information.nFileSizeLow == 9, "information");
  ok(open_error("data.bin", GENERIC_READ, OPEN_EXISTING, 0) == ERROR_SHARING_VIOLATION, "sharing");
  CloseHandle(file);
  ok(DeleteFileA("data.bin"), "delete");
}

static HANDLE open_shared(const char *name, DWORD flags) {
  return CreateFileA(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_ALWAYS, flags, NULL);
}

static DWORD read_error(HANDLE file, DWORD offset) {
  char byte;
  DWORD count;
  OVERLAPPED at = {.Offset = offset};
  return ReadFile(file, &byte, 1, &count, &at) ? 0 : GetLastError();
}
static DWORD write_error(HANDLE file, DWORD offset) {
  DWORD count;
  OVERLAPPED at = {.Offset = offset};
  return WriteFile(file, "x", 1, &count, &at) ? 0 : GetLastError();
}

/* A file that is not synchronous has a position, too: to be sized by. */
static void sizes(void) {
  HANDLE file = CreateFileA("sized", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_OVERLAPPED, NULL);
  LARGE_INTEGER position = { .QuadPart = 0x12345 }, got;
  ok(GetLastError() == 0, "it was not there: %lu", GetLastError());
  ok(SetFilePointerEx(file, position, NULL, FILE_BEGIN) && SetEndOfFile(file), "longer: %lu", GetLastError());
  ok(GetFileSizeEx(file, &got) && got.QuadPart == 0x12345, "size %lx", got.LowPart);
  HANDLE mapping = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
  position.QuadPart = 10;
  ok(mapping != NULL && SetFilePointerEx(file, position, &got, FILE_BEGIN) && got.QuadPart == 10, "position");
  ok(!SetEndOfFile(file) && GetLastError() == ERROR_USER_MAPPED_FILE, "not shorter while it is mapped: %lu", GetLastError());
  CloseHandle(mapping);
  ok(SetEndOfFile(file) && GetFileSize(file, NULL) == 10, "shorter: %lu", GetLastError());
  CloseHandle(file);
  file = CreateFileA("sized", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  ok(GetLastError() == ERROR_ALREADY_EXISTS, "it was there: %lu", GetLastError());
  CloseHandle(file);

  ok(DeleteFileA("sized"), "delete");
  file = CreateFileA("folder\\nul.txt", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  ok(file != INVALID_HANDLE_VALUE && GetLastError() == 0, "a device was never there: %lu", GetLastError());
  CloseHandle(file);
}

/* Whoever has a range for himself keeps all others from it; a shared one nobody writes. A request waits its turn. */
static void locks(void) {
  HANDLE one = open_shared("locked", 0), two = open_shared("locked", 0), later = open_shared("locked", FILE_FLAG_OVERLAPPED);
  OVERLAPPED all = { .Offset = 0 }, pending = { .Offset = 4, .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
  DWORD count;
  ok(WriteFile(one, "0123456789", 10, &count, NULL), "write");
  ok(LockFile(one, 2, 0, 4, 0), "lock");
  ok(read_error(one, 2) == 0 && write_error(one, 5) == 0, "its owner reads and writes");
  ok(read_error(two, 1) == 0 && read_error(two, 2) == ERROR_LOCK_VIOLATION && read_error(two, 5) == ERROR_LOCK_VIOLATION, "others do not read");
  ok(write_error(two, 6) == 0 && write_error(two, 3) == ERROR_LOCK_VIOLATION, "others do not write");
  ok(!LockFile(two, 5, 0, 1, 0) && GetLastError() == ERROR_LOCK_VIOLATION, "no second lock");
  ok(LockFile(two, 6, 0, 100, 0) && UnlockFile(two, 6, 0, 100, 0), "beside it");
  ok(!UnlockFile(one, 2, 0, 3, 0) && GetLastError() == ERROR_NOT_LOCKED, "only the whole range is unlocked");
  ok(!UnlockFile(two, 2, 0, 4, 0) && GetLastError() == ERROR_NOT_LOCKED, "only by its owner");
  ok(!LockFileEx(later, LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &pending) && GetLastError() == ERROR_IO_PENDING, "a request waits: %lu", GetLastError());
  ok(WaitForSingleObject(pending.hEvent, 0) == WAIT_TIMEOUT, "not yet");
  ok(UnlockFile(one, 2, 0, 4, 0), "unlock");
  ok(GetOverlappedResult(later, &pending, &count, TRUE), "it has the lock now: %lu", GetLastError());
  ok(read_error(one, 4) == ERROR_LOCK_VIOLATION && read_error(one, 5) == 0, "that keeps the first out");
  ok(!LockFileEx(later, LOCKFILE_FAIL_IMMEDIATELY | LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, &pending), "an exclusive one only once");
  ok(LockFileEx(later, LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &pending), "shared with himself");
  ok(UnlockFile(later, 4, 0, 1, 0), "the exclusive one goes first");
  ok(read_error(one, 4) == 0 && write_error(one, 4) == ERROR_LOCK_VIOLATION, "the shared one remains");
  ok(LockFileEx(one, 0, 0, 10, 0, &all) && LockFileEx(two, 0, 0, 10, 0, &all), "and others share it");
  ok(write_error(one, 7) == ERROR_LOCK_VIOLATION, "nobody writes a shared range");
  pending.Offset = 0;
  ok(!LockFileEx(later, LOCKFILE_EXCLUSIVE_LOCK, 0, 10, 0, &pending) && GetLastError() == ERROR_IO_PENDING, "waits for three");
  ok(CancelIo(later) && !GetOverlappedResult(later, &pending, &count, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED, "cancelled");
  CloseHandle(later), CloseHandle(two);
  ok(write_error(one, 7) == ERROR_LOCK_VIOLATION && UnlockFile(one, 0, 0, 10, 0) && write_error(one, 7) == 0, "locks go with their handle");
  ok(!LockFile(one, 0xffffffff, 0xffffffff, 2, 0), "a range beyond 2^64");
  // Views and what the cache writes for them pass every lock.
  two = open_shared("locked", 0);
  HANDLE mapping = CreateFileMappingA(one, NULL, PAGE_READWRITE, 0, 10, NULL);
  char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
  ok(LockFile(two, 0, 0, 10, 0), "lock all");
  view[0] = 'v';
  ok(FlushViewOfFile(view, 0) && FlushFileBuffers(two) && read_error(one, 0) == ERROR_LOCK_VIOLATION, "a view passes the lock");
  UnmapViewOfFile(view), CloseHandle(mapping), CloseHandle(two), CloseHandle(one), CloseHandle(pending.hEvent);
  ok(DeleteFileA("locked"), "delete");
}

int main(void) {
  char buffer[MAX_PATH];
  if (!SetCurrentDirectoryA("C:\\")) return 255;
  paths();
  ok(CreateDirectoryA("folder", NULL), "create a folder: %lu", GetLastError());
  put_file("one.txt", "first");
  put_file("two.txt", "second");
  put_file("folder\\three.c", "third");
  put_file("folder\\noextension", "fourth");
  errors();
  contents();
  locks();
  sizes();
  ok(count_matches("*.txt") == 2, "*.txt: %d", count_matches("*.txt"));
  ok(count_matches("ONE.*") == 1, "ONE.*");
  ok(count_matches("t?o.txt") == 1, "t?o.txt");
  ok(count_matches("folder\\*") == 4, "folder\\*: %d", count_matches("folder\\*"));
  ok(count_matches("folder\\*.*") == 4, "*.*: %d", count_matches("folder\\*.*"));
  ok(count_matches("folder\\n*.") == 1, "n*.: %d", count_matches("folder\\n*."));
  ok(count_matches("*.nothing") == -ERROR_FILE_NOT_FOUND, "no match: %d", count_matches("*.nothing"));
  ok(count_matches("missing\\*") == -ERROR_PATH_NOT_FOUND, "missing folder: %d", count_matches("missing\\*"));
  ok(SetCurrentDirectoryA("folder"), "change folder");
  ok(GetCurrentDirectoryA(sizeof buffer, buffer) == 9 && strcmp(buffer, "C:\\folder") == 0, "now in %s", buffer);
  ok(GetFileAttributesA("three.c") != INVALID_FILE_ATTRIBUTES, "relative name");
  full("..\\x", "C:\\x");
  SetCurrentDirectoryA("\\");
  ok(CopyFileA("one.txt", "copy.txt", FALSE) && GetFileAttributesA("copy.txt") != INVALID_FILE_ATTRIBUTES, "copy");
  ok(MoveFileA("copy.txt", "folder\\moved.txt"), "move: %lu", GetLastError());
  ok(GetFileAttributesA("copy.txt") == INVALID_FILE_ATTRIBUTES, "the old name is gone");
  ok(MoveFileExA("two.txt", "one.txt", MOVEFILE_REPLACE_EXISTING), "replace: %lu", GetLastError());
  ok(GetFileAttributesA("folder") & FILE_ATTRIBUTE_DIRECTORY, "folder attribute");
  ok(GetTempFileNameA("C:\\", "abcd", 0, buffer) != 0 && strncmp(buffer, "C:\\abc", 6) == 0, "temporary name %s", buffer);
  ok(DeleteFileA(buffer), "delete it");
  ok(DeleteFileA("folder\\moved.txt") && DeleteFileA("folder\\three.c") && DeleteFileA("folder\\noextension"), "clean");
  ok(RemoveDirectoryA("folder"), "remove folder: %lu", GetLastError());
  ok(DeleteFileA("one.txt"), "clean");
  return report("files");
}
