import fs from 'node:fs';
import path from 'node:path';
import { type HostPagingFile, type NtStatus, Status } from '../kernel/index.js';
import { hostCall } from './node-errors.js';

/** MmMinimumFreeDiskSpace: a paging file leaves so much of the host's disk to others. Bytes. */
const MINIMUM_FREE = 1 << 20;
const BLOCK = 512;

/** The stores of a machine's paging files in a folder of the host: sparse files, which are gone when the machine is done. */
export class NodePagingFiles {
  readonly #folder: string;
  readonly #open = new Map<string, number>();
  readonly #atExit = (): void => this.close();
  readonly #freeBytes: () => number;

  /** @param freeBytes of the disk that the folder is on */
  constructor(folder: string, freeBytes: () => number = () => freeBytesOf(folder)) {
    this.#folder = folder;
    this.#freeBytes = freeBytes;
  }

  /** Makes the file of one paging file; DISK_FULL, or the host's error as a status, when that cannot be. */
  create(number: number, size: number): HostPagingFile | NtStatus {
    const name = path.join(this.#folder, `nt86-${process.pid}-${Math.floor(performance.now() * 1000)}-${number}.sys`);
    const descriptor = hostCall(() => ({ value: fs.openSync(name, 'wx+', 0o600) }));
    if (typeof descriptor === 'number') return descriptor;
    if (this.#open.size === 0) process.on('exit', this.#atExit);
    this.#open.set(name, descriptor.value);
    const file = new NodePagingFile(descriptor.value, this.#freeBytes);
    const status = file.setSize(size);
    return status === Status.SUCCESS ? file : status;
  }

  /** Closes and removes every file; twice does nothing. */
  close(): void {
    for (const [name, descriptor] of this.#open) {
      hostCall(() => fs.closeSync(descriptor));
      hostCall(() => fs.rmSync(name, { force: true }));
    }
    this.#open.clear();
    process.off('exit', this.#atExit);
  }
}

/** One paging file. Nothing is set aside for it: its pages take room on the host as they are written. */
class NodePagingFile implements HostPagingFile {
  readonly #descriptor: number;
  readonly #freeBytes: () => number;

  constructor(descriptor: number, freeBytes: () => number) {
    this.#descriptor = descriptor;
    this.#freeBytes = freeBytes;
  }

  read(offset: number, into: Uint8Array): NtStatus {
    return statusOf(() => {
      for (let done = 0; done < into.length; ) {
        const got = fs.readSync(this.#descriptor, into, done, into.length - done, offset + done);
        if (got === 0) return Status.END_OF_FILE;
        done += got;
      }
      return Status.SUCCESS;
    });
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    return statusOf(() => {
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, offset + done);
      }
      return Status.SUCCESS;
    });
  }

  setSize(size: number): NtStatus {
    return statusOf(() => {
      const { size: present, blocks } = fs.fstatSync(this.#descriptor);
      const isGrowing = size > present;
      if (isGrowing && size - blocks * BLOCK + MINIMUM_FREE > this.#freeBytes()) return Status.DISK_FULL;
      fs.ftruncateSync(this.#descriptor, size);
      return Status.SUCCESS;
    });
  }
}

function freeBytesOf(folder: string): number {
  const { bavail, bsize } = fs.statfsSync(folder);
  return bavail * bsize;
}

/** What a host call answers, or the status nearest to its error. */
const statusOf = (action: () => NtStatus): NtStatus => hostCall(action);
