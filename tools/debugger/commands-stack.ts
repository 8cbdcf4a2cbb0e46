import { type Command, type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { Attribute } from './dwarf-constants.js';
import { typeName, valueText } from './dwarf-types.js';
import type { LocalVariable } from './frame-view.js';
import { hex, hex8 } from './number-text.js';
import type { Session } from './session.js';
import type { StackFrame } from './stack-walk.js';

const DEFAULT_FRAMES = 32;

interface StackStyle {
  readonly numbers: boolean;
  readonly childArguments: boolean;
  /** How the caller was found, in place of kd's FPO notes. */
  readonly method: boolean;
}

function place(session: Session, frame: StackFrame): string {
  const line = session.modules.lineAt(session.space, frame.lookupAddress);
  const where = line === null ? '' : ` [${line.file} @ ${line.line}]`;
  return `${session.addressText(frame.eip)}${where}`;
}

function frameData(session: Session, frame: StackFrame): Json {
  const line = session.modules.lineAt(session.space, frame.lookupAddress);
  return {
    index: frame.index,
    eip: frame.eip,
    childEbp: frame.childEbp,
    returnAddress: frame.returnAddress,
    symbol: session.nameOf(frame.eip),
    file: line?.file ?? null,
    line: line?.line ?? null,
    method: frame.method,
  };
}

function stack(style: StackStyle): Command['run'] {
  return (session, args) => {
    const [first] = splitArguments(args);
    const count = first === undefined ? DEFAULT_FRAMES : session.address(first);
    const frames = session.frames.list.slice(0, count);
    const header = `${style.numbers ? ' # ' : ''}ChildEBP RetAddr  ${style.childArguments ? 'Args to Child              ' : ''}`;
    const lines = frames.map((frame) => {
      const number = style.numbers ? `${hex(frame.index).padStart(2, '0')} ` : '';
      const values = style.childArguments ? `${argumentsText(session, frame)} ` : '';
      const method = style.method ? ` (${frame.method})` : '';
      return `${number}${hex8(frame.childEbp)} ${hex8(frame.returnAddress)} ${values}${place(session, frame)}${method}`;
    });
    return output(
      [header, ...lines].join('\n'),
      frames.map((frame) => frameData(session, frame)),
    );
  };
}

/** The first three dwords above the return address. */
function argumentsText(session: Session, frame: StackFrame): string {
  return [8, 12, 16]
    .map((offset) => session.memory.read32(frame.childEbp + offset))
    .map((value) => (value === null ? '????????' : hex8(value)))
    .join(' ');
}

function chooseFrame(session: Session, args: string): CommandOutput {
  const [number] = splitArguments(args);
  const frame = number === undefined ? session.frame : session.frames.select(session.address(number));
  if (frame === null)
    throw new DebuggerError(`Cannot find frame 0x${hex(session.address(number))}, previous scope unchanged`);
  session.continuations.delete('u');
  const text = `${hex(frame.index).padStart(2, '0')} ${hex8(frame.childEbp)} ${hex8(frame.returnAddress)} ${place(session, frame)}`;
  return output(text, frameData(session, frame));
}

function locals(session: Session): CommandOutput {
  const variables = session.frames.locals();
  if (variables.length === 0) {
    const found = session.modules.functionAt(session.space, session.frame.lookupAddress);
    return output(found === null ? 'No debugging information for this function' : 'No local variables', []);
  }
  const width = Math.max(15, ...variables.map(({ name }) => name.length));
  const lines = variables.map((variable) => `${variable.name.padStart(width)} = ${variableText(variable)}`);
  const data = variables.map((variable) => ({
    name: variable.name,
    type: typeName(variable.image.info, variable.type),
    parameter: variable.isParameter,
    address: variable.location?.kind === 'memory' ? variable.location.address : null,
    value: variable.bytes === null ? null : variableText(variable),
  }));
  return output(lines.join('\n'), data);
}

function variableText(variable: LocalVariable): string {
  const { image, type, bytes, location } = variable;
  if (location === null) return '<value unavailable>';
  if (bytes === null) return '<Memory access error>';
  const text = valueText(image.info, type, bytes);
  const declared = type?.attributes.get(Attribute.Name);
  return typeof declared === 'string' && text.startsWith('struct') ? `${typeName(image.info, type)}` : text;
}

export const stackCommands = commands(
  {
    name: 'k',
    syntax: 'k [COUNT]',
    help: 'call stack',
    run: stack({ numbers: false, childArguments: false, method: false }),
  },
  {
    name: 'kb',
    syntax: 'kb [COUNT]',
    help: 'call stack with three arguments',
    run: stack({ numbers: false, childArguments: true, method: false }),
  },
  {
    name: 'kv',
    syntax: 'kv [COUNT]',
    help: 'call stack with arguments and how it was found',
    run: stack({ numbers: false, childArguments: true, method: true }),
  },
  {
    name: 'kn',
    syntax: 'kn [COUNT]',
    help: 'call stack with frame numbers',
    run: stack({ numbers: true, childArguments: false, method: false }),
  },
  { name: '.frame', syntax: '.frame [NUMBER]', help: 'choose the frame that dv and u look at', run: chooseFrame },
  { name: 'dv', syntax: 'dv', help: 'parameters and local variables of the chosen frame', run: locals },
);
