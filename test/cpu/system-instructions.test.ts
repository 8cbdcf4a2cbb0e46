/** Control, debug and model-specific registers, descriptor inspection, flags, CPUID, RDTSC and ports. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import {
  CPL,
  CR0,
  CR2,
  CR3,
  CR4,
  CS,
  DR0,
  DR6,
  DR7,
  EAX,
  EBX,
  ECX,
  EDI,
  EDX,
  EFER,
  EIP,
  ESI,
  ESP,
  FPU_CONTROL,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  MXCSR,
  TR,
} from '../../cpu/layout.js';
import { CR0_CD, CR0_NW, CR0_PE, CR0_PG } from '../../cpu/paging.js';
import {
  accessInMemory,
  CODE,
  DATA,
  execute,
  FREE,
  GDT,
  handledVector,
  LDT_SELECTOR,
  protectedMachine,
  STACK3,
  segmentCache,
  stack,
  TSS,
  TSS_SELECTOR,
  writeDescriptor,
} from './protected-machine.js';

const ZF = 0x40;

/** Executes one instruction; 'done', or vector(error code) of the fault it gave. */
function outcome(cpu: Cpu, code: string): string {
  cpu.state[EIP] = CODE;
  execute(cpu, code);
  const vector = handledVector(cpu);
  if (vector < 0) return 'done';
  const hasCode = vector === 8 || (vector >= 10 && vector <= 14);
  return hasCode ? `${vector}(${stack(cpu, 0)})` : `${vector}`;
}

describe('privilege', () => {
  it.each([
    ['lgdt [DATA]', '0f 01 15 00 00 06 00'],
    ['lidt [DATA]', '0f 01 1d 00 00 06 00'],
    ['lldt ax', '0f 00 d0'],
    ['ltr ax', '0f 00 d8'],
    ['lmsw ax', '0f 01 f0'],
    ['invlpg [DATA]', '0f 01 3d 00 00 06 00'],
    ['clts', '0f 06'],
    ['invd', '0f 08'],
    ['wbinvd', '0f 09'],
    ['mov eax, cr0', '0f 20 c0'],
    ['mov cr3, eax', '0f 22 d8'],
    ['mov eax, dr7', '0f 21 f8'],
    ['mov dr0, eax', '0f 23 c0'],
    ['wrmsr', '0f 30'],
    ['rdmsr', '0f 32'],
    ['rdpmc', '0f 33'],
    ['hlt', 'f4'],
    ['cli', 'fa'],
    ['sti', 'fb'],
    ['in al, 60h', 'e4 60'],
    ['out dx, eax', 'ef'],
    ['insb', '6c'],
  ])('%s in ring 3: #GP(0) at the instruction', (_name, code) => {
    const cpu = protectedMachine(3);
    expect(outcome(cpu, code)).toBe('13(0)');
    expect(stack(cpu, 1)).toBe(CODE);
  });

  it.each([
    ['mov cr1, eax', '0f 22 c8'],
    ['mov eax, cr5', '0f 20 e8'],
    ['lgdt eax', '0f 01 d0'],
    ['invlpg eax', '0f 01 f8'],
    ['les eax, eax', 'c4 c0'],
    ['lss eax, eax', '0f b2 c0'],
    ['mov eax, segment register 6', '8c f0'],
    ['lock cli', 'f0 fa'],
  ])('%s: #UD', (_name, code) => {
    expect(outcome(protectedMachine(0), code)).toBe('6');
  });
});

