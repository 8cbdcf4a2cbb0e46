import * as layout from './layout.js';
import type { PteFormat, PteLocation, PteOwner } from './pte.js';
import { CommonPteFormat, DECOMMITTED, PteBit } from './pte-common.js';

const FRAME_FIELD = 0xfffff000 | 0;
/** SUBSECTION addresses are packed relative to the nonpaged pool (nt52.md 2.2), 128 MB from either end. */
const SUBSECTION_REACH = 0x8000000;
const WHICH_POOL = 0x80000000 | 0;

/** The 4-byte format of the two-level tables. */
export class X86PteFormat extends CommonPteFormat implements PteFormat {
  readonly isPae = false;
  readonly entrySize = 4;
  readonly entryWords = 1;
  readonly entriesPerTable = 1024;
  readonly tableShift = 22;
  readonly directoryCount = 1;
  readonly hyperspace = layout.HYPERSPACE_X86;
  readonly pteTop = layout.PTE_TOP_X86;
  readonly noExecute = false;

  over(words: Int32Array): PteFormat {
    return new X86PteFormat(words, this.layout);
  }

  pteAddress(address: number): number {
    return layout.PTE_BASE + (address >>> 12) * 4;
  }

  pdeAddress(address: number): number {
    return layout.PDE_BASE_X86 + (address >>> 22) * 4;
  }

  addressOfPte(pteAddress: number): number {
    return (pteAddress << 10) >>> 0;
  }

  high(_at: PteLocation): number {
    return 0;
  }

  isZero(at: PteLocation): boolean {
    return this.words[at] === 0;
  }

  frame(at: PteLocation): number {
    return this.words[at] >>> 12;
  }

  isNoExecute(_at: PteLocation): boolean {
    return false;
  }

  isDemandZero(at: PteLocation): boolean {
    const low = this.words[at];
    return low !== 0 && low !== DECOMMITTED && (low & 0xfffffc01) === 0;
  }

  isDecommitted(at: PteLocation): boolean {
    return this.words[at] === DECOMMITTED;
  }

  isLookupMarker(at: PteLocation): boolean {
    const low = this.words[at];
    return (low & (PteBit.Valid | PteBit.Prototype)) === PteBit.Prototype && (low & FRAME_FIELD) === FRAME_FIELD;
  }

  transitionFrame(at: PteLocation): number {
    return this.words[at] >>> 12;
  }

  prototypeAddress(at: PteLocation): number {
    const low = this.words[at];
    return layout.PAGED_POOL_START + (((low >>> 11) << 9) + ((low & 0xfe) << 1));
  }

  prototypeIsReadOnly(at: PteLocation): boolean {
    return (this.words[at] & 0x100) !== 0;
  }

  subsectionAddress(at: PteLocation): number {
    const low = this.words[at];
    const offset = (((low >>> 1) & 0xf) << 3) | (((low >>> 11) & 0xfffff) << 7);
    return (low & WHICH_POOL) !== 0 ? this.layout.pfnDatabase + offset : this.layout.nonPagedPoolEnd - offset;
  }

  pageFileOffset(at: PteLocation): number {
    return this.words[at] >>> 12;
  }

  copy(to: PteLocation, from: PteLocation): void {
    this.words[to] = this.words[from];
  }

  write(at: PteLocation, low: number, _high: number): void {
    this.words[at] = low;
  }

  writeZero(at: PteLocation): void {
    this.words[at] = 0;
  }

  writeValid(at: PteLocation, frame: number, protection: number, owner: PteOwner, dirty: boolean): void {
    this.words[at] = (frame << 12) | this.validBits(protection, owner, dirty);
  }

  writeKernel(at: PteLocation, frame: number, global: boolean): void {
    this.words[at] = (frame << 12) | this.kernelBits(global);
  }

  writeTable(at: PteLocation, frame: number, owner: PteOwner): void {
    this.words[at] = (frame << 12) | this.tableBits(owner);
  }

  writeDemandZero(at: PteLocation, protection: number): void {
    this.words[at] = this.softwareBits(protection);
  }

  writeDecommitted(at: PteLocation): void {
    this.words[at] = DECOMMITTED;
  }

  writeTransition(at: PteLocation, frame: number, protection: number): void {
    this.words[at] = (frame << 12) | this.transitionBits(protection);
  }

  writePrototypePointer(at: PteLocation, prototypeAddress: number, readOnly: boolean): void {
    const offset = prototypeAddress - layout.PAGED_POOL_START;
    const packed = PteBit.Prototype | ((offset >> 1) & 0xfe) | ((offset << 2) & 0xfffff800);
    this.words[at] = readOnly ? packed | 0x100 : packed;
  }

  writeLookupMarker(at: PteLocation, protection: number): void {
    this.words[at] = FRAME_FIELD | PteBit.Prototype | this.softwareBits(protection);
  }

  writeSubsection(at: PteLocation, subsectionAddress: number, protection: number): void {
    const fromBase = subsectionAddress - this.layout.pfnDatabase;
    const low = fromBase >= 0 && fromBase < SUBSECTION_REACH;
    const offset = low ? fromBase : this.layout.nonPagedPoolEnd - subsectionAddress;
    const packed = (((offset >>> 3) & 0xf) << 1) | (((offset >>> 7) & 0xfffff) << 11);
    this.words[at] = PteBit.Prototype | packed | this.softwareBits(protection) | (low ? WHICH_POOL : 0);
  }

  writePageFile(at: PteLocation, file: number, offset: number, protection: number): void {
    this.words[at] = (offset << 12) | (file << 1) | this.softwareBits(protection);
  }

  setValidProtection(at: PteLocation, protection: number): void {
    this.words[at] = this.withRights(this.words[at], protection);
  }

  setNoExecute(_at: PteLocation): void {}

  clearNoExecute(_at: PteLocation): void {}
}
