/**
 * Every type, present bit, DPL, CPL and RPL for what loads segment registers and transfers control, against the conditions of the
 * SDM's pseudo-code, written down anew (vol 2, MOV, JMP, CALL, RET, IRET, INT n).
 */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { CPL, CS, DS, EAX, EIP, ES, ESP, FS, GS, SEGMENT_SELECTOR, SS } from '../../cpu/layout.js';
import {
  type Access,
  codeOf,
  dataOf,
  everyAccess,
  farPointer,
  GATE,
  innerStack,
  load,
  outcome,
  RINGS,
  refusal,
  restart,
  START_STACK,
  SUBJECT,
  sweepMachine,
  TARGET,
} from './descriptor-sweep.js';
import {
  accessInMemory,
  CODE,
  GDT,
  HANDLERS,
  handledVector,
  IDT,
  stack,
  writeDescriptor,
  writeGate,
} from './protected-machine.js';

const selectorOf = (cpu: Cpu, segment: number) => cpu.state[SEGMENT_SELECTOR + segment];
const describeCase = (access: Access, cpl: number, rpl: number) =>
  `access ${access.byte.toString(16)} CPL ${cpl} RPL ${rpl}`;

/** Puts the access byte into the subject descriptor: 32-bit, 4 GB. */
function subject(cpu: Cpu, access: Access): void {
  writeDescriptor(cpu, GDT + SUBJECT, { access: access.byte | 0xc000 });
}

/** True when the descriptor in memory was marked accessed, and nothing else of it changed. */
function markedAccessed(cpu: Cpu, access: Access): boolean {
  return accessInMemory(cpu, GDT + SUBJECT) === (access.byte | 0xc001);
}

describe('MOV to a segment register', () => {
  const data = (access: Access, cpl: number, rpl: number): string => {
    const { isSegment, readable, conforming, dpl, present } = access;
    if (!isSegment || !readable) return refusal(13, SUBJECT);
    if (!conforming && (rpl > dpl || cpl > dpl)) return refusal(13, SUBJECT);
    return present ? 'done' : refusal(11, SUBJECT);
  };
  const stackSegment = (access: Access, cpl: number, rpl: number): string => {
    if (rpl !== cpl || !access.writable || access.dpl !== cpl) return refusal(13, SUBJECT);
    return access.present ? 'done' : refusal(12, SUBJECT);
  };

  it.each([
    ['ES', ES, '8ec0', data],
    ['DS', DS, '8ed8', data],
    ['FS', FS, '8ee0', data],
    ['GS', GS, '8ee8', data],
    ['SS', SS, '8ed0', stackSegment],
  ] as const)('%s', (_name, segment, code, model) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    for (const access of everyAccess) {
      for (const cpl of RINGS) {
        for (const rpl of RINGS) {
          subject(cpu, access);
          restart(cpu, cpl);
          cpu.state[EAX] = SUBJECT | rpl;
          const want = model(access, cpl, rpl);
          const got = outcome(cpu);
          if (got !== want) expect.fail(`${describeCase(access, cpl, rpl)}: want ${want}, got ${got}`);
          if (got !== 'done') continue;
          if (selectorOf(cpu, segment) !== (SUBJECT | rpl) || !markedAccessed(cpu, access)) expect.fail('not loaded');
        }
      }
    }
  });
});

