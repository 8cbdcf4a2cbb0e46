import type { VirtualAddress } from '../types.js';
import { virtualAddress } from '../types.js';
import type { ClonedPage } from './clone.js';
import { isWritable, ProtectionMask, permitsAccess } from './protection.js';
import type { ControlArea } from './segment.js';

/** What kind of region a VAD describes (nt52 4.2). */
export const VadType = {
  None: 0,
  DevicePhysicalMemory: 1,
  ImageMap: 2,
  Awe: 3,
  WriteWatch: 4,
  LargePages: 5,
  RotatePhysical: 6,
  LargePageSection: 7,
} as const;
export type VadType = (typeof VadType)[keyof typeof VadType];

/** Bytes and tags of the three VAD structures. */
export const VadSize = { Short: 0x18, Normal: 0x28, Long: 0x34 } as const;
export const VadTag = { Short: 'VadS', Normal: 'Vad ', Long: 'Vadl' } as const;

/** A range of pages that may not be freed or lose the accesses named. */
export interface SecuredRange {
  readonly startingVpn: number;
  readonly endingVpn: number;
  /** True when readability alone is promised; false when the pages must stay writable. */
  readonly readOnly: boolean;
}

/**
 * A virtual address descriptor: one run of pages that were reserved or mapped together. Kernel code alone sees
 * it, so it is an object; its pool block (poolAddress) is charged with NT's tag and size.
 */
export class Vad {
  /** First and last page, inclusive. */
  startingVpn: number;
  endingVpn: number;

  /** Committed pages of a private region, or pages charged for copies of a section view. */
  commitCharge = 0;
  type: VadType = VadType.None;
  /** Five-bit mask. */
  protection: number;
  privateMemory: boolean;
  /** Reserved and committed in one call: zero PTEs count as committed with `protection`. */
  memCommit = false;
  noChange = false;
  /** CommitCharge MM_MAX_COMMIT: addresses that the kernel keeps from the process; nothing is charged for them. */
  rejectsCommit = false;

  // Views of sections.
  controlArea: ControlArea | null = null;
  /** First page of the view as a page index into the segment. */
  firstSegmentPage = 0;
  secNoChange = false;
  /** Mapped with MEM_RESERVE: the view may be longer than its file, which grows when pages are committed. */
  extendableFile = false;
  /** ViewShare: a forked child gets the view too. */
  inherit = false;
  copyOnWrite = false;
  /** The view lets stores through to the file. */
  writableUserReference = false;

  /** Regions of VadType.Awe: five-bit protections by page, null while all have the VAD's. */
  aweProtections: Uint8Array | null = null;

  /** Regions of VadType.WriteWatch: a bit for each page that was written, and the pool block that is charged for it. */
  writeWatch: Uint8Array | null = null;
  writeWatchPool: VirtualAddress = virtualAddress(0);

  /** Pages that a fork shares with other processes, by page number; their PTEs are in prototype form or map them. */
  clones: Map<number, ClonedPage> | null = null;

  readonly secured: SecuredRange[] = [];
  /** MMVAD_LONG: has room for secured ranges. */
  longVad = false;
  /** Pool block charged for the structure. */
  poolAddress: VirtualAddress = virtualAddress(0);

  // Links of the tree (vad-tree.ts alone changes them).
  parent: Vad | null = null;
  left: Vad | null = null;
  right: Vad | null = null;
  height = 1;

  constructor(startingVpn: number, endingVpn: number, protection: number, privateMemory: boolean) {
    this.startingVpn = startingVpn;
    this.endingVpn = endingVpn;
    this.protection = protection;
    this.privateMemory = privateMemory;
  }

  get startAddress(): VirtualAddress {
    return virtualAddress(this.startingVpn * 0x1000);
  }

  /** Pages of the region. */
  get pages(): number {
    return this.endingVpn - this.startingVpn + 1;
  }

  get structureSize(): number {
    if (this.longVad) return VadSize.Long;
    return this.privateMemory ? VadSize.Short : VadSize.Normal;
  }

  get tag(): string {
    if (this.longVad) return VadTag.Long;
    return this.privateMemory ? VadTag.Short : VadTag.Normal;
  }

  get isImage(): boolean {
    return this.type === VadType.ImageMap;
  }

  get isLargePages(): boolean {
    return this.type === VadType.LargePages;
  }

  /** Private memory that is committed, paged and locked as usual. */
  get isPageable(): boolean {
    return this.type === VadType.None || this.type === VadType.WriteWatch;
  }

  /**
   * Address of the prototype PTE of a page: a fork's, or that of the section that this is a view of; 0 where it has none (yet).
   * Environment: any; allocates nothing.
   */
  prototypePte(vpn: number): number {
    const cloned = this.clones?.get(vpn);
    if (cloned !== undefined) return cloned.address;
    const area = this.controlArea;
    if (area === null) return 0;
    const page = this.firstSegmentPage + (vpn - this.startingVpn);
    if (this.extendableFile && page * 0x1000 >= area.segment.extendedSize) return 0;
    return area.segment.prototypePte(page);
  }

  /**
   * MiCheckSecuredVad: may these pages get the new protection mask (0: be deleted)?
   * False is the answer INVALID_PAGE_PROTECTION.
   */
  allowsChange(startingVpn: number, endingVpn: number, newMask: number): boolean {
    if (!this.noChange) return true;
    if (this.secNoChange && newMask !== this.protection) return false;
    for (const range of this.secured) {
      if (endingVpn < range.startingVpn || startingVpn > range.endingVpn) continue;
      if ((newMask & 0x18) === ProtectionMask.Guard) return false;
      if (!(range.readOnly ? permitsAccess(newMask, false) : isWritable(newMask))) return false;
    }
    return true;
  }
}
