import { type Command, type CommandOutput, output } from './command.js';
import { breakpointCommands } from './commands-breakpoints.js';
import { disassemblyCommands } from './commands-disassembly.js';
import { editCommands } from './commands-edit.js';
import { eventCommands } from './commands-events.js';
import { executionCommands } from './commands-execution.js';
import { generalCommands } from './commands-general.js';
import { memoryCommands } from './commands-memory.js';
import { registerCommands } from './commands-registers.js';
import { reverseCommands } from './commands-reverse.js';
import { stackCommands } from './commands-stack.js';
import { symbolCommands } from './commands-symbols.js';
import { typeCommands } from './commands-types.js';
import { DebuggerError } from './debugger-error.js';
import { analyzeExtensions } from './extension-analyze.js';
import { cacheExtensions } from './extension-cache.js';
import { memoryExtensions } from './extension-memory.js';
import { pageExtensions } from './extension-pages.js';
import { pagingExtensions } from './extension-paging.js';
import { poolExtensions } from './extension-pool.js';
import { processExtensions } from './extension-process.js';
import { sectionExtensions } from './extension-section.js';
import { vadExtensions } from './extension-vad.js';
import type { Session } from './session.js';

const help: Command = {
  name: '.help',
  syntax: '.help [COMMAND]',
  help: 'this table; every command takes --json',
  run: (_session, args) => helpText(args.trim()),
};

/** Every command of the debugger, in the order of .help. */
export const commandTable: readonly Command[] = [
  ...executionCommands,
  ...reverseCommands,
  ...registerCommands,
  ...disassemblyCommands,
  ...memoryCommands,
  ...editCommands,
  ...stackCommands,
  ...symbolCommands,
  ...typeCommands,
  ...breakpointCommands,
  ...eventCommands,
  ...pageExtensions,
  ...vadExtensions,
  ...memoryExtensions,
  ...sectionExtensions,
  ...pagingExtensions,
  ...poolExtensions,
  ...cacheExtensions,
  ...processExtensions,
  ...analyzeExtensions,
  ...generalCommands,
  help,
];

function helpText(name: string): CommandOutput {
  const shown = name === '' ? commandTable : commandTable.filter((command) => command.name === name);
  if (shown.length === 0) throw new DebuggerError(`There is no command '${name}'`);
  const lines =
    name === ''
      ? shown.map((command) => `${command.name.padEnd(11)} ${command.help}`)
      : shown.map((command) => `${command.syntax}\n    ${command.help}`);
  return output(
    lines.join('\n'),
    shown.map(({ name: command, syntax, help: text }) => ({ name: command, syntax, help: text })),
  );
}

/** Other spellings. */
const ALIASES: Readonly<Record<string, string>> = { d: 'db', e: 'eb', '.hh': '.help' };

/** Splits 'bp main' into its command and arguments; null when no command begins so. */
export function findCommand(line: string): { readonly command: Command; readonly args: string } | null {
  const text = line.trim();
  const match = /^([tpg]-|gu-|[!.]?[A-Za-z]+|\?|~)(.*)$/s.exec(text);
  if (match === null) return null;
  // Numbers may follow at once: 'bc0', 'u@eip', 'k5'.
  const [, word, args] = match;
  const name = Object.hasOwn(ALIASES, word) ? ALIASES[word] : word;
  const command = commandTable.find((candidate) => candidate.name === name.toLowerCase());
  return command === undefined ? null : { command, args: args.trim() };
}

/** Splits at ';' outside of quotes. */
export function splitCommands(line: string): string[] {
  const parts: string[] = [];
  let current = '';
  let quoted = false;
  for (const character of line) {
    if (character === '"') quoted = !quoted;
    if (character === ';' && !quoted) {
      parts.push(current);
      current = '';
    } else current += character;
  }
  parts.push(current);
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

const JSON_FLAG = /(^|\s)--json(?=\s|$)/;

/**
 * Carries out a line of commands; the commands of a breakpoint that is hit come behind the one that ran to it. A command that
 * fails ends the line with its message. Comments begin with '*' or '$$'.
 * @param write takes each command's output, without a line feed at its end
 * @returns false when a command could not be understood or carried out
 */
export async function executeLine(
  session: Session,
  line: string,
  json: boolean,
  write: (text: string) => void,
): Promise<boolean> {
  const queue = /^\s*(\*|\$\$)/.test(line) ? [] : splitCommands(line);
  for (let part = queue.shift(); part !== undefined && !session.finished; part = queue.shift()) {
    const asJson = json || JSON_FLAG.test(part);
    try {
      const found = findCommand(part.replace(JSON_FLAG, ' '));
      if (found === null) throw new DebuggerError(`Syntax error in '${part}'; .help lists the commands`);
      const before = session.lastEvent;
      const { text, data } = await found.command.run(session, found.args);
      const shown = asJson ? JSON.stringify(data) : text;
      if (shown !== '') write(shown);
      queue.unshift(...breakpointCommandsOf(session, before));
    } catch (error) {
      if (!(error instanceof DebuggerError)) throw error;
      write(asJson ? JSON.stringify({ error: error.message }) : error.message);
      return false;
    }
  }
  return true;
}

function breakpointCommandsOf(session: Session, before: Session['lastEvent']): string[] {
  const event = session.lastEvent;
  if (event === before) return [];
  if (event.kind !== 'breakpoint' && event.kind !== 'data' && event.kind !== 'fault') return [];
  return event.breakpoint.command === null ? [] : splitCommands(event.breakpoint.command);
}