describe('control registers', () => {
  it('mov cr2/cr3 and back', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0x1234_5678;
    execute(cpu, '0f 22 d0 0f 22 d8 0f 20 d3 0f 20 d9', 4);
    expect([cpu.state[CR2], cpu.state[CR3], cpu.state[EBX], cpu.state[ECX]]).toEqual(Array(4).fill(0x1234_5678));
  });

  it.each([
    ['PG without PE', '0f 22 c0', CR0_PG],
    ['NW without CD', '0f 22 c0', CR0_NW | CR0_PE],
    ['VME, which is not provided', '0f 22 e0', 1],
    ['bit 11 of CR4', '0f 22 e0', 0x800],
    ['VME, which CPUID does not offer', '0f 22 e0', 1],
    ['PVI, which goes with VME', '0f 22 e0', 2],
    ['bit 31 of CR4', '0f 22 e0', 0x8000_0000 | 0],
  ])('%s gives #GP(0)', (_name, code, value) => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = value;
    const before = [cpu.state[CR0], cpu.state[CR4]];
    expect(outcome(cpu, code)).toBe('13(0)');
    expect([cpu.state[CR0], cpu.state[CR4]]).toEqual(before);
  });

  it('ET stays set and undefined bits of CR0 stay clear', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0x0fc0_ffc1 | CR0_CD;
    execute(cpu, '0f 22 c0');
    expect(cpu.state[CR0]).toBe(CR0_CD | 0x11);
  });

  it('lmsw sets PE MP EM TS but does not clear PE; smsw reads; clts', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0xe;
    execute(cpu, '0f 01 f0 0f 01 e3 0f 06', 2);
    expect([cpu.state[CR0] & 0xf, cpu.state[EBX] & 0xf]).toEqual([0xf, 0xf]);
    cpu.run(1);
    expect(cpu.state[CR0] & 0xf).toBe(7);
    expect(outcome(protectedMachine(3), '0f 01 e0')).toBe('done');
  });
});

describe('debug registers', () => {
  it('fixed bits; DR4 and DR5 are DR6 and DR7 without CR4.DE and #UD with it', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = -1;
    execute(cpu, '0f 23 c0 0f 23 f0', 2);
    expect([cpu.state[DR0], cpu.state[DR6]]).toEqual([-1, 0xffff_efff | 0]);
    cpu.state[EAX] = 0;
    execute(cpu, '0f 23 e8 0f 21 fb', 2);
    expect([cpu.state[DR7], cpu.state[EBX]]).toEqual([0x400, 0x400]);
    cpu.setCr4(8);
    expect(outcome(cpu, '0f 21 e0')).toBe('6');
  });

  it('DR7.GD: an access gives #DB with DR6.BD and clears GD', () => {
    const cpu = protectedMachine(0);
    cpu.state[DR7] = 0x2400;
    expect(outcome(cpu, '0f 21 c0')).toBe('1');
    expect([cpu.state[DR6] & 0x2000, cpu.state[DR7]]).toEqual([0x2000, 0x400]);
  });
});

describe('model-specific registers', () => {
  function write(cpu: Cpu, register: number, low: number, high = 0): string {
    cpu.state[ECX] = register;
    cpu.state[EAX] = low;
    cpu.state[EDX] = high;
    return outcome(cpu, '0f 30');
  }

  function read(cpu: Cpu, register: number): number[] | string {
    cpu.state[ECX] = register;
    const result = outcome(cpu, '0f 32');
    return result === 'done' ? [cpu.state[EAX], cpu.state[EDX]] : result;
  }

  it('SYSENTER registers, PAT and EFER keep what is written', () => {
    const cpu = protectedMachine(0);
    for (const register of [0x174, 0x175, 0x176]) {
      expect(write(cpu, register, register * 0x1111)).toBe('done');
      expect(read(cpu, register)).toEqual([register * 0x1111, 0]);
    }
    expect(read(cpu, 0x277)).toEqual([0x0007_0406, 0x0007_0406]);
    expect(write(cpu, 0x277, 0x0105_0604, 0x0707_0000)).toBe('done');
    expect(read(cpu, 0x277)).toEqual([0x0105_0604, 0x0707_0000]);
    expect(write(cpu, 0xc000_0080 | 0, 0x800)).toBe('done');
    expect(cpu.state[EFER]).toBe(0x800);
  });

  it('unknown registers and reserved bits give #GP(0)', () => {
    expect(read(protectedMachine(0), 0x12345)).toBe('13(0)');
    expect(write(protectedMachine(0), 0x12345, 0)).toBe('13(0)');
    expect(write(protectedMachine(0), 0xc000_0080 | 0, 0x100)).toBe('13(0)');
    expect(write(protectedMachine(0), 0xc000_0080 | 0, 0x800, 1)).toBe('13(0)');
    expect(write(protectedMachine(0), 0x277, 0x02)).toBe('13(0)');
  });

  it('the time-stamp counter counts instructions, and can be set', () => {
    const cpu = protectedMachine(0);
    execute(cpu, '0f 31 0f 31', 1);
    const first = cpu.state[EAX];
    cpu.run(1);
    expect([cpu.state[EAX] - first, cpu.state[EDX]]).toEqual([1, 0]);
    write(cpu, 0x10, -1, 5);
    execute(cpu, '0f 31');
    expect([cpu.state[EAX], cpu.state[EDX]]).toEqual([0, 6]);
  });

  it('CR4.TSD keeps RDTSC from ring 3', () => {
    const cpu = protectedMachine(3);
    expect(outcome(cpu, '0f 31')).toBe('done');
    cpu.setCr4(4);
    expect(outcome(cpu, '0f 31')).toBe('13(0)');
  });
});

