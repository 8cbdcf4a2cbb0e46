import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { ConsoleChannel } from './console-device.js';
import type { FileObject } from './file-object.js';
import { concatenate, dword } from './information-bytes.js';
import { type PipeEnd, PipeState } from './pipe.js';
import type { StreamDevice } from './stream-device.js';

/** FILE_PIPE_INBOUND, FILE_PIPE_OUTBOUND, and the quota that standard streams of the host are said to have. */
const STREAM_INBOUND = 0;
const STREAM_OUTBOUND = 1;
const STREAM_QUOTA = 0x1000;

/** FILE_PIPE_INFORMATION: read mode 1 for messages, completion mode 1 for operations that do not wait. */
export function pipeInformation({ pipe }: FileObject): Uint8Array | NtStatus {
  if (pipe === null) return Status.INVALID_PARAMETER;
  return concatenate([dword(pipe.mode.readsMessages ? 1 : 0), dword(pipe.mode.waits ? 0 : 1)]);
}

/** INVALID_PARAMETER for messages of a byte pipe, PIPE_BUSY while somebody waits at this end. */
export function setPipeInformation({ pipe }: FileObject, view: DataView): NtStatus {
  if (pipe === null) return Status.INVALID_DEVICE_REQUEST;
  const [readMode, completionMode] = [view.getUint32(0, true), view.getUint32(4, true)];
  if (readMode > 1 || completionMode > 1) return Status.INVALID_PARAMETER;
  if (readMode === 1 && !pipe.instance.pipe.isMessagePipe) return Status.INVALID_PARAMETER;
  const waits = completionMode === 0;
  if (pipe.mode.waits && !waits && (pipe.reads.hasReads || pipe.writes.hasStalledWrites)) return Status.PIPE_BUSY;
  pipe.mode = { readsMessages: readMode === 1, waits };
  return Status.SUCCESS;
}

/** FILE_PIPE_LOCAL_INFORMATION of a pipe, or of a standard stream of the host that is one. */
export function* pipeLocalInformation(
  kernel: Kernel,
  { device, channel, pipe }: FileObject,
): Blocking<Uint8Array | NtStatus> {
  if (pipe !== null) return concatenate(localFields(pipe).map(dword));
  if (device.kind !== 'stream') return Status.INVALID_PARAMETER;
  return concatenate((yield* streamFields(kernel, device, channel)).map(dword));
}

function localFields(end: PipeEnd): readonly number[] {
  const { pipe, inbound, outbound } = end.instance;
  return [
    pipe.isMessagePipe ? 1 : 0,
    pipe.configuration,
    pipe.maximumInstances,
    pipe.instances.length,
    inbound.quota,
    end.reads.length,
    outbound.quota,
    end.writes.room,
    end.state,
    end.isServer ? 1 : 0,
  ];
}

/** Byte mode, one instance, what waits to be read. At the end of input it is closing. */
function* streamFields(kernel: Kernel, device: StreamDevice, channel: ConsoleChannel): Blocking<readonly number[]> {
  const reads = channel === ConsoleChannel.Input;
  const ahead = reads ? yield* device.peek(kernel.ke) : null;
  const state = reads && ahead === null ? PipeState.CLOSING : PipeState.CONNECTED;
  const configuration = reads ? STREAM_INBOUND : STREAM_OUTBOUND;
  const [inQuota, outQuota] = reads ? [STREAM_QUOTA, 0] : [0, STREAM_QUOTA];
  return [0, configuration, 1, 1, inQuota, ahead?.length ?? 0, outQuota, outQuota, state, 0];
}
