import fs from 'node:fs';
import path from 'node:path';
import {
  compareNames,
  type HostFile,
  type HostFileInformation,
  type HostFileTimes,
  type HostPath,
  type HostVolume,
  type HostVolumeSpace,
  type NtStatus,
  Status,
  upcaseName,
} from '../kernel/index.js';
import { hostCall } from './node-errors.js';
import { type GrowingFile, SpaceLedger } from './space-ledger.js';

/** 1601-01-01 to 1970-01-01 in 100 ns units. */
const EPOCH_DIFFERENCE = 116_444_736_000_000_000n;
const NOT_FOUND = Status.OBJECT_NAME_NOT_FOUND;
/** Of longer reads it is asked first how many bytes there are. */
const LONG_READ = 0x10000;
const OWNER_MAY_WRITE = 0o200n;
const NO_FOLLOW = fs.constants.O_NOFOLLOW ?? 0;

export interface NodeVolumeOptions {
  /** The folder that is to be the volume's root. */
  readonly directory: string;
  readonly readOnly: boolean;
  readonly label?: string;
}

/** Something that exists on the host: its real path, free of symbolic links, and its properties. */
interface Found {
  readonly realPath: string;
  readonly name: string;
  readonly stats: fs.BigIntStats;
}

/**
 * A folder of the host as a volume. Every path is walked component by component from the folder's real path; a symbolic link
 * counts as what it leads to when that lies inside the folder, and does not exist otherwise. Neither do devices, sockets
 * and FIFOs. Nothing outside of the folder is ever opened.
 */
export class NodeVolume implements HostVolume {
  readonly readOnly: boolean;
  readonly label: string;
  readonly serialNumber = 0x8600_0386;
  readonly #root: string;
  readonly #ledger = new SpaceLedger();

  /** @throws the host's error when the folder does not exist. */
  constructor(options: NodeVolumeOptions) {
    this.#root = fs.realpathSync(options.directory);
    this.readOnly = options.readOnly;
    this.label = options.label ?? '';
  }

  writeStatus(): NtStatus {
    return this.readOnly ? Status.MEDIA_WRITE_PROTECTED : Status.SUCCESS;
  }

  space(): HostVolumeSpace {
    return this.#ledger.space(this.#root);
  }

  information(components: HostPath): HostFileInformation | NtStatus {
    const found = this.#find(components);
    return typeof found === 'number' ? found : describe(found.name, found.stats);
  }

  list(components: HostPath): readonly HostFileInformation[] | NtStatus {
    const found = this.#find(components);
    if (typeof found === 'number') return found;
    if (!found.stats.isDirectory()) return Status.NOT_A_DIRECTORY;
    const names = hostCall(() => fs.readdirSync(found.realPath));
    if (typeof names === 'number') return names;
    const entries: HostFileInformation[] = [];
    for (const name of names) {
      const entry = isPresentable(name) ? this.#child(found.realPath, name) : null;
      if (entry !== null) entries.push(describe(name, entry.stats));
    }
    return entries.sort((left, right) => compareNames(left.name, right.name) || (left.name < right.name ? -1 : 1));
  }

  isEmpty(components: HostPath): boolean | NtStatus {
    const found = this.#find(components);
    if (typeof found === 'number') return found;
    return hostCall(() => fs.readdirSync(found.realPath).length === 0);
  }