describe('descriptor tables', () => {
  it('lgdt, sgdt, lidt, sidt; a 16-bit operand size means a base of 24 bits', () => {
    const cpu = protectedMachine(0);
    cpu.memory.write16(DATA, 0x7f);
    cpu.memory.write32(DATA + 2, 0xfe12_3456 | 0);
    execute(cpu, '66 0f 01 1d 00 00 06 00 0f 01 15 00 00 06 00 0f 01 05 10 00 06 00', 3);
    expect([cpu.state[IDTR_BASE], cpu.state[IDTR_LIMIT]]).toEqual([0x12_3456, 0x7f]);
    expect([cpu.state[GDTR_BASE], cpu.state[GDTR_LIMIT]]).toEqual([0xfe12_3456 | 0, 0x7f]);
    expect([cpu.memory.read16(DATA + 16), cpu.memory.read32(DATA + 18)]).toEqual([0x7f, 0xfe12_3456 | 0]);
  });

  it('ltr marks the descriptor busy, str reads TR; a busy one gives #GP(selector)', () => {
    const cpu = protectedMachine(0);
    writeDescriptor(cpu, GDT + FREE, { base: TSS, limit: 0x67, access: 0x89 });
    cpu.state[EAX] = FREE;
    execute(cpu, '0f 00 d8 0f 00 cb', 2);
    expect(accessInMemory(cpu, GDT + FREE)).toBe(0x8b);
    expect(segmentCache(cpu, TR)).toEqual({ selector: FREE, base: TSS, limit: 0x67, access: 0x8b });
    expect(cpu.state[EBX]).toBe(FREE);
    expect(outcome(cpu, '0f 00 d8')).toBe(`13(${FREE})`);
  });

  it('lldt of a TSS, of an absent LDT; ltr of null', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = TSS_SELECTOR;
    expect(outcome(cpu, '0f 00 d0')).toBe(`13(${TSS_SELECTOR})`);
    writeDescriptor(cpu, GDT + LDT_SELECTOR, { access: 0x02 });
    cpu.state[EAX] = LDT_SELECTOR;
    expect(outcome(cpu, '0f 00 d0')).toBe(`11(${LDT_SELECTOR})`);
    cpu.state[EAX] = 0;
    expect(outcome(cpu, '0f 00 d8')).toBe('13(0)');
  });
});

