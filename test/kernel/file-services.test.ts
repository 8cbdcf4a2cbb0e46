import { describe, expect, it } from 'vitest';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import type { Blocking } from '../../kernel/types.js';
import {
  ATTRIBUTES,
  BUFFER,
  CREATE,
  DIRECTORY,
  FORBIDDEN,
  type Guest,
  HANDLE,
  IOSB,
  NAME,
  OFFSET,
  run,
  TEXT,
} from './file-guest.js';

describe('NtReadFile and NtWriteFile', () => {
  it('go on from the position of a synchronous file, or from the offset given', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\data');
      expect(yield* guest.write(file, 'hello world')).toBe('SUCCESS');
      expect(guest.information).toBe(11);
      expect(yield* guest.read(file, 5)).toBe('END_OF_FILE');
      expect(yield* guest.read(file, 5, 6n)).toBe('world');
      expect(yield* guest.read(file, 5)).toBe('END_OF_FILE');
      expect(yield* guest.read(file, 100, 4n)).toBe('o world');
      expect(yield* guest.write(file, '!', 0xffffffffffffffffn)).toBe('SUCCESS');
      expect(yield* guest.read(file, 100, 9n)).toBe('ld!');
      expect(yield* guest.write(file, 'J', 0n)).toBe('SUCCESS');
      expect(yield* guest.read(file, 4, 0xfffffffffffffffen)).toBe('ello');
    });
  });

  it('refuse bad handles, buffers and offsets', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\data');
      yield* guest.write(file, 'hello');
      expect(yield* guest.read(0x700, 5)).toBe('INVALID_HANDLE');
      expect(yield* guest.call('NtReadFile', file, 0, 0, 0, FORBIDDEN, BUFFER, 5, 0, 0)).toBe('ACCESS_VIOLATION');
      expect(yield* guest.call('NtReadFile', file, 0, 0, 0, IOSB, FORBIDDEN, 5, 0, 0)).toBe('ACCESS_VIOLATION');
      expect(yield* guest.call('NtReadFile', file, 0, 0, 0, IOSB, 0x20, 5, 0, 0)).toBe('ACCESS_VIOLATION');
      expect(yield* guest.read(file, 5, -5n)).toBe('INVALID_PARAMETER');
      expect(yield* guest.read(file, 0)).toBe('');
      expect(yield* guest.call('NtReadFile', file, 0x700, 0, 0, IOSB, BUFFER, 5, 0, 0)).toBe('INVALID_HANDLE');
      const reader = yield* guest.create('C:\\data', { access: 0x80100000 });
      expect(yield* guest.write(reader, 'x')).toBe('ACCESS_DENIED');
      const writer = yield* guest.create('C:\\data', { access: 0x40100000 });
      expect(yield* guest.read(writer, 1, 0n)).toBe('ACCESS_DENIED');
    });
  });

  it('append when the handle may do nothing else', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\data');
      yield* guest.write(file, 'hello');
      const appender = yield* guest.create('C:\\data', { access: 0x100004 });
      expect(yield* guest.write(appender, ' you', 0n)).toBe('SUCCESS');
      expect(yield* guest.read(file, 100, 0n)).toBe('hello you');
    });
  });

  it('of files without position need an offset', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\data', { options: 0 });
      expect(yield* guest.write(file, 'hello')).toBe('INVALID_PARAMETER');
      expect(yield* guest.write(file, 'hello', 0n)).toBe('SUCCESS');
      expect(yield* guest.read(file, 3, 1n)).toBe('ell');
    });
  });

  it('stop at another file object’s locks', () => {
    run(function* (guest) {
      const owner = yield* guest.create('C:\\data');
      const other = yield* guest.create('C:\\data');
      yield* guest.write(owner, 'hello world');
      guest.user.write64(OFFSET, 6n);
      guest.user.write64(OFFSET + 8, 5n);
      const lock = (file: number) => guest.call('NtLockFile', file, 0, 0, 0, IOSB, OFFSET, OFFSET + 8, 0, 1, 1);
      expect(yield* lock(owner)).toBe('SUCCESS');
      expect(yield* lock(other)).toBe('LOCK_NOT_GRANTED');
      expect(yield* guest.read(owner, 5, 6n)).toBe('world');
      expect(yield* guest.read(other, 6, 0n)).toBe('hello ');
      expect(yield* guest.read(other, 7, 0n)).toBe('FILE_LOCK_CONFLICT');
      expect(yield* guest.write(other, 'x', 8n)).toBe('FILE_LOCK_CONFLICT');
      guest.user.write64(OFFSET, 6n);
      expect(yield* guest.call('NtUnlockFile', other, IOSB, OFFSET, OFFSET + 8, 0)).toBe('RANGE_NOT_LOCKED');
      expect(yield* guest.call('NtUnlockFile', owner, IOSB, OFFSET, OFFSET + 8, 0)).toBe('SUCCESS');
      expect(yield* guest.read(other, 7, 0n)).toBe('hello w');
    });
  });
});

