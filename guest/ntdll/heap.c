// RtlCreateHeap and the calls on blocks.
#include "heap.h"

static ULONG heap_count(void) { return current_peb()->NumberOfHeaps; }

static void heap_lock(HEAP_STATE *heap, ULONG flags) {
  if (!((flags | heap->flags) & HEAP_NO_SERIALIZE)) RtlEnterCriticalSection(&heap->lock);
}
static void heap_unlock(HEAP_STATE *heap, ULONG flags) {
  if (!((flags | heap->flags) & HEAP_NO_SERIALIZE)) RtlLeaveCriticalSection(&heap->lock);
}

/* Page-sized steps: base NULL reserves; maximum size 0 in Win32 terms is HEAP_GROWABLE here. NULL on failure. */
PVOID NTAPI RtlCreateHeap(ULONG flags, PVOID base, SIZE_T reserve, SIZE_T commit, PVOID lock, PVOID parameters) {
  (void)parameters;
  if (base != NULL || lock != NULL) return NULL; // Heaps in the caller's own memory are not offered.
  BOOLEAN growable = (flags & HEAP_GROWABLE_FLAG) != 0;
  PPEB peb = current_peb();
  if (commit == 0) commit = PAGE_BYTES;
  commit = ROUND_UP(commit + sizeof(HEAP_STATE), PAGE_BYTES);
  if (reserve == 0) reserve = growable ? 0x100000 : commit;
  if (reserve < commit) reserve = commit;
  reserve = ROUND_UP(reserve, ALLOCATION_BYTES);
  if (reserve < commit) return NULL;
  ULONG protection = flags & HEAP_CREATE_ENABLE_EXECUTE ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
  SIZE_T reserved = reserve;
  if (!NT_SUCCESS(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &reserved, MEM_RESERVE, protection))) return NULL;
  SIZE_T committed = commit;
  if (!NT_SUCCESS(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &committed, MEM_COMMIT, protection))) {
    SIZE_T all = 0;
    NtFreeVirtualMemory(CURRENT_PROCESS, &base, &all, MEM_RELEASE);
    return NULL;
  }
  HEAP_STATE *heap = base;
  heap->signature = HEAP_SIGNATURE;
  heap->flags = flags & (HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS | HEAP_GROWABLE_FLAG | HEAP_CREATE_ENABLE_EXECUTE);
  heap->protection = protection;
  heap->growable = growable;
  heap->nextReserve = 0x100000;
  for (ULONG i = 0; i < LIST_COUNT; i++) list_initialize(&heap->lists[i]);
  list_initialize(&heap->bigBlocks);
  RtlInitializeCriticalSection(&heap->lock);
  heap_start_segment(heap, (ULONG_PTR)base, sizeof(HEAP_STATE), committed, reserved, 0);
  RtlAcquirePebLock();
  if (heap_count() < peb->MaximumNumberOfHeaps) peb->ProcessHeaps[peb->NumberOfHeaps++] = heap;
  RtlReleasePebLock();
  return heap;
}

static BOOLEAN is_heap(const HEAP_STATE *heap) { return heap != NULL && heap->signature == HEAP_SIGNATURE; }

/* NULL when destroyed; the handle itself when it was no heap or the default heap of the process. */
PVOID NTAPI RtlDestroyHeap(PVOID handle) {
  HEAP_STATE *heap = handle;
  PPEB peb = current_peb();
  if (!is_heap(heap) || handle == peb->ProcessHeap) return handle;
  RtlAcquirePebLock();
  for (ULONG i = 0; i < heap_count(); i++) {
    if (peb->ProcessHeaps[i] != handle) continue;
    peb->ProcessHeaps[i] = peb->ProcessHeaps[--peb->NumberOfHeaps];
    break;
  }
  RtlReleasePebLock();
  while (!list_empty(&heap->bigBlocks)) {
    PVOID region = heap->bigBlocks.Flink;
    SIZE_T all = 0;
    list_remove(heap->bigBlocks.Flink);
    NtFreeVirtualMemory(CURRENT_PROCESS, &region, &all, MEM_RELEASE);
  }
  RtlDeleteCriticalSection(&heap->lock);
  heap->signature = 0;
  for (ULONG i = MAXIMUM_SEGMENTS; i-- > 0;) {
    PVOID region = heap->segments[i];
    SIZE_T all = 0;
    if (region != NULL) NtFreeVirtualMemory(CURRENT_PROCESS, &region, &all, MEM_RELEASE);
  }
  return NULL;
}

