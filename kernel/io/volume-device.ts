import type { HostFileInformation, HostPath, HostVolume } from '../host.js';
import { Status } from '../ntstatus.js';
import type { NtStatus } from '../types.js';
import { FileLocks } from './byte-range-locks.js';
import { FileControlBlock } from './file-control-block.js';
import { FileAttribute } from './file-object.js';

/** What NT keeps of a file that the host cannot: attributes and the creation time, by identity, for the machine's life. */
interface ExtraInformation {
  attributes: number;
  creationTime: bigint | null;
}

/** \Device\HarddiskVolumeN: one of the host's volumes and the files that are open on it. */
export class VolumeDevice {
  readonly kind = 'volume';
  readonly devicePath: string;
  readonly driveLetter: string;
  readonly host: HostVolume;
  /** Reads and writes go through the cache manager. */
  readonly isCached: boolean;
  readonly #open = new Map<bigint, FileControlBlock>();
  readonly #extra = new Map<bigint, ExtraInformation>();

  constructor(devicePath: string, driveLetter: string, host: HostVolume, options = { isCached: true }) {
    this.devicePath = devicePath;
    this.driveLetter = driveLetter;
    this.host = host;
    this.isCached = options.isCached;
  }

  /** The block of a file that is open already. */
  find(information: HostFileInformation): FileControlBlock | null {
    return this.#open.get(information.identity) ?? null;
  }

  /** The block of a file or directory, made and opened on the host when it is not open yet. */
  open(path: HostPath, information: HostFileInformation, writable: boolean): FileControlBlock | NtStatus {
    const existing = this.find(information);
    if (existing !== null) return this.#makeWritable(existing, writable);
    let hostFile = null;
    if (!information.isDirectory) {
      const opened = this.host.openFile(path, writable);
      if (typeof opened === 'number') return opened;
      hostFile = opened;
    }
    return this.#remember(
      new FileControlBlock({
        volume: this,
        information,
        path,
        hostFile,
        hostWritable: writable,
        locks: new FileLocks(),
      }),
    );
  }

  /** Makes a new file and its block. */
  create(path: HostPath): FileControlBlock | NtStatus {
    const hostFile = this.host.createFile(path);
    if (typeof hostFile === 'number') return hostFile;
    const information = hostFile.information();
    this.#extra.delete(information.identity);
    return this.#remember(
      new FileControlBlock({
        volume: this,
        information,
        path,
        hostFile,
        hostWritable: true,
        locks: new FileLocks(),
      }),
    );
  }

  /** Called by a block that nobody needs any more. */
  forget(control: FileControlBlock): void {
    if (this.#open.get(control.identity) === control) this.#open.delete(control.identity);
  }

  /** Takes a deleted file's identity out at once: the host may give it to the next file. */
  removed(control: FileControlBlock): void {
    this.forget(control);
    this.#extra.delete(control.identity);
  }

  /** All open blocks below a directory, itself not counted. */
  openBelow(path: HostPath): FileControlBlock[] {
    return [...this.#open.values()].filter(
      (control) =>
        control.path.length > path.length && path.every((component, index) => component === control.path[index]),
    );
  }

  /** FILE_ATTRIBUTE_* of a file. */
  attributes(information: HostFileInformation): number {
    const kept = this.#extra.get(information.identity)?.attributes;
    let attributes = kept ?? (information.isDirectory ? 0 : FileAttribute.ARCHIVE);
    if (information.isDirectory) attributes |= FileAttribute.DIRECTORY;
    if (information.readOnly) attributes |= FileAttribute.READONLY;
    return attributes === 0 ? FileAttribute.NORMAL : attributes;
  }

  creationTime(information: HostFileInformation): bigint {
    return this.#extra.get(information.identity)?.creationTime ?? information.creationTime;
  }

  /** Sets attributes; the host keeps READONLY, the rest lives as long as the machine. */
  setAttributes(path: HostPath, information: HostFileInformation, attributes: number): NtStatus {
    const readOnly = (attributes & FileAttribute.READONLY) !== 0;
    if (readOnly !== information.readOnly && !information.isDirectory) {
      const status = this.host.setReadOnly(path, readOnly);
      if (status !== Status.SUCCESS) return status;
    } else {
      const status = this.host.writeStatus(path);
      if (status !== Status.SUCCESS) return status;
    }
    const kept = attributes & FileAttribute.SETTABLE & ~(FileAttribute.READONLY | FileAttribute.NORMAL);
    this.#extraOf(information).attributes = kept;
    return Status.SUCCESS;
  }

  setCreationTime(information: HostFileInformation, time: bigint): void {
    this.#extraOf(information).creationTime = time;
  }

  #extraOf(information: HostFileInformation): ExtraInformation {
    const existing = this.#extra.get(information.identity);
    if (existing !== undefined) return existing;
    const attributes = information.isDirectory ? 0 : FileAttribute.ARCHIVE;
    const made: ExtraInformation = { attributes, creationTime: null };
    this.#extra.set(information.identity, made);
    return made;
  }

  #remember(control: FileControlBlock): FileControlBlock {
    this.#open.set(control.identity, control);
    return control;
  }

  #makeWritable(control: FileControlBlock, writable: boolean): FileControlBlock | NtStatus {
    if (!writable || control.hostWritable || control.isDirectory) return control;
    const opened = this.host.openFile(control.path, true);
    if (typeof opened === 'number') return opened;
    control.hostFile?.close();
    control.hostFile = opened;
    control.hostWritable = true;
    return control;
  }
}
