import type { IoRequest } from '../io/io-request.js';
import type { Thread } from '../ke/thread.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { Token } from '../se/token.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import type { EProcess } from './process.js';

/** Whom a thread acts for instead of its process. */
export interface Impersonation {
  /** Referenced as long as it is the thread's. */
  readonly token: ObjectHeader<Token>;
}

/** Body of a Thread object: the executive part of a thread (ETHREAD role). Waits go to its tcb. */
export class EThread {
  readonly tcb: Thread;
  readonly process: EProcess;
  /** The object itself; null only while it is being made. */
  object: ObjectHeader<EThread> | null = null;
  readonly createTime: bigint;
  exitTime = 0n;
  /** CONTEXT.Eip and .Eax at creation: what the kernel started and what Win32 was told to call. */
  startAddress: VirtualAddress = virtualAddress(0);
  win32StartAddress: VirtualAddress = virtualAddress(0);
  hideFromDebugger = false;
  breakOnTermination = false;
  /** Operations that it began and that have not ended (IrpList). */
  readonly pendingRequests = new Set<IoRequest>();
  impersonation: Impersonation | null = null;
  /** PspExitThread has begun. */
  terminated = false;

  constructor(tcb: Thread, process: EProcess, createTime: bigint) {
    this.tcb = tcb;
    this.process = process;
    this.createTime = createTime;
  }

  /** What a wait on a thread handle waits for. */
  get dispatcherObject(): Thread {
    return this.tcb;
  }

  get threadId(): number {
    return this.tcb.uniqueThreadId;
  }
}