static PVOID allocate_big(HEAP_STATE *heap, SIZE_T size) {
  SIZE_T bytes = size + sizeof(BIG_BLOCK);
  if (!heap->growable || bytes < size) return NULL;
  PVOID region = NULL;
  NTSTATUS status =
      NtAllocateVirtualMemory(CURRENT_PROCESS, &region, 0, &bytes, MEM_RESERVE | MEM_COMMIT, heap->protection);
  if (!NT_SUCCESS(status)) return NULL;
  BIG_BLOCK *big = region;
  big->regionBytes = bytes;
  big->requestBytes = size;
  big->header.flags = BLOCK_BUSY | BLOCK_BIG;
  list_insert_tail(&heap->bigBlocks, &big->links);
  return big + 1;
}

/* The smallest fitting free block, still in its list; extends the heap when there is none. */
static BLOCK *find_free(HEAP_STATE *heap, ULONG units) {
  ULONG list = list_of(units);
  if (units >= EXACT_LISTS) {
    // Blocks of one list of large sizes differ: look at a few before taking the next list, where every one fits.
    ULONG tries = 8;
    LIST_ENTRY *head = &heap->lists[list];
    for (LIST_ENTRY *link = head->Flink; link != head && tries-- > 0; link = link->Flink) {
      BLOCK *block = &CONTAINING_RECORD(link, FREE_BLOCK, links)->header;
      if (block->units >= units) return block;
    }
    list++;
  }
  ULONG word = list >> 5;
  ULONG bits = heap->listMap[word] & (~0u << (list & 31));
  while (bits == 0) {
    if (++word == ARRAY_LENGTH(heap->listMap)) return heap_extend(heap, units);
    bits = heap->listMap[word];
  }
  list = word * 32 + (ULONG)__builtin_ctz(bits);
  return &CONTAINING_RECORD(heap->lists[list].Flink, FREE_BLOCK, links)->header;
}

/* Cuts a busy block down to `units`. Returns the rest, which is in no list yet, or NULL when it is too small for a block. */
static BLOCK *split(HEAP_STATE *heap, BLOCK *block, ULONG units) {
  ULONG rest = block->units - units;
  if (rest < 2) return NULL;
  BLOCK *tail = (BLOCK *)((char *)block + units * UNIT);
  tail->units = (USHORT)rest;
  tail->previousUnits = (USHORT)units;
  tail->reserved = 0;
  tail->unusedBytes = 0;
  tail->segment = block->segment;
  tail->flags = block->flags & BLOCK_LAST;
  block->units = (USHORT)units;
  block->flags &= ~BLOCK_LAST;
  if (tail->flags & BLOCK_LAST) heap->segments[tail->segment]->last = tail;
  else next_block(tail)->previousUnits = tail->units;
  return tail;
}

static PVOID out_of_memory(HEAP_STATE *heap, ULONG flags) {
  if ((flags | heap->flags) & HEAP_GENERATE_EXCEPTIONS) {
    EXCEPTION_RECORD record = { 0 };
    record.ExceptionCode = STATUS_NO_MEMORY;
    RtlRaiseException(&record);
  }
  current_teb()->LastErrorValue = ERROR_NOT_ENOUGH_MEMORY;
  current_teb()->LastStatusValue = STATUS_NO_MEMORY;
  return NULL;
}

PVOID NTAPI RtlAllocateHeap(PVOID handle, ULONG flags, SIZE_T size) {
  HEAP_STATE *heap = handle;
  if (size >= (MAXIMUM_UNITS - 1) * UNIT) {
    heap_lock(heap, flags);
    PVOID data = allocate_big(heap, size);
    heap_unlock(heap, flags);
    return data != NULL ? data : out_of_memory(heap, flags);
  }
  ULONG units = (ULONG)((size + UNIT + UNIT - 1) / UNIT);
  if (units < 2) units = 2;
  heap_lock(heap, flags);
  BLOCK *block = find_free(heap, units);
  if (block == NULL) {
    heap_unlock(heap, flags);
    return out_of_memory(heap, flags);
  }
  heap_remove_free(heap, block);
  block->flags |= BLOCK_BUSY;
  BLOCK *rest = split(heap, block, units);
  if (rest != NULL) heap_insert_free(heap, rest);
  block->unusedBytes = (UCHAR)(block->units * UNIT - size);
  heap_unlock(heap, flags);
  PVOID data = block + 1;
  if (flags & HEAP_ZERO_MEMORY) memset(data, 0, size);
  return data;
}

