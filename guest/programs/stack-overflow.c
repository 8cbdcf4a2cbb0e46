/* Recursion grows the stack page by page through its guard page, to STATUS_STACK_OVERFLOW at the end of the reserve. */
#include <stdio.h>
#include <windows.h>

static volatile unsigned depth;
static char *deepest;

static LONG WINAPI overflowed(EXCEPTION_POINTERS *exception) {
  EXCEPTION_RECORD *record = exception->ExceptionRecord;
  if (record->ExceptionCode != EXCEPTION_STACK_OVERFLOW) return EXCEPTION_CONTINUE_SEARCH;
  NT_TIB *tib = (NT_TIB *)NtCurrentTeb();
  MEMORY_BASIC_INFORMATION region;
  VirtualQuery(tib->StackLimit, &region, sizeof region);
  unsigned used = (unsigned)((char *)tib->StackBase - deepest);
  printf("stack overflow: %s operation, %u parameters\n", record->ExceptionInformation[0] ? "write" : "read",
         (unsigned)record->NumberParameters);
  printf("more than 2000 KB of the stack used: %s\n", used > 2000 * 1024 ? "yes" : "no");
  printf("limit is one page above the reservation: %s\n",
         (char *)tib->StackLimit == (char *)region.AllocationBase + 4096 ? "yes" : "no");
  fflush(stdout);
  ExitProcess(7);
}

static int __attribute__((noinline)) recurse(int n) {
  volatile char page[1000];
  page[0] = (char)n;
  deepest = (char *)page;
  depth++;
  return recurse(n + 1) + page[0];
}

int main(void) {
  AddVectoredExceptionHandler(1, overflowed);
  printf("recursing\n");
  fflush(stdout);
  return recurse(0);
}
