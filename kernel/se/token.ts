/** A security identifier: revision 1, an authority below 2^32 and up to 15 sub-authorities. */
export interface SecurityIdentifier {
  readonly authority: number;
  readonly subAuthorities: readonly number[];
}

/** SE_GROUP_* attributes and privilege attributes in use. */
export const GroupAttribute = {
  MANDATORY: 1,
  ENABLED_BY_DEFAULT: 2,
  ENABLED: 4,
  OWNER: 8,
  LOGON_ID: 0xc0000000,
} as const;
export const PrivilegeAttribute = { ENABLED_BY_DEFAULT: 1, ENABLED: 2 } as const;

/** Privilege LUIDs (nt52.md 14). */
export const Privilege = {
  CREATE_TOKEN: 2,
  ASSIGN_PRIMARY_TOKEN: 3,
  LOCK_MEMORY: 4,
  INCREASE_QUOTA: 5,
  MACHINE_ACCOUNT: 6,
  TCB: 7,
  SECURITY: 8,
  TAKE_OWNERSHIP: 9,
  LOAD_DRIVER: 10,
  SYSTEM_PROFILE: 11,
  SYSTEMTIME: 12,
  PROFILE_SINGLE_PROCESS: 13,
  INCREASE_BASE_PRIORITY: 14,
  CREATE_PAGEFILE: 15,
  CREATE_PERMANENT: 16,
  BACKUP: 17,
  RESTORE: 18,
  SHUTDOWN: 19,
  DEBUG: 20,
  AUDIT: 21,
  SYSTEM_ENVIRONMENT: 22,
  CHANGE_NOTIFY: 23,
  REMOTE_SHUTDOWN: 24,
  UNDOCK: 25,
  MANAGE_VOLUME: 28,
  IMPERSONATE: 29,
  CREATE_GLOBAL: 30,
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

const NT_AUTHORITY = 5;
export const LOCAL_SYSTEM: SecurityIdentifier = { authority: NT_AUTHORITY, subAuthorities: [18] };
export const ADMINISTRATORS: SecurityIdentifier = { authority: NT_AUTHORITY, subAuthorities: [32, 544] };
const USERS: SecurityIdentifier = { authority: NT_AUTHORITY, subAuthorities: [32, 545] };
const EVERYONE: SecurityIdentifier = { authority: 1, subAuthorities: [0] };
const LOCAL: SecurityIdentifier = { authority: 2, subAuthorities: [0] };
const AUTHENTICATED_USERS: SecurityIdentifier = { authority: NT_AUTHORITY, subAuthorities: [11] };
const INTERACTIVE: SecurityIdentifier = { authority: NT_AUTHORITY, subAuthorities: [4] };
/** The machine's own domain, a fixed one: runs are to be alike everywhere. */
const MACHINE = [21, 86, 1986, 2005] as const;

/** Tells whether two identifiers are the same. */
export function sameSid(left: SecurityIdentifier, right: SecurityIdentifier): boolean {
  return left.authority === right.authority && left.subAuthorities.join() === right.subAuthorities.join();
}

/** The SID as bytes: revision, count, authority (6, big endian), sub-authorities. */
export function sidBytes(sid: SecurityIdentifier): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * sid.subAuthorities.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = sid.subAuthorities.length;
  view.setUint32(4, sid.authority);
  sid.subAuthorities.forEach((value, index) => {
    view.setUint32(8 + 4 * index, value, true);
  });
  return bytes;
}

const GROUP_ENABLED = GroupAttribute.MANDATORY | GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED;

/** The token of the System process: LocalSystem with every privilege. */
export function createSystemToken(tokenId: number): Token {
  return new Token({
    tokenId,
    authenticationId: 0x3e7,
    user: LOCAL_SYSTEM,
    groups: [
      { sid: ADMINISTRATORS, attributes: GROUP_ENABLED | GroupAttribute.OWNER },
      { sid: EVERYONE, attributes: GROUP_ENABLED },
      { sid: AUTHENTICATED_USERS, attributes: GROUP_ENABLED },
    ],
    privileges: Object.values(Privilege).map((luid) => ({ luid, attributes: 3 })),
    source: '*SYSTEM*',
  });
}

/** The token of the program: the machine's administrator, whose privileges but two have to be enabled first. */
export function createUserToken(tokenId: number): Token {
  const held = [
    Privilege.INCREASE_QUOTA,
    Privilege.SECURITY,
    Privilege.TAKE_OWNERSHIP,
    Privilege.LOAD_DRIVER,
    Privilege.SYSTEM_PROFILE,
    Privilege.SYSTEMTIME,
    Privilege.PROFILE_SINGLE_PROCESS,
    Privilege.INCREASE_BASE_PRIORITY,
    Privilege.CREATE_PAGEFILE,
    Privilege.BACKUP,
    Privilege.RESTORE,
    Privilege.SHUTDOWN,
    Privilege.DEBUG,
    Privilege.SYSTEM_ENVIRONMENT,
    Privilege.REMOTE_SHUTDOWN,
    Privilege.UNDOCK,
    Privilege.MANAGE_VOLUME,
  ];
  const enabled: number[] = [Privilege.CHANGE_NOTIFY, Privilege.IMPERSONATE, Privilege.CREATE_GLOBAL];
  return new Token({
    tokenId,
    authenticationId: 0x8664,
    user: { authority: NT_AUTHORITY, subAuthorities: [...MACHINE, 500] },
    groups: [
      { sid: { authority: NT_AUTHORITY, subAuthorities: [...MACHINE, 513] }, attributes: GROUP_ENABLED },
      { sid: EVERYONE, attributes: GROUP_ENABLED },
      { sid: ADMINISTRATORS, attributes: GROUP_ENABLED | GroupAttribute.OWNER },
      { sid: USERS, attributes: GROUP_ENABLED },
      { sid: INTERACTIVE, attributes: GROUP_ENABLED },
      { sid: AUTHENTICATED_USERS, attributes: GROUP_ENABLED },
      { sid: LOCAL, attributes: GROUP_ENABLED },
    ],
    privileges: [
      ...enabled.map((luid) => ({ luid, attributes: 3 })),
      ...held.map((luid) => ({ luid, attributes: 0 })),
    ].sort((left, right) => left.luid - right.luid),
    source: 'User32  ',
  });
}
