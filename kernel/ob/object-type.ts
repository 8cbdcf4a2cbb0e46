import { type AccessMask, accessMask } from '../types.js';

/** Standard and special rights that every type knows (nt52.md 12.2). */
export const Access = {
  DELETE: 0x00010000,
  READ_CONTROL: 0x00020000,
  WRITE_DAC: 0x00040000,
  WRITE_OWNER: 0x00080000,
  SYNCHRONIZE: 0x00100000,
  STANDARD_RIGHTS_REQUIRED: 0x000f0000,
  SYSTEM_SECURITY: 0x01000000,
  MAXIMUM_ALLOWED: 0x02000000,
  GENERIC_ALL: 0x10000000,
  GENERIC_EXECUTE: 0x20000000,
  GENERIC_WRITE: 0x40000000,
  GENERIC_READ: 0x80000000,
} as const;

/** What the four generic rights mean for a type. */
export interface GenericMapping {
  readonly read: number;
  readonly write: number;
  readonly execute: number;
  readonly all: number;
}

/** What a type is made of (OBJECT_TYPE_INITIALIZER). */
export interface ObjectTypeDescription {
  readonly name: string;
  readonly mapping: GenericMapping;
  /** Rights that a handle to it can carry. */
  readonly validAccess: number;
  /** Pool tag of its objects, four characters. */
  readonly tag: string;
  /** Bytes of the body that NT allocates: charged to pool. */
  readonly bodySize: number;
  readonly paged: boolean;
}

/** What the owner of a type does when its objects come to an end. */
export interface ObjectProcedures<Body> {
  /** A handle goes; `handles` is how many there were in all processes, this one counted. */
  close?(body: Body, handles: number): void;
  /** Bytes of pool that the body stands for beside itself: what quotas are charged for an object. */
  poolCharges?(body: Body): { readonly paged: number; readonly nonPaged: number };
  /** The last reference is gone. May not block. */
  delete?(body: Body): void;
}

/** OBJECT_TYPE: one for each kind of object, made by the object manager at boot. */
export class ObjectType<Body> {
  readonly description: ObjectTypeDescription;
  readonly index: number;
  procedures: ObjectProcedures<Body> = {};
  objectCount = 0;
  handleCount = 0;

  constructor(description: ObjectTypeDescription, index: number) {
    this.description = description;
    this.index = index;
  }

  get name(): string {
    return this.description.name;
  }

  /** Replaces generic rights by what they mean here (RtlMapGenericMask). MAXIMUM_ALLOWED gives everything. */
  mapAccess(desired: number): AccessMask {
    const { mapping, validAccess } = this.description;
    let mapped = desired & 0x0fffffff;
    if ((desired & Access.GENERIC_READ) !== 0) mapped |= mapping.read;
    if ((desired & Access.GENERIC_WRITE) !== 0) mapped |= mapping.write;
    if ((desired & Access.GENERIC_EXECUTE) !== 0) mapped |= mapping.execute;
    if ((desired & Access.GENERIC_ALL) !== 0) mapped |= mapping.all;
    if ((mapped & Access.MAXIMUM_ALLOWED) !== 0) mapped = (mapped & ~Access.MAXIMUM_ALLOWED) | mapping.all;
    return accessMask(mapped & (validAccess | Access.SYSTEM_SECURITY));
  }
}
