import type { HostFileInformation, HostPath } from '../host.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import { type ObjectAttributes, ObjectFlag } from '../ob/object-header.js';
import type { NtStatus } from '../types.js';
import { ConsoleChannel, consoleChannel } from './console-device.js';
import type { DeviceBody } from './device.js';
import type { FileControlBlock } from './file-control-block.js';
import { CreateOption, FileAccess, FileAttribute, FileObject, FileShare, WRITES } from './file-object.js';
import { checkAllocation, forgetContents, setEndOfFile } from './file-size.js';
import type { IoManager } from './io-manager.js';
import { parseVolumePath, pathBelow, type VolumePath } from './path.js';
import { shareAccessFits } from './share-access.js';
import type { VolumeDevice } from './volume-device.js';

/** CreateDisposition. */
export const Disposition = { SUPERSEDE: 0, OPEN: 1, CREATE: 2, OPEN_IF: 3, OVERWRITE: 4, OVERWRITE_IF: 5 } as const;

/** IO_STATUS_BLOCK.Information of a create. */
export const CreateResult = {
  SUPERSEDED: 0,
  OPENED: 1,
  CREATED: 2,
  OVERWRITTEN: 3,
  EXISTS: 4,
  DOES_NOT_EXIST: 5,
} as const;

/** Arguments of NtCreateFile after capture. */
export interface CreateRequest {
  readonly attributes: ObjectAttributes;
  readonly desiredAccess: number;
  readonly allocationSize: number;
  readonly fileAttributes: number;
  readonly shareAccess: number;
  readonly disposition: number;
  readonly options: number;
  /** Extended attributes for a file that is made or overwritten, which no volume has. */
  readonly hasExtendedAttributes?: boolean;
}

/** A synchronous open of something that exists, shared with everybody: for callers in the kernel to start from. */
export const CreateRequestDefaults = {
  allocationSize: 0,
  fileAttributes: 0,
  shareAccess: FileShare.VALID,
  disposition: Disposition.OPEN,
  options: CreateOption.SYNCHRONOUS_IO_NONALERT,
} as const;

export interface CreateOutcome {
  readonly status: NtStatus;
  /** Null unless the status is a success. */
  readonly file: FileObject | null;
  /** CreateResult value. */
  readonly information: number;
}

const DATA_ACCESS = FileAccess.READ_DATA | FileAccess.EXECUTE | WRITES;
const SYNCHRONOUS = CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
const DIRECTORY_DISPOSITIONS: readonly number[] = [Disposition.OPEN, Disposition.CREATE, Disposition.OPEN_IF];

const failed = (status: NtStatus, information = 0): CreateOutcome => ({ status, file: null, information });

/** What may stand beside DIRECTORY_FILE. */
const DIRECTORY_OPTIONS =
  SYNCHRONOUS |
  CreateOption.DIRECTORY_FILE |
  CreateOption.WRITE_THROUGH |
  CreateOption.COMPLETE_IF_OPLOCKED |
  CreateOption.DELETE_ON_CLOSE |
  CreateOption.OPEN_BY_FILE_ID |
  CreateOption.OPEN_FOR_BACKUP_INTENT |
  CreateOption.NO_COMPRESSION |
  CreateOption.OPEN_REPARSE_POINT |
  CreateOption.OPEN_NO_RECALL |
  CreateOption.OPEN_FOR_FREE_SPACE_QUERY;
const OPLOCK_CHOICES = CreateOption.COMPLETE_IF_OPLOCKED | CreateOption.RESERVE_OPFILTER;

/**
 * The parameter checks of NtCreateFile (IopCreateFile): INVALID_PARAMETER, or SUCCESS. Rights count as they were asked for: generic ones
 * bring neither SYNCHRONIZE, which synchronous files need, nor DELETE, which deleting on close does.
 */