describe('NtQueryInformationFile and NtSetInformationFile', () => {
  it('tell and change size, position and deletion', () => {
    run(function* (guest) {
      const { user } = guest;
      const file = yield* guest.create('C:\\data', { access: 0xc0110000 });
      yield* guest.write(file, 'hello world');
      const query = (informationClass: number, length: number) =>
        guest.call('NtQueryInformationFile', file, IOSB, BUFFER, length, informationClass);
      const set = (informationClass: number, length: number) =>
        guest.call('NtSetInformationFile', file, IOSB, BUFFER, length, informationClass);
      expect(yield* query(5, 24)).toBe('SUCCESS');
      expect([user.read64(BUFFER + 8), user.read32(BUFFER + 16), user.read8(BUFFER + 21)]).toEqual([11n, 1, 0]);
      expect(yield* query(14, 8)).toBe('SUCCESS');
      expect(user.read64(BUFFER)).toBe(11n);
      user.write64(BUFFER, 6n);
      expect(yield* set(14, 8)).toBe('SUCCESS');
      expect(yield* guest.read(file, 5)).toBe('world');
      user.write64(BUFFER, 3n);
      expect(yield* set(20, 8)).toBe('SUCCESS');
      expect(yield* guest.read(file, 100, 0n)).toBe('hel');
      expect(yield* query(9, 0x100)).toBe('SUCCESS');
      expect([user.read32(BUFFER), user.read16(BUFFER + 4), user.read16(BUFFER + 6)]).toEqual([10, 0x5c, 0x64]);
      expect(yield* query(9, 8)).toBe('BUFFER_OVERFLOW');
      expect(yield* query(5, 23)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* query(0, 8)).toBe('INVALID_INFO_CLASS');
      expect(yield* query(99, 8)).toBe('INVALID_INFO_CLASS');
      expect(yield* query(18, 0x200)).toBe('SUCCESS');
      expect(user.read32(BUFFER + 32)).toBe(0x20);
      user.write8(BUFFER, 1);
      expect(yield* set(13, 1)).toBe('SUCCESS');
      expect(yield* guest.call('NtClose', file)).toBe('SUCCESS');
      guest.name('\\??\\C:\\data');
      expect(yield* guest.call('NtQueryAttributesFile', ATTRIBUTES, BUFFER)).toBe('OBJECT_NAME_NOT_FOUND');
    });
  });

  it('rename, in the same folder or by full path', () => {
    run(function* (guest) {
      const { user } = guest;
      const file = yield* guest.create('C:\\old', { access: 0xc0110000 });
      yield* guest.create('C:\\taken');
      yield* guest.create('C:\\folder', { disposition: CREATE, options: DIRECTORY });
      const rename = function* (target: string, replace: number): Blocking<string> {
        const bytes = encodeUtf16(target);
        user.write32(BUFFER, replace);
        user.write32(BUFFER + 4, 0);
        user.write32(BUFFER + 8, bytes.length);
        user.writeBytes(BUFFER + 12, bytes);
        return yield* guest.call('NtSetInformationFile', file, IOSB, BUFFER, 12 + bytes.length, 10);
      };
      expect(yield* rename('New Name', 0)).toBe('SUCCESS');
      expect(yield* rename('\\??\\C:\\folder\\moved', 0)).toBe('SUCCESS');
      expect(yield* rename('\\??\\C:\\taken', 0)).toBe('OBJECT_NAME_COLLISION');
      expect(yield* rename('\\??\\C:\\taken', 1)).toBe('ACCESS_DENIED');
      expect(yield* rename('\\??\\C:\\..\\out', 0)).toBe('OBJECT_NAME_INVALID');
      expect(yield* rename('sub\\name', 0)).toBe('OBJECT_NAME_INVALID');
      guest.name('\\??\\C:\\FOLDER\\MOVED');
      expect(yield* guest.call('NtQueryFullAttributesFile', ATTRIBUTES, BUFFER)).toBe('SUCCESS');
    });
  });
});

