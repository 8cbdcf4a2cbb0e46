/**
 * Page protection: the Win32 values that services take, the five-bit mask that PTEs, VADs and subsections keep, and
 * the tables that say which goes with which (nt52 2.5, 2.6).
 */

/** Win32 page protection values, as programs pass them. */
export const PageProtection = {
  NoAccess: 0x01,
  ReadOnly: 0x02,
  ReadWrite: 0x04,
  WriteCopy: 0x08,
  Execute: 0x10,
  ExecuteRead: 0x20,
  ExecuteReadWrite: 0x40,
  ExecuteWriteCopy: 0x80,
  Guard: 0x100,
  NoCache: 0x200,
  WriteCombine: 0x400,
} as const;

/** The five-bit protection mask: three bits of access, two of modifier. */
export const ProtectionMask = {
  ZeroAccess: 0,
  ReadOnly: 1,
  Execute: 2,
  ExecuteRead: 3,
  ReadWrite: 4,
  WriteCopy: 5,
  ExecuteReadWrite: 6,
  ExecuteWriteCopy: 7,
  NoCache: 0x08,
  Guard: 0x10,
  WriteCombine: 0x18,
  /** Guard alone: the page was decommitted. */
  Decommit: 0x10,
  /** Both modifiers alone: no access. */
  NoAccess: 0x18,
  /** The protection is the prototype PTE's. */
  Unknown: 0x100,
} as const;

/** What makeProtectionMask returns for a value that is not a legal protection. */
export const INVALID_PROTECTION = -1;

const ACCESS_BITS = 7;
const MODIFIER_BITS = 0x18;

const maskOfNibble: readonly number[] = [
  INVALID_PROTECTION,
  ProtectionMask.NoAccess,
  ProtectionMask.ReadOnly,
  INVALID_PROTECTION,
  ProtectionMask.ReadWrite,
  INVALID_PROTECTION,
  INVALID_PROTECTION,
  INVALID_PROTECTION,
  ProtectionMask.WriteCopy,
];

const maskOfExecuteNibble: readonly number[] = [
  INVALID_PROTECTION,
  ProtectionMask.Execute,
  ProtectionMask.ExecuteRead,
  INVALID_PROTECTION,
  ProtectionMask.ExecuteReadWrite,
  INVALID_PROTECTION,
  INVALID_PROTECTION,
  INVALID_PROTECTION,
  ProtectionMask.ExecuteWriteCopy,
];

/**
 * Win32 protection to mask (MiMakeProtectionMask).
 * Returns INVALID_PROTECTION where services answer INVALID_PAGE_PROTECTION.
 */
export function makeProtectionMask(protection: number): number {
  const value = protection >>> 0;
  if (value >= 0x800) return INVALID_PROTECTION;
  const low = value & 0xf;
  const high = (value >>> 4) & 0xf;
  if ((low === 0) === (high === 0)) return INVALID_PROTECTION;
  const mask = (low !== 0 ? maskOfNibble[low] : maskOfExecuteNibble[high]) ?? INVALID_PROTECTION;
  if (mask === INVALID_PROTECTION) return INVALID_PROTECTION;
  const guard = (value & PageProtection.Guard) !== 0;
  const noCache = (value & PageProtection.NoCache) !== 0;
  const writeCombine = (value & PageProtection.WriteCombine) !== 0;
  if (guard && (mask === ProtectionMask.NoAccess || noCache || writeCombine)) return INVALID_PROTECTION;
  if (noCache && (mask === ProtectionMask.NoAccess || writeCombine)) return INVALID_PROTECTION;
  if (writeCombine && mask === ProtectionMask.NoAccess) return INVALID_PROTECTION;
  if (guard) return mask | ProtectionMask.Guard;
  if (noCache) return mask | ProtectionMask.NoCache;
  if (writeCombine) return mask | ProtectionMask.WriteCombine;
  return mask;
}

const win32OfAccess: readonly number[] = [
  PageProtection.NoAccess,
  PageProtection.ReadOnly,
  PageProtection.Execute,
  PageProtection.ExecuteRead,
  PageProtection.ReadWrite,
  PageProtection.WriteCopy,
  PageProtection.ExecuteReadWrite,
  PageProtection.ExecuteWriteCopy,
];

