/** Nanoseconds of virtual time between two clock interrupts: 15.625 ms. */
export const TICK_NANOSECONDS = 15_625_000;
/** KeMaximumIncrement: the same in 100 ns units. */
export const TICK_INCREMENT = 156_250;
/** KUSER_SHARED_DATA.TickCountMultiplier: (ticks * this) >> 24 is milliseconds. */
export const TICK_COUNT_MULTIPLIER = 0x0fa00000;

/** What a clock counts from. */
export interface InstructionCounter {
  /** Instructions retired so far. */
  readonly instructionCount: number;
  /** The time-stamp counter runs ahead of the instructions by the time that was skipped. */
  timestampOffset: number;
}

/**
 * Virtual time: instructions retired times their duration, plus the time that devices took or that was skipped while
 * nothing could run. System time and interrupt time advance at clock interrupts, as NT's do; nanoseconds() is exact.
 */
export class Clock {
  readonly nanosecondsPerInstruction: number;
  /** Clock interrupts since boot. */
  ticks = 0;
  readonly #counter: InstructionCounter;
  /** Time that passed without instructions: whole ticks, and nanoseconds below one; together exact for millions of years. */
  #skippedTicks = 0;
  #skippedNanoseconds = 0;
  /** System time minus interrupt time, 100 ns units. */
  #systemTimeBias: bigint;

  constructor(counter: InstructionCounter, nanosecondsPerInstruction: number, bootTime: bigint) {
    this.#counter = counter;
    this.nanosecondsPerInstruction = nanosecondsPerInstruction;
    this.#systemTimeBias = bootTime;
  }

  /** Nanoseconds since boot; exact for the first 2^53, 104 days. */
  nanoseconds(): number {
    return this.#skippedTicks * TICK_NANOSECONDS + this.#sinceSkippedTicks();
  }

  /** 100 ns units since boot as of the last clock interrupt. */
  get interruptTime(): number {
    return this.ticks * TICK_INCREMENT;
  }

  /** 100 ns units since 1601 as of the last clock interrupt. */
  get systemTime(): bigint {
    return BigInt(this.interruptTime) + this.#systemTimeBias;
  }

  /** Moves the system clock; returns by how much, 100 ns units. */
  setSystemTime(time: bigint): bigint {
    const difference = time - this.systemTime;
    this.#systemTimeBias += difference;
    return difference;
  }

  /** Interrupt time that corresponds to a system time. */
  interruptTimeOf(systemTime: bigint): number {
    return Number(systemTime - this.#systemTimeBias);
  }

  /** Lets time pass without instructions. @param nanoseconds not negative. */
  skip(nanoseconds: number): void {
    const ticks = Math.floor(nanoseconds / TICK_NANOSECONDS);
    this.#skippedTicks += ticks;
    this.#skippedNanoseconds += nanoseconds - ticks * TICK_NANOSECONDS;
    if (this.#skippedNanoseconds >= TICK_NANOSECONDS) {
      this.#skippedTicks++;
      this.#skippedNanoseconds -= TICK_NANOSECONDS;
    }
    this.#counter.timestampOffset += Math.floor(nanoseconds / this.nanosecondsPerInstruction);
  }

  /** Instructions until the next clock interrupt, at least 1. */
  instructionsToTick(): number {
    const left = (this.ticks + 1 - this.#skippedTicks) * TICK_NANOSECONDS - this.#sinceSkippedTicks();
    return Math.max(1, Math.ceil(left / this.nanosecondsPerInstruction));
  }

  /** Lets time pass up to the clock interrupt, at least one, at which something due at this interrupt time is noticed. */
  skipTo(interruptTime: number): void {
    const ticks = Math.max(Math.ceil(interruptTime / TICK_INCREMENT), this.ticks + 1);
    const left = (ticks - this.#skippedTicks) * TICK_NANOSECONDS - this.#sinceSkippedTicks();
    if (left > 0) this.skip(left);
  }

  /** Takes the clock interrupts that are due. Returns how many. */
  takeTicks(): number {
    const due = this.#skippedTicks + Math.floor(this.#sinceSkippedTicks() / TICK_NANOSECONDS) - this.ticks;
    if (due <= 0) return 0;
    this.ticks += due;
    return due;
  }

  #sinceSkippedTicks(): number {
    return this.#counter.instructionCount * this.nanosecondsPerInstruction + this.#skippedNanoseconds;
  }
}
