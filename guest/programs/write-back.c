/* When what is written comes to the disk: every line is said when the step before it has returned. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static void say(const char *text) {
  puts(text);
  fflush(stdout);
}

static HANDLE create(const char *name, DWORD flags) {
  return CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, flags, NULL);
}

static void put(HANDLE file, DWORD length) {
  static char bytes[0x4000];
  DWORD written;
  memset(bytes, 86, sizeof bytes);
  if (!WriteFile(file, bytes, length, &written, NULL) || written != length) say("cannot write");
}

static char *map(HANDLE file, HANDLE *section) {
  *section = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0x4000, NULL);
  return MapViewOfFile(*section, FILE_MAP_WRITE, 0, 0, 0);
}

int main(void) {
  HANDLE file = create("lazy", 0), section;
  put(file, 100);
  Sleep(2000);
  say("two seconds after a write");
  Sleep(2000);
  say("four seconds after it");
  CloseHandle(file);

  file = create("flushed", 0);
  put(file, 5000);
  say("before FlushFileBuffers");
  FlushFileBuffers(file);
  say("after it");
  CloseHandle(file);

  file = create("through", FILE_FLAG_WRITE_THROUGH);
  say("before a write through the cache");
  put(file, 5000);
  say("after it");
  CloseHandle(file);

  file = create("unbuffered", FILE_FLAG_NO_BUFFERING);
  say("before a write past the cache");
  put(file, 0x1000);
  say("after it");
  CloseHandle(file);

  file = create("view", 0);
  char *view = map(file, &section);
  view[0] = view[0x3000] = 1;
  say("before FlushViewOfFile of the last page");
  FlushViewOfFile(view + 0x3000, 1);
  say("after it");
  FlushFileBuffers(file);
  say("after FlushFileBuffers");
  view[0x1000] = 1;
  UnmapViewOfFile(view);
  say("after the last view");
  Sleep(200000);
  say("200 seconds later");
  Sleep(110000);
  say("310 seconds later");
  view = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  view[0x2000] = 1;
  UnmapViewOfFile(view);
  CloseHandle(section);
  say("after the last view and its section");
  CloseHandle(file);
  say("after the last handle");

  file = create("closed", 0);
  put(file, 5000);
  CloseHandle(file);
  say("closed");
  Sleep(4000);
  say("four seconds later");

  file = create("at the end", 0);
  put(file, 100);
  say("end");
  return 0;
}
