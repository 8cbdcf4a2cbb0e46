/** A 16550 serial port whose transmitter is always ready and whose line nobody sends on (National PC16550D data sheet). */
import type { PortDevice } from './io-bus.js';

const Register = {
  Data: 0,
  InterruptEnable: 1,
  Identification: 2,
  LineControl: 3,
  ModemControl: 4,
  LineStatus: 5,
  ModemStatus: 6,
};
const DIVISOR_LATCH = 0x80;
const ENABLE_RECEIVED = 0x01;
const ENABLE_TRANSMITTER = 0x02;
const MODEM_OUT2 = 0x08;
const MODEM_LOOPBACK = 0x10;
const STATUS_DATA_READY = 0x01;
const STATUS_TRANSMITTER_EMPTY = 0x60;
const IDENTIFY_NONE = 0x01;
const IDENTIFY_TRANSMITTER = 0x02;
const IDENTIFY_RECEIVED = 0x04;
/** Clear to send, data set ready, carrier detect. */
const MODEM_CONNECTED = 0xb0;

export class Serial16550 implements PortDevice {
  readonly #base: number;
  readonly #send: (value: number) => void;
  readonly #interrupt: () => void;
  #divisor = 12;
  #interruptEnable = 0;
  #lineControl = 3;
  #modemControl = 0;
  #scratch = 0;
  #fifo = false;
  #transmitterReported = true;
  /** What loopback mode has brought back. */
  #received: number[] = [];

  /**
   * @param send what the port sends, byte for byte
   * @param interrupt a rising edge of its interrupt line
   */
  constructor(base: number, send: (value: number) => void, interrupt: () => void) {
    this.#base = base;
    this.#send = send;
    this.#interrupt = interrupt;
  }

  #divisorSelected(): boolean {
    return (this.#lineControl & DIVISOR_LATCH) !== 0;
  }

  read(port: number): number {
    const register = port - this.#base;
    if (register <= Register.InterruptEnable && this.#divisorSelected()) {
      return register === Register.Data ? this.#divisor & 0xff : this.#divisor >> 8;
    }
    switch (register) {
      case Register.Data:
        return this.#received.shift() ?? 0;
      case Register.InterruptEnable:
        return this.#interruptEnable;
      case Register.Identification:
        return this.#identify() | (this.#fifo ? 0xc0 : 0);
      case Register.LineControl:
        return this.#lineControl;
      case Register.ModemControl:
        return this.#modemControl;
      case Register.LineStatus:
        return STATUS_TRANSMITTER_EMPTY | (this.#received.length > 0 ? STATUS_DATA_READY : 0);
      case Register.ModemStatus:
        return this.#modemStatus();
      default:
        return this.#scratch;
    }
  }

  /** Reading the identification of a transmitter interrupt ends it. */
  #identify(): number {
    if ((this.#interruptEnable & ENABLE_RECEIVED) !== 0 && this.#received.length > 0) return IDENTIFY_RECEIVED;
    if ((this.#interruptEnable & ENABLE_TRANSMITTER) === 0 || this.#transmitterReported) return IDENTIFY_NONE;
    this.#transmitterReported = true;
    return IDENTIFY_TRANSMITTER;
  }

  #modemStatus(): number {
    if ((this.#modemControl & MODEM_LOOPBACK) === 0) return MODEM_CONNECTED;
    const control = this.#modemControl;
    return ((control & 1) << 5) | ((control & 2) << 3) | ((control & 0x0c) << 4);
  }

  write(port: number, value: number): void {
    const register = port - this.#base;
    if (register <= Register.InterruptEnable && this.#divisorSelected()) {
      if (register === Register.Data) this.#divisor = (this.#divisor & 0xff00) | value;
      else this.#divisor = (this.#divisor & 0xff) | (value << 8);
      return;
    }
    switch (register) {
      case Register.Data:
        this.#transmit(value);
        break;
      case Register.InterruptEnable:
        this.#interruptEnable = value & 0x0f;
        this.#transmitterEmpty();
        break;
      case Register.Identification:
        this.#fifo = (value & 1) !== 0;
        if ((value & 2) !== 0) this.#received = [];
        break;
      case Register.LineControl:
        this.#lineControl = value;
        break;
      case Register.ModemControl:
        this.#modemControl = value & 0x1f;
        break;
      case 7:
        this.#scratch = value;
        break;
      default:
    }
  }

  #transmit(value: number): void {
    if ((this.#modemControl & MODEM_LOOPBACK) === 0) this.#send(value);
    else {
      this.#received.push(value);
      if ((this.#interruptEnable & ENABLE_RECEIVED) !== 0) this.#raise();
    }
    this.#transmitterEmpty();
  }

  #transmitterEmpty(): void {
    if ((this.#interruptEnable & ENABLE_TRANSMITTER) === 0) return;
    this.#transmitterReported = false;
    this.#raise();
  }

  #raise(): void {
    if ((this.#modemControl & MODEM_OUT2) !== 0) this.#interrupt();
  }
}
