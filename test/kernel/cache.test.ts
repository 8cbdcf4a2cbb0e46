import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { CreateOption } from '../../kernel/io/file-object.js';
import { SYSTEM_CACHE_START } from '../../kernel/mm/layout.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import { CacheMachine } from './cache-machine.js';

const KB = 1024;
const MB = 1024 * KB;

/** Bytes that tell where they stand. */
const pattern = (length: number, start = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (start + index) * 31 + ((start + index) >>> 9));

/** A machine with one file of so many bytes on its volume. */
function withFile(size: number, options: ConstructorParameters<typeof CacheMachine>[0] = {}): CacheMachine {
  const machine = new CacheMachine(options);
  machine.volume.add(['file'], pattern(size));
  return machine;
}

/** What toEqual would say of long arrays, but soon. */
const isSame = (got: Uint8Array | number, wanted: Uint8Array): boolean =>
  typeof got !== 'number' && Buffer.compare(got, wanted) === 0;

const events = (machine: CacheMachine, name: string): Record<string, unknown>[] =>
  machine.traceLines.map((line) => JSON.parse(line)).filter((event) => event.event === name);

describe('cached reads', () => {
  it('come from the pages of the data section, through 256 KB views of the system cache', () => {
    const machine = withFile(600 * KB);
    const file = machine.open('file');
    expect(machine.read(file, 100, 5000)).toEqual(pattern(5000, 100));
    expect(machine.read(file, 300 * KB, 10)).toEqual(pattern(10, 300 * KB));
    const { cacheViews, layout } = machine.kernel.mm;
    expect([...cacheViews.views.values()].map((view) => view.firstPage)).toEqual([0, 64]);
    for (const base of cacheViews.views.keys()) {
      expect(base >= SYSTEM_CACHE_START && base < layout.systemCacheEnd && base % (256 * KB) === 0).toBe(true);
    }
    expect(file.control.sectionObjectPointers.dataSectionObject?.numberOfSystemCacheViews).toBe(2);
    expect(machine.verify()).toBeNull();
  });

  it('read the volume once; trimmed pages come back from the standby list', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    machine.read(file, 0, 64 * KB);
    const { reads } = machine.volume;
    emptyWorkingSet(machine.kernel.mm, machine.kernel.mm.systemCache);
    expect(isSame(machine.read(file, 0, 64 * KB), pattern(64 * KB))).toBe(true);
    expect(machine.volume.reads).toBe(reads);
    expect(machine.kernel.counters).toMatchObject({ copyReads: 2, copyReadMisses: 1 });
  });

  it('end with the file, and give the status of a volume that cannot be read', () => {
    const machine = withFile(5000);
    const file = machine.open('file');
    expect(machine.read(file, 4000, 5000)).toEqual(pattern(1000, 4000));
    expect(machine.read(file, 5000, 10)).toEqual(new Uint8Array(0));
    const other = withFile(5000);
    const broken = other.open('file');
    other.volume.failure = Status.DISK_FULL;
    expect(other.read(broken, 0, 10)).toBe(Status.DISK_FULL);
    other.volume.failure = null;
    expect(other.read(broken, 0, 10)).toEqual(pattern(10));
    expect(other.verify()).toBeNull();
  });

  it('of pages that nobody has ever written read nothing: they are zeros', () => {
    const machine = withFile(5000);
    const file = machine.open('file');
    expect(machine.resize(file, MB)).toBe(Status.SUCCESS);
    expect(isSame(machine.read(file, 8192, 100_000), new Uint8Array(100_000))).toBe(true);
    machine.write(file, 300_000, Uint8Array.of(1, 2, 3));
    expect(machine.volume.reads).toBe(0);
    expect(machine.kernel.cc.flush(file.control)).toBe(Status.SUCCESS);
    // All in front of what was written counts as written.
    expect(machine.read(file, 4990, 20)).toEqual(new Uint8Array([...pattern(10, 4990), ...new Uint8Array(10)]));
    expect(machine.volume.reads).toBe(1);
    // What another program of the host adds is no concern of ours.
    machine.volume.overwrite('file', pattern(2 * MB));
    expect(machine.read(file, MB + 500_000, 100)).toEqual(pattern(100, MB + 500_000));
    expect(machine.verify()).toBeNull();
  });

  it('see what the host does to the end of the file', () => {
    const machine = withFile(10_000);
    const file = machine.open('file');
    machine.read(file, 0, 10_000);
    file.control.hostFile?.setSize(3000);
    expect(machine.read(file, 0, 10_000)).toEqual(pattern(3000));
    file.control.hostFile?.setSize(6000);
    const expected = new Uint8Array(6000);
    expected.set(pattern(3000));
    expect(machine.read(file, 0, 10_000)).toEqual(expected);
    expect(machine.verify()).toBeNull();
  });
});

