/** How a generator is resumed, or what leaves a statement of it. */
const Completion = { Next: 0, Throw: 1, Return: 2, Jump: 3 } as const;
type Completion = (typeof Completion)[keyof typeof Completion];

/** What a generator's code returns when it did not yield but wants to be called again: jump, finally, delegation, end. */
const CONTINUE = Symbol('continue');

/** Reads the variables of a generator in their order, or sets them. */
export type VariableAccess = (values?: readonly unknown[]) => unknown;

/** try statement: first location, catch, finally, behind it; then the completion that its finally block will go on with. */
export type TryEntry = [number, number | undefined, number?, number?, Completion?, unknown?];

type Code = (this: unknown, frame: Frame) => unknown;

/** Where a frame stands. */
export const FrameStatus = { NotStarted: 0, Suspended: 1, Running: 2, Done: 3 } as const;
export type FrameStatus = (typeof FrameStatus)[keyof typeof FrameStatus];

interface Delegate {
  next(value: unknown): IteratorResult<unknown, unknown>;
  throw?(error: unknown): IteratorResult<unknown, unknown>;
  return?(value: unknown): IteratorResult<unknown, unknown>;
}

/**
 * A generator in the form of a state machine: what a `function*` of the kernel gives after tools/build/reflectable.mjs. It does what
 * the generator would do (ECMA-262 27.5), and all it consists of can be read and set. The short names are those that the
 * regenerator's code uses.
 */
export class Frame implements Iterator<unknown, unknown, unknown> {
  /** The function that made it. */
  readonly maker: (...values: readonly unknown[]) => Frame;
  /** Its variables, parameters first. */
  readonly access: VariableAccess;
  tries: TryEntry[];
  status: FrameStatus = FrameStatus.NotStarted;
  /** Location of the statement in execution, as far as try statements care. */
  p = 0;
  /** Location to go on at. */
  n = 0;
  /** What came in: by next(), from a delegate, or caught. */
  v: unknown = undefined;
  /** Generator that runs in this one's place (`yield*`). */
  delegate: Delegate | null = null;
  /** The value of a return statement. */
  result: unknown = undefined;
  readonly #code: Code;

  constructor(code: Code, maker: Frame['maker'], tries: TryEntry[], access: VariableAccess) {
    this.#code = code;
    this.maker = maker;
    this.tries = tries;
    this.access = access;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(value?: unknown): IteratorResult<unknown, unknown> {
    return this.#resume(Completion.Next, value);
  }

  throw(error: unknown): IteratorResult<unknown, unknown> {
    return this.#resume(Completion.Throw, error);
  }

  return(value: unknown): IteratorResult<unknown, unknown> {
    return this.#resume(Completion.Return, value);
  }

  /** Leaves a statement: return, or a jump out of a try statement. For the generator's code. */
  a(type: Completion, value?: unknown): symbol {
    if (this.#unwind(type, value)) return CONTINUE;
    this.status = FrameStatus.Done;
    this.result = value;
    return CONTINUE;
  }

  /** End of a finally block: goes on with what it interrupted. */
  f(finallyLocation: number): symbol {
    const entry = this.tries.find((candidate) => candidate[2] === finallyLocation);
    if (entry === undefined) throw new TypeError('no such finally block');
    const [, , , behind, type = Completion.Next, value] = entry;
    entry[4] = Completion.Next;
    entry[5] = undefined;
    if (type === Completion.Throw) throw value;
    if (type !== Completion.Next) return this.a(type, value);
    this.n = behind ?? 0;
    return CONTINUE;
  }

  /** `yield*`: another generator goes first. */
  d(delegate: Delegate, next: number): symbol {
    this.delegate = delegate;
    this.n = next;
    return CONTINUE;
  }

  #resume(how: Completion, value: unknown): IteratorResult<unknown, unknown> {
    if (this.status === FrameStatus.Running) throw new TypeError('Generator is already running');
    if (this.status === FrameStatus.NotStarted && how !== Completion.Next) this.status = FrameStatus.Done;
    if (this.status === FrameStatus.Done) return this.#ended(how, value);
    this.status = FrameStatus.Running;
    let type = how;
    let argument = value;
    for (;;) {
      try {
        const { delegate } = this;
        if (delegate !== null) {
          const step = resumeDelegate(delegate, type, argument);
          if (!step.done) return this.#yielded(step);
          this.delegate = null;
          argument = step.value;
          if (type !== Completion.Return) type = Completion.Next;
        }
        if (type === Completion.Next) this.v = argument;
        else if (!this.#unwind(type, argument)) return this.#finish(type, argument);
        const outcome = this.#code.call(undefined, this);
        if (outcome !== CONTINUE) return this.#yielded({ value: outcome, done: false });
        if (this.#isDone()) return this.#ended(Completion.Return, this.result);
        // A jump leaves what was caught alone.
        type = Completion.Next;
        argument = this.delegate === null ? this.v : undefined;
      } catch (error) {
        this.delegate = null;
        if (!this.#unwind(Completion.Throw, error)) return this.#finish(Completion.Throw, error);
        type = Completion.Next;
        argument = this.v;
      }
    }
  }

  #isDone(): boolean {
    return this.status === FrameStatus.Done;
  }

  #yielded(step: IteratorResult<unknown, unknown>): IteratorResult<unknown, unknown> {
    this.status = FrameStatus.Suspended;
    return step;
  }

  #finish(type: Completion, value: unknown): IteratorResult<unknown, unknown> {
    this.status = FrameStatus.Done;
    return this.#ended(type, value);
  }

  #ended(type: Completion, value: unknown): IteratorResult<unknown, unknown> {
    if (type === Completion.Throw) throw value;
    return { value: type === Completion.Return ? value : undefined, done: true };
  }

  /** Finds who takes a completion: catch, finally, or the target of a jump. False: nobody, the generator ends. */
  #unwind(type: Completion, value: unknown): boolean {
    for (const entry of this.tries) {
      const [first, catchLocation, finallyLocation] = entry;
      if (this.p < first) continue;
      if (type === Completion.Throw && catchLocation !== undefined && this.p < catchLocation) {
        this.v = value;
        this.n = catchLocation;
        return true;
      }
      if (finallyLocation === undefined || this.p >= finallyLocation) continue;
      if (type === Completion.Jump && Number(value) >= first && Number(value) <= finallyLocation) continue;
      entry[4] = type;
      entry[5] = value;
      this.n = finallyLocation;
      return true;
    }
    if (type !== Completion.Jump) return false;
    this.n = Number(value);
    return true;
  }
}

function resumeDelegate(delegate: Delegate, type: Completion, value: unknown): IteratorResult<unknown, unknown> {
  if (type === Completion.Next) return delegate.next(value);
  if (type === Completion.Return) return delegate.return?.(value) ?? { value, done: true };
  if (delegate.throw !== undefined) return delegate.throw(value);
  throw new TypeError("The iterator does not provide a 'throw' method");
}
