import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../kernel/io/directory-scan.js';
import { isValidPattern, parseVolumePath } from '../../kernel/io/path.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { compareNames, upcaseName } from '../../kernel/ob/name.js';
import { ntStatus } from '../../kernel/types.js';
import { BareProcess, CODE, code, DATA } from './bare-process.js';

describe('a path on a volume', () => {
  it.each([
    ['', []],
    ['\\', []],
    ['\\a', ['a']],
    ['\\dir\\file.txt', ['dir', 'file.txt']],
    ['dir\\file', ['dir', 'file']],
    ['\\dir\\', ['dir']],
    ['\\file::$DATA', ['file']],
    ['\\...', ['...']],
    ['\\a.', ['a.']],
    [`\\${'x'.repeat(255)}`, ['x'.repeat(255)]],
  ])('%j', (text, components) => {
    expect(parseVolumePath(text)).toMatchObject({ components });
  });

  it.each([
    '\\.',
    '\\..',
    '\\..\\..\\etc\\passwd',
    '\\a\\..\\b',
    '\\a\\\\b',
    '\\\\a',
    '\\a/b',
    '\\..\u0000',
    '\\a:b',
    '\\a*',
    '\\a?',
    '\\a<',
    '\\a|b',
    '\\a"',
    '\\a\u0001',
    `\\${'x'.repeat(256)}`,
  ])('%j is OBJECT_NAME_INVALID', (text) => {
    expect(parseVolumePath(text)).toBe(Status.OBJECT_NAME_INVALID);
  });
});

/** Opens or creates by the name as it stands in the caller's memory. Gives statuses of creating, and of opening what was made. */
function create(names: readonly string[], lengthOf = (name: string) => name.length * 2): (readonly [string, string])[] {
  const machine = new BareProcess(code('f4'));
  const { user } = machine.kernel;
  const results: (readonly [string, string])[] = [];
  machine.inProcess(function* () {
    for (const name of names) {
      user.writeBytes(DATA, encodeUtf16(name));
      const structures = [
        [CODE + 0x40, lengthOf(name) | (0xffff << 16), DATA],
        [CODE + 0x20, 0x18, 0, CODE + 0x40, 0x40, 0, 0],
      ];
      for (const [address, ...words] of structures) {
        words.forEach((word, index) => {
          user.write32(address + index * 4, word);
        });
      }
      const [CREATE, OPEN, NO_DIRECTORY] = [2, 1, 0x60];
      const open = (disposition: number) =>
        machine.call(
          'NtCreateFile',
          CODE,
          0x80100000,
          CODE + 0x20,
          CODE + 8,
          0,
          0x80,
          7,
          disposition,
          NO_DIRECTORY,
          0,
          0,
        );
      const text = (status: number) => statusName(ntStatus(status)).replace('STATUS_', '');
      results.push([text(yield* open(CREATE)), text(yield* open(OPEN))]);
    }
  });
  expect(machine.kernel.mm.verify()).toBeNull();
  return results;
}

