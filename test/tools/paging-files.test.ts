import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Status } from '../../kernel/index.js';
import { NodePagingFiles } from '../../tools/node-paging-file.js';

describe('paging files in files of the host', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nt86-paging-'));
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const create = (files: NodePagingFiles, size: number) => {
    const file = files.create(0, size);
    if (typeof file === 'number') throw new Error(`status ${file}`);
    return file;
  };

  it('take room as pages are written, and keep them', () => {
    const files = new NodePagingFiles(folder);
    const file = create(files, 64 << 20);
    const [name = ''] = readdirSync(folder);
    expect(statSync(join(folder, name))).toMatchObject({ size: 64 << 20, blocks: 0 });
    expect(file.write(0x5000, new Uint8Array(0x2000).fill(7))).toBe(Status.SUCCESS);
    const back = new Uint8Array(0x1000);
    expect(file.read(0x6000, back)).toBe(Status.SUCCESS);
    expect(back.every((byte) => byte === 7)).toBe(true);
    expect(file.setSize(0x6000)).toBe(Status.SUCCESS);
    expect(file.read(0x6000, back)).toBe(Status.END_OF_FILE);
    files.close();
  });

  it('are gone when the machine is done', () => {
    const files = new NodePagingFiles(folder);
    create(files, 1 << 20);
    create(files, 1 << 20);
    expect(readdirSync(folder)).toHaveLength(2);
    files.close();
    files.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('leave 1 MB of the disk free', () => {
    let free = 3 << 20;
    const files = new NodePagingFiles(folder, () => free);
    const file = create(files, 2 << 20);
    expect(file.setSize((2 << 20) + 0x1000)).toBe(Status.DISK_FULL);
    // Nothing has been written: the whole of it needs room still.
    free = (3 << 20) + 0x1000;
    expect(file.setSize((2 << 20) + 0x1000)).toBe(Status.SUCCESS);
    expect(files.create(1, 3 << 20)).toBe(Status.DISK_FULL);
    files.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('cannot be made where there is no folder', () => {
    expect(new NodePagingFiles(join(folder, 'none')).create(0, 1 << 20)).toBe(Status.OBJECT_NAME_NOT_FOUND);
  });
});
