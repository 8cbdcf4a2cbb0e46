import type { DebugProtocol } from '@vscode/debugprotocol';
import { DebuggerError, typeSize } from '../debugger/index.js';
import { type Adapter, hexAddress } from './adapter.js';
import { chooseExceptions } from './exception-classes.js';
import { type RequestRow, request } from './requests.js';
import { resolvePath } from './typed-values.js';

function setSource(adapter: Adapter, { source, breakpoints }: DebugProtocol.SetBreakpointsArguments): object {
  const { conventions } = adapter;
  const path = conventions.pathFrom(source);
  if (path === undefined) throw new DebuggerError('setBreakpoints: the source has no path');
  const wishes = (breakpoints ?? []).map((wish) => ({ ...wish, line: conventions.lineFrom(wish.line) }));
  return listed(adapter.program.breakpoints.setSource(path, wishes).map((answer) => conventions.breakpointTo(answer)));
}

/** Whether a variable, or an expression, can be watched: its address and size. */
function dataInfo(adapter: Adapter, given: DebugProtocol.DataBreakpointInfoArguments): object {
  const { name, variablesReference, frameId } = given;
  const no = (description: string): object => ({ dataId: null, description });
  const at = place(adapter, name, variablesReference, frameId);
  if (at === null) return no(`${name} does not lie in memory`);
  return {
    dataId: `${hexAddress(at.address)},${at.size}`,
    description: `${name} at ${hexAddress(at.address)}, ${at.size} bytes`,
    accessTypes: ['read', 'write', 'readWrite'],
    canPersist: false,
  };
}

function place(adapter: Adapter, name: string, reference: number | undefined, frameId: number | undefined) {
  if (reference !== undefined && reference !== 0) return adapter.variables.get(reference)?.locate?.(name) ?? null;
  const session = adapter.selectFrame(frameId);
  const typed = resolvePath(session, name);
  if (typed === null) return { address: session.address(name), size: 4 };
  return { address: typed.place.address, size: typeSize(typed.place.image.info, typed.place.type) || 4 };
}

function setExceptions(adapter: Adapter, { filters }: DebugProtocol.SetExceptionBreakpointsArguments): object {
  const known = chooseExceptions(adapter.session, filters);
  return {
    breakpoints: known.map((verified, index) =>
      verified ? { verified } : { verified, message: `There is no filter '${filters[index]}'` },
    ),
  };
}

const listed = (breakpoints: DebugProtocol.Breakpoint[]): object => ({ breakpoints });

export const breakpointRequests: readonly RequestRow[] = [
  request('setBreakpoints', setSource),
  request('setFunctionBreakpoints', (adapter, given: DebugProtocol.SetFunctionBreakpointsArguments) =>
    listed(adapter.program.breakpoints.setFunctions(given.breakpoints)),
  ),
  request('setInstructionBreakpoints', (adapter, given: DebugProtocol.SetInstructionBreakpointsArguments) =>
    listed(adapter.program.breakpoints.setInstructions(given.breakpoints)),
  ),
  request('setDataBreakpoints', (adapter, given: DebugProtocol.SetDataBreakpointsArguments) =>
    listed(adapter.program.breakpoints.setData(given.breakpoints)),
  ),
  request('dataBreakpointInfo', dataInfo),
  request('setExceptionBreakpoints', setExceptions),
];
