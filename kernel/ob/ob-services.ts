import { PoolType } from '../ex/pool.js';
import { createObjectService, openObjectService } from '../ke/object-service.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { EProcess } from '../ps/process.js';
import { Privilege } from '../se/privilege.js';
import { type Blocking, handle, type NtStatus } from '../types.js';
import { Access } from './access-mask.js';
import { DirectoryBody, SymbolicLinkBody } from './directory.js';
import { MAXIMUM_NAME_LENGTH } from './name.js';
import { HandleFlag, isOfType, ObjectFlag } from './object-header.js';
import { CURRENT_PROCESS, CURRENT_THREAD, type HandleEntry, type HandleResult } from './object-manager.js';
import { queryDirectoryObject } from './query-directory-object.js';
import { queryObject } from './query-object.js';

const PROCESS_DUP_HANDLE = 0x40;
const DuplicateOption = { CLOSE_SOURCE: 1, SAME_ACCESS: 2, SAME_ATTRIBUTES: 4 } as const;
const HANDLE_FLAG_INFORMATION = 4;

function close(kernel: Kernel, handle: number): NtStatus {
  const process = kernel.ke.currentProcess.executive;
  return process === null ? Status.INVALID_HANDLE : kernel.ob.closeHandle(process, handle);
}

/** NtDuplicateObject(source process, source handle, target process, target handle*, access, attributes, options). */
function* duplicateObject(
  kernel: Kernel,
  sourceProcess: number,
  sourceHandle: number,
  targetProcess: number,
  targetHandleAddress: number,
  access: number,
  attributes: number,
  options: number,
): Blocking<NtStatus> {
  const { ob, user } = kernel;
  if (targetHandleAddress !== 0) {
    const probed = yield* user.probeForWrite(targetHandleAddress, 4, 4);
    if (!isSuccess(probed)) return probed;
  }
  const source = ob.peekObjectByHandle(sourceProcess, ob.types.process, PROCESS_DUP_HANDLE);
  if (source.object === null) return source.status;
  const from = source.object.body;
  const closes = (options & DuplicateOption.CLOSE_SOURCE) !== 0;
  if (targetProcess === 0 && closes) return ob.closeHandle(from, sourceHandle);
  const result = duplicateInto(kernel, from, sourceHandle, targetProcess, { access, attributes, options });
  // Whether or not there is a duplicate now.
  if (closes) ob.closeHandle(from, sourceHandle);
  if (isSuccess(result.status) && targetHandleAddress !== 0) user.write32(targetHandleAddress, result.handle);
  user.clearFailure();
  return result.status;
}

function duplicateInto(
  kernel: Kernel,
  from: EProcess,
  sourceHandle: number,
  targetProcess: number,
  wanted: { readonly access: number; readonly attributes: number; readonly options: number },
): HandleResult {
  const { ob } = kernel;
  const failed = (status: NtStatus): HandleResult => ({ status, handle: handle(0) });
  const target = ob.peekObjectByHandle(targetProcess, ob.types.process, PROCESS_DUP_HANDLE);
  if (target.object === null) return failed(target.status);
  const to = target.object.body;
  if (from.exiting || to.exiting) return failed(Status.PROCESS_IS_TERMINATING);
  const entry = sourceEntry(kernel, from, sourceHandle);
  if (entry === null) return failed(Status.INVALID_HANDLE);
  const sameAccess = (wanted.options & DuplicateOption.SAME_ACCESS) !== 0;
  const access = sameAccess
    ? { status: Status.SUCCESS, granted: entry.grantedAccess }
    : duplicateAccess(kernel, entry, to, wanted.access);
  if (!isSuccess(access.status)) return failed(access.status);
  const sameAttributes = (wanted.options & DuplicateOption.SAME_ATTRIBUTES) !== 0;
  const asked =
    ((wanted.attributes & ObjectFlag.INHERIT) !== 0 ? HandleFlag.INHERIT : 0) |
    ((wanted.attributes & ObjectFlag.PROTECT_CLOSE) !== 0 ? HandleFlag.PROTECT_CLOSE : 0);
  return ob.insertHandle(to, entry.object, access.granted, sameAttributes ? entry.flags : asked);
}

/** Rights that the source handle has need no asking; more are asked of the object, for the target process. Files give none. */
function duplicateAccess(
  kernel: Kernel,
  source: Pick<HandleEntry, 'object' | 'grantedAccess'>,
  target: EProcess,
  desired: number,
) {
  const { object, grantedAccess } = source;
  const mapped = object.type.mapGeneric(desired);
  if ((mapped & ~grantedAccess) === 0) return { status: Status.SUCCESS, granted: object.type.validRights(mapped) };
  if (isOfType(object, kernel.ob.types.file)) return { status: Status.ACCESS_DENIED, granted: 0 };
  return kernel.ob.security.check(object, desired, { token: target.token?.body ?? null });
}

/** The entry of a handle of a process; pseudo handles mean the caller's own process and thread. */
function sourceEntry(kernel: Kernel, process: EProcess, handle: number) {
  if (handle !== CURRENT_PROCESS && handle !== CURRENT_THREAD) return process.handleTable.get(handle);
  const { object } = kernel.ob.peekObjectByHandle(handle, null, 0);
  if (object === null) return null;
  return { object, grantedAccess: kernel.ob.grantedAccess(handle), flags: 0 };
}

