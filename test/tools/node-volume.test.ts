import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HostFile, Status, statusName } from '../../kernel/index.js';
import { NodeVolume } from '../../tools/node-volume.js';

let folder: string;
let root: string;
let volume: NodeVolume;

beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'nt86-volume-'));
  root = path.join(folder, 'root');
  fs.mkdirSync(path.join(root, 'Dir'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'secret.txt'), 'secret');
  fs.writeFileSync(path.join(root, 'Dir', 'Read Me.txt'), 'hello');
  volume = new NodeVolume({ directory: root, readOnly: false });
});

afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

function name(status: unknown): string {
  return typeof status === 'number' ? statusName(status).replace('STATUS_', '') : 'opened';
}

function opened(file: HostFile | number): HostFile {
  if (typeof file === 'number') throw new Error(statusName(file));
  return file;
}

const text = (bytes: Uint8Array | number): string =>
  typeof bytes === 'number' ? name(bytes) : Buffer.from(bytes).toString();

describe('look-up', () => {
  it('ignores case and tells the spelling of the host', () => {
    expect(volume.information(['DIR', 'READ ME.TXT'])).toMatchObject({
      name: 'Read Me.txt',
      size: 5,
      isDirectory: false,
    });
    expect(volume.information(['dir'])).toMatchObject({ name: 'Dir', isDirectory: true });
    expect(volume.information([])).toMatchObject({ name: '', isDirectory: true });
  });

  it('prefers the exact spelling, then the first in order', () => {
    fs.writeFileSync(path.join(root, 'a.txt'), 'lower');
    fs.writeFileSync(path.join(root, 'A.txt'), 'upper!');
    expect(volume.information(['a.txt'])).toMatchObject({ size: 5 });
    expect(volume.information(['A.txt'])).toMatchObject({ size: 6 });
    expect(volume.information(['A.TXT'])).toMatchObject({ name: 'A.txt' });
  });

  it.each([
    [['nothing'], 'OBJECT_NAME_NOT_FOUND'],
    [['nothing', 'x'], 'OBJECT_PATH_NOT_FOUND'],
    [['Dir', 'Read Me.txt', 'x'], 'OBJECT_PATH_NOT_FOUND'],
  ])('%j: %s', (components, expected) => {
    expect(name(volume.information(components))).toBe(expected);
  });

  it('gives the same identity for two names of a file, another for another file', () => {
    fs.linkSync(path.join(root, 'Dir', 'Read Me.txt'), path.join(root, 'link'));
    const identity = (components: string[]) => {
      const information = volume.information(components);
      return typeof information === 'number' ? null : information.identity;
    };
    expect(identity(['link'])).toBe(identity(['Dir', 'Read Me.txt']));
    expect(identity(['link'])).not.toBe(identity(['Dir']));
  });
});

describe('nothing leads out of the folder', () => {
  it.each([
    ['a link to a file outside', '../secret.txt', []],
    ['a link to the folder above', '..', ['secret.txt']],
    ['a link to an absolute path', '/etc', ['passwd']],
    ['a link to the root', '/', ['etc', 'passwd']],
    ['a link to nowhere', 'nowhere', []],
    ['a link through the folder and out again', 'Dir/../../secret.txt', []],
    ['a link to itself', 'link', []],
  ])('%s', (_what, target, rest) => {
    fs.symlinkSync(target, path.join(root, 'link'));
    const status = rest.length === 0 ? 'OBJECT_NAME_NOT_FOUND' : 'OBJECT_PATH_NOT_FOUND';
    expect(name(volume.information(['link', ...rest]))).toBe(status);
    expect(name(volume.openFile(['link', ...rest], false))).toBe(status);
    const names = volume.list([]);
    expect(typeof names === 'number' ? [] : names.map((entry) => entry.name)).toEqual(['Dir']);
  });

  it.each([[['..', 'secret.txt']], [['.', 'Dir']], [['../secret.txt']], [['Dir/Read Me.txt']], [['']], [['a\0b']]])(
    'the components %j are no names',
    (components) => {
      expect(name(volume.information(components))).toMatch(/NOT_FOUND/);
      expect(name(volume.openFile(components, true))).toMatch(/NOT_FOUND/);
      expect(name(volume.createFile(components))).toMatch(/NOT_FOUND|INVALID/);
      expect(name(volume.createDirectory(components))).toMatch(/NOT_FOUND|INVALID/);
      expect(name(volume.remove(components))).toMatch(/NOT_FOUND/);
      expect(name(volume.rename(['Dir'], components, true))).not.toBe('SUCCESS');
      expect(fs.existsSync(path.join(folder, 'secret.txt'))).toBe(true);
    },
  );

  it('a link that stays inside is what it leads to; removing it removes the link', () => {
    fs.symlinkSync('Dir/Read Me.txt', path.join(root, 'link'));
    expect(text(opened(volume.openFile(['link'], false)).read(0, 10))).toBe('hello');
    expect(name(volume.remove(['link']))).toBe('SUCCESS');
    expect(volume.information(['Dir', 'Read Me.txt'])).toMatchObject({ size: 5 });
  });

  it('nothing is created through a link that leads out', () => {
    fs.symlinkSync('../new.txt', path.join(root, 'link'));
    expect(name(volume.createFile(['link']))).toBe('OBJECT_NAME_COLLISION');
    expect(fs.existsSync(path.join(folder, 'new.txt'))).toBe(false);
  });

  it.skipIf(process.platform === 'win32')('devices, FIFOs and sockets are not there', () => {
    execFileSync('mkfifo', [path.join(root, 'fifo')]);
    fs.symlinkSync('/dev/null', path.join(root, 'null'));
    expect(name(volume.openFile(['fifo'], false))).toBe('OBJECT_NAME_NOT_FOUND');
    expect(name(volume.openFile(['null'], false))).toBe('OBJECT_NAME_NOT_FOUND');
    expect(volume.list([])).toMatchObject([{ name: 'Dir' }]);
  });
});

