import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import { isOfType, type ObjectHeader } from '../ob/object-header.js';
import type { Blocking, NtStatus } from '../types.js';
import { mapAcl, mayAssignOwner } from './assign-security.js';
import { captureSecurityDescriptor } from './capture.js';
import {
  Control,
  controlOf,
  Part,
  partsOf,
  type SecurityDescriptor,
  selfRelativeBytes,
} from './security-descriptor.js';
import { UNPROTECTED } from './system-security.js';

/** SECURITY_INFORMATION bits of NtSetSecurityObject that say whether a list may be inherited. */
const Protect = { DACL: 0x80000000, SACL: 0x40000000, UNPROTECT_DACL: 0x20000000, UNPROTECT_SACL: 0x10000000 } as const;
const NO_PARTS: SecurityDescriptor = { control: 0, owner: null, group: null, dacl: null, sacl: null };

/** Rights that reading parts of a descriptor takes (SeQuerySecurityAccessMask). */
function queryAccess(parts: number): number {
  const readable = (parts & (Part.OWNER | Part.GROUP | Part.DACL)) !== 0;
  return (readable ? Access.READ_CONTROL : 0) | ((parts & Part.SACL) !== 0 ? Access.SYSTEM_SECURITY : 0);
}

/** Rights that changing parts takes (SeSetSecurityAccessMask). */
function setAccess(parts: number): number {
  return (
    ((parts & (Part.OWNER | Part.GROUP)) !== 0 ? Access.WRITE_OWNER : 0) |
    ((parts & Part.DACL) !== 0 ? Access.WRITE_DAC : 0) |
    ((parts & Part.SACL) !== 0 ? Access.SYSTEM_SECURITY : 0)
  );
}

/** The descriptor as its holder sees it: files have that of a file system without security, unprotected objects an empty one. */
function descriptorOf(kernel: Kernel, object: ObjectHeader): SecurityDescriptor {
  if (isOfType(object, kernel.ob.types.file)) return UNPROTECTED;
  return object.securityDescriptor ?? NO_PARTS;
}

/**
 * NtQuerySecurityObject(handle, parts, buffer, length, needed*): a self-relative descriptor with these parts. BUFFER_TOO_SMALL with
 * the length needed, handle statuses; READ_CONTROL, and ACCESS_SYSTEM_SECURITY for the SACL.
 */
function* querySecurityObject(
  kernel: Kernel,
  handle: number,
  parts: number,
  buffer: number,
  length: number,
  neededAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  let status = yield* user.probeForWrite(neededAddress, 4, 4);
  if (isSuccess(status)) status = yield* user.probeForWrite(buffer, length, 4);
  if (!isSuccess(status)) return status;
  const found = ob.peekObjectByHandle(handle, null, queryAccess(parts));
  if (found.object === null) return found.status;
  const bytes = selfRelativeBytes(partsOf(descriptorOf(kernel, found.object), parts));
  user.write32(neededAddress, bytes.length);
  if (length < bytes.length) return Status.BUFFER_TOO_SMALL;
  user.writeBytes(buffer, bytes);
  return Status.SUCCESS;
}

/**
 * NtSetSecurityObject(handle, parts, descriptor*). INVALID_SECURITY_DESCR where a part that is to be set is missing, INVALID_OWNER,
 * NO_SECURITY_ON_OBJECT, ACCESS_VIOLATION without a descriptor, handle and capture statuses; WRITE_OWNER, WRITE_DAC and
 * ACCESS_SYSTEM_SECURITY by part. Handles that exist keep their rights. Files take any and keep none.
 */
function* setSecurityObject(kernel: Kernel, handle: number, parts: number, address: number): Blocking<NtStatus> {
  const { ob } = kernel;
  if (address === 0) return Status.ACCESS_VIOLATION;
  const found = ob.referenceObjectByHandle(handle, null, setAccess(parts));
  if (found.object === null) return found.status;
  const captured = yield* captureSecurityDescriptor(kernel, address);
  const status = captured.value === null ? captured.status : setParts(kernel, found.object, parts, captured.value);
  ob.dereferenceObject(found.object);
  return status;
}

function setParts(kernel: Kernel, object: ObjectHeader, parts: number, wanted: SecurityDescriptor): NtStatus {
  const { ob } = kernel;
  const has = (part: number): boolean => (parts & part) !== 0;
  if (has(Part.OWNER) && wanted.owner === null) return Status.INVALID_SECURITY_DESCR;
  if (has(Part.GROUP) && wanted.group === null) return Status.INVALID_SECURITY_DESCR;
  if (isOfType(object, ob.types.file)) return Status.SUCCESS;
  const present = object.securityDescriptor;
  if (present === null) return Status.NO_SECURITY_ON_OBJECT;
  const token = ob.currentToken();
  if (has(Part.OWNER) && wanted.owner !== null && token !== null && !mayAssignOwner(token, wanted.owner)) {
    return Status.INVALID_OWNER;
  }
  const { mapping } = object.type.description;
  return ob.security.replace(object, {
    control: newControl(present.control, wanted.control, parts),
    owner: has(Part.OWNER) ? wanted.owner : present.owner,
    group: has(Part.GROUP) ? wanted.group : present.group,
    dacl: has(Part.DACL) ? mapAcl(wanted.dacl, mapping) : present.dacl,
    sacl: has(Part.SACL) ? mapAcl(wanted.sacl, mapping) : present.sacl,
  });
}

function newControl(present: number, wanted: number, parts: number): number {
  const replaced = controlOf(parts);
  let control = (present & ~replaced) | (wanted & replaced);
  if ((parts & Protect.DACL) !== 0) control |= Control.DACL_PROTECTED;
  if ((parts & Protect.SACL) !== 0) control |= Control.SACL_PROTECTED;
  if ((parts & Protect.UNPROTECT_DACL) !== 0) control &= ~Control.DACL_PROTECTED;
  if ((parts & Protect.UNPROTECT_SACL) !== 0) control &= ~Control.SACL_PROTECTED;
  return control;
}

export const securityServices: readonly Service[] = [
  service('NtQuerySecurityObject', querySecurityObject),
  service('NtSetSecurityObject', setSecurityObject),
];
