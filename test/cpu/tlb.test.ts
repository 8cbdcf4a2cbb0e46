/** What the TLB keeps, and what drops it (SDM vol 3A section 4.10). */

import { beforeEach, describe, expect, it } from 'vitest';
import { Cpu } from '../../cpu/cpu.js';
import { CPL, CR0, CR3 } from '../../cpu/layout.js';
import { AccessKind, CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, CR4_PSE, TRANSLATION_DIRTY } from '../../cpu/paging.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { fillTlb, invalidatePage, removeWriteEntries, tlbEntry } from '../../cpu/tlb.js';
import { cpuOptions } from './cpu-options.js';

const DIRECTORY = 0x2000;
const TABLE = 0x3000;
const OTHER_DIRECTORY = 0x4000;
const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
const PAGE = 0x0000_5000;

let cpu: Cpu;

function setPte(linear: number, value: number): void {
  cpu.memory.write32(TABLE + ((linear >>> 12) & 0x3ff) * 4, value);
}

function pte(linear: number): number {
  return cpu.memory.read32(TABLE + ((linear >>> 12) & 0x3ff) * 4);
}

/** Byte at a linear address, or the negated error code of the fault. */
function read(linear: number, supervisor = true): number {
  const host = cpu.translate(linear, AccessKind.Read, supervisor);
  return host === 0 ? -1 - cpu.pageFaultErrorCode : cpu.bytes[host];
}

/** Stores a byte; 0, or the negated error code of the fault. */
function write(linear: number, value: number, supervisor = true): number {
  const host = cpu.translate(linear, AccessKind.Write, supervisor);
  if (host === 0) return -1 - cpu.pageFaultErrorCode;
  cpu.bytes[host] = value;
  return 0;
}

const NOT_PRESENT = -1;
const WRITE_DENIED = -1 - 3;

beforeEach(() => {
  cpu = new Cpu(new PhysicalMemory(16 << 20), null, cpuOptions);
  cpu.memory.write32(DIRECTORY, TABLE | US | RW | P);
  for (let frame = 0x10; frame < 0x20; frame++) cpu.memory.write8(frame << 12, frame);
  cpu.state[CPL] = 0;
  cpu.setCr4(CR4_PSE | CR4_PGE);
  cpu.setCr3(DIRECTORY);
  cpu.setCr0(CR0_PE | CR0_PG | CR0_WP);
});

describe('stale entries', () => {
  it('a changed frame is not seen until INVLPG', () => {
    setPte(PAGE, 0x10000 | RW | P);
    expect(read(PAGE)).toBe(0x10);
    setPte(PAGE, 0x11000 | RW | P);
    expect(read(PAGE)).toBe(0x10);
    cpu.invalidatePage(PAGE + 0xabc);
    expect(read(PAGE)).toBe(0x11);
  });

  it('an entry made not present stays usable for reads and writes until dropped', () => {
    setPte(PAGE, 0x10000 | RW | P);
    write(PAGE, 0x77);
    setPte(PAGE, 0);
    expect(read(PAGE)).toBe(0x77);
    expect(write(PAGE, 0x78)).toBe(0);
    cpu.invalidatePage(PAGE);
    expect(read(PAGE)).toBe(NOT_PRESENT);
  });

  it('a downgrade to read-only is not seen until dropped', () => {
    setPte(PAGE, 0x10000 | RW | P);
    write(PAGE, 1);
    setPte(PAGE, pte(PAGE) & ~RW);
    expect(write(PAGE, 2)).toBe(0);
    cpu.invalidatePage(PAGE);
    expect(write(PAGE, 3)).toBe(WRITE_DENIED);
  });

  it('an upgrade costs one spurious fault, which drops the stale entry', () => {
    setPte(PAGE, 0x10000 | P);
    expect(read(PAGE)).toBe(0x10);
    setPte(PAGE, 0x10000 | RW | P);
    expect(write(PAGE, 1)).toBe(WRITE_DENIED);
    expect(write(PAGE, 1)).toBe(0);
  });

  it('accessed and dirty bits cleared in memory are not set again while the entry lives', () => {
    setPte(PAGE, 0x10000 | RW | P);
    write(PAGE, 1);
    expect(pte(PAGE) & (A | D)).toBe(A | D);
    setPte(PAGE, pte(PAGE) & ~(A | D));
    read(PAGE);
    write(PAGE, 2);
    expect(pte(PAGE) & (A | D)).toBe(0);
    cpu.invalidatePage(PAGE);
    read(PAGE);
    expect(pte(PAGE) & (A | D)).toBe(A);
  });

  it('the first store through an entry filled by a read walks again and sets D', () => {
    setPte(PAGE, 0x10000 | RW | P);
    read(PAGE);
    expect(tlbEntry(cpu, PAGE) & TRANSLATION_DIRTY).toBe(0);
    write(PAGE, 1);
    expect(pte(PAGE) & D).toBe(D);
    expect(tlbEntry(cpu, PAGE) & TRANSLATION_DIRTY).toBe(TRANSLATION_DIRTY);
  });

  it('that walk sees the page tables as they are by then', () => {
    setPte(PAGE, 0x10000 | RW | P);
    read(PAGE);
    setPte(PAGE, 0x11000 | RW | P);
    write(PAGE + 1, 1);
    expect(read(PAGE)).toBe(0x11);
    setPte(PAGE, 0);
    cpu.invalidatePage(PAGE);
    setPte(PAGE, 0x10000 | RW | P);
    read(PAGE);
    setPte(PAGE, 0);
    expect(write(PAGE, 1)).toBe(-1 - 2);
    expect(read(PAGE)).toBe(NOT_PRESENT);
  });

  it('not-present entries are never cached', () => {
    expect(read(PAGE)).toBe(NOT_PRESENT);
    setPte(PAGE, 0x12000 | P);
    expect(read(PAGE)).toBe(0x12);
  });
});

