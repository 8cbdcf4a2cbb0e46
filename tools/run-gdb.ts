import type { RunResult } from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';
import { createSession, type Session } from './debugger/index.js';
import { type GdbServer, parseGdbAddress, serveGdb } from './gdb/index.js';
import { historyBytes } from './machine-flags.js';
import { type RunOptions, type RunParts, reportRun, withRunParts } from './run.js';

/** Exit code of a program that gdb killed. */
const KILLED = 128 + 9;

const say = (line: string): void => {
  process.stderr.write(`nt86: ${line}\n`);
};

/** Listens where --gdb says. @throws CliError for an address that is none, or that cannot be listened at */
export async function listenForGdb(session: Session, text: string): Promise<GdbServer> {
  const address = parseGdbAddress(text);
  if (address === null) throw new CliError(ExitCode.Usage, `--gdb ${text}: write [HOST:]PORT, for example 1234`);
  try {
    return await serveGdb(session, address, say);
  } catch (error) {
    throw new CliError(ExitCode.Usage, `--gdb ${text}: ${reasonOf(error)}`);
  }
}

/** The program goes on without a debugger, as if there had never been one. */
async function runAlone(session: Session): Promise<RunResult> {
  session.release();
  while (session.execution.ended === null) {
    const event = await session.execution.go();
    if (event.kind === 'limit') return session.history?.run(Number.POSITIVE_INFINITY) ?? session.machine.run();
  }
  return session.execution.ended;
}

/**
 * `nt86 run --gdb`: the program waits at its first instruction for gdb. Returns its exit code when it has ended, 137 when gdb
 * killed it. @throws CliError
 */
export function runUnderGdb(options: RunOptions, address: string): Promise<number> {
  const work = async ({ flags, host, machine }: RunParts): Promise<number> => {
    const historyMemory = historyBytes(options.historyMemory);
    const session = createSession(machine, host, () => undefined, { historyMemory });
    await session.start();
    const server = await listenForGdb(session, address);
    if ((await server.ending) === 'killed') {
      session.shutDown();
      return KILLED;
    }
    return reportRun(session.machine, await runAlone(session), options, flags, host);
  };
  return withRunParts(options, work, { neverWaits: true });
}
