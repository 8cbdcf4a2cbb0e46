import { walkPageTables } from '../../cpu/index.js';
import {
  type AddressSpace,
  accessFault,
  FaultAccess,
  FaultOutcome,
  FIRST_FAILURE,
  findPte,
  type Machine,
  type MemoryManager,
  NO_PTE,
  pdeLocation,
  Status,
  systemFrame,
  systemLocation,
} from '../../kernel/index.js';

import { type Entry, entryOf } from './pte-text.js';

const PAGE_SIZE = 0x1000;
const FIRST_ERROR = 0xc0000000;
/** The one page of the user half that no VAD describes. */
const SHARED_USER_DATA = 0x7ffe0000;

/**
 * The guest's memory as a debugger reads it: nothing is paged in, no accessed bit set, no TLB filled. A page that has left its
 * working set is read where it is, in memory or in a paging file, one of an image that nobody has touched yet from its file, and
 * one that would be filled with zeros as zeros.
 */
export class GuestMemory {
  readonly #machine: Machine;
  /** Whose user half is read; null: the one in CR3. */
  space: AddressSpace | null = null;
  readonly #changed: () => void;

  /** @param changed called when the user has changed something */
  constructor(machine: Machine, changed: () => void) {
    this.#machine = machine;
    this.#changed = changed;
  }

