import type { HostFileInformation } from '../host.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { CreateRequestDefaults, createFile } from './create-file.js';
import { FileAccess, type FileObject } from './file-object.js';
import { concatenate, dword, putBytes, quad } from './information-bytes.js';
import { beginOperation, completeOperation, handleArguments, refused, writable } from './io-status.js';
import { pipeInformation, pipeLocalInformation } from './pipe-information.js';
import type { VolumeDevice } from './volume-device.js';

/** FILE_INFORMATION_CLASS, the ones in use. */
export const FileInformationClass = {
  Directory: 1,
  FullDirectory: 2,
  BothDirectory: 3,
  Basic: 4,
  Standard: 5,
  Internal: 6,
  Ea: 7,
  Access: 8,
  Name: 9,
  Rename: 10,
  Names: 12,
  Disposition: 13,
  Position: 14,
  Mode: 16,
  Completion: 30,
  Alignment: 17,
  All: 18,
  Allocation: 19,
  EndOfFile: 20,
  Pipe: 23,
  PipeLocal: 24,
  NetworkOpen: 34,
  AttributeTag: 35,
  IdBothDirectory: 37,
  IdFullDirectory: 38,
} as const;

interface ClassDescription {
  /** Bytes that the buffer must have at least. */
  readonly size: number;
  readonly access: number;
}

const { READ_ATTRIBUTES } = FileAccess;
const classes: ReadonlyMap<number, ClassDescription> = new Map([
  [FileInformationClass.Basic, { size: 40, access: READ_ATTRIBUTES }],
  [FileInformationClass.Standard, { size: 24, access: 0 }],
  [FileInformationClass.Internal, { size: 8, access: 0 }],
  [FileInformationClass.Ea, { size: 4, access: 0 }],
  [FileInformationClass.Access, { size: 4, access: 0 }],
  [FileInformationClass.Name, { size: 8, access: 0 }],
  [FileInformationClass.Position, { size: 8, access: 0 }],
  [FileInformationClass.Mode, { size: 4, access: 0 }],
  [FileInformationClass.Alignment, { size: 4, access: 0 }],
  [FileInformationClass.All, { size: 104, access: READ_ATTRIBUTES }],
  [FileInformationClass.Pipe, { size: 8, access: READ_ATTRIBUTES }],
  [FileInformationClass.PipeLocal, { size: 40, access: READ_ATTRIBUTES }],
  [FileInformationClass.NetworkOpen, { size: 56, access: READ_ATTRIBUTES }],
  [FileInformationClass.AttributeTag, { size: 8, access: READ_ATTRIBUTES }],
]);

/** Classes that a character device or a volume answers. */
const deviceClasses: readonly number[] = [
  FileInformationClass.Access,
  FileInformationClass.Mode,
  FileInformationClass.Alignment,
  FileInformationClass.Position,
  FileInformationClass.Standard,
  FileInformationClass.Name,
];

function* queryInformationFile(
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
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), {
    access: description.access,
    ranges: [writable(buffer, length, 4)],
  });
  if (typeof operation === 'number') return operation;
  const result =
    informationClass === FileInformationClass.PipeLocal
      ? yield* pipeLocalInformation(kernel, operation.file)
      : fileInformation(kernel, operation.file, file, informationClass);
  if (typeof result === 'number') return completeOperation(kernel, operation, refused(result));
  return completeOperation(kernel, operation, putBytes(kernel, buffer, length, result));
}

/** The bytes of an information class. */
function fileInformation(
  kernel: Kernel,
  file: FileObject,
  handle: number,
  informationClass: number,
): Uint8Array | NtStatus {
  switch (informationClass) {
    case FileInformationClass.Access:
      return dword(kernel.ob.grantedAccess(handle));
    case FileInformationClass.Mode:
      return dword(file.mode);
    case FileInformationClass.Alignment:
      return dword(0);
    case FileInformationClass.Position:
      return quad(BigInt(file.currentOffset));
    case FileInformationClass.Name:
      return nameInformation(file);
    case FileInformationClass.Ea:
      return dword(0);
    case FileInformationClass.Pipe:
      return pipeInformation(file);
  }
  const { control, device } = file;
  if (control === null || device.kind !== 'volume') {
    return deviceClasses.includes(informationClass) ? new Uint8Array(24) : Status.INVALID_PARAMETER;
  }
  const information = control.information();
  if (typeof information === 'number') return information;
  switch (informationClass) {
    case FileInformationClass.Basic:
      return basicInformation(device, information);
    case FileInformationClass.Standard:
      return standardInformation(file, information);
    case FileInformationClass.Internal:
      return quad(information.identity);
    case FileInformationClass.NetworkOpen:
      return networkOpenInformation(device, information);
    case FileInformationClass.AttributeTag:
      return concatenate([dword(device.attributes(information)), dword(0)]);
    default:
      return concatenate([
        basicInformation(device, information),
        standardInformation(file, information),
        quad(information.identity),
        dword(0),
        dword(kernel.ob.grantedAccess(handle)),
        quad(BigInt(file.currentOffset)),
        dword(file.mode),
        dword(0),
        nameInformation(file),
      ]);
  }
}

