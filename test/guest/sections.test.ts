import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPte, NO_PTE, type Thread, ThreadState, WaitReason } from '../../kernel/index.js';
import { statusName } from '../../kernel/ntstatus.js';
import { createUserProcess } from '../../kernel/ps/index.js';
import { accountToken } from '../../kernel/se/account.js';
import { EventObserver } from '../../tools/debugger/event-observer.js';
import { executeLine, Session } from '../../tools/debugger/index.js';
import { expectedOutput, guestMachine, runGuest } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-sections-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const driveC = () => [{ drive: 'C', folder, readOnly: false }];

describe('the programs of the course notes', () => {
  it('shared-memory: 16 MB between three processes, and no page of it is copied', () => {
    const run = runGuest('shared-memory', { trace: { sections: true } });
    expect(run.stdout).toBe(expectedOutput('shared-memory'));
    expect(run.inconsistency).toBeNull();
    const { counters } = run.machine;
    // One frame a page; each other process finds it. Nothing goes to disk or through a buffer.
    expect(counters.prototypeFaults).toBeGreaterThanOrEqual(2 * 4096);
    expect(counters.demandZeroFaults).toBeLessThan(4096 + 600);
    expect(counters.copyOnWriteFaults).toBeLessThan(50);
    expect([counters.dirtyPagesWritten, counters.pagingFileFaults, counters.bytesRead]).toEqual([0, 0, 0]);
    // The trace tells the same: one section, a view in each process, and nothing left of it; each image is laid out once.
    const events = run.trace.map((line): Readonly<Record<string, unknown>> => JSON.parse(line));
    const named = (name: string) => events.filter(({ event }) => event === name);
    const memory = named('section-created').find(({ file, size }) => file === '-' && size === 16 << 20)?.controlArea;
    const views = named('view-mapped').filter(({ controlArea }) => controlArea === memory);
    expect(views.map(({ pages }) => pages)).toEqual([4096, 4096, 4096]);
    const [server, ...others] = views.map(({ owner }) => owner);
    expect(others).not.toContain(server);
    expect(named('view-unmapped').filter(({ controlArea }) => controlArea === memory).length).toBe(3);
    expect(named('segment-deleted').filter(({ controlArea }) => controlArea === memory)).toMatchObject([
      { pages: 4096 },
    ]);
    const images = named('segment-created')
      .map(({ file }) => String(file))
      .filter((file) => file.endsWith('.exe'));
    expect(images).toEqual(['\\Device\\HarddiskVolume2\\shared-memory.exe']);
  });

  it('sparse-region: pages are committed as they are touched', () => {
    const run = runGuest('sparse-region');
    expect(run.stdout).toBe(expectedOutput('sparse-region'));
    expect(run.inconsistency).toBeNull();
  });

  it('file-conversion: bytes become wide characters from one mapping to another', () => {
    const bytes = Uint8Array.from({ length: 70_001 }, (_, index) => 32 + ((index * 7) % 95));
    writeFileSync(join(folder, 'in.txt'), bytes);
    writeFileSync(join(folder, 'empty.txt'), '');
    const run = runGuest('file-conversion', { args: ['in.txt', 'out.txt'], mounts: driveC() });
    expect(run.stdout).toBe('converted: 1\n');
    const wide = readFileSync(join(folder, 'out.txt'));
    expect(wide.equals(Buffer.from(Buffer.from(bytes).toString('latin1'), 'utf16le'))).toBe(true);
    expect(run.inconsistency).toBeNull();
    const failed = runGuest('file-conversion', { args: ['empty.txt', 'out.txt'], mounts: driveC() });
    expect([failed.result.status, failed.stderr]).toEqual([3, 'Failure Mapping input file.']);
    expect(runGuest('file-conversion', { args: ['none.txt', 'out.txt'], mounts: driveC() }).result.status).toBe(1);
  });

  it('sort-tree: a tree in two heaps, and the exception when one of them is full', () => {
    const records = Array.from({ length: 2000 }, (_, index) => {
      const key = String((index * 7_919_317) % 100_000_007).padStart(8, '0');
      return `${key}-${String(index).padStart(6, '0')}`;
    });
    writeFileSync(join(folder, 'records.txt'), records.map((record) => `${record}\n`).join(''));
    const sorted = ['Sorted file: records.txt', ...[...records].sort(), ''].join('\n');
    const run = (limit: string) => runGuest('sort-tree', { args: ['records.txt', limit], mounts: driveC() });
    expect(run('0').stdout).toBe(sorted);
    expect(run('0x8000').stdout).toBe('the heap was too small\n');
  });
});

