import { isSuccess, Status } from '../ntstatus.js';
import { type AccessResult, decide, type Matches, withoutDacl } from './access-check.js';
import { type AccessControlList, AceFlag, AceType, type Guid } from './acl.js';
import { Control, type SecurityDescriptor } from './security-descriptor.js';
import { PRINCIPAL_SELF, type SecurityIdentifier, sameSid } from './sid.js';
import type { Token } from './token.js';

/** OBJECT_TYPE_LIST: an object at level 0, below it sets of properties, properties and so on, each in front of what it contains. */
export interface ObjectTypeEntry {
  readonly level: number;
  readonly type: Guid;
}

/** A question about an object and its properties. */
export interface TypedRequest {
  readonly descriptor: SecurityDescriptor;
  readonly token: Token;
  /** Generic rights replaced; MAXIMUM_ALLOWED asks for all that there are. */
  readonly desired: number;
  /** What a missing DACL grants to MAXIMUM_ALLOWED. */
  readonly all: number;
  /** A tree with one root, as checked by the capture; never empty. */
  readonly types: readonly ObjectTypeEntry[];
  /** Whom the object stands for: what entries for PRINCIPAL_SELF are about. */
  readonly self: SecurityIdentifier | null;
}

/**
 * As accessCheck, for an object whose entries may be about single properties (SeAccessCheckByType): what each node of the tree is
 * granted. What is granted to a node is granted to all below it, and to a node whose whole inside has it; what is denied to a
 * node is denied to all around it.
 */
export function accessCheckEachType(request: TypedRequest): readonly AccessResult[] {
  const { descriptor, token, desired, all, types, self } = request;
  const { status, maximum, remaining, granted: held } = withoutDacl(descriptor, token, desired, 0);
  if (!isSuccess(status)) return types.map(() => ({ status, granted: 0 }));
  const granted = grantedByDacl(descriptor, token, types, self) ?? types.map(() => remaining | (maximum ? all : 0));
  return granted.map((rights): AccessResult => {
    const got = held | (maximum ? rights : rights & remaining);
    const result = decide(got, remaining);
    // Who asks about each is told what there is of it.
    return isSuccess(result.status) ? result : { status: Status.ACCESS_DENIED, granted: got >>> 0 };
  });
}

/** What all properties together are granted: the root's answer. ACCESS_DENIED, PRIVILEGE_NOT_HELD. */
export function accessCheckByType(request: TypedRequest): AccessResult {
  const [root] = accessCheckEachType(request);
  return root !== undefined && isSuccess(root.status)
    ? root
    : { status: root?.status ?? Status.ACCESS_DENIED, granted: 0 };
}

/** Rights by node; null when there is no DACL, which grants everything. */
function grantedByDacl(
  { control, dacl }: SecurityDescriptor,
  token: Token,
  types: readonly ObjectTypeEntry[],
  self: SecurityIdentifier | null,
): number[] | null {
  if (dacl === null || (control & Control.DACL_PRESENT) === 0) return null;
  const named = (sid: SecurityIdentifier): SecurityIdentifier =>
    self !== null && sameSid(sid, PRINCIPAL_SELF) ? self : sid;
  const granted = walk(dacl, types, (sid, denial) => token.hasSid(named(sid), denial));
  if (!token.isRestricted) return granted;
  const restricted = walk(dacl, types, (sid) => token.hasRestrictedSid(named(sid)));
  return granted.map((rights, index) => rights & (restricted[index] ?? 0));
}

function walk(dacl: AccessControlList, types: readonly ObjectTypeEntry[], matches: Matches): number[] {
  const tree = new TypeTree(types);
  for (const { type, flags, mask, sid, objectType } of dacl.entries) {
    if (sid === null || (flags & AceFlag.INHERIT_ONLY) !== 0) continue;
    const node = objectType === null ? 0 : types.findIndex((entry) => entry.type === objectType);
    if (node < 0) continue;
    const isAllowed = type === AceType.ACCESS_ALLOWED || type === AceType.ACCESS_ALLOWED_OBJECT;
    const isDenied = type === AceType.ACCESS_DENIED || type === AceType.ACCESS_DENIED_OBJECT;
    if (isAllowed && matches(sid, false)) tree.grant(node, mask);
    else if (isDenied && matches(sid, true)) tree.deny(node, mask);
  }
  return tree.granted;
}

/** Rights granted and denied so far, by node. */
class TypeTree {
  readonly granted: number[];
  readonly #denied: number[];
  /** The node around each; -1 for the root. */
  readonly #parents: readonly number[];
  /** The node behind the last one below each. */
  readonly #ends: number[];

  constructor(types: readonly ObjectTypeEntry[]) {
    this.granted = types.map(() => 0);
    this.#denied = types.map(() => 0);
    this.#ends = types.map(() => types.length);
    const open: number[] = [];
    this.#parents = types.map(({ level }, index) => {
      for (const closed of open.splice(level)) this.#ends[closed] = index;
      open.push(index);
      return open.at(-2) ?? -1;
    });
  }

  grant(node: number, mask: number): void {
    for (let at = node; at < this.#ends[node]; at++) this.granted[at] |= mask & ~this.#denied[at];
    for (let at = this.#parents[node]; at >= 0; at = this.#parents[at]) {
      let common = ~this.#denied[at];
      for (let child = at + 1; child < this.#ends[at]; child = this.#ends[child]) common &= this.granted[child];
      this.granted[at] |= common;
    }
  }

  deny(node: number, mask: number): void {
    const deny = (at: number): void => {
      this.#denied[at] |= mask & ~this.granted[at];
    };
    for (let at = node; at < this.#ends[node]; at++) deny(at);
    for (let at = this.#parents[node]; at >= 0; at = this.#parents[at]) deny(at);
  }
}
