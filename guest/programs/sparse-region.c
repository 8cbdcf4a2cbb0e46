/* A sparse region of 64 MB whose pages are committed when they are touched, as the course notes describe; and the sizes they name. */
#include <stdio.h>
#include <windows.h>

#define REGION (64u << 20)
#define PAGE 4096

static char *region;
static int committed;

static LONG CALLBACK commit_page(EXCEPTION_POINTERS *pointers) {
  EXCEPTION_RECORD *record = pointers->ExceptionRecord;
  char *address = (char *)record->ExceptionInformation[1];
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION || address < region || address >= region + REGION)
    return EXCEPTION_CONTINUE_SEARCH;
  if (VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE) == NULL) return EXCEPTION_CONTINUE_SEARCH;
  committed++;
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void show(const char *what, void *address) {
  MEMORY_BASIC_INFORMATION memory;
  VirtualQuery(address, &memory, sizeof memory);
  printf("%s: %lu KB, state %lx, protection %lx\n", what, (unsigned long)memory.RegionSize / 1024, memory.State, memory.Protect);
}

int main(void) {
  AddVectoredExceptionHandler(1, commit_page);
  region = VirtualAlloc(NULL, REGION, MEM_RESERVE, PAGE_READWRITE);
  show("reserved", region);
  unsigned sum = 0;
  for (unsigned step = 0; step < 200; step++) region[step * 0x4f1c3u % REGION] = (char)step;
  for (unsigned step = 0; step < 200; step++) sum += (unsigned char)region[step * 0x4f1c3u % REGION];
  printf("%d pages committed, sum %u\n", committed, sum);
  show("the first page", region);
  show("what follows it", region + PAGE);
  printf("decommitted: %d\n", VirtualFree(region, PAGE, MEM_DECOMMIT));
  show("the first page", region);
  int again = region[0];
  printf("zero again: %d, %d pages committed\n", again == 0, committed);
  printf("released: %d\n", VirtualFree(region, 0, MEM_RELEASE));

  char *block = VirtualAlloc(NULL, 71680, MEM_COMMIT, PAGE_READWRITE);
  show("71680 bytes", block);
  char *reserved = VirtualAlloc(NULL, 120000, MEM_RESERVE, PAGE_READWRITE);
  show("120000 bytes", reserved);
  VirtualAlloc(reserved + 6 * 1024, 7 * 1024, MEM_COMMIT, PAGE_READWRITE);
  show("before 6 KB", reserved);
  show("7 KB from there", reserved + 6 * 1024);
  show("behind them", reserved + 16 * 1024);
  return 0;
}
