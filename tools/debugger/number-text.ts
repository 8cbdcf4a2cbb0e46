/** Numbers as kd writes them. */

/** 8 lower-case digits. */
export function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0');
}

/** 8 upper-case digits, as !pte and !pfn have them. */
export function upper8(value: number): string {
  return hex8(value).toUpperCase();
}

export function hex4(value: number): string {
  return (value & 0xffff).toString(16).padStart(4, '0');
}

export function hex2(value: number): string {
  return (value & 0xff).toString(16).padStart(2, '0');
}

/** No leading zeros, lower case. */
export function hex(value: number): string {
  return value.toString(16);
}

/** 64 bits as kd writes them: 00000000`00000000. */
export function hex16(value: bigint): string {
  const digits = BigInt.asUintN(64, value).toString(16).padStart(16, '0');
  return `${digits.slice(0, 8)}\`${digits.slice(8)}`;
}

/** Characters that a terminal shows as they are; everything else is a dot. */
export function printable(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
}
