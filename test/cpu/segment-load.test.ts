/** Loads of segment registers: every type of descriptor, DPL, RPL and CPL against the rules of the SDM. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { CPL, DS, EAX, EDI, ES, ESP, FS, LDTR, SEGMENT_SELECTOR, SS } from '../../cpu/layout.js';
import { loadDataSegment, segmentLinear } from '../../cpu/segmentation.js';
import {
  accessInMemory,
  CODE3,
  DATA,
  DATA0,
  DATA3,
  execute,
  FREE,
  GDT,
  handledVector,
  LDT,
  LDT_SELECTOR,
  protectedMachine,
  segmentCache,
  stack,
  writeDescriptor,
} from './protected-machine.js';

const GP = 13;
const SSF = 12;
const NP = 11;

/** 'loaded', or vector and error code of what was raised. */
function load(cpu: Cpu, segment: number, selector: number): string {
  cpu.faulted = false;
  if (loadDataSegment(cpu, segment, selector)) return 'loaded';
  return `${cpu.exceptionVector}(${cpu.exceptionErrorCode.toString(16)})`;
}

/** Vol 2B, MOV: loading DS, ES, FS, GS. */
function expectedForData(access: number, rpl: number, cpl: number, selector: number): string {
  const type = access & 0xf;
  const dpl = (access >> 5) & 3;
  const code = selector.toString(16);
  if ((access & 0x10) === 0) return `${GP}(${code})`;
  const readable = type < 8 || (type & 2) !== 0;
  if (!readable) return `${GP}(${code})`;
  const conforming = type >= 0xc;
  if (!conforming && (rpl > dpl || cpl > dpl)) return `${GP}(${code})`;
  return (access & 0x80) === 0 ? `${NP}(${code})` : 'loaded';
}

/** Vol 2B, MOV: loading SS. */
function expectedForStack(access: number, rpl: number, cpl: number, selector: number): string {
  const type = access & 0xf;
  const dpl = (access >> 5) & 3;
  const code = selector.toString(16);
  const writableData = (access & 0x10) !== 0 && type < 8 && (type & 2) !== 0;
  if (rpl !== cpl || !writableData || dpl !== cpl) return `${GP}(${code})`;
  return (access & 0x80) === 0 ? `${SSF}(${code})` : 'loaded';
}

describe('segment loads', () => {
  it.each([
    ['DS', DS, expectedForData],
    ['SS', SS, expectedForStack],
  ])('%s: all types, S, P, DPL, RPL and CPL', (_name, segment, expected) => {
    const cpu = protectedMachine(0);
    let wrong = '';
    for (let access = 0; access < 0x100; access++) {
      for (let rpl = 0; rpl < 4; rpl++) {
        for (let cpl = 0; cpl < 4; cpl++) {
          writeDescriptor(cpu, GDT + FREE, { access: access | 0xc000 });
          cpu.state[CPL] = cpl;
          cpu.state[SEGMENT_SELECTOR + segment] = 0x1234;
          const want = expected(access, rpl, cpl, FREE);
          const got = load(cpu, segment, FREE | rpl);
          const accessedBit = accessInMemory(cpu, GDT + FREE) & 1;
          const kept = cpu.state[SEGMENT_SELECTOR + segment] === 0x1234;
          if (got !== want || kept !== (want !== 'loaded') || accessedBit !== (want === 'loaded' ? 1 : access & 1)) {
            wrong ||= `access ${access.toString(16)} rpl ${rpl} cpl ${cpl}: want ${want}, got ${got}`;
          }
        }
      }
    }
    expect(wrong).toBe('');
  });

  it('the cache takes base, limit with granularity applied, and rights with the accessed bit', () => {
    const cpu = protectedMachine(0);
    writeDescriptor(cpu, GDT + FREE, { base: 0x8765_4321 | 0, limit: 0x12345, access: 0xd0f2 });
    expect(load(cpu, ES, FREE | 3)).toBe('loaded');
    expect(segmentCache(cpu, ES)).toEqual({
      selector: FREE | 3,
      base: 0x8765_4321,
      limit: 0x1234_5fff,
      access: 0xd0f3,
    });
    writeDescriptor(cpu, GDT + FREE, { limit: 0x12345, access: 0x40f2 });
    expect(load(cpu, ES, FREE)).toBe('loaded');
    expect(segmentCache(cpu, ES).limit).toBe(0x12345);
  });

  it('null selectors: allowed in data segments, which then fault on use; #GP(0) in SS', () => {
    const cpu = protectedMachine(3);
    for (const selector of [0, 1, 2, 3]) {
      expect(load(cpu, FS, selector)).toBe('loaded');
      expect(segmentCache(cpu, FS)).toEqual({ selector, base: 0, limit: 0, access: 0 });
      expect(load(cpu, SS, selector)).toBe('13(0)');
    }
    segmentLinear(cpu, FS, 0, 1, false);
    expect([cpu.faulted, cpu.exceptionVector, cpu.exceptionErrorCode]).toEqual([true, GP, 0]);
  });

  it('selectors outside the GDT, and LDT selectors without LDT, give #GP(selector)', () => {
    const cpu = protectedMachine(0);
    expect(load(cpu, DS, 0x1000)).toBe('13(1000)');
    cpu.setSegment(LDTR, 0, 0, 0, 0);
    expect(load(cpu, DS, 0x0c)).toBe('13(c)');
  });

  it('LLDT makes LDT selectors work, up to its limit', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = LDT_SELECTOR;
    execute(cpu, '0f 00 d0'); // lldt ax
    expect(segmentCache(cpu, LDTR)).toEqual({ selector: LDT_SELECTOR, base: LDT, limit: 0x3f, access: 0x82 });
    writeDescriptor(cpu, LDT + 0x38, { base: 0x1111, access: 0x4092 });
    expect(load(cpu, DS, 0x3c)).toBe('loaded');
    expect(segmentCache(cpu, DS).base).toBe(0x1111);
    expect(load(cpu, DS, 0x44)).toBe('13(44)');
  });
});

