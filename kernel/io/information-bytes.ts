import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import { type IoResult, refused } from './io-status.js';

/** A value as 4 bytes. */
export function dword(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

/** A value as 8 bytes, wrapped to 64 bits. */
export function quad(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}

/** The parts one behind the other: fields of a structure that has no holes, or has them as parts of their own. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/**
 * Writes as much of a query's result as fits to a buffer of `length` bytes that was probed. BUFFER_OVERFLOW when it is not
 * everything, the fault's status when the buffer has gone. Environment: PASSIVE_LEVEL in the caller's process.
 */
export function putBytes(kernel: Kernel, buffer: number, length: number, bytes: Uint8Array): IoResult {
  const count = Math.min(length, bytes.length);
  const written = kernel.user.writeBytes(buffer, bytes.subarray(0, count));
  if (written < count) return refused(kernel.user.takeFailure());
  const status = count < bytes.length ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
  return { status, information: count };
}
