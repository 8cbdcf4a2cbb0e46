/*
 * Uses more memory than the machine may have: writes every page of a region, changes pages at random, and checks at the
 * end that each page holds what was written to it last.
 *   memory-pressure MEGABYTES CHANGES
 *   memory-pressure together PROCESSES MEGABYTES CHANGES
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static unsigned state = 12345;

static unsigned next(void) {
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

/* So many processes side by side; how many of them found something wrong. */
static int together(int processes, const char *megabytes, const char *changes) {
  HANDLE running[16];
  char command[200];
  int wrong = 0;
  if (processes < 1 || processes > 16) return 1;
  snprintf(command, sizeof command, "memory-pressure %s %s", megabytes, changes);
  for (int index = 0; index < processes; index++) {
    STARTUPINFOA startup = {.cb = sizeof startup};
    PROCESS_INFORMATION process;
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
      printf("no process: error %lu\n", GetLastError());
      return 1;
    }
    CloseHandle(process.hThread);
    running[index] = process.hProcess;
  }
  for (int index = 0; index < processes; index++) {
    DWORD status = 1;
    WaitForSingleObject(running[index], INFINITE);
    GetExitCodeProcess(running[index], &status);
    if (status != 0) wrong++;
  }
  return wrong;
}

int main(int argc, char **argv) {
  if (argc == 5 && strcmp(argv[1], "together") == 0) return together(atoi(argv[2]), argv[3], argv[4]);
  unsigned pages = argc > 1 ? (unsigned)atoi(argv[1]) * 256 : 256;
  unsigned changes = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
  volatile unsigned *memory = VirtualAlloc(NULL, pages * 4096, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  unsigned *expected = malloc(pages * sizeof *expected);
  unsigned wrong = 0, sum = 0;
  if (memory == NULL || expected == NULL) {
    printf("no memory: error %lu\n", GetLastError());
    return 1;
  }
  for (unsigned page = 0; page < pages; page++) {
    expected[page] = page * 2654435761u;
    memory[page * 1024 + (page & 1023)] = expected[page];
  }
  for (unsigned change = 0; change < changes; change++) {
    unsigned page = next() % pages;
    volatile unsigned *word = &memory[page * 1024 + (page & 1023)];
    if (*word != expected[page]) wrong++;
    expected[page] ^= next();
    *word = expected[page];
  }
  for (unsigned page = 0; page < pages; page++) {
    unsigned value = memory[page * 1024 + (page & 1023)];
    if (value != expected[page]) wrong++;
    sum = sum * 31 + value;
  }
  printf("%u pages, %u changes, %u wrong, sum %08x\n", pages, changes, wrong, sum);
  return wrong != 0;
}
