import { describe, expect, it } from 'vitest';
import { ExitReason } from '../../cpu/cpu.js';
import type { InstructionRow } from '../../cpu/instruction.js';
import { instructionTable } from '../../cpu/instruction-table.js';
import { openVectors, UNITS } from './vectors/coverage.js';
import { PAGE_SIZE, PAGES, Protection } from './vectors/environment.js';
import { Replayer } from './vectors/replay.js';
import { STATE_SIZE, type Vector } from './vectors/vector-file.js';

/** Vectors of each row that are tried: every fifth. */
const EACH = 5;
/** An instruction faults at most so often until all its pages are there. */
const MAXIMUM_FAULTS = 40;
const PAGE_FAULT = 14;

const FOLDER = new URL('./vectors/', import.meta.url);
const rowOf = new Map(instructionTable.map((row) => [row.opcode, row]));
const dataPages = PAGES.flatMap(({ protection }, page) => (protection === Protection.ReadExecute ? [] : [page]));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** How a run of one instruction came out. */
class Snapshot {
  readonly state = new Uint8Array(STATE_SIZE);
  readonly memory = new Uint8Array(PAGES.length * PAGE_SIZE);

  take(replayer: Replayer): void {
    replayer.state(this.state);
    replayer.memory(this.memory);
  }

  /** What differs; '' when nothing does. */
  difference(other: Snapshot): string {
    if (Buffer.compare(this.state, other.state) !== 0) return `state ${hex(this.state)} is not ${hex(other.state)}`;
    return Buffer.compare(this.memory, other.memory) === 0 ? '' : 'memory differs';
  }
}

const before = new Snapshot();
const direct = new Snapshot();
const resumed = new Snapshot();

function ending(replayer: Replayer, reason: ExitReason): string {
  const { cpu } = replayer;
  if (reason !== ExitReason.Exception) return `exit ${reason}`;
  return `exception ${cpu.exceptionVector}(${cpu.exceptionErrorCode}) ${cpu.exceptionVector === PAGE_FAULT ? cpu.exceptionLinear : ''}`;
}

/** Faults that leave a trace by design: INT3 and INTO end behind the instruction, #XM tells its reason in MXCSR. */
const LEAVES_TRACE = new Set([3, 4, 19]);

/** Executes the vector's instruction with all its pages as they are. */
function executeDirectly(replayer: Replayer, vector: Vector, repeats: boolean): { end: string; failure: string } {
  const { cpu } = replayer;
  replayer.restoreMemory();
  replayer.load(vector);
  before.take(replayer);
  const reason = cpu.run(1);
  direct.take(replayer);
  const end = ending(replayer, reason);
  if (reason !== ExitReason.Exception || repeats || LEAVES_TRACE.has(cpu.exceptionVector)) return { end, failure: '' };
  return { end, failure: before.difference(direct) };
}

/**
 * Executes the vector's instruction with all its data pages absent, and gives it each that it misses. Every fault must leave
 * everything as it was (a repeated string instruction goes on from its element); the end must be that of an execution without any.
 */
function executeMissingPages(replayer: Replayer, vector: Vector, repeats: boolean, end: string): string {
  const { cpu } = replayer;
  const absent = new Set(dataPages);
  replayer.restoreMemory();
  replayer.load(vector);
  for (const page of absent) replayer.setPresent(page, false);
  for (let faults = 0; faults < MAXIMUM_FAULTS; faults++) {
    const reason = cpu.run(1);
    resumed.take(replayer);
    const isPageFault = reason === ExitReason.Exception && cpu.exceptionVector === PAGE_FAULT;
    const missing = isPageFault ? pageAt(cpu.exceptionLinear) : -1;
    if (!absent.delete(missing)) {
      const other = ending(replayer, reason);
      const difference = other === end ? direct.difference(resumed) : `${end}, but ${other}`;
      return difference === '' ? '' : `after ${faults} faults: ${difference}`;
    }
    const difference = repeats ? '' : before.difference(resumed);
    if (difference !== '') return `at fault ${faults}: ${difference}`;
    replayer.setPresent(missing, true);
  }
  return 'faults without end';
}

function check(replayer: Replayer, row: InstructionRow, vector: Vector): string {
  const repeats = (row.attributes ?? '').split(' ').includes('rep');
  const { end, failure } = executeDirectly(replayer, vector, repeats);
  if (failure !== '') return `${end}: ${failure}`;
  const difference = executeMissingPages(replayer, vector, repeats, end);
  for (const page of dataPages) replayer.setPresent(page, true);
  return difference;
}

function pageAt(linear: number): number {
  const address = (linear & -PAGE_SIZE) >>> 0;
  return dataPages.find((page) => PAGES[page].address === address) ?? -1;
}

describe('an instruction that faults leaves everything as it was, and goes on as if nothing had been', () => {
  const replayer = new Replayer();
  for (const unit of UNITS) {
    it(`${unit}`, () => {
      const reader = openVectors(FOLDER, unit);
      const failures: string[] = [];
      for (const { opcode, vectors } of reader.header.groups) {
        const row = rowOf.get(opcode);
        if (row === undefined) continue;
        for (let count = 0; count < vectors; count++) {
          const vector = reader.next();
          if (count % EACH !== 0) continue;
          const failure = check(replayer, row, vector);
          if (failure !== '') failures.push(`${row.mnemonic} (${opcode}) ${hex(vector.code)}: ${failure}`);
        }
      }
      expect(failures.slice(0, 20).join('\n'), `${failures.length} failures`).toBe('');
    });
  }
});
