import { beforeEach, describe, expect, it } from 'vitest';
import { statusName } from '../../kernel/ntstatus.js';
import { aclBytes, aclOf } from '../../kernel/se/acl.js';
import { Privilege } from '../../kernel/se/privilege.js';
import { parseSelfRelative } from '../../kernel/se/security-descriptor.js';
import { ADMINISTRATORS, EVERYONE, LOCAL_SYSTEM, machineSid, sidBytes, USERS } from '../../kernel/se/sid.js';
import {
  allow,
  BUFFER,
  BUFFER_SIZE,
  Caller,
  DACL,
  deny,
  EVENT_ALL,
  HANDLE,
  KERNEL,
  MAXIMUM_ALLOWED,
  NOWHERE,
  OPENIF,
  OUT,
  QUALITY,
  READ_CONTROL,
  SECURITY,
  SELF,
  SYNCHRONIZE,
  SYSTEM_SECURITY,
  THREAD,
  TOKEN_ALL,
  USER,
  WRITE_DAC,
  WRITE_OWNER,
} from './security-caller.js';

let caller: Caller;
/** Every test of a group gets a machine of its own. */
const freshMachines = (): void =>
  beforeEach(() => {
    caller = new Caller();
  });

const EVENT = '\\BaseNamedObjects\\Guarded';

describe('named objects', () => {
  freshMachines();

  it('belong to whom they were made by: others get nothing', () => {
    caller.run(function* () {
      caller.become('user');
      expect(caller.granted(yield* caller.createEvent(caller.named(EVENT)))).toBe(EVENT_ALL);
      expect(caller.granted(yield* caller.openEvent(EVENT, MAXIMUM_ALLOWED))).toBe(EVENT_ALL);
      caller.become('admin');
      expect(yield* caller.openEvent(EVENT, SYNCHRONIZE)).toBe('ACCESS_DENIED');
      expect(yield* caller.createEvent(caller.named(EVENT, OPENIF))).toBe('ACCESS_DENIED');
      expect(yield* caller.createEvent(caller.named(EVENT))).toBe('OBJECT_NAME_COLLISION');
      caller.become('system');
      expect(caller.granted(yield* caller.createEvent(caller.named(EVENT, OPENIF)))).toBe(EVENT_ALL);
    });
  });

  it('have the descriptor that their creator gives, and the creator all that he asks for', () => {
    caller.run(function* () {
      caller.become('user');
      caller.descriptor([deny(USERS, 2), allow(EVERYONE, 0x80000000 | SYNCHRONIZE)]);
      expect(caller.granted(yield* caller.createEvent(caller.named(EVENT, 0, true)))).toBe(EVENT_ALL);
      expect(yield* caller.openEvent(EVENT, 2)).toBe('ACCESS_DENIED');
      const opened = yield* caller.openEvent(EVENT, MAXIMUM_ALLOWED);
      expect(caller.granted(opened)).toBe(READ_CONTROL | WRITE_DAC | SYNCHRONIZE | 1);
      expect(yield* caller.call('NtSetEvent', Number(opened), 0)).toBe('ACCESS_DENIED');
      expect(yield* caller.openEvent(EVENT, 0)).toBe('ACCESS_DENIED');
    });
  });

  it('change hands by NtSetSecurityObject; handles that are open keep their rights', () => {
    caller.run(function* () {
      caller.become('user');
      const event = Number(yield* caller.createEvent(caller.named(EVENT)));
      expect(yield* caller.call('NtSetSecurityObject', event, DACL, caller.descriptor(null))).toBe('SUCCESS');
      caller.become('admin');
      expect(caller.granted(yield* caller.openEvent(EVENT, EVENT_ALL))).toBe(EVENT_ALL);
      caller.become('user');
      expect(yield* caller.call('NtSetSecurityObject', event, DACL, caller.descriptor([]))).toBe('SUCCESS');
      expect(yield* caller.openEvent(EVENT, 2)).toBe('ACCESS_DENIED');
      expect(yield* caller.call('NtSetEvent', event, 0)).toBe('SUCCESS');
      caller.descriptor(null, LOCAL_SYSTEM);
      expect(yield* caller.call('NtSetSecurityObject', event, 1, SECURITY)).toBe('INVALID_OWNER');
      expect(yield* caller.call('NtSetSecurityObject', event, 1, caller.descriptor(null))).toBe(
        'INVALID_SECURITY_DESCR',
      );
      expect(yield* caller.call('NtSetSecurityObject', event, 8, SECURITY)).toBe('ACCESS_DENIED');
    });
  });

  it('are described by NtQuerySecurityObject', () => {
    caller.run(function* () {
      caller.become('user');
      const event = Number(yield* caller.createEvent(caller.named(EVENT)));
      const query = (handle: number, parts: number, length: number) =>
        caller.call('NtQuerySecurityObject', handle, parts, BUFFER, length, OUT);
      expect(yield* query(event, 7, 0)).toBe('BUFFER_TOO_SMALL');
      const length = caller.user.read32(OUT);
      expect(yield* query(event, 7, length)).toBe('SUCCESS');
      expect(parseSelfRelative(caller.user.readBytes(BUFFER, length))).toMatchObject({
        owner: USER,
        group: machineSid(513),
        dacl: aclOf([allow(USER, EVENT_ALL), allow(LOCAL_SYSTEM, EVENT_ALL)]),
        sacl: null,
      });
      expect(yield* query(event, 1, BUFFER_SIZE)).toBe('SUCCESS');
      expect(caller.user.read32(OUT)).toBe(20 + 28);
      expect(yield* query(event, 8, BUFFER_SIZE)).toBe('ACCESS_DENIED');
      const blind = yield* caller.openEvent(EVENT, 2);
      expect(yield* query(Number(blind), 7, BUFFER_SIZE)).toBe('ACCESS_DENIED');
    });
  });

  it('without a name are not protected', () => {
    caller.run(function* () {
      caller.become('user');
      caller.descriptor([]);
      const event = Number(yield* caller.createEvent(caller.named('', 0, true), READ_CONTROL | WRITE_DAC));
      expect(yield* caller.call('NtQuerySecurityObject', event, 7, BUFFER, 20, OUT)).toBe('SUCCESS');
      expect(yield* caller.call('NtSetSecurityObject', event, DACL, SECURITY)).toBe('NO_SECURITY_ON_OBJECT');
      expect(yield* caller.handle('NtDuplicateObject', SELF, event, SELF, HANDLE, EVENT_ALL, 0, 0)).toBeTypeOf(
        'number',
      );
    });
  });

  it('SACLs are for those with SeSecurityPrivilege', () => {
    caller.run(function* () {
      caller.become('admin');
      expect(yield* caller.createEvent(caller.named(EVENT), SYSTEM_SECURITY)).toBe('PRIVILEGE_NOT_HELD');
      yield* caller.createEvent(caller.named(EVENT));
      expect(yield* caller.openEvent(EVENT, SYSTEM_SECURITY | 2)).toBe('PRIVILEGE_NOT_HELD');
      for (const held of caller.bare.process.token?.body.privileges ?? []) held.attributes = 2;
      expect(caller.granted(yield* caller.openEvent(EVENT, SYSTEM_SECURITY))).toBe(SYSTEM_SECURITY);
      expect(caller.granted(yield* caller.openEvent(EVENT, WRITE_OWNER))).toBe(WRITE_OWNER);
    });
  });
});

