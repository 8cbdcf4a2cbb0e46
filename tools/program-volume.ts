import {
  type HostFile,
  type HostFileInformation,
  type HostPath,
  type HostVolume,
  type HostVolumeSpace,
  type NtStatus,
  Status,
} from '../kernel/index.js';
import { NodeVolume } from './node-volume.js';

const NOT_FOUND = Status.OBJECT_NAME_NOT_FOUND;
const PROTECTED = Status.MEDIA_WRITE_PROTECTED;

/**
 * A program that lies in none of the mounted folders: a read-only volume whose root holds the program's file and the DLLs
 * beside it, and nothing else of the folder.
 */
export class ProgramVolume implements HostVolume {
  readonly readOnly = true;
  readonly label = '';
  readonly serialNumber: number;
  readonly #folder: NodeVolume;
  readonly #program: string;

  /**
   * @param program file name as the host spells it
   * @throws the host's error when the folder does not exist.
   */
  constructor(folder: string, program: string) {
    this.#folder = new NodeVolume({ directory: folder, readOnly: true });
    this.#program = program;
    this.serialNumber = this.#folder.serialNumber;
  }

  space(): HostVolumeSpace {
    return this.#folder.space();
  }

  writeStatus(): NtStatus {
    return PROTECTED;
  }

  information(path: HostPath): HostFileInformation | NtStatus {
    if (path.length > 1) return Status.OBJECT_PATH_NOT_FOUND;
    const information = this.#folder.information(path);
    if (path.length === 0 || typeof information === 'number') return information;
    return this.#shows(information) ? information : NOT_FOUND;
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    if (path.length > 0) {
      const information = this.information(path);
      return typeof information === 'number' ? information : Status.NOT_A_DIRECTORY;
    }
    const entries = this.#folder.list(path);
    return typeof entries === 'number' ? entries : entries.filter((entry) => this.#shows(entry));
  }

  isEmpty(): boolean {
    return false;
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    const information = this.information(path);
    if (typeof information === 'number') return information;
    return this.#folder.openFile(path, writable);
  }

  createFile(): NtStatus {
    return PROTECTED;
  }

  createDirectory(): NtStatus {
    return PROTECTED;
  }

  remove(): NtStatus {
    return PROTECTED;
  }

  rename(): NtStatus {
    return PROTECTED;
  }

  setTimes(): NtStatus {
    return PROTECTED;
  }

  setReadOnly(): NtStatus {
    return PROTECTED;
  }

  #shows(entry: HostFileInformation): boolean {
    if (entry.isDirectory) return false;
    return entry.name === this.#program || entry.name.toLowerCase().endsWith('.dll');
  }
}
