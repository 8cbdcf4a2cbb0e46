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

/** Replaces generic rights by what they mean for a type (RtlMapGenericMask). */
export function mapGenericMask(mask: number, mapping: GenericMapping): number {
  let mapped = mask & 0x0fffffff;
  if ((mask & Access.GENERIC_READ) !== 0) mapped |= mapping.read;
  if ((mask & Access.GENERIC_WRITE) !== 0) mapped |= mapping.write;
  if ((mask & Access.GENERIC_EXECUTE) !== 0) mapped |= mapping.execute;
  if ((mask & Access.GENERIC_ALL) !== 0) mapped |= mapping.all;
  return mapped >>> 0;
}