describe('NtCreateFile', () => {
  const made = ['SUCCESS', 'SUCCESS'];
  const invalid = ['OBJECT_NAME_INVALID', 'OBJECT_NAME_INVALID'];
  const noPath = ['OBJECT_PATH_NOT_FOUND', 'OBJECT_PATH_NOT_FOUND'];
  const onDrive: readonly (readonly [string, readonly string[]])[] = [
    // Reserved names, dots and blanks mean something to Win32 alone.
    ['plain.txt', made],
    ['PLAIN.TXT', ['OBJECT_NAME_COLLISION', 'SUCCESS']],
    ['nul', made],
    ['con.txt', made],
    ['WINDOWS\\TEMP\\com1', made],
    ['dots...', made],
    ['blanks  ', made],
    [' leading', made],
    ['\u0130\u0131 \ud83d\ude00', made],
    ['lone \ud800', made],
    ['x'.repeat(255), made],
    ['x'.repeat(256), invalid],
    ['a\\b', noPath],
    [`missing\\${'x'.repeat(200)}`, noPath],
    // 32,766 characters are a name.
    [`${'y\\'.repeat(16_379)}y`, ['NAME_TOO_LONG', 'NAME_TOO_LONG']],
    [`${'z'.repeat(250)}\\`.repeat(130), noPath],
    ...['.', '..', '..\\..\\etc\\passwd', 'WINDOWS\\..\\x', 'a\\\\b', '\\a', 'a/b'].map(
      (name) => [name, invalid] as const,
    ),
    ...[...'<>:"|?*\0\x01\x1f'].map((character) => [`f${character}`, invalid] as const),
    ...['plain.txt:stream', 'plain.txt:stream:$DATA', 'plain.txt::$INDEX_ALLOCATION', ':$DATA', 'C:'].map(
      (name) => [name, invalid] as const,
    ),
    ['plain.txt::$DATA', ['OBJECT_NAME_COLLISION', 'SUCCESS']],
    ['a\\', ['OBJECT_NAME_INVALID', 'OBJECT_NAME_NOT_FOUND']],
    ['WINDOWS\\TEMP\\', ['OBJECT_NAME_COLLISION', 'FILE_IS_A_DIRECTORY']],
    ['WINDOWS', ['OBJECT_NAME_COLLISION', 'FILE_IS_A_DIRECTORY']],
    ['plain.txt\\x', noPath],
    ['plain.txt\\', ['OBJECT_NAME_COLLISION', 'OBJECT_NAME_INVALID']],
  ];
  it('takes every name that NTFS does, and has a status for all others', () => {
    const results = create(onDrive.map(([name]) => `\\??\\C:\\${name}`));
    const short = (name = '') => (name.length > 60 ? `${name.slice(0, 20)}... ${name.length}` : name);
    const got = results.map((result, index) => [short(onDrive[index]?.[0]), result]);
    expect(got).toEqual(onDrive.map(([name, statuses]) => [short(name), statuses]));
  });

  it('has a status for every name that leads elsewhere', () => {
    const names: readonly (readonly [string, string])[] = [
      ['', 'OBJECT_PATH_SYNTAX_BAD'],
      ['C:\\x', 'OBJECT_PATH_SYNTAX_BAD'],
      ['\\', 'OBJECT_TYPE_MISMATCH'],
      ['\\??\\', 'OBJECT_NAME_INVALID'],
      ['\\??\\Q:\\x', 'OBJECT_PATH_NOT_FOUND'],
      ['\\??\\COM1', 'OBJECT_NAME_NOT_FOUND'],
      ['\\??\\NUL', 'SUCCESS'],
      ['\\??\\NUL\\x', 'OBJECT_NAME_NOT_FOUND'],
      ['\\??\\C:', 'ACCESS_DENIED'],
      ['\\??\\PIPE\\none', 'OBJECT_NAME_NOT_FOUND'],
      ['\\??\\GLOBALROOT\\??\\C:\\x', 'SUCCESS'],
      [`\\??\\${'GLOBALROOT\\??\\'.repeat(60)}C:\\y`, 'OBJECT_NAME_NOT_FOUND'],
      [`\\Device\\HarddiskVolume1\\${'q\\'.repeat(16_370)}q`, 'OBJECT_PATH_NOT_FOUND'],
    ];
    const results = create(names.map(([name]) => name));
    const got = results.map(([status], index) => [names[index]?.[0].slice(0, 60), status]);
    expect(got).toEqual(names.map(([name, status]) => [name.slice(0, 60), status]));
  });

  it('refuses a name of half a character, and of 32,767', () => {
    const name = `\\??\\C:\\${'x'.repeat(20)}`;
    expect(create([name], () => 21)[0]).toEqual(invalid);
    expect(create([name], () => 0xfffe)[0]).toEqual(invalid);
  });
});

describe('a pattern that no name can match', () => {
  it.each([
    ['*', true],
    ['a<.>"?', true],
    ['a|b', false],
    ['a:b', false],
    ['a\\b', false],
    ['a/b', false],
    ['a\u0007', false],
    ['x'.repeat(256), false],
  ])('%j: %s', (pattern, isValid) => {
    expect(isValidPattern(pattern)).toBe(isValid);
  });
});

describe('a directory pattern', () => {
  it.each([
    ['readme.txt', '*', true],
    ['readme.txt', '*.*', true],
    ['readme', '*.*', false],
    ['readme.txt', 'README.TXT', true],
    ['readme.txt', '*.txt', true],
    ['readme.txt.bak', '*.txt', false],
    ['a.txt', '?.txt', true],
    ['ab.txt', '?.txt', false],
    ['abc', 'a*c*', true],
    ['abcabc', '*abc', true],
    ['abcab', '*abc', false],
    ['', '*', true],
    // The forms that Win32 makes of DOS patterns.
    ['readme', '<"*', true],
    ['readme.txt', '<"*', true],
    ['a.b.c', '<.c', true],
    ['a.b.c', '<.b', false],
    ['ab', 'ab>>', true],
    ['abcd', 'ab>>', true],
    ['abcde', 'ab>>', false],
    ['ab.c', '>>>"c', true],
    ['abcd.c', '>>>"c', false],
    ['ab', 'ab"', true],
    ['ab.', 'ab"', true],
    ['Ärger.txt', 'ärger.*', true],
  ])('%j against %j: %s', (name, pattern, matches) => {
    expect(matchesPattern(name, pattern)).toBe(matches);
  });

  it('takes time in proportion to name and pattern', () => {
    expect(matchesPattern('a'.repeat(255), `${'*a'.repeat(120)}b`)).toBe(false);
  });
});

describe('upper case', () => {
  it('goes one UTF-16 unit at a time', () => {
    expect(upcaseName('abcß\u0131ÿ')).toBe('ABCß\u0131Ÿ');
    expect(compareNames('abc', 'ABC')).toBe(0);
    expect(compareNames('a_', 'aB')).toBeGreaterThan(0);
  });
});