describe('LAR, LSL, VERR, VERW', () => {
  const SYSTEM_FOR_LAR = [1, 2, 3, 4, 5, 9, 11, 12];
  const SYSTEM_FOR_LSL = [1, 2, 3, 9, 11];

  it('every type, DPL and RPL from all rings', () => {
    let wrong = '';
    for (const ring of [0, 1, 2, 3]) {
      const cpu = protectedMachine(ring === 3 ? 3 : 0);
      cpu.state[CPL] = ring;
      for (let access = 0; access < 0x100; access++) {
        writeDescriptor(cpu, GDT + FREE, { limit: 0x12345, access: access | 0x4000 });
        for (let rpl = 0; rpl < 4; rpl++) {
          const type = access & 0xf;
          const dpl = (access >> 5) & 3;
          const segment = (access & 0x10) !== 0;
          const visible = (segment && type >= 0xc) || dpl >= Math.max(ring, rpl);
          const readable = segment && (type < 8 || (type & 2) !== 0);
          const writable = segment && type < 8 && (type & 2) !== 0;
          const wanted = [
            visible && (segment || SYSTEM_FOR_LAR.includes(type)),
            visible && (segment || SYSTEM_FOR_LSL.includes(type)),
            visible && readable,
            visible && writable,
          ];
          cpu.state[EAX] = FREE | rpl;
          ['0f 02 d8', '0f 03 c8', '0f 00 e0', '0f 00 e8'].forEach((code, index) => {
            cpu.state[EBX] = 0x5555;
            cpu.state[ECX] = 0x5555;
            cpu.state[EIP] = CODE;
            execute(cpu, code);
            const ok = (cpu.getEflags() & ZF) !== 0;
            if (ok !== wanted[index]) wrong ||= `access ${access.toString(16)} rpl ${rpl} ring ${ring}: ${code}`;
            const value = index === 0 ? cpu.state[EBX] : cpu.state[ECX];
            const result = index === 0 ? (access << 8) | 0x41_0000 : 0x12345;
            if (index < 2 && value !== (ok ? result : 0x5555)) wrong ||= `value ${value.toString(16)} of ${code}`;
          });
        }
      }
    }
    expect(wrong).toBe('');
  });

  it('null selectors and selectors past the table clear ZF', () => {
    const cpu = protectedMachine(3);
    for (const selector of [0, 3, 0x1008]) {
      cpu.state[EAX] = selector;
      cpu.setEflags(ZF);
      expect(outcome(cpu, '0f 02 d8')).toBe('done');
      expect(cpu.getEflags() & ZF).toBe(0);
    }
  });

  it('arpl bx, ax', () => {
    const cpu = protectedMachine(3);
    cpu.state[EAX] = 3;
    cpu.state[EBX] = 0x1234_0011;
    execute(cpu, '63 c3');
    expect([cpu.state[EBX], cpu.getEflags() & ZF]).toEqual([0x1234_0013, ZF]);
    execute(cpu, '63 c3');
    expect([cpu.state[EBX], cpu.getEflags() & ZF]).toEqual([0x1234_0013, 0]);
  });
});

describe('PUSHF and POPF', () => {
  it.each([
    // ring, IOPL before, EFLAGS after popping all ones
    [0, 0, 0x0024_7fd7],
    [3, 0, 0x0024_4dd7],
    [3, 3, 0x0024_7fd7],
  ] as const)('popfd of all ones in ring %i with IOPL %i', (ring, iopl, after) => {
    const cpu = protectedMachine(ring);
    cpu.setEflags(iopl << 12);
    cpu.state[ESP] -= 4;
    cpu.memory.write32(cpu.state[ESP], -1);
    execute(cpu, '9d');
    expect(cpu.getEflags().toString(16)).toBe(after.toString(16));
  });

  it('pushfd shows RF and VM clear; pushf pushes a word', () => {
    const cpu = protectedMachine(3);
    cpu.setEflags(0x1_08d5);
    execute(cpu, '9c 66 9c', 2);
    expect([cpu.state[ESP], stack(cpu, 0) & 0xffff]).toEqual([STACK3 - 6, 0x08d7]);
    expect(cpu.memory.read32(STACK3 - 4)).toBe(0x08d7);
  });

  it('cli and sti by IOPL', () => {
    const cpu = protectedMachine(3);
    cpu.setEflags(0x3000);
    expect(outcome(cpu, 'fb')).toBe('done');
    expect(cpu.getEflags() & 0x200).toBe(0x200);
    expect(outcome(cpu, 'fa')).toBe('done');
    expect(cpu.getEflags() & 0x200).toBe(0);
  });
});

