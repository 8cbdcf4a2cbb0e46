import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../kernel/io/directory-scan.js';
import { parseVolumePath } from '../../kernel/io/path.js';
import { Status } from '../../kernel/ntstatus.js';
import { compareNames, upcaseName } from '../../kernel/ob/name.js';

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
