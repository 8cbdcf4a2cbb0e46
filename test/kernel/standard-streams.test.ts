import { describe, expect, it } from 'vitest';
import { BootedKernel } from '../../kernel/boot.js';
import type { HostConsole, HostFile, HostStreamFile, StandardStream } from '../../kernel/host.js';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { StandardFiles } from '../../kernel/io/standard-files.js';
import { StreamDevice } from '../../kernel/io/stream-device.js';
import { Status } from '../../kernel/ntstatus.js';
import { machineOptions } from '../../kernel/options.js';
import { services } from '../../kernel/services.js';
import type { Blocking } from '../../kernel/types.js';

function host(input: readonly string[], files: ReadonlyMap<StandardStream, HostStreamFile> = new Map()): HostConsole {
  const pieces = input.map((text) => new TextEncoder().encode(text));
  return {
    kind: (stream) => (files.has(stream) ? 'file' : 'pipe'),
    read: () => pieces.shift() ?? 'eof',
    waitForInput: () => true,
    write: () => Status.SUCCESS,
    flush: () => undefined,
    size: () => ({ columns: 80, rows: 25 }),
    setRaw: () => undefined,
    file: (stream) => files.get(stream) ?? null,
  };
}

function file(text: string, position: number, access: 'read' | 'write'): HostStreamFile {
  const volume = new MemoryVolume('', () => 5n);
  const made = volume.createFile(['file']) as HostFile;
  made.write(0, new TextEncoder().encode(text));
  return { file: made, position, readable: access === 'read', writable: access === 'write', sharedWith: null };
}

function bootedKernel(files: ReadonlyMap<StandardStream, HostStreamFile> = new Map()): BootedKernel {
  return new BootedKernel(
    machineOptions({ imagePath: '\\??\\C:\\x.exe', memorySize: 16 << 20 }),
    {
      console: host([], files),
      volumes: new Map(),
      systemVolume: new MemoryVolume('', () => 0n),
      debugOutput: () => undefined,
      hardError: () => undefined,
      unhandledException: () => undefined,
    },
    services,
  );
}

/** What a routine that never waits gives. */
function finish<Value>(routine: Blocking<Value>): Value {
  const step = routine.next();
  if (!step.done) throw new Error('it waits');
  return step.value;
}

const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : new TextDecoder().decode(bytes));

describe('a standard stream that is a pipe', () => {
  it('shows what the next reads will give, and takes nothing', () => {
    const { ke } = bootedKernel();
    const device = new StreamDevice(host(['abc', 'defg']));
    const peek = () => text(finish(device.peek(ke)));
    const read = (maximum: number) => text(finish(device.read(ke, maximum)));
    expect(peek()).toBe('abc');
    expect(peek()).toBe('abc');
    expect(read(2)).toBe('ab');
    expect(peek()).toBe('c');
    expect(read(9)).toBe('c');
    expect(read(9)).toBe('defg');
    expect(peek()).toBeNull();
    expect(read(1)).toBeNull();
  });
});

describe('standard streams that are regular files', () => {
  const files = new Map<StandardStream, HostStreamFile>([
    [0, file('some text', 5, 'read')],
    [1, file('', 0, 'write')],
  ]);

  it('are files of a volume on which nothing else can be made', () => {
    const volume = new StandardFiles(host([], files));
    expect(volume.list([])).toMatchObject([
      { name: '0', size: 9, readOnly: true },
      { name: '1', size: 0, readOnly: false },
    ]);
    expect(volume.information(['2'])).toBe(Status.OBJECT_NAME_NOT_FOUND);
    expect(volume.openFile(['0'], true)).toBe(Status.ACCESS_DENIED);
    expect(volume.createFile()).toBe(Status.ACCESS_DENIED);
    expect(volume.remove()).toBe(Status.ACCESS_DENIED);
  });

  it('get a path on that volume, pipes one on the stream device', () => {
    const kernel = bootedKernel(files);
    expect(([0, 1, 2] as const).map((stream) => kernel.io.standardStreamPath(stream))).toEqual([
      '\\Device\\StandardFiles\\0',
      '\\Device\\StandardFiles\\1',
      '\\Device\\Stream\\2',
    ]);
  });
});
