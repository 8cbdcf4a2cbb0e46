/* Ends with the status that its argument names. */
#include <stdio.h>
#include <stdlib.h>

static void goodbye(void) { puts("goodbye from atexit"); }

int main(int argc, char **argv) {
  atexit(goodbye);
  if (argc != 2) return puts("usage: exit-code STATUS"), 2;
  printf("ending with %s\n", argv[1]);
  return (int)strtoul(argv[1], NULL, 0);
}
