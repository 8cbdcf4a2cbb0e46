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

/* Pages that a process has first and the cache later: the cache finds them through the hash table of its working set. */
static void view_first(void) {
  HANDLE file = CreateFileA("viewed.bin", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, FILE_FLAG_DELETE_ON_CLOSE, NULL);
  HANDLE mapping = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, FILE_BYTES, NULL);
  char *view = MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0);
  ok(view != NULL, "map a file that nobody has read: %lu", GetLastError());
  for (DWORD offset = 0; offset < FILE_BYTES; offset += 0x1000) strcpy(view + offset, "first");
  int right = 0;
  for (DWORD offset = 0; offset < FILE_BYTES; offset += 0x1000) right += reads(file, offset, "first");
  ok(right == FILE_BYTES / 0x1000, "%d pages read as the view has them", right);
  UnmapViewOfFile(view);
  CloseHandle(mapping);
  CloseHandle(file);
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
  ok(SetFilePointer(file, 100, NULL, FILE_BEGIN) == INVALID_SET_FILE_POINTER && GetLastError() == ERROR_INVALID_PARAMETER, "no odd position: %lu", GetLastError());
  OVERLAPPED odd = { .Offset = 100 };
  ok(!WriteFile(file, sectors, SECTOR, &count, &odd) && GetLastError() == ERROR_INVALID_PARAMETER, "no odd offset: %lu", GetLastError());
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

/* Writes a sector behind the cache's back: its page leaves memory. */
static void uncache(DWORD offset, const char *text) {
  char *sector = VirtualAlloc(NULL, 0x1000, MEM_COMMIT, PAGE_READWRITE);
  HANDLE file = open_data(OPEN_EXISTING, FILE_FLAG_NO_BUFFERING);
  DWORD count;
  memcpy(sector, text, strlen(text));
  SetFilePointer(file, (LONG)offset, NULL, FILE_BEGIN);
  ok(WriteFile(file, sector, SECTOR, &count, NULL) && count == SECTOR, "write a sector: %lu", GetLastError());
  CloseHandle(file);
  VirtualFree(sector, 0, MEM_RELEASE);
}

static BOOL is_pending(BOOL done) { return !done && GetLastError() == ERROR_IO_PENDING; }

static DWORD told_error, told_bytes;
static void CALLBACK told(DWORD error, DWORD bytes, OVERLAPPED *request) {
  (void)request;
  told_error = error;
  told_bytes = bytes;
}

static void pending(void) {
  HANDLE file = open_data(OPEN_EXISTING, FILE_FLAG_OVERLAPPED);
  OVERLAPPED request = { .Offset = 0xa000, .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
  char buffer[16] = "";
  DWORD bytes = 0;
  uncache(0xa000, "far away");
  ok(is_pending(ReadFile(file, buffer, 8, NULL, &request)), "a page that is not in memory: %lu", GetLastError());
  ok(buffer[0] == 0 && WaitForSingleObject(request.hEvent, 0) == WAIT_TIMEOUT, "nothing has happened yet");
  ok(GetOverlappedResult(file, &request, &bytes, TRUE) && bytes == 8 && memcmp(buffer, "far away", 8) == 0, "its end: %lu", GetLastError());
  ok(ReadFile(file, buffer, 8, NULL, &request), "it is in memory now: %lu", GetLastError());

  uncache(0xb000, "by a routine");
  request.Offset = 0xb000;
  ok(ReadFileEx(file, buffer, 12, &request, told), "read with a routine: %lu", GetLastError());
  ok(SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION && told_error == 0 && told_bytes == 12, "it is called: %lu", told_bytes);
  ok(memcmp(buffer, "by a routine", 12) == 0, "with the bytes there");

  uncache(0xc000, "some old text");
  request.Offset = 0xc005;
  ok(is_pending(WriteFile(file, "new", 3, NULL, &request)), "a page that is written in part: %lu", GetLastError());
  ok(GetOverlappedResult(file, &request, &bytes, TRUE) && bytes == 3, "its end: %lu", GetLastError());
  request.Offset = 0xc000;
  ok(ReadFile(file, buffer, 13, NULL, &request) && memcmp(buffer, "some new text", 13) == 0, "both are there");

  uncache(0xd000, "not wanted");
  request.Offset = 0xd000;
  ok(is_pending(ReadFile(file, buffer, 10, NULL, &request)) && CancelIo(file), "cancel: %lu", GetLastError());
  ok(!GetOverlappedResult(file, &request, &bytes, TRUE) && GetLastError() == ERROR_OPERATION_ABORTED, "it was cancelled: %lu", GetLastError());

  HANDLE port = CreateIoCompletionPort(file, NULL, 5, 0);
  OVERLAPPED *got = NULL;
  ULONG_PTR key = 0;
  uncache(0xe000, "by a port");
  request.Offset = 0xe000;
  ok(is_pending(ReadFile(file, buffer, 9, NULL, &request)), "pending: %lu", GetLastError());
  ok(GetQueuedCompletionStatus(port, &bytes, &key, &got, INFINITE) && got == &request && bytes == 9 && key == 5, "a packet: %lu", GetLastError());
  ok(memcmp(buffer, "by a port", 9) == 0, "with the bytes there");
  CloseHandle(port);
  CloseHandle(request.hEvent);
  CloseHandle(file);
}

static volatile LONG turns;
static DWORD WINAPI turn(void *stop) {
  while (WaitForSingleObject(stop, 0) == WAIT_TIMEOUT) turns++;
  return 0;
}

/* While one thread waits for its page, another that is less important runs. */
static void others_run(HANDLE file) {
  HANDLE stop = CreateEventA(NULL, TRUE, FALSE, NULL);
  HANDLE thread = CreateThread(NULL, 0, turn, stop, CREATE_SUSPENDED, NULL);
  uncache(0xf000, "meanwhile");
  SetThreadPriority(thread, THREAD_PRIORITY_IDLE);
  ResumeThread(thread);
  LONG before = turns;
  ok(reads(file, 0xf000, "meanwhile"), "read");
  ok(turns > before, "nobody has run while the read waited");
  SetEvent(stop);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  CloseHandle(stop);
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
  view_first();
  unbuffered(file);
  ports();
  pending();
  others_run(file);
  sequential();
  CloseHandle(file);
  ok(DeleteFileA("cached.bin"), "delete: %lu", GetLastError());
  return report("cache");
}
