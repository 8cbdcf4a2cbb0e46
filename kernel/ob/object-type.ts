import { type AccessMask, accessMask } from '../types.js';
import { Access, type GenericMapping, mapGenericMask } from './access-mask.js';

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
  /** Every object has a security descriptor; otherwise only those with a name have one. */
  readonly securityRequired?: boolean;
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

  /** Replaces generic rights by what they mean here; MAXIMUM_ALLOWED stays. */
  mapGeneric(desired: number): number {
    return mapGenericMask(desired, this.description.mapping);
  }

  /** Those of some rights that a handle can carry. */
  validRights(rights: number): AccessMask {
    return accessMask(rights & (this.description.validAccess | Access.SYSTEM_SECURITY));
  }

  /** Replaces generic rights by what they mean here, and MAXIMUM_ALLOWED by everything. */
  mapAccess(desired: number): AccessMask {
    const mapped = this.mapGeneric(desired);
    const all = (mapped & Access.MAXIMUM_ALLOWED) !== 0 ? this.description.mapping.all : 0;
    return this.validRights((mapped & ~Access.MAXIMUM_ALLOWED) | all);
  }
}
