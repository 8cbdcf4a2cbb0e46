import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { POOL_BUDDY_MAX, Pool, type PoolMemory, PoolType } from '../../kernel/ex/pool.js';

const NONPAGED = 0x82000000;
const PAGED = 0xe1001000;
const PAGES = 64;

class Bugcheck extends Error {}

/** Two small ranges of plain bytes, with a limit on how many pages may be backed. */
class TestMemory implements PoolMemory {
  readonly #nonPaged = new DataView(new ArrayBuffer(PAGES * 0x1000));
  readonly #paged = new DataView(new ArrayBuffer(PAGES * 0x1000));
  available = 100;

  read16(address: number): number {
    return this.#view(address).getUint16(address & 0xfffff, true);
  }
  read32(address: number): number {
    return this.#view(address).getUint32(address & 0xfffff, true);
  }
  write16(address: number, value: number): void {
    this.#view(address).setUint16(address & 0xfffff, value, true);
  }
  write32(address: number, value: number): void {
    this.#view(address).setUint32(address & 0xfffff, value, true);
  }
  backPages(_address: number, pages: number): boolean {
    if (pages > this.available) return false;
    this.available -= pages;
    return true;
  }
  unbackPages(_address: number, pages: number): void {
    this.available += pages;
  }
  bugcheck(code: number, p1: number): never {
    throw new Bugcheck(`${code.toString(16)} ${p1.toString(16)}`);
  }
  #view(address: number): DataView {
    return address >= PAGED ? this.#paged : this.#nonPaged;
  }
}

function makePool(): { pool: Pool; memory: TestMemory } {
  const memory = new TestMemory();
  const pool = new Pool(
    memory,
    { start: NONPAGED, end: NONPAGED + PAGES * 0x1000 },
    { start: PAGED, end: PAGED + (PAGES - 1) * 0x1000 },
  );
  return { pool, memory };
}

describe('pool blocks', () => {
  it('have a header with sizes in 8-byte units, type and tag', () => {
    const { pool, memory } = makePool();
    const address = pool.allocate(PoolType.Paged, 0x20, 'MmSt');
    expect(address % 8).toBe(0);
    expect(memory.read16(address - 8) & 0x1ff).toBe(0);
    expect(memory.read16(address - 6) & 0x1ff).toBe(5);
    expect(memory.read16(address - 6) >>> 9).toBe(PoolType.Paged + 1 + 4);
    expect(memory.read32(address - 4)).toBe(0x74536d4d);
  });

  it('are at least 16 bytes, and a request for nothing is one for a byte', () => {
    const { pool } = makePool();
    expect(pool.sizeOf(pool.allocate(PoolType.NonPaged, 0, 'Test'))).toBe(8);
    expect(pool.sizeOf(pool.allocate(PoolType.NonPaged, 8, 'Test'))).toBe(8);
    expect(pool.sizeOf(pool.allocate(PoolType.NonPaged, 9, 'Test'))).toBe(16);
  });

  it('of more than 4080 bytes are whole pages', () => {
    const { pool } = makePool();
    const block = pool.allocate(PoolType.Paged, POOL_BUDDY_MAX, 'Test');
    expect(block & 0xfff).toBe(8);
    const pages = pool.allocate(PoolType.Paged, POOL_BUDDY_MAX + 1, 'Test');
    expect(pages & 0xfff).toBe(0);
    expect(pool.sizeOf(pages)).toBe(0x1000);
    expect(pool.sizeOf(pool.allocate(PoolType.Paged, 0x2001, 'Test'))).toBe(0x3000);
    expect(pool.verify()).toBeNull();
  });

  it('give their page back when the last one goes', () => {
    const { pool, memory } = makePool();
    const before = memory.available;
    const blocks = [100, 200, 300].map((size) => pool.allocate(PoolType.NonPaged, size, 'Test'));
    expect(memory.available).toBe(before - 1);
    for (const index of [1, 0, 2]) pool.free(blocks[index]);
    expect(memory.available).toBe(before);
    expect(pool.verify()).toBeNull();
  });

  it('are counted by tag', () => {
    const { pool } = makePool();
    const block = pool.allocate(PoolType.NonPaged, 0x18, 'VadS');
    pool.allocate(PoolType.NonPaged, 0x18, 'VadS');
    pool.free(block);
    expect(pool.trackers.find('VadS')).toEqual({
      tag: 'VadS',
      nonPaged: { allocations: 2, frees: 1, bytes: 0x20 },
      paged: { allocations: 0, frees: 0, bytes: 0 },
    });
  });

  it('are 0 when memory or addresses are used up, and nothing is lost by that', () => {
    const { pool, memory } = makePool();
    memory.available = 1;
    expect(pool.allocate(PoolType.Paged, 0x2000, 'Test')).toBe(0);
    const last = pool.allocate(PoolType.Paged, 3000, 'Test');
    expect(last).not.toBe(0);
    expect(pool.allocate(PoolType.Paged, 3000, 'Test')).toBe(0);
    pool.free(last);
    memory.available = 1000;
    expect(pool.allocate(PoolType.Paged, PAGES * 0x1000, 'Test')).toBe(0);
    expect(pool.verify()).toBeNull();
  });
});

