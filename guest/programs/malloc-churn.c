/* Allocates, resizes and frees 64 MB in blocks of all sizes, checking every byte it wrote. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4096, ROUNDS = 60000 };

static struct { unsigned char *memory; unsigned size; } slots[SLOTS];

int main(void) {
  unsigned seed = 42, wrong = 0;
  unsigned long long total = 0, live = 0, peak = 0;
  for (int round = 0; round < ROUNDS || total < 64u << 20; round++) {
    seed = seed * 1664525 + 1013904223;
    unsigned slot = seed >> 20, size = 1 + ((seed >> 4) % ((seed & 15) == 0 ? 60000 : 1500));
    if (slots[slot].memory && seed & 0x400) {
      unsigned keep = slots[slot].size < size ? slots[slot].size : size;
      live -= slots[slot].size;
      slots[slot].memory = realloc(slots[slot].memory, size);
      for (unsigned i = 0; i < keep; i += 97) wrong += slots[slot].memory[i] != (unsigned char)slot;
    } else {
      if (slots[slot].memory) wrong += slots[slot].memory[slots[slot].size - 1] != (unsigned char)slot, live -= slots[slot].size;
      free(slots[slot].memory);
      slots[slot].memory = seed & 0x800 ? malloc(size) : calloc(size, 1);
    }
    if (!slots[slot].memory) return printf("out of memory at %llu live\n", live), 1;
    memset(slots[slot].memory, (int)slot, size);
    slots[slot].size = size;
    total += size;
    live += size;
    if (live > peak) peak = live;
  }
  for (int i = 0; i < SLOTS; i++) free(slots[i].memory);
  printf("%llu bytes in all, at most %llu at once, %u wrong\n", total, peak, wrong);
  char *big = malloc(48 << 20);
  for (int i = 0; i < 48 << 20; i += 4096) big[i] = (char)(i >> 12);
  for (int i = 0; i < 48 << 20; i += 4096) wrong += big[i] != (char)(i >> 12);
  printf("48 MB at once: %u wrong\n", wrong);
  free(big);
  return 0;
}
