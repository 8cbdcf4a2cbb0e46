/** Page faults of running code: error code, CR2 and EIP as the owner sees them, and the retry after a repair. */
import { describe, expect, it } from 'vitest';
import type { Cpu, ExceptionOwner } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { CR2, CR3, CR4, EAX, EBX, ECX, EDI, EFER, EIP, ESI, ESP } from '../../cpu/layout.js';
import { CR0_PE, CR0_PG, CR0_WP, CR4_PAE, CR4_PGE, EFER_NXE } from '../../cpu/paging.js';
import { CODE, DATA, execute, protectedMachine, STACK3 } from './protected-machine.js';

const POINTERS = 0x7_0000;
const DIRECTORY = 0x7_1000;
const TABLE = 0x7_2000;
const P = 1;
const RW = 2;
const US = 4;
const A = 0x20;
const D = 0x40;

function pteAddress(linear: number): number {
  return TABLE + (linear >>> 12) * 8;
}

/** Maps one page to itself with these bits; `high` is the upper dword. */
function map(cpu: Cpu, linear: number, bits: number, high = 0): void {
  cpu.memory.write32(pteAddress(linear), (linear & ~0xfff) | bits);
  cpu.memory.write32(pteAddress(linear) + 4, high);
  cpu.invalidatePage(linear);
}

/** The protected machine with PAE paging on: 2 MB mapped to themselves for everybody, NX working. */
function pagedMachine(ring: 0 | 3, owner: ExceptionOwner | null): Cpu {
  const cpu = protectedMachine(ring, owner);
  cpu.memory.write32(POINTERS, DIRECTORY | P);
  cpu.memory.write32(DIRECTORY, TABLE | P | RW | US);
  for (let page = 0; page < 512; page++) cpu.memory.write32(TABLE + page * 8, (page << 12) | P | RW | US);
  cpu.state[EFER] = EFER_NXE;
  cpu.state[CR4] = CR4_PAE | CR4_PGE;
  cpu.state[CR3] = POINTERS;
  cpu.setCr0(CR0_PE | CR0_PG | CR0_WP);
  return cpu;
}

/** An owner that notes each fault and repairs it by `repair`. */
function recorder(repair: (cpu: Cpu, linear: number) => boolean): { owner: ExceptionOwner; faults: number[][] } {
  const faults: number[][] = [];
  const owner = {
    pageFault(cpu: Cpu, linear: number, errorCode: number): boolean {
      faults.push([linear >>> 0, errorCode, cpu.state[EIP], cpu.instructionCount]);
      return repair(cpu, linear);
    },
  };
  return { owner, faults };
}

