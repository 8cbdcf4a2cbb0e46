import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Fields } from '../ps/information-buffer.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { PrivilegeAttribute } from './privilege.js';
import { ADMINISTRATORS, type SecurityIdentifier, sidBytes } from './sid.js';
import { type Token, TokenType } from './token.js';

const PROCESS_QUERY_INFORMATION = 0x400;
const THREAD_QUERY_INFORMATION = 0x40;
const TokenAccess = { QUERY: 0x8, QUERY_SOURCE: 0x10, ADJUST_PRIVILEGES: 0x20 } as const;

/** TOKEN_INFORMATION_CLASS. */
const TokenClass = {
  User: 1,
  Groups: 2,
  Privileges: 3,
  Owner: 4,
  PrimaryGroup: 5,
  DefaultDacl: 6,
  Source: 7,
  Type: 8,
  ImpersonationLevel: 9,
  Statistics: 10,
  RestrictedSids: 11,
  SessionId: 12,
} as const;

function* openProcessToken(
  kernel: Kernel,
  processHandle: number,
  access: number,
  handleAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const probed = yield* user.probeForWrite(handleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  const found = ob.peekObjectByHandle(processHandle, ob.types.process, PROCESS_QUERY_INFORMATION);
  if (found.object === null) return found.status;
  const { token } = found.object.body;
  if (token === null) return Status.PROCESS_IS_TERMINATING;
  const inserted = ob.insertObject(token, 0, access);
  if (isSuccess(inserted.status)) user.write32(handleAddress, inserted.handle);
  return inserted.status;
}

/** No thread impersonates anybody. */
function* openThreadToken(
  kernel: Kernel,
  threadHandle: number,
  _access: number,
  _self: number,
  handleAddress: number,
): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForWrite(handleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  const { ob } = kernel;
  const found = ob.peekObjectByHandle(threadHandle, ob.types.thread, THREAD_QUERY_INFORMATION);
  return found.object === null ? found.status : Status.NO_TOKEN;
}

/** NtQueryInformationToken. BUFFER_TOO_SMALL with the length needed, INVALID_INFO_CLASS, handle statuses. */
function* queryInformationToken(
  kernel: Kernel,
  handle: number,
  tokenClass: number,
  buffer: number,
  length: number,
  returnedAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(buffer, length, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const access = tokenClass === TokenClass.Source ? TokenAccess.QUERY_SOURCE : TokenAccess.QUERY;
  const found = ob.peekObjectByHandle(handle, ob.types.token, access);
  if (found.object === null) return found.status;
  const bytes = tokenInformation(found.object.body, tokenClass, buffer);
  if (typeof bytes === 'number') return bytes;
  user.write32(returnedAddress, bytes.length);
  if (length < bytes.length) return Status.BUFFER_TOO_SMALL;
  user.writeBytes(buffer, bytes);
  return Status.SUCCESS;
}

function tokenInformation(token: Token, tokenClass: number, buffer: number): Uint8Array | NtStatus {
  switch (tokenClass) {
    case TokenClass.User:
      return sidList([{ sid: token.user, attributes: 0 }], buffer, 0);
    case TokenClass.Groups:
      return sidList(token.groups, buffer, 4);
    case TokenClass.RestrictedSids:
      return sidList([], buffer, 4);
    case TokenClass.Privileges:
      return privilegeList(token);
    case TokenClass.Owner:
      return sidPointer(token.isAdministrator ? ADMINISTRATORS : token.user, buffer);
    case TokenClass.PrimaryGroup:
      return sidPointer(token.groups[0]?.sid ?? token.user, buffer);
    case TokenClass.DefaultDacl:
      return new Uint8Array(4);
    case TokenClass.Source: {
      const fields = new Fields(16).dword(8, token.tokenId);
      for (let index = 0; index < 8; index++) fields.byte(index, token.source.charCodeAt(index));
      return fields.bytes;
    }
    case TokenClass.Type:
      return new Fields(4).dword(0, TokenType.Primary).bytes;
    case TokenClass.ImpersonationLevel:
      return Status.INVALID_INFO_CLASS;
    case TokenClass.Statistics:
      return new Fields(0x38)
        .dword(0x00, token.tokenId)
        .dword(0x08, token.authenticationId)
        .quad(0x10, 0x7fffffffffffffffn)
        .dword(0x18, TokenType.Primary)
        .dword(0x28, token.groups.length)
        .dword(0x2c, token.privileges.length)
        .dword(0x30, token.modifiedId).bytes;
    case TokenClass.SessionId:
      return new Fields(4).dword(0, token.sessionId).bytes;
    default:
      return Status.INVALID_INFO_CLASS;
  }
}

/** SID_AND_ATTRIBUTES entries, after a count when `start` is 4, and the SIDs behind them. */
function sidList(
  entries: readonly { readonly sid: SecurityIdentifier; readonly attributes: number }[],
  buffer: number,
  start: number,
): Uint8Array {
  const sids = entries.map((entry) => sidBytes(entry.sid));
  const fixed = start + entries.length * 8;
  const fields = new Fields(sids.reduce((sum, sid) => sum + sid.length, fixed));
  if (start === 4) fields.dword(0, entries.length);
  let at = fixed;
  sids.forEach((sid, index) => {
    fields.dword(start + index * 8, buffer + at).dword(start + index * 8 + 4, entries[index].attributes);
    fields.bytes.set(sid, at);
    at += sid.length;
  });
  return fields.bytes;
}

function sidPointer(sid: SecurityIdentifier, buffer: number): Uint8Array {
  const bytes = sidBytes(sid);
  const fields = new Fields(4 + bytes.length).dword(0, buffer + 4);
  fields.bytes.set(bytes, 4);
  return fields.bytes;
}

/** TOKEN_PRIVILEGES: count, then {LUID, attributes} of 12 bytes each. */
function privilegeList(token: Token): Uint8Array {
  const fields = new Fields(4 + token.privileges.length * 12).dword(0, token.privileges.length);
  token.privileges.forEach((privilege, index) => {
    fields.dword(4 + index * 12, privilege.luid).dword(12 + index * 12, privilege.attributes);
  });
  return fields.bytes;
}

const NOT_ALL_ASSIGNED = ntStatus(0x106);
const MAXIMUM_PRIVILEGES = 64;

/** NtAdjustPrivilegesToken(handle, disable all, TOKEN_PRIVILEGES*, length, previous*, returned length*). */
function* adjustPrivileges(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, disableAll, newState, length, previous, returnedAddress] = given;
  const { user, ob } = kernel;
  const disable = (disableAll & 0xff) !== 0;
  if (!disable && newState === 0) return Status.INVALID_PARAMETER;
  let status = disable ? Status.SUCCESS : yield* user.probeForRead(newState, 4, 4);
  if (isSuccess(status) && previous !== 0) status = yield* user.probeForWrite(previous, length, 4);
  if (isSuccess(status) && previous !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.ADJUST_PRIVILEGES);
  if (found.object === null) return found.status;
  const token = found.object.body;
  const wanted = new Map<number, number>();
  if (disable) {
    for (const privilege of token.privileges) wanted.set(privilege.luid, 0);
  } else {
    const count = user.read32(newState);
    if (count > MAXIMUM_PRIVILEGES) return Status.INVALID_PARAMETER;
    const probed = yield* user.probeForRead(newState + 4, count * 12, 4);
    if (!isSuccess(probed)) return probed;
    for (let index = 0; index < count; index++) {
      const at = newState + 4 + index * 12;
      if (user.read32(at + 4) === 0) wanted.set(user.read32(at), user.read32(at + 8));
    }
  }
  return apply(kernel, token, wanted, { previous, length, returnedAddress });
}

interface PreviousState {
  readonly previous: number;
  readonly length: number;
  readonly returnedAddress: number;
}

function apply(kernel: Kernel, token: Token, wanted: ReadonlyMap<number, number>, state: PreviousState): NtStatus {
  const { user } = kernel;
  const held = token.privileges.filter((privilege) => wanted.has(privilege.luid));
  const changed = held.filter(
    ({ luid, attributes }) => ((wanted.get(luid) ?? 0) ^ attributes) & PrivilegeAttribute.ENABLED,
  );
  if (state.previous !== 0) {
    const fields = new Fields(4 + changed.length * 12).dword(0, changed.length);
    changed.forEach(({ luid, attributes }, index) => {
      fields.dword(4 + index * 12, luid).dword(12 + index * 12, attributes);
    });
    user.write32(state.returnedAddress, fields.bytes.length);
    if (state.length < fields.bytes.length) return Status.BUFFER_TOO_SMALL;
    user.writeBytes(state.previous, fields.bytes);
  }
  for (const privilege of changed) privilege.attributes ^= PrivilegeAttribute.ENABLED;
  return held.length < wanted.size ? NOT_ALL_ASSIGNED : Status.SUCCESS;
}

export const seServices: readonly Service[] = [
  service('NtOpenProcessToken', openProcessToken),
  service('NtOpenProcessTokenEx', (kernel, processHandle, access, _attributes, handleAddress) =>
    openProcessToken(kernel, processHandle, access, handleAddress),
  ),
  service('NtOpenThreadToken', openThreadToken),
  service('NtOpenThreadTokenEx', (kernel, threadHandle, access, self, _attributes, handleAddress) =>
    openThreadToken(kernel, threadHandle, access, self, handleAddress),
  ),
  service('NtQueryInformationToken', queryInformationToken),
  service('NtAdjustPrivilegesToken', adjustPrivileges),
];
