import { readFileSync, writeSync } from 'node:fs';
import { BareMachine, type BareOutcome } from './bare/bare-machine.js';
import { BootImageError, loadFlat, mapRom } from './bare/boot-image.js';
import { loadMultiboot } from './bare/multiboot.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { parseCount, parseMemory } from './machine-flags.js';
import { errorCode, sleep } from './node-errors.js';

/** yargs descriptions of the flags of `nt86 bare`. */
export const bareFlagDescriptions = {
  rom: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'FILE[@ADDRESS]: a ROM below 4 GB and below 1 MB, or at an address; started at the reset vector',
  },
  multiboot: { type: 'string', describe: 'FILE: a multiboot program, i386 ELF' },
  flat: { type: 'string', describe: 'FILE@ADDRESS: a flat binary, started at its first byte' },
  mode: { type: 'string', default: 'real', describe: 'real or protected: processor mode of a flat binary' },
  append: { type: 'string', default: '', describe: 'command line of a multiboot program' },
  'port-log': { type: 'string', array: true, nargs: 1, describe: 'PORT: print each byte written to it, in hex' },
  serial: { type: 'boolean', default: false, describe: 'COM1 at 3F8h writes to stdout' },
  'exit-port': { type: 'string', describe: 'PORT: a byte written to it ends the run with exit code (byte << 1) | 1' },
  maxmem: { type: 'string', default: '128M', describe: 'RAM: a number with K, M or G' },
  'max-instructions': { type: 'string', describe: 'end the run after so many instructions (exit code 124)' },
} as const;

/** The flags after yargs has read them. */
export interface BareFlags {
  readonly rom?: string[] | undefined;
  readonly multiboot?: string | undefined;
  readonly flat?: string | undefined;
  readonly mode: string;
  readonly append: string;
  readonly 'port-log'?: string[] | undefined;
  readonly serial: boolean;
  readonly 'exit-port'?: string | undefined;
  readonly maxmem: string;
  readonly 'max-instructions'?: string | undefined;
}

/** Bytes of output that are held back at most. */
const OUTPUT_BUFFER = 4096;
const NEWLINE = 0x0a;
const RETRY_MILLISECONDS = 1;

const usage = (message: string) => new CliError(ExitCode.Usage, message);

/** '0x3f8', '3f8h' or decimal. @throws CliError */
function parseNumber(flag: string, text: string, maximum: number): number {
  const match = /^(?:0x([0-9a-f]+)|([0-9a-f]+)h|(\d+))$/i.exec(text);
  const value =
    match === null ? Number.NaN : Number.parseInt(match[1] ?? match[2] ?? match[3], match[3] === undefined ? 16 : 10);
  if (!(value <= maximum))
    throw usage(`${flag} ${text}: write a number up to 0x${maximum.toString(16).toUpperCase()}, hexadecimal as 0x3F8`);
  return value;
}

const parsePort = (flag: string, text: string) => parseNumber(flag, text, 0xffff);

interface Place {
  readonly path: string;
  /** null when none was given. */
  readonly address: number | null;
}

/** 'FILE@ADDRESS'; only what looks like an address after the last @ is one. */
function parsePlace(flag: string, text: string): Place {
  const at = text.lastIndexOf('@');
  if (at <= 0) return { path: text, address: null };
  return { path: text.slice(0, at), address: parseNumber(flag, text.slice(at + 1), 0xffff_ffff) };
}

function readImage(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CliError(ExitCode.CannotStart, `${path}: ${reasonOf(error)}`);
  }
}

/** Host output of the machine, passed on line by line. */
class Output {
  #bytes: number[] = [];

