/**
 * What the code that tools/build/reflectable.mjs makes of the kernel calls. The sources of the kernel never do. The tables are
 * filled while modules are loaded and never change afterwards: they say what code there is, nothing of any machine.
 */
import { Cursor } from './cursor.js';
import { Frame, type TryEntry, type VariableAccess } from './frame.js';

type AnyFunction = (...values: readonly never[]) => unknown;
type FrameMaker = Frame['maker'];
type ClosureMaker = (self: unknown, ...captured: readonly unknown[]) => AnyFunction;

/** A function that was made while the machine ran: which one, and what it captured (its `this` first). */
export interface Captured {
  readonly id: string;
  readonly values: unknown[];
}

const CAPTURED = Symbol('captured');
const OPAQUE = Symbol('opaque');

interface ReflectableFunction {
  [CAPTURED]?: Captured;
  [OPAQUE]?: string;
}

const frameMakers = new Map<string, FrameMaker>();
const frameIds = new Map<FrameMaker, string>();
const closureMakers = new Map<string, ClosureMaker>();
const modules = new Map<string, () => Readonly<Record<string, unknown>>>();

export function $generator(id: string, maker: FrameMaker): FrameMaker {
  frameMakers.set(id, maker);
  frameIds.set(maker, id);
  return maker;
}

export function $closure(id: string, maker: ClosureMaker): ClosureMaker {
  closureMakers.set(id, maker);
  return (...values) => {
    const made: AnyFunction & ReflectableFunction = maker(...values);
    made[CAPTURED] = { id, values };
    return made;
  };
}

export function $opaque(reason: string, opaque: AnyFunction & ReflectableFunction): AnyFunction {
  opaque[OPAQUE] = reason;
  return opaque;
}

export function $bindings(module: string, bindings: () => Readonly<Record<string, unknown>>): void {
  modules.set(module, bindings);
}

export function $cursor(iterable: Iterable<unknown>): Cursor {
  return new Cursor(iterable);
}

const regenerator = {
  /** Marks a generator function: nothing to do. */
  m: (maker: FrameMaker): FrameMaker => maker,
  /** Makes a frame. */
  w: (
    code: (frame: Frame) => unknown,
    maker: FrameMaker,
    _self: null,
    tries: TryEntry[] | null,
    access: VariableAccess,
  ): Frame => new Frame(code, maker, tries ?? [], access),
} as const;

export function $regenerator(): typeof regenerator {
  return regenerator;
}

export function $regeneratorValues(iterable: Iterable<unknown>): Iterator<unknown> {
  return iterable[Symbol.iterator]();
}

// --- what the graph asks

/** True when the kernel's code was made reflectable: without it there is nothing to go back to. */
export function isReflectable(): boolean {
  return modules.size > 0;
}

export function capturedBy(candidate: object): Captured | null {
  const made: ReflectableFunction = candidate;
  return made[CAPTURED] ?? null;
}

/** Why a function cannot be saved; null for all others. */
export function opaqueReason(candidate: object): string | null {
  const made: ReflectableFunction = candidate;
  return made[OPAQUE] ?? null;
}

export function frameId(frame: Frame): string | null {
  return frameIds.get(frame.maker) ?? null;
}

/** A frame with nothing in its variables; null when there is no such generator. */
export function makeFrame(id: string): Frame | null {
  return frameMakers.get(id)?.() ?? null;
}

/** The function again that was made of these values; null when there is no such code. */
export function makeClosure(id: string, values: readonly unknown[]): AnyFunction | null {
  const maker = closureMakers.get(id);
  if (maker === undefined) return null;
  const made: AnyFunction & ReflectableFunction = maker(values[0], ...values.slice(1));
  made[CAPTURED] = { id, values: [...values] };
  return made;
}

/** Every function, class and constant of the kernel's modules as [module, name, value], in a fixed order. */
export function* moduleBindings(): Generator<readonly [string, string, unknown]> {
  yield ['kernel/reflection/cursor.ts', 'Cursor', Cursor];
  for (const module of [...modules.keys()].sort()) {
    for (const [name, value] of Object.entries(modules.get(module)?.() ?? {})) yield [module, name, value];
  }
}

/** The text of all code that a saved state depends on: positions in it mean something to this text alone. */
export function codeText(): string {
  const texts: string[] = [];
  for (const [id, maker] of [...frameMakers].sort(([a], [b]) => (a < b ? -1 : 1))) texts.push(id, String(maker));
  for (const [id, maker] of [...closureMakers].sort(([a], [b]) => (a < b ? -1 : 1))) texts.push(id, String(maker));
  return texts.join('\n');
}
