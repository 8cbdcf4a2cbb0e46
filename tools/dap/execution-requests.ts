import type { DebugProtocol } from '@vscode/debugprotocol';
import { stepLine, stepLineBack, stepOut, stepOver, stepThread } from '../debugger/index.js';
import type { Adapter } from './adapter.js';
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

export const executionRequests: readonly RequestRow[] = [
  request('continue', resume),
  request('next', step(false)),
  request('stepIn', step(true)),
  request('stepOut', outOf),
  request('stepBack', stepBack),
  request('reverseContinue', reverseContinue),
  request('pause', (adapter) => {
    adapter.pause();
    return undefined;
  }),
];
