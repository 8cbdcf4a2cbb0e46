import { Status } from '../ntstatus.js';
import { type GenericMapping, mapGenericMask } from '../ob/access-mask.js';
import type { NtStatus } from '../types.js';
import { type AccessControlEntry, type AccessControlList, AceFlag, aclOf } from './acl.js';
import { Privilege } from './privilege.js';
import { Control, type SecurityDescriptor } from './security-descriptor.js';
import { CREATOR_GROUP, CREATOR_OWNER, type SecurityIdentifier, sameSid } from './sid.js';
import type { Token } from './token.js';

/** What the descriptor of a new object is made of. */
export interface SecurityRequest {
  /** What the creator asks for, in whole or in part; null: nothing. */
  readonly explicit: SecurityDescriptor | null;
  /** Of the directory that the object lies in. */
  readonly parent: SecurityDescriptor | null;
  /** The object is a directory itself. */
  readonly container: boolean;
  readonly token: Token;
  readonly mapping: GenericMapping;
}

export interface AssignedSecurity {
  readonly status: NtStatus;
  readonly descriptor: SecurityDescriptor | null;
}

const failed = (status: NtStatus): AssignedSecurity => ({ status, descriptor: null });
const INHERITANCE =
  AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT | AceFlag.NO_PROPAGATE_INHERIT | AceFlag.INHERIT_ONLY;

/**
 * The descriptor of a new object (SeAssignSecurity): every part comes from the creator, else from the directory's entries that
 * are inherited, else from the creator's token. INVALID_OWNER for an owner that the token may not name, PRIVILEGE_NOT_HELD for a
 * SACL without SeSecurityPrivilege.
 */
export function assignSecurity(request: SecurityRequest): AssignedSecurity {
  const { explicit, token } = request;
  const given = explicit?.control ?? 0;
  const owner = explicit?.owner ?? token.owner;
  if (explicit?.owner && !mayAssignOwner(token, owner)) return failed(Status.INVALID_OWNER);
  if ((given & Control.SACL_PRESENT) !== 0 && !token.holdsPrivilege(Privilege.SECURITY)) {
    return failed(Status.PRIVILEGE_NOT_HELD);
  }
  const group = explicit?.group ?? token.primaryGroup;
  const dacl = chooseDacl(request, owner, group);
  const sacl = chooseSacl(request, owner, group);
  const control =
    (explicit?.owner ? 0 : Control.OWNER_DEFAULTED) |
    (explicit?.group ? 0 : Control.GROUP_DEFAULTED) |
    dacl.control |
    sacl.control;
  return { status: Status.SUCCESS, descriptor: { control, owner, group, dacl: dacl.acl, sacl: sacl.acl } };
}

/** The user, a group that may own, or anybody with SeRestorePrivilege (SepValidOwnerSubjectContext). */
export function mayAssignOwner(token: Token, owner: SecurityIdentifier): boolean {
  return token.mayOwnAs(owner) || token.holdsPrivilege(Privilege.RESTORE);
}

interface ChosenAcl {
  readonly acl: AccessControlList | null;
  readonly control: number;
}

function chooseDacl(request: SecurityRequest, owner: SecurityIdentifier, group: SecurityIdentifier): ChosenAcl {
  const { explicit, parent, token, mapping } = request;
  const given = (explicit?.control ?? 0) & (Control.DACL_PRESENT | Control.DACL_DEFAULTED | Control.DACL_PROTECTED);
  const own = (given & Control.DACL_PRESENT) !== 0;
  if (own && (given & Control.DACL_DEFAULTED) === 0) {
    return { acl: mapAcl(explicit?.dacl ?? null, mapping), control: given };
  }
  const inherited = inheritAcl(parent?.dacl ?? null, request, owner, group);
  if (inherited !== null) return { acl: inherited, control: Control.DACL_PRESENT };
  if (own) return { acl: mapAcl(explicit?.dacl ?? null, mapping), control: given };
  if (token.defaultDacl === null) return { acl: null, control: 0 };
  return { acl: mapAcl(token.defaultDacl, mapping), control: Control.DACL_PRESENT | Control.DACL_DEFAULTED };
}

function chooseSacl(request: SecurityRequest, owner: SecurityIdentifier, group: SecurityIdentifier): ChosenAcl {
  const { explicit, parent, mapping } = request;
  const given = (explicit?.control ?? 0) & (Control.SACL_PRESENT | Control.SACL_DEFAULTED | Control.SACL_PROTECTED);
  if ((given & Control.SACL_PRESENT) !== 0) return { acl: mapAcl(explicit?.sacl ?? null, mapping), control: given };
  const inherited = inheritAcl(parent?.sacl ?? null, request, owner, group);
  return { acl: inherited, control: inherited === null ? 0 : Control.SACL_PRESENT };
}

/** Generic rights become the type's own; entries that are only there to be inherited keep them. */
export function mapAcl(acl: AccessControlList | null, mapping: GenericMapping): AccessControlList | null {
  if (acl === null) return null;
  const entries = acl.entries.map((ace) =>
    ace.sid === null || (ace.flags & AceFlag.INHERIT_ONLY) !== 0
      ? ace
      : { ...ace, mask: mapGenericMask(ace.mask, mapping) },
  );
  return { ...acl, entries };
}

/** What a new object takes over of its directory's list; null: nothing. */
function inheritAcl(
  acl: AccessControlList | null,
  request: SecurityRequest,
  owner: SecurityIdentifier,
  group: SecurityIdentifier,
): AccessControlList | null {
  const { container, mapping } = request;
  const entries = (acl?.entries ?? []).flatMap((ace): readonly AccessControlEntry[] => {
    if (ace.sid === null) return [];
    // Nothing that lies in our directories is of a kind that has a GUID.
    if (ace.inheritedObjectType !== null) return container ? [{ ...ace, flags: ace.flags | AceFlag.INHERIT_ONLY }] : [];
    const passesOn = (ace.flags & AceFlag.NO_PROPAGATE_INHERIT) === 0;
    if ((ace.flags & (container ? AceFlag.CONTAINER_INHERIT : AceFlag.OBJECT_INHERIT)) === 0) {
      const forChildren = container && passesOn && (ace.flags & AceFlag.OBJECT_INHERIT) !== 0;
      return forChildren ? [{ ...ace, flags: ace.flags | AceFlag.INHERIT_ONLY }] : [];
    }
    const sid = creator(ace.sid, owner, group);
    const mask = mapGenericMask(ace.mask, mapping);
    const effective = { ...ace, sid, mask, flags: ace.flags & ~INHERITANCE };
    if (!container || !passesOn) return [effective];
    if (sid === ace.sid && mask === ace.mask) return [{ ...ace, flags: ace.flags & ~AceFlag.INHERIT_ONLY }];
    return [effective, { ...ace, flags: ace.flags | AceFlag.INHERIT_ONLY }];
  });
  return entries.length === 0 ? null : aclOf(entries, acl?.revision);
}

function creator(sid: SecurityIdentifier, owner: SecurityIdentifier, group: SecurityIdentifier): SecurityIdentifier {
  if (sameSid(sid, CREATOR_OWNER)) return owner;
  return sameSid(sid, CREATOR_GROUP) ? group : sid;
}
