import { FaultOutcome } from './fault-outcome.js';

/** Entries of a PAGEFAULT_HISTORY in 16 KB. */
const CAPACITY = 2045;
/** Bit 0 of a recorded address: the page was found in memory, or made of zeros. */
const SOFT = 1;

/** The working set watch of a process (PsWatchWorkingSet): its page faults as {pc, va} until somebody reads them. */
export class FaultWatch {
  readonly #entries = new Uint32Array(CAPACITY * 2);
  #count = 0;

  /** Notes a fault that was resolved, or whose read begins. When the history is full, later ones are lost. */
  note(pc: number, address: number, outcome: FaultOutcome): void {
    if (this.#count === CAPACITY || outcome === FaultOutcome.Refault) return;
    const isSoft =
      outcome === FaultOutcome.DemandZero || outcome === FaultOutcome.Transition || outcome === FaultOutcome.Shared;
    this.#entries[this.#count * 2] = pc;
    this.#entries[this.#count * 2 + 1] = isSoft ? address | SOFT : address & ~SOFT;
    this.#count++;
  }

  /** Faults since the last reset. */
  get count(): number {
    return this.#count;
  }

  /** {pc, va} of every fault, oldest first; afterwards there are none. */
  take(): Uint32Array {
    const taken = this.#entries.slice(0, this.#count * 2);
    this.#count = 0;
    return taken;
  }
}
