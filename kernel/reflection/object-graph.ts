import { Cursor } from './cursor.js';
import { Frame, FrameStatus } from './frame.js';
import { capturedBy, moduleBindings, opaqueReason } from './runtime.js';

/** What an object is to the graph. */
export const NodeKind = {
  /** Its own properties: plain objects and instances of the kernel's classes. */
  Fields: 0,
  Array: 1,
  Map: 2,
  Set: 3,
  /** Bytes of its own. */
  Bytes: 4,
  Frame: 5,
  /** A function that was made at run time, with what it captured; never changes. */
  Closure: 6,
  /** Nothing in it changes: a function of a module, a view of the machine's memory, an object that is none of the kernel's. */
  Constant: 7,
} as const;
export type NodeKind = (typeof NodeKind)[keyof typeof NodeKind];

/** Contents of an object, one level deep; which positions mean what follows from its kind. */
export type NodeRecord = readonly unknown[];

/** An object that cannot be saved was met. A defect of the kernel's code: see kernel/reflection/README.md for what it must not do. */
export class UnreflectableError extends Error {}

/** The graph of objects that a machine consists of, from one root on. */
export class ObjectGraph {
  readonly root: object;
  readonly #machineBuffer: ArrayBufferLike;
  readonly #classes = new Set<object>();
  /** Functions that modules have at their top level. */
  readonly #functions = new Set<unknown>();
  /** Functions and other things from outside that were there at the first walk. */
  readonly #given = new Set<object>();
  #first = true;

  /** @param machineBuffer the linear memory: views of it are constants here */
  constructor(root: object, machineBuffer: ArrayBufferLike) {
    this.root = root;
    this.#machineBuffer = machineBuffer;
    for (const [, , value] of moduleBindings()) {
      if (typeof value !== 'function') continue;
      this.#functions.add(value);
      if (value.prototype) this.#classes.add(value.prototype);
    }
    this.#classes.add(Cursor.prototype);
  }

  /**
   * Visits every object once, in an order that depends on nothing but the graph.
   * @throws UnreflectableError naming the way to what cannot be saved
   */
  walk(visit: (node: object, kind: NodeKind, record: NodeRecord) => void): void {
    const parents = new Map<object, object>([[this.root, this.root]]);
    const queue: object[] = [this.root];
    for (let at = 0; at < queue.length; at++) {
      const node = queue[at];
      const kind = this.kindOf(node, parents);
      const record = recordOf(node, kind);
      visit(node, kind, record);
      for (const value of record) {
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
        if (parents.has(value)) continue;
        parents.set(value, node);
        queue.push(value);
      }
    }
    this.#first = false;
  }

