import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findEmptyAddressRange,
  findEmptyAddressRangeDown,
  highestAddressForZeroBits,
  NO_ADDRESS,
} from '../../kernel/mm/address-search.js';
import { addressLayout } from '../../kernel/mm/layout.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { Vad } from '../../kernel/mm/vad.js';
import { VadTree } from '../../kernel/mm/vad-tree.js';

const layout = addressLayout(null);
const TOP = 0x7ffdffff;

function vad(first: number, last: number): Vad {
  return new Vad(first, last, ProtectionMask.ReadWrite, true);
}

function treeOf(ranges: readonly (readonly [number, number])[]): VadTree {
  const tree = new VadTree();
  for (const [first, last] of ranges) tree.insert(vad(first, last));
  return tree;
}

describe('VAD tree', () => {
  it('agrees with a sorted list and stays balanced', () => {
    const commands = fc.array(
      fc.record({ insert: fc.boolean(), at: fc.integer({ min: 0, max: 60 }), size: fc.integer({ min: 1, max: 5 }) }),
      { maxLength: 120 },
    );
    fc.assert(
      fc.property(commands, (list) => {
        const tree = new VadTree();
        let model: Vad[] = [];
        for (const { insert, at, size } of list) {
          const found = model.find((one) => one.startingVpn <= at && one.endingVpn >= at) ?? null;
          expect(tree.find(at)).toBe(found);
          const overlap = model.find((one) => one.startingVpn < at + size && one.endingVpn >= at) ?? null;
          expect(tree.findOverlap(at, at + size - 1)).toBe(overlap);
          if (insert && overlap === null) {
            const added = vad(at, at + size - 1);
            tree.insert(added);
            model = [...model, added].sort((a, b) => a.startingVpn - b.startingVpn);
          } else if (!insert && found !== null) {
            tree.remove(found);
            model = model.filter((one) => one !== found);
          }
          expect([...tree]).toEqual(model);
          expect(tree.verify()).toBeNull();
          expect(tree.first()).toBe(model[0] ?? null);
          expect(tree.last()).toBe(model.at(-1) ?? null);
          for (const [index, one] of model.entries()) {
            expect(tree.previous(one)).toBe(model[index - 1] ?? null);
            expect(tree.next(one)).toBe(model[index + 1] ?? null);
          }
        }
      }),
    );
  });

  it('is no deeper than an AVL tree may be', () => {
    const tree = new VadTree();
    for (let page = 0; page < 1000; page++) tree.insert(vad(page, page));
    expect(tree.depth).toBeLessThanOrEqual(14);
    expect(tree.count).toBe(1000);
  });

  it('names what is wrong with it', () => {
    const tree = treeOf([
      [16, 31],
      [48, 63],
    ]);
    const first = tree.first();
    if (first !== null) first.endingVpn = 50;
    expect(tree.verify()).toContain('overlaps');
  });
});

describe('address search', () => {
  it('bottom-up takes the lowest hole at a 64 KB boundary', () => {
    expect(findEmptyAddressRange(treeOf([]), 0x1000, 0x10000, TOP)).toBe(0x10000);
    const tree = treeOf([
      [0x10, 0x10],
      [0x20, 0x2f],
      [0x40, 0x40],
    ]);
    expect(findEmptyAddressRange(tree, 0x1000, 0x10000, TOP)).toBe(0x30000);
    expect(findEmptyAddressRange(tree, 0x20000, 0x10000, TOP)).toBe(0x50000);
  });

  it('top-down takes the highest', () => {
    expect(findEmptyAddressRangeDown(treeOf([]), 0x1000, 0x10000, TOP)).toBe(0x7ffd0000);
    expect(findEmptyAddressRangeDown(treeOf([[0x7ffdf, 0x7ffdf]]), 0x1000, 0x1000, TOP)).toBe(0x7ffde000);
    expect(findEmptyAddressRangeDown(treeOf([[0x7ffd0, 0x7ffdf]]), 0x20000, 0x10000, TOP)).toBe(0x7ffb0000);
  });

  it('gives up when nothing is large enough', () => {
    const full = treeOf([[0x10, 0x7ffdf]]);
    expect(findEmptyAddressRange(full, 0x1000, 0x10000, TOP)).toBe(NO_ADDRESS);
    expect(findEmptyAddressRangeDown(full, 0x1000, 0x10000, TOP)).toBe(NO_ADDRESS);
    expect(findEmptyAddressRange(treeOf([]), 0x7ffe0000, 0x10000, TOP)).toBe(NO_ADDRESS);
  });

  it('obeys ZeroBits', () => {
    expect(highestAddressForZeroBits(layout, 0)).toBe(TOP);
    expect(highestAddressForZeroBits(layout, 1)).toBe(TOP);
    expect(highestAddressForZeroBits(layout, 8)).toBe(0x00ffffff);
    expect(findEmptyAddressRange(treeOf([[0x10, 0x1000]]), 0x1000, 0x10000, highestAddressForZeroBits(layout, 8))).toBe(
      NO_ADDRESS,
    );
  });

  it('never overlaps and is never above the limit', () => {
    const pages = fc.uniqueArray(fc.integer({ min: 0x10, max: 0x7ffdf }), { maxLength: 40 });
    fc.assert(
      fc.property(pages, fc.integer({ min: 1, max: 0x800 }), fc.boolean(), (taken, count, isDown) => {
        const tree = treeOf(taken.map((page) => [page, page] as const));
        const search = isDown ? findEmptyAddressRangeDown : findEmptyAddressRange;
        const found = search(tree, count * 0x1000, 0x10000, TOP);
        expect(found % 0x10000).toBe(0);
        expect(found + count * 0x1000 - 1).toBeLessThanOrEqual(TOP);
        expect(tree.findOverlap(found / 0x1000, found / 0x1000 + count - 1)).toBeNull();
      }),
    );
  });
});

describe('secured VADs', () => {
  it('may lose neither their pages nor their access', () => {
    const block = vad(16, 16);
    block.noChange = true;
    block.secured.push({ startingVpn: 16, endingVpn: 16, readOnly: false });
    expect(block.allowsChange(16, 16, 0)).toBe(false);
    expect(block.allowsChange(16, 16, ProtectionMask.ReadOnly)).toBe(false);
    expect(block.allowsChange(16, 16, ProtectionMask.ReadWrite | ProtectionMask.Guard)).toBe(false);
    expect(block.allowsChange(16, 16, ProtectionMask.ExecuteReadWrite)).toBe(true);
    expect(block.allowsChange(17, 17, 0)).toBe(true);
  });
});
