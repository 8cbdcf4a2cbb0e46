import fs from 'node:fs';
import { type HostStreamFile, type NtStatus, StandardStream, Status } from '../kernel/index.js';
import { hostCall } from './node-errors.js';
import { NodeFile } from './node-volume.js';

/** What Linux tells of a descriptor's open file description. */
interface Description {
  readonly position: number;
  /** O_* flags. */
  readonly flags: number;
}

const ACCESS_MODE = fs.constants.O_RDONLY | fs.constants.O_WRONLY | fs.constants.O_RDWR;

/**
 * The regular file behind a standard stream; null for anything else, and where the system does not tell at which position
 * the file was left (there is no lseek in Node): only Linux does.
 */
export function streamFile(stream: StandardStream): HostStreamFile | null {
  const stats = hostCall(() => fs.fstatSync(stream));
  if (typeof stats === 'number' || !stats.isFile()) return null;
  const description = describeDescriptor(stream);
  if (description === null) return null;
  const { flags } = description;
  const appends = (flags & fs.constants.O_APPEND) !== 0;
  const position = appends ? stats.size : description.position;
  return {
    file: new NodeStreamFile(stream, position, appends),
    position,
    readable: (flags & ACCESS_MODE) !== fs.constants.O_WRONLY,
    writable: (flags & ACCESS_MODE) !== fs.constants.O_RDONLY,
    sharedWith: stream === StandardStream.Error && isOutput(stats, description) ? StandardStream.Output : null,
  };
}

/** Tells whether standard output is the same file at the same position, as after `2>&1`. */
function isOutput(stats: fs.Stats, description: Description): boolean {
  const output = hostCall(() => fs.fstatSync(StandardStream.Output));
  if (typeof output === 'number' || output.dev !== stats.dev || output.ino !== stats.ino) return false;
  const other = describeDescriptor(StandardStream.Output);
  return other?.position === description.position && other.flags === description.flags;
}

function describeDescriptor(descriptor: number): Description | null {
  const text = hostCall(() => fs.readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'));
  if (typeof text === 'number') return null;
  const position = /^pos:\s*(\d+)$/m.exec(text)?.[1];
  const flags = /^flags:\s*([0-7]+)$/m.exec(text)?.[1];
  if (position === undefined || flags === undefined) return null;
  return { position: Number(position), flags: Number.parseInt(flags, 8) };
}

/**
 * A file that others go on with when this process has ended: what is read or written at the descriptor's own position moves
 * it, other offsets are reached without moving it.
 */
class NodeStreamFile extends NodeFile {
  readonly #descriptor: number;
  readonly #appends: boolean;
  #position: number;

  constructor(descriptor: number, position: number, appends: boolean) {
    super({ descriptor, folder: '' }, '', null);
    this.#descriptor = descriptor;
    this.#position = position;
    this.#appends = appends;
  }

  override read(offset: number, length: number): Uint8Array | NtStatus {
    if (offset !== this.#position) return super.read(offset, length);
    return hostCall(() => {
      const bytes = new Uint8Array(Math.min(length, Math.max(0, this.size() - offset)));
      let count = 0;
      while (count < bytes.length) {
        const got = fs.readSync(this.#descriptor, bytes, count, bytes.length - count, null);
        if (got === 0) break;
        count += got;
      }
      this.#position += count;
      return bytes.subarray(0, count);
    });
  }

  override write(offset: number, bytes: Uint8Array): NtStatus {
    if (offset !== this.#position && !this.#appends) return super.write(offset, bytes);
    const status = hostCall((): NtStatus => {
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, null);
      }
      return Status.SUCCESS;
    });
    if (status === Status.SUCCESS) this.#position = offset + bytes.length;
    return status;
  }
}