  /** @param parents who leads to whom, for the message of the error */
  kindOf(node: object, parents: ReadonlyMap<object, object> | null = null): NodeKind {
    if (typeof node === 'function') return this.#kindOfFunction(node, parents);
    if (Array.isArray(node)) return NodeKind.Array;
    const prototype: unknown = Object.getPrototypeOf(node);
    if (prototype === Object.prototype || prototype === null) return NodeKind.Fields;
    if (typeof prototype === 'object' && this.#classes.has(prototype)) return NodeKind.Fields;
    if (node instanceof Frame) return this.#kindOfFrame(node, parents);
    if (node instanceof Map) return NodeKind.Map;
    if (node instanceof Set) return NodeKind.Set;
    if (ArrayBuffer.isView(node)) return this.#kindOfView(node, parents);
    return this.#kindOfForeign(node, parents);
  }

  #kindOfFunction(node: object, parents: ReadonlyMap<object, object> | null): NodeKind {
    const reason = opaqueReason(node);
    if (reason !== null && !this.#isGiven(node)) throw unreflectable(node, `a function of ${reason}`, parents);
    if (capturedBy(node) !== null) return NodeKind.Closure;
    if (this.#functions.has(node) || this.#isGiven(node)) return NodeKind.Constant;
    throw unreflectable(node, `a function that was made on the way: ${String(node).slice(0, 80)}`, parents);
  }

  #kindOfFrame(node: Frame, parents: ReadonlyMap<object, object> | null): NodeKind {
    if (node.status === FrameStatus.Running) throw unreflectable(node, 'kernel code in execution', parents);
    return NodeKind.Frame;
  }

  #kindOfView(node: ArrayBufferView, parents: ReadonlyMap<object, object> | null): NodeKind {
    if (node.buffer === this.#machineBuffer) return NodeKind.Constant;
    if (!(node instanceof DataView)) return NodeKind.Bytes;
    if (this.#isGiven(node)) return NodeKind.Constant;
    throw unreflectable(node, 'a DataView of bytes of its own', parents);
  }

  /** What the kernel did not make is the host's; what JavaScript hides the state of cannot be anybody's. */
  #kindOfForeign(node: object, parents: ReadonlyMap<object, object> | null): NodeKind {
    const name = Object.prototype.toString.call(node).slice(8, -1);
    if (name === 'Object' || name === 'RegExp' || name === 'TextDecoder' || name === 'TextEncoder')
      return NodeKind.Constant;
    throw unreflectable(node, `of kind ${name}, whose state cannot be seen`, parents);
  }

  /** Things that were there at the first walk are taken as they are: the machine was given them. */
  #isGiven(node: object): boolean {
    if (this.#first) this.#given.add(node);
    return this.#given.has(node);
  }
}

function recordOf(node: object, kind: NodeKind): NodeRecord {
  switch (kind) {
    case NodeKind.Fields:
      return fieldsOf(node);
    case NodeKind.Array:
      return Array.isArray(node) ? node.slice() : [];
    case NodeKind.Map:
      return node instanceof Map ? entriesOf(node) : [];
    case NodeKind.Set:
      return node instanceof Set ? [...node] : [];
    case NodeKind.Frame:
      return node instanceof Frame ? frameRecord(node) : [];
    case NodeKind.Closure:
      return capturedBy(node)?.values ?? [];
    default:
      return [];
  }
}

/** Names and values in turn. */
function fieldsOf(node: object): NodeRecord {
  const record: unknown[] = [];
  for (const name of Object.keys(node)) record.push(name, Reflect.get(node, name));
  return record;
}

function entriesOf(map: ReadonlyMap<unknown, unknown>): NodeRecord {
  const record: unknown[] = [];
  for (const [key, value] of map) record.push(key, value);
  return record;
}

const FRAME_FIELDS = 7;

function frameRecord(frame: Frame): NodeRecord {
  const variables = frame.access();
  const { status, p, n, v, delegate, result, tries } = frame;
  return [status, p, n, v, delegate, result, tries, ...(Array.isArray(variables) ? variables : [])];
}

/** Makes an object what its record says. Bytes are not in records: see restoreBytes(). */
export function restoreRecord(node: object, kind: NodeKind, record: NodeRecord): void {
  if (kind === NodeKind.Fields) restoreFields(node, record);
  else if (node instanceof Frame) restoreFrame(node, record);
  else if (Array.isArray(node)) restoreArray(node, record);
  else if (node instanceof Map) {
    node.clear();
    for (let at = 0; at < record.length; at += 2) node.set(record[at], record[at + 1]);
  } else if (node instanceof Set) {
    node.clear();
    for (const value of record) node.add(value);
  }
}

function restoreFields(node: object, record: NodeRecord): void {
  const present = new Set(Object.keys(node));
  for (let at = 0; at < record.length; at += 2) {
    const name = String(record[at]);
    present.delete(name);
    if (!Object.is(Reflect.get(node, name), record[at + 1])) Reflect.set(node, name, record[at + 1]);
  }
  for (const name of present) Reflect.deleteProperty(node, name);
}

function restoreArray(node: unknown[], record: NodeRecord): void {
  node.length = record.length;
  for (let index = 0; index < record.length; index++) {
    if (!Object.is(node[index], record[index])) node[index] = record[index];
  }
}

function restoreFrame(frame: Frame, record: NodeRecord): void {
  const [status, p, n, v, delegate, result, tries] = record;
  Object.assign(frame, { status, p, n, v, delegate, result, tries });
  frame.access(record.slice(FRAME_FIELDS));
}

export function sameRecord(left: NodeRecord, right: NodeRecord): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (!Object.is(left[index], right[index])) return false;
  return true;
}

/** The bytes behind an array of numbers. */
export function bytesOf(node: object): Uint8Array {
  if (!ArrayBuffer.isView(node)) return new Uint8Array(0);
  return new Uint8Array(node.buffer, node.byteOffset, node.byteLength);
}

/** The way from the root to an object, in the names of classes and fields. */
function unreflectable(node: object, what: string, parents: ReadonlyMap<object, object> | null): UnreflectableError {
  const way: string[] = [];
  let child: object = node;
  for (let parent = parents?.get(child); parent !== undefined && parent !== child; parent = parents?.get(child)) {
    way.unshift(`${describe(parent)}.${placeOf(parent, child)}`);
    child = parent;
  }
  return new UnreflectableError(`the machine's state has ${what}; it is at ${way.join(' -> ')}`);
}

function describe(node: object): string {
  if (node instanceof Frame) return 'generator';
  return typeof node === 'function'
    ? `function ${capturedBy(node)?.id ?? node.name}`
    : node.constructor?.name || 'object';
}

function placeOf(parent: object, child: object): string {
  if (parent instanceof Map) return '(entry)';
  for (const name of Object.keys(parent)) if (Reflect.get(parent, name) === child) return name;
  return '(variable)';
}
