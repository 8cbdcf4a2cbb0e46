import { BugcheckError, bugcheckText } from '../../kernel/index.js';
import { CliError, reasonOf } from '../cli-error.js';
import { createSession, DebuggerError } from '../debugger/index.js';
import { runOutcome } from '../failure-text.js';
import { NodeHost } from '../host-node.js';
import { historyBytes, machineFlagDescriptions, machineFlags, type RawMachineFlags } from '../machine-flags.js';
import { guestImages } from '../package-root.js';
import { place } from '../placement.js';
import { programOptions } from '../run.js';
import type { EventSender, LaunchedProgram } from './adapter.js';
import { BreakpointBook } from './breakpoint-book.js';
import { dapConsole } from './dap-console.js';
import { SourceFiles } from './source-files.js';

/** What a launch configuration may hold besides the machine flags, which have the names of the command line. */
interface LaunchArguments {
  readonly program: string;
  readonly args: readonly string[];
  readonly stopOnEntry: boolean;
  /** Folders where source files are looked for. */
  readonly sourceFolders: readonly string[];
  /** A file for the program's standard input. */
  readonly stdin: string | null;
  /** Host bytes for going back; undefined: the usual ones. */
  readonly historyMemory: number | undefined;
}

/** Properties that clients add themselves. */
const FOREIGN = /^(__.*|name|type|request|noDebug|preLaunchTask|postDebugTask|internalConsoleOptions|presentation)$/;

function texts(given: unknown, name: string): string[] {
  if (given === undefined) return [];
  if (Array.isArray(given) && given.every((one) => typeof one === 'string')) return given;
  throw new DebuggerError(`launch: ${name} must be an array of texts`);
}

function optional<T extends 'string' | 'boolean'>(
  given: unknown,
  type: T,
  name: string,
): (T extends 'string' ? string : boolean) | undefined {
  if (given !== undefined && typeof given !== type) throw new DebuggerError(`launch: ${name} must be a ${type}`);
  return given as (T extends 'string' ? string : boolean) | undefined;
}

function launchArguments(given: Readonly<Record<string, unknown>>): LaunchArguments {
  const { program } = given;
  if (typeof program !== 'string' || program === '') throw new DebuggerError('launch: name a program');
  return {
    program,
    args: texts(given.args, 'args'),
    stopOnEntry: optional(given.stopOnEntry, 'boolean', 'stopOnEntry') ?? false,
    sourceFolders: texts(given.sourceFolders, 'sourceFolders'),
    stdin: optional(given.stdin, 'string', 'stdin') ?? null,
    historyMemory: historyBytes(optional(given.historyMemory, 'string', 'historyMemory')),
  };
}

const OWN: ReadonlySet<string> = new Set([
  ...['program', 'args', 'stopOnEntry', 'sourceFolders', 'stdin', 'historyMemory'],
]);

/** The machine flags of a launch configuration, with the defaults of the command line. */
function rawFlags(given: Readonly<Record<string, unknown>>): RawMachineFlags {
  const flags: { [name: string]: unknown } = {};
  for (const [name, description] of Object.entries(machineFlagDescriptions)) {
    if ('default' in description) flags[name] = description.default;
  }
  for (const [name, value] of Object.entries(given)) {
    if (OWN.has(name) || FOREIGN.test(name)) continue;
    const description = Object.entries(machineFlagDescriptions).find(([flag]) => flag === name)?.[1];
    if (description === undefined) throw new DebuggerError(`launch: unknown property '${name}'`);
    const fits = 'array' in description ? Array.isArray(value) : typeof value === description.type;
    if (!fits)
      throw new DebuggerError(
        `launch: ${name} must be ${'array' in description ? 'an array' : `a ${description.type}`}`,
      );
    flags[name] = 'array' in description ? texts(value, name) : value;
  }
  const checked: object = flags;
  return checked as RawMachineFlags;
}

/** Boots a machine for a launch request; its program stands at its first instruction. @throws DebuggerError */
export async function launch(given: Readonly<Record<string, unknown>>, emit: EventSender): Promise<LaunchedProgram> {
  try {
    return await boot(launchArguments(given), rawFlags(given), emit);
  } catch (error) {
    if (error instanceof CliError) throw new DebuggerError(error.message);
    if (error instanceof BugcheckError) throw new DebuggerError(bugcheckText(error.report));
    throw error;
  }
}

async function boot(options: LaunchArguments, raw: RawMachineFlags, emit: EventSender): Promise<LaunchedProgram> {
  const flags = machineFlags(raw);
  const { mounts, volumes, path } = place(options.program, flags.mounts);
  const write = (category: string, output: string): void => emit('output', { category, output });
  const node = new NodeHost({ mounts, volumes, systemFolder: guestImages, pagingFolder: flags.pagingFolder });
  const console = inputConsole(options.stdin, write);
  const close = (): void => {
    console.close();
    node.close();
  };
  const host = {
    console,
    volumes: node.volumes,
    systemVolume: node.systemVolume,
    debugOutput: (text: string) => write('console', text),
    hardError: () => undefined,
    unhandledException: () => undefined,
    createPagingFile: (number: number, size: number) => node.createPagingFile(number, size),
  };
  const { historyMemory } = options;
  const notice = (text: string): void => write('console', `${text}\n`);
  const session = createSession(programOptions(flags, path, options.args), host, notice, { historyMemory });
  const event = await session.start();
  if (event.kind === 'ended') {
    close();
    throw new DebuggerError(runOutcome(options.program, event.result).message ?? 'The program has ended at once');
  }
  const sources = new SourceFiles(options.program, options.sourceFolders);
  return {
    name: options.program,
    session,
    sources,
    breakpoints: new BreakpointBook(session, sources, (text) => write('console', text)),
    stopOnEntry: options.stopOnEntry,
    start: session.machine.kernel.cpu.instructionCount,
    close: () => {
      session.shutDown();
      close();
    },
  };
}

function inputConsole(stdin: string | null, write: (category: string, output: string) => void) {
  try {
    return dapConsole(stdin, write);
  } catch (error) {
    throw new DebuggerError(`launch: stdin ${stdin}: ${reasonOf(error)}`);
  }
}
