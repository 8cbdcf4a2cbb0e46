import {
  type AddressSpace,
  BugcheckError,
  type BugcheckReport,
  type ExceptionRecord,
  type FaultAccess,
  type FaultEvent,
  FaultOutcome,
  faultOutcomeName,
  type Host,
  type KernelContext,
  kernelAccessFault,
  Machine,
  type MachineObserver,
  type MachineOptions,
  MemoryVolume,
  PASSIVE_LEVEL,
  type RunResult,
  Status,
  serviceNumber,
  statusName,
  type Thread,
  TrapFrameField,
} from '../../../kernel/index.js';
import { bootOptions } from '../../boot-options.js';
import { Drive, drivenProgram, drivenSystemDll, Image } from './driven-image.js';
import { differences, type MemoryFigures, MemoryView, type PageView } from './memory-view.js';

/** What one access, or one service, did to memory. Plain data, to be compared with toMatchObject. */
export interface AccessReport {
  /** What became of the faults on the page and on its page table, in order: faultOutcomeName. */
  readonly faults: readonly string[];
  /** The exception that the thread got instead: name of its status, and its parameters. */
  readonly exception: { readonly status: string; readonly parameters: readonly number[] } | null;
  readonly bugcheck: BugcheckReport | null;
  /** The byte that was read; EAX after a service. */
  readonly value: number;
  readonly before: PageView;
  readonly after: PageView;
  /** By how much counters, page lists and the process's figures moved. */
  readonly moved: MemoryFigures;
}

export interface DrivenOptions extends Partial<MachineOptions> {
  /** Files of drive C: by name. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

const INSTRUCTIONS_TO_START = 100_000;
const INSTRUCTIONS_OF_A_STEP = 100;
const PAGE_MASK = 0xfff;
/** TEB.NtTib.ArbitraryUserPointer: nobody else's. */
const TEB_ARBITRARY = 0x14;

/** Collects faults and the first exception while an access is under way. */
class Recorder implements MachineObserver {
  readonly faults: { readonly address: number; readonly outcome: string }[] = [];
  raised: ExceptionRecord | null = null;
  /** Called at each fault, once it is decided. */
  atFault: (address: number) => void = () => undefined;
  /** Called at an exception, before the kernel does anything about it. */
  atException: () => void = () => undefined;

  pageFault(event: FaultEvent): void {
    const outcome = faultOutcomeName(event.outcome);
    this.faults.push({ address: event.address, outcome });
    this.atFault(event.address);
  }

  exception(_thread: Thread, record: ExceptionRecord): boolean {
    if (this.raised === null) {
      this.raised = record;
      this.atException();
    }
    return false;
  }

  systemCall(): boolean {
    return false;
  }

  module(): void {}
  threadStarted(): void {}
  threadEnded(): void {}
}

/**
 * A machine whose program does what a test says, one instruction at a time: an access at any address, or a system service with
 * any arguments. Nothing but that instruction happens between the two looks at memory that a report compares.
 *
 *     const drive = new DrivenMachine({ pae: false });
 *     const base = drive.allocate({ size: 0x1000 });
 *     expect(drive.write(base, 7)).toMatchObject({ faults: ['demand-zero'], after: { pte: { form: 'valid' } } });
 *
 * Every access and service ends with the memory manager's check of itself; an inconsistency is thrown as an Error.
 */
export class DrivenMachine {
  readonly machine: Machine;
  readonly thread: Thread;
  readonly space: AddressSpace;
  readonly view: MemoryView;
  readonly #recorder = new Recorder();
  readonly #stackPointer: number;
  readonly #teb: number;

  constructor({ files = {}, ...options }: DrivenOptions = {}) {
    this.machine = new Machine(
      { imagePath: '\\??\\C:\\driven.exe', memorySize: 16 << 20, ...bootOptions, ...options },
      drivenHost(files),
      this.#recorder,
    );
    const started = this.machine.run({ maxInstructions: INSTRUCTIONS_TO_START });
    const process = this.machine.kernel.ps.initialProcess?.pcb ?? null;
    const thread = process?.threads[0];
    if (process === null || thread === undefined || process.addressSpace === null) {
      throw new Error(`the driven program did not start: ${started.reason} ${started.status}`);
    }
    this.thread = thread;
    this.space = process.addressSpace;
    this.view = new MemoryView(this.machine, process.addressSpace);
    this.#teb = thread.teb;
    this.#stackPointer = this.#register(TrapFrameField.Esp);
    this.settle();
  }

