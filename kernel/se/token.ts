import { PrivilegeAttribute } from './privilege.js';
import { ADMINISTRATORS, type SecurityIdentifier, sameSid } from './sid.js';

/** SE_GROUP_* attributes. */
export const GroupAttribute = {
  MANDATORY: 1,
  ENABLED_BY_DEFAULT: 2,
  ENABLED: 4,
  OWNER: 8,
  LOGON_ID: 0xc0000000,
} as const;

export interface TokenGroup {
  readonly sid: SecurityIdentifier;
  readonly attributes: number;
}

export interface TokenPrivilege {
  readonly luid: number;
  attributes: number;
}

export const TokenType = { Primary: 1, Impersonation: 2 } as const;

/** Body of a Token object: who a process acts for. Access checks do not use it yet: every user may do everything. */
export class Token {
  readonly tokenId: number;
  readonly authenticationId: number;
  readonly user: SecurityIdentifier;
  readonly groups: readonly TokenGroup[];
  readonly privileges: readonly TokenPrivilege[];
  readonly source: string;
  readonly sessionId = 0;
  modifiedId: number;

  constructor(options: {
    tokenId: number;
    authenticationId: number;
    user: SecurityIdentifier;
    groups: readonly TokenGroup[];
    privileges: readonly TokenPrivilege[];
    source: string;
  }) {
    this.tokenId = options.tokenId;
    this.modifiedId = options.tokenId;
    this.authenticationId = options.authenticationId;
    this.user = options.user;
    this.groups = options.groups;
    this.privileges = options.privileges;
    this.source = options.source;
  }

  /** A token of its own that grants the same: for a child process (SeSubProcessToken). */
  copy(tokenId: number): Token {
    const { authenticationId, user, source } = this;
    const groups = this.groups.map((group) => ({ ...group }));
    const privileges = this.privileges.map((privilege) => ({ ...privilege }));
    return new Token({ tokenId, authenticationId, user, groups, privileges, source });
  }

  /** Tells whether a privilege is held and enabled. */
  holdsPrivilege(luid: number): boolean {
    return this.privileges.some(
      (privilege) => privilege.luid === luid && (privilege.attributes & PrivilegeAttribute.ENABLED) !== 0,
    );
  }

  get isAdministrator(): boolean {
    return this.groups.some((group) => sameSid(group.sid, ADMINISTRATORS));
  }
}
