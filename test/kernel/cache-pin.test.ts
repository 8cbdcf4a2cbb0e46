import { describe, expect, it } from 'vitest';
import {
  mdlRead,
  mdlReadComplete,
  mdlWriteComplete,
  oldestLsn,
  pinnedByte,
  pinRead,
  prepareMdlWrite,
  preparePinWrite,
  setDirtyPinnedData,
  unpinData,
} from '../../kernel/cc/index.js';
import { gatherMappedPages } from '../../kernel/mm/mapped-writer.js';
import { mdlByte } from '../../kernel/mm/mdl.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { ntStatus } from '../../kernel/types.js';
import { CacheMachine, type OpenedFile } from './cache-machine.js';

const KB = 1024;
const pattern = (length: number, start = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (start + index) * 31 + ((start + index) >>> 9));

function withFile(size: number): { machine: CacheMachine; file: OpenedFile } {
  const machine = new CacheMachine();
  machine.volume.add(['file'], pattern(size));
  machine.volume.writes = 0;
  return { machine, file: machine.open('file') };
}

type Pinned = NonNullable<ReturnType<typeof pinOf>>;

function pinOf(machine: CacheMachine, file: OpenedFile, offset: number, length: number, how = pinRead) {
  const { status, bcb } = machine.resultOf(() => how(machine.kernel.cc, machine.map(file), offset, length));
  if (bcb === null) throw new Error(statusName(status));
  return bcb;
}

const bytesOf = (machine: CacheMachine, bcb: Pinned, index: number, length: number): Uint8Array => {
  const host = pinnedByte(machine.kernel.cc, bcb, index);
  return machine.kernel.mm.bytes.slice(host, host + length);
};

/** As a file system does: changes pinned bytes in place and says so. */
function change(machine: CacheMachine, bcb: Pinned, index: number, bytes: Uint8Array, lsn = 0n): void {
  machine.kernel.mm.bytes.set(bytes, pinnedByte(machine.kernel.cc, bcb, index));
  expect(setDirtyPinnedData(machine.kernel.cc, bcb, lsn)).toBe(Status.SUCCESS);
}

describe('pinned bytes', () => {
  it('stay where they are, although their pages be trimmed from the working set', () => {
    const { machine, file } = withFile(64 * KB);
    const { mm, cc } = machine.kernel;
    const bcb = pinOf(machine, file, 6000, 5000);
    const host = pinnedByte(cc, bcb, 0);
    emptyWorkingSet(mm, mm.systemCache);
    expect(machine.verify()).toBeNull();
    expect(pinnedByte(cc, bcb, 0)).toBe(host);
    expect(bytesOf(machine, bcb, 0, 100)).toEqual(pattern(100, 6000));
    unpinData(cc, bcb);
    expect(mm.lockedPages.size).toBe(0);
    expect(machine.map(file).bcbs).toEqual([]);
    expect(machine.verify()).toBeNull();
  });

  it('are seen by cached reads, and are in the file when the lazy writer has written them', () => {
    const { machine, file } = withFile(64 * KB);
    const bcb = pinOf(machine, file, 8192, 100);
    change(machine, bcb, 10, Uint8Array.of(1, 2, 3));
    unpinData(machine.kernel.cc, bcb);
    expect(machine.map(file).bcbs).toEqual([bcb]);
    expect(machine.read(file, 8202, 3)).toEqual(Uint8Array.of(1, 2, 3));
    machine.pass(4);
    expect(machine.volume.contents('file').slice(8202, 8205)).toEqual(Uint8Array.of(1, 2, 3));
    expect(machine.map(file).bcbs).toEqual([]);
    expect(machine.verify()).toBeNull();
  });

  it('pinned twice are one BCB; it is unpinned with the second', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc } = machine.kernel;
    const first = pinOf(machine, file, 100, 50);
    const second = pinOf(machine, file, 100, 50);
    expect(second).toBe(first);
    unpinData(cc, first);
    expect(machine.map(file).bcbs).toEqual([first]);
    expect(machine.verify()).toBeNull();
    unpinData(cc, second);
    expect(machine.map(file).bcbs).toEqual([]);
  });

  it('that are replaced as whole pages are not read', () => {
    const { machine, file } = withFile(64 * KB);
    const bcb = pinOf(machine, file, 4096, 8192, preparePinWrite);
    expect(machine.volume.reads).toBe(0);
    expect(bytesOf(machine, bcb, 0, 100)).toEqual(new Uint8Array(100));
    change(machine, bcb, 0, pattern(100, 3));
    unpinData(machine.kernel.cc, bcb);
    expect(machine.kernel.cc.flush(file.control)).toBe(Status.SUCCESS);
    expect(machine.volume.contents('file').slice(4096, 4196)).toEqual(pattern(100, 3));
    expect(machine.verify()).toBeNull();
  });

  it('keep their file from being purged and cut, and the file in the cache when it is closed', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc } = machine.kernel;
    const bcb = pinOf(machine, file, 40_000, 100);
    expect(cc.purge(file.control)).toBe(false);
    expect(cc.purge(file.control, 0, 4096)).toBe(true);
    expect(machine.resize(file, 1000)).toBe(Status.USER_MAPPED_FILE);
    machine.close(file);
    expect(cc.maps).toHaveLength(1);
    expect(bytesOf(machine, bcb, 0, 100)).toEqual(pattern(100, 40_000));
    unpinData(cc, bcb);
    expect(cc.maps).toEqual([]);
    expect(machine.verify()).toBeNull();
  });

  it('lie in one view and in the file', () => {
    const { machine, file } = withFile(300 * KB);
    for (const [offset, length] of [
      [256 * KB - 1, 2],
      [300 * KB - 1, 2],
      [0, 0],
    ]) {
      const { cc } = machine.kernel;
      const { status } = machine.resultOf(() => pinRead(cc, machine.map(file), offset, length));
      expect(statusName(status)).toBe('STATUS_INVALID_PARAMETER');
    }
    expect(machine.verify()).toBeNull();
  });

  it('of a volume that cannot be read are not pinned', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc, mm } = machine.kernel;
    machine.volume.failure = Status.DISK_FULL;
    expect(machine.resultOf(() => pinRead(cc, machine.map(file), 0, 100))).toEqual({
      status: Status.DISK_FULL,
      bcb: null,
    });
    expect(mm.lockedPages.size).toBe(0);
    expect(machine.verify()).toBeNull();
  });

  it('keep their view: other files take turns with the rest', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc } = machine.kernel;
    const bcb = pinOf(machine, file, 0, 10);
    const base = bcb.vacb.baseAddress;
    cc.unmapView(bcb.vacb);
    expect(bcb.vacb.baseAddress).toBe(base);
    bcb.vacb.activeCount++;
    expect(machine.verify()).toContain('BCBs');
    bcb.vacb.activeCount--;
    unpinData(cc, bcb);
  });
});

