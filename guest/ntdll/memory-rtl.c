// Rtl memory routines and bitmaps.
#include "ntdll.h"

#undef RtlMoveMemory
#undef RtlCopyMemory
#undef RtlFillMemory
#undef RtlZeroMemory
#undef RtlCompareMemory
#undef RtlEqualMemory

VOID NTAPI RtlMoveMemory(PVOID target, const void *source, SIZE_T length) { memmove(target, source, length); }
VOID NTAPI RtlFillMemory(PVOID target, SIZE_T length, UCHAR fill) { memset(target, fill, length); }
VOID NTAPI RtlZeroMemory(PVOID target, SIZE_T length) { memset(target, 0, length); }

/* Number of equal bytes from the start. */
SIZE_T NTAPI RtlCompareMemory(const void *a, const void *b, SIZE_T length) {
  SIZE_T i = 0;
  while (i < length && ((const char *)a)[i] == ((const char *)b)[i]) i++;
  return i;
}

VOID NTAPI RtlFillMemoryUlong(PVOID target, SIZE_T length, ULONG fill) {
  for (SIZE_T i = 0; i < length / sizeof fill; i++) ((PULONG)target)[i] = fill;
}

VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP map, PULONG buffer, ULONG bits) {
  map->SizeOfBitMap = bits;
  map->Buffer = buffer;
}

static BOOLEAN bit(const RTL_BITMAP *map, ULONG index) { return (map->Buffer[index >> 5] >> (index & 31)) & 1; }

static void change_bits(PRTL_BITMAP map, ULONG start, ULONG count, BOOLEAN set) {
  for (ULONG i = start; i < start + count && i < map->SizeOfBitMap; i++) {
    ULONG mask = 1u << (i & 31);
    if (set) map->Buffer[i >> 5] |= mask;
    else map->Buffer[i >> 5] &= ~mask;
  }
}

VOID NTAPI RtlClearAllBits(PRTL_BITMAP map) { memset(map->Buffer, 0, (map->SizeOfBitMap + 31) / 32 * 4); }
VOID NTAPI RtlSetAllBits(PRTL_BITMAP map) { memset(map->Buffer, 0xFF, (map->SizeOfBitMap + 31) / 32 * 4); }
VOID NTAPI RtlClearBits(PRTL_BITMAP map, ULONG start, ULONG count) { change_bits(map, start, count, FALSE); }
VOID NTAPI RtlSetBits(PRTL_BITMAP map, ULONG start, ULONG count) { change_bits(map, start, count, TRUE); }

static BOOLEAN all_bits(const RTL_BITMAP *map, ULONG start, ULONG count, BOOLEAN value) {
  if (count == 0 || start >= map->SizeOfBitMap || count > map->SizeOfBitMap - start) return FALSE;
  for (ULONG i = start; i < start + count; i++) {
    if (bit(map, i) != value) return FALSE;
  }
  return TRUE;
}

BOOLEAN NTAPI RtlAreBitsSet(PRTL_BITMAP map, ULONG start, ULONG count) { return all_bits(map, start, count, TRUE); }
BOOLEAN NTAPI RtlAreBitsClear(PRTL_BITMAP map, ULONG start, ULONG count) { return all_bits(map, start, count, FALSE); }
BOOLEAN NTAPI RtlTestBit(PRTL_BITMAP map, ULONG index) { return bit(map, index); }

ULONG NTAPI RtlNumberOfSetBits(PRTL_BITMAP map) {
  ULONG count = 0;
  for (ULONG i = 0; i < map->SizeOfBitMap; i++) count += bit(map, i);
  return count;
}

static ULONG find_bits(const RTL_BITMAP *map, ULONG count, ULONG hint, BOOLEAN value) {
  if (hint >= map->SizeOfBitMap) hint = 0;
  for (ULONG start = hint; start < map->SizeOfBitMap; start++) {
    if (all_bits(map, start, count, value)) return start;
  }
  for (ULONG start = 0; start < hint; start++) {
    if (all_bits(map, start, count, value)) return start;
  }
  return 0xFFFFFFFF;
}

ULONG NTAPI RtlFindClearBits(PRTL_BITMAP map, ULONG count, ULONG hint) { return find_bits(map, count, hint, FALSE); }
ULONG NTAPI RtlFindSetBits(PRTL_BITMAP map, ULONG count, ULONG hint) { return find_bits(map, count, hint, TRUE); }

ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP map, ULONG count, ULONG hint) {
  ULONG start = find_bits(map, count, hint, FALSE);
  if (start != 0xFFFFFFFF) change_bits(map, start, count, TRUE);
  return start;
}
ULONG NTAPI RtlFindSetBitsAndClear(PRTL_BITMAP map, ULONG count, ULONG hint) {
  ULONG start = find_bits(map, count, hint, TRUE);
  if (start != 0xFFFFFFFF) change_bits(map, start, count, FALSE);
  return start;
}
