import type { QuotaBlock } from '../ps/quota.js';
import type { SecurityDescriptor } from '../se/security-descriptor.js';
import type { DirectoryBody } from './directory.js';
import type { ObjectType } from './object-type.js';

/** Where a named object is to be found. */
export interface ObjectName {
  readonly directory: ObjectHeader<DirectoryBody>;
  readonly name: string;
  /** Pool address of the name's text. */
  readonly buffer: number;
}

/** OBJECT_HEADER: what the object manager keeps of every object. */
export class ObjectHeader<Body = unknown> {
  readonly type: ObjectType<Body>;
  readonly body: Body;
  /** Pool address of the header: the object's address for debuggers is 18 (hexadecimal) behind it. */
  readonly address: number;
  name: ObjectName | null = null;
  pointerCount = 1;
  handleCount = 0;
  /** QuotaBlockCharged: what pays for the object, and bytes; null before its first handle. */
  quota: { readonly block: QuotaBlock; readonly paged: number; readonly nonPaged: number } | null = null;
  permanent = false;
  exclusive = false;
  /** The process that has an exclusive object for itself, while it has handles. */
  exclusiveOwner: object | null = null;
  /** Null: nothing protects the object. */
  securityDescriptor: SecurityDescriptor | null = null;
  /** Pool address of the descriptor; 0 for those that objects of the boot share. */
  securityBuffer = 0;
  /** The body's delete procedure has run: a later use is a bug. */
  deleted = false;

  constructor(type: ObjectType<Body>, body: Body, address: number) {
    this.type = type;
    this.body = body;
    this.address = address;
  }
}

/** Tells whether an object is of a type, for the compiler too. */
export function isOfType<Body>(object: ObjectHeader<unknown>, type: ObjectType<Body>): object is ObjectHeader<Body> {
  return (object.type as ObjectType<unknown>) === (type as ObjectType<unknown>);
}

/** What of an OBJECT_ATTRIBUTES matters after capture; mm's captureObjectAttributes gives one with a status beside. */
export interface ObjectAttributes {
  /** RootDirectory handle, 0: none. */
  readonly root: number;
  /** Null or '': unnamed. */
  readonly name: string | null;
  /** OBJ_* flags. */
  readonly attributes: number;
  /** What the creator wants for the object's security; absent or null: nothing. */
  readonly securityDescriptor?: SecurityDescriptor | null;
}

/** OBJ_* flags (nt52.md 14). */
export const ObjectFlag = {
  /** Only where handles are duplicated. */
  PROTECT_CLOSE: 0x1,
  INHERIT: 0x2,
  PERMANENT: 0x10,
  EXCLUSIVE: 0x20,
  CASE_INSENSITIVE: 0x40,
  OPENIF: 0x80,
  OPENLINK: 0x100,
  KERNEL_HANDLE: 0x200,
  FORCE_ACCESS_CHECK: 0x400,
  VALID: 0x7f2,
} as const;

/** Handle attributes in a handle table entry. */
export const HandleFlag = { PROTECT_CLOSE: 0x1, INHERIT: 0x2 } as const;
