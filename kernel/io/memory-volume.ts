import type { HostFile, HostFileInformation, HostFileTimes, HostPath, HostVolume, HostVolumeSpace } from '../host.js';
import { Status } from '../ntstatus.js';
import { compareNames, upcaseName } from '../ob/name.js';
import type { NtStatus } from '../types.js';

const DEFAULT_BYTES = 64 << 20;
const CLUSTER = 4096;
/** What a file or directory takes besides its bytes. */
const RECORD_BYTES = 1024;
/** Sets the files of memory volumes apart from those of host folders. */
const IDENTITY_BASE = 0x7ffe_0000_0000_0000n;

/** A file or directory; `entries` is null for files. */
interface Node {
  name: string;
  readonly identity: bigint;
  readonly entries: Map<string, Node> | null;
  bytes: Uint8Array;
  size: number;
  readOnly: boolean;
  readonly creationTime: bigint;
  lastAccessTime: bigint;
  lastWriteTime: bigint;
}

/** A number below 8000h made of a label. */
function labelNumber(label: string): number {
  let number = 0;
  for (let index = 0; index < label.length; index++) number = (number * 31 + label.charCodeAt(index)) & 0x7fff;
  return number;
}

/** A volume in memory: the guest's folder for temporary files, and what tests and hosts without files use. */
export class MemoryVolume implements HostVolume {
  readonly readOnly = false;
  readonly label: string;
  readonly serialNumber = 0x5486_1986;
  readonly #now: () => bigint;
  readonly #root: Node;
  readonly #totalBytes: number;
  #identity: bigint;
  #used = 0;

  /**
   * @param label also sets the files' identities apart: volumes that are shown as one drive need different ones
   * @param now the time for new and changed files, 100 ns units since 1601.
   * @param totalBytes that files and directories can take
   */
  constructor(label: string, now: () => bigint, totalBytes = DEFAULT_BYTES) {
    this.label = label;
    this.#totalBytes = totalBytes;
    this.#now = now;
    this.#identity = IDENTITY_BASE + (BigInt(labelNumber(label)) << 32n);
    this.#root = this.#make('', true);
  }

  writeStatus(): NtStatus {
    return Status.SUCCESS;
  }

  space(): HostVolumeSpace {
    return { totalBytes: this.#totalBytes, freeBytes: this.#totalBytes - this.#used };
  }

  information(path: HostPath): HostFileInformation | NtStatus {
    const node = this.#find(path);
    return typeof node === 'number' ? node : describe(node);
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    const node = this.#find(path);
    if (typeof node === 'number') return node;
    if (node.entries === null) return Status.NOT_A_DIRECTORY;
    return [...node.entries.values()].map(describe).sort((left, right) => compareNames(left.name, right.name));
  }

  isEmpty(path: HostPath): boolean | NtStatus {
    const node = this.#find(path);
    return typeof node === 'number' ? node : (node.entries?.size ?? 0) === 0;
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    const node = this.#find(path);
    if (typeof node === 'number') return node;
    if (node.entries !== null) return Status.FILE_IS_A_DIRECTORY;
    if (writable && node.readOnly) return Status.ACCESS_DENIED;
    return this.#open(node);
  }

  createFile(path: HostPath): HostFile | NtStatus {
    const node = this.#insert(path, false);
    return typeof node === 'number' ? node : this.#open(node);
  }

  createDirectory(path: HostPath): NtStatus {
    const node = this.#insert(path, true);
    return typeof node === 'number' ? node : Status.SUCCESS;
  }

  remove(path: HostPath): NtStatus {
    const parent = this.#parent(path);
    if (typeof parent === 'number') return parent;
    const key = upcaseName(path.at(-1) ?? '');
    const node = parent.get(key);
    if (node === undefined) return Status.OBJECT_NAME_NOT_FOUND;
    if ((node.entries?.size ?? 0) > 0) return Status.DIRECTORY_NOT_EMPTY;
    parent.delete(key);
    this.#used -= node.bytes.length + RECORD_BYTES;
    return Status.SUCCESS;
  }

  rename(from: HostPath, to: HostPath, replace: boolean): NtStatus {
    const node = this.#find(from);
    if (typeof node === 'number') return node;
    const source = this.#parent(from);
    const target = this.#parent(to);
    if (typeof source === 'number') return source;
    if (typeof target === 'number') return target;
    const name = to.at(-1) ?? '';
    const existing = target.get(upcaseName(name));
    if (existing !== undefined && existing !== node) {
      if (!replace) return Status.OBJECT_NAME_COLLISION;
      if (existing.entries !== null || existing.readOnly) return Status.ACCESS_DENIED;
      this.#used -= existing.bytes.length + RECORD_BYTES;
    }
    source.delete(upcaseName(node.name));
    node.name = name;
    target.set(upcaseName(name), node);
    return Status.SUCCESS;
  }

  setTimes(path: HostPath, times: HostFileTimes): NtStatus {
    const node = this.#find(path);
    if (typeof node === 'number') return node;
    node.lastAccessTime = times.lastAccessTime ?? node.lastAccessTime;
    node.lastWriteTime = times.lastWriteTime ?? node.lastWriteTime;
    return Status.SUCCESS;
  }

  setReadOnly(path: HostPath, readOnly: boolean): NtStatus {
    const node = this.#find(path);
    if (typeof node === 'number') return node;
    node.readOnly = readOnly;
    return Status.SUCCESS;
  }

  /** Puts a file there, with its directories: for whoever fills the volume before the machine starts. */
  add(path: HostPath, bytes: Uint8Array): NtStatus {
    for (let length = 1; length < path.length; length++) this.createDirectory(path.slice(0, length));
    const file = this.createFile(path);
    return typeof file === 'number' ? file : file.write(0, bytes);
  }

  #make(name: string, isDirectory: boolean): Node {
    const time = this.#now();
    return {
      name,
      identity: ++this.#identity,
      entries: isDirectory ? new Map() : null,
      bytes: new Uint8Array(0),
      size: 0,
      readOnly: false,
      creationTime: time,
      lastAccessTime: time,
      lastWriteTime: time,
    };
  }

