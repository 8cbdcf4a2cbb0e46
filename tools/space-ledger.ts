import fs from 'node:fs';
import { type HostVolumeSpace, type NtStatus, Status } from '../kernel/index.js';
import { hostCall } from './node-errors.js';

/** The host is asked again after so many bytes at the latest, for others use its disk, too. */
const MAXIMUM_UNCHECKED = 64 << 20;
const CLUSTER = 4096;
const BLOCK = 512;

const clusters = (bytes: number): number => Math.ceil(bytes / CLUSTER) * CLUSTER;

/** An open file that may become longer. */
export interface GrowingFile {
  readonly descriptor: number;
  /** The folder in which it was opened. */
  readonly folder: string;
}

/**
 * Free space as NT counts it: a file that becomes longer takes its clusters at once, and who asks for more than there is learns it then.
 * The host makes such files with holes and sets nothing aside until it is written, and Node cannot ask it to; so what was promised to
 * files and is not theirs yet is counted here, for each file system below a volume's folder. What another program of the host takes
 * meanwhile is found out when it is too late, by the write itself.
 */
export class SpaceLedger {
  /** By the host's device number. */
  readonly #fileSystems = new Map<number, FileSystem>();

  /** What a folder's file system has, less what was promised. A host that does not know says 0 in all. */
  space(folder: string): HostVolumeSpace {
    const stats = hostCall(() => fs.statSync(folder));
    return typeof stats === 'number' ? { totalBytes: 0, freeBytes: 0 } : this.#fileSystem(stats.dev).space(folder);
  }

  /**
   * An open file is to be so long. DISK_FULL: there is no room for what it becomes longer by.
   * @throws the host's error
   */
  promise(file: GrowingFile, size: number): NtStatus {
    const stats = fs.fstatSync(file.descriptor);
    const growth = clusters(size) - clusters(stats.size);
    return growth <= 0 ? Status.SUCCESS : this.#fileSystem(stats.dev).promise(file, stats, growth);
  }

  /** The file is written as far as it ever will be through this descriptor. */
  closed({ descriptor }: GrowingFile): void {
    for (const fileSystem of this.#fileSystems.values()) fileSystem.holes.delete(descriptor);
  }

  #fileSystem(device: number): FileSystem {
    const existing = this.#fileSystems.get(device);
    if (existing !== undefined) return existing;
    const made = new FileSystem();
    this.#fileSystems.set(device, made);
    return made;
  }
}

class FileSystem {
  /** Bytes of holes that open files had before they became longer, by descriptor. */
  readonly holes = new Map<number, number>();
  /** Bytes that can be promised before the host is asked again. */
  #unchecked = 0;

  space(folder: string): HostVolumeSpace {
    const space = hostCall(() => fs.statfsSync(folder));
    if (typeof space === 'number') return { totalBytes: 0, freeBytes: 0 };
    const freeBytes = Math.max(0, space.bavail * space.bsize - this.#promised());
    return { totalBytes: space.blocks * space.bsize, freeBytes };
  }

  promise({ descriptor, folder }: GrowingFile, stats: fs.Stats, growth: number): NtStatus {
    if (!this.holes.has(descriptor)) this.holes.set(descriptor, missing(stats));
    if (growth > this.#unchecked) {
      const { totalBytes, freeBytes } = this.space(folder);
      const available = totalBytes === 0 ? Number.MAX_SAFE_INTEGER : freeBytes;
      if (growth > available) return Status.DISK_FULL;
      // Half of the rest: the nearer the end, the more often the host is asked.
      this.#unchecked = growth + Math.min(MAXIMUM_UNCHECKED, (available - growth) / 2);
    }
    this.#unchecked -= growth;
    return Status.SUCCESS;
  }

  #promised(): number {
    let sum = 0;
    for (const [descriptor, before] of this.holes) {
      const stats = hostCall(() => fs.fstatSync(descriptor));
      if (typeof stats !== 'number') sum += Math.max(0, missing(stats) - before);
    }
    return sum;
  }
}

/** Bytes of holes in a file. */
function missing(stats: fs.Stats): number {
  return Math.max(0, clusters(stats.size) - stats.blocks * BLOCK);
}
