/**
 * MOVS, CMPS, STOS, LODS and SCAS with their REP forms (SDM vol 2). A repeated operation over flat segments works a run
 * at a time: as many elements as lie in the same pages. ECX, ESI and EDI are exact after every run and so at a fault.
 */
import type { Cpu } from './cpu.js';
import { repeatLater } from './debug-registers.js';
import { conditionHolds, FLAG_DF, setSubtractFlags } from './flags.js';
import type { Handler, Instruction } from './instruction.js';
import { readMemory, readRegister, sizeByOpcode, writeMemory, writeRegister } from './integer-operand.js';
import { CPL, EAX, ECX, EDI, EFLAGS_SYSTEM, ES, ESI, PAGE_MASK, PAGE_SIZE } from './layout.js';
import { AccessKind } from './paging.js';
import { checksAlignment, isFlatData } from './processor-mode.js';

const REPNE = 0xf2;
/** Number of the condition E in Jcc. */
const CONDITION_EQUAL = 4;

/** Bytes that an element pointer moves: the size, negative when DF is set. */
function step(cpu: Cpu, size: number): number {
  return (cpu.state[EFLAGS_SYSTEM] & FLAG_DF) === 0 ? size : -size;
}

/** Elements from here that lie wholly in this page, going in the direction of the step; 0: this one crosses. */
function elementsInPage(linear: number, size: number, by: number): number {
  const inPage = linear & PAGE_MASK;
  if (inPage > PAGE_SIZE - size) return 0;
  return by > 0 ? Math.floor((PAGE_SIZE - inPage) / size) : Math.floor(inPage / size) + 1;
}

function repetitions(cpu: Cpu, instruction: Instruction): number {
  if (instruction.rep === 0) return 1;
  return readRegister(cpu, ECX, instruction.addressSize) >>> 0;
}

/** Counts elements as done: moves the pointers and, in a REP form, counts ECX down. Host offsets are found anew afterwards. */
function advance(cpu: Cpu, instruction: Instruction, done: number, source: number, destination: number): void {
  const size = instruction.addressSize;
  if (source !== 0) writeRegister(cpu, ESI, size, cpu.state[ESI] + source * done);
  if (destination !== 0) writeRegister(cpu, EDI, size, cpu.state[EDI] + destination * done);
  if (instruction.rep === 0) return;
  writeRegister(cpu, ECX, size, cpu.state[ECX] - done);
  cpu.memory.evictor?.makeRoomBetween();
}

/**
 * A string instruction that, where debug traps may come between the iterations of a REP form, does one iteration at a time
 * and then comes again.
 */
function byIteration(execute: Handler): Handler {
  return (cpu, instruction) => {
    if (instruction.rep === 0 || !cpu.debug.trapsBetweenIterations()) return execute(cpu, instruction);
    const size = instruction.addressSize;
    const count = readRegister(cpu, ECX, size) >>> 0;
    if (count < 2) return execute(cpu, instruction);
    writeRegister(cpu, ECX, size, 1);
    const done = execute(cpu, instruction);
    writeRegister(cpu, ECX, size, done ? count - 1 : count);
    if (!done) return false;
    const compares = (instruction.opcode & 6) === 6;
    return (compares && comparisonEnds(instruction, conditionHolds(cpu.state, CONDITION_EQUAL))) || repeatLater(cpu);
  };
}

function sourceOffset(cpu: Cpu, instruction: Instruction): number {
  return readRegister(cpu, ESI, instruction.addressSize);
}

function destinationOffset(cpu: Cpu, instruction: Instruction): number {
  return readRegister(cpu, EDI, instruction.addressSize);
}

/** False while each access must be looked at on its own. */
function mayWorkInRuns(cpu: Cpu): boolean {
  return !cpu.debug.watching && !checksAlignment(cpu.state);
}

