import { beforeEach, describe, expect, it } from 'vitest';
import { statusName } from '../../kernel/ntstatus.js';
import { AceType, aclBytes, aclOf } from '../../kernel/se/acl.js';
import { Privilege } from '../../kernel/se/privilege.js';
import { ADMINISTRATORS, LOCAL_SYSTEM, machineSid, sidBytes, USERS } from '../../kernel/se/sid.js';
import type { Blocking } from '../../kernel/types.js';
import {
  ATTRIBUTES,
  allow,
  BUFFER,
  Caller,
  EVENT_ALL,
  HANDLE,
  KERNEL,
  NOWHERE,
  OUT,
  QUALITY,
  SECURITY,
  SELF,
  THREAD,
  TOKEN_ALL,
} from './security-caller.js';

/** What servers ask the security reference monitor: checks by type, the security log, tokens of their own making. */

const TREE = BUFFER + 0x200;
const GUIDS = BUFFER + 0x280;
const SELF_SID = BUFFER + 0x300;
const [MAPPING, SET, LENGTH] = [BUFFER, BUFFER + 0x40, BUFFER + 0x20];
const RESULTS = BUFFER + 0x340;
const NAME = BUFFER + 0x3c0;
const GENERATE = BUFFER + 0x3f0;

let caller: Caller;
beforeEach(() => {
  caller = new Caller();
});

/** A tree of one object with two properties, a mapping, room for answers; a descriptor that allows the second property alone. */
function prepare(): void {
  const { user } = caller;
  caller.words(MAPPING, 1, 2, 4, 0x1f0007);
  caller.words(LENGTH, 0x40);
  caller.words(TREE, 0, GUIDS, 1, GUIDS + 16, 1, GUIDS + 32);
  for (let index = 0; index < 3; index++) user.writeBytes(GUIDS + index * 16, new Uint8Array(16).fill(index + 1));
  user.writeBytes(SELF_SID, sidBytes(machineSid(1000)));
  const property = { ...allow(USERS, 1), type: AceType.ACCESS_ALLOWED_OBJECT, objectType: '03'.repeat(16) };
  caller.descriptor([property], LOCAL_SYSTEM);
  user.writeBytes(NAME + 8, Uint8Array.of(0x61, 0, 0x62, 0));
  caller.words(NAME, 0x40004, NAME + 8);
}

const answers = (count: number): unknown[] =>
  Array.from({ length: count }, (_, index) => [
    caller.user.read32(RESULTS + index * 4),
    statusName(caller.user.read32(RESULTS + 0x20 + index * 4)).replace('STATUS_', ''),
  ]);
const [DENIED, GRANTED] = [
  [0, 'ACCESS_DENIED'],
  [1, 'SUCCESS'],
];

describe('NtAccessCheckByType', () => {
  /** Descriptor, principal self, token, access, list, its length, mapping, privileges, their length, granted, status. */
  const parameters = (client: number): number[] => [
    ...[SECURITY, SELF_SID, client, 1, TREE, 3, MAPPING, SET, LENGTH, RESULTS, RESULTS + 0x20],
  ];

  it('answers for the whole, and ResultList for each property', () => {
    caller.run(function* () {
      const client = yield* caller.client('user', 1);
      prepare();
      expect(yield* caller.call('NtAccessCheckByTypeResultList', ...parameters(client))).toBe('SUCCESS');
      expect(answers(3)).toEqual([DENIED, DENIED, GRANTED]);
      expect(yield* caller.call('NtAccessCheckByType', ...parameters(client))).toBe('SUCCESS');
      expect(answers(1)).toEqual([DENIED]);
    });
  });

  it('refuses wrong parameters', () => {
    caller.run(function* () {
      const client = yield* caller.client('user', 1);
      const weak = yield* caller.handle('NtDuplicateToken', client, 2, 0, 0, 2, HANDLE);
      const wrong: readonly [number, number, string][] = [
        [0, NOWHERE, 'ACCESS_VIOLATION'],
        [1, NOWHERE, 'ACCESS_VIOLATION'],
        [1, MAPPING + 4, 'INVALID_SID'],
        [2, 0x770, 'INVALID_HANDLE'],
        [2, SELF, 'OBJECT_TYPE_MISMATCH'],
        [2, Number(weak), 'ACCESS_DENIED'],
        [3, 0x80000000, 'GENERIC_NOT_MAPPED'],
        [4, 0, 'INVALID_PARAMETER'],
        [4, NOWHERE, 'ACCESS_VIOLATION'],
        [4, TREE + 8, 'INVALID_PARAMETER'],
        [5, 0x10000000, 'INVALID_PARAMETER'],
        [6, NOWHERE, 'ACCESS_VIOLATION'],
        [7, KERNEL, 'ACCESS_VIOLATION'],
        [8, 0, 'ACCESS_VIOLATION'],
        [9, NOWHERE, 'ACCESS_VIOLATION'],
        [10, RESULTS + 1, 'DATATYPE_MISALIGNMENT'],
      ];
      for (const service of ['NtAccessCheckByType', 'NtAccessCheckByTypeResultList']) {
        for (const [place, value, status] of wrong) {
          prepare();
          const given = parameters(client).with(place, value);
          expect([service, place, value, yield* caller.call(service, ...given)]).toEqual([
            service,
            place,
            value,
            status,
          ]);
        }
      }
      prepare();
      expect(yield* caller.call('NtAccessCheckByTypeResultList', ...parameters(client).with(5, 0))).toBe(
        'INVALID_PARAMETER',
      );
      // No second root, and no step down by two levels.
      for (const level of [0, 3, 5]) {
        prepare();
        caller.words(TREE + 16, level);
        expect(yield* caller.call('NtAccessCheckByType', ...parameters(client))).toBe('INVALID_PARAMETER');
      }
    });
  });
});

