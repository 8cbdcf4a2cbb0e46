import type { DebugProtocol } from '@vscode/debugprotocol';
import { DebuggerError, stepLine, stepLineBack, stepOut, stepOver, stepThread } from '../debugger/index.js';
import { type Adapter, hexAddress } from './adapter.js';
import { type RequestRow, request } from './requests.js';

function resume(adapter: Adapter): object {
  const session = adapter.stopped;
  adapter.resume(() => session.execution.go());
  return { allThreadsContinued: true };
}

/** next and stepIn: a line, or an instruction. */
function step(into: boolean) {
  return (adapter: Adapter, given: DebugProtocol.NextArguments): undefined => {
    const session = adapter.stopped;
    const thread = adapter.thread(given.threadId);
    session.execution.breakRequested = false;
    if (given.granularity !== 'instruction') adapter.resume(() => stepLine(session, thread, into));
    else adapter.resume(() => (into ? stepThread(session, thread) : stepOver(session, thread)));
  };
}

function outOf(adapter: Adapter, given: DebugProtocol.StepOutArguments): undefined {
  const session = adapter.stopped;
  const thread = adapter.thread(given.threadId);
  adapter.resume(() => stepOut(session, thread));
}

/** Back by a line, or an instruction. */
function stepBack(adapter: Adapter, given: DebugProtocol.StepBackArguments): undefined {
  const session = adapter.stopped;
  adapter.resume(() => (given.granularity === 'instruction' ? session.stepBack() : stepLineBack(session)));
}

function reverseContinue(adapter: Adapter): undefined {
  const session = adapter.stopped;
  const back = () => session.continueBack();
  adapter.resume(back, back);
}

/** Where a line can be gone on at: its first instruction. */
function gotoTargets(adapter: Adapter, given: DebugProtocol.GotoTargetsArguments): object {
  const { source, line } = given;
  const { conventions } = adapter;
  const path = conventions.pathFrom(source) ?? '';
  const found = adapter.program.sources.address(adapter.stopped, path, conventions.lineFrom(line));
  if (found === null) return { targets: [] };
  const { address } = found;
  const label = adapter.session.addressText(address);
  return {
    targets: [
      { id: address, label, line: conventions.lineTo(found.line), instructionPointerReference: hexAddress(address) },
    ],
  };
}

/** The thread goes on there, its other registers as they are; an exception that it stands at is over. */
function goTo(adapter: Adapter, { threadId, targetId }: DebugProtocol.GotoArguments): undefined {
  const session = adapter.stopped;
  const thread = adapter.thread(threadId);
  session.selectThread(thread);
  if (session.lastEvent.kind === 'exception' && session.lastEvent.thread === thread) session.exceptionHandled();
  else if (thread !== session.runningThread || thread.activity !== null)
    throw new DebuggerError('The thread is in a system service; let it come back first');
  session.registers.set('eip', targetId);
  session.changed();
}

export const executionRequests: readonly RequestRow[] = [
  request('continue', resume),
  request('next', step(false)),
  request('stepIn', step(true)),
  request('stepOut', outOf),
  request('stepBack', stepBack),
  request('reverseContinue', reverseContinue),
  request('gotoTargets', gotoTargets),
  request('goto', goTo, (adapter) => {
    const threadId = adapter.session.thread?.uniqueThreadId;
    adapter.emit('stopped', { reason: 'goto', threadId, allThreadsStopped: true });
  }),
  request('pause', (adapter) => {
    adapter.pause();
    return undefined;
  }),
];
