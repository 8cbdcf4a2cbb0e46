import type { Cpu } from './cpu.js';
import { PAGE_SIZE, REGION_BUDGET, REGION_LEFT, TLB_FILLED_COUNT } from './layout.js';
import { captureMemory, type MemoryImage, type PageComparison, restoreMemory } from './memory-image.js';
import { flushTlb, loadTlb, saveTlb } from './tlb.js';

/** What a processor keeps outside of its linear memory between two calls of run(); all numbers and booleans. */
export interface ProcessorFields {
  readonly instructionCount: number;
  readonly timestampOffset: number;
  readonly exceptionVector: number;
  readonly exceptionErrorCode: number;
  readonly exceptionHasErrorCode: boolean;
  readonly exceptionKeepsResumeFlag: boolean;
  readonly exceptionLinear: number;
  readonly faulted: boolean;
  readonly pageFaultErrorCode: number;
  readonly jumped: boolean;
  readonly interruptRequest: boolean;
  readonly ignoreNumericError: boolean;
  readonly stoodStill: boolean;
  readonly pendingExit: number;
  readonly pending: number;
  readonly stepDiscarded: boolean;
}

/** A processor and its memory at one moment between two calls of run(). Decoded code is left out: it follows from the memory. */
export interface ProcessorSnapshot {
  readonly fields: ProcessorFields;
  readonly memory: MemoryImage;
  /** Pairs of page number and details, in the order in which the pages were first filled. */
  readonly tlb: Int32Array;
}

/** @param previous an earlier snapshot of the same processor, to share pages with */
export function saveProcessor(
  cpu: Cpu,
  previous: ProcessorSnapshot | null,
  isSame?: PageComparison,
): ProcessorSnapshot {
  // What regions have left behind is of no use any more, and tells which code was translated.
  cpu.state.fill(0, REGION_BUDGET, REGION_LEFT + 1);
  return {
    fields: {
      instructionCount: cpu.instructionCount,
      timestampOffset: cpu.timestampOffset,
      exceptionVector: cpu.exceptionVector,
      exceptionErrorCode: cpu.exceptionErrorCode,
      exceptionHasErrorCode: cpu.exceptionHasErrorCode,
      exceptionKeepsResumeFlag: cpu.exceptionKeepsResumeFlag,
      exceptionLinear: cpu.exceptionLinear,
      faulted: cpu.faulted,
      pageFaultErrorCode: cpu.pageFaultErrorCode,
      jumped: cpu.jumped,
      interruptRequest: cpu.interruptRequest,
      ignoreNumericError: cpu.ignoreNumericError,
      stoodStill: cpu.stoodStill,
      pendingExit: cpu.pendingExit,
      pending: cpu.debug.pending,
      stepDiscarded: cpu.debug.stepDiscarded,
    },
    memory: captureMemory(cpu.memory, previous?.memory ?? null, isSame),
    tlb: saveTlb(cpu),
  };
}

/** Goes back to a snapshot of this processor, or of one with as much memory. Breakpoints of the host stay as they are. */
export function restoreProcessor(cpu: Cpu, snapshot: ProcessorSnapshot, isSame?: PageComparison): void {
  const { fields, memory, tlb } = snapshot;
  flushTlb(cpu, true);
  restoreMemory(cpu.memory, memory, (offset) => cpu.codeWritten(offset, PAGE_SIZE), isSame);
  cpu.state[TLB_FILLED_COUNT] = 0;
  loadTlb(cpu, tlb);
  cpu.instructionCount = fields.instructionCount;
  cpu.timestampOffset = fields.timestampOffset;
  cpu.exceptionVector = fields.exceptionVector;
  cpu.exceptionErrorCode = fields.exceptionErrorCode;
  cpu.exceptionHasErrorCode = fields.exceptionHasErrorCode;
  cpu.exceptionKeepsResumeFlag = fields.exceptionKeepsResumeFlag;
  cpu.exceptionLinear = fields.exceptionLinear;
  cpu.faulted = fields.faulted;
  cpu.pageFaultErrorCode = fields.pageFaultErrorCode;
  cpu.jumped = fields.jumped;
  cpu.setInterruptRequest(fields.interruptRequest);
  cpu.ignoreNumericError = fields.ignoreNumericError;
  cpu.stoodStill = fields.stoodStill;
  cpu.pendingExit = fields.pendingExit;
  cpu.debug.takeHostStop();
  cpu.debug.update();
  cpu.debug.pending = fields.pending;
  cpu.debug.stepDiscarded = fields.stepDiscarded;
}
