/* Address Windowing Extensions: more memory than addresses, seen through a window. Arguments: megabytes of pages, megabytes of the window. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#include "ok.h"
#include "privilege.h"

int main(int argc, char **argv) {
  ULONG_PTR count = (argc > 1 ? strtoul(argv[1], NULL, 10) : 8) * 256, window = (argc > 2 ? strtoul(argv[2], NULL, 10) : 1) * 256;
  ULONG_PTR few = 4, *frames = malloc(count * sizeof *frames), wanted = count;
  MEMORY_BASIC_INFORMATION m;
  DWORD old;
  ok(!AllocateUserPhysicalPages(GetCurrentProcess(), &few, frames) && GetLastError() == ERROR_PRIVILEGE_NOT_HELD, "without privilege");
  if (!enable_privilege("SeLockMemoryPrivilege")) {
    printf("the account does not hold SeLockMemoryPrivilege\n");
    return 1;
  }
  ok(AllocateUserPhysicalPages(GetCurrentProcess(), &count, frames), "allocate");
  ok(count == wanted, "all pages");
  char *view = VirtualAlloc(NULL, window * 4096, MEM_RESERVE | MEM_PHYSICAL, PAGE_READWRITE);
  ok(view != NULL, "reserve");
  VirtualQuery(view, &m, sizeof m);
  ok(m.State == MEM_RESERVE && m.RegionSize == window * 4096, "nothing is mapped yet");

  /* Every sixteenth page of all of memory gets its number, window after window. */
  for (ULONG_PTR first = 0; first < count; first += window) {
    ok(MapUserPhysicalPages(view, window, frames + first), "map");
    for (ULONG_PTR i = 0; i < window; i += 16) {
      ok(*(ULONG_PTR *)(view + i * 4096) == 0, "pages are zeroed");
      *(ULONG_PTR *)(view + i * 4096) = first + i + 1;
    }
  }
  for (ULONG_PTR first = 0; first < count; first += window) {
    ok(MapUserPhysicalPages(view, window, frames + count - window - first), "map backwards");
    for (ULONG_PTR i = 0; i < window; i += 16)
      ok(*(ULONG_PTR *)(view + i * 4096) == count - window - first + i + 1, "pages keep their contents");
  }
  VirtualQuery(view, &m, sizeof m);
  ok(m.State == MEM_COMMIT && m.Protect == PAGE_READWRITE && m.Type == MEM_PRIVATE, "the window shows memory");

  PVOID addresses[2] = { view + 4096, view };
  ok(MapUserPhysicalPages(view, window, NULL), "unmap");
  ok(MapUserPhysicalPagesScatter(addresses, 2, frames + 16), "scatter");
  ok(*(ULONG_PTR *)(view + 4096) == 17, "scattered page");
  ok(!MapUserPhysicalPages(view + 8192, 1, frames + 16) && GetLastError() == ERROR_INVALID_PARAMETER, "mapped already");
  ULONG_PTR none = frames[0] + 0x4000000;
  ok(!MapUserPhysicalPages(view, 1, &none) && GetLastError() == ERROR_INVALID_ADDRESS, "no such page");
  ok(!VirtualProtect(view, 4096, PAGE_EXECUTE_READ, &old), "no execute protection");
  ok(VirtualProtect(view + 4096, 4096, PAGE_READONLY, &old) && old == PAGE_READWRITE, "read-only");
  ok(IsBadWritePtr(view + 4096, 4) && !IsBadReadPtr(view + 4096, 4), "the window can be read only");
  ok(*(ULONG_PTR *)(view + 4096) == 17, "contents again");

  ok(FreeUserPhysicalPages(GetCurrentProcess(), &count, frames) && count == wanted, "free");
  ok(IsBadReadPtr(view + 4096, 4), "freed pages are unmapped");
  ok(!FreeUserPhysicalPages(GetCurrentProcess(), &count, frames) && count == 0, "freed already");
  ok(VirtualFree(view, 0, MEM_RELEASE), "release");
  return report("awe");
}