describe('the security log', () => {
  type Service = readonly [name: string, parameters: (client: number) => readonly number[]];
  const whole = [SECURITY, 1, MAPPING, 0, RESULTS, RESULTS + 0x20, GENERATE] as const;
  const typed = [SECURITY, SELF_SID, 1, 0, 0, TREE, 3, MAPPING, 0, RESULTS, RESULTS + 0x20, GENERATE] as const;
  const checks: readonly Service[] = [
    ['NtAccessCheckAndAuditAlarm', () => [NAME, 0, NAME, NAME, ...whole]],
    ['NtAccessCheckByTypeAndAuditAlarm', () => [NAME, 0, NAME, NAME, ...typed]],
    ['NtAccessCheckByTypeResultListAndAuditAlarm', () => [NAME, 0, NAME, NAME, ...typed]],
    ['NtAccessCheckByTypeResultListAndAuditAlarmByHandle', (client) => [NAME, 0, client, NAME, NAME, ...typed]],
  ];
  const others: readonly Service[] = [
    ['NtOpenObjectAuditAlarm', (client) => [NAME, OUT, NAME, NAME, SECURITY, client, 1, 1, 0, 0, 1, GENERATE]],
    ['NtCloseObjectAuditAlarm', () => [NAME, 0, 1]],
    ['NtDeleteObjectAuditAlarm', () => [NAME, 0, 1]],
    ['NtPrivilegedServiceAuditAlarm', (client) => [NAME, NAME, client, OUT, 1]],
    ['NtPrivilegeObjectAuditAlarm', (client) => [NAME, 0, client, 1, OUT, 1]],
  ];

  /** What each service says when the process has or has not SeAuditPrivilege, while a client is acted for. */
  function* statuses(services: readonly Service[], change: (given: number[]) => void = () => {}): Blocking<string[]> {
    const client = yield* caller.client('user', 2);
    caller.bare.kernel.ke.currentThread.executive = caller.bare.thread.executive;
    caller.words(BUFFER, client);
    yield* caller.call('NtSetInformationThread', THREAD, 5, BUFFER, 4);
    const got: string[] = [];
    for (const [name, parameters] of services) {
      prepare();
      caller.words(OUT, 0, 0);
      caller.user.write8(GENERATE, 0xcc);
      const given = [...parameters(client)];
      change(given);
      got.push(yield* caller.call(name, ...given));
    }
    yield* caller.call('NtSetInformationThread', THREAD, 5, caller.words(BUFFER, 0), 4);
    caller.bare.kernel.ke.currentThread.executive = null;
    return got;
  }

  it.each(['user', 'admin'] as const)('is not for an account without SeAuditPrivilege: %s', (account) => {
    caller.run(function* () {
      caller.become(account);
      const got = yield* statuses([...checks, ...others]);
      expect(got).toEqual(Array(got.length).fill('PRIVILEGE_NOT_HELD'));
      // Nothing to be told of the close: nobody asks for a privilege.
      expect(yield* caller.call('NtCloseObjectAuditAlarm', NOWHERE, 0, 0)).toBe('SUCCESS');
      expect(yield* caller.call('NtDeleteObjectAuditAlarm', NOWHERE, 0, 0)).toBe('SUCCESS');
    });
  });

  it('gets nothing of accesses to objects, and the answers are those of the checks', () => {
    caller.run(function* () {
      caller.become('system');
      const got = yield* statuses([...others, ...checks]);
      expect(got).toEqual(Array(got.length).fill('SUCCESS'));
      expect(answers(3)).toEqual([DENIED, DENIED, GRANTED]);
      expect(caller.user.read8(GENERATE)).toBe(0);
    });
  });

  it('does not matter to those who say so', () => {
    caller.run(function* () {
      caller.become('user');
      expect(yield* statuses(checks.slice(1), (given) => given.splice(-8, 1, 1))).toEqual(Array(3).fill('SUCCESS'));
    });
  });

  it('refuses wrong parameters', () => {
    caller.run(function* () {
      caller.become('system');
      const all = [...checks, ...others.filter(([name]) => !/Close|Delete/.test(name))];
      const violations = yield* statuses([...all, ...others], (given) => given.splice(0, 1, NOWHERE));
      expect(violations).toEqual(Array(violations.length).fill('ACCESS_VIOLATION'));
      const byHandle = [...others.filter(([name]) => !/Close|Delete/.test(name)), ...checks.slice(3)];
      const closed = yield* statuses(byHandle, (given) => {
        const client = given.findIndex((value) => value > 0 && value < 0x100 && value % 4 === 0);
        given.splice(client, 1, 0x770);
      });
      expect(closed).toEqual(Array(closed.length).fill('INVALID_HANDLE'));
      expect(yield* statuses(checks, (given) => given.splice(-1, 1, KERNEL))).toEqual(
        Array(4).fill('ACCESS_VIOLATION'),
      );
      prepare();
      const [[service, parameters]] = checks;
      expect(yield* caller.call(service, ...parameters(0))).toBe('NO_IMPERSONATION_TOKEN');
    });
  });
});

