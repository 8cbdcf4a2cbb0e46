/** Alignment checking: CR0.AM, EFLAGS.AC, CPL 3 (SDM vol 3A section 6.15, table 6-7). */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import {
  CR0,
  CR4,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EIP,
  ESI,
  ESP,
  FPU_CONTROL,
  FPU_REGISTERS,
  FPU_TAG,
  XMM_REGISTERS,
} from '../../cpu/layout.js';
import { CODE, DATA, flatMachine, pagedMachine, place, STACK, setPage } from './flat-machine.js';
import { execute, handledVector, protectedMachine, CODE as RING_CODE, STACK3, stack } from './protected-machine.js';

const CR0_AM = 0x0004_0000;
const AC = 0x0004_0000;
const CR4_OSFXSR = 0x200;
const ALIGNMENT_CHECK = 17;

/** A machine of ring 3 that checks, with EBX, ESI and EDI at a misalignment of DATA. */
function checking(offset: number, base: Cpu = flatMachine()): Cpu {
  base.setCr0(1 | CR0_AM | (base.state[CR0] & (0x8000_0000 | 0)));
  base.setCr4(base.state[CR4] | CR4_OSFXSR);
  base.setEflags(AC | 2);
  for (const register of [EBX, ESI, EDI]) base.state[register] = DATA + offset;
  base.state[ECX] = 1;
  base.state[FPU_CONTROL] = 0x37f;
  base.state[FPU_TAG] = 0;
  return base;
}

/** Offsets 0-15 at which the instruction gives #AC(0); any other exception fails. */
function misaligned(code: string): number[] {
  const offsets: number[] = [];
  const cpu = flatMachine();
  place(cpu, CODE, code);
  for (let offset = 0; offset < 16; offset++) {
    checking(offset, cpu).state[EIP] = CODE;
    cpu.state[ESP] = STACK;
    const reason = cpu.run(1);
    if (reason === ExitReason.Budget) continue;
    expect([reason, cpu.exceptionVector, cpu.exceptionErrorCode, cpu.exceptionHasErrorCode]).toEqual([
      ExitReason.Exception,
      ALIGNMENT_CHECK,
      0,
      true,
    ]);
    expect(cpu.state[EIP]).toBe(CODE);
    offsets.push(offset);
  }
  return offsets;
}

const notMultiplesOf = (size: number) =>
  Array.from({ length: 16 }, (_, offset) => offset).filter((at) => at % size !== 0);

/** As on a real processor (AMD EPYC), where each was tried at the 16 offsets, SGDT apart. What, code with its operand at EBX, ESI or EDI, and the alignment of that. */
const operands: readonly (readonly [string, string, number])[] = [
  ['mov al, [ebx]', '8a03', 1],
  ['mov ax, [ebx]', '668b03', 2],
  ['mov [ebx], ax', '668903', 2],
  ['mov eax, [ebx]', '8b03', 4],
  ['mov [ebx], eax', '8903', 4],
  ['mov dword [ebx], 1', 'c70301000000', 4],
  ['add [ebx], eax', '0103', 4],
  ['add ax, [ebx]', '660303', 2],
  ['cmp dword [ebx], 1', '833b01', 4],
  ['lock xadd [ebx], eax', 'f00fc103', 4],
  ['xchg [ebx], ax', '668703', 2],
  ['cmpxchg8b [ebx]', '0fc70b', 8],
  ['bts word [ebx], 1', '660fba2b01', 2],
  ['bt [ebx], eax', '0fa303', 4],
  ['movzx eax, word [ebx]', '0fb703', 2],
  ['bound', '6203', 4],
  ['push dword [ebx]', 'ff33', 4],
  ['pop dword [ebx]', '8f03', 4],
  ['movsd', 'a5', 4],
  ['movsw', '66a5', 2],
  ['movsb', 'a4', 1],
  ['rep stosd', 'f3ab', 4],
  ['repe scasw', 'f366af', 2],
  ['repne cmpsd', 'f2a7', 4],
  ['lodsw', '66ad', 2],
  ['sgdt [ebx]', '0f0103', 4],
  ['mov [ebx], ds', '8c1b', 2],
  ['fld dword [ebx]', 'd903', 4],
  ['fld qword [ebx]', 'dd03', 8],
  ['fld tword [ebx]', 'db2b', 8],
  ['fild word [ebx]', 'df03', 2],
  ['fild qword [ebx]', 'df2b', 8],
  ['fbld [ebx]', 'df23', 8],
  ['fldcw [ebx]', 'd92b', 2],
  ['fnstsw [ebx]', 'dd3b', 2],
  ['fnstenv [ebx], 16-bit', '66d933', 2],
  ['fnstenv [ebx]', 'd933', 4],
  ['fnsave [ebx], 16-bit', '66dd33', 2],
  ['fnsave [ebx]', 'dd33', 4],
  ['frstor [ebx]', 'dd23', 4],
  ['movq mm0, [ebx]', '0f6f03', 8],
  ['movd mm0, [ebx]', '0f6e03', 4],
  ['movss xmm0, [ebx]', 'f30f1003', 4],
  ['movsd [ebx], xmm0', 'f20f1103', 8],
  ['movups xmm0, [ebx]', '0f1003', 16],
  ['movdqu [ebx], xmm0', 'f30f7f03', 16],
  ['lddqu xmm0, [ebx]', 'f20ff003', 16],
  ['movlps xmm0, [ebx]', '0f1203', 8],
  ['cvtpi2ps xmm0, [ebx]', '0f2a03', 8],
  ['ldmxcsr', '0fae13', 4],
];

