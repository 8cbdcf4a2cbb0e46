import { type Cpu, type MemoryImage, type ProcessorFields, restoreProcessor, saveProcessor } from '../../cpu/index.js';
import { Frame } from './frame.js';
import { bytesOf, NodeKind, type NodeRecord, ObjectGraph, restoreRecord, UnreflectableError } from './object-graph.js';
import { capturedBy, frameId, makeClosure, makeFrame, moduleBindings } from './runtime.js';

/** A value in an image: itself, or in an object what JSON has no word for; `r` is the number of a node. */
export type ImageValue =
  | string
  | number
  | boolean
  | null
  | { readonly r: number }
  | { readonly b: string }
  | { readonly n: string }
  | { readonly u: 1 };

/**
 * What a node is made of when the image is loaded:
 * `boot`: it is there after the boot, the n-th object of the walk; `module`: a module has it; `class`: an instance; `object`, `array`,
 * `map`, `set`: empty at first; `bytes`: of this kind and length; `view`: of the machine's memory; `frame`, `closure`: by number;
 * `host`: the host knows.
 */
export type ImageNode =
  | readonly ['boot', number]
  | readonly ['module' | 'class', string]
  | readonly ['object' | 'array' | 'map' | 'set']
  | readonly ['bytes', string, number]
  | readonly ['view', string, number, number]
  | readonly ['frame' | 'closure', string]
  | readonly ['host', unknown];

/** The whole state of a machine as data that JSON and bytes can hold. */
export interface StateImage {
  readonly nodes: readonly ImageNode[];
  /** Contents by node, null where there are none to restore. */
  readonly records: readonly (readonly ImageValue[] | null)[];
  /** Contents of the nodes that are bytes, in their order. */
  readonly bytes: readonly Uint8Array[];
  readonly processor: ProcessorFields;
  readonly counters: Cpu['counters'];
  readonly tlb: Int32Array;
  /** The linear memory. */
  readonly memory: MemoryImage;
}

/** The image does not fit the machine, or is damaged. */
export class StateImageError extends Error {}

const ARRAY_KINDS = {
  Uint8Array,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
} as const;
type ArrayKind = keyof typeof ARRAY_KINDS;

/** Saves machines as data, and makes freshly booted machines what others were. */
export class StateImager {
  readonly #graph: ObjectGraph;
  readonly #cpu: Cpu;
  /** What was there after the boot, in the order of the walk. */
  readonly #bootNodes: object[] = [];
  readonly #bootNumbers = new Map<object, number>();
  readonly #kept: ReadonlySet<object>;
  readonly #classNames = new Map<object, string>();
  readonly #bindingNames = new Map<unknown, string>();
  readonly #bindings = new Map<string, unknown>();
  readonly #shape: string[] = [];

