import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findExports } from '../../kernel/ps/image-exports.js';
import { environmentBlock, environmentOf, parametersBlock } from '../../kernel/ps/parameters.js';

const utf16 = (bytes: Uint8Array): string => new TextDecoder('utf-16le').decode(bytes);

describe('the environment', () => {
  it('has NT’s variables, sorted, with the given ones added or in their place', () => {
    const variables = environmentOf({ PATH: 'C:\\tools', greeting: 'hello', TEMP: '' }, 'Administrator');
    const entries = utf16(environmentBlock(variables)).split('\0');
    expect(entries.slice(-2)).toEqual(['', '']);
    expect(entries).toContain('Path=C:\\tools');
    expect(entries).toContain('greeting=hello');
    expect(entries).toContain('SystemRoot=C:\\WINDOWS');
    expect(entries.some((entry) => entry.startsWith('TEMP='))).toBe(false);
    const names = entries.slice(0, -2).map((entry) => entry.split('=')[0].toUpperCase());
    expect(names).toEqual([...names].sort());
  });

  it('leaves out what cannot be a variable', () => {
    const plain = environmentOf({}, 'Administrator');
    expect(environmentOf({ '': 'x', 'a=b': 'x', 'c\0': 'x', d: 'x\0y' }, 'Administrator')).toEqual(plain);
  });

  it('without variables is two zeros', () => {
    expect(environmentBlock(new Map())).toEqual(new Uint8Array(4));
  });
});

describe('RTL_USER_PROCESS_PARAMETERS', () => {
  const BASE = 0x20000;
  const bytes = parametersBlock(BASE, 0x10000, {
    imagePathName: 'C:\\dir\\prog.exe',
    commandLine: 'prog "a b"',
    currentDirectory: 'C:\\dir\\',
    dllPath: 'C:\\dir;.',
    windowTitle: 'title',
    standardInput: 4,
    standardOutput: 8,
    standardError: 0xc,
  });
  const view = new DataView(bytes.buffer);
  const stringAt = (offset: number): string => {
    const start = view.getUint32(offset + 4, true) - BASE;
    return utf16(bytes.subarray(start, start + view.getUint16(offset, true)));
  };

  it('is normalised: absolute pointers into itself', () => {
    expect(view.getUint32(8, true)).toBe(1);
    expect(view.getUint32(4, true)).toBe(bytes.length);
    expect(stringAt(0x38)).toBe('C:\\dir\\prog.exe');
    expect(stringAt(0x40)).toBe('prog "a b"');
    expect(stringAt(0x24)).toBe('C:\\dir\\');
    expect(stringAt(0x30)).toBe('C:\\dir;.');
    expect(stringAt(0x70)).toBe('title');
  });

  it('has room for the longest current directory', () => {
    expect(view.getUint16(0x26, true)).toBe(520);
  });

  it('has the standard handles and the environment', () => {
    expect([0x18, 0x1c, 0x20, 0x48].map((offset) => view.getUint32(offset, true))).toEqual([4, 8, 12, 0x10000]);
  });
});

describe('exports of an image', () => {
  it('that is not one are none, whatever its bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const read = (offset: number, length: number): Uint8Array => bytes.subarray(offset, offset + length);
        return findExports(read, ['LdrInitializeThunk']).size === 0;
      }),
    );
  });
});
