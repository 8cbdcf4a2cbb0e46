import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { CONTEXT_SIZE } from './context.js';
import type { ExceptionRecord } from './kernel-executive.js';
import { type Service, service } from './service.js';
import { Mode } from './thread.js';
import { EXCEPTION_MAXIMUM_PARAMETERS } from './user-frames.js';

/** Exception codes with this bit are the kernel's own; user mode cannot raise them. */
const KI_EXCEPTION_INTERNAL = 0x10000000;
const RECORD_HEADER = 0x14;
const MAXIMUM_HARD_ERROR_PARAMETERS = 4;
const RESPONSE_NOT_HANDLED = 1;
const MAXIMUM_DISPLAY_STRING = 0x1000;

/** NtContinue: the thread goes on with the registers of a CONTEXT. Returns only on a failure. */
function* continueExecution(kernel: Kernel, contextAddress: number, testAlert: number): Blocking<NtStatus> {
  const probed = yield* kernel.user.probeForRead(contextAddress, CONTEXT_SIZE);
  if (!isSuccess(probed)) return probed;
  const thread = kernel.ke.currentThread;
  kernel.ke.setContext(thread, kernel.user.readBytes(contextAddress, CONTEXT_SIZE));
  if ((testAlert & 0xff) !== 0) kernel.ke.testAlert(Mode.User);
  thread.frameReplaced = true;
  return Status.SUCCESS;
}

/** NtRaiseException: raises a record with the registers of a CONTEXT. Returns only on a failure. */
function* raiseException(
  kernel: Kernel,
  recordAddress: number,
  contextAddress: number,
  firstChance: number,
): Blocking<NtStatus> {
  const { user } = kernel;
  const contextProbe = yield* user.probeForRead(contextAddress, CONTEXT_SIZE);
  if (!isSuccess(contextProbe)) return contextProbe;
  const headerProbe = yield* user.probeForRead(recordAddress, RECORD_HEADER);
  if (!isSuccess(headerProbe)) return headerProbe;
  const count = user.read32(recordAddress + 0x10);
  if (count > EXCEPTION_MAXIMUM_PARAMETERS) return Status.INVALID_PARAMETER;
  const parametersProbe = yield* user.probeForRead(recordAddress + RECORD_HEADER, count * 4);
  if (!isSuccess(parametersProbe)) return parametersProbe;
  const parameters: number[] = [];
  for (let index = 0; index < count; index++) parameters.push(user.read32(recordAddress + RECORD_HEADER + index * 4));
  const record: ExceptionRecord = {
    code: ntStatus(user.read32(recordAddress) & ~KI_EXCEPTION_INTERNAL),
    flags: user.read32(recordAddress + 4),
    address: user.read32(recordAddress + 0x0c),
    parameters,
  };
  kernel.ke.setContext(kernel.ke.currentThread, user.readBytes(contextAddress, CONTEXT_SIZE));
  yield* kernel.ke.dispatchException(record, (firstChance & 0xff) !== 0);
  return Status.SUCCESS;
}

/** NtRaiseHardError: the host shows it; nobody is there to answer. */
function* raiseHardError(
  kernel: Kernel,
  errorStatus: number,
  count: number,
  unicodeMask: number,
  parametersAddress: number,
  _validOptions: number,
  response: number,
): Blocking<NtStatus> {
  const { user } = kernel;
  if (count > MAXIMUM_HARD_ERROR_PARAMETERS) return Status.INVALID_PARAMETER_2;
  if (response !== 0) {
    const probed = yield* user.probeForWrite(response, 4);
    if (!isSuccess(probed)) return probed;
  }
  const strings: string[] = [];
  const probed = yield* user.probeForRead(parametersAddress, count * 4);
  if (!isSuccess(probed)) return probed;
  for (let index = 0; index < count; index++) {
    const value = user.read32(parametersAddress + index * 4);
    if (((unicodeMask >>> index) & 1) === 0) {
      strings.push(`0x${value.toString(16).toUpperCase().padStart(8, '0')}`);
      continue;
    }
    const captured = yield* user.readUnicodeString(value);
    if (!isSuccess(captured.status)) return captured.status;
    strings.push(captured.text);
  }
  kernel.host.hardError(ntStatus(errorStatus), strings);
  if (response !== 0) user.write32(response, RESPONSE_NOT_HANDLED);
  return Status.SUCCESS;
}

function* displayString(kernel: Kernel, stringAddress: number): Blocking<NtStatus> {
  const captured = yield* kernel.user.readUnicodeString(stringAddress);
  if (isSuccess(captured.status)) kernel.host.debugOutput(captured.text.slice(0, MAXIMUM_DISPLAY_STRING));
  return captured.status;
}

/** Exceptions, and the ways in which a program speaks to the system itself. */
export const exceptionServices: readonly Service[] = [
  service('NtContinue', continueExecution),
  service('NtRaiseException', raiseException),
  service('NtCallbackReturn', () => Status.NO_CALLBACK_ACTIVE),
  service('NtRaiseHardError', raiseHardError),
  service('NtDisplayString', displayString),
  // Nothing is filtered in, for no debugger listens: both give FALSE.
  service('NtQueryDebugFilterState', () => Status.SUCCESS),
  service('NtGetCurrentProcessorNumber', () => Status.SUCCESS),
];