describe('NtQueryDirectoryFile', () => {
  const list = function* (guest: Guest, folder: number, pattern: string, length = 0x1000): Blocking<string[]> {
    const { user } = guest;
    const names: string[] = [];
    const bytes = encodeUtf16(pattern);
    user.writeBytes(TEXT, bytes);
    user.write32(NAME, bytes.length | (bytes.length << 16));
    user.write32(NAME + 4, TEXT);
    for (;;) {
      const status = yield* guest.call(
        'NtQueryDirectoryFile',
        folder,
        0,
        0,
        0,
        IOSB,
        BUFFER,
        length,
        3,
        0,
        pattern === '' ? 0 : NAME,
        0,
      );
      if (status !== 'SUCCESS') return [...names, status];
      for (let at = BUFFER; ; at += user.read32(at)) {
        const size = user.read32(at + 60);
        let name = '';
        for (let index = 0; index < size; index += 2) name += String.fromCharCode(user.read16(at + 94 + index));
        names.push(name);
        if (user.read32(at) === 0) break;
      }
    }
  };

  it('lists in order, by pattern, in as many calls as it takes', () => {
    run(function* (guest) {
      yield* guest.create('C:\\dir', { disposition: CREATE, options: DIRECTORY });
      for (const name of ['beta.txt', 'Alpha.TXT', 'gamma.c']) yield* guest.create(`C:\\dir\\${name}`);
      const open = () => guest.create('C:\\dir', { access: 0x100001, options: DIRECTORY });
      const all = ['.', '..', 'Alpha.TXT', 'beta.txt', 'gamma.c', 'NO_MORE_FILES'];
      expect(yield* list(guest, yield* open(), '')).toEqual(all);
      expect(yield* list(guest, yield* open(), '*', 130)).toEqual(all);
      expect(yield* list(guest, yield* open(), '<.txt')).toEqual(['Alpha.TXT', 'beta.txt', 'NO_MORE_FILES']);
      expect(yield* list(guest, yield* open(), 'GAMMA.C')).toEqual(['gamma.c', 'NO_MORE_FILES']);
      expect(yield* list(guest, yield* open(), 'nothing')).toEqual(['NO_SUCH_FILE']);
      const root = yield* guest.create('C:\\', { access: 0x100001, options: DIRECTORY });
      expect(yield* list(guest, root, '*')).toEqual(['dir', 'WINDOWS', 'NO_MORE_FILES']);
    });
  });

  it('of a file or a device is INVALID_PARAMETER', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\file');
      expect(yield* list(guest, file, '*')).toEqual(['INVALID_PARAMETER']);
    });
  });
});

