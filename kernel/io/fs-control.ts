import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { ConsoleChannel } from './console-device.js';
import { concatenate, dword, putBytes } from './information-bytes.js';
import { countOperation } from './io-counters.js';
import type { UserBuffer } from './io-request.js';
import {
  beginOperation,
  completeOperation,
  controlAccess,
  controlBuffers,
  type IoOperation,
  type IoResult,
  refused,
} from './io-status.js';
import { PipeState } from './pipe.js';
import { controlPipe, PEEK_HEADER, PipeControl } from './pipe-control.js';

/**
 * NtFsControlFile(file, event, apc, context, iosb, code, input, input length, output, output length): the codes of pipes.
 * INVALID_DEVICE_REQUEST for all others and for other files, but FSCTL_PIPE_PEEK on standard input that is a pipe: PIPE_BROKEN
 * at its end, INVALID_PARAMETER for a buffer below 16 bytes.
 */
function* fsControl(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, code] = given;
  const [output, input] = controlBuffers(given);
  const operation = yield* beginOperation(
    kernel,
    { file, event, apcRoutine, apcContext, ioStatusBlock },
    { access: controlAccess(code), ranges: controlBuffers(given) },
  );
  if (typeof operation === 'number') return operation;
  countOperation(kernel, 'other', 0);
  if (operation.file.device.kind === 'pipe') {
    return yield* controlPipe(kernel, { operation, code, input, output });
  }
  const result =
    code === PipeControl.PEEK ? yield* peekStream(kernel, operation, output) : refused(Status.INVALID_DEVICE_REQUEST);
  return completeOperation(kernel, operation, result);
}

function* peekStream(kernel: Kernel, { file }: IoOperation, { address, length }: UserBuffer): Blocking<IoResult> {
  const { device, channel } = file;
  if (device.kind !== 'stream' || channel !== ConsoleChannel.Input) return refused(Status.INVALID_DEVICE_REQUEST);
  if (length < PEEK_HEADER) return refused(Status.INVALID_PARAMETER);
  const ahead = yield* device.peek(kernel.ke);
  if (ahead === null) return refused(Status.PIPE_BROKEN);
  const header = [PipeState.CONNECTED, ahead.length, 0, 0].map(dword);
  return putBytes(kernel, address, length, concatenate([...header, ahead.subarray(0, length - PEEK_HEADER)]));
}

export const fsControlServices: readonly Service[] = [service('NtFsControlFile', fsControl)];
