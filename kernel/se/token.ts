import type { AccessControlList } from './acl.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import { type SecurityIdentifier, sameSid, sidLength } from './sid.js';

/** SE_GROUP_* attributes. */
export const GroupAttribute = {
  MANDATORY: 1,
  ENABLED_BY_DEFAULT: 2,
  ENABLED: 4,
  OWNER: 8,
  USE_FOR_DENY_ONLY: 0x10,
  LOGON_ID: 0xc0000000,
} as const;

export interface TokenGroup {
  readonly sid: SecurityIdentifier;
  attributes: number;
}

export interface TokenPrivilege {
  readonly luid: number;
  attributes: number;
}

export const TokenType = { Primary: 1, Impersonation: 2 } as const;
export const ImpersonationLevel = { Anonymous: 0, Identification: 1, Impersonation: 2, Delegation: 3 } as const;

/** Everything of a token but its identity. */
export interface TokenContents {
  /** LUID of the logon session. */
  readonly authenticationId: number;
  /** Eight characters, and the LUID of whoever made the first of these tokens. */
  readonly source: string;
  readonly sourceId: number;
  readonly user: TokenGroup;
  readonly groups: readonly TokenGroup[];
  /** Every access must also be granted to the restricting identifiers alone, of which there may be none. */
  readonly isRestricted: boolean;
  readonly restrictedSids: readonly TokenGroup[];
  readonly privileges: readonly TokenPrivilege[];
  /** Whom new objects belong to: the user, or a group that may own. */
  readonly owner: SecurityIdentifier;
  readonly primaryGroup: SecurityIdentifier;
  readonly defaultDacl: AccessControlList | null;
  readonly sessionId: number;
  readonly sandboxInert: boolean;
}

/** What a process or an impersonating thread acts as. */
export interface TokenKind {
  readonly type: number;
  /** Of impersonation tokens only. */
  readonly impersonationLevel: number;
}

export const PRIMARY: TokenKind = { type: TokenType.Primary, impersonationLevel: ImpersonationLevel.Anonymous };

/** Bytes of paged pool that a token's dynamic part (owner, primary group, default DACL) takes at least. */
const DYNAMIC_CHARGE = 0x1f4;

/** Body of a Token object: whom a process or thread acts for, and what it may do. */
export class Token implements TokenContents, TokenKind {
  readonly tokenId: number;
  /** The token that this one was filtered from; 0: none. */
  readonly parentTokenId: number;
  readonly type: number;
  readonly impersonationLevel: number;
  readonly authenticationId: number;
  readonly source: string;
  readonly sourceId: number;
  readonly user: TokenGroup;
  readonly groups: readonly TokenGroup[];
  readonly isRestricted: boolean;
  readonly restrictedSids: readonly TokenGroup[];
  readonly sandboxInert: boolean;
  privileges: TokenPrivilege[];
  owner: SecurityIdentifier;
  primaryGroup: SecurityIdentifier;
  defaultDacl: AccessControlList | null;
  sessionId: number;
  /** Changes with every change of the token. */
  modifiedId: number;
  /** Some process has it as its primary token. */
  inUse = false;
  readonly dynamicCharged: number;
  /** Pool address of the parts of variable length. */
  buffer = 0;

  constructor(tokenId: number, contents: TokenContents, kind: TokenKind = PRIMARY, parentTokenId = 0) {
    this.tokenId = tokenId;
    this.modifiedId = tokenId;
    this.parentTokenId = parentTokenId;
    this.type = kind.type;
    this.impersonationLevel = kind.impersonationLevel;
    this.authenticationId = contents.authenticationId;
    this.source = contents.source;
    this.sourceId = contents.sourceId;
    this.user = { ...contents.user };
    this.groups = contents.groups.map((group) => ({ ...group }));
    this.isRestricted = contents.isRestricted;
    this.restrictedSids = contents.restrictedSids.map((group) => ({ ...group }));
    this.privileges = contents.privileges.map((privilege) => ({ ...privilege }));
    this.owner = contents.owner;
    this.primaryGroup = contents.primaryGroup;
    this.defaultDacl = contents.defaultDacl;
    this.sessionId = contents.sessionId;
    this.sandboxInert = contents.sandboxInert;
    this.dynamicCharged = Math.max(DYNAMIC_CHARGE, this.dynamicUsed);
  }

