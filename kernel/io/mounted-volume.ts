import type { HostFile, HostFileInformation, HostFileTimes, HostPath, HostVolume, HostVolumeSpace } from '../host.js';
import { Status } from '../ntstatus.js';
import { compareNames, upcaseName } from '../ob/name.js';
import type { NtStatus } from '../types.js';

/** A volume that is to be seen at a directory of another. */
export interface Mount {
  readonly path: HostPath;
  readonly volume: HostVolume;
  /** Nothing below can be changed, whatever the volume itself says: ACCESS_DENIED. */
  readonly readOnly: boolean;
}

/** Where a path leads: into a mount, to a directory that exists only because of a mount, or to the volume below. */
type Place =
  | {
      readonly kind: 'volume';
      readonly volume: HostVolume;
      readonly path: HostPath;
      /** The mount's own name when the path is that of a mount. */
      readonly name: string | null;
      /** SUCCESS, or why nothing can be changed there. */
      readonly writeStatus: NtStatus;
    }
  | { readonly kind: 'synthetic'; readonly path: HostPath };

/**
 * Shows other volumes at directories of a volume, hiding what the volume has there. The directories on the way to a
 * mount exist even where the volume has none; identities of different hosts' files must differ.
 */
export function mountedVolume(base: HostVolume, mounts: readonly Mount[], time: bigint): HostVolume {
  return new MountedVolume(base, mounts, time);
}

const SYNTHETIC_IDENTITY = 0x7fff_0000_0000_0000n;

class MountedVolume implements HostVolume {
  readonly #base: HostVolume;
  readonly #mounts: readonly Mount[];
  readonly #time: bigint;

  constructor(base: HostVolume, mounts: readonly Mount[], time: bigint) {
    this.#base = base;
    this.#mounts = mounts;
    this.#time = time;
  }

  get readOnly(): boolean {
    return this.#base.readOnly;
  }

  writeStatus(path: HostPath): NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.writeStatus(place.path);
  }

  get label(): string {
    return this.#base.label;
  }

  get serialNumber(): number {
    return this.#base.serialNumber;
  }

  space(): HostVolumeSpace {
    return this.#base.space();
  }

  information(path: HostPath): HostFileInformation | NtStatus {
    const place = this.#place(path);
    if (place.kind === 'synthetic') return this.#synthetic(place.path);
    const information = place.volume.information(place.path);
    if (information === Status.OBJECT_PATH_NOT_FOUND && this.#place(path.slice(0, -1)).kind === 'synthetic') {
      return Status.OBJECT_NAME_NOT_FOUND;
    }
    if (typeof information === 'number' || place.name === null) return information;
    return { ...information, name: place.name };
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    const place = this.#place(path);
    const below = place.kind === 'volume' ? place.volume.list(place.path) : [];
    if (typeof below === 'number') return below;
    const added = this.#mountsIn(path);
    if (added.length === 0) return below;
    const names = new Set(added.map((entry) => upcaseName(entry.name)));
    return [...below.filter((entry) => !names.has(upcaseName(entry.name))), ...added].sort((left, right) =>
      compareNames(left.name, right.name),
    );
  }

  isEmpty(path: HostPath): boolean | NtStatus {
    const place = this.#place(path);
    if (place.kind === 'synthetic' || this.#mountsIn(path).length > 0) return false;
    return place.volume.isEmpty(place.path);
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    const place = this.#place(path);
    if (place.kind === 'synthetic') return Status.FILE_IS_A_DIRECTORY;
    if (writable && place.writeStatus !== Status.SUCCESS) return place.writeStatus;
    return place.volume.openFile(place.path, writable);
  }

  createFile(path: HostPath): HostFile | NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.createFile(place.path);
  }

  createDirectory(path: HostPath): NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.createDirectory(place.path);
  }

  remove(path: HostPath): NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.remove(place.path);
  }

  rename(from: HostPath, to: HostPath, replace: boolean): NtStatus {
    const source = this.#changeable(from);
    if (typeof source === 'number') return source;
    const target = this.#changeable(to);
    if (typeof target === 'number') return target;
    if (source.volume !== target.volume) return Status.NOT_SAME_DEVICE;
    return source.volume.rename(source.path, target.path, replace);
  }

  setTimes(path: HostPath, times: HostFileTimes): NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.setTimes(place.path, times);
  }

  setReadOnly(path: HostPath, readOnly: boolean): NtStatus {
    const place = this.#changeable(path);
    return typeof place === 'number' ? place : place.volume.setReadOnly(place.path, readOnly);
  }

  /** A place whose volume can be written; the mounts' own directories stay as they are. */
  #changeable(path: HostPath): { volume: HostVolume; path: HostPath } | NtStatus {
    const place = this.#place(path);
    if (place.kind === 'synthetic' || place.name !== null) return Status.ACCESS_DENIED;
    if (this.#mounts.some((mount) => startsWith(mount.path, path))) return Status.ACCESS_DENIED;
    if (place.writeStatus !== Status.SUCCESS) return place.writeStatus;
    const parent = this.#place(path.slice(0, -1));
    return parent.kind === 'synthetic' ? Status.ACCESS_DENIED : place;
  }

  #place(path: HostPath): Place {
    for (const mount of this.#mounts) {
      if (!startsWith(path, mount.path)) continue;
      const rest = path.slice(mount.path.length);
      const name = rest.length === 0 ? (mount.path.at(-1) ?? '') : null;
      const writeStatus = mount.readOnly || mount.volume.readOnly ? Status.ACCESS_DENIED : Status.SUCCESS;
      return { kind: 'volume', volume: mount.volume, path: rest, name, writeStatus };
    }
    const leadsToMount = this.#mounts.some((mount) => startsWith(mount.path, path));
    if (leadsToMount && path.length > 0 && typeof this.#base.information(path) === 'number') {
      return { kind: 'synthetic', path };
    }
    const writeStatus = this.#base.readOnly ? Status.MEDIA_WRITE_PROTECTED : Status.SUCCESS;
    return { kind: 'volume', volume: this.#base, path, name: null, writeStatus };
  }

  #mountsIn(path: HostPath): HostFileInformation[] {
    const entries = new Map<string, HostFileInformation>();
    for (const mount of this.#mounts) {
      if (mount.path.length <= path.length || !startsWith(mount.path, path)) continue;
      const child = mount.path.slice(0, path.length + 1);
      const information = this.information(child);
      if (typeof information !== 'number') entries.set(upcaseName(information.name), information);
    }
    return [...entries.values()];
  }

  #synthetic(path: HostPath): HostFileInformation {
    const mount = this.#mounts.find((candidate) => startsWith(candidate.path, path));
    const time = this.#time;
    return {
      name: mount?.path[path.length - 1] ?? '',
      isDirectory: true,
      readOnly: false,
      size: 0,
      allocationSize: 0,
      linkCount: 1,
      creationTime: time,
      lastAccessTime: time,
      lastWriteTime: time,
      changeTime: time,
      identity: SYNTHETIC_IDENTITY + BigInt(path.length),
    };
  }
}

function startsWith(path: HostPath, prefix: HostPath): boolean {
  if (path.length < prefix.length) return false;
  return prefix.every((component, index) => upcaseName(component) === upcaseName(path[index]));
}
