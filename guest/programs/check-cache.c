/* Reading and writing through the cache: views, unbuffered and overlapped I/O, completion ports. */
#include <string.h>
#include <windows.h>
#include "ok.h"

enum { FILE_BYTES = 0x20000, SECTOR = 512 };
static char block[FILE_BYTES];

static HANDLE open_data(DWORD disposition, DWORD flags) {
  HANDLE file = CreateFileA("cached.bin", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, disposition, flags, NULL);
  ok(file != INVALID_HANDLE_VALUE, "open: %lu", GetLastError());
  return file;
}

static void put(HANDLE file, DWORD offset, const char *text) {
  DWORD written;
  SetFilePointer(file, (LONG)offset, NULL, FILE_BEGIN);
  ok(WriteFile(file, text, (DWORD)strlen(text), &written, NULL) && written == strlen(text), "write %s: %lu", text, GetLastError());
}

static BOOL reads(HANDLE file, DWORD offset, const char *text) {
  char buffer[64];
  DWORD read;
  SetFilePointer(file, (LONG)offset, NULL, FILE_BEGIN);
  return ReadFile(file, buffer, (DWORD)strlen(text), &read, NULL) && read == strlen(text) && memcmp(buffer, text, read) == 0;
}

static void views(HANDLE file) {
  HANDLE mapping = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
  char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
  ok(view != NULL, "map: %lu", GetLastError());
  put(file, 0x11000, "written");
  ok(memcmp(view + 0x11000, "written", 7) == 0, "a view sees what is written");
  memcpy(view + 0x12ffc, "through", 7);
  ok(reads(file, 0x12ffc, "through"), "a read sees what a view stores");
  SetFilePointer(file, 0x1000, NULL, FILE_BEGIN);
  ok(!SetEndOfFile(file) && GetLastError() == ERROR_USER_MAPPED_FILE, "no cutting under a view: %lu", GetLastError());
  ok(FlushFileBuffers(file), "flush: %lu", GetLastError());
  UnmapViewOfFile(view);
  CloseHandle(mapping);
  ok(reads(file, 0x12ffc, "through"), "and after the view");
  SetFilePointer(file, 0x12ffe, NULL, FILE_BEGIN);
  ok(SetEndOfFile(file), "cut: %lu", GetLastError());
  SetFilePointer(file, FILE_BYTES, NULL, FILE_BEGIN);
  ok(SetEndOfFile(file), "and longer again: %lu", GetLastError());
  char tail[5] = "xxxxx";
  DWORD read;
  SetFilePointer(file, 0x12ffc, NULL, FILE_BEGIN);
  ok(ReadFile(file, tail, 5, &read, NULL) && memcmp(tail, "th\0\0\0", 5) == 0, "what was cut off is zeros");
}

static void unbuffered(HANDLE cached) {
  char *sectors = VirtualAlloc(NULL, 0x1000, MEM_COMMIT, PAGE_READWRITE);
  DWORD count;
  HANDLE file = open_data(OPEN_EXISTING, FILE_FLAG_NO_BUFFERING);
  put(cached, 0x4000, "in the cache");
  SetFilePointer(file, 0x4000, NULL, FILE_BEGIN);
  ok(ReadFile(file, sectors, SECTOR, &count, NULL) && count == SECTOR && memcmp(sectors, "in the cache", 12) == 0, "it sees the cache");
  memcpy(sectors, "on the disk", 12);
  SetFilePointer(file, 0x4000, NULL, FILE_BEGIN);
  ok(WriteFile(file, sectors, SECTOR, &count, NULL) && count == SECTOR, "write a sector: %lu", GetLastError());
  ok(reads(cached, 0x4000, "on the disk"), "the cache sees it");
  ok(!ReadFile(file, sectors, 100, &count, NULL) && GetLastError() == ERROR_INVALID_PARAMETER, "no part of a sector: %lu", GetLastError());
  SetFilePointer(file, 100, NULL, FILE_BEGIN);
  ok(!WriteFile(file, sectors, SECTOR, &count, NULL) && GetLastError() == ERROR_INVALID_PARAMETER, "no odd position: %lu", GetLastError());
  SetFilePointer(file, 0, NULL, FILE_BEGIN);
  ok(!ReadFile(file, sectors + 1, SECTOR, &count, NULL) && GetLastError() == ERROR_INVALID_PARAMETER, "no odd buffer: %lu", GetLastError());
  CloseHandle(file);
  VirtualFree(sectors, 0, MEM_RELEASE);
}

