declare const brand: unique symbol;

/**
 * Where a PTE's bytes lie: index of its low dword in the machine's linear memory (PhysicalMemory.words). Stays valid
 * for the machine's life, because a frame never changes its host frame. 0 = there is no such PTE.
 */
export type PteLocation = number & { readonly [brand]: 'PteLocation' };
export const pteLocation = (word: number): PteLocation => word as PteLocation;
export const NO_PTE = 0 as PteLocation;

/** Whom a valid PTE admits: bit 2 of the hardware format. */
export const PteOwner = { Kernel: 0, User: 4 } as const;
export type PteOwner = (typeof PteOwner)[keyof typeof PteOwner];

/**
 * One of the two page-table formats with every hardware and software form of a PTE (nt52.md 2.1 to 2.4). The same
 * functions serve PTEs, PDEs, prototype PTEs and the OriginalPte of the PFN database: all are bytes at a location.
 * Nothing here touches the TLB or the PFN database.
 */
export interface PteFormat {
  readonly isPae: boolean;
  /** Bytes of an entry: 4 or 8; dwords of an entry: 1 or 2. */
  readonly entrySize: number;
  readonly entryWords: number;
  /** Entries in a page table: 1024 or 512. */
  readonly entriesPerTable: number;
  /** log2 of the bytes that one page table maps: 22 or 21. */
  readonly tableShift: number;
  /** Page directories of a process: 1 or 4. */
  readonly directoryCount: number;
  /** Page tables of the whole user half: 512 or 1024 where it has 2 GB. */
  readonly userTables: number;
  readonly hyperspace: number;
  readonly pteTop: number;
  /** True when execute faults exist: PAE with NX. */
  readonly noExecute: boolean;

  /** The same format over other words, for entries that are not in memory now. */
  over(words: Int32Array): PteFormat;

  /** Address of the PTE (PDE) of a virtual address in the self-map; unsigned. */
  pteAddress(address: number): number;
  pdeAddress(address: number): number;
  /** Virtual address that the PTE at a self-map address maps. */
  addressOfPte(pteAddress: number): number;

  // --- reading
  low(at: PteLocation): number;
  /** High dword, 0 for the 4-byte format. */
  high(at: PteLocation): number;
  isZero(at: PteLocation): boolean;
  isValid(at: PteLocation): boolean;
  /** Valid form: */
  frame(at: PteLocation): number;
  isWritable(at: PteLocation): boolean;
  isUser(at: PteLocation): boolean;
  isAccessed(at: PteLocation): boolean;
  isDirty(at: PteLocation): boolean;
  isLargePage(at: PteLocation): boolean;
  isCopyOnWrite(at: PteLocation): boolean;
  isNoExecute(at: PteLocation): boolean;
  /** Invalid forms; each is false for a valid PTE: */
  isDemandZero(at: PteLocation): boolean;
  isDecommitted(at: PteLocation): boolean;
  isTransition(at: PteLocation): boolean;
  /** Prototype pointer or lookup marker in a hardware PTE; subsection form in a prototype PTE. */
  isPrototype(at: PteLocation): boolean;
  /** Prototype form whose prototype PTE must be found through the VAD; protection() holds the protection. */
  isLookupMarker(at: PteLocation): boolean;
  /** Protection field of page-file, demand-zero, transition, lookup-marker and subsection forms. */
  protection(at: PteLocation): number;
  transitionFrame(at: PteLocation): number;
  prototypeAddress(at: PteLocation): number;
  prototypeIsReadOnly(at: PteLocation): boolean;
  subsectionAddress(at: PteLocation): number;
  pageFileNumber(at: PteLocation): number;
  pageFileOffset(at: PteLocation): number;

  // --- writing
  copy(to: PteLocation, from: PteLocation): void;
  write(at: PteLocation, low: number, high: number): void;
  writeZero(at: PteLocation): void;
  /** Valid | Accessed | owner | frame | what the protection asks for; Dirty when asked for and writable. */
  writeValid(at: PteLocation, frame: number, protection: number, owner: PteOwner, dirty: boolean): void;
  /** The kernel's template: Valid | Write | Dirty | Accessed, Global when asked for; never user. */
  writeKernel(at: PteLocation, frame: number, global: boolean): void;
  /** A PDE for a page table: Valid | Write | Dirty | Accessed and the owner. */
  writeTable(at: PteLocation, frame: number, owner: PteOwner): void;
  writeDemandZero(at: PteLocation, protection: number): void;
  writeDecommitted(at: PteLocation): void;
  writeTransition(at: PteLocation, frame: number, protection: number): void;
  writePrototypePointer(at: PteLocation, prototypeAddress: number, readOnly: boolean): void;
  writeLookupMarker(at: PteLocation, protection: number): void;
  writeSubsection(at: PteLocation, subsectionAddress: number, protection: number): void;
  writePageFile(at: PteLocation, file: number, offset: number, protection: number): void;
  /** Changes the protection field of any invalid form that has one. */
  setProtection(at: PteLocation, protection: number): void;
  /** Changes what a valid PTE permits, keeping frame, owner, accessed, dirty and cache bits of the new protection. */
  setValidProtection(at: PteLocation, protection: number): void;
  /** Makes a valid PDE one of a large page. */
  setLargePage(at: PteLocation): void;
  setDirty(at: PteLocation): void;
  clearDirty(at: PteLocation): void;
  setAccessed(at: PteLocation, accessed: boolean): void;
  /** Takes the right to execute away from a valid page; nothing without PAE. */
  setNoExecute(at: PteLocation): void;
  /** Lets a page be executed where the process may execute data. */
  clearNoExecute(at: PteLocation): void;
}
