import { PoolType } from '../ex/pool.js';
import { KSemaphore } from '../ke/dispatcher-object.js';
import { captureTimeout, createObjectService, openObjectService, queryObjectService } from '../ke/object-service.js';
import { type Service, service } from '../ke/service.js';
import { Mode, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import { currentPayer } from '../ps/quota.js';
import type { Blocking, NtStatus } from '../types.js';

const MODIFY_STATE = 2;
const PACKET_SIZE = 0x18;
const TAG = 'Icp ';
const MAXIMUM_PACKETS = 0x7fffffff;

/** IO_MINI_COMPLETION_PACKET: what one removal gives. */
interface CompletionPacket {
  readonly key: number;
  readonly apcContext: number;
  readonly status: number;
  readonly information: number;
  readonly poolAddress: number;
}

/** What a packet says, before it has its block in pool. */
export type Completion = Omit<CompletionPacket, 'poolAddress'>;

/** Body of an IoCompletion object: packets of ended operations, in the order in which they came, and threads that wait for one. */
export class IoCompletion {
  /** As many as there are packets; only NtRemoveIoCompletion waits for it. */
  readonly available = new KSemaphore(0, MAXIMUM_PACKETS);
  readonly packets: CompletionPacket[] = [];
}

/** A file's port, and the key that its packets carry (IO_COMPLETION_CONTEXT). */
export interface CompletionContext {
  readonly port: ObjectHeader<IoCompletion>;
  readonly key: number;
}

/** IoSetIoCompletion: adds a packet and wakes a thread. INSUFFICIENT_RESOURCES, for want of quota too. Environment: any; does not wait. */
export function postCompletion(kernel: Kernel, port: IoCompletion, completion: Completion): NtStatus {
  const payer = currentPayer(kernel);
  const { address: poolAddress } = kernel.ex.pool.allocateWithQuota(payer, PoolType.NonPaged, PACKET_SIZE, TAG);
  if (poolAddress === 0) return Status.INSUFFICIENT_RESOURCES;
  port.packets.push({ ...completion, poolAddress });
  kernel.ke.releaseSemaphore(port.available, 0, 1);
  return Status.SUCCESS;
}

/** The object is deleted: what nobody has taken is lost. */
export function deletePackets(kernel: Kernel, port: IoCompletion): void {
  for (const packet of port.packets.splice(0)) kernel.ex.pool.free(packet.poolAddress);
}

/** NtSetIoCompletion(port, key, APC context, status, information): a packet that no operation has made. */
function setIoCompletion(
  kernel: Kernel,
  handle: number,
  key: number,
  apcContext: number,
  status: number,
  information: number,
): NtStatus {
  const { ob } = kernel;
  const found = ob.peekObjectByHandle(handle, ob.types.ioCompletion, MODIFY_STATE);
  if (found.object === null) return found.status;
  return postCompletion(kernel, found.object.body, { key, apcContext, status, information });
}

/** NtRemoveIoCompletion(port, key*, APC context*, IO_STATUS_BLOCK*, timeout*): TIMEOUT, USER_APC when the wait was interrupted. */
function* removeIoCompletion(
  kernel: Kernel,
  handle: number,
  keyAddress: number,
  contextAddress: number,
  ioStatusBlock: number,
  timeoutAddress: number,
): Blocking<NtStatus> {
  const { user, ob, ke } = kernel;
  let status = yield* user.probeForWrite(keyAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(contextAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(ioStatusBlock, 8, 4);
  if (!isSuccess(status)) return status;
  const captured = yield* captureTimeout(kernel, timeoutAddress);
  if (!isSuccess(captured.status)) return captured.status;
  const found = ob.referenceObjectByHandle(handle, ob.types.ioCompletion, MODIFY_STATE);
  if (found.object === null) return found.status;
  const port = found.object.body;
  status = yield* ke.waitForSingleObject(port.available, WaitReason.Queue, Mode.User, false, captured.timeout);
  const packet = status === Status.SUCCESS ? port.packets.shift() : undefined;
  ob.dereferenceObject(found.object);
  if (packet === undefined) return status;
  kernel.ex.pool.free(packet.poolAddress);
  user.write32(keyAddress, packet.key);
  user.write32(contextAddress, packet.apcContext);
  user.write32(ioStatusBlock, packet.status);
  user.write32(ioStatusBlock + 4, packet.information);
  user.clearFailure();
  return Status.SUCCESS;
}

/** I/O completion ports. */
export const ioCompletionServices: readonly Service[] = [
  service('NtCreateIoCompletion', (kernel, handleAddress, access, attributes) =>
    createObjectService(
      kernel,
      kernel.ob.types.ioCompletion,
      handleAddress,
      access,
      attributes,
      () => new IoCompletion(),
    ),
  ),
  service('NtOpenIoCompletion', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.ioCompletion, handleAddress, access, attributes),
  ),
  queryObjectService(
    'NtQueryIoCompletion',
    ({ ioCompletion }) => ioCompletion,
    4,
    ({ packets }) => [packets.length],
  ),
  service('NtSetIoCompletion', setIoCompletion),
  service('NtRemoveIoCompletion', removeIoCompletion),
];
