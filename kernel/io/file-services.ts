import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import { HandleFlag, ObjectFlag } from '../ob/object-header.js';
import type { Blocking, NtStatus } from '../types.js';
import { type CreateOutcome, type CreateRequest, checkCreateParameters, Disposition } from './create-file.js';
import { CreateOption, type FileObject, FileShare, WRITES } from './file-object.js';
import { cancelPending } from './io-request.js';
import { beginOperation, completeOperation, done, handleArguments } from './io-status.js';
import { flushPipe } from './pipe-transfer.js';

const IO_STATUS_BLOCK_SIZE = 8;

/** What NtCreateFile and NtOpenFile share, addresses as given by the caller. */
interface CreateCall extends Omit<CreateRequest, 'attributes' | 'allocationSize'> {
  readonly handleAddress: number;
  readonly objectAttributes: number;
  readonly ioStatusBlock: number;
  readonly allocationSizeAddress: number;
  readonly eaBuffer: number;
  readonly eaLength: number;
}

function* createCall(kernel: Kernel, call: CreateCall): Blocking<NtStatus> {
  const { user, io } = kernel;
  const checked = checkCreateParameters(call);
  if (!isSuccess(checked)) return checked;
  let status = yield* user.probeForWrite(call.handleAddress, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(call.ioStatusBlock, IO_STATUS_BLOCK_SIZE, 4);
  if (isSuccess(status) && call.allocationSizeAddress !== 0) {
    status = yield* user.probeForRead(call.allocationSizeAddress, 8, 4);
  }
  if (isSuccess(status)) status = yield* user.probeForRead(call.eaBuffer, call.eaBuffer === 0 ? 0 : call.eaLength, 4);
  if (!isSuccess(status)) return status;
  const allocation = call.allocationSizeAddress === 0 ? 0n : user.read64(call.allocationSizeAddress);
  if (BigInt.asIntN(64, allocation) < 0n) return Status.INVALID_PARAMETER;
  const attributes = yield* user.captureNameToOpen(call.objectAttributes);
  if (!isSuccess(attributes.status)) return attributes.status;
  const { desiredAccess, fileAttributes, shareAccess, disposition, options } = call;
  const allocationSize = Number(allocation);
  const request = { attributes, desiredAccess, allocationSize, fileAttributes, shareAccess, disposition, options };
  const hasExtendedAttributes = call.eaBuffer !== 0 && call.eaLength !== 0;
  const outcome = io.createFile({ ...request, hasExtendedAttributes });
  if (outcome.file === null) return outcome.status;
  return insertFile(kernel, { ...outcome, file: outcome.file }, attributes.attributes, call);
}

/** The end of every way to open a file: object, handle, results. */
export function insertFile(
  kernel: Kernel,
  outcome: CreateOutcome & { readonly file: FileObject },
  attributes: number,
  call: { readonly handleAddress: number; readonly ioStatusBlock: number },
): NtStatus {
  const { user, ob, io } = kernel;
  const created = ob.createObject(ob.types.file, outcome.file);
  if (created.object === null) {
    io.abandon(outcome.file);
    return created.status;
  }
  const flags = (attributes & ObjectFlag.INHERIT) !== 0 ? HandleFlag.INHERIT : 0;
  const owner = kernel.ke.currentProcess.executive;
  const inserted =
    owner === null
      ? { status: Status.UNSUCCESSFUL, handle: 0 }
      : ob.insertHandle(owner, created.object, outcome.file.grantedAccess, flags);
  if (!isSuccess(inserted.status)) io.closeUnreferenced(outcome.file);
  ob.dereferenceObject(created.object);
  if (!isSuccess(inserted.status)) return inserted.status;
  user.write32(call.handleAddress, inserted.handle);
  user.write32(call.ioStatusBlock, outcome.status);
  user.write32(call.ioStatusBlock + 4, outcome.information);
  user.clearFailure();
  return outcome.status;
}

function* deleteFile(kernel: Kernel, objectAttributes: number): Blocking<NtStatus> {
  const attributes = yield* kernel.user.captureNameToOpen(objectAttributes);
  if (!isSuccess(attributes.status)) return attributes.status;
  const outcome = kernel.io.createFile({
    attributes,
    desiredAccess: Access.DELETE,
    allocationSize: 0,
    fileAttributes: 0,
    shareAccess: FileShare.VALID,
    disposition: Disposition.OPEN,
    options: CreateOption.DELETE_ON_CLOSE,
  });
  if (outcome.file === null) return outcome.status;
  const { control } = outcome.file;
  const status = control === null ? Status.INVALID_DEVICE_REQUEST : control.deletionStatus();
  if (!isSuccess(status)) outcome.file.deleteOnClose = false;
  kernel.io.abandon(outcome.file);
  return status;
}

function* flushBuffers(kernel: Kernel, file: number, ioStatusBlock: number): Blocking<NtStatus> {
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), { access: { anyOf: WRITES } });
  if (typeof operation === 'number') return operation;
  const { control, device, pipe } = operation.file;
  if (pipe !== null) return yield* flushPipe(kernel, operation, pipe);
  if (device.kind === 'console' || device.kind === 'stream') device.host.flush();
  let status: NtStatus = control === null ? Status.SUCCESS : kernel.cc.flush(control);
  if (control !== null && isSuccess(status)) status = control.flush();
  return completeOperation(kernel, operation, { status, information: 0 });
}

/** Ends what the calling thread has pending on the file. */
function* cancelIo(kernel: Kernel, file: number, ioStatusBlock: number): Blocking<NtStatus> {
  const operation = yield* beginOperation(kernel, handleArguments(file, ioStatusBlock), { access: 0 });
  if (typeof operation === 'number') return operation;
  const thread = kernel.ke.currentThread.executive;
  if (thread !== null) cancelPending(kernel, thread, operation.file);
  return completeOperation(kernel, operation, done(0));
}

export const fileServices: readonly Service[] = [
  service('NtCreateFile', (kernel, ...given) =>
    createCall(kernel, {
      handleAddress: given[0],
      desiredAccess: given[1],
      objectAttributes: given[2],
      ioStatusBlock: given[3],
      allocationSizeAddress: given[4],
      fileAttributes: given[5],
      shareAccess: given[6],
      disposition: given[7],
      options: given[8],
      eaBuffer: given[9],
      eaLength: given[10],
    }),
  ),
  service('NtOpenFile', (kernel, handle, desiredAccess, objectAttributes, ioStatusBlock, shareAccess, options) =>
    createCall(kernel, {
      handleAddress: handle,
      desiredAccess,
      objectAttributes,
      ioStatusBlock,
      allocationSizeAddress: 0,
      fileAttributes: 0,
      shareAccess,
      disposition: Disposition.OPEN,
      options,
      eaBuffer: 0,
      eaLength: 0,
    }),
  ),
  service('NtDeleteFile', deleteFile),
  service('NtFlushBuffersFile', flushBuffers),
  service('NtCancelIoFile', cancelIo),
];
