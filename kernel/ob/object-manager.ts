import type { HandleTable } from '../ex/handle-table.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type QuotaBlock, QuotaType } from '../ps/quota.js';
import { Privilege } from '../se/privilege.js';
import type { SecurityDescriptor } from '../se/security-descriptor.js';
import { systemSecurity } from '../se/system-security.js';
import type { Token } from '../se/token.js';
import { type AccessMask, accessMask, type Handle, handle, type NtStatus } from '../types.js';
import { DirectoryBody, SymbolicLinkBody } from './directory.js';
import { MAXIMUM_NAME_LENGTH } from './name.js';
import { lookupName } from './namespace.js';
import { HandleFlag, isOfType, type ObjectAttributes, ObjectFlag, ObjectHeader } from './object-header.js';
import { type Asker, ObjectSecurity, type SecurityEnvironment } from './object-security.js';
import type { ObjectType } from './object-type.js';
import { createObjectTypes, type ObjectTypes } from './object-types.js';

/** One entry of a process's handle table. */
export interface HandleEntry {
  readonly object: ObjectHeader;
  grantedAccess: AccessMask;
  /** HandleFlag bits. */
  flags: number;
}

/** Whatever has a handle table: a process. */
export interface HandleTableOwner {
  readonly handleTable: HandleTable<HandleEntry>;
  /** What pays for the objects that it makes; null: nothing does. */
  readonly quotaBlock: QuotaBlock | null;
}

/** What the object manager needs of the rest of the kernel. */
export interface ObjectManagerEnvironment extends SecurityEnvironment {
  /** The process whose handle table counts now, null before the first one exists. */
  currentHandleOwner(): HandleTableOwner | null;
  /** What the pseudo handle -1 means. */
  currentProcessObject(): ObjectHeader | null;
  /** What the pseudo handle -2 means. */
  currentThreadObject(): ObjectHeader | null;
  systemTime(): bigint;
}

export interface ObjectResult<Body = unknown> {
  readonly status: NtStatus;
  /** Null unless the status is a success. */
  readonly object: ObjectHeader<Body> | null;
}

export interface HandleResult {
  readonly status: NtStatus;
  /** 0 unless the status is a success. */
  readonly handle: Handle;
}

/** OBJECT_HEADER and the name information before it (nt52.md 14). */
const HEADER_SIZE = 0x18;
const NAME_INFORMATION_SIZE = 0x10;
/** What everybody may do in \BaseNamedObjects: everything but protect or delete it. Restricted code may pass. */
const DIRECTORY_USE = 0xf;
const DIRECTORY_TRAVERSE = 2;
const KERNEL_HANDLE_BIT = 0x80000000;
export const CURRENT_PROCESS = handle(0xffffffff);
export const CURRENT_THREAD = handle(0xfffffffe);
const NO_HANDLE = handle(0);
const NO_CHARGES = { paged: 0, nonPaged: 0 } as const;

/**
 * The object manager: types, reference and handle counts, handle tables and the name space. Nothing here blocks or
 * throws; statuses are NT's.
 */
export class ObjectManager {
  readonly types: ObjectTypes = createObjectTypes();
  readonly root: ObjectHeader<DirectoryBody>;
  readonly security: ObjectSecurity;
  readonly #environment: ObjectManagerEnvironment;

  constructor(environment: ObjectManagerEnvironment) {
    this.#environment = environment;
    this.security = new ObjectSecurity(environment);
    const address = environment.allocatePool(true, HEADER_SIZE + this.types.directory.description.bodySize, 'Dire');
    this.types.symbolicLink.procedures = { delete: (link) => environment.freePool(link.buffer) };
    this.root = new ObjectHeader(this.types.directory, new DirectoryBody(), address);
    this.root.permanent = true;
    const { mapping } = this.types.directory.description;
    this.root.securityDescriptor = systemSecurity(mapping);
    this.types.directory.objectCount++;
    for (const path of ['\\Device', '\\GLOBAL??', '\\KnownDlls', '\\Sessions', '\\RPC Control'])
      this.createDirectory(path);
    const names = systemSecurity(mapping, DIRECTORY_USE, DIRECTORY_TRAVERSE);
    this.createDirectory('\\BaseNamedObjects', names, new DirectoryBody(true));
    this.createSymbolicLink('\\??', '\\GLOBAL??');
    this.createSymbolicLink('\\DosDevices', '\\??');
    this.createSymbolicLink('\\BaseNamedObjects\\Global', '\\BaseNamedObjects');
    this.createSymbolicLink('\\BaseNamedObjects\\Local', '\\BaseNamedObjects');
    this.createSymbolicLink('\\GLOBAL??\\GLOBALROOT', '');
    this.createSymbolicLink('\\GLOBAL??\\Global', '\\GLOBAL??');
  }

