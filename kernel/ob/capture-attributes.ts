import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { captureSecurityDescriptor } from '../se/capture.js';
import type { Blocking, NtStatus } from '../types.js';
import type { ObjectAttributes } from './object-header.js';

export interface CapturedAttributes {
  readonly status: NtStatus;
  /** Null when the caller gave no OBJECT_ATTRIBUTES. */
  readonly attributes: ObjectAttributes | null;
}

/**
 * Captures OBJECT_ATTRIBUTES with name and security descriptor; NULL is allowed. Statuses of the captures.
 * Environment: PASSIVE_LEVEL, may block.
 */
export function* captureAttributes(kernel: Kernel, address: number): Blocking<CapturedAttributes> {
  if (address === 0) return { status: Status.SUCCESS, attributes: null };
  const captured = yield* kernel.user.captureObjectAttributes(address);
  if (!isSuccess(captured.status)) return { status: captured.status, attributes: null };
  const { root, attributes } = captured;
  const name = captured.hasName ? captured.name : null;
  if (captured.securityDescriptorAddress === 0)
    return { status: captured.status, attributes: { root, attributes, name } };
  const security = yield* captureSecurityDescriptor(kernel, captured.securityDescriptorAddress);
  return { status: security.status, attributes: { root, attributes, name, securityDescriptor: security.value } };
}