/** Of a program and its libraries, read as they are touched. */
const IMAGE_PAGES = 128;

describe('files that are larger than memory', () => {
  it('mapped-sort: 32 MB on a machine of 8 MB', () => {
    const RECORD = 256;
    const count = (32 << 20) / RECORD;
    const bytes = Buffer.alloc(count * RECORD);
    let state = 86;
    const keys = new Set<number>();
    for (let record = 0; record < count; record++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      keys.add(state);
      bytes.writeUInt32BE(state, record * RECORD);
      bytes.writeUInt32LE(state, record * RECORD + 8);
    }
    writeFileSync(join(folder, 'in.bin'), bytes);
    const args = ['in.bin', 'out.bin', '0x200000'];
    const run = runGuest('mapped-sort', { args, mounts: driveC(), machine: { memorySize: 8 << 20 } });
    expect(run.stdout).toBe(`${count} records sorted in 16 runs\n`);
    expect(run.inconsistency).toBeNull();
    const sorted = readFileSync(join(folder, 'out.bin'));
    const expected = [...keys].sort((one, other) => one - other);
    expect(sorted.length).toBe(bytes.length);
    const differs = expected.findIndex(
      (key, record) => sorted.readUInt32BE(record * RECORD) !== key || sorted.readUInt32LE(record * RECORD + 8) !== key,
    );
    expect([expected.length, differs]).toEqual([count, -1]);
    // A sort that has memory for a quarter reads and writes everything twice, runs and then their merge: no page more is written,
    // nor read, but for the images of the program. That is twice what a sort would need that has memory for all.
    const pages = bytes.length / 4096;
    const { pagesRead, mappedPagesWritten, mappedWriteIos, bytesRead, bytesWritten } = run.machine.counters;
    expect(mappedPagesWritten).toBe(2 * pages);
    expect(pagesRead).toBeGreaterThanOrEqual(2 * pages);
    expect(pagesRead).toBeLessThan(2 * pages + IMAGE_PAGES);
    // In clusters: 8 pages a write at least.
    expect(mappedPagesWritten / mappedWriteIos).toBeGreaterThan(8);
    expect([bytesRead, bytesWritten]).toEqual([0, run.stdout.length + 1]);
  });
});

