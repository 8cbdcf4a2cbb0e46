import { afterAll, describe, expect, it } from 'vitest';
import { statusName } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { DATA } from './bare-process.js';
import { MemoryProcess, SELF } from './memory-process.js';

/**
 * Everything that services of AWE, large pages and write watch refuse (nt52.md 9.1, 9.7 to 9.9), by its status; and that a call which is
 * refused changes nothing: no page, no charge, no mapping, and not the program's memory, but for counts that it was told to write.
 */

const [BASE, SIZE] = [DATA, DATA + 8];
const COUNT = DATA + 0x40;
const GRANULARITY = DATA + 0x44;
const FRAMES = DATA + 0x100;
const ADDRESSES = DATA + 0x200;
const WINDOW = 0x10000000;
const WINDOW_END = WINDOW + 0x20000;
const WATCHED = 0x11000000;
const READ_ONLY = 0x12000000;
const RESERVED = 0x13000000;
const ORDINARY = 0x14000000;
const HOLE = 0x20000000;
const [RESERVE, COMMIT, RESERVE_COMMIT, PHYSICAL, LARGE, WATCH] = [
  0x2000, 0x1000, 0x3000, 0x402000, 0x20003000, 0x202000,
];
const [READONLY, READWRITE, EXECUTE] = [2, 4, 0x10];
/** A handle of the process without PROCESS_VM_OPERATION is no handle of these tests; this one is of nothing. */
const NO_HANDLE = 0x1234;

interface Setting {
  /** Frames: two that are mapped nowhere, one that is mapped at the window's start, one that was freed, one of another process. */
  readonly free: readonly [number, number];
  readonly mapped: number;
  readonly freed: number;
  readonly foreign: number;
  readonly large: number;
}

type Call = readonly [status: string, service: string, ...parameters: (number | ((setting: Setting) => number))[]];
/** Dwords at FRAMES, ADDRESSES, COUNT, BASE and SIZE before the call. */
interface Given {
  readonly frames?: (setting: Setting) => readonly number[];
  readonly addresses?: readonly number[];
  readonly count?: number;
  readonly base?: number;
  readonly size?: number | ((setting: Setting) => number);
}

const MAP = 'NtMapUserPhysicalPages';
const SCATTER = 'NtMapUserPhysicalPagesScatter';
const ALLOCATE = 'NtAllocateUserPhysicalPages';
const FREE = 'NtFreeUserPhysicalPages';
const RESERVATION = 'NtAllocateVirtualMemory';
const GET = 'NtGetWriteWatch';
const RESET = 'NtResetWriteWatch';

const lies: readonly [string, string, (setting: Setting) => readonly number[]][] = [
  ['a frame of another process', 'CONFLICTING_ADDRESSES', ({ free, foreign }) => [free[0], foreign]],
  ['a frame that was freed', 'CONFLICTING_ADDRESSES', ({ free, freed }) => [free[0], freed]],
  ['frame 0', 'CONFLICTING_ADDRESSES', ({ free }) => [free[0], 0]],
  ['a frame behind memory', 'CONFLICTING_ADDRESSES', ({ free }) => [free[0], 0x4000000]],
  ['frame FFFFFFFF', 'CONFLICTING_ADDRESSES', ({ free }) => [free[0], 0xffffffff]],
  ['a frame twice', 'INVALID_PARAMETER_3', ({ free }) => [free[0], free[0]]],
  ['a frame that is mapped elsewhere', 'INVALID_PARAMETER_3', ({ free, mapped }) => [free[0], mapped]],
];
const both = ({ free }: Setting) => free;

