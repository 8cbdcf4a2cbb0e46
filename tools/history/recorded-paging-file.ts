import { type HostPagingFile, isSuccess, type NtStatus } from '../../kernel/index.js';
import type { HostLog } from './host-log.js';

/** Changes of a paging file's store, in the log. */
export const PAGING_CHANGE = 'pagingFile.change';

/** What a write or a new size did, and how it is taken back. */
interface Change {
  readonly status: NtStatus;
  readonly takeBack: () => void;
}

/** Takes changes back that were made in a future that did not come to be, the last one first. */
export function takeBackChanges(changes: readonly unknown[]): void {
  for (const change of changes.toReversed()) {
    if (isChange(change)) change.takeBack();
  }
}

function isChange(value: unknown): value is Change {
  return typeof value === 'object' && value !== null && 'takeBack' in value;
}

/**
 * The host's store of a paging file under a machine that may go back in time: pages that are written over are kept in the log, so
 * that the store can become again what it was.
 */
export class RecordedPagingFile implements HostPagingFile {
  readonly number: number;
  readonly #file: HostPagingFile;
  readonly #log: HostLog;
  /** Bytes. */
  #size: number;

  constructor(file: HostPagingFile, number: number, size: number, log: HostLog) {
    this.number = number;
    this.#file = file;
    this.#size = size;
    this.#log = log;
  }

  read(offset: number, into: Uint8Array): NtStatus {
    const answer = this.#log.ask(
      'pagingFile.read',
      () => {
        const bytes = new Uint8Array(into.length);
        return { status: this.#file.read(offset, bytes), bytes };
      },
      ({ bytes }) => bytes.length,
    );
    if (isSuccess(answer.status)) into.set(answer.bytes);
    return answer.status;
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    const change = (): Change => {
      const replaced = new Uint8Array(bytes.length);
      const known = isSuccess(this.#file.read(offset, replaced));
      const status = this.#file.write(offset, bytes);
      return { status, takeBack: () => known && this.#file.write(offset, replaced) };
    };
    return this.#log.ask(PAGING_CHANGE, change, () => bytes.length).status;
  }

  setSize(size: number): NtStatus {
    const change = (): Change => {
      const before = this.#size;
      const status = this.#file.setSize(size);
      if (isSuccess(status)) this.#size = size;
      const takeBack = (): void => {
        if (isSuccess(this.#file.setSize(before))) this.#size = before;
      };
      return { status, takeBack };
    };
    return this.#log.ask(PAGING_CHANGE, change).status;
  }
}
