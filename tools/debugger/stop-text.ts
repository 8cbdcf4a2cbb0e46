import { serviceNames, statusName } from '../../kernel/index.js';
import type { Json } from './debugger-error.js';
import { instructionLine, type MemoryOperand } from './disassembler.js';
import { explainFault } from './explain-fault.js';
import { hex, hex2, hex4, hex8 } from './number-text.js';
import { registerText } from './registers.js';
import type { Session } from './session.js';
import type { StopEvent } from './stop-event.js';
import { systemCallText } from './system-call-text.js';

const EXCEPTION_NAMES: Readonly<Record<number, string>> = {
  3221225477: 'Access violation',
  3221225478: 'In-page I/O error',
  3221225620: 'Integer divide-by-zero',
  3221225621: 'Integer overflow',
  3221225501: 'Illegal instruction',
  3221225622: 'Privileged instruction',
  3221225725: 'Stack overflow',
  3221225480: 'Invalid handle',
  2147483649: 'Guard page violation',
  2147483650: 'Data misaligned',
  2147483651: 'Break instruction exception',
  2147483652: 'Single step exception',
  3765269347: 'C++ EH exception',
};

/** Name and source line above an instruction, then the instruction itself with what its operand refers to. */
export function instructionText(session: Session, address: number): string {
  const bytes = session.memory.read(address, 15);
  const lines: string[] = [];
  const name = session.nameOf(address);
  if (name !== null) {
    const line = session.modules.lineAt(session.space, address);
    lines.push(line === null ? `${name}:` : `${name} [${line.file} @ ${line.line}]:`);
  }
  const instruction = session.disassembler.decode(bytes, address);
  if (instruction === null) {
    lines.push(
      bytes.length === 0
        ? `${hex8(address)} ??              ???`
        : `${hex8(address)} ${hex2(bytes[0])}              ???`,
    );
    return lines.join('\n');
  }
  const operand = operandText(session, instruction.memory);
  const text = instructionLine(instruction);
  lines.push(operand === '' ? text : `${text.padEnd(56)} ${operand}`);
  return lines.join('\n');
}

/** 'ss:0023:0012ff70=00000005', what kd shows behind an instruction with a memory operand. */
function operandText(session: Session, operand: MemoryOperand | null): string {
  if (operand === null || operand.size === 0 || operand.size > 8) return '';
  const { registers } = session;
  const part = (name: string | null): number => Number(name === null ? 0n : (registers.lookup(name) ?? 0n));
  const address = (part(operand.base) + part(operand.index) * operand.scale + operand.displacement) >>> 0;
  const linear = operand.segment === 'fs' ? (address + (session.thread?.teb ?? 0)) >>> 0 : address;
  const bytes = session.memory.read(linear, operand.size);
  const value = bytes.length < operand.size ? '?'.repeat(operand.size * 2) : [...bytes].reverse().map(hex2).join('');
  return `${operand.segment}:${hex4(part(operand.segment))}:${hex8(address)}=${value}`;
}

/** Registers and the instruction at EIP: what kd prints at every stop. */
export function contextText(session: Session): string {
  if (session.execution.ended !== null || session.thread === null) return '';
  const { registers } = session;
  return `${registerText(registers)}\n${instructionText(session, registers.get('eip'))}`;
}

function headline(session: Session, event: StopEvent): string {
  switch (event.kind) {
    case 'breakpoint':
    case 'data':
      return `Breakpoint ${event.breakpoint.id} hit`;
    case 'fault':
      return `Breakpoint ${event.breakpoint.id} hit: page fault\n${explainFault(session, event.fault, null).text}`;
    case 'break-in':
      return 'Break-in';
    case 'idle':
      return 'Every thread waits for input; g waits with them';
    case 'limit':
      return 'The instructions that --max-instructions allows are used up';
    case 'beginning':
      return 'The beginning of what can be gone back to';
    case 'written':
      return `The last write, to ${hex8(event.address)}${writerText(session)}`;
    case 'filled':
      return `${filledText(session, event)}\n${explainFault(session, event.fault, null).text}`;
    case 'exception':
      return exceptionText(session, event);
    case 'system-call':
      return systemCallText(session, event.name, event.argumentPointer);
    case 'module':
      return event.module.mapped ? '' : `Unload module ${event.module.name} at ${hex8(event.module.base)}`;
    case 'thread':
      return event.started
        ? `Create thread ${hex(event.thread.process.uniqueProcessId)}:${hex(event.thread.uniqueThreadId)}`
        : `Exit thread ${hex(event.thread.process.uniqueProcessId)}:${hex(event.thread.uniqueThreadId)}, code ${hex(event.exitStatus ?? 0)}`;
    case 'process':
      return `${event.started ? 'Create' : 'Exit'} process ${hex(event.processId)}, ${event.name}`;
    case 'ended':
      return endText(event);
    default:
      return '';
  }
}

