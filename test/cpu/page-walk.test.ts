/**
 * The page walk against a model written from the SDM's words: every combination of entry bits, control bits, privilege
 * and kind of access, in both paging modes, with error code, frame and accessed and dirty bits.
 */

import { describe, expect, it } from 'vitest';
import { Cpu } from '../../cpu/cpu.js';
import { CR0, CR3, CR4, EFER, PDPTE } from '../../cpu/layout.js';
import {
  AccessKind,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  EFER_NXE,
  TRANSLATION_GLOBAL,
  walkPageTables,
} from '../../cpu/paging.js';
import { PhysicalMemory } from '../../cpu/physical-memory.js';
import { fillTlb, flushTlb, tlbEntry } from '../../cpu/tlb.js';
import { cpuOptions } from './cpu-options.js';

const DIRECTORY = 0x2000;
const TABLE = 0x3000;
/** 4 KB pages map frame 7; large pages the first 2 or 4 MB of physical memory. */
const FRAME = 7;

const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;
const PS = 0x80;
const G = 0x100;
/** In the high dword of a PAE entry. */
const XD = 0x8000_0000 | 0;

interface Entry {
  low: number;
  high: number;
}

interface Mode {
  pae: boolean;
  wp: boolean;
  pse: boolean;
  pge: boolean;
  nxe: boolean;
}

interface Expected {
  /** Error code of the fault, or -1. */
  error: number;
  frame: number;
  global: boolean;
  directory: number;
  table: number;
}

/** SDM vol 3A 4.3 to 4.8, rule by rule. `directory` and `table` are the low dwords afterwards. */
function model(mode: Mode, pde: Entry, pte: Entry, linear: number, access: AccessKind, user: boolean): Expected {
  const kind =
    (access === AccessKind.Write ? 2 : 0) |
    (user ? 4 : 0) |
    (access === AccessKind.Execute && mode.nxe && mode.pae ? 16 : 0);
  const unchanged = { frame: 0, global: false, directory: pde.low, table: pte.low };
  const isReserved = (entry: Entry, mapsLarge: boolean): boolean => {
    if (!mode.pae) return mapsLarge && (entry.low & 0x003e_0000) !== 0; // bits 21-17 with MAXPHYADDR 36
    if ((entry.high & 0x7fff_fff0) !== 0) return true; // bits 62-36
    if (!mode.nxe && entry.high < 0) return true; // bit 63 without NXE
    return mapsLarge && (entry.low & 0x001f_e000) !== 0; // bits 20-13
  };
  // Table 4-15: P = 0 anywhere on the way ends the walk; a reserved bit in a present entry too.
  if ((pde.low & P) === 0) return { error: kind, ...unchanged };
  const large = (pde.low & PS) !== 0 && (mode.pae || mode.pse);
  if (isReserved(pde, large)) return { error: kind | 1 | 8, ...unchanged };
  const used = large ? [pde] : [pde, pte];
  if (!large) {
    if ((pte.low & P) === 0) return { error: kind, ...unchanged };
    if (isReserved(pte, false)) return { error: kind | 1 | 8, ...unchanged };
  }
  // 4.6: user-mode address when U/S is set everywhere; writable when R/W is set everywhere.
  const userAddress = used.every((entry) => (entry.low & US) !== 0);
  const writable = used.every((entry) => (entry.low & RW) !== 0);
  const noExecute = mode.pae && mode.nxe && used.some((entry) => entry.high < 0);
  let allowed = true;
  if (user && !userAddress) allowed = false;
  if (access === AccessKind.Write && !writable && (user || mode.wp)) allowed = false;
  if (access === AccessKind.Execute && noExecute) allowed = false;
  if (!allowed) return { error: kind | 1, ...unchanged };
  // 4.8: accessed in every entry used, dirty in the one that maps the page.
  const dirty = access === AccessKind.Write ? D : 0;
  const leaf = large ? pde : pte;
  const page = linear >>> 12;
  return {
    error: -1,
    frame: large ? page & (mode.pae ? 0x1ff : 0x3ff) : FRAME,
    global: mode.pge && (leaf.low & G) !== 0,
    directory: pde.low | A | (large ? dirty : 0),
    table: large ? pte.low : pte.low | A | dirty,
  };
}