/** NtSetInformationObject, class 4: OBJECT_HANDLE_FLAG_INFORMATION {inherit byte, protect from close byte}. */
function* setInformationObject(
  kernel: Kernel,
  handle: number,
  informationClass: number,
  buffer: number,
  length: number,
): Blocking<NtStatus> {
  if (informationClass !== HANDLE_FLAG_INFORMATION) return Status.INVALID_INFO_CLASS;
  if (length !== 2) return Status.INFO_LENGTH_MISMATCH;
  const probed = yield* kernel.user.probeForRead(buffer, 2);
  if (!isSuccess(probed)) return probed;
  const entry = kernel.ob.handleEntry(handle);
  if (entry === null) return Status.INVALID_HANDLE;
  const inherit = kernel.user.read8(buffer) !== 0 ? HandleFlag.INHERIT : 0;
  const protect = kernel.user.read8(buffer + 1) !== 0 ? HandleFlag.PROTECT_CLOSE : 0;
  entry.flags = inherit | protect;
  return Status.SUCCESS;
}

function makeTemporaryObject(kernel: Kernel, handle: number): NtStatus {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, null, Access.DELETE);
  if (object === null) return status;
  kernel.ob.makeTemporary(object);
  return Status.SUCCESS;
}

/** NtMakePermanentObject(handle): PRIVILEGE_NOT_HELD without SeCreatePermanentPrivilege, handle statuses. */
function makePermanentObject(kernel: Kernel, handle: number): NtStatus {
  if (!kernel.ob.security.holds(Privilege.CREATE_PERMANENT)) return Status.PRIVILEGE_NOT_HELD;
  const { status, object } = kernel.ob.peekObjectByHandle(handle, null, 0);
  if (object === null) return status;
  kernel.ob.makePermanent(object);
  return Status.SUCCESS;
}

function* createSymbolicLink(
  kernel: Kernel,
  handleAddress: number,
  access: number,
  attributes: number,
  targetAddress: number,
): Blocking<NtStatus> {
  const target = yield* kernel.user.readUnicodeString(targetAddress);
  if (!isSuccess(target.status)) return target.status;
  if (target.text === '' || target.text.length > MAXIMUM_NAME_LENGTH) return Status.INVALID_PARAMETER;
  const body = (): SymbolicLinkBody | NtStatus => {
    const buffer = kernel.ex.pool.allocate(PoolType.Paged, target.text.length * 2, 'Symt');
    if (buffer === 0) return Status.INSUFFICIENT_RESOURCES;
    return new SymbolicLinkBody(target.text, kernel.ke.systemTime(), buffer);
  };
  return yield* createObjectService(kernel, kernel.ob.types.symbolicLink, handleAddress, access, attributes, body);
}

/** NtQuerySymbolicLinkObject(handle, UNICODE_STRING*, returned length*): BUFFER_TOO_SMALL with the length needed. */
function* querySymbolicLink(
  kernel: Kernel,
  handle: number,
  stringAddress: number,
  lengthAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(stringAddress, 8, 4);
  if (isSuccess(status) && lengthAddress !== 0) status = yield* user.probeForWrite(lengthAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const maximum = user.read16(stringAddress + 2);
  const buffer = user.read32(stringAddress + 4);
  status = yield* user.probeForWrite(buffer, maximum, 2);
  if (!isSuccess(status)) return status;
  const link = ob.peekObjectByHandle(handle, ob.types.symbolicLink, 1);
  if (link.object === null) return link.status;
  const { target } = link.object.body;
  const length = target.length * 2;
  if (lengthAddress !== 0) user.write32(lengthAddress, length + 2);
  if (length > maximum) return Status.BUFFER_TOO_SMALL;
  for (let index = 0; index < target.length; index++) user.write16(buffer + index * 2, target.charCodeAt(index));
  user.write16(stringAddress, length);
  return Status.SUCCESS;
}

export const obServices: readonly Service[] = [
  service('NtClose', close),
  service('NtDuplicateObject', duplicateObject),
  service('NtQueryObject', queryObject),
  service('NtSetInformationObject', setInformationObject),
  service('NtMakeTemporaryObject', makeTemporaryObject),
  service('NtMakePermanentObject', makePermanentObject),
  service('NtCreateDirectoryObject', (kernel, handleAddress, access, attributes) =>
    createObjectService(
      kernel,
      kernel.ob.types.directory,
      handleAddress,
      access,
      attributes,
      () => new DirectoryBody(),
    ),
  ),
  service('NtOpenDirectoryObject', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.directory, handleAddress, access, attributes),
  ),
  service('NtQueryDirectoryObject', queryDirectoryObject),
  service('NtCreateSymbolicLinkObject', createSymbolicLink),
  service('NtOpenSymbolicLinkObject', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.symbolicLink, handleAddress, access, attributes),
  ),
  service('NtQuerySymbolicLinkObject', querySymbolicLink),
];
