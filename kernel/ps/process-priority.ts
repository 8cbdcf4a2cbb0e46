import { LOW_REALTIME_PRIORITY } from '../ke/priority.js';
import type { Process } from '../ke/process.js';
import type { Kernel } from '../kernel.js';
import { holdsPrivilege } from '../mm/service-support.js';
import { MemoryPriority } from '../mm/working-set-limits.js';
import { Status } from '../ntstatus.js';
import { Privilege } from '../se/privilege.js';
import type { NtStatus } from '../types.js';
import { type EProcess, PriorityClass } from './process.js';

/** Base priorities of the classes (nt52.md 11.8). */
const classPriorities: ReadonlyMap<number, number> = new Map([
  [PriorityClass.Idle, 4],
  [PriorityClass.Normal, 8],
  [PriorityClass.High, 13],
  [PriorityClass.RealTime, 24],
  [PriorityClass.BelowNormal, 6],
  [PriorityClass.AboveNormal, 10],
]);

/** Bit of ProcessBasePriority that asks for a foreground process's memory priority too. */
const FOREGROUND_BIT = 0x80000000;

/** Quantum units by separation; a clock tick costs 3. A fixed quantum is that of full separation for everybody. */
const VARIABLE_SHORT = [6, 12, 18] as const;
const VARIABLE_LONG = [12, 24, 36] as const;
const HIGHEST_SEPARATION = 2;
/** The fields of Win32PrioritySeparation, from bit 0: separation, variable (1) or fixed (2), long (1) or short (2). */
const field = (value: number, index: number): number => (value >>> (index * 2)) & 3;
const FIXED = 2;
const LONG = 1;

/** How much the foreground is preferred: PsPrioritySeparation and PspForegroundQuantum, from Win32PrioritySeparation. */
export class PrioritySeparation {
  readonly separation: number;
  readonly #quantums: readonly number[];

  /** @param value as in the registry; fields of 0 and 3 mean a workstation's: variable and short */
  constructor(value: number) {
    this.separation = Math.min(field(value, 0), HIGHEST_SEPARATION);
    const table = field(value, 2) === LONG ? VARIABLE_LONG : VARIABLE_SHORT;
    this.#quantums = field(value, 1) === FIXED ? table.map(() => table[HIGHEST_SEPARATION]) : table;
  }

  /** Quantum units of a process's threads. */
  quantum(process: Pick<EProcess, 'isForeground' | 'priorityClass'>): number {
    const prefers = process.isForeground && process.priorityClass !== PriorityClass.Idle;
    return this.#quantums[prefers ? this.separation : 0];
  }
}

/** What a new process has, before its first thread: a class below normal goes on to children, others do not. */
export function initializePriority(kernel: Kernel, process: EProcess, parent: EProcess | null): void {
  const inherited = parent?.priorityClass ?? PriorityClass.Normal;
  const isLow = inherited === PriorityClass.Idle || inherited === PriorityClass.BelowNormal;
  setPriorityByClass(kernel, process, isLow ? inherited : PriorityClass.Normal, false);
}

/**
 * PROCESS_PRIORITY_CLASS. INVALID_PARAMETER for a class that is none; PRIVILEGE_NOT_HELD: the real-time class takes
 * SeIncreaseBasePriorityPrivilege.
 */
export function setPriorityClass(kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  const priorityClass = view.getUint8(1);
  if (!classPriorities.has(priorityClass)) return Status.INVALID_PARAMETER;
  const takesPrivilege = priorityClass === PriorityClass.RealTime && process.priorityClass !== PriorityClass.RealTime;
  if (takesPrivilege && !mayRaise(kernel)) return Status.PRIVILEGE_NOT_HELD;
  setPriorityByClass(kernel, process, priorityClass, view.getUint8(0) !== 0);
  return Status.SUCCESS;
}

/** PROCESS_FOREGROUND_BACKGROUND: the process comes to the foreground or leaves it; its class stays. */
export function setForeground(kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  setPriorityByClass(kernel, process, process.priorityClass, view.getUint8(0) !== 0);
  return Status.SUCCESS;
}

/** ProcessBasePriority: 1 to 31, with a bit for the memory priority. To raise it takes SeIncreaseBasePriorityPrivilege. */
export function setBasePriority(kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  const value = view.getUint32(0, true);
  const priority = value & ~FOREGROUND_BIT;
  if (priority < 1 || priority > 31) return Status.INVALID_PARAMETER;
  if (priority > process.pcb.basePriority && !mayRaise(kernel)) return Status.PRIVILEGE_NOT_HELD;
  kernel.ke.setProcessPriority(process.pcb, priority);
  setMemoryPriority(process.pcb, (value & FOREGROUND_BIT) !== 0);
  return Status.SUCCESS;
}

/** ProcessRaisePriority: every thread of the process gets a boost of so many levels once. It makes nobody real-time, and lowers nobody. */
export function raisePriority(kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  for (const thread of process.pcb.threads) kernel.ke.boostThread(thread, view.getInt32(0, true));
  return Status.SUCCESS;
}

/** PsChangeQuantumTable: another Win32PrioritySeparation, for all processes at once. */
export function changePrioritySeparation(kernel: Kernel, value: number): void {
  kernel.ps.prioritySeparation = new PrioritySeparation(value);
  for (const process of kernel.ps.processes) applySeparation(kernel, process);
}

/** The running thread's process may give priorities that would keep others from running. */
export function mayRaise(kernel: Kernel): boolean {
  return holdsPrivilege(kernel, Privilege.INCREASE_BASE_PRIORITY);
}

/** A priority that takes a privilege to get to. */
export const isRealTime = (priority: number): boolean => priority >= LOW_REALTIME_PRIORITY;

/** PsSetProcessPriorityByClass: base priority, memory priority, quantum and wait boosts. */
function setPriorityByClass(kernel: Kernel, process: EProcess, priorityClass: number, foreground: boolean): void {
  process.priorityClass = priorityClass;
  process.isForeground = foreground;
  setMemoryPriority(process.pcb, foreground);
  applySeparation(kernel, process);
  kernel.ke.setProcessPriority(process.pcb, classPriorities.get(priorityClass) ?? process.pcb.basePriority);
}

function applySeparation(kernel: Kernel, process: EProcess): void {
  const { prioritySeparation } = kernel.ps;
  process.pcb.quantumReset = prioritySeparation.quantum(process);
  process.pcb.foregroundBoost = process.isForeground ? prioritySeparation.separation : 0;
}

/** MmSetMemoryPriorityProcess. */
function setMemoryPriority(pcb: Process, foreground: boolean): void {
  if (pcb.addressSpace === null) return;
  pcb.addressSpace.vm.memoryPriority = foreground ? MemoryPriority.Foreground : MemoryPriority.Background;
}
