import { type StopEvent, stepThread, type Thread } from '../debugger/index.js';
import { type GdbContext, GdbError, type PacketRow, threadOf } from './gdb-context.js';
import { numberOf } from './packet-framing.js';
import { stopReply } from './stop-reply.js';

/** Steps between two looks at the connection. */
const STEPS_AT_ONCE = 4096;

/** How the machine goes on. */
interface Resumption {
  readonly kind: 'continue' | 'step' | 'range';
  /** The thread that steps. */
  readonly thread: Thread | null;
  /** Range stepping goes on while EIP is in [first, end). */
  readonly first: number;
  readonly end: number;
  /** gdb wants the program to see the exception that it was stopped at. */
  readonly passesSignal: boolean;
}

/** vCont;ACTION[:THREAD]...: the thread that steps decides; where none does everybody continues. */
function parseContinue(context: GdbContext, text: string): Resumption | null {
  const actions: Resumption[] = [];
  for (const part of text.split(';').slice(1)) {
    const [action, thread] = part.split(':', 2);
    const match = /^(?:([cst])|([CS])([0-9a-f]{2})|r([0-9a-f]{1,8}),([0-9a-f]{1,8}))$/i.exec(action);
    if (match === null) return null;
    actions.push({
      kind: action.startsWith('r') ? 'range' : /^s/i.test(action) ? 'step' : 'continue',
      thread: threadOf(context, thread ?? ''),
      first: numberOf(match[4]) ?? 0,
      end: numberOf(match[5]) ?? 0,
      passesSignal: numberOf(match[3]) !== null && numberOf(match[3]) !== 0,
    });
  }
  const chosen = actions.find(({ kind }) => kind !== 'continue') ?? actions[0];
  if (chosen === undefined) return null;
  return { ...chosen, passesSignal: actions.some(({ passesSignal }) => passesSignal) };
}

async function stepRange(context: GdbContext, { thread, first, end }: Resumption): Promise<StopEvent> {
  const { session } = context;
  const breakpoints = session.execution.breakpoints.instructions(null);
  for (let count = 1; ; count++) {
    const event = await stepThread(session, thread);
    if (event.kind !== 'step' || session.thread === null) return event;
    const eip = session.registers.get('eip');
    if (eip < first || eip >= end || breakpoints.has(eip)) return event;
    if (count % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
    if (context.interruptRequested) return { kind: 'break-in' };
  }
}

async function resume(context: GdbContext, resumption: Resumption): Promise<string> {
  const { session } = context;
  if (session.execution.ended !== null) return stopReply(context);
  if (!resumption.passesSignal) session.exceptionHandled();
  const running =
    resumption.kind === 'continue'
      ? session.execution.go()
      : resumption.kind === 'step'
        ? stepThread(session, resumption.thread)
        : stepRange(context, resumption);
  // A Ctrl-C that came before the machine ran.
  if (context.interruptRequested) session.execution.breakRequested = true;
  return stopped(context, await running);
}

/** bs and bc: one instruction back, or back to the last breakpoint. */
async function back(context: GdbContext, single: boolean): Promise<string> {
  const { session } = context;
  if (session.history === null) return '';
  if (session.execution.ended !== null) return stopReply(context);
  const going = single ? session.stepBack() : session.continueBack();
  if (context.interruptRequested) session.execution.breakRequested = true;
  return stopped(context, await going);
}

function stopped(context: GdbContext, event: StopEvent): string {
  context.interruptRequested = false;
  context.selected = null;
  context.lastStop = context.session.stopped(event);
  return stopReply(context);
}

/** c, s, C, S with an address where to go on. */
function plain(kind: 'continue' | 'step', withSignal: boolean): PacketRow['answer'] {
  return (context, text) => {
    const match = (withSignal ? /^([0-9a-f]{2})(?:;([0-9a-f]{1,8}))?$/i : /^()([0-9a-f]{1,8})?$/i).exec(text);
    if (match === null) return GdbError.Syntax;
    const address = numberOf(match[2]);
    if (address !== null && context.session.thread !== null) {
      context.session.registers.set('eip', address);
      context.session.changed();
    }
    const passesSignal = withSignal && numberOf(match[1]) !== 0;
    return resume(context, { kind, thread: context.session.thread, first: 0, end: 0, passesSignal });
  };
}

export const resumePackets: readonly PacketRow[] = [
  { prefix: 'vCont?', answer: () => 'vCont;c;C;s;S;t;r' },
  {
    prefix: 'vCont',
    answer(context, text) {
      const resumption = parseContinue(context, text);
      return resumption === null ? GdbError.Syntax : resume(context, resumption);
    },
  },
  { prefix: 'c', answer: plain('continue', false) },
  { prefix: 's', answer: plain('step', false) },
  { prefix: 'C', answer: plain('continue', true) },
  { prefix: 'S', answer: plain('step', true) },
  { prefix: 'bs', answer: (context) => back(context, true) },
  { prefix: 'bc', answer: (context) => back(context, false) },
  { prefix: '?', answer: stopReply },
];
