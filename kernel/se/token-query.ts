import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Fields } from '../ps/information-buffer.js';
import type { Blocking, NtStatus } from '../types.js';
import { aclBytes } from './acl.js';
import { type SecurityIdentifier, sidBytes } from './sid.js';
import { type Token, type TokenGroup, type TokenPrivilege, TokenType } from './token.js';
import { TokenAccess, TokenClass } from './token-access.js';

/**
 * NtQueryInformationToken(handle, class, buffer, length, returned length*). BUFFER_TOO_SMALL with the length needed,
 * INVALID_INFO_CLASS, handle statuses; TOKEN_QUERY, or TOKEN_QUERY_SOURCE for the source.
 */
export function* queryInformationToken(
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
      return sidList([token.user], buffer, 0);
    case TokenClass.Groups:
      return sidList(token.groups, buffer, 4);
    case TokenClass.RestrictedSids:
      return sidList(token.restrictedSids, buffer, 4);
    case TokenClass.Privileges:
      return privilegeList(token.privileges);
    case TokenClass.Owner:
      return pointerTo(sidBytes(token.owner), buffer);
    case TokenClass.PrimaryGroup:
      return pointerTo(sidBytes(token.primaryGroup), buffer);
    case TokenClass.DefaultDacl:
      return token.defaultDacl === null ? new Uint8Array(4) : pointerTo(aclBytes(token.defaultDacl), buffer);
    case TokenClass.Source: {
      const fields = new Fields(16).dword(8, token.sourceId);
      for (let index = 0; index < 8; index++) fields.byte(index, token.source.charCodeAt(index));
      return fields.bytes;
    }
    case TokenClass.Type:
      return new Fields(4).dword(0, token.type).bytes;
    case TokenClass.ImpersonationLevel:
      if (token.type !== TokenType.Impersonation) return Status.INVALID_INFO_CLASS;
      return new Fields(4).dword(0, token.impersonationLevel).bytes;
    case TokenClass.Statistics:
      return statistics(token);
    case TokenClass.SessionId:
      return new Fields(4).dword(0, token.sessionId).bytes;
    case TokenClass.GroupsAndPrivileges:
      return groupsAndPrivileges(token, buffer);
    case TokenClass.SandBoxInert:
      return new Fields(4).dword(0, token.sandboxInert ? 1 : 0).bytes;
    case TokenClass.Origin:
      return new Uint8Array(8);
    default:
      return Status.INVALID_INFO_CLASS;
  }
}

const NEVER = 0x7fffffffffffffffn;

/** TOKEN_STATISTICS. */
function statistics(token: Token): Uint8Array {
  return new Fields(0x38)
    .dword(0x00, token.tokenId)
    .dword(0x08, token.authenticationId)
    .quad(0x10, NEVER)
    .dword(0x18, token.type)
    .dword(0x1c, token.impersonationLevel)
    .dword(0x20, token.dynamicCharged)
    .dword(0x24, token.dynamicCharged - token.dynamicUsed)
    .dword(0x28, token.groups.length)
    .dword(0x2c, token.privileges.length)
    .dword(0x30, token.modifiedId).bytes;
}

/** SID_AND_ATTRIBUTES entries, after a count when `start` is 4, and the SIDs behind them. */
export function sidList(entries: readonly TokenGroup[], buffer: number, start: number): Uint8Array {
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

/** A pointer, and behind it what it points at. */
function pointerTo(bytes: Uint8Array, buffer: number): Uint8Array {
  const fields = new Fields(4 + bytes.length).dword(0, buffer + 4);
  fields.bytes.set(bytes, 4);
  return fields.bytes;
}

/** TOKEN_PRIVILEGES: count, then {LUID, attributes} of 12 bytes each. */
export function privilegeList(privileges: readonly TokenPrivilege[]): Uint8Array {
  const fields = new Fields(4 + privileges.length * 12).dword(0, privileges.length);
  privileges.forEach((privilege, index) => {
    fields.dword(4 + index * 12, privilege.luid).dword(12 + index * 12, privilege.attributes);
  });
  return fields.bytes;
}

const GROUPS_AND_PRIVILEGES_SIZE = 0x2c;

/** TOKEN_GROUPS_AND_PRIVILEGES: the user among the groups, each list with its count, its bytes and its address. */
function groupsAndPrivileges(token: Token, buffer: number): Uint8Array {
  const at = (offset: number, list: (start: number) => Uint8Array) => list(buffer + offset);
  const sids = at(GROUPS_AND_PRIVILEGES_SIZE, (start) => sidList([token.user, ...token.groups], start, 0));
  const restrictedAt = GROUPS_AND_PRIVILEGES_SIZE + sids.length;
  const restricted = at(restrictedAt, (start) => sidList(token.restrictedSids, start, 0));
  const privilegesAt = restrictedAt + restricted.length;
  const privileges = privilegeList(token.privileges).subarray(4);
  const fields = new Fields(privilegesAt + privileges.length)
    .dword(0x00, token.groups.length + 1)
    .dword(0x04, sids.length)
    .dword(0x08, buffer + GROUPS_AND_PRIVILEGES_SIZE)
    .dword(0x0c, token.restrictedSids.length)
    .dword(0x10, restricted.length)
    .dword(0x14, token.restrictedSids.length > 0 ? buffer + restrictedAt : 0)
    .dword(0x18, token.privileges.length)
    .dword(0x1c, privileges.length)
    .dword(0x20, token.privileges.length > 0 ? buffer + privilegesAt : 0)
    .dword(0x24, token.authenticationId);
  fields.bytes.set(sids, GROUPS_AND_PRIVILEGES_SIZE);
  fields.bytes.set(restricted, restrictedAt);
  fields.bytes.set(privileges, privilegesAt);
  return fields.bytes;
}

/** NtCompareTokens(first, second, result*): whether the two grant the same to the same. TOKEN_QUERY on both. */
export function* compareTokens(
  kernel: Kernel,
  firstHandle: number,
  secondHandle: number,
  resultAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const status = yield* user.probeForWrite(resultAddress, 1);
  if (!isSuccess(status)) return status;
  const first = ob.peekObjectByHandle(firstHandle, ob.types.token, TokenAccess.QUERY);
  if (first.object === null) return first.status;
  const second = ob.peekObjectByHandle(secondHandle, ob.types.token, TokenAccess.QUERY);
  if (second.object === null) return second.status;
  user.write8(resultAddress, contents(first.object.body) === contents(second.object.body) ? 1 : 0);
  return Status.SUCCESS;
}

/** User, groups, restrictions and privileges, in an order of their own. */
function contents(token: Token): string {
  const name = ({ authority, subAuthorities }: SecurityIdentifier): string => [authority, ...subAuthorities].join('-');
  const list = (groups: readonly TokenGroup[]): string[] =>
    groups.map(({ sid, attributes }) => `${name(sid)}:${attributes}`).sort();
  const privileges = token.privileges.map(({ luid, attributes }) => `${luid}:${attributes}`).sort();
  return [list([token.user]), list(token.groups), list(token.restrictedSids), privileges].join('|');
}
