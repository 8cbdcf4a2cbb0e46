import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { CreateResult, Disposition } from './create-file.js';
import { CreateOption, FileObject, FileShare } from './file-object.js';
import { insertFile } from './file-services.js';

const IO_STATUS_BLOCK_SIZE = 8;
const DEFAULT_QUOTA = 0x1000;
const MAXIMUM_QUOTA = 0x100000;

/**
 * NtCreateNamedPipeFile(handle*, access, attributes*, iosb*, share, disposition, options, type, read mode, completion mode,
 * instances, inbound quota, outbound quota, timeout*). Byte pipes of one blocking, synchronous instance; NOT_IMPLEMENTED for messages,
 * several instances, non-blocking and asynchronous ones.
 */
function* createNamedPipe(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handleAddress, access, attributesAddress, ioStatusBlock, share, disposition, options] = given;
  const [type, readMode, completionMode, instances, inbound, outbound] = given.slice(7);
  const { user, ob, io } = kernel;
  let status = yield* user.probeForWrite(handleAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (!isSuccess(status)) return status;
  if ((options & ~CreateOption.VALID) !== 0 || type > 1 || readMode > 1 || completionMode > 1)
    return Status.INVALID_PARAMETER;
  const shares = share & FileShare.VALID;
  if (shares !== share || shares === 0 || (share & FileShare.DELETE) !== 0) return Status.INVALID_PARAMETER;
  if (disposition > Disposition.OPEN_IF || instances === 0 || (readMode === 1 && type === 0))
    return Status.INVALID_PARAMETER;
  if (attributesAddress === 0) return Status.INVALID_PARAMETER;
  const attributes = yield* user.captureObjectAttributes(attributesAddress);
  if (!isSuccess(attributes.status)) return attributes.status;
  if (type !== 0 || completionMode !== 0 || instances !== 1 || disposition === Disposition.OPEN)
    return Status.NOT_IMPLEMENTED;
  if ((options & CreateOption.SYNCHRONOUS_IO_NONALERT) === 0) return Status.NOT_IMPLEMENTED;
  const place = ob.lookup(attributes);
  if (place.object === null) return place.status;
  if (place.object.body !== io.pipes) return Status.OBJECT_TYPE_MISMATCH;
  const quota = (asked: number): number => Math.min(asked === 0 ? DEFAULT_QUOTA : asked, MAXIMUM_QUOTA);
  const pipe = io.pipes.create(place.remaining.replace(/^\\/, ''), quota(inbound), quota(outbound));
  if (typeof pipe === 'number') return pipe;
  const grantedAccess = ob.types.file.mapAccess(access);
  const file = new FileObject({
    device: io.pipes,
    control: null,
    pipe,
    grantedAccess,
    shareAccess: share,
    createOptions: options & ~CreateOption.DELETE_ON_CLOSE,
  });
  return insertFile(
    kernel,
    { file, status: Status.SUCCESS, information: CreateResult.CREATED },
    attributes.attributes,
    {
      handleAddress,
      ioStatusBlock,
    },
  );
}

export const pipeServices: readonly Service[] = [service('NtCreateNamedPipeFile', createNamedPipe)];