  /** Whom the running thread acts for; null in the kernel itself. */
  currentToken(): Token | null {
    return this.#environment.currentToken();
  }

  // --- objects

  /** Makes an object with one reference, unnamed, without handles. INSUFFICIENT_RESOURCES when pool is exhausted. */
  createObject<Body>(type: ObjectType<Body>, body: Body, named = false): ObjectResult<Body> {
    const { bodySize, tag, paged } = type.description;
    const size = HEADER_SIZE + bodySize + (named ? NAME_INFORMATION_SIZE : 0);
    const address = this.#environment.allocatePool(paged, size, tag);
    if (address === 0) return { status: Status.INSUFFICIENT_RESOURCES, object: null };
    type.objectCount++;
    return { status: Status.SUCCESS, object: new ObjectHeader(type, body, address) };
  }

  referenceObject(object: ObjectHeader): void {
    object.pointerCount++;
  }

  /** Gives a reference back; the last one ends the object: its type's delete procedure runs. */
  dereferenceObject(object: ObjectHeader): void {
    object.pointerCount--;
    if (object.pointerCount > 0 || object.deleted) return;
    object.deleted = true;
    this.#removeName(object);
    object.type.objectCount--;
    object.type.procedures.delete?.(object.body);
    this.security.release(object);
    this.#environment.freePool(object.address);
    returnQuota(object);
  }

  // --- handles

  /**
   * A handle to an object in a process's table; adds a reference and asks nobody. The first handle of all makes the process's quota
   * block pay for the object: QUOTA_EXCEEDED; INSUFFICIENT_RESOURCES without pool; ACCESS_DENIED for an object that a
   * process has for itself, INVALID_PARAMETER where this one may not have it so. `flags` are HandleFlag bits.
   * @param exclusive the process wants the object for itself (OBJ_EXCLUSIVE)
   */
  insertHandle(
    process: HandleTableOwner,
    object: ObjectHeader,
    access: number,
    flags: number = 0,
    exclusive = false,
  ): HandleResult {
    const refusal = exclusive ? exclusiveStatus(process, object, flags) : sharedStatus(object);
    if (refusal !== Status.SUCCESS) return refused(refusal);
    const charged = chargeQuota(process.quotaBlock, object);
    if (charged !== Status.SUCCESS) return refused(charged);
    const value = process.handleTable.allocate({ object, grantedAccess: accessMask(access), flags });
    if (value === null) return refused(Status.INSUFFICIENT_RESOURCES);
    if (exclusive) object.exclusiveOwner = process;
    object.pointerCount++;
    object.handleCount++;
    object.type.handleCount++;
    return { status: Status.SUCCESS, handle: value };
  }

  /**
   * Gives a new process, whose table is empty, every handle of another that is inherited, with the same value, access and flags
   * (ObInitProcess). INSUFFICIENT_RESOURCES: what was inherited so far is there, for closeAllHandles.
   */
  inheritHandles(parent: HandleTableOwner, child: HandleTableOwner): NtStatus {
    const inherited = (entry: HandleEntry): boolean => (entry.flags & HandleFlag.INHERIT) !== 0;
    const complete = child.handleTable.fillFrom(parent.handleTable, inherited, (entry) => {
      entry.object.pointerCount++;
      entry.object.handleCount++;
      entry.object.type.handleCount++;
      return { ...entry };
    });
    return complete ? Status.SUCCESS : Status.INSUFFICIENT_RESOURCES;
  }

