import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HandleTable } from '../../kernel/ex/handle-table.js';

describe('a handle table', () => {
  it('hands out 4, 8, C ... and a freed value again first', () => {
    const table = new HandleTable<string>();
    expect([table.allocate('a'), table.allocate('b'), table.allocate('c')]).toEqual([4, 8, 12]);
    expect(table.remove(8)).toBe('b');
    expect(table.allocate('d')).toBe(8);
    expect(table.count).toBe(3);
  });

  it('ignores the low two bits and knows nothing of 0 and of values out of range', () => {
    const table = new HandleTable<string>();
    table.allocate('a');
    expect(table.get(4 | 3)).toBe('a');
    expect(table.get(0)).toBeNull();
    expect(table.get(3)).toBeNull();
    expect(table.get(0xfffffffc)).toBeNull();
    expect(table.remove(0)).toBeNull();
  });

  it('takes a page for every 512 entries and gives null when it gets none', () => {
    let pages = 2;
    const table = new HandleTable<number>(() => pages-- > 0);
    const handles: (number | null)[] = [];
    for (let index = 0; index < 1024; index++) handles.push(table.allocate(index));
    expect(handles[1022]).toBe(1023 * 4);
    expect(handles[1023]).toBeNull();
    expect(table.pages).toBe(2);
    table.remove(4);
    expect(table.allocate(0)).toBe(4);
  });

  it('behaves as a map from handle to entry', () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant('allocate' as const), value: fc.nat(1000) }),
      fc.record({ kind: fc.constant('remove' as const), value: fc.nat(60) }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
        const table = new HandleTable<number>();
        const model = new Map<number, number>();
        for (const { kind, value } of commands) {
          if (kind === 'allocate') {
            const handle = table.allocate(value);
            if (handle === null || model.has(handle) || handle % 4 !== 0 || handle === 0) return false;
            model.set(handle, value);
          } else {
            const expected = model.get(value & ~3) ?? null;
            if (table.remove(value) !== expected) return false;
            model.delete(value & ~3);
          }
        }
        const listed = [...table.inUse()].map(([handle, entry]): [number, number] => [handle, entry]);
        return (
          table.count === model.size &&
          listed.length === model.size &&
          listed.every(([handle, entry]) => model.get(handle) === entry)
        );
      }),
    );
  });

  it('is filled from another one at the same values, and hands out the gaps first', () => {
    const parent = new HandleTable<number>();
    for (let value = 1; value <= 10; value++) parent.allocate(value);
    const child = new HandleTable<number>();
    expect(
      child.fillFrom(
        parent,
        (value) => value % 3 === 0,
        (value) => value * 100,
      ),
    ).toBe(true);
    expect([...child.inUse()]).toEqual([
      [0xc, 300],
      [0x18, 600],
      [0x24, 900],
    ]);
    expect(child.count).toBe(3);
    expect([1, 2, 3, 4, 5, 6, 7].map((value) => child.allocate(value))).toEqual([4, 8, 0x10, 0x14, 0x1c, 0x20, 0x28]);
  });

  it('takes over what it can when it cannot grow', () => {
    const parent = new HandleTable<number>();
    for (let value = 1; value <= 1000; value++) parent.allocate(value);
    let pages = 1;
    const child = new HandleTable<number>(() => pages-- > 0);
    const copied: number[] = [];
    const complete = child.fillFrom(
      parent,
      () => true,
      (value) => {
        copied.push(value);
        return value;
      },
    );
    expect(complete).toBe(false);
    expect(child.count).toBe(copied.length);
    expect(copied.length).toBe(511);
  });
});
