/* Runs one kernel, by its index, between two lines that the harness times as they arrive. For nt86, Linux and qemu-i386. */
#include <stdio.h>
#include <stdlib.h>

#include "kernels.h"

int main(int argc, char **argv) {
  int index = argc == 2 ? atoi(argv[1]) : -1;
  if (index < 0 || index >= kernel_count) {
    for (int i = 0; i < kernel_count; i++) printf("%d %s\n", i, kernels[i].name);
    return argc == 1 ? 0 : 2;
  }
  puts("begin");
  fflush(stdout);
  u32 checksum = kernels[index].run();
  printf("end %08x\n", checksum);
  return 0;
}
