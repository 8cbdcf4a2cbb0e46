import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { EIP, SEGMENT_ACCESS, SS } from '../../cpu/layout.js';
import { CODE, DATA, flatMachine, place, STACK } from './flat-machine.js';

const REGISTERS = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const;
const FLAGS: readonly (readonly [letter: string, bit: number])[] = [
  ['C', 0x1],
  ['P', 0x4],
  ['A', 0x10],
  ['Z', 0x40],
  ['S', 0x80],
  ['D', 0x400],
  ['O', 0x800],
];

/**
 * One line of assembly, its bytes, what goes in and what must come out: registers by name, flags as letters that are set
 * (`flags: 'ZP'` says that of all flags these two are set), memory as dwords at DATA (m0, m4, m8 ...).
 */
interface Line {
  readonly flags?: string;
  readonly [name: string]: number | string | undefined;
}

const machine = flatMachine();

function prepare(cpu: Cpu, code: string, input: Line): void {
  place(cpu, CODE, `${code} cc`);
  for (let register = 0; register < 8; register++) cpu.state[register] = 0;
  cpu.state[4] = STACK;
  for (let at = 0; at < 64; at += 4) cpu.memory.write32(DATA + at, 0);
  let flags = 2;
  for (const [letter, bit] of FLAGS) if (input.flags?.includes(letter)) flags |= bit;
  cpu.setEflags(flags);
  for (const [name, value] of Object.entries(input)) {
    if (typeof value !== 'number') continue;
    const register = REGISTERS.indexOf(name as (typeof REGISTERS)[number]);
    if (register >= 0) cpu.state[register] = value;
    else cpu.memory.write32(DATA + Number(name.slice(1)), value);
  }
  cpu.state[EIP] = CODE;
}

function line(assembly: string, code: string, input: Line, output: Line): void {
  it(assembly, () => {
    prepare(machine, code, input);
    expect(machine.run(1000)).toBe(ExitReason.Exception);
    expect(machine.exceptionVector).toBe(3);
    for (const [name, value] of Object.entries(output)) {
      if (typeof value !== 'number') continue;
      const register = REGISTERS.indexOf(name as (typeof REGISTERS)[number]);
      const got = register >= 0 ? machine.state[register] : machine.memory.read32(DATA + Number(name.slice(1)));
      expect(`${name}=${(got >>> 0).toString(16)}`).toBe(`${name}=${(value >>> 0).toString(16)}`);
    }
    if (output.flags === undefined) return;
    const flags = machine.getEflags();
    const set = FLAGS.filter(([, bit]) => (flags & bit) !== 0).map(([letter]) => letter);
    expect(set.join('')).toBe([...output.flags].sort((a, b) => order(a) - order(b)).join(''));
  });
}

function order(letter: string): number {
  return FLAGS.findIndex(([name]) => name === letter);
}

describe('moves', () => {
  line('mov eax, 12345678h', 'b8 78 56 34 12', {}, { eax: 0x12345678 });
  line('mov ah, 5', 'b4 05', { eax: 0x11223344 }, { eax: 0x11220544 });
  line('mov bx, [DATA]', '66 8b 1d 00 00 02 00', { ebx: -1, m0: 0x11223344 }, { ebx: 0xffff3344 });
  line('mov [ebx+ecx*4+8], edx', '89 54 8b 08', { ebx: DATA, ecx: 1, edx: 7 }, { m12: 7 });
  line('mov byte [DATA+1], 0ffh', 'c6 05 01 00 02 00 ff', {}, { m0: 0xff00 });
  line('movzx eax, byte [DATA]', '0f b6 05 00 00 02 00', { m0: 0x80 }, { eax: 0x80 });
  line('movsx eax, byte [DATA]', '0f be 05 00 00 02 00', { m0: 0x80 }, { eax: -128 });
  line('movsx ax, dh', '66 0f be c6', { eax: 0x12340000, edx: 0x8000 }, { eax: 0x1234ff80 });
  line('xchg eax, ebx', '93', { eax: 1, ebx: 2 }, { eax: 2, ebx: 1 });
  line('xchg [DATA], cl', '86 0d 00 00 02 00', { ecx: 0x1ff, m0: 0x12345601 }, { ecx: 0x101, m0: 0x123456ff });
  line('bswap edx', '0f ca', { edx: 0x11223344 }, { edx: 0x44332211 });
  line('lea eax, [ebx+ebx*8-1]', '8d 44 db ff', { ebx: 3 }, { eax: 26 });
  line('lea eax, [bx+si+1] (16-bit address)', '67 8d 40 01', { ebx: 0xffff, esi: 2 }, { eax: 2 });
  line('xlatb', 'd7', { eax: 0x102, ebx: DATA, m0: 0x00ab0000 }, { eax: 0x1ab });
  line('cwde', '98', { eax: 0x8000 }, { eax: 0xffff8000 });
  line('cdq', '99', { eax: -5 }, { edx: -1 });
  line('cmovl eax, ebx', '0f 4c c3', { eax: 1, ebx: 2, flags: 'S' }, { eax: 2 });
  line('cmovl eax, ebx (not taken)', '0f 4c c3', { eax: 1, ebx: 2, flags: 'SO' }, { eax: 1 });
  line('setbe dl', '0f 96 c2', { edx: 0x100, flags: 'C' }, { edx: 0x101 });
});

