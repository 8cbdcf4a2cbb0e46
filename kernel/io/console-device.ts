import type { HostConsole } from '../host.js';
import { StandardStream } from '../host.js';
import type { NtStatus } from '../types.js';
import { CODE_PAGE_UTF8, decodeSingleByte, encodeText } from './code-page.js';
import { asWindows, eventOf, eventsOf, type InputEvent } from './console-input.js';
import { InputMode, LineEditor } from './console-line.js';
import type { StreamDevice } from './stream-device.js';

/** Sides of the console, and numbers of the standard streams. */
export const ConsoleChannel = { Input: 0, Output: 1, Error: 2 } as const;
export type ConsoleChannel = (typeof ConsoleChannel)[keyof typeof ConsoleChannel];

export const OutputMode = { PROCESSED_OUTPUT: 1, WRAP_AT_EOL_OUTPUT: 2, VALID: 0x1f } as const;

const names: Record<'console' | 'stream', readonly string[]> = {
  console: ['\\input', '\\output', '\\error'],
  stream: ['\\0', '\\1', '\\2'],
};
const channels = [ConsoleChannel.Input, ConsoleChannel.Output, ConsoleChannel.Error] as const;

/** What the rest of a path behind \Device\Console or \Device\Stream means; null: no such thing. */
export function consoleChannel(device: ConsoleDevice | StreamDevice, remaining: string): ConsoleChannel | null {
  const index = names[device.kind].indexOf(remaining.toLowerCase());
  return index < 0 ? null : channels[index];
}

/** Control events of a console (wincon.h). */
export const ControlEvent = { CTRL_C: 0, CTRL_BREAK: 1 } as const;
export type ControlEvent = (typeof ControlEvent)[keyof typeof ControlEvent];

/** Events that programs may put into the input. */
const MAXIMUM_EVENTS = 0x1000;
const CONTROL_C = '\x03';
/** Terminals have no Break key; Ctrl-\\ is what they have for a program that does not listen to Ctrl-C. */
const CONTROL_BACKSLASH = '\x1c';

/** Outcome of asking the console for input. */
export type ConsoleInput = { readonly text: string } | 'eof' | 'wait';

/**
 * \Device\Console: the terminal in front of the program. The terminal is in raw mode; keys that come while nobody reads are
 * kept, and edited and echoed when somebody does. Output goes through. Text is UTF-16 inside, UTF-8 towards the host, and the
 * input or output code page towards byte-wise reads and writes.
 */
export class ConsoleDevice {
  readonly kind = 'console';
  readonly host: HostConsole;
  inputMode: number = InputMode.PROCESSED_INPUT | InputMode.LINE_INPUT | InputMode.ECHO_INPUT;
  outputMode: number = OutputMode.PROCESSED_OUTPUT | OutputMode.WRAP_AT_EOL_OUTPUT;
  inputCodePage: number = CODE_PAGE_UTF8;
  outputCodePage: number = CODE_PAGE_UTF8;
  title: string;
  attributes = 7;
  cursorX = 0;
  cursorY = 0;
  /** Called for Ctrl-C with processed input, and for Ctrl-Break. */
  onInterrupt: (event: ControlEvent) => void = () => {};
  readonly #editor: LineEditor;
  readonly #decoder = new TextDecoder();
  /** Input that nobody has read yet. */
  #events: InputEvent[] = [];
  /** Text that was read but not asked for yet; bytes of it in the input code page for byte-wise reads. */
  #pendingText = '';
  #pendingBytes: Uint8Array = new Uint8Array(0);
  #ended = false;

