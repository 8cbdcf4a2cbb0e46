/** A security identifier: revision 1, an authority below 2^32 and up to 15 sub-authorities. */
export interface SecurityIdentifier {
  readonly authority: number;
  readonly subAuthorities: readonly number[];
}

const NT_AUTHORITY = 5;
const ntSid = (...subAuthorities: readonly number[]): SecurityIdentifier => ({
  authority: NT_AUTHORITY,
  subAuthorities,
});
/** The machine's own domain, a fixed one: runs are to be alike everywhere. */
const MACHINE = [21, 86, 1986, 2005] as const;

/** An account of the machine's own domain by its relative identifier. */
export const machineSid = (relative: number): SecurityIdentifier => ntSid(...MACHINE, relative);

/** Well-known identifiers. */
export const EVERYONE: SecurityIdentifier = { authority: 1, subAuthorities: [0] };
export const LOCAL: SecurityIdentifier = { authority: 2, subAuthorities: [0] };
export const CREATOR_OWNER: SecurityIdentifier = { authority: 3, subAuthorities: [0] };
export const CREATOR_GROUP: SecurityIdentifier = { authority: 3, subAuthorities: [1] };
export const INTERACTIVE = ntSid(4);
export const ANONYMOUS = ntSid(7);
export const AUTHENTICATED_USERS = ntSid(11);
export const RESTRICTED_CODE = ntSid(12);
export const LOCAL_SYSTEM = ntSid(18);
export const ADMINISTRATORS = ntSid(32, 544);
export const USERS = ntSid(32, 545);

/** Tells whether two identifiers are the same. */
export function sameSid(left: SecurityIdentifier, right: SecurityIdentifier): boolean {
  if (left === right) return true;
  const { subAuthorities } = left;
  return (
    left.authority === right.authority &&
    subAuthorities.length === right.subAuthorities.length &&
    subAuthorities.every((value, index) => value === right.subAuthorities[index])
  );
}

/** The SID as bytes: revision, count, authority (6, big endian), sub-authorities. */
export function sidBytes(sid: SecurityIdentifier): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * sid.subAuthorities.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = sid.subAuthorities.length;
  view.setUint32(4, sid.authority);
  sid.subAuthorities.forEach((value, index) => {
    view.setUint32(8 + 4 * index, value, true);
  });
  return bytes;
}