  // --- accesses of the program

  /** MOV AL, [address] in user mode. */
  read(address: number): AccessReport {
    return this.#access(address, Drive.read, 0);
  }

  /** MOV [address], value in user mode. */
  write(address: number, value: number): AccessReport {
    return this.#access(address, Drive.write, value);
  }

  /** Fetches and executes the instruction at the address: zeros, which are an addition to memory that may be written. */
  execute(address: number): AccessReport {
    return this.#access(address, address, Image.scratch);
  }

  /** The bytes of an address as the program reads them, without a report. @throws Error at an exception */
  peek(address: number): number {
    const report = this.read(address);
    if (report.exception !== null) throw new Error(`no byte at ${address.toString(16)}: ${report.exception.status}`);
    return report.value;
  }

  // --- services

  /** Calls a system service; `value` of the report is its status. What the kernel does meanwhile counts as its work. */
  service(name: string, ...parameters: readonly number[]): AccessReport {
    const frame = this.#frame();
    this.settle();
    for (const [index, value] of parameters.entries()) this.poke(Image.scratch + index * 4, value);
    const number = serviceNumber(name);
    if (number < 0) throw new Error(`no service is called ${name}`);
    frame.set(TrapFrameField.Eax, number);
    frame.set(TrapFrameField.Edx, Image.scratch);
    return this.#run(Image.scratch, Drive.service);
  }

  /** As service(), for one that must succeed. @throws Error with the name of the status */
  call(name: string, ...parameters: readonly number[]): void {
    const { value, exception } = this.service(name, ...parameters);
    if (value >= 0x8000_0000 || exception !== null) {
      throw new Error(`${name}: ${exception?.status ?? statusName(value as Parameters<typeof statusName>[0])}`);
    }
  }

  /** A dword of the program's memory, put there by the kernel. */
  poke(address: number, value: number): void {
    this.inKernel(() => this.machine.kernel.user.write32(address, value));
  }

  /** A dword of the program's memory, read by the kernel. */
  word(address: number): number {
    return this.inKernel(() => this.machine.kernel.user.read32(address));
  }

  /** Runs kernel code in the context of the process. */
  inKernel<Result>(body: () => Result): Result {
    const { ke } = this.machine.kernel;
    ke.attachProcess(this.thread.process);
    try {
      return body();
    } finally {
      ke.detachProcess();
    }
  }

  // --- accesses of the kernel

  /**
   * An access of kernel code in the context of the process, with its faults; one that has to wait for a read has it finished on
   * the spot.
   * @param from what the code was doing: IRQL and the like
   */
  kernelAccess(address: number, access: FaultAccess, from: KernelContext = PASSIVE_LEVEL): AccessReport {
    const before = this.view.page(address);
    const figures = this.view.figures();
    const faults: string[] = [];
    let bugcheck: BugcheckReport | null = null;
    try {
      this.inKernel(() => this.#kernelFaults(address, access, from, faults));
    } catch (error) {
      if (!(error instanceof BugcheckError)) throw error;
      bugcheck = error.report;
    }
    if (bugcheck === null) this.check();
    const moved = differences(figures, this.view.figures());
    return { faults, exception: null, bugcheck, value: 0, before, after: this.view.page(address), moved };
  }

  /** Faults until one does not ask to wait. */
  #kernelFaults(address: number, access: FaultAccess, from: KernelContext, faults: string[]): void {
    const { mm } = this.machine.kernel;
    for (let tries = 0; tries < INSTRUCTIONS_OF_A_STEP; tries++) {
      const outcome = kernelAccessFault(mm, address, access, from);
      faults.push(faultOutcomeName(outcome));
      if (outcome !== FaultOutcome.MustWait) return;
      mm.finishFaultNow(address, access);
    }
  }

  // --- the machine around it

  /** What happens elsewhere in the machine when a fault has been decided, and before anybody waits for it. */
  atFault(happens: (address: number) => void): void {
    this.#recorder.atFault = happens;
  }

  /** Virtual nanoseconds since boot. */
  get time(): number {
    return this.machine.kernel.clock.nanoseconds();
  }

  /** Lets virtual time pass with nothing to do, so that the system's threads come to work. */
  sleep(milliseconds: number): void {
    this.poke(Image.scratch + 0x20, -milliseconds * 10_000);
    this.poke(Image.scratch + 0x24, -1);
    this.call('NtDelayExecution', 0, Image.scratch + 0x20);
  }

