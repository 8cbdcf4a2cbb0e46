import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
import type { ObjectTypeEntry } from './access-check-by-type.js';
import { GUID_SIZE, guidAt } from './acl.js';
import { type Captured, captureSid } from './capture.js';
import type { TokenGroup, TokenPrivilege } from './token.js';

/** More of them than there are privileges, and than a token may have groups. */
const MAXIMUM_PRIVILEGES = 0x3c;
const MAXIMUM_GROUPS = 0x1000;
/** No privilege has an identifier with a high part; this one stands for all of those. */
const NO_PRIVILEGE = -1;

/** TOKEN_PRIVILEGES of user memory. INVALID_PARAMETER for too many, and the statuses of probes. */
export function* capturePrivileges(kernel: Kernel, address: number): Blocking<Captured<TokenPrivilege[]>> {
  const { user } = kernel;
  const status = yield* user.probeForRead(address, 4, 4);
  if (!isSuccess(status)) return { status, value: null };
  return yield* capturePrivilegeArray(kernel, address + 4, user.read32(address));
}

/** LUID_AND_ATTRIBUTES entries of 12 bytes. */
export function* capturePrivilegeArray(
  kernel: Kernel,
  address: number,
  count: number,
): Blocking<Captured<TokenPrivilege[]>> {
  const { user } = kernel;
  if (count > MAXIMUM_PRIVILEGES) return { status: Status.INVALID_PARAMETER, value: null };
  const status = yield* user.probeForRead(address, count * 12, 4);
  if (!isSuccess(status)) return { status, value: null };
  const value = Array.from({ length: count }, (_, index) => {
    const at = address + index * 12;
    const luid = user.read32(at + 4) === 0 ? user.read32(at) : NO_PRIVILEGE;
    return { luid, attributes: user.read32(at + 8) };
  });
  return { status, value };
}

/** TOKEN_GROUPS of user memory with their SIDs. INVALID_PARAMETER for too many, INVALID_SID, and the statuses of probes. */
export function* captureGroups(kernel: Kernel, address: number): Blocking<Captured<TokenGroup[]>> {
  const { user } = kernel;
  let status = yield* user.probeForRead(address, 4, 4);
  if (!isSuccess(status)) return { status, value: null };
  const count = user.read32(address);
  if (count > MAXIMUM_GROUPS) return { status: Status.INVALID_PARAMETER, value: null };
  status = yield* user.probeForRead(address + 4, count * 8, 4);
  if (!isSuccess(status)) return { status, value: null };
  const places = Array.from({ length: count }, (_, index) => ({
    sid: user.read32(address + 4 + index * 8),
    attributes: user.read32(address + 8 + index * 8),
  }));
  const value: TokenGroup[] = [];
  for (const place of places) {
    const sid = yield* captureSid(kernel, place.sid);
    if (sid.value === null) return { status: sid.status, value: null };
    value.push({ sid: sid.value, attributes: place.attributes });
  }
  return { status, value };
}

/** As many as anybody asks about at once. */
export const MAXIMUM_TYPES = 0x400;
const MAXIMUM_LEVEL = 4;
const OBJECT_TYPE_LIST_SIZE = 8;

/**
 * OBJECT_TYPE_LIST entries {level, zero, GUID*} (SeCaptureObjectTypeList): one object at level 0, everything else below it and no more
 * than a level deeper than the entry before. INVALID_PARAMETER, and the statuses of probes.
 */
export function* captureObjectTypes(
  kernel: Kernel,
  address: number,
  count: number,
): Blocking<Captured<ObjectTypeEntry[]>> {
  const { user } = kernel;
  if (count === 0) return { status: Status.SUCCESS, value: [] };
  if (address === 0 || count > MAXIMUM_TYPES) return { status: Status.INVALID_PARAMETER, value: null };
  let status = yield* user.probeForRead(address, count * OBJECT_TYPE_LIST_SIZE, 4);
  if (!isSuccess(status)) return { status, value: null };
  const places = Array.from({ length: count }, (_, index) => ({
    level: user.read16(address + index * OBJECT_TYPE_LIST_SIZE),
    guid: user.read32(address + index * OBJECT_TYPE_LIST_SIZE + 4),
  }));
  const value: ObjectTypeEntry[] = [];
  let deepest = 0;
  for (const [index, { level, guid }] of places.entries()) {
    if (level > MAXIMUM_LEVEL || level > deepest || (level === 0) !== (index === 0)) {
      return { status: Status.INVALID_PARAMETER, value: null };
    }
    deepest = level + 1;
    status = yield* user.probeForRead(guid, GUID_SIZE, 4);
    if (!isSuccess(status)) return { status, value: null };
    value.push({ level, type: guidAt(user.readBytes(guid, GUID_SIZE), 0) });
  }
  return { status, value };
}
