/* MEM_LARGE_PAGES: GetLargePageMinimum, the privilege, and memory that is never paged. Argument: large pages to allocate. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "ok.h"
#include "privilege.h"

int main(int argc, char **argv) {
  SIZE_T size = GetLargePageMinimum(), count = argc > 1 ? strtoul(argv[1], NULL, 10) : 2;
  const DWORD type = MEM_RESERVE | MEM_COMMIT | MEM_LARGE_PAGES;
  MEMORY_BASIC_INFORMATION m;
  DWORD old;
  ok(size == 0x200000 || size == 0x400000, "GetLargePageMinimum");
  ok(!VirtualAlloc(NULL, size, type, PAGE_READWRITE) && GetLastError() == ERROR_PRIVILEGE_NOT_HELD, "without privilege");
  if (!enable_privilege("SeLockMemoryPrivilege")) {
    printf("the account does not hold SeLockMemoryPrivilege\n");
    return 1;
  }
  ok(!VirtualAlloc(NULL, size + 4096, type, PAGE_READWRITE) && GetLastError() == ERROR_INVALID_PARAMETER, "no multiple");
  ok(!VirtualAlloc(NULL, size, MEM_RESERVE | MEM_LARGE_PAGES, PAGE_READWRITE), "reserve only");
  char *memory = VirtualAlloc(NULL, count * size, type, PAGE_READWRITE);
  ok(memory != NULL && (ULONG_PTR)memory % size == 0, "allocate");
  if (!memory) return report("large-pages");
  SetProcessWorkingSetSize(GetCurrentProcess(), (SIZE_T)-1, (SIZE_T)-1);
  for (SIZE_T at = 0; at < count * size; at += 4096) {
    if (memory[at] != 0) ok(FALSE, "zeros at %lx", (unsigned long)at);
    *(SIZE_T *)(memory + at) = at;
  }
  for (SIZE_T at = 0; at < count * size; at += 4096) {
    if (*(SIZE_T *)(memory + at) != at) ok(FALSE, "contents at %lx", (unsigned long)at);
  }
  ok(VirtualQuery(memory + 4096, &m, sizeof m) && m.State == MEM_COMMIT && m.AllocationBase == memory, "query");
  ok(!VirtualProtect(memory, 4096, PAGE_READONLY, &old), "a protection of its own for a page");
  ok(!VirtualFree(memory, 4096, MEM_DECOMMIT), "decommit");
  ok(!VirtualLock(memory, 4096), "lock");
  ok(VirtualFree(memory, 0, MEM_RELEASE), "release");
  memory = VirtualAlloc(NULL, size, type | MEM_TOP_DOWN, PAGE_EXECUTE_READWRITE);
  ok(memory != NULL && memory[size - 1] == 0, "pages are zeroed again");
  if (memory) {
    memory[100] = (char)0xc3;
    ((void (*)(void))(memory + 100))();
    ok(TRUE, "code in a large page");
  }
  MEMORYSTATUSEX status = { .dwLength = sizeof status };
  ok(GlobalMemoryStatusEx(&status), "GlobalMemoryStatusEx");
  if (status.ullTotalPhys < 0x40000000)
    ok(!VirtualAlloc(NULL, 0x40000000, type, PAGE_READWRITE) && GetLastError() == ERROR_NO_SYSTEM_RESOURCES, "more than there is");
  ok(!VirtualAlloc(NULL, 0x7fc00000, type, PAGE_READWRITE), "more than there are addresses");
  return report("large-pages");
}
