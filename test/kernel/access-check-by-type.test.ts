import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { accessCheck } from '../../kernel/se/access-check.js';
import { accessCheckByType, accessCheckEachType, type ObjectTypeEntry } from '../../kernel/se/access-check-by-type.js';
import { accountToken } from '../../kernel/se/account.js';
import {
  type AccessControlEntry,
  AceFlag,
  AceType,
  aclBytes,
  aclOf,
  entry,
  type Guid,
  parseAcl,
} from '../../kernel/se/acl.js';
import { assignSecurity } from '../../kernel/se/assign-security.js';
import { Control, type SecurityDescriptor } from '../../kernel/se/security-descriptor.js';
import { ADMINISTRATORS, EVERYONE, LOCAL_SYSTEM, machineSid, PRINCIPAL_SELF, USERS } from '../../kernel/se/sid.js';
import { Token } from '../../kernel/se/token.js';

/**
 * Objects with properties: entries of a DACL may be about one of them, a set of them, or the whole. The tree of the tests is an
 * object with two sets of two properties.
 */
const guid = (digit: number): Guid => digit.toString(16).repeat(32);
const [OBJECT, NAMES, FIRST, LAST, NUMBERS, PHONE, FAX] = [1, 2, 3, 4, 5, 6, 7].map(guid);
const TREE: readonly ObjectTypeEntry[] = [
  { level: 0, type: OBJECT },
  { level: 1, type: NAMES },
  { level: 2, type: FIRST },
  { level: 2, type: LAST },
  { level: 1, type: NUMBERS },
  { level: 2, type: PHONE },
  { level: 2, type: FAX },
];
const [READ, WRITE, ALL, MAXIMUM_ALLOWED] = [1, 2, 0x1f0003, 0x2000000];
const user = accountToken('user', [], 1);

const typed = (type: number, mask: number, objectType: Guid | null, sid = USERS, flags = 0): AccessControlEntry => ({
  ...entry(type, sid, mask, flags),
  objectType,
});
const allow = (mask: number, objectType: Guid | null = null, sid = USERS) =>
  typed(AceType.ACCESS_ALLOWED_OBJECT, mask, objectType, sid);
const deny = (mask: number, objectType: Guid | null = null, sid = USERS) =>
  typed(AceType.ACCESS_DENIED_OBJECT, mask, objectType, sid);

function descriptorOf(...entries: readonly AccessControlEntry[]): SecurityDescriptor {
  return {
    control: Control.DACL_PRESENT,
    owner: ADMINISTRATORS,
    group: LOCAL_SYSTEM,
    dacl: aclOf(entries, 4),
    sacl: null,
  };
}

/** The verdict about each node, in the order of the tree: rights, or 'no'. */
function each(entries: readonly AccessControlEntry[], desired: number, token = user): (number | 'no')[] {
  const request = { descriptor: descriptorOf(...entries), token, desired, all: ALL, types: TREE, self: machineSid(77) };
  return accessCheckEachType(request).map(({ status, granted }) => (status === Status.SUCCESS ? granted : 'no'));
}
const whole = (entries: readonly AccessControlEntry[], desired: number, types = TREE): string => {
  const request = { descriptor: descriptorOf(...entries), token: user, desired, all: ALL, types, self: null };
  return statusName(accessCheckByType(request).status).replace('STATUS_', '');
};

