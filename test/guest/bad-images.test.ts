import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Host,
  type HostVolume,
  isSuccess,
  Machine,
  MemoryVolume,
  type RunResult,
  Status,
  statusName,
} from '../../kernel/index.js';
import { createUserProcess, type ProcessResult } from '../../kernel/ps/index.js';
import { runOutcome } from '../../tools/failure-text.js';
import { guestImages } from '../../tools/package-root.js';
import { buildImage, HeaderField } from '../kernel/portable-executable.js';
import { PatchedImage, PeField, SectionField } from '../tools/pe-patch.js';

/** A volume with these files in its root. */
function volumeOf(files: ReadonlyMap<string, Uint8Array>, label = ''): MemoryVolume {
  const volume = new MemoryVolume(label, () => 0n);
  for (const [name, bytes] of files) {
    const file = volume.createFile([name]);
    if (typeof file === 'number') throw new Error(name);
    file.write(0, bytes);
    file.close();
  }
  return volume;
}

const systemFiles = readdirSync(guestImages).filter((name) => name.endsWith('.dll'));
const system = volumeOf(
  new Map(systemFiles.map((name) => [name, new Uint8Array(readFileSync(join(guestImages, name)))])),
  'system',
);

function hostOf(volume: HostVolume): Host {
  return {
    console: {
      kind: () => 'pipe',
      read: () => 'eof',
      waitForInput: () => true,
      write: () => Status.SUCCESS,
      flush: () => undefined,
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => undefined,
    },
    volumes: new Map([['C', volume]]),
    systemVolume: system,
    debugOutput: () => undefined,
    hardError: () => undefined,
    unhandledException: () => undefined,
  };
}

interface Ending {
  readonly result: RunResult;
  readonly inconsistency: string | null;
}

/** Starts C:\prog.exe, with other files beside it, and lets it run for a while. */
function start(program: Uint8Array, maximumInstructions: number, beside: readonly [string, Uint8Array][] = []): Ending {
  const volume = volumeOf(new Map([['prog.exe', program], ...beside]));
  const options = { imagePath: '\\??\\C:\\prog.exe', memorySize: 16 << 20, maximumInstructions };
  const machine = new Machine(options, hostOf(volume));
  return { result: machine.run(), inconsistency: machine.verify() };
}

const hello = (): PatchedImage => new PatchedImage('hello.exe');
const headerAt = (offset: number): PatchedImage => {
  const program = hello();
  program.view.setUint32(0x3c, offset, true);
  return program;
};
const wide = (): PatchedImage =>
  hello().word(PeField.Machine, 0x8664).word(PeField.Magic, 0x20b).word(PeField.OptionalHeaderSize, 0xf0);

