import type { AddressSpace } from '../mm/address-space.js';
import type { EProcess } from '../ps/process.js';
import { type NtStatus, ntStatus, type VirtualAddress, virtualAddress } from '../types.js';
import { DispatcherObject, DispatcherType } from './dispatcher-object.js';
import type { Thread } from './thread.js';

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
  /** Threads with a kernel stack in memory. */
  stackCount = 0;
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
