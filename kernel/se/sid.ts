/** A security identifier: revision 1, an authority of 48 bits and up to 15 sub-authorities. */
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
export const NETWORK = ntSid(2);
export const INTERACTIVE = ntSid(4);
export const ANONYMOUS = ntSid(7);
export const PRINCIPAL_SELF = ntSid(10);
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
  const bytes = new Uint8Array(sidLength(sid.subAuthorities.length));
  const view = new DataView(bytes.buffer);
  bytes[0] = 1;
  bytes[1] = sid.subAuthorities.length;
  view.setUint16(2, Math.floor(sid.authority / 2 ** 32));
  view.setUint32(4, sid.authority >>> 0);
  sid.subAuthorities.forEach((value, index) => {
    view.setUint32(8 + 4 * index, value, true);
  });
  return bytes;
}

const MAXIMUM_SUB_AUTHORITIES = 15;

/** The SID that starts at an offset; null when none does (RtlValidSid), or it goes beyond the bytes. */
export function parseSid(bytes: Uint8Array, offset: number): SecurityIdentifier | null {
  if (offset < 0 || offset + 8 > bytes.length) return null;
  const count = bytes[offset + 1];
  if (bytes[offset] !== 1 || count > MAXIMUM_SUB_AUTHORITIES || offset + sidLength(count) > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, sidLength(count));
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const subAuthorities = Array.from({ length: count }, (_, index) => view.getUint32(8 + index * 4, true));
  return { authority, subAuthorities };
}

/** Bytes of a SID with so many sub-authorities. */
export function sidLength(subAuthorities: number): number {
  return 8 + 4 * subAuthorities;
}
