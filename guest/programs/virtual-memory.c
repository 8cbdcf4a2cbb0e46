/* VirtualAlloc, VirtualProtect, VirtualQuery and guard pages, with the exceptions they raise. */
#include <stdio.h>
#include <windows.h>

static DWORD last_code;
static ULONG_PTR last_information[2];
static char *page;

static LONG WINAPI record(EXCEPTION_POINTERS *exception) {
  EXCEPTION_RECORD *r = exception->ExceptionRecord;
  DWORD old;
  last_code = r->ExceptionCode;
  last_information[0] = r->ExceptionInformation[0];
  last_information[1] = r->ExceptionInformation[1];
  if (last_code == EXCEPTION_GUARD_PAGE) return EXCEPTION_CONTINUE_EXECUTION;
  if (last_code != EXCEPTION_ACCESS_VIOLATION) return EXCEPTION_CONTINUE_SEARCH;
  VirtualProtect(page, 4096, PAGE_EXECUTE_READWRITE, &old);
  return EXCEPTION_CONTINUE_EXECUTION;
}

static void query(const char *what, void *address) {
  MEMORY_BASIC_INFORMATION m;
  VirtualQuery(address, &m, sizeof m);
  printf("%-18s size %6lx state %5lx protect %3lx type %5lx base offset %lx\n", what, (unsigned long)m.RegionSize, m.State,
         m.Protect, m.Type, (unsigned long)((char *)m.BaseAddress - (char *)m.AllocationBase));
}

static void report(const char *what) {
  printf("%s: %08lx", what, last_code);
  if (last_code) printf(" kind %lu offset %lx", (unsigned long)last_information[0], (unsigned long)(last_information[1] - (ULONG_PTR)page));
  printf("\n");
  last_code = 0;
}

int main(void) {
  DWORD old;
  AddVectoredExceptionHandler(1, record);
  page = VirtualAlloc(NULL, 0x10000, MEM_RESERVE, PAGE_READWRITE);
  query("reserved", page);
  printf("commit returns the start of the page: %d\n", VirtualAlloc(page + 0x1800, 7 * 1024, MEM_COMMIT, PAGE_READWRITE) == page + 0x1000);
  query("7 KB at 6 KB", page + 0x1000);
  VirtualAlloc(page, 4096, MEM_COMMIT, PAGE_READWRITE);
  page[5] = 1;
  report("store to a committed page");
  VirtualProtect(page, 4096, PAGE_READONLY, &old);
  printf("old protection %lx\n", old);
  page[6] = 2;
  report("store to a read-only page");
  VirtualProtect(page, 4096, PAGE_NOACCESS, &old);
  printf("old protection %lx\n", old);
  old = page[6];
  report("load from a no-access page");
  VirtualProtect(page, 4096, PAGE_READWRITE | PAGE_GUARD, &old);
  query("guard", page);
  page[7] = 3;
  report("first touch of a guard page");
  page[8] = 4;
  report("second touch");
  printf("contents %d %d %d %d\n", page[5], page[6], page[7], page[8]);
  BOOL done = VirtualProtect(page + 0x8000, 1, PAGE_READWRITE, &old);
  printf("protect an uncommitted page: %d error %lu\n", done, GetLastError());
  VirtualFree(page + 0x1000, 0x1000, MEM_DECOMMIT);
  query("after decommit", page + 0x1000);
  done = VirtualFree(page, 4096, MEM_RELEASE);
  printf("release with a size: %d error %lu\n", done, GetLastError());
  printf("release: %d\n", VirtualFree(page, 0, MEM_RELEASE));
  MEMORY_BASIC_INFORMATION m;
  VirtualQuery(page, &m, sizeof m);
  printf("then free: %d\n", m.State == MEM_FREE);
  return 0;
}
