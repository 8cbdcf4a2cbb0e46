import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { type Process, ProcessState } from '../ke/process.js';
import { Mode, type Thread, ThreadState, WaitReason } from '../ke/thread.js';
import { KERNEL_STACK_DISTANCE, TRAP_FRAME_DISTANCE } from '../ke/trap-frame.js';
import type { Kernel } from '../kernel.js';
import type { Blocking } from '../types.js';
import { beginInPageKernelStack, endInPageKernelStack, outPageKernelStack, type StackRead } from './kernel-stack.js';
import { PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { continueInSwap, finishInSwapRead, outSwapAddressSpace } from './outswap.js';
import { READ_RETRY_DELAY, releasePageRead } from './page-read.js';
import type { PageRead } from './paging.js';

export const SWAPPER_PRIORITY = 23;
const KERNEL_STACK_INPAGE_ERROR = 0x77;
/** Where EPROCESS lies in the object's pool block, and PageDirectoryPte in it (nt52.md 11.2). */
const OBJECT_BODY_OFFSET = 0x18;
const PAGE_DIRECTORY_PTE = 0x158;
/** Threads of this priority and above keep their stacks. */
const HIGHEST_SWAPPED_PRIORITY = 25;
/** Stacks that leave in one pass. */
const STACKS_PER_PASS = 5;
/** 100 ns units. */
const RETRY_TIMEOUT = BigInt(-READ_RETRY_DELAY / 100);
/** The signature lies just below the saved stack pointer. */
const SIGNATURE_DISTANCE = KERNEL_STACK_DISTANCE + 4;

/** What the swapper has to do: KiSwapEvent, KiStackInSwapListHead, and which stacks are out. */
export class Swapper {
  readonly event = new KEvent(EventType.Synchronization, false);
  /** Threads that would be ready, had they their stacks, in the order in which they became so. */
  readonly inSwapQueue: Thread[] = [];
  /** Threads whose stacks are not in memory. */
  readonly swappedOut: Thread[] = [];
  /** Processes whose last stack has left memory, and such as have a thread that is to run. */
  readonly outSwapProcesses: Process[] = [];
  readonly inSwapProcesses: Process[] = [];
  /** The balance set manager has asked for a look at the stacks. */
  outSwapRequested = false;
  readonly #mm: MemoryManager;

  constructor(mm: MemoryManager) {
    this.#mm = mm;
  }

  /** Stacks of threads that have waited for long may leave. */
  requestStackOutswap(): void {
    this.outSwapRequested = true;
    this.#mm.signal(this.event);
  }

  /** The last kernel stack of a process that has threads is gone from memory: the process may follow. */
  requestProcessOutSwap(process: Process): void {
    if (process.state !== ProcessState.InMemory || process.addressSpace === null) return;
    process.state = ProcessState.OutTransition;
    this.outSwapProcesses.push(process);
    this.#mm.signal(this.event);
  }

  /** A thread of a process that is out has been made ready. */
  requestProcessInSwap(process: Process): void {
    this.inSwapProcesses.push(process);
    this.#mm.signal(this.event);
  }

  /** A thread whose stack is out has been made ready: it can run once the swapper has brought the stack in. */
  requestInSwap(thread: Thread): void {
    this.inSwapQueue.push(thread);
    this.#mm.signal(this.event);
  }
}

/**
 * KeSwapProcessOrStack, a system thread of priority 23 (nt52.md 6.9): takes kernel stacks of threads that have waited in user
 * mode for long out of memory, and brings those of threads that are to run in.
 */
export function* swapper(kernel: Kernel): Blocking<void> {
  const { mm, ke } = kernel;
  const work = mm.swapper;
  for (;;) {
    yield* ke.waitForSingleObject(work.event, WaitReason.Executive, Mode.Kernel, false, null);
    if (work.outSwapRequested) {
      work.outSwapRequested = false;
      outSwapKernelStacks(kernel);
      for (const { pcb } of kernel.ps.processes) if (isWaitingToLeave(pcb)) outSwapMemory(kernel, pcb);
    }
    for (let process = work.outSwapProcesses.shift(); process !== undefined; process = work.outSwapProcesses.shift()) {
      outSwapProcess(kernel, process);
    }
    for (let process = work.inSwapProcesses.shift(); process !== undefined; process = work.inSwapProcesses.shift()) {
      yield* inSwapProcess(kernel, process);
    }
    for (let thread = work.inSwapQueue.shift(); thread !== undefined; thread = work.inSwapQueue.shift()) {
      yield* inSwapKernelStack(kernel, thread);
      ke.readyThread(thread);
    }
  }
}

/** The process is to be out, but pages of it were still on lists, or somebody has looked at its memory since. */
function isWaitingToLeave(process: Process): boolean {
  const { state, addressSpace, stackCount } = process;
  return state === ProcessState.OutOfMemory && stackCount === 0 && addressSpace?.outSwapped === false;
}

/** KiOutSwapProcesses, for one of them: it stays when a thread is to run after all. */
function outSwapProcess(kernel: Kernel, process: Process): void {
  if (process.readyList.length > 0 || process.stackCount > 0) {
    kernel.ke.processArrived(process);
    return;
  }
  process.state = ProcessState.OutSwap;
  outSwapMemory(kernel, process);
  process.state = ProcessState.OutOfMemory;
}

/** MmOutSwapProcess. The page directory's PTE goes to EPROCESS.PageDirectoryPte, in the process object's pool block. */
function outSwapMemory(kernel: Kernel, { addressSpace, executive }: Process): void {
  const object = executive?.object ?? null;
  if (addressSpace === null || object === null) return;
  addressSpace.outswapEnabled = true;
  outSwapAddressSpace(kernel.mm, addressSpace, object.address + OBJECT_BODY_OFFSET + PAGE_DIRECTORY_PTE);
}

/** KiInSwapProcesses, for one of them, and MmInSwapProcess. */
function* inSwapProcess(kernel: Kernel, process: Process): Blocking<void> {
  const { mm, ke } = kernel;
  const space = process.addressSpace;
  process.state = ProcessState.InSwap;
  for (let pending = space && continueInSwap(mm, space); space && pending; pending = continueInSwap(mm, space)) {
    const { read } = pending;
    if (!read.isDone) yield* ke.waitForSingleObject(read.event, WaitReason.PageIn, Mode.Kernel, false, null);
    finishInSwapRead(mm, space, pending);
    if (read.mustRetry) yield* ke.delayExecution(Mode.Kernel, false, RETRY_TIMEOUT);
  }
  if (space !== null) space.outswapEnabled = false;
  ke.processArrived(process);
}

/** KiOutSwapKernelStacks: the threads that have waited longest, at most five. */
function outSwapKernelStacks(kernel: Kernel): void {
  const before = kernel.ke.tickCount() - kernel.mm.thresholds.stackOutswapTicks;
  const eligible: Thread[] = [];
  for (const process of kernel.ps.processes) {
    for (const thread of process.pcb.threads) if (isEligible(thread, before)) eligible.push(thread);
  }
  eligible.sort((a, b) => a.waitTime - b.waitTime || a.uniqueThreadId - b.uniqueThreadId);
  for (const thread of eligible.slice(0, STACKS_PER_PASS)) outSwapKernelStack(kernel, thread);
}

/** Only a wait in user mode holds nothing on the stack that others could need. */
function isEligible(thread: Thread, before: number): boolean {
  if (thread.trapFrame === null || !thread.kernelStackResident || thread.priority >= HIGHEST_SWAPPED_PRIORITY)
    return false;
  const waits = thread.state === ThreadState.Waiting && thread.waitMode === Mode.User;
  return waits && thread.waitTime < before && thread.savedApcState === null;
}

/** What tells a thread's stack from anybody else's: the address of the thread object. */
const signature = (thread: Thread): number => thread.executive?.object?.address ?? thread.uniqueThreadId;

/** Takes one stack out of memory; a waiting thread's state is all on it. */
export function outSwapKernelStack(kernel: Kernel, thread: Thread): void {
  const { mm } = kernel;
  kernel.ke.leaveProcessorState(thread);
  kernel.system.write32(thread.initialStack - SIGNATURE_DISTANCE, signature(thread));
  outPageKernelStack(mm, thread.initialStack);
  thread.kernelStackResident = false;
  mm.swapper.swappedOut.push(thread);
  mm.counters.kernelStacksSwappedOut++;
  const { process } = thread;
  process.stackCount--;
  if (process.stackCount === 0) mm.swapper.requestProcessOutSwap(process);
}

function* inSwapKernelStack(kernel: Kernel, thread: Thread): Blocking<void> {
  while (!thread.kernelStackResident) {
    const pending = beginInPageKernelStack(kernel.mm, thread.initialStack);
    if (pending.read !== null && !pending.read.isDone) {
      yield* kernel.ke.waitForSingleObject(pending.read.event, WaitReason.PageIn, Mode.Kernel, false, null);
    }
    stackArrived(kernel, thread, pending);
    if (!thread.kernelStackResident) yield* kernel.ke.delayExecution(Mode.Kernel, false, RETRY_TIMEOUT);
  }
}

/** For kernel code that has to look at a thread's registers and cannot wait: the stack is brought in on the spot. */
export function makeStackResident(kernel: Kernel, thread: Thread): void {
  const { mm } = kernel;
  while (!thread.kernelStackResident) {
    const pending = beginInPageKernelStack(mm, thread.initialStack);
    if (pending.read !== null) while (!pending.read.isDone && mm.paging.device.finishFirst());
    stackArrived(kernel, thread, pending);
    if (!thread.kernelStackResident) mm.paging.device.pass(READ_RETRY_DELAY);
  }
}

/**
 * The page is in memory, or the read is to be begun again: KERNEL_STACK_INPAGE_ERROR when it could not be read (status, status of the I/O, paging file, slot) or is
 * not the thread's (1: read from disk, what stood in the signature's place, 0, its address).
 */
function stackArrived(kernel: Kernel, thread: Thread, { read, begun }: StackRead): void {
  const { mm } = kernel;
  // Somebody who could not wait may have brought the stack in meanwhile, by the same read.
  if (!thread.kernelStackResident && read?.mustRetry !== true) installStack(kernel, thread, read);
  if (read !== null && begun) releasePageRead(mm, read);
}

function installStack(kernel: Kernel, thread: Thread, read: PageRead | null): void {
  const { mm } = kernel;
  if (read !== null && read.status >>> 0 >= 0xc0000000) {
    kernel.bugcheck(KERNEL_STACK_INPAGE_ERROR, read.status, read.status, read.place.file, read.place.slot);
  }
  const frame = endInPageKernelStack(mm, thread.initialStack);
  const at = thread.initialStack - SIGNATURE_DISTANCE;
  const found = kernel.system.read32(at);
  if (found !== signature(thread)) {
    kernel.bugcheck(KERNEL_STACK_INPAGE_ERROR, read === null ? 0 : 1, found, 0, at);
  }
  thread.trapFrame?.moveTo(mm.memory.hostPage(frame) + PAGE_SIZE - TRAP_FRAME_DISTANCE);
  thread.kernelStackResident = true;
  mm.swapper.swappedOut.splice(mm.swapper.swappedOut.indexOf(thread), 1);
  thread.process.stackCount++;
}
