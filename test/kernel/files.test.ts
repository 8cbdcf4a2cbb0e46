import { beforeEach, describe, expect, it } from 'vitest';
import { BootedKernel } from '../../kernel/boot.js';
import type { Host } from '../../kernel/host.js';
import { type CreateOutcome, CreateResult, Disposition } from '../../kernel/io/create-file.js';
import { CreateOption, FileShare } from '../../kernel/io/file-object.js';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { machineOptions } from '../../kernel/options.js';
import { services } from '../../kernel/services.js';

const READ = 0x80100000;
const WRITE = 0x40100000;
const DELETE = 0x110000;
const ATTRIBUTES = 0x100080;
const { SUPERSEDE, OPEN, CREATE, OPEN_IF, OVERWRITE, OVERWRITE_IF } = Disposition;

let kernel: BootedKernel;
let volume: MemoryVolume;

beforeEach(() => {
  volume = new MemoryVolume('DISK', () => 42n);
  volume.add(['dir', 'file.txt'], Uint8Array.of(1, 2, 3));
  volume.add(['dir', 'locked.txt'], Uint8Array.of(1));
  volume.setReadOnly(['dir', 'locked.txt'], true);
  const system = new MemoryVolume('', () => 0n);
  system.add(['ntdll.dll'], Uint8Array.of(0x4d, 0x5a));
  const host: Host = {
    console: {
      kind: () => 'none',
      read: () => 'eof',
      waitForInput: () => true,
      write: () => Status.SUCCESS,
      flush: () => {},
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => {},
    },
    volumes: new Map([['C', volume]]),
    systemVolume: system,
    debugOutput: () => {},
    hardError: () => {},
    unhandledException: () => {},
  };
  kernel = new BootedKernel(machineOptions({ imagePath: '\\??\\C:\\x.exe', memorySize: 16 << 20 }), host, services);
});

interface OpenOptions {
  readonly access?: number;
  readonly share?: number;
  readonly disposition?: number;
  readonly options?: number;
  readonly attributes?: number;
}

function open(path: string, given: OpenOptions = {}): CreateOutcome {
  return kernel.io.createFile({
    attributes: { root: 0, name: path.startsWith('\\') ? path : `\\??\\${path}`, attributes: 0x40 },
    desiredAccess: given.access ?? READ,
    allocationSize: 0,
    fileAttributes: given.attributes ?? 0x80,
    shareAccess: given.share ?? FileShare.VALID,
    disposition: given.disposition ?? OPEN,
    options: given.options ?? CreateOption.SYNCHRONOUS_IO_NONALERT,
  });
}

function status(path: string, given: OpenOptions = {}): string {
  const outcome = open(path, given);
  if (outcome.file !== null) kernel.io.abandon(outcome.file);
  return statusName(outcome.status).replace('STATUS_', '');
}