describe('segment instructions', () => {
  it('mov ds, ax; mov eax, ds', () => {
    const cpu = protectedMachine(3);
    cpu.state[EAX] = 0xabcd_0000 | CODE3;
    execute(cpu, '8e d8 8c d8', 2);
    expect(cpu.state[EAX]).toBe(CODE3);
    expect(segmentCache(cpu, DS).access).toBe(0xc0fb);
  });

  it('mov word [DATA], es writes two bytes whatever the operand size', () => {
    const cpu = protectedMachine(3);
    cpu.memory.write32(DATA, -1);
    execute(cpu, '8c 05 00 00 06 00');
    expect(cpu.memory.read32(DATA)).toBe(0xffff_0000 + DATA3 - 0x1_0000_0000);
  });

  it('mov cs, ax is #UD', () => {
    const cpu = protectedMachine(0);
    execute(cpu, '8e c8');
    expect(handledVector(cpu)).toBe(6);
  });

  it('push fs; pop es', () => {
    const cpu = protectedMachine(3);
    const top = cpu.state[ESP];
    cpu.setSegment(FS, CODE3, 0, -1, 0xc0fb);
    execute(cpu, '0f a0 07', 1);
    expect([cpu.state[ESP], stack(cpu, 0)]).toEqual([top - 4, CODE3]);
    cpu.run(1);
    expect([cpu.state[ESP], segmentCache(cpu, ES).selector]).toEqual([top, CODE3]);
  });

  it('pop ds of a bad selector leaves ESP alone and gives #GP(selector)', () => {
    const cpu = protectedMachine(3);
    cpu.memory.write32(cpu.state[ESP], DATA0);
    const top = cpu.state[ESP];
    execute(cpu, '1f');
    expect(handledVector(cpu)).toBe(GP);
    expect(stack(cpu, 0)).toBe(DATA0);
    expect(stack(cpu, 4)).toBe(top);
  });

  it('les edi, [DATA]; lss esp, [DATA] loads pointer and segment or nothing', () => {
    const cpu = protectedMachine(0);
    cpu.memory.write32(DATA, 0x1234_5678);
    cpu.memory.write16(DATA + 4, DATA3);
    execute(cpu, 'c4 3d 00 00 06 00');
    expect([cpu.state[EDI], segmentCache(cpu, ES).selector]).toEqual([0x1234_5678, DATA3]);
    const top = cpu.state[ESP];
    execute(cpu, '0f b2 25 00 00 06 00');
    expect(handledVector(cpu)).toBe(GP);
    expect([cpu.state[ESP], stack(cpu, 0)]).toEqual([top - 16, DATA3 & ~3]);
  });

  it.each([
    // access, limit, offset, size, write, allowed
    ['last byte of an expand-up segment', 0x40f3, 0xfff, 0xfff, 1, true],
    ['a word over its end', 0x40f3, 0xfff, 0xfff, 2, false],
    ['a byte above the limit of an expand-down segment', 0x40f7, 0xfff, 0x1000, 1, true],
    ['a byte at the limit of an expand-down segment', 0x40f7, 0xfff, 0xfff, 1, false],
    ['above 64 KB in a 16-bit expand-down segment', 0x00f7, 0xfff, 0xffff, 2, false],
    ['up to 4 GB in a 32-bit expand-down segment', 0x40f7, 0xfff, 0xffff_fffc, 4, true],
    ['beyond 4 GB there', 0x40f7, 0xfff, 0xffff_fffd, 4, false],
  ])('limit check: %s', (_name, access, limit, offset, size, allowed) => {
    const cpu = protectedMachine(3);
    cpu.setSegment(DS, DATA3, 0x1000, limit, access);
    const linear = segmentLinear(cpu, DS, offset | 0, size, true);
    expect(cpu.faulted).toBe(!allowed);
    if (allowed) expect(linear).toBe((0x1000 + offset) >>> 0);
  });

  it('writes to read-only data, writes to code and reads of execute-only code give #GP(0); SS gives #SS(0)', () => {
    const cpu = protectedMachine(3);
    const fault = (segment: number, access: number, write: boolean): string => {
      cpu.setSegment(segment, DATA3, 0, 0xffff, access);
      cpu.faulted = false;
      segmentLinear(cpu, segment, 0x10, 4, write);
      return cpu.faulted ? `${cpu.exceptionVector}(${cpu.exceptionErrorCode})` : 'none';
    };
    expect(fault(DS, 0x40f1, true)).toBe('13(0)');
    expect(fault(DS, 0x40f1, false)).toBe('none');
    expect(fault(DS, 0x40fb, true)).toBe('13(0)');
    expect(fault(DS, 0x40fb, false)).toBe('none');
    expect(fault(DS, 0x40f9, false)).toBe('13(0)');
    cpu.setSegment(SS, DATA3, 0, 0xf, 0x40f3);
    cpu.faulted = false;
    segmentLinear(cpu, SS, 0x10, 4, true);
    expect([cpu.exceptionVector, cpu.exceptionErrorCode]).toEqual([SSF, 0]);
  });
});