  /** Has the drive's own pages in the working set, so that they do not show in reports. Every access begins with it. */
  settle(): void {
    const frame = this.#frame();
    frame.set(TrapFrameField.Esp, this.#stackPointer);
    this.poke(this.#stackPointer - 4, 0);
    this.poke(this.#stackPointer - 0x400, 0);
    this.poke(Image.scratch, 0);
    this.poke(this.#teb + TEB_ARBITRARY, 0);
    frame.set(TrapFrameField.Eip, Drive.park);
    this.#step(0);
  }

  /** @throws Error with the first inconsistency of the memory manager */
  check(): void {
    const inconsistency = this.machine.verify();
    if (inconsistency !== null) throw new Error(inconsistency);
  }

  #access(address: number, instruction: number, eax: number): AccessReport {
    const frame = this.#frame();
    this.settle();
    frame.set(TrapFrameField.Eax, eax);
    frame.set(TrapFrameField.Ecx, address);
    return this.#run(address, instruction);
  }

  /** Executes one instruction, and what the kernel does for it, between two looks at a page. */
  #run(address: number, instruction: number): AccessReport {
    const recorder = this.#recorder;
    const before = this.view.page(address);
    const figures = this.view.figures();
    let seen: { readonly after: PageView; readonly moved: MemoryFigures } | null = null;
    const look = () => ({
      after: this.view.page(address),
      moved: differences(figures, this.view.figures()),
    });
    recorder.faults.length = 0;
    recorder.raised = null;
    recorder.atException = () => {
      seen = look();
    };
    this.#frame().set(TrapFrameField.Eip, instruction);
    const result = this.#step(instruction);
    const { after, moved } = seen ?? look();
    const faults = recorder.faults
      .filter((fault) => this.#isAbout(fault.address, address))
      .map(({ outcome }) => outcome);
    const { bugcheck } = result;
    const exception = describeException(recorder.raised);
    if (bugcheck === null) this.check();
    const value = bugcheck === null ? this.#register(TrapFrameField.Eax) >>> 0 : 0;
    const isRead = instruction === Drive.read;
    return { faults, exception, bugcheck, value: isRead ? value & 0xff : value, before, after, moved };
  }

  /** Until the instruction is done: the thread has left it, for the next one or for ntdll.dll, and no kernel work is left. */
  #step(instruction: number): RunResult {
    for (let steps = 0; steps < INSTRUCTIONS_OF_A_STEP; steps++) {
      const result = this.machine.run({ maxInstructions: 1 });
      if (result.reason !== 'limit') return result;
      if (this.thread.activity === null && this.#register(TrapFrameField.Eip) >>> 0 !== instruction) return result;
    }
    throw new Error(`the instruction at ${instruction.toString(16)} does not come to its end`);
  }

  #isAbout(fault: number, address: number): boolean {
    const { format } = this.machine.kernel.mm;
    const isPage = (fault & ~PAGE_MASK) === (address & ~PAGE_MASK);
    return isPage || (fault & ~PAGE_MASK) === (format.pteAddress(address) & ~PAGE_MASK);
  }

  #frame() {
    const frame = this.thread.trapFrame;
    if (frame === null) throw new Error('the driven thread has no user mode');
    return frame;
  }

  #register(field: TrapFrameField): number {
    return this.#frame().get(field);
  }
}

function describeException(record: ExceptionRecord | null): AccessReport['exception'] {
  return record === null ? null : { status: statusName(record.code), parameters: [...record.parameters] };
}

function drivenHost(files: Readonly<Record<string, Uint8Array>>): Host {
  const drive = new MemoryVolume('drive', () => 0n);
  const system = new MemoryVolume('system', () => 0n);
  drive.add(['driven.exe'], drivenProgram());
  for (const [name, bytes] of Object.entries(files)) drive.add([name], bytes);
  system.add(['ntdll.dll'], drivenSystemDll());
  return {
    volumes: new Map([['C', drive]]),
    systemVolume: system,
    debugOutput: () => undefined,
    hardError: () => undefined,
    unhandledException: () => undefined,
    console: {
      kind: () => 'none',
      read: () => 'eof',
      waitForInput: () => true,
      write: () => Status.SUCCESS,
      flush: () => undefined,
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => undefined,
    },
  };
}
