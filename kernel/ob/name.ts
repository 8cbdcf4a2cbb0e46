/** Longest name in UTF-16 code units: UNICODE_STRING counts bytes in 16 bits. */
export const MAXIMUM_NAME_LENGTH = 32767;

/**
 * Upper-cases a name one UTF-16 code unit at a time, as the kernel's upcase table does: characters without a single
 * upper-case counterpart stay, and none becomes an ASCII letter but an ASCII letter (RtlUpcaseUnicodeChar).
 */
export function upcaseName(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return name.toUpperCase();
  let result = '';
  for (let index = 0; index < name.length; index++) {
    const unit = name.charAt(index);
    const upper = unit.toUpperCase();
    const stays = upper.length !== 1 || (upper < '\x80' && unit >= '\x80');
    result += stays ? unit : upper;
  }
  return result;
}

/** Compares two names by their upper-case forms: negative, 0 or positive, by code unit. */
export function compareNames(left: string, right: string): number {
  const upperLeft = upcaseName(left);
  const upperRight = upcaseName(right);
  if (upperLeft === upperRight) return 0;
  return upperLeft < upperRight ? -1 : 1;
}
