/** Console input modes (wincon.h). */
export const InputMode = { PROCESSED_INPUT: 1, LINE_INPUT: 2, ECHO_INPUT: 4, WINDOW_INPUT: 8, VALID: 0x1ff } as const;

const CONTROL_D = '\x04';
const BELL = '\x07';
const CONTROL_Z = '\x1a';
const ESCAPE = '\x1b';
const BACKSPACES = '\x08\x7f';
const MAXIMUM_LINE = 8192;
const HISTORY_LENGTH = 50;

/** What a completed piece of editing gives to the console. */
export interface LineEvents {
  /** Text for the terminal. */
  echo(text: string): void;
}

/**
 * The line discipline of a console in line mode: takes the keys of a terminal in raw mode, keeps the line being edited and
 * hands out finished lines. Keys: Backspace, Delete, arrows, Home, End, Escape (clears), Up and Down (history), Enter.
 * Ctrl-Z stands in the line; a line that begins with it means end of input. So does Ctrl-D in an empty line, the terminal's own
 * end-of-input key.
 */
export class LineEditor {
  readonly #events: LineEvents;
  readonly #history: string[] = [];
  readonly #lines: string[] = [];
  #line = '';
  #cursor = 0;
  #historyIndex = 0;
  /** An escape sequence that has not come completely. */
  #sequence = '';

  constructor(events: LineEvents) {
    this.#events = events;
  }

  /** The oldest finished line with its CR LF, taken out; null when none is. */
  takeLine(): string | null {
    return this.#lines.shift() ?? null;
  }

  get hasLine(): boolean {
    return this.#lines.length > 0;
  }

  /** What has been typed of the line in work, taken out: when the mode changes or input ends. */
  takePartial(): string {
    const text = this.#line;
    this.#replace('', 0, false);
    return text;
  }

  /** Forgets everything typed so far. */
  clear(): void {
    this.#lines.length = 0;
    this.#line = '';
    this.#cursor = 0;
    this.#sequence = '';
  }

  /** Takes keys as they come from the terminal, several lines at once where there are. @param mode InputMode bits. */
  type(text: string, mode: number): void {
    for (let rest = text; rest !== ''; ) rest = this.typeLine(rest, mode);
  }

  /** Takes keys up to the end of a line. Returns those behind it, '' where the line has not come to its end. */
  typeLine(text: string, mode: number): string {
    let taken = 0;
    for (const character of text) {
      this.#key(character, mode);
      taken += character.length;
      if (isEnter(character) && this.#sequence === '') return text.slice(taken);
    }
    // A lone ESC at the end of what came is the key itself: sequences arrive in one piece.
    if (this.#sequence === ESCAPE) {
      this.#sequence = '';
      this.#replace('', 0, isEchoing(mode));
    }
    return '';
  }

  #key(character: string, mode: number): void {
    const echo = isEchoing(mode);
    if (this.#sequence !== '') {
      this.#continueSequence(character, echo);
      return;
    }
    if (character === ESCAPE) {
      this.#sequence = ESCAPE;
      return;
    }
    if (isEnter(character)) {
      this.#enter('\r\n', echo);
      return;
    }
    if (BACKSPACES.includes(character)) {
      this.#erase(this.#cursor - unitsBefore(this.#line, this.#cursor), this.#cursor, echo);
      return;
    }
    if (character === CONTROL_D && this.#line === '') {
      this.#line = CONTROL_Z;
      this.#enter('\r\n', echo);
      return;
    }
    if (character < ' ' && character !== '\t' && character !== CONTROL_Z && character !== CONTROL_D) return;
    if (this.#line.length + character.length > MAXIMUM_LINE) {
      if (echo) this.#events.echo(BELL);
      return;
    }
    this.#insert(character, echo);
  }

