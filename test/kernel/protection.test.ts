import { describe, expect, it } from 'vitest';
import {
  fileAccessForSection,
  INVALID_PROTECTION,
  isViewCompatible,
  makeNotWriteCopy,
  makeProtectionMask,
  makeWriteCopy,
  permitsAccess,
  sectionAccessForView,
  win32Protection,
} from '../../kernel/mm/protection.js';

describe('Win32 protection to mask', () => {
  it.each([
    [0x01, 0x18],
    [0x02, 1],
    [0x04, 4],
    [0x08, 5],
    [0x10, 2],
    [0x20, 3],
    [0x40, 6],
    [0x80, 7],
    [0x104, 0x14],
    [0x204, 0x0c],
    [0x404, 0x1c],
    [0x140, 0x16],
  ])('%i becomes %i', (protection, mask) => {
    expect(makeProtectionMask(protection)).toBe(mask);
  });

  it.each([
    [0, 'nothing'],
    [0x03, 'two accesses'],
    [0x06, 'two accesses'],
    [0x0f, 'all low ones'],
    [0x12, 'both nibbles'],
    [0x30, 'two execute accesses'],
    [0x100, 'guard alone'],
    [0x101, 'guard with no access'],
    [0x201, 'no-cache with no access'],
    [0x401, 'write-combine with no access'],
    [0x304, 'guard with no-cache'],
    [0x504, 'guard with write-combine'],
    [0x604, 'no-cache with write-combine'],
    [0x804, 'a bit that means nothing'],
    [0xffffffff, 'everything'],
  ])('%i (%s) is invalid', (protection) => {
    expect(makeProtectionMask(protection)).toBe(INVALID_PROTECTION);
  });

  it('comes back from every mask that it makes', () => {
    for (let protection = 0; protection < 0x800; protection++) {
      const mask = makeProtectionMask(protection);
      if (mask !== INVALID_PROTECTION) expect(win32Protection(mask)).toBe(protection);
    }
  });
});

describe('masks', () => {
  it('lose and gain write-copy, keeping modifiers', () => {
    expect([5, 7, 0x15, 0x17, 4, 6, 1].map(makeNotWriteCopy)).toEqual([4, 6, 0x14, 0x16, 4, 6, 1]);
    expect([4, 6, 0x14, 0x16, 1, 3, 5].map(makeWriteCopy)).toEqual([5, 7, 0x15, 0x17, 1, 3, 5]);
  });

  it('let execute-only pages be read, and write-copy pages be written', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((mask) => permitsAccess(mask, false))).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      true,
    ]);
    expect([0, 1, 2, 3, 4, 5, 6, 7].map((mask) => permitsAccess(mask, true))).toEqual([
      false,
      false,
      false,
      false,
      true,
      true,
      true,
      true,
    ]);
    expect(permitsAccess(0x18, false)).toBe(false);
  });
});

describe('section and view protections', () => {
  it('tolerate what the table says', () => {
    const allowed = (section: number): number[] =>
      [0x18, 1, 2, 3, 4, 5, 6, 7].filter((view) => isViewCompatible(section, view));
    expect(allowed(1)).toEqual([0x18, 1, 5]);
    expect(allowed(2)).toEqual([0x18, 2]);
    expect(allowed(3)).toEqual([0x18, 1, 2, 3, 5]);
    expect(allowed(4)).toEqual([0x18, 1, 4, 5]);
    expect(allowed(5)).toEqual([0x18, 1, 5]);
    expect(allowed(6)).toEqual([0x18, 1, 2, 3, 4, 5, 6, 7]);
    expect(allowed(7)).toEqual([0x18, 1, 2, 3, 5, 7]);
  });

  it('ask for rights on handles', () => {
    expect([0x18, 1, 2, 3, 4, 5, 6, 7].map(sectionAccessForView)).toEqual([4, 4, 8, 0xc, 2, 4, 0xa, 0xc]);
    expect([1, 2, 3, 4, 5, 6, 7].map(fileAccessForSection)).toEqual([1, 0x20, 0x21, 3, 1, 0x23, 0x21]);
  });
});