/** All values that the given bits can form. */
function* combinations(bits: readonly number[]): Generator<number> {
  for (let choice = 0; choice < 1 << bits.length; choice++) {
    let value = 0;
    for (let index = 0; index < bits.length; index++) if ((choice >> index) & 1) value |= bits[index];
    yield value;
  }
}

function machine(): Cpu {
  return new Cpu(new PhysicalMemory(16 << 20), null, cpuOptions);
}

function setMode(cpu: Cpu, mode: Mode): void {
  cpu.state[CR0] = CR0_PE | CR0_PG | (mode.wp ? CR0_WP : 0);
  cpu.state[CR3] = DIRECTORY;
  cpu.state[CR4] = (mode.pae ? CR4_PAE : 0) | (mode.pse ? CR4_PSE : 0) | (mode.pge ? CR4_PGE : 0);
  cpu.state[EFER] = mode.nxe ? EFER_NXE : 0;
  for (let index = 0; index < 8; index += 2) {
    cpu.state[PDPTE + index] = DIRECTORY | 1;
    cpu.state[PDPTE + index + 1] = 0;
  }
}

const ACCESSES: readonly [AccessKind, boolean][] = [
  [AccessKind.Read, true],
  [AccessKind.Read, false],
  [AccessKind.Write, true],
  [AccessKind.Write, false],
  [AccessKind.Execute, true],
  [AccessKind.Execute, false],
];

/** Runs one pair of entries through all accesses; the first difference from the model, or null. */
function compare(cpu: Cpu, mode: Mode, pde: Entry, pte: Entry, linear: number): string | null {
  const memory = cpu.memory;
  const words = cpu.state;
  const stride = mode.pae ? 8 : 4;
  const directoryAt = DIRECTORY + ((linear >>> (mode.pae ? 21 : 22)) & (mode.pae ? 0x1ff : 0x3ff)) * stride;
  const tableAt = TABLE + ((linear >>> 12) & (mode.pae ? 0x1ff : 0x3ff)) * stride;
  const directoryWord = (memory.hostPage(directoryAt >>> 12) + (directoryAt & 0xfff)) >>> 2;
  const tableWord = (memory.hostPage(tableAt >>> 12) + (tableAt & 0xfff)) >>> 2;
  for (const [access, user] of ACCESSES) {
    words[directoryWord] = pde.low;
    words[tableWord] = pte.low;
    if (mode.pae) {
      words[directoryWord + 1] = pde.high;
      words[tableWord + 1] = pte.high;
    }
    flushTlb(cpu, true);
    const host = fillTlb(cpu, linear, access, !user);
    const expected = model(mode, pde, pte, linear, access, user);
    const error = host === 0 ? cpu.pageFaultErrorCode : -1;
    const entry = tlbEntry(cpu, linear);
    const frame = host === 0 ? 0 : entry >>> 8;
    const global = (entry & TRANSLATION_GLOBAL) !== 0;
    if (
      error === expected.error &&
      frame === expected.frame &&
      global === expected.global &&
      words[directoryWord] === expected.directory &&
      words[tableWord] === expected.table &&
      (host === 0 || host === memory.hostPage(frame))
    ) {
      continue;
    }
    const got = { error, frame, global, directory: words[directoryWord], table: words[tableWord] };
    return JSON.stringify({ mode, pde, pte, access, user, expected, got });
  }
  return null;
}

