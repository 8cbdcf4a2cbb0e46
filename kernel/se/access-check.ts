import { Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import type { NtStatus } from '../types.js';
import { type AccessControlList, AceFlag, AceType } from './acl.js';
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
  const maximum = (desired & Access.MAXIMUM_ALLOWED) !== 0;
  let remaining = desired & ~Access.MAXIMUM_ALLOWED;
  let granted = previouslyGranted;
  if (isOwner(descriptor, token)) granted |= maximum ? OWNER_RIGHTS : remaining & OWNER_RIGHTS;
  if ((remaining & Access.SYSTEM_SECURITY) !== 0) {
    if (!token.holdsPrivilege(Privilege.SECURITY)) return { status: Status.PRIVILEGE_NOT_HELD, granted: 0 };
    granted |= Access.SYSTEM_SECURITY;
  }
  if ((remaining & Access.WRITE_OWNER) !== 0 && token.holdsPrivilege(Privilege.TAKE_OWNERSHIP)) {
    granted |= Access.WRITE_OWNER;
  }
  remaining &= ~granted;
  const { dacl } = descriptor;
  if (dacl === null || (descriptor.control & Control.DACL_PRESENT) === 0) {
    granted |= remaining | (maximum ? all : 0);
  } else if (maximum) {
    granted |= maximumAllowed(dacl, token);
  } else if (remaining !== 0 && isAllowed(dacl, token, remaining)) {
    granted |= remaining;
  }
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

type Matches = (sid: SecurityIdentifier, forDenial: boolean) => boolean;

/** The first entry that says something about a right decides about it. */
function walkUntilDecided(dacl: AccessControlList, wanted: number, matches: Matches): boolean {
  let remaining = wanted;
  for (const { type, flags, mask, sid } of dacl.entries) {
    if (sid === null || (flags & AceFlag.INHERIT_ONLY) !== 0 || (mask & remaining) === 0) continue;
    if (type === AceType.ACCESS_ALLOWED && matches(sid, false)) remaining &= ~mask;
    else if (type === AceType.ACCESS_DENIED && matches(sid, true)) return false;
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
  for (const { type, flags, mask, sid } of dacl.entries) {
    if (sid === null || (flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    if (type === AceType.ACCESS_ALLOWED && matches(sid, false)) granted |= mask & ~denied;
    else if (type === AceType.ACCESS_DENIED && matches(sid, true)) denied |= mask & ~granted;
  }
  return granted;
}
