import { type AccessControlList, aclBytes, parseAcl } from './acl.js';
import { parseSid, type SecurityIdentifier, sidBytes } from './sid.js';

/** SECURITY_DESCRIPTOR_CONTROL. */
export const Control = {
  OWNER_DEFAULTED: 0x1,
  GROUP_DEFAULTED: 0x2,
  DACL_PRESENT: 0x4,
  DACL_DEFAULTED: 0x8,
  SACL_PRESENT: 0x10,
  SACL_DEFAULTED: 0x20,
  DACL_AUTO_INHERIT_REQ: 0x100,
  SACL_AUTO_INHERIT_REQ: 0x200,
  DACL_AUTO_INHERITED: 0x400,
  SACL_AUTO_INHERITED: 0x800,
  DACL_PROTECTED: 0x1000,
  SACL_PROTECTED: 0x2000,
  SELF_RELATIVE: 0x8000,
} as const;

/** SECURITY_INFORMATION: the parts of a descriptor. */
export const Part = { OWNER: 1, GROUP: 2, DACL: 4, SACL: 8 } as const;

/** SECURITY_DESCRIPTOR, wherever its parts lie. Never changed once made, so objects may share one. */
export interface SecurityDescriptor {
  /** Control bits without SELF_RELATIVE. */
  readonly control: number;
  readonly owner: SecurityIdentifier | null;
  readonly group: SecurityIdentifier | null;
  /** Null although DACL_PRESENT: everybody may do everything. */
  readonly dacl: AccessControlList | null;
  readonly sacl: AccessControlList | null;
}

const HEADER = 20;
const REVISION = 1;
const PARTS: readonly [part: number, control: number][] = [
  [Part.OWNER, Control.OWNER_DEFAULTED],
  [Part.GROUP, Control.GROUP_DEFAULTED],
  [
    Part.DACL,
    Control.DACL_PRESENT |
      Control.DACL_DEFAULTED |
      Control.DACL_AUTO_INHERIT_REQ |
      Control.DACL_AUTO_INHERITED |
      Control.DACL_PROTECTED,
  ],
  [
    Part.SACL,
    Control.SACL_PRESENT |
      Control.SACL_DEFAULTED |
      Control.SACL_AUTO_INHERIT_REQ |
      Control.SACL_AUTO_INHERITED |
      Control.SACL_PROTECTED,
  ],
];

/** The Control bits that tell about parts. */
export function controlOf(parts: number): number {
  return PARTS.reduce((bits, [part, control]) => ((parts & part) !== 0 ? bits | control : bits), 0);
}

/** Some parts of a descriptor, the others missing. */
export function partsOf(descriptor: SecurityDescriptor, parts: number): SecurityDescriptor {
  const has = (part: number): boolean => (parts & part) !== 0;
  return {
    control: descriptor.control & controlOf(parts),
    owner: has(Part.OWNER) ? descriptor.owner : null,
    group: has(Part.GROUP) ? descriptor.group : null,
    dacl: has(Part.DACL) ? descriptor.dacl : null,
    sacl: has(Part.SACL) ? descriptor.sacl : null,
  };
}

/** The self-relative form: header, SACL, DACL, owner, group. */
export function selfRelativeBytes(descriptor: SecurityDescriptor): Uint8Array {
  const { owner, group, dacl, sacl } = descriptor;
  const placed: readonly [field: number, bytes: Uint8Array | null][] = [
    [0xc, sacl === null ? null : aclBytes(sacl)],
    [0x10, dacl === null ? null : aclBytes(dacl)],
    [0x4, owner === null ? null : sidBytes(owner)],
    [0x8, group === null ? null : sidBytes(group)],
  ];
  const bytes = new Uint8Array(placed.reduce((sum, [, part]) => sum + (part?.length ?? 0), HEADER));
  const view = new DataView(bytes.buffer);
  bytes[0] = REVISION;
  view.setUint16(2, descriptor.control | Control.SELF_RELATIVE, true);
  let at = HEADER;
  for (const [field, part] of placed) {
    if (part === null) continue;
    view.setUint32(field, at, true);
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The descriptor that self-relative bytes are; null when they are none (RtlValidRelativeSecurityDescriptor). */
export function parseSelfRelative(bytes: Uint8Array): SecurityDescriptor | null {
  if (bytes.length < HEADER || bytes[0] !== REVISION) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const control = view.getUint16(2, true);
  if ((control & Control.SELF_RELATIVE) === 0) return null;
  const sid = (field: number) => optional(view.getUint32(field, true), (at) => parseSid(bytes, at));
  const acl = (field: number, present: number) =>
    optional((control & present) === 0 ? 0 : view.getUint32(field, true), (at) => parseAcl(bytes.subarray(at)));
  const owner = sid(0x4);
  const group = sid(0x8);
  const sacl = acl(0xc, Control.SACL_PRESENT);
  const dacl = acl(0x10, Control.DACL_PRESENT);
  if (owner === undefined || group === undefined || sacl === undefined || dacl === undefined) return null;
  return { control: control & ~Control.SELF_RELATIVE, owner, group, dacl, sacl };
}

/** Null: the part is not there. Undefined: it should be, and is none. */
function optional<Value>(at: number, parse: (at: number) => Value | null): Value | null | undefined {
  return at === 0 ? null : (parse(at) ?? undefined);
}