const refusals: readonly [title: string, given: Given, call: Call][] = [
  ...lies.flatMap(([title, status, frames]): [string, Given, Call][] => [
    [`map ${title}`, { frames }, [status, MAP, WINDOW + 0x4000, 2, FRAMES]],
    [
      `scatter ${title}`,
      { frames, addresses: [WINDOW + 0x4000, WINDOW + 0x9000] },
      [status, SCATTER, ADDRESSES, 2, FRAMES],
    ],
  ]),
  ['map over a hole', { frames: both }, ['INVALID_PARAMETER_1', MAP, HOLE, 2, FRAMES]],
  ['map over private memory', { frames: both }, ['INVALID_PARAMETER_1', MAP, ORDINARY, 2, FRAMES]],
  ['map over large pages', { frames: both }, ['INVALID_PARAMETER_1', MAP, ({ large }) => large, 2, FRAMES]],
  ['map over the end of a window', { frames: both }, ['INVALID_PARAMETER_1', MAP, WINDOW_END - 0x1000, 2, FRAMES]],
  ['map before a window', { frames: both }, ['INVALID_PARAMETER_1', MAP, WINDOW - 0x1000, 2, FRAMES]],
  ['map in the system half', { frames: both }, ['INVALID_PARAMETER_1', MAP, 0xc0000000, 2, FRAMES]],
  ['map a million pages', { frames: both }, ['INVALID_PARAMETER_2', MAP, WINDOW, 0x100000, FRAMES]],
  ['map a count that overflows', { frames: both }, ['INVALID_PARAMETER_2', MAP, WINDOW, 0xffffffff, FRAMES]],
  ['map over the end of memory', { frames: both }, ['INVALID_PARAMETER_2', MAP, 0xfffff000, 2, FRAMES]],
  ['unmap over a hole', {}, ['INVALID_PARAMETER_1', MAP, HOLE, 2, 0]],
  ['unmap more than a window', {}, ['INVALID_PARAMETER_1', MAP, WINDOW, 0x21, 0]],
  ['map from an array that is not there', {}, ['ACCESS_VIOLATION', MAP, WINDOW, 2, HOLE]],
  ['map from an array that is reserved', {}, ['ACCESS_VIOLATION', MAP, WINDOW, 2, RESERVED]],
  ['map from an array in a window that maps nothing', {}, ['ACCESS_VIOLATION', MAP, WINDOW, 2, WINDOW + 0x8000]],
  ['map from an array over the end of its page', {}, ['ACCESS_VIOLATION', MAP, WINDOW, 2, READ_ONLY + 0xffc]],
  ['map from an odd array', {}, ['DATATYPE_MISALIGNMENT', MAP, WINDOW, 2, FRAMES + 2]],
  ['map from the system half', {}, ['ACCESS_VIOLATION', MAP, WINDOW, 2, 0xc0000000]],
  [
    'scatter to a hole',
    { frames: both, addresses: [WINDOW, HOLE] },
    ['INVALID_PARAMETER_1', SCATTER, ADDRESSES, 2, FRAMES],
  ],
  ['scatter a count that overflows', {}, ['INVALID_PARAMETER_2', SCATTER, ADDRESSES, 0xffffffff, FRAMES]],
  ['scatter from nowhere', {}, ['ACCESS_VIOLATION', SCATTER, HOLE, 2, FRAMES]],
  ['unscatter in a hole', { addresses: [WINDOW, HOLE] }, ['INVALID_PARAMETER_1', SCATTER, ADDRESSES, 2, 0]],

  ['get pages without a count', {}, ['ACCESS_VIOLATION', ALLOCATE, SELF, 0, FRAMES]],
  ['get pages by a read-only count', {}, ['ACCESS_VIOLATION', ALLOCATE, SELF, READ_ONLY, FRAMES]],
  ['get pages into a read-only array', { count: 2 }, ['ACCESS_VIOLATION', ALLOCATE, SELF, COUNT, READ_ONLY]],
  ['get pages into a short array', { count: 2 }, ['ACCESS_VIOLATION', ALLOCATE, SELF, COUNT, ORDINARY + 0xfffc]],
  ['get a count that overflows', { count: 0x40000000 }, ['INVALID_PARAMETER_2', ALLOCATE, SELF, COUNT, FRAMES]],
  ['get the most there can be', { count: 0x3fffffff }, ['ACCESS_VIOLATION', ALLOCATE, SELF, COUNT, FRAMES]],
  ['get pages for nobody', { count: 2 }, ['INVALID_HANDLE', ALLOCATE, NO_HANDLE, COUNT, FRAMES]],
  ['free no pages', { count: 0 }, ['INVALID_PARAMETER_2', FREE, SELF, COUNT, FRAMES]],
  ['free a count that overflows', { count: 0x40000000 }, ['INVALID_PARAMETER_2', FREE, SELF, COUNT, FRAMES]],
  ['free pages of nobody', { count: 2, frames: both }, ['INVALID_HANDLE', FREE, NO_HANDLE, COUNT, FRAMES]],
  ['free from nowhere', { count: 2 }, ['ACCESS_VIOLATION', FREE, SELF, COUNT, HOLE]],
  [
    'free what is not there',
    { count: 1, frames: () => [0x4000000] },
    ['CONFLICTING_ADDRESSES', FREE, SELF, COUNT, FRAMES],
  ],
  [
    'free what was freed',
    { count: 1, frames: ({ freed }) => [freed] },
    ['CONFLICTING_ADDRESSES', FREE, SELF, COUNT, FRAMES],
  ],
  [
    'free what is another’s',
    { count: 1, frames: ({ foreign }) => [foreign] },
    ['CONFLICTING_ADDRESSES', FREE, SELF, COUNT, FRAMES],
  ],

  ...(
    [
      ['physical memory of no size', 'INVALID_PARAMETER_4', 0, 0, PHYSICAL, READWRITE],
      ['physical memory that overflows', 'INVALID_PARAMETER_4', HOLE, 0xf0000000, PHYSICAL, READWRITE],
      ['physical memory over another region', 'CONFLICTING_ADDRESSES', WINDOW, 0x1000, PHYSICAL, READWRITE],
      ['physical memory that is committed', 'INVALID_PARAMETER_5', 0, 0x1000, PHYSICAL | COMMIT, READWRITE],
      ['physical memory that is not reserved', 'INVALID_PARAMETER_5', 0, 0x1000, 0x400000, READWRITE],
      ['physical memory to read', 'INVALID_PARAMETER_6', 0, 0x1000, PHYSICAL, READONLY],
      ['physical memory with write watch', 'INVALID_PARAMETER_5', 0, 0x1000, PHYSICAL | WATCH, READWRITE],
      ['commit in a window', 'CONFLICTING_ADDRESSES', WINDOW, 0x1000, COMMIT, READWRITE],
      ['large pages of no multiple', 'INVALID_PARAMETER_4', 0, 0x201000, LARGE, READWRITE],
      ['large pages of no size', 'INVALID_PARAMETER_4', 0, 0, LARGE, READWRITE],
      ['large pages that overflow', 'INVALID_PARAMETER_4', HOLE, 0xe0000000, LARGE, READWRITE],
      ['large pages at no multiple', 'INVALID_PARAMETER_2', HOLE + 0x10000, 0x400000, LARGE, READWRITE],
      ['large pages over another region', 'CONFLICTING_ADDRESSES', WINDOW, 0x400000, LARGE, READWRITE],
      ['large pages that are only reserved', 'INVALID_PARAMETER_5', HOLE, 0x400000, 0x20002000, READWRITE],
      ['large pages with write watch', 'INVALID_PARAMETER_5', HOLE, 0x400000, LARGE | 0x200000, READWRITE],
      ['large pages that are guarded', 'INVALID_PAGE_PROTECTION', HOLE, 0x400000, LARGE, READWRITE | 0x100],
      ['more large pages than there is memory', 'INSUFFICIENT_RESOURCES', HOLE, 0x8000000, LARGE, READWRITE],
      ['write watch that is not reserved', 'INVALID_PARAMETER_5', 0, 0x1000, 0x201000, READWRITE],
      ['write watch over another region', 'CONFLICTING_ADDRESSES', WATCHED, 0x1000, WATCH, READWRITE],
    ] as const
  ).map(([title, status, base, size, type, protection]): [string, Given, Call] => [
    title,
    { base, size },
    [status, RESERVATION, SELF, BASE, 0, SIZE, type, protection],
  ]),
  [
    'protect a window to execute',
    { base: WINDOW, size: 0x1000 },
    ['CONFLICTING_ADDRESSES', 'NtProtectVirtualMemory', SELF, BASE, SIZE, EXECUTE, COUNT],
  ],
  [
    'decommit a window',
    { base: WINDOW, size: 0x1000 },
    ['MEMORY_NOT_ALLOCATED', 'NtFreeVirtualMemory', SELF, BASE, SIZE, 0x4000],
  ],
  [
    'release a part of a window',
    { base: WINDOW, size: 0x1000 },
    ['FREE_VM_NOT_AT_BASE', 'NtFreeVirtualMemory', SELF, BASE, SIZE, 0x8000],
  ],
  [
    'release a part of a watched region',
    { base: WATCHED, size: 0x1000 },
    ['FREE_VM_NOT_AT_BASE', 'NtFreeVirtualMemory', SELF, BASE, SIZE, 0x8000],
  ],
  [
    'lock a window',
    { base: WINDOW, size: 0x1000 },
    ['INCOMPATIBLE_FILE_MAP', 'NtLockVirtualMemory', SELF, BASE, SIZE, 1],
  ],

  [
    'watch with flags',
    { count: 4 },
    ['INVALID_PARAMETER_2', GET, SELF, 2, WATCHED, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch the system half',
    { count: 4 },
    ['INVALID_PARAMETER_2', GET, SELF, 1, bootLayout.systemRangeStart, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch a size that overflows',
    { count: 4 },
    ['INVALID_PARAMETER_3', GET, SELF, 1, WATCHED, 0xf0000000, ADDRESSES, COUNT, GRANULARITY],
  ],
  ['watch nothing', { count: 4 }, ['INVALID_PARAMETER_4', GET, SELF, 1, WATCHED, 0, ADDRESSES, COUNT, GRANULARITY]],
  [
    'watch into no room',
    { count: 0 },
    ['INVALID_PARAMETER_5', GET, SELF, 1, WATCHED, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch into room that overflows',
    { count: 0x40000000 },
    ['INVALID_PARAMETER_5', GET, SELF, 1, WATCHED, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch into a short buffer',
    { count: 4 },
    ['ACCESS_VIOLATION', GET, SELF, 1, WATCHED, 0x4000, ORDINARY + 0xfff8, COUNT, GRANULARITY],
  ],
  [
    'watch into a read-only buffer',
    { count: 4 },
    ['ACCESS_VIOLATION', GET, SELF, 1, WATCHED, 0x4000, READ_ONLY, COUNT, GRANULARITY],
  ],
  [
    'watch by a read-only count',
    {},
    ['ACCESS_VIOLATION', GET, SELF, 1, WATCHED, 0x4000, ADDRESSES, READ_ONLY, GRANULARITY],
  ],
  [
    'watch with a read-only granularity',
    { count: 4 },
    ['ACCESS_VIOLATION', GET, SELF, 1, WATCHED, 0x4000, ADDRESSES, COUNT, READ_ONLY],
  ],
  [
    'watch a window',
    { count: 4 },
    ['INVALID_PARAMETER_1', GET, SELF, 1, WINDOW, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch more than the region',
    { count: 4 },
    ['INVALID_PARAMETER_1', GET, SELF, 1, WATCHED, 0x10001, ADDRESSES, COUNT, GRANULARITY],
  ],
  [
    'watch for nobody',
    { count: 4 },
    ['INVALID_HANDLE', GET, NO_HANDLE, 1, WATCHED, 0x4000, ADDRESSES, COUNT, GRANULARITY],
  ],
  ['reset a hole', {}, ['INVALID_PARAMETER_1', RESET, SELF, HOLE, 0x1000]],
  ['reset more than the region', {}, ['INVALID_PARAMETER_1', RESET, SELF, WATCHED + 0xf000, 0x2000]],
  ['reset a size that overflows', {}, ['INVALID_PARAMETER_3', RESET, SELF, WATCHED, 0xf0000000]],
  ['reset nothing', {}, ['INVALID_PARAMETER_3', RESET, SELF, WATCHED, 0]],
  ['reset for nobody', {}, ['INVALID_HANDLE', RESET, NO_HANDLE, WATCHED, 0x1000]],
];

class Extensions extends MemoryProcess {
  *prepare(): Blocking<Setting> {
    const { mm } = this.kernel;
    yield* this.reserve('SUCCESS', WINDOW, WINDOW_END - WINDOW, PHYSICAL);
    yield* this.reserve('SUCCESS', WATCHED, 0x10000, WATCH | COMMIT);
    yield* this.reserve('SUCCESS', READ_ONLY, 0x1000, RESERVE_COMMIT);
    yield* this.reserve('SUCCESS', RESERVED, 0x10000, RESERVE);
    yield* this.reserve('SUCCESS', ORDINARY, 0x10000, RESERVE_COMMIT);
    const large = yield* this.reserve('SUCCESS', 0, mm.format.isPae ? 0x200000 : 0x400000, LARGE);
    yield* this.store(READ_ONLY, 2);
    yield* this.protect('SUCCESS', READ_ONLY, 0x1000, READONLY);
    yield* this.store(WATCHED + 0x2000, 1);
    yield* this.store(ORDINARY + 0xf000, 1);
    this.put(COUNT, [4]);
    yield* this.expect('SUCCESS', ALLOCATE, SELF, COUNT, FRAMES);
    const [first, second, mapped, freed] = this.read(FRAMES, 4);
    if (first === undefined || second === undefined || mapped === undefined || freed === undefined)
      throw new Error('no pages');
    this.put(FRAMES, [freed]);
    this.put(COUNT, [1]);
    yield* this.expect('SUCCESS', FREE, SELF, COUNT, FRAMES);
    this.put(FRAMES, [mapped]);
    yield* this.expect('SUCCESS', MAP, WINDOW, 1, FRAMES);
    return { free: [first, second], mapped, freed, foreign: mm.current.directoryFrames[0] ?? 0, large };
  }

  /** All that a call could change. */
  state(): unknown {
    const { mm } = this.kernel;
    const space = mm.current;
    const owned = Array.from({ length: mm.pfn.frameCount }, (_, frame) => frame).filter((frame) =>
      space.awe?.owns(frame),
    );
    return {
      charged: [mm.commit.charged, space.commitCharge, mm.committed.awe, { ...mm.resident.charged }],
      available: mm.lists.availablePages,
      owned: owned.map((frame) => [frame, mm.pfn.pteAddress(frame)]),
      vads: [...space.vads].map(({ startingVpn, endingVpn, type, protection }) => [
        startingVpn,
        endingVpn,
        type,
        protection,
      ]),
      written: [...(space.vads.find(WATCHED >>> 12)?.writeWatch ?? [])],
      memory: [this.read(FRAMES, 8), this.read(ADDRESSES, 8), this.read(READ_ONLY, 2), this.read(WATCHED + 0x2000, 1)],
    };
  }

  /** The status, and the state before and after. */
  *refuse(
    setting: Setting,
    { frames, addresses, count, base, size }: Given,
    call: Call,
  ): Blocking<readonly [string, unknown, unknown]> {
    this.put(FRAMES, frames?.(setting) ?? [1, 2, 3]);
    this.put(ADDRESSES, addresses ?? [WINDOW, WINDOW]);
    this.put(COUNT, [count ?? 1]);
    this.put(BASE, [base ?? 0]);
    this.put(SIZE, [typeof size === 'function' ? size(setting) : (size ?? 0)]);
    const [, service, ...given] = call;
    const parameters = given.map((value) => (typeof value === 'function' ? value(setting) : value));
    const before = this.state();
    const status = statusName(yield* this.call(service, ...parameters));
    return [status, before, this.state()];
  }
}

describe.each([
  ['PAE', true],
  ['two-level', false],
])('%s: what is refused changes nothing', (_name, pae) => {
  let machine: Extensions | null = null;
  let setting: Setting | null = null;
  const prepared = (): { extensions: Extensions; with: Setting } => {
    const extensions = machine ?? new Extensions({ pae, memorySize: 32 << 20 });
    machine = extensions;
    extensions.inThread(function* () {
      setting ??= yield* extensions.prepare();
    });
    if (setting === null) throw new Error('no setting');
    return { extensions, with: setting };
  };
  afterAll(() => {
    expect(machine?.kernel.mm.verify()).toBeNull();
  });

  it.each(refusals)('%s', (_title, given, call) => {
    const { extensions, with: frames } = prepared();
    let found: readonly [string, unknown, unknown] = ['', null, null];
    extensions.inThread(function* () {
      found = yield* extensions.refuse(frames, given, call);
    });
    const [status, before, after] = found;
    expect(status).toBe(`STATUS_${call[0]}`);
    expect(after).toEqual(before);
  });
});
