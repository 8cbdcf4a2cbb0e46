import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureAttributes } from '../ob/capture-attributes.js';
import type { ObjectAttributes } from '../ob/object-header.js';
import type { Blocking, NtStatus } from '../types.js';
import { captureGroups, capturePrivileges } from './capture-lists.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import { sameSid } from './sid.js';
import { GroupAttribute, ImpersonationLevel, Token, type TokenGroup, type TokenKind, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';
import { createTokenObject } from './token-object.js';

const QUALITY_OF_SERVICE_SIZE = 0xc;

export interface QualityOfService {
  readonly status: NtStatus;
  readonly level: number;
  readonly effectiveOnly: boolean;
}

/** SECURITY_QUALITY_OF_SERVICE {length, level, tracking byte, effective-only byte}. INVALID_PARAMETER, statuses of the probe. */
export function* captureQualityOfService(kernel: Kernel, address: number): Blocking<QualityOfService> {
  const { user } = kernel;
  const failed = (status: NtStatus): QualityOfService => ({ status, level: 0, effectiveOnly: false });
  const status = yield* user.probeForRead(address, QUALITY_OF_SERVICE_SIZE, 4);
  if (!isSuccess(status)) return failed(status);
  const level = user.read32(address + 4);
  if (user.read32(address) !== QUALITY_OF_SERVICE_SIZE || level > ImpersonationLevel.Delegation) {
    return failed(Status.INVALID_PARAMETER);
  }
  return { status, level, effectiveOnly: user.read8(address + 9) !== 0 };
}

/** A token without everything that is not enabled (EffectiveOnly). */
export function effectiveCopy(token: Token, tokenId: number, kind: TokenKind): Token {
  const enabled = ({ attributes }: TokenGroup): boolean =>
    (attributes & (GroupAttribute.ENABLED | GroupAttribute.USE_FOR_DENY_ONLY)) !== 0;
  const contents = {
    ...token.contents(),
    groups: token.groups.filter(enabled),
    privileges: token.privileges.filter(({ attributes }) => (attributes & PrivilegeAttribute.ENABLED) !== 0),
  };
  return new Token(tokenId, contents, kind, token.parentTokenId);
}

/**
 * NtDuplicateToken(handle, access, attributes*, effective only, type, new handle*). INVALID_PARAMETER for a type or a quality of
 * service that there is not; BAD_IMPERSONATION_LEVEL where an impersonation token would gain; handle and capture statuses;
 * TOKEN_DUPLICATE. Access 0: as the handle given.
 */
export function* duplicateToken(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, access, attributesAddress, effectiveOnly, type, newHandleAddress] = given;
  const { user, ob, ps } = kernel;
  if (type !== TokenType.Primary && type !== TokenType.Impersonation) return Status.INVALID_PARAMETER;
  const probed = yield* user.probeForWrite(newHandleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  const captured = yield* captureAttributes(kernel, attributesAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const qualityAddress = attributesAddress === 0 ? 0 : user.read32(attributesAddress + 0x14);
  const quality = qualityAddress === 0 ? null : yield* captureQualityOfService(kernel, qualityAddress);
  if (quality !== null && !isSuccess(quality.status)) return quality.status;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.DUPLICATE);
  if (found.object === null) return found.status;
  const token = found.object.body;
  const level = quality?.level ?? ImpersonationLevel.Anonymous;
  if (token.type === TokenType.Impersonation) {
    const needed = type === TokenType.Primary ? ImpersonationLevel.Impersonation : level;
    if (needed > token.impersonationLevel) return Status.BAD_IMPERSONATION_LEVEL;
  }
  const kind = { type, impersonationLevel: type === TokenType.Impersonation ? level : ImpersonationLevel.Anonymous };
  const id = ps.allocateLuid();
  const copy = (effectiveOnly & 0xff) !== 0 ? effectiveCopy(token, id, kind) : token.copy(id, kind);
  return insertToken(
    kernel,
    copy,
    captured.attributes,
    access === 0 ? ob.grantedAccess(handle) : access,
    newHandleAddress,
  );
}

/** The end of every way to make a token: object, handle. */
export function insertToken(
  kernel: Kernel,
  token: Token,
  attributes: ObjectAttributes | null,
  access: number,
  handleAddress: number,
): NtStatus {
  const { ob, user } = kernel;
  const object = createTokenObject(kernel, token);
  if (object === null) return Status.INSUFFICIENT_RESOURCES;
  const inserted = ob.insertObject(object, attributes, access);
  ob.dereferenceObject(object);
  if (isSuccess(inserted.status)) user.write32(handleAddress, inserted.handle);
  user.clearFailure();
  return inserted.status;
}

const FilterFlag = { DISABLE_MAX_PRIVILEGE: 1, SANDBOX_INERT: 2, VALID: 3 } as const;

/**
 * NtFilterToken(handle, flags, SIDs to disable*, privileges to delete*, restricting SIDs*, new handle*): a token that grants no
 * more than the one given. INVALID_PARAMETER for other flags or for attributes of restricting SIDs; handle and capture statuses;
 * TOKEN_DUPLICATE. The new handle has the rights of the one given.
 */
export function* filterToken(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, flags, disableAddress, deleteAddress, restrictAddress, newHandleAddress] = given;
  const { user, ob, ps } = kernel;
  const probed = yield* user.probeForWrite(newHandleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  if ((flags & ~FilterFlag.VALID) !== 0) return Status.INVALID_PARAMETER;
  const disable = disableAddress === 0 ? NOTHING : yield* captureGroups(kernel, disableAddress);
  if (disable.value === null) return disable.status;
  const remove = deleteAddress === 0 ? NOTHING : yield* capturePrivileges(kernel, deleteAddress);
  if (remove.value === null) return remove.status;
  const restrict = restrictAddress === 0 ? NOTHING : yield* captureGroups(kernel, restrictAddress);
  if (restrict.value === null) return restrict.status;
  const restricting: readonly TokenGroup[] = restrict.value;
  if (restricting.some(({ attributes }) => attributes !== 0)) return Status.INVALID_PARAMETER;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.DUPLICATE);
  if (found.object === null) return found.status;
  const filtered = filter(found.object.body, ps.allocateLuid(), {
    flags,
    disable: disable.value,
    remove: new Set(remove.value.map(({ luid }) => luid)),
    restrict: restrictAddress === 0 ? null : restricting,
  });
  return insertToken(kernel, filtered, null, ob.grantedAccess(handle), newHandleAddress);
}

