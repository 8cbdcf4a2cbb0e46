/* The process heap and private heaps under a random load, with the whole heap validated along the way. */
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include "ok.h"

#define SLOTS 400

typedef struct { unsigned char *data; SIZE_T size; unsigned char fill; } slot;

static unsigned state = 12345;
static unsigned next(void) { return (state = state * 1103515245u + 12345u) >> 8; }

static int intact(const slot *s) {
  for (SIZE_T i = 0; i < s->size; i++) {
    if (s->data[i] != s->fill) return 0;
  }
  return 1;
}

static SIZE_T random_size(void) {
  switch (next() % 20) {
  case 0: return next() % 700000;
  case 1: case 2: return next() % 40000;
  default: return next() % 600;
  }
}

static void churn(HANDLE heap, int rounds) {
  static slot slots[SLOTS];
  int damaged = 0, failed = 0, wrongSize = 0, invalid = 0, misaligned = 0;
  memset(slots, 0, sizeof slots);
  for (int round = 0; round < rounds; round++) {
    slot *s = &slots[next() % SLOTS];
    if (s->data != NULL && !intact(s)) damaged++;
    if (s->data == NULL || next() % 3 == 0) {
      SIZE_T size = random_size();
      unsigned char *moved = s->data == NULL ? HeapAlloc(heap, 0, size) : HeapReAlloc(heap, 0, s->data, size);
      if (moved == NULL) {
        failed++;
        continue;
      }
      SIZE_T kept = s->data == NULL ? 0 : s->size < size ? s->size : size;
      for (SIZE_T i = 0; i < kept; i++) damaged += moved[i] != s->fill;
      s->data = moved;
      s->size = size;
      s->fill = (unsigned char)next();
      memset(moved, s->fill, size);
      if (((UINT_PTR)moved & 7) != 0) misaligned++;
      if (HeapSize(heap, 0, moved) != size) wrongSize++;
    } else {
      if (!HeapFree(heap, 0, s->data)) failed++;
      s->data = NULL;
    }
    if (round % 500 == 0 && !HeapValidate(heap, 0, NULL)) invalid++;
  }
  for (int i = 0; i < SLOTS; i++) {
    if (slots[i].data != NULL && !intact(&slots[i])) damaged++;
    if (slots[i].data != NULL && !HeapFree(heap, 0, slots[i].data)) failed++;
  }
  ok(damaged == 0, "%d blocks damaged", damaged);
  ok(failed == 0, "%d calls failed", failed);
  ok(wrongSize == 0, "%d wrong sizes", wrongSize);
  ok(invalid == 0, "heap invalid %d times", invalid);
  ok(misaligned == 0, "%d misaligned", misaligned);
  ok(HeapValidate(heap, 0, NULL), "valid at the end");
}

int main(void) {
  churn(GetProcessHeap(), 2000);
  HANDLE growable = HeapCreate(0, 0, 0);
  churn(growable, 2000);
  ok(HeapDestroy(growable), "destroy");
  ok(HeapDestroy(GetProcessHeap()) == FALSE, "the process heap cannot be destroyed");

  HANDLE fixed = HeapCreate(0, 0, 0x20000);
  char *a = HeapAlloc(fixed, HEAP_ZERO_MEMORY, 1000);
  ok(a != NULL && a[0] == 0 && a[999] == 0, "zeroed block");
  ok(HeapAlloc(fixed, 0, 0x40000) == NULL, "more than the maximum");
  ok(HeapReAlloc(fixed, HEAP_REALLOC_IN_PLACE_ONLY, a, 100) == a, "shrinks in place");
  ok(HeapSize(fixed, 0, a) == 100, "new size");
  int count = 0;
  while (HeapAlloc(fixed, 0, 4000) != NULL) count++;
  ok(count >= 28 && count <= 32, "%d blocks of 4000 fit into 128 KB", count);
  ok(!HeapFree(fixed, 0, a + 8), "a pointer into a block is refused");
  ok(HeapFree(fixed, 0, a), "free");
  ok(!HeapFree(fixed, 0, a), "free twice is refused");
  HeapDestroy(fixed);

  char *big = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, 20 << 20);
  ok(big != NULL && big[0] == 0 && big[(20 << 20) - 1] == 0, "20 MB block");
  big[12345] = 7;
  char *bigger = HeapReAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, big, 30 << 20);
  ok(bigger != NULL && bigger[12345] == 7 && bigger[(30 << 20) - 1] == 0, "grown to 30 MB");
  ok(HeapFree(GetProcessHeap(), 0, bigger), "freed");
  ok(HeapAlloc(GetProcessHeap(), 0, 0xFFFFFFF0) == NULL, "absurd size");

  HGLOBAL handle = GlobalAlloc(GHND, 5000);
  char *locked = GlobalLock(handle);
  ok(locked != NULL && locked != (char *)handle && locked[4999] == 0, "moveable block");
  ok((GlobalFlags(handle) & GMEM_LOCKCOUNT) == 1, "locked once");
  ok(!GlobalUnlock(handle) && GetLastError() == NO_ERROR, "last unlock");
  ok(!GlobalUnlock(handle) && GetLastError() == ERROR_NOT_LOCKED, "unlocked too often");
  handle = GlobalReAlloc(handle, 100000, GMEM_MOVEABLE | GMEM_ZEROINIT);
  ok(GlobalSize(handle) == 100000, "new size");
  ok(GlobalFree(handle) == NULL, "freed");
  return report("heap");
}
