/*
 * Fault costs on nt86: touching fresh pages, and an access violation repaired by a vectored handler. Writes the same
 * lines as faults-linux.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/* Fresh pages in rounds of 32 MB: long enough that what runs is compiled code. */
enum { PAGES = 8192, ROUNDS = 24, ROUND_TRIPS = 300000 };

static volatile char *guarded;

static LONG WINAPI repair(EXCEPTION_POINTERS *exception) {
  DWORD old;
  if (exception->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  VirtualProtect((void *)guarded, 4096, PAGE_READWRITE, &old);
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void touch(void) {
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *memory = VirtualAlloc(NULL, PAGES * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
    for (int page = 0; page < PAGES; page++) memory[page * 4096] = 1;
    VirtualFree((void *)memory, 0, MEM_RELEASE);
  }
  printf("end %d\n", PAGES * ROUNDS);
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

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "touch")) touch();
  else if (argc == 2 && !strcmp(argv[1], "violation")) round_trips();
  else return puts("usage: faults touch | violation"), 2;
  return 0;
}