function movs(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction);
  const by = step(cpu, size);
  const flat =
    mayWorkInRuns(cpu) &&
    instruction.addressSize === 4 &&
    isFlatData(cpu.state, instruction.segment) &&
    isFlatData(cpu.state, ES);
  let left = repetitions(cpu, instruction);
  while (left > 0) {
    let run = 0;
    if (flat) {
      run = moveRun(cpu, left, size, by);
      if (cpu.faulted) return false;
    }
    if (run === 0) {
      const value = readMemory(cpu, instruction.segment, sourceOffset(cpu, instruction), size);
      if (cpu.faulted) return false;
      if (!writeMemory(cpu, ES, destinationOffset(cpu, instruction), size, value)) return false;
      run = 1;
    }
    advance(cpu, instruction, run, by, by);
    left -= run;
  }
  return true;
}

/** Moves up to `left` elements that need no new translation; 0 when the next one crosses a page. */
function moveRun(cpu: Cpu, left: number, size: number, by: number): number {
  const { state, bytes } = cpu;
  const from = state[ESI];
  const to = state[EDI];
  const count = Math.min(left, elementsInPage(from, size, by), elementsInPage(to, size, by));
  if (count === 0) return 0;
  const supervisor = state[CPL] !== 3;
  if (cpu.resolve(from, AccessKind.Read, supervisor) === 0) return 0;
  const target = cpu.resolve(to, AccessKind.Write, supervisor);
  // Once more, for the owner may have taken the source's frame away to resolve the destination.
  const source = target === 0 ? 0 : cpu.resolve(from, AccessKind.Read, supervisor);
  if (source === 0) return 0;
  const length = count * size;
  const low = by > 0 ? 0 : size - length;
  const distance = by > 0 ? target - source : source - target;
  if (distance > 0 && distance < length) moveOverlapping(bytes, source, target, count, size, by);
  else bytes.copyWithin(target + low, source + low, source + low + length);
  if (cpu.pageHasCode(target)) cpu.codeWritten(target + low, length);
  return count;
}

/** The destination lies ahead in the direction of the move: elements read what earlier ones wrote. */
function moveOverlapping(bytes: Uint8Array, source: number, target: number, count: number, size: number, by: number) {
  let from = source;
  let to = target;
  for (let element = 0; element < count; element++) {
    if (size === 1) bytes[to] = bytes[from];
    else bytes.copyWithin(to, from, from + size);
    from += by;
    to += by;
  }
}

function stos(cpu: Cpu, instruction: Instruction): boolean {
  const { state } = cpu;
  const size = sizeByOpcode(instruction);
  const by = step(cpu, size);
  const flat = mayWorkInRuns(cpu) && instruction.addressSize === 4 && isFlatData(state, ES);
  let left = repetitions(cpu, instruction);
  while (left > 0) {
    const to = state[EDI];
    let run = flat ? Math.min(left, elementsInPage(to, size, by)) : 0;
    if (run > 0) {
      const target = cpu.resolve(to, AccessKind.Write, state[CPL] !== 3);
      if (target === 0) return false;
      fill(cpu, by > 0 ? target : target + size - run * size, run, size);
    } else {
      if (!writeMemory(cpu, ES, destinationOffset(cpu, instruction), size, state[EAX])) return false;
      run = 1;
    }
    advance(cpu, instruction, run, 0, by);
    left -= run;
  }
  return true;
}

/** Fills `count` elements from a host offset with AL, AX or EAX. */
function fill(cpu: Cpu, host: number, count: number, size: number): void {
  const { bytes } = cpu;
  const value = cpu.state[EAX];
  const end = host + count * size;
  if (size === 1 || value === 0) bytes.fill(value, host, end);
  else if (size === 4 && (host & 3) === 0) cpu.state.fill(value, host / 4, end / 4);
  else {
    for (let at = host; at < end; at += size) {
      if (size === 2) cpu.view.setInt16(at, value, true);
      else cpu.view.setInt32(at, value, true);
    }
  }
  if (cpu.pageHasCode(host)) cpu.codeWritten(host, count * size);
}

