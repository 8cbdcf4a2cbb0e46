/** Two exceptions, one met while the other is delivered, brought about on the processor: SDM vol 3A tables 6-4 and 6-5. */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { CR3, DS, EAX, ESP, SS } from '../../cpu/layout.js';
import { CR0_PE, CR0_PG } from '../../cpu/paging.js';
import {
  CODE0,
  DATA3,
  execute,
  FREE,
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  protectedMachine,
  stack,
  TSS,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const DIRECTORY = 0x8_0000;
const ABSENT = 0x80_0000;
const ABSENT_SEGMENT = FREE;
const SMALL_STACK = FREE + 8;
const CONFORMING = FREE + 16;
/** A second handler segment of ring 1, whose stack in the TSS is bad. */
const CODE1 = FREE + 24;

/** Ring 3 with paging: 4 MB mapped to themselves. Handlers that shall be reached run on the stack of ring 3. */
function machine(): Cpu {
  const cpu = protectedMachine(3);
  cpu.memory.write32(DIRECTORY, (DIRECTORY + 0x1000) | 7);
  for (let page = 0; page < 0x400; page++) cpu.memory.write32(DIRECTORY + 0x1000 + page * 4, (page << 12) | 7);
  cpu.state[CR3] = DIRECTORY;
  cpu.setCr0(CR0_PE | CR0_PG);
  writeDescriptor(cpu, GDT + ABSENT_SEGMENT, { access: 0xc073 });
  writeDescriptor(cpu, GDT + SMALL_STACK, { access: 0x4093, limit: 7 });
  writeDescriptor(cpu, GDT + CONFORMING, { access: 0xc09e });
  writeDescriptor(cpu, GDT + CODE1, { access: 0xc0bb });
  for (let vector = 0; vector < 20; vector++)
    writeGate(cpu, IDT + vector * 8, CONFORMING, HANDLERS + vector * 16, 0xee);
  return cpu;
}

/** What brings about the first exception, as an instruction and its preparation. */
const FIRST: Readonly<Record<number, (cpu: Cpu) => string>> = {
  0: () => 'f7f1', // div ecx, which is 0
  3: () => 'cc', // int3
  5: (cpu) => {
    cpu.state[EAX] = -1;
    return '620500000600'; // bound eax, [DATA]: 0 to 0
  },
  6: () => '0f0b', // ud2
  7: (cpu) => {
    cpu.setCr0(CR0_PE | CR0_PG | 8);
    return 'd9e8'; // fld1
  },
  11: (cpu) => {
    cpu.state[EAX] = ABSENT_SEGMENT | 3;
    return '8ed8'; // mov ds, ax
  },
  12: (cpu) => {
    cpu.setSegment(SS, DATA3, 0, 0x6_0000, 0x40f3);
    cpu.state[ESP] = 0x6_0000;
    return '58'; // pop eax
  },
  13: () => 'f4', // hlt
  14: () => 'a100008000', // mov eax, [ABSENT]
};

/** What is wrong with the delivery of a vector, and what that raises. */
const SECOND: Readonly<Record<number, (cpu: Cpu, vector: number) => void>> = {
  10: (cpu, vector) => {
    cpu.memory.write32(TSS + 16, CODE0);
    writeGate(cpu, IDT + vector * 8, CODE1, HANDLERS, 0xee);
  },
  11: (cpu, vector) => writeGate(cpu, IDT + vector * 8, CODE0, HANDLERS, 0x6e),
  12: (cpu, vector) => {
    cpu.memory.write32(TSS + 4, 8);
    cpu.memory.write32(TSS + 8, SMALL_STACK);
    writeGate(cpu, IDT + vector * 8, CODE0, HANDLERS, 0xee);
  },
  13: (cpu, vector) => writeGate(cpu, IDT + vector * 8, DS, HANDLERS, 0xee),
  14: (cpu, vector) => {
    cpu.memory.write32(TSS + 4, ABSENT + 0x100);
    writeGate(cpu, IDT + vector * 8, CODE0, HANDLERS, 0xee);
  },
};

const CONTRIBUTORY = new Set([0, 10, 11, 12, 13]);

/** Table 6-5. */
function meansDoubleFault(first: number, second: number): boolean {
  if (CONTRIBUTORY.has(first)) return CONTRIBUTORY.has(second);
  return first === 14 && (second === 14 || CONTRIBUTORY.has(second));
}

const pairs = Object.keys(FIRST).flatMap((first) =>
  Object.keys(SECOND).map((second) => [Number(first), Number(second)]),
);

describe('an exception while another is delivered', () => {
  it.each(pairs)('%i, then %i', (first, second) => {
    const cpu = machine();
    const code = FIRST[first](cpu);
    SECOND[second](cpu, first);
    execute(cpu, code);
    const want = meansDoubleFault(first, second) ? 8 : second;
    expect(handledVector(cpu)).toBe(want);
    if (want === 8) expect(stack(cpu, 0)).toBe(0);
    else if (second === 14) expect(stack(cpu, 0) & 4).toBe(0);
    else expect(stack(cpu, 0) & 1).toBe(first === 3 ? 0 : 1);
  });

  it.each([10, 11, 12, 13, 14])('a double fault whose delivery meets %i: shutdown', (second) => {
    const cpu = machine();
    const code = FIRST[14](cpu);
    for (const vector of [14, 8]) SECOND[second](cpu, vector);
    expect(execute(cpu, code)).toBe(ExitReason.Shutdown);
  });
});
