import { parseSid, type SecurityIdentifier, sidBytes, sidLength } from './sid.js';

/**
 * ACE types whose body is an access mask and a SID, with the types of objects between them in those of a directory service (OBJECT);
 * others are kept as they are and never match anybody.
 */
export const AceType = {
  ACCESS_ALLOWED: 0,
  ACCESS_DENIED: 1,
  SYSTEM_AUDIT: 2,
  SYSTEM_ALARM: 3,
  ACCESS_ALLOWED_OBJECT: 5,
  ACCESS_DENIED_OBJECT: 6,
  SYSTEM_AUDIT_OBJECT: 7,
  SYSTEM_ALARM_OBJECT: 8,
} as const;

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

/** A GUID: its 16 bytes as hexadecimal digits, for comparison. */
export type Guid = string;

/** An entry of an access control list. */
export interface AccessControlEntry {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  /** Null for types that are not known here. */
  readonly sid: SecurityIdentifier | null;
  /** Of OBJECT entries: the property or the kind of child that the mask is about; null: the object itself. */
  readonly objectType: Guid | null;
  /** Of OBJECT entries: the only kind of child that inherits the entry; null: every kind. */
  readonly inheritedObjectType: Guid | null;
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
export const GUID_SIZE = 16;
/** Flags of OBJECT entries, in front of the types: which of the two there are. */
const ObjectAceFlag = { OBJECT_TYPE: 1, INHERITED_OBJECT_TYPE: 2 } as const;

const isObjectType = (type: number): boolean =>
  type >= AceType.ACCESS_ALLOWED_OBJECT && type <= AceType.SYSTEM_ALARM_OBJECT;

/** An entry that allows, denies or audits. */
export function entry(type: number, sid: SecurityIdentifier, mask: number, flags = 0): AccessControlEntry {
  return { type, flags, mask: mask >>> 0, sid, objectType: null, inheritedObjectType: null, opaque: NOTHING };
}

/** The GUID that lies at an offset. */
export function guidAt(bytes: Uint8Array, offset: number): Guid {
  const digits = [...bytes.subarray(offset, offset + GUID_SIZE)].map((byte) => byte.toString(16).padStart(2, '0'));
  return digits.join('');
}

function guidBytes(guid: Guid): Uint8Array {
  return Uint8Array.from({ length: GUID_SIZE }, (_, index) =>
    Number.parseInt(guid.slice(index * 2, index * 2 + 2), 16),
  );
}

/** A list of just these entries. */
export function aclOf(entries: readonly AccessControlEntry[], revision: number = ACL_REVISION): AccessControlList {
  return { revision, entries, size: entries.reduce((sum, ace) => sum + aceSize(ace), ACL_HEADER) };
}

function aceSize(ace: AccessControlEntry): number {
  if (ace.sid === null) return ACE_HEADER + ace.opaque.length;
  return sidOffset(ace) + sidLength(ace.sid.subAuthorities.length);
}

/** Where in an entry its SID begins. */
function sidOffset({ type, objectType, inheritedObjectType }: AccessControlEntry): number {
  if (!isObjectType(type)) return ACE_HEADER + 4;
  return ACE_HEADER + 8 + (objectType === null ? 0 : GUID_SIZE) + (inheritedObjectType === null ? 0 : GUID_SIZE);
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
  const isObject = isObjectType(type);
  if (type > AceType.SYSTEM_ALARM && !isObject) {
    const opaque = bytes.slice(ACE_HEADER);
    return { type, flags, mask: 0, sid: null, objectType: null, inheritedObjectType: null, opaque };
  }
  if (bytes.length < (isObject ? 12 : 8)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const present = isObject ? view.getUint32(8, true) : 0;
  let at = isObject ? 12 : 8;
  const takeGuid = (flag: number): Guid | null => {
    if ((present & flag) === 0) return null;
    at += GUID_SIZE;
    return guidAt(bytes, at - GUID_SIZE);
  };
  const objectType = takeGuid(ObjectAceFlag.OBJECT_TYPE);
  const inheritedObjectType = takeGuid(ObjectAceFlag.INHERITED_OBJECT_TYPE);
  const sid = parseSid(bytes, at);
  if (sid === null) return null;
  return { ...entry(type, sid, view.getUint32(4, true), flags), objectType, inheritedObjectType };
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
      if (isObjectType(ace.type)) writeTypes(bytes, at + 8, ace);
      bytes.set(sidBytes(ace.sid), at + sidOffset(ace));
    }
    at += aceSize(ace);
  }
  return bytes;
}

function writeTypes(bytes: Uint8Array, at: number, { objectType, inheritedObjectType }: AccessControlEntry): void {
  bytes[at] =
    (objectType === null ? 0 : ObjectAceFlag.OBJECT_TYPE) |
    (inheritedObjectType === null ? 0 : ObjectAceFlag.INHERITED_OBJECT_TYPE);
  let next = at + 4;
  for (const guid of [objectType, inheritedObjectType]) {
    if (guid === null) continue;
    bytes.set(guidBytes(guid), next);
    next += GUID_SIZE;
  }
}
