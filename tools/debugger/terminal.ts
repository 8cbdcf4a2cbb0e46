import readline from 'node:readline';
import { executeLine } from './command-table.js';
import { complete } from './completion.js';
import type { Session } from './session.js';

const PROMPT = 'kd> ';
/** An empty line repeats these; repeating others surprises. */
const REPEATABLE = /^(t|p|u|d[a-z]*|g)\b/;

/** The streams of an interactive debugger; a terminal can be put into raw mode. */
export interface TerminalStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** The guest's console, which has the terminal while a command runs. */
  readonly guest: { release(): void; reclaim(): void };
}

/**
 * Reads commands from a terminal with history and completion until q or the end of the input. While a command runs the
 * terminal is the guest's, and Ctrl-C stops the machine.
 */
export async function runTerminal(session: Session, streams: TerminalStreams, json: boolean): Promise<void> {
  const { input, output, guest } = streams;
  const isTerminal = input.isTTY === true;
  const terminal = readline.createInterface({
    input,
    output,
    prompt: PROMPT,
    terminal: isTerminal,
    historySize: 1000,
    completer: (line: string) => complete(session, line),
  });
  const lines = new LineQueue(terminal);
  const breakIn = () => {
    session.execution.breakRequested = true;
  };
  process.on('SIGINT', breakIn);
  terminal.on('SIGINT', () => {
    output.write('^C\n');
    terminal.write(null, { ctrl: true, name: 'u' });
    terminal.prompt();
  });
  let last = '';
  try {
    while (!session.finished) {
      terminal.prompt();
      const line = await lines.next();
      if (line === null) break;
      const command = line.trim() === '' && REPEATABLE.test(last) ? last : line;
      last = command.trim();
      if (isTerminal) {
        terminal.pause();
        input.setRawMode(false);
        guest.reclaim();
      }
      await executeLine(session, command, json, (text) => output.write(`${text}\n`));
      if (isTerminal) {
        guest.release();
        input.setRawMode(true);
      }
    }
  } finally {
    process.off('SIGINT', breakIn);
    terminal.close();
  }
}

/** Lines as they come, also those that come while nobody waits. */
class LineQueue {
  readonly #lines: string[] = [];
  #ended = false;
  #waiting: ((line: string | null) => void) | null = null;

  constructor(terminal: readline.Interface) {
    terminal.on('line', (line) => {
      if (this.#waiting === null) this.#lines.push(line);
      else this.#give(line);
    });
    terminal.on('close', () => {
      this.#ended = true;
      if (this.#waiting !== null) this.#give(null);
    });
  }

  #give(line: string | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(line);
  }

  /** The next line; null when there will be no more. */
  next(): Promise<string | null> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }
}
