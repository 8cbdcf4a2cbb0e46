/** Reads little-endian numbers, LEB128 and strings one after the other; behind the end everything is zero. */
export class ByteCursor {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = Math.min(end, bytes.length);
  }

  get done(): boolean {
    return this.at >= this.end;
  }

  u8(): number {
    return this.at < this.end ? this.bytes[this.at++] : this.#past(1);
  }

  i8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    if (this.at + 2 > this.end) return this.#past(2);
    this.at += 2;
    return this.#view.getUint16(this.at - 2, true);
  }

  u32(): number {
    if (this.at + 4 > this.end) return this.#past(4);
    this.at += 4;
    return this.#view.getUint32(this.at - 4, true);
  }

  u64(): bigint {
    const low = this.u32();
    return BigInt(low) | (BigInt(this.u32()) << 32n);
  }

  /** 1, 2, 4 or 8 bytes; 8 as far as a number holds them. */
  unsigned(size: number): number {
    if (size === 1) return this.u8();
    if (size === 2) return this.u16();
    return size === 8 ? Number(this.u64()) : this.u32();
  }

  uleb(): number {
    let value = 0;
    for (let factor = 1; !this.done; factor *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value;
  }

  sleb(): number {
    let value = 0;
    let factor = 1;
    while (!this.done) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte >= 0x80) continue;
      if ((byte & 0x40) !== 0) value -= factor;
      break;
    }
    return value;
  }

  text(): string {
    const start = this.at;
    while (this.at < this.end && this.bytes[this.at] !== 0) this.at++;
    const text = decodeText(this.bytes.subarray(start, this.at));
    this.at++;
    return text;
  }

  block(size: number): Uint8Array {
    const start = this.at;
    this.at = Math.min(this.end, start + size);
    return this.bytes.subarray(start, this.at);
  }

  #past(size: number): 0 {
    this.at += size;
    return 0;
  }
}

/** Names in images are UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** The string at an offset of a string section. */
export function textAt(bytes: Uint8Array | undefined, offset: number): string {
  return bytes === undefined || offset >= bytes.length ? '' : new ByteCursor(bytes, offset).text();
}
