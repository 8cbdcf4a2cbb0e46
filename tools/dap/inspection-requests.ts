import type { DebugProtocol } from '@vscode/debugprotocol';
import { statusName } from '../../kernel/index.js';
import { complete, DebuggerError, executeLine, explainFault, type Session } from '../debugger/index.js';
import { type Adapter, hexAddress, moduleList } from './adapter.js';
import { type RequestRow, request } from './requests.js';
import { frameScopes } from './scopes.js';
import { resolvePath, typedVariable } from './typed-values.js';

function threads({ session }: Adapter): object {
  if (session.execution.ended !== null) return { threads: [] };
  return {
    threads: session.threads.map(({ uniqueThreadId, process }) => ({
      id: uniqueThreadId,
      name: `${process.imageFileName} ${process.uniqueProcessId.toString(16)}.${uniqueThreadId.toString(16)}`,
    })),
  };
}

function stackTrace(adapter: Adapter, given: DebugProtocol.StackTraceArguments): object {
  const session = adapter.stopped;
  const { conventions, program } = adapter;
  const thread = adapter.thread(given.threadId);
  session.selectThread(thread);
  const { list } = session.frames;
  const first = given.startFrame ?? 0;
  const shown = list.slice(first, given.levels ? first + given.levels : undefined);
  const stackFrames = shown.map((frame): DebugProtocol.StackFrame => {
    const row = session.modules.lineAt(session.space, frame.lookupAddress);
    const id = adapter.frames.push({ thread, index: frame.index });
    return {
      id,
      name: session.addressText(frame.eip),
      line: row === null ? 0 : conventions.lineTo(row.line),
      column: 0,
      instructionPointerReference: hexAddress(frame.eip),
      moduleId: session.modules.moduleAt(session.space, frame.eip)?.base ?? 0,
      ...(row === null
        ? { presentationHint: 'subtle' }
        : { source: conventions.sourceTo(program.sources.source(row.file)) }),
    };
  });
  return { stackFrames, totalFrames: list.length };
}

async function variables(adapter: Adapter, given: DebugProtocol.VariablesArguments): Promise<object> {
  void adapter.stopped;
  const container = adapter.variables.get(given.variablesReference);
  if (container === null) throw new DebuggerError(`There are no variables ${given.variablesReference}`);
  const all = await container.variables();
  const start = given.start ?? 0;
  return { variables: all.slice(start, given.count ? start + given.count : undefined) };
}

function setVariable(adapter: Adapter, given: DebugProtocol.SetVariableArguments): object {
  void adapter.stopped;
  const container = adapter.variables.get(given.variablesReference);
  if (container === null || container.set === null) throw new DebuggerError(`${given.name} cannot be changed`);
  const value = container.set(given.name, given.value);
  adapter.emit('invalidated', { areas: ['variables'] });
  return { value };
}

/** A name of the program shows its value; the console takes kd commands; everything else is an expression. */
async function evaluate(adapter: Adapter, given: DebugProtocol.EvaluateArguments): Promise<object> {
  if (given.context === 'repl') return command(adapter, given);
  const session = adapter.selectFrame(given.frameId);
  const typed = resolvePath(session, given.expression);
  if (typed !== null) {
    const { value, ...rest } = typedVariable(session, adapter.variables, typed.name, typed.place);
    return { result: value, ...rest };
  }
  const value = session.evaluate(given.expression);
  return {
    result: `0x${BigInt.asUintN(64, value).toString(16)}`,
    variablesReference: 0,
    memoryReference: hexAddress(Number(BigInt.asUintN(32, value))),
  };
}

async function command(adapter: Adapter, given: DebugProtocol.EvaluateArguments): Promise<object> {
  const session = given.frameId === undefined ? adapter.stopped : adapter.selectFrame(given.frameId);
  const before = session.lastEvent;
  const lines: string[] = [];
  const succeeded = await executeLine(session, given.expression, false, (text) => lines.push(text));
  if (!succeeded && lines.length === 1) throw new DebuggerError(lines[0]);
  if (session.finished) adapter.terminate();
  else if (session.lastEvent !== before) {
    adapter.variables.clear();
    adapter.frames.length = 0;
    adapter.report(session.lastEvent);
  } else adapter.emit('invalidated', { areas: ['all'] });
  return { result: lines.join('\n'), variablesReference: 0 };
}

function completions(adapter: Adapter, given: DebugProtocol.CompletionsArguments): object {
  const { conventions } = adapter;
  const column = conventions.columnFrom(given.column);
  const [found, word] = complete(adapter.session, given.text.slice(0, column));
  const start = conventions.columnTo(column - word.length);
  return { targets: found.map((label) => ({ label, start, length: word.length })) };
}

function exceptionInfo(adapter: Adapter): object {
  const session: Session = adapter.stopped;
  const event = session.lastEvent;
  if (event.kind !== 'exception') throw new DebuggerError('The program did not stop at an exception');
  const { record, fault, firstChance } = event;
  const name = statusName(record.code);
  const explained = fault === null ? '' : explainFault(session, fault, record.code).text;
  return {
    exceptionId: `0x${(record.code >>> 0).toString(16)}`,
    description: `${name} at ${session.addressText(record.address)}${explained === '' ? '' : `\n${explained}`}`,
    breakMode: firstChance ? 'always' : 'unhandled',
    details: {
      message: name,
      typeName: name,
      stackTrace: session.frames.list.map(({ eip }) => session.addressText(eip)).join('\n'),
    },
  };
}

export const inspectionRequests: readonly RequestRow[] = [
  request('threads', threads),
  request('stackTrace', stackTrace),
  request('scopes', (adapter, given: DebugProtocol.ScopesArguments) => {
    adapter.selectFrame(given.frameId);
    return { scopes: frameScopes(adapter, given.frameId) };
  }),
  request('variables', variables),
  request('setVariable', setVariable),
  request('evaluate', evaluate),
  request('completions', completions),
  request('exceptionInfo', exceptionInfo),
  request('modules', ({ session }) => ({ modules: moduleList(session), totalModules: moduleList(session).length })),
];
