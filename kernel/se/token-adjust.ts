import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { aclBytes } from './acl.js';
import { mayAssignOwner } from './assign-security.js';
import { captureAcl, captureSid } from './capture.js';
import { captureGroups, capturePrivileges } from './capture-lists.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import { sameSid, sidBytes } from './sid.js';
import { GroupAttribute, type Token, type TokenGroup } from './token.js';
import { TokenAccess, TokenClass } from './token-access.js';
import { privilegeList, sidList } from './token-query.js';

/** Where the former state of what an adjustment changes is to go. */
interface PreviousState {
  /** 0: nobody wants it. */
  readonly previous: number;
  readonly length: number;
  readonly returnedAddress: number;
}

function* probePrevious(kernel: Kernel, { previous, length, returnedAddress }: PreviousState): Blocking<NtStatus> {
  if (previous === 0) return Status.SUCCESS;
  const status = yield* kernel.user.probeForWrite(previous, length, 4);
  return isSuccess(status) ? yield* kernel.user.probeForWrite(returnedAddress, 4, 4) : status;
}

/** BUFFER_TOO_SMALL, with the length needed: nothing is to change then. */
function writePrevious(kernel: Kernel, state: PreviousState, bytes: Uint8Array): NtStatus {
  if (state.previous === 0) return Status.SUCCESS;
  kernel.user.write32(state.returnedAddress, bytes.length);
  if (state.length < bytes.length) return Status.BUFFER_TOO_SMALL;
  kernel.user.writeBytes(state.previous, bytes);
  return Status.SUCCESS;
}

/**
 * NtAdjustPrivilegesToken(handle, disable all, TOKEN_PRIVILEGES*, length, previous*, returned length*): enables and disables, and
 * removes for good what has the attribute REMOVED. NOT_ALL_ASSIGNED (a success) when the token does not hold all that are named;
 * BUFFER_TOO_SMALL, INVALID_PARAMETER, handle statuses; TOKEN_ADJUST_PRIVILEGES, and TOKEN_QUERY for the previous state.
 */
export function* adjustPrivileges(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, disableAll, newState, length, previous, returnedAddress] = given;
  const { user, ob } = kernel;
  const disable = (disableAll & 0xff) !== 0;
  const state = { previous, length, returnedAddress };
  if (!disable && newState === 0) return Status.INVALID_PARAMETER;
  let status = disable ? Status.SUCCESS : yield* user.probeForRead(newState, 4, 4);
  if (isSuccess(status)) status = yield* probePrevious(kernel, state);
  if (!isSuccess(status)) return status;
  const captured = disable ? null : yield* capturePrivileges(kernel, newState);
  if (captured !== null && captured.value === null) return captured.status;
  const access = TokenAccess.ADJUST_PRIVILEGES | (previous === 0 ? 0 : TokenAccess.QUERY);
  const found = ob.peekObjectByHandle(handle, ob.types.token, access);
  if (found.object === null) return found.status;
  const token = found.object.body;
  const all = token.privileges.map(({ luid }) => ({ luid, attributes: 0 }));
  const wanted = new Map((captured?.value ?? all).map(({ luid, attributes }) => [luid, attributes]));
  return applyPrivileges(kernel, token, wanted, state);
}

function applyPrivileges(
  kernel: Kernel,
  token: Token,
  wanted: ReadonlyMap<number, number>,
  state: PreviousState,
): NtStatus {
  const asked = (luid: number): number => wanted.get(luid) ?? 0;
  const held = token.privileges.filter(({ luid }) => wanted.has(luid));
  const changed = held.filter(
    ({ luid, attributes }) =>
      (asked(luid) & PrivilegeAttribute.REMOVED) !== 0 ||
      ((asked(luid) ^ attributes) & PrivilegeAttribute.ENABLED) !== 0,
  );
  const status = writePrevious(kernel, state, privilegeList(changed));
  if (!isSuccess(status)) return status;
  for (const privilege of changed) {
    if ((asked(privilege.luid) & PrivilegeAttribute.REMOVED) === 0) privilege.attributes ^= PrivilegeAttribute.ENABLED;
    else token.privileges = token.privileges.filter((other) => other !== privilege);
  }
  if (changed.length > 0) token.modifiedId = kernel.ps.allocateLuid();
  return held.length < wanted.size ? Status.NOT_ALL_ASSIGNED : Status.SUCCESS;
}

/**
 * NtAdjustGroupsToken(handle, reset to default, TOKEN_GROUPS*, length, previous*, returned length*). CANT_DISABLE_MANDATORY,
 * CANT_ENABLE_DENY_ONLY, NOT_ALL_ASSIGNED (a success), BUFFER_TOO_SMALL, INVALID_PARAMETER, handle statuses; TOKEN_ADJUST_GROUPS.
 */
