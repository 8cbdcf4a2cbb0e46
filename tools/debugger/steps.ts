import { instructionAt } from './instruction-window.js';
import type { Thread } from './machine-types.js';
import type { Session } from './session.js';
import type { StopEvent } from './stop-event.js';

/** A destination at any depth of the stack. */
const ANY_DEPTH = 0;
/** Steps of one line after which the terminal is looked at. */
const STEPS_AT_ONCE = 4096;

const isPlain = ({ kind }: StopEvent): boolean => kind === 'step' || kind === 'temporary';

/** One instruction of this thread; while it waits the others run. */
export async function stepThread(session: Session, thread: Thread | null): Promise<StopEvent> {
  const event = session.stopped(session.execution.step());
  if (event.kind !== 'step' || thread === null || session.runningThread === thread) return event;
  if (!session.threads.includes(thread)) return event;
  session.selectThread(thread);
  const address = session.registers.get('eip');
  const arrived = session.stopped(await session.execution.go({ address, thread, minimumEsp: ANY_DEPTH }));
  return isPlain(arrived) ? session.stopped({ kind: 'step' }) : arrived;
}

/** One instruction; a call, a repeated string instruction or an interrupt as a whole. */
export async function stepOver(session: Session, thread: Thread | null): Promise<StopEvent> {
  if (thread === null || thread !== session.runningThread || thread.activity !== null) {
    return stepThread(session, thread);
  }
  const eip = session.registers.get('eip');
  const instruction = instructionAt(session, eip);
  if (instruction === null || !instruction.stepsOver) return stepThread(session, thread);
  const minimumEsp = instruction.isCall ? session.registers.get('esp') : ANY_DEPTH;
  const address = (eip + instruction.length) >>> 0;
  return session.stopped(await session.execution.go({ address, thread, minimumEsp }));
}

/** Runs until the function of this thread's innermost frame has returned; 'step' where it has. */
export async function stepOut(session: Session, thread: Thread): Promise<StopEvent> {
  session.selectThread(thread);
  const [frame] = session.frames.list;
  if (frame.returnAddress === 0) return stepThread(session, thread);
  const minimumEsp = frame.canonicalFrameAddress;
  return session.stopped(await session.execution.go({ address: frame.returnAddress, thread, minimumEsp }));
}

/**
 * Goes back to where a source line begins: this one's, or the one before. Calls are passed over; without lines, one instruction.
 * @throws DebuggerError where nothing can be gone back to
 */
export async function stepLineBack(session: Session): Promise<StopEvent> {
  const hasLines = session.modules.lineAt(session.space, session.registers.get('eip')) !== null;
  for (;;) {
    const event = await session.stepOverBack();
    if (event.kind !== 'step' || !hasLines || session.thread === null) return event;
    const eip = session.registers.get('eip');
    const line = session.modules.lineAt(session.space, eip);
    if (line?.isStatement && session.modules.beginsLine(session.space, eip)) return event;
    if (session.execution.breakRequested) return session.stopped({ kind: 'break-in' });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/**
 * Steps until another source line begins: over calls, or into those whose functions have lines. Where there are no lines, one
 * instruction. Ends early with whatever else stops the machine.
 */
export async function stepLine(session: Session, thread: Thread, into: boolean): Promise<StopEvent> {
  session.selectThread(thread);
  const { modules, space } = session;
  const start = modules.lineAt(space, session.registers.get('eip'));
  const depth = session.frames.list[0].canonicalFrameAddress;
  if (start === null) return into ? stepThread(session, thread) : stepOver(session, thread);
  for (let count = 1; ; count++) {
    const isCall = instructionAt(session, session.registers.get('eip'))?.isCall ?? false;
    let event = into ? await stepThread(session, thread) : await stepOver(session, thread);
    if (!isPlain(event) || session.thread !== thread) return event;
    const eip = session.registers.get('eip');
    const line = modules.lineAt(space, eip);
    if (into && isCall) {
      if (line !== null) return event;
      event = await stepOut(session, thread);
      if (!isPlain(event)) return event;
      continue;
    }
    // Returned into a caller: its line is shown at once, for it is another one; code without lines is left again.
    if (session.registers.get('esp') > depth && depth !== 0) {
      if (line !== null) return event;
      return stepOut(session, thread);
    }
    if (line === null) continue;
    const isOther = line.line !== start.line || line.file !== start.file;
    if (isOther && line.isStatement && modules.beginsLine(space, eip)) return event;
    if (session.execution.breakRequested) return session.stopped({ kind: 'break-in' });
    if (count % STEPS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}
