import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { CreateResult, Disposition } from './create-file.js';
import { CreateOption, FileObject, FileShare } from './file-object.js';
import { insertFile } from './file-services.js';
import { PipeConfiguration } from './pipe.js';

const IO_STATUS_BLOCK_SIZE = 8;
const DEFAULT_QUOTA = 0x1000;
const MAXIMUM_QUOTA = 0x100000;

/** What the sharing of a server says of its clients: who may be written and read. */
const configurations: ReadonlyMap<number, PipeConfiguration> = new Map([
  [FileShare.WRITE, PipeConfiguration.INBOUND],
  [FileShare.READ, PipeConfiguration.OUTBOUND],
  [FileShare.READ | FileShare.WRITE, PipeConfiguration.FULL_DUPLEX],
]);

/**
 * NtCreateNamedPipeFile(handle*, access, attributes*, iosb*, share, disposition, options, type, read mode, completion mode,
 * instances, inbound quota, outbound quota, timeout*): a server's end of a pipe's first or further instance. INVALID_PARAMETER;
 * ACCESS_DENIED where a first instance is asked for or the pipe is of another kind, OBJECT_NAME_NOT_FOUND where a further one is,
 * INSTANCE_NOT_AVAILABLE, INSUFFICIENT_RESOURCES.
 */
function* createNamedPipe(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handleAddress, access, attributesAddress, ioStatusBlock, share, disposition, options] = given;
  const [type, readMode, completionMode, instances, inbound, outbound, timeoutAddress] = given.slice(7);
  const { user, ob, io } = kernel;
  let status = yield* user.probeForWrite(handleAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (isSuccess(status) && timeoutAddress !== 0) status = yield* user.probeForRead(timeoutAddress, 8, 4);
  if (!isSuccess(status)) return status;
  const defaultTimeout = timeoutAddress === 0 ? 0n : BigInt.asIntN(64, user.read64(timeoutAddress));
  if ((options & ~CreateOption.VALID) !== 0 || type > 1 || readMode > 1 || completionMode > 1)
    return Status.INVALID_PARAMETER;
  const configuration = configurations.get(share);
  if (configuration === undefined || defaultTimeout > 0n) return Status.INVALID_PARAMETER;
  const creates: readonly number[] = [Disposition.OPEN, Disposition.CREATE, Disposition.OPEN_IF];
  if (!creates.includes(disposition) || instances === 0 || (readMode === 1 && type === 0))
    return Status.INVALID_PARAMETER;
  if (attributesAddress === 0) return Status.INVALID_PARAMETER;
  const attributes = yield* user.captureObjectAttributes(attributesAddress);
  if (!isSuccess(attributes.status)) return attributes.status;
  const place = ob.lookup(attributes);
  if (place.object === null) return place.status;
  const { body } = place.object;
  const isRelative = body instanceof FileObject && body.device === io.pipes && body.pipe === null;
  if (body !== io.pipes && !isRelative) return Status.OBJECT_TYPE_MISMATCH;
  const name = place.remaining.replace(/^\\/, '');
  const exists = io.pipes.find(name) !== null;
  if (exists && disposition === Disposition.CREATE) return Status.ACCESS_DENIED;
  if (!exists && disposition === Disposition.OPEN) return Status.OBJECT_NAME_NOT_FOUND;
  if (!exists && timeoutAddress === 0) return Status.INVALID_PARAMETER;
  const quota = (asked: number): number => Math.min(asked === 0 ? DEFAULT_QUOTA : asked, MAXIMUM_QUOTA);
  const pipe = io.pipes.create({
    name,
    isMessagePipe: type === 1,
    configuration,
    maximumInstances: instances,
    defaultTimeout,
    inboundQuota: quota(inbound),
    outboundQuota: quota(outbound),
    mode: { readsMessages: readMode === 1, waits: completionMode === 0 },
  });
  if (typeof pipe === 'number') return pipe;
  const file = new FileObject({
    device: io.pipes,
    control: null,
    pipe,
    grantedAccess: ob.types.file.mapAccess(access),
    shareAccess: share,
    createOptions: options & ~CreateOption.DELETE_ON_CLOSE,
  });
  const information = exists ? CreateResult.OPENED : CreateResult.CREATED;
  const call = { handleAddress, ioStatusBlock };
  return insertFile(kernel, { file, status: Status.SUCCESS, information }, attributes.attributes, call);
}

export const pipeServices: readonly Service[] = [service('NtCreateNamedPipeFile', createNamedPipe)];
