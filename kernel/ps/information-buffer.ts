/** A structure being filled for a query: little-endian fields at their offsets; chains. */
export class Fields {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  byte(offset: number, value: number): this {
    this.#view.setUint8(offset, value);
    return this;
  }

  word(offset: number, value: number): this {
    this.#view.setUint16(offset, value, true);
    return this;
  }

  /** The value modulo 2^32. */
  dword(offset: number, value: number): this {
    this.#view.setUint32(offset, value, true);
    return this;
  }

  quad(offset: number, value: bigint): this {
    this.#view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    return this;
  }
}