describe('rights', () => {
  it('a supervisor page filled by the supervisor is refused to the user, and the other way round works', () => {
    setPte(PAGE, 0x10000 | RW | P);
    write(PAGE, 0x10);
    expect(read(PAGE, false)).toBe(-1 - 5);
    setPte(PAGE + 0x1000, 0x11000 | RW | US | P);
    expect(read(PAGE + 0x1000, false)).toBe(0x11);
    expect(read(PAGE + 0x1000, true)).toBe(0x11);
  });

  it('CR0.WP decides about supervisor stores to read-only pages at once', () => {
    setPte(PAGE, 0x10000 | US | P);
    read(PAGE);
    expect(write(PAGE, 1)).toBe(WRITE_DENIED);
    cpu.setCr0(CR0_PE | CR0_PG);
    expect(write(PAGE, 1)).toBe(0);
    expect(write(PAGE, 1, false)).toBe(-1 - 7);
    expect(write(PAGE, 1)).toBe(0);
    cpu.setCr0(CR0_PE | CR0_PG | CR0_WP);
    expect(write(PAGE, 2)).toBe(WRITE_DENIED);
  });
});

describe('what drops entries', () => {
  beforeEach(() => {
    setPte(PAGE, 0x10000 | RW | P);
    setPte(PAGE + 0x1000, 0x11000 | RW | G | P);
    read(PAGE);
    read(PAGE + 0x1000);
    setPte(PAGE, 0);
    setPte(PAGE + 0x1000, 0);
  });

  it('MOV to CR3 keeps global pages', () => {
    cpu.setCr3(DIRECTORY);
    expect(read(PAGE)).toBe(NOT_PRESENT);
    expect(read(PAGE + 0x1000)).toBe(0x11);
  });

  it('and keeps them over several loads', () => {
    cpu.memory.write32(OTHER_DIRECTORY, 0);
    for (let time = 0; time < 3; time++) cpu.setCr3(OTHER_DIRECTORY);
    expect(read(PAGE + 0x1000)).toBe(0x11);
    expect(read(PAGE)).toBe(NOT_PRESENT);
  });

  it('INVLPG drops a global page', () => {
    cpu.invalidatePage(PAGE + 0x1000);
    expect(read(PAGE + 0x1000)).toBe(NOT_PRESENT);
    expect(read(PAGE)).toBe(0x10);
  });

  it.each([
    ['PGE', CR4_PSE],
    ['PSE', CR4_PGE],
  ])('a change of CR4.%s drops all', (_name, value) => {
    cpu.setCr4(value);
    expect(read(PAGE)).toBe(NOT_PRESENT);
    expect(read(PAGE + 0x1000)).toBe(NOT_PRESENT);
  });

  it('turning paging off and on drops all', () => {
    cpu.setCr0(CR0_PE);
    expect(read(0x10000)).toBe(0x10);
    cpu.setCr0(CR0_PE | CR0_PG);
    expect(read(PAGE + 0x1000)).toBe(NOT_PRESENT);
    expect(read(0x10000)).toBe(NOT_PRESENT);
  });

  it('with CR4.PGE clear the G bit means nothing', () => {
    cpu.setCr4(CR4_PSE);
    setPte(PAGE + 0x1000, 0x11000 | G | P);
    read(PAGE + 0x1000);
    setPte(PAGE + 0x1000, 0);
    cpu.setCr3(DIRECTORY);
    expect(read(PAGE + 0x1000)).toBe(NOT_PRESENT);
  });

  it('INVLPG of any address of a large page drops all of it', () => {
    cpu.memory.write32(DIRECTORY + 4, PS | RW | P);
    expect(read(0x0041_0000)).toBe(0x10);
    expect(read(0x0041_1000)).toBe(0x11);
    cpu.memory.write32(DIRECTORY + 4, 0);
    expect(read(0x0041_0000)).toBe(0x10);
    cpu.invalidatePage(0x007f_f000);
    expect(read(0x0041_0000)).toBe(NOT_PRESENT);
    expect(read(0x0041_1000)).toBe(NOT_PRESENT);
  });
});

