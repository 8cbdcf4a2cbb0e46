import { statusName } from '../../kernel/index.js';
import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { explainFault } from './explain-fault.js';
import { hex, hex8 } from './number-text.js';
import type { Session } from './session.js';
import { instructionText, stopData } from './stop-text.js';

/** !analyze: the exception at hand with its fault, the instruction, and who called it. */
function analyze(session: Session): CommandOutput {
  const event = session.lastEvent;
  if (event.kind !== 'exception') {
    const fault = session.observer.lastFault;
    if (fault === null) return output('There was no exception and no page fault.', null);
    const explained = explainFault(session, fault, null);
    return output(
      `The machine did not stop at an exception. The last page fault was:\n${explained.text}`,
      explained.data,
    );
  }
  const { record, fault, firstChance } = event;
  const code = record.code >>> 0;
  const lines = [
    'FAULTING_IP:',
    instructionText(session, record.address),
    '',
    `EXCEPTION_RECORD:  ${firstChance ? 'first' : 'second'} chance`,
    `ExceptionAddress: ${hex8(record.address)} (${session.addressText(record.address)})`,
    `   ExceptionCode: ${hex8(code)} ${statusName(record.code)}`,
    `  ExceptionFlags: ${hex8(record.flags)}`,
    `NumberParameters: ${record.parameters.length}`,
    ...record.parameters.map((value, index) => `   Parameter[${index}]: ${hex8(value)}`),
  ];
  if (fault !== null) lines.push('', explainFault(session, fault, record.code).text);
  lines.push('', 'STACK_TEXT:');
  for (const frame of session.frames.list.slice(0, 16)) {
    lines.push(`${hex8(frame.childEbp)} ${hex8(frame.returnAddress)} ${session.addressText(frame.eip)}`);
  }
  const data: Json = {
    event: stopData(session, event),
    stack: session.frames.list.map((frame) => ({ eip: frame.eip, symbol: session.nameOf(frame.eip) })),
  };
  return output(lines.join('\n'), data);
}

/** The kernel is TypeScript: while a user-mode debugger command runs, no kernel code does. */
function irql(session: Session): CommandOutput {
  const { thread } = session;
  const inKernel = thread !== null && thread.activity !== null;
  const text = `Debugger saved IRQL for processor 0x0 -- 0 (PASSIVE_LEVEL)${inKernel ? ', in a system service or exception dispatch' : ''}`;
  return output(text, { irql: 0, name: 'PASSIVE_LEVEL', inKernel });
}

/** !session [ID]: the console's is the only one. Nothing of a console system lives in session space, whose addresses are kept. */
function sessions(session: Session, args: string): CommandOutput {
  const [given] = splitArguments(args);
  if (given !== undefined && session.address(given) !== 0)
    throw new DebuggerError(`there is no session ${given}, only 0`);
  const { mm, ps } = session.machine.kernel;
  const { sessionSpace, sessionSpaceEnd } = mm.layout;
  const processes = ps.processes.map(({ processId }) => processId);
  const lines = [
    'Sessions on machine: 1',
    'Valid Sessions: 0',
    'Current Session 0',
    `Session space ${hex8(sessionSpace)}-${hex8(sessionSpaceEnd - 1)}: empty`,
    `Processes: ${processes.map((id) => hex(id)).join(' ')}`,
  ];
  return output(lines.join('\n'), { sessions: [0], current: 0, sessionSpace, sessionSpaceEnd, processes });
}

export const analyzeExtensions = commands(
  { name: '!analyze', syntax: '!analyze [-v]', help: 'the exception at hand: instruction, fault, stack', run: analyze },
  { name: '!irql', syntax: '!irql', help: 'interrupt request level', run: irql },
  { name: '!session', syntax: '!session [ID]', help: 'sessions, and where session space is', run: sessions },
);
