/**
 * Two 8259A interrupt controllers as in a PC: the second one's output is line 2 of the first (Intel 8259A data sheet).
 * Lines are edge triggered. Not provided: level triggering, special fully nested and 8080 modes.
 */
import type { PortDevice } from './io-bus.js';

const COMMAND_INITIALISE = 0x10;
const ICW1_SINGLE = 0x02;
const ICW1_FOURTH_WORD = 0x01;
const ICW4_AUTOMATIC_END = 0x02;
const COMMAND_OCW3 = 0x08;
const CASCADE_LINE = 2;
const SPURIOUS_LINE = 7;
const NONE = -1;

/** One controller. Its even port takes commands, its odd one the mask. */
export class Pic8259 implements PortDevice {
  #requests = 0;
  #inService = 0;
  #mask = 0xff;
  #vectorBase = 0;
  /** The initialisation word that the odd port takes next: 2, 3, 4, or 0 for the mask. */
  #expected = 0;
  #single = false;
  #fourthWord = false;
  #automaticEnd = false;
  #rotateOnAutomaticEnd = false;
  #specialMask = false;
  #poll = false;
  #readInService = false;
  /** The line of lowest priority; the one above it has the highest. */
  #lowest = 7;
  readonly #changed: () => void;

  /** @param changed called when the output may have changed */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  /** A rising edge on a line. */
  raise(line: number): void {
    this.#requests |= 1 << line;
    this.#changed();
  }

  /** Takes back a request that was not acknowledged. */
  withdraw(line: number): void {
    this.#requests &= ~(1 << line);
    this.#changed();
  }

  /** The line that the output is active for, or -1. */
  pending(): number {
    const wanted = this.#requests & ~this.#mask;
    if (wanted === 0) return NONE;
    for (let step = 1; step <= 8; step++) {
      const line = (this.#lowest + step) & 7;
      const bit = 1 << line;
      // In special mask mode what is in service holds back only itself.
      if ((this.#inService & bit) !== 0) {
        if (!this.#specialMask) return NONE;
        continue;
      }
      if ((wanted & bit) !== 0) return line;
    }
    return NONE;
  }

  /** Answers an interrupt acknowledge: the line, or 7 with nothing in service when the request is gone. */
  acknowledge(): number {
    const line = this.pending();
    if (line === NONE) return SPURIOUS_LINE;
    const bit = 1 << line;
    this.#requests &= ~bit;
    if (!this.#automaticEnd) this.#inService |= bit;
    else if (this.#rotateOnAutomaticEnd) this.#lowest = line;
    this.#changed();
    return line;
  }

  vector(line: number): number {
    return this.#vectorBase | line;
  }

  read(port: number): number {
    if (this.#poll) {
      this.#poll = false;
      return this.pending() === NONE ? 0 : 0x80 | this.acknowledge();
    }
    if ((port & 1) !== 0) return this.#mask;
    return this.#readInService ? this.#inService : this.#requests;
  }

  write(port: number, value: number): void {
    if ((port & 1) !== 0) this.#writeData(value);
    else if ((value & COMMAND_INITIALISE) !== 0) this.#initialise(value);
    else if ((value & COMMAND_OCW3) !== 0) this.#writeThirdCommand(value);
    else this.#endOfInterrupt(value);
    this.#changed();
  }

  #initialise(value: number): void {
    this.#requests = 0;
    this.#inService = 0;
    this.#mask = 0;
    this.#lowest = 7;
    this.#automaticEnd = false;
    this.#rotateOnAutomaticEnd = false;
    this.#specialMask = false;
    this.#readInService = false;
    this.#single = (value & ICW1_SINGLE) !== 0;
    this.#fourthWord = (value & ICW1_FOURTH_WORD) !== 0;
    this.#expected = 2;
  }

  #writeData(value: number): void {
    switch (this.#expected) {
      case 2:
        this.#vectorBase = value & 0xf8;
        this.#expected = this.#single ? this.#lastWord() : 3;
        break;
      case 3:
        this.#expected = this.#lastWord();
        break;
      case 4:
        this.#automaticEnd = (value & ICW4_AUTOMATIC_END) !== 0;
        this.#expected = 0;
        break;
      default:
        this.#mask = value;
    }
  }

  #lastWord(): number {
    return this.#fourthWord ? 4 : 0;
  }

  #writeThirdCommand(value: number): void {
    if ((value & 0x40) !== 0) this.#specialMask = (value & 0x20) !== 0;
    this.#poll = (value & 4) !== 0;
    if ((value & 2) !== 0) this.#readInService = (value & 1) !== 0;
  }

  /** OCW2: rotate, specific and end-of-interrupt in bits 7-5. */
  #endOfInterrupt(value: number): void {
    const rotate = (value & 0x80) !== 0;
    const specific = (value & 0x40) !== 0;
    if ((value & 0x20) === 0) {
      if (specific && rotate) this.#lowest = value & 7;
      else if (!specific) this.#rotateOnAutomaticEnd = rotate;
      return;
    }
    const line = specific ? value & 7 : this.#highestInService();
    if (line === NONE) return;
    this.#inService &= ~(1 << line);
    if (rotate) this.#lowest = line;
  }

  #highestInService(): number {
    for (let step = 1; step <= 8; step++) {
      const line = (this.#lowest + step) & 7;
      if ((this.#inService & (1 << line)) !== 0) return line;
    }
    return NONE;
  }
}

/** The pair, with lines 0-15. */
export class InterruptControllers {
  readonly first: Pic8259;
  readonly second: Pic8259;
  readonly #output: (active: boolean) => void;
  #cascaded = false;

  /** @param output the INTR line to the processor */
  constructor(output: (active: boolean) => void) {
    this.#output = output;
    this.first = new Pic8259(() => this.#output(this.first.pending() !== NONE));
    this.second = new Pic8259(() => this.#cascade());
  }

  #cascade(): void {
    const active = this.second.pending() !== NONE;
    if (active === this.#cascaded) return;
    this.#cascaded = active;
    if (active) this.first.raise(CASCADE_LINE);
    else this.first.withdraw(CASCADE_LINE);
  }

  /** A rising edge on line 0-15. */
  raise(line: number): void {
    if (line < 8) this.first.raise(line);
    else this.second.raise(line - 8);
  }

  /** Takes back a request that was not acknowledged. */
  withdraw(line: number): void {
    if (line < 8) this.first.withdraw(line);
    else this.second.withdraw(line - 8);
  }

  /** The vector of the interrupt that the processor takes now. */
  acknowledge(): number {
    const line = this.first.acknowledge();
    if (line !== CASCADE_LINE) return this.first.vector(line);
    const vector = this.second.vector(this.second.acknowledge());
    // Another line of the second controller that is not held back is a new edge.
    this.#cascaded = false;
    this.#cascade();
    return vector;
  }
}
