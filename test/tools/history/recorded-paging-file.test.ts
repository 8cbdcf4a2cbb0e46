import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HostPagingFile, Status } from '../../../kernel/index.js';
import { RecordingHost } from '../../../tools/history/recording-host.js';
import { NodeHost } from '../../../tools/host-node.js';
import { guestImages } from '../../../tools/package-root.js';

const PAGE = 0x1000;
const folder = mkdtempSync(join(tmpdir(), 'nt86-paging-'));
const node = new NodeHost({ mounts: [], systemFolder: guestImages, pagingFolder: folder });
const host = new RecordingHost(node);

afterAll(() => {
  node.close();
  rmSync(folder, { recursive: true });
});

describe('a paging file on the host, under a machine that goes back in time', () => {
  let file: HostPagingFile;
  const write = (page: number, value: number) => file.write(page * PAGE, new Uint8Array(PAGE).fill(value));
  const read = (page: number): number | undefined => {
    const bytes = new Uint8Array(PAGE);
    expect(file.read(page * PAGE, bytes)).toBe(Status.SUCCESS);
    return bytes[PAGE - 1];
  };

  beforeAll(() => {
    const made = host.createPagingFile(0, 8 * PAGE);
    if (made === null || typeof made === 'number') throw new Error('no paging file');
    file = made;
  });

  it('reads and writes the same again', () => {
    const { position } = host.log;
    write(1, 0x11);
    expect(read(1)).toBe(0x11);
    write(1, 0x22);
    expect(read(1)).toBe(0x22);
    host.log.moveTo(position);
    write(1, 0x11);
    expect(read(1)).toBe(0x11);
    write(1, 0x22);
    expect(read(1)).toBe(0x22);
  });

  it('is what it was where another future begins', () => {
    write(2, 0x33);
    const { position } = host.log;
    write(2, 0x44);
    write(2, 0x55);
    expect(file.setSize(4 * PAGE)).toBe(Status.SUCCESS);
    expect(file.setSize(2 * PAGE)).toBe(Status.SUCCESS);
    host.log.moveTo(position);
    host.forgetFuture();
    expect(read(2)).toBe(0x33);
    write(7, 0x66);
    expect([read(1), read(2), read(7)]).toEqual([0x22, 0x33, 0x66]);
  });

  it('is known to the host, which says why no snapshot can be made', () => {
    expect(host.keepsPagingFiles).toBe(true);
  });
});
