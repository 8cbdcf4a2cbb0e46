/** Far JMP, CALL and RET, call gates, SYSENTER and SYSEXIT. */
import { describe, expect, it } from 'vitest';
import {
  CPL,
  CS,
  DS,
  EAX,
  ECX,
  EDX,
  EIP,
  ESP,
  SEGMENT_SELECTOR,
  SS,
  SYSENTER_CS,
  SYSENTER_EIP,
  SYSENTER_ESP,
} from '../../cpu/layout.js';
import {
  CODE,
  CODE0,
  CODE3,
  DATA,
  DATA0,
  DATA3,
  execute,
  FREE,
  GDT,
  handledVector,
  protectedMachine,
  STACK0,
  STACK3,
  segmentCache,
  stack,
  TSS_SELECTOR,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const TARGET = 0x1_2340;

/** Far pointer as immediate of JMP (EA) and CALL (9A), in hexadecimal. */
function pointer(selector: number, offset: number): string {
  const view = new DataView(new ArrayBuffer(6));
  view.setInt32(0, offset, true);
  view.setInt16(4, selector, true);
  return Array.from(new Uint8Array(view.buffer), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What a far JMP or CALL to a code segment gives: 'done', or vector(error code). SDM vol 3A section 5.8.1. */
function expectedForCode(access: number, rpl: number, cpl: number, selector: number): string {
  const type = access & 0xf;
  const dpl = (access >> 5) & 3;
  const code = selector.toString(16);
  if ((access & 0x10) === 0 || type < 8) return `13(${code})`;
  const reachable = type >= 0xc ? dpl <= cpl : rpl <= cpl && dpl === cpl;
  if (!reachable) return `13(${code})`;
  return (access & 0x80) === 0 ? `11(${code})` : 'done';
}

describe('direct transfers', () => {
  it.each([
    ['jmp', 'ea'],
    ['call', '9a'],
  ])('%s ptr16:32 to code and data segments of every type, DPL and RPL, from rings 0 and 3', (_name, opcode) => {
    let wrong = '';
    for (const ring of [0, 3] as const) {
      const cpu = protectedMachine(ring);
      const start = { cs: segmentCache(cpu, CS), ss: segmentCache(cpu, SS), esp: cpu.state[ESP] };
      for (let access = 0x10; access < 0x100; access += (access & 0x0f) === 0x0f ? 0x11 : 1) {
        for (let rpl = 0; rpl < 4; rpl++) {
          writeDescriptor(cpu, GDT + FREE, { access: access | 0xc000 });
          cpu.state[CPL] = ring;
          cpu.setSegment(CS, start.cs.selector, 0, -1, start.cs.access);
          cpu.setSegment(SS, start.ss.selector, 0, -1, start.ss.access);
          cpu.state[ESP] = start.esp;
          cpu.state[EIP] = CODE;
          execute(cpu, opcode + pointer(FREE | rpl, TARGET));
          const want = expectedForCode(access, rpl, ring, FREE);
          const got = cpu.state[EIP] === TARGET ? 'done' : `${handledVector(cpu)}(${stack(cpu, 0).toString(16)})`;
          if (got !== want) wrong ||= `access ${access.toString(16)} rpl ${rpl} ring ${ring}: want ${want}, got ${got}`;
          if (got === 'done' && cpu.state[SEGMENT_SELECTOR + CS] !== (FREE | ring)) wrong ||= 'RPL of CS is not CPL';
          if (
            got === 'done' &&
            opcode === '9a' &&
            (stack(cpu, 0) !== CODE + 7 || stack(cpu, 1) !== start.cs.selector)
          ) {
            wrong ||= 'return address';
          }
        }
      }
    }
    expect(wrong).toBe('');
  });

  it('null selectors, selectors past the GDT, offsets past the limit', () => {
    for (const [selector, offset, code] of [
      [0, TARGET, 0],
      [0x1008, TARGET, 0x1008],
      [FREE, 0x1000, 0],
    ]) {
      const cpu = protectedMachine(0);
      writeDescriptor(cpu, GDT + FREE, { limit: 0xfff, access: 0x409b });
      execute(cpu, `ea${pointer(selector, offset)}`);
      expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([13, code, CODE]);
    }
  });

  it('jmp m16:32, call m16:32 and retf', () => {
    const cpu = protectedMachine(3);
    cpu.memory.write32(DATA, TARGET);
    cpu.memory.write16(DATA + 4, CODE3);
    execute(cpu, 'ff 1d 00 00 06 00'); // call far [DATA]
    expect([cpu.state[EIP], stack(cpu, 0), stack(cpu, 1)]).toEqual([TARGET, CODE + 6, CODE3]);
    execute(cpu, 'cb');
    expect([cpu.state[EIP], cpu.state[ESP]]).toEqual([CODE + 6, STACK3]);
    execute(cpu, 'ff 2d 00 00 06 00'); // jmp far [DATA]
    expect(cpu.state[EIP]).toBe(TARGET);
  });

  it('a 16-bit operand size cuts the offset and pushes words', () => {
    const cpu = protectedMachine(3);
    execute(cpu, '66 9a 40 23 1b 00');
    expect([cpu.state[EIP], cpu.state[ESP]]).toEqual([0x2340, STACK3 - 4]);
    expect(cpu.memory.read16(STACK3 - 4)).toBe((CODE + 6) & 0xffff);
  });
});

describe('call gates', () => {
  const GATE = FREE + 8;

  it('to ring 0: stack switch, parameters copied, retf n drops them from both stacks', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, GDT + GATE, CODE0, TARGET, 0xec, 2);
    cpu.state[ESP] = STACK3 - 8;
    cpu.memory.write32(STACK3 - 8, 0x1111);
    cpu.memory.write32(STACK3 - 4, 0x2222);
    execute(cpu, `9a${pointer(GATE | 3, 0)}`);
    expect([cpu.state[EIP], cpu.state[CPL], cpu.state[SEGMENT_SELECTOR + SS]]).toEqual([TARGET, 0, DATA0]);
    expect(cpu.state[ESP]).toBe(STACK0 - 24);
    expect([0, 1, 2, 3, 4, 5].map((index) => stack(cpu, index))).toEqual([
      CODE + 7,
      CODE3,
      0x1111,
      0x2222,
      STACK3 - 8,
      DATA3,
    ]);
    execute(cpu, 'ca 08 00');
    expect([cpu.state[EIP], cpu.state[CPL], cpu.state[ESP]]).toEqual([CODE + 7, 3, STACK3]);
    expect(segmentCache(cpu, DS).selector).toBe(DATA3);
  });

  it('a 16-bit gate pushes words', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, GDT + GATE, CODE0, 0xabcd_1234 | 0, 0xe4);
    execute(cpu, `9a${pointer(GATE, 0)}`);
    expect([cpu.state[EIP], cpu.state[ESP]]).toEqual([0x1234, STACK0 - 8]);
  });

  it('JMP through a gate cannot change the level', () => {
    const cpu = protectedMachine(3);
    writeGate(cpu, GDT + GATE, CODE0, TARGET, 0xec);
    execute(cpu, `ea${pointer(GATE, 0)}`);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, CODE0]);
    const same = protectedMachine(3);
    writeGate(same, GDT + GATE, CODE3, TARGET, 0xec);
    execute(same, `ea${pointer(GATE, 0)}`);
    expect([same.state[EIP], same.state[CPL]]).toEqual([TARGET, 3]);
  });

  it.each([
    ['DPL below CPL', 0x8c, 0, 13, GATE],
    ['not present', 0x6c, 0, 11, GATE],
    ['no code segment behind it', 0xec, DATA0, 13, DATA0],
    ['null behind it', 0xec, -1, 13, 0],
  ])('refusals: %s', (_name, access, target, vector, code) => {
    const cpu = protectedMachine(3);
    writeGate(cpu, GDT + GATE, target === 0 ? CODE0 : target === -1 ? 0 : target, TARGET, access);
    execute(cpu, `9a${pointer(GATE, 0)}`);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([vector, code]);
  });

  it("RPL above the gate's DPL", () => {
    const cpu = protectedMachine(0);
    writeGate(cpu, GDT + GATE, CODE0, TARGET, 0x8c);
    execute(cpu, `9a${pointer(GATE | 1, 0)}`);
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, GATE]);
  });
});