function basicInformation(volume: VolumeDevice, information: HostFileInformation): Uint8Array {
  return concatenate([times(volume, information), dword(volume.attributes(information)), dword(0)]);
}

function times(volume: VolumeDevice, information: HostFileInformation): Uint8Array {
  return concatenate([
    quad(volume.creationTime(information)),
    quad(information.lastAccessTime),
    quad(information.lastWriteTime),
    quad(information.changeTime),
  ]);
}

function standardInformation(file: FileObject, information: HostFileInformation): Uint8Array {
  const bytes = new Uint8Array(24);
  const deletePending = file.control?.deletePending ?? false;
  bytes.set(quad(BigInt(information.isDirectory ? 0 : information.allocationSize)), 0);
  bytes.set(quad(BigInt(information.isDirectory ? 0 : information.size)), 8);
  bytes.set(dword(deletePending ? Math.max(0, information.linkCount - 1) : information.linkCount), 16);
  bytes[20] = deletePending ? 1 : 0;
  bytes[21] = information.isDirectory ? 1 : 0;
  return bytes;
}

/** FILE_NETWORK_OPEN_INFORMATION, 56 bytes. */
function networkOpenInformation(volume: VolumeDevice, information: HostFileInformation): Uint8Array {
  const { isDirectory } = information;
  return concatenate([
    times(volume, information),
    quad(BigInt(isDirectory ? 0 : information.allocationSize)),
    quad(BigInt(isDirectory ? 0 : information.size)),
    dword(volume.attributes(information)),
    dword(0),
  ]);
}

/** FILE_NAME_INFORMATION: the path on the volume, or what follows the device. */
function nameInformation(file: FileObject): Uint8Array {
  const { control, device } = file;
  let text = '';
  if (control !== null) text = `\\${control.path.join('\\')}`;
  else if (device.kind === 'console') text = `\\${['Input', 'Output', 'Error'][file.channel]}`;
  else if (file.pipe !== null) text = `\\${file.pipe.instance.pipe.name}`;
  else if (device.kind === 'stream') text = `\\${file.channel}`;
  const name = encodeUtf16(text);
  return concatenate([dword(name.length), name]);
}

/** Opens what OBJECT_ATTRIBUTES name for its attributes alone, without a handle. */
function* withAttributes(
  kernel: Kernel,
  objectAttributes: number,
  buffer: number,
  size: number,
  describe: (volume: VolumeDevice, information: HostFileInformation) => Uint8Array,
): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(buffer, size, 4);
  if (!isSuccess(probed)) return probed;
  const attributes = yield* kernel.user.captureNameToOpen(objectAttributes);
  if (!isSuccess(attributes.status)) return attributes.status;
  const desiredAccess = READ_ATTRIBUTES;
  const outcome = createFile(kernel.io, { ...CreateRequestDefaults, attributes, desiredAccess, options: 0 });
  const { file } = outcome;
  if (file === null) return outcome.status;
  let status: NtStatus = Status.INVALID_DEVICE_REQUEST;
  if (file.control !== null && file.device.kind === 'volume') {
    const information = file.control.information();
    if (typeof information === 'number') status = information;
    else status = putBytes(kernel, buffer, size, describe(file.device, information)).status;
  }
  kernel.io.abandon(file);
  return status;
}

export const queryFileServices: readonly Service[] = [
  service('NtQueryInformationFile', queryInformationFile),
  service('NtQueryAttributesFile', (kernel, objectAttributes, buffer) =>
    withAttributes(kernel, objectAttributes, buffer, 40, basicInformation),
  ),
  service('NtQueryFullAttributesFile', (kernel, objectAttributes, buffer) =>
    withAttributes(kernel, objectAttributes, buffer, 56, networkOpenInformation),
  ),
];
