/*
 * Uses more memory than the machine may have: writes every page of a region, changes pages at random, and checks at the
 * end that each page holds what was written to it last.
 *   memory-pressure MEGABYTES CHANGES
 */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static unsigned state = 12345;

static unsigned next(void) {
  state = state * 1664525 + 1013904223;
  return state >> 8;
}

int main(int argc, char **argv) {
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