  constructor(host: HostConsole, title: string) {
    this.host = host;
    this.title = title;
    this.#editor = new LineEditor({
      echo: (text) => {
        host.write(StandardStream.Output, new TextEncoder().encode(text));
        host.flush();
      },
    });
  }

  get isLineMode(): boolean {
    return (this.inputMode & InputMode.LINE_INPUT) !== 0;
  }

  /** Takes what the host has: control keys act at once, all others wait for a reader. False: the host has nothing now. */
  poll(): boolean {
    if (this.#ended) return true;
    const bytes = this.host.read(4096);
    if (bytes === 'wait') return false;
    if (bytes === 'eof') {
      this.#ended = true;
      return true;
    }
    this.#typed(this.#decoder.decode(bytes, { stream: true }));
    return true;
  }

  /** A piece of input: a line in line mode, otherwise keys that are there, until they have so many UTF-16 code units. 'wait': poll() has to bring more first. */
  takeInput(maximum: number): ConsoleInput {
    if (this.#pendingText !== '') {
      const text = this.#pendingText;
      this.#pendingText = '';
      return { text };
    }
    const keys = this.isLineMode ? '' : this.#takeKeys(maximum);
    if (keys !== '') return { text: keys };
    this.#edit();
    const line = this.#editor.takeLine();
    if (line !== null) return this.#endOfInput(line) ? 'eof' : { text: line };
    if (!this.#ended) return 'wait';
    const partial = this.#editor.takePartial();
    return partial === '' ? 'eof' : { text: partial };
  }

  /** Bytes of input in the input code page, at most `maximum`. */
  takeBytes(maximum: number): Uint8Array | 'eof' | 'wait' {
    if (this.#pendingBytes.length === 0) {
      const input = this.takeInput(maximum);
      if (typeof input === 'string') return input;
      this.#pendingBytes = encodeText(input.text, this.inputCodePage);
    }
    const bytes = this.#pendingBytes.slice(0, maximum);
    this.#pendingBytes = this.#pendingBytes.slice(bytes.length);
    return bytes;
  }

  /** Text of input, at most `maximum` UTF-16 code units. */
  takeText(maximum: number): ConsoleInput {
    const input = this.takeInput(maximum);
    if (typeof input === 'string') return input;
    this.#pendingText = input.text.slice(maximum) + this.#pendingText;
    return { text: input.text.slice(0, maximum) };
  }

  /** INPUT_RECORDs that are there, at most so many, taken out or left. 'wait': poll() has to bring more first. */
  takeRecords(maximum: number, takes: boolean): readonly Uint8Array[] | 'eof' | 'wait' {
    if (this.#events.length === 0) return this.#ended ? 'eof' : 'wait';
    const records = this.#events.slice(0, maximum).map((event) => event.record);
    if (takes) this.#events.splice(0, maximum);
    return records;
  }

  /** A program puts events into the input, behind what is there. False: there is no room for so many. */
  addRecords(records: readonly Uint8Array[]): boolean {
    if (this.#events.length + records.length > MAXIMUM_EVENTS) return false;
    this.#events.push(...records.map(eventOf));
    return true;
  }

  /** The host's input is at its end. */
  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Events that could be read without waiting; text that was taken in part counts as one more. */
  get eventCount(): number {
    const isPartial = this.#pendingText !== '' || this.#pendingBytes.length > 0 || this.#editor.hasLine;
    return this.#events.length + (isPartial ? 1 : 0);
  }

  flushInput(): void {
    this.#events = [];
    this.#pendingText = '';
    this.#pendingBytes = new Uint8Array(0);
    this.#editor.clear();
  }

  /** Writes bytes that are text in the output code page. */
  writeBytes(channel: ConsoleChannel, bytes: Uint8Array): NtStatus {
    if (this.outputCodePage === CODE_PAGE_UTF8) return this.#write(channel, bytes);
    return this.writeText(channel, decodeSingleByte(bytes, this.outputCodePage));
  }

  writeText(channel: ConsoleChannel, text: string): NtStatus {
    return this.#write(channel, new TextEncoder().encode(text));
  }

  #write(channel: ConsoleChannel, bytes: Uint8Array): NtStatus {
    const stream = channel === ConsoleChannel.Error ? StandardStream.Error : StandardStream.Output;
    return this.host.write(stream, bytes);
  }

  /** Ctrl-C and Ctrl-Break go past everything that was typed before them, and it is gone. */
  #typed(text: string): void {
    let from = 0;
    for (let index = 0; index < text.length; index++) {
      const event = this.#controlEvent(text[index]);
      if (event === null) continue;
      from = index + 1;
      this.flushInput();
      if ((this.inputMode & InputMode.ECHO_INPUT) !== 0) {
        this.writeText(ConsoleChannel.Output, event === ControlEvent.CTRL_C ? '^C\r\n' : '^\\\r\n');
      }
      this.onInterrupt(event);
    }
    this.#events.push(...eventsOf(text.slice(from)));
  }

  #controlEvent(character: string): ControlEvent | null {
    if (character === CONTROL_BACKSLASH) return ControlEvent.CTRL_BREAK;
    const processed = (this.inputMode & InputMode.PROCESSED_INPUT) !== 0;
    return processed && character === CONTROL_C ? ControlEvent.CTRL_C : null;
  }

  /** Edits what was typed, up to the end of a line; echo comes now. */
  #edit(): void {
    while (!this.#editor.hasLine) {
      const event = this.#events.shift();
      if (event === undefined) return;
      if (event.text !== '') this.#editor.type(event.text, this.inputMode);
    }
  }

  /** Keys without editing, as Windows has them, with so many code units or a little more; '' where there are none. */
  #takeKeys(maximum: number): string {
    let keys = '';
    while (keys.length < maximum) {
      const event = this.#events.shift();
      if (event === undefined) break;
      keys += asWindows(event.text);
    }
    return keys;
  }

  #endOfInput(line: string): boolean {
    return line.startsWith('\x1a') && (this.inputMode & InputMode.PROCESSED_INPUT) !== 0;
  }
}