describe('PAE pointer entries', () => {
  const POINTERS = 0x6020;

  beforeEach(() => {
    cpu.memory.write32(POINTERS, 0x7000 | P);
    cpu.memory.write32(0x7000, 0x8000 | RW | P);
    cpu.memory.write32(0x8000 + 5 * 8, 0x10000 | RW | P);
    cpu.setCr0(CR0_PE);
    cpu.setCr4(CR4_PAE | CR4_PGE);
    cpu.setCr3(POINTERS);
    cpu.setCr0(CR0_PE | CR0_PG);
    cpu.faulted = false;
  });

  it('are read at the load of CR3 and not later', () => {
    expect(read(PAGE)).toBe(0x10);
    cpu.memory.write32(POINTERS, 0);
    cpu.flushTlb(true);
    expect(read(PAGE)).toBe(0x10);
    cpu.setCr3(POINTERS);
    expect(read(PAGE)).toBe(NOT_PRESENT);
  });

  it.each([1, 2, 5, 6, 7, 8])(
    'with reserved bit %i set give #GP(0) at the load of CR3, and nothing is loaded',
    (bit) => {
      cpu.memory.write32(POINTERS + 8, (1 << bit) | P);
      cpu.setCr3(POINTERS);
      expect(cpu.faulted).toBe(true);
      expect(cpu.exceptionVector).toBe(13);
      expect(cpu.state[CR3]).toBe(POINTERS);
      expect(read(PAGE)).toBe(0x10);
    },
  );

  it('with bits 63-36 set give #GP(0); without P nothing is checked', () => {
    cpu.memory.write32(POINTERS + 16, P);
    cpu.memory.write32(POINTERS + 20, 0x10);
    cpu.setCr3(POINTERS);
    expect(cpu.faulted).toBe(true);
    cpu.faulted = false;
    cpu.memory.write32(POINTERS + 16, 0x1e6);
    cpu.setCr3(POINTERS);
    expect(cpu.faulted).toBe(false);
  });

  it('give #GP(0) when MOV to CR0 turns paging on', () => {
    cpu.setCr0(CR0_PE);
    cpu.memory.write32(POINTERS, 0x7000 | 2 | P);
    cpu.setCr0(CR0_PE | CR0_PG);
    expect(cpu.faulted).toBe(true);
    expect(cpu.state[CR0] & CR0_PG).toBe(0);
  });
});

describe('bookkeeping', () => {
  it('a page filled and dropped over and over is listed once', () => {
    setPte(PAGE, 0x10000 | RW | P);
    for (let time = 0; time < 100; time++) {
      read(PAGE);
      invalidatePage(cpu, PAGE);
    }
    read(PAGE);
    cpu.flushTlb(true);
    expect(tlbEntry(cpu, PAGE)).toBe(0);
  });

  it('host pages that get code lose the write entries of all their aliases', () => {
    setPte(PAGE, 0x10000 | RW | P);
    setPte(PAGE + 0x1000, 0x10000 | RW | US | P);
    write(PAGE, 1);
    write(PAGE + 0x1000, 1, false);
    const host = fillTlb(cpu, PAGE, AccessKind.Read, true);
    const misses = cpu.counters.tlbMisses;
    write(PAGE, 2);
    expect(cpu.counters.tlbMisses).toBe(misses);
    removeWriteEntries(cpu, host);
    write(PAGE, 3);
    write(PAGE + 0x1000, 4, false);
    expect(cpu.counters.tlbMisses).toBe(misses + 2);
    expect(read(PAGE)).toBe(4);
  });
});