describe('one image in 20 processes', () => {
  it('is in memory once, and is read once', async () => {
    const PROCESSES = 20;
    const { machine, trace, close } = guestMachine('sleep', {
      machine: { memorySize: 32 << 20 },
      trace: { sections: true },
    });
    const { kernel } = machine;
    const { mm, ps } = kernel;
    const request = {
      imagePath: '\\??\\Z:\\sleep.exe',
      commandLine: 'sleep',
      currentDirectory: 'Z:\\',
      environment: new Map(),
      standardStreams: [null, null, null],
    } as const;
    const start = () =>
      kernel.ke.createSystemThread(kernel.systemProcess, 8, function* () {
        ps.loadSystemDll();
        yield* createUserProcess(ps, request);
      });
    const isAsleep = ({ waitReason, state }: Thread) =>
      state === ThreadState.Waiting && waitReason === WaitReason.DelayExecution;
    const asleep = () =>
      ps.processes.filter(({ pcb }) => pcb.imageFileName === 'sleep.exe' && pcb.threads.some(isAsleep));
    start();
    expect(kernel.runLoop.run(50_000_000, () => asleep().length === 1)).toBe('finished');
    const { pagesRead, pageReadIos } = mm.counters;
    for (let index = 1; index < PROCESSES; index++) start();
    expect(kernel.runLoop.run(50_000_000, () => asleep().length === PROCESSES)).toBe('finished');
    expect([mm.counters.pagesRead, mm.counters.pageReadIos]).toEqual([pagesRead, pageReadIos]);
    const areas = new Set([...mm.subsections.values()].map(({ controlArea }) => controlArea));
    const areaOf = (name: string) => {
      const area = [...areas].find(({ file }) => file?.name.endsWith(`\\${name}`));
      if (area === undefined) throw new Error(`no control area of ${name}`);
      return area;
    };
    const area = areaOf('sleep.exe');
    expect([area.numberOfMappedViews, area.flags.image]).toEqual([PROCESSES, true]);
    // The system's libraries are sections of \KnownDlls: made once, and mapped by name.
    for (const name of ['ntdll.dll', 'kernel32.dll', 'msvcrt.dll']) {
      expect([name, areaOf(name).numberOfMappedViews]).toEqual([name, PROCESSES]);
      const made = trace.filter((line) => line.includes('"section-created"') && line.includes(`\\\\${name}`));
      expect([name, made.length]).toEqual([name, 1]);
    }
    // Every process maps the code; every frame that it maps there is the same in all of them, or its own copy.
    const frames = new Map<number, number>();
    for (const space of mm.addressSpaces) {
      for (const vad of space.vads) {
        if (vad.controlArea !== area) continue;
        for (let vpn = vad.startingVpn; vpn <= vad.endingVpn; vpn++) {
          const at = findPte(mm, space, vpn * 0x1000);
          if (at === NO_PTE || !mm.format.isValid(at)) continue;
          const frame = mm.format.frame(at);
          if (mm.pfn.isPrototype(frame)) frames.set(frame, (frames.get(frame) ?? 0) + 1);
        }
      }
    }
    expect(frames.size).toBeGreaterThan(3);
    expect(frames.size).toBeLessThanOrEqual(area.segment.totalPages);
    expect([...frames.values()].filter((sharers) => sharers === PROCESSES).length).toBeGreaterThan(2);
    for (const [frame, sharers] of frames) expect(mm.pfn.shareCount(frame)).toBe(sharers);
    expect(area.numberOfPfnReferences).toBeLessThanOrEqual(area.segment.totalPages);
    // The report says so in a line: as many kilobytes as one copy of the image has in memory, most of them shared.
    const said: string[] = [];
    await executeLine(new Session(machine, new EventObserver(), () => {}), '!memusage', false, (text) =>
      said.push(text),
    );
    const rows = said.join('\n').split('\n');
    for (const name of ['sleep.exe', 'kernel32.dll', 'ntdll.dll']) {
      const { numberOfPfnReferences, poolAddress } = areaOf(name);
      const row = rows.filter((line) => line.endsWith(`\\${name}`)).map((line) => line.trim().split(/\s+/));
      expect(row.map(([control, valid, standby]) => [control, Number(valid) + Number(standby)])).toEqual([
        [poolAddress.toString(16), numberOfPfnReferences * 4],
      ]);
      expect([name, Number(row[0]?.[4])]).toEqual([name, expect.toSatisfy((shared: number) => shared >= 12)]);
    }
    expect(machine.verify()).toBeNull();
    close();
  });
});

describe('\\KnownDlls', () => {
  it('decides where the libraries of the system come from, whatever lies beside the program', () => {
    writeFileSync(join(folder, 'msvcrt.dll'), 'not an image');
    const hello = readFileSync(new URL('../../guest/images/hello.exe', import.meta.url));
    writeFileSync(join(folder, 'hello.exe'), hello);
    const machine = { imagePath: '\\??\\C:\\hello.exe', commandLine: 'hello' };
    const run = runGuest('hello', { mounts: driveC(), machine });
    expect([run.result.reason, run.result.status, run.stdout]).toEqual([
      'exited',
      0,
      expect.stringContaining('printf in msvcrt.dll   at 77c'),
    ]);
  });

  it('can be mapped by everybody and changed by nobody', () => {
    const { kernel } = guestMachine('hello').machine;
    kernel.ps.loadSystemDll();
    const token = accountToken('user', [], 1);
    const [QUERY_READ_EXECUTE, WRITE] = [0xd, 0x2];
    for (const name of ['advapi32.dll', 'kernel32.dll', 'msvcrt.dll', 'ntdll.dll', 'shell32.dll']) {
      const object = kernel.ob.find(`\\KnownDlls\\${name}`);
      if (object === null) throw new Error(`${name} is not known`);
      expect([name, object.permanent]).toEqual([name, true]);
      expect(kernel.ob.security.check(object, QUERY_READ_EXECUTE, { token }).status).toBe(0);
      expect(statusName(kernel.ob.security.check(object, WRITE, { token }).status)).toBe('STATUS_ACCESS_DENIED');
    }
  });
});