describe('a file that is closed', () => {
  it('keeps its pages for the next open, unless another program of the host has written it', () => {
    const machine = withFile(10_000);
    const first = machine.open('file');
    machine.read(first, 0, 10_000);
    machine.close(first);
    const { reads } = machine.volume;
    const second = machine.open('file');
    expect(machine.read(second, 0, 10_000)).toEqual(pattern(10_000));
    expect(machine.volume.reads).toBe(reads);
    machine.close(second);
    machine.volume.overwrite('file', pattern(10_000, 5));
    const third = machine.open('file');
    expect(machine.read(third, 0, 10_000)).toEqual(pattern(10_000, 5));
    expect(machine.verify()).toBeNull();
  });
});

describe('cached writes', () => {
  it('are in the file after a flush, and after three seconds by the lazy writer', () => {
    const machine = withFile(0);
    const file = machine.open('file');
    expect(machine.write(file, 0, pattern(10_000))).toBe(Status.SUCCESS);
    expect(machine.volume.contents('file')).toEqual(new Uint8Array(10_000));
    expect(machine.kernel.cc.totalDirtyPages).toBe(3);
    machine.pass(2);
    expect(machine.kernel.cc.totalDirtyPages).toBe(3);
    machine.pass(2);
    expect(machine.volume.contents('file')).toEqual(pattern(10_000));
    expect(machine.kernel.cc.totalDirtyPages).toBe(0);
    machine.write(file, 4096, Uint8Array.of(1, 2, 3));
    expect(machine.kernel.cc.flush(file.control)).toBe(Status.SUCCESS);
    expect(machine.volume.contents('file').subarray(4096, 4099)).toEqual(Uint8Array.of(1, 2, 3));
    expect(machine.verify()).toBeNull();
  });

  it('read only pages that they change in part', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    machine.write(file, 4096, pattern(8192, 7));
    expect(machine.volume.reads).toBe(0);
    machine.write(file, 20_000, pattern(10, 7));
    expect(machine.volume.reads).toBe(1);
    machine.write(file, 64 * KB, pattern(10, 7));
    expect(machine.volume.reads).toBe(1);
    expect(machine.verify()).toBeNull();
  });

  it('are written an eighth a second while there are few, 64 KB at a time', () => {
    const machine = withFile(0, { memorySize: 16 << 20 });
    const file = machine.open('file');
    machine.write(file, 0, pattern(512 * KB));
    machine.pass(10);
    const written = events(machine, 'lazy-write-scan').map((scan) => scan.written);
    expect(written.slice(0, 2)).toEqual([16, 14]);
    const { lazyWriteIos, lazyWritePages } = machine.kernel.counters;
    expect(lazyWritePages).toBe(128 - machine.kernel.cc.totalDirtyPages);
    expect(lazyWriteIos).toBeGreaterThanOrEqual(lazyWritePages / 16);
  });

  it('of a closed file stay until they are written, then the file leaves the cache', () => {
    const machine = withFile(0);
    const file = machine.open('file');
    machine.write(file, 0, pattern(100 * KB));
    machine.close(file);
    expect(machine.kernel.cc.maps).toHaveLength(1);
    machine.pass(5);
    expect(machine.kernel.cc.maps).toEqual([]);
    expect(isSame(machine.volume.contents('file'), pattern(100 * KB))).toBe(true);
    expect(machine.verify()).toBeNull();
  });

  it('of a deleted file are never made', () => {
    const machine = withFile(0);
    const file = machine.open('file', CreateOption.DELETE_ON_CLOSE);
    machine.write(file, 0, pattern(100 * KB));
    const { writes } = machine.volume;
    machine.close(file);
    machine.kernel.cc.shutDown();
    expect(machine.volume.writes).toBe(writes);
    expect(machine.kernel.cc.maps).toEqual([]);
    expect(machine.verify()).toBeNull();
  });

  it('that the volume refuses later are told to the user once, and stay in memory for the next flush', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    machine.write(file, 0, pattern(64 * KB, 1));
    machine.volume.failure = Status.DISK_FULL;
    machine.pass(6);
    expect(machine.popups).toEqual(['STATUS_LOST_WRITEBEHIND_DATA']);
    expect(machine.kernel.cc.flush(file.control)).toBe(Status.DISK_FULL);
    machine.volume.failure = null;
    expect(machine.kernel.cc.flush(file.control)).toBe(Status.SUCCESS);
    expect(isSame(machine.volume.contents('file'), pattern(64 * KB, 1))).toBe(true);
  });

  it('that make a file longer on a full volume fail at once and change nothing', () => {
    const machine = withFile(100);
    const file = machine.open('file');
    machine.read(file, 0, 100);
    machine.volume.failure = Status.DISK_FULL;
    expect(machine.write(file, 100, pattern(10))).toBe(Status.DISK_FULL);
    expect(machine.read(file, 0, 200)).toEqual(pattern(100));
  });

  it('of many closed files leave few of the host open', () => {
    const machine = withFile(0);
    for (let number = 0; number < 50; number++) {
      const file = machine.open(`file${number}`);
      machine.write(file, 0, pattern(100, number));
      machine.close(file);
    }
    expect(machine.kernel.cc.maps.length).toBeLessThanOrEqual(32);
    machine.kernel.cc.shutDown();
    for (let number = 0; number < 50; number++) {
      expect(machine.volume.contents(`file${number}`)).toEqual(pattern(100, number));
    }
    expect(machine.verify()).toBeNull();
  });
});