describe('headers that lie', () => {
  const refused: readonly [string, PatchedImage, readonly string[]][] = [
    ['a 64-bit program', wide(), ['INVALID_IMAGE_FORMAT', 'IMAGE_MACHINE_TYPE_MISMATCH']],
    ['an ARM64 program', wide().word(PeField.Machine, 0xaa64), ['INVALID_IMAGE_FORMAT', 'IMAGE_MACHINE_TYPE_MISMATCH']],
    ['a PE32+ header for i386', hello().word(PeField.Magic, 0x20b), ['INVALID_IMAGE_FORMAT']],
    ['a PE header far behind the file', headerAt(0x7fffff00), ['INVALID_IMAGE_PROTECT']],
    ['a PE header at a negative place', headerAt(0xfffffff0), ['INVALID_IMAGE_PROTECT']],
    [
      'a section past the end of the file',
      hello().section(0, SectionField.RawOffset, 0x7fff0000),
      ['INVALID_IMAGE_FORMAT'],
    ],
    ['a raw size past the end', hello().section(0, SectionField.RawSize, 0xfffffe00), ['INVALID_IMAGE_FORMAT']],
    ['a huge virtual size', hello().section(0, SectionField.VirtualSize, 0xfffff000), ['INVALID_IMAGE_FORMAT']],
    ['overlapping sections', hello().section(1, SectionField.VirtualAddress, 0x1000), ['INVALID_IMAGE_FORMAT']],
    ['sections in the wrong order', hello().section(1, SectionField.VirtualAddress, 0x20000), ['INVALID_IMAGE_FORMAT']],
    ['65535 sections', hello().word(PeField.SectionCount, 0xffff), ['INVALID_IMAGE_FORMAT', 'INVALID_IMAGE_PROTECT']],
    ['no section alignment', hello().dword(PeField.SectionAlignment, 0), ['INVALID_IMAGE_FORMAT']],
    ['no file alignment', hello().dword(PeField.FileAlignment, 0), ['INVALID_IMAGE_FORMAT']],
    ['headers larger than the image', hello().dword(PeField.SizeOfHeaders, 0x7fffffff), ['INVALID_IMAGE_FORMAT']],
    ['an image smaller than its sections', hello().dword(PeField.SizeOfImage, 0x3000), ['INVALID_IMAGE_FORMAT']],
    ['a crooked image base', hello().dword(PeField.ImageBase, 0x401234), ['INVALID_IMAGE_FORMAT']],
    ['a program that is a DLL', hello().word(PeField.Characteristics, 0x230e), ['INVALID_IMAGE_FORMAT']],
  ];
  it.each(refused)('%s: refused', (_what, program, names) => {
    const { result, inconsistency } = start(program.bytes, 2_000_000);
    const statuses: readonly number[] = names.map(
      (name) => Object.entries(Status).find(([key]) => key === name)?.[1] ?? 0,
    );
    expect(result.reason).toBe('start-failed');
    expect(statuses).toContain(result.status);
    expect(runOutcome('prog.exe', result)).toMatchObject({
      exitCode: 125,
      message: expect.stringMatching(/^prog\.exe: [^\n]+$/),
    });
    expect(inconsistency).toBe(null);
  });

  const directories: readonly [string, number][] = [
    ['import', PeField.ImportDirectory],
    ['export', PeField.ExportDirectory],
    ['relocation', PeField.RelocationDirectory],
    ['TLS', PeField.TlsDirectory],
  ];
  const places = [0x1, 0x11ffc, 0x12000, 0x7ffffff0, 0xfffffff0];
  it.each(directories)('an %s directory anywhere: the program ends with a status or an exception', (_what, field) => {
    const starter = new ProgramStarter();
    for (const place of places) {
      for (const size of [1, 0xffffffff]) {
        const program = hello()
          .dword(field, place)
          .dword(field + 4, size);
        const { status, ended } = starter.start(program.bytes, 2_000_000);
        expect([place, size, ended || !isSuccess(status)]).toEqual([place, size, true]);
        expect(starter.verify()).toBe(null);
      }
    }
  });

  it('relocations that lie, of a program that must move', () => {
    const base = hello();
    const table = base.directory(PeField.RelocationDirectory);
    const changes: readonly [number, number][] = [
      [0, 0x7ffff000], // page
      [4, 0], // block sizes
      [4, 4],
      [4, 0xffffffff],
      [8, 0xffffffff], // entries
    ];
    for (const [offset, value] of changes) {
      // The image base lies where ntdll is, so that it cannot be kept.
      const program = hello()
        .dword(PeField.ImageBase, 0x7c800000)
        .at(table + offset, value);
      const { result, inconsistency } = start(program.bytes, 2_000_000);
      expect(['exited', 'start-failed']).toContain(result.reason);
      expect(result.status).not.toBe(0);
      expect(inconsistency).toBe(null);
    }
  });
});

const BASE_OF_SECTION = 0x1000;
const IMPORT_ADDRESSES = 0x200;