  #insert(character: string, echo: boolean): void {
    const tail = this.#line.slice(this.#cursor);
    this.#line = this.#line.slice(0, this.#cursor) + character + tail;
    this.#cursor += character.length;
    if (echo) this.#events.echo(visible(character) + visible(tail) + back(tail));
  }

  #erase(from: number, to: number, echo: boolean): void {
    if (from < 0 || to > this.#line.length || from >= to) return;
    const gone = this.#line.slice(from, to);
    const head = this.#line.slice(from, this.#cursor);
    const tail = this.#line.slice(to);
    this.#line = this.#line.slice(0, from) + tail;
    this.#cursor = from;
    if (!echo) return;
    const blanks = ' '.repeat(width(gone));
    this.#events.echo(back(head) + visible(tail) + blanks + back(tail + gone));
  }

  #enter(end: string, echo: boolean): void {
    if (echo) this.#events.echo(visible(this.#line.slice(this.#cursor)) + end);
    if (this.#line !== '' && !this.#line.startsWith(CONTROL_Z) && this.#line !== this.#history.at(-1)) {
      this.#history.push(this.#line);
      if (this.#history.length > HISTORY_LENGTH) this.#history.shift();
    }
    this.#historyIndex = this.#history.length;
    this.#lines.push(this.#line + end);
    this.#line = '';
    this.#cursor = 0;
  }

  #continueSequence(character: string, echo: boolean): void {
    this.#sequence += character;
    const opening = this.#sequence.length === 2 && (character === '[' || character === 'O');
    const parameter = this.#sequence.length > 2 && ((character >= '0' && character <= '9') || character === ';');
    if ((opening || parameter) && this.#sequence.length < 16) return;
    const sequence = this.#sequence.slice(1).replace(/^O/, '[');
    this.#sequence = '';
    this.#editingKey(sequence, echo);
  }

  #editingKey(sequence: string, echo: boolean): void {
    switch (sequence) {
      case '[A':
        this.#recall(-1, echo);
        break;
      case '[B':
        this.#recall(1, echo);
        break;
      case '[C':
        this.#move(this.#cursor + unitsAfter(this.#line, this.#cursor), echo);
        break;
      case '[D':
        this.#move(this.#cursor - unitsBefore(this.#line, this.#cursor), echo);
        break;
      case '[H':
      case '[1~':
        this.#move(0, echo);
        break;
      case '[F':
      case '[4~':
        this.#move(this.#line.length, echo);
        break;
      case '[3~':
        this.#erase(this.#cursor, this.#cursor + unitsAfter(this.#line, this.#cursor), echo);
        break;
    }
  }

  #move(target: number, echo: boolean): void {
    const cursor = Math.max(0, Math.min(target, this.#line.length));
    if (echo && cursor < this.#cursor) this.#events.echo(back(this.#line.slice(cursor, this.#cursor)));
    if (echo && cursor > this.#cursor) this.#events.echo(visible(this.#line.slice(this.#cursor, cursor)));
    this.#cursor = cursor;
  }

  #recall(step: number, echo: boolean): void {
    const index = this.#historyIndex + step;
    if (index < 0 || index > this.#history.length) return;
    this.#historyIndex = index;
    const line = this.#history[index] ?? '';
    this.#replace(line, line.length, echo);
  }

  #replace(line: string, cursor: number, echo: boolean): void {
    if (echo) {
      const before = back(this.#line.slice(0, this.#cursor));
      const blanks = Math.max(0, width(this.#line) - width(line));
      this.#events.echo(before + visible(line) + ' '.repeat(blanks) + '\b'.repeat(blanks));
    }
    this.#line = line;
    this.#cursor = cursor;
  }
}

function isEnter(character: string): boolean {
  return character === '\r' || character === '\n';
}

function isEchoing(mode: number): boolean {
  return (mode & InputMode.ECHO_INPUT) !== 0;
}

/** How a character is echoed: control characters as ^X. */
function visible(text: string): string {
  let shown = '';
  for (const character of text) {
    const control = character < ' ' && character !== '	';
    shown += control ? `^${String.fromCharCode(character.charCodeAt(0) + 64)}` : character;
  }
  return shown;
}

/** Columns that a text takes when it is echoed; tabs and wide characters count as one. */
function width(text: string): number {
  return [...visible(text)].length;
}

function back(text: string): string {
  return '\b'.repeat(width(text));
}

function unitsBefore(text: string, index: number): number {
  const last = [...text.slice(0, index)].at(-1);
  return last?.length ?? 0;
}

function unitsAfter(text: string, index: number): number {
  const code = text.codePointAt(index);
  return code === undefined ? 0 : code > 0xffff ? 2 : 1;
}
