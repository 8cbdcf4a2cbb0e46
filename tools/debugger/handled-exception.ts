import { Status } from '../../kernel/index.js';
import { DebuggerError } from './debugger-error.js';
import type { Session } from './session.js';
import type { StopEvent } from './stop-event.js';

const CONTEXT_SIZE = 0x2cc;
const INT3 = 0xcc;

/**
 * Ends an exception as a debugger that has handled it does (DBG_CONTINUE). The program goes on at the instruction that raised it,
 * behind a breakpoint instruction; after NtRaiseException with the CONTEXT that the caller gave it.
 */
export function forgetException(session: Session, event: Extract<StopEvent, { kind: 'exception' }>): void {
  const { thread, record } = event;
  const at = record.address;
  if (record.code === Status.BREAKPOINT && session.registers.get('eip') === at) {
    if (session.memory.read(at, 1)[0] === INT3) session.registers.set('eip', at + 1);
  }
  if (thread.activity !== null) {
    // The dispatch has not begun yet.
    thread.activity = null;
  } else restoreContext(session, event);
  session.changed();
}

/** The thread stands in front of NtRaiseException(record, context, firstChance): its effect is that of NtContinue. */
function restoreContext(
  session: Session,
  { thread, argumentPointer }: Extract<StopEvent, { kind: 'exception' }>,
): void {
  const pointer = session.memory.read32(argumentPointer + 4) ?? 0;
  const context = session.memory.read(pointer, CONTEXT_SIZE);
  if (context.length < CONTEXT_SIZE) throw new DebuggerError('The context of the exception cannot be read');
  session.execution.forgetSystemCall();
  session.machine.kernel.ke.setContext(thread, context);
}
