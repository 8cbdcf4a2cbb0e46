// The heap's own structures. A heap lives at the start of its first segment:
//
//   segment: | SEGMENT (first one: HEAP_STATE, which begins with it) | block | block | ... | committed end ... reserved end |
//   block:   | BLOCK header, 8 bytes | data or, when free, LIST_ENTRY |
//
// Sizes are counted in units of 8 bytes. Requests too big for a 16-bit size get their own region of memory (BIG_BLOCK).
#pragma once
#include "ntdll.h"

#define UNIT 8u
#define MAXIMUM_UNITS 0xFE00u
#define EXACT_LISTS 128u
#define LIST_COUNT 168u
#define MAXIMUM_SEGMENTS 64u
#define COMMIT_STEP 0x10000u
#define HEAP_SIGNATURE 0xEEFFEEFFu

#define BLOCK_BUSY 0x01
#define BLOCK_BIG 0x08
#define BLOCK_LAST 0x10

typedef struct block {
  USHORT units, previousUnits;
  UCHAR reserved, flags, unusedBytes, segment;
} BLOCK;
_Static_assert(sizeof(BLOCK) == UNIT, "a block header is one unit");

typedef struct free_block {
  BLOCK header;
  LIST_ENTRY links;
} FREE_BLOCK;

typedef struct big_block {
  LIST_ENTRY links;
  SIZE_T regionBytes, requestBytes;
  ULONG padding[2];
  BLOCK header;
} BIG_BLOCK;
_Static_assert(sizeof(BIG_BLOCK) == 32, "big blocks keep the alignment");

typedef struct segment {
  ULONG index;
  ULONG_PTR start, committedEnd, reservedEnd; // start: address of the first block
  BLOCK *last;                                // NULL while nothing is committed for blocks
  SIZE_T freeUnits;
} SEGMENT;

typedef struct heap {
  SEGMENT first;
  ULONG signature, flags, protection;
  SIZE_T nextReserve;
  BOOLEAN growable;
  ULONG listMap[(LIST_COUNT + 31) / 32];
  LIST_ENTRY lists[LIST_COUNT];
  LIST_ENTRY bigBlocks;
  SEGMENT *segments[MAXIMUM_SEGMENTS];
  RTL_CRITICAL_SECTION lock;
} HEAP_STATE;

/* Units below 128 have a list each, larger sizes four lists per power of two. */
static inline ULONG list_of(ULONG units) {
  if (units < EXACT_LISTS) return units;
  ULONG power = 31 - __builtin_clz(units);
  return EXACT_LISTS + (power - 7) * 4 + ((units >> (power - 2)) & 3);
}
static inline BLOCK *next_block(BLOCK *block) { return (BLOCK *)((char *)block + block->units * UNIT); }
static inline BLOCK *previous_block(BLOCK *block) { return (BLOCK *)((char *)block - block->previousUnits * UNIT); }
static inline BLOCK *block_of(PVOID data) { return (BLOCK *)data - 1; }
static inline BIG_BLOCK *big_block_of(PVOID data) { return (BIG_BLOCK *)data - 1; }

BLOCK *heap_block_checked(HEAP_STATE *heap, PVOID data);
void heap_insert_free(HEAP_STATE *heap, BLOCK *block);
void heap_remove_free(HEAP_STATE *heap, BLOCK *block);
BLOCK *heap_coalesce(HEAP_STATE *heap, BLOCK *block);
BLOCK *heap_extend(HEAP_STATE *heap, ULONG units);
void heap_release_segment(HEAP_STATE *heap, SEGMENT *segment);
SEGMENT *heap_start_segment(HEAP_STATE *heap, ULONG_PTR base, SIZE_T headerBytes, SIZE_T committed, SIZE_T reserve, ULONG index);