static BLOCK *refuse_block(void) {
  current_teb()->LastErrorValue = ERROR_INVALID_PARAMETER;
  current_teb()->LastStatusValue = STATUS_INVALID_PARAMETER;
  return NULL;
}

/* The header of a busy block of this heap, or NULL with the last error set when `data` is no such thing. */
BLOCK *heap_block_checked(HEAP_STATE *heap, PVOID data) {
  if (((ULONG_PTR)data & 7) != 0 || (ULONG_PTR)data < 0x10000) return refuse_block();
  BLOCK *block = block_of(data);
  if (!(block->flags & BLOCK_BUSY)) return refuse_block();
  if (block->flags & BLOCK_BIG) return ((ULONG_PTR)data & 0xFFFF) == sizeof(BIG_BLOCK) ? block : refuse_block();
  if (block->segment >= MAXIMUM_SEGMENTS) return refuse_block();
  const SEGMENT *segment = heap->segments[block->segment];
  if (segment == NULL || (ULONG_PTR)block < segment->start || (ULONG_PTR)block >= segment->committedEnd) {
    return refuse_block();
  }
  return block;
}

BOOLEAN NTAPI RtlFreeHeap(PVOID handle, ULONG flags, PVOID data) {
  HEAP_STATE *heap = handle;
  if (data == NULL) return TRUE;
  BLOCK *block = heap_block_checked(heap, data);
  if (block == NULL) return FALSE;
  heap_lock(heap, flags);
  if (block->flags & BLOCK_BIG) {
    PVOID region = big_block_of(data);
    SIZE_T all = 0;
    list_remove(&big_block_of(data)->links);
    heap_unlock(heap, flags);
    NtFreeVirtualMemory(CURRENT_PROCESS, &region, &all, MEM_RELEASE);
    return TRUE;
  }
  block = heap_coalesce(heap, block);
  heap_insert_free(heap, block);
  if (block->segment != 0 && (block->flags & BLOCK_LAST) && block->previousUnits == 0) {
    heap_release_segment(heap, heap->segments[block->segment]);
  }
  heap_unlock(heap, flags);
  return TRUE;
}

static SIZE_T request_size(PVOID data, const BLOCK *block) {
  return block->flags & BLOCK_BIG ? big_block_of(data)->requestBytes : block->units * UNIT - block->unusedBytes;
}

/* Bytes asked for, or -1 when the pointer is no block. */
SIZE_T NTAPI RtlSizeHeap(PVOID handle, ULONG flags, PVOID data) {
  (void)flags;
  const BLOCK *block = heap_block_checked(handle, data);
  return block == NULL ? (SIZE_T)-1 : request_size(data, block);
}

/* TRUE when the block could be given its new size where it stands. Called with the heap locked. */
static BOOLEAN resize_in_place(HEAP_STATE *heap, BLOCK *block, PVOID data, SIZE_T size) {
  if (block->flags & BLOCK_BIG) {
    BIG_BLOCK *big = big_block_of(data);
    if (size > big->regionBytes - sizeof(BIG_BLOCK) || size < big->requestBytes / 2) return FALSE;
    big->requestBytes = size;
    return TRUE;
  }
  if (size >= (MAXIMUM_UNITS - 1) * UNIT) return FALSE;
  ULONG units = (ULONG)((size + UNIT + UNIT - 1) / UNIT);
  if (units < 2) units = 2;
  if (units > block->units && !(block->flags & BLOCK_LAST)) {
    BLOCK *next = next_block(block);
    if ((next->flags & BLOCK_BUSY) || block->units + next->units < units ||
        block->units + next->units > MAXIMUM_UNITS) return FALSE;
    heap_remove_free(heap, next);
    block->units += next->units;
    block->flags |= next->flags & BLOCK_LAST;
    if (block->flags & BLOCK_LAST) heap->segments[block->segment]->last = block;
    else next_block(block)->previousUnits = block->units;
  }
  if (units > block->units) return FALSE;
  BLOCK *rest = split(heap, block, units);
  if (rest != NULL) heap_insert_free(heap, heap_coalesce(heap, rest));
  block->unusedBytes = (UCHAR)(block->units * UNIT - size);
  return TRUE;
}

