/**
 * The 8254 programmable interval timer of a PC, with port 61h (Intel 8254 data sheet). It counts virtual time, which
 * whoever drives the machine hands in; channel 0 drives interrupt line 0, channel 2 the speaker. Counting in BCD is not
 * provided: such a channel counts in binary.
 */
import type { PortDevice } from './io-bus.js';

/** Ticks a second. */
const FREQUENCY = 1_193_182;
const NANOSECONDS = 1e9;
const CONTROL_PORT = 0x43;
const SYSTEM_PORT = 0x61;
const FIRST_PORT = 0x40;
const SPEAKER_CHANNEL = 2;
/** Bit 4 of port 61h toggles at every refresh of memory. */
const REFRESH_NANOSECONDS = 15_085;

const Access = { Latch: 0, Low: 1, High: 2, LowThenHigh: 3 } as const;

class Channel {
  mode = 0;
  gate = true;
  #access: number = Access.LowThenHigh;
  #reload = 0x10000;
  /** Tick at which the present count was loaded; -1 while the channel waits for a count or for its gate. */
  #start = -1;
  #writeLow = -1;
  #readHigh = false;
  /** Latched bytes of the count, to be read in this order, and the latched status byte. */
  #latched: number[] = [];
  #status = -1;
  #nullCount = true;
  /** Edges of the output that were reported. */
  #reported = 0;