describe('access to an object and its properties', () => {
  it.each<
    [what: string, entries: readonly AccessControlEntry[], desired: number, verdicts: readonly (number | 'no')[]]
  >([
    ['the whole object', [allow(READ)], READ, [1, 1, 1, 1, 1, 1, 1]],
    ['an ordinary entry is about the whole', [entry(0, USERS, READ)], READ, [1, 1, 1, 1, 1, 1, 1]],
    ['the object by its own type', [allow(READ, OBJECT)], READ, [1, 1, 1, 1, 1, 1, 1]],
    ['a set of properties', [allow(READ, NAMES)], READ, ['no', 1, 1, 1, 'no', 'no', 'no']],
    ['a property', [allow(READ, PHONE)], READ, ['no', 'no', 'no', 'no', 'no', 1, 'no']],
    ['all of a set are the set', [allow(READ, PHONE), allow(READ, FAX)], READ, ['no', 'no', 'no', 'no', 1, 1, 1]],
    ['all sets are the object', [allow(READ, NAMES), allow(READ, NUMBERS)], READ, [1, 1, 1, 1, 1, 1, 1]],
    ['what the tree has not', [allow(READ, guid(9))], READ, Array(7).fill('no')],
    ['a denial of a property', [deny(READ, FAX), allow(READ)], READ, ['no', 1, 1, 1, 'no', 1, 'no']],
    ['a denial that comes too late', [allow(READ), deny(READ, FAX)], READ, [1, 1, 1, 1, 1, 1, 1]],
    ['a denial of the whole', [deny(READ), allow(READ, FAX)], READ, Array(7).fill('no')],
    [
      'rights of several kinds',
      [allow(READ), allow(WRITE, LAST)],
      READ | WRITE,
      ['no', 'no', 'no', 3, 'no', 'no', 'no'],
    ],
    ['all that there are', [allow(READ), allow(WRITE, LAST)], MAXIMUM_ALLOWED, [1, 1, 1, 3, 1, 1, 1]],
    ['somebody else', [allow(READ, null, ADMINISTRATORS)], READ, Array(7).fill('no')],
    ['audits count for nothing', [typed(AceType.SYSTEM_AUDIT_OBJECT, READ, null)], READ, Array(7).fill('no')],
    ['entries to be inherited', [typed(5, READ, null, USERS, AceFlag.INHERIT_ONLY)], READ, Array(7).fill('no')],
  ])('%s', (_what, entries, desired, verdicts) => {
    expect(each(entries, desired)).toEqual(verdicts);
    expect(whole(entries, desired)).toBe(verdicts[0] === 'no' ? 'ACCESS_DENIED' : 'SUCCESS');
  });

  it('PRINCIPAL_SELF is whom the object stands for', () => {
    const own = new Token(2, { ...user.contents(), user: { sid: machineSid(77), attributes: 0 } });
    const entries = [allow(WRITE, PHONE, PRINCIPAL_SELF)];
    expect(each(entries, WRITE, own)[5]).toBe(WRITE);
    expect(each(entries, WRITE)[5]).toBe('no');
  });

  it('a restricted token needs both: its own identifiers and the restricting ones', () => {
    const restrictedSids = [{ sid: EVERYONE, attributes: 7 }];
    const token = new Token(2, { ...user.contents(), isRestricted: true, restrictedSids });
    expect(each([allow(READ, NAMES), allow(READ, FIRST, EVERYONE)], READ, token)).toEqual([
      'no',
      'no',
      1,
      ...Array(4).fill('no'),
    ]);
  });

  it('without a list an allowance of a property is none, and a denial of one is of the whole', () => {
    const check = (...entries: readonly AccessControlEntry[]) =>
      statusName(accessCheck(descriptorOf(...entries), user, READ, ALL).status);
    expect(check(allow(READ))).toBe('STATUS_SUCCESS');
    expect(check(allow(READ, FAX))).toBe('STATUS_ACCESS_DENIED');
    expect(check(deny(READ, FAX), allow(READ))).toBe('STATUS_ACCESS_DENIED');
  });

  it('agrees with a model: a right of a node is as the first entry says that is about it or around it', () => {
    // Without merging upwards: rights of leaves, which nothing else adds to.
    const leaves = [2, 3, 5, 6];
    const around = (node: number): readonly Guid[] => [OBJECT, node < 4 ? NAMES : NUMBERS, TREE[node]?.type ?? ''];
    const one = fc.record({
      isDenial: fc.boolean(),
      right: fc.constantFrom(READ, WRITE),
      type: fc.option(fc.constantFrom(OBJECT, NAMES, FIRST, LAST, NUMBERS, PHONE, FAX), { nil: null }),
    });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 8 }), fc.constantFrom(...leaves), (entries, leaf) => {
        const decided = [READ, WRITE].map((right) => {
          const about = entries.find(
            (given) => given.right === right && (given.type === null || around(leaf).includes(given.type)),
          );
          return about === undefined || about.isDenial ? 0 : right;
        });
        const given = entries.map(({ isDenial, right, type }) => (isDenial ? deny(right, type) : allow(right, type)));
        const request = { descriptor: descriptorOf(...given), token: user, all: ALL, types: TREE, self: null };
        const got = accessCheckEachType({ ...request, desired: MAXIMUM_ALLOWED })[leaf];
        expect(got?.granted).toBe((decided[0] ?? 0) | (decided[1] ?? 0));
      }),
      { numRuns: 2000, seed: 86 },
    );
  });
});

describe('entries about properties', () => {
  it('come back from their bytes', () => {
    const entries = [allow(READ), deny(WRITE, FAX), { ...allow(3, NAMES), inheritedObjectType: OBJECT }];
    const bytes = aclBytes(aclOf([...entries, { ...allow(1), inheritedObjectType: FAX }], 4));
    expect(parseAcl(bytes)).toEqual({ ...aclOf([...entries, { ...allow(1), inheritedObjectType: FAX }], 4) });
    expect(bytes.length).toBe(8 + 28 + 44 + 60 + 44);
  });

  it('that are cut off are no ACL', () => {
    const bytes = aclBytes(aclOf([{ ...allow(3, NAMES), inheritedObjectType: OBJECT }], 4));
    for (let length = 4; length < 60; length += 4) {
      const cut = bytes.slice();
      new DataView(cut.buffer).setUint16(10, length, true);
      expect(parseAcl(cut)).toBeNull();
    }
  });

  it('for one kind of child are handed on by directories, and count for nothing that is here', () => {
    const inherit = AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT;
    const ace = { ...typed(5, READ, null, USERS, inherit), inheritedObjectType: FAX };
    const mapping = { read: 1, write: 2, execute: 4, all: ALL };
    const child = (container: boolean) =>
      assignSecurity({ explicit: null, parent: descriptorOf(ace), container, token: user, mapping }).descriptor;
    expect(child(true)?.dacl?.entries).toEqual([{ ...ace, flags: inherit | AceFlag.INHERIT_ONLY }]);
    expect(child(false)?.dacl?.entries).toEqual(
      user.defaultDacl?.entries.map((own) => expect.objectContaining({ sid: own.sid })),
    );
  });
});
