import type { HostPath } from '../host.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { decodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import { ObjectFlag } from '../ob/object-header.js';
import type { Blocking, NtStatus } from '../types.js';
import type { FileControlBlock } from './file-control-block.js';
import { CreateOption, FileAccess, FileAttribute, FileObject } from './file-object.js';
import { checkAllocation, setEndOfFile } from './file-size.js';
import { beginOperation, completeOperation, handleArguments, type IoResult, readable, refused } from './io-status.js';
import { parseVolumePath, pathBelow } from './path.js';
import { setPipeInformation } from './pipe-information.js';
import { FileInformationClass } from './query-file.js';

const classes: ReadonlyMap<number, { readonly size: number; readonly access: number }> = new Map([
  [FileInformationClass.Basic, { size: 40, access: FileAccess.WRITE_ATTRIBUTES }],
  [FileInformationClass.Rename, { size: 16, access: Access.DELETE }],
  [FileInformationClass.Disposition, { size: 1, access: Access.DELETE }],
  [FileInformationClass.Position, { size: 8, access: 0 }],
  [FileInformationClass.Completion, { size: 8, access: 0 }],
  [FileInformationClass.Mode, { size: 4, access: 0 }],
  [FileInformationClass.Pipe, { size: 8, access: FileAccess.WRITE_ATTRIBUTES }],
  [FileInformationClass.Allocation, { size: 8, access: FileAccess.WRITE_DATA }],
  [FileInformationClass.EndOfFile, { size: 8, access: FileAccess.WRITE_DATA }],
]);

/** Times of -1 and 0 leave the file's time as it is. */
const KEEP = 0xffffffffffffffffn;
const MAXIMUM_SIZE = 1n << 44n;
/** FILE_NO_INTERMEDIATE_BUFFERING: positions are whole sectors. */
const SECTOR = 512n;
const MAXIMUM_INFORMATION = 0x10100;

function* setInformationFile(
  kernel: Kernel,
  file: number,
  ioStatusBlock: number,
  buffer: number,
  length: number,
  informationClass: number,
): Blocking<NtStatus> {
  const description = classes.get(informationClass);
  if (description === undefined) return Status.INVALID_INFO_CLASS;
  if (length < description.size) return Status.INFO_LENGTH_MISMATCH;
  if (length > MAXIMUM_INFORMATION) return Status.INVALID_PARAMETER;
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), {
    access: description.access,
    ranges: [readable(buffer, length, description.size === 1 ? 1 : 4)],
  });
  if (typeof operation === 'number') return operation;
  const bytes = kernel.user.readBytes(buffer, length);
  const status = setInformation(kernel, operation.file, informationClass, bytes);
  return completeOperation(kernel, operation, result(status));
}

function result(status: NtStatus): IoResult {
  return isSuccess(status) ? { status, information: 0 } : refused(status);
}

function setInformation(kernel: Kernel, file: FileObject, informationClass: number, bytes: Uint8Array): NtStatus {
  const view = new DataView(bytes.buffer);
  if (informationClass === FileInformationClass.Position) return setPosition(file, view.getBigInt64(0, true));
  if (informationClass === FileInformationClass.Mode) return setMode(file, view.getUint32(0, true));
  if (informationClass === FileInformationClass.Pipe) return setPipeInformation(file, view);
  if (informationClass === FileInformationClass.Completion) return setCompletion(kernel, file, view);
  const { control } = file;
  if (control === null) return Status.INVALID_DEVICE_REQUEST;
  switch (informationClass) {
    case FileInformationClass.Basic:
      return setBasic(kernel, control, view);
    case FileInformationClass.Rename:
      return rename(kernel, control, bytes);
    case FileInformationClass.Disposition:
      return setDisposition(control, bytes[0] !== 0);
    case FileInformationClass.EndOfFile:
      return setSize(kernel, control, view.getBigUint64(0, true));
    default: {
      // An allocation smaller than the file cuts it; a larger one only reserves.
      const size = view.getBigUint64(0, true);
      if (BigInt.asIntN(64, size) < 0n || control.isDirectory) return Status.INVALID_PARAMETER;
      if (size > MAXIMUM_SIZE) return Status.DISK_FULL;
      return size < BigInt(control.size())
        ? setSize(kernel, control, size)
        : checkAllocation(control.volume, Number(size) - control.size());
    }
  }
}