  write(value: number): void {
    this.#bytes.push(value);
    if (value === NEWLINE || this.#bytes.length >= OUTPUT_BUFFER) this.flush();
  }

  writeText(text: string): void {
    for (const value of Buffer.from(text)) this.write(value);
  }

  flush(): void {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes = [];
    for (let done = 0; done < bytes.length; ) {
      try {
        done += writeSync(1, bytes, done);
      } catch (error) {
        if (errorCode(error) !== 'EAGAIN') throw new CliError(ExitCode.CannotStart, `stdout: ${reasonOf(error)}`);
        sleep(RETRY_MILLISECONDS);
      }
    }
  }
}

/** What to start: exactly one of the three. */
type Boot =
  | { readonly kind: 'rom'; readonly roms: readonly Place[] }
  | { readonly kind: 'multiboot'; readonly path: string }
  | { readonly kind: 'flat'; readonly path: string; readonly address: number; readonly mode: 'real' | 'protected' };

function parseBoot(flags: BareFlags): Boot {
  const given = [flags.rom, flags.multiboot, flags.flat].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw usage('bare: give one of --rom, --multiboot and --flat; nt86 bare --help shows examples');
  if (flags.rom !== undefined) return { kind: 'rom', roms: flags.rom.map((text) => parsePlace('--rom', text)) };
  if (flags.multiboot !== undefined) return { kind: 'multiboot', path: flags.multiboot };
  const { path, address } = parsePlace('--flat', flags.flat ?? '');
  if (address === null) throw usage(`--flat ${path}: write FILE@ADDRESS, for example boot.bin@0x7C00`);
  if (flags.mode !== 'real' && flags.mode !== 'protected') throw usage(`--mode ${flags.mode}: write real or protected`);
  return { kind: 'flat', path, address, mode: flags.mode };
}

/** Name of the image in messages. */
function imageName(boot: Boot): string {
  return boot.kind === 'rom' ? boot.roms.map(({ path }) => path).join(', ') : boot.path;
}

function bootMachine(flags: BareFlags, boot: Boot, output: Output): BareMachine {
  const loggedPorts = (flags['port-log'] ?? []).map((text) => parsePort('--port-log', text));
  const exitPort = flags['exit-port'] === undefined ? undefined : parsePort('--exit-port', flags['exit-port']);
  const memorySize = parseMemory(flags.maxmem);
  const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, '0');
  const images = boot.kind === 'rom' ? boot.roms : [boot];
  const contents = images.map(({ path }) => ({ path, bytes: readImage(path) }));
  const romSize =
    boot.kind === 'rom' ? contents.reduce((sum, { bytes }) => sum + Math.ceil(bytes.length / 4096) * 4096, 0) : 0;
  const machine = new BareMachine({
    memorySize,
    romSize,
    serial: flags.serial ? (value) => output.write(value) : undefined,
    loggedPorts,
    // With one port the bytes alone, so that the log compares with what a test suite expects.
    log: (port, value) => output.writeText(`${loggedPorts.length > 1 ? `${hex(port, 4)} ` : ''}${hex(value, 2)}\n`),
    exitPort,
  });
  contents.forEach(({ path, bytes }, index) => {
    try {
      if (boot.kind === 'rom') mapRom(machine, bytes, boot.roms[index].address);
      else if (boot.kind === 'multiboot') loadMultiboot(machine, bytes, flags.append);
      else loadFlat(machine, bytes, boot.address, boot.mode);
    } catch (error) {
      if (error instanceof BootImageError) throw new CliError(ExitCode.CannotStart, `${path}: ${error.message}`);
      throw error;
    }
  });
  return machine;
}

function exitCode(outcome: BareOutcome, machine: BareMachine, name: string): number {
  switch (outcome.reason) {
    case 'exit':
      return outcome.code;
    case 'halted':
      if (!machine.cpu.numericErrorActive) return ExitCode.Success;
      throw new CliError(
        ExitCode.Bugcheck,
        `${name}: waits for ever for IRQ 13, x87 exception at ${machine.describeState()}`,
      );
    case 'limit':
      throw new CliError(ExitCode.LimitReached, `${name}: instruction limit reached at ${machine.describeState()}`);
    case 'shutdown':
      throw new CliError(ExitCode.Bugcheck, `${name}: triple fault at ${machine.describeState()}`);
  }
}

/**
 * `nt86 bare`: runs what has no operating system. Exit codes: that of --exit-port; 0 when the guest halts for ever; 3 triple
 * fault, or an x87 exception that nobody takes; 124 instruction limit; 125 the image cannot be started.
 * @throws CliError
 */
export function runBare(flags: BareFlags): number {
  const boot = parseBoot(flags);
  const limit = parseCount('--max-instructions', flags['max-instructions']);
  const output = new Output();
  const machine = bootMachine(flags, boot, output);
  try {
    const outcome = machine.run(limit);
    output.flush();
    return exitCode(outcome, machine, imageName(boot));
  } finally {
    output.flush();
  }
}
