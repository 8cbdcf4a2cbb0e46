import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { accessCheck } from '../../kernel/se/access-check.js';
import { accountToken } from '../../kernel/se/account.js';
import { type AccessControlEntry, AceFlag, AceType, aclBytes, aclOf, entry, parseAcl } from '../../kernel/se/acl.js';
import { assignSecurity } from '../../kernel/se/assign-security.js';
import { Privilege, PrivilegeAttribute } from '../../kernel/se/privilege.js';
import {
  Control,
  parseSelfRelative,
  type SecurityDescriptor,
  selfRelativeBytes,
} from '../../kernel/se/security-descriptor.js';
import {
  ADMINISTRATORS,
  CREATOR_OWNER,
  EVERYONE,
  INTERACTIVE,
  LOCAL_SYSTEM,
  machineSid,
  RESTRICTED_CODE,
  type SecurityIdentifier,
  sameSid,
  USERS,
} from '../../kernel/se/sid.js';
import { GroupAttribute, Token } from '../../kernel/se/token.js';

/** Name of a status without STATUS_. */
const named = (status: number): string => statusName(status).slice('STATUS_'.length);

const READ = 1;
const WRITE = 2;
const DELETE = 0x10000;
const READ_CONTROL = 0x20000;
const WRITE_DAC = 0x40000;
const WRITE_OWNER = 0x80000;
const SYSTEM_SECURITY = 0x1000000;
const MAXIMUM_ALLOWED = 0x2000000;
const ALL = 0xf0003;
const mapping = { read: READ_CONTROL | READ, write: READ_CONTROL | WRITE, execute: READ_CONTROL, all: ALL };

const allow = (sid: SecurityIdentifier, mask: number, flags = 0) => entry(AceType.ACCESS_ALLOWED, sid, mask, flags);
const deny = (sid: SecurityIdentifier, mask: number, flags = 0) => entry(AceType.ACCESS_DENIED, sid, mask, flags);
const USER = machineSid(1000);

/** A descriptor with just this DACL; null: a NULL DACL. */
const dacl = (entries: readonly AccessControlEntry[] | null, owner = LOCAL_SYSTEM): SecurityDescriptor => ({
  control: Control.DACL_PRESENT,
  owner,
  group: LOCAL_SYSTEM,
  dacl: entries === null ? null : aclOf(entries),
  sacl: null,
});

/** The token of a plain user, with changes. */
function userToken(changes: Partial<Token> & { readonly enabled?: readonly number[] } = {}): Token {
  const contents = { ...accountToken('user', changes.enabled ?? [], 1).contents(), ...changes };
  for (const privilege of contents.privileges) {
    if (changes.enabled?.includes(privilege.luid)) privilege.attributes = PrivilegeAttribute.ENABLED;
  }
  return new Token(1, contents);
}

const denyOnlyUsers = userToken().groups.map((group) =>
  sameSid(group.sid, USERS) ? { sid: USERS, attributes: GroupAttribute.USE_FOR_DENY_ONLY } : group,
);
const restrictedTo = (...sids: readonly SecurityIdentifier[]) => ({
  isRestricted: true,
  restrictedSids: sids.map((sid) => ({ sid, attributes: 7 })),
});

