import type { PageComparison, PhysicalMemory } from '../../cpu/index.js';

/** Compares pages with the host's memcmp. */
export function comparePages(memory: PhysicalMemory): PageComparison {
  const live = Buffer.from(memory.memory.buffer);
  return (_memory, offset, page) => {
    const copy = new Uint8Array(page.buffer, page.byteOffset, page.byteLength);
    return live.compare(copy, 0, copy.length, offset, offset + copy.length) === 0;
  };
}