describe('page walk', () => {
  it('two-level paging: every combination of entry bits, control bits and access', () => {
    const cpu = machine();
    const linear = 0x0040_5123;
    let cases = 0;
    for (const wp of [false, true]) {
      for (const pse of [false, true]) {
        for (const pge of [false, true]) {
          for (const nxe of [false, true]) {
            const mode: Mode = { pae: false, wp, pse, pge, nxe };
            setMode(cpu, mode);
            for (const pdeBits of combinations([P, RW, US, A, D, PS, G, 1 << 21])) {
              const mapsLarge = (pdeBits & PS) !== 0 && pse;
              const address = (pdeBits & PS) !== 0 && pse ? 0 : TABLE;
              const pteChoices = mapsLarge ? [0, P] : combinations([P, RW, US, A, D, PS, G]);
              if (!mapsLarge && (pdeBits & (1 << 21)) !== 0) continue; // an address bit here
              for (const pteBits of pteChoices) {
                const pde = { low: pdeBits | address, high: 0 };
                const pte = { low: pteBits | (FRAME << 12), high: 0 };
                const difference = compare(cpu, mode, pde, pte, linear);
                if (difference !== null) expect.fail(difference);
                cases += ACCESSES.length;
              }
            }
          }
        }
      }
    }
    expect(cases).toBeGreaterThan(700_000);
  });

  it('PAE paging: every combination of entry bits, control bits and access', () => {
    const cpu = machine();
    const linear = 0x4060_5123;
    const reserved = 1 << 4; // bit 36
    let cases = 0;
    for (const wp of [false, true]) {
      for (const pge of [false, true]) {
        for (const nxe of [false, true]) {
          const mode: Mode = { pae: true, wp, pse: false, pge, nxe };
          setMode(cpu, mode);
          for (const pdeLow of combinations([P, RW, US, A, PS, G, 1 << 20])) {
            for (const pdeHigh of combinations([XD, reserved])) {
              const mapsLarge = (pdeLow & PS) !== 0;
              if (!mapsLarge && (pdeLow & (1 << 20)) !== 0) continue;
              const ends = mapsLarge || (pdeLow & P) === 0 || (pdeHigh & reserved) !== 0;
              const pde = { low: pdeLow | (mapsLarge ? 0 : TABLE), high: pdeHigh };
              for (const pteLow of ends ? [0, P | RW | US] : combinations([P, RW, US, A, D, PS, G])) {
                for (const pteHigh of combinations([XD, reserved])) {
                  const pte = { low: pteLow | (FRAME << 12), high: pteHigh };
                  const difference = compare(cpu, mode, pde, pte, linear);
                  if (difference !== null) expect.fail(difference);
                  cases += ACCESSES.length;
                }
              }
            }
          }
        }
      }
    }
    expect(cases).toBeGreaterThan(400_000);
  });

  it('dirty bits of a 2 MB page follow the same rules', () => {
    const cpu = machine();
    const mode: Mode = { pae: true, wp: true, pse: false, pge: true, nxe: true };
    setMode(cpu, mode);
    for (const low of combinations([P, RW, US, A, D, G])) {
      const difference = compare(cpu, mode, { low: low | PS, high: 0 }, { low: 0, high: 0 }, 0x4060_5123);
      if (difference !== null) expect.fail(difference);
    }
  });

  it('each reserved bit of each entry faults with the RSVD bit', () => {
    const cpu = machine();
    const present = P | RW | US;
    const pae: Mode = { pae: true, wp: true, pse: true, pge: true, nxe: false };
    setMode(cpu, pae);
    for (let bit = 4; bit < 32; bit++) {
      const high = 1 << bit;
      for (const [pde, pte] of [
        [
          { low: present | TABLE, high },
          { low: present, high: 0 },
        ],
        [
          { low: present | TABLE, high: 0 },
          { low: present, high },
        ],
        [
          { low: present | PS, high },
          { low: present, high: 0 },
        ],
      ]) {
        expect(compare(cpu, pae, pde, pte, 0x4060_5000)).toBeNull();
        expect(cpu.pageFaultErrorCode & 9, `bit ${bit + 32}`).toBe(9);
      }
    }
    for (let bit = 13; bit <= 20; bit++) {
      expect(compare(cpu, pae, { low: present | PS | (1 << bit), high: 0 }, { low: 0, high: 0 }, 0)).toBeNull();
      expect(cpu.pageFaultErrorCode & 9, `2 MB page, bit ${bit}`).toBe(9);
    }
    const twoLevel: Mode = { ...pae, pae: false };
    setMode(cpu, twoLevel);
    for (let bit = 17; bit <= 21; bit++) {
      expect(compare(cpu, twoLevel, { low: present | PS | (1 << bit), high: 0 }, { low: 0, high: 0 }, 0)).toBeNull();
      expect(cpu.pageFaultErrorCode & 9, `4 MB page, bit ${bit}`).toBe(9);
    }
  });

  it('PSE-36: bits 16-13 of a 4 MB entry are address bits 35-32', () => {
    const cpu = machine();
    setMode(cpu, { pae: false, wp: true, pse: true, pge: false, nxe: false });
    cpu.memory.write32(DIRECTORY + 4, 0x8000_0000 | (0xb << 13) | PS | RW | P);
    fillTlb(cpu, 0x0040_5000, AccessKind.Read, true);
    expect(tlbEntry(cpu, 0x0040_5000) >>> 8).toBe(0xb80005);
    expect(walkPageTables(cpu, 0x0040_5000).frame).toBe(0xb80005);
  });

  it('PAE: 36-bit frames of tables and pages; no RAM there reads as ones and loses stores', () => {
    const cpu = machine();
    setMode(cpu, { pae: true, wp: true, pse: false, pge: false, nxe: false });
    cpu.memory.write32(DIRECTORY, TABLE | RW | P);
    cpu.memory.write32(TABLE, 0x1234_5000 | RW | P);
    cpu.memory.write32(TABLE + 4, 0xf);
    const host = fillTlb(cpu, 0x123, AccessKind.Read, true);
    expect(tlbEntry(cpu, 0) >>> 8).toBe(0xf12345);
    expect(cpu.view.getInt32(host + 0x123, true)).toBe(-1);
    const store = fillTlb(cpu, 0x123, AccessKind.Write, true);
    cpu.view.setInt32(store + 0x123, 0, true);
    expect(cpu.view.getInt32(fillTlb(cpu, 0x123, AccessKind.Read, true) + 0x123, true)).toBe(-1);
  });

  it('a page directory without RAM behind it reads as ones: a reserved-bit fault', () => {
    const cpu = machine();
    setMode(cpu, { pae: true, wp: true, pse: false, pge: false, nxe: false });
    cpu.state[PDPTE] = 0x7000_0001;
    expect(fillTlb(cpu, 0, AccessKind.Read, true)).toBe(0);
    expect(cpu.pageFaultErrorCode).toBe(9);
  });

  it('a PDPTE that is not present faults without the P bit', () => {
    const cpu = machine();
    setMode(cpu, { pae: true, wp: true, pse: false, pge: false, nxe: true });
    cpu.state[PDPTE + 6] = 0;
    expect(fillTlb(cpu, 0xc000_0000, AccessKind.Execute, false)).toBe(0);
    expect(cpu.pageFaultErrorCode).toBe(0x14);
  });

  it('paging off: linear addresses are physical, with all rights', () => {
    const cpu = machine();
    cpu.state[CR0] = CR0_PE;
    for (const [access, user] of ACCESSES) {
      expect(fillTlb(cpu, 0x0012_3456, access, !user)).toBe(cpu.memory.hostPage(0x123));
    }
  });

  it('walkPageTables shows every level and agrees with the walk of an access', () => {
    const cpu = machine();
    for (const pae of [false, true]) {
      const mode: Mode = { pae, wp: true, pse: true, pge: true, nxe: true };
      setMode(cpu, mode);
      const linear = 0x4060_5123;
      for (const pdeBits of combinations([P, RW, US, PS, G, D])) {
        for (const pteBits of combinations([P, RW, US, G, D])) {
          const pde = { low: pdeBits | A | ((pdeBits & PS) !== 0 ? 0 : TABLE), high: 0 };
          const pte = { low: pteBits | A | (FRAME << 12), high: 0 };
          compare(cpu, mode, pde, pte, linear);
          flushTlb(cpu, true);
          const walk = walkPageTables(cpu, linear);
          const host = fillTlb(cpu, linear, AccessKind.Read, true);
          expect(walk.failure === null).toBe(host !== 0);
          if (host !== 0) expect(((walk.frame << 8) | walk.rights) >>> 0).toBe(tlbEntry(cpu, linear) >>> 0);
          const names = pae ? ['PDPTE', 'PDE', 'PTE'] : ['PDE', 'PTE'];
          expect(walk.levels.map((level) => level.name)).toEqual(names.slice(0, walk.levels.length));
        }
      }
    }
  });
});
