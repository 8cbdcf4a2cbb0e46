// Segments of a heap: reserved ranges that are committed from the bottom as blocks are needed.
#include "heap.h"

static void mark_list(HEAP_STATE *heap, ULONG list) { heap->listMap[list >> 5] |= 1u << (list & 31); }

void heap_insert_free(HEAP_STATE *heap, BLOCK *block) {
  ULONG list = list_of(block->units);
  block->flags &= BLOCK_LAST;
  list_insert_head(&heap->lists[list], &((FREE_BLOCK *)block)->links);
  mark_list(heap, list);
}

void heap_remove_free(HEAP_STATE *heap, BLOCK *block) {
  list_remove(&((FREE_BLOCK *)block)->links);
  ULONG list = list_of(block->units);
  if (list_empty(&heap->lists[list])) heap->listMap[list >> 5] &= ~(1u << (list & 31));
}

/* Joins a block that is in no list with its free neighbours, which leave theirs. Returns the joined block. */
BLOCK *heap_coalesce(HEAP_STATE *heap, BLOCK *block) {
  if (block->previousUnits != 0) {
    BLOCK *previous = previous_block(block);
    if (!(previous->flags & BLOCK_BUSY) && previous->units + block->units <= MAXIMUM_UNITS) {
      heap_remove_free(heap, previous);
      previous->units += block->units;
      previous->flags = block->flags & BLOCK_LAST;
      block = previous;
    }
  }
  if (!(block->flags & BLOCK_LAST)) {
    BLOCK *next = next_block(block);
    if (!(next->flags & BLOCK_BUSY) && next->units + block->units <= MAXIMUM_UNITS) {
      heap_remove_free(heap, next);
      block->units += next->units;
      block->flags |= next->flags & BLOCK_LAST;
    }
  }
  if (block->flags & BLOCK_LAST) heap->segments[block->segment]->last = block;
  else next_block(block)->previousUnits = block->units;
  return block;
}

/* Gives [from, segment->committedEnd) to the free lists as blocks behind the segment's last one. */
static BLOCK *add_blocks(HEAP_STATE *heap, SEGMENT *segment, ULONG_PTR from) {
  BLOCK *best = NULL;
  while (from < segment->committedEnd) {
    ULONG units = (ULONG)((segment->committedEnd - from) / UNIT);
    if (units > MAXIMUM_UNITS) units = MAXIMUM_UNITS;
    BLOCK *block = (BLOCK *)from;
    block->units = (USHORT)units;
    block->previousUnits = segment->last == NULL ? 0 : segment->last->units;
    block->reserved = 0;
    block->flags = BLOCK_LAST;
    block->unusedBytes = 0;
    block->segment = (UCHAR)segment->index;
    if (segment->last != NULL) segment->last->flags &= ~BLOCK_LAST;
    segment->last = block;
    from += units * UNIT;
    block = heap_coalesce(heap, block);
    heap_insert_free(heap, block);
    if (best == NULL || block->units > best->units) best = block;
  }
  return best;
}

static BLOCK *commit_more(HEAP_STATE *heap, SEGMENT *segment, ULONG units) {
  SIZE_T bytes = units * UNIT;
  if (segment->last != NULL && !(segment->last->flags & BLOCK_BUSY)) {
    SIZE_T tail = segment->last->units * UNIT;
    if (tail < bytes) bytes -= tail; // The free tail grows into what is missing, if the join fits a 16-bit size.
    if (segment->last->units + bytes / UNIT > MAXIMUM_UNITS) bytes = units * UNIT;
  }
  bytes = ROUND_UP(bytes, bytes > COMMIT_STEP ? PAGE_BYTES : COMMIT_STEP);
  SIZE_T available = segment->reservedEnd - segment->committedEnd;
  if (bytes > available) {
    if (available == 0 || ROUND_UP(units * UNIT, PAGE_BYTES) > available) return NULL;
    bytes = available;
  }
  PVOID base = (PVOID)segment->committedEnd;
  if (!NT_SUCCESS(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &bytes, MEM_COMMIT, heap->protection))) return NULL;
  ULONG_PTR from = segment->committedEnd;
  segment->committedEnd += bytes;
  return add_blocks(heap, segment, from);
}

SEGMENT *heap_start_segment(HEAP_STATE *heap, ULONG_PTR base, SIZE_T headerBytes, SIZE_T committed, SIZE_T reserve,
                            ULONG index) {
  SEGMENT *segment = (SEGMENT *)base;
  segment->index = index;
  segment->start = base + ROUND_UP(headerBytes, UNIT);
  segment->committedEnd = base + committed;
  segment->reservedEnd = base + reserve;
  segment->last = NULL;
  heap->segments[index] = segment;
  add_blocks(heap, segment, segment->start);
  return segment;
}

static SEGMENT *add_segment(HEAP_STATE *heap, SIZE_T need) {
  ULONG index = 0;
  while (index < MAXIMUM_SEGMENTS && heap->segments[index] != NULL) index++;
  if (index == MAXIMUM_SEGMENTS) return NULL;
  SIZE_T least = ROUND_UP(need + sizeof(SEGMENT) + UNIT, ALLOCATION_BYTES);
  SIZE_T reserve = heap->nextReserve > least ? heap->nextReserve : least;
  PVOID base = NULL;
  while (!NT_SUCCESS(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &reserve, MEM_RESERVE, heap->protection))) {
    if (reserve == least) return NULL;
    reserve = reserve / 2 > least ? ROUND_UP(reserve / 2, ALLOCATION_BYTES) : least;
    base = NULL;
  }
  SIZE_T committed = COMMIT_STEP;
  if (!NT_SUCCESS(NtAllocateVirtualMemory(CURRENT_PROCESS, &base, 0, &committed, MEM_COMMIT, heap->protection))) {
    SIZE_T all = 0;
    NtFreeVirtualMemory(CURRENT_PROCESS, &base, &all, MEM_RELEASE);
    return NULL;
  }
  if (heap->nextReserve < 0x1000000) heap->nextReserve *= 2;
  return heap_start_segment(heap, (ULONG_PTR)base, sizeof(SEGMENT), committed, reserve, index);
}

/* Makes a free block of at least `units`, which is in its list, or returns NULL when memory is at its end. */
BLOCK *heap_extend(HEAP_STATE *heap, ULONG units) {
  for (ULONG i = 0; i < MAXIMUM_SEGMENTS; i++) {
    if (heap->segments[i] == NULL) continue;
    BLOCK *block = commit_more(heap, heap->segments[i], units);
    if (block != NULL && block->units >= units) return block;
  }
  if (!heap->growable) return NULL;
  SEGMENT *segment = add_segment(heap, units * UNIT);
  if (segment == NULL) return NULL;
  if (segment->last->units >= units) return segment->last;
  BLOCK *block = commit_more(heap, segment, units);
  return block != NULL && block->units >= units ? block : NULL;
}

/* A later segment whose only block is free goes back to the system. */
void heap_release_segment(HEAP_STATE *heap, SEGMENT *segment) {
  BLOCK *only = segment->last;
  if (segment == &heap->first || only == NULL || (ULONG_PTR)only != segment->start || (only->flags & BLOCK_BUSY)) return;
  heap_remove_free(heap, only);
  heap->segments[segment->index] = NULL;
  PVOID base = segment;
  SIZE_T all = 0;
  NtFreeVirtualMemory(CURRENT_PROCESS, &base, &all, MEM_RELEASE);
}