describe('far RET', () => {
  it.each([
    ['to more privileged code', CODE0, 13, CODE0],
    ['null', 0, 13, 0],
    ['to data', DATA3, 13, DATA3 & ~3],
    ['to a TSS', TSS_SELECTOR | 3, 13, TSS_SELECTOR],
  ])('%s', (_name, selector, vector, code) => {
    const cpu = protectedMachine(3);
    cpu.state[ESP] = STACK3 - 8;
    cpu.memory.write32(STACK3 - 8, CODE);
    cpu.memory.write32(STACK3 - 4, selector);
    execute(cpu, 'cb');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 4)]).toEqual([vector, code, STACK3 - 8]);
  });
});

describe('SYSENTER and SYSEXIT', () => {
  it('enter ring 0 and come back with flat segments', () => {
    const cpu = protectedMachine(3);
    cpu.state[SYSENTER_CS] = CODE0;
    cpu.state[SYSENTER_ESP] = STACK0 - 0x100;
    cpu.state[SYSENTER_EIP] = TARGET;
    cpu.setEflags(0x202);
    execute(cpu, '0f 34');
    expect([cpu.state[EIP], cpu.state[ESP], cpu.state[CPL]]).toEqual([TARGET, STACK0 - 0x100, 0]);
    expect(segmentCache(cpu, CS)).toEqual({ selector: CODE0, base: 0, limit: 0xffff_ffff, access: 0xc09b });
    expect(segmentCache(cpu, SS).selector).toBe(DATA0);
    expect(cpu.getEflags() & 0x200).toBe(0);
    cpu.state[ECX] = STACK3;
    cpu.state[EDX] = CODE;
    execute(cpu, '0f 35');
    expect([cpu.state[EIP], cpu.state[ESP], cpu.state[CPL]]).toEqual([CODE, STACK3, 3]);
    expect(segmentCache(cpu, CS)).toEqual({ selector: CODE3, base: 0, limit: 0xffff_ffff, access: 0xc0fb });
    expect(segmentCache(cpu, SS).selector).toBe(DATA3);
  });

  it('without IA32_SYSENTER_CS both give #GP(0); SYSEXIT outside ring 0 too', () => {
    const cpu = protectedMachine(3);
    execute(cpu, '0f 34');
    expect([handledVector(cpu), stack(cpu, 0)]).toEqual([13, 0]);
    const ring3 = protectedMachine(3);
    ring3.state[SYSENTER_CS] = CODE0;
    ring3.state[EAX] = 1;
    execute(ring3, '0f 35');
    expect([handledVector(ring3), stack(ring3, 0)]).toEqual([13, 0]);
  });
});
