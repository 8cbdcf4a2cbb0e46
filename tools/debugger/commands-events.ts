import { type Command, type CommandOutput, commands, output } from './command.js';
import { DebuggerError } from './debugger-error.js';
import type { EventFilter, FilterMode } from './exception-filters.js';
import { hex8 } from './number-text.js';
import type { Session } from './session.js';
import { stopData, stopText } from './stop-text.js';

const MODE_TEXT: Readonly<Record<FilterMode, string>> = {
  break: 'break',
  'second-chance': 'second-chance break',
  output: 'output',
  ignore: 'ignore',
};

function modeText({ mode, code }: EventFilter): string {
  return code === null && mode === 'second-chance' ? 'ignore' : MODE_TEXT[mode];
}

function list(session: Session): CommandOutput {
  const lines = session.filters.list.map((filter) => {
    const code = filter.code === null || filter.code === 0 ? '        ' : hex8(filter.code);
    const argument = filter.argument === null ? '' : ` (only ${filter.argument})`;
    return `${filter.name.padStart(4)} - ${filter.description.padEnd(28)} ${code} - ${modeText(filter)}${argument}`;
  });
  const data = session.filters.list.map(({ name, code, mode, argument }) => ({ name, code, mode, argument }));
  return output(lines.join('\n'), data);
}

/** sxe av, sxe ld:kernel32, sxe sc:NtClose, sxe c0000005 */
function setMode(name: string, mode: FilterMode): Command['run'] {
  return (session, args) => {
    const [word, argument] = args.trim().split(':', 2);
    if (word === '') throw new DebuggerError(`${name} takes an event; sx lists them`);
    const filter = session.filters.find(word) ?? byCode(session, word);
    if (filter === null) throw new DebuggerError(`'${word}' is no event; sx lists them`);
    filter.mode = mode;
    filter.argument = argument === undefined || argument === '' ? null : argument;
    return output('', { name: filter.name, mode, argument: filter.argument });
  };
}

function byCode(session: Session, word: string): EventFilter | null {
  if (!/^(0x)?[0-9a-f]{8}$/i.test(word)) return null;
  const code = Number.parseInt(word.replace(/^0x/i, ''), 16);
  return session.filters.list.find((filter) => filter.code === code) ?? null;
}

function lastEvent(session: Session): CommandOutput {
  return output(stopText(session, session.lastEvent), stopData(session, session.lastEvent));
}

export const eventCommands = commands(
  { name: 'sx', syntax: 'sx', help: 'what happens at exceptions and other events', run: list },
  { name: 'sxe', syntax: 'sxe EVENT[:NAME]', help: 'stop at an event', run: setMode('sxe', 'break') },
  {
    name: 'sxd',
    syntax: 'sxd EVENT',
    help: 'stop at an exception only when nobody handled it',
    run: setMode('sxd', 'second-chance'),
  },
  { name: 'sxn', syntax: 'sxn EVENT', help: 'report an event, do not stop', run: setMode('sxn', 'output') },
  { name: 'sxi', syntax: 'sxi EVENT', help: 'ignore an event', run: setMode('sxi', 'ignore') },
  { name: '.lastevent', syntax: '.lastevent', help: 'why the machine stands still', run: lastEvent },
);
