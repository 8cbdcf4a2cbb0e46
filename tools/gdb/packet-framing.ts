/**
 * Packets of the gdb remote serial protocol: $BODY#CC, CC the sum of the body's bytes in two hexadecimal digits. In a body '}'
 * escapes the byte behind it, which is XORed with 20h. Bodies are strings of one character a byte. (gdb manual, appendix E.1)
 */
const START = 0x24;
const END = 0x23;
const ESCAPE = 0x7d;
const ESCAPE_MASK = 0x20;
const ACKNOWLEDGE = 0x2b;
const REFUSE = 0x2d;
const INTERRUPT = 0x03;

/** Longest packet that either side may send, in bytes; told to gdb in qSupported. */
export const PACKET_SIZE = 0x4000;

/** What comes in: a packet that is whole, one that is not, the two acknowledgements, Ctrl-C. */
export type Incoming =
  | { readonly kind: 'packet'; readonly body: string }
  | { readonly kind: 'damaged' | 'acknowledged' | 'refused' | 'interrupt' };

const State = { Idle: 0, Body: 1, FirstDigit: 2, SecondDigit: 3, Overlong: 4 } as const;

/** Takes packets out of a stream of bytes, whatever the pieces it comes in. Bytes between packets are passed over. */
export class PacketReader {
  #state: (typeof State)[keyof typeof State] = State.Idle;
  #body: number[] = [];
  #sum = 0;
  #escaped = false;
  #digits = '';

  /** What these bytes complete, in order. */
  feed(bytes: Uint8Array): Incoming[] {
    const found: Incoming[] = [];
    for (const byte of bytes) {
      const incoming = this.#take(byte);
      if (incoming !== null) found.push(incoming);
    }
    return found;
  }

  #take(byte: number): Incoming | null {
    switch (this.#state) {
      case State.Idle:
        return this.#between(byte);
      case State.Body:
        this.#bodyByte(byte);
        return null;
      case State.Overlong:
        if (byte === END) this.#state = State.FirstDigit;
        return null;
      case State.FirstDigit:
        this.#digits = String.fromCharCode(byte);
        this.#state = State.SecondDigit;
        return null;
      default:
        return this.#finish(byte);
    }
  }

  #between(byte: number): Incoming | null {
    if (byte === ACKNOWLEDGE) return { kind: 'acknowledged' };
    if (byte === REFUSE) return { kind: 'refused' };
    if (byte === INTERRUPT) return { kind: 'interrupt' };
    if (byte === START) this.#begin();
    return null;
  }

  #begin(): void {
    this.#body = [];
    this.#sum = 0;
    this.#escaped = false;
    this.#state = State.Body;
  }

  #bodyByte(byte: number): void {
    if (byte === END) {
      this.#state = State.FirstDigit;
      return;
    }
    // Half a packet with a whole one behind it: '$' is always escaped inside.
    if (byte === START) {
      this.#begin();
      return;
    }
    this.#sum = (this.#sum + byte) & 0xff;
    if (this.#escaped) {
      this.#escaped = false;
      this.#body.push(byte ^ ESCAPE_MASK);
    } else if (byte === ESCAPE) this.#escaped = true;
    else this.#body.push(byte);
    if (this.#body.length <= PACKET_SIZE) return;
    this.#state = State.Overlong;
    this.#sum = -1;
  }

  #finish(byte: number): Incoming {
    this.#state = State.Idle;
    const digits = this.#digits + String.fromCharCode(byte);
    if (!/^[0-9a-f]{2}$/i.test(digits) || Number.parseInt(digits, 16) !== this.#sum) return { kind: 'damaged' };
    return { kind: 'packet', body: binaryText(Uint8Array.from(this.#body)) };
  }
}

/** A packet ready to be sent. */
export function framePacket(body: string): Uint8Array {
  const bytes: number[] = [START];
  let sum = 0;
  const add = (byte: number): void => {
    sum = (sum + byte) & 0xff;
    bytes.push(byte);
  };
  for (let index = 0; index < body.length; index++) {
    const byte = body.charCodeAt(index) & 0xff;
    // '*' would begin a run length.
    if (byte === START || byte === END || byte === ESCAPE || byte === 0x2a) {
      add(ESCAPE);
      add(byte ^ ESCAPE_MASK);
    } else add(byte);
  }
  bytes.push(
    END,
    ...sum
      .toString(16)
      .padStart(2, '0')
      .split('')
      .map((digit) => digit.charCodeAt(0)),
  );
  return Uint8Array.from(bytes);
}

/** Bytes as a string of one character each. */
export function binaryText(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The other way round. */
export function binaryBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Two lower-case digits a byte. */
export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}

/** Bytes of hexadecimal digits; null for anything else. */
export function bytesOfHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return null;
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  );
}

/** Text in UTF-8 as hexadecimal digits. */
export const hexOfText = (text: string): string => hexOf(new TextEncoder().encode(text));

/** A number in hexadecimal, 0 to FFFFFFFF; null for anything else. */
export function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : null;
}
