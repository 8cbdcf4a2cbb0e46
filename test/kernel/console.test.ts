import { describe, expect, it } from 'vitest';
import type { HostConsole } from '../../kernel/host.js';
import { ConsoleChannel, ConsoleDevice } from '../../kernel/io/console-device.js';
import { eventsOf } from '../../kernel/io/console-input.js';
import { InputMode, LineEditor } from '../../kernel/io/console-line.js';
import { Status } from '../../kernel/ntstatus.js';

const LINE_MODE = InputMode.PROCESSED_INPUT | InputMode.LINE_INPUT | InputMode.ECHO_INPUT;
const LEFT = '\x1b[D';
const RIGHT = '\x1b[C';
const UP = '\x1b[A';
const DOWN = '\x1b[B';
const HOME = '\x1b[H';
const END = '\x1b[F';
const DELETE = '\x1b[3~';

/** What a terminal shows in its one line after text with backspaces and carriage returns. */
function screen(text: string): string {
  const lines = [''];
  let column = 0;
  for (const character of text) {
    if (character === '\b') column = Math.max(0, column - 1);
    else if (character === '\r') column = 0;
    else if (character === '\n') lines.push('');
    else {
      const line = lines[lines.length - 1].padEnd(column);
      lines[lines.length - 1] = line.slice(0, column) + character + line.slice(column + 1);
      column++;
    }
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

function editor() {
  let echoed = '';
  const line = new LineEditor({
    echo: (text) => {
      echoed += text;
    },
  });
  return { line, echoed: () => echoed };
}

describe('line editing', () => {
  it.each([
    ['plain text', 'hello\r', 'hello'],
    ['backspace', 'helx\x7flo\r', 'hello'],
    ['the other backspace', 'helx\blo\r', 'hello'],
    ['backspace at the start', '\x7f\x7fhi\r', 'hi'],
    ['insertion in the middle', `heo${LEFT}ll\r`, 'hello'],
    ['home and end', `ello${HOME}h${END}!\r`, 'hello!'],
    ['delete', `hxello${HOME}${RIGHT}${DELETE}\r`, 'hello'],
    ['delete at the end does nothing', `hello${DELETE}\r`, 'hello'],
    ['backspace in the middle', `hexllo${LEFT}${LEFT}${LEFT}\x7f\r`, 'hello'],
    ['arrows stop at the ends', `${LEFT}hi${RIGHT}${RIGHT}!\r`, 'hi!'],
    ['characters of several units', `a😀b${LEFT}\x7f\r`, 'ab'],
    ['unknown control characters are ignored', 'h\x01\x02i\r', 'hi'],
    ['unknown sequences are ignored', 'h\x1b[15~\x1bOPi\r', 'hi'],
    ['line feed ends a line too', 'hi\n', 'hi'],
  ])('%s', (_what, keys, expected) => {
    const { line, echoed } = editor();
    line.type(keys, LINE_MODE);
    expect(line.takeLine()).toBe(`${expected}\r\n`);
    expect(screen(echoed())).toBe(`${expected}\n`);
  });

  it('takes keys in any pieces', () => {
    const { line } = editor();
    for (const key of ['h', 'x', '\x1b[', 'D', '\x1b[C', '\x7f', 'i', '\r']) line.type(key, LINE_MODE);
    expect(line.takeLine()).toBe('hi\r\n');
  });

  it('Escape clears the line', () => {
    const { line, echoed } = editor();
    line.type('wrong', LINE_MODE);
    line.type('\x1b', LINE_MODE);
    line.type('right\r', LINE_MODE);
    expect(line.takeLine()).toBe('right\r\n');
    expect(screen(echoed())).toBe('right\n');
  });

  it('remembers lines for Up and Down', () => {
    const { line, echoed } = editor();
    line.type('first\rsecond line\r', LINE_MODE);
    line.type(`${UP}${UP}${DOWN}${UP}!\r`, LINE_MODE);
    line.takeLine();
    line.takeLine();
    expect(line.takeLine()).toBe('first!\r\n');
    expect(screen(echoed())).toBe('first\nsecond line\nfirst!\n');
  });

  it('keeps several lines typed ahead apart', () => {
    const { line } = editor();
    line.type('one\rtwo\rthr', LINE_MODE);
    expect([line.takeLine(), line.takeLine(), line.takeLine()]).toEqual(['one\r\n', 'two\r\n', null]);
  });

  it('without echo shows nothing', () => {
    const { line, echoed } = editor();
    line.type(`sec${LEFT}x\x7fret\r`, InputMode.PROCESSED_INPUT | InputMode.LINE_INPUT);
    expect(line.takeLine()).toBe('seretc\r\n');
    expect(echoed()).toBe('');
  });

  it('takes one line at a time where it is asked to, and echoes no further', () => {
    const { line, echoed } = editor();
    expect(line.typeLine('one\rtwo\r', LINE_MODE)).toBe('two\r');
    expect(echoed()).toBe('one\r\n');
    expect(line.typeLine('two', LINE_MODE)).toBe('');
  });

  it('refuses more than 8192 characters with a bell', () => {
    const { line, echoed } = editor();
    line.type(`${'x'.repeat(9000)}\r`, LINE_MODE);
    expect(line.takeLine()).toBe(`${'x'.repeat(8192)}\r\n`);
    expect(echoed()).toContain('\x07');
  });
});

/** A terminal whose keys come in the given pieces; 'wait' stands between them. */
function terminal(pieces: readonly (string | Uint8Array)[]) {
  const queue = [...pieces];
  let written = '';
  let ready = true;
  const host: HostConsole = {
    kind: () => 'terminal',
    read: () => {
      if (!ready) {
        ready = true;
        return 'wait';
      }
      ready = false;
      const piece = queue.shift();
      if (piece === undefined) return 'eof';
      return typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
    },
    waitForInput: () => true,
    write: (_stream, bytes) => {
      written += new TextDecoder().decode(bytes);
      return Status.SUCCESS;
    },
    flush: () => {},
    size: () => ({ columns: 80, rows: 25 }),
    setRaw: () => {},
  };
  const console = new ConsoleDevice(host, 'test');
  const read = (maximum = 1000): string => {
    for (;;) {
      const input = console.takeBytes(maximum);
      if (input === 'eof') return 'eof';
      if (input !== 'wait') return new TextDecoder('latin1').decode(input);
      console.poll();
    }
  };
  return { console, read, written: () => written };
}

describe('reading from the console', () => {
  it('gives a line at a time, and the rest of a line to the next read', () => {
    const { read } = terminal(['hello\rworld\r']);
    expect(read(3)).toBe('hel');
    expect(read()).toBe('lo\r\n');
    expect(read()).toBe('world\r\n');
    expect(read()).toBe('eof');
  });

  it.each([
    ['Ctrl-Z Enter', '\x1a\r'],
    ['Ctrl-D in an empty line', '\x04'],
  ])('ends with %s, and can go on behind it', (_what, keys) => {
    const { read } = terminal(['a\r', keys, 'b\r']);
    expect([read(), read(), read()]).toEqual(['a\r\n', 'eof', 'b\r\n']);
  });

  it('a terminal that is gone ends the input, after what was typed', () => {
    const { read } = terminal(['abc']);
    expect([read(), read()]).toEqual(['abc', 'eof']);
  });

  it('puts characters together that arrive in two pieces', () => {
    const bytes = new TextEncoder().encode('ä\r');
    const { console, read } = terminal([bytes.subarray(0, 1), bytes.subarray(1)]);
    console.inputCodePage = 1252;
    expect(read()).toBe('\xe4\r\n');
  });

  it('without line mode gives every key at once', () => {
    const { console, read, written } = terminal(['a', '\x7f', '\n']);
    console.inputMode = InputMode.PROCESSED_INPUT;
    expect([read(), read(), read()]).toEqual(['a', '\b', '\r']);
    expect(written()).toBe('');
  });
});

describe('writing to the console', () => {
  it('translates from the output code page', () => {
    const { console, written } = terminal([]);
    console.outputCodePage = 437;
    console.writeBytes(ConsoleChannel.Output, Uint8Array.of(0x41, 0x84, 0xc9, 0xcd, 0xbb));
    expect(written()).toBe('Aä╔═╗');
  });

  it('echoes what was typed ahead when it is read, not before', () => {
    const { console, read, written } = terminal(['one\rtwo\rth', 'ree\r']);
    console.poll();
    expect(written()).toBe('');
    expect(console.eventCount).toBe(20);
    expect([read(), written()]).toEqual(['one\r\n', 'one\r\n']);
    expect([read(), written()]).toEqual(['two\r\n', 'one\r\ntwo\r\n']);
    expect([read(), read()]).toEqual(['three\r\n', 'eof']);
  });
});

describe('Ctrl-C', () => {
  const events = (console: ConsoleDevice): number[] => {
    const seen: number[] = [];
    console.onInterrupt = (event) => seen.push(event);
    return seen;
  };

  it('interrupts at once and drops what was typed, also while nobody reads', () => {
    const { console, read, written } = terminal(['one\rab\x03', 'cd\r']);
    const seen = events(console);
    console.poll();
    expect(seen).toEqual([0]);
    expect(written()).toBe('^C\r\n');
    expect(read()).toBe('cd\r\n');
  });

  it('drops the line in work', () => {
    const { console, read } = terminal(['ab', '\x03', 'x\r']);
    const seen = events(console);
    expect(read()).toBe('x\r\n');
    expect(seen).toEqual([0]);
  });

  it('is a key like any other without processed input; Ctrl-\\ is Ctrl-Break and always heard', () => {
    const { console, read } = terminal(['\x03', '\x1cx']);
    const seen = events(console);
    console.inputMode = 0;
    expect([read(), read()]).toEqual(['\x03', 'x']);
    expect(seen).toEqual([1]);
  });
});

describe('input as events', () => {
  /** Pressed or let go, virtual key, scan code, character, control keys. */
  const read = (record: Uint8Array): number[] => {
    const view = new DataView(record.buffer);
    expect([record.length, view.getUint16(0, true), view.getUint16(8, true)]).toEqual([20, 1, 1]);
    return [view.getUint32(4, true), ...[10, 12, 14, 16].map((at) => view.getUint16(at, true))];
  };

  it.each([
    ['a', 0x41, 0x1e, 0x61, 0],
    ['Z', 0x5a, 0x2c, 0x5a, 0x10],
    ['5', 0x35, 0x06, 0x35, 0],
    ['%', 0x35, 0x06, 0x25, 0x10],
    [';', 0xba, 0x27, 0x3b, 0],
    [' ', 0x20, 0x39, 0x20, 0],
    ['\r', 0x0d, 0x1c, 0x0d, 0],
    ['\n', 0x0d, 0x1c, 0x0d, 0],
    ['\x7f', 0x08, 0x0e, 0x08, 0],
    ['\t', 0x09, 0x0f, 0x09, 0],
    ['\x1b', 0x1b, 0x01, 0x1b, 0],
    ['\x01', 0x41, 0x1e, 0x01, 8],
    [UP, 0x26, 0x48, 0, 0x100],
    [DELETE, 0x2e, 0x53, 0, 0x100],
    ['\x1bOP', 0x70, 0x3b, 0, 0],
    ['\x1b[24~', 0x7b, 0x58, 0, 0],
    ['ä', 0, 0, 0xe4, 0],
  ])('%j is a key that goes down and up', (keys, ...codes) => {
    expect(eventsOf(keys).map(({ record }) => read(record))).toEqual([
      [1, ...codes],
      [0, ...codes],
    ]);
  });

  it('a character of two units is two keys', () => {
    expect(eventsOf('😀').map(({ record }) => read(record)[3])).toEqual([0xd83d, 0xd83d, 0xde00, 0xde00]);
  });

  it('are looked at or taken; text is read from what is left', () => {
    const { console, read: readText } = terminal(['abc\r', 'x']);
    console.poll();
    const peeked = console.takeRecords(3, false);
    expect(console.eventCount).toBe(8);
    expect(console.takeRecords(3, true)).toEqual(peeked);
    expect(readText()).toBe('c\r\n');
    expect(console.takeRecords(1, true)).toHaveLength(1);
    expect(console.takeRecords(1, true)).toBe('wait');
  });

  it('that a program writes are typed; there is room for 4096', () => {
    const { console, read: readText } = terminal([]);
    const records = eventsOf(`hxi${LEFT}\x7f\r`).map((event) => event.record);
    expect(console.addRecords(records)).toBe(true);
    expect(console.addRecords([Uint8Array.of(0x10, ...new Uint8Array(19))])).toBe(true);
    expect(readText()).toBe('hi\r\n');
    expect(console.addRecords(Array.from({ length: 4097 }, () => records[0]))).toBe(false);
  });
});
