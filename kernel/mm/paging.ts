import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { CommitAccounting } from './commit.js';
import { type DeviceClock, PagingDevice, type PagingStorage } from './paging-device.js';
import { PagingFile } from './paging-file.js';

/** A page on its way into memory (the role of MMINPAGE_SUPPORT). */
export class PageRead {
  readonly frame: number;
  /** Signaled when the page is there or the read has failed. */
  readonly event = new KEvent(EventType.Notification, false);
  isDone = false;
  status: NtStatus = Status.SUCCESS;

  constructor(frame: number) {
    this.frame = frame;
  }
}

/** The paging files of a machine and what is under way to and from them. */
export class Paging {
  readonly files: PagingFile[] = [];
  readonly device: PagingDevice;
  /** Reads under way, by frame. */
  readonly reads = new Map<number, PageRead>();
  /** Pages in writes that have not completed. */
  pagesInWrites = 0;
  /** MmModifiedPageWriterEvent. */
  readonly writerEvent = new KEvent(EventType.Synchronization, false);
  /** Pages became available, or the writer could do nothing for it. */
  readonly pagesEvent = new KEvent(EventType.Notification, false);
  /** No slot could be had; cleared when one is given back. */
  isFull = false;
  readonly #commit: CommitAccounting;

  constructor(clock: DeviceClock, commit: CommitAccounting) {
    this.device = new PagingDevice(clock);
    this.#commit = commit;
  }

  get canWrite(): boolean {
    return this.files.length !== 0 && !this.isFull;
  }

  /** One more paging file; the commit limit grows by it. Sizes in pages. */
  create(name: string, minimum: number, maximum: number, storage: PagingStorage): PagingFile {
    const file = new PagingFile(this.files.length, name, minimum, maximum, storage);
    this.files.push(file);
    this.#commit.limit += file.size - 1;
    this.isFull = false;
    return file;
  }

  /** Slots in the file with the most room, extending files before giving up. Null when there are none. */
  allocate(wanted: number): { readonly file: PagingFile; readonly start: number; readonly count: number } | null {
    for (const file of this.#byFreeSpace()) {
      const run = file.allocate(wanted);
      if (run.count > 0) return { file, start: run.start, count: run.count };
    }
    if (this.extend(wanted)) return this.allocate(wanted);
    this.isFull = true;
    return null;
  }

  /** An existing file gets greater limits, and grows to its new minimum. */
  grow(file: PagingFile, minimum: number, maximum: number): void {
    file.maximum = maximum;
    file.minimum = minimum;
    if (minimum > file.size) this.#commit.limit += file.extend(minimum - file.size);
    this.isFull = false;
  }

  free(file: number, slot: number): void {
    this.files[file]?.free(slot);
    this.isFull = false;
  }

  /** Makes some file bigger by so many pages, or several together; the commit limit follows. False when none can. */
  extend(pages: number): boolean {
    let missing = pages;
    for (const file of this.files) {
      const gained = file.extend(Math.min(missing, file.maximum - file.size));
      this.#commit.limit += gained;
      missing -= gained;
      if (missing <= 0) return true;
    }
    return false;
  }

  /** Pages that all files could grow by together. */
  get room(): number {
    return this.files.reduce((sum, file) => sum + file.maximum - file.size, 0);
  }

  #byFreeSpace(): readonly PagingFile[] {
    if (this.files.length < 2) return this.files;
    return [...this.files].sort((a, b) => b.freeSpace - a.freeSpace || a.number - b.number);
  }
}