describe('arithmetic', () => {
  line('add eax, ebx: signed overflow', '01 d8', { eax: 0x7fffffff, ebx: 1 }, { eax: 0x80000000, flags: 'SOAP' });
  line('add al, 1: carry out of the byte', '04 01', { eax: 0xff }, { eax: 0, flags: 'CZAP' });
  line('adc eax, 0', '83 d0 00', { eax: -1, flags: 'C' }, { eax: 0, flags: 'CZAP' });
  line('sub eax, ebx: borrow', '29 d8', { eax: 1, ebx: 2 }, { eax: -1, flags: 'CSAP' });
  line('sbb eax, eax: all ones from carry', '19 c0', { eax: 5, flags: 'C' }, { eax: -1, flags: 'CSAP' });
  line('cmp ax, bx', '66 39 d8', { eax: 0x18000, ebx: 1 }, { eax: 0x18000, flags: 'OAP' });
  line('inc eax keeps CF', '40', { eax: 0x7fffffff, flags: 'C' }, { eax: 0x80000000, flags: 'CSOAP' });
  line('dec byte [DATA]', 'fe 0d 00 00 02 00', { m0: 0x100 }, { m0: 0x1ff, flags: 'SAP' });
  line('neg eax', 'f7 d8', { eax: 1 }, { eax: -1, flags: 'CSAP' });
  line('neg eax (zero)', 'f7 d8', { flags: 'C' }, { eax: 0, flags: 'ZP' });
  line('not [DATA] leaves flags', 'f7 15 00 00 02 00', { m0: 0xff, flags: 'CZ' }, { m0: 0xffffff00, flags: 'CZ' });
  line('xor ecx, ecx', '31 c9', { ecx: 5, flags: 'CSO' }, { ecx: 0, flags: 'ZP' });
  line('and [DATA], eax', '21 05 00 00 02 00', { m0: -1, eax: 0x80000000 }, { m0: 0x80000000, flags: 'SP' });
  line('mul ebx', 'f7 e3', { eax: -1, ebx: -1 }, { eax: 1, edx: -2 });
  line('imul ebx', 'f7 eb', { eax: -3, ebx: 5 }, { eax: -15, edx: -1 });
  line('imul eax, ebx, 1000h sets CF and OF', '69 c3 00 10 00 00', { ebx: 0x100000 }, { eax: 0, flags: 'CO' });
  line('mul bl', 'f6 e3', { eax: 0xff, ebx: 0xff }, { eax: 0xfe01 });
  line('div ebx', 'f7 f3', { eax: 7, edx: 1, ebx: 10 }, { eax: 0x1999999a, edx: 3 });
  line('idiv ebx', 'f7 fb', { eax: -7, edx: -1, ebx: 2 }, { eax: -3, edx: -1 });
  line('idiv bl', 'f6 fb', { eax: 0xfff9, ebx: 2 }, { eax: 0xfffd });
  line('daa', '27', { eax: 0x3c }, { eax: 0x42, flags: 'AP' });
  line('aaa', '37', { eax: 0x0f }, { eax: 0x105 });
  line('aam', 'd4 0a', { eax: 57 }, { eax: 0x507 });
  line('aad', 'd5 0a', { eax: 0x507 }, { eax: 57 });
});

