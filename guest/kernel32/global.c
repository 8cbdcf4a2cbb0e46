// GlobalAlloc and LocalAlloc. A fixed block is its own handle. A movable block has an 8-byte entry whose address ends in
// binary 100, which no heap block's does: that is how a handle is told from a pointer.
#include "kernel32.h"

#define ENTRIES_PER_TABLE 128u
#define HANDLE_MARK 4u
#define LOCK_LIMIT 0xFFu

typedef struct entry {
  UCHAR locks;
  UCHAR used;
  USHORT flags;
  union { PVOID block; struct entry *next; };
} ENTRY;
_Static_assert(sizeof(ENTRY) == 8, "entries keep the mark");

static RTL_CRITICAL_SECTION table_lock = { NULL, -1, 0, NULL, NULL, 0 };
static ENTRY *free_entries;

/* The pointer that a handle shows is that of the entry's block field: entry + 4. */
static HGLOBAL handle_of(ENTRY *entry) { return (HGLOBAL)((char *)entry + HANDLE_MARK); }
static ENTRY *entry_of(HGLOBAL handle) {
  if (((ULONG_PTR)handle & 7) != HANDLE_MARK) return NULL;
  ENTRY *entry = (ENTRY *)((char *)handle - HANDLE_MARK);
  return entry->used ? entry : NULL;
}
static BOOLEAN is_handle(HGLOBAL handle) { return ((ULONG_PTR)handle & 7) == HANDLE_MARK; }

static ENTRY *new_entry(void) {
  if (free_entries == NULL) {
    ENTRY *table = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, ENTRIES_PER_TABLE * sizeof *table);
    if (table == NULL) return NULL;
    for (ULONG i = 0; i < ENTRIES_PER_TABLE; i++) {
      table[i].next = free_entries;
      free_entries = &table[i];
    }
  }
  ENTRY *entry = free_entries;
  free_entries = entry->next;
  return entry;
}

static void free_entry(ENTRY *entry) {
  entry->used = 0;
  entry->next = free_entries;
  free_entries = entry;
}

/* Local and Global flags agree in MOVEABLE 2 and ZEROINIT 40; discardable is F00 there and 100 here. */
static HGLOBAL allocate_block(UINT flags, SIZE_T size, BOOLEAN discardable) {
  ULONG heapFlags = flags & GMEM_ZEROINIT ? HEAP_ZERO_MEMORY : 0;
  if (!(flags & GMEM_MOVEABLE)) {
    PVOID block = RtlAllocateHeap(process_heap(), heapFlags, size);
    if (block == NULL) set_last_error(ERROR_NOT_ENOUGH_MEMORY);
    return block;
  }
  RtlEnterCriticalSection(&table_lock);
  ENTRY *entry = new_entry();
  PVOID block = entry == NULL || size == 0 ? NULL : RtlAllocateHeap(process_heap(), heapFlags, size);
  if (entry != NULL && block == NULL && size != 0) {
    free_entry(entry);
    entry = NULL;
  }
  if (entry != NULL) {
    entry->used = 1;
    entry->locks = 0;
    entry->flags = (USHORT)((discardable ? GMEM_DISCARDABLE : 0) | (size == 0 ? GMEM_DISCARDED : 0));
    entry->block = block;
  }
  RtlLeaveCriticalSection(&table_lock);
  if (entry == NULL) {
    set_last_error(ERROR_NOT_ENOUGH_MEMORY);
    return NULL;
  }
  return handle_of(entry);
}

HGLOBAL WINAPI GlobalAlloc(UINT flags, SIZE_T size) { return allocate_block(flags, size, (flags & GMEM_DISCARDABLE) != 0); }
HLOCAL WINAPI LocalAlloc(UINT flags, SIZE_T size) { return allocate_block(flags, size, (flags & LMEM_DISCARDABLE) != 0); }

/* NULL when freed, the handle when not. */
HGLOBAL WINAPI GlobalFree(HGLOBAL handle) {
  if (handle == NULL) return NULL;
  BOOL freed = FALSE;
  if (!is_handle(handle)) {
    freed = RtlFreeHeap(process_heap(), 0, handle);
  } else {
    RtlEnterCriticalSection(&table_lock);
    ENTRY *entry = entry_of(handle);
    if (entry != NULL) {
      if (entry->block != NULL) RtlFreeHeap(process_heap(), 0, entry->block);
      free_entry(entry);
      freed = TRUE;
    }
    RtlLeaveCriticalSection(&table_lock);
  }
  if (freed) return NULL;
  set_last_error(ERROR_INVALID_HANDLE);
  return handle;
}
HLOCAL WINAPI LocalFree(HLOCAL handle) { return GlobalFree(handle); }

