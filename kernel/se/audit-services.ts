import { type Service, type ServiceHandler, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import {
  type AccessCheckResults,
  answer,
  captureQuestion,
  GENERIC_MAPPING_SIZE,
  GENERIC_RIGHTS,
  mayNotBeAsked,
  probeResults,
  writeResults,
} from './access-check-services.js';
import { captureSecurityDescriptor } from './capture.js';
import { capturePrivilegeArray } from './capture-lists.js';
import { Privilege } from './privilege.js';
import { type Token, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';

/*
 * What servers call to leave a trace in the security log. The audit policy of this machine is that of a new NT 5.2: no access to
 * objects is logged. Who may not write to the log is refused all the same, and nothing is to be told of when an object is closed.
 */

const LAST_AUDIT_TYPE = 1;
const ALLOW_NO_PRIVILEGE = 1;

/** The caller's process, whoever its thread acts for, may write to the security log (SeCheckAuditPrivilege). */
function mayAudit(kernel: Kernel): boolean {
  return kernel.ke.currentProcess.executive?.token?.body.holdsPrivilege(Privilege.AUDIT) ?? true;
}

/** Names that an event is to have; nothing is kept of them. NULL is allowed. Statuses of the captures. */
function* captureNames(kernel: Kernel, ...addresses: readonly number[]): Blocking<NtStatus> {
  for (const address of addresses) {
    if (address === 0) continue;
    const { status } = yield* kernel.user.readUnicodeString(address);
    if (!isSuccess(status)) return status;
  }
  return Status.SUCCESS;
}

interface AskedToken {
  readonly status: NtStatus;
  readonly token: Token | null;
}

/** The client's token by its handle. Handle statuses, BAD_IMPERSONATION_LEVEL; TOKEN_QUERY. */
function tokenOf(kernel: Kernel, handle: number): AskedToken {
  const { status, object } = kernel.ob.peekObjectByHandle(handle, kernel.ob.types.token, TokenAccess.QUERY);
  if (object === null) return { status, token: null };
  return mayNotBeAsked(object.body)
    ? { status: Status.BAD_IMPERSONATION_LEVEL, token: null }
    : { status, token: object.body };
}

/** The client that the running thread acts for. NO_IMPERSONATION_TOKEN, BAD_IMPERSONATION_LEVEL. */
function clientToken(kernel: Kernel): AskedToken {
  const token = kernel.ke.currentThread.executive?.impersonation?.token.body ?? null;
  if (token === null) return { status: Status.NO_IMPERSONATION_TOKEN, token: null };
  if (mayNotBeAsked(token)) return { status: Status.BAD_IMPERSONATION_LEVEL, token: null };
  return { status: Status.SUCCESS, token };
}

/** Where the parameters of an access check with audit are. */
interface AuditedCheck extends AccessCheckResults {
  /** Names of subsystem, type of object and object. */
  readonly names: readonly number[];
  /** Null: the client of the running thread. */
  readonly tokenHandle: number | null;
  readonly descriptor: number;
  readonly self: number;
  readonly desired: number;
  readonly auditType: number;
  readonly flags: number;
  readonly list: number;
  readonly mapping: number;
  readonly generateOnClose: number;
}

/**
 * Access checks whose answer would go to the security log too. As NtAccessCheck, and PRIVILEGE_NOT_HELD without SeAuditPrivilege, unless
 * AUDIT_ALLOW_NO_PRIVILEGE says that the log does not matter; INVALID_PARAMETER for an unknown type of audit.
 */
function* checkAndAudit(kernel: Kernel, call: AuditedCheck): Blocking<NtStatus> {
  const { user } = kernel;
  let status = yield* probeResults(kernel, call);
  if (isSuccess(status)) status = yield* user.probeForWrite(call.generateOnClose, 1);
  if (isSuccess(status)) status = yield* user.probeForRead(call.mapping, GENERIC_MAPPING_SIZE, 4);
  if (!isSuccess(status)) return status;
  if (call.auditType > LAST_AUDIT_TYPE || (call.flags & ~ALLOW_NO_PRIVILEGE) !== 0) return Status.INVALID_PARAMETER;
  if ((call.desired & GENERIC_RIGHTS) !== 0) return Status.GENERIC_NOT_MAPPED;
  const find = (): AskedToken => (call.tokenHandle === null ? clientToken(kernel) : tokenOf(kernel, call.tokenHandle));
  const { status: found, token } = find();
  if (token === null) return found;
  if (token.type !== TokenType.Impersonation) return Status.NO_IMPERSONATION_TOKEN;
  if ((call.flags & ALLOW_NO_PRIVILEGE) === 0 && !mayAudit(kernel)) return Status.PRIVILEGE_NOT_HELD;
  const captured = yield* captureQuestion(kernel, call);
  if (captured.value === null) return captured.status;
  status = yield* captureNames(kernel, ...call.names);
  if (!isSuccess(status)) return status;
  user.write8(call.generateOnClose, 0);
  writeResults(kernel, call, answer(captured.value, token, call.desired));
  return Status.SUCCESS;
}

/**
 * NtAccessCheckAndAuditAlarm(subsystem*, handle id, type name*, object name*, descriptor*, access, GENERIC_MAPPING*, creation, granted
 * access*, access status*, generate on close*).
 */
const accessCheckAndAudit: ServiceHandler = (kernel, ...given) => {
  const [subsystem, , typeName, objectName, descriptor, desired, mapping, , granted, status, generateOnClose] = given;
  const names = [subsystem, typeName, objectName];
  const whole = { tokenHandle: null, self: 0, auditType: 0, flags: 0, list: 0, listLength: 0, isEach: false };
  return checkAndAudit(kernel, { ...whole, names, descriptor, desired, mapping, granted, status, generateOnClose });
};

/**
 * NtAccessCheckByTypeAndAuditAlarm(subsystem*, handle id, type name*, object name*, descriptor*, principal self*, access, audit type,
 * flags, OBJECT_TYPE_LIST*, its length, GENERIC_MAPPING*, creation, granted access*, access status*, generate on close*) and its
 * kin: one answer for each entry, and with the client's token behind the handle id.
 */
function typedCheckAndAudit(isEach: boolean, byHandle: boolean): ServiceHandler {
  return (kernel, ...given) => {
    const tokenHandle = byHandle ? given[2] : null;
    const [subsystem, , typeName, objectName, descriptor, self, desired, auditType, flags, list, listLength] = byHandle
      ? [...given.slice(0, 2), ...given.slice(3)]
      : given;
    const [mapping, , granted, status, generateOnClose] = given.slice(byHandle ? 12 : 11);
    const names = [subsystem, typeName, objectName];
    const question = { tokenHandle, descriptor, self, desired, auditType, flags, list, listLength, mapping, isEach };
    return checkAndAudit(kernel, { ...question, names, granted, status, generateOnClose });
  };
}

/**
 * NtOpenObjectAuditAlarm(subsystem*, handle id*, type name*, object name*, descriptor*, client token, desired, granted, PRIVILEGE_SET*,
 * creation, access granted, generate on close*). PRIVILEGE_NOT_HELD, BAD_IMPERSONATION_LEVEL, handle and capture statuses.
 */
function* openObjectAudit(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [subsystem, handleId, typeName, objectName, descriptor, handle, , , privileges] = given;
  const generateOnClose = given[11];
  const { user } = kernel;
  const { status: found, token } = tokenOf(kernel, handle);
  if (token === null) return found;
  if (!mayAudit(kernel)) return Status.PRIVILEGE_NOT_HELD;
  let status = yield* user.probeForWrite(generateOnClose, 1);
  if (isSuccess(status) && handleId !== 0) status = yield* user.probeForRead(handleId, 4, 4);
  if (isSuccess(status)) status = yield* captureNames(kernel, subsystem, typeName, objectName);
  if (isSuccess(status) && privileges !== 0) status = yield* checkPrivilegeSet(kernel, privileges);
  if (isSuccess(status) && descriptor !== 0) status = (yield* captureSecurityDescriptor(kernel, descriptor)).status;
  if (!isSuccess(status)) return status;
  user.write8(generateOnClose, 0);
  user.clearFailure();
  return Status.SUCCESS;
}

/** PRIVILEGE_SET {count, control, entries} as TOKEN_PRIVILEGES with a dword between. */
function* checkPrivilegeSet(kernel: Kernel, address: number): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForRead(address, 8, 4);
  if (!isSuccess(probed)) return probed;
  return (yield* capturePrivilegeArray(kernel, address + 8, kernel.user.read32(address))).status;
}

/** NtCloseObjectAuditAlarm and NtDeleteObjectAuditAlarm(subsystem*, handle id, generate on close). PRIVILEGE_NOT_HELD, capture statuses. */
function* endObjectAudit(kernel: Kernel, subsystem: number, _handleId: number, generate: number): Blocking<NtStatus> {
  if ((generate & 0xff) === 0) return Status.SUCCESS;
  if (!mayAudit(kernel)) return Status.PRIVILEGE_NOT_HELD;
  return yield* captureNames(kernel, subsystem);
}

/** NtPrivilegedServiceAuditAlarm(subsystem*, service name*, client token, PRIVILEGE_SET*, access granted). As NtOpenObjectAuditAlarm. */
function* privilegedServiceAudit(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [subsystem, serviceName, handle, privileges] = given;
  return yield* privilegeAudit(kernel, handle, privileges, subsystem, serviceName);
}

/** NtPrivilegeObjectAuditAlarm(subsystem*, handle id, client token, access, PRIVILEGE_SET*, access granted). As NtOpenObjectAuditAlarm. */
function* privilegedObjectAudit(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [subsystem, , handle, , privileges] = given;
  return yield* privilegeAudit(kernel, handle, privileges, subsystem);
}

function* privilegeAudit(
  kernel: Kernel,
  handle: number,
  privileges: number,
  ...names: readonly number[]
): Blocking<NtStatus> {
  const { status: found, token } = tokenOf(kernel, handle);
  if (token === null) return found;
  if (!mayAudit(kernel)) return Status.PRIVILEGE_NOT_HELD;
  const status = yield* captureNames(kernel, ...names);
  return isSuccess(status) ? yield* checkPrivilegeSet(kernel, privileges) : status;
}

export const auditServices: readonly Service[] = [
  service('NtAccessCheckAndAuditAlarm', accessCheckAndAudit),
  service('NtAccessCheckByTypeAndAuditAlarm', typedCheckAndAudit(false, false)),
  service('NtAccessCheckByTypeResultListAndAuditAlarm', typedCheckAndAudit(true, false)),
  service('NtAccessCheckByTypeResultListAndAuditAlarmByHandle', typedCheckAndAudit(true, true)),
  service('NtOpenObjectAuditAlarm', openObjectAudit),
  service('NtCloseObjectAuditAlarm', endObjectAudit),
  service('NtDeleteObjectAuditAlarm', endObjectAudit),
  service('NtPrivilegedServiceAuditAlarm', privilegedServiceAudit),
  service('NtPrivilegeObjectAuditAlarm', privilegedObjectAudit),
];