  /**
   * The object behind a handle, with a reference that the caller gives back (dereferenceObject). INVALID_HANDLE,
   * OBJECT_TYPE_MISMATCH, ACCESS_DENIED. The pseudo handles give the current process and thread with all rights.
   */
  referenceObjectByHandle<Body>(value: number, type: ObjectType<Body> | null, access: number): ObjectResult<Body> {
    const result = this.peekObjectByHandle(value, type, access);
    if (result.object !== null) result.object.pointerCount++;
    return result;
  }

  /** As referenceObjectByHandle, but without a reference: good until the next yield. */
  peekObjectByHandle<Body>(value: number, type: ObjectType<Body> | null, access: number): ObjectResult<Body> {
    const object = this.#pseudoHandle(value);
    if (object !== null) return typed(object, type);
    const entry = this.handleEntry(value);
    if (entry === null) return { status: Status.INVALID_HANDLE, object: null };
    const result = typed(entry.object, type);
    if (result.object === null) return result;
    if ((access & ~entry.grantedAccess) !== 0) return { status: Status.ACCESS_DENIED, object: null };
    return result;
  }

  /** The entry of a handle of the current process, null for values that are not in use and for pseudo handles. */
  handleEntry(value: number): HandleEntry | null {
    if (value >>> 0 >= KERNEL_HANDLE_BIT) return null;
    return this.#environment.currentHandleOwner()?.handleTable.get(value) ?? null;
  }

  /** Rights that a handle of the current process carries; all for pseudo handles, 0 for bad ones. */
  grantedAccess(value: number): AccessMask {
    const object = this.#pseudoHandle(value);
    if (object !== null) return accessMask(object.type.description.mapping.all);
    return this.handleEntry(value)?.grantedAccess ?? accessMask(0);
  }

  /** NtClose. INVALID_HANDLE, HANDLE_NOT_CLOSABLE. Closing a pseudo handle does nothing. */
  closeHandle(process: HandleTableOwner, value: number): NtStatus {
    if (value >>> 0 === CURRENT_PROCESS || value >>> 0 === CURRENT_THREAD) return Status.SUCCESS;
    if (value >>> 0 >= KERNEL_HANDLE_BIT) return Status.INVALID_HANDLE;
    const entry = process.handleTable.get(value);
    if (entry === null) return Status.INVALID_HANDLE;
    if ((entry.flags & HandleFlag.PROTECT_CLOSE) !== 0) return Status.HANDLE_NOT_CLOSABLE;
    process.handleTable.remove(value);
    this.#closed(entry.object);
    return Status.SUCCESS;
  }

  /** Closes everything that a process has open, protected or not (ObKillProcess). */
  closeAllHandles(process: HandleTableOwner): void {
    for (const [value, entry] of process.handleTable.inUse()) {
      process.handleTable.remove(value);
      this.#closed(entry.object);
    }
  }

  // --- names

  /**
   * Finds an object by path. A path that leads into a device stops there: `remaining` is what the device's owner
   * has to look up ('' or '\...'). Gives no reference.
   */
  lookup(attributes: ObjectAttributes, openLink = false): ReturnType<typeof lookupName> {
    return lookupName(this, attributes, openLink);
  }

  /** Finds an object by an absolute path, ignoring case; for the kernel's own use. Null: not there. */
  find(path: string): ObjectHeader | null {
    const result = this.lookup({ root: 0, name: path, attributes: ObjectFlag.CASE_INSENSITIVE });
    return isSuccess(result.status) && result.remaining === '' ? result.object : null;
  }