LPVOID WINAPI GlobalLock(HGLOBAL handle) {
  if (!is_handle(handle)) return handle;
  PVOID block = NULL;
  RtlEnterCriticalSection(&table_lock);
  ENTRY *entry = entry_of(handle);
  if (entry == NULL) set_last_error(ERROR_INVALID_HANDLE);
  else if (entry->block == NULL) set_last_error(ERROR_DISCARDED);
  else {
    block = entry->block;
    if (entry->locks < LOCK_LIMIT) entry->locks++;
  }
  RtlLeaveCriticalSection(&table_lock);
  return block;
}
LPVOID WINAPI LocalLock(HLOCAL handle) { return GlobalLock(handle); }

/* TRUE while locks remain; FALSE with NO_ERROR when the last one went, with ERROR_NOT_LOCKED when there was none. */
BOOL WINAPI GlobalUnlock(HGLOBAL handle) {
  if (!is_handle(handle)) return TRUE;
  BOOL locked = FALSE;
  RtlEnterCriticalSection(&table_lock);
  ENTRY *entry = entry_of(handle);
  if (entry == NULL) set_last_error(ERROR_INVALID_HANDLE);
  else if (entry->locks == 0) set_last_error(ERROR_NOT_LOCKED);
  else {
    locked = --entry->locks != 0;
    if (!locked) set_last_error(NO_ERROR);
  }
  RtlLeaveCriticalSection(&table_lock);
  return locked;
}
BOOL WINAPI LocalUnlock(HLOCAL handle) { return GlobalUnlock(handle); }

SIZE_T WINAPI GlobalSize(HGLOBAL handle) {
  PVOID block = handle;
  if (is_handle(handle)) {
    ENTRY *entry = entry_of(handle);
    if (entry == NULL) return refuse(ERROR_INVALID_HANDLE);
    block = entry->block;
    if (block == NULL) return 0;
  }
  SIZE_T size = RtlSizeHeap(process_heap(), 0, block);
  return size == (SIZE_T)-1 ? (SIZE_T)refuse(ERROR_INVALID_HANDLE) : size;
}
SIZE_T WINAPI LocalSize(HLOCAL handle) { return GlobalSize(handle); }

UINT WINAPI GlobalFlags(HGLOBAL handle) {
  if (!is_handle(handle)) return 0;
  ENTRY *entry = entry_of(handle);
  if (entry == NULL) {
    set_last_error(ERROR_INVALID_HANDLE);
    return GMEM_INVALID_HANDLE;
  }
  return entry->flags | entry->locks;
}
UINT WINAPI LocalFlags(HLOCAL handle) { return GlobalFlags(handle); }

HGLOBAL WINAPI GlobalHandle(LPCVOID block) {
  // Movable blocks are found through the table's owner only by their handle: a fixed block is its own.
  if (RtlSizeHeap(process_heap(), 0, (PVOID)block) != (SIZE_T)-1) return (HGLOBAL)block;
  set_last_error(ERROR_INVALID_HANDLE);
  return NULL;
}
HLOCAL WINAPI LocalHandle(LPCVOID block) { return GlobalHandle(block); }

/* MODIFY changes the discardable flag only. A fixed block moves only when MOVEABLE allows it. */
HGLOBAL WINAPI GlobalReAlloc(HGLOBAL handle, SIZE_T size, UINT flags) {
  ULONG heapFlags = flags & GMEM_ZEROINIT ? HEAP_ZERO_MEMORY : 0;
  if (!is_handle(handle)) {
    if (flags & GMEM_MODIFY) return handle;
    if (!(flags & GMEM_MOVEABLE)) heapFlags |= HEAP_REALLOC_IN_PLACE_ONLY;
    PVOID block = RtlReAllocateHeap(process_heap(), heapFlags, handle, size);
    if (block == NULL) set_last_error(ERROR_NOT_ENOUGH_MEMORY);
    return block;
  }
  HGLOBAL result = handle;
  RtlEnterCriticalSection(&table_lock);
  ENTRY *entry = entry_of(handle);
  if (entry == NULL) {
    set_last_error(ERROR_INVALID_HANDLE);
    result = NULL;
  } else if (flags & GMEM_MODIFY) {
    entry->flags = (USHORT)((entry->flags & ~GMEM_DISCARDABLE) | (flags & GMEM_DISCARDABLE));
  } else if (size == 0 && entry->locks == 0) {
    if (entry->block != NULL) RtlFreeHeap(process_heap(), 0, entry->block);
    entry->block = NULL;
    entry->flags |= GMEM_DISCARDED;
  } else {
    PVOID block = entry->block == NULL ? RtlAllocateHeap(process_heap(), heapFlags, size)
                                       : RtlReAllocateHeap(process_heap(), heapFlags, entry->block, size);
    if (block == NULL) {
      set_last_error(ERROR_NOT_ENOUGH_MEMORY);
      result = NULL;
    } else {
      entry->block = block;
      entry->flags &= (USHORT)~GMEM_DISCARDED;
    }
  }
  RtlLeaveCriticalSection(&table_lock);
  return result;
}
HLOCAL WINAPI LocalReAlloc(HLOCAL handle, SIZE_T size, UINT flags) { return GlobalReAlloc(handle, size, flags); }
