/** Bare machines for tests: code as lines of hexadecimal digits, and what came out of the ports. */
import { BareMachine } from '../../tools/bare/bare-machine.js';
import { loadFlat } from '../../tools/bare/boot-image.js';

/** The bytes of lines of 'hex ; assembly'. */
export function assemble(lines: string): Uint8Array {
  const digits = lines.replaceAll(/;.*$/gm, '').replaceAll(/\s/g, '');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A ROM of 64 KB with code at its start and a jump there at the reset vector. */
export function rom(lines: string): Uint8Array {
  const contents = new Uint8Array(0x10000).fill(0xff);
  contents.set(assemble(lines));
  contents.set(assemble('ea000000f0'), 0xfff0); // jmp F000h:0
  return contents;
}

export interface Log {
  serial: string;
  ports: [number, number][];
}

export function machine(options: { loggedPorts?: number[]; exitPort?: number } = {}): {
  machine: BareMachine;
  log: Log;
} {
  const log: Log = { serial: '', ports: [] };
  const built = new BareMachine({
    memorySize: 8 << 20,
    romSize: 1 << 20,
    serial: (value) => {
      log.serial += String.fromCharCode(value);
    },
    log: (port, value) => log.ports.push([port, value]),
    ...options,
  });
  return { machine: built, log };
}

/** Runs a flat real-mode program at 7C00h. */
export function runReal(
  lines: string,
  options: { loggedPorts?: number[]; exitPort?: number } = {},
  limit = 100_000_000,
) {
  const { machine: built, log } = machine(options);
  loadFlat(built, assemble(lines), 0x7c00, 'real');
  return { outcome: built.run(limit), log, machine: built };
}