describe('accessCheck', () => {
  it.each<[what: string, descriptor: SecurityDescriptor, token: Token, desired: number, granted: number | string]>([
    ['a NULL DACL grants what is asked', dacl(null), userToken(), READ | WRITE, READ | WRITE],
    ['a NULL DACL grants everything to MAXIMUM_ALLOWED', dacl(null), userToken(), MAXIMUM_ALLOWED, ALL],
    ['no DACL is a NULL DACL', { ...dacl([]), control: 0 }, userToken(), WRITE, WRITE],
    ['an empty DACL grants nothing', dacl([]), userToken(), READ, 'ACCESS_DENIED'],
    ['asking for nothing is refused', dacl(null), userToken(), 0, 'ACCESS_DENIED'],
    ['the user', dacl([allow(USER, READ)]), userToken(), READ, READ],
    ['rights of several entries add up', dacl([allow(USERS, READ), allow(EVERYONE, WRITE)]), userToken(), 3, 3],
    ['all that is asked or nothing', dacl([allow(USER, READ)]), userToken(), READ | WRITE, 'ACCESS_DENIED'],
    ['somebody else', dacl([allow(ADMINISTRATORS, ALL)]), userToken(), READ, 'ACCESS_DENIED'],
    ['denial before', dacl([deny(USERS, WRITE), allow(USER, 3)]), userToken(), WRITE, 'ACCESS_DENIED'],
    ['denial behind comes too late', dacl([allow(USER, 3), deny(USERS, WRITE)]), userToken(), WRITE, WRITE],
    ['denial of others’ rights', dacl([deny(USERS, WRITE), allow(USER, 3)]), userToken(), READ, READ],
    [
      'MAXIMUM_ALLOWED leaves out what is denied',
      dacl([deny(USERS, 2), allow(USER, 3)]),
      userToken(),
      MAXIMUM_ALLOWED,
      1,
    ],
    ['MAXIMUM_ALLOWED of nothing', dacl([deny(EVERYONE, ALL)]), userToken(), MAXIMUM_ALLOWED, 'ACCESS_DENIED'],
    [
      'MAXIMUM_ALLOWED and more than there is',
      dacl([allow(USER, 1)]),
      userToken(),
      MAXIMUM_ALLOWED | 2,
      'ACCESS_DENIED',
    ],
    [
      'inherit-only entries do not count',
      dacl([allow(USER, 3, AceFlag.INHERIT_ONLY)]),
      userToken(),
      READ,
      'ACCESS_DENIED',
    ],
    ['audit entries do not count', dacl([entry(AceType.SYSTEM_AUDIT, USER, 3)]), userToken(), READ, 'ACCESS_DENIED'],
    ['owners read and change the DACL', dacl([], USER), userToken(), READ_CONTROL | WRITE_DAC, 0x60000],
    ['owners have no other right', dacl([], USER), userToken(), READ, 'ACCESS_DENIED'],
    ['owners, MAXIMUM_ALLOWED', dacl([deny(USER, ALL)], USER), userToken(), MAXIMUM_ALLOWED, READ_CONTROL | WRITE_DAC],
    ['WRITE_OWNER is no right of owners', dacl([], USER), userToken(), WRITE_OWNER, 'ACCESS_DENIED'],
    [
      'SeTakeOwnershipPrivilege',
      dacl([]),
      userToken({ enabled: [Privilege.TAKE_OWNERSHIP] }),
      WRITE_OWNER,
      WRITE_OWNER,
    ],
    ['the SACL without privilege', dacl(null), userToken(), SYSTEM_SECURITY, 'PRIVILEGE_NOT_HELD'],
    ['SeSecurityPrivilege', dacl([]), userToken({ enabled: [Privilege.SECURITY] }), SYSTEM_SECURITY, SYSTEM_SECURITY],
    [
      'a deny-only group denies',
      dacl([deny(USERS, 1), allow(USER, 1)]),
      userToken({ groups: denyOnlyUsers }),
      1,
      'ACCESS_DENIED',
    ],
    [
      'a deny-only group allows nothing',
      dacl([allow(USERS, 1)]),
      userToken({ groups: denyOnlyUsers }),
      1,
      'ACCESS_DENIED',
    ],
    ['a disabled group is none', dacl([deny(INTERACTIVE, 1), allow(USER, 1)]), userToken({ groups: [] }), 1, 1],
    [
      'restricted: both must grant',
      dacl([allow(USER, 3), allow(RESTRICTED_CODE, 1)]),
      userToken(restrictedTo(RESTRICTED_CODE)),
      1,
      1,
    ],
    [
      'restricted: one is not enough',
      dacl([allow(USER, 3)]),
      userToken(restrictedTo(RESTRICTED_CODE)),
      1,
      'ACCESS_DENIED',
    ],
    ['restricted to nobody', dacl([allow(USER, 3)]), userToken(restrictedTo()), 1, 'ACCESS_DENIED'],
    [
      'restricted: MAXIMUM_ALLOWED',
      dacl([allow(USER, 3), allow(USERS, 1)]),
      userToken(restrictedTo(USERS)),
      MAXIMUM_ALLOWED,
      1,
    ],
    ['a restricted owner', dacl([], USER), userToken(restrictedTo(USERS)), WRITE_DAC, 'ACCESS_DENIED'],
  ])('%s', (_what, descriptor, token, desired, granted) => {
    const result = accessCheck(descriptor, token, desired, ALL);
    expect(result.status === Status.SUCCESS ? result.granted : named(result.status)).toBe(granted);
  });

  const sids = [USER, USERS, EVERYONE, ADMINISTRATORS, INTERACTIVE, LOCAL_SYSTEM] as const;
  const sid = fc.constantFrom(...sids);
  const ace = fc.record({
    type: fc.constantFrom(0, 0, 1, 1, 2),
    sid,
    mask: fc.integer({ min: 0, max: ALL }).map((bits) => bits & ALL),
    inheritOnly: fc.constantFrom(false, false, false, true),
  });
  const scene = fc.record({
    aces: fc.option(fc.array(ace, { maxLength: 8 })),
    owner: sid,
    member: fc.array(fc.constantFrom('enabled', 'disabled', 'denyOnly'), { minLength: 6, maxLength: 6 }),
    restricting: fc.option(fc.array(sid, { maxLength: 3 })),
    privileges: fc.subarray([Privilege.SECURITY, Privilege.TAKE_OWNERSHIP]),
    desired: fc.integer({ min: 0, max: ALL }).map((bits) => bits & ALL),
    maximum: fc.boolean(),
    systemSecurity: fc.constantFrom(false, false, true),
  });

  it('agrees with a model that decides right by right', () => {
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(scene, ({ aces, owner, member, restricting, privileges, desired, maximum, systemSecurity }) => {
        const attributes = { enabled: GroupAttribute.ENABLED, disabled: 0, denyOnly: GroupAttribute.USE_FOR_DENY_ONLY };
        // The first identifier is the user's own, who cannot be disabled.
        const token = userToken({
          user: { sid: USER, attributes: member[0] === 'denyOnly' ? GroupAttribute.USE_FOR_DENY_ONLY : 0 },
          groups: sids.slice(1).map((group, index) => ({ sid: group, attributes: attributes[member[index + 1]] })),
          ...(restricting === null ? {} : restrictedTo(...restricting)),
          enabled: privileges,
        });
        const entries = aces?.map(({ type, sid: who, mask, inheritOnly }) =>
          entry(type, who, mask, inheritOnly ? AceFlag.INHERIT_ONLY : 0),
        );
        const asked = desired | (maximum ? MAXIMUM_ALLOWED : 0) | (systemSecurity ? SYSTEM_SECURITY : 0);
        const result = accessCheck(dacl(entries ?? null, owner), token, asked, ALL);

        // The model: membership as sets of names, and for every right the first entry that speaks of it.
        const name = (who: SecurityIdentifier) => sids.indexOf(who);
        const isMember = (who: number, denial: boolean) =>
          member[who] === 'enabled' ||
          (member[who] === 'disabled' && who === 0) ||
          (denial && member[who] === 'denyOnly');
        const isListed = (who: number) => restricting?.some((listed) => name(listed) === who) ?? true;
        const firstSays = (right: number, counts: (who: number, denial: boolean) => boolean) => {
          if (aces === null) return true;
          const first = aces.find(
            (one) =>
              one.type < 2 && !one.inheritOnly && (one.mask & right) !== 0 && counts(name(one.sid), one.type === 1),
          );
          return first?.type === 0;
        };
        const owns = isMember(name(owner), false) && isListed(name(owner));
        const may = (right: number, byPrivilege: boolean): boolean =>
          (owns && (right === READ_CONTROL || right === WRITE_DAC)) ||
          (byPrivilege && right === WRITE_OWNER && privileges.includes(Privilege.TAKE_OWNERSHIP)) ||
          (firstSays(right, isMember) && (restricting === null || firstSays(right, isListed)));
        const rights = [READ, WRITE, DELETE, READ_CONTROL, WRITE_DAC, WRITE_OWNER];
        const wanted = rights.filter((right) => (desired & right) !== 0);
        const given = rights.filter((right) =>
          (desired & right) !== 0 ? may(right, true) : maximum && may(right, false),
        );
        let expected: string;
        if (systemSecurity && !privileges.includes(Privilege.SECURITY)) expected = 'PRIVILEGE_NOT_HELD';
        else if (!wanted.every((right) => given.includes(right))) expected = 'ACCESS_DENIED';
        else {
          const sum = given.reduce((bits, right) => bits | right, systemSecurity ? SYSTEM_SECURITY : 0);
          expected = sum === 0 ? 'ACCESS_DENIED' : sum.toString(16);
        }
        const got = result.status === Status.SUCCESS ? result.granted.toString(16) : named(result.status);
        outcomes.add(got);
        expect(got).toBe(expected);
      }),
      { numRuns: 1000, seed: 1 },
    );
    expect(outcomes.size).toBeGreaterThan(20);
  });
});

