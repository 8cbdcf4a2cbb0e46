/** SSE floating-point comparisons: CMPxx to masks, COMISx and UCOMISx to EFLAGS. */
import type { Cpu } from './cpu.js';
import { DENORMAL, INVALID } from './float80.js';
import { Comparison } from './float80-arithmetic.js';
import type { Instruction } from './instruction.js';
import { MXCSR } from './layout.js';
import {
  alignedHost,
  DENORMALS_ARE_ZEROS,
  isDenormalDouble,
  isDenormalSingle,
  isNanDouble,
  isNanSingle,
  isSignallingDouble,
  isSignallingSingle,
  RESULTS,
  sourceHost,
  sseReady,
  takeSimdExceptions,
  xmmWord,
} from './sse.js';
import { commitPacked } from './sse-arithmetic.js';
import { setComparisonEflags } from './x87-compare.js';

/** Bits of a comparison's result above the Comparison: exception flags. */
const FLAGS_SHIFT = 8;

function order(a: number, b: number): number {
  if (a === b) return Comparison.Equal;
  return a < b ? Comparison.Less : Comparison.Greater;
}

/** Comparison of two doubles in memory, exception flags from bit 8. `quiet`: only signalling NaNs are invalid. */
function compareDoubles(cpu: Cpu, aHost: number, bHost: number, quiet: boolean): number {
  const view = cpu.view;
  const first = view.getFloat64(aHost, true);
  const second = view.getFloat64(bHost, true);
  const aLow = view.getInt32(aHost, true);
  const aHigh = view.getInt32(aHost + 4, true);
  const bLow = view.getInt32(bHost, true);
  const bHigh = view.getInt32(bHost + 4, true);
  if (isNanDouble(aLow, aHigh) || isNanDouble(bLow, bHigh)) {
    const raises = !quiet || isSignallingDouble(aLow, aHigh) || isSignallingDouble(bLow, bHigh);
    return Comparison.Unordered | (raises ? INVALID << FLAGS_SHIFT : 0);
  }
  const aDenormal = isDenormalDouble(aLow, aHigh);
  const bDenormal = isDenormalDouble(bLow, bHigh);
  if (!aDenormal && !bDenormal) return order(first, second);
  if ((cpu.state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) return order(first, second) | (DENORMAL << FLAGS_SHIFT);
  return order(aDenormal ? 0 : first, bDenormal ? 0 : second);
}

function compareSingles(cpu: Cpu, aHost: number, bHost: number, quiet: boolean): number {
  const view = cpu.view;
  const first = view.getFloat32(aHost, true);
  const second = view.getFloat32(bHost, true);
  const a = view.getInt32(aHost, true);
  const b = view.getInt32(bHost, true);
  if (isNanSingle(a) || isNanSingle(b)) {
    const raises = !quiet || isSignallingSingle(a) || isSignallingSingle(b);
    return Comparison.Unordered | (raises ? INVALID << FLAGS_SHIFT : 0);
  }
  const aDenormal = isDenormalSingle(a);
  const bDenormal = isDenormalSingle(b);
  if (!aDenormal && !bDenormal) return order(first, second);
  if ((cpu.state[MXCSR] & DENORMALS_ARE_ZEROS) === 0) return order(first, second) | (DENORMAL << FLAGS_SHIFT);
  return order(aDenormal ? 0 : first, bDenormal ? 0 : second);
}

/** EQ, UNORD, NEQ, ORD: quiet NaNs are no invalid operands. */
function isQuietPredicate(predicate: number): boolean {
  const kind = predicate & 3;
  return kind === 0 || kind === 3;
}

/** All ones when the predicate (EQ LT LE UNORD and their negations) holds for the comparison, else 0. */
function maskOf(predicate: number, comparison: number): number {
  let holds = false;
  switch (predicate & 3) {
    case 0:
      holds = comparison === Comparison.Equal;
      break;
    case 1:
      holds = comparison === Comparison.Less;
      break;
    case 2:
      holds = comparison === Comparison.Less || comparison === Comparison.Equal;
      break;
    default:
      holds = comparison === Comparison.Unordered;
  }
  return holds === ((predicate & 4) === 0) ? -1 : 0;
}

/** CMPSD. */
export function compareScalarDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  const predicate = instruction.immediate & 7;
  const result = compareDoubles(cpu, register << 2, host, isQuietPredicate(predicate));
  if (!takeSimdExceptions(cpu, result >> FLAGS_SHIFT)) return false;
  const mask = maskOf(predicate, result & 3);
  cpu.state[register] = mask;
  cpu.state[register + 1] = mask;
  return true;
}

/** CMPSS. */
export function compareScalarSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  const predicate = instruction.immediate & 7;
  const result = compareSingles(cpu, register << 2, host, isQuietPredicate(predicate));
  if (!takeSimdExceptions(cpu, result >> FLAGS_SHIFT)) return false;
  cpu.state[register] = maskOf(predicate, result & 3);
  return true;
}

/** CMPPD. */
export function comparePackedDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  const predicate = instruction.immediate & 7;
  let flags = 0;
  for (let k = 0; k < 4; k += 2) {
    const result = compareDoubles(cpu, (register + k) << 2, host + 4 * k, isQuietPredicate(predicate));
    flags |= result >> FLAGS_SHIFT;
    cpu.state[RESULTS + k] = maskOf(predicate, result & 3);
    cpu.state[RESULTS + k + 1] = cpu.state[RESULTS + k];
  }
  return commitPacked(cpu, register, flags);
}

/** CMPPS. */
export function comparePackedSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = alignedHost(cpu, instruction);
  if (host === 0) return false;
  const register = xmmWord(instruction.reg);
  const predicate = instruction.immediate & 7;
  let flags = 0;
  for (let k = 0; k < 4; k++) {
    const result = compareSingles(cpu, (register + k) << 2, host + 4 * k, isQuietPredicate(predicate));
    flags |= result >> FLAGS_SHIFT;
    cpu.state[RESULTS + k] = maskOf(predicate, result & 3);
  }
  return commitPacked(cpu, register, flags);
}

const UNORDERED_COMPARE = 0x2e;

/** COMISD, UCOMISD. */
export function compareFlagsDouble(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 8);
  if (host === 0) return false;
  const quiet = instruction.opcode === UNORDERED_COMPARE;
  const result = compareDoubles(cpu, xmmWord(instruction.reg) << 2, host, quiet);
  if (result > 3 && !takeSimdExceptions(cpu, result >> FLAGS_SHIFT)) return false;
  setComparisonEflags(cpu.state, result & 3);
  return true;
}

/** COMISS, UCOMISS. */
export function compareFlagsSingle(cpu: Cpu, instruction: Instruction): boolean {
  if (!sseReady(cpu)) return false;
  const host = sourceHost(cpu, instruction, 4);
  if (host === 0) return false;
  const quiet = instruction.opcode === UNORDERED_COMPARE;
  const result = compareSingles(cpu, xmmWord(instruction.reg) << 2, host, quiet);
  if (result > 3 && !takeSimdExceptions(cpu, result >> FLAGS_SHIFT)) return false;
  setComparisonEflags(cpu.state, result & 3);
  return true;
}
