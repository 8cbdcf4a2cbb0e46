import { join } from 'node:path';
import { dapConsole } from '../dap/dap-console.js';
import { createSession, executeLine, type Session } from '../debugger/index.js';
import { framePacket, GdbConnection, PacketReader } from '../gdb/index.js';
import { NodeHost } from '../host-node.js';
import { machineFlags } from '../machine-flags.js';
import { guestImages } from '../package-root.js';
import { place } from '../placement.js';
import { programOptions } from '../run.js';

/** Single-stepped instructions a second of processor time, by who steps. */
export type SteppingReport = Readonly<Record<keyof typeof MODES, number>>;

const PROGRAM = 'sorting.exe';
const STEPS_A_COMMAND = 1000;

/** A way to step so many instructions. */
interface Mode {
  readonly title: string;
  readonly steps: number;
  step(session: Session, count: number): Promise<void>;
}

async function commands(session: Session, count: number, json: boolean): Promise<void> {
  let shown = 0;
  for (let done = 0; done < count; done += STEPS_A_COMMAND) {
    await executeLine(session, `t 0n${STEPS_A_COMMAND}`, json, (text) => {
      shown += text.length;
    });
  }
  if (shown === 0) throw new Error('nothing was shown');
}

/** Packets that are answered in this process, one after the other. */
async function packets(session: Session, bodies: (index: number) => string, count: number): Promise<void> {
  const reader = new PacketReader();
  let answered: () => void = () => undefined;
  const connection = new GdbConnection(
    session,
    (bytes) => {
      if (reader.feed(bytes).some(({ kind }) => kind === 'packet')) answered();
    },
    () => undefined,
  );
  for (let index = 0; index < count; index++) {
    const answer = new Promise<void>((resolve) => {
      answered = resolve;
    });
    connection.receive(framePacket(bodies(index)));
    await answer;
  }
  await connection.close();
}

const MODES = {
  unprinted: {
    title: 'a step of the session, nothing shown',
    steps: 200_000,
    async step(session, count) {
      for (let index = 0; index < count; index++) session.execution.step();
    },
  },
  printed: { title: 't, as text', steps: 20_000, step: (session, count) => commands(session, count, false) },
  json: { title: 't --json', steps: 20_000, step: (session, count) => commands(session, count, true) },
  gdb: {
    title: 'gdb stepi: step and registers',
    steps: 10_000,
    step: (session, count) => packets(session, (index) => (index % 2 === 0 ? 'vCont;s' : 'g'), count * 2),
  },
  gdbRange: {
    title: 'gdb range stepping',
    steps: 100_000,
    async step(session, count) {
      // The range is everything: it ends with the Ctrl-C behind so many instructions.
      const end = session.machine.kernel.cpu.instructionCount + count;
      const connection = new GdbConnection(
        session,
        () => undefined,
        () => undefined,
      );
      connection.receive(framePacket('vCont;r0,ffffffff'));
      while (session.machine.kernel.cpu.instructionCount < end) await new Promise((resolve) => setImmediate(resolve));
      await connection.close();
    },
  },
} as const satisfies Readonly<Record<string, Mode>>;

/** A session at the program's entry point, whose output goes nowhere. */
async function atEntry(): Promise<{ readonly session: Session; close(): void }> {
  const { mounts, volumes, path } = place(join(guestImages, PROGRAM), []);
  const node = new NodeHost({ mounts, volumes, systemFolder: guestImages });
  const host = {
    console: dapConsole(null, () => undefined),
    volumes: node.volumes,
    systemVolume: node.systemVolume,
    debugOutput: () => undefined,
    hardError: () => undefined,
    unhandledException: () => undefined,
  };
  const flags = machineFlags({ maxmem: '128M', pae: true, verify: 'off', seed: 0 });
  const session = createSession(programOptions(flags, path, []), host, () => undefined);
  await session.start();
  for (const filter of session.filters.list) filter.mode = 'ignore';
  const thread = session.runningThread;
  const address = Number(session.register('$exentry') ?? 0n);
  if (thread !== null) session.stopped(await session.execution.go({ address, thread, minimumEsp: 0 }));
  return { session, close: () => node.close() };
}

/** Measures every mode on a program of its own. */
export async function measureStepping(): Promise<SteppingReport> {
  const rates: Record<string, number> = {};
  for (const [name, mode] of Object.entries<Mode>(MODES)) {
    const { session, close } = await atEntry();
    const { cpu } = session.machine.kernel;
    const first = cpu.instructionCount;
    const start = process.cpuUsage();
    await mode.step(session, mode.steps);
    const { user, system } = process.cpuUsage(start);
    rates[name] = ((cpu.instructionCount - first) / (user + system)) * 1e6;
    close();
  }
  return rates as SteppingReport;
}

/** The report as a table. */
export function formatStepping(report: SteppingReport): string {
  const rows = Object.entries<Mode>(MODES).map(
    ([name, { title }]) =>
      `${title.padEnd(44)}${Math.round(report[name as keyof SteppingReport])
        .toLocaleString('en')
        .padStart(12)}`,
  );
  return ['single steps, instructions a second of processor time', ...rows].join('\n');
}
