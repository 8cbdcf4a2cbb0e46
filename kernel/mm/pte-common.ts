import type { AddressLayout } from './layout.js';
import { isCopyOnWrite, ProtectionMask } from './protection.js';
import { type PteLocation, PteOwner } from './pte.js';

/** Bits of the low dword that both formats share (nt52.md 2.1, 2.2). */
export const PteBit = {
  Valid: 0x1,
  Write: 0x2,
  User: 0x4,
  WriteThrough: 0x8,
  CacheDisable: 0x10,
  Accessed: 0x20,
  Dirty: 0x40,
  Large: 0x80,
  Global: 0x100,
  CopyOnWrite: 0x200,
  Prototype: 0x400,
  Transition: 0x800,
} as const;

const PROTECTION_SHIFT = 5;
const PROTECTION_FIELD = 0x3e0;
/** MM_DECOMMIT in the protection field and nothing else. */
export const DECOMMITTED = ProtectionMask.Decommit << PROTECTION_SHIFT;
const RIGHTS = PteBit.Write | PteBit.CopyOnWrite | PteBit.CacheDisable | PteBit.WriteThrough;

/** Hardware bits that a protection asks for in a valid PTE. The guard modifier never reaches one. */
export function hardwareBits(protection: number): number {
  let bits = 0;
  if (isCopyOnWrite(protection)) bits = PteBit.CopyOnWrite;
  else if ((protection & 4) !== 0) bits = PteBit.Write;
  const noCacheOrCombine = (protection & ProtectionMask.NoCache) !== 0;
  return noCacheOrCombine ? bits | PteBit.CacheDisable : bits;
}

/** Data without execute right: READONLY, READWRITE and WRITECOPY under every modifier. */
export function isDataOnly(protection: number): boolean {
  const access = protection & 7;
  return (
    access === ProtectionMask.ReadOnly || access === ProtectionMask.ReadWrite || access === ProtectionMask.WriteCopy
  );
}

/** What is the same in both formats: everything that the low dword decides. */
export abstract class CommonPteFormat {
  abstract readonly tableShift: number;
  protected readonly words: Int32Array;
  protected readonly layout: AddressLayout;

  constructor(words: Int32Array, layout: AddressLayout) {
    this.words = words;
    this.layout = layout;
  }

  get userTables(): number {
    return this.layout.systemRangeStart >>> this.tableShift;
  }

  low(at: PteLocation): number {
    return this.words[at];
  }

  isValid(at: PteLocation): boolean {
    return (this.words[at] & PteBit.Valid) !== 0;
  }

  isWritable(at: PteLocation): boolean {
    return (this.words[at] & PteBit.Write) !== 0;
  }

  isUser(at: PteLocation): boolean {
    return (this.words[at] & PteBit.User) !== 0;
  }

  isAccessed(at: PteLocation): boolean {
    return (this.words[at] & PteBit.Accessed) !== 0;
  }

  isDirty(at: PteLocation): boolean {
    return (this.words[at] & PteBit.Dirty) !== 0;
  }

  isLargePage(at: PteLocation): boolean {
    return (this.words[at] & PteBit.Large) !== 0;
  }

  isCopyOnWrite(at: PteLocation): boolean {
    return (this.words[at] & PteBit.CopyOnWrite) !== 0;
  }

  isTransition(at: PteLocation): boolean {
    return (this.words[at] & (PteBit.Valid | PteBit.Prototype | PteBit.Transition)) === PteBit.Transition;
  }

  isPrototype(at: PteLocation): boolean {
    return (this.words[at] & (PteBit.Valid | PteBit.Prototype)) === PteBit.Prototype;
  }

  protection(at: PteLocation): number {
    return (this.words[at] & PROTECTION_FIELD) >>> PROTECTION_SHIFT;
  }

  setProtection(at: PteLocation, protection: number): void {
    this.words[at] = (this.words[at] & ~PROTECTION_FIELD) | (protection << PROTECTION_SHIFT);
  }

  setLargePage(at: PteLocation): void {
    this.words[at] |= PteBit.Large;
  }

  setDirty(at: PteLocation): void {
    this.words[at] |= PteBit.Dirty;
  }

  clearDirty(at: PteLocation): void {
    this.words[at] &= ~PteBit.Dirty;
  }

  setAccessed(at: PteLocation, accessed: boolean): void {
    this.words[at] = accessed ? this.words[at] | PteBit.Accessed : this.words[at] & ~PteBit.Accessed;
  }

  pageFileNumber(at: PteLocation): number {
    return (this.words[at] >>> 1) & 0xf;
  }

  /** Low twelve bits of a valid PTE. */
  protected validBits(protection: number, owner: PteOwner, dirty: boolean): number {
    const bits = PteBit.Valid | PteBit.Accessed | owner | hardwareBits(protection);
    return dirty && (bits & PteBit.Write) !== 0 ? bits | PteBit.Dirty : bits;
  }

  protected kernelBits(global: boolean): number {
    const bits = PteBit.Valid | PteBit.Write | PteBit.Dirty | PteBit.Accessed;
    return global ? bits | PteBit.Global : bits;
  }

  protected tableBits(owner: PteOwner): number {
    return PteBit.Valid | PteBit.Write | PteBit.Dirty | PteBit.Accessed | owner;
  }

  /** Low twelve bits of a transition PTE: what hardware bits the page will come back with, and its protection. */
  protected transitionBits(protection: number): number {
    const write = (protection & 4) !== 0 && !isCopyOnWrite(protection) ? PteBit.Write : 0;
    return PteBit.Transition | PteOwner.User | write | (protection << PROTECTION_SHIFT);
  }

  protected softwareBits(protection: number): number {
    return protection << PROTECTION_SHIFT;
  }

  /** The low dword of a valid PTE with other rights. */
  protected withRights(low: number, protection: number): number {
    const bits = hardwareBits(protection);
    const dirty = (bits & PteBit.Write) === 0 ? ~PteBit.Dirty : -1;
    return ((low & ~RIGHTS) | bits) & dirty;
  }
}