describe('too many dirty pages', () => {
  it.each([
    [8, 8],
    [24, 4],
    [64, 8 / 3],
  ])('of a machine of %i MB are one in %f', (megabytes, part) => {
    const { throttle, ...cc } = new CacheMachine({ memorySize: megabytes << 20 }).kernel.cc;
    const threshold = Math.floor((megabytes * 256) / part);
    expect([throttle.threshold, throttle.target]).toEqual([threshold, Math.floor((threshold * 3) / 4)]);
    expect(cc.totalDirtyPages).toBe(0);
    expect(throttle.canWrite(threshold * 2)).toBe(true);
  });

  it('are as many as the threshold says, or leave fewer than 128 pages available', () => {
    const machine = withFile(0);
    const file = machine.open('file');
    const { cc, mm } = machine.kernel;
    machine.write(file, 0, pattern(100 * KB));
    const left = cc.throttle.threshold - cc.totalDirtyPages;
    expect([cc.throttle.canWrite(left - 1), cc.throttle.canWrite(left)]).toEqual([true, false]);
    const room = mm.lists.availablePages - 128;
    expect(room).toBeGreaterThan(left);
    cc.totalDirtyPages -= room;
    expect([cc.throttle.canWrite(room), cc.throttle.canWrite(room + 1)]).toEqual([true, false]);
    cc.totalDirtyPages += room;
  });

  it('make a writer wait until the lazy writer has written enough', () => {
    const machine = withFile(0);
    const file = machine.open('file');
    const { throttle } = machine.kernel.cc;
    const chunk = pattern(256 * KB);
    const state = { mostDirty: 0 };
    machine.inThread(function* ({ cc }) {
      for (let number = 0; number < 40; number++) {
        yield* throttle.wait(chunk.length);
        yield* machine.writing(file, number * chunk.length, chunk);
        state.mostDirty = Math.max(state.mostDirty, cc.totalDirtyPages);
      }
    });
    expect(events(machine, 'write-deferred').length).toBeGreaterThan(0);
    expect(state.mostDirty).toBeLessThanOrEqual(throttle.threshold);
    machine.kernel.cc.shutDown();
    const contents = machine.volume.contents('file');
    expect(contents.length).toBe(10 * MB);
    expect(isSame(contents.subarray(9 * MB, 9 * MB + 256 * KB), chunk)).toBe(true);
    expect(machine.verify()).toBeNull();
  });
});

