import type { HostPagingFile } from '../host.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';

const CHUNK_PAGES = 256;
const PAGE_SIZE = 0x1000;

/** Where a paging file's bytes are. Slots are pages of 4 KB. */
export interface PagingStorage {
  read(slot: number, into: Uint8Array): NtStatus;
  /** Consecutive slots, as many as there are bytes for. */
  write(slot: number, bytes: Uint8Array): NtStatus;
  /** The file is so many pages from now on. DISK_FULL, or what the host says; then it is as it was. */
  resize(pages: number): NtStatus;
}

/** A paging file in the host's memory, which is taken in pieces of 1 MB as slots are first written. */
export class MemoryPagingStorage implements PagingStorage {
  readonly #chunks = new Map<number, Uint8Array>();

  read(slot: number, into: Uint8Array): NtStatus {
    const chunk = this.#chunks.get(Math.floor(slot / CHUNK_PAGES));
    if (chunk === undefined) return Status.END_OF_FILE;
    const start = (slot % CHUNK_PAGES) * PAGE_SIZE;
    into.set(chunk.subarray(start, start + PAGE_SIZE));
    return Status.SUCCESS;
  }

  write(slot: number, bytes: Uint8Array): NtStatus {
    for (let at = 0; at < bytes.length; at += PAGE_SIZE) {
      const page = slot + at / PAGE_SIZE;
      this.#chunk(Math.floor(page / CHUNK_PAGES)).set(
        bytes.subarray(at, at + PAGE_SIZE),
        (page % CHUNK_PAGES) * PAGE_SIZE,
      );
    }
    return Status.SUCCESS;
  }

  resize(pages: number): NtStatus {
    const chunks = Math.ceil(pages / CHUNK_PAGES);
    for (const index of [...this.#chunks.keys()]) if (index >= chunks) this.#chunks.delete(index);
    return Status.SUCCESS;
  }

  #chunk(index: number): Uint8Array {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    const chunk = new Uint8Array(CHUNK_PAGES * PAGE_SIZE);
    this.#chunks.set(index, chunk);
    return chunk;
  }
}

/** A paging file that the host keeps, for instance as a file of its own. */
export class HostPagingStorage implements PagingStorage {
  readonly #file: HostPagingFile;

  constructor(file: HostPagingFile) {
    this.#file = file;
  }

  read(slot: number, into: Uint8Array): NtStatus {
    return this.#file.read(slot * PAGE_SIZE, into);
  }

  write(slot: number, bytes: Uint8Array): NtStatus {
    return this.#file.write(slot * PAGE_SIZE, bytes);
  }

  resize(pages: number): NtStatus {
    return this.#file.setSize(pages * PAGE_SIZE);
  }
}