  get #mm(): MemoryManager {
    return this.#machine.kernel.mm;
  }

  /** Bytes from an address on, as many as can be read without a gap; fewer than asked for when the rest is not there. */
  read(address: number, size: number): Uint8Array {
    const result = new Uint8Array(size);
    let done = 0;
    while (done < size) {
      const at = (address + done) % 0x1_0000_0000;
      const length = Math.min(size - done, PAGE_SIZE - (at & 0xfff));
      const page = this.#page(at);
      if (page === null) break;
      result.set(page.subarray(at & 0xfff, (at & 0xfff) + length), done);
      done += length;
    }
    return done === size ? result : result.subarray(0, done);
  }

  /** Little-endian number of 1 to 8 bytes, or null where it cannot be read. */
  readNumber(address: number, size: number): bigint | null {
    const bytes = this.read(address, size);
    if (bytes.length < size) return null;
    let value = 0n;
    for (let at = size - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]);
    return value;
  }

  read32(address: number): number | null {
    const value = this.readNumber(address, 4);
    return value === null ? null : Number(value);
  }

  read16(address: number): number | null {
    const value = this.readNumber(address, 2);
    return value === null ? null : Number(value);
  }

  /** Text up to a zero, at most so many characters; what cannot be read ends it. */
  readText(address: number, maximum: number, bytesPerCharacter: 1 | 2): string | null {
    let text = '';
    for (let index = 0; index < maximum; index++) {
      const unit = this.readNumber(address + index * bytesPerCharacter, bytesPerCharacter);
      if (unit === null) return index === 0 ? null : text;
      if (unit === 0n) break;
      text += String.fromCharCode(Number(unit));
    }
    return text;
  }

  /**
   * Addresses at which a pattern lies, every `step` bytes of a range, in ascending order. Pages that cannot be read are passed
   * over.
   */
  search(address: number, length: number, pattern: Uint8Array, step: number, maximumHits: number): number[] {
    const hits: number[] = [];
    if (pattern.length === 0) return hits;
    const end = address + length;
    for (let at = address; at + pattern.length <= end && hits.length < maximumHits; ) {
      const pageEnd = Math.min(end, (Math.floor(at / PAGE_SIZE) + 1) * PAGE_SIZE);
      const bytes = this.read(at, Math.min(pageEnd - at + pattern.length - 1, end - at));
      for (let offset = 0; offset + pattern.length <= bytes.length && at + offset < pageEnd; offset += step) {
        if (pattern.every((byte, index) => bytes[offset + index] === byte)) hits.push(at + offset);
      }
      const rest = (pageEnd - at) % step;
      at = rest === 0 ? pageEnd : pageEnd + step - rest;
    }
    return hits;
  }

  /**
   * Writes bytes as the program could: a copy-on-write page is copied, a page not there yet is brought in. Decoded code is
   * dropped. False: part of the range refuses, and what comes before it is written.
   */
  write(address: number, bytes: Uint8Array): boolean {
    const { cpu } = this.#machine.kernel;
    this.#changed();
    for (let done = 0; done < bytes.length; ) {
      const at = address + done;
      const length = Math.min(bytes.length - done, PAGE_SIZE - (at & 0xfff));
      const host = this.#writableHost(at);
      if (host === 0) return false;
      cpu.bytes.set(bytes.subarray(done, done + length), host);
      cpu.codeWritten(host, length);
      done += length;
    }
    return true;
  }

  /** Host byte offset of a byte that may be stored to, 0 when the page refuses. */
  #writableHost(address: number): number {
    const mm = this.#mm;
    const { format } = mm;
    const space = this.space ?? mm.current;
    if (address >= mm.layout.systemRangeStart) {
      const frame = systemFrame(mm, address);
      return frame === 0 ? 0 : mm.memory.hostPage(frame) + (address & 0xfff);
    }
    if (space !== mm.current) return 0;
    for (let attempt = 0; attempt < 4; attempt++) {
      const at = findPte(mm, space, address);
      if (at !== NO_PTE && format.isValid(at) && format.isWritable(at)) {
        format.setDirty(at);
        return mm.memory.hostPage(format.frame(at)) + (address & 0xfff);
      }
      const outcome = accessFault(mm, address, FaultAccess.Write, true);
      if (outcome === FaultOutcome.MustWait) {
        if (mm.finishFaultNow(address, FaultAccess.Write) >>> 0 >= FIRST_ERROR) return 0;
      } else if (outcome >= FIRST_FAILURE) return 0;
    }
    return 0;
  }

  #frame(frame: number): Uint8Array | null {
    const { memory } = this.#mm;
    const host = memory.hostPage(frame);
    return host === 0 ? null : memory.bytes.subarray(host, host + PAGE_SIZE);
  }

  #page(address: number): Uint8Array | null {
    const mm = this.#mm;
    if (address >= mm.layout.systemRangeStart) return this.#systemPage(address);
    const space = this.space ?? mm.current;
    const entry = this.#entry(space, address);
    if (entry === null) return null;
    const { format: form, at } = entry;
    if (at !== NO_PTE && !form.isZero(at) && (form.isValid(at) || !form.isPrototype(at))) return this.#contents(entry);
    const pointer = at !== NO_PTE && form.isPrototype(at) && !form.isLookupMarker(at) ? form.prototypeAddress(at) : 0;
    const vpn = address >>> 12;
    if (vpn === SHARED_USER_DATA >>> 12) return this.#prototypePage(mm.sharedUserDataPte);
    const vad = space.vads.find(vpn);
    const prototype = pointer !== 0 ? pointer : (vad?.prototypePte(vpn) ?? 0);
    if (prototype !== 0) return this.#prototypePage(prototype);
    return vad?.privateMemory && vad.memCommit ? new Uint8Array(PAGE_SIZE) : null;
  }

  /** The PTE of an address, NO_PTE without a page table; of a page table that is not in memory a copy. Null: it cannot be read. */
  #entry(space: AddressSpace, address: number): Entry | null {
    const mm = this.#mm;
    const { format } = mm;
    const at = findPte(mm, space, address);
    const table = pdeLocation(mm, space, address);
    if (at !== NO_PTE || format.isZero(table)) return { format, at };
    const page = format.isPrototype(table) ? null : this.#contents({ format, at: table });
    if (page === null) return null;
    const index = ((address >>> 12) & (format.entriesPerTable - 1)) * format.entrySize;
    const view = new DataView(page.buffer, page.byteOffset + index, format.entrySize);
    const high = format.isPae ? view.getInt32(4, true) : 0;
    return entryOf(format, view.getInt32(0, true), high);
  }

  /** The page of a PTE that is neither zero nor a prototype's, wherever it is; null when it was decommitted. */
  #contents({ format, at }: Entry): Uint8Array | null {
    if (format.isValid(at)) return this.#frame(format.frame(at));
    if (format.isTransition(at)) return this.#transitionFrame(format.transitionFrame(at));
    if (format.isDecommitted(at)) return null;
    return format.isDemandZero(at) ? new Uint8Array(PAGE_SIZE) : this.#pagedOut({ format, at });
  }

  /** A frame in transition; while its page is still on its way, the page comes from where it is read. */
  #transitionFrame(frame: number): Uint8Array | null {
    const { pfn, format } = this.#mm;
    if (!pfn.isReadInProgress(frame)) return this.#frame(frame);
    const at = pfn.originalPte(frame);
    return format.isZero(at) || format.isPrototype(at) ? null : this.#pagedOut({ format, at });
  }

  /** A copy of the slot in a paging file that a PTE names. */
  #pagedOut({ format, at }: Entry): Uint8Array | null {
    const page = new Uint8Array(PAGE_SIZE);
    const file = this.#mm.paging.files[format.pageFileNumber(at)];
    const status = file?.storage.read(format.pageFileOffset(at), page);
    return status === Status.SUCCESS ? page : null;
  }

  /** The page that a prototype PTE describes: from memory, a paging file, or its file; zeros where it has none yet. */
  #prototypePage(prototype: number): Uint8Array | null {
    const mm = this.#mm;
    const { format } = mm;
    const at = systemLocation(mm, prototype);
    if (at === NO_PTE || format.isZero(at)) return null;
    if (format.isValid(at) || !format.isPrototype(at)) return this.#contents({ format, at });
    const subsection = mm.subsections.get(format.subsectionAddress(at));
    if (subsection === undefined || subsection.controlArea.file === null) return null;
    const start = ((prototype - subsection.base) / format.entrySize) * PAGE_SIZE;
    const page = new Uint8Array(PAGE_SIZE);
    const length = Math.min(PAGE_SIZE, subsection.rawBytes - start);
    if (length <= 0) return page;
    const read = subsection.controlArea.file.read(subsection.fileOffset + start, length);
    if (typeof read === 'number') return null;
    page.set(read.subarray(0, length));
    return page;
  }

  #systemPage(address: number): Uint8Array | null {
    const walk = walkPageTables(this.#machine.kernel.cpu, address | 0);
    if (walk.frame >= 0) return this.#frame(walk.frame);
    const mm = this.#mm;
    const frame = systemFrame(mm, address);
    return frame === 0 ? null : this.#frame(frame);
  }
}