const NOTHING = { status: Status.SUCCESS, value: [] };

interface Filter {
  readonly flags: number;
  readonly disable: readonly TokenGroup[];
  readonly remove: ReadonlySet<number>;
  /** Null: no further restriction. */
  readonly restrict: readonly TokenGroup[] | null;
}

const RESTRICTING = GroupAttribute.MANDATORY | GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED;

function filter(token: Token, tokenId: number, { flags, disable, remove, restrict }: Filter): Token {
  const listed = (list: readonly TokenGroup[], group: TokenGroup) => list.some(({ sid }) => sameSid(sid, group.sid));
  const denyOnly = (group: TokenGroup): TokenGroup => {
    if (!listed(disable, group)) return group;
    const cleared = GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED | GroupAttribute.OWNER;
    return { sid: group.sid, attributes: (group.attributes & ~cleared) | GroupAttribute.USE_FOR_DENY_ONLY };
  };
  const keeps = (luid: number): boolean =>
    !remove.has(luid) && ((flags & FilterFlag.DISABLE_MAX_PRIVILEGE) === 0 || luid === Privilege.CHANGE_NOTIFY);
  // Who is restricted already keeps only what both name.
  const restrictedSids =
    restrict === null
      ? token.restrictedSids
      : restrict
          .filter((group) => !token.isRestricted || listed(token.restrictedSids, group))
          .map(({ sid }) => ({ sid, attributes: RESTRICTING }));
  const user = denyOnly(token.user);
  const groups = token.groups.map(denyOnly);
  const ownerGone = groups.some(
    (group) => sameSid(group.sid, token.owner) && (group.attributes & GroupAttribute.USE_FOR_DENY_ONLY) !== 0,
  );
  const contents = {
    ...token.contents(),
    user,
    groups,
    isRestricted: token.isRestricted || (restrict !== null && restrict.length > 0),
    restrictedSids,
    privileges: token.privileges.filter(({ luid }) => keeps(luid)),
    owner: ownerGone ? user.sid : token.owner,
    sandboxInert: token.sandboxInert || (flags & FilterFlag.SANDBOX_INERT) !== 0,
  };
  return new Token(tokenId, contents, token, token.tokenId);
}