describe('CreateDisposition', () => {
  const table: readonly (readonly [string, number, string, number | string])[] = [
    ['file.txt', SUPERSEDE, 'a file', CreateResult.SUPERSEDED],
    ['file.txt', OPEN, 'a file', CreateResult.OPENED],
    ['file.txt', CREATE, 'a file', 'OBJECT_NAME_COLLISION'],
    ['file.txt', OPEN_IF, 'a file', CreateResult.OPENED],
    ['file.txt', OVERWRITE, 'a file', CreateResult.OVERWRITTEN],
    ['file.txt', OVERWRITE_IF, 'a file', CreateResult.OVERWRITTEN],
    ['new.txt', SUPERSEDE, 'nothing', CreateResult.CREATED],
    ['new.txt', OPEN, 'nothing', 'OBJECT_NAME_NOT_FOUND'],
    ['new.txt', CREATE, 'nothing', CreateResult.CREATED],
    ['new.txt', OPEN_IF, 'nothing', CreateResult.CREATED],
    ['new.txt', OVERWRITE, 'nothing', 'OBJECT_NAME_NOT_FOUND'],
    ['new.txt', OVERWRITE_IF, 'nothing', CreateResult.CREATED],
  ];

  it.each(table)('%s with %i where there is %s: %s', (name, disposition, _what, expected) => {
    const path = `C:\\dir\\${name}`;
    const outcome = open(path, { disposition, access: WRITE });
    if (typeof expected === 'string') {
      expect(statusName(outcome.status)).toBe(`STATUS_${expected}`);
      return;
    }
    expect(outcome).toMatchObject({ status: Status.SUCCESS, information: expected });
    const keeps = expected === CreateResult.OPENED;
    expect(outcome.file?.control?.size()).toBe(keeps ? 3 : 0);
  });

  it('makes directories with DIRECTORY_FILE', () => {
    const options = CreateOption.DIRECTORY_FILE;
    expect(open('C:\\dir\\sub', { disposition: CREATE, options }).information).toBe(CreateResult.CREATED);
    expect(volume.information(['dir', 'sub'])).toMatchObject({ isDirectory: true });
    expect(status('C:\\dir\\sub', { disposition: CREATE, options })).toBe('OBJECT_NAME_COLLISION');
    expect(status('C:\\dir\\sub', { disposition: OPEN_IF, options })).toBe('SUCCESS');
  });
});

describe('what is there must be what was asked for', () => {
  it.each([
    ['C:\\dir', CreateOption.NON_DIRECTORY_FILE, 'FILE_IS_A_DIRECTORY'],
    ['C:\\dir', CreateOption.DIRECTORY_FILE, 'SUCCESS'],
    ['C:\\dir\\', CreateOption.DIRECTORY_FILE, 'SUCCESS'],
    ['C:\\', CreateOption.DIRECTORY_FILE, 'SUCCESS'],
    ['C:', 0, 'SUCCESS'],
    ['C:', CreateOption.DIRECTORY_FILE, 'NOT_A_DIRECTORY'],
    ['C:\\dir\\file.txt', CreateOption.DIRECTORY_FILE, 'NOT_A_DIRECTORY'],
    ['C:\\dir\\file.txt\\', 0, 'OBJECT_NAME_INVALID'],
    ['C:\\dir\\file.txt\\x', 0, 'OBJECT_PATH_NOT_FOUND'],
    ['C:\\nowhere\\x', 0, 'OBJECT_PATH_NOT_FOUND'],
    ['C:\\dir\\..\\dir\\file.txt', 0, 'OBJECT_NAME_INVALID'],
    ['D:\\x', 0, 'OBJECT_PATH_NOT_FOUND'],
    ['C:\\DIR\\FILE.TXT', 0, 'SUCCESS'],
    ['\\Device\\HarddiskVolume1\\dir\\file.txt', 0, 'SUCCESS'],
    ['\\SystemRoot\\system32\\ntdll.dll', 0, 'SUCCESS'],
    ['C:\\WINDOWS\\SYSTEM32\\NTDLL.DLL', 0, 'SUCCESS'],
    ['\\BaseNamedObjects', 0, 'OBJECT_TYPE_MISMATCH'],
    ['NUL', 0, 'SUCCESS'],
  ])('%s with options %i: %s', (path, options, expected) => {
    expect(status(path, { options, access: ATTRIBUTES })).toBe(expected);
  });
});