describe('shifts and bits', () => {
  line('shl eax, 1', 'd1 e0', { eax: 0x40000000 }, { eax: 0x80000000, flags: 'SOAP' });
  line('shr eax, 4', 'c1 e8 04', { eax: 0x18 }, { eax: 1, flags: 'CA' });
  line('sar eax, cl', 'd3 f8', { eax: -8, ecx: 2 }, { eax: -2, flags: 'SA' });
  line('shl eax, 32 changes nothing', 'c1 e0 20', { eax: 5, flags: 'ZC' }, { eax: 5, flags: 'ZC' });
  line('rol al, 1', 'd0 c0', { eax: 0x81 }, { eax: 0x03, flags: 'CO' });
  line('ror eax, 1', 'd1 c8', { eax: 1 }, { eax: 0x80000000, flags: 'CO' });
  line('rcl eax, 1', 'd1 d0', { eax: 0x80000000, flags: 'C' }, { eax: 1, flags: 'CO' });
  line('rcr word [DATA], 1', '66 d1 1d 00 00 02 00', { m0: 0x10002, flags: 'C' }, { m0: 0x18001, flags: 'O' });
  line('shld eax, ebx, 8', '0f a4 d8 08', { eax: 0x11223344, ebx: 0x55667788 }, { eax: 0x22334455 });
  line('shrd eax, ebx, cl', '0f ad d8', { eax: 0x11223344, ebx: 0x55667788, ecx: 8 }, { eax: 0x88112233 });
  line('bt eax, 31', '0f ba e0 1f', { eax: 0x80000000 }, { flags: 'C' });
  line('bts [DATA], ecx reaches beyond the dword', '0f ab 0d 00 00 02 00', { ecx: 33 }, { m4: 2, flags: '' });
  line('btr eax, ecx', '0f b3 c8', { eax: 0xff, ecx: 32 }, { eax: 0xfe, flags: 'C' });
  line('bsf eax, ebx', '0f bc c3', { ebx: 0x100 }, { eax: 8 });
  line('bsr eax, ebx of zero leaves eax', '0f bd c3', { eax: 77 }, { eax: 77, flags: 'Z' });
});

describe('exchange instructions', () => {
  line('xadd [DATA], eax', '0f c1 05 00 00 02 00', { eax: 5, m0: 7 }, { eax: 7, m0: 12 });
  line('cmpxchg [DATA], ebx (equal)', '0f b1 1d 00 00 02 00', { eax: 7, ebx: 9, m0: 7 }, { eax: 7, m0: 9 });
  line('cmpxchg [DATA], ebx (different)', '0f b1 1d 00 00 02 00', { eax: 1, ebx: 9, m0: 7 }, { eax: 7, m0: 7 });
  line(
    'cmpxchg8b [DATA]',
    '0f c7 0d 00 00 02 00',
    { eax: 1, edx: 2, ebx: 3, ecx: 4, m0: 1, m4: 2 },
    { m0: 3, m4: 4, flags: 'Z' },
  );
});

describe('stack', () => {
  line('push 1; pop eax', '6a ff 58', {}, { eax: -1, esp: STACK });
  line('push esp; pop eax gives the value before', '54 58', {}, { eax: STACK });
  line('pop esp', '68 00 00 02 00 5c', {}, { esp: DATA });
  line('push word 5; pop bx', '66 6a 05 66 5b', { ebx: -1 }, { ebx: 0xffff0005, esp: STACK });
  line('pop [esp] uses the new ESP', '6a 05 6a 09 8f 04 24 58', {}, { eax: 9 });
  line('pusha; popa', '60 b8 00 00 00 00 61', { eax: 1, edi: 9 }, { eax: 1, edi: 9, esp: STACK });
  line('enter 16, 0; leave', 'c8 10 00 00 89 e0 c9', { ebp: 5 }, { eax: STACK - 20, ebp: 5, esp: STACK });
  line('enter 0, 2 copies the frame pointer', 'c8 00 00 02 58 58 59', { ebp: DATA, m0: 0 }, { eax: 0, ecx: DATA });
  line('call +2; (skipped); pop eax', 'e8 02 00 00 00 b0 77 58', {}, { eax: CODE + 5, esp: STACK });
  line('call eax; ret 4', '6a 01 b8 0b 00 01 00 ff d0 eb 03 c2 04 00', {}, { esp: STACK });
});

describe('control', () => {
  line('loop', 'b9 05 00 00 00 40 e2 fd', {}, { eax: 5, ecx: 0 });
  line('jecxz', 'e3 01 40', {}, { eax: 0 });
  line('cmp eax, ebx; ja', '39 d8 77 01 41', { eax: -1, ebx: 1 }, { ecx: 0 });
  line('cmp eax, ebx; jg', '39 d8 7f 01 41', { eax: -1, ebx: 1 }, { ecx: 1 });
  line('jp', '7a 01 41', { flags: 'P' }, { ecx: 0 });
  line('jmp [DATA]', 'ff 25 00 00 02 00 41', { m0: CODE + 7 }, { ecx: 0 });
  line('lahf', '9f', { flags: 'CZA' }, { eax: 0x5300 });
  line('sahf leaves OF', '9e', { eax: 0x8400, flags: 'CZO' }, { flags: 'SPO' });
  line('cmc', 'f5', { flags: 'O' }, { flags: 'CO' });
  line('std', 'fd', {}, { flags: 'D' });
});

