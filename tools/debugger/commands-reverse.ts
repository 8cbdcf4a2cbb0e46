import { CliError } from '../cli-error.js';
import { type CommandOutput, commands, output, splitArguments, unquote } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { Session } from './session.js';
import type { StopEvent } from './stop-event.js';
import { stopData, stopText } from './stop-text.js';

const MAXIMUM_STEPS = 0x100000;
const MAXIMUM_RANGE = 0x1000_0000;

function report(session: Session, event: StopEvent): CommandOutput {
  return output(stopText(session, event), stopData(session, event));
}

/** One step back after the other, as many as the argument says; the first that is none ends it. */
async function steps(session: Session, args: string, back: () => Promise<StopEvent>): Promise<CommandOutput> {
  const [word] = splitArguments(args);
  const count = word === undefined ? 1 : session.address(word);
  if (count > MAXIMUM_STEPS) throw new DebuggerError('More than 0x100000 steps; !tt goes anywhere at once');
  session.execution.breakRequested = false;
  const texts: string[] = [];
  const data: Json[] = [];
  for (let index = 0; index < count; index++) {
    const event = await back();
    texts.push(stopText(session, event));
    data.push(stopData(session, event));
    if ((event.kind !== 'step' && event.kind !== 'temporary') || session.execution.breakRequested) break;
  }
  return output(texts.join('\n'), count === 1 ? data[0] : data);
}

/** !lastwrite ADDRESS [SIZE] */
async function lastWrite(session: Session, args: string): Promise<CommandOutput> {
  const [where, size] = splitArguments(args);
  if (where === undefined) throw new DebuggerError('An address is needed');
  const bytes = size === undefined ? 1 : session.address(size);
  if (bytes < 1 || bytes > MAXIMUM_RANGE) throw new DebuggerError(`Range error in '${args}'`);
  return report(session, await session.lastWrite(session.address(where), bytes));
}

/** !tt: where in time the machine is; !tt POSITION: goes there. */
async function timeTravel(session: Session, args: string): Promise<CommandOutput> {
  const [where] = splitArguments(args);
  if (where !== undefined) return report(session, await session.travelTo(Number(session.evaluate(where))));
  const { history } = session;
  if (history === null) throw new DebuggerError('This build of nt86 cannot go back');
  const { position, beginning, size } = history;
  const megabytes = (size.bytes / 0x100000).toFixed(1);
  const lines = [
    `Position: 0n${position}; can be gone back to: 0n${beginning}`,
    `${size.checkpoints} checkpoints, ${megabytes} MB`,
  ];
  return output(lines.join('\n'), { position, beginning, checkpoints: size.checkpoints, bytes: size.bytes });
}

/** .save FILE */
function save(session: Session, args: string): CommandOutput {
  const path = unquote(args.trim());
  if (path === '') throw new DebuggerError('A file is needed');
  if (session.execution.ended !== null)
    throw new DebuggerError('The program has ended; there is nothing to go on with');
  try {
    session.save(path);
  } catch (error) {
    throw error instanceof CliError ? new DebuggerError(error.message) : error;
  }
  return output(`Saved to ${path}`, { saved: path });
}

export const reverseCommands = commands(
  {
    name: 't-',
    syntax: 't- [COUNT]',
    help: 'trace back: undo one instruction',
    run: (session, args) => steps(session, args, () => session.stepBack()),
  },
  {
    name: 'p-',
    syntax: 'p- [COUNT]',
    help: 'step back: undo one instruction, or a whole call',
    run: (session, args) => steps(session, args, () => session.stepOverBack()),
  },
  {
    name: 'g-',
    syntax: 'g-',
    help: 'go back to the last breakpoint or event before now',
    run: async (session) => report(session, await session.continueBack()),
  },
  {
    name: 'gu-',
    syntax: 'gu-',
    help: 'go back in front of the call of this function',
    run: async (session) => report(session, await session.stepOutBack()),
  },
  {
    name: '!lastwrite',
    syntax: '!lastwrite ADDRESS [SIZE]',
    help: 'go back to the instruction that wrote this last',
    run: lastWrite,
  },
  {
    name: '!tt',
    syntax: '!tt [POSITION]',
    help: 'where in time the machine is, or to a number of instructions retired',
    run: timeTravel,
  },
  { name: '.save', syntax: '.save FILE', help: 'write the machine to a file, for --restore', run: save },
);