/** Any file has a position that can be set, though only transfers of synchronous ones use it. */
function setPosition(file: FileObject, offset: bigint): NtStatus {
  if (offset < 0n) return Status.INVALID_PARAMETER;
  if (file.isUnbuffered && offset % SECTOR !== 0n) return Status.INVALID_PARAMETER;
  file.currentOffset = Number(offset > MAXIMUM_SIZE ? MAXIMUM_SIZE : offset);
  return Status.SUCCESS;
}

const CHANGEABLE_MODES =
  CreateOption.WRITE_THROUGH |
  CreateOption.SEQUENTIAL_ONLY |
  CreateOption.SYNCHRONOUS_IO_ALERT |
  CreateOption.SYNCHRONOUS_IO_NONALERT;

function setMode(file: FileObject, mode: number): NtStatus {
  if ((mode & ~CHANGEABLE_MODES) !== 0) return Status.INVALID_PARAMETER;
  const synchronous = CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
  if (file.isSynchronous !== ((mode & synchronous) !== 0)) return Status.INVALID_PARAMETER;
  file.mode = (file.mode & ~CHANGEABLE_MODES) | mode;
  return Status.SUCCESS;
}

const IO_COMPLETION_MODIFY_STATE = 2;

/** FILE_COMPLETION_INFORMATION: port and key, once for a file that is not synchronous. */
function setCompletion(kernel: Kernel, file: FileObject, view: DataView): NtStatus {
  if (file.isSynchronous || file.completion !== null) return Status.INVALID_PARAMETER;
  const { ob } = kernel;
  const port = ob.referenceObjectByHandle(view.getUint32(0, true), ob.types.ioCompletion, IO_COMPLETION_MODIFY_STATE);
  if (port.object === null) return port.status;
  file.completion = { port: port.object, key: view.getUint32(4, true) };
  return Status.SUCCESS;
}

/** FILE_BASIC_INFORMATION: creation, access, write and change time, attributes. */
function setBasic(kernel: Kernel, control: FileControlBlock, view: DataView): NtStatus {
  const { volume } = control;
  const information = control.information();
  if (typeof information === 'number') return information;
  const time = (offset: number): bigint | null => {
    const value = view.getBigUint64(offset, true);
    return value === 0n || value === KEEP ? null : value;
  };
  const given = [time(0), time(8), time(16), time(24)];
  if (given.some((value) => value !== null && BigInt.asIntN(64, value) < 0n)) return Status.INVALID_PARAMETER;
  const attributes = view.getUint32(32, true);
  if ((attributes & ~FileAttribute.VALID) !== 0) return Status.INVALID_PARAMETER;
  const isDirectoryFlag = (attributes & FileAttribute.DIRECTORY) !== 0;
  if (isDirectoryFlag && !information.isDirectory) return Status.INVALID_PARAMETER;
  if ((attributes & FileAttribute.TEMPORARY) !== 0 && information.isDirectory) return Status.INVALID_PARAMETER;
  const status = volume.host.writeStatus(control.path);
  if (!isSuccess(status)) return status;
  const [creationTime, lastAccessTime, lastWriteTime] = given;
  if (lastAccessTime !== null || lastWriteTime !== null) {
    const times = {
      ...(lastAccessTime === null ? {} : { lastAccessTime }),
      ...(lastWriteTime === null ? {} : { lastWriteTime }),
    };
    // Writing later would change them again.
    kernel.cc.flush(control);
    const set = volume.host.setTimes(control.path, times);
    control.noteWriteTime();
    if (!isSuccess(set)) return set;
  }
  if (creationTime !== null) volume.setCreationTime(information, creationTime);
  return attributes === 0 ? Status.SUCCESS : volume.setAttributes(control.path, information, attributes);
}