export function checkCreateParameters(request: Omit<CreateRequest, 'attributes' | 'allocationSize'>): NtStatus {
  const { options, desiredAccess, disposition } = request;
  const has = (option: number): boolean => (options & option) !== 0;
  const isWrong =
    (request.fileAttributes & ~FileAttribute.VALID) !== 0 ||
    (request.shareAccess & ~FileShare.VALID) !== 0 ||
    disposition > Disposition.OVERWRITE_IF ||
    (options & ~CreateOption.VALID) !== 0 ||
    (options & SYNCHRONOUS) === SYNCHRONOUS ||
    (has(SYNCHRONOUS) && (desiredAccess & Access.SYNCHRONIZE) === 0) ||
    (has(CreateOption.DELETE_ON_CLOSE) && (desiredAccess & Access.DELETE) === 0) ||
    (has(CreateOption.DIRECTORY_FILE) && (options & ~DIRECTORY_OPTIONS) !== 0) ||
    (has(CreateOption.DIRECTORY_FILE) && !DIRECTORY_DISPOSITIONS.includes(disposition)) ||
    (options & OPLOCK_CHOICES) === OPLOCK_CHOICES ||
    (has(CreateOption.NO_INTERMEDIATE_BUFFERING) && (desiredAccess & FileAccess.APPEND_DATA) !== 0);
  return isWrong ? Status.INVALID_PARAMETER : Status.SUCCESS;
}

/**
 * Opens or creates what an NT path names: a file or directory of a volume, a volume, or a character device. Gives a file
 * object without handle. ACCESS_DENIED by the descriptor of a device that is opened itself; else statuses as NtCreateFile; environment: never blocks.
 */
export function createFile(io: IoManager, request: CreateRequest): CreateOutcome {
  if ((request.options & CreateOption.OPEN_BY_FILE_ID) !== 0) return failed(Status.NOT_SUPPORTED);
  const place = io.kernel.ob.lookup(request.attributes);
  if (place.object === null) return failed(place.status);
  const { types } = io.kernel.ob;
  const body = place.object.body;
  if (place.object.type.index === types.device.index) {
    const device = body as DeviceBody;
    // What lies behind volumes and the device of pipes is the business of these.
    const isContainer = device.kind === 'volume' || device.kind === 'pipe';
    if (isContainer && place.remaining !== '') return openDevice(io, device, [], place.remaining, request);
    const { status, granted } = io.kernel.ob.security.check(place.object, request.desiredAccess);
    if (!isSuccess(status)) return failed(status);
    return openDevice(io, device, [], place.remaining, { ...request, desiredAccess: granted });
  }
  if (place.object.type.index !== types.file.index) return failed(Status.OBJECT_TYPE_MISMATCH);
  if (!(body instanceof FileObject)) return failed(Status.OBJECT_TYPE_MISMATCH);
  return openRelative(io, body, place.remaining, request);
}

function openRelative(io: IoManager, root: FileObject, name: string, request: CreateRequest): CreateOutcome {
  if (name.startsWith('\\')) return failed(Status.OBJECT_NAME_INVALID);
  const base = root.control?.path ?? [];
  if (name !== '' && root.control !== null && !root.isDirectory) return failed(Status.OBJECT_PATH_NOT_FOUND);
  return openDevice(io, root.device, base, name, request);
}

