import { parseSid, type SecurityIdentifier, sidBytes } from './sid.js';

/** ACE types whose body is an access mask and a SID; others are kept as they are and never match anybody. */
export const AceType = { ACCESS_ALLOWED: 0, ACCESS_DENIED: 1, SYSTEM_AUDIT: 2, SYSTEM_ALARM: 3 } as const;

/** AceFlags. */
export const AceFlag = {
  OBJECT_INHERIT: 0x1,
  CONTAINER_INHERIT: 0x2,
  NO_PROPAGATE_INHERIT: 0x4,
  INHERIT_ONLY: 0x8,
  INHERITED: 0x10,
  SUCCESSFUL_ACCESS: 0x40,
  FAILED_ACCESS: 0x80,
  VALID_INHERIT: 0x1f,
} as const;

/** An entry of an access control list. */
export interface AccessControlEntry {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  /** Null for types that are not known here. */
  readonly sid: SecurityIdentifier | null;
  /** What lies behind the header of an entry whose type is not known; empty for the others. */
  readonly opaque: Uint8Array;
}

/** ACL: entries in the order in which they count. Never changed once made. */
export interface AccessControlList {
  readonly revision: number;
  readonly entries: readonly AccessControlEntry[];
  /** AclSize in bytes: more than the entries take where its owner left room. */
  readonly size: number;
}

export const ACL_REVISION = 2;
const LAST_REVISION = 4;
const ACL_HEADER = 8;
const ACE_HEADER = 4;
const NOTHING = new Uint8Array(0);

/** An entry that allows, denies or audits. */
export function entry(type: number, sid: SecurityIdentifier, mask: number, flags = 0): AccessControlEntry {
  return { type, flags, mask: mask >>> 0, sid, opaque: NOTHING };
}

/** A list of just these entries. */
export function aclOf(entries: readonly AccessControlEntry[], revision: number = ACL_REVISION): AccessControlList {
  return { revision, entries, size: entries.reduce((sum, ace) => sum + aceSize(ace), ACL_HEADER) };
}

function aceSize(ace: AccessControlEntry): number {
  return ACE_HEADER + (ace.sid === null ? ace.opaque.length : 12 + 4 * ace.sid.subAuthorities.length);
}

/** The ACL that the bytes are (RtlValidAcl); null when they are none. Anything beyond AclSize does not count. */
export function parseAcl(bytes: Uint8Array): AccessControlList | null {
  if (bytes.length < ACL_HEADER) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const revision = bytes[0];
  const size = view.getUint16(2, true);
  if (revision < ACL_REVISION || revision > LAST_REVISION) return null;
  if (size < ACL_HEADER || size > bytes.length || (size & 3) !== 0) return null;
  const entries: AccessControlEntry[] = [];
  let at = ACL_HEADER;
  for (let left = view.getUint16(4, true); left > 0; left--) {
    if (at + ACE_HEADER > size) return null;
    const length = view.getUint16(at + 2, true);
    if (length < ACE_HEADER || (length & 3) !== 0 || at + length > size) return null;
    const ace = parseAce(bytes.subarray(at, at + length));
    if (ace === null) return null;
    entries.push(ace);
    at += length;
  }
  return { revision, entries, size };
}

function parseAce(bytes: Uint8Array): AccessControlEntry | null {
  const [type, flags] = bytes;
  if (type > AceType.SYSTEM_ALARM) {
    return { type, flags, mask: 0, sid: null, opaque: bytes.slice(ACE_HEADER) };
  }
  const sid = parseSid(bytes, 8);
  if (sid === null) return null;
  return entry(type, sid, new DataView(bytes.buffer, bytes.byteOffset, 8).getUint32(4, true), flags);
}

/** The list as bytes, AclSize of them. */
export function aclBytes(acl: AccessControlList): Uint8Array {
  const bytes = new Uint8Array(acl.size);
  const view = new DataView(bytes.buffer);
  bytes[0] = acl.revision;
  view.setUint16(2, acl.size, true);
  view.setUint16(4, acl.entries.length, true);
  let at = ACL_HEADER;
  for (const ace of acl.entries) {
    bytes[at] = ace.type;
    bytes[at + 1] = ace.flags;
    view.setUint16(at + 2, aceSize(ace), true);
    if (ace.sid === null) bytes.set(ace.opaque, at + ACE_HEADER);
    else {
      view.setUint32(at + 4, ace.mask, true);
      bytes.set(sidBytes(ace.sid), at + 8);
    }
    at += aceSize(ace);
  }
  return bytes;
}
