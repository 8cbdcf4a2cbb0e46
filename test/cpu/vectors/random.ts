/** A small deterministic generator (xorshift128), the same numbers on every machine. */
export class Random {
  #a: number;
  #b = 0x9e37_79b9;
  #c = 0x243f_6a88;
  #d = 0xb7e1_5162;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let round = 0; round < 16; round++) this.bits();
  }

  /** 32 random bits as an unsigned number. */
  bits(): number {
    let mixed = this.#d;
    mixed ^= mixed << 11;
    mixed ^= mixed >>> 8;
    this.#d = this.#c;
    this.#c = this.#b;
    this.#b = this.#a;
    this.#a = mixed ^ this.#a ^ (this.#a >>> 19);
    return this.#a >>> 0;
  }

  /** A whole number from 0 up to, not including, this bound. */
  below(bound: number): number {
    return this.bits() % bound;
  }

  /** True this often: 0.25 = every fourth time. */
  chance(probability: number): boolean {
    return this.bits() < probability * 0x1_0000_0000;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }
}