  /**
   * The way of every NtCreate service: makes an object, gives it its name and a handle in the current process. With
   * OBJ_OPENIF an existing object of the same type is opened instead: OBJECT_NAME_EXISTS. Otherwise
   * OBJECT_NAME_COLLISION, OBJECT_TYPE_MISMATCH, path statuses, INSUFFICIENT_RESOURCES, PRIVILEGE_NOT_HELD (permanent), and what
   * security says: ACCESS_DENIED by the directory, or by the object that exists; INVALID_OWNER.
   * `create` is called only when a new object is needed; it may give a status instead of a body.
   */
  createObjectHandle<Body extends object>(
    type: ObjectType<Body>,
    attributes: ObjectAttributes | null,
    desiredAccess: number,
    create: () => Body | NtStatus,
  ): HandleResult {
    const owner = this.#environment.currentHandleOwner();
    if (owner === null) return refused(Status.UNSUCCESSFUL);
    const flags = attributes?.attributes ?? 0;
    if ((flags & ObjectFlag.PERMANENT) !== 0 && !this.security.holds(Privilege.CREATE_PERMANENT)) {
      return refused(Status.PRIVILEGE_NOT_HELD);
    }
    const place = attributes === null || !attributes.name ? null : this.lookup(attributes, true);
    if (attributes !== null && place === null && attributes.root !== 0) {
      const root = this.peekObjectByHandle(attributes.root, this.types.directory, 0);
      if (!isSuccess(root.status)) return refused(root.status);
    }
    if (place !== null && isSuccess(place.status)) return this.#existing(type, place, flags, desiredAccess);
    if (place !== null && place.directory === null) return refused(place.status);
    const directory = place?.directory ?? null;
    if (directory !== null && !this.security.mayInsert(directory, type.name)) {
      return refused(Status.ACCESS_DENIED);
    }
    const access = this.security.ofCreator(type, desiredAccess);
    if (!isSuccess(access.status)) return refused(access.status);
    const body = create();
    if (typeof body === 'number') return refused(body);
    const made = this.createObject(type, body, place !== null);
    const { object } = made;
    if (object === null) {
      type.procedures.delete?.(body);
      return refused(made.status);
    }
    let status = this.#protect(object, attributes?.securityDescriptor ?? null, directory);
    if (isSuccess(status) && directory !== null && !this.#insertName(directory, place?.name ?? '', object)) {
      status = Status.INSUFFICIENT_RESOURCES;
    }
    object.exclusive = isExclusive(flags);
    const result = isSuccess(status)
      ? this.insertHandle(owner, object, access.granted, handleFlags(flags), object.exclusive)
      : refused(status);
    object.permanent = (flags & ObjectFlag.PERMANENT) !== 0 && object.name !== null && isSuccess(result.status);
    if (!isSuccess(result.status)) this.#removeName(object);
    // A permanent object keeps the reference that it was made with.
    if (!object.permanent) this.dereferenceObject(object);
    return result;
  }

  /**
   * Puts an object that was just made into the current process's table: the tail of creations that have no name. The creator gets
   * the rights he asks for. INVALID_OWNER, PRIVILEGE_NOT_HELD, INSUFFICIENT_RESOURCES.
   */
  insertObject(object: ObjectHeader, attributes: ObjectAttributes | null, desiredAccess: number): HandleResult {
    const owner = this.#environment.currentHandleOwner();
    if (owner === null) return refused(Status.UNSUCCESSFUL);
    const access = this.security.ofCreator(object.type, desiredAccess);
    if (!isSuccess(access.status)) return refused(access.status);
    const status = this.#protect(object, attributes?.securityDescriptor ?? null, null);
    if (!isSuccess(status)) return refused(status);
    const flags = attributes?.attributes ?? 0;
    object.exclusive = isExclusive(flags);
    return this.insertHandle(owner, object, access.granted, handleFlags(flags), object.exclusive);
  }

  /**
   * A handle to an object that exists, with the rights that its descriptor grants the caller (ObOpenObjectByPointer). ACCESS_DENIED,
   * PRIVILEGE_NOT_HELD, BAD_IMPERSONATION_LEVEL, INSUFFICIENT_RESOURCES.
   * @param attributes OBJ_* flags
   * @param asker whom the rights are for, and those that he has without asking
   */
  openObject(object: ObjectHeader, attributes: number, desiredAccess: number, asker: Asker = {}): HandleResult {
    const owner = this.#environment.currentHandleOwner();
    if (owner === null) return refused(Status.UNSUCCESSFUL);
    const access = this.security.check(object, desiredAccess, asker);
    if (!isSuccess(access.status)) return refused(access.status);
    return this.insertHandle(owner, object, access.granted, handleFlags(attributes), isExclusive(attributes));
  }

