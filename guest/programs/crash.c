/* Dies in the way its argument names, of an exception that nobody handles. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

static volatile int zero;

int main(int argc, char **argv) {
  const char *kind = argc == 2 ? argv[1] : "";
  printf("about to crash: %s\n", kind);
  fflush(stdout);
  if (!strcmp(kind, "write")) *(volatile int *)0 = 1;
  if (!strcmp(kind, "read")) return *(volatile int *)0x7fff0000;
  if (!strcmp(kind, "execute")) ((void (*)(void))0x10)();
  if (!strcmp(kind, "divide")) return 10 / zero;
  if (!strcmp(kind, "illegal")) __asm__ volatile("ud2");
  if (!strcmp(kind, "privileged")) __asm__ volatile("hlt");
  if (!strcmp(kind, "breakpoint")) __asm__ volatile("int3");
  if (!strcmp(kind, "raise")) RaiseException(0xe0001234, 0, 0, NULL);
  if (!strcmp(kind, "overflow")) {
    volatile char *stack = (char *)&kind;
    for (;;) *(stack -= 4096) = 1;
  }
  puts("usage: crash write|read|execute|divide|illegal|privileged|breakpoint|raise|overflow");
  return 2;
}
