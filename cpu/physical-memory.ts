import { FrameStore } from './frame-store.js';
import {
  FRAME_MAP_OFFSET,
  FREE_HOST_FRAME,
  FREE_HOST_FRAMES,
  firstFrameOffset,
  PAGE_SIZE,
  RECENT_COUNT,
  RECENT_FRAMES,
  RECENT_HOSTS,
} from './layout.js';

/** The largest WebAssembly memory: 65,536 pages of 64 KB. */
const MAXIMUM_LINEAR_BYTES = 0x1_0000_0000 - 0x10000;
/** In an entry of the frame map: the frame is in the store, and the rest is twice its slot. */
const STORED = 1;
/** Room is made when fewer host frames are left: more than one instruction, with the faults that it takes, can ask for. */
const RESERVE = 256;
const PAGE_WORDS = PAGE_SIZE / 4;

/** The guest touched more frames than it is given memory of the host for, or than the host has. */
export class HostMemoryExhausted extends Error {
  constructor(frames: number) {
    super(`the guest has touched ${Math.floor(frames / 256)} MB of memory, and the host gives no more`);
    this.name = 'HostMemoryExhausted';
  }
}

/** Takes frames out of the linear memory when it is full (frame-eviction.ts). */
export interface FrameEvictor {
  /** In the middle of an access: as far as is possible then, and the rest between instructions. */
  makeRoom(): void;
  /** Nobody holds a host offset, but of frames that never leave: between instructions, or between pages that the kernel copies. */
  makeRoomBetween(): void;
}

/** How much memory of the host a guest may have. */
export interface HostMemoryLimits {
  /** Bytes of frames that may be touched; all when not given. */
  readonly touched?: number | undefined;
  /** Bytes of frames that the linear memory has room for: for tests, which cannot fill 4 GB. */
  readonly linear?: number | undefined;
}

/**
 * The machine's one linear memory: the processor state at its start, then the map from guest page frame
 * number to host frame, then the host frames themselves. A host frame is taken on the first touch of its guest
 * frame, in order of touching, so that host memory is used only for frames that were touched. When an evictor is there, frames that do
 * not fit are kept in a store behind it; a host offset is then good until the next access to another frame.
 */
