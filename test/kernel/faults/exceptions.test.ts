import { describe, expect } from 'vitest';
import { PageProtection, Status } from '../../../kernel/index.js';
import { Image } from './driven-image.js';
import { leaf, paeLeaf } from './leaf.js';
import * as nt from './services.js';

const { ReadOnly, ReadWrite, Guard } = PageProtection;
const NOWHERE = 0x2000_0000;

describe('what the trap handler makes of a failure', () => {
  paeLeaf('T.access-violation', ({ start }) => {
    const drive = start({ noExecute: 'alwayson' });
    const parameters = (report: ReturnType<typeof drive.read>) => report.exception?.parameters;
    expect(parameters(drive.read(NOWHERE + 1))).toEqual([0, NOWHERE + 1]);
    expect(parameters(drive.write(NOWHERE + 2, 0))).toEqual([1, NOWHERE + 2]);
    expect(parameters(drive.execute(NOWHERE + 3))).toEqual([8, NOWHERE + 3]);
  });

  paeLeaf('T.hidden-execute', ({ start }) => {
    const drive = start({ noExecute: 'optin' });
    expect(drive.execute(NOWHERE).exception?.parameters).toEqual([0, NOWHERE]);
  });

  leaf('T.guard-page', ({ start }) => {
    const drive = start();
    const base = nt.commit(drive, ReadWrite | Guard);
    expect(drive.write(base + 7, 0).exception).toEqual({
      status: 'STATUS_GUARD_PAGE_VIOLATION',
      parameters: [1, base + 7],
    });
  });

  leaf('T.stack-overflow', ({ start }) => {
    const drive = start();
    const limit = drive.word(drive.thread.teb + 8);
    drive.poke(drive.thread.teb + 0xe0c, limit - 0x2000);
    expect(drive.read(limit - 0x1000).exception).toEqual({
      status: 'STATUS_STACK_OVERFLOW',
      parameters: [0, limit - 0x1000],
    });
  });

  leaf('T.in-page-error', ({ start }) => {
    const drive = start();
    const base = nt.allocate(drive);
    drive.write(base, 1);
    nt.evict(drive);
    nt.failNextRead(drive, Status.DEVICE_DATA_ERROR);
    const report = drive.write(base + 4, 2);
    expect(report.exception).toEqual({
      status: 'STATUS_IN_PAGE_ERROR',
      parameters: [1, base + 4, Status.DEVICE_DATA_ERROR],
    });
  });

  leaf('T.kernel-caller', ({ start }) => {
    const drive = start();
    const readOnly = nt.allocate(drive, { protection: ReadOnly });
    const query = (buffer: number) => drive.service('NtQuerySystemTime', buffer);
    expect(query(NOWHERE)).toMatchObject({ value: Status.ACCESS_VIOLATION, exception: null });
    expect(query(readOnly)).toMatchObject({ value: Status.ACCESS_VIOLATION, exception: null });
    expect(query(0x8000_0000)).toMatchObject({ value: Status.ACCESS_VIOLATION, exception: null });
    expect(query(Image.scratch + 0x300)).toMatchObject({ value: Status.SUCCESS, exception: null });
  });
});