describe('strings', () => {
  const up = { esi: DATA, edi: DATA + 16 };
  line('movsd', 'a5', { ...up, m0: 5 }, { m16: 5, esi: DATA + 4, edi: DATA + 20 });
  line('std; movsb', 'fd a4', { ...up, m0: 5 }, { m16: 5, esi: DATA - 1, edi: DATA + 15 });
  line('rep movsb', 'f3 a4', { ...up, ecx: 6, m0: 0x04030201, m4: 0x0605 }, { m16: 0x04030201, m20: 0x0605, ecx: 0 });
  line(
    'rep movsb repeats what it has written',
    'f3 a4',
    { esi: DATA, edi: DATA + 1, ecx: 7, m0: 0x11 },
    { m0: 0x11111111, m4: 0x11111111 },
  );
  line('rep movsd with ecx = 0 does nothing', 'f3 a5', { ...up, m0: 5 }, { m16: 0, esi: DATA, edi: DATA + 16 });
  line('rep stosd', 'f3 ab', { edi: DATA, eax: 7, ecx: 3 }, { m0: 7, m4: 7, m8: 7, m12: 0, edi: DATA + 12 });
  line('repne scasb finds', 'f2 ae', { edi: DATA, eax: 3, ecx: 8, m0: 0x04030201 }, { edi: DATA + 3, ecx: 5 });
  line('repe cmpsb stops at a difference', 'f3 a6', { ...up, ecx: 4, m0: 0x2ff11, m16: 0x11 }, { ecx: 2, flags: 'SP' });
  line('lodsw', '66 ad', { esi: DATA, eax: -1, m0: 0x1234 }, { eax: 0xffff1234, esi: DATA + 2 });
});

describe('exceptions', () => {
  function fault(assembly: string, code: string, input: Line, vector: number): void {
    it(`${assembly} raises ${vector} and changes nothing`, () => {
      prepare(machine, code, input);
      const before = machine.state.slice(0, 8);
      expect(machine.run(1000)).toBe(ExitReason.Exception);
      expect(machine.exceptionVector).toBe(vector);
      expect(machine.state[EIP]).toBe(CODE);
      expect([...machine.state.slice(0, 8)]).toEqual([...before]);
    });
  }
  fault('div ebx (zero)', 'f7 f3', { eax: 1 }, 0);
  fault('div ebx (overflow)', 'f7 f3', { edx: 1, ebx: 1 }, 0);
  fault('idiv ebx (most negative by -1)', 'f7 fb', { eax: 0x80000000, edx: -1, ebx: -1 }, 0);
  fault('aam 0', 'd4 00', { eax: 1 }, 0);
  fault('ud2', '0f 0b', {}, 6);
  fault('lock add eax, ebx', 'f0 01 d8', {}, 6);
  fault('16 bytes', `${'66 '.repeat(15)}90`, {}, 13);
});

describe('16-bit stack', () => {
  it('push and pop move SP only', () => {
    const cpu = flatMachine();
    cpu.setSegment(SS, 0x23, 0, 0xffff, cpu.state[SEGMENT_ACCESS + SS] & ~0x4000);
    prepare(cpu, '6a 05 58', {});
    cpu.state[4] = 0x5000_0002;
    expect(cpu.run(1)).toBe(ExitReason.Exception);
    expect(cpu.exceptionVector).toBe(12);
    cpu.state[4] = 0x5000_0100;
    expect(cpu.run(1)).toBe(ExitReason.Budget);
    expect(cpu.state[4] >>> 0).toBe(0x5000_00fc);
    expect(cpu.run(1)).toBe(ExitReason.Budget);
    expect(cpu.state[0]).toBe(5);
    expect(cpu.state[4] >>> 0).toBe(0x5000_0100);
  });
});

describe('segments that are not flat', () => {
  it('adds the base and checks the limit of FS', () => {
    const cpu = flatMachine();
    cpu.setSegment(4, 0x3b, DATA, 0xfff, 0x40f3);
    prepare(cpu, '64 a1 18 00 00 00 64 a1 fd 0f 00 00', { m24: 1234 });
    expect(cpu.run(1)).toBe(ExitReason.Budget);
    expect(cpu.state[0]).toBe(1234);
    expect(cpu.run(1)).toBe(ExitReason.Exception);
    expect([cpu.exceptionVector, cpu.exceptionErrorCode]).toEqual([13, 0]);
  });
});