  /**
   * Call right behind the boot: what both machines have then is not part of images.
   * @param kept objects whose contents stay as the boot made them
   */
  constructor(root: object, cpu: Cpu, kept: readonly object[]) {
    this.#cpu = cpu;
    this.#kept = new Set(kept);
    this.#graph = new ObjectGraph(root, cpu.memory.memory.buffer);
    for (const [module, name, value] of moduleBindings()) this.#addBinding(`${module}#${name}`, value);
    this.#graph.walk((node, kind) => {
      this.#bootNumbers.set(node, this.#bootNodes.length);
      this.#bootNodes.push(node);
      this.#shape.push(this.#shapeOf(node, kind));
    });
  }

  #addBinding(name: string, value: unknown): void {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return;
    this.#bindingNames.set(value, name);
    this.#bindings.set(name, value);
    if (typeof value === 'function' && value.prototype) this.#classNames.set(value.prototype, name);
  }

  /** What the machine looks like after its boot: machines whose text differs cannot take each other's images. */
  get bootShape(): string {
    return this.#shape.join('\n');
  }

  #shapeOf(node: object, kind: NodeKind): string {
    if (kind === NodeKind.Fields) return this.#classNames.get(Object.getPrototypeOf(node)) ?? 'object';
    if (node instanceof Frame) return frameId(node) ?? 'frame';
    if (typeof node === 'function') return capturedBy(node)?.id ?? this.#bindingNames.get(node) ?? 'function';
    return `kind ${kind}`;
  }

  /**
   * The state as it is now.
   * @param describe what the host needs to know to make an object of its own again; null: it cannot
   * @throws UnreflectableError for state that cannot be saved: a defect of the kernel
   */
  save(describe: (foreign: object) => unknown): StateImage {
    const numbers = new Map<object, number>();
    const found: { readonly node: object; readonly kind: NodeKind; readonly record: NodeRecord }[] = [];
    this.#graph.walk((node, kind, record) => {
      numbers.set(node, found.length);
      found.push({ node, kind, record });
    });
    const { fields, memory, tlb } = saveProcessor(this.#cpu, null);
    const bytes: Uint8Array[] = [];
    const nodes: ImageNode[] = [];
    const records: (readonly ImageValue[] | null)[] = [];
    for (const { node, kind, record } of found) {
      const image = this.#imageOf(node, kind, describe);
      const isFixed = kind === NodeKind.Constant || image[0] === 'module' || this.#kept.has(node);
      nodes.push(image);
      records.push(isFixed || kind === NodeKind.Bytes ? null : record.map((value) => encode(value, numbers)));
      if (kind === NodeKind.Bytes) bytes.push(bytesOf(node).slice());
    }
    return { nodes, records, bytes, processor: fields, counters: { ...this.#cpu.counters }, tlb, memory };
  }

  #imageOf(node: object, kind: NodeKind, describe: (foreign: object) => unknown): ImageNode {
    const boot = this.#bootNumbers.get(node);
    if (boot !== undefined) return ['boot', boot];
    const binding = this.#bindingNames.get(node);
    if (binding !== undefined) return ['module', binding];
    switch (kind) {
      case NodeKind.Fields: {
        const name = this.#classNames.get(Object.getPrototypeOf(node));
        return name === undefined ? ['object'] : ['class', name];
      }
      case NodeKind.Array:
        return ['array'];
      case NodeKind.Map:
        return ['map'];
      case NodeKind.Set:
        return ['set'];
      case NodeKind.Bytes:
        return ['bytes', node.constructor.name, ArrayBuffer.isView(node) ? node.byteLength : 0];
      case NodeKind.Frame:
        return ['frame', (node instanceof Frame ? frameId(node) : null) ?? ''];
      case NodeKind.Closure:
        return ['closure', capturedBy(node)?.id ?? ''];
      default:
        return imageOfConstant(node, describe);
    }
  }

  /**
   * Makes this machine, freshly booted, what another was.
   * @param revive makes an object of the host again of what `describe` gave
   * @throws StateImageError when the image makes no sense to this machine; it is of no use then
   */
  load(image: StateImage, revive: (description: unknown) => object): void {
    const loaded = new LoadedNodes(image, (node) => this.#makeNode(node, revive));
    const { memory, processor, tlb, bytes, records } = image;
    let nextBytes = 0;
    for (let index = 0; index < image.nodes.length; index++) {
      const node = loaded.node(index);
      const record = records[index];
      const kind = this.#graph.kindOf(node);
      if (kind === NodeKind.Bytes) this.#loadBytes(node, bytes[nextBytes++]);
      else if (record !== null && kind !== NodeKind.Closure) restoreRecord(node, kind, loaded.values(record));
    }
    restoreProcessor(this.#cpu, { fields: processor, memory, tlb });
    Object.assign(this.#cpu.counters, image.counters);
  }

  #loadBytes(node: object, bytes: Uint8Array | undefined): void {
    const target = bytesOf(node);
    if (bytes === undefined || bytes.length !== target.length) throw new StateImageError('bytes are missing');
    target.set(bytes);
  }

  /** An empty object; closures are made by LoadedNodes. */
  #makeNode(node: ImageNode, revive: (description: unknown) => object): object {
    switch (node[0]) {
      case 'boot':
        return present(this.#bootNodes[node[1]], 'an object of the boot');
      case 'module':
        return presentObject(this.#bindings.get(node[1]), node[1]);
      case 'class':
        return Object.create(presentObject(classPrototype(this.#bindings.get(node[1])), node[1]));
      case 'object':
        return {};
      case 'array':
        return [];
      case 'map':
        return new Map();
      case 'set':
        return new Set();
      case 'bytes':
        return makeBytes(node[1], node[2]);
      case 'view':
        return makeView(this.#cpu.memory.memory.buffer, node[1], node[2], node[3]);
      case 'frame':
        return present(makeFrame(node[1]), node[1]);
      case 'host':
        return revive(node[1]);
      default:
        throw new StateImageError('an object of an unknown kind');
    }
  }
}

/** The objects of an image, made when they are first wanted: functions need what they capture. */
class LoadedNodes {
  readonly #image: StateImage;
  readonly #make: (node: ImageNode) => object;
  readonly #made: (object | undefined)[] = [];
  readonly #inProgress = new Set<number>();

  constructor(image: StateImage, make: (node: ImageNode) => object) {
    this.#image = image;
    this.#make = make;
  }

  node(index: number): object {
    const made = this.#made[index];
    if (made !== undefined) return made;
    const node = present(this.#image.nodes[index], `object ${index}`);
    const fresh = node[0] === 'closure' ? this.#makeClosure(index, node[1]) : this.#make(node);
    this.#made[index] = fresh;
    return fresh;
  }

  #makeClosure(index: number, id: string): object {
    if (this.#inProgress.has(index)) throw new StateImageError('a function that captures itself');
    this.#inProgress.add(index);
    const values = this.values(this.#image.records[index] ?? []);
    return present(makeClosure(id, values), id);
  }

  values(record: readonly ImageValue[]): unknown[] {
    return record.map((value) => this.#decode(value));
  }

  #decode(value: ImageValue): unknown {
    if (value === null || typeof value !== 'object') return value;
    if ('r' in value) return this.node(value.r);
    if ('b' in value) return BigInt(value.b);
    if ('n' in value) return Number(value.n);
    return undefined;
  }
}

function encode(value: unknown, numbers: ReadonlyMap<object, number>): ImageValue {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { n: Object.is(value, -0) ? '-0' : String(value) };
    case 'string':
    case 'boolean':
      return value;
    case 'undefined':
      return { u: 1 };
    case 'bigint':
      return { b: value.toString() };
    case 'object':
    case 'function':
      return value === null ? null : { r: present(numbers.get(value), 'an object') };
    default:
      throw new UnreflectableError(`the machine's state has a ${typeof value}`);
  }
}

function imageOfConstant(node: object, describe: (foreign: object) => unknown): ImageNode {
  if (node instanceof DataView) return ['view', 'DataView', node.byteOffset, node.byteLength];
  if (ArrayBuffer.isView(node)) {
    const size =
      node.constructor.name in ARRAY_KINDS ? ARRAY_KINDS[arrayKind(node.constructor.name)].BYTES_PER_ELEMENT : 1;
    return ['view', node.constructor.name, node.byteOffset, node.byteLength / size];
  }
  const description = describe(node);
  if (description !== null) return ['host', description];
  throw new UnreflectableError(`the machine's state has an object that cannot be saved: ${String(node).slice(0, 80)}`);
}

function arrayKind(name: string): ArrayKind {
  for (const kind of Object.keys(ARRAY_KINDS)) if (kind === name && isArrayKind(kind)) return kind;
  throw new StateImageError(`bytes of an unknown kind: ${name}`);
}

function isArrayKind(name: string): name is ArrayKind {
  return Object.hasOwn(ARRAY_KINDS, name);
}

function makeBytes(kind: string, byteLength: number): object {
  const Kind = ARRAY_KINDS[arrayKind(kind)];
  return new Kind(byteLength / Kind.BYTES_PER_ELEMENT);
}

function makeView(buffer: ArrayBuffer, kind: string, offset: number, length: number): object {
  if (kind === 'DataView') return new DataView(buffer, offset, length);
  return new ARRAY_KINDS[arrayKind(kind)](buffer, offset, length);
}

function present<Value>(value: Value | null | undefined, what: string): Value {
  if (value === null || value === undefined) throw new StateImageError(`there is no ${what}`);
  return value;
}

function presentObject(value: unknown, what: string): object {
  if (value !== null && (typeof value === 'object' || typeof value === 'function')) return value;
  throw new StateImageError(`there is no ${what}`);
}

function classPrototype(value: unknown): unknown {
  return typeof value === 'function' ? value.prototype : undefined;
}
