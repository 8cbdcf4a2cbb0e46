import { BootedKernel } from '../../kernel/boot.js';
import { type Host, type HostVolume, StandardStream, type UnhandledExceptionReport } from '../../kernel/host.js';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { CONTEXT_SIZE, ContextField, ContextFlag } from '../../kernel/ke/context.js';
import { NO_DISPATCHERS } from '../../kernel/ke/exception.js';
import type { UserDispatchers } from '../../kernel/ke/kernel-executive.js';
import { Process } from '../../kernel/ke/process.js';
import type { RunEnd } from '../../kernel/ke/run-loop.js';
import { serviceNumber } from '../../kernel/ke/service-names.js';
import type { Thread } from '../../kernel/ke/thread.js';
import { allocateVirtualMemory } from '../../kernel/mm/allocate-virtual-memory.js';
import { Status } from '../../kernel/ntstatus.js';
import { type MachineOptions, machineOptions } from '../../kernel/options.js';
import type { EProcess } from '../../kernel/ps/process.js';
import { services } from '../../kernel/services.js';
import { type Blocking, type NtStatus, virtualAddress } from '../../kernel/types.js';
import { bootOptions } from '../boot-options.js';

/** Where the program's code, its data and its stack lie. */
export const CODE = 0x00400000;
export const DATA = 0x00500000;
export const STACK_BASE = 0x00640000;
export const STACK_RESERVE = 0x40000;
const STACK_COMMIT = 0x2000;
const RESERVE_COMMIT = 0x3000;
const RESERVE = 0x2000;
const EXECUTE_READWRITE = 0x40;

/** Machine code from hexadecimal text; `;` starts a comment, `'name'` stands for a service number, `@label`s are not known. */
export function code(...lines: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  for (const line of lines) {
    for (const token of line.replace(/;.*/, '').split(/\s+/).filter(Boolean)) {
      if (token.startsWith('Nt')) bytes.push(...dword(serviceNumber(token)));
      else if (token.startsWith('=')) bytes.push(...dword(Number(token.slice(1))));
      else bytes.push(Number.parseInt(token, 16));
    }
  }
  return Uint8Array.from(bytes);
}

