import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access, mapGenericMask } from '../ob/access-mask.js';
import { Fields } from '../ps/information-buffer.js';
import type { Blocking, NtStatus } from '../types.js';
import { accessCheck } from './access-check.js';
import { captureSecurityDescriptor } from './capture.js';
import { capturePrivilegeArray } from './capture-lists.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import { ImpersonationLevel, type Token, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';

/** PRIVILEGE_SET with room for one. */
const PRIVILEGE_SET_SIZE = 20;
const ALL_NECESSARY = 1;
const GENERIC_RIGHTS = Access.GENERIC_ALL | Access.GENERIC_EXECUTE | Access.GENERIC_WRITE | Access.GENERIC_READ;
const GENERIC_MAPPING_SIZE = 16;

const mayNotBeAsked = (token: Token): boolean =>
  token.type === TokenType.Impersonation && token.impersonationLevel < ImpersonationLevel.Identification;

/**
 * NtPrivilegeCheck(token, PRIVILEGE_SET*, result*): whether all (control 1) or any of the privileges are enabled; those that are get
 * the attribute USED_FOR_ACCESS. BAD_IMPERSONATION_LEVEL, INVALID_PARAMETER, handle and probe statuses; TOKEN_QUERY.
 */
function* privilegeCheck(
  kernel: Kernel,
  handle: number,
  setAddress: number,
  resultAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(setAddress, 8, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(resultAddress, 1);
  if (!isSuccess(status)) return status;
  const count = user.read32(setAddress);
  const control = user.read32(setAddress + 4);
  const captured = yield* capturePrivilegeArray(kernel, setAddress + 8, count);
  if (captured.value === null) return captured.status;
  status = yield* user.probeForWrite(setAddress + 8, count * 12, 4);
  if (!isSuccess(status)) return status;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.QUERY);
  if (found.object === null) return found.status;
  const token = found.object.body;
  if (mayNotBeAsked(token)) return Status.BAD_IMPERSONATION_LEVEL;
  const held = captured.value.map(({ luid }) => token.holdsPrivilege(luid));
  held.forEach((isHeld, index) => {
    const at = setAddress + 8 + index * 12 + 8;
    if (isHeld) user.write32(at, user.read32(at) | PrivilegeAttribute.USED_FOR_ACCESS);
  });
  const satisfied = (control & ALL_NECESSARY) !== 0 ? held.every(Boolean) : held.some(Boolean);
  user.write8(resultAddress, satisfied ? 1 : 0);
  return Status.SUCCESS;
}

/**
 * NtAccessCheck(descriptor*, client token, access, GENERIC_MAPPING*, PRIVILEGE_SET*, its length*, granted access*, access status*).
 * What the check says goes to the last two. NO_IMPERSONATION_TOKEN for a primary token, BAD_IMPERSONATION_LEVEL, GENERIC_NOT_MAPPED,
 * INVALID_SECURITY_DESCR without owner or group, BUFFER_TOO_SMALL for the set, handle and capture statuses; TOKEN_QUERY.
 */
function* accessCheckService(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [descriptorAddress, handle, desired, mappingAddress, setAddress, lengthAddress] = given;
  const [grantedAddress, statusAddress] = given.slice(6);
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(statusAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(grantedAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(lengthAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(setAddress, user.read32(lengthAddress), 4);
  if (isSuccess(status)) status = yield* user.probeForRead(mappingAddress, GENERIC_MAPPING_SIZE, 4);
  if (!isSuccess(status)) return status;
  if ((desired & GENERIC_RIGHTS) !== 0) return Status.GENERIC_NOT_MAPPED;
  const captured = yield* captureSecurityDescriptor(kernel, descriptorAddress);
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.QUERY);
  if (found.object === null) return found.status;
  const token = found.object.body;
  if (token.type !== TokenType.Impersonation) return Status.NO_IMPERSONATION_TOKEN;
  if (mayNotBeAsked(token)) return Status.BAD_IMPERSONATION_LEVEL;
  const descriptor = captured.value;
  if (descriptor === null) return captured.status;
  if (descriptor.owner === null || descriptor.group === null) return Status.INVALID_SECURITY_DESCR;
  if (user.read32(lengthAddress) < PRIVILEGE_SET_SIZE) {
    user.write32(lengthAddress, PRIVILEGE_SET_SIZE);
    return Status.BUFFER_TOO_SMALL;
  }
  const [read, write, execute, all] = [0, 4, 8, 12].map((offset) => user.read32(mappingAddress + offset));
  const everything = mapGenericMask(Access.GENERIC_ALL, { read, write, execute, all });
  const result = accessCheck(descriptor, token, desired, everything);
  user.writeBytes(setAddress, usedPrivileges(desired, result.granted));
  user.write32(grantedAddress, result.granted);
  user.write32(statusAddress, result.status);
  user.clearFailure();
  return Status.SUCCESS;
}

/** The PRIVILEGE_SET of what was granted because of a privilege: only SeSecurityPrivilege shows without doubt. */
function usedPrivileges(desired: number, granted: number): Uint8Array {
  const fields = new Fields(PRIVILEGE_SET_SIZE);
  if ((desired & granted & Access.SYSTEM_SECURITY) === 0) return fields.bytes;
  return fields.dword(0, 1).dword(8, Privilege.SECURITY).dword(16, PrivilegeAttribute.USED_FOR_ACCESS).bytes;
}

export const accessCheckServices: readonly Service[] = [
  service('NtPrivilegeCheck', privilegeCheck),
  service('NtAccessCheck', accessCheckService),
];