  openFile(components: HostPath, writable: boolean): HostFile | NtStatus {
    const found = this.#find(components);
    if (typeof found === 'number') return found;
    if (found.stats.isDirectory()) return Status.FILE_IS_A_DIRECTORY;
    if (writable && this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    const flags = (writable ? fs.constants.O_RDWR : fs.constants.O_RDONLY) | NO_FOLLOW;
    const descriptor = hostCall(() => fs.openSync(found.realPath, flags));
    return this.#opened(descriptor, found.realPath, found.name);
  }

  createFile(components: HostPath): HostFile | NtStatus {
    const place = this.#newPlace(components);
    if (typeof place === 'number') return place;
    const flags = fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_EXCL | NO_FOLLOW;
    const descriptor = hostCall(() => fs.openSync(place.realPath, flags, 0o666));
    return this.#opened(descriptor, place.realPath, components.at(-1) ?? '');
  }

  createDirectory(components: HostPath): NtStatus {
    const place = this.#newPlace(components);
    if (typeof place === 'number') return place;
    return statusOf(() => fs.mkdirSync(place.realPath));
  }

  remove(components: HostPath): NtStatus {
    if (this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    if (components.length === 0) return Status.ACCESS_DENIED;
    const parent = this.#find(components.slice(0, -1));
    if (typeof parent === 'number') return Status.OBJECT_PATH_NOT_FOUND;
    const entry = this.#lookup(parent.realPath, components.at(-1) ?? '');
    if (entry === null) return NOT_FOUND;
    // The name is removed, which for a symbolic link is the link.
    const named = path.join(parent.realPath, entry.name);
    const isLink = hostCall(() => fs.lstatSync(named).isSymbolicLink()) === true;
    return statusOf(() => (entry.stats.isDirectory() && !isLink ? fs.rmdirSync(named) : fs.unlinkSync(named)));
  }

  rename(from: HostPath, to: HostPath, replace: boolean): NtStatus {
    if (this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    if (from.length === 0 || to.length === 0) return Status.ACCESS_DENIED;
    const sourceParent = this.#find(from.slice(0, -1));
    if (typeof sourceParent === 'number') return Status.OBJECT_PATH_NOT_FOUND;
    const source = this.#lookup(sourceParent.realPath, from.at(-1) ?? '');
    if (source === null) return NOT_FOUND;
    const targetParent = this.#find(to.slice(0, -1));
    if (typeof targetParent === 'number' || !targetParent.stats.isDirectory()) return Status.OBJECT_PATH_NOT_FOUND;
    const name = to.at(-1) ?? '';
    if (!isPresentable(name)) return Status.OBJECT_NAME_INVALID;
    const existing = this.#lookup(targetParent.realPath, name);
    if (existing === null && this.#isHidden(targetParent.realPath, name)) return Status.OBJECT_NAME_COLLISION;
    const isSame = existing !== null && sameFile(existing.stats, source.stats);
    if (existing !== null && !isSame && !replace) return Status.OBJECT_NAME_COLLISION;
    if (existing !== null && !isSame && existing.stats.isDirectory()) return Status.ACCESS_DENIED;
    const sourcePath = path.join(sourceParent.realPath, source.name);
    const targetPath = path.join(targetParent.realPath, name);
    return statusOf(() => {
      fs.renameSync(sourcePath, targetPath);
      const otherSpelling = existing !== null && !isSame && existing.name !== name;
      if (otherSpelling) fs.unlinkSync(path.join(targetParent.realPath, existing.name));
    });
  }

  setTimes(components: HostPath, times: HostFileTimes): NtStatus {
    if (this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    const found = this.#find(components);
    if (typeof found === 'number') return found;
    const accessed = times.lastAccessTime ?? fromNanoseconds(found.stats.atimeNs);
    const written = times.lastWriteTime ?? fromNanoseconds(found.stats.mtimeNs);
    return statusOf(() => fs.utimesSync(found.realPath, toSeconds(accessed), toSeconds(written)));
  }

  setReadOnly(components: HostPath, readOnly: boolean): NtStatus {
    if (this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    const found = this.#find(components);
    if (typeof found === 'number') return found;
    const mode = Number(found.stats.mode) & 0o7777;
    return statusOf(() => fs.chmodSync(found.realPath, readOnly ? mode & ~0o222 : mode | 0o200));
  }

  /** Walks a path. PATH_NOT_FOUND when an earlier component is missing or no directory. */
  #find(components: HostPath): Found | NtStatus {
    const rootStats = hostCall(() => fs.lstatSync(this.#root, { bigint: true }));
    if (typeof rootStats === 'number') return Status.OBJECT_PATH_NOT_FOUND;
    let current: Found = { realPath: this.#root, name: '', stats: rootStats };
    for (let index = 0; index < components.length; index++) {
      if (!current.stats.isDirectory()) return Status.OBJECT_PATH_NOT_FOUND;
      const next = this.#lookup(current.realPath, components[index]);
      if (next === null) return index === components.length - 1 ? NOT_FOUND : Status.OBJECT_PATH_NOT_FOUND;
      current = next;
    }
    return current;
  }

  /** A child by name: the exact spelling first, else the first one in order that differs in case alone. */
  #lookup(directory: string, name: string): Found | null {
    if (!isPresentable(name)) return null;
    const exact = this.#child(directory, name);
    if (exact !== null) return exact;
    const names = hostCall(() => fs.readdirSync(directory));
    if (typeof names === 'number') return null;
    const wanted = upcaseName(name);
    const candidates = names.filter((candidate) => upcaseName(candidate) === wanted && isPresentable(candidate));
    for (const candidate of candidates.sort()) {
      const found = this.#child(directory, candidate);
      if (found !== null) return found;
    }
    return null;
  }

  /** A directory entry with that very spelling; null when it is not there, leads out or is no file or directory. */
  #child(directory: string, name: string): Found | null {
    const named = path.join(directory, name);
    const stats = hostCall(() => fs.lstatSync(named, { bigint: true }));
    if (typeof stats === 'number') return null;
    if (stats.isFile() || stats.isDirectory()) return { realPath: named, name, stats };
    if (!stats.isSymbolicLink()) return null;
    const realPath = hostCall(() => fs.realpathSync(named));
    if (typeof realPath === 'number' || !this.#contains(realPath)) return null;
    const target = hostCall(() => fs.lstatSync(realPath, { bigint: true }));
    if (typeof target === 'number' || !(target.isFile() || target.isDirectory())) return null;
    return { realPath, name, stats: target };
  }

  /** Something that is not shown has that very name: it is never replaced. */
  #isHidden(directory: string, name: string): boolean {
    return typeof hostCall(() => fs.lstatSync(path.join(directory, name))) !== 'number';
  }

  /** An open descriptor as a file; it is closed again when it turns out to be no regular file. */
  #opened(descriptor: number | NtStatus, realPath: string, name: string): HostFile | NtStatus {
    // Descriptors are small; NTSTATUS failures have their top bit set.
    if (descriptor >= 0x8000_0000) return descriptor as NtStatus;
    const stats = hostCall(() => fs.fstatSync(descriptor, { bigint: true }));
    if (typeof stats !== 'number' && stats.isFile()) {
      return new NodeFile({ descriptor, folder: path.dirname(realPath) }, name, this.#ledger);
    }
    fs.closeSync(descriptor);
    return NOT_FOUND;
  }

  #contains(realPath: string): boolean {
    const relative = path.relative(this.#root, realPath);
    return relative === '' || !(relative === '..' || relative.startsWith(`..${path.sep}`) || path.isAbsolute(relative));
  }

  /** Where something new of that name would lie. */
  #newPlace(components: HostPath): { readonly realPath: string } | NtStatus {
    if (this.readOnly) return Status.MEDIA_WRITE_PROTECTED;
    const name = components.at(-1);
    if (name === undefined) return Status.OBJECT_NAME_COLLISION;
    if (!isPresentable(name)) return Status.OBJECT_NAME_INVALID;
    const parent = this.#find(components.slice(0, -1));
    if (typeof parent === 'number' || !parent.stats.isDirectory()) return Status.OBJECT_PATH_NOT_FOUND;
    if (this.#lookup(parent.realPath, name) !== null) return Status.OBJECT_NAME_COLLISION;
    return { realPath: path.join(parent.realPath, name) };
  }
}

const FORBIDDEN = '<>:"/|?*\\';

/** Tells whether a host name can be an NT name, and stands for itself in the host's encoding. */
function isPresentable(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || name.includes('\ufffd')) return false;
  if (/\p{Surrogate}/u.test(name)) return false;
  for (const character of name) if (character < ' ' || FORBIDDEN.includes(character)) return false;
  return true;
}

function describe(name: string, stats: fs.BigIntStats): HostFileInformation {
  return {
    name,
    isDirectory: stats.isDirectory(),
    readOnly: (stats.mode & OWNER_MAY_WRITE) === 0n,
    size: Number(stats.size),
    allocationSize: Number(stats.blocks ?? 0n) * 512,
    linkCount: Number(stats.nlink),
    creationTime: fromNanoseconds(stats.birthtimeNs),
    lastAccessTime: fromNanoseconds(stats.atimeNs),
    lastWriteTime: fromNanoseconds(stats.mtimeNs),
    changeTime: fromNanoseconds(stats.ctimeNs),
    identity: ((stats.dev % 0x7000n) << 48n) | (stats.ino & 0xffff_ffff_ffffn),
  };
}

function sameFile(left: fs.BigIntStats, right: fs.BigIntStats): boolean {
  return left.dev === right.dev && left.ino === right.ino;
}

/** An open file of the host. */
export class NodeFile implements HostFile {
  readonly #file: GrowingFile;
  readonly #descriptor: number;
  readonly #name: string;
  readonly #ledger: SpaceLedger | null;

  /** @param ledger of the file's volume; null: the host alone says when it is full */
  constructor(file: GrowingFile, name: string, ledger: SpaceLedger | null) {
    this.#file = file;
    this.#descriptor = file.descriptor;
    this.#name = name;
    this.#ledger = ledger;
  }

  information(): HostFileInformation {
    return describe(this.#name, fs.fstatSync(this.#descriptor, { bigint: true }));
  }

  size(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  read(offset: number, length: number): Uint8Array | NtStatus {
    const most = length > LONG_READ ? Math.min(length, Math.max(0, this.size() - offset)) : length;
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(most).buffer);
    const filled = this.readInto(offset, bytes);
    // What is short is kept without the rest.
    return typeof filled === 'number' || filled.length === most ? filled : filled.slice();
  }

  readInto(offset: number, target: Uint8Array): Uint8Array | NtStatus {
    return hostCall(() => {
      let count = 0;
      while (count < target.length) {
        const got = fs.readSync(this.#descriptor, target, count, target.length - count, offset + count);
        if (got === 0) break;
        count += got;
      }
      return target.subarray(0, count);
    });
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    return statusOf(() => {
      for (let done = 0; done < bytes.length; ) {
        done += fs.writeSync(this.#descriptor, bytes, done, bytes.length - done, offset + done);
      }
    });
  }

  setSize(size: number): NtStatus {
    return hostCall((): NtStatus => {
      const promised = this.#ledger?.promise(this.#file, size) ?? Status.SUCCESS;
      if (promised !== Status.SUCCESS) return promised;
      fs.ftruncateSync(this.#descriptor, size);
      return Status.SUCCESS;
    });
  }

  flush(): NtStatus {
    return statusOf(() => fs.fdatasyncSync(this.#descriptor));
  }

  close(): void {
    this.#ledger?.closed(this.#file);
    hostCall(() => fs.closeSync(this.#descriptor));
  }
}

function statusOf(action: () => void): NtStatus {
  return (
    hostCall(() => {
      action();
      return Status.SUCCESS;
    }) ?? Status.SUCCESS
  );
}

function fromNanoseconds(nanoseconds: bigint): bigint {
  return nanoseconds / 100n + EPOCH_DIFFERENCE;
}

function toSeconds(time: bigint): number {
  return Number(time - EPOCH_DIFFERENCE) / 1e7;
}
