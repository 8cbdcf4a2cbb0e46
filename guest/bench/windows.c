/*
 * What it costs to see memory through a window of 64 KB that moves, by pages: mapped by AWE, mapped by AWE and read, or views of a section
 * that are made, read and unmapped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "../programs/privilege.h"

enum { PAGE = 4096, WINDOW = 16, PAGES = 4096, ROUNDS = 400, FEW_ROUNDS = 60 };

static void awe(BOOL isRead) {
  static ULONG_PTR frames[PAGES];
  ULONG_PTR count = PAGES;
  int rounds = isRead ? FEW_ROUNDS : ROUNDS;
  if (!enable_privilege("SeLockMemoryPrivilege") || !AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames) || count < PAGES) {
    puts("no pages");
    exit(1);
  }
  volatile char *window = VirtualAlloc(NULL, WINDOW * PAGE, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < rounds; round++) {
    for (int first = 0; first < PAGES; first += WINDOW) {
      MapUserPhysicalPages((void *)window, WINDOW, frames + first);
      if (isRead) for (int page = 0; page < WINDOW; page++) window[page * PAGE];
    }
  }
  printf("end %d\n", rounds * PAGES);
}

static void section(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, PAGES * PAGE, NULL);
  volatile char *all = MapViewOfFile(section, FILE_MAP_WRITE, 0, 0, 0);
  for (int page = 0; page < PAGES; page++) all[page * PAGE] = 1;
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < FEW_ROUNDS; round++) {
    for (int first = 0; first < PAGES; first += WINDOW) {
      volatile char *window = MapViewOfFile(section, FILE_MAP_WRITE, 0, first * PAGE, WINDOW * PAGE);
      for (int page = 0; page < WINDOW; page++) window[page * PAGE];
      UnmapViewOfFile((void *)window);
    }
  }
  printf("end %d\n", FEW_ROUNDS * PAGES);
}

int main(int argc, char **argv) {
  const char *kind = argc > 1 ? argv[1] : "";
  if (!strcmp(kind, "awe")) awe(FALSE);
  else if (!strcmp(kind, "awe-read")) awe(TRUE);
  else if (!strcmp(kind, "section-read")) section();
  else return 2;
  return 0;
}