export function* adjustGroups(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, resetToDefault, newState, length, previous, returnedAddress] = given;
  const { ob } = kernel;
  const reset = (resetToDefault & 0xff) !== 0;
  const state = { previous, length, returnedAddress };
  if (!reset && newState === 0) return Status.INVALID_PARAMETER;
  const probed = yield* probePrevious(kernel, state);
  if (!isSuccess(probed)) return probed;
  const captured = reset ? null : yield* captureGroups(kernel, newState);
  if (captured !== null && captured.value === null) return captured.status;
  const access = TokenAccess.ADJUST_GROUPS | (previous === 0 ? 0 : TokenAccess.QUERY);
  const found = ob.peekObjectByHandle(handle, ob.types.token, access);
  if (found.object === null) return found.status;
  const token = found.object.body;
  const wanted = captured?.value ?? null;
  const changes: { group: TokenGroup; enable: boolean }[] = [];
  let named = 0;
  for (const group of token.groups) {
    const asked = wanted?.find(({ sid }) => sameSid(sid, group.sid));
    if (wanted !== null && asked === undefined) continue;
    named++;
    const target = asked?.attributes ?? (group.attributes << 1) & GroupAttribute.ENABLED;
    const enable = (target & GroupAttribute.ENABLED) !== 0;
    if (enable === ((group.attributes & GroupAttribute.ENABLED) !== 0)) continue;
    if (!enable && (group.attributes & GroupAttribute.MANDATORY) !== 0) return Status.CANT_DISABLE_MANDATORY;
    if (enable && (group.attributes & GroupAttribute.USE_FOR_DENY_ONLY) !== 0) return Status.CANT_ENABLE_DENY_ONLY;
    changes.push({ group, enable });
  }
  const before = changes.map(({ group }) => ({ ...group }));
  const status = writePrevious(kernel, state, sidList(before, previous, 4));
  if (!isSuccess(status)) return status;
  for (const { group } of changes) group.attributes ^= GroupAttribute.ENABLED;
  if (changes.length > 0) token.modifiedId = kernel.ps.allocateLuid();
  return wanted !== null && named < wanted.length ? Status.NOT_ALL_ASSIGNED : Status.SUCCESS;
}

/**
 * NtSetInformationToken(handle, class, buffer, length) of owner, primary group, default DACL and session. INVALID_OWNER,
 * INVALID_PRIMARY_GROUP, ALLOTTED_SPACE_EXCEEDED, PRIVILEGE_NOT_HELD (session without SeTcbPrivilege), INFO_LENGTH_MISMATCH,
 * INVALID_INFO_CLASS, handle statuses; TOKEN_ADJUST_DEFAULT, or TOKEN_ADJUST_SESSIONID.
 */
export function* setInformationToken(
  kernel: Kernel,
  handle: number,
  tokenClass: number,
  buffer: number,
  length: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const changes: readonly number[] = [
    TokenClass.Owner,
    TokenClass.PrimaryGroup,
    TokenClass.DefaultDacl,
    TokenClass.SessionId,
  ];
  if (!changes.includes(tokenClass)) return Status.INVALID_INFO_CLASS;
  if (length < 4) return Status.INFO_LENGTH_MISMATCH;
  const status = yield* user.probeForRead(buffer, length, 4);
  if (!isSuccess(status)) return status;
  const session = tokenClass === TokenClass.SessionId;
  const access = session ? TokenAccess.ADJUST_SESSIONID : TokenAccess.ADJUST_DEFAULT;
  const found = ob.referenceObjectByHandle(handle, ob.types.token, access);
  if (found.object === null) return found.status;
  const result = yield* change(kernel, found.object.body, tokenClass, user.read32(buffer));
  if (isSuccess(result)) found.object.body.modifiedId = kernel.ps.allocateLuid();
  ob.dereferenceObject(found.object);
  return result;
}

function* change(kernel: Kernel, token: Token, tokenClass: number, value: number): Blocking<NtStatus> {
  if (tokenClass === TokenClass.SessionId) {
    if (!kernel.ob.security.holds(Privilege.TCB)) return Status.PRIVILEGE_NOT_HELD;
    token.sessionId = value;
    return Status.SUCCESS;
  }
  if (tokenClass === TokenClass.DefaultDacl) {
    const dacl = value === 0 ? null : yield* captureAcl(kernel, value);
    if (dacl !== null && dacl.value === null) return dacl.status;
    const size = dacl === null || dacl.value === null ? 0 : aclBytes(dacl.value).length;
    if (size + sidBytes(token.primaryGroup).length > token.dynamicCharged) return Status.ALLOTTED_SPACE_EXCEEDED;
    token.defaultDacl = dacl?.value ?? null;
    return Status.SUCCESS;
  }
  const sid = yield* captureSid(kernel, value);
  if (sid.value === null) return sid.status;
  const wanted = sid.value;
  if (tokenClass === TokenClass.Owner) {
    if (!mayAssignOwner(token, wanted)) return Status.INVALID_OWNER;
    token.owner = wanted;
    return Status.SUCCESS;
  }
  if (![token.user, ...token.groups].some((group) => sameSid(group.sid, wanted))) return Status.INVALID_PRIMARY_GROUP;
  token.primaryGroup = wanted;
  return Status.SUCCESS;
}