describe('NtCreateToken', () => {
  const [USER, GROUPS, PRIVILEGES, OWNER, PRIMARY, DEFAULT, SOURCE, LUID, SIDS] = [
    0x400, 0x420, 0x440, 0x480, 0x490, 0x4a0, 0x4b0, 0x4d0, 0x500,
  ].map((offset) => BUFFER + offset);
  const [own, users, system] = [SIDS, SIDS + 0x40, SIDS + 0x80];

  /** A user of USERS with two privileges. */
  function describeToken(): number[] {
    caller.user.writeBytes(own, sidBytes(machineSid(2000)));
    caller.user.writeBytes(users, sidBytes(USERS));
    caller.user.writeBytes(system, sidBytes(LOCAL_SYSTEM));
    caller.user.writeBytes(SIDS + 0xc0, aclBytes(aclOf([allow(USERS, 0x10000000)])));
    caller.words(USER, own, 0);
    caller.words(GROUPS, 1, users, 1);
    caller.words(PRIVILEGES, 2, Privilege.CHANGE_NOTIFY, 0, 3, Privilege.DEBUG, 0, 0);
    caller.words(OWNER, own);
    caller.words(PRIMARY, users);
    caller.words(DEFAULT, SIDS + 0xc0);
    caller.user.writeBytes(
      SOURCE,
      Uint8Array.from('testing ', (letter) => letter.charCodeAt(0)),
    );
    caller.words(SOURCE + 8, 0x77, 0);
    caller.words(LUID, 0x3e7, 0);
    caller.named('');
    return [HANDLE, TOKEN_ALL, 0, 1, LUID, LUID, USER, GROUPS, PRIVILEGES, OWNER, PRIMARY, DEFAULT, SOURCE];
  }

  it('makes a token of anybody’s, for those who may', () => {
    caller.run(function* () {
      caller.become('admin');
      expect(yield* caller.call('NtCreateToken', ...describeToken())).toBe('PRIVILEGE_NOT_HELD');
      caller.become('system');
      // It is held, and has to be enabled first.
      expect(yield* caller.call('NtCreateToken', ...describeToken())).toBe('PRIVILEGE_NOT_HELD');
      const held = caller.bare.process.token?.body.privileges.find(({ luid }) => luid === Privilege.CREATE_TOKEN);
      if (held !== undefined) held.attributes = 2;
      const handle = Number(yield* caller.handle('NtCreateToken', ...describeToken()));
      const { ob } = caller.bare.kernel;
      const token = ob.peekObjectByHandle(handle, ob.types.token, 0).object?.body;
      expect(token).toMatchObject({
        type: 1,
        authenticationId: 0x3e7,
        source: 'testing ',
        sourceId: 0x77,
        user: { sid: machineSid(2000) },
        owner: machineSid(2000),
        primaryGroup: USERS,
      });
      // A group that cannot be disabled is enabled.
      expect(token?.groups).toEqual([{ sid: USERS, attributes: 7 }]);
      expect([token?.mayTraverse, token?.holdsPrivilege(Privilege.DEBUG), token?.hasSid(ADMINISTRATORS)]).toEqual([
        true,
        false,
        false,
      ]);
      // What it is for: a process goes on as that user.
      caller.words(BUFFER, handle, 0);
      expect(token?.defaultDacl?.entries.map(({ sid }) => sid)).toEqual([USERS]);
    });
  });

  it('refuses wrong parameters', () => {
    caller.run(function* () {
      caller.become('system');
      for (const privilege of caller.bare.process.token?.body.privileges ?? []) privilege.attributes = 2;
      const wrong: readonly [number, number, string][] = [
        [0, KERNEL, 'ACCESS_VIOLATION'],
        [0, HANDLE + 2, 'DATATYPE_MISALIGNMENT'],
        [2, NOWHERE, 'ACCESS_VIOLATION'],
        [3, 0, 'BAD_TOKEN_TYPE'],
        [3, 3, 'BAD_TOKEN_TYPE'],
        [4, NOWHERE, 'ACCESS_VIOLATION'],
        [4, SIDS, 'NO_SUCH_LOGON_SESSION'],
        [5, NOWHERE, 'ACCESS_VIOLATION'],
        [6, NOWHERE, 'ACCESS_VIOLATION'],
        [7, 0, 'ACCESS_VIOLATION'],
        [8, 0, 'ACCESS_VIOLATION'],
        [9, PRIMARY, 'INVALID_OWNER'],
        [10, 0, 'ACCESS_VIOLATION'],
        [11, OWNER, 'INVALID_ACL'],
        [12, NOWHERE, 'ACCESS_VIOLATION'],
      ];
      const count = caller.bare.process.handleTable.count;
      for (const [place, value, status] of wrong) {
        const given = describeToken().with(place, value);
        expect([place, value, yield* caller.call('NtCreateToken', ...given)]).toEqual([place, value, status]);
      }
      const given = describeToken();
      caller.words(PRIMARY, system);
      expect(yield* caller.call('NtCreateToken', ...given)).toBe('INVALID_PRIMARY_GROUP');
      // An impersonation token is as strong as the quality of service says.
      caller.words(QUALITY, 0xc, 4, 0);
      expect(yield* caller.call('NtCreateToken', ...describeToken().with(2, ATTRIBUTES).with(3, 2))).toBe(
        'INVALID_PARAMETER',
      );
      expect(caller.bare.process.handleTable.count).toBe(count);
    });
  });
});