describe('far JMP and CALL', () => {
  const direct = (access: Access, cpl: number, rpl: number): string => {
    const { isCode, conforming, dpl, present } = access;
    if (!isCode) return refusal(13, SUBJECT);
    if (conforming ? dpl > cpl : rpl > cpl || dpl !== cpl) return refusal(13, SUBJECT);
    return present ? 'done' : refusal(11, SUBJECT);
  };

  it.each([
    ['JMP', 'ea'],
    ['CALL', '9a'],
  ])('%s to a descriptor of every kind but gates and TSSs', (_name, opcode) => {
    const cpu = sweepMachine(true);
    for (const rpl of RINGS) {
      load(cpu, opcode + farPointer(SUBJECT | rpl, TARGET));
      for (const access of everyAccess) {
        if (!access.isSegment && [1, 4, 5, 9, 12].includes(access.type)) continue;
        for (const cpl of RINGS) {
          subject(cpu, access);
          restart(cpu, cpl);
          const want = direct(access, cpl, rpl);
          const got = outcome(cpu);
          if (got !== want) expect.fail(`${describeCase(access, cpl, rpl)}: want ${want}, got ${got}`);
          if (got === 'done' && (selectorOf(cpu, CS) !== (SUBJECT | cpl) || cpu.state[EIP] !== TARGET))
            expect.fail('CS:EIP');
        }
      }
    }
  });

  /** What comes of a call gate: the new level, or a refusal. */
  const throughGate = (gate: Access, target: Access, cpl: number, rpl: number, calls: boolean): string => {
    if (gate.dpl < cpl || rpl > gate.dpl) return refusal(13, GATE);
    if (!gate.present) return refusal(11, GATE);
    if (!target.isCode || target.dpl > cpl) return refusal(13, SUBJECT);
    if (!calls && !target.conforming && target.dpl !== cpl) return refusal(13, SUBJECT);
    if (!target.present) return refusal(11, SUBJECT);
    return `level ${target.conforming ? cpl : target.dpl}`;
  };

  it.each([
    ['JMP', 'ea', false],
    ['CALL', '9a', true],
  ])('%s through call gates of 16 and 32 bits', (_name, opcode, calls) => {
    const cpu = sweepMachine(true);
    const gates = everyAccess.filter(({ isSegment, type }) => !isSegment && (type === 4 || type === 12));
    const targets = everyAccess.filter(({ isSegment, type }) => (isSegment && (type & 1) === 0) || (type & 7) === 2);
    for (const rpl of RINGS) {
      load(cpu, opcode + farPointer(GATE | rpl, 0));
      for (const gate of gates) {
        const wide = gate.type === 12;
        writeGate(cpu, GDT + GATE, SUBJECT, wide ? TARGET : TARGET & 0xffff, gate.byte);
        for (const target of targets) {
          for (const cpl of RINGS) {
            subject(cpu, target);
            restart(cpu, cpl);
            const want = throughGate(gate, target, cpl, rpl, calls);
            const result = outcome(cpu);
            const level = cpu.state[CPL];
            const got = result === 'done' ? `level ${level}` : result;
            if (got !== want) {
              expect.fail(
                `gate ${gate.byte.toString(16)}, ${describeCase(target, cpl, rpl)}: want ${want}, got ${got}`,
              );
            }
            if (result !== 'done') continue;
            const pushed = !calls ? 0 : (level === cpl ? 2 : 4) * (wide ? 4 : 2);
            const top = level === cpl ? START_STACK : innerStack(level);
            const stackSelector = level === cpl ? dataOf(cpl) : dataOf(level);
            if (cpu.state[ESP] !== top - pushed || selectorOf(cpu, SS) !== stackSelector) expect.fail('SS:ESP');
            if (selectorOf(cpu, CS) !== (SUBJECT | level)) expect.fail('CS');
          }
        }
      }
    }
  });
});

describe('far RET and IRET', () => {
  const forms = [
    ['RETF', 'cb', 2],
    ['IRETD', 'cf', 3],
  ] as const;

  const push = (cpu: Cpu, values: readonly number[]) => {
    for (const [index, value] of values.entries()) cpu.memory.write32(START_STACK + index * 4, value);
  };

  it.each(forms)('%s to a code segment of every kind', (_name, code, words) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    for (const access of everyAccess) {
      for (const cpl of RINGS) {
        for (const rpl of RINGS) {
          subject(cpu, access);
          restart(cpu, cpl);
          push(cpu, [TARGET, SUBJECT | rpl, 2].slice(0, words));
          push(cpu, [TARGET, SUBJECT | rpl, ...(words === 3 ? [2] : []), START_STACK + 0x100, dataOf(rpl)]);
          const { isCode, conforming, dpl, present } = access;
          const sound = isCode && rpl >= cpl && (conforming ? dpl <= rpl : dpl === rpl);
          const want = !sound ? refusal(13, SUBJECT) : present ? 'done' : refusal(11, SUBJECT);
          const got = outcome(cpu);
          if (got !== want) expect.fail(`${describeCase(access, cpl, rpl)}: want ${want}, got ${got}`);
          if (got !== 'done') continue;
          const esp = rpl === cpl ? START_STACK + words * 4 : START_STACK + 0x100;
          if (cpu.state[CPL] !== rpl || cpu.state[ESP] !== esp || selectorOf(cpu, SS) !== dataOf(rpl))
            expect.fail('stack');
          // Data segments that the outer level must not use are null now.
          if (selectorOf(cpu, DS) !== (rpl > cpl ? 0 : dataOf(cpl)))
            expect.fail(`DS, ${describeCase(access, cpl, rpl)}`);
        }
      }
    }
  });

  it.each(forms)('%s to an outer level with a stack segment of every kind', (_name, code, words) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    for (const access of everyAccess) {
      for (const level of [1, 2, 3]) {
        for (const rpl of RINGS) {
          subject(cpu, access);
          restart(cpu, 0);
          push(cpu, [TARGET, codeOf(level), ...(words === 3 ? [2] : []), START_STACK, SUBJECT | rpl]);
          const sound = rpl === level && access.writable && access.dpl === level;
          const want = !sound ? refusal(13, SUBJECT) : access.present ? 'done' : refusal(12, SUBJECT);
          const got = outcome(cpu);
          if (got !== want) expect.fail(`${describeCase(access, level, rpl)}: want ${want}, got ${got}`);
        }
      }
    }
  });
});

