import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking } from '../types.js';
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
