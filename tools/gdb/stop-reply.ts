import type { StopEvent } from '../debugger/index.js';
import { type GdbContext, threadText } from './gdb-context.js';

/** gdb's own numbers of signals. */
const Signal = { Interrupt: 2, Illegal: 4, Trap: 5, Abort: 6, Arithmetic: 8, Bus: 10, Segment: 11 } as const;

const SIGNALS: Readonly<Record<number, number>> = {
  // Access violation, guard page, stack overflow.
  3221225477: Signal.Segment,
  2147483649: Signal.Segment,
  3221225725: Signal.Segment,
  // In-page error, misalignment.
  3221225478: Signal.Bus,
  2147483650: Signal.Bus,
  // Illegal and privileged instruction, invalid lock sequence.
  3221225501: Signal.Illegal,
  3221225622: Signal.Illegal,
  3221225502: Signal.Illegal,
  // Breakpoint, single step.
  2147483651: Signal.Trap,
  2147483652: Signal.Trap,
};
/** STATUS_ARRAY_BOUNDS_EXCEEDED to STATUS_INTEGER_OVERFLOW: everything arithmetic. */
const FIRST_ARITHMETIC = 0xc000008c;
const LAST_ARITHMETIC = 0xc0000095;

/** The signal that gdb is told for an exception code. */
export function signalOf(code: number): number {
  const unsigned = code >>> 0;
  if (unsigned >= FIRST_ARITHMETIC && unsigned <= LAST_ARITHMETIC) return Signal.Arithmetic;
  return SIGNALS[unsigned] ?? Signal.Abort;
}

const hex2 = (value: number): string => value.toString(16).padStart(2, '0');

/** Packets that tell why the machine stopped (gdb manual E.3). */
export function stopReply(context: GdbContext): string {
  const { session, lastStop: event } = context;
  if (event.kind === 'ended') return endReply(event);
  const signal =
    event.kind === 'exception'
      ? signalOf(event.record.code)
      : event.kind === 'break-in'
        ? Signal.Interrupt
        : Signal.Trap;
  const thread = session.thread === null ? '' : `thread:${threadText(session.thread)};`;
  return `T${hex2(signal)}${thread}${reason(context, event)}`;
}

function endReply({ result }: Extract<StopEvent, { kind: 'ended' }>): string {
  if (result.reason === 'exited' || result.reason === 'start-failed') {
    return `W${((result.status ?? 0) >>> 0).toString(16).padStart(2, '0')}`;
  }
  return `X${hex2(Signal.Abort)}`;
}

const WATCH_WORDS: Readonly<Record<string, string>> = { 2: 'watch', 3: 'rwatch', 4: 'awatch' };

function reason({ breakpoints }: GdbContext, event: StopEvent): string {
  if (event.kind === 'module') return 'library:;';
  if (event.kind === 'beginning') return 'replaylog:begin;';
  if (event.kind !== 'breakpoint' && event.kind !== 'data') return '';
  const [key] = [...breakpoints].find(([, id]) => id === event.breakpoint.id) ?? [''];
  const type = key.slice(1, 2);
  if (event.kind === 'breakpoint') return type === '0' ? 'swbreak:;' : type === '1' ? 'hwbreak:;' : '';
  const { place } = event.breakpoint;
  const first = place.kind === 'data' ? Math.max(event.address, place.address) : event.address;
  return type in WATCH_WORDS ? `${WATCH_WORDS[type]}:${first.toString(16)};` : '';
}
