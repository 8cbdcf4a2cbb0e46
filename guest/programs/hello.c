/* A first program: says hello, shows its arguments, and takes a short walk through its own memory. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

static int counter = 41;

static void show(const char *what, const void *address) {
  MEMORY_BASIC_INFORMATION region;
  if (VirtualQuery(address, &region, sizeof region) == 0) return;
  printf("  %-22s at %p, in a region of %6lu KB that starts at %p\n", what, address,
         (unsigned long)region.RegionSize / 1024, region.AllocationBase);
}

int main(int argc, char **argv) {
  OSVERSIONINFOA version = {sizeof version};
  GetVersionExA(&version);
  printf("Hello from a 32-bit program on Windows NT %lu.%lu, build %lu.\n", version.dwMajorVersion, version.dwMinorVersion,
         version.dwBuildNumber);

  for (int i = 1; i < argc; i++) printf("  argument %d: %s\n", i, argv[i]);

  int *block = malloc(sizeof *block);
  if (block == NULL) return 1;
  *block = ++counter;
  printf("Where things live:\n");
  show("the code of main", (const void *)main);
  show("a static variable", &counter);
  show("a block from malloc", block);
  show("a local variable", &block);
  show("printf in msvcrt.dll", (const void *)GetProcAddress(GetModuleHandleA("msvcrt.dll"), "printf"));
  show("Sleep in kernel32.dll", (const void *)GetProcAddress(GetModuleHandleA("kernel32.dll"), "Sleep"));
  printf("The answer is %d.\n", *block);
  free(block);
  return 0;
}
