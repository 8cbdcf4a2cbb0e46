import type { AddressSpace } from '../mm/address-space.js';
import type { EProcess } from '../ps/process.js';
import { type NtStatus, ntStatus, type VirtualAddress, virtualAddress } from '../types.js';
import { DispatcherObject, DispatcherType } from './dispatcher-object.js';
import type { Thread } from './thread.js';

/** KPROCESS.State: where a process is whose threads have no kernel stacks in memory. */
export const ProcessState = {
  InMemory: 0,
  OutOfMemory: 1,
  /** A thread is ready: the swapper is to bring the process in. */
  InTransition: 2,
  /** The last kernel stack has left memory: the swapper is to take the process out. */
  OutTransition: 3,
  InSwap: 4,
  OutSwap: 5,
} as const;
export type ProcessState = (typeof ProcessState)[keyof typeof ProcessState];

/**
 * The part of a process that ke and mm need (KPROCESS role, and the few executive fields that faults and traces
 * read on hot paths). ps composes it: EProcess { pcb: Process }, and pcb.executive points back.
 * Signaled when the last thread has ended.
 */
export class Process extends DispatcherObject {
  /** Client id; 0 idle, 4 System. */
  readonly uniqueProcessId: number;
  /** At most 15 characters, as EPROCESS.ImageFileName. */
  readonly imageFileName: string;
  /** Page tables and VADs; null for a process that mm has not given an address space or took it away. */
  addressSpace: AddressSpace | null = null;
  peb: VirtualAddress = virtualAddress(0);
  basePriority = 8;
  /** Quantum units that a thread gets when its quantum is replenished. */
  quantumReset = 6;
  /** Levels that the wait boosts of its threads are higher by: PsPrioritySeparation in the foreground, otherwise 0. */
  foregroundBoost = 0;
  /** New threads get no boosts. */
  disableBoost = false;
  /** Living threads in order of creation. */
  readonly threads: Thread[] = [];
  /** Threads with a kernel stack in memory, and those that are attached from elsewhere: as long as there is one, the process stays. */
  stackCount = 0;
  state: ProcessState = ProcessState.InMemory;
  /** Threads that would be ready, were the process in memory, in the order in which they became so. */
  readonly readyList: Thread[] = [];
  exitStatus: NtStatus = ntStatus(0x103);
  /** Virtual time in 100 ns units that ended threads spent; see Thread for the living. */
  userTime = 0;
  kernelTime = 0;
  executive: EProcess | null = null;

  constructor(uniqueProcessId: number, imageFileName: string) {
    super(DispatcherType.Process, 0);
    this.uniqueProcessId = uniqueProcessId;
    this.imageFileName = imageFileName.slice(0, 15);
  }
}