export function dword(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** A booted kernel with one process that has no image: code, data and a stack that grows, started at CODE. */
export class BareProcess {
  readonly kernel: BootedKernel;
  readonly process: EProcess;
  readonly thread: Thread;
  readonly exceptions: UnhandledExceptionReport[] = [];
  readonly debugText: string[] = [];
  readonly traceLines: string[] = [];

  /** @param volumes drives besides or in place of an empty C: */
  constructor(
    program: Uint8Array,
    options: Partial<MachineOptions> = {},
    dispatchers: Partial<UserDispatchers> = {},
    volumes: ReadonlyMap<string, HostVolume> = new Map(),
  ) {
    this.kernel = new BootedKernel(
      machineOptions({ imagePath: '\\??\\C:\\none.exe', memorySize: 16 << 20, ...bootOptions, ...options }),
      this.#host(volumes),
      services,
    );
    const { kernel } = this;
    kernel.ke.setUserDispatchers({ ...NO_DISPATCHERS, ...dispatchers });
    this.process = this.#createProcess();
    const { pcb } = this.process;
    kernel.ke.attachProcess(pcb);
    this.#allocate(CODE, 0x10000);
    this.#allocate(DATA, 0x10000);
    this.#reserveStack();
    kernel.user.writeBytes(CODE, program);
    kernel.ke.detachProcess();
    this.thread = this.startThread(CODE, STACK_BASE);
  }

  /** Starts another thread of the process. */
  startThread(eip: number, esp: number): Thread {
    const { kernel, process } = this;
    const id = kernel.ps.allocateClientId();
    kernel.ke.attachProcess(process.pcb);
    const stack = {
      stackBase: STACK_BASE,
      stackLimit: STACK_BASE - STACK_COMMIT,
      allocationBase: STACK_BASE - STACK_RESERVE,
    };
    const teb = kernel.ps.memory.createTeb(process, id, stack);
    kernel.ke.detachProcess();
    const context = new Uint8Array(CONTEXT_SIZE);
    const view = new DataView(context.buffer);
    view.setUint32(ContextField.ContextFlags, ContextFlag.FULL, true);
    view.setUint32(ContextField.Eip, eip, true);
    view.setUint32(ContextField.Esp, esp, true);
    const created = kernel.ke.createUserThread(process.pcb, {
      uniqueThreadId: id,
      teb: virtualAddress(teb.address),
      context,
    });
    if (created.thread === null) throw new Error('no thread');
    kernel.ps.createThreadObject(created.thread, process);
    kernel.ke.startThread(created.thread);
    return created.thread;
  }

  /** Runs kernel code attached to the process, in a system thread, until it is done or the program has run so many instructions. */
  inProcess(body: () => Blocking<void>, instructions = 100_000): void {
    const { kernel, process } = this;
    let done = false;
    const thread = kernel.ke.createSystemThread(kernel.systemProcess, 16, function* () {
      kernel.ke.attachProcess(process.pcb);
      yield* body();
      kernel.ke.detachProcess();
      done = true;
    });
    if (thread === null) throw new Error('no resources for a thread');
    const end = kernel.runLoop.run(instructions, () => done);
    if (!done) throw new Error(`the kernel code did not come to its end: ${end}`);
  }

  /** Calls a service routine as the current thread's user code would; arguments are uint32. */
  *call(name: string, ...parameters: readonly number[]): Blocking<NtStatus> {
    const row = services.find((service) => service.name === name);
    if (row === undefined) throw new Error(`no service ${name}`);
    if (parameters.length !== row.arguments) throw new Error(`${name} takes ${row.arguments} arguments`);
    const result = row.handler(this.kernel, ...parameters.map((value) => value >>> 0));
    return typeof result === 'number' ? result : yield* result;
  }

  run(maximumInstructions = 10_000_000): RunEnd {
    return this.kernel.runLoop.run(maximumInstructions, () => this.process.pcb.signalState > 0);
  }

  /** Dwords of the process's memory, from outside of its threads. */
  words(address: number, count: number): number[] {
    const { ke, user } = this.kernel;
    ke.attachProcess(this.process.pcb);
    const words = Array.from({ length: count }, (_, index) => user.read32(address + index * 4));
    ke.detachProcess();
    return words;
  }

  #createProcess(): EProcess {
    const { ps } = this.kernel;
    const pcb = new Process(ps.allocateClientId(), 'bare.exe');
    pcb.addressSpace = ps.memory.createAddressSpace(pcb.uniqueProcessId);
    const process = ps.createProcessObject(pcb, 4, '\\??\\C:\\bare.exe');
    if (process === null) throw new Error('no process');
    return process;
  }

  #allocate(base: number, size: number, type = RESERVE_COMMIT): void {
    const space = this.process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    const request = { base, zeroBits: 0, size, type, protection: EXECUTE_READWRITE };
    const { status } = allocateVirtualMemory(this.kernel, space, request);
    if (status !== Status.SUCCESS) throw new Error(`no memory: ${status.toString(16)}`);
  }

  #reserveStack(): void {
    this.#allocate(STACK_BASE - STACK_RESERVE, STACK_RESERVE, RESERVE);
    this.kernel.ps.memory.commitStack(this.process, STACK_BASE - STACK_COMMIT, STACK_COMMIT, true);
  }

  #host(volumes: ReadonlyMap<string, HostVolume>): Host {
    return {
      console: {
        kind: (stream) => (stream === StandardStream.Input ? 'none' : 'pipe'),
        read: () => 'eof',
        waitForInput: () => true,
        write: () => Status.SUCCESS,
        flush: () => undefined,
        size: () => ({ columns: 80, rows: 25 }),
        setRaw: () => undefined,
      },
      volumes: new Map<string, HostVolume>([['C', new MemoryVolume('', () => 0n)], ...volumes]),
      systemVolume: new MemoryVolume('', () => 0n),
      debugOutput: (text) => this.debugText.push(text),
      hardError: () => undefined,
      unhandledException: (report) => this.exceptions.push(report),
    };
  }
}
