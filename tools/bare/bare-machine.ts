import {
  acceptInterrupt,
  acceptsInterrupts,
  Cpu,
  CR0,
  CR2,
  CR3,
  CS,
  EFLAGS_IF,
  EIP,
  ExitReason,
  PhysicalMemory,
  SEGMENT_SELECTOR,
} from '../../cpu/index.js';
import { IoBus, outputPort } from './io-bus.js';
import { InterruptControllers } from './pic-8259.js';
import { Pit8254 } from './pit-8254.js';
import { Serial16550 } from './serial-16550.js';

export interface BareMachineOptions {
  /** Bytes of RAM from physical address 0 on, a multiple of 4 KB. */
  readonly memorySize: number;
  /** Bytes of ROM that will be mapped, a multiple of 4 KB. */
  readonly romSize?: number;
  /** Takes what COM1 sends; without it there is no COM1. */
  readonly serial?: ((value: number) => void) | undefined;
  /** Ports whose bytes are logged, and who takes them. */
  readonly loggedPorts?: readonly number[];
  readonly log?: (port: number, value: number) => void;
  /** A write to this port ends the run, as QEMU's isa-debug-exit does. */
  readonly exitPort?: number | undefined;
}

/** Why a run ended. */
export type BareOutcome =
  | { readonly reason: 'exit'; readonly code: number }
  /** HLT that no interrupt can end. */
  | { readonly reason: 'halted' }
  /** Triple fault. */
  | { readonly reason: 'shutdown' }
  | { readonly reason: 'limit' };

const FIRST_CONTROLLER = [0x20, 0x21] as const;
const SECOND_CONTROLLER = [0xa0, 0xa1] as const;
const TIMER = [0x40, 0x41, 0x42, 0x43, 0x61] as const;
const COM1 = 0x3f8;
/** Any byte to the first takes the coprocessor's interrupt back and lets its handler go on. */
const COPROCESSOR_BUSY = [0xf0, 0xf1] as const;
const TIMER_LINE = 0;
const COM1_LINE = 4;
const COPROCESSOR_LINE = 13;
/** Instructions between two looks at the clock when the timer does not run. */
const LONGEST_SLICE = 1 << 24;

/** Before the first exception. */
const NO_EXCEPTION = -1;
const EXCEPTION_NAMES: readonly string[] =
  '#DE #DB NMI #BP #OF #BR #UD #NM #DF 9 #TS #NP #SS #GP #PF 15 #MF #AC #MC #XM'.split(' ');

/** A PC without firmware: processor, RAM, ROM, interrupt controllers, timer, a serial port. An instruction takes a nanosecond. */
export class BareMachine {
  readonly memory: PhysicalMemory;
  readonly cpu: Cpu;
  readonly bus = new IoBus();
  readonly controllers: InterruptControllers;
  readonly timer: Pit8254;
  /** Nanoseconds that were skipped because the processor was halted. */
  #idle = 0;
  #exitCode = -1;

  constructor(options: BareMachineOptions) {
    this.memory = new PhysicalMemory(options.memorySize, options.romSize ?? 0);
    this.cpu = new Cpu(this.memory, null, { dedicatedLoop: true });
    this.cpu.ioPorts = this.bus;
    this.cpu.exceptionVector = NO_EXCEPTION;
    this.controllers = new InterruptControllers((active) => this.cpu.setInterruptRequest(active));
    this.timer = new Pit8254(
      () => this.now(),
      () => this.controllers.raise(TIMER_LINE),
      // The running slice was measured by the old time.
      () => this.cpu.requestExit(),
    );
    this.bus.attach(this.controllers.first, ...FIRST_CONTROLLER);
    this.bus.attach(this.controllers.second, ...SECOND_CONTROLLER);
    this.bus.attach(this.timer, ...TIMER);
    this.cpu.numericError = () => {
      this.cpu.ignoreNumericError = false;
      this.controllers.raise(COPROCESSOR_LINE);
    };
    this.bus.attach(
      outputPort(() => this.#clearCoprocessorBusy()),
      ...COPROCESSOR_BUSY,
    );
    const { serial, loggedPorts = [], log = () => undefined, exitPort } = options;
    if (serial !== undefined) {
      const ports = Array.from({ length: 8 }, (_, index) => COM1 + index);
      this.bus.attach(new Serial16550(COM1, serial, () => this.controllers.raise(COM1_LINE)), ...ports);
    }
    this.bus.attach(outputPort(log), ...loggedPorts);
    if (exitPort !== undefined)
      this.bus.attach(
        outputPort((_port, value) => this.#exit(value)),
        exitPort,
      );
  }

  /** The PC's answer to FERR#: IGNNE# stays active until FERR# goes inactive. */
  #clearCoprocessorBusy(): void {
    this.controllers.withdraw(COPROCESSOR_LINE);
    this.cpu.ignoreNumericError = this.cpu.numericErrorActive;
  }

  #exit(value: number): void {
    this.#exitCode = ((value << 1) | 1) & 0xff;
    this.cpu.requestExit();
  }

  /** Virtual time in nanoseconds since power-up. */
  now(): number {
    return this.cpu.instructionCount + this.#idle;
  }

  /** Runs until the guest ends the run or so many instructions have been executed since power-up. */
  run(maximumInstructions: number): BareOutcome {
    const cpu = this.cpu;
    for (;;) {
      if (this.#exitCode >= 0) return { reason: 'exit', code: this.#exitCode };
      this.timer.advance();
      if (cpu.interruptRequest && acceptsInterrupts(cpu)) acceptInterrupt(cpu, this.controllers.acknowledge());
      const left = maximumInstructions - cpu.instructionCount;
      if (left <= 0) return { reason: 'limit' };
      const untilTimer = Math.max(1, this.timer.nextInterrupt() - this.now());
      const reason = cpu.run(Math.min(left, untilTimer, LONGEST_SLICE));
      if (reason === ExitReason.Shutdown) return { reason: 'shutdown' };
      if (reason === ExitReason.Halt && !this.#sleep()) return { reason: 'halted' };
    }
  }

  /** HLT: lets time pass until an interrupt is there; false when none will ever come. */
  #sleep(): boolean {
    const cpu = this.cpu;
    if ((cpu.getEflags() & EFLAGS_IF) === 0) return false;
    this.timer.advance();
    if (cpu.interruptRequest) return true;
    const next = this.timer.nextInterrupt();
    if (!Number.isFinite(next)) return false;
    const skipped = Math.max(1, next - this.now());
    this.#idle += skipped;
    cpu.timestampOffset += skipped;
    this.timer.advance();
    return cpu.interruptRequest;
  }

  /** Where the processor is and what it met last, in one line. */
  describeState(): string {
    const { state } = this.cpu;
    const hex = (value: number, digits = 8) => (value >>> 0).toString(16).toUpperCase().padStart(digits, '0');
    const place = `EIP ${hex(state[SEGMENT_SELECTOR + CS], 4)}:${hex(state[EIP])}`;
    const registers = `CR0 ${hex(state[CR0])} CR2 ${hex(state[CR2])} CR3 ${hex(state[CR3])}`;
    return `${place} ${registers}, last exception ${this.#lastException()}`;
  }

  #lastException(): string {
    const { exceptionVector, exceptionHasErrorCode, exceptionErrorCode } = this.cpu;
    if (exceptionVector === NO_EXCEPTION) return 'none';
    const name = EXCEPTION_NAMES[exceptionVector] ?? String(exceptionVector);
    return exceptionHasErrorCode ? `${name}(${exceptionErrorCode.toString(16).toUpperCase().padStart(4, '0')})` : name;
  }
}
