import { isSuccess, Status } from '../ntstatus.js';
import { type AccessResult, accessCheck } from '../se/access-check.js';
import { assignSecurity } from '../se/assign-security.js';
import { Privilege } from '../se/privilege.js';
import { type SecurityDescriptor, selfRelativeBytes } from '../se/security-descriptor.js';
import { ImpersonationLevel, type Token, TokenType } from '../se/token.js';
import type { NtStatus } from '../types.js';
import { Access } from './access-mask.js';
import type { DirectoryBody } from './directory.js';
import type { ObjectHeader } from './object-header.js';
import type { ObjectType } from './object-type.js';

/** What the security of objects needs of the rest of the kernel. */
export interface SecurityEnvironment {
  /** Whom the running thread acts for (the effective token); null in the kernel itself, which may do everything. */
  currentToken(): Token | null;
  /** Charges pool and gives its address; 0: none left. */
  allocatePool(paged: boolean, bytes: number, tag: string): number;
  freePool(address: number): void;
}

/** Somebody who opens an object: the caller, unless it says otherwise. */
export interface Asker {
  readonly token?: Token | null;
  /** Rights that need no asking. */
  readonly previouslyGranted?: number;
}

const DIRECTORY_TRAVERSE = 2;
const DIRECTORY_CREATE_OBJECT = 4;
const DIRECTORY_CREATE_SUBDIRECTORY = 8;
const DENIED: AccessResult = { status: Status.ACCESS_DENIED, granted: 0 };

/** Who may do what with objects: checks at every open, descriptors at every creation. Nothing here blocks. */
export class ObjectSecurity {
  readonly #environment: SecurityEnvironment;

  constructor(environment: SecurityEnvironment) {
    this.#environment = environment;
  }

  /**
   * The rights that the caller gets of those asked for (ObCheckObjectAccess). ACCESS_DENIED, PRIVILEGE_NOT_HELD,
   * BAD_IMPERSONATION_LEVEL. An object without a descriptor grants what is asked.
   */
  check(object: ObjectHeader, desired: number, asker: Asker = {}): AccessResult {
    const { token = this.#environment.currentToken(), previouslyGranted = 0 } = asker;
    const { securityDescriptor: descriptor, type } = object;
    if (token === null || descriptor === null) return this.ofCreator(type, desired | previouslyGranted);
    return checkFor(token, descriptor, type, desired, previouslyGranted);
  }

  /** The rights of whoever made an object, or has one that nothing protects: all that are asked for. PRIVILEGE_NOT_HELD. */
  ofCreator(type: ObjectType<never> | ObjectType<unknown>, desired: number): AccessResult {
    const granted = type.mapAccess(desired);
    if ((granted & Access.SYSTEM_SECURITY) !== 0 && !this.holds(Privilege.SECURITY)) {
      return { status: Status.PRIVILEGE_NOT_HELD, granted: 0 };
    }
    return { status: Status.SUCCESS, granted };
  }

  /** The caller holds a privilege and has it enabled (SeSinglePrivilegeCheck). */
  holds(luid: number): boolean {
    const token = this.#environment.currentToken();
    return token === null || (!isTooWeak(token) && token.holdsPrivilege(luid));
  }

  /** The way to an object may lead through this directory. */
  mayTraverse(directory: ObjectHeader<DirectoryBody>): boolean {
    const token = this.#environment.currentToken();
    if (token === null || token.mayTraverse) return true;
    return isSuccess(this.check(directory, DIRECTORY_TRAVERSE).status);
  }

  /**
   * An object of a type may get a name in a directory. Who is not in session 0 makes sections with global names only with
   * SeCreateGlobalPrivilege.
   */
  mayInsert(directory: ObjectHeader<DirectoryBody>, typeName: string): boolean {
    const session = this.#environment.currentToken()?.sessionId ?? 0;
    const isGlobalSection = directory.body.isGlobal && typeName === 'Section';
    if (isGlobalSection && session !== 0 && !this.holds(Privilege.CREATE_GLOBAL)) return false;
    const right = typeName === 'Directory' ? DIRECTORY_CREATE_SUBDIRECTORY : DIRECTORY_CREATE_OBJECT;
    return isSuccess(this.check(directory, right).status);
  }

  /**
   * Gives a new object its descriptor (ObAssignSecurity). INVALID_OWNER, PRIVILEGE_NOT_HELD, INSUFFICIENT_RESOURCES. Does nothing
   * when there is nobody whom the object could belong to.
   */
  assign(
    object: ObjectHeader,
    explicit: SecurityDescriptor | null,
    directory: ObjectHeader<DirectoryBody> | null,
    token: Token | null = this.#environment.currentToken(),
  ): NtStatus {
    if (token === null) return Status.SUCCESS;
    const { status, descriptor } = assignSecurity({
      explicit,
      parent: directory?.securityDescriptor ?? null,
      container: object.type.name === 'Directory',
      token,
      mapping: object.type.description.mapping,
    });
    return descriptor === null ? status : this.replace(object, descriptor);
  }

  /** Puts another descriptor in the place of the one that an object has. INSUFFICIENT_RESOURCES: it keeps that one. */
  replace(object: ObjectHeader, descriptor: SecurityDescriptor): NtStatus {
    const buffer = this.#environment.allocatePool(true, selfRelativeBytes(descriptor).length, 'SeSd');
    if (buffer === 0) return Status.INSUFFICIENT_RESOURCES;
    this.release(object);
    object.securityDescriptor = descriptor;
    object.securityBuffer = buffer;
    return Status.SUCCESS;
  }

  /** Takes an object's descriptor away. */
  release(object: ObjectHeader): void {
    if (object.securityBuffer !== 0) this.#environment.freePool(object.securityBuffer);
    object.securityBuffer = 0;
    object.securityDescriptor = null;
  }
}

/** What a token gets of an object of a type with a descriptor; see ObjectSecurity.check. */
export function checkFor(
  token: Token,
  descriptor: SecurityDescriptor,
  type: ObjectType<never> | ObjectType<unknown>,
  desired: number,
  previouslyGranted = 0,
): AccessResult {
  if (isTooWeak(token)) return { status: Status.BAD_IMPERSONATION_LEVEL, granted: 0 };
  const mapped = type.mapGeneric(desired);
  const result = accessCheck(descriptor, token, mapped, type.description.mapping.all, previouslyGranted);
  if (!isSuccess(result.status)) return result;
  const granted = type.validRights(result.granted);
  return granted === 0 ? DENIED : { status: Status.SUCCESS, granted };
}

/** A client that may only be asked who he is cannot be acted for. */
function isTooWeak(token: Token): boolean {
  return token.type === TokenType.Impersonation && token.impersonationLevel < ImpersonationLevel.Impersonation;
}