/** An image of one section: code, an export `value` at its start, and one function of each of the DLLs imported. */
function smallImage(
  base: number,
  code: readonly number[],
  imports: readonly (readonly [string, string])[],
): Uint8Array {
  const raw = new Uint8Array(0x600);
  const view = new DataView(raw.buffer);
  const text = (at: number, name: string): void => raw.set(new TextEncoder().encode(`${name}\0`), at);
  const dwords = (at: number, ...values: number[]): void => {
    values.forEach((value, index) => {
      view.setUint32(at + index * 4, value, true);
    });
  };
  const rva = (at: number): number => BASE_OF_SECTION + at;
  raw.set(code);
  // Export directory: one function, one name.
  dwords(0x40, 0, 0, 0, rva(0x90), 1, 1, 1, rva(0x80), rva(0x84), rva(0x88));
  dwords(0x80, rva(0), rva(0x90), 0);
  text(0x90, 'value');
  imports.forEach(([dll, name], index) => {
    const step = index * 0x40;
    dwords(0x100 + index * 20, rva(0x180 + index * 8), 0, 0, rva(0x400 + step), rva(IMPORT_ADDRESSES + index * 8));
    dwords(0x180 + index * 8, rva(0x300 + step), 0);
    dwords(IMPORT_ADDRESSES + index * 8, rva(0x300 + step), 0);
    text(0x302 + step, name);
    text(0x400 + step, dll);
  });
  const section = { name: '.all', virtualSize: raw.length, characteristics: 0xe0000060, raw };
  const bytes = buildImage({ imageBase: base, sections: [section] });
  const directories = new DataView(bytes.buffer, HeaderField.magic + 96);
  directories.setUint32(0, rva(0x40), true);
  directories.setUint32(4, 0x60, true);
  directories.setUint32(8, rva(0x100), true);
  directories.setUint32(12, (imports.length + 1) * 20, true);
  return bytes;
}

function smallDll(base: number, code: readonly number[], imports: readonly (readonly [string, string])[]): Uint8Array {
  const bytes = smallImage(base, code, imports);
  const view = new DataView(bytes.buffer);
  view.setUint16(HeaderField.characteristics, 0x2102, true);
  view.setUint32(HeaderField.entry, 0, true);
  return bytes;
}

describe('DLLs that import each other', () => {
  const address = (base: number, index: number): number[] => {
    const value = base + BASE_OF_SECTION + IMPORT_ADDRESSES + index * 8;
    return [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24];
  };
  // call [value]; push eax; push -1; call [NtTerminateProcess]
  const code = [0xff, 0x15, ...address(0x400000, 0), 0x50, 0x6a, 0xff, 0xff, 0x15, ...address(0x400000, 1)];
  const program = (dll: string): Uint8Array =>
    smallImage(0x400000, code, [
      [dll, 'value'],
      ['ntdll.dll', 'NtTerminateProcess'],
    ]);
  const jump = (base: number): number[] => [0xff, 0x25, ...address(base, 0)];
  const answer = [0xb8, 42, 0, 0, 0, 0xc3];

  it('are loaded once each', () => {
    const { result, inconsistency } = start(program('a.dll'), 10_000_000, [
      ['a.dll', smallDll(0x10000000, jump(0x10000000), [['b.dll', 'value']])],
      ['b.dll', smallDll(0x11000000, answer, [['a.dll', 'value']])],
    ]);
    expect(result).toMatchObject({ reason: 'exited', status: 42, hardError: null });
    expect(inconsistency).toBe(null);
  });

  it('a DLL may import from itself', () => {
    const { result } = start(program('a.dll'), 10_000_000, [
      ['a.dll', smallDll(0x10000000, answer, [['a.dll', 'value']])],
    ]);
    expect(result).toMatchObject({ reason: 'exited', status: 42 });
  });

  it('a missing function in the circle is named', () => {
    const { result, inconsistency } = start(program('a.dll'), 10_000_000, [
      ['a.dll', smallDll(0x10000000, jump(0x10000000), [['b.dll', 'value']])],
      ['b.dll', smallDll(0x11000000, answer, [['a.dll', 'nothing']])],
    ]);
    const { exitCode, message } = runOutcome('prog.exe', result);
    expect(exitCode).toBe(125);
    expect(message).toMatch(/nothing in a\.dll \(0xC0000139 STATUS_ENTRYPOINT_NOT_FOUND\)/);
    expect(inconsistency).toBe(null);
  });
});

describe('truncated programs', () => {
  it('give a status at every length', () => {
    const { bytes } = hello();
    const lengths = [
      0, 1, 2, 0x3b, 0x3c, 0x3f, 0x40, 0x7f, 0x80, 0x83, 0x84, 0x98, 0x100, 0x177, 0x178, 0x200, 0x2e0, 0x3ff,
    ];
    for (let length = 0x400; length < bytes.length; length += 0xe35) lengths.push(length);
    for (const length of lengths) {
      const { result, inconsistency } = start(bytes.slice(0, length), 2_000_000);
      expect(result.reason, `${length} bytes`).toBe('start-failed');
      expect(runOutcome('prog.exe', result).exitCode).toBe(125);
      expect(inconsistency).toBe(null);
    }
  });
});