PVOID NTAPI RtlReAllocateHeap(PVOID handle, ULONG flags, PVOID data, SIZE_T size) {
  HEAP_STATE *heap = handle;
  if (data == NULL) return NULL;
  BLOCK *block = heap_block_checked(heap, data);
  if (block == NULL) return NULL;
  heap_lock(heap, flags);
  SIZE_T old = request_size(data, block);
  BOOLEAN done = resize_in_place(heap, block, data, size);
  heap_unlock(heap, flags);
  if (done) {
    if ((flags & HEAP_ZERO_MEMORY) && size > old) memset((char *)data + old, 0, size - old);
    return data;
  }
  if (flags & HEAP_REALLOC_IN_PLACE_ONLY) return out_of_memory(heap, flags);
  PVOID moved = RtlAllocateHeap(heap, flags & ~HEAP_ZERO_MEMORY, size);
  if (moved == NULL) return NULL;
  memcpy(moved, data, old < size ? old : size);
  if ((flags & HEAP_ZERO_MEMORY) && size > old) memset((char *)moved + old, 0, size - old);
  RtlFreeHeap(heap, flags, data);
  return moved;
}

static BOOLEAN segment_is_sound(const HEAP_STATE *heap, const SEGMENT *segment) {
  ULONG previous = 0;
  ULONG_PTR at = segment->start;
  while (at < segment->committedEnd) {
    BLOCK *block = (BLOCK *)at;
    if (block->units < 1 || block->previousUnits != previous || block->segment != segment->index) return FALSE;
    if (heap->segments[block->segment] != segment) return FALSE;
    previous = block->units;
    at += block->units * UNIT;
    if (((block->flags & BLOCK_LAST) != 0) != (at == segment->committedEnd)) return FALSE;
  }
  return at == segment->committedEnd;
}

/* data NULL: the whole heap. */
BOOLEAN NTAPI RtlValidateHeap(PVOID handle, ULONG flags, PVOID data) {
  HEAP_STATE *heap = handle;
  if (!is_heap(heap)) return FALSE;
  if (data != NULL) return heap_block_checked(heap, data) != NULL;
  BOOLEAN sound = TRUE;
  heap_lock(heap, flags);
  for (ULONG i = 0; i < MAXIMUM_SEGMENTS && sound; i++) {
    if (heap->segments[i] != NULL) sound = segment_is_sound(heap, heap->segments[i]);
  }
  heap_unlock(heap, flags);
  return sound;
}

/* Free blocks are joined as they are freed: what is left to do is to report the largest. */
ULONG NTAPI RtlCompactHeap(PVOID handle, ULONG flags) {
  HEAP_STATE *heap = handle;
  ULONG largest = 0;
  heap_lock(heap, flags);
  for (ULONG list = LIST_COUNT; list-- > 2 && largest == 0;) {
    for (LIST_ENTRY *link = heap->lists[list].Flink; link != &heap->lists[list]; link = link->Flink) {
      ULONG units = CONTAINING_RECORD(link, FREE_BLOCK, links)->header.units;
      if (units > largest) largest = units;
    }
  }
  heap_unlock(heap, flags);
  return largest == 0 ? 0 : (largest - 1) * UNIT;
}

BOOLEAN NTAPI RtlLockHeap(PVOID handle) {
  HEAP_STATE *heap = handle;
  if (!is_heap(heap) || (heap->flags & HEAP_NO_SERIALIZE)) return FALSE;
  RtlEnterCriticalSection(&heap->lock);
  return TRUE;
}

BOOLEAN NTAPI RtlUnlockHeap(PVOID handle) {
  HEAP_STATE *heap = handle;
  if (!is_heap(heap) || (heap->flags & HEAP_NO_SERIALIZE)) return FALSE;
  RtlLeaveCriticalSection(&heap->lock);
  return TRUE;
}

ULONG NTAPI RtlGetProcessHeaps(ULONG count, PVOID *heaps) {
  PPEB peb = current_peb();
  RtlAcquirePebLock();
  ULONG total = peb->NumberOfHeaps;
  for (ULONG i = 0; i < total && i < count; i++) heaps[i] = peb->ProcessHeaps[i];
  RtlReleasePebLock();
  return total;
}
