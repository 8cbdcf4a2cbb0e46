import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { importViolations } from '../../tools/build/import-directions.mjs';

let root = '';

function write(path: string, text: string): void {
  mkdirSync(join(root, path, '..'), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nt86-imports-'));
  for (const room of ['cpu', 'kernel', 'tools']) write(`${room}/index.ts`, 'export {};\n');
});
afterEach(() => rmSync(root, { recursive: true }));

describe('import directions', () => {
  it('accepts tools -> kernel -> cpu through index.ts', () => {
    write('kernel/mm/pfn.ts', "import type { Cpu } from '../../cpu/index.js';\nimport { a } from './pte.js';\n");
    write('tools/run.ts', "import { readFileSync } from 'node:fs';\nimport { Machine } from '../kernel/index.js';\n");
    expect(importViolations(root)).toEqual([]);
  });

  it('accepts comments that speak of imports', () => {
    write(
      'cpu/a.ts',
      "export const a = 1;\n/** A module that imports a memory from 'machine'. */\nexport const b = 2;\n",
    );
    expect(importViolations(root)).toEqual([]);
  });

  it.each([
    ['cpu/a.ts', "import { Machine } from '../kernel/index.js';", 'cpu/ may not import kernel/'],
    ['kernel/a.ts', "import { run } from '../tools/index.js';", 'kernel/ may not import tools/'],
    ['kernel/a.ts', "import { decode } from '../cpu/decoder.js';", 'through its index.ts only'],
    ['kernel/a.ts', "import { readFileSync } from 'node:fs';", 'below tools/ nothing imports'],
    ['cpu/a.ts', "export { x } from 'yargs';", 'below tools/ nothing imports'],
    ['cpu/a.ts', "import {\n  a,\n  b,\n} from '../kernel/types.js';", 'cpu/ may not import kernel/'],
  ])('refuses in %s: %s', (file, text, reason) => {
    write(file, `${text}\n`);
    expect(importViolations(root).join()).toContain(reason);
  });
});