describe('a file whose changes a log tells of', () => {
  it('gets them only after the records, whoever writes', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc } = machine.kernel;
    /** How far the log is in its file, and how often the volume had been written by then. */
    const log = { flushed: 0n, writesBefore: [] as number[] };
    const map = machine.map(file);
    const flushToLsn = (lsn: bigint) => {
      log.writesBefore.push(machine.volume.writes);
      log.flushed = lsn;
      return Status.SUCCESS;
    };
    expect(cc.setLogHandle(map, flushToLsn)).toBe(true);
    const bcb = pinOf(machine, file, 100, 50);
    change(machine, bcb, 0, pattern(10, 1), 7n);
    change(machine, bcb, 0, pattern(10, 2), 9n);
    expect(oldestLsn(map)).toBe(7n);
    unpinData(cc, bcb);
    machine.pass(5);
    expect([log.flushed, log.writesBefore]).toEqual([9n, [0]]);
    expect(machine.volume.writes).toBe(1);
    expect(oldestLsn(map)).toBe(0n);
    expect(machine.verify()).toBeNull();
  });

  it('keeps them in memory while the log cannot be written', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc } = machine.kernel;
    const log = { status: Status.DISK_FULL as number };
    expect(cc.setLogHandle(machine.map(file), () => ntStatus(log.status))).toBe(true);
    const bcb = pinOf(machine, file, 100, 50);
    change(machine, bcb, 0, pattern(10, 1), 7n);
    unpinData(cc, bcb);
    emptyWorkingSet(machine.kernel.mm, machine.kernel.mm.systemCache);
    expect(gatherMappedPages(machine.kernel.mm)).toBe(false);
    machine.pass(20);
    expect([machine.volume.writes, cc.totalDirtyPages, machine.popups]).toEqual([0, 1, []]);
    log.status = Status.SUCCESS;
    machine.pass(2);
    expect([machine.volume.writes, cc.totalDirtyPages]).toEqual([1, 0]);
    expect(machine.verify()).toBeNull();
  });

  it('has no view yet when it says so', () => {
    const { machine, file } = withFile(64 * KB);
    machine.read(file, 0, 10);
    expect(machine.kernel.cc.setLogHandle(machine.map(file), () => Status.SUCCESS)).toBe(false);
  });
});

describe('MDLs of the cache', () => {
  it('lend the very pages of a file to a reader', () => {
    const { machine, file } = withFile(10_000);
    const { cc, mm } = machine.kernel;
    const { mdl } = machine.resultOf(() => mdlRead(cc, machine.map(file), 4000, 100_000));
    if (mdl === null) throw new Error('no MDL');
    expect([mdl.byteCount, mdl.frames.length]).toEqual([6000, 3]);
    emptyWorkingSet(mm, mm.systemCache);
    const host = mdlByte(mm, mdl, 96);
    expect(mm.bytes.slice(host, host + 100)).toEqual(pattern(100, 4096));
    expect(machine.verify()).toBeNull();
    mdlReadComplete(cc, mdl);
    expect(machine.resultOf(() => mdlRead(cc, machine.map(file), 10_000, 1)).status).toBe(Status.END_OF_FILE);
    expect(machine.verify()).toBeNull();
  });

  it('take what a device writes: it is in the cache at once, and in the file later', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc, mm } = machine.kernel;
    const map = machine.map(file);
    const { mdl } = machine.resultOf(() => prepareMdlWrite(cc, map, 8192, 4096));
    if (mdl === null) throw new Error('no MDL');
    expect(machine.volume.reads).toBe(0);
    mm.bytes.set(pattern(4096, 5), mdlByte(mm, mdl, 0));
    expect(mdlWriteComplete(cc, map, 8192, mdl)).toBe(Status.SUCCESS);
    expect(machine.read(file, 8192, 4096)).toEqual(pattern(4096, 5));
    expect(cc.totalDirtyPages).toBe(1);
    expect(cc.flush(file.control)).toBe(Status.SUCCESS);
    expect(machine.volume.contents('file').slice(8192, 12_288)).toEqual(pattern(4096, 5));
    expect(machine.verify()).toBeNull();
  });

  it('whose pages lost a reference are found', () => {
    const { machine, file } = withFile(64 * KB);
    const { cc, mm } = machine.kernel;
    const { mdl } = machine.resultOf(() => mdlRead(cc, machine.map(file), 0, 10));
    if (mdl === null) throw new Error('no MDL');
    const [frame] = mdl.frames;
    mm.pfn.setReferenceCount(frame, mm.pfn.referenceCount(frame) - 1);
    expect(machine.verify()).toContain('locked by 1 MDLs');
  });
});
