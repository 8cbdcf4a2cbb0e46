import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { CreateResult, checkCreateParameters, Disposition } from './create-file.js';
import { CreateOption, FileObject, FileShare } from './file-object.js';
import { insertFile } from './file-services.js';
import { PipeConfiguration } from './pipe.js';

const IO_STATUS_BLOCK_SIZE = 8;
const DEFAULT_QUOTA = 0x1000;
const MAXIMUM_QUOTA = 0x100000;

/** FILE_VALID_PIPE_OPTION_FLAGS. */
const VALID_OPTIONS =
  CreateOption.WRITE_THROUGH | CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
const dispositions: readonly number[] = [Disposition.OPEN, Disposition.CREATE, Disposition.OPEN_IF];

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
  let status = timeoutAddress === 0 ? Status.SUCCESS : yield* user.probeForRead(timeoutAddress, 8, 4);
  if (!isSuccess(status)) return status;
  const defaultTimeout = timeoutAddress === 0 ? 0n : BigInt.asIntN(64, user.read64(timeoutAddress));
  const request = { desiredAccess: access, fileAttributes: 0, shareAccess: share, disposition, options };
  status = checkCreateParameters(request);
  if (!isSuccess(status)) return status;
  const isDeletable = (share & FileShare.DELETE) !== 0;
  if (isDeletable || !dispositions.includes(disposition) || (options & ~VALID_OPTIONS) !== 0)
    return Status.INVALID_PARAMETER;
  if (type > 1 || readMode > type || completionMode > 1) return Status.INVALID_PARAMETER;
  status = yield* user.probeForWrite(handleAddress, 4, 1);
  if (isSuccess(status)) status = yield* user.probeForWrite(ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (!isSuccess(status)) return status;
  const attributes = yield* user.captureNameToOpen(attributesAddress);
  if (!isSuccess(attributes.status)) return attributes.status;
  const place = ob.lookup(attributes);
  if (place.object === null) return place.status;
  const { body } = place.object;
  const isRelative = body instanceof FileObject && body.device === io.pipes && body.pipe === null;
  if (body !== io.pipes && !isRelative) return Status.OBJECT_TYPE_MISMATCH;
  const configuration = configurations.get(share);
  if (configuration === undefined || defaultTimeout > 0n || instances === 0) return Status.INVALID_PARAMETER;
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
    createOptions: options,
  });
  const information = exists ? CreateResult.OPENED : CreateResult.CREATED;
  const call = { handleAddress, ioStatusBlock };
  return insertFile(kernel, { file, status: Status.SUCCESS, information }, attributes.attributes, call);
}

export const pipeServices: readonly Service[] = [service('NtCreateNamedPipeFile', createNamedPipe)];
