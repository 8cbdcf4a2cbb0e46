import { ThreadState } from '../../kernel/index.js';
import { type CommandOutput, commands, output, SILENT } from './command.js';
import { DebuggerError } from './debugger-error.js';
import { hex, hex8, hex16 } from './number-text.js';
import type { Session } from './session.js';

/** '? 1+1' -> 'Evaluate expression: 2 = 00000002' */
function evaluateExpression(session: Session, args: string): CommandOutput {
  if (args.trim() === '') throw new DebuggerError('? takes an expression; .help lists the commands');
  const value = session.evaluate(args);
  const signed = BigInt.asIntN(64, value);
  const small = signed >= -0x80000000n && signed <= 0xffffffffn;
  const decimal = small ? BigInt.asIntN(32, value) : signed;
  const digits = small ? hex8(Number(BigInt.asUintN(32, value))) : hex16(value);
  return output(`Evaluate expression: ${decimal} = ${digits}`, { signed: decimal.toString(), hexadecimal: digits });
}

function quit(session: Session): CommandOutput {
  session.finished = true;
  return SILENT;
}

/** '~' lists threads, '~2s' chooses one. */
function threads(session: Session, args: string): CommandOutput {
  const list = session.threads;
  const choice = /^(\d+)\s*s$/.exec(args.trim());
  if (choice !== null) {
    const thread = list[Number(choice[1])];
    if (thread === undefined) throw new DebuggerError(`There is no thread ${choice[1]}`);
    session.selectThread(thread);
    return output('', { thread: thread.uniqueThreadId });
  }
  if (args.trim() !== '' && args.trim() !== '*') throw new DebuggerError('~ lists the threads, ~NUMBERs chooses one');
  const state = (value: number): string => Object.entries(ThreadState).find(([, known]) => known === value)?.[0] ?? '';
  const rows = list.map((thread, index) => ({
    index,
    process: thread.process.uniqueProcessId,
    thread: thread.uniqueThreadId,
    teb: thread.teb,
    state: state(thread.state),
    current: thread === session.thread,
  }));
  const lines = rows.map(
    (row) =>
      `${row.current ? '.' : ' '} ${String(row.index).padStart(2)}  Id: ${hex(row.process)}.${hex(row.thread)} Teb: ${hex8(row.teb)} ${row.state}`,
  );
  return output(lines.join('\n'), rows);
}

function echo(_session: Session, args: string): CommandOutput {
  return output(args.trim(), args.trim());
}

export const generalCommands = commands(
  {
    name: '?',
    syntax: '? EXPRESSION',
    help: 'evaluate; hexadecimal unless 0n, poi(), by(), wo(), module!symbol',
    run: evaluateExpression,
  },
  { name: '~', syntax: '~ | ~NUMBERs', help: 'threads; choose one', run: threads },
  { name: '.echo', syntax: '.echo TEXT', help: 'show a text', run: echo },
  { name: 'q', syntax: 'q', help: 'end the machine and the debugger', run: quit },
);
