import { Access } from '../ob/access-mask.js';
import { AceType, aclOf, entry } from './acl.js';
import { Privilege, PrivilegeAttribute } from './privilege.js';
import {
  ADMINISTRATORS,
  AUTHENTICATED_USERS,
  EVERYONE,
  INTERACTIVE,
  LOCAL,
  LOCAL_SYSTEM,
  machineSid,
  type SecurityIdentifier,
  USERS,
} from './sid.js';
import { GroupAttribute, Token, type TokenGroup, type TokenPrivilege } from './token.js';

/** Whom the program runs as: a member of Users, the machine's administrator, or LocalSystem. */
export type Account = 'user' | 'admin' | 'system';

interface AccountDescription {
  /** What the account is called: the variable USERNAME. */
  readonly name: string;
  readonly user: SecurityIdentifier;
  readonly groups: readonly TokenGroup[];
  /** Privileges that are enabled from the start, and those that the program has to enable. */
  readonly enabled: readonly number[];
  readonly held: readonly number[];
  /** LUID of the logon session. */
  readonly authenticationId: number;
  readonly source: string;
}

const ENABLED = GroupAttribute.MANDATORY | GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED;
const enabledGroups = (...sids: readonly SecurityIdentifier[]): TokenGroup[] =>
  sids.map((sid) => ({ sid, attributes: ENABLED }));
const owners: TokenGroup = { sid: ADMINISTRATORS, attributes: ENABLED | GroupAttribute.OWNER };
/** The global group None, the primary group of the machine's own accounts. */
const NONE = machineSid(513);
/** What LocalSystem's objects let administrators do. */
const ADMINISTRATORS_OF_SYSTEM = Access.GENERIC_READ | Access.GENERIC_EXECUTE | Access.READ_CONTROL;
const INTERACTIVE_USER = 0x8664;
const SYSTEM_LUID = 0x3e7;
export const ANONYMOUS_LOGON = 0x3e6;

/** Somebody is logged on with this identifier: the system, nobody, and whoever sits at the console. */
export const isLogonSession = (luid: number): boolean =>
  luid === SYSTEM_LUID || luid === ANONYMOUS_LOGON || luid === INTERACTIVE_USER;

/** The default rights of NT 5.2's accounts. */
export const accounts: Readonly<Record<Account, AccountDescription>> = {
  user: {
    name: 'User',
    user: machineSid(1000),
    groups: enabledGroups(NONE, EVERYONE, USERS, INTERACTIVE, AUTHENTICATED_USERS, LOCAL),
    enabled: [Privilege.CHANGE_NOTIFY],
    held: [Privilege.SHUTDOWN, Privilege.UNDOCK],
    authenticationId: INTERACTIVE_USER,
    source: 'User32  ',
  },
  admin: {
    name: 'Administrator',
    user: machineSid(500),
    groups: [
      ...enabledGroups(NONE, EVERYONE),
      owners,
      ...enabledGroups(USERS, INTERACTIVE, AUTHENTICATED_USERS, LOCAL),
    ],
    enabled: [Privilege.CHANGE_NOTIFY, Privilege.IMPERSONATE, Privilege.CREATE_GLOBAL],
    held: [
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
    ],
    authenticationId: INTERACTIVE_USER,
    source: 'User32  ',
  },
  system: {
    name: 'SYSTEM',
    user: LOCAL_SYSTEM,
    groups: [owners, ...enabledGroups(EVERYONE, AUTHENTICATED_USERS)],
    enabled: [
      Privilege.TCB,
      Privilege.LOCK_MEMORY,
      Privilege.SYSTEM_PROFILE,
      Privilege.PROFILE_SINGLE_PROCESS,
      Privilege.INCREASE_BASE_PRIORITY,
      Privilege.CREATE_PAGEFILE,
      Privilege.CREATE_PERMANENT,
      Privilege.DEBUG,
      Privilege.AUDIT,
      Privilege.CHANGE_NOTIFY,
      Privilege.IMPERSONATE,
      Privilege.CREATE_GLOBAL,
    ],
    held: [
      Privilege.CREATE_TOKEN,
      Privilege.ASSIGN_PRIMARY_TOKEN,
      Privilege.INCREASE_QUOTA,
      Privilege.SECURITY,
      Privilege.TAKE_OWNERSHIP,
      Privilege.LOAD_DRIVER,
      Privilege.SYSTEMTIME,
      Privilege.BACKUP,
      Privilege.RESTORE,
      Privilege.SHUTDOWN,
      Privilege.SYSTEM_ENVIRONMENT,
      Privilege.UNDOCK,
      Privilege.MANAGE_VOLUME,
    ],
    authenticationId: SYSTEM_LUID,
    source: '*SYSTEM*',
  },
};

/** A primary token of an account. It also holds the privileges `granted`, which are still to be enabled by the program. */
export function accountToken(account: Account, granted: readonly number[], tokenId: number): Token {
  const { user, groups, enabled, held, authenticationId, source } = accounts[account];
  const on = PrivilegeAttribute.ENABLED_BY_DEFAULT | PrivilegeAttribute.ENABLED;
  const privileges = new Map<number, TokenPrivilege>();
  for (const luid of [...held, ...granted]) privileges.set(luid, { luid, attributes: 0 });
  for (const luid of enabled) privileges.set(luid, { luid, attributes: on });
  // Objects of administrators belong to all of them.
  const owner = groups.find((group) => (group.attributes & GroupAttribute.OWNER) !== 0)?.sid ?? user;
  return new Token(tokenId, {
    authenticationId,
    source,
    sourceId: 0,
    user: { sid: user, attributes: 0 },
    groups,
    isRestricted: false,
    restrictedSids: [],
    privileges: [...privileges.values()].sort((left, right) => left.luid - right.luid),
    owner,
    primaryGroup: account === 'system' ? LOCAL_SYSTEM : NONE,
    defaultDacl: aclOf([
      entry(AceType.ACCESS_ALLOWED, owner, account === 'system' ? ADMINISTRATORS_OF_SYSTEM : Access.GENERIC_ALL),
      entry(AceType.ACCESS_ALLOWED, LOCAL_SYSTEM, Access.GENERIC_ALL),
    ]),
    sessionId: 0,
    sandboxInert: false,
  });
}