describe('NtQueryVolumeInformationFile', () => {
  it('tells a disk from a stream', () => {
    run(function* (guest) {
      const query = (handle: number, informationClass: number, length: number) =>
        guest.call('NtQueryVolumeInformationFile', handle, IOSB, BUFFER, length, informationClass);
      const file = yield* guest.create('C:\\file');
      expect(yield* query(file, 4, 8)).toBe('SUCCESS');
      expect(guest.user.read32(BUFFER)).toBe(7);
      const stream = yield* guest.create('CONOUT$');
      expect(yield* query(stream, 4, 8)).toBe('SUCCESS');
      expect(guest.user.read32(BUFFER)).toBe(0x11);
      expect(yield* query(stream, 3, 24)).toBe('INVALID_DEVICE_REQUEST');
      expect(yield* query(file, 5, 0x100)).toBe('SUCCESS');
      expect(guest.user.read32(BUFFER + 8)).toBe(8);
    });
  });

  it('console controls on something that is no console are OBJECT_TYPE_MISMATCH', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\file');
      const control = (code: number) => guest.call('NtDeviceIoControlFile', file, 0, 0, 0, IOSB, code, 0, 0, BUFFER, 4);
      expect(yield* control(0x500004)).toBe('OBJECT_TYPE_MISMATCH');
      expect(yield* control(0x1234)).toBe('INVALID_DEVICE_REQUEST');
      expect(yield* guest.call('NtFsControlFile', file, 0, 0, 0, IOSB, 0x90000, 0, 0, 0, 0)).toBe(
        'INVALID_DEVICE_REQUEST',
      );
    });
  });
});

