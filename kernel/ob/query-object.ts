import { FileObject } from '../io/file-object.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { selfRelativeBytes } from '../se/security-descriptor.js';
import type { Blocking, NtStatus } from '../types.js';
import { SymbolicLinkBody } from './directory.js';
import { HandleFlag, ObjectFlag, type ObjectHeader } from './object-header.js';
import type { ObjectType } from './object-type.js';

/** OBJECT_INFORMATION_CLASS. */
const InformationClass = { Basic: 0, Name: 1, Type: 2, Types: 3, HandleFlag: 4 } as const;
const BASIC_SIZE = 0x38;
const TYPE_SIZE = 0x60;
const HEADER_SIZE = 0x18;
const NAME_INFORMATION_SIZE = 0x10;

/**
 * NtQueryObject(handle, class, buffer, length, returned length*). INFO_LENGTH_MISMATCH with the length needed,
 * INVALID_INFO_CLASS, INVALID_HANDLE.
 */
export function* queryObject(
  kernel: Kernel,
  handle: number,
  informationClass: number,
  buffer: number,
  length: number,
  returnedAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(buffer, length);
  if (isSuccess(status) && returnedAddress !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const { object, status: found } = ob.peekObjectByHandle(handle, null, 0);
  // All types there are have nothing to do with a handle.
  const types = informationClass === InformationClass.Types;
  if (object === null && !types) return found;
  const bytes =
    object === null || types ? allTypes(kernel, buffer) : information(kernel, handle, object, informationClass, buffer);
  if (typeof bytes === 'number') return bytes;
  if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
  const exact = informationClass === InformationClass.Basic || informationClass === InformationClass.HandleFlag;
  if (exact ? length !== bytes.length : length < bytes.length) return Status.INFO_LENGTH_MISMATCH;
  user.writeBytes(buffer, bytes);
  return Status.SUCCESS;
}

function information(
  kernel: Kernel,
  handle: number,
  object: ObjectHeader,
  informationClass: number,
  buffer: number,
): Uint8Array | NtStatus {
  switch (informationClass) {
    case InformationClass.Basic:
      return basic(kernel, handle, object);
    case InformationClass.Name:
      return unicodeString(nameOf(kernel, object), buffer, new Uint8Array(8));
    case InformationClass.Type:
      return typeInformation(object.type, buffer);
    case InformationClass.HandleFlag: {
      const flags = kernel.ob.handleEntry(handle)?.flags ?? 0;
      return Uint8Array.of(flags & HandleFlag.INHERIT ? 1 : 0, flags & HandleFlag.PROTECT_CLOSE ? 1 : 0);
    }
    default:
      return Status.INVALID_INFO_CLASS;
  }
}

/** OBJECT_BASIC_INFORMATION. */
function basic(kernel: Kernel, handle: number, object: ObjectHeader): Uint8Array {
  const bytes = new Uint8Array(BASIC_SIZE);
  const view = new DataView(bytes.buffer);
  const flags = kernel.ob.handleEntry(handle)?.flags ?? 0;
  const attributes =
    ((flags & HandleFlag.INHERIT) !== 0 ? ObjectFlag.INHERIT : 0) |
    (object.permanent ? ObjectFlag.PERMANENT : 0) |
    (object.exclusive ? ObjectFlag.EXCLUSIVE : 0);
  const { bodySize, paged } = object.type.description;
  const pathLength = kernel.ob.pathOf(object).length * 2;
  view.setUint32(0x00, attributes, true);
  view.setUint32(0x04, kernel.ob.grantedAccess(handle), true);
  view.setUint32(0x08, object.handleCount, true);
  view.setUint32(0x0c, object.pointerCount, true);
  const charge = HEADER_SIZE + bodySize;
  view.setUint32(paged ? 0x10 : 0x14, charge, true);
  view.setUint32(0x24, object.name === null ? 0 : NAME_INFORMATION_SIZE + pathLength, true);
  view.setUint32(0x28, TYPE_SIZE + (object.type.name.length + 1) * 2, true);
  const { securityDescriptor } = object;
  view.setUint32(0x2c, securityDescriptor === null ? 0 : selfRelativeBytes(securityDescriptor).length, true);
  if (object.body instanceof SymbolicLinkBody) view.setBigInt64(0x30, object.body.creationTime, true);
  return bytes;
}

function nameOf(kernel: Kernel, object: ObjectHeader): string {
  const { body } = object;
  if (!(body instanceof FileObject)) return kernel.ob.pathOf(object);
  if (body.control !== null) return body.control.name;
  switch (body.device.kind) {
    case 'volume':
      return body.device.devicePath;
    case 'console':
      return `\\Device\\Console\\${['Input', 'Output', 'Error'][body.channel]}`;
    case 'stream':
      return `\\Device\\Stream\\${body.channel}`;
    case 'pipe':
      return `\\Device\\NamedPipe\\${body.pipe?.instance.pipe.name ?? ''}`;
    case 'null':
      return '\\Device\\Null';
  }
}

/** A UNICODE_STRING at the start of `fixed`, its text behind it in the caller's buffer. */
function unicodeString(text: string, buffer: number, fixed: Uint8Array): Uint8Array {
  if (text === '') return fixed;
  const encoded = encodeUtf16(text);
  const bytes = new Uint8Array(fixed.length + encoded.length + 2);
  const view = new DataView(bytes.buffer);
  bytes.set(fixed);
  bytes.set(encoded, fixed.length);
  view.setUint16(0, encoded.length, true);
  view.setUint16(2, encoded.length + 2, true);
  view.setUint32(4, buffer + fixed.length, true);
  return bytes;
}

/** OBJECT_TYPES_INFORMATION: how many, then each type's information, aligned to 4 bytes. */
function allTypes(kernel: Kernel, buffer: number): Uint8Array {
  const types: readonly ObjectType<never>[] = Object.values(kernel.ob.types);
  let size = 4;
  const parts = types.map((type) => {
    const at = size;
    const bytes = typeInformation(type, buffer + at);
    size += (bytes.length + 3) & ~3;
    return { at, bytes };
  });
  const all = new Uint8Array(size);
  new DataView(all.buffer).setUint32(0, types.length, true);
  for (const { at, bytes } of parts) all.set(bytes, at);
  return all;
}

/** OBJECT_TYPE_INFORMATION. */
function typeInformation(type: ObjectType<never> | ObjectType<unknown>, buffer: number): Uint8Array {
  const { mapping, validAccess, bodySize, paged, securityRequired } = type.description;
  const fixed = new Uint8Array(TYPE_SIZE);
  const view = new DataView(fixed.buffer);
  view.setUint32(0x08, type.objectCount, true);
  view.setUint32(0x0c, type.handleCount, true);
  view.setUint32(0x3c, mapping.read, true);
  view.setUint32(0x40, mapping.write, true);
  view.setUint32(0x44, mapping.execute, true);
  view.setUint32(0x48, mapping.all, true);
  view.setUint32(0x4c, validAccess, true);
  view.setUint8(0x50, securityRequired === true ? 1 : 0);
  view.setUint32(0x54, paged ? 1 : 0, true);
  view.setUint32(paged ? 0x58 : 0x5c, HEADER_SIZE + bodySize, true);
  return unicodeString(type.name, buffer, fixed);
}