describe('page faults under an owner', () => {
  it.each([
    ['mov eax, [DATA]: not present', 'a1 00 00 06 00', 0, 0, 4],
    ['mov [DATA], eax: not present', 'a3 00 00 06 00', 0, 0, 6],
    ['mov eax, [DATA]: supervisor page', 'a1 00 00 06 00', P | RW, 0, 5],
    ['mov [DATA], eax: read-only', 'a3 00 00 06 00', P | US, 0, 7],
    ['add [DATA], eax: read-only, so a write', '01 05 00 00 06 00', P | US, 0, 7],
    ['cmp [DATA], eax: supervisor page, so a read', '39 05 00 00 06 00', P | RW, 0, 5],
    ['mov eax, [DATA]: reserved bit', 'a1 00 00 06 00', P | RW | US, 0x10, 13],
    ['push [DATA]: not present', 'ff 35 00 00 06 00', 0, 0, 4],
    ['sgdt [DATA]: a write', '0f 01 05 00 00 06 00', 0, 0, 6],
  ])('%s', (_name, code, bits, high, errorCode) => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, DATA, bits, high);
    const registers = Array.from(cpu.state.subarray(0, 8));
    expect(execute(cpu, `90${code}`, 10)).toBe(ExitReason.Exception);
    expect(faults).toEqual([[DATA, errorCode, CODE + 1, 1]]);
    expect([cpu.exceptionVector, cpu.exceptionErrorCode, cpu.exceptionLinear]).toEqual([14, errorCode, DATA]);
    expect([cpu.state[EIP], cpu.state[CR2], cpu.instructionCount]).toEqual([CODE + 1, DATA, 1]);
    expect(Array.from(cpu.state.subarray(0, 8))).toEqual(registers);
  });

  it('a jump into a no-execute page faults at its target with the I bit', () => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, DATA, P | RW | US, 0x8000_0000 | 0);
    execute(cpu, 'e9 fb ff 04 00', 10); // jmp DATA
    expect(faults).toEqual([[DATA, 0x15, DATA, 1]]);
  });

  it('an instruction that runs into an absent page faults with CR2 = start of that page, EIP at the instruction', () => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, CODE + 0x1000, 0);
    cpu.state[EIP] = CODE + 0xffd;
    cpu.memory.write8(CODE + 0xffd, 0x05); // add eax, imm32
    cpu.run(1);
    expect(faults).toEqual([[CODE + 0x1000, 0x14, CODE + 0xffd, 0]]);
  });

  it('a store over a page boundary whose second page is absent changes nothing; CR2 is in the second page', () => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, DATA + 0x1000, 0);
    cpu.state[EAX] = 0x1122_3344;
    execute(cpu, 'a3 fe 0f 06 00', 1);
    expect(faults).toEqual([[DATA + 0x1000, 6, CODE, 0]]);
    expect(cpu.memory.read16(DATA + 0xffe)).toBe(0);
  });

  it('a repaired fault is invisible: the access is retried and sets A and D', () => {
    const { owner, faults } = recorder((cpu, linear) => {
      map(cpu, linear, P | RW | US);
      return true;
    });
    const cpu = pagedMachine(3, owner);
    map(cpu, DATA, 0);
    cpu.state[EAX] = 0x55;
    expect(execute(cpu, 'a3 00 00 06 00 8b 1d 00 00 06 00', 2)).toBe(ExitReason.Budget);
    expect(faults.length).toBe(1);
    expect([cpu.state[EBX], cpu.instructionCount]).toEqual([0x55, 2]);
    expect(cpu.memory.read32(pteAddress(DATA)) & (A | D)).toBe(A | D);
  });

  it('rep movsd faults in the middle with the registers at the element that faulted', () => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, DATA + 0x2000, 0);
    cpu.state[ESI] = DATA;
    cpu.state[EDI] = DATA + 0x1ff0;
    cpu.state[ECX] = 16;
    execute(cpu, 'f3 a5', 1);
    expect(faults).toEqual([[DATA + 0x2000, 6, CODE, 0]]);
    expect([cpu.state[ECX], cpu.state[ESI], cpu.state[EDI]]).toEqual([12, DATA + 16, DATA + 0x2000]);
  });

  it('a stack that faults leaves ESP alone', () => {
    const { owner, faults } = recorder(() => false);
    const cpu = pagedMachine(3, owner);
    map(cpu, STACK3 - 0x1000, 0);
    for (const code of ['50', '60', '9c', '0f a0', 'e8 00 00 00 00', 'c8 10 00 00']) {
      faults.length = 0;
      cpu.state[EIP] = CODE;
      execute(cpu, code, 1);
      expect(faults[0].slice(0, 3), code).toEqual([faults[0][0], 6, CODE]);
      expect(cpu.state[ESP], code).toBe(STACK3);
    }
  });
});

describe('page faults through the IDT', () => {
  it('#PF pushes its error code and sets CR2', () => {
    const cpu = pagedMachine(3, null);
    map(cpu, DATA, P | US);
    execute(cpu, 'a3 04 00 06 00', 1);
    expect([cpu.memory.read32(cpu.state[ESP]), cpu.memory.read32(cpu.state[ESP] + 4)]).toEqual([7, CODE]);
    expect(cpu.state[CR2]).toBe(DATA + 4);
  });

  it('supervisor reads of the GDT need no user right: mov ds, ax in ring 3 with the GDT in a supervisor page', () => {
    const cpu = pagedMachine(3, null);
    map(cpu, 0x1000, P | RW);
    cpu.state[EAX] = 0x23;
    execute(cpu, '8e d8', 1);
    expect(cpu.state[EIP]).toBe(CODE + 2);
  });
});