describe('interrupts', () => {
  const VECTOR = 0x50;
  const EXTERNAL = 1;
  /** What INT 50h, or #UD through the same gate, comes to. */
  const result = (cpu: Cpu, vector: number): string => {
    cpu.run(1);
    if (cpu.state[EIP] === HANDLERS + vector * 16) return `level ${cpu.state[CPL]}`;
    return refusal(handledVector(cpu), stack(cpu, 0));
  };

  it.each([
    ['INT n', 'cd50', VECTOR, true],
    ['an exception', '0f0b', 6, false],
  ] as const)('%s through gates of every kind', (_name, code, vector, software) => {
    const cpu = sweepMachine(false);
    load(cpu, code);
    const gateCode = vector * 8 + 2 + (software ? 0 : EXTERNAL);
    for (const gate of everyAccess) {
      if (!gate.isSegment && gate.type === 5 && gate.present) continue; // task gates: task-switch.test.ts
      writeGate(cpu, IDT + vector * 8, codeOf(0) & ~3, HANDLERS + vector * 16, gate.byte);
      for (const cpl of RINGS) {
        restart(cpu, cpl);
        let want = 'level 0';
        const usable = !gate.isSegment && [5, 6, 7, 14, 15].includes(gate.type);
        if (!usable || (software && gate.dpl < cpl)) want = refusal(13, gateCode);
        else if (!gate.present) want = refusal(11, gateCode);
        else if ((gate.type & 8) === 0) continue; // 16 bits of offset lead elsewhere
        const got = result(cpu, vector);
        if (got !== want) expect.fail(`gate ${gate.byte.toString(16)} CPL ${cpl}: want ${want}, got ${got}`);
      }
    }
  });

  it.each([
    ['INT n', 'cd50', VECTOR, 0],
    ['an exception', '0f0b', 6, EXTERNAL],
  ] as const)('%s to a handler in a segment of every kind', (_name, code, vector, external) => {
    const cpu = sweepMachine(false);
    load(cpu, code);
    writeGate(cpu, IDT + vector * 8, SUBJECT, HANDLERS + vector * 16, 0xee);
    for (const access of everyAccess) {
      for (const cpl of RINGS) {
        subject(cpu, access);
        restart(cpu, cpl);
        let want = `level ${access.conforming ? cpl : access.dpl}`;
        if (!access.isCode || access.dpl > cpl) want = refusal(13, SUBJECT + external);
        else if (!access.present) want = refusal(11, SUBJECT + external);
        const got = result(cpu, vector);
        if (got !== want) expect.fail(`${describeCase(access, cpl, 0)}: want ${want}, got ${got}`);
        const level = cpu.state[CPL];
        const top = level === cpl ? START_STACK : innerStack(level);
        const words = (level === cpl ? 3 : 5) + (want.startsWith('level') ? 0 : 1);
        if (
          cpu.state[ESP] !== top - words * 4 ||
          stack(cpu, words === 6 || words === 4 ? 1 : 0) !== CODE + (external || words % 2 === 0 ? 0 : 2)
        )
          expect.fail(`frame of ${describeCase(access, cpl, 0)}`);
      }
    }
  });
});