describe('what Windows could not name', () => {
  const listed = (components: string[]): string[] => {
    const entries = volume.list(components);
    return typeof entries === 'number' ? [name(entries)] : entries.map((entry) => entry.name);
  };
  const strange = ['a:b', 'a<b', 'a|b', 'a?b', 'a"b', 'a*b', 'a\\b', 'a\x01b', 'line\nbreak'].map((text) =>
    Buffer.from(text),
  );
  const notUtf8 = [Buffer.from([0x61, 0xff, 0x62]), Buffer.from([0xc3]), Buffer.from([0xed, 0xa0, 0x80])];

  it.skipIf(process.platform === 'win32')('is not there, is never touched, and keeps its directory', () => {
    fs.mkdirSync(path.join(root, 'odd'));
    const inside = Buffer.from(`${path.join(root, 'odd')}/`);
    for (const bytes of [...strange, ...notUtf8]) fs.writeFileSync(Buffer.concat([inside, bytes]), 'host');
    expect(listed(['odd'])).toEqual([]);
    for (const bytes of strange)
      expect(name(volume.information(['odd', bytes.toString()]))).toBe('OBJECT_NAME_NOT_FOUND');
    for (const bytes of notUtf8)
      expect(name(volume.information(['odd', bytes.toString()]))).toBe('OBJECT_NAME_NOT_FOUND');
    for (const text of ['a:b', '\ud800', '\ufffd', 'x'.repeat(300), '\u00e4'.repeat(200)]) {
      expect(name(volume.createFile(['odd', text])), text).toBe('OBJECT_NAME_INVALID');
      expect(name(volume.createDirectory(['odd', text])), text).toBe('OBJECT_NAME_INVALID');
      expect(name(volume.rename(['Dir'], ['odd', text], true)), text).toBe('OBJECT_NAME_INVALID');
    }
    expect(volume.isEmpty(['odd'])).toBe(false);
    expect(name(volume.remove(['odd']))).toBe('DIRECTORY_NOT_EMPTY');
    expect(fs.readdirSync(path.join(root, 'odd'))).toHaveLength(strange.length + notUtf8.length);
  });

  it.skipIf(process.platform === 'win32')('is not replaced where a link or a device has the name', () => {
    execFileSync('mkfifo', [path.join(root, 'fifo')]);
    fs.symlinkSync('../secret.txt', path.join(root, 'out'));
    for (const target of ['fifo', 'out']) {
      expect(name(volume.rename(['Dir', 'Read Me.txt'], [target], true))).toBe('OBJECT_NAME_COLLISION');
      expect(name(volume.createFile([target]))).toBe('OBJECT_NAME_COLLISION');
      expect(name(volume.remove([target]))).toBe('OBJECT_NAME_NOT_FOUND');
    }
    expect(fs.readFileSync(path.join(folder, 'secret.txt'), 'utf8')).toBe('secret');
    expect(fs.readlinkSync(path.join(root, 'out'))).toBe('../secret.txt');
  });

  it('has a status when a path is longer than the host can say', () => {
    const long = Array.from({ length: 40 }, () => 'x'.repeat(200));
    expect(name(volume.information(long))).toBe('OBJECT_PATH_NOT_FOUND');
    for (let length = 1; length <= long.length; length++) {
      const status = name(volume.createDirectory(long.slice(0, length)));
      if (status === 'SUCCESS') continue;
      expect(status).toBe('OBJECT_NAME_INVALID');
      expect(length).toBeGreaterThan(18);
      return;
    }
    expect.fail('40 folders of 200 characters each');
  });
});