static void ports(void) {
  HANDLE file = open_data(OPEN_EXISTING, FILE_FLAG_OVERLAPPED);
  HANDLE port = CreateIoCompletionPort(file, NULL, 77, 0);
  OVERLAPPED request = { .Offset = 0x4000 }, *got = NULL;
  char buffer[16];
  DWORD bytes = 0;
  ULONG_PTR key = 0;
  ok(port != NULL, "a port: %lu", GetLastError());
  ok(CreateIoCompletionPort(file, port, 78, 0) == NULL && GetLastError() == ERROR_INVALID_PARAMETER, "one port a file: %lu", GetLastError());
  ok(!GetQueuedCompletionStatus(port, &bytes, &key, &got, 0) && GetLastError() == WAIT_TIMEOUT && got == NULL, "nothing yet: %lu", GetLastError());
  ok(ReadFile(file, buffer, 11, NULL, &request) || GetLastError() == ERROR_IO_PENDING, "read: %lu", GetLastError());
  ok(GetQueuedCompletionStatus(port, &bytes, &key, &got, INFINITE), "it ends: %lu", GetLastError());
  ok(bytes == 11 && key == 77 && got == &request && memcmp(buffer, "on the disk", 11) == 0, "%lu bytes, key %lu", bytes, (DWORD)key);
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL);
  request.hEvent = (HANDLE)((ULONG_PTR)event | 1);
  ok(ReadFile(file, buffer, 11, NULL, &request) || GetLastError() == ERROR_IO_PENDING, "read without a packet");
  ok(WaitForSingleObject(event, INFINITE) == WAIT_OBJECT_0, "its event tells");
  ok(!GetQueuedCompletionStatus(port, &bytes, &key, &got, 0) && GetLastError() == WAIT_TIMEOUT, "and no packet");
  for (DWORD n = 0; n < 3; n++) ok(PostQueuedCompletionStatus(port, n, n + 1, NULL), "post");
  for (DWORD n = 0; n < 3; n++) ok(GetQueuedCompletionStatus(port, &bytes, &key, &got, 0) && bytes == n && key == n + 1, "in order");
  HANDLE synchronous = open_data(OPEN_EXISTING, 0);
  ok(CreateIoCompletionPort(synchronous, port, 1, 0) == NULL && GetLastError() == ERROR_INVALID_PARAMETER, "not for a synchronous file");
  CloseHandle(synchronous);
  CloseHandle(event);
  CloseHandle(port);
  CloseHandle(file);
}

static void sequential(void) {
  HANDLE file = open_data(OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN);
  DWORD read, total = 0;
  while (ReadFile(file, block, 0x3000, &read, NULL) && read != 0) total += read;
  ok(total == FILE_BYTES, "all of it: %lu", total);
  CloseHandle(file);
  file = open_data(OPEN_EXISTING, FILE_FLAG_WRITE_THROUGH);
  put(file, 0x8000, "at once");
  ok(reads(file, 0x8000, "at once"), "written through");
  CloseHandle(file);
}

int main(void) {
  DWORD written;
  if (!SetCurrentDirectoryA("C:\\")) return 255;
  HANDLE file = open_data(CREATE_ALWAYS, 0);
  ok(WriteFile(file, block, FILE_BYTES, &written, NULL) && written == FILE_BYTES, "write: %lu", GetLastError());
  views(file);
  unbuffered(file);
  ports();
  sequential();
  CloseHandle(file);
  ok(DeleteFileA("cached.bin"), "delete: %lu", GetLastError());
  return report("cache");
}
