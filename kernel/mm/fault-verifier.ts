/** How a run checks the whole memory manager while it goes on (rule 7). */
export interface VerificationOptions {
  /** Page faults between two checks, at least 1. */
  readonly interval: number;
  /** Receives the first inconsistency that a check finds, and the number of the fault behind which it was found. */
  report(problem: string, fault: number): void;
}

/**
 * Checks the memory manager behind every fault whose number is a multiple of the interval. A fault that the kernel takes on
 * a system address may be in the middle of an operation: the check then waits for the next fault on a user address. After a
 * report no more is checked.
 */
export class FaultVerifier {
  /** Number of the fault behind which the next check is due; Infinity: none ever is. */
  due: number;
  readonly #options: VerificationOptions | null;

  constructor(options: VerificationOptions | null) {
    this.#options = options;
    this.due = options?.interval ?? Number.POSITIVE_INFINITY;
  }

  /** @param faults taken so far, at least `due`. Environment: a fault has just been resolved or refused. */
  check(faults: number, verify: () => string | null): void {
    if (this.#options === null) return;
    const { interval } = this.#options;
    this.due = (Math.floor(faults / interval) + 1) * interval;
    const problem = verify();
    if (problem === null) return;
    this.due = Number.POSITIVE_INFINITY;
    this.#options.report(problem, faults);
  }
}
