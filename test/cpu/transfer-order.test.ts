/**
 * In which order far transfers make their checks: of any two defects the one that the SDM's pseudo-code comes to first is reported (vol
 * 2, CALL, JMP, RET, IRET, INT n). descriptor-checks.test.ts tries every kind of descriptor for each check alone.
 */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { CPL, EIP, SEGMENT_LIMIT, SS, TR } from '../../cpu/layout.js';
import {
  farPointer,
  GATE,
  load,
  outcome,
  refusal,
  restart,
  START_STACK,
  SUBJECT,
  sweepMachine,
  TARGET,
} from './descriptor-sweep.js';
import {
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  stack,
  TSS,
  TSS_SELECTOR,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const STACK_SUBJECT = 0x90;
const PAST_TABLE = 0x1ff8;
const VECTOR = 0x50;
const ROOMY = 0xf_ffff;

/** A transfer from ring 3 and everything that it meets on its way; what is left out is sound. */
interface Way {
  readonly gateType: number;
  readonly gateDpl: number;
  readonly gatePresent: boolean;
  /** Code segment that the transfer goes to, and its descriptor, which SUBJECT names. */
  readonly code: number;
  readonly codeType: number;
  readonly codeDpl: number;
  readonly codePresent: boolean;
  readonly codeLimit: number;
  readonly taskLimit: number;
  /** Stack of the new level, and its descriptor, which STACK_SUBJECT names. */
  readonly stack: number;
  readonly stackType: number;
  readonly stackDpl: number;
  readonly stackPresent: boolean;
  readonly stackLimit: number;
  /** Limit, in bytes, of the stack that the transfer starts on. */
  readonly currentLimit: number;
  /** Parameters of the call gate. */
  readonly parameters: number;
}

/** Through a 32-bit call gate to ring 3; the stack of ring 1 is sound. */
const sound: Way = {
  gateType: 12,
  gateDpl: 3,
  gatePresent: true,
  code: SUBJECT,
  codeType: 10,
  codeDpl: 3,
  codePresent: true,
  codeLimit: ROOMY,
  taskLimit: 0x67,
  stack: STACK_SUBJECT | 1,
  stackType: 2,
  stackDpl: 1,
  stackPresent: true,
  stackLimit: ROOMY,
  currentLimit: ROOMY,
  parameters: 0,
};

/** One rung: a defect, with the vector and error code that it gives. */
type Rung = readonly [defect: Partial<Way>, vector: number, errorCode: number];

function build(cpu: Cpu, way: Way): void {
  writeDescriptor(cpu, GDT + SUBJECT, {
    access: 0x4010 | way.codeType | (way.codeDpl << 5) | (way.codePresent ? 0x80 : 0),
    limit: way.codeLimit,
  });
  writeDescriptor(cpu, GDT + STACK_SUBJECT, {
    access: 0x4010 | way.stackType | (way.stackDpl << 5) | (way.stackPresent ? 0x80 : 0),
    limit: way.stackLimit,
  });
}

const gateByte = (way: Way) => way.gateType | (way.gateDpl << 5) | (way.gatePresent ? 0x80 : 0);

/** Tries every rung, and every pair of rungs that can be had together. */
function climb(ladder: readonly Rung[], attempt: (defects: Partial<Way>) => string): void {
  expect(attempt({})).toBe('done');
  ladder.forEach(([first, vector, errorCode], index) => {
    for (const [second] of ladder.slice(index)) {
      const clash = Object.keys(second).some((key) => key in first);
      if (clash && second !== first) continue;
      const defects = { ...second, ...first };
      expect(`${JSON.stringify(defects)}: ${attempt(defects)}`).toBe(
        `${JSON.stringify(defects)}: ${refusal(vector, errorCode)}`,
      );
    }
  });
}

const gateRungs = (code: number): readonly Rung[] => [
  [{ gateDpl: 2 }, 13, code],
  [{ gatePresent: false }, 11, code],
];
const codeRungs: readonly Rung[] = [
  [{ code: 0 }, 13, 0],
  [{ code: PAST_TABLE }, 13, PAST_TABLE],
  [{ codeType: 2 }, 13, SUBJECT],
];
const codeAbsent: Rung = [{ codePresent: false }, 11, SUBJECT];
const pastCodeLimit: Rung = [{ codeLimit: 0xfff }, 13, 0];
const noRoom: Rung = [{ currentLimit: START_STACK - 2 }, 12, 0];
const innerStackRungs: readonly Rung[] = [
  [{ taskLimit: 0x10 }, 10, TSS_SELECTOR],
  [{ stack: 0 }, 10, 0],
  [{ stack: PAST_TABLE | 1 }, 10, PAST_TABLE],
  [{ stack: STACK_SUBJECT | 2 }, 10, STACK_SUBJECT],
  [{ stackDpl: 2 }, 10, STACK_SUBJECT],
  [{ stackType: 0 }, 10, STACK_SUBJECT],
  [{ stackPresent: false }, 12, STACK_SUBJECT],
  [{ stackLimit: START_STACK - 2 }, 12, STACK_SUBJECT],
];

describe('call gates, from ring 3', () => {
  const attempt = (code: string, usual: Partial<Way>) => {
    const cpu = sweepMachine(true);
    load(cpu, code + farPointer(GATE | 3, 0));
    return (defects: Partial<Way>): string => {
      const way: Way = { ...sound, ...usual, ...defects };
      build(cpu, way);
      writeGate(
        cpu,
        GDT + GATE,
        way.code,
        way.gateType === 4 ? TARGET & 0xffff : TARGET,
        gateByte(way),
        way.parameters,
      );
      restart(cpu, 3);
      cpu.state[SEGMENT_LIMIT + SS] = way.currentLimit;
      cpu.state[SEGMENT_LIMIT + TR] = way.taskLimit;
      cpu.memory.write32(TSS + 4 + 8, START_STACK);
      cpu.memory.write32(TSS + 8 + 8, way.stack);
      return outcome(cpu);
    };
  };

  it.each([
    ['32', 12],
    ['16', 4],
  ])('CALL to ring 1 through a gate of %s bits', (_bits, gateType) => {
    const oldStack: Rung = [{ currentLimit: START_STACK + 4 }, 12, 0];
    climb(
      [
        ...gateRungs(GATE),
        ...codeRungs,
        codeAbsent,
        ...innerStackRungs,
        [{ stackLimit: START_STACK - 1, parameters: 31, stackType: 6 }, 12, STACK_SUBJECT],
        pastCodeLimit,
        oldStack,
      ],
      attempt('9a', { gateType, codeDpl: 1, parameters: 4 }),
    );
  });

  it('CALL to ring 3', () => {
    climb([...gateRungs(GATE), ...codeRungs, codeAbsent, noRoom, pastCodeLimit], attempt('9a', {}));
  });

  it('JMP', () => {
    climb(
      [...gateRungs(GATE), ...codeRungs, [{ codeDpl: 1 }, 13, SUBJECT], codeAbsent, pastCodeLimit],
      attempt('ea', {}),
    );
  });
});

describe('direct transfers and returns', () => {
  const outer: Way = { ...sound, code: SUBJECT | 3, stack: STACK_SUBJECT | 3, stackDpl: 3 };
  const rungs: readonly Rung[] = [...codeRungs, [{ codeDpl: 1 }, 13, SUBJECT], codeAbsent];

  const start = (cpu: Cpu, way: Way, ring: number) => {
    build(cpu, way);
    restart(cpu, ring);
    cpu.state[SEGMENT_LIMIT + SS] = way.currentLimit;
  };

  it.each([
    ['JMP', 'ea', [...rungs, pastCodeLimit]],
    ['CALL', '9a', [...rungs, noRoom, pastCodeLimit]],
  ])('%s', (_name, opcode, ladder) => {
    const cpu = sweepMachine(true);
    climb(ladder, (defects) => {
      const way = { ...outer, ...defects };
      load(cpu, opcode + farPointer(way.code, TARGET));
      start(cpu, way, 3);
      return outcome(cpu);
    });
  });

  it.each([
    ['RETF 8', 'ca0800', [], [0, 0]],
    ['IRETD', 'cf', [2], []],
  ])('%s from ring 0 to ring 3', (_name, code, flags, parameters) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    const frameEnd = START_STACK + (4 + flags.length + parameters.length) * 4;
    climb(
      [
        [{ currentLimit: START_STACK + 3 }, 12, 0],
        ...codeRungs,
        [{ code: SUBJECT | 2 }, 13, SUBJECT],
        [{ codeDpl: 1 }, 13, SUBJECT],
        codeAbsent,
        [{ currentLimit: frameEnd - 2 }, 12, 0],
        [{ stack: 0 }, 13, 0],
        [{ stack: PAST_TABLE | 3 }, 13, PAST_TABLE],
        [{ stack: STACK_SUBJECT | 2 }, 13, STACK_SUBJECT],
        [{ stackDpl: 2 }, 13, STACK_SUBJECT],
        [{ stackType: 0 }, 13, STACK_SUBJECT],
        [{ stackPresent: false }, 12, STACK_SUBJECT],
        pastCodeLimit,
      ],
      (defects) => {
        const way = { ...outer, ...defects };
        start(cpu, way, 0);
        [TARGET, way.code, ...flags, ...parameters, START_STACK, way.stack].forEach((value, index) => {
          cpu.memory.write32(START_STACK + index * 4, value);
        });
        return outcome(cpu);
      },
    );
  });

  it.each([
    ['RETF', 'cb', []],
    ['IRETD', 'cf', [2]],
  ])('%s from ring 1 to more privileged code: #GP whatever the descriptor', (_name, code, flags) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    climb([[{ code: SUBJECT }, 13, SUBJECT], codeAbsent], (defects) => {
      const way = { ...outer, code: SUBJECT | 1, codeDpl: 1, ...defects };
      start(cpu, way, 1);
      [TARGET, way.code, ...flags].forEach((value, index) => {
        cpu.memory.write32(START_STACK + index * 4, value);
      });
      return outcome(cpu);
    });
  });
});

