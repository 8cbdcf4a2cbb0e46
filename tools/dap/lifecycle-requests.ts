import type { DebugProtocol } from '@vscode/debugprotocol';
import { isReflectable } from '../../kernel/index.js';
import { DebuggerError } from '../debugger/index.js';
import type { Adapter } from './adapter.js';
import { ClientConventions } from './client-conventions.js';
import { exceptionFilters } from './exception-classes.js';
import { launch } from './launch.js';
import { type RequestRow, request } from './requests.js';

const capabilities = (): DebugProtocol.Capabilities => ({
  supportsConfigurationDoneRequest: true,
  supportsFunctionBreakpoints: true,
  supportsConditionalBreakpoints: true,
  supportsHitConditionalBreakpoints: true,
  supportsLogPoints: true,
  supportsInstructionBreakpoints: true,
  supportsDataBreakpoints: true,
  supportsEvaluateForHovers: true,
  supportsSetVariable: true,
  supportsCompletionsRequest: true,
  supportsModulesRequest: true,
  supportsExceptionInfoRequest: true,
  supportsTerminateRequest: true,
  supportsRestartRequest: isReflectable(),
  supportsGotoTargetsRequest: true,
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsSteppingGranularity: true,
  supportsStepBack: isReflectable(),
  supportTerminateDebuggee: true,
  exceptionBreakpointFilters: exceptionFilters,
});

function initialize(adapter: Adapter, given: DebugProtocol.InitializeRequestArguments): object {
  adapter.conventions = new ClientConventions(given);
  return capabilities();
}

async function launchProgram(adapter: Adapter, given: DebugProtocol.LaunchRequestArguments): Promise<undefined> {
  adapter.program = await launch({ ...given }, adapter.emit);
}

function attach(): never {
  throw new DebuggerError(
    'There is nothing to attach to: a machine lives in the adapter that launched it. Use "request": "launch"',
  );
}

function restart(adapter: Adapter, given: DebugProtocol.RestartArguments): undefined {
  const program = (given.arguments as { readonly program?: unknown } | undefined)?.program;
  if (program !== undefined && program !== adapter.program.name)
    throw new DebuggerError('restart: another program has to be launched');
  adapter.checkRestart();
}

export const lifecycleRequests: readonly RequestRow[] = [
  request('initialize', initialize),
  request('launch', launchProgram, (adapter) => adapter.emit('initialized')),
  request(
    'configurationDone',
    (adapter) => {
      void adapter.program;
      return undefined;
    },
    (adapter) => adapter.start(),
  ),
  request('attach', attach),
  request('restart', restart, (adapter) => adapter.restart()),
  request(
    'terminate',
    () => undefined,
    (adapter) => adapter.terminate(),
  ),
  request(
    'disconnect',
    () => undefined,
    (adapter) => adapter.terminate(),
  ),
];