describe('directories', () => {
  freshMachines();

  it('take names from those who may give them', () => {
    caller.run(function* () {
      caller.become('user');
      expect(yield* caller.createEvent(caller.named('\\Device\\Mine'))).toBe('ACCESS_DENIED');
      expect(yield* caller.createEvent(caller.named('\\Mine'))).toBe('ACCESS_DENIED');
      const directory = (name: string, access: number) =>
        caller.handle('NtCreateDirectoryObject', HANDLE, access, caller.named(name, 0, true));
      caller.descriptor([allow(USER, 3)]);
      expect(yield* directory('\\KnownDlls\\Mine', 3)).toBe('ACCESS_DENIED');
      expect(yield* directory('\\BaseNamedObjects\\Mine', 0xf)).toBeTypeOf('number');
      expect(yield* caller.createEvent(caller.named('\\BaseNamedObjects\\Mine\\Event'))).toBe('ACCESS_DENIED');
      caller.become('admin');
      expect(yield* caller.createEvent(caller.named('\\Device\\Mine'))).toBeTypeOf('number');
    });
  });

  it('need not be passed by those with SeChangeNotifyPrivilege', () => {
    caller.run(function* () {
      caller.become('user');
      caller.descriptor([allow(USER, 0xd)]);
      const place = caller.named('\\BaseNamedObjects\\Shut', 0, true);
      expect(yield* caller.handle('NtCreateDirectoryObject', HANDLE, 0xf, place)).toBeTypeOf('number');
      expect(yield* caller.createEvent(caller.named('\\BaseNamedObjects\\Shut\\Event'))).toBeTypeOf('number');
      for (const held of caller.bare.process.token?.body.privileges ?? []) held.attributes = 0;
      expect(yield* caller.openEvent('\\BaseNamedObjects\\Shut\\Event', 2)).toBe('ACCESS_DENIED');
    });
  });
});

