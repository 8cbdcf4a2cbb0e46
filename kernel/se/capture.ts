import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { type AccessControlList, parseAcl } from './acl.js';
import { Control, type SecurityDescriptor } from './security-descriptor.js';
import { parseSid, type SecurityIdentifier, sidLength } from './sid.js';

/** Something of a program's memory, copied into the kernel; null unless the status is a success. */
export interface Captured<Value> {
  readonly status: NtStatus;
  readonly value: Value | null;
}

const HEADER = 20;
const REVISION = 1;

const failed = (status: NtStatus): Captured<never> => ({ status, value: null });

/** A SID of user memory (SeCaptureSid). INVALID_SID, and the statuses of probes. Environment: PASSIVE_LEVEL, may block. */
export function* captureSid(kernel: Kernel, address: number): Blocking<Captured<SecurityIdentifier>> {
  const { user } = kernel;
  let status = yield* user.probeForRead(address, 8);
  if (!isSuccess(status)) return failed(status);
  const length = sidLength(user.read8(address + 1));
  status = yield* user.probeForRead(address, length);
  if (!isSuccess(status)) return failed(status);
  const sid = parseSid(user.readBytes(address, length), 0);
  return sid === null ? failed(Status.INVALID_SID) : { status, value: sid };
}

/** An ACL of user memory (SeCaptureAcl). INVALID_ACL, and the statuses of probes. Environment: PASSIVE_LEVEL, may block. */
export function* captureAcl(kernel: Kernel, address: number): Blocking<Captured<AccessControlList>> {
  const { user } = kernel;
  let status = yield* user.probeForRead(address, 8);
  if (!isSuccess(status)) return failed(status);
  const size = user.read16(address + 2);
  status = yield* user.probeForRead(address, size);
  if (!isSuccess(status)) return failed(status);
  const acl = parseAcl(user.readBytes(address, size));
  return acl === null ? failed(Status.INVALID_ACL) : { status, value: acl };
}

/**
 * A security descriptor of user memory, absolute or self-relative (SeCaptureSecurityDescriptor). UNKNOWN_REVISION, INVALID_SID,
 * INVALID_ACL, and the statuses of probes. Environment: PASSIVE_LEVEL, may block.
 */
export function* captureSecurityDescriptor(kernel: Kernel, address: number): Blocking<Captured<SecurityDescriptor>> {
  const { user } = kernel;
  const status = yield* user.probeForRead(address, HEADER, 4);
  if (!isSuccess(status)) return failed(status);
  if (user.read8(address) !== REVISION) return failed(Status.UNKNOWN_REVISION);
  const control = user.read16(address + 2);
  const base = (control & Control.SELF_RELATIVE) !== 0 ? address : 0;
  const place = (field: number): number => {
    const value = user.read32(address + field);
    return value === 0 ? 0 : (base + value) >>> 0;
  };
  const [ownerAt, groupAt] = [place(0x4), place(0x8)];
  const saclAt = (control & Control.SACL_PRESENT) === 0 ? 0 : place(0xc);
  const daclAt = (control & Control.DACL_PRESENT) === 0 ? 0 : place(0x10);
  const nothing = { status: Status.SUCCESS, value: null };
  const owner = ownerAt === 0 ? nothing : yield* captureSid(kernel, ownerAt);
  if (!isSuccess(owner.status)) return failed(owner.status);
  const group = groupAt === 0 ? nothing : yield* captureSid(kernel, groupAt);
  if (!isSuccess(group.status)) return failed(group.status);
  const sacl = saclAt === 0 ? nothing : yield* captureAcl(kernel, saclAt);
  if (!isSuccess(sacl.status)) return failed(sacl.status);
  const dacl = daclAt === 0 ? nothing : yield* captureAcl(kernel, daclAt);
  if (!isSuccess(dacl.status)) return failed(dacl.status);
  return {
    status,
    value: {
      control: control & ~Control.SELF_RELATIVE,
      owner: owner.value,
      group: group.value,
      sacl: sacl.value,
      dacl: dacl.value,
    },
  };
}