describe('devices', () => {
  it('are opened by whom their descriptors let', () => {
    caller.run(function* () {
      const open = (name: string, access: number): Blocking<string> =>
        caller.call('NtOpenFile', HANDLE, access, caller.named(name), OUT, 7, 0);
      const [DATA, ATTRIBUTES_ONLY, WRITE_DAC] = [0x100003, 0x100080, 0x140000];
      const volume = '\\??\\C:';
      caller.become('user');
      expect(yield* open('\\Device\\Null', DATA)).toBe('SUCCESS');
      expect(yield* open('\\Device\\Null', WRITE_DAC)).toBe('ACCESS_DENIED');
      expect(yield* open(volume, ATTRIBUTES_ONLY)).toBe('SUCCESS');
      expect(yield* open(volume, DATA)).toBe('ACCESS_DENIED');
      expect(yield* open(volume, 0x80000000)).toBe('ACCESS_DENIED');
      expect(yield* open(volume, 0x2000000)).toBe('SUCCESS');
      expect(caller.granted(caller.user.read32(HANDLE)) & 0x2).toBe(0);
      // Not the volume but its root directory.
      expect(yield* open(`${volume}\\`, 0x100001)).toBe('SUCCESS');
      caller.become('admin');
      expect(yield* open(volume, DATA)).toBe('SUCCESS');
      expect(yield* open('\\Device\\Null', WRITE_DAC)).toBe('SUCCESS');
    });
  });
});

describe('SeCreateGlobalPrivilege', () => {
  it('is asked of those in other sessions who make sections with global names', () => {
    caller.run(function* () {
      const section = (name: string): Blocking<string> => {
        caller.words(OUT, 0x1000, 0);
        return caller.call('NtCreateSection', HANDLE, 0xf001f, caller.named(name), OUT, 4, 0x8000000, 0);
      };
      caller.become('user');
      expect(yield* section('\\BaseNamedObjects\\One')).toBe('SUCCESS');
      const token = caller.bare.process.token?.body;
      if (token !== undefined) token.sessionId = 1;
      expect(yield* section('\\BaseNamedObjects\\Two')).toBe('ACCESS_DENIED');
      expect(yield* caller.call('NtCreateEvent', HANDLE, EVENT_ALL, caller.named('\\BaseNamedObjects\\E'), 0, 0)).toBe(
        'SUCCESS',
      );
      caller.become('admin');
      const admin = caller.bare.process.token?.body;
      if (admin !== undefined) admin.sessionId = 1;
      expect(yield* section('\\BaseNamedObjects\\Two')).toBe('SUCCESS');
    });
  });
});
