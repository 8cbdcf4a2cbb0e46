import { type Service, type ServiceHandler, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access, type GenericMapping, mapGenericMask } from '../ob/access-mask.js';
import { Fields } from '../ps/information-buffer.js';
import type { Blocking, NtStatus } from '../types.js';
import { type AccessResult, accessCheck } from './access-check.js';
import { accessCheckByType, accessCheckEachType, type ObjectTypeEntry } from './access-check-by-type.js';
import { type Captured, captureSecurityDescriptor, captureSid } from './capture.js';
import { captureObjectTypes, capturePrivilegeArray, MAXIMUM_TYPES } from './capture-lists.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import type { SecurityDescriptor } from './security-descriptor.js';
import type { SecurityIdentifier } from './sid.js';
import { ImpersonationLevel, type Token, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';

/** PRIVILEGE_SET with room for one. */
const PRIVILEGE_SET_SIZE = 20;
const ALL_NECESSARY = 1;
export const GENERIC_RIGHTS = Access.GENERIC_ALL | Access.GENERIC_EXECUTE | Access.GENERIC_WRITE | Access.GENERIC_READ;
export const GENERIC_MAPPING_SIZE = 16;
/** Stands for an object about whose properties nobody asks. */
const WHOLE_OBJECT: readonly ObjectTypeEntry[] = [{ level: 0, type: '' }];

export const mayNotBeAsked = (token: Token): boolean =>
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

/** Where the parameters of NtAccessCheck and its kin are. */
interface AccessCheckCall {
  readonly descriptor: number;
  /** SID*; 0: none. */
  readonly self: number;
  readonly token: number;
  readonly desired: number;
  /** OBJECT_TYPE_LIST entries and their number; 0: the object as a whole. */
  readonly list: number;
  readonly listLength: number;
  readonly mapping: number;
  readonly privileges: number;
  readonly privilegesLength: number;
  readonly granted: number;
  readonly status: number;
  /** The last two are arrays with an element for each entry of the list. */
  readonly isEach: boolean;
}

/**
 * What the check says goes to `granted` and `status`. NO_IMPERSONATION_TOKEN for a primary token, BAD_IMPERSONATION_LEVEL,
 * GENERIC_NOT_MAPPED, INVALID_SECURITY_DESCR without owner or group, BUFFER_TOO_SMALL for the set, INVALID_PARAMETER for a list that is
 * no tree, handle and capture statuses; TOKEN_QUERY.
 */
function* checkAccess(kernel: Kernel, call: AccessCheckCall): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const { desired, privilegesLength } = call;
  let status = yield* probeResults(kernel, call);
  if (isSuccess(status)) status = yield* user.probeForWrite(privilegesLength, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(call.privileges, user.read32(privilegesLength), 4);
  if (isSuccess(status)) status = yield* user.probeForRead(call.mapping, GENERIC_MAPPING_SIZE, 4);
  if (!isSuccess(status)) return status;
  if ((desired & GENERIC_RIGHTS) !== 0) return Status.GENERIC_NOT_MAPPED;
  const captured = yield* captureQuestion(kernel, call);
  const found = ob.peekObjectByHandle(call.token, ob.types.token, TokenAccess.QUERY);
  if (found.object === null) return found.status;
  const token = found.object.body;
  if (token.type !== TokenType.Impersonation) return Status.NO_IMPERSONATION_TOKEN;
  if (mayNotBeAsked(token)) return Status.BAD_IMPERSONATION_LEVEL;
  if (captured.value === null) return captured.status;
  if (user.read32(privilegesLength) < PRIVILEGE_SET_SIZE) {
    user.write32(privilegesLength, PRIVILEGE_SET_SIZE);
    return Status.BUFFER_TOO_SMALL;
  }
  const results = answer(captured.value, token, desired);
  user.writeBytes(call.privileges, usedPrivileges(desired, results[0]?.granted ?? 0));
  writeResults(kernel, call, results);
  return Status.SUCCESS;
}

/** Where the answers of an access check go, and of how many of them. */
export interface AccessCheckResults {
  readonly granted: number;
  readonly status: number;
  readonly listLength: number;
  readonly isEach: boolean;
}

/** The places for the answers: statuses first. INVALID_PARAMETER for no entry to answer about, statuses of the probes. */
export function* probeResults(kernel: Kernel, results: AccessCheckResults): Blocking<NtStatus> {
  const { user } = kernel;
  const { granted, status, listLength, isEach } = results;
  if (isEach && (listLength === 0 || listLength > MAXIMUM_TYPES)) return Status.INVALID_PARAMETER;
  const size = isEach ? listLength * 4 : 4;
  const probed = yield* user.probeForWrite(status, size, 4);
  return isSuccess(probed) ? yield* user.probeForWrite(granted, size, 4) : probed;
}

export function writeResults(kernel: Kernel, places: AccessCheckResults, results: readonly AccessResult[]): void {
  const { user } = kernel;
  const given = places.isEach ? results : results.slice(0, 1);
  given.forEach(({ status, granted }, index) => {
    user.write32(places.granted + index * 4, granted);
    user.write32(places.status + index * 4, status);
  });
  user.clearFailure();
}

/** What a program asks about, copied into the kernel. */
export interface AccessQuestion {
  readonly descriptor: SecurityDescriptor;
  readonly mapping: GenericMapping;
  readonly self: SecurityIdentifier | null;
  readonly types: readonly ObjectTypeEntry[];
  readonly isEach: boolean;
}

/** Where it is in the program's memory; its GENERIC_MAPPING has been probed. */
interface QuestionPlaces {
  readonly descriptor: number;
  readonly self: number;
  readonly list: number;
  readonly listLength: number;
  readonly mapping: number;
  readonly isEach: boolean;
}

/** INVALID_SECURITY_DESCR without owner or group, INVALID_PARAMETER for a list that is no tree, and the statuses of captures. */
export function* captureQuestion(kernel: Kernel, call: QuestionPlaces): Blocking<Captured<AccessQuestion>> {
  const { user } = kernel;
  const [read, write, execute, all] = [0, 4, 8, 12].map((offset) => user.read32(call.mapping + offset));
  const descriptor = yield* captureSecurityDescriptor(kernel, call.descriptor);
  if (descriptor.value === null) return { status: descriptor.status, value: null };
  const { owner, group } = descriptor.value;
  if (owner === null || group === null) return { status: Status.INVALID_SECURITY_DESCR, value: null };
  const types = yield* captureObjectTypes(kernel, call.list, call.listLength);
  if (types.value === null) return { status: types.status, value: null };
  const self = call.self === 0 ? null : yield* captureSid(kernel, call.self);
  if (self !== null && self.value === null) return { status: self.status, value: null };
  const mapping = { read, write, execute, all };
  const { isEach } = call;
  return {
    status: Status.SUCCESS,
    value: { descriptor: descriptor.value, mapping, self: self?.value ?? null, types: types.value, isEach },
  };
}

/** One answer, or one for each entry of the list. */
export function answer(question: AccessQuestion, token: Token, desired: number): readonly AccessResult[] {
  const { descriptor, mapping, self, isEach } = question;
  const all = mapGenericMask(Access.GENERIC_ALL, mapping);
  if (question.types.length === 0 && self === null) return [accessCheck(descriptor, token, desired, all)];
  const types = question.types.length === 0 ? WHOLE_OBJECT : question.types;
  const request = { descriptor, token, desired, all, types, self };
  return isEach ? accessCheckEachType(request) : [accessCheckByType(request)];
}

/** NtAccessCheck(descriptor*, client token, access, GENERIC_MAPPING*, PRIVILEGE_SET*, its length*, granted access*, access status*). */
function accessCheckService(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [descriptor, token, desired, mapping, privileges, privilegesLength, granted, status] = given;
  const results = { privileges, privilegesLength, granted, status, isEach: false };
  return checkAccess(kernel, { descriptor, self: 0, token, desired, list: 0, listLength: 0, mapping, ...results });
}

/**
 * NtAccessCheckByType(descriptor*, principal self*, client token, access, OBJECT_TYPE_LIST*, its length, GENERIC_MAPPING*,
 * PRIVILEGE_SET*, its length*, granted access*, access status*), and NtAccessCheckByTypeResultList, which answers for each entry.
 */
function accessCheckByTypeService(isEach: boolean): ServiceHandler {
  return (kernel, ...given) => {
    const [descriptor, self, token, desired, list, listLength, mapping, privileges, privilegesLength] = given;
    const [granted, status] = given.slice(9);
    const results = { privileges, privilegesLength, granted, status, isEach };
    return checkAccess(kernel, { descriptor, self, token, desired, list, listLength, mapping, ...results });
  };
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
  service('NtAccessCheckByType', accessCheckByTypeService(false)),
  service('NtAccessCheckByTypeResultList', accessCheckByTypeService(true)),
];