describe('sharing', () => {
  const R = FileShare.READ;
  const W = FileShare.WRITE;
  const D = FileShare.DELETE;
  it.each([
    [READ, R, READ, R, 'SUCCESS'],
    [READ, R, WRITE, R, 'SHARING_VIOLATION'],
    [READ, R | W, WRITE, R, 'SUCCESS'],
    [READ, R | W, WRITE, 0, 'SHARING_VIOLATION'],
    [WRITE, R, READ, R, 'SHARING_VIOLATION'],
    [WRITE, R, READ, R | W, 'SUCCESS'],
    [READ, 0, READ, R, 'SHARING_VIOLATION'],
    [READ, R, DELETE, R, 'SHARING_VIOLATION'],
    [READ, R | D, DELETE, R, 'SUCCESS'],
    [READ, 0, ATTRIBUTES, 0, 'SUCCESS'],
    [ATTRIBUTES, 0, WRITE, 0, 'SUCCESS'],
  ])('%i sharing %i, then %i sharing %i: %s', (firstAccess, firstShare, access, share, expected) => {
    expect(open('C:\\dir\\file.txt', { access: firstAccess, share: firstShare }).file).not.toBeNull();
    expect(status('C:\\dir\\FILE.txt', { access, share })).toBe(expected);
  });

  it('ends with the open', () => {
    const first = open('C:\\dir\\file.txt', { share: 0 });
    expect(status('C:\\dir\\file.txt')).toBe('SHARING_VIOLATION');
    if (first.file !== null) kernel.io.abandon(first.file);
    expect(status('C:\\dir\\file.txt')).toBe('SUCCESS');
  });
});

describe('write protection', () => {
  it('of a file refuses writing and deleting, not reading', () => {
    const path = 'C:\\dir\\locked.txt';
    expect(status(path)).toBe('SUCCESS');
    expect(status(path, { access: WRITE })).toBe('ACCESS_DENIED');
    expect(status(path, { access: WRITE, disposition: OVERWRITE_IF })).toBe('ACCESS_DENIED');
    const options = CreateOption.DELETE_ON_CLOSE;
    expect(status(path, { access: DELETE, options })).toBe('CANNOT_DELETE');
    expect(open(path, { access: 0x2000000, options: 0 }).file?.grantedAccess).toBe(0x1f01ff & ~0x10006);
  });

  it('of the system images refuses everything that changes them', () => {
    const path = 'C:\\WINDOWS\\system32\\ntdll.dll';
    expect(status(path, { access: WRITE })).toBe('ACCESS_DENIED');
    expect(status('C:\\WINDOWS\\system32\\new.dll', { access: WRITE, disposition: CREATE })).toBe('ACCESS_DENIED');
    expect(status('C:\\WINDOWS\\new.dll', { access: WRITE, disposition: CREATE })).toBe('ACCESS_DENIED');
    expect(status('C:\\WINDOWS\\TEMP\\x', { access: WRITE, disposition: CREATE })).toBe('SUCCESS');
  });
});

describe('deletion', () => {
  it('on close takes place with the last open, and nobody gets in between', () => {
    const path = 'C:\\dir\\file.txt';
    const options = CreateOption.DELETE_ON_CLOSE;
    const reader = open(path).file;
    const deleter = open(path, { access: DELETE, options }).file;
    if (reader === null || deleter === null) throw new Error('not opened');
    kernel.io.abandon(deleter);
    expect(status(path)).toBe('DELETE_PENDING');
    expect(volume.information(['dir', 'file.txt'])).toMatchObject({ size: 3 });
    kernel.io.abandon(reader);
    expect(status(path)).toBe('OBJECT_NAME_NOT_FOUND');
  });

  it('of a directory that is not empty is refused', () => {
    const directory = open('C:\\dir', { access: DELETE, options: 0 }).file;
    expect(directory?.control?.deletionStatus()).toBe(Status.DIRECTORY_NOT_EMPTY);
    expect(open('C:\\', { access: DELETE, options: 0 }).file?.control?.deletionStatus()).toBe(Status.CANNOT_DELETE);
  });
});

describe('the folders of the system', () => {
  it('show in listings although the volume has none', () => {
    const root = kernel.io.volumes[0].host.list([]);
    expect(root).toMatchObject([{ name: 'dir' }, { name: 'WINDOWS', isDirectory: true }]);
    expect(kernel.io.volumes[0].host.list(['windows'])).toMatchObject([{ name: 'system32' }, { name: 'TEMP' }]);
  });
});