  #periodic(): boolean {
    return this.mode === 2 || this.mode === 3;
  }

  /** Ticks from loading to the first rising edge of the output. */
  #delay(): number {
    return this.#periodic() ? this.#reload : this.#reload + 1;
  }

  control(value: number): void {
    const access = (value >> 4) & 3;
    this.#access = access;
    const mode = (value >> 1) & 7;
    this.mode = mode > 5 ? mode - 4 : mode;
    this.#start = -1;
    this.#writeLow = -1;
    this.#readHigh = false;
    this.#latched = [];
    this.#status = -1;
    this.#nullCount = true;
  }

  write(value: number, tick: number): void {
    if (this.#access === Access.Low) this.#load(value, tick);
    else if (this.#access === Access.High) this.#load(value << 8, tick);
    else if (this.#writeLow < 0) this.#writeLow = value;
    else {
      const low = this.#writeLow;
      this.#writeLow = -1;
      this.#load(low | (value << 8), tick);
    }
  }

  #load(count: number, tick: number): void {
    // A running periodic channel takes the new count at the end of its period; it is told apart by nobody but the clock.
    this.#reload = count === 0 ? 0x10000 : count;
    this.#nullCount = false;
    const waitsForGate = this.mode === 1 || this.mode === 5;
    this.#start = waitsForGate || !this.gate ? -1 : tick;
    this.#reported = 0;
  }

  setGate(on: boolean, tick: number): void {
    const rising = on && !this.gate;
    this.gate = on;
    if (!on && this.mode !== 1 && this.mode !== 5) this.#start = -1;
    if (rising && !this.#nullCount) {
      this.#start = tick;
      this.#reported = 0;
    }
  }

  /** The count as it can be read now. */
  #count(tick: number): number {
    if (this.#start < 0) return this.#reload & 0xffff;
    const elapsed = tick - this.#start;
    if (this.mode === 3) return (this.#reload - ((elapsed * 2) % this.#reload)) & 0xfffe;
    if (this.mode === 2) return (this.#reload - (elapsed % this.#reload)) & 0xffff;
    return (((this.#reload - elapsed) % 0x10000) + 0x10000) & 0xffff;
  }

  output(tick: number): boolean {
    if (this.#start < 0) return this.mode !== 0;
    const elapsed = tick - this.#start;
    if (this.mode === 3) return elapsed % this.#reload < Math.ceil(this.#reload / 2);
    if (this.mode === 2) return elapsed % this.#reload !== this.#reload - 1;
    if (this.mode === 0 || this.mode === 1) return elapsed >= this.#delay();
    return elapsed !== this.#reload;
  }

  latchCount(tick: number): void {
    if (this.#latched.length > 0) return;
    const count = this.#count(tick);
    if (this.#access === Access.Low) this.#latched = [count & 0xff];
    else if (this.#access === Access.High) this.#latched = [count >> 8];
    else this.#latched = [count & 0xff, count >> 8];
  }

  latchStatus(tick: number): void {
    if (this.#status >= 0) return;
    const flags = (this.output(tick) ? 0x80 : 0) | (this.#nullCount ? 0x40 : 0);
    this.#status = flags | (this.#access << 4) | (this.mode << 1);
  }

  read(tick: number): number {
    if (this.#status >= 0) {
      const status = this.#status;
      this.#status = -1;
      return status;
    }
    const latched = this.#latched.shift();
    if (latched !== undefined) return latched;
    const count = this.#count(tick);
    if (this.#access === Access.Low) return count & 0xff;
    if (this.#access === Access.High) return count >> 8;
    this.#readHigh = !this.#readHigh;
    return this.#readHigh ? count & 0xff : count >> 8;
  }

  /** Tick of the first rising edge of the output that was not reported yet; infinite when none will come. */
  nextEdge(): number {
    if (this.#start < 0 || (!this.#periodic() && this.#reported > 0)) return Number.POSITIVE_INFINITY;
    return this.#start + this.#delay() + this.#reported * this.#reload;
  }

  /** True when an edge came since it was asked last. Several edges are one. */
  takeEdges(tick: number): boolean {
    if (this.nextEdge() > tick) return false;
    this.#reported = this.#periodic() ? Math.floor((tick - this.#start) / this.#reload) : 1;
    return true;
  }
}

export class Pit8254 implements PortDevice {
  readonly #channels = [new Channel(), new Channel(), new Channel()];
  readonly #now: () => number;
  readonly #interrupt: () => void;
  readonly #changed: () => void;
  #speaker = 0;

  /**
   * @param now virtual time in nanoseconds
   * @param interrupt a rising edge of channel 0
   * @param changed called when nextInterrupt() may give another time
   */
  constructor(now: () => number, interrupt: () => void, changed: () => void) {
    this.#now = now;
    this.#interrupt = interrupt;
    this.#changed = changed;
    this.#channels[SPEAKER_CHANNEL].gate = false;
  }

  #tick(): number {
    return Math.floor((this.#now() * FREQUENCY) / NANOSECONDS);
  }

  /** Virtual time of the next interrupt in nanoseconds; infinite when the timer does not run. */
  nextInterrupt(): number {
    return Math.ceil((this.#channels[0].nextEdge() * NANOSECONDS) / FREQUENCY);
  }

  /** Brings the interrupt line up to date with the time. */
  advance(): void {
    if (this.#channels[0].takeEdges(this.#tick())) this.#interrupt();
  }

  read(port: number): number {
    const tick = this.#tick();
    if (port === SYSTEM_PORT) return this.#readSystemPort(tick);
    return port === CONTROL_PORT ? 0xff : this.#channels[port - FIRST_PORT].read(tick);
  }

  #readSystemPort(tick: number): number {
    const refresh = Math.floor(this.#now() / REFRESH_NANOSECONDS) % 2 === 0 ? 0 : 0x10;
    return this.#speaker | refresh | (this.#channels[SPEAKER_CHANNEL].output(tick) ? 0x20 : 0);
  }

  write(port: number, value: number): void {
    const tick = this.#tick();
    if (port === SYSTEM_PORT) {
      this.#speaker = value & 3;
      this.#channels[SPEAKER_CHANNEL].setGate((value & 1) !== 0, tick);
    } else if (port === CONTROL_PORT) this.#writeControl(value, tick);
    else this.#channels[port - FIRST_PORT].write(value, tick);
    this.#changed();
  }

  #writeControl(value: number, tick: number): void {
    const select = value >> 6;
    if (select === 3) {
      for (const [index, channel] of this.#channels.entries()) {
        if ((value & (2 << index)) === 0) continue;
        if ((value & 0x20) === 0) channel.latchCount(tick);
        if ((value & 0x10) === 0) channel.latchStatus(tick);
      }
    } else if (((value >> 4) & 3) === Access.Latch) this.#channels[select].latchCount(tick);
    else this.#channels[select].control(value);
  }
}
