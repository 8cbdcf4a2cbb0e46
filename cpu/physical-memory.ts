import { FRAME_MAP_OFFSET, firstFrameOffset, PAGE_SIZE } from './layout.js';

/** The largest WebAssembly memory: 65,536 pages of 64 KB. */
const MAXIMUM_HOST_BYTES = 0x1_0000_0000 - 0x10000;

/** More frames were touched than the host's linear memory, of at most 4 GB, has room for. */
export class HostMemoryExhausted extends Error {
  constructor() {
    super('the guest touched more memory than one linear memory of the host holds (4 GB)');
    this.name = 'HostMemoryExhausted';
  }
}

/**
 * The machine's one linear memory: the processor state at its start, then the map from guest page frame
 * number to host frame, then the host frames themselves. A host frame is taken on the first touch of its guest
 * frame, in order of touching, so that host memory is used only for frames that were touched.
 */
export class PhysicalMemory {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly view: DataView;
  /** Number of guest page frames; frames 0 .. frameCount - 1 are RAM where mapRom() put no ROM. */
  readonly frameCount: number;
  readonly #frameMap: Int32Array;
  #nextHostFrame: number;
  /** Host pages of the frames that are ROM; null for a machine without. */
  #roms: Map<number, number> | null = null;

  /**
   * @param size bytes of guest RAM, a multiple of 4 KB, at most 64 GB
   * @param romSize bytes of host memory to keep for mapRom(), a multiple of 4 KB
   */
  constructor(size: number, romSize = 0) {
    if (size <= 0 || size % PAGE_SIZE !== 0 || size > 0x10_0000_0000) {
      throw new RangeError(`physical memory of ${size} bytes: not a page multiple of at most 64 GB`);
    }
    this.frameCount = size / PAGE_SIZE;
    const firstFrame = firstFrameOffset(this.frameCount);
    const wanted = Math.min(firstFrame + size + romSize, MAXIMUM_HOST_BYTES);
    this.memory = new WebAssembly.Memory({ initial: Math.ceil(wanted / 0x10000) });
    this.bytes = new Uint8Array(this.memory.buffer);
    this.words = new Int32Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    this.#frameMap = new Int32Array(this.memory.buffer, FRAME_MAP_OFFSET, this.frameCount);
    this.#nextHostFrame = firstFrame;
  }

  /** True when the frame is RAM, touched or not. */
  isRam(frame: number): boolean {
    return frame < this.frameCount;
  }

  /** True when the frame has a host frame, that is, when its contents may differ from zeros. */
  isTouched(frame: number): boolean {
    return frame < this.frameCount && this.#frameMap[frame] !== 0;
  }

  /**
   * Byte offset in the linear memory of a guest frame, taking a host frame on first touch.
   * Returns 0 when the frame is not RAM; 0 is never a frame.
   * @throws HostMemoryExhausted when the host has no more memory for a frame that was never touched
   */
  hostPage(frame: number): number {
    if (frame >= this.frameCount) return this.#roms?.get(frame) ?? 0;
    const mapped = this.#frameMap[frame];
    if (mapped !== 0) return mapped >>> 0;
    const host = this.#takeHostPage();
    if (host === 0) throw new HostMemoryExhausted();
    this.#frameMap[frame] = host;
    return host;
  }

  #takeHostPage(): number {
    const host = this.#nextHostFrame;
    if (host + PAGE_SIZE > this.bytes.length) return 0;
    this.#nextHostFrame = host + PAGE_SIZE;
    return host;
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
  }

  /** Number of host frames in use. */
  touchedFrames(): number {
    return (this.#nextHostFrame - firstFrameOffset(this.frameCount)) / PAGE_SIZE;
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
    const host = this.hostPage(frame);
    this.bytes.fill(0, host, host + PAGE_SIZE);
  }

  /** Copies a whole frame; an untouched source zeroes the target. */
  copyFrame(target: number, source: number): void {
    if (!this.isTouched(source)) {
      this.zeroFrame(target);
      return;
    }
    const from = this.hostPage(source);
    this.bytes.copyWithin(this.hostPage(target), from, from + PAGE_SIZE);
  }
}
