import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { type DeviceBody, DeviceType } from './device.js';
import { FileAccess } from './file-object.js';
import { concatenate, dword, putBytes, quad } from './information-bytes.js';
import { beginOperation, completeOperation, handleArguments, readable, refused, writable } from './io-status.js';
import type { VolumeDevice } from './volume-device.js';

/** FS_INFORMATION_CLASS. */
const FsClass = { Volume: 1, Label: 2, Size: 3, Device: 4, Attribute: 5, FullSize: 7 } as const;
const minimumSizes: ReadonlyMap<number, number> = new Map([
  [FsClass.Volume, 24],
  [FsClass.Size, 24],
  [FsClass.Device, 8],
  [FsClass.Attribute, 16],
  [FsClass.FullSize, 32],
]);

const BYTES_PER_SECTOR = 512;
const SECTORS_PER_CLUSTER = 8;
const CLUSTER = BYTES_PER_SECTOR * SECTORS_PER_CLUSTER;
/** CASE_PRESERVED_NAMES and UNICODE_ON_DISK; READ_ONLY_VOLUME. */
const FILE_SYSTEM_ATTRIBUTES = 0x6;
const READ_ONLY_VOLUME = 0x80000;
const DEVICE_READ_ONLY = 0x2;
const DEVICE_IS_MOUNTED = 0x20;
const MAXIMUM_COMPONENT = 255;
/** FILE_FS_LABEL_INFORMATION with one character. */
const LABEL_SIZE = 8;

function* queryVolumeInformation(
  kernel: Kernel,
  file: number,
  ioStatusBlock: number,
  buffer: number,
  length: number,
  informationClass: number,
): Blocking<NtStatus> {
  const minimum = minimumSizes.get(informationClass);
  if (minimum === undefined) return Status.INVALID_INFO_CLASS;
  if (length < minimum) return Status.INFO_LENGTH_MISMATCH;
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), {
    access: 0,
    ranges: [writable(buffer, length, 4)],
  });
  if (typeof operation === 'number') return operation;
  const bytes = volumeInformation(kernel, operation.file.device, informationClass);
  const result = typeof bytes === 'number' ? refused(bytes) : putBytes(kernel, buffer, length, bytes);
  return completeOperation(kernel, operation, result);
}

function volumeInformation(kernel: Kernel, device: DeviceBody, informationClass: number): Uint8Array | NtStatus {
  if (informationClass === FsClass.Device) return deviceInformation(device);
  if (device.kind !== 'volume') return Status.INVALID_DEVICE_REQUEST;
  switch (informationClass) {
    case FsClass.Volume: {
      const label = encodeUtf16(device.host.label);
      return concatenate([
        quad(kernel.options.bootTime),
        dword(device.host.serialNumber),
        dword(label.length),
        Uint8Array.of(0, 0),
        label,
        new Uint8Array(Math.max(0, 6 - label.length)),
      ]);
    }
    case FsClass.Attribute: {
      const name = encodeUtf16('NTFS');
      const attributes = FILE_SYSTEM_ATTRIBUTES | (device.host.readOnly ? READ_ONLY_VOLUME : 0);
      return concatenate([dword(attributes), dword(MAXIMUM_COMPONENT), dword(name.length), name]);
    }
    default:
      return sizeInformation(device, informationClass === FsClass.FullSize);
  }
}

/** FILE_FS_SIZE_INFORMATION, or FILE_FS_FULL_SIZE_INFORMATION: clusters in all, free to the caller (and at all). */
function sizeInformation(device: VolumeDevice, full: boolean): Uint8Array {
  const { totalBytes, freeBytes } = device.host.space();
  const total = quad(BigInt(Math.floor(totalBytes / CLUSTER)));
  const free = quad(BigInt(Math.floor(freeBytes / CLUSTER)));
  const geometry = [dword(SECTORS_PER_CLUSTER), dword(BYTES_PER_SECTOR)];
  return concatenate(full ? [total, free, free, ...geometry] : [total, free, ...geometry]);
}

function deviceInformation(device: DeviceBody): Uint8Array {
  switch (device.kind) {
    case 'volume':
      return concatenate([
        dword(DeviceType.DISK),
        dword(DEVICE_IS_MOUNTED | (device.host.readOnly ? DEVICE_READ_ONLY : 0)),
      ]);
    case 'console':
      return concatenate([dword(DeviceType.CONSOLE), dword(0)]);
    case 'stream':
    case 'pipe':
      return concatenate([dword(DeviceType.NAMED_PIPE), dword(0)]);
    case 'null':
      return concatenate([dword(DeviceType.NULL), dword(0)]);
  }
}

/** The host's volumes keep their labels. */
function* setVolumeInformation(
  kernel: Kernel,
  file: number,
  ioStatusBlock: number,
  buffer: number,
  length: number,
  informationClass: number,
): Blocking<NtStatus> {
  if (informationClass !== FsClass.Label) return Status.INVALID_INFO_CLASS;
  if (length < LABEL_SIZE) return Status.INFO_LENGTH_MISMATCH;
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), {
    access: FileAccess.WRITE_DATA,
    ranges: [readable(buffer, length, 4)],
  });
  if (typeof operation === 'number') return operation;
  return completeOperation(kernel, operation, refused(Status.ACCESS_DENIED));
}

export const volumeServices: readonly Service[] = [
  service('NtQueryVolumeInformationFile', queryVolumeInformation),
  service('NtSetVolumeInformationFile', setVolumeInformation),
];
