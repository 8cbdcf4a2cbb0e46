/* Heaps: private and process heap, zeroed, reallocated in place and moved, Global and Local memory with handles. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(void) {
  HANDLE heap = HeapCreate(0, 0, 0);
  unsigned char *p = HeapAlloc(heap, HEAP_ZERO_MEMORY, 1000), sum = 0;
  for (int i = 0; i < 1000; i++) sum |= p[i];
  printf("zeroed: %d, size %lu\n", sum == 0, (unsigned long)HeapSize(heap, 0, p));
  memset(p, 7, 1000);
  p = HeapReAlloc(heap, HEAP_ZERO_MEMORY, p, 100000);
  printf("grown: %d %d %d\n", p[0], p[999], p[1000]);
  printf("in place beyond the heap: %s\n", HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, p, 50 << 20) ? "yes" : "no");
  void *blocks[500];
  for (int i = 0; i < 500; i++) blocks[i] = HeapAlloc(heap, 0, (i * 37) % 3000 + 1), memset(blocks[i], i, (i * 37) % 3000 + 1);
  int wrong = 0;
  for (int i = 0; i < 500; i++) wrong += *(unsigned char *)blocks[i] != (unsigned char)i;
  for (int i = 0; i < 500; i += 2) HeapFree(heap, 0, blocks[i]);
  for (int i = 0; i < 500; i += 2) blocks[i] = HeapAlloc(heap, 0, (i * 91) % 5000 + 1);
  printf("wrong %d, valid %d\n", wrong, HeapValidate(heap, 0, NULL));
  printf("4 MB block: %d\n", HeapAlloc(heap, 0, 4 << 20) != NULL);
  printf("destroyed: %d\n", HeapDestroy(heap));
  HGLOBAL moveable = GlobalAlloc(GMEM_MOVEABLE | GMEM_ZEROINIT, 100);
  char *locked = GlobalLock(moveable);
  strcpy(locked, "moveable memory");
  printf("handle differs from pointer: %d, flags %x\n", (void *)moveable != (void *)locked, GlobalFlags(moveable));
  GlobalUnlock(moveable);
  moveable = GlobalReAlloc(moveable, 100000, GMEM_MOVEABLE);
  printf("%s, size at least 100000: %d\n", (char *)GlobalLock(moveable), GlobalSize(moveable) >= 100000);
  GlobalUnlock(moveable);
  printf("freed: %d\n", GlobalFree(moveable) == NULL);
  char *local = LocalAlloc(LPTR, 10);
  printf("local zeroed: %d, freed: %d\n", local[9] == 0, LocalFree(local) == NULL);
  return 0;
}
