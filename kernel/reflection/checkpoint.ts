import {
  type Cpu,
  type PageComparison,
  type ProcessorSnapshot,
  restoreProcessor,
  saveProcessor,
} from '../../cpu/index.js';
import { bytesOf, NodeKind, type NodeRecord, ObjectGraph, restoreRecord, sameRecord } from './object-graph.js';

const CHUNK = 4096;

/** Contents of an object at a checkpoint. */
interface SavedNode {
  readonly kind: NodeKind;
  readonly record: NodeRecord;
  /** Copies of its bytes in pieces, for NodeKind.Bytes. */
  readonly chunks: readonly Uint8Array[] | null;
}

/** The whole state of a machine at one moment between two runs, for the machine that it was taken of. */
export class Checkpoint {
  /** Instructions retired. */
  readonly instructions: number;
  readonly processor: ProcessorSnapshot;
  /** Every object that changes, with its contents. */
  readonly nodes: ReadonlyMap<object, SavedNode>;

  constructor(processor: ProcessorSnapshot, nodes: ReadonlyMap<object, SavedNode>) {
    this.instructions = processor.fields.instructionCount;
    this.processor = processor;
    this.nodes = nodes;
  }

  /** Host bytes that this checkpoint takes beyond what it shares with another; an estimate. */
  bytesBeyond(other: Checkpoint | null): number {
    const { memory, tlb } = this.processor;
    const otherPages = other?.processor.memory.pages;
    let pages = 0;
    memory.pages.forEach((page, index) => {
      if (page !== otherPages?.[index] && page !== memory.zeros) pages++;
    });
    let bytes = pages * PAGE_BYTES + memory.pages.length * 8 + tlb.byteLength;
    for (const [node, saved] of this.nodes) {
      const before = other?.nodes.get(node);
      bytes += NODE_BYTES;
      if (before === saved) continue;
      bytes += RECORD_BYTES + saved.record.length * 8;
      saved.chunks?.forEach((chunk, index) => {
        if (before?.chunks?.[index] !== chunk) bytes += CHUNK;
      });
    }
    return bytes;
  }
}

/** What an unchanged object costs a checkpoint, and a changed one; host bytes. */
const NODE_BYTES = 40;
const RECORD_BYTES = 120;
const PAGE_BYTES = 4096 + 100;

/**
 * Takes checkpoints of a machine and goes back to them. Objects keep their identity: going back changes their contents, so
 * that whoever holds on to one, and the kernel's functions, find it as it was.
 */
export class Checkpointer {
  readonly #graph: ObjectGraph;
  readonly #cpu: Cpu;
  readonly #isSame: PageComparison | undefined;
  /** The last checkpoint taken or gone back to: what is still the same is shared with it. */
  #latest: Checkpoint | null = null;

  /**
   * @param root the machine; everything that belongs to it is reached from there
   * @param isSame the host's way to compare pages
   */
  constructor(root: object, cpu: Cpu, isSame?: PageComparison) {
    this.#graph = new ObjectGraph(root, cpu.memory.memory.buffer);
    this.#cpu = cpu;
    this.#isSame = isSame;
  }

  /** @throws UnreflectableError for state that cannot be saved: a defect of the kernel */
  take(): Checkpoint {
    const previous = this.#latest;
    const processor = saveProcessor(this.#cpu, previous?.processor ?? null, this.#isSame);
    const nodes = new Map<object, SavedNode>();
    this.#graph.walk((node, kind, record) => {
      if (kind === NodeKind.Constant || kind === NodeKind.Closure) return;
      const before = previous?.nodes.get(node);
      const chunks = kind === NodeKind.Bytes ? copyBytes(bytesOf(node), before?.chunks ?? null) : null;
      if (before !== undefined && before.chunks === chunks && sameRecord(before.record, record)) {
        nodes.set(node, before);
        return;
      }
      nodes.set(node, { kind, record, chunks });
    });
    this.#latest = new Checkpoint(processor, nodes);
    return this.#latest;
  }

  /** Makes the machine what it was. */
  restore(checkpoint: Checkpoint): void {
    restoreProcessor(this.#cpu, checkpoint.processor, this.#isSame);
    for (const [node, { kind, record, chunks }] of checkpoint.nodes) {
      if (chunks !== null) restoreBytes(bytesOf(node), chunks);
      else restoreRecord(node, kind, record);
    }
    this.#latest = checkpoint;
  }
}

/** Pieces of the bytes; where nothing has changed the very pieces from before. */
function copyBytes(bytes: Uint8Array, before: readonly Uint8Array[] | null): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let changed = before === null;
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const known = before?.[chunks.length];
    const end = Math.min(at + CHUNK, bytes.length);
    if (known !== undefined && known.length === end - at && sameBytes(bytes, at, known)) {
      chunks.push(known);
      continue;
    }
    chunks.push(bytes.slice(at, end));
    changed = true;
  }
  return changed || before === null || before.length !== chunks.length ? chunks : before;
}

function sameBytes(bytes: Uint8Array, start: number, chunk: Uint8Array): boolean {
  for (let index = 0; index < chunk.length; index++) if (bytes[start + index] !== chunk[index]) return false;
  return true;
}

function restoreBytes(bytes: Uint8Array, chunks: readonly Uint8Array[]): void {
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
}
