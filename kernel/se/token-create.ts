import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import type { Blocking, NtStatus } from '../types.js';
import { isLogonSession } from './account.js';
import type { AccessControlList } from './acl.js';
import { type Captured, captureAcl, captureSid } from './capture.js';
import { captureGroups, capturePrivileges } from './capture-lists.js';
import { Privilege } from './privilege.js';
import { type SecurityIdentifier, sameSid } from './sid.js';
import {
  GroupAttribute,
  ImpersonationLevel,
  Token,
  type TokenContents,
  type TokenGroup,
  type TokenKind,
  TokenType,
} from './token.js';
import { captureQualityOfService, insertToken } from './token-duplicate.js';

const SOURCE_SIZE = 16;
const SOURCE_NAME = 8;

/**
 * NtCreateToken(handle*, access, attributes*, type, authentication id*, expiration*, user*, groups*, privileges*, owner*, primary group*,
 * default DACL*, source*): a token of anybody's. BAD_TOKEN_TYPE, BAD_IMPERSONATION_LEVEL, PRIVILEGE_NOT_HELD without
 * SeCreateTokenPrivilege, INVALID_OWNER, INVALID_PRIMARY_GROUP, NO_SUCH_LOGON_SESSION, statuses of probes and captures. Tokens of NT 5.2
 * never expire, whatever is said.
 */
export function* createToken(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handleAddress, access, attributesAddress, type, authenticationAddress, expiration] = given;
  const { user, ob, ps } = kernel;
  if (type !== TokenType.Primary && type !== TokenType.Impersonation) return Status.BAD_TOKEN_TYPE;
  let status = yield* user.probeForWrite(handleAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForRead(authenticationAddress, 8, 4);
  if (isSuccess(status)) status = yield* user.probeForRead(expiration, 8, 4);
  if (!isSuccess(status)) return status;
  const authenticationId = user.read32(authenticationAddress + 4) === 0 ? user.read32(authenticationAddress) : -1;
  const attributes = yield* captureAttributes(kernel, attributesAddress);
  if (!isSuccess(attributes.status)) return attributes.status;
  const kind = yield* captureKind(kernel, type, attributesAddress);
  if (kind.value === null) return kind.status;
  const captured = yield* captureContents(kernel, authenticationId, given.slice(6));
  if (captured.value === null) return captured.status;
  if (!ob.security.holds(Privilege.CREATE_TOKEN)) return Status.PRIVILEGE_NOT_HELD;
  const token = new Token(ps.allocateLuid(), captured.value, kind.value);
  if (!token.mayOwnAs(token.owner)) return Status.INVALID_OWNER;
  if (![token.user, ...token.groups].some(({ sid }) => sameSid(sid, token.primaryGroup))) {
    return Status.INVALID_PRIMARY_GROUP;
  }
  if (!isLogonSession(authenticationId)) return Status.NO_SUCH_LOGON_SESSION;
  return insertToken(kernel, token, attributes.attributes, access, handleAddress);
}

/** An impersonation token's level is that of the quality of service behind the object attributes; without it, Anonymous. */
function* captureKind(kernel: Kernel, type: number, attributes: number): Blocking<Captured<TokenKind>> {
  const anonymous = { type, impersonationLevel: ImpersonationLevel.Anonymous };
  const address = attributes === 0 || type === TokenType.Primary ? 0 : kernel.user.read32(attributes + 0x14);
  if (address === 0) return { status: Status.SUCCESS, value: anonymous };
  const { status, level } = yield* captureQualityOfService(kernel, address);
  return { status, value: isSuccess(status) ? { type, impersonationLevel: level } : null };
}

function* captureContents(
  kernel: Kernel,
  authenticationId: number,
  [userAt, groupsAt, privilegesAt, ownerAt, primaryGroupAt, daclAt, sourceAt]: readonly number[],
): Blocking<Captured<TokenContents>> {
  const { user } = kernel;
  const stop = (status: NtStatus): Captured<never> => ({ status, value: null });
  let status = yield* user.probeForRead(userAt, 8, 4);
  if (isSuccess(status)) status = yield* user.probeForRead(primaryGroupAt, 4, 4);
  if (isSuccess(status) && ownerAt !== 0) status = yield* user.probeForRead(ownerAt, 4, 4);
  if (isSuccess(status) && daclAt !== 0) status = yield* user.probeForRead(daclAt, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForRead(sourceAt, SOURCE_SIZE, 4);
  if (!isSuccess(status)) return stop(status);
  const [sidAt, userAttributes] = [user.read32(userAt), user.read32(userAt + 4)];
  const source = String.fromCharCode(...user.readBytes(sourceAt, SOURCE_NAME));
  const sourceId = user.read32(sourceAt + SOURCE_NAME);
  const userSid = yield* captureSid(kernel, sidAt);
  if (userSid.value === null) return stop(userSid.status);
  const groups = yield* captureGroups(kernel, groupsAt);
  if (groups.value === null) return stop(groups.status);
  const privileges = yield* capturePrivileges(kernel, privilegesAt);
  if (privileges.value === null) return stop(privileges.status);
  const primaryGroup = yield* captureSid(kernel, user.read32(primaryGroupAt));
  if (primaryGroup.value === null) return stop(primaryGroup.status);
  const owner: Captured<SecurityIdentifier> = ownerAt === 0 ? userSid : yield* captureSid(kernel, user.read32(ownerAt));
  if (owner.value === null) return stop(owner.status);
  const aclAt = daclAt === 0 ? 0 : user.read32(daclAt);
  const dacl: Captured<AccessControlList> =
    aclAt === 0 ? { status: Status.SUCCESS, value: null } : yield* captureAcl(kernel, aclAt);
  if (!isSuccess(dacl.status)) return stop(dacl.status);
  const contents = {
    authenticationId,
    source,
    sourceId,
    user: { sid: userSid.value, attributes: userAttributes },
    groups: groups.value.map(enabledWhenMandatory),
    isRestricted: false,
    restrictedSids: [],
    privileges: privileges.value,
    owner: owner.value,
    primaryGroup: primaryGroup.value,
    defaultDacl: dacl.value,
    sessionId: 0,
    sandboxInert: false,
  };
  return { status: Status.SUCCESS, value: contents };
}

/** A group that cannot be disabled is enabled from the start. */
function enabledWhenMandatory(group: TokenGroup): TokenGroup {
  if ((group.attributes & GroupAttribute.MANDATORY) === 0) return group;
  return { sid: group.sid, attributes: group.attributes | GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED };
}