function openDevice(
  io: IoManager,
  device: DeviceBody,
  base: HostPath,
  remaining: string,
  request: CreateRequest,
): CreateOutcome {
  switch (device.kind) {
    case 'volume': {
      const parsed = parseVolumePath(remaining);
      if (typeof parsed === 'number') return failed(parsed);
      if (base.length === 0 && remaining === '' && request.attributes.root === 0)
        return openVolume(io, device, request);
      const components = pathBelow(device.devicePath, base, parsed.components);
      if (typeof components === 'number') return failed(components);
      return openOnVolume(io, device, { ...parsed, components }, request);
    }
    case 'console':
    case 'stream': {
      const channel = consoleChannel(device, remaining);
      if (channel === null) return failed(Status.OBJECT_NAME_NOT_FOUND);
      return openCharacterDevice(io, device, channel, request);
    }
    case 'pipe': {
      if ((request.options & CreateOption.DIRECTORY_FILE) !== 0) return failed(Status.NOT_A_DIRECTORY);
      const grantedAccess = io.kernel.ob.types.file.mapAccess(request.desiredAccess);
      const name = remaining.replace(/^\\/, '');
      const access = {
        reads: (grantedAccess & FileAccess.READ_DATA) !== 0,
        writes: (grantedAccess & FileAccess.WRITE_DATA) !== 0,
      };
      // The device itself, and its root directory: for waiting for pipes.
      const pipe = name === '' ? null : device.open(name, access);
      if (typeof pipe === 'number') return failed(pipe);
      const { shareAccess, options } = request;
      const createOptions = options & ~CreateOption.DELETE_ON_CLOSE;
      const file = new FileObject({ device, control: null, pipe, grantedAccess, shareAccess, createOptions });
      return { status: Status.SUCCESS, file, information: CreateResult.OPENED };
    }
    case 'null':
      if (remaining !== '') return failed(Status.OBJECT_NAME_NOT_FOUND);
      return openCharacterDevice(io, device, ConsoleChannel.Input, request);
  }
}

function openCharacterDevice(
  io: IoManager,
  device: DeviceBody,
  channel: ConsoleChannel,
  request: CreateRequest,
): CreateOutcome {
  if ((request.options & CreateOption.DIRECTORY_FILE) !== 0) return failed(Status.NOT_A_DIRECTORY);
  const grantedAccess = io.kernel.ob.types.file.mapAccess(request.desiredAccess);
  const file = new FileObject({
    device,
    control: null,
    channel,
    grantedAccess,
    shareAccess: request.shareAccess,
    createOptions: request.options & ~CreateOption.DELETE_ON_CLOSE,
  });
  return { status: Status.SUCCESS, file, information: CreateResult.OPENED };
}

/** The volume itself: its properties can be asked for, its sectors cannot be read. */
function openVolume(io: IoManager, device: VolumeDevice, request: CreateRequest): CreateOutcome {
  if ((request.options & CreateOption.DIRECTORY_FILE) !== 0) return failed(Status.NOT_A_DIRECTORY);
  if (request.disposition !== Disposition.OPEN && request.disposition !== Disposition.OPEN_IF) {
    return failed(Status.ACCESS_DENIED);
  }
  const grantedAccess = io.kernel.ob.types.file.mapAccess(request.desiredAccess) & ~DATA_ACCESS;
  const file = new FileObject({
    device,
    control: null,
    grantedAccess,
    shareAccess: request.shareAccess,
    createOptions: request.options,
  });
  return { status: Status.SUCCESS, file, information: CreateResult.OPENED };
}

function openOnVolume(io: IoManager, volume: VolumeDevice, path: VolumePath, request: CreateRequest): CreateOutcome {
  const information = volume.host.information(path.components);
  if (typeof information !== 'number') return openExisting(io, volume, path, information, request);
  if (information !== Status.OBJECT_NAME_NOT_FOUND) return failed(information);
  const opensOnly = request.disposition === Disposition.OPEN || request.disposition === Disposition.OVERWRITE;
  if (opensOnly) return failed(information, CreateResult.DOES_NOT_EXIST);
  return createNew(io, volume, path, request);
}