export class PhysicalMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;
  /** Number of guest page frames; frames 0 .. frameCount - 1 are RAM where mapRom() put no ROM. */
  readonly frameCount: number;
  /** Who makes room in a full linear memory; null: who touches more frames than it holds is refused. */
  evictor: FrameEvictor | null = null;
  readonly store: FrameStore;
  readonly #frameMap: Int32Array;
  readonly #firstHostFrame: number;
  readonly #maximumTouched: number;
  #nextHostFrame: number;
  /** Guest frame + 1 of each host frame; made when it is first needed. */
  #frameOf: Int32Array | null = null;
  /** Host pages of the frames that are ROM; null for a machine without. */
  #roms: Map<number, number> | null = null;

  /**
   * @param size bytes of guest RAM, a multiple of 4 KB, at most 64 GB
   * @param romSize bytes of host memory to keep for mapRom(), a multiple of 4 KB
   */
  constructor(size: number, romSize = 0, limits: HostMemoryLimits = {}) {
    if (size <= 0 || size % PAGE_SIZE !== 0 || size > 0x10_0000_0000) {
      throw new RangeError(`physical memory of ${size} bytes: not a page multiple of at most 64 GB`);
    }
    this.frameCount = size / PAGE_SIZE;
    const firstFrame = firstFrameOffset(this.frameCount);
    const linear = Math.min(size + romSize, limits.linear ?? Number.POSITIVE_INFINITY);
    const wanted = Math.min(firstFrame + linear, MAXIMUM_LINEAR_BYTES);
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(wanted / 0x10000) });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.#frameMap = new Int32Array(this.memory.buffer, FRAME_MAP_OFFSET, this.frameCount);
    this.#firstHostFrame = firstFrame;
    this.#nextHostFrame = firstFrame;
    this.#maximumTouched = Math.floor((limits.touched ?? Number.POSITIVE_INFINITY) / PAGE_SIZE);
    this.store = new FrameStore(this.words);
  }

  /** True when the frame is RAM, touched or not. */
  isRam(frame: number): boolean {
    return frame < this.frameCount;
  }

  /** True when the frame has contents, that is, when they may differ from zeros. */
  isTouched(frame: number): boolean {
    return frame < this.frameCount && this.#frameMap[frame] !== 0;
  }

  /**
   * Byte offset in the linear memory of a guest frame, taking a host frame on first touch and when it comes back from the store.
   * Returns 0 when the frame is not RAM; 0 is never a frame.
   * @throws HostMemoryExhausted when the host has no more memory for the frame
   */
  hostPage(frame: number): number {
    if (frame >= this.frameCount) return this.#roms?.get(frame) ?? 0;
    const mapped = this.#frameMap[frame];
    if (mapped === 0 || (mapped & STORED) !== 0) return this.#bringIn(frame, mapped);
    if (this.evictor !== null) this.#noteRecent(mapped);
    return mapped >>> 0;
  }

  /** Host page of a frame that has one at this moment, else 0; takes none. */
  residentPage(frame: number): number {
    const mapped = frame < this.frameCount ? this.#frameMap[frame] : 0;
    return (mapped & STORED) === 0 ? mapped >>> 0 : 0;
  }

  /** Gives a frame that is untouched or in the store a host frame. */
  #bringIn(frame: number, mapped: number): number {
    const touched = this.touchedFrames();
    if (mapped === 0 && touched >= this.#maximumTouched) throw new HostMemoryExhausted(touched);
    const host = this.#takeHostPage();
    if (host === 0) throw new HostMemoryExhausted(touched);
    if (mapped !== 0) this.store.take(mapped >>> 1, this.words, host >>> 2);
    this.#frameMap[frame] = host;
    if (this.#frameOf !== null) this.#frameOf[this.hostIndex(host)] = frame + 1;
    if (this.evictor !== null) this.#noteRecent(host);
    return host;
  }

  /** A host frame of zeros; 0: there is none. */
  #takeHostPage(): number {
    if (this.isShort) this.#makeRoom();
    const { words } = this;
    const free = words[FREE_HOST_FRAME] >>> 0;
    if (free !== 0) {
      words[FREE_HOST_FRAME] = words[free >>> 2];
      words[FREE_HOST_FRAMES]--;
      words[free >>> 2] = 0;
      return free;
    }
    const host = this.#nextHostFrame;
    if (host + PAGE_SIZE > this.bytes.length) return 0;
    this.#nextHostFrame = host + PAGE_SIZE;
    return host;
  }

  #makeRoom(): void {
    try {
      this.evictor?.makeRoom();
    } catch (error) {
      // The store asked the host for more than it has.
      if (error instanceof RangeError) throw new HostMemoryExhausted(this.touchedFrames());
      throw error;
    }
  }

  #noteRecent(host: number): void {
    const { words } = this;
    words[RECENT_FRAMES + (words[RECENT_COUNT]++ & (RECENT_HOSTS - 1))] = host;
  }

  // --- for who makes room

  /** Host frames that the linear memory has room for. */
  get hostFrames(): number {
    return Math.floor((this.bytes.length - this.#firstHostFrame) / PAGE_SIZE);
  }

  /** Host frames that nobody has. */
  get spareFrames(): number {
    return this.words[FREE_HOST_FRAMES] + Math.floor((this.bytes.length - this.#nextHostFrame) / PAGE_SIZE);
  }

  /** Spare host frames below which room is made. */
  get reserve(): number {
    return Math.min(RESERVE, this.hostFrames >>> 4);
  }

  get isShort(): boolean {
    return this.evictor !== null && this.spareFrames < this.reserve && this.hostFrames < this.frameCount;
  }

  hostIndex(host: number): number {
    return ((host >>> 0) - this.#firstHostFrame) / PAGE_SIZE;
  }

  hostAt(index: number): number {
    return this.#firstHostFrame + index * PAGE_SIZE;
  }

  /** The guest frame in a host frame, -1 for none and for ROM. */
  frameAt(index: number): number {
    this.#frameOf ??= this.#framesByHost();
    return this.#frameOf[index] - 1;
  }

  #framesByHost(): Int32Array {
    const frames = new Int32Array(this.hostFrames);
    for (let frame = 0; frame < this.frameCount; frame++) {
      const mapped = this.#frameMap[frame];
      if (mapped !== 0 && (mapped & STORED) === 0 && !this.isRom(frame)) frames[this.hostIndex(mapped)] = frame + 1;
    }
    return frames;
  }

  /** Moves a frame of the linear memory to the store, or forgets it if it holds zeros. @throws RangeError: the host has no memory */
  moveOut(frame: number): void {
    const { words } = this;
    const host = this.#frameMap[frame] >>> 0;
    const at = host >>> 2;
    this.#frameMap[frame] = this.#isZero(at) ? 0 : this.store.put(words, at) * 2 + STORED;
    words.fill(0, at, at + PAGE_WORDS);
    words[at] = words[FREE_HOST_FRAME];
    words[FREE_HOST_FRAME] = host;
    words[FREE_HOST_FRAMES]++;
    if (this.#frameOf !== null) this.#frameOf[this.hostIndex(host)] = 0;
  }

  #isZero(at: number): boolean {
    for (let index = at; index < at + PAGE_WORDS; index++) if (this.words[index] !== 0) return false;
    return true;
  }

  /**
   * Puts ROM at page frames, in place of RAM or where there is none. The processor's writes to it are lost. Frames given
   * together show the same bytes.
   * @param contents at most a page; the rest reads as ones
   */
  mapRom(frames: readonly number[], contents: Uint8Array): void {
    const host = this.#takeHostPage();
    if (host === 0) throw new RangeError('no host memory is left for ROM');
    this.bytes.fill(0xff, host, host + PAGE_SIZE);
    this.bytes.set(contents.subarray(0, PAGE_SIZE), host);
    this.#roms ??= new Map();
    for (const frame of frames) {
      this.#roms.set(frame, host);
      if (frame < this.frameCount) this.#frameMap[frame] = host;
    }
  }

  /** True when the processor's writes to this frame are lost. */
  isRom(frame: number): boolean {
    return this.#roms?.has(frame) ?? false;
  }

  /** Byte offset behind the last host frame in use; what lies there is zero. */
  get usedEnd(): number {
    return this.#nextHostFrame;
  }

  /** For snapshots, which restore the frame map as well. */
  setUsedEnd(end: number): void {
    this.#nextHostFrame = end;
    this.#frameOf = null;
  }

  /** Number of frames with contents, here and in the store. */
  touchedFrames(): number {
    const taken = (this.#nextHostFrame - this.#firstHostFrame) / PAGE_SIZE;
    return taken - this.words[FREE_HOST_FRAMES] + this.store.frames;
  }

  /**
   * Whether every frame is in one place: a host frame of its own, the store, or nowhere.
   * @returns the first inconsistency, or null
   */
  verify(): string | null {
    const { store } = this;
    // Frames that never moved are where they were touched.
    if (store.end === 0 && this.words[FREE_HOST_FRAMES] === 0) return null;
    const used = new Uint8Array(this.hostFrames);
    const slots = new Uint8Array(store.end);
    let [inLinear, inStore] = [0, 0];
    for (let frame = 0; frame < this.frameCount; frame++) {
      const mapped = this.#frameMap[frame];
      if (mapped === 0 || this.isRom(frame)) continue;
      const isStored = (mapped & STORED) !== 0;
      const index = isStored ? mapped >>> 1 : this.hostIndex(mapped);
      const places = isStored ? slots : used;
      const name = `page frame ${frame.toString(16)}`;
      if (index >= places.length) return `${name} is in no place of the host`;
      if (places[index]++ !== 0) return `${name} shares its place in the host with another`;
      if (isStored) inStore++;
      else inLinear++;
      if (!isStored && this.#frameOf !== null && this.#frameOf[index] !== frame + 1) {
        return `${name} is not known where it is in the host`;
      }
    }
    if (inStore !== store.frames) return `the frame store holds ${inStore} page frames, but counts ${store.frames}`;
    const taken = (this.#nextHostFrame - this.#firstHostFrame) / PAGE_SIZE - this.words[FREE_HOST_FRAMES];
    const roms = new Set(this.#roms?.values()).size;
    return inLinear + roms === taken ? null : `${taken} host frames are in use, but ${inLinear} hold page frames`;
  }

  /** Host offset of a physical byte address (up to 36 bits), or -1 where there is no RAM. */
  #host(address: number): number {
    const frame = Math.floor(address / PAGE_SIZE);
    const page = this.hostPage(frame);
    return page === 0 ? -1 : page + (address - frame * PAGE_SIZE);
  }

  /** Reads a byte; where there is no RAM the bus floats and all ones are read. */
  read8(address: number): number {
    const host = this.#host(address);
    return host < 0 ? 0xff : this.bytes[host];
  }

  /** Reads two bytes that lie within one page, as an unsigned number. */
  read16(address: number): number {
    const host = this.#host(address);
    return host < 0 ? 0xffff : this.view.getUint16(host, true);
  }

  /** Reads four bytes that lie within one page, as a signed 32-bit number. */
  read32(address: number): number {
    const host = this.#host(address);
    return host < 0 ? -1 : this.view.getInt32(host, true);
  }

  /** Writes a byte; a write where there is no RAM is lost. */
  write8(address: number, value: number): void {
    const host = this.#host(address);
    if (host >= 0) this.bytes[host] = value;
  }

  /** Writes two bytes that lie within one page. */
  write16(address: number, value: number): void {
    const host = this.#host(address);
    if (host >= 0) this.view.setUint16(host, value, true);
  }

  /** Writes four bytes that lie within one page. */
  write32(address: number, value: number): void {
    const host = this.#host(address);
    if (host >= 0) this.view.setInt32(host, value, true);
  }

  /** Fills a whole frame with zeros without giving an untouched one a host frame. */
  zeroFrame(frame: number): void {
    if (!this.isTouched(frame)) return;
    const mapped = this.#frameMap[frame];
    if ((mapped & STORED) !== 0) {
      this.store.drop(mapped >>> 1);
      this.#frameMap[frame] = 0;
      return;
    }
    this.bytes.fill(0, mapped >>> 0, (mapped >>> 0) + PAGE_SIZE);
  }

  /** Copies a whole frame; an untouched source zeroes the target. */
  copyFrame(target: number, source: number): void {
    if (!this.isTouched(source)) {
      this.zeroFrame(target);
      return;
    }
    // Both are among those asked for lately, and stay.
    const from = this.hostPage(source);
    this.bytes.copyWithin(this.hostPage(target), from, from + PAGE_SIZE);
  }
}