  /**
   * The way of every NtOpen service: a handle to a named object of a type. Path statuses, OBJECT_TYPE_MISMATCH, ACCESS_DENIED and
   * what else openObject gives.
   */
  openObjectByName(type: ObjectType<never>, attributes: ObjectAttributes, desiredAccess: number): HandleResult;
  openObjectByName<Body>(type: ObjectType<Body>, attributes: ObjectAttributes, desiredAccess: number): HandleResult;
  openObjectByName<Body>(type: ObjectType<Body>, attributes: ObjectAttributes, desiredAccess: number): HandleResult {
    const wantsLink = type.name === 'SymbolicLink';
    const found = this.lookup(attributes, wantsLink || (attributes.attributes & ObjectFlag.OPENLINK) !== 0);
    if (found.object === null) return refused(found.status);
    if (found.remaining !== '') return refused(Status.OBJECT_TYPE_MISMATCH);
    const result = typed(found.object, type);
    if (result.object === null) return refused(result.status);
    return this.openObject(result.object, attributes.attributes, desiredAccess);
  }

  /** Names an object for good, at boot; everybody may read it unless a descriptor says more. The path's directory must exist. */
  insertNamed(path: string, object: ObjectHeader, descriptor: SecurityDescriptor | null = null): NtStatus {
    const place = this.lookup({ root: 0, name: path, attributes: ObjectFlag.CASE_INSENSITIVE }, true);
    if (isSuccess(place.status)) return Status.OBJECT_NAME_COLLISION;
    if (place.directory === null) return place.status;
    if (!this.#insertName(place.directory, place.name, object)) return Status.INSUFFICIENT_RESOURCES;
    object.permanent = true;
    object.securityDescriptor = descriptor ?? systemSecurity(object.type.description.mapping);
    return Status.SUCCESS;
  }

  /** A permanent directory, at boot. */
  createDirectory(
    path: string,
    descriptor: SecurityDescriptor | null = null,
    body: DirectoryBody = new DirectoryBody(),
  ): NtStatus {
    const { object, status } = this.createObject(this.types.directory, body, true);
    return object === null ? status : this.insertNamed(path, object, descriptor);
  }

  /** A permanent symbolic link, at boot. */
  createSymbolicLink(path: string, target: string): NtStatus {
    const body = new SymbolicLinkBody(target, this.#environment.systemTime());
    const { object, status } = this.createObject(this.types.symbolicLink, body, true);
    return object === null ? status : this.insertNamed(path, object);
  }

  /** NtMakeTemporaryObject: the name goes with the last handle. */
  makeTemporary(object: ObjectHeader): void {
    if (!object.permanent) return;
    object.permanent = false;
    if (object.handleCount === 0) this.#removeName(object);
    this.dereferenceObject(object);
  }

  /** NtMakePermanentObject: a named object stays when its last handle goes. */
  makePermanent(object: ObjectHeader): void {
    if (object.permanent || object.name === null) return;
    object.permanent = true;
    this.referenceObject(object);
  }

  /**
   * The full path of a named object, '' when it has no name. Directories can lie in each other deeper than a path can be long:
   * the result ends with the components that a UNICODE_STRING can hold.
   */
  pathOf(object: ObjectHeader): string {
    if (object === this.root) return '\\';
    let path = '';
    for (let name = object.name; name !== null; name = name.directory.name) {
      if (path.length + 1 + name.name.length > MAXIMUM_NAME_LENGTH) break;
      path = `\\${name.name}${path}`;
    }
    return path;
  }

  /** The descriptor of a new object, if it is to have one. */
  #protect(
    object: ObjectHeader,
    explicit: SecurityDescriptor | null,
    directory: ObjectHeader<DirectoryBody> | null,
  ): NtStatus {
    if (directory === null && object.type.description.securityRequired !== true) return Status.SUCCESS;
    return this.security.assign(object, explicit, directory);
  }

  #existing(
    type: ObjectType<object> | ObjectType<never>,
    place: ReturnType<typeof lookupName>,
    flags: number,
    desiredAccess: number,
  ): HandleResult {
    if (place.object === null || place.remaining !== '') return refused(Status.OBJECT_TYPE_MISMATCH);
    const sameType = place.object.type.index === type.index;
    if ((flags & ObjectFlag.OPENIF) === 0) return refused(Status.OBJECT_NAME_COLLISION);
    if (!sameType) return refused(Status.OBJECT_TYPE_MISMATCH);
    const result = this.openObject(place.object, flags, desiredAccess);
    return isSuccess(result.status) ? { status: Status.OBJECT_NAME_EXISTS, handle: result.handle } : result;
  }

