import * as layout from './layout.js';
import type { PteFormat, PteLocation, PteOwner } from './pte.js';
import { CommonPteFormat, DECOMMITTED, isDataOnly, PteBit } from './pte-common.js';

/** Bits 32-37 of the frame's address. */
const HIGH_FRAME_FIELD = 0x3f;
const NO_EXECUTE = 0x80000000 | 0;
const LOOKUP = -1;

/**
 * The 8-byte format of the three-level tables. The high dword is written first when an entry becomes valid and last
 * when it becomes invalid; with one processor the order is visible to nobody.
 */
export class PaePteFormat extends CommonPteFormat implements PteFormat {
  readonly isPae = true;
  readonly entrySize = 8;
  readonly entryWords = 2;
  readonly entriesPerTable = 512;
  readonly tableShift = 21;
  readonly directoryCount = 4;
  readonly hyperspace = layout.HYPERSPACE_PAE;
  readonly pteTop = layout.PTE_TOP_PAE;
  readonly noExecute = true;

  over(words: Int32Array): PteFormat {
    return new PaePteFormat(words, this.layout);
  }

  pteAddress(address: number): number {
    return layout.PTE_BASE + (address >>> 12) * 8;
  }

  pdeAddress(address: number): number {
    return layout.PDE_BASE_PAE + (address >>> 21) * 8;
  }

  addressOfPte(pteAddress: number): number {
    return (pteAddress << 9) >>> 0;
  }

  high(at: PteLocation): number {
    return this.words[at + 1];
  }

  isZero(at: PteLocation): boolean {
    return (this.words[at] | this.words[at + 1]) === 0;
  }

  frame(at: PteLocation): number {
    return (this.words[at] >>> 12) | ((this.words[at + 1] & HIGH_FRAME_FIELD) << 20);
  }

  isNoExecute(at: PteLocation): boolean {
    return this.words[at + 1] < 0;
  }

  isDemandZero(at: PteLocation): boolean {
    const low = this.words[at];
    if (low === 0 || low === DECOMMITTED || this.words[at + 1] !== 0) return false;
    return (low & (PteBit.Valid | PteBit.Prototype | PteBit.Transition)) === 0;
  }

  isDecommitted(at: PteLocation): boolean {
    return this.words[at] === DECOMMITTED && this.words[at + 1] === 0;
  }

  isLookupMarker(at: PteLocation): boolean {
    const prototype = (this.words[at] & (PteBit.Valid | PteBit.Prototype)) === PteBit.Prototype;
    return prototype && this.words[at + 1] === LOOKUP;
  }

  transitionFrame(at: PteLocation): number {
    return this.frame(at);
  }

  prototypeAddress(at: PteLocation): number {
    return this.words[at + 1] >>> 0;
  }

  prototypeIsReadOnly(at: PteLocation): boolean {
    return (this.words[at] & 0x100) !== 0;
  }

  subsectionAddress(at: PteLocation): number {
    return this.words[at + 1] >>> 0;
  }

  pageFileOffset(at: PteLocation): number {
    return this.words[at + 1] >>> 0;
  }

  copy(to: PteLocation, from: PteLocation): void {
    this.write(to, this.words[from], this.words[from + 1]);
  }

  write(at: PteLocation, low: number, high: number): void {
    this.words[at + 1] = high;
    this.words[at] = low;
  }

  writeZero(at: PteLocation): void {
    this.write(at, 0, 0);
  }

  writeValid(at: PteLocation, frame: number, protection: number, owner: PteOwner, dirty: boolean): void {
    const high = frame >>> 20;
    const low = (frame << 12) | this.validBits(protection, owner, dirty);
    this.write(at, low, isDataOnly(protection) ? high | NO_EXECUTE : high);
  }

  writeKernel(at: PteLocation, frame: number, global: boolean): void {
    this.write(at, (frame << 12) | this.kernelBits(global), frame >>> 20);
  }

  writeTable(at: PteLocation, frame: number, owner: PteOwner): void {
    this.write(at, (frame << 12) | this.tableBits(owner), frame >>> 20);
  }

  writeDemandZero(at: PteLocation, protection: number): void {
    this.write(at, this.softwareBits(protection), 0);
  }

  writeDecommitted(at: PteLocation): void {
    this.write(at, DECOMMITTED, 0);
  }

  writeTransition(at: PteLocation, frame: number, protection: number): void {
    this.write(at, (frame << 12) | this.transitionBits(protection), frame >>> 20);
  }

  writePrototypePointer(at: PteLocation, prototypeAddress: number, readOnly: boolean): void {
    this.write(at, readOnly ? PteBit.Prototype | 0x100 : PteBit.Prototype, prototypeAddress | 0);
  }

  writeLookupMarker(at: PteLocation, protection: number): void {
    this.write(at, PteBit.Prototype | this.softwareBits(protection), LOOKUP);
  }

  writeSubsection(at: PteLocation, subsectionAddress: number, protection: number): void {
    this.write(at, PteBit.Prototype | this.softwareBits(protection), subsectionAddress | 0);
  }

  writePageFile(at: PteLocation, file: number, offset: number, protection: number): void {
    this.write(at, (file << 1) | this.softwareBits(protection), offset | 0);
  }

  setValidProtection(at: PteLocation, protection: number): void {
    this.words[at] = this.withRights(this.words[at], protection);
    const high = this.words[at + 1] & ~NO_EXECUTE;
    this.words[at + 1] = isDataOnly(protection) ? high | NO_EXECUTE : high;
  }

  setNoExecute(at: PteLocation): void {
    this.words[at + 1] |= NO_EXECUTE;
  }

  /** Strips NX where the process may execute data. */
  clearNoExecute(at: PteLocation): void {
    this.words[at + 1] &= ~NO_EXECUTE;
  }
}
