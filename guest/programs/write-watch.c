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

/* At the end of page `index`, so that an operand of more bytes lies on two pages. */
static char *end_of(int index) { return region + (index + 1) * 4096; }

/* Every instruction that stores in a way of its own, on one page and across two. */
static void other_stores(void) {
  char *at;
  int four = 1;
#define STORE(text, place, code, ...) at = (place); __asm__ volatile(code : : "r"(at), ##__VA_ARGS__ : "memory", "cc", "eax", "edx"); expect(text, code)
  STORE("A", region, "xchg %%eax, (%0)");
  STORE("BC", end_of(1) - 2, "xchg %%eax, (%0)");
  STORE("B", region + 4096, "lock xaddl %%eax, (%0)");
  STORE("C", region + 2 * 4096, "btsl $3, (%0)");
  STORE("D", region + 3 * 4096, "setz (%0)");
  STORE("E", region + 4 * 4096, "notl (%0)");
  STORE("E", region + 4 * 4096, "shll $3, (%0)");
  STORE("E", region + 4 * 4096, "addl $0, (%0)");
  STORE("EF", end_of(4) - 1, "orw $0, (%0)");
  STORE("F", region + 5 * 4096, "fldpi; fstps (%0)");
  STORE("FG", end_of(5) - 4, "fldpi; fstpl (%0)");
  STORE("FG", end_of(5) - 8, "fldpi; fstpt (%0)");
  STORE("G", region + 6 * 4096, "fldpi; fistpll (%0)");
  STORE("G", region + 6 * 4096, "fnstcw (%0)");
  STORE("GH", end_of(6) - 16, "fnstenv (%0); fldenv (%0)");
  STORE("GH", end_of(6) - 60, "fnsave (%0); frstor (%0)");
  STORE("H", region + 7 * 4096, "stmxcsr (%0)");
  STORE("HI", end_of(7) - 256, "fxsave (%0)");
  STORE("I", region + 8 * 4096, "movaps %%xmm0, (%0)");
  STORE("IJ", end_of(8) - 8, "movups %%xmm0, (%0)");
  STORE("I", region + 8 * 4096, "movntps %%xmm0, (%0)");
  STORE("J", region + 9 * 4096, "movss %%xmm0, (%0)");
  STORE("JK", end_of(9) - 4, "movlps %%xmm0, (%0)");
  STORE("K", region + 10 * 4096, "movq %%mm0, (%0); emms");
  STORE("K", region + 10 * 4096, "movnti %%eax, (%0)");
  STORE("L", region + 11 * 4096, "sidt (%0)");
  STORE("L", region + 11 * 4096, "mov %%ds, (%0)");
  STORE("LM", end_of(11) - 4, "mov %%esp, %%edx; lea 8(%0), %%esp; push %%eax; push %%eax; push %%eax; mov %%edx, %%esp");
  STORE("MN", end_of(12) + 16, "mov %%esp, %%edx; mov %0, %%esp; pusha; mov %%edx, %%esp");
  STORE("N", end_of(13), "mov %%esp, %%edx; mov %0, %%esp; pushf; mov %%edx, %%esp");
  STORE("N", end_of(13), "mov %%esp, %%edx; mov %0, %%esp; call 1f; 1: mov %%edx, %%esp");
  STORE("N", end_of(13), "mov %%esp, %%edx; mov %%ebp, %%eax; mov %0, %%esp; enter $0, $0; mov %%eax, %%ebp; mov %%edx, %%esp");
#undef STORE
  __asm__ volatile("pcmpeqb %%xmm1, %%xmm1; maskmovdqu %%xmm1, %%xmm0" : : "D"(region + 20 * 4096 - 8) : "memory");
  expect("TU", "maskmovdqu");
  __asm__ volatile("pxor %%xmm1, %%xmm1; maskmovdqu %%xmm1, %%xmm0" : : "D"(region + 26 * 4096) : "memory");
  expect("", "maskmovdqu that stores no byte");
  __asm__ volatile("lock cmpxchg8b (%0)" : : "S"(region + 22 * 4096 - 4), "a"(77), "d"(0), "b"(1), "c"(2) : "memory", "cc");
  expect("VW", "cmpxchg8b that fails writes what was there");
  __asm__ volatile("rep stosl" : : "D"(region + 24 * 4096), "c"(0), "a"(1) : "memory");
  expect("", "rep stosl of nothing");
  __asm__ volatile("std; rep movsb; cld" : : "S"(region + 100), "D"(region + 25 * 4096 + 1), "c"(3) : "memory");
  expect("YZ", "rep movsb downwards");
  __asm__ volatile("cmpl $0, (%0); testl $1, (%0); btl $3, (%0); movl (%0), %%eax" : : "r"(region + 4096) : "eax", "cc");
  __asm__ volatile("repe cmpsb" : "+c"(four) : "S"(region), "D"(region + 4096) : "cc");
  expect("", "what only reads");
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
  other_stores();
  GetModuleFileNameA(NULL, region + 15 * 4096, MAX_PATH);
  expect("P", "user mode of a DLL");
  QueryPerformanceCounter((LARGE_INTEGER *)(region + 16 * 4096));
  expect("Q", "a service's result");
  GetModuleFileNameA(NULL, path, sizeof path);
  HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  ok(ReadFile(file, region + 18 * 4096, 4096, &count, NULL) && count == 4096, "read a file");
  CloseHandle(file);
  expect("S", "ReadFile into the region");
  VirtualQuery(region, (MEMORY_BASIC_INFORMATION *)(region + 20 * 4096 - 8), sizeof m);
  expect("TU", "a service's result across pages");
  SIZE_T copied = 0;
  ok(ReadProcessMemory(GetCurrentProcess(), region, region + 22 * 4096 - 1, 4098, &copied) && copied == 4098, "ReadProcessMemory");
  expect("VWX", "ReadProcessMemory into the region");
  ok(WriteProcessMemory(GetCurrentProcess(), region + 25 * 4096, region, 16, &copied) && copied == 16, "WriteProcessMemory");
  expect("Z", "WriteProcessMemory into the region");
  ok(!IsBadWritePtr(region + 8 * 4096, 3 * 4096), "IsBadWritePtr");
  written();

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