describe('objects and processes as services see them', () => {
  it('NtDuplicateObject copies handles with fewer rights, or moves them', () => {
    run(function* (guest) {
      const { user } = guest;
      const file = yield* guest.create('C:\\file');
      const duplicate = (access: number, options: number) =>
        guest.call('NtDuplicateObject', 0xffffffff, file, 0xffffffff, HANDLE, access, 0, options);
      expect(yield* duplicate(0x80000000, 0)).toBe('SUCCESS');
      expect(yield* guest.write(user.read32(HANDLE), 'x')).toBe('ACCESS_DENIED');
      expect(yield* duplicate(4, 0)).toBe('SUCCESS');
      const appends = user.read32(HANDLE);
      expect(yield* guest.write(file, 'start')).toBe('SUCCESS');
      expect(yield* guest.write(appends, '+', 0n)).toBe('SUCCESS');
      expect(yield* guest.read(file, 10, 0n)).toBe('start+');
      expect(yield* duplicate(0, 3)).toBe('SUCCESS');
      const moved = user.read32(HANDLE);
      expect(yield* guest.write(moved, 'x')).toBe('SUCCESS');
      expect(yield* guest.call('NtClose', moved)).toBe('SUCCESS');
      expect(yield* guest.call('NtClose', moved)).toBe('INVALID_HANDLE');
    });
  });

  it('OBJ_EXCLUSIVE keeps an object for one process, which asks for it each time', () => {
    run(function* (guest) {
      const open = (service: string, attributes: number, ...rest: number[]) => {
        guest.name('\\BaseNamedObjects\\own');
        guest.user.write32(ATTRIBUTES + 12, attributes);
        return guest.call(service, HANDLE, 0x1f0003, ATTRIBUTES, ...rest);
      };
      const [CASE_INSENSITIVE, INHERIT, EXCLUSIVE] = [0x40, 0x42, 0x60];
      expect(yield* open('NtCreateEvent', EXCLUSIVE | INHERIT, 0, 0)).toBe('INVALID_PARAMETER');
      expect(yield* open('NtCreateEvent', EXCLUSIVE, 0, 0)).toBe('SUCCESS');
      const first = guest.user.read32(HANDLE);
      expect(yield* open('NtOpenEvent', CASE_INSENSITIVE)).toBe('ACCESS_DENIED');
      const copy = () => guest.call('NtDuplicateObject', 0xffffffff, first, 0xffffffff, HANDLE, 0, 0, 2);
      expect(yield* copy()).toBe('ACCESS_DENIED');
      expect(yield* open('NtOpenEvent', EXCLUSIVE)).toBe('SUCCESS');
      expect(yield* guest.call('NtClose', guest.user.read32(HANDLE))).toBe('SUCCESS');
      expect(yield* guest.call('NtClose', first)).toBe('SUCCESS');
      expect(yield* open('NtCreateEvent', CASE_INSENSITIVE, 0, 0)).toBe('SUCCESS');
      expect(yield* open('NtOpenEvent', EXCLUSIVE)).toBe('INVALID_PARAMETER');
    });
  });

  it('NtQueryInformationProcess and NtQuerySystemInformation keep to their lengths', () => {
    run(function* (guest) {
      const { user } = guest;
      const process = (informationClass: number, length: number) =>
        guest.call('NtQueryInformationProcess', 0xffffffff, informationClass, BUFFER, length, 0);
      expect(yield* process(0, 0x18)).toBe('SUCCESS');
      expect(user.read32(BUFFER + 0x10)).toBe(guest.process.process.processId);
      expect(yield* process(0, 0x14)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* process(0x50, 4)).toBe('INVALID_INFO_CLASS');
      const system = (informationClass: number, length: number) =>
        guest.call('NtQuerySystemInformation', informationClass, BUFFER, length, OFFSET);
      expect(yield* system(0, 0x2c)).toBe('SUCCESS');
      expect([user.read32(BUFFER + 8), user.read32(BUFFER + 0x0c)]).toEqual([0x1000, 0x1000]);
      expect(yield* system(0, 0x2b)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* system(0x200, 4)).toBe('INVALID_INFO_CLASS');
      expect(yield* system(5, 0x10)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* system(5, 0x2000)).toBe('SUCCESS');
      expect(user.read32(BUFFER + 0x44)).toBe(4);
    });
  });

  it('NtQueryInformationToken says what it needs', () => {
    run(function* (guest) {
      const { kernel } = guest.process;
      kernel.ps.setToken(guest.process.process, kernel.ps.createUserToken());
      expect(yield* guest.call('NtOpenProcessToken', 0xffffffff, 8, HANDLE)).toBe('SUCCESS');
      const token = guest.user.read32(HANDLE);
      const query = (length: number) => guest.call('NtQueryInformationToken', token, 1, BUFFER, length, OFFSET);
      expect(yield* query(0)).toBe('BUFFER_TOO_SMALL');
      expect(guest.user.read32(OFFSET)).toBe(36);
      expect(yield* query(36)).toBe('SUCCESS');
      expect(guest.user.read32(BUFFER)).toBe(BUFFER + 8);
      guest.user.write32(BUFFER, 0);
      expect(yield* guest.call('NtAdjustPrivilegesToken', token, 0, BUFFER, 0, 0, 0)).toBe('ACCESS_DENIED');
    });
  });

  it('NtQueryObject names files and devices', () => {
    run(function* (guest) {
      const file = yield* guest.create('C:\\file');
      expect(yield* guest.call('NtQueryObject', file, 1, BUFFER, 0x200, 0)).toBe('SUCCESS');
      const length = guest.user.read16(BUFFER);
      const bytes = guest.user.readBytes(guest.user.read32(BUFFER + 4), length);
      expect(new TextDecoder('utf-16le').decode(bytes)).toBe('\\Device\\HarddiskVolume1\\file');
      expect(yield* guest.call('NtQueryObject', file, 1, BUFFER, 10, 0)).toBe('INFO_LENGTH_MISMATCH');
      expect(yield* guest.call('NtQueryObject', file, 0, BUFFER, 0x38, 0)).toBe('SUCCESS');
      expect(guest.user.read32(BUFFER + 8)).toBe(1);
    });
  });
});
