import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type HostVolume,
  Machine,
  type MachineOptions,
  type RunResult,
  type TraceOptions,
} from '../../kernel/index.js';
import { NodeHost } from '../../tools/host-node.js';
import type { Mount } from '../../tools/machine-flags.js';
import { guestImages } from '../../tools/package-root.js';
import { quoteArgument } from '../../tools/run.js';
import { bootOptions } from '../boot-options.js';

export interface GuestRun {
  readonly result: RunResult;
  readonly stdout: string;
  readonly stderr: string;
  /** What mm.verify says after the run: null when consistent. */
  readonly inconsistency: string | null;
  readonly machine: Machine;
  readonly trace: readonly string[];
}

export interface GuestRunOptions {
  readonly args?: readonly string[];
  readonly stdin?: string | Uint8Array;
  readonly mounts?: readonly Mount[];
  /** Drives that are no folders of the host. */
  readonly volumes?: ReadonlyMap<string, HostVolume>;
  /** Hears standard output as it is written. */
  readonly heard?: (text: string) => void;
  readonly machine?: Partial<MachineOptions>;
  /** Categories to record as lines. */
  readonly trace?: Omit<TraceOptions, 'sink'>;
}

/** A machine that has booted for a program and what it will write. */
export interface GuestMachine {
  readonly machine: Machine;
  /** Standard output and standard error so far. */
  readonly written: readonly [string, string];
  readonly trace: readonly string[];
  close(): void;
}

/** Boots a machine for guest/images/NAME.exe, on drive Z:, with the given drive C: (or none). */
export function guestMachine(name: string, options: GuestRunOptions = {}): GuestMachine {
  const written: [string, string] = ['', ''];
  const decoder = new TextDecoder('latin1');
  const input = typeof options.stdin === 'string' ? new TextEncoder().encode(options.stdin) : options.stdin;
  let position = 0;
  const nodeHost = new NodeHost({
    mounts: [...(options.mounts ?? []), { drive: 'Z', folder: guestImages, readOnly: true }],
    systemFolder: guestImages,
  });
  const host = {
    volumes: new Map([...nodeHost.volumes, ...(options.volumes ?? [])]),
    systemVolume: nodeHost.systemVolume,
    debugOutput: () => {},
    hardError: () => {},
    unhandledException: () => {},
    console: {
      kind: () => 'pipe' as const,
      read: (maximum: number) => {
        if (input === undefined || position >= input.length) return 'eof' as const;
        const bytes = input.subarray(position, position + maximum);
        position += bytes.length;
        return bytes;
      },
      waitForInput: () => true,
      write: (stream: number, bytes: Uint8Array) => {
        written[stream === 2 ? 1 : 0] += decoder.decode(bytes);
        if (stream !== 2) options.heard?.(decoder.decode(bytes));
        return 0 as never;
      },
      flush: () => {},
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => {},
    },
  };
  const trace: string[] = [];
  const path = `Z:\\${name}.exe`;
  const machine = new Machine(
    {
      imagePath: `\\??\\${path}`,
      commandLine: [path, ...(options.args ?? [])].map(quoteArgument).join(' '),
      currentDirectory: options.mounts === undefined && options.volumes === undefined ? 'Z:\\' : 'C:\\',
      maximumInstructions: 3_000_000_000,
      trace: {
        ...options.trace,
        sink: (line) => trace.push(line),
      },
      ...bootOptions,
      ...options.machine,
    },
    host,
  );
  return { machine, written, trace, close: () => nodeHost.close() };
}

/** Runs guest/images/NAME.exe to its end and collects what it wrote. */
export function runGuest(name: string, options: GuestRunOptions = {}): GuestRun {
  const { machine, written, trace, close } = guestMachine(name, options);
  try {
    const result = machine.run();
    return {
      result,
      stdout: written[0].replaceAll('\r\n', '\n'),
      stderr: written[1].replaceAll('\r\n', '\n'),
      inconsistency: machine.verify(),
      machine,
      trace,
    };
  } finally {
    close();
  }
}

/** The text of guest/programs/NAME.expected. */
export function expectedOutput(name: string): string {
  return readFileSync(join(guestImages, '../programs', `${name}.expected`), 'utf8');
}