const win32OfModifier: readonly number[] = [
  0,
  PageProtection.NoCache,
  PageProtection.Guard,
  PageProtection.WriteCombine,
];

/** Mask to the Win32 value that queries report. */
export function win32Protection(mask: number): number {
  const access = mask & ACCESS_BITS;
  if (access === 0) return PageProtection.NoAccess;
  return win32OfAccess[access] | win32OfModifier[(mask & MODIFIER_BITS) >>> 3];
}

/** True when the mask is one of the write-copy protections. */
export function isCopyOnWrite(mask: number): boolean {
  return (mask & 5) === 5;
}

/** True when a store is allowed, at once or after a copy. */
export function isWritable(mask: number): boolean {
  return (mask & 4) !== 0;
}

/** True when the mask has any execute right. */
export function isExecutable(mask: number): boolean {
  return (mask & 2) !== 0;
}

/** True when the mask carries the guard modifier on top of some access. */
export function isGuard(mask: number): boolean {
  return (mask & MODIFIER_BITS) === ProtectionMask.Guard && (mask & ACCESS_BITS) !== 0;
}

/** True for the mask of a page nobody may touch. */
export function isNoAccess(mask: number): boolean {
  return mask === ProtectionMask.NoAccess;
}

/** WRITECOPY becomes READWRITE, EXECUTE_WRITECOPY becomes EXECUTE_READWRITE; modifiers stay. */
export function makeNotWriteCopy(mask: number): number {
  return isCopyOnWrite(mask) ? mask & ~1 : mask;
}

/** READWRITE becomes WRITECOPY, EXECUTE_READWRITE becomes EXECUTE_WRITECOPY; modifiers stay. */
export function makeWriteCopy(mask: number): number {
  const access = mask & ACCESS_BITS;
  return access === ProtectionMask.ReadWrite || access === ProtectionMask.ExecuteReadWrite ? mask | 1 : mask;
}

/** The access-check table of nt52 2.6: may code read (or write) through this mask? Write-copy passes the write check. */
export function permitsAccess(mask: number, write: boolean): boolean {
  const access = mask & ACCESS_BITS;
  return write ? access >= ProtectionMask.ReadWrite : access !== 0;
}

/** Bit set of the access values that a section created with access i tolerates in views. */
const compatibleViews: readonly number[] = [
  0b0000_0001, 0b0010_0011, 0b0000_0101, 0b0010_1111, 0b0011_0011, 0b0010_0011, 0b1111_1111, 0b1010_1111,
];

/** May a view of a section with this mask have (or be re-protected to) the other mask? Else SECTION_PROTECTION. */
export function isViewCompatible(sectionMask: number, viewMask: number): boolean {
  return ((compatibleViews[sectionMask & ACCESS_BITS] >>> (viewMask & ACCESS_BITS)) & 1) !== 0;
}

/** Section access rights (nt52 12.2). */
export const SectionAccess = {
  Query: 0x01,
  MapWrite: 0x02,
  MapRead: 0x04,
  MapExecute: 0x08,
  ExtendSize: 0x10,
  MapExecuteExplicit: 0x20,
  All: 0xf001f,
} as const;

const { MapRead, MapWrite, MapExecute } = SectionAccess;
const viewAccess: readonly number[] = [
  MapRead,
  MapRead,
  MapExecute,
  MapExecute | MapRead,
  MapWrite,
  MapRead,
  MapExecute | MapWrite,
  MapExecute | MapRead,
];

/** Section handle access that a view with this mask needs. */
export function sectionAccessForView(mask: number): number {
  return viewAccess[mask & ACCESS_BITS];
}

const FILE_READ_DATA = 0x01;
const FILE_WRITE_DATA = 0x02;
const FILE_EXECUTE = 0x20;
const fileAccess: readonly number[] = [
  FILE_READ_DATA,
  FILE_READ_DATA,
  FILE_EXECUTE,
  FILE_EXECUTE | FILE_READ_DATA,
  FILE_WRITE_DATA | FILE_READ_DATA,
  FILE_READ_DATA,
  FILE_EXECUTE | FILE_WRITE_DATA | FILE_READ_DATA,
  FILE_EXECUTE | FILE_READ_DATA,
];

/** File handle access that creating a section with this mask needs. */
export function fileAccessForSection(mask: number): number {
  return fileAccess[mask & ACCESS_BITS];
}