describe('assignSecurity', () => {
  const creator = { explicit: null, parent: null, container: false, token: accountToken('admin', [], 1), mapping };
  const daclOf = (request: Partial<Parameters<typeof assignSecurity>[0]>) =>
    assignSecurity({ ...creator, ...request }).descriptor?.dacl?.entries.map(({ sid, mask, flags }) => [
      sid,
      mask,
      flags,
    ]);

  it('takes what the creator does not say from his token', () => {
    const { descriptor } = assignSecurity(creator);
    expect(descriptor).toMatchObject({ owner: ADMINISTRATORS, group: machineSid(513), sacl: null });
    expect(daclOf({})).toEqual([
      [ADMINISTRATORS, ALL, 0],
      [LOCAL_SYSTEM, ALL, 0],
    ]);
  });

  it('lets only those own who may', () => {
    const owned = (owner: SecurityIdentifier, token = creator.token) =>
      named(assignSecurity({ ...creator, token, explicit: dacl([], owner) }).status);
    expect(owned(machineSid(500))).toBe('SUCCESS');
    expect(owned(ADMINISTRATORS)).toBe('SUCCESS');
    expect(owned(USERS)).toBe('INVALID_OWNER');
    expect(owned(USERS, userToken({ enabled: [Privilege.RESTORE] }))).toBe('SUCCESS');
  });

  it('takes a SACL only from those with SeSecurityPrivilege', () => {
    const explicit = { ...dacl([], USER), control: Control.SACL_PRESENT, sacl: aclOf([]) };
    expect(assignSecurity({ ...creator, token: userToken(), explicit }).status).toBe(Status.PRIVILEGE_NOT_HELD);
    const token = userToken({ enabled: [Privilege.SECURITY] });
    expect(assignSecurity({ ...creator, token, explicit }).descriptor?.sacl).toEqual(aclOf([]));
  });

  it('maps generic rights of the creator’s DACL', () => {
    expect(daclOf({ explicit: dacl([allow(EVERYONE, 0x80000000)], ADMINISTRATORS) })).toEqual([
      [EVERYONE, READ_CONTROL | READ, 0],
    ]);
  });

  const INHERITED = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT;
  const parent = dacl([
    allow(EVERYONE, READ, AceFlag.OBJECT_INHERIT),
    deny(USERS, WRITE, AceFlag.CONTAINER_INHERIT | AceFlag.NO_PROPAGATE_INHERIT),
    allow(CREATOR_OWNER, 0x10000000, INHERITED | AceFlag.INHERIT_ONLY),
    allow(USERS, ALL),
  ]);

  it('inherits for objects what their directory hands on to objects', () => {
    expect(daclOf({ parent })).toEqual([
      [EVERYONE, READ, 0],
      [ADMINISTRATORS, ALL, 0],
    ]);
  });

  it('inherits for directories what counts for them, and what they are to hand on', () => {
    expect(daclOf({ parent, container: true })).toEqual([
      [EVERYONE, READ, AceFlag.OBJECT_INHERIT | AceFlag.INHERIT_ONLY],
      [USERS, WRITE, 0],
      [ADMINISTRATORS, ALL, 0],
      [CREATOR_OWNER, 0x10000000, INHERITED | AceFlag.INHERIT_ONLY],
    ]);
  });

  it('inherits nothing where the creator has said what he wants', () => {
    expect(daclOf({ parent, explicit: dacl([]) })).toBeUndefined();
    expect(daclOf({ parent, explicit: dacl([], ADMINISTRATORS) })).toEqual([]);
    const defaulted = { ...dacl([], ADMINISTRATORS), control: Control.DACL_PRESENT | Control.DACL_DEFAULTED };
    expect(daclOf({ parent, explicit: defaulted })).toHaveLength(2);
  });
});