describe('identification', () => {
  it('CPUID leaf 0 and the brand string', () => {
    const cpu = protectedMachine(3);
    const text = (...registers: number[]): string => {
      const view = new DataView(new ArrayBuffer(registers.length * 4));
      registers.forEach((register, index) => {
        view.setInt32(index * 4, cpu.state[register], true);
      });
      return new TextDecoder().decode(view.buffer).replaceAll('\0', '');
    };
    cpu.state[EAX] = 0;
    execute(cpu, '0f a2');
    expect(text(EBX, EDX, ECX)).toBe('GenuineIntel');
    let brand = '';
    for (const leaf of [0x8000_0002, 0x8000_0003, 0x8000_0004]) {
      cpu.state[EAX] = leaf | 0;
      execute(cpu, '0f a2');
      brand += text(EAX, EBX, ECX, EDX);
    }
    expect(brand).toContain('Pentium');
  });

  it('leaf 1 offers what exists: TSC, MSR, PAE, SEP, PGE, CMOV, PSE-36, MMX, FXSR, SSE, SSE2; leaf 80000001h NX', () => {
    const cpu = protectedMachine(3);
    cpu.state[EAX] = 1;
    execute(cpu, '0f a2');
    for (const bit of [0, 3, 4, 5, 6, 8, 11, 13, 15, 16, 17, 23, 24, 25, 26]) {
      expect((cpu.state[EDX] >>> bit) & 1, `bit ${bit}`).toBe(1);
    }
    expect(cpu.state[EDX] & 2, 'VME').toBe(0);
    cpu.state[EAX] = 0x8000_0001 | 0;
    execute(cpu, '0f a2');
    expect((cpu.state[EDX] >>> 20) & 1).toBe(1);
  });

  it('power-up state', () => {
    const cpu = protectedMachine(0);
    cpu.reset();
    expect(cpu.state[CR0]).toBe(0x6000_0010);
    expect(segmentCache(cpu, CS)).toEqual({ selector: 0xf000, base: 0xffff_0000, limit: 0xffff, access: 0x93 });
    expect([cpu.state[EIP], cpu.getEflags(), cpu.state[EDX] >>> 8]).toEqual([0xfff0, 2, 0xf]);
    expect([cpu.state[MXCSR], cpu.state[FPU_CONTROL]]).toEqual([0x1f80, 0x40]);
  });
});

describe('HLT and ports', () => {
  it('hlt leaves run() behind the instruction', () => {
    const cpu = protectedMachine(0);
    expect(execute(cpu, 'f4 90', 5)).toBe(ExitReason.Halt);
    expect(cpu.state[EIP]).toBe(CODE + 1);
  });

  it('a bus without devices reads as ones', () => {
    const cpu = protectedMachine(0);
    cpu.state[EAX] = 0x1234_5678;
    execute(cpu, 'e4 60');
    expect(cpu.state[EAX]).toBe(0x1234_56ff);
    execute(cpu, '66 e5 60');
    expect(cpu.state[EAX]).toBe(0x1234_ffff);
    execute(cpu, 'ed');
    expect(cpu.state[EAX]).toBe(-1);
  });

  it('the permission map of the TSS opens single ports to ring 3', () => {
    const cpu = protectedMachine(3);
    cpu.setSegment(TR, TSS_SELECTOR, TSS, 0x68 + 0x20, 0x8b);
    for (let byte = 0; byte <= 0x20; byte++) cpu.memory.write8(TSS + 0x68 + byte, 0xff);
    cpu.memory.write8(TSS + 0x68 + (0x60 >> 3), 0xfc); // ports 60h and 61h
    expect(outcome(cpu, 'e4 60')).toBe('done');
    expect(outcome(cpu, '66 e5 60')).toBe('done');
    expect(outcome(cpu, 'e5 60')).toBe('13(0)');
    const other = protectedMachine(3);
    other.setSegment(TR, TSS_SELECTOR, TSS, 0x68 + 1, 0x8b);
    expect(outcome(other, 'e4 10')).toBe('13(0)');
  });

  it('rep outsd and rep insw move ECX items and advance the pointers', () => {
    const cpu = protectedMachine(0);
    const written: number[] = [];
    cpu.ioPorts = {
      read: (port, size) => port * 0x10 + size,
      write: (port, size, value) => written.push(port, size, value),
    };
    cpu.memory.write32(DATA, 0x1111);
    cpu.memory.write32(DATA + 4, 0x2222);
    cpu.state[ESI] = DATA;
    cpu.state[EDI] = DATA + 0x100;
    cpu.state[ECX] = 2;
    cpu.state[EDX] = 0x3f8;
    execute(cpu, 'f3 6f');
    expect(written).toEqual([0x3f8, 4, 0x1111, 0x3f8, 4, 0x2222]);
    expect([cpu.state[ECX], cpu.state[ESI]]).toEqual([0, DATA + 8]);
    cpu.state[ECX] = 3;
    execute(cpu, 'f3 66 6d');
    expect([cpu.state[ECX], cpu.state[EDI], cpu.memory.read16(DATA + 0x104)]).toEqual([0, DATA + 0x106, 0x3f82]);
  });
});
