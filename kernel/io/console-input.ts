/** One INPUT_RECORD: WORD event type at 0, the event at 4. */
export const INPUT_RECORD_SIZE = 20;
const KEY_EVENT = 1;
const ESCAPE = '\x1b';

/** An event of the console's input, as programs read it, and what it is to those who read text. */
export interface InputEvent {
  /** Keys as the line editor takes them: a character, or the escape sequence of a key that has none; '' for a key that is let go. */
  readonly text: string;
  /** INPUT_RECORD. */
  readonly record: Uint8Array;
}

/** dwControlKeyState. */
const ControlKey = { LEFT_CTRL: 0x8, SHIFT: 0x10, ENHANCED: 0x100 } as const;

/** A key of the keyboard: virtual-key code, scan code, and what must be held with it. */
interface Key {
  readonly virtualKey: number;
  readonly scan: number;
  readonly state: number;
}

/** Keys without characters: what terminals send for them. */
const sequences: ReadonlyMap<string, Key> = new Map(
  (
    [
      ['[A', 0x26, 0x48],
      ['[B', 0x28, 0x50],
      ['[C', 0x27, 0x4d],
      ['[D', 0x25, 0x4b],
      ['[H', 0x24, 0x47],
      ['[F', 0x23, 0x4f],
      ['[1~', 0x24, 0x47],
      ['[4~', 0x23, 0x4f],
      ['[2~', 0x2d, 0x52],
      ['[3~', 0x2e, 0x53],
      ['[5~', 0x21, 0x49],
      ['[6~', 0x22, 0x51],
    ] as const
  ).map(
    ([sequence, virtualKey, scan]) =>
      [`${ESCAPE}${sequence}`, { virtualKey, scan, state: ControlKey.ENHANCED }] as const,
  ),
);
/** F1 to F12. */
const functionKeys = ['OP', 'OQ', 'OR', 'OS', '[15~', '[17~', '[18~', '[19~', '[20~', '[21~', '[23~', '[24~'];
const FIRST_FUNCTION_KEY = 0x70;
const functionScan = (index: number): number => (index < 10 ? 0x3b + index : 0x57 + index - 10);

/** The American keyboard by scan code from 2 on, plain and with Shift; blanks are keys that have no place in the rows. */
const PLAIN = "1234567890-=\b\tqwertyuiop[]\r asdfghjkl;'` \\zxcvbnm,./";
const SHIFTED = '!@#$%^&*()_+\b\tQWERTYUIOP{}\r ASDFGHJKL:"~ |ZXCVBNM<>?';
/** VK_OEM_*: keys whose virtual-key code is not that of their character. */
const OEM: Readonly<Record<string, number>> = {
  ';': 0xba,
  '=': 0xbb,
  ',': 0xbc,
  '-': 0xbd,
  '.': 0xbe,
  '/': 0xbf,
  '`': 0xc0,
  '[': 0xdb,
  '\\': 0xdc,
  ']': 0xdd,
  "'": 0xde,
};

/** The key that gives a character on an American keyboard; one that none gives has no codes. */
function keyOf(character: string): Key {
  if (character === ESCAPE) return { virtualKey: 0x1b, scan: 1, state: 0 };
  if (character === ' ') return { virtualKey: 0x20, scan: 0x39, state: 0 };
  const plain = PLAIN.indexOf(character);
  const shifted = SHIFTED.indexOf(character);
  const index = plain >= 0 ? plain : shifted;
  if (index >= 0) {
    const unshifted = PLAIN[index];
    const virtualKey = OEM[unshifted] ?? unshifted.toUpperCase().charCodeAt(0);
    return { virtualKey, scan: index + 2, state: plain >= 0 ? 0 : ControlKey.SHIFT };
  }
  const code = character.charCodeAt(0);
  if (code === 0 || code > 26) return { virtualKey: 0, scan: 0, state: 0 };
  const letter = String.fromCharCode(code + 0x60);
  return { virtualKey: code + 0x40, scan: PLAIN.indexOf(letter) + 2, state: ControlKey.LEFT_CTRL };
}

/** A character, or an escape sequence as far as it has come. */
const TOKEN = new RegExp(`${ESCAPE}(?:\\[[0-9;]*[A-Za-z~]?|O[A-Za-z]?)?|[\\s\\S]`, 'gu');

/** The events of what a terminal has sent: each key goes down and up; a character of two UTF-16 units is two keys, as in Windows. */
export function eventsOf(text: string): InputEvent[] {
  const events: InputEvent[] = [];
  for (const [token] of text.matchAll(TOKEN)) {
    const functionKey = functionKeys.indexOf(token.slice(1));
    const isFunction = token.length > 1 && functionKey >= 0;
    const special = isFunction
      ? { virtualKey: FIRST_FUNCTION_KEY + functionKey, scan: functionScan(functionKey), state: 0 }
      : sequences.get(token);
    const units = special === undefined ? asWindows(token) : '\0';
    const key = special ?? keyOf(units);
    for (let index = 0; index < units.length; index++) {
      const unit = units.charCodeAt(index);
      events.push({ text: index === 0 ? token : '', record: keyRecord(key, unit, true) });
      events.push({ text: '', record: keyRecord(key, unit, false) });
    }
  }
  return events;
}

/** Terminals send DEL for Backspace, and may send LF for Enter. */
export function asWindows(keys: string): string {
  return keys.replaceAll('\x7f', '\b').replaceAll('\n', '\r');
}

/** The event of a record that a program has put into the input. */
export function eventOf(record: Uint8Array): InputEvent {
  const view = new DataView(record.buffer, record.byteOffset, record.length);
  const isPressed = view.getUint16(0, true) === KEY_EVENT && view.getUint32(4, true) !== 0;
  if (!isPressed) return { text: '', record };
  const unit = view.getUint16(14, true);
  const virtualKey = view.getUint16(10, true);
  const sequence = [...sequences].find(([, key]) => key.virtualKey === virtualKey)?.[0] ?? '';
  return {
    text: unit === 0 ? sequence : String.fromCharCode(unit).repeat(Math.max(1, view.getUint16(8, true))),
    record,
  };
}

function keyRecord({ virtualKey, scan, state }: Key, unit: number, isDown: boolean): Uint8Array {
  const record = new Uint8Array(INPUT_RECORD_SIZE);
  const view = new DataView(record.buffer);
  view.setUint16(0, KEY_EVENT, true);
  view.setUint32(4, isDown ? 1 : 0, true);
  view.setUint16(8, 1, true);
  view.setUint16(10, virtualKey, true);
  view.setUint16(12, scan, true);
  view.setUint16(14, unit, true);
  view.setUint32(16, state, true);
  return record;
}
