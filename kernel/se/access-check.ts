import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import type { NtStatus } from '../types.js';
import { type AccessControlEntry, type AccessControlList, AceFlag, AceType } from './acl.js';
import { Privilege } from './privilege.js';
import { Control, type SecurityDescriptor } from './security-descriptor.js';
import type { SecurityIdentifier } from './sid.js';
import type { Token } from './token.js';

export interface AccessResult {
  /** SUCCESS, ACCESS_DENIED or PRIVILEGE_NOT_HELD. */
  readonly status: NtStatus;
  /** 0 unless the status is SUCCESS. */
  readonly granted: number;
}

const OWNER_RIGHTS = Access.READ_CONTROL | Access.WRITE_DAC;

/**
 * Decides what of the rights asked for a token gets (SeAccessCheck): privileges and ownership first, then the DACL from its first
 * entry to its last. A restricted token is asked twice, the second time by its restricting identifiers alone.
 * @param desired generic rights replaced; MAXIMUM_ALLOWED asks for all that there are
 * @param all what a missing DACL grants to MAXIMUM_ALLOWED
 * @param previouslyGranted rights that need no asking
 */
export function accessCheck(
  descriptor: SecurityDescriptor,
  token: Token,
  desired: number,
  all: number,
  previouslyGranted = 0,
): AccessResult {
  const { status, maximum, remaining, granted: held } = withoutDacl(descriptor, token, desired, previouslyGranted);
  if (!isSuccess(status)) return { status, granted: 0 };
  const { dacl } = descriptor;
  let granted = held;
  if (dacl === null || (descriptor.control & Control.DACL_PRESENT) === 0) {
    granted |= remaining | (maximum ? all : 0);
  } else if (maximum) {
    granted |= maximumAllowed(dacl, token);
  } else if (remaining !== 0 && isAllowed(dacl, token, remaining)) {
    granted |= remaining;
  }
  return decide(granted, remaining);
}

/** The rights that somebody has before the DACL is asked. */
export interface HeldRights {
  /** SUCCESS or PRIVILEGE_NOT_HELD. */
  readonly status: NtStatus;
  /** All that there are were asked for. */
  readonly maximum: boolean;
  /** What the DACL has to grant. */
  readonly remaining: number;
  readonly granted: number;
}

/** What privileges and ownership grant of the rights asked for. */
export function withoutDacl(
  descriptor: SecurityDescriptor,
  token: Token,
  desired: number,
  previouslyGranted: number,
): HeldRights {
  const maximum = (desired & Access.MAXIMUM_ALLOWED) !== 0;
  const wanted = desired & ~Access.MAXIMUM_ALLOWED;
  let granted = previouslyGranted;
  if (isOwner(descriptor, token)) granted |= maximum ? OWNER_RIGHTS : wanted & OWNER_RIGHTS;
  if ((wanted & Access.SYSTEM_SECURITY) !== 0) {
    if (!token.holdsPrivilege(Privilege.SECURITY)) {
      return { status: Status.PRIVILEGE_NOT_HELD, maximum, remaining: wanted, granted: 0 };
    }
    granted |= Access.SYSTEM_SECURITY;
  }
  if ((wanted & Access.WRITE_OWNER) !== 0 && token.holdsPrivilege(Privilege.TAKE_OWNERSHIP)) {
    granted |= Access.WRITE_OWNER;
  }
  return { status: Status.SUCCESS, maximum, remaining: wanted & ~granted, granted };
}

/** All that remained has to be granted, and something at all. */
export function decide(granted: number, remaining: number): AccessResult {
  if (granted === 0 || (remaining & ~granted) !== 0) return { status: Status.ACCESS_DENIED, granted: 0 };
  return { status: Status.SUCCESS, granted: granted >>> 0 };
}

/** Who owns an object may always read its descriptor and change its DACL. */
function isOwner({ owner }: SecurityDescriptor, token: Token): boolean {
  return owner !== null && token.hasSid(owner) && (!token.isRestricted || token.hasRestrictedSid(owner));
}

function isAllowed(dacl: AccessControlList, token: Token, wanted: number): boolean {
  if (!walkUntilDecided(dacl, wanted, (sid, denial) => token.hasSid(sid, denial))) return false;
  return !token.isRestricted || walkUntilDecided(dacl, wanted, (sid) => token.hasRestrictedSid(sid));
}

/** Tells whether an entry for this identifier counts. */
export type Matches = (sid: SecurityIdentifier, forDenial: boolean) => boolean;

/** The entry allows rights to the object itself; what is for one of its properties only does not count here. */
const allows = ({ type, objectType }: AccessControlEntry): boolean =>
  type === AceType.ACCESS_ALLOWED || (type === AceType.ACCESS_ALLOWED_OBJECT && objectType === null);

/** The entry denies rights: who asks for the object as a whole is refused what is refused for any of its properties. */
const denies = ({ type }: AccessControlEntry): boolean =>
  type === AceType.ACCESS_DENIED || type === AceType.ACCESS_DENIED_OBJECT;

/** The first entry that says something about a right decides about it. */
function walkUntilDecided(dacl: AccessControlList, wanted: number, matches: Matches): boolean {
  let remaining = wanted;
  for (const ace of dacl.entries) {
    const { flags, mask, sid } = ace;
    if (sid === null || (flags & AceFlag.INHERIT_ONLY) !== 0 || (mask & remaining) === 0) continue;
    if (allows(ace) && matches(sid, false)) remaining &= ~mask;
    else if (denies(ace) && matches(sid, true)) return false;
    if (remaining === 0) return true;
  }
  return false;
}

function maximumAllowed(dacl: AccessControlList, token: Token): number {
  const granted = walkWhole(dacl, (sid, denial) => token.hasSid(sid, denial));
  return token.isRestricted ? granted & walkWhole(dacl, (sid) => token.hasRestrictedSid(sid)) : granted;
}

function walkWhole(dacl: AccessControlList, matches: Matches): number {
  let granted = 0;
  let denied = 0;
  for (const ace of dacl.entries) {
    const { flags, mask, sid } = ace;
    if (sid === null || (flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    if (allows(ace) && matches(sid, false)) granted |= mask & ~denied;
    else if (denies(ace) && matches(sid, true)) denied |= mask & ~granted;
  }
  return granted;
}
