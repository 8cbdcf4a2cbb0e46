import {
  type HostConsole,
  type HostFile,
  type HostFileInformation,
  type HostPath,
  type HostStreamFile,
  type HostVolume,
  type HostVolumeSpace,
  StandardStream,
} from '../host.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';

/** Where the standard streams that are regular files are to be found in the name space. */
export const STANDARD_FILES_PATH = '\\Device\\StandardFiles';

const streams = [StandardStream.Input, StandardStream.Output, StandardStream.Error] as const;

/**
 * The regular files that the host's standard streams were redirected to, as a volume of files '0', '1' and '2': they have
 * sizes, times and positions like any file of a disk. Nothing can be made, renamed or removed.
 */
export class StandardFiles implements HostVolume {
  readonly readOnly = false;
  readonly label = '';
  readonly serialNumber = 0;
  readonly #files: ReadonlyMap<StandardStream, HostStreamFile>;

  constructor(host: HostConsole) {
    const files = new Map<StandardStream, HostStreamFile>();
    for (const stream of streams) {
      const file = host.kind(stream) === 'file' ? (host.file?.(stream) ?? null) : null;
      if (file !== null) files.set(stream, file);
    }
    this.#files = files;
  }

  /** The file behind a stream; null where the stream is something else. */
  get(stream: StandardStream): HostStreamFile | null {
    return this.#files.get(stream) ?? null;
  }

  space(): HostVolumeSpace {
    return { totalBytes: 0, freeBytes: 0 };
  }

  writeStatus(path: HostPath): NtStatus {
    return this.#find(path)?.[1].writable ? Status.SUCCESS : Status.ACCESS_DENIED;
  }

  information(path: HostPath): HostFileInformation | NtStatus {
    if (path.length === 0) return ROOT;
    const found = this.#find(path);
    return found === null ? missing(path) : describe(...found);
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    if (path.length > 0) return this.#find(path) === null ? missing(path) : Status.NOT_A_DIRECTORY;
    return [...this.#files].map(([stream, file]) => describe(stream, file));
  }

  isEmpty(): boolean {
    return false;
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    const found = this.#find(path);
    if (found === null) return missing(path);
    const [stream, { file, writable: canWrite }] = found;
    if (writable && !canWrite) return Status.ACCESS_DENIED;
    return {
      information: () => describe(stream, found[1]),
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      write: (offset, bytes) => file.write(offset, bytes),
      setSize: (size) => file.setSize(size),
      flush: () => file.flush(),
      // The stream is the host's.
      close: () => {},
    };
  }

  createFile(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  createDirectory(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  remove(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  rename(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  setTimes(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  setReadOnly(): NtStatus {
    return Status.ACCESS_DENIED;
  }

  #find(path: HostPath): readonly [StandardStream, HostStreamFile] | null {
    const stream = path.length === 1 ? streams.find((candidate) => String(candidate) === path[0]) : undefined;
    const file = stream === undefined ? undefined : this.#files.get(stream);
    return stream === undefined || file === undefined ? null : [stream, file];
  }
}

const missing = (path: HostPath): NtStatus =>
  path.length > 1 ? Status.OBJECT_PATH_NOT_FOUND : Status.OBJECT_NAME_NOT_FOUND;

/** Two streams of one file have a block of their own each, for each goes through its own descriptor. */
function describe(stream: StandardStream, { file, writable }: HostStreamFile): HostFileInformation {
  return { ...file.information(), name: String(stream), readOnly: !writable, identity: BigInt(stream) + 1n };
}

const ROOT: HostFileInformation = {
  name: '',
  isDirectory: true,
  readOnly: false,
  size: 0,
  allocationSize: 0,
  linkCount: 1,
  creationTime: 0n,
  lastAccessTime: 0n,
  lastWriteTime: 0n,
  changeTime: 0n,
  identity: 0n,
};