describe('handles', () => {
  freshMachines();

  it('are duplicated with fewer rights at will, and with more if the object grants them', () => {
    caller.run(function* () {
      caller.become('user');
      caller.descriptor([allow(USER, SYNCHRONIZE | 2)]);
      yield* caller.createEvent(caller.named(EVENT, 0, true));
      const event = Number(yield* caller.openEvent(EVENT, SYNCHRONIZE));
      const duplicate = (access: number, options = 0) =>
        caller.handle('NtDuplicateObject', SELF, event, SELF, HANDLE, access, 0, options);
      expect(caller.granted(yield* duplicate(0))).toBe(0);
      expect(caller.granted(yield* duplicate(0, 2))).toBe(SYNCHRONIZE);
      expect(caller.granted(yield* duplicate(SYNCHRONIZE | 2))).toBe(SYNCHRONIZE | 2);
      expect(yield* duplicate(1)).toBe('ACCESS_DENIED');
      expect(caller.granted(yield* duplicate(MAXIMUM_ALLOWED))).toBe(SYNCHRONIZE | READ_CONTROL | WRITE_DAC | 2);
      const kept = yield* caller.handle('NtDuplicateObject', SELF, event, SELF, HANDLE, 0, 3, 2);
      expect(yield* caller.call('NtQueryObject', Number(kept), 4, BUFFER, 2, 0)).toBe('SUCCESS');
      expect(caller.user.read16(BUFFER)).toBe(0x101);
      expect(yield* caller.call('NtClose', Number(kept))).toBe('HANDLE_NOT_CLOSABLE');
      expect(yield* duplicate(1, 1)).toBe('ACCESS_DENIED');
      expect(yield* caller.call('NtClose', event)).toBe('INVALID_HANDLE');
    });
  });

  it('tell of all types without being one', () => {
    caller.run(function* () {
      expect(yield* caller.call('NtQueryObject', 0, 3, BUFFER, 4, OUT)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* caller.call('NtQueryObject', 0, 3, BUFFER, caller.user.read32(OUT), 0)).toBe('SUCCESS');
      expect(caller.user.read32(BUFFER)).toBe(Object.keys(caller.bare.kernel.ob.types).length);
      const name = caller.user.readBytes(caller.user.read32(BUFFER + 8), caller.user.read16(BUFFER + 4));
      expect(new TextDecoder('utf-16le').decode(name)).toBe('Directory');
      expect(yield* caller.call('NtQueryObject', 0, 2, BUFFER, BUFFER_SIZE, OUT)).toBe('INVALID_HANDLE');
    });
  });
});

describe('processes', () => {
  freshMachines();

  it('of somebody else are open to those who may debug', () => {
    caller.run(function* () {
      const { process } = caller.bare;
      const open = (access: number) =>
        caller.handle('NtOpenProcess', HANDLE, access, caller.named(''), caller.words(OUT, process.processId, 0));
      caller.become('user');
      expect(caller.granted(yield* open(MAXIMUM_ALLOWED))).toBe(0x1f0fff);
      caller.become('admin');
      expect(yield* open(0x10)).toBe('ACCESS_DENIED');
      for (const held of process.token?.body.privileges ?? []) {
        if (held.luid === Privilege.DEBUG) held.attributes = 2;
      }
      expect(caller.granted(yield* open(0x10))).toBe(0x10);
      expect(caller.granted(yield* open(MAXIMUM_ALLOWED))).toBe(0x1f0fff);
    });
  });
});