  /** A token of its own that grants the same (SepDuplicateToken). */
  copy(tokenId: number, kind: TokenKind = PRIMARY): Token {
    return new Token(tokenId, this, kind, this.parentTokenId);
  }

  /** What a copy with changes starts from. */
  contents(): TokenContents {
    const { authenticationId, source, sourceId, user, groups, isRestricted, restrictedSids, privileges } = this;
    const { owner, primaryGroup, defaultDacl, sessionId, sandboxInert } = this;
    return {
      authenticationId,
      source,
      sourceId,
      user,
      groups,
      isRestricted,
      restrictedSids,
      privileges,
      owner,
      primaryGroup,
      defaultDacl,
      sessionId,
      sandboxInert,
    };
  }

  /** Bytes of the dynamic part in use. */
  get dynamicUsed(): number {
    return sidLength(this.primaryGroup.subAuthorities.length) + (this.defaultDacl?.size ?? 0);
  }

  /** Pool that the parts of variable length take. */
  get variableSize(): number {
    const sids = [this.user, ...this.groups, ...this.restrictedSids];
    const list = sids.reduce((sum, { sid }) => sum + 8 + sidLength(sid.subAuthorities.length), 0);
    return list + this.privileges.length * 12 + this.dynamicCharged;
  }

  /** Tells whether a privilege is held and enabled. */
  holdsPrivilege(luid: number): boolean {
    for (const privilege of this.privileges) {
      if (privilege.luid === luid) return (privilege.attributes & PrivilegeAttribute.ENABLED) !== 0;
    }
    return false;
  }

  /** Directories on the way to an object need not be asked (TOKEN_HAS_TRAVERSE_PRIVILEGE). */
  get mayTraverse(): boolean {
    return this.holdsPrivilege(Privilege.CHANGE_NOTIFY);
  }

  /** The user or an enabled group is this identifier; for denial, one that counts for denial only will do (SepSidInToken). */
  hasSid(sid: SecurityIdentifier, forDenial = false): boolean {
    if (sameSid(this.user.sid, sid)) {
      return forDenial || (this.user.attributes & GroupAttribute.USE_FOR_DENY_ONLY) === 0;
    }
    return this.groups.some((group) => countsAs(group, sid, forDenial));
  }

  /** The same question to the restricting identifiers, which count always. */
  hasRestrictedSid(sid: SecurityIdentifier): boolean {
    return this.restrictedSids.some((group) => sameSid(group.sid, sid));
  }

  /** May new objects belong to this identifier (SepValidOwnerSubjectContext, without SeRestorePrivilege)? */
  mayOwnAs(sid: SecurityIdentifier): boolean {
    if (sameSid(this.user.sid, sid)) return (this.user.attributes & GroupAttribute.USE_FOR_DENY_ONLY) === 0;
    return this.groups.some((group) => sameSid(group.sid, sid) && ownerGroup(group));
  }
}

function countsAs(group: TokenGroup, sid: SecurityIdentifier, forDenial: boolean): boolean {
  const wanted = GroupAttribute.ENABLED | (forDenial ? GroupAttribute.USE_FOR_DENY_ONLY : 0);
  return (group.attributes & wanted) !== 0 && sameSid(group.sid, sid);
}

function ownerGroup({ attributes }: TokenGroup): boolean {
  return (attributes & GroupAttribute.OWNER) !== 0 && (attributes & GroupAttribute.USE_FOR_DENY_ONLY) === 0;
}
