import { describe, expect, it } from 'vitest';
import { PoolType } from '../../kernel/ex/pool.js';
import { initialPoolPages, placeBootFrames } from '../../kernel/mm/kernel-large-pages.js';
import { addressLayout } from '../../kernel/mm/layout.js';
import { systemFrame, systemPde, systemPte } from '../../kernel/mm/system-pages.js';
import { MemoryMachine } from './memory-machine.js';

const PAGE = 0x1000;

describe('where boot puts the PFN database', () => {
  const frames = (frameCount: number, given = {}) =>
    placeBootFrames({
      frameCount,
      databaseFrames: Math.ceil((frameCount * 28) / PAGE),
      unit: 512,
      layout: addressLayout(null),
      badPages: [],
      largePageMinimum: 255,
      ...given,
    });

  it('on large pages above 255 MB, with the initial nonpaged pool behind it', () => {
    expect(frames(255 * 256)).toMatchObject({ isLarge: false, first: 1, count: 447 });
    expect(initialPoolPages(256 * 256)).toBe(64 + 252 * 8);
    expect(frames(256 * 256)).toMatchObject({ isLarge: true, first: 512, database: 448, count: 5 * 512 });
  });

  it('not where LargePageMinimum says so, nor over a frame that is broken', () => {
    expect(frames(256 * 256, { largePageMinimum: Number.POSITIVE_INFINITY }).isLarge).toBe(false);
    expect(frames(0x1000, { largePageMinimum: 0 }).isLarge).toBe(true);
    expect(frames(256 * 256, { badPages: [600] }).isLarge).toBe(false);
    expect(frames(256 * 256, { badPages: [5] }).isLarge).toBe(true);
  });

  it.each([
    [2 ** 24, null],
    [2 ** 22, 3072],
  ])('never beyond its addresses (%d frames, /USERVA %s)', (frameCount, userSpace) => {
    const layout = addressLayout(userSpace);
    const { count, isLarge } = frames(frameCount, { layout });
    expect(isLarge).toBe(true);
    expect(count).toBeLessThanOrEqual((layout.nonPagedPoolEnd - layout.pfnDatabase) / PAGE);
  });
});

describe.each([true, false])('large pages of the kernel, PAE %s', (pae) => {
  const { mm } = new MemoryMachine({ pae, megabytes: 256, userSpace: null });
  const unit = mm.format.entriesPerTable;

  it('map the PFN database by global PDEs that keep user mode out', () => {
    const pde = systemPde(mm, mm.layout.pfnDatabase);
    expect([mm.format.isLargePage(pde), mm.format.isUser(pde), mm.format.frame(pde)]).toEqual([true, false, unit]);
    expect(mm.format.low(pde) & 0x1ff).toBe(0x1e3);
    expect(systemPte(mm, mm.layout.pfnDatabase)).toBe(0);
    expect(systemFrame(mm, mm.layout.pfnDatabase + 5 * PAGE)).toBe(unit + 5);
    const entry = mm.layout.pfnDatabase + (unit + 5) * mm.pfn.entrySize;
    expect(mm.system.read32(entry + 4)).toBe(mm.format.pdeAddress(mm.layout.pfnDatabase));
    expect(mm.verify()).toBeNull();
  });

  it('leave the frames below them to programs', () => {
    expect(mm.lists.knownFrames).toBeGreaterThan(mm.pfn.frameCount - 1);
    expect(mm.pfn.location(unit - 1)).toBe(0);
  });

  it('have the initial nonpaged pool, which costs no commitment; what is beyond costs its pages', () => {
    const pages = (mm.initialPoolEnd - mm.nonPagedPoolStart) / PAGE;
    const { charged } = mm.commit;
    const before = mm.committed.pool;
    const first = mm.pool.allocate(PoolType.NonPaged, 4 * PAGE, 'Test');
    expect([systemPte(mm, first), mm.commit.charged]).toEqual([0, charged]);
    const rest = mm.pool.allocate(PoolType.NonPaged, pages * PAGE, 'Test');
    // Three pages of descriptors and the four above lie before it.
    expect(mm.committed.pool - before).toBe(7);
    expect(rest + pages * PAGE).toBe(mm.initialPoolEnd + 7 * PAGE);
    mm.system.write32(first, 0x1234);
    mm.system.write32(rest + (pages - 1) * PAGE, 0x5678);
    expect(mm.verify()).toBeNull();
    mm.pool.free(rest);
    mm.pool.free(first);
    expect(mm.system.read32(first)).toBe(0);
    expect([mm.committed.pool, mm.commit.charged, mm.verify()]).toEqual([
      before,
      charged + mm.committed.systemPageTables,
      null,
    ]);
  });

  it('are copied into every process, and show the same', () => {
    const machine = new MemoryMachine({ pae, megabytes: 256 });
    machine.createSpace();
    expect(machine.mm.system.read32(machine.mm.nonPagedPoolStart + 4)).toBe(0);
    expect(machine.mm.verify()).toBeNull();
  });

  it('the verifier knows every frame of them', () => {
    const frame = systemFrame(mm, mm.initialPoolEnd - PAGE);
    const owner = mm.pfn.pteAddress(frame);
    mm.pfn.setPteAddress(frame, owner + mm.format.entrySize);
    expect(mm.verify()).toMatch(/kernel's large page at .* does not know of it/);
    mm.pfn.setPteAddress(frame, owner);
    expect(mm.verify()).toBeNull();
  });
});
