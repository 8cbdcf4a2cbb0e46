import {
  PageProtection,
  type PteFormat,
  type PteLocation,
  pteLocation,
  type Vad,
  VadType,
} from '../../kernel/index.js';
import type { Json } from './debugger-error.js';
import { hex, upper8 } from './number-text.js';

/** An entry of a page table, in memory or a copy. */
export interface Entry {
  readonly format: PteFormat;
  readonly at: PteLocation;
}

/** Where a copy lies in its words: location 0 is no entry. */
const COPY = pteLocation(2);

/** A copy of an entry with these contents. */
export function entryOf(format: PteFormat, low: number, high: number): Entry {
  return { format: format.over(Int32Array.of(0, 0, low, high)), at: COPY };
}

/** Names of five-bit protection masks, as NT's headers have them without MM_. */
const ACCESS = [
  'ZERO_ACCESS',
  'READONLY',
  'EXECUTE',
  'EXECUTE_READ',
  'READWRITE',
  'WRITECOPY',
  'EXECUTE_READWRITE',
  'EXECUTE_WRITECOPY',
] as const;
const MODIFIERS = ['', ' NOCACHE', ' GUARD', ' WRITECOMBINE'] as const;

export function protectionText(mask: number): string {
  if (mask === 0x18) return 'NOACCESS';
  if (mask === 0x10) return 'DECOMMIT';
  if (mask === 0x100) return 'as the prototype PTE says';
  return `${ACCESS[mask & 7]}${MODIFIERS[(mask >>> 3) & 3]}`;
}

/** Contents of a PTE in hexadecimal: 8 or 16 upper-case digits. */
export function pteContents(format: PteFormat, at: PteLocation): string {
  return format.isPae ? upper8(format.high(at)) + upper8(format.low(at)) : upper8(format.low(at));
}

/** kd's letters of a valid PTE: 'G-DA--KWEV'. */
export function pteLetters(format: PteFormat, at: PteLocation): string {
  const low = format.low(at);
  const bit = (mask: number, letter: string): string => ((low & mask) !== 0 ? letter : '-');
  return [
    bit(0x200, 'C'),
    bit(0x100, 'G'),
    bit(0x80, 'L'),
    bit(0x40, 'D'),
    bit(0x20, 'A'),
    bit(0x10, 'N'),
    bit(0x08, 'T'),
    (low & 4) !== 0 ? 'U' : 'K',
    (low & 2) !== 0 ? 'W' : 'R',
    format.isPae && format.isNoExecute(at) ? '-' : 'E',
    'V',
  ].join('');
}

/** What an invalid PTE means to NT. */
export interface PteMeaning {
  /** One word for the form. */
  readonly form: 'valid' | 'zero' | 'demand-zero' | 'decommitted' | 'transition' | 'prototype' | 'lookup' | 'page-file';
  /** One line for people. */
  readonly text: string;
  readonly data: { readonly [key: string]: Json };
}

/** Explains the PTE at a place; in a prototype array the prototype form points to a subsection. */
export function pteMeaning(format: PteFormat, at: PteLocation, isPrototypePte = false): PteMeaning {
  if (format.isValid(at)) {
    const frame = format.frame(at);
    return meaning('valid', `pfn ${hex(frame)} ${pteLetters(format, at)}`, { pfn: frame });
  }
  if (format.isZero(at)) return meaning('zero', 'not valid: zero, the VAD decides', {});
  if (format.isDecommitted(at)) return meaning('decommitted', 'not valid: decommitted', {});
  const protection = format.protection(at);
  const rights = protectionText(protection);
  if (format.isPrototype(at)) {
    if (isPrototypePte) {
      const subsection = format.subsectionAddress(at);
      return meaning(
        'prototype',
        `not valid: Subsection ${upper8(subsection)}, Protect: ${hex(protection)} - ${rights}`,
        {
          subsection,
          protection,
        },
      );
    }
    if (format.isLookupMarker(at)) {
      return meaning('lookup', `not valid: Proto: VAD, Protect: ${hex(protection)} - ${rights}`, { protection });
    }
    const prototype = format.prototypeAddress(at);
    return meaning('prototype', `not valid: Proto: ${upper8(prototype)}`, { prototype });
  }
  if (format.isTransition(at)) {
    const frame = format.transitionFrame(at);
    return meaning('transition', `not valid: Transition: ${hex(frame)}, Protect: ${hex(protection)} - ${rights}`, {
      pfn: frame,
      protection,
    });
  }
  const offset = format.pageFileOffset(at);
  if (offset === 0) {
    return meaning('demand-zero', `not valid: DemandZero, Protect: ${hex(protection)} - ${rights}`, { protection });
  }
  const file = format.pageFileNumber(at);
  return meaning(
    'page-file',
    `not valid: PageFile ${hex(file)}, Offset ${hex(offset)}, Protect: ${hex(protection)} - ${rights}`,
    {
      file,
      offset,
      protection,
    },
  );
}

function meaning(form: PteMeaning['form'], text: string, details: { readonly [key: string]: Json }): PteMeaning {
  return { form, text, data: { form, ...details } };
}

/** 'Private', 'Mapped  Exe' ...: the kind column of !vad. */
export function vadKind(vad: Vad): string {
  if (vad.isImage) return 'Mapped  Exe';
  if (vad.type === VadType.DevicePhysicalMemory) return 'Mapped  Phys';
  return vad.privateMemory ? 'Private    ' : 'Mapped     ';
}

/** Win32 names of a page protection, for reports in program's words. */
export function win32ProtectionText(value: number): string {
  const names = Object.entries(PageProtection).filter(([, bit]) => (value & bit) !== 0);
  return names.map(([name]) => name).join(' | ');
}