describe('pool bugchecks', () => {
  it('C2 on a double free', () => {
    const { pool } = makePool();
    pool.allocate(PoolType.Paged, 100, 'Test');
    const block = pool.allocate(PoolType.Paged, 100, 'Test');
    pool.free(block);
    expect(() => pool.free(block)).toThrow('c2 7');
  });

  it('C2 on an address that is no pool, or no allocation', () => {
    const { pool } = makePool();
    expect(() => pool.free(0x1000)).toThrow('c2');
    expect(() => pool.free(PAGED + 0x5000)).toThrow('c2');
    expect(() => pool.free(PAGED + 0x5008)).toThrow('c2');
  });

  it('19 when a block was overrun', () => {
    const { pool, memory } = makePool();
    const first = pool.allocate(PoolType.Paged, 24, 'Test');
    memory.write32(first + 24, 0xdeadbeef);
    expect(() => pool.free(first)).toThrow('19 20');
    expect(pool.verify()).not.toBeNull();
  });

  it('19 when the links of a free block were overwritten', () => {
    const { pool, memory } = makePool();
    const first = pool.allocate(PoolType.Paged, 24, 'Test');
    pool.allocate(PoolType.Paged, 24, 'Test');
    pool.free(first);
    memory.write32(first, 0x41414141);
    expect(() => pool.allocate(PoolType.Paged, 24, 'Test')).toThrow('19 3');
  });
});

describe('pool under load', () => {
  it('keeps headers, lists and contents consistent', () => {
    const step = fc.record({
      free: fc.boolean(),
      paged: fc.boolean(),
      size: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 3000, max: 9000 })),
      pick: fc.nat(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { pool, memory } = makePool();
        const live: { address: number; size: number }[] = [];
        for (const [index, { free, paged, size, pick }] of steps.entries()) {
          if (free && live.length !== 0) {
            const [block] = live.splice(pick % live.length, 1);
            pool.free(block.address);
          } else {
            const address = pool.allocate(paged ? PoolType.Paged : PoolType.NonPaged, size, `T${index % 10}`);
            if (address === 0) continue;
            expect(live.every((one) => address + size <= one.address || one.address + one.size <= address)).toBe(true);
            live.push({ address, size });
            for (let at = 0; at + 4 <= size; at += 4) memory.write32(address + at, 0xffffffff);
          }
          expect(pool.verify()).toBeNull();
        }
        for (const { address } of live) pool.free(address);
        expect(pool.pagesInUse(PoolType.Paged)).toBe(0);
        expect(pool.pagesInUse(PoolType.NonPaged)).toBe(3);
      }),
      { numRuns: 60 },
    );
  });
});
