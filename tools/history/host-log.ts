/** What the host answered, `count` times in a row. */
interface LogEntry {
  readonly call: string;
  readonly answer: unknown;
  readonly bytes: number;
  count: number;
}

/** A place in a log: how many answers lie before it. */
export interface LogPosition {
  readonly entry: number;
  /** Answers of that entry that were given already. */
  readonly used: number;
}

/** An answer that was given so many times in a row. */
export interface LoggedAnswer {
  readonly call: string;
  readonly answer: unknown;
  readonly count: number;
}

const ENTRY_BYTES = 64;
/** Calls that change files of the host. */
const CHANGES_FILES: ReadonlySet<string> = new Set([
  ...['createFile', 'createDirectory', 'remove', 'rename', 'setTimes', 'setReadOnly', 'file.write', 'file.setSize'],
]);

/** The run asked the host for something else than the first time. A defect: the machine is not deterministic, or was not restored. */
export class ReplayError extends Error {}

/**
 * All that a machine was told from outside, in order. At the end of the log a call goes to the host and its answer is written
 * down; before the end the answer comes out of the log, and the host hears nothing: output is not repeated, input is the same.
 */
export class HostLog {
  /** False while somebody else than the machine asks, a debugger that looks at a file for instance: that goes to the host. */
  isListening = true;
  #entries: LogEntry[] = [];
  /** Entries that were dropped from the front. */
  #dropped = 0;
  #entry = 0;
  #used = 0;
  #bytes = 0;
  /** The last entry that changed files; -1: none has. */
  #lastFileChange = -1;

  /** Host bytes that the log takes. */
  get bytes(): number {
    return this.#bytes;
  }

  get position(): LogPosition {
    return { entry: this.#entry, used: this.#used };
  }

  /** The machine stands before a change of the host's files, which it has made all the same. */
  get isBeforeFileChange(): boolean {
    return this.#entry <= this.#lastFileChange;
  }

  /** The next answer comes from the host. */
  get isAtEnd(): boolean {
    return this.#skipUsedUp() === undefined;
  }

  /**
   * The answer to a call.
   * @param bytes host bytes that an answer takes
   * @throws ReplayError when another call was made here the first time
   */
  ask<Answer>(call: string, live: () => Answer, bytes: (answer: Answer) => number = () => 0): Answer {
    if (!this.isListening) return live();
    const entry = this.#skipUsedUp();
    if (entry === undefined) return this.#record(call, live(), bytes);
    if (entry.call !== call) {
      throw new ReplayError(`the run has diverged from its recording: it calls ${call} where it called ${entry.call}`);
    }
    this.#used++;
    return entry.answer as Answer;
  }

  #skipUsedUp(): LogEntry | undefined {
    const entry = this.#entries[this.#entry - this.#dropped];
    if (entry === undefined || this.#used < entry.count) return entry;
    this.#entry++;
    this.#used = 0;
    return this.#entries[this.#entry - this.#dropped];
  }

  #record<Answer>(call: string, answer: Answer, bytes: (answer: Answer) => number): Answer {
    const last = this.#entries.at(-1);
    if (last !== undefined && last.call === call && last.answer === answer) {
      last.count++;
      this.#entry = this.#dropped + this.#entries.length - 1;
      this.#used = last.count;
      return answer;
    }
    const entry = { call, answer, bytes: bytes(answer) + ENTRY_BYTES, count: 1 };
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    this.#entry = this.#dropped + this.#entries.length - 1;
    this.#used = 1;
    if (CHANGES_FILES.has(call)) this.#lastFileChange = this.#entry;
    return answer;
  }

  /** Everything so far: what was called and answered. */
  answers(): readonly LoggedAnswer[] {
    return this.#entries.map(({ call, answer, count }) => ({ call, answer, count }));
  }

  /** Makes an empty log one that has these answers to give. */
  load(answers: readonly LoggedAnswer[]): void {
    for (const { call, answer, count } of answers) this.#entries.push({ call, answer, count, bytes: ENTRY_BYTES });
    this.#bytes += answers.length * ENTRY_BYTES;
  }

  /** Goes back, or forward again, to where the machine was at that moment. */
  moveTo({ entry, used }: LogPosition): void {
    this.#entry = entry;
    this.#used = used;
  }

  /** Forgets what came behind the present position, and returns the answers to a few calls that were among it, oldest first. */
  forgetFuture(calls: readonly string[]): ReadonlyMap<string, readonly unknown[]> {
    const lost = new Map(calls.map((call): [string, unknown[]] => [call, []]));
    const index = this.#entry - this.#dropped;
    const present = this.#entries[index];
    if (present !== undefined) {
      for (let count = this.#used; count < present.count; count++) lost.get(present.call)?.push(present.answer);
      present.count = this.#used;
    }
    for (const entry of this.#entries.splice(index + 1)) {
      this.#bytes -= entry.bytes;
      for (let count = 0; count < entry.count; count++) lost.get(entry.call)?.push(entry.answer);
    }
    return lost;
  }

  /** Forgets what came before a position: nobody will go back there. Returns the answers. */
  forgetPast({ entry }: LogPosition): readonly { readonly call: string; readonly answer: unknown }[] {
    const gone = this.#entries.splice(0, entry - this.#dropped);
    this.#dropped = entry;
    for (const { bytes } of gone) this.#bytes -= bytes;
    return gone;
  }
}