function openExisting(
  io: IoManager,
  volume: VolumeDevice,
  path: VolumePath,
  information: HostFileInformation,
  request: CreateRequest,
): CreateOutcome {
  const { options, disposition } = request;
  if (disposition === Disposition.CREATE) return failed(Status.OBJECT_NAME_COLLISION, CreateResult.EXISTS);
  if (information.isDirectory && (options & CreateOption.NON_DIRECTORY_FILE) !== 0) {
    return failed(Status.FILE_IS_A_DIRECTORY);
  }
  if (!information.isDirectory && (options & CreateOption.DIRECTORY_FILE) !== 0) return failed(Status.NOT_A_DIRECTORY);
  if (!information.isDirectory && path.trailingSeparator) return failed(Status.OBJECT_NAME_INVALID);
  const overwrites = disposition !== Disposition.OPEN && disposition !== Disposition.OPEN_IF;
  if (information.isDirectory && overwrites) return failed(Status.OBJECT_NAME_COLLISION);
  const grantedAccess = grantAccess(io, volume, information, path.components, request);
  const denied = checkAttributes(volume, information, path.components, request, grantedAccess, overwrites);
  if (!isSuccess(denied)) return failed(denied);
  const existing = volume.find(information);
  const refused = existing === null ? Status.SUCCESS : checkOpenFile(existing, grantedAccess, request, overwrites);
  if (!isSuccess(refused)) return failed(refused);
  if (existing?.wasChangedByHost(information)) forgetContents(io.kernel, existing);
  const writable = !information.isDirectory && ((grantedAccess & WRITES) !== 0 || overwrites);
  const control = volume.open(path.components, information, writable);
  if (typeof control === 'number') return failed(control);
  if (overwrites) {
    const status = overwrite(io.kernel, control, information, request);
    if (!isSuccess(status)) {
      if (control.references === 0) release(control);
      return failed(status);
    }
  }
  const result = disposition === Disposition.SUPERSEDE ? CreateResult.SUPERSEDED : CreateResult.OVERWRITTEN;
  return opened(control, grantedAccess, request, overwrites ? result : CreateResult.OPENED);
}

/** MAXIMUM_ALLOWED leaves out what a read-only file or volume cannot give. */
function grantAccess(
  io: IoManager,
  volume: VolumeDevice,
  information: HostFileInformation,
  path: HostPath,
  request: CreateRequest,
): number {
  const volumeStatus = volume.host.writeStatus(path);
  const mapped = io.kernel.ob.types.file.mapAccess(request.desiredAccess);
  if ((request.desiredAccess & Access.MAXIMUM_ALLOWED) === 0) return mapped;
  const asked = io.kernel.ob.types.file.mapAccess(request.desiredAccess & ~Access.MAXIMUM_ALLOWED);
  const fileIsReadOnly = information.readOnly && !information.isDirectory;
  return fileIsReadOnly || !isSuccess(volumeStatus) ? (mapped & ~(WRITES | Access.DELETE)) | asked : mapped;
}

function checkAttributes(
  volume: VolumeDevice,
  information: HostFileInformation,
  path: HostPath,
  request: CreateRequest,
  grantedAccess: number,
  overwrites: boolean,
): NtStatus {
  const deletes = (request.options & CreateOption.DELETE_ON_CLOSE) !== 0;
  const writes = overwrites || (!information.isDirectory && (grantedAccess & WRITES) !== 0);
  const volumeStatus = writes || deletes ? volume.host.writeStatus(path) : Status.SUCCESS;
  if (!isSuccess(volumeStatus)) return volumeStatus;
  const attributes = volume.attributes(information);
  const readOnly = (attributes & FileAttribute.READONLY) !== 0 && !information.isDirectory;
  if (readOnly && writes) return Status.ACCESS_DENIED;
  if (readOnly && deletes) return Status.CANNOT_DELETE;
  if (!overwrites) return Status.SUCCESS;
  const mustMatch = attributes & (FileAttribute.HIDDEN | FileAttribute.SYSTEM);
  return (mustMatch & ~request.fileAttributes) !== 0 ? Status.ACCESS_DENIED : Status.SUCCESS;
}