describe('operands', () => {
  it.each(operands)('%s', (_what, code, alignment) => {
    expect(misaligned(code)).toEqual(notMultiplesOf(alignment));
  });

  it('what must be aligned to 16 bytes gives #GP whether alignment is checked or not; FXSAVE off a dword #AC', () => {
    for (const [code, offset, vector] of [
      ['0f2803', 1, 13],
      ['0f2803', 4, 13],
      ['0fae03', 4, 13],
      ['0fae03', 2, ALIGNMENT_CHECK],
      ['0fae0b', 9, ALIGNMENT_CHECK],
    ] as const) {
      const cpu = checking(offset);
      place(cpu, CODE, code);
      expect([code, offset, cpu.run(1), cpu.exceptionVector]).toEqual([code, offset, ExitReason.Exception, vector]);
    }
  });

  it('masked stores want 8 bytes', () => {
    for (const code of ['0ff7c1', '660ff7c1']) {
      const cpu = checking(4);
      cpu.state.fill(-1, FPU_REGISTERS, FPU_REGISTERS + 32);
      cpu.state.fill(-1, XMM_REGISTERS, XMM_REGISTERS + 32);
      place(cpu, CODE, code);
      expect([cpu.run(1), cpu.exceptionVector]).toEqual([ExitReason.Exception, ALIGNMENT_CHECK]);
      cpu.state[EDI] = DATA + 8;
      expect(cpu.run(1)).toBe(ExitReason.Budget);
    }
  });

  it('far pointers: m16:16 is two words, m16:32 a dword and a word', () => {
    for (const [code, offset, vector] of [
      ['66c403', 2, -1],
      ['66c403', 1, ALIGNMENT_CHECK],
      ['c403', 4, -1],
      ['c403', 2, ALIGNMENT_CHECK],
    ] as const) {
      const cpu = checking(offset);
      place(cpu, CODE, code);
      const reason = cpu.run(1);
      expect([code, offset, reason === ExitReason.Exception ? cpu.exceptionVector : -1]).toEqual([
        code,
        offset,
        vector,
      ]);
    }
  });
});

describe('the stack', () => {
  it.each([
    ['push eax', '50', 4],
    ['push ax', '6650', 2],
    ['pop eax', '58', 4],
    ['push 1', '6a01', 4],
    ['pushfd', '9c', 4],
    ['push ds', '1e', 4],
    ['pushad', '60', 4],
    ['popad', '61', 4],
    ['pushaw', '6660', 2],
    ['call', 'e800000000', 4],
    ['ret', 'c3', 4],
    ['leave', 'c9', 4],
    ['enter 8, 2', 'c8080002', 4],
  ])('%s', (_what, code, alignment) => {
    const faults: number[] = [];
    const cpu = checking(0);
    place(cpu, CODE, code);
    for (let offset = 0; offset < 16; offset++) {
      cpu.state[EIP] = CODE;
      cpu.state[ESP] = STACK - 0x100 + offset;
      cpu.state[EBP] = cpu.state[ESP];
      if (cpu.run(1) !== ExitReason.Exception) continue;
      expect([cpu.exceptionVector, cpu.state[ESP]]).toEqual([ALIGNMENT_CHECK, STACK - 0x100 + offset]);
      faults.push(offset);
    }
    expect(faults).toEqual(notMultiplesOf(alignment));
  });

  it('the delivery of an exception to ring 0 is not checked, and the handler runs with AC set', () => {
    const cpu = protectedMachine(3);
    cpu.memory.write32(0x3004, 0x5_0001);
    cpu.setCr0(1 | CR0_AM);
    cpu.setEflags(AC | 2);
    cpu.state[EBX] = DATA + 1;
    execute(cpu, '8b03');
    expect([handledVector(cpu), stack(cpu, 0), stack(cpu, 1)]).toEqual([ALIGNMENT_CHECK, 0, RING_CODE]);
    expect([stack(cpu, 4), cpu.getEflags() & AC]).toEqual([STACK3, AC]);
  });
});

describe('what must be set', () => {
  it.each([
    ['CR0.AM', 1, AC, 3],
    ['EFLAGS.AC', 1 | CR0_AM, 0, 3],
    ['CPL 3', 1 | CR0_AM, AC, 0],
  ] as const)('without %s nothing is checked', (_what, cr0, flags, ring) => {
    const cpu = protectedMachine(ring);
    cpu.setCr0(cr0);
    cpu.setEflags(flags | 2);
    cpu.state[EBX] = DATA + 1;
    execute(cpu, '8b03 8903 50', 3);
    expect(cpu.state[EIP]).toBe(RING_CODE + 5);
  });

  it('POPF turns it on for the next instruction, and off again; code that ran before is checked too', () => {
    const cpu = checking(1);
    cpu.setEflags(2);
    cpu.state[EAX] = 7;
    // mov [ebx], eax; pushfd; xor dword [esp], 40000h; popfd; jmp back
    place(cpu, CODE, '8903 9c 81342400000400 9d ebf3');
    expect([cpu.run(100), cpu.exceptionVector, cpu.state[EIP], cpu.getEflags() & AC]).toEqual([
      ExitReason.Exception,
      ALIGNMENT_CHECK,
      CODE,
      AC,
    ]);
  });

  it('comes before the page fault of the same access, behind the check of its segment', () => {
    const cpu = checking(1, pagedMachine());
    setPage(cpu, DATA, 0);
    place(cpu, CODE, '0103');
    expect([cpu.run(1), cpu.exceptionVector]).toEqual([ExitReason.Exception, ALIGNMENT_CHECK]);
    cpu.setSegment(3, 0x23, 0, 0xfff, 0x40f3);
    expect([cpu.run(1), cpu.exceptionVector]).toEqual([ExitReason.Exception, 13]);
  });
});