  #pseudoHandle(value: number): ObjectHeader | null {
    if (value >>> 0 === CURRENT_PROCESS) return this.#environment.currentProcessObject();
    if (value >>> 0 === CURRENT_THREAD) return this.#environment.currentThreadObject();
    return null;
  }

  /** False when there is no pool for the name. */
  #insertName(directory: ObjectHeader<DirectoryBody>, name: string, object: ObjectHeader): boolean {
    const buffer = this.#environment.allocatePool(true, name.length * 2, 'ObNm');
    if (buffer === 0) return false;
    directory.pointerCount++;
    directory.body.insert(name, object);
    object.name = { directory, name, buffer };
    return true;
  }

  #removeName(object: ObjectHeader): void {
    const name = object.name;
    if (name === null) return;
    object.name = null;
    name.directory.body.remove(name.name);
    this.#environment.freePool(name.buffer);
    this.dereferenceObject(name.directory);
  }

  #closed(object: ObjectHeader): void {
    object.type.procedures.close?.(object.body, object.handleCount);
    object.handleCount--;
    object.type.handleCount--;
    if (object.handleCount === 0) object.exclusiveOwner = null;
    if (object.handleCount === 0 && !object.permanent) this.#removeName(object);
    this.dereferenceObject(object);
  }
}

/** ObpChargeQuotaForObject: what the object takes of pool, itself and through its body. Once for an object. */
function chargeQuota(block: QuotaBlock | null, object: ObjectHeader): NtStatus {
  if (block === null || object.quota !== null) return Status.SUCCESS;
  const { paged, bodySize } = object.type.description;
  const extra = object.type.procedures.poolCharges?.(object.body) ?? NO_CHARGES;
  const size = HEADER_SIZE + bodySize;
  const pagedBytes = extra.paged + (paged ? size : 0);
  const nonPagedBytes = extra.nonPaged + (paged ? 0 : size);
  let status = block.charge(QuotaType.PagedPool, pagedBytes);
  if (status !== Status.SUCCESS) return status;
  status = block.charge(QuotaType.NonPagedPool, nonPagedBytes);
  if (status !== Status.SUCCESS) {
    block.release(QuotaType.PagedPool, pagedBytes);
    return status;
  }
  block.reference();
  object.quota = { block, paged: pagedBytes, nonPaged: nonPagedBytes };
  return status;
}

function returnQuota(object: ObjectHeader): void {
  const { quota } = object;
  if (quota === null) return;
  object.quota = null;
  quota.block.release(QuotaType.PagedPool, quota.paged);
  quota.block.release(QuotaType.NonPagedPool, quota.nonPaged);
  quota.block.dereference();
}

function refused(status: NtStatus): HandleResult {
  return { status, handle: NO_HANDLE };
}

function typed<Body>(object: ObjectHeader, type: ObjectType<Body> | null): ObjectResult<Body> {
  if (type === null) return { status: Status.SUCCESS, object: object as ObjectHeader<Body> };
  if (!isOfType(object, type)) return { status: Status.OBJECT_TYPE_MISMATCH, object: null };
  return { status: Status.SUCCESS, object };
}

function isExclusive(attributes: number): boolean {
  return (attributes & ObjectFlag.EXCLUSIVE) !== 0;
}

/** May a process have an object for itself? Only one that was made so, whose handles are all its own and stay so (ObpIncrementHandleCount). */
function exclusiveStatus(process: HandleTableOwner, object: ObjectHeader, flags: number): NtStatus {
  if (!object.exclusive || (flags & HandleFlag.INHERIT) !== 0) return Status.INVALID_PARAMETER;
  const isFree = object.exclusiveOwner === null ? object.handleCount === 0 : object.exclusiveOwner === process;
  return isFree ? Status.SUCCESS : Status.ACCESS_DENIED;
}

function sharedStatus(object: ObjectHeader): NtStatus {
  return object.exclusiveOwner === null ? Status.SUCCESS : Status.ACCESS_DENIED;
}

function handleFlags(attributes: number): number {
  return (attributes & ObjectFlag.INHERIT) !== 0 ? HandleFlag.INHERIT : 0;
}