describe('tokens', () => {
  freshMachines();

  it('lose privileges for good, and say how they were', () => {
    caller.run(function* () {
      caller.become('admin');
      const token = Number(yield* caller.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
      const adjust = (luid: number, attributes: number, length = 0x40) => {
        caller.words(BUFFER, 1, luid, 0, attributes);
        return caller.call('NtAdjustPrivilegesToken', token, 0, BUFFER, length, BUFFER + 0x100, OUT);
      };
      expect(yield* adjust(Privilege.DEBUG, 2)).toBe('SUCCESS');
      expect([0, 4, 8, 12].map((at) => caller.user.read32(BUFFER + 0x100 + at))).toEqual([1, Privilege.DEBUG, 0, 0]);
      expect(yield* adjust(Privilege.DEBUG, 2)).toBe('SUCCESS');
      expect(caller.user.read32(BUFFER + 0x100)).toBe(0);
      expect(yield* adjust(Privilege.DEBUG, 0, 4)).toBe('BUFFER_TOO_SMALL');
      expect(caller.bare.process.token?.body.holdsPrivilege(Privilege.DEBUG)).toBe(true);
      expect(yield* adjust(Privilege.DEBUG, 4)).toBe('SUCCESS');
      expect(yield* adjust(Privilege.DEBUG, 2)).toBe('NOT_ALL_ASSIGNED');
      caller.words(BUFFER, 0x100, 0);
      expect(yield* caller.call('NtAdjustPrivilegesToken', token, 0, BUFFER, 0, 0, 0)).toBe('INVALID_PARAMETER');
      expect(yield* caller.call('NtAdjustPrivilegesToken', token, 1, 0, 0, 0, 0)).toBe('SUCCESS');
      expect(caller.bare.process.token?.body.mayTraverse).toBe(false);
    });
  });

  it('are filtered to grant less', () => {
    caller.run(function* () {
      caller.become('admin');
      const token = Number(yield* caller.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
      caller.user.writeBytes(BUFFER + 0x40, sidBytes(ADMINISTRATORS));
      caller.words(BUFFER, 1, BUFFER + 0x40, 0);
      const filtered = Number(yield* caller.handle('NtFilterToken', token, 1, BUFFER, 0, BUFFER, HANDLE));
      const { object } = caller.bare.kernel.ob.peekObjectByHandle(filtered, caller.bare.kernel.ob.types.token, 0);
      expect(object?.body).toMatchObject({ owner: machineSid(500), isRestricted: true });
      expect(object?.body.privileges.map(({ luid }) => luid)).toEqual([Privilege.CHANGE_NOTIFY]);
      expect(object?.body.hasSid(ADMINISTRATORS)).toBe(false);
      expect(object?.body.hasSid(ADMINISTRATORS, true)).toBe(true);
      expect(yield* caller.call('NtCompareTokens', token, filtered, OUT)).toBe('SUCCESS');
      expect(caller.user.read8(OUT)).toBe(0);
      expect(yield* caller.call('NtFilterToken', token, 4, 0, 0, 0, HANDLE)).toBe('INVALID_PARAMETER');
      caller.words(BUFFER + 8, 1);
      expect(yield* caller.call('NtFilterToken', token, 0, 0, 0, BUFFER, HANDLE)).toBe('INVALID_PARAMETER');
    });
  });

  it('name owner, group and DACL of what is made from then on', () => {
    caller.run(function* () {
      caller.become('admin');
      const token = Number(yield* caller.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
      const set = (tokenClass: number, bytes: Uint8Array) => {
        caller.words(BUFFER, BUFFER + 0x40);
        caller.user.writeBytes(BUFFER + 0x40, bytes);
        return caller.call('NtSetInformationToken', token, tokenClass, BUFFER, 4);
      };
      expect(yield* set(4, sidBytes(machineSid(500)))).toBe('SUCCESS');
      expect(yield* set(4, sidBytes(USERS))).toBe('INVALID_OWNER');
      expect(yield* set(5, sidBytes(USERS))).toBe('SUCCESS');
      expect(yield* set(5, sidBytes(LOCAL_SYSTEM))).toBe('INVALID_PRIMARY_GROUP');
      expect(yield* set(6, aclBytes(aclOf([allow(EVERYONE, 0x10000000)])))).toBe('SUCCESS');
      expect(yield* set(6, aclBytes({ ...aclOf([]), size: 0x400 }))).toBe('ALLOTTED_SPACE_EXCEEDED');
      expect(yield* set(6, Uint8Array.of(9, 0, 8, 0, 0, 0, 0, 0))).toBe('INVALID_ACL');
      expect(yield* set(12, Uint8Array.of())).toBe('PRIVILEGE_NOT_HELD');
      yield* caller.createEvent(caller.named(EVENT));
      expect(caller.bare.kernel.ob.find(EVENT)?.securityDescriptor).toMatchObject({
        owner: machineSid(500),
        group: USERS,
        dacl: aclOf([allow(EVERYONE, EVENT_ALL)]),
      });
    });
  });

  it('of clients decide while a thread acts for them', () => {
    caller.run(function* () {
      caller.become('user');
      yield* caller.createEvent(caller.named(EVENT));
      caller.become('system');
      const client = yield* caller.client('admin', 2);
      const identified = yield* caller.client('admin', 1);
      const actAs = (token: number) => caller.call('NtSetInformationThread', THREAD, 5, caller.words(OUT, token), 4);
      const thread = caller.bare.kernel.ke.currentThread;
      thread.executive = caller.bare.thread.executive;
      expect(yield* caller.handle('NtOpenThreadToken', THREAD, 8, 0, HANDLE)).toBe('NO_TOKEN');
      expect(caller.granted(yield* caller.openEvent(EVENT, 2))).toBe(2);
      expect(yield* actAs(client)).toBe('SUCCESS');
      expect(yield* caller.openEvent(EVENT, 2)).toBe('ACCESS_DENIED');
      expect(yield* caller.handle('NtOpenThreadToken', THREAD, 8, 1, HANDLE)).toBeTypeOf('number');
      expect(yield* caller.handle('NtOpenThreadToken', THREAD, 8, 0, HANDLE)).toBeTypeOf('number');
      expect(yield* actAs(identified)).toBe('SUCCESS');
      expect(yield* caller.openEvent(EVENT, 2)).toBe('BAD_IMPERSONATION_LEVEL');
      expect(yield* actAs(0)).toBe('SUCCESS');
      expect(yield* caller.call('NtImpersonateAnonymousToken', THREAD)).toBe('SUCCESS');
      expect(yield* caller.openEvent(EVENT, 2)).toBe('ACCESS_DENIED');
      expect(yield* actAs(0)).toBe('SUCCESS');
      const primary = Number(yield* caller.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
      expect(yield* actAs(primary)).toBe('BAD_TOKEN_TYPE');
      caller.words(QUALITY, 0xc, 2, 0);
      expect(yield* caller.call('NtImpersonateThread', THREAD, THREAD, QUALITY)).toBe('SUCCESS');
      expect(caller.granted(yield* caller.openEvent(EVENT, 2))).toBe(2);
      expect(yield* actAs(0)).toBe('SUCCESS');
      // A plain user can only identify somebody else.
      caller.become('user');
      expect(yield* actAs(client)).toBe('SUCCESS');
      expect(yield* caller.openEvent(EVENT, 2)).toBe('BAD_IMPERSONATION_LEVEL');
      expect(yield* actAs(0)).toBe('SUCCESS');
      thread.executive = null;
    });
  });

  it('are asked by NtAccessCheck and NtPrivilegeCheck', () => {
    caller.run(function* () {
      caller.become('system');
      const client = yield* caller.client('user', 1, Privilege.SECURITY);
      caller.descriptor([deny(USERS, 2), allow(EVERYONE, 3)], LOCAL_SYSTEM);
      const check = (token: number, desired: number, descriptor = SECURITY) => {
        caller.words(BUFFER, 1, 2, 4, 0x1f0007);
        caller.words(BUFFER + 0x20, 0x40);
        const [set, length] = [BUFFER + 0x40, BUFFER + 0x20];
        return caller.call('NtAccessCheck', descriptor, token, desired, BUFFER, set, length, OUT, OUT + 4);
      };
      const verdict = () => [caller.user.read32(OUT), statusName(caller.user.read32(OUT + 4)).replace('STATUS_', '')];
      expect(yield* check(client, MAXIMUM_ALLOWED)).toBe('SUCCESS');
      expect(verdict()).toEqual([1, 'SUCCESS']);
      expect(yield* check(client, 2)).toBe('SUCCESS');
      expect(verdict()).toEqual([0, 'ACCESS_DENIED']);
      expect(yield* check(client, SYSTEM_SECURITY)).toBe('SUCCESS');
      expect(verdict()).toEqual([0, 'PRIVILEGE_NOT_HELD']);
      expect(yield* check(client, 0x80000000)).toBe('GENERIC_NOT_MAPPED');
      const primary = Number(yield* caller.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
      expect(yield* check(primary, 1)).toBe('NO_IMPERSONATION_TOKEN');
      caller.descriptor(null);
      expect(yield* check(client, 1)).toBe('INVALID_SECURITY_DESCR');
      const privileges = (control: number) => {
        caller.words(BUFFER, 2, control, Privilege.TCB, 0, 0, Privilege.DEBUG, 0, 0);
        return caller.call('NtPrivilegeCheck', primary, BUFFER, OUT);
      };
      expect(yield* privileges(1)).toBe('SUCCESS');
      expect(caller.user.read8(OUT)).toBe(1);
      expect(caller.user.read32(BUFFER + 0x10)).toBe(0x80000000);
      yield* caller.call(
        'NtAdjustPrivilegesToken',
        primary,
        0,
        caller.words(BUFFER, 1, Privilege.DEBUG, 0, 0),
        0,
        0,
        0,
      );
      yield* privileges(1);
      expect(caller.user.read8(OUT)).toBe(0);
      yield* privileges(0);
      expect(caller.user.read8(OUT)).toBe(1);
    });
  });
});

describe('wrong parameters', () => {
  const TOKEN = -1;
  const EVENT_HANDLE = -2;
  const WEAK = -3;
  /** OBJECT_ATTRIBUTES. */
  const [UNKNOWN_SECURITY, NO_NAME, WRONG_LENGTH] = [BUFFER + 0x100, BUFFER + 0x140, BUFFER + 0x180];

  it.each<[service: string, parameters: readonly number[], status: string]>([
    ['NtOpenProcessToken', [SELF, TOKEN_ALL, KERNEL], 'ACCESS_VIOLATION'],
    ['NtOpenProcessToken', [SELF, TOKEN_ALL, HANDLE + 1], 'DATATYPE_MISALIGNMENT'],
    ['NtOpenProcessToken', [0x770, TOKEN_ALL, HANDLE], 'INVALID_HANDLE'],
    ['NtOpenProcessToken', [EVENT_HANDLE, TOKEN_ALL, HANDLE], 'OBJECT_TYPE_MISMATCH'],
    ['NtOpenProcessToken', [SELF, 0, HANDLE], 'ACCESS_DENIED'],
    ['NtOpenProcessTokenEx', [SELF, TOKEN_ALL, 0, 0], 'ACCESS_VIOLATION'],
    ['NtOpenThreadToken', [SELF, TOKEN_ALL, 0, HANDLE], 'OBJECT_TYPE_MISMATCH'],
    ['NtOpenThreadToken', [THREAD, TOKEN_ALL, 0, NOWHERE], 'ACCESS_VIOLATION'],
    ['NtQueryInformationToken', [TOKEN, 0, BUFFER, BUFFER_SIZE, OUT], 'INVALID_INFO_CLASS'],
    ['NtQueryInformationToken', [TOKEN, 9, BUFFER, BUFFER_SIZE, OUT], 'INVALID_INFO_CLASS'],
    ['NtQueryInformationToken', [TOKEN, 18, BUFFER, BUFFER_SIZE, OUT], 'INVALID_INFO_CLASS'],
    ['NtQueryInformationToken', [TOKEN, 13, BUFFER, 0x2b, OUT], 'BUFFER_TOO_SMALL'],
    ['NtQueryInformationToken', [TOKEN, 1, NOWHERE, 0x100, OUT], 'ACCESS_VIOLATION'],
    ['NtQueryInformationToken', [TOKEN, 1, BUFFER, 0x100, 0], 'ACCESS_VIOLATION'],
    ['NtQueryInformationToken', [WEAK, 1, BUFFER, 0x100, OUT], 'ACCESS_DENIED'],
    ['NtQueryInformationToken', [EVENT_HANDLE, 1, BUFFER, 0x100, OUT], 'OBJECT_TYPE_MISMATCH'],
    ['NtSetInformationToken', [TOKEN, 1, BUFFER, 4], 'INVALID_INFO_CLASS'],
    ['NtSetInformationToken', [TOKEN, 4, BUFFER, 3], 'INFO_LENGTH_MISMATCH'],
    ['NtSetInformationToken', [TOKEN, 4, NOWHERE, 4], 'ACCESS_VIOLATION'],
    ['NtSetInformationToken', [TOKEN, 4, BUFFER, 4], 'ACCESS_VIOLATION'],
    ['NtSetInformationToken', [WEAK, 4, BUFFER, 4], 'ACCESS_DENIED'],
    ['NtAdjustPrivilegesToken', [TOKEN, 0, 0, 0, 0, 0], 'INVALID_PARAMETER'],
    ['NtAdjustPrivilegesToken', [TOKEN, 0, NOWHERE, 0, 0, 0], 'ACCESS_VIOLATION'],
    ['NtAdjustPrivilegesToken', [TOKEN, 0, BUFFER, 0x40, BUFFER, 0], 'ACCESS_VIOLATION'],
    ['NtAdjustPrivilegesToken', [WEAK, 0, BUFFER, 0, 0, 0], 'ACCESS_DENIED'],
    ['NtAdjustGroupsToken', [TOKEN, 0, 0, 0, 0, 0], 'INVALID_PARAMETER'],
    ['NtAdjustGroupsToken', [TOKEN, 0, NOWHERE, 0, 0, 0], 'ACCESS_VIOLATION'],
    ['NtAdjustGroupsToken', [WEAK, 1, 0, 0, 0, 0], 'ACCESS_DENIED'],
    ['NtDuplicateToken', [TOKEN, 0, 0, 0, 0, HANDLE], 'INVALID_PARAMETER'],
    ['NtDuplicateToken', [TOKEN, 0, 0, 0, 3, HANDLE], 'INVALID_PARAMETER'],
    ['NtDuplicateToken', [TOKEN, 0, 0, 0, 1, KERNEL], 'ACCESS_VIOLATION'],
    ['NtDuplicateToken', [TOKEN, 0, NOWHERE, 0, 1, HANDLE], 'ACCESS_VIOLATION'],
    ['NtDuplicateToken', [WEAK, 0, 0, 0, 1, HANDLE], 'ACCESS_DENIED'],
    ['NtFilterToken', [TOKEN, 0, NOWHERE, 0, 0, HANDLE], 'ACCESS_VIOLATION'],
    ['NtFilterToken', [TOKEN, 0, 0, NOWHERE, 0, HANDLE], 'ACCESS_VIOLATION'],
    ['NtFilterToken', [TOKEN, 0, 0, 0, 0, 0], 'ACCESS_VIOLATION'],
    ['NtFilterToken', [WEAK, 0, 0, 0, 0, HANDLE], 'ACCESS_DENIED'],
    ['NtCompareTokens', [TOKEN, WEAK, OUT], 'ACCESS_DENIED'],
    ['NtCompareTokens', [TOKEN, TOKEN, 0], 'ACCESS_VIOLATION'],
    ['NtPrivilegeCheck', [TOKEN, NOWHERE, OUT], 'ACCESS_VIOLATION'],
    ['NtPrivilegeCheck', [WEAK, BUFFER, OUT], 'ACCESS_DENIED'],
    ['NtAccessCheck', [NOWHERE, TOKEN, 1, BUFFER, BUFFER, BUFFER, OUT, OUT], 'NO_IMPERSONATION_TOKEN'],
    ['NtAccessCheck', [BUFFER, TOKEN, 1, NOWHERE, BUFFER, BUFFER, OUT, OUT], 'ACCESS_VIOLATION'],
    ['NtAccessCheck', [BUFFER, TOKEN, 1, BUFFER, BUFFER, BUFFER, 0, OUT], 'ACCESS_VIOLATION'],
    ['NtAccessCheck', [BUFFER, WEAK, 1, BUFFER, BUFFER, BUFFER, OUT, OUT], 'ACCESS_DENIED'],
    ['NtImpersonateThread', [THREAD, THREAD, 0], 'ACCESS_VIOLATION'],
    ['NtImpersonateThread', [THREAD, THREAD, BUFFER], 'INVALID_PARAMETER'],
    ['NtImpersonateAnonymousToken', [SELF], 'OBJECT_TYPE_MISMATCH'],
    ['NtQuerySecurityObject', [EVENT_HANDLE, 7, NOWHERE, 0x100, OUT], 'ACCESS_VIOLATION'],
    ['NtQuerySecurityObject', [EVENT_HANDLE, 7, BUFFER, 0x100, 0], 'ACCESS_VIOLATION'],
    ['NtQuerySecurityObject', [0x770, 7, BUFFER, 0x100, OUT], 'INVALID_HANDLE'],
    ['NtSetSecurityObject', [EVENT_HANDLE, 4, 0], 'ACCESS_VIOLATION'],
    ['NtSetSecurityObject', [EVENT_HANDLE, 4, NOWHERE], 'ACCESS_VIOLATION'],
    ['NtSetSecurityObject', [EVENT_HANDLE, 4, BUFFER], 'UNKNOWN_REVISION'],
    ['NtSetSecurityObject', [EVENT_HANDLE, 4, BUFFER + 1], 'DATATYPE_MISALIGNMENT'],
    ['NtSetSecurityObject', [0x770, 4, BUFFER], 'INVALID_HANDLE'],
    ['NtMakePermanentObject', [EVENT_HANDLE], 'PRIVILEGE_NOT_HELD'],
    ['NtMakeTemporaryObject', [WEAK], 'ACCESS_DENIED'],
    ['NtCreateEvent', [HANDLE, EVENT_ALL, UNKNOWN_SECURITY, 0, 0], 'UNKNOWN_REVISION'],
    ['NtCreateSection', [HANDLE, 0xf001f, UNKNOWN_SECURITY, OUT, 4, 0x8000000, 0], 'UNKNOWN_REVISION'],
    ['NtClose', [0x770], 'INVALID_HANDLE'],
    ['NtMakeTemporaryObject', [0x770], 'INVALID_HANDLE'],
    ['NtDuplicateObject', [0x770, EVENT_HANDLE, SELF, HANDLE, 0, 0, 2], 'INVALID_HANDLE'],
    ['NtDuplicateObject', [SELF, 0x770, SELF, HANDLE, 0, 0, 2], 'INVALID_HANDLE'],
    ['NtDuplicateObject', [SELF, EVENT_HANDLE, 0x770, HANDLE, 0, 0, 2], 'INVALID_HANDLE'],
    ['NtDuplicateObject', [EVENT_HANDLE, EVENT_HANDLE, SELF, HANDLE, 0, 0, 2], 'OBJECT_TYPE_MISMATCH'],
    ['NtDuplicateObject', [SELF, EVENT_HANDLE, SELF, KERNEL, 0, 0, 2], 'ACCESS_VIOLATION'],
    ['NtDuplicateObject', [SELF, EVENT_HANDLE, SELF, HANDLE + 2, 0, 0, 2], 'DATATYPE_MISALIGNMENT'],
    ['NtQueryObject', [EVENT_HANDLE, 0, BUFFER, 0x37, OUT], 'INFO_LENGTH_MISMATCH'],
    ['NtQueryObject', [EVENT_HANDLE, 5, BUFFER, 0x38, OUT], 'INVALID_INFO_CLASS'],
    ['NtQueryObject', [EVENT_HANDLE, 0, NOWHERE, 0x38, OUT], 'ACCESS_VIOLATION'],
    ['NtQueryObject', [EVENT_HANDLE, 0, BUFFER, 0x38, NOWHERE], 'ACCESS_VIOLATION'],
    ['NtQueryObject', [0x770, 0, BUFFER, 0x38, OUT], 'INVALID_HANDLE'],
    ['NtSetInformationObject', [EVENT_HANDLE, 3, BUFFER, 2], 'INVALID_INFO_CLASS'],
    ['NtSetInformationObject', [EVENT_HANDLE, 4, BUFFER, 1], 'INFO_LENGTH_MISMATCH'],
    ['NtSetInformationObject', [EVENT_HANDLE, 4, NOWHERE, 2], 'ACCESS_VIOLATION'],
    ['NtSetInformationObject', [0x770, 4, BUFFER, 2], 'INVALID_HANDLE'],
    ['NtCreateDirectoryObject', [0, 0xf, NO_NAME], 'ACCESS_VIOLATION'],
    ['NtCreateDirectoryObject', [HANDLE, 0xf, WRONG_LENGTH], 'INVALID_PARAMETER'],
    ['NtCreateDirectoryObject', [HANDLE, SYSTEM_SECURITY, NO_NAME], 'PRIVILEGE_NOT_HELD'],
    ['NtOpenDirectoryObject', [HANDLE, 0xf, 0], 'INVALID_PARAMETER'],
    ['NtOpenDirectoryObject', [HANDLE, 0xf, NO_NAME], 'OBJECT_PATH_SYNTAX_BAD'],
    ['NtOpenDirectoryObject', [HANDLE, 0xf, WRONG_LENGTH], 'INVALID_PARAMETER'],
    ['NtQueryDirectoryObject', [EVENT_HANDLE, BUFFER, 0x100, 0, 1, OUT, 0], 'OBJECT_TYPE_MISMATCH'],
    ['NtQueryDirectoryObject', [0x770, BUFFER, 0x100, 0, 1, OUT, 0], 'INVALID_HANDLE'],
    ['NtQueryDirectoryObject', [EVENT_HANDLE, NOWHERE, 0x100, 0, 1, OUT, 0], 'ACCESS_VIOLATION'],
    ['NtQueryDirectoryObject', [EVENT_HANDLE, BUFFER, 0x100, 0, 1, 0, 0], 'ACCESS_VIOLATION'],
    ['NtCreateSymbolicLinkObject', [HANDLE, 1, NO_NAME, 0], 'ACCESS_VIOLATION'],
    ['NtCreateSymbolicLinkObject', [HANDLE, 1, NO_NAME, BUFFER], 'INVALID_PARAMETER'],
    ['NtOpenSymbolicLinkObject', [HANDLE, 1, 0], 'INVALID_PARAMETER'],
    ['NtQuerySymbolicLinkObject', [EVENT_HANDLE, BUFFER, OUT], 'OBJECT_TYPE_MISMATCH'],
    ['NtQuerySymbolicLinkObject', [EVENT_HANDLE, NOWHERE, OUT], 'ACCESS_VIOLATION'],
  ])('%s(%j): %s', (service, parameters, status) => {
    table.run(function* () {
      table.user.writeBytes(BUFFER, new Uint8Array(0x200));
      table.words(UNKNOWN_SECURITY, 0x18, 0, 0, 0, BUFFER, 0);
      table.words(NO_NAME, 0x18, 0, 0, 0, 0, 0);
      table.words(WRONG_LENGTH, 0x14, 0, 0, 0, 0, 0);
      table.words(OUT, 0x1000, 0);
      const placed = parameters.map(
        (value) => ({ [TOKEN]: token, [EVENT_HANDLE]: event, [WEAK]: weak })[value] ?? value,
      );
      expect(yield* table.call(service, ...placed)).toBe(status);
      expect(table.bare.process.handleTable.count).toBe(3);
    });
  });

  // One machine for all of them: nothing that fails leaves anything behind.
  const table = new Caller();
  let [token, weak, event] = [0, 0, 0];
  table.run(function* () {
    table.become('admin');
    token = Number(yield* table.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE));
    weak = Number(yield* table.handle('NtOpenProcessToken', SELF, READ_CONTROL, HANDLE));
    event = Number(yield* table.createEvent(table.named('')));
  });
});
