import { type AddressLayout, LOWEST_USER_ADDRESS, PAGE_SIZE } from './layout.js';
import type { VadTree } from './vad-tree.js';

/** Largest ZeroBits that services accept. */
export const MAXIMUM_ZERO_BITS = 21;

/** What a search answers when no hole is large enough: NO_MEMORY. */
export const NO_ADDRESS = -1;

/** Highest address (inclusive) that a request with this many zero high bits may end at. */
export function highestAddressForZeroBits({ highestVadAddress }: AddressLayout, zeroBits: number): number {
  return zeroBits === 0 ? highestVadAddress : Math.min(highestVadAddress, 0xffffffff >>> zeroBits);
}

/** True when any page of [start, start + size) belongs to a VAD. */
export function isRangeTaken(tree: VadTree, start: number, size: number): boolean {
  return tree.findOverlap(start >>> 12, (start + size - 1) >>> 12) !== null;
}

/**
 * MiFindEmptyAddressRange: the lowest hole of `size` bytes (a page multiple) at an alignment (a power of two), ending at
 * or below `highest`. Returns the address or NO_ADDRESS.
 */
export function findEmptyAddressRange(tree: VadTree, size: number, alignment: number, highest: number): number {
  let candidate = alignUp(LOWEST_USER_ADDRESS, alignment);
  for (let vad = tree.findAtOrAfter(candidate >>> 12); vad !== null; vad = tree.next(vad)) {
    if (candidate + size - 1 > highest) return NO_ADDRESS;
    if (candidate + size <= vad.startingVpn * PAGE_SIZE) return candidate;
    const end = (vad.endingVpn + 1) * PAGE_SIZE;
    if (end > candidate) candidate = alignUp(end, alignment);
  }
  return candidate + size - 1 <= highest ? candidate : NO_ADDRESS;
}

/** MiFindEmptyAddressRangeDown: the highest hole ending at or below `highest`. Returns the address or NO_ADDRESS. */
export function findEmptyAddressRangeDown(tree: VadTree, size: number, alignment: number, highest: number): number {
  let candidate = alignDown(highest + 1 - size, alignment);
  for (let vad = tree.last(); vad !== null; vad = tree.previous(vad)) {
    if (candidate < LOWEST_USER_ADDRESS) return NO_ADDRESS;
    if ((vad.endingVpn + 1) * PAGE_SIZE <= candidate) return candidate;
    const start = vad.startingVpn * PAGE_SIZE;
    if (start < candidate + size) candidate = alignDown(start - size, alignment);
  }
  return candidate >= LOWEST_USER_ADDRESS ? candidate : NO_ADDRESS;
}

function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}

function alignDown(value: number, alignment: number): number {
  return Math.floor(value / alignment) * alignment;
}
