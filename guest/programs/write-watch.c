/* Write watch: GetWriteWatch and ResetWriteWatch see every kind of store, and nothing else. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "ok.h"

#define PAGES 64

static char *region;

/* Pages that were written since the last call, as a string of letters. */
static const char *written(void) {
  static char text[PAGES + 1];
  PVOID addresses[PAGES];
  ULONG_PTR count = PAGES;
  DWORD granularity = 0;
  memset(text, 0, sizeof text);
  ok(GetWriteWatch(WRITE_WATCH_FLAG_RESET, region, PAGES * 4096, addresses, &count, &granularity) == 0, "GetWriteWatch");
  ok(granularity == 4096, "granularity");
  for (ULONG_PTR i = 0; i < count; i++) text[i] = 'A' + (char)(((char *)addresses[i] - region) / 4096);
  return text;
}

static void expect(const char *pages, const char *after) {
  const char *found = written();
  ok(strcmp(found, pages) == 0, "%s: wrote %s, not %s", after, found, pages);
}

int main(void) {
  MEMORY_BASIC_INFORMATION m;
  DWORD count = 0;
  char path[MAX_PATH];
  region = VirtualAlloc(NULL, PAGES * 4096, MEM_RESERVE | MEM_COMMIT | MEM_WRITE_WATCH, PAGE_READWRITE);
  ok(region != NULL, "reserve and commit");
  expect("", "nothing");
  volatile int sum = 0;
  for (int i = 0; i < PAGES; i++) sum += region[i * 4096];
  expect("", "loads");
  region[0] = 1;
  region[3 * 4096 + 17] = 1;
  expect("AD", "two stores");
  region[3 * 4096] = 1;
  expect("D", "a store after the reset");
  *(volatile int *)(region + 5 * 4096 - 2) = 7;
  expect("EF", "a store across pages");
  __asm__ volatile("rep stosb" : : "D"(region + 7 * 4096 - 1), "c"(4098), "a"(1) : "memory");
  expect("GHI", "rep stosb");
  __asm__ volatile("rep movsl" : : "S"(region), "D"(region + 10 * 4096), "c"(2048) : "memory");
  expect("KL", "rep movsl");
  __asm__ volatile("lock incl %0" : "+m"(*(int *)(region + 13 * 4096)));
  expect("N", "lock inc");
  int compared = 1;
  __asm__ volatile("cmpxchg %2, %1" : "+a"(compared), "+m"(*(int *)(region + 14 * 4096)) : "r"(5));
  expect("O", "cmpxchg that fails writes what was there");
  GetModuleFileNameA(NULL, region + 15 * 4096, MAX_PATH);
  expect("P", "user mode of a DLL");
  QueryPerformanceCounter((LARGE_INTEGER *)(region + 16 * 4096));
  expect("Q", "a service's result");
  GetModuleFileNameA(NULL, path, sizeof path);
  HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  ok(ReadFile(file, region + 18 * 4096, 4096, &count, NULL) && count == 4096, "read a file");
  CloseHandle(file);
  expect("S", "ReadFile into the region");

  /* Paged out and in again: neither counts. */
  SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
  for (int i = 0; i < PAGES; i++) sum += region[i * 4096];
  expect("", "pages that left the working set and came back");
  region[20 * 4096] = 1;
  SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
  expect("U", "a page that was trimmed after the store");

  for (int i = 0; i < PAGES; i++) region[i * 4096] = 2;
  ok(ResetWriteWatch(region, PAGES / 2 * 4096) == 0, "ResetWriteWatch");
  PVOID addresses[4];
  ULONG_PTR room = 4;
  ok(GetWriteWatch(0, region, PAGES * 4096, addresses, &room, &count) == 0 && room == 4, "as many as fit");
  ok(addresses[0] == region + PAGES / 2 * 4096, "the first that was not reset");
  ok(GetWriteWatch(0, &count, 4096, addresses, &room, &count) != 0, "not a watched region");
  ok(VirtualQuery(region, &m, sizeof m) && m.RegionSize == PAGES * 4096 && m.State == MEM_COMMIT, "query");
  ok(VirtualFree(region, 0, MEM_RELEASE), "release");
  return report("write-watch");
}
