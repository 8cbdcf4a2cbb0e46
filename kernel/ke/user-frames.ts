import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import type { Apc } from './apc-state.js';
import { CONTEXT_SIZE, ContextFlag, contextFromFrame } from './context.js';
import { Selector } from './descriptor-tables.js';
import type { ExceptionRecord, UserDispatchers } from './kernel-executive.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

export const EXCEPTION_MAXIMUM_PARAMETERS = 15;
const RECORD_HEADER_WORDS = 5;
const TEB_EXCEPTION_CODE = 0x1a4;
/** NormalRoutine, NormalContext, SystemArgument1 and 2 below the CONTEXT of a user APC. */
const APC_RECORD_SIZE = 0x10;
/** Room for the dispatcher's exception registration above the CONTEXT. */
const SEH_FRAME_SIZE = 8;
const POINTERS_SIZE = 8;

/** Largest frame: pointers, a whole record, a CONTEXT. */
const SCRATCH_SIZE = 0x400;

/** Where a frame is put together before it is written; used between two yields only. */
export class FrameScratch {
  readonly words = new Int32Array(SCRATCH_SIZE / 4);
  readonly bytes = new Uint8Array(this.words.buffer);
}

/** Writes an EXCEPTION_RECORD without its unused parameters at a word index. */
function writeRecord(words: Int32Array, at: number, record: ExceptionRecord, count: number): void {
  words[at] = record.code;
  words[at + 1] = record.flags;
  words[at + 2] = 0;
  words[at + 3] = record.address;
  words[at + 4] = count;
  for (let index = 0; index < count; index++) words[at + RECORD_HEADER_WORDS + index] = record.parameters[index];
}

/** Writes a block below the user stack pointer, probing first. May block. */
function* writeUser(kernel: Kernel, address: number, bytes: Uint8Array): Blocking<NtStatus> {
  const status = yield* kernel.user.probeForWrite(address, bytes.length);
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
  scratch: FrameScratch,
): Blocking<NtStatus> {
  if (dispatchers.userExceptionDispatcher === 0) return Status.NOT_FOUND;
  const count = Math.min(record.parameters.length, EXCEPTION_MAXIMUM_PARAMETERS);
  const recordSize = (RECORD_HEADER_WORDS + count) * 4;
  const contextAddress = ((frame.get(TrapFrameField.Esp) & ~3) - CONTEXT_SIZE) >>> 0;
  const recordAddress = (contextAddress - recordSize) >>> 0;
  const base = (recordAddress - POINTERS_SIZE) >>> 0;
  const size = POINTERS_SIZE + recordSize + CONTEXT_SIZE;
  const status = yield* kernel.user.probeForWrite(base, size);
  if (!isSuccess(status)) return status;
  const { bytes, words } = scratch;
  words[0] = recordAddress;
  words[1] = contextAddress;
  writeRecord(words, POINTERS_SIZE / 4, record, count);
  contextFromFrame(frame, kernel.memory.words, ContextFlag.ALL, words, (POINTERS_SIZE + recordSize) / 4);
  kernel.user.writeBytes(base, bytes.subarray(0, size));
  sendTo(frame, dispatchers.userExceptionDispatcher, base);
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
  scratch: FrameScratch,
): Blocking<NtStatus> {
  if (dispatchers.userApcDispatcher === 0 || typeof apc.normalRoutine !== 'number') return Status.NOT_FOUND;
  const top = (frame.get(TrapFrameField.Esp) & ~3) - SEH_FRAME_SIZE;
  const base = (top - CONTEXT_SIZE - APC_RECORD_SIZE) >>> 0;
  const size = APC_RECORD_SIZE + CONTEXT_SIZE;
  const status = yield* kernel.user.probeForWrite(base, size);
  if (!isSuccess(status)) return status;
  const { bytes, words } = scratch;
  words[0] = apc.normalRoutine;
  words[1] = apc.contextAsNormalContext ? base + APC_RECORD_SIZE : apc.normalContext;
  words[2] = apc.argument1;
  words[3] = apc.argument2;
  contextFromFrame(frame, kernel.memory.words, ContextFlag.ALL, words, APC_RECORD_SIZE / 4);
  kernel.user.writeBytes(base, bytes.subarray(0, size));
  sendTo(frame, dispatchers.userApcDispatcher, base);
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
