/*
 * Fault costs on nt86: every kind of page fault, an access violation repaired by a vectored handler, and what a fault costs when
 * the working set or the number of regions is great. Writes the same lines as faults-linux.c, which has some of the kinds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* Fresh pages in rounds of 32 MB: long enough that what runs is compiled code. */
enum { PAGES = 8192, ROUNDS = 24, FEW_ROUNDS = 12, ROUND_TRIPS = 300000 };

static volatile char *guarded;

static LONG WINAPI repair(EXCEPTION_POINTERS *exception) {
  DWORD old;
  if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  VirtualProtect((void *)guarded, 4096, PAGE_READWRITE, &old);
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void touch(int rounds) {
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < rounds; round++) {
    volatile char *memory = VirtualAlloc(NULL, PAGES * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    for (int page = 0; page < PAGES; page++) memory[page * 4096] = 1;
    VirtualFree((void *)memory, 0, MEM_RELEASE);
  }
  printf("end %d\n", PAGES * rounds);
}

static void round_trips(void) {
  DWORD old;
  guarded = VirtualAlloc(NULL, 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  AddVectoredExceptionHandler(1, repair);
  puts("begin");
  fflush(stdout);
  for (int i = 0; i < ROUND_TRIPS; i++) {
    VirtualProtect((void *)guarded, 4096, PAGE_NOACCESS, &old);
    guarded[i & 4095] = 1;
  }
  printf("end %d\n", ROUND_TRIPS);
}

/* Pages that were trimmed come back from the modified list. */
static void transition(void) {
  volatile char *memory = VirtualAlloc(NULL, PAGES * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  for (int page = 0; page < PAGES; page++) memory[page * 4096] = 1;
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
    for (int page = 0; page < PAGES; page++) memory[page * 4096];
  }
  printf("end %d\n", PAGES * ROUNDS);
}

/* Shared pages that are in memory get a private copy; mapping and unmapping the view is part of it. */
static void copy_on_write(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * 4096, NULL);
  volatile char *shared = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  for (int page = 0; page < PAGES; page++) shared[page * 4096] = 1;
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *copy = MapViewOfFile(section, FILE_MAP_COPY, 0, 0, 0);
    for (int page = 0; page < PAGES; page++) copy[page * 4096] = 2;
    UnmapViewOfFile((void *)copy);
  }
  printf("end %d\n", PAGES * ROUNDS);
}

/* Pages of a section that are in memory become valid in a new view; mapping and unmapping it is part of it. */
static void shared_pages(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * 4096, NULL);
  volatile char *first = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  for (int page = 0; page < PAGES; page++) first[page * 4096] = 1;
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    for (int page = 0; page < PAGES; page++) view[page * 4096];
    UnmapViewOfFile((void *)view);
  }
  printf("end %d\n", PAGES * ROUNDS);
}

/* Goes round twice as much memory as the machine is given (--maxmem 32M): every page is read from the paging file. */
static void page_file(void) {
  enum { BIG = 2 * PAGES, PASSES = 3 };
  volatile char *memory = VirtualAlloc(NULL, BIG * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  for (int page = 0; page < BIG; page++) memory[page * 4096] = 1;
  puts("begin");
  fflush(stdout);
  for (int pass = 0; pass < PASSES; pass++)
    for (int page = 0; page < BIG; page++) memory[page * 4096]++;
  printf("end %d\n", BIG * PASSES);
}

/* Fresh pages, while so many megabytes are in the working set already; no more of them than there are zeroed ones. */
static void working_set(int megabytes) {
  volatile char *memory = VirtualAlloc(NULL, megabytes << 20, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (memory == NULL) {
    puts("no memory");
    exit(1);
  }
  for (int page = 0; page < megabytes * 256; page++) memory[page * 4096] = 1;
  touch(FEW_ROUNDS);
}

typedef LONG(NTAPI *free_virtual_memory)(HANDLE process, void **base, SIZE_T *size, ULONG type);

/* Fresh pages in two regions by turns, while there are so many other regions: holes in a big one make them. */
static void regions(int count) {
  char *memory = VirtualAlloc(NULL, count * 2 * 4096, MEM_RESERVE, PAGE_READWRITE);
  /* VirtualFree releases nothing but whole regions. */
  free_virtual_memory release =
      (free_virtual_memory)(void *)GetProcAddress(GetModuleHandleA("ntdll.dll"), "NtFreeVirtualMemory");
  for (int hole = 0; hole < count; hole++) {
    void *base = memory + (hole * 2 + 1) * 4096;
    SIZE_T size = 4096;
    if (release(GetCurrentProcess(), &base, &size, MEM_RELEASE) != 0) {
      puts("no hole");
      exit(1);
    }
  }
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *low = VirtualAlloc(NULL, PAGES * 2048, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    volatile char *high =
        VirtualAlloc(NULL, PAGES * 2048, MEM_RESERVE | MEM_COMMIT | MEM_TOP_DOWN, PAGE_READWRITE);
    for (int page = 0; page < PAGES / 2; page++) {
      low[page * 4096] = 1;
      high[page * 4096] = 1;
    }
    VirtualFree((void *)low, 0, MEM_RELEASE);
    VirtualFree((void *)high, 0, MEM_RELEASE);
  }
  printf("end %d\n", PAGES * ROUNDS);
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  int number = argc > 2 ? atoi(argv[2]) : 0;
  if (!strcmp(kind, "touch")) touch(ROUNDS);
  else if (!strcmp(kind, "violation")) round_trips();
  else if (!strcmp(kind, "transition")) transition();
  else if (!strcmp(kind, "shared")) shared_pages();
  else if (!strcmp(kind, "copy-on-write")) copy_on_write();
  else if (!strcmp(kind, "page-file")) page_file();
  else if (!strcmp(kind, "working-set") && number > 0) working_set(number);
  else if (!strcmp(kind, "regions") && number > 0) regions(number);
  else
    return puts("usage: faults touch | violation | transition | shared | copy-on-write | page-file | working-set MB | regions N"),
           2;
  return 0;
}