function lods(cpu: Cpu, instruction: Instruction): boolean {
  const size = sizeByOpcode(instruction);
  const by = step(cpu, size);
  for (let left = repetitions(cpu, instruction); left > 0; left--) {
    const value = readMemory(cpu, instruction.segment, sourceOffset(cpu, instruction), size);
    if (cpu.faulted) return false;
    writeRegister(cpu, EAX, size, value);
    advance(cpu, instruction, 1, by, 0);
  }
  return true;
}

/** True when REPE or REPNE ends the repetition after a comparison with this outcome. */
function comparisonEnds(instruction: Instruction, equal: boolean): boolean {
  return instruction.rep !== 0 && equal === (instruction.rep === REPNE);
}

function readHost(cpu: Cpu, host: number, size: number): number {
  if (size === 1) return cpu.bytes[host];
  return size === 2 ? cpu.view.getUint16(host, true) : cpu.view.getInt32(host, true);
}

function scas(cpu: Cpu, instruction: Instruction): boolean {
  const { state } = cpu;
  const size = sizeByOpcode(instruction);
  const by = step(cpu, size);
  const accumulator = readRegister(cpu, EAX, size);
  const flat = mayWorkInRuns(cpu) && instruction.addressSize === 4 && isFlatData(state, ES);
  let left = repetitions(cpu, instruction);
  while (left > 0) {
    const to = state[EDI];
    const run = flat ? Math.min(left, elementsInPage(to, size, by)) : 0;
    let done = 0;
    let value = 0;
    if (run > 0) {
      let host = cpu.resolve(to, AccessKind.Read, state[CPL] !== 3);
      if (host === 0) return false;
      do {
        value = readHost(cpu, host, size);
        host += by;
        done++;
      } while (done < run && !comparisonEnds(instruction, value === accumulator));
    } else {
      value = readMemory(cpu, ES, destinationOffset(cpu, instruction), size);
      if (cpu.faulted) return false;
      done = 1;
    }
    setSubtractFlags(state, size, accumulator, value, (accumulator - value) | 0);
    advance(cpu, instruction, done, 0, by);
    left -= done;
    if (comparisonEnds(instruction, value === accumulator)) return true;
  }
  return true;
}

function cmps(cpu: Cpu, instruction: Instruction): boolean {
  const { state } = cpu;
  const size = sizeByOpcode(instruction);
  const by = step(cpu, size);
  const flat =
    mayWorkInRuns(cpu) &&
    instruction.addressSize === 4 &&
    isFlatData(state, instruction.segment) &&
    isFlatData(state, ES);
  const supervisor = state[CPL] !== 3;
  let left = repetitions(cpu, instruction);
  while (left > 0) {
    const from = state[ESI];
    const to = state[EDI];
    const run = flat ? Math.min(left, elementsInPage(from, size, by), elementsInPage(to, size, by)) : 0;
    let done = 0;
    let first = 0;
    let second = 0;
    if (run > 0) {
      // The operand at EDI faults first, as on real processors.
      if (cpu.resolve(to, AccessKind.Read, supervisor) === 0) return false;
      let source = cpu.resolve(from, AccessKind.Read, supervisor);
      if (source === 0) return false;
      let target = cpu.resolve(to, AccessKind.Read, supervisor);
      if (target === 0) return false;
      do {
        first = readHost(cpu, source, size);
        second = readHost(cpu, target, size);
        source += by;
        target += by;
        done++;
      } while (done < run && !comparisonEnds(instruction, first === second));
    } else {
      second = readMemory(cpu, ES, destinationOffset(cpu, instruction), size);
      if (cpu.faulted) return false;
      first = readMemory(cpu, instruction.segment, sourceOffset(cpu, instruction), size);
      if (cpu.faulted) return false;
      done = 1;
    }
    setSubtractFlags(state, size, first, second, (first - second) | 0);
    advance(cpu, instruction, done, by, by);
    left -= done;
    if (comparisonEnds(instruction, first === second)) return true;
  }
  return true;
}

export const executeMovs = byIteration(movs);
export const executeCmps = byIteration(cmps);
export const executeStos = byIteration(stos);
export const executeLods = byIteration(lods);
export const executeScas = byIteration(scas);