function setDisposition(control: FileControlBlock, deletes: boolean): NtStatus {
  if (!deletes) {
    control.deletePending = false;
    return Status.SUCCESS;
  }
  const status = control.deletionStatus();
  if (isSuccess(status)) control.deletePending = true;
  return status;
}

function setSize(kernel: Kernel, control: FileControlBlock, size: bigint): NtStatus {
  if (BigInt.asIntN(64, size) < 0n || control.isDirectory) return Status.INVALID_PARAMETER;
  if (size > MAXIMUM_SIZE) return Status.DISK_FULL;
  return setEndOfFile(kernel, control, Number(size));
}

/** FILE_RENAME_INFORMATION: ReplaceIfExists byte, root directory handle at 4, name length at 8, name at 12. */
function rename(kernel: Kernel, control: FileControlBlock, bytes: Uint8Array): NtStatus {
  const view = new DataView(bytes.buffer);
  const nameLength = view.getUint32(8, true);
  if (nameLength === 0 || nameLength % 2 !== 0 || nameLength > bytes.length - 12) return Status.INVALID_PARAMETER;
  const name = decodeUtf16(bytes.subarray(12, 12 + nameLength));
  const target = renameTarget(kernel, control, view.getUint32(4, true), name);
  if (typeof target === 'number') return target;
  return renameTo(control, target, bytes[0] !== 0);
}

function renameTarget(kernel: Kernel, control: FileControlBlock, root: number, name: string): HostPath | NtStatus {
  if (root === 0 && !name.startsWith('\\')) {
    const simple = parseVolumePath(name);
    if (typeof simple === 'number') return simple;
    if (simple.components.length !== 1) return Status.OBJECT_NAME_INVALID;
    return pathBelow(control.volume.devicePath, control.path.slice(0, -1), simple.components);
  }
  const attributes = { root, name, attributes: ObjectFlag.CASE_INSENSITIVE };
  const place = kernel.ob.lookup(attributes);
  if (place.object === null) return place.status;
  const { body } = place.object;
  const parsed = parseVolumePath(place.remaining);
  if (typeof parsed === 'number') return parsed;
  if (parsed.trailingSeparator) return Status.OBJECT_NAME_INVALID;
  if (body === control.volume) return parsed.components;
  if (!(body instanceof FileObject) || body.control === null) return Status.NOT_SAME_DEVICE;
  if (body.control.volume !== control.volume) return Status.NOT_SAME_DEVICE;
  return pathBelow(control.volume.devicePath, body.control.path, parsed.components);
}

function renameTo(control: FileControlBlock, target: HostPath, replace: boolean): NtStatus {
  const { volume, path } = control;
  if (path.length === 0 || target.length === 0) return Status.ACCESS_DENIED;
  const isMoveIntoItself = target.length > path.length && path.every((component, index) => component === target[index]);
  if (isMoveIntoItself) return Status.ACCESS_DENIED;
  const below = control.isDirectory ? volume.openBelow(path) : [];
  if (below.some((other) => other.opens.length > 0)) return Status.ACCESS_DENIED;
  const existing = volume.host.information(target);
  if (typeof existing !== 'number' && existing.identity !== control.identity) {
    if (!replace) return Status.OBJECT_NAME_COLLISION;
    if (existing.isDirectory || existing.readOnly) return Status.ACCESS_DENIED;
    const open = volume.find(existing);
    if (open !== null && (open.opens.length > 0 || open.isMappedAsImage)) return Status.ACCESS_DENIED;
  }
  const status = volume.host.rename(path, target, replace);
  if (!isSuccess(status)) return status;
  control.path = target;
  for (const other of below) other.path = [...target, ...other.path.slice(path.length)];
  return Status.SUCCESS;
}

export const setFileServices: readonly Service[] = [service('NtSetInformationFile', setInformationFile)];
