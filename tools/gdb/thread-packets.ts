import { type GdbContext, GdbError, OK, type PacketRow, threadOf, threadText } from './gdb-context.js';
import { hexOfText } from './packet-framing.js';

/** Hg THREAD: whose registers; Hc THREAD: who steps, which vCont says itself. */
function select(context: GdbContext, text: string): string {
  const thread = threadOf(context, text.slice(1));
  if (text[0] === 'c') return OK;
  if (text[0] !== 'g') return '';
  if (thread === null) return context.session.execution.ended === null ? GdbError.NoThread : OK;
  context.selected = /^(0|-1)?$/.test(text.slice(1)) ? null : thread;
  context.session.selectThread(thread);
  return OK;
}

/** qC, and nothing that only begins so (qCRC). */
function current({ session }: GdbContext, rest: string): string {
  if (rest !== '') return '';
  return session.thread === null ? 'QC0' : `QC${threadText(session.thread)}`;
}

function list({ session }: GdbContext): string {
  if (session.execution.ended !== null || session.threads.length === 0) return 'l';
  return `m${session.threads.map(threadText).join(',')}`;
}

/** What `info threads` shows behind the number. */
function description(context: GdbContext, text: string): string {
  const thread = threadOf(context, text);
  if (thread === null) return GdbError.NoThread;
  const { process } = thread;
  return hexOfText(`${process.imageFileName} ${process.uniqueProcessId.toString(16)}.${threadText(thread)}`);
}

export const threadPackets: readonly PacketRow[] = [
  { prefix: 'H', answer: select },
  { prefix: 'T', answer: (context, text) => (threadOf(context, text) === null ? GdbError.NoThread : OK) },
  { prefix: 'qC', answer: current },
  { prefix: 'qfThreadInfo', answer: list },
  { prefix: 'qsThreadInfo', answer: () => 'l' },
  { prefix: 'qThreadExtraInfo,', answer: description },
  {
    prefix: 'qGetTIBAddr:',
    answer: (context, text) => threadOf(context, text)?.teb.toString(16) ?? GdbError.NoThread,
  },
];
