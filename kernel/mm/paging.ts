import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { CommitAccounting } from './commit.js';
import type { FaultOutcome } from './fault-outcome.js';
import type { FaultingThread } from './memory-manager.js';
import { type DeviceClock, type DeviceRequest, PagingDevice } from './paging-device.js';
import { PagingFile } from './paging-file.js';
import type { PagingStorage } from './paging-storage.js';
import type { SectionFile } from './segment.js';

/** MM_PAGING_FILE_MDLS: writes to one paging file at a time. */
const WRITES_PER_FILE = 2;

/** Where pages are read from. */
export interface ReadPlace extends Pick<DeviceRequest, 'file' | 'slot' | 'name'> {
  /** What the fault that began the read comes to be called: PageFile or MappedFile. */
  readonly outcome: FaultOutcome;
  /** The mapped file, which stays open while it is read; null for a paging file. */
  readonly openFile: SectionFile | null;
}

/** Pages on their way into memory (the role of MMINPAGE_SUPPORT). */
export class PageRead {
  /** In the order of their slots. */
  readonly frames: readonly number[];
  /** The page that was wanted; the others go to the standby list. */
  readonly frame: number;
  readonly place: ReadPlace;
  /** Who began it and takes it up when it has ended; null without a dispatcher. */
  readonly thread: FaultingThread | null;
  /** The wanted page has a reference of the read. */
  isPinned = true;
  /** Signaled when the page is there or the read has failed. */
  readonly event = new KEvent(EventType.Notification, false);
  isDone = false;
  status: NtStatus = Status.SUCCESS;
  /** It has failed, but is to be begun again after a while. */
  mustRetry = false;

  constructor(frames: readonly number[], wanted: number, place: ReadPlace, thread: FaultingThread | null) {
    this.frames = frames;
    this.frame = frames[wanted];
    this.place = place;
    this.thread = thread;
  }
}

/** Slots that were taken for a write, and the file that they are in. */
export interface WriteRun {
  readonly file: PagingFile;
  readonly start: number;
  readonly count: number;
}

/** The paging files of a machine and what is under way to and from them. */
export class Paging {
  readonly files: PagingFile[] = [];
  readonly device: PagingDevice;
  /** Reads under way, by frame. */
  readonly reads = new Map<number, PageRead>();
  /** MiFaultRetries: reads that failed for lack of resources. */
  readRetries = 0;
  /** After a failed read, so many are of one page each. */
  singleReads = 0;
  /** Pages in writes that have not completed. */
  pagesInWrites = 0;
  /** MmModifiedPageWriterEvent. */
  readonly writerEvent = new KEvent(EventType.Synchronization, false);
  /** A write has ended: an MDL of its file can be used again (MmPagingFileHeader.Event). */
  readonly writeEndedEvent = new KEvent(EventType.Notification, false);
  /** Files that can take one more write, once for each, in the order in which they will. */
  readonly #idle: PagingFile[] = [];
  /** MmFreePagingSpaceLow: the same of files in which no slot could be had. */
  readonly #full: PagingFile[] = [];
  /** Writes that failed, and how the last one did. */
  writeErrors = 0;
  lastWriteError: NtStatus = Status.SUCCESS;
  readonly #commit: CommitAccounting;

  constructor(clock: DeviceClock, commit: CommitAccounting) {
    this.device = new PagingDevice(clock);
    this.#commit = commit;
  }

  /** There is a paging file that has, or may have, slots. */
  get canWrite(): boolean {
    return this.#idle.length > 0 || this.pagesInWrites > 0;
  }

  /** No file has a slot left (MiPageFileFull). */
  get isFull(): boolean {
    return this.files.length > 0 && this.#full.length === this.files.length * WRITES_PER_FILE;
  }

  /** One more paging file; the commit limit grows by it. Sizes in pages. */
  create(name: string, minimum: number, maximum: number, storage: PagingStorage): PagingFile {
    const file = new PagingFile(this.files.length, name, minimum, maximum, storage);
    this.files.push(file);
    this.#commit.limit += file.size - 1;
    for (let write = 0; write < WRITES_PER_FILE; write++) this.#idle.push(file);
    return file;
  }

  /**
   * Slots for a write of so many pages, or of fewer, and the right to one write to their file: endWrite gives it back. Null:
   * every file is busy (wait for writeEndedEvent) or full.
   */
  beginWrite(wanted: number): WriteRun | null {
    for (let file = this.#idle.shift(); file !== undefined; file = this.#idle.shift()) {
      const run = file.allocate(wanted);
      if (run.count > 0) return { file, start: run.start, count: run.count };
      this.#full.push(file);
    }
    return null;
  }

  /** A write is over. */
  endWrite(file: PagingFile, status: NtStatus): void {
    if (status >>> 0 >= 0xc0000000) {
      this.writeErrors++;
      this.lastWriteError = status;
    }
    this.#idle.push(file);
  }

  /** An existing file gets greater limits, and grows to its new minimum. False: its storage does not take that. */
  grow(file: PagingFile, minimum: number, maximum: number): boolean {
    const before = file.maximum;
    file.maximum = maximum;
    if (minimum > file.size && this.extendFile(file, minimum - file.size, true) === 0) {
      file.maximum = before;
      return false;
    }
    file.minimum = minimum;
    return true;
  }

  free(file: number, slot: number): void {
    const owner = this.files[file];
    if (owner === undefined) return;
    owner.free(slot);
    if (this.#full.length > 0) this.#revive(owner);
  }

  /** Makes one file bigger; the commit limit follows. Returns pages gained. @param exact no more than asked for */
  extendFile(file: PagingFile, pages: number, exact = false): number {
    const gained = file.extend(pages, exact);
    this.#commit.limit += gained;
    if (gained > 0) this.#revive(file);
    return gained;
  }

  /** Makes one file smaller by so many pages at its end, which are free; the commit limit follows. */
  contractFile(file: PagingFile, pages: number): void {
    file.contract(pages);
    this.#commit.limit -= pages;
  }

  /** Pages that all files could grow by together. */
  get room(): number {
    return this.files.reduce((sum, file) => sum + file.maximum - file.size, 0);
  }

  /** Writes that a file can take now and that wait for slots: what is neither is under way. */
  idleWrites(file: PagingFile): number {
    return [...this.#idle, ...this.#full].filter((other) => other === file).length;
  }

  /** A file that was full has slots again. */
  #revive(file: PagingFile): void {
    for (let index = this.#full.length - 1; index >= 0; index--) {
      if (this.#full[index] !== file) continue;
      this.#full.splice(index, 1);
      this.#idle.push(file);
    }
  }
}