function checkOpenFile(
  control: FileControlBlock,
  grantedAccess: number,
  request: CreateRequest,
  overwrites: boolean,
): NtStatus {
  if (control.deletePending) return Status.DELETE_PENDING;
  const access = grantedAccess | (overwrites ? FileAccess.WRITE_DATA : 0);
  if (!shareAccessFits(control.opens, access, request.shareAccess)) return Status.SHARING_VIOLATION;
  const writes = !control.isDirectory && (access & WRITES) !== 0;
  if (writes && control.isMappedAsImage) return Status.SHARING_VIOLATION;
  const deletes = (request.options & CreateOption.DELETE_ON_CLOSE) !== 0;
  if (deletes && control.isMappedAsImage) return Status.CANNOT_DELETE;
  if (overwrites && control.isMappedAsData) return Status.USER_MAPPED_FILE;
  return Status.SUCCESS;
}

function overwrite(
  kernel: Kernel,
  control: FileControlBlock,
  information: HostFileInformation,
  request: CreateRequest,
): NtStatus {
  if (request.hasExtendedAttributes === true) return Status.EAS_NOT_SUPPORTED;
  const allocated = checkAllocation(control.volume, request.allocationSize - control.size());
  if (!isSuccess(allocated)) return allocated;
  const status = setEndOfFile(kernel, control, 0);
  if (!isSuccess(status)) return status;
  const attributes = request.fileAttributes | FileAttribute.ARCHIVE;
  return control.volume.setAttributes(control.path, information, attributes);
}

function createNew(io: IoManager, volume: VolumeDevice, path: VolumePath, request: CreateRequest): CreateOutcome {
  const isDirectory = (request.options & CreateOption.DIRECTORY_FILE) !== 0;
  if (!isDirectory && path.trailingSeparator) return failed(Status.OBJECT_NAME_INVALID);
  const deletes = (request.options & CreateOption.DELETE_ON_CLOSE) !== 0;
  if (deletes && (request.fileAttributes & FileAttribute.READONLY) !== 0) return failed(Status.CANNOT_DELETE);
  if (request.hasExtendedAttributes === true) return failed(Status.EAS_NOT_SUPPORTED);
  const parent = volume.host.information(path.components.slice(0, -1));
  if (typeof parent === 'number') return failed(Status.OBJECT_PATH_NOT_FOUND);
  if (volume.find(parent)?.deletePending) return failed(Status.DELETE_PENDING);
  const allocated = isDirectory ? Status.SUCCESS : checkAllocation(volume, request.allocationSize);
  if (!isSuccess(allocated)) return failed(allocated);
  const control = isDirectory ? createDirectory(volume, path.components) : volume.create(path.components);
  if (typeof control === 'number') return failed(control);
  const information = control.information();
  const attributes = request.fileAttributes & ~FileAttribute.DIRECTORY;
  if (typeof information !== 'number') {
    const kept = isDirectory ? attributes : attributes | FileAttribute.ARCHIVE;
    volume.setAttributes(control.path, information, kept);
  }
  const grantedAccess = io.kernel.ob.types.file.mapAccess(request.desiredAccess);
  return opened(control, grantedAccess, request, CreateResult.CREATED);
}

function createDirectory(volume: VolumeDevice, path: HostPath): FileControlBlock | NtStatus {
  const status = volume.host.createDirectory(path);
  if (!isSuccess(status)) return status;
  const information = volume.host.information(path);
  if (typeof information === 'number') return information;
  return volume.open(path, information, false);
}

function opened(
  control: FileControlBlock,
  grantedAccess: number,
  request: CreateRequest,
  information: number,
): CreateOutcome {
  const file = new FileObject({
    device: control.volume,
    control,
    grantedAccess,
    shareAccess: request.shareAccess,
    createOptions: request.options,
  });
  control.reference();
  control.opens.push(file);
  return { status: Status.SUCCESS, file, information };
}

/** Closes a block on the host that was opened for an operation that then failed. */
function release(control: FileControlBlock): void {
  control.reference();
  control.dereference();
}

/** Case-insensitive attributes for a path that the kernel itself opens. */
export function kernelAttributes(path: string): ObjectAttributes {
  return { root: 0, name: path, attributes: ObjectFlag.CASE_INSENSITIVE };
}