describe('files', () => {
  it('are read, written and resized at any offset', () => {
    const file = opened(volume.createFile(['data']));
    expect(name(file.write(4, Uint8Array.of(1, 2, 3)))).toBe('SUCCESS');
    expect(file.size()).toBe(7);
    expect(file.read(0, 100)).toEqual(Uint8Array.of(0, 0, 0, 0, 1, 2, 3));
    expect(file.read(7, 10)).toEqual(new Uint8Array(0));
    expect(file.read(2 ** 40, 10)).toEqual(new Uint8Array(0));
    file.setSize(2);
    expect(file.size()).toBe(2);
    file.close();
  });

  it('that would be longer than the host has room for are refused at once', () => {
    const file = opened(volume.createFile(['data']));
    file.write(0, Uint8Array.of(1, 2, 3));
    expect(name(file.setSize(volume.space().freeBytes + 2 ** 32))).toBe('DISK_FULL');
    expect(file.size()).toBe(3);
    expect(name(file.setSize(1 << 20))).toBe('SUCCESS');
    expect(file.read((1 << 20) - 1, 2)).toEqual(Uint8Array.of(0));
    file.close();
  });

  it('that exist are not created again', () => {
    expect(name(volume.createFile(['DIR', 'read me.TXT']))).toBe('OBJECT_NAME_COLLISION');
    expect(name(volume.createDirectory(['dir']))).toBe('OBJECT_NAME_COLLISION');
  });

  it('are renamed, also to another spelling of their own name', () => {
    expect(name(volume.rename(['dir', 'READ ME.TXT'], ['dir', 'read me.txt'], false))).toBe('SUCCESS');
    expect(fs.readdirSync(path.join(root, 'Dir'))).toEqual(['read me.txt']);
    fs.writeFileSync(path.join(root, 'other'), 'x');
    expect(name(volume.rename(['other'], ['Dir', 'READ ME.txt'], false))).toBe('OBJECT_NAME_COLLISION');
    expect(name(volume.rename(['other'], ['Dir', 'READ ME.txt'], true))).toBe('SUCCESS');
    expect(fs.readdirSync(path.join(root, 'Dir'))).toEqual(['READ ME.txt']);
  });

  it('directories go only when they are empty', () => {
    expect(name(volume.remove(['Dir']))).toBe('DIRECTORY_NOT_EMPTY');
    expect(name(volume.remove(['Dir', 'read me.txt']))).toBe('SUCCESS');
    expect(name(volume.remove(['Dir']))).toBe('SUCCESS');
    expect(name(volume.remove([]))).toBe('ACCESS_DENIED');
  });

  it('times and write protection are the host’s', () => {
    const time = 127_561_824_000_000_000n;
    expect(name(volume.setTimes(['Dir', 'Read Me.txt'], { lastWriteTime: time }))).toBe('SUCCESS');
    volume.setReadOnly(['Dir', 'Read Me.txt'], true);
    expect(volume.information(['Dir', 'Read Me.txt'])).toMatchObject({ lastWriteTime: time, readOnly: true });
    volume.setReadOnly(['Dir', 'Read Me.txt'], false);
    expect(volume.information(['Dir', 'Read Me.txt'])).toMatchObject({ readOnly: false });
  });

  it('lists come in the order of upper-case names', () => {
    for (const file of ['b', 'A', 'c', '_']) fs.writeFileSync(path.join(root, file), '');
    const entries = volume.list([]);
    expect(typeof entries === 'number' ? [] : entries.map((entry) => entry.name)).toEqual(['A', 'b', 'c', 'Dir', '_']);
  });
});

describe('a read-only volume', () => {
  it('refuses every change and reads as ever', () => {
    const fixed = new NodeVolume({ directory: root, readOnly: true });
    const protectedBy = statusName(Status.MEDIA_WRITE_PROTECTED).replace('STATUS_', '');
    expect(name(fixed.openFile(['Dir', 'Read Me.txt'], true))).toBe(protectedBy);
    expect(name(fixed.createFile(['x']))).toBe(protectedBy);
    expect(name(fixed.createDirectory(['x']))).toBe(protectedBy);
    expect(name(fixed.remove(['Dir', 'Read Me.txt']))).toBe(protectedBy);
    expect(name(fixed.rename(['Dir'], ['x'], false))).toBe(protectedBy);
    expect(text(opened(fixed.openFile(['dir', 'read me.txt'], false)).read(1, 3))).toBe('ell');
  });
});
