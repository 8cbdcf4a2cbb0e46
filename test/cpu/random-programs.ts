/** Random programs out of instructions that a real processor completed, and where they lead. */
import { ExitReason } from '../../cpu/cpu.js';
import { EIP } from '../../cpu/layout.js';
import { openVectors } from './vectors/coverage.js';
import { backgroundState, CODE, PAGE_SIZE, PAGES } from './vectors/environment.js';
import type { Random } from './vectors/random.js';
import type { Replayer } from './vectors/replay.js';
import { COMPLETED, readSlot, SLOT, STATE_SIZE, VectorMode } from './vectors/vector-file.js';

const INSTRUCTIONS = 80;
/** How many instructions a program runs for. */
export const INSTRUCTION_LIMIT = 400;
/** Programs are given up after so many exceptions. */
const EXCEPTIONS = 200;

const FOLDER = new URL('./vectors/', import.meta.url);

/** Instructions of flat code that a real processor completed: what programs are put together from. */
export function instructionsOf(unit: string): Uint8Array[] {
  const reader = openVectors(FOLDER, unit);
  const codes: Uint8Array[] = [];
  for (const { vectors } of reader.header.groups) {
    for (let count = 0; count < vectors; count++) {
      const vector = reader.next();
      const flat = readSlot(vector.before, SLOT.CS) === readSlot(backgroundState(), SLOT.CS);
      if (vector.exception === COMPLETED && flat && vector.mode === VectorMode.UntilInt3) codes.push(vector.code);
    }
  }
  return codes;
}

export interface Program {
  readonly code: Uint8Array;
  /** Offsets of its instructions. */
  readonly starts: readonly number[];
  readonly state: Uint8Array;
}

/** A random program: instructions of the vectors, short jumps among them, a loop around it all. */
export function randomProgram(random: Random, codes: readonly (readonly Uint8Array[])[]): Program {
  const bytes: number[] = [];
  const starts: number[] = [];
  for (let count = 0; count < INSTRUCTIONS; count++) {
    starts.push(bytes.length);
    const roll = random.below(10);
    if (roll === 0) bytes.push(0x70 + random.below(16), random.below(24));
    else if (roll === 1) bytes.push(0x70 + random.below(16), 256 - random.below(40));
    else bytes.push(...random.pick(random.pick(codes)));
  }
  starts.push(bytes.length);
  bytes.push(0xe9);
  const back = -(bytes.length + 4);
  for (let at = 0; at < 4; at++) bytes.push((back >> (8 * at)) & 0xff);
  return { code: Uint8Array.from(bytes), starts, state: backgroundState() };
}

/** Where it went: EIP and count of each exception, then the last state and all memory. */
export interface Trail {
  readonly exceptions: string;
  readonly state: string;
  readonly memory: Uint8Array;
}

/** Runs a program by this many instructions at a time. After an exception it goes on, in its first state, at the next instruction. */
export function runProgram(replayer: Replayer, { code, starts, state }: Program, budget: number): Trail {
  const { cpu } = replayer;
  // Across the two code pages.
  const origin = CODE + PAGE_SIZE - (code.length >> 1);
  replayer.restoreMemory();
  replayer.load({ code, linear: origin, before: state, patches: [] });
  cpu.state[EIP] = origin;
  const exceptions: string[] = [];
  while (cpu.instructionCount < INSTRUCTION_LIMIT && exceptions.length < EXCEPTIONS) {
    const reason = cpu.run(Math.min(budget, INSTRUCTION_LIMIT - cpu.instructionCount));
    if (reason === ExitReason.Budget) continue;
    const eip = cpu.state[EIP];
    const what =
      reason === ExitReason.Exception ? `#${cpu.exceptionVector}(${cpu.exceptionErrorCode})` : `exit ${reason}`;
    exceptions.push(`${what} at ${eip.toString(16)} after ${cpu.instructionCount}`);
    replayer.setState(state);
    cpu.state[EIP] = origin + (starts.find((start) => origin + start > eip) ?? 0);
  }
  const last = new Uint8Array(STATE_SIZE);
  replayer.state(last);
  const memory = new Uint8Array(PAGES.length * PAGE_SIZE);
  replayer.memory(memory);
  return { exceptions: exceptions.join('\n'), state: Buffer.from(last).toString('hex'), memory };
}
