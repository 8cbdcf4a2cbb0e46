import type { Host, MachineOptions } from '../../../kernel/index.js';
import { PassiveObserver, SavableMachine } from '../../../tools/history/savable-machine.js';
import { decodeSnapshot } from '../../../tools/history/snapshot-file.js';
import { NodeVolume } from '../../../tools/node-volume.js';
import { guestImages } from '../../../tools/package-root.js';
import { sampleHost } from '../debugger/debugged-program.js';

/** What a program does that can be seen: its output and its trace. */
export interface Seen {
  output: string;
  readonly trace: string[];
}

export interface SavedGuestOptions {
  readonly folder?: string;
  readonly argument?: string;
  readonly machine?: Partial<MachineOptions>;
}

function guestHost(seen: Seen, folder: string | undefined): Host {
  const host = sampleHost((text) => {
    seen.output += text;
  }, guestImages);
  if (folder === undefined) return host;
  const drive = new NodeVolume({ directory: folder, readOnly: false });
  return { ...host, volumes: new Map([...host.volumes, ['C', drive]]) };
}

function optionsOf(name: string, seen: Seen, { argument, machine, folder }: SavedGuestOptions) {
  const path = `Z:\\${name}.exe`;
  return {
    imagePath: `\\??\\${path}`,
    commandLine: argument === undefined ? path : `${path} ${argument}`,
    currentDirectory: folder === undefined ? 'Z:\\' : 'C:\\',
    maximumInstructions: 500_000_000,
    trace: {
      faults: true,
      syscalls: true,
      threads: true,
      modules: true,
      sink: (line: string) => seen.trace.push(line),
    },
    ...machine,
  };
}

/** Boots guest/images/NAME.exe as a machine that can be saved. */
export function bootGuest(name: string, seen: Seen, options: SavedGuestOptions = {}): SavableMachine {
  return SavableMachine.boot(optionsOf(name, seen, options), guestHost(seen, options.folder), new PassiveObserver());
}

/** The machine of a file that SavableMachine.save() gave. */
export function restoreGuest(
  file: Uint8Array,
  name: string,
  seen: Seen,
  options: SavedGuestOptions = {},
): SavableMachine {
  const host = guestHost(seen, options.folder);
  return SavableMachine.restore(decodeSnapshot(file), optionsOf(name, seen, options), host, new PassiveObserver());
}