describe('interrupts, from ring 3', () => {
  const usual: Partial<Way> = { gateType: 14, codeDpl: 1 };
  const gateCode = (vector: number) => vector * 8 + 2;

  /** The exceptions that the delivery meets go to ring 0, whose stack is sound. */
  const attempt = (code: string, vector: number, special: Partial<Way>) => {
    const cpu = sweepMachine(false);
    load(cpu, code);
    return (defects: Partial<Way>): string => {
      const way: Way = { ...sound, ...usual, ...special, ...defects };
      build(cpu, way);
      writeGate(cpu, IDT + vector * 8, way.code, HANDLERS + vector * 16, gateByte(way));
      restart(cpu, 3);
      cpu.state[SEGMENT_LIMIT + SS] = way.currentLimit;
      cpu.state[SEGMENT_LIMIT + TR] = way.taskLimit;
      cpu.memory.write32(TSS + 4 + 8, START_STACK);
      cpu.memory.write32(TSS + 8 + 8, way.stack);
      cpu.run(1);
      if (cpu.state[EIP] === HANDLERS + vector * 16 && cpu.state[CPL] === way.codeDpl) return 'done';
      return refusal(handledVector(cpu), stack(cpu, 0));
    };
  };
  const withExternal = (ladder: readonly Rung[]): Rung[] =>
    ladder.map(([defect, vector, errorCode]) => [defect, vector, errorCode | 1]);
  const beyondGate = [...codeRungs, codeAbsent, ...innerStackRungs, pastCodeLimit];

  it('INT n to ring 1', () => {
    const ladder: Rung[] = [[{ gateType: 12 }, 13, gateCode(VECTOR)], ...gateRungs(gateCode(VECTOR)), ...beyondGate];
    climb(ladder, attempt('cd50', VECTOR, {}));
  });

  it('an exception to ring 1: external, and the DPL of the gate does not matter', () => {
    const [, absent] = gateRungs(gateCode(6));
    const ladder: Rung[] = [[{ gateType: 12 }, 13, gateCode(6)], absent, ...beyondGate];
    climb(withExternal(ladder), attempt('0f0b', 6, { gateDpl: 0 }));
  });

  it('INT n to ring 3', () => {
    climb(
      [...gateRungs(gateCode(VECTOR)), ...codeRungs, codeAbsent, noRoom, pastCodeLimit],
      attempt('cd50', VECTOR, { codeDpl: 3 }),
    );
  });
});
