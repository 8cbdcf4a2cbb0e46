import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ImageSymbols, readImageSymbols } from '../../../tools/debugger/image-symbols.js';
import { sampleCompiler, sampleFlags, sampleFolder } from './sample-image.js';

const image = (): ImageSymbols => {
  const symbols = readImageSymbols(readFileSync(join(sampleFolder, 'sample.exe')));
  if (symbols === null) throw new Error('sample.exe is no image');
  return symbols;
};
const compilerPresent = spawnSync(sampleCompiler, ['--version']).status === 0;

describe('symbols of a mingw image', () => {
  it.runIf(compilerPresent)('are those of the source beside it', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nt86-sample-'));
    try {
      copyFileSync(join(sampleFolder, 'sample.c'), join(folder, 'sample.c'));
      const built = spawnSync(sampleCompiler, sampleFlags(folder, 'sample.exe'), { cwd: folder });
      expect(built.status).toBe(0);
      expect(readFileSync(join(folder, 'sample.exe')).equals(readFileSync(join(sampleFolder, 'sample.exe')))).toBe(
        true,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('names functions and variables from DWARF, with their sizes', () => {
    const symbols = image();
    expect(symbols.hasDwarf).toBe(true);
    expect(symbols.find('leaf')).toMatchObject({ source: 'dwarf', rva: 0x1000 });
    expect(symbols.find('middle')?.size).toBeGreaterThan(16);
    expect(symbols.find('table')?.source).toBe('dwarf');
    expect(symbols.find('nosuch')).toBeNull();
  });

  it('names imports from the COFF symbol table', () => {
    expect(image().find('_imp__VirtualAlloc')?.source).toBe('coff');
  });

  it('finds the nearest symbol at or before an address', () => {
    const symbols = image();
    expect(symbols.nearest(0x1005)?.name).toBe('leaf');
    expect(symbols.nearest(0xfff)).toBeNull();
  });

  it('maps addresses to lines and lines to addresses', () => {
    const symbols = image();
    expect(symbols.lineAt(0x1000)).toMatchObject({ line: 14 });
    expect(symbols.addressOfLine('sample.c', 14)).toEqual({ rva: 0x1000, line: 14 });
    expect(symbols.lineAt(symbols.addressOfLine('sample.c', 17)?.rva ?? 0)?.line).toBe(17);
  });

  it('takes the next line with code for one without', () => {
    expect(image().addressOfLine('sample.c', 12)).toEqual({ rva: 0x1000, line: 14 });
    expect(image().addressOfLine('other.c', 14)).toBeNull();
  });

  it('knows the frame at every instruction of a function', () => {
    const { frames, imageBase } = image();
    const entry = frames.rulesAt(imageBase + 0x1000);
    expect(entry?.cfa).toEqual({ kind: 'register', register: 4, offset: 4 });
    const body = frames.rulesAt(imageBase + 0x1006);
    expect(body?.cfa).toEqual({ kind: 'register', register: 5, offset: 8 });
    expect(body?.registers.get(5)).toEqual({ kind: 'offset', offset: -8 });
    expect(frames.rulesAt(imageBase)).toBeNull();
  });

  it('reads exports of images without debugging information', () => {
    const ntdll = readImageSymbols(readFileSync(join(sampleFolder, '../../../guest/images/ntdll.dll')));
    expect(ntdll?.hasDwarf).toBe(false);
    expect(ntdll?.find('NtClose')?.source).toBe('export');
  });

  it('answers nothing for what is no image, and survives damaged ones', () => {
    expect(readImageSymbols(new Uint8Array(16))).toBeNull();
    const whole = readFileSync(join(sampleFolder, 'sample.exe'));
    for (let length = 64; length < whole.length; length += 311) {
      expect(() => readImageSymbols(whole.subarray(0, length))).not.toThrow();
    }
    for (let at = 0x80; at < whole.length; at += 97) {
      const damaged = Uint8Array.from(whole);
      damaged.fill(0xff, at, at + 8);
      expect(() => readImageSymbols(damaged)).not.toThrow();
    }
  });
});
