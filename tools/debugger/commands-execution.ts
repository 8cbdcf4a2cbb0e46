import { type CommandOutput, commands, limited, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { Destination } from './execution.js';
import type { Session } from './session.js';
import { stepOut, stepOver, stepThread } from './steps.js';
import type { StopEvent } from './stop-event.js';
import { stopData, stopText } from './stop-text.js';

/** A destination whose thread and stack do not matter much: any depth. */
const ANY_DEPTH = 0;
const MAXIMUM_STEPS = 0x100000;

function report(session: Session, event: StopEvent): CommandOutput {
  return output(stopText(session, event), stopData(session, event));
}

function requireRunning(session: Session): void {
  if (session.execution.ended !== null) throw new DebuggerError('The program has ended; nothing can be executed');
}

/** Runs to a destination, or without one until something stops the machine. */
async function run(session: Session, destination: Destination | null): Promise<StopEvent> {
  return session.stopped(await session.execution.go(destination));
}

/** Executes one instruction; with `over` calls, repeated strings and interrupts as a whole. */
const step = (session: Session, over: boolean): Promise<StopEvent> =>
  over ? stepOver(session, session.runningThread) : stepThread(session, null);

const isPlainStep = (event: StopEvent): boolean => event.kind === 'step' || event.kind === 'temporary';

/** 't', 't 5', 't = ADDRESS 5', 'p "commands"' ... */
async function steps(session: Session, args: string, over: boolean): Promise<CommandOutput> {
  requireRunning(session);
  const words = startAt(session, args);
  const count = words.length === 0 ? 1 : session.address(words[0]);
  if (count > MAXIMUM_STEPS) throw new DebuggerError('More than 0x100000 steps; g runs on');
  session.execution.breakRequested = false;
  const texts: string[] = [];
  const data: Json[] = [];
  for (let index = 0; index < count; index++) {
    const event = await step(session, over);
    texts.push(stopText(session, event));
    data.push(stopData(session, event));
    if (!isPlainStep(event) || session.execution.breakRequested) break;
  }
  return output(texts.join('\n'), count === 1 ? data[0] : data);
}

/** '=ADDRESS' in front of the arguments moves EIP first. */
function startAt(session: Session, args: string): string[] {
  const words = splitArguments(args);
  if (words[0] === undefined || !words[0].startsWith('=')) return words;
  const start = words[0] === '=' ? words.splice(0, 2)[1] : words.splice(0, 1)[0].slice(1);
  if (start === undefined) throw new DebuggerError('An address is needed behind =');
  session.registers.set('eip', session.address(start));
  return words;
}

async function go(session: Session, args: string): Promise<CommandOutput> {
  requireRunning(session);
  const [where] = startAt(session, args);
  const thread = session.runningThread;
  const destination =
    where === undefined || thread === null ? null : { address: session.address(where), thread, minimumEsp: ANY_DEPTH };
  return report(session, await run(session, destination));
}

/** gh: the exception is over; gn: the program gets it, as with g. */
async function goFromException(session: Session, handled: boolean): Promise<CommandOutput> {
  requireRunning(session);
  if (session.lastEvent.kind !== 'exception') throw new DebuggerError('The machine did not stop at an exception');
  if (handled) session.exceptionHandled();
  return report(session, await run(session, null));
}

async function goUp(session: Session): Promise<CommandOutput> {
  requireRunning(session);
  const thread = session.runningThread;
  if (thread === null || session.frames.list[0].returnAddress === 0) {
    throw new DebuggerError('The frame has no return address');
  }
  return report(session, await stepOut(session, thread));
}

/** pa, ta: steps, each shown, until EIP is at the address. */
async function stepTo(session: Session, args: string, over: boolean): Promise<CommandOutput> {
  requireRunning(session);
  const [where] = startAt(session, args);
  if (where === undefined) throw new DebuggerError('An address is needed');
  const target = session.address(where);
  session.execution.breakRequested = false;
  const texts: string[] = [];
  const data: Json[] = [];
  for (let index = 0; index < limited(MAXIMUM_SHOWN); index++) {
    const event = await step(session, over);
    texts.push(stopText(session, event));
    data.push(stopData(session, event));
    if (!isPlainStep(event) || session.registers.get('eip') === target) return output(texts.join('\n'), data);
    if (session.execution.breakRequested) break;
  }
  return output(texts.join('\n'), data);
}

const MAXIMUM_SHOWN = 0x10000;

export const executionCommands = commands(
  {
    name: 't',
    syntax: 't [=ADDRESS] [COUNT]',
    help: 'trace: one instruction, into calls',
    run: (s, a) => steps(s, a, false),
  },
  {
    name: 'p',
    syntax: 'p [=ADDRESS] [COUNT]',
    help: 'step: one instruction, over calls',
    run: (s, a) => steps(s, a, true),
  },
  { name: 'g', syntax: 'g [=ADDRESS] [ADDRESS]', help: 'go, to an address or until something stops', run: go },
  {
    name: 'gh',
    syntax: 'gh',
    help: 'go, the exception is handled: the program does not see it',
    run: (s) => goFromException(s, true),
  },
  {
    name: 'gn',
    syntax: 'gn',
    help: 'go, the exception is not handled: the program gets it',
    run: (s) => goFromException(s, false),
  },
  { name: 'gu', syntax: 'gu', help: 'go up: until the function returns', run: goUp },
  { name: 'pa', syntax: 'pa ADDRESS', help: 'step over calls up to an address', run: (s, a) => stepTo(s, a, true) },
  { name: 'ta', syntax: 'ta ADDRESS', help: 'trace up to an address', run: (s, a) => stepTo(s, a, false) },
);