/** xorshift32: the same numbers in every run. */
function* randomNumbers(seed: number): Generator<number, never, void> {
  for (let state = seed; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x1000, 0x7fffffff, 0x80000000, 0xfffff000, 0xffffffff];

/** One machine that starts one program after the other, as a shell would, and ends each after a few instructions. */
class ProgramStarter {
  readonly #volume = volumeOf(new Map());
  readonly #machine = new Machine({ imagePath: '\\??\\C:\\', memorySize: 16 << 20 }, hostOf(this.#volume));

  verify(): string | null {
    return this.#machine.verify();
  }

  /** The status of the program's start, and whether it has ended within the instructions. */
  start(program: Uint8Array, maximumInstructions: number): { readonly status: number; readonly ended: boolean } {
    this.#replaceProgram(program);
    const { kernel } = this.#machine;
    const { ps } = kernel;
    const started: { result: ProcessResult | null } = { result: null };
    const request = {
      imagePath: '\\??\\C:\\prog.exe',
      commandLine: 'prog',
      currentDirectory: 'C:\\',
      environment: new Map(),
      standardStreams: [null, null, null],
    } as const;
    kernel.ke.createSystemThread(kernel.systemProcess, 8, function* () {
      ps.loadSystemDll();
      started.result = yield* createUserProcess(ps, request);
    });
    const ended = (): boolean =>
      started.result?.process === null || (started.result?.process?.pcb.signalState ?? 0) > 0;
    kernel.runLoop.run(maximumInstructions, ended);
    const result = started.result;
    if (result === null) throw new Error('the program was never started');
    const endedItself = ended();
    if (result.process !== null && !endedItself) {
      const { pcb } = result.process;
      kernel.ke.createSystemThread(kernel.systemProcess, 16, () => ps.terminateProcess(pcb, Status.CONTROL_C_EXIT));
      const end = kernel.runLoop.run(maximumInstructions, ended);
      if (end !== 'finished') throw new Error(`the program does not end: ${end}`);
    }
    return { status: result.status, ended: endedItself };
  }

  #replaceProgram(program: Uint8Array): void {
    this.#volume.remove(['prog.exe']);
    const file = this.#volume.createFile(['prog.exe']);
    if (typeof file === 'number') throw new Error(statusName(file));
    file.write(0, program);
    file.close();
  }
}

/** Each dword of PE header and section table in turn, with more damage beside. NT86_IMAGE_MUTATIONS=10000 is the long form. */
const FIELDS = (24 + 0xe0 + 9 * 40) / 4;
const MUTATIONS = Number(process.env.NT86_IMAGE_MUTATIONS ?? FIELDS);

describe(`${MUTATIONS} mutations of the headers of hello.exe`, () => {
  it(
    'never make TypeScript throw, never hang, never confuse the memory manager',
    async () => {
      const { bytes, header } = hello();
      const random = randomNumbers(0x386);
      const below = (limit: number): number => random.next().value % limit;
      const starter = new ProgramStarter();
      const counts = { refused: 0, ended: 0, running: 0 };
      for (let round = 0; round < MUTATIONS; round++) {
        // The test runner wants to hear from its worker now and then.
        if (round % 25 === 0) await new Promise((resolve) => setImmediate(resolve));
        const program = bytes.slice();
        const view = new DataView(program.buffer);
        for (let change = below(3); change >= 0; change--) {
          const field = change === 0 ? (round % FIELDS) * 4 + below(4) : below(FIELDS * 4);
          // Of what comes beside, one in eight lies anywhere in the headers.
          const at = change > 0 && below(8) === 0 ? below(0x400) : header + field;
          const value = below(2) === 0 ? random.next().value : INTERESTING[below(INTERESTING.length)];
          if (below(2) === 0) view.setUint8(at, value & 0xff);
          else view.setUint32(at, value, true);
        }
        const { status, ended } = starter.start(program, 10_000);
        expect(starter.verify(), `round ${round}`).toBe(null);
        counts[isSuccess(status) ? (ended ? 'ended' : 'running') : 'refused']++;
        if (!isSuccess(status)) expect(statusName(status), `round ${round}`).toMatch(/^STATUS_/);
      }
      expect(Math.min(counts.refused, counts.ended, counts.running)).toBeGreaterThan(0);
    },
    60_000 + MUTATIONS * 100,
  );
});
