import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { Apc } from './apc-state.js';
import { CONTEXT_SIZE, ContextFlag, contextFromFrame } from './context.js';
import { Selector } from './descriptor-tables.js';
import type { ExceptionRecord, UserDispatchers } from './kernel-executive.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

export const EXCEPTION_MAXIMUM_PARAMETERS = 15;
export const EXCEPTION_RECORD_SIZE = 0x50;
const EXCEPTION_RECORD_HEADER = 0x14;
const TEB_EXCEPTION_CODE = 0x1a4;
/** NormalRoutine, NormalContext, SystemArgument1 and 2 below the CONTEXT of a user APC. */
const APC_RECORD_SIZE = 0x10;
/** Room for the dispatcher's exception registration above the CONTEXT. */
const SEH_FRAME_SIZE = 8;
const POINTERS_SIZE = 8;

/** EXCEPTION_RECORD bytes, without unused parameters. */
export function exceptionRecordBytes(record: ExceptionRecord): Uint8Array {
  const count = Math.min(record.parameters.length, EXCEPTION_MAXIMUM_PARAMETERS);
  const bytes = new Uint8Array(EXCEPTION_RECORD_HEADER + count * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, record.code, true);
  view.setUint32(0x04, record.flags >>> 0, true);
  view.setUint32(0x0c, record.address >>> 0, true);
  view.setUint32(0x10, count, true);
  for (let index = 0; index < count; index++) view.setUint32(0x14 + index * 4, record.parameters[index] >>> 0, true);
  return bytes;
}

/** Writes a block below the user stack pointer, probing first. May block. */
function* writeUser(kernel: Kernel, address: number, bytes: Uint8Array): Blocking<NtStatus> {
  const status = yield* kernel.user.probeForWrite(address, bytes.length, 4);
  if (!isSuccess(status)) return status;
  kernel.user.writeBytes(address, bytes);
  return Status.SUCCESS;
}

function sendTo(frame: TrapFrame, eip: number, esp: number): void {
  frame.set(TrapFrameField.Eip, eip);
  frame.set(TrapFrameField.Esp, esp);
  frame.set(TrapFrameField.Cs, Selector.UserCode);
  frame.set(TrapFrameField.Ss, Selector.UserData);
  frame.set(TrapFrameField.Ds, Selector.UserData);
  frame.set(TrapFrameField.Es, Selector.UserData);
  frame.set(TrapFrameField.Fs, Selector.UserTeb);
}

/**
 * Puts the frames of an exception on the user stack and sends the thread to KiUserExceptionDispatcher. From low to high:
 * pointer to the record, pointer to the CONTEXT, record, CONTEXT. The status is a failure when the stack cannot take
 * them, and then nothing has changed.
 */
export function* pushException(
  kernel: Kernel,
  frame: TrapFrame,
  dispatchers: UserDispatchers,
  record: ExceptionRecord,
): Blocking<NtStatus> {
  if (dispatchers.userExceptionDispatcher === 0) return Status.NOT_FOUND;
  const context = contextFromFrame(frame, kernel.memory.view, ContextFlag.ALL);
  const recordBytes = exceptionRecordBytes(record);
  const contextAddress = ((frame.get(TrapFrameField.Esp) & ~3) - CONTEXT_SIZE) >>> 0;
  const recordAddress = (contextAddress - recordBytes.length) >>> 0;
  const base = (recordAddress - POINTERS_SIZE) >>> 0;
  const bytes = new Uint8Array(contextAddress + CONTEXT_SIZE - base);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, recordAddress, true);
  view.setUint32(4, contextAddress, true);
  bytes.set(recordBytes, POINTERS_SIZE);
  bytes.set(context, contextAddress - base);
  const status = yield* writeUser(kernel, base, bytes);
  if (isSuccess(status)) sendTo(frame, dispatchers.userExceptionDispatcher, base);
  return status;
}

/**
 * Puts the frame of a user APC on the user stack and sends the thread to KiUserApcDispatcher (KiInitializeUserApc).
 * From low to high: NormalRoutine, NormalContext, two arguments, CONTEXT. Fails as pushException does.
 */
export function* pushUserApc(
  kernel: Kernel,
  frame: TrapFrame,
  dispatchers: UserDispatchers,
  apc: Apc,
): Blocking<NtStatus> {
  if (dispatchers.userApcDispatcher === 0 || typeof apc.normalRoutine !== 'number') return Status.NOT_FOUND;
  const context = contextFromFrame(frame, kernel.memory.view, ContextFlag.ALL);
  const top = (frame.get(TrapFrameField.Esp) & ~3) - SEH_FRAME_SIZE;
  const base = (top - CONTEXT_SIZE - APC_RECORD_SIZE) >>> 0;
  const bytes = new Uint8Array(APC_RECORD_SIZE + CONTEXT_SIZE);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, apc.normalRoutine >>> 0, true);
  const contextAddress = (base + APC_RECORD_SIZE) >>> 0;
  view.setUint32(4, apc.contextAsNormalContext ? contextAddress : apc.normalContext >>> 0, true);
  view.setUint32(8, apc.argument1 >>> 0, true);
  view.setUint32(12, apc.argument2 >>> 0, true);
  bytes.set(context, APC_RECORD_SIZE);
  const status = yield* writeUser(kernel, base, bytes);
  if (isSuccess(status)) sendTo(frame, dispatchers.userApcDispatcher, base);
  return status;
}

/**
 * The service's caller shall see a status as an exception (KeRaiseUserException): TEB.ExceptionCode holds it and the
 * thread goes to KiRaiseUserExceptionDispatcher as if it had been called. Does nothing when TEB or stack cannot be written.
 */
export function* pushUserStatus(
  kernel: Kernel,
  frame: TrapFrame,
  dispatchers: UserDispatchers,
  teb: number,
  code: NtStatus,
): Blocking<NtStatus> {
  if (dispatchers.raiseUserExceptionDispatcher === 0 || teb === 0) return Status.NOT_FOUND;
  const word = new Uint8Array(4);
  const view = new DataView(word.buffer);
  view.setUint32(0, code, true);
  const written = yield* writeUser(kernel, teb + TEB_EXCEPTION_CODE, word);
  if (!isSuccess(written)) return written;
  const esp = (frame.get(TrapFrameField.Esp) - 4) >>> 0;
  view.setInt32(0, frame.get(TrapFrameField.Eip), true);
  const status = yield* writeUser(kernel, esp, word);
  if (isSuccess(status)) sendTo(frame, dispatchers.raiseUserExceptionDispatcher, esp);
  return status;
}
