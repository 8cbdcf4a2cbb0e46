/* A vectored handler repairs access violations by committing the page that was touched, and the instruction goes on. */
#include <stdio.h>
#include <windows.h>

static char *region;
static int repairs;

static LONG WINAPI commit_on_touch(EXCEPTION_POINTERS *exception) {
  EXCEPTION_RECORD *record = exception->ExceptionRecord;
  char *address = (char *)record->ExceptionInformation[1];
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  if (address < region || address >= region + 0x100000) return EXCEPTION_CONTINUE_SEARCH;
  repairs++;
  return VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE) ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

int main(void) {
  unsigned sum = 0;
  region = VirtualAlloc(NULL, 0x100000, MEM_RESERVE, PAGE_NOACCESS);
  AddVectoredExceptionHandler(1, commit_on_touch);
  for (int i = 0; i < 0x100000; i += 0x8000) region[i] = (char)(i >> 15);
  for (int i = 0; i < 0x100000; i += 0x8000) sum += (unsigned char)region[i];
  printf("%d repairs, sum %u\n", repairs, sum);
  *(int *)(region + 0x11ffe) = 0x12345678;
  printf("a store over a page boundary: %d repairs, value %x\n", repairs, *(int *)(region + 0x11ffe));
  return 0;
}
