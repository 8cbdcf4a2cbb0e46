/* malloc and its family, on the process heap. */
#include "crt.h"

static HANDLE heap;
static int (*new_handler)(size_t);
static int new_mode;

void heap_initialise(void) { heap = GetProcessHeap(); }

/* _set_new_mode(1): malloc calls the C++ new handler before it gives up. */
static void *allocate(DWORD flags, size_t size) {
  for (;;) {
    void *block = size > 0x7fffffe0 ? NULL : HeapAlloc(heap, flags, size ? size : 1);
    if (block || !new_mode || !new_handler || !new_handler(size)) {
      if (!block) errno = E_NOMEM;
      return block;
    }
  }
}

void *malloc(size_t size) { return allocate(0, size); }

void *calloc(size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total)) return errno = E_NOMEM, NULL;
  return allocate(HEAP_ZERO_MEMORY, total);
}

void free(void *block) {
  if (block) HeapFree(heap, 0, block);
}

void *realloc(void *block, size_t size) {
  if (!block) return malloc(size);
  if (!size) return free(block), NULL;
  void *moved = size > 0x7fffffe0 ? NULL : HeapReAlloc(heap, 0, block, size);
  if (!moved) errno = E_NOMEM;
  return moved;
}

void *_expand(void *block, size_t size) { return HeapReAlloc(heap, HEAP_REALLOC_IN_PLACE_ONLY, block, size ? size : 1); }
size_t _msize(void *block) { return HeapSize(heap, 0, block); }
intptr_t _get_heap_handle(void) { return (intptr_t)heap; }
int _heapmin(void) { return 0; }
int _heapchk(void) { return HeapValidate(heap, 0, NULL) ? -2 : -4; }

/* The pointer to the block proper stands in front of the aligned one. */
void *_aligned_offset_malloc(size_t size, size_t alignment, size_t offset) {
  if (!alignment || alignment & (alignment - 1) || (offset && offset >= size)) return errno = E_INVAL, NULL;
  if (alignment < sizeof(void *)) alignment = sizeof(void *);
  size_t total;
  if (__builtin_add_overflow(size, alignment + sizeof(void *), &total)) return errno = E_NOMEM, NULL;
  char *block = malloc(total);
  if (!block) return NULL;
  uintptr_t aligned = (((uintptr_t)block + sizeof(void *) + offset + alignment - 1) & ~(alignment - 1)) - offset;
  ((void **)aligned)[-1] = block;
  return (void *)aligned;
}

void *_aligned_malloc(size_t size, size_t alignment) { return _aligned_offset_malloc(size, alignment, 0); }

void _aligned_free(void *block) {
  if (block) free(((void **)block)[-1]);
}

void *_aligned_realloc(void *block, size_t size, size_t alignment) {
  if (!block) return _aligned_malloc(size, alignment);
  if (!size) return _aligned_free(block), NULL;
  char *origin = ((void **)block)[-1];
  size_t old = _msize(origin) - ((char *)block - origin);
  void *moved = _aligned_malloc(size, alignment);
  if (!moved) return NULL;
  memcpy(moved, block, old < size ? old : size);
  _aligned_free(block);
  return moved;
}

int _set_new_mode(int mode) {
  int old = new_mode;
  new_mode = mode;
  return old;
}

int (*_set_new_handler(int (*handler)(size_t)))(size_t) {
  int (*old)(size_t) = new_handler;
  new_handler = handler;
  return old;
}

int _callnewh(size_t size) { return new_handler ? new_handler(size) != 0 : 0; }

/* operator new and delete of old C++ programs (??2@YAPAXI@Z, ??3@YAXPAX@Z). */
void *operator_new(size_t size) { return malloc(size); }
void operator_delete(void *block) { free(block); }