/** Who is about to write: in front of a system call the kernel. */
function writerText(session: Session): string {
  const { registers } = session;
  const [first, second] = session.memory.read(registers.get('eip'), 2);
  if (!(first === 0x0f && second === 0x34) && !(first === 0xcd && second === 0x2e)) return '';
  return `, by the kernel in ${serviceNames[registers.get('eax') & 0xfff] ?? 'a service that does not exist'}`;
}

/** Which fault filled a page, and when. */
function filledText(session: Session, { address, fault }: Extract<StopEvent, { kind: 'filled' }>): string {
  const position = `position 0n${session.machine.kernel.cpu.instructionCount}`;
  const who = fault.user ? 'the next instruction' : `the service${writerText(session)}`;
  return `Nobody wrote there since the page of ${hex8(address)} came with a fault: ${who} takes it, at ${position}`;
}

function exceptionText(session: Session, event: Extract<StopEvent, { kind: 'exception' }>): string {
  const { record, firstChance, thread, fault } = event;
  const code = record.code >>> 0;
  const name = EXCEPTION_NAMES[code] ?? (statusName(record.code) || 'Unknown exception');
  const client = `${hex(thread.process.uniqueProcessId)}.${hex(thread.uniqueThreadId)}`;
  const chance = firstChance ? 'first chance' : '!!! second chance !!!';
  const lines = [`(${client}): ${name} - code ${hex8(code)} (${chance})`];
  if (firstChance) {
    lines.push(
      'First chance exceptions are reported before any exception handling.',
      'This exception may be expected and handled.',
    );
  }
  if (session.registers.get('eip') !== record.address) {
    lines.push(`ExceptionAddress: ${hex8(record.address)} (${session.addressText(record.address)})`);
  }
  if (fault !== null) lines.push(explainFault(session, fault, record.code).text);
  return lines.join('\n');
}

function endText({ result }: Extract<StopEvent, { kind: 'ended' }>): string {
  switch (result.reason) {
    case 'exited':
      return `The program has ended with status ${hex8(result.status ?? 0)} after 0n${result.instructions} instructions`;
    case 'start-failed': {
      const status = result.status ?? 0;
      return `The program could not be started: ${hex8(status)} ${result.status === null ? '' : statusName(result.status)}`;
    }
    case 'deadlock':
      return 'No thread can ever run again: all wait';
    case 'bugcheck': {
      const { bugcheck } = result;
      if (bugcheck === null) return '*** STOP';
      const parameters = bugcheck.parameters.map((value) => `0x${hex8(value).toUpperCase()}`).join(', ');
      return `*** STOP: 0x${hex8(bugcheck.code).toUpperCase()} (${parameters})`;
    }
    case 'inconsistent':
      return `The memory manager is inconsistent: ${result.inconsistency}`;
    default:
      return `The machine stopped: ${result.reason}`;
  }
}

/** Everything that is shown at a stop. */
export function stopText(session: Session, event: StopEvent): string {
  return [headline(session, event), contextText(session)].filter((part) => part !== '').join('\n');
}

/** The stop for programs. */
export function stopData(session: Session, event: StopEvent): Json {
  const base: { [key: string]: Json } = { stop: event.kind, instructions: session.machine.kernel.cpu.instructionCount };
  if (session.execution.ended === null && session.thread !== null) {
    base.process = session.thread.process.uniqueProcessId;
    base.thread = session.thread.uniqueThreadId;
    base.eip = session.registers.get('eip');
    base.symbol = session.nameOf(session.registers.get('eip'));
  }
  switch (event.kind) {
    case 'breakpoint':
      return { ...base, breakpoint: event.breakpoint.id };
    case 'data':
      return { ...base, breakpoint: event.breakpoint.id, address: event.address };
    case 'written':
      return { ...base, address: event.address };
    case 'filled':
      return { ...base, address: event.address, fault: explainFault(session, event.fault, null).data };
    case 'fault':
      return { ...base, breakpoint: event.breakpoint.id, fault: explainFault(session, event.fault, null).data };
    case 'exception':
      return {
        ...base,
        code: event.record.code >>> 0,
        firstChance: event.firstChance,
        address: event.record.address,
        parameters: event.record.parameters,
        fault: event.fault === null ? null : explainFault(session, event.fault, event.record.code).data,
      };
    case 'system-call':
      return { ...base, service: event.name };
    case 'module':
      return { ...base, name: event.module.name, base: event.module.base, mapped: event.module.mapped };
    case 'ended':
      return { ...base, reason: event.result.reason, status: event.result.status };
    default:
      return base;
  }
}
