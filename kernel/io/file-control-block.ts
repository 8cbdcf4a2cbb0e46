import type { CachedFile, SharedCacheMap } from '../cc/index.js';
import type { HostFile, HostFileInformation, HostPath } from '../host.js';
import type { SectionObjectPointers } from '../mm/segment.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import type { FileLocks } from './byte-range-locks.js';
import type { FileObject } from './file-object.js';
import type { VolumeDevice } from './volume-device.js';

/** One file or directory that is open at least once, or that a section keeps: shared by all its file objects. */
export class FileControlBlock implements CachedFile {
  readonly volume: VolumeDevice;
  readonly identity: bigint;
  readonly isDirectory: boolean;
  /** Where it is now: a rename changes it. */
  path: HostPath;
  /** Null for directories. */
  hostFile: HostFile | null;
  hostWritable: boolean;
  readonly opens: FileObject[] = [];
  /** Opens and sections that keep the block. */
  references = 0;
  /** Counts writes and changes of the size. */
  version = 0;
  /** Goes when the last handle is closed. */
  deletePending = false;
  /** The name is gone from the volume already. */
  deleted = false;
  /** Of the cache manager, while it caches the file. */
  sharedCacheMap: SharedCacheMap | null = null;
  readonly sectionObjectPointers: SectionObjectPointers = { dataSectionObject: null, imageSectionObject: null };
  readonly locks: FileLocks;
  /** Bytes that were ever written; what lies behind are zeros. All that the file had when it was opened counts as written. */
  validDataLength: number;
  /** Of the host, after what the machine did last. */
  #writeTime: bigint | null;

  constructor(options: {
    volume: VolumeDevice;
    information: HostFileInformation;
    path: HostPath;
    hostFile: HostFile | null;
    hostWritable: boolean;
    locks: FileLocks;
  }) {
    this.volume = options.volume;
    this.identity = options.information.identity;
    this.isDirectory = options.information.isDirectory;
    this.path = options.path;
    this.hostFile = options.hostFile;
    this.hostWritable = options.hostWritable;
    this.locks = options.locks;
    this.validDataLength = options.information.size;
    this.#writeTime = options.information.lastWriteTime;
  }

  /** Name in the NT name space. */
  get name(): string {
    return `${this.volume.devicePath}\\${this.path.join('\\')}`;
  }

  /** An image section of it is mapped, or a section object refers to one: no writing, no deleting. */
  get isMappedAsImage(): boolean {
    const area = this.sectionObjectPointers.imageSectionObject;
    return area !== null && (area.numberOfMappedViews > 0 || area.numberOfSectionReferences > 0);
  }

  /** A program has a data section of it, or a view (MmCanFileBeTruncated): the file cannot become shorter. */
  get isMappedAsData(): boolean {
    return (this.sectionObjectPointers.dataSectionObject?.numberOfUserReferences ?? 0) > 0;
  }

  get isGone(): boolean {
    return this.deleted || this.deletePending;
  }

  /** Bytes. */
  size(): number {
    return this.hostFile?.size() ?? 0;
  }

  /** At most `length` bytes; fewer only at the end of the file. */
  read(offset: number, length: number): Uint8Array | NtStatus {
    if (this.hostFile === null) return Status.INVALID_DEVICE_REQUEST;
    return this.hostFile.read(offset, length);
  }

  /** As read, into memory of the caller's; the part that was filled. */
  readInto(offset: number, target: Uint8Array): Uint8Array | NtStatus {
    if (this.hostFile?.readInto !== undefined) return this.hostFile.readInto(offset, target);
    const bytes = this.read(offset, target.length);
    if (typeof bytes === 'number') return bytes;
    target.set(bytes);
    return target.subarray(0, bytes.length);
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    this.version++;
    if (this.hostFile === null) return Status.INVALID_DEVICE_REQUEST;
    this.validDataLength = Math.max(this.validDataLength, offset + bytes.length);
    const status = this.hostFile.write(offset, bytes);
    this.noteWriteTime();
    return status;
  }

  /** The machine itself has changed the file: what the host says of it now is no news. */
  noteWriteTime(): void {
    this.#writeTime = this.hostFile?.information().lastWriteTime ?? null;
  }

  /** Another program of the host has written the file since the machine opened or wrote it: what is in memory of it is old. */
  wasChangedByHost(information: HostFileInformation): boolean {
    return !this.isDirectory && this.#writeTime !== information.lastWriteTime;
  }

  setSize(size: number): NtStatus {
    this.version++;
    if (this.hostFile === null) return Status.INVALID_DEVICE_REQUEST;
    const status = this.hostFile.setSize(size);
    this.noteWriteTime();
    if (status === Status.SUCCESS) this.validDataLength = Math.min(this.validDataLength, size);
    // A section may have moved the end: the cache must not take it for a change by another program of the host.
    if (status === Status.SUCCESS && this.sharedCacheMap !== null) this.sharedCacheMap.fileSize = size;
    return status;
  }

  /** Another program of the host has changed the file: all that it has now was written by somebody. */
  noteForeignChange(): void {
    this.validDataLength = this.size();
  }

  /** May it be deleted? CANNOT_DELETE (read-only, mapped as an image), DIRECTORY_NOT_EMPTY, ACCESS_DENIED (root), write protection. */
  deletionStatus(): NtStatus {
    if (this.path.length === 0) return Status.CANNOT_DELETE;
    const volume = this.volume.host;
    const writeStatus = volume.writeStatus(this.path);
    if (writeStatus !== Status.SUCCESS) return writeStatus;
    if (this.isMappedAsImage) return Status.CANNOT_DELETE;
    const information = this.information();
    if (typeof information === 'number') return information;
    if (!this.isDirectory) return information.readOnly ? Status.CANNOT_DELETE : Status.SUCCESS;
    const isEmpty = volume.isEmpty(this.path);
    if (typeof isEmpty === 'number') return isEmpty;
    return isEmpty ? Status.SUCCESS : Status.DIRECTORY_NOT_EMPTY;
  }

  flush(): NtStatus {
    return this.hostFile?.flush() ?? Status.SUCCESS;
  }

  /** Where it is and how large, or the status of the host when it has gone. */
  information(): HostFileInformation | NtStatus {
    if (this.hostFile === null) return this.volume.host.information(this.path);
    const now = this.hostFile.information();
    return { ...now, name: this.path.at(-1) ?? '' };
  }

  reference(): void {
    this.references++;
  }

  /** The last reference closes the host's file. */
  dereference(): void {
    this.references--;
    if (this.references > 0) return;
    this.hostFile?.close();
    this.hostFile = null;
    this.volume.forget(this);
  }
}
