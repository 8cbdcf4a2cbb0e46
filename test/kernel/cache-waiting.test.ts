import { describe, expect, it } from 'vitest';
import { pinRead, unpinData } from '../../kernel/cc/index.js';
import { Mode } from '../../kernel/ke/thread.js';
import { Status } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { CacheMachine } from './cache-machine.js';

const KB = 1024;
const pattern = (length: number, start = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (start + index) * 31 + ((start + index) >>> 9));

/** What toEqual would say of long arrays, but soon. */
const isSame = (got: Uint8Array | number, wanted: Uint8Array): boolean =>
  typeof got !== 'number' && Buffer.compare(got, wanted) === 0;

/** A machine with one file of so many bytes on its volume. */
function withFile(size: number): CacheMachine {
  const machine = new CacheMachine();
  machine.volume.add(['file'], pattern(size));
  return machine;
}

/** Runs pieces of kernel code in threads of equal priority, begun in this order, until all have ended. */
function together(machine: CacheMachine, ...bodies: (() => Blocking<void>)[]): void {
  const { kernel } = machine;
  const ended: boolean[] = [];
  for (const body of bodies) {
    kernel.ke.createSystemThread(kernel.systemProcess, 10, function* () {
      yield* body();
      ended.push(true);
    });
  }
  machine.inThread(function* ({ ke }) {
    while (ended.length < bodies.length) yield* ke.delayExecution(Mode.Kernel, false, -10_000n);
  });
}

describe('a cached read', () => {
  it('waits for its page while other threads run, as long as the disk needs', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const order: string[] = [];
    const bytes = new Uint8Array(100);
    const { device } = machine.kernel.mm.paging;
    const begin = device.now;
    together(
      machine,
      function* () {
        order.push('asks');
        yield* machine.reading(file, 5000, bytes);
        order.push('has them');
        expect(device.now - begin).toBeGreaterThan(9_000_000);
      },
      // biome-ignore lint/correctness/useYield: a thread that need not wait
      function* () {
        order.push('another thread');
      },
    );
    expect(order).toEqual(['asks', 'another thread', 'has them']);
    expect(bytes).toEqual(pattern(100, 5000));
    expect(machine.verify()).toBeNull();
  });

  it('of a page that somebody reads already waits for the same read', () => {
    const machine = withFile(64 * KB);
    const first = machine.open('file');
    const second = machine.open('file');
    const got = [new Uint8Array(10), new Uint8Array(10)];
    together(
      machine,
      function* () {
        yield* machine.reading(first, 0, got[0]);
      },
      function* () {
        yield* machine.reading(second, 100, got[1]);
      },
    );
    expect(machine.volume.reads).toBe(1);
    expect(got).toEqual([pattern(10), pattern(10, 100)]);
    expect(machine.verify()).toBeNull();
  });

  it('meets pages that are being read ahead, and reads none of them again', () => {
    const machine = withFile(256 * KB);
    const file = machine.open('file');
    const bytes = new Uint8Array(4 * KB);
    together(machine, function* () {
      for (let offset = 0; offset < 256 * KB; offset += bytes.length) {
        yield* machine.reading(file, offset, bytes);
        expect(isSame(bytes, pattern(bytes.length, offset))).toBe(true);
      }
    });
    const { readAheadIos, copyReadMisses, pagesRead } = machine.kernel.counters;
    expect(pagesRead).toBe(64);
    expect(readAheadIos).toBeGreaterThan(0);
    expect(copyReadMisses).toBeLessThan(64);
    expect(machine.verify()).toBeNull();
  });

  it('brings all its pages in with reads of 64 KB', () => {
    const machine = withFile(128 * KB);
    const file = machine.open('file');
    expect(isSame(machine.read(file, 0, 128 * KB), pattern(128 * KB))).toBe(true);
    expect(machine.volume.reads).toBe(2);
  });

  it('ends where the file was cut while it waited', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const bytes = new Uint8Array(64 * KB);
    const counts: number[] = [];
    together(
      machine,
      function* () {
        counts.push((yield* machine.reading(file, 0, bytes)).count);
      },
      // biome-ignore lint/correctness/useYield: a thread that need not wait
      function* () {
        expect(machine.resize(file, 5000)).toBe(Status.SUCCESS);
      },
    );
    expect(counts).toEqual([5000]);
    expect(machine.verify()).toBeNull();
  });

  it('is not disturbed when its file is closed meanwhile', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const bytes = new Uint8Array(4 * KB);
    const { cc } = machine.kernel;
    const map = machine.map(file);
    cc.reference(map);
    together(
      machine,
      function* () {
        yield* machine.reading(file, 0, bytes);
      },
      // biome-ignore lint/correctness/useYield: a thread that need not wait
      function* () {
        cc.uninitializeCacheMap(file.control, file.file);
        expect(cc.maps).toEqual([map]);
      },
    );
    cc.release(map);
    expect(bytes).toEqual(pattern(4 * KB));
    expect(cc.maps).toEqual([]);
    expect(machine.verify()).toBeNull();
  });
});

describe('a cached write', () => {
  it('into a part of a page waits for the rest of it; one of whole pages does not', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const order: string[] = [];
    const write = (offset: number, length: number): (() => Blocking<void>) =>
      function* () {
        yield* machine.writing(file, offset, pattern(length, 7));
        order.push(`${length} bytes`);
      };
    together(machine, write(5000, 10), write(16 * KB, 4 * KB));
    expect(order).toEqual(['4096 bytes', '10 bytes']);
    const expected = pattern(64 * KB);
    expected.set(pattern(10, 7), 5000);
    expected.set(pattern(4 * KB, 7), 16 * KB);
    expect(isSame(machine.read(file, 0, 64 * KB), expected)).toBe(true);
    expect(machine.verify()).toBeNull();
  });

  it('ends early when the file is cut while it waits', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const counts: number[] = [];
    together(
      machine,
      function* () {
        counts.push((yield* machine.writing(file, 5000, pattern(10))).count);
      },
      // biome-ignore lint/correctness/useYield: a thread that need not wait
      function* () {
        expect(machine.resize(file, 4000)).toBe(Status.SUCCESS);
      },
    );
    expect(counts).toEqual([0]);
    expect(machine.verify()).toBeNull();
  });
});

describe('--trace cache', () => {
  it('tells of every copy, view, read, flush and pin, in the order in which they happen', () => {
    const machine = withFile(64 * KB);
    const file = machine.open('file');
    const { cc } = machine.kernel;
    machine.read(file, 0, 4096);
    machine.read(file, 0, 10);
    machine.write(file, 100, pattern(10));
    const { bcb } = machine.resultOf(() => pinRead(cc, machine.map(file), 8192, 100));
    if (bcb !== null) unpinData(cc, bcb);
    cc.flush(file.control);
    machine.resize(file, 60_000);
    machine.close(file);
    const told = machine.traceLines.map((line): Record<string, unknown> => JSON.parse(line));
    expect(told.map(({ event }) => event)).toEqual([
      'cache-map',
      'cache-view',
      'copy-read',
      'copy-read',
      'copy-write',
      'cache-pin',
      'cache-unpin',
      'cache-flush',
      'cache-view-unmap',
      'cache-purge',
      'cache-size',
      'cache-map-delete',
    ]);
    expect(told[2]).toMatchObject({ offset: 0, length: 4096, count: 4096, missed: true, status: '00000000' });
    expect(told[3]).toMatchObject({ length: 10, missed: false });
    expect(told[7]).toMatchObject({ offset: 0, pages: 1, status: '00000000' });
  });
});