  #find(path: HostPath): Node | NtStatus {
    let node = this.#root;
    for (let index = 0; index < path.length; index++) {
      const next = node.entries?.get(upcaseName(path[index]));
      if (next === undefined) {
        return index === path.length - 1 && node.entries !== null
          ? Status.OBJECT_NAME_NOT_FOUND
          : Status.OBJECT_PATH_NOT_FOUND;
      }
      node = next;
    }
    return node;
  }

  #parent(path: HostPath): Map<string, Node> | NtStatus {
    if (path.length === 0) return Status.ACCESS_DENIED;
    const parent = this.#find(path.slice(0, -1));
    if (typeof parent === 'number') return Status.OBJECT_PATH_NOT_FOUND;
    return parent.entries ?? Status.OBJECT_PATH_NOT_FOUND;
  }

  #insert(path: HostPath, isDirectory: boolean): Node | NtStatus {
    const parent = this.#parent(path);
    if (typeof parent === 'number') return parent;
    const name = path.at(-1) ?? '';
    if (parent.has(upcaseName(name))) return Status.OBJECT_NAME_COLLISION;
    if (this.#used + RECORD_BYTES > this.#totalBytes) return Status.DISK_FULL;
    this.#used += RECORD_BYTES;
    const node = this.#make(name, isDirectory);
    parent.set(upcaseName(name), node);
    return node;
  }

  #open(node: Node): HostFile {
    const resize = (size: number): NtStatus => {
      const capacity = Math.ceil(size / CLUSTER) * CLUSTER;
      if (size > node.bytes.length || capacity < node.bytes.length / 2) {
        const room = this.#totalBytes - this.#used + node.bytes.length;
        if (capacity > room) return Status.DISK_FULL;
        const ahead = size > node.bytes.length ? Math.min(node.bytes.length * 2, 1 << 24) : capacity;
        const wanted = Math.max(capacity, Math.min(ahead, room));
        const grown = new Uint8Array(wanted);
        grown.set(node.bytes.subarray(0, Math.min(node.size, size)));
        this.#used += wanted - node.bytes.length;
        node.bytes = grown;
      } else if (size < node.size) {
        node.bytes.fill(0, size, node.size);
      }
      node.size = size;
      node.lastWriteTime = this.#now();
      return Status.SUCCESS;
    };
    return {
      information: () => describe(node),
      size: () => node.size,
      read: (offset, length) => node.bytes.slice(Math.min(offset, node.size), Math.min(offset + length, node.size)),
      write: (offset, bytes) => {
        const end = offset + bytes.length;
        const status = end > node.size ? resize(end) : Status.SUCCESS;
        if (status !== Status.SUCCESS) return status;
        node.bytes.set(bytes, offset);
        node.lastWriteTime = this.#now();
        return Status.SUCCESS;
      },
      setSize: resize,
      flush: () => Status.SUCCESS,
      close: () => {},
    };
  }
}

function describe(node: Node): HostFileInformation {
  return {
    name: node.name,
    isDirectory: node.entries !== null,
    readOnly: node.readOnly,
    size: node.size,
    allocationSize: node.bytes.length,
    linkCount: 1,
    creationTime: node.creationTime,
    lastAccessTime: node.lastAccessTime,
    lastWriteTime: node.lastWriteTime,
    changeTime: node.lastWriteTime,
    identity: node.identity,
  };
}