describe('bytes', () => {
  const sid = fc.record({
    authority: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    subAuthorities: fc.array(fc.integer({ min: 0, max: 0xffffffff }), { maxLength: 15 }),
  });
  const ace = fc
    .record({
      type: fc.integer({ min: 0, max: 3 }),
      sid,
      mask: fc.integer({ min: 0, max: 0xffffffff }),
      flags: fc.nat(255),
    })
    .map(({ type, sid: who, mask, flags }) => entry(type, who, mask, flags));
  const acl = fc.array(ace, { maxLength: 5 }).map((entries) => aclOf(entries));

  it('of descriptors come back as they went', () => {
    const parts = {
      control: fc.constant(Control.DACL_PRESENT | Control.SACL_PRESENT),
      owner: fc.option(sid),
      group: fc.option(sid),
    };
    fc.assert(
      fc.property(fc.record({ ...parts, dacl: fc.option(acl), sacl: fc.option(acl) }), (descriptor) => {
        expect(parseSelfRelative(selfRelativeBytes(descriptor))).toEqual(descriptor);
      }),
      { numRuns: 200, seed: 2 },
    );
  });

  it('that are damaged are no ACL, or another one of the same size', () => {
    fc.assert(
      fc.property(acl, fc.nat(), fc.nat(255), (list, place, value) => {
        const bytes = aclBytes(list);
        bytes[place % bytes.length] = value;
        const parsed = parseAcl(bytes);
        if (parsed !== null) expect(aclBytes(parsed).length).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 500, seed: 3 },
    );
  });
});