describe('read-ahead', () => {
  const ahead = (machine: CacheMachine): (readonly [unknown, unknown])[] =>
    events(machine, 'read-ahead').map((event) => [event.offset, event.length] as const);

  it('of a sequential reader brings the next 64 KB after the third read', () => {
    const machine = withFile(MB);
    const file = machine.open('file');
    for (let offset = 0; offset < 3 * 4096; offset += 4096) machine.read(file, offset, 4096);
    machine.pass(1);
    expect(ahead(machine)).toEqual([[64 * KB, 64 * KB]]);
    const { reads } = machine.volume;
    machine.read(file, 64 * KB, 64 * KB);
    expect(machine.volume.reads).toBe(reads);
  });

  it('of a reader in equal steps brings the next one', () => {
    const machine = withFile(MB);
    const file = machine.open('file');
    for (const offset of [0, 100 * KB, 200 * KB]) machine.read(file, offset, 1000);
    machine.pass(1);
    expect(ahead(machine)).toEqual([[300 * KB, 4096]]);
  });

  it('keeps a file opened for sequential access 192 KB ahead, one for random access not at all', () => {
    const machine = withFile(MB);
    const sequential = machine.open('file', CreateOption.SEQUENTIAL_ONLY);
    machine.read(sequential, 0, 4096);
    machine.pass(1);
    expect(ahead(machine)).toEqual([[4096, 188 * KB]]);
    const other = withFile(MB);
    const random = other.open('file', CreateOption.RANDOM_ACCESS);
    for (let offset = 0; offset < 64 * KB; offset += 4096) other.read(random, offset, 4096);
    other.pass(1);
    expect(ahead(other)).toEqual([]);
  });
});

describe('the views', () => {
  it('are used again when all are taken, the least recently used first', () => {
    const machine = withFile(0, { memorySize: 32 << 20 });
    const file = machine.open('file');
    const { vacbs } = machine.kernel.cc;
    const { hostFile } = file.control;
    if (hostFile === null) throw new Error('the file is closed');
    // A sparse file: more than a volume in memory holds.
    file.control.hostFile = {
      ...hostFile,
      size: () => (vacbs.maximum + 10) * 256 * KB,
      read: (_offset, length) => new Uint8Array(length),
    };
    for (let view = 0; view < vacbs.maximum + 10; view++) {
      expect(machine.read(file, view * 256 * KB, 1)).toEqual(Uint8Array.of(0));
    }
    expect(machine.kernel.mm.cacheViews.views.size).toBe(vacbs.maximum);
    expect(machine.map(file).vacbs.get(9)).toBeNull();
    expect(machine.map(file).vacbs.get(10)).not.toBeNull();
    expect(machine.verify()).toBeNull();
    machine.close(file);
    expect(machine.verify()).toBeNull();
    expect(machine.kernel.mm.cacheViews.views.size).toBe(0);
  });

  it('find their own defects', () => {
    const machine = withFile(8192);
    const file = machine.open('file');
    machine.read(file, 0, 8192);
    machine.kernel.cc.totalDirtyPages++;
    expect(machine.verify()).toContain('dirty pages are counted');
    machine.kernel.cc.totalDirtyPages--;
    const [base] = machine.kernel.mm.cacheViews.views.keys();
    const { mm } = machine.kernel;
    expect(mm.cacheViews.touch(base, AccessKind.Read)).not.toBe(0);
    const area = file.control.sectionObjectPointers.dataSectionObject;
    if (area !== null) area.numberOfSystemCacheViews++;
    expect(machine.verify()).toContain('cache views');
  });
});
