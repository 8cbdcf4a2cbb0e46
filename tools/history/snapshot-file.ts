import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { MemoryImage, type ProcessorFields } from '../../cpu/index.js';
import type { ImageNode, ImageValue, StateImage } from '../../kernel/index.js';
import type { LoggedAnswer } from './host-log.js';

/** Format: magic, version (dword), SHA-256 of what follows, then deflated: length of a JSON text (dword), the text, bytes. */
const MAGIC = Buffer.from('nt86snap', 'latin1');
const VERSION = 1;
const HASH_OFFSET = MAGIC.length + 4;
const BODY_OFFSET = HASH_OFFSET + 32;
const PAGE_BYTES = 4096;
/** More than the largest machine needs: a file that would grow beyond is no snapshot. */
const MAXIMUM_CONTENTS = 2 ** 32 - 1;

/** A file that is no snapshot, is damaged, or does not fit; the message says which. */
export class SnapshotError extends Error {}

/** What a snapshot file holds. */
export interface Snapshot {
  /** Hash of the code that its positions mean something to. */
  readonly code: string;
  /** Hash of what the machine looks like after its boot. */
  readonly bootShape: string;
  readonly drives: readonly string[];
  /** How to make the machine anew; for whoever made the snapshot. */
  readonly recipe: unknown;
  /** What the host answered during the boot; its values as JSON. */
  readonly bootAnswers: readonly LoggedAnswer[];
  readonly image: StateImage;
}

/** The JSON part of a file. */
interface Header {
  readonly code: string;
  readonly bootShape: string;
  readonly drives: readonly string[];
  readonly recipe: unknown;
  readonly bootAnswers: readonly LoggedAnswer[];
  readonly nodes: readonly ImageNode[];
  readonly records: readonly (readonly ImageValue[] | null)[];
  readonly processor: ProcessorFields;
  readonly counters: StateImage['counters'];
  readonly tlbBytes: number;
  readonly memoryEnd: number;
  readonly pageCount: number;
  /** The pages that are not zero, in the order in which they stand in the file. */
  readonly pages: readonly number[];
  readonly byteLengths: readonly number[];
}

export function encodeSnapshot(snapshot: Snapshot): Uint8Array {
  const { image, ...rest } = snapshot;
  const pages = image.memory.pages.flatMap((page, index) => (page.some((word) => word !== 0) ? [index] : []));
  const header: Header = {
    ...rest,
    nodes: image.nodes,
    records: image.records,
    processor: image.processor,
    counters: image.counters,
    tlbBytes: image.tlb.byteLength,
    memoryEnd: image.memory.end,
    pageCount: image.memory.pages.length,
    pages,
    byteLengths: image.bytes.map((bytes) => bytes.length),
  };
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const parts = [
    length,
    text,
    bytesOf(image.tlb),
    ...pages.map((index) => bytesOf(image.memory.pages[index])),
    ...image.bytes,
  ];
  const body = deflateRawSync(Buffer.concat(parts), { level: 4 });
  const head = Buffer.alloc(BODY_OFFSET);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, MAGIC.length);
  hashOf(head, body).copy(head, HASH_OFFSET);
  return Buffer.concat([head, body]);
}

/** @throws SnapshotError for what is no snapshot, comes from another version, or is damaged */
export function decodeSnapshot(file: Uint8Array): Snapshot {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < MAGIC.length || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new SnapshotError('is no snapshot of nt86');
  }
  if (bytes.length < BODY_OFFSET) throw new SnapshotError('is damaged: it is too short');
  const version = bytes.readUInt32LE(MAGIC.length);
  if (version !== VERSION)
    throw new SnapshotError(`is a snapshot of format ${version}; this nt86 reads format ${VERSION}`);
  const body = bytes.subarray(BODY_OFFSET);
  if (!hashOf(bytes, body).equals(bytes.subarray(HASH_OFFSET, BODY_OFFSET))) {
    throw new SnapshotError('is damaged: its checksum is wrong');
  }
  try {
    return readContents(inflateRawSync(body, { maxOutputLength: MAXIMUM_CONTENTS }));
  } catch (error) {
    if (error instanceof SnapshotError) throw error;
    throw new SnapshotError(`is damaged: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Over magic, version and body. */
function hashOf(head: Buffer, body: Buffer): Buffer {
  return createHash('sha256').update(head.subarray(0, HASH_OFFSET)).update(body).digest();
}

function readContents(contents: Buffer): Snapshot {
  let at = 4 + contents.readUInt32LE(0);
  const header: Header = JSON.parse(contents.toString('utf8', 4, at));
  const take = (length: number): Uint8Array => {
    if (at + length > contents.length) throw new SnapshotError('is damaged: bytes are missing');
    at += length;
    // A copy: aligned, and the file's contents can go.
    return new Uint8Array(contents.subarray(at - length, at));
  };
  const { code, bootShape, drives, recipe, bootAnswers, nodes, records, processor, counters } = header;
  const tlb = new Int32Array(take(header.tlbBytes).buffer);
  const zeros = new Int32Array(PAGE_BYTES / 4);
  const pages: Int32Array[] = new Array(header.pageCount).fill(zeros);
  for (const index of header.pages) pages[index] = new Int32Array(take(PAGE_BYTES).buffer);
  const memory = new MemoryImage(header.memoryEnd, pages, zeros);
  const bytes = header.byteLengths.map(take);
  const image = { nodes, records, bytes, processor, counters, tlb, memory };
  return { code, bootShape, drives, recipe, bootAnswers, image };
}

function bytesOf(words: Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
