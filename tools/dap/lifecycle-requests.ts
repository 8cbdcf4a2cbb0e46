import type { DebugProtocol } from '@vscode/debugprotocol';
import { isReflectable } from '../../kernel/index.js';
import type { Adapter } from './adapter.js';
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
  supportsReadMemoryRequest: true,
  supportsWriteMemoryRequest: true,
  supportsDisassembleRequest: true,
  supportsSteppingGranularity: true,
  supportsStepBack: isReflectable(),
  supportTerminateDebuggee: true,
  exceptionBreakpointFilters: exceptionFilters,
});

function initialize(adapter: Adapter, given: DebugProtocol.InitializeRequestArguments): object {
  adapter.linesStartAt1 = given.linesStartAt1 ?? true;
  return capabilities();
}

async function launchProgram(adapter: Adapter, given: DebugProtocol.LaunchRequestArguments): Promise<undefined> {
  adapter.program = await launch({ ...given }, adapter.emit);
}

/** The client has set its breakpoints: the program starts, or stands at its first instruction. */
function start(adapter: Adapter): void {
  const { session, program } = adapter;
  if (program.stopOnEntry) adapter.report(session.lastEvent);
  else adapter.resume(() => session.execution.go());
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
    start,
  ),
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
