import { type CommandOutput, commands, output } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { hex, hex4, hex8, hex16 } from './number-text.js';
import { registerNames, registerText } from './registers.js';
import type { Session } from './session.js';
import { contextText, instructionText } from './stop-text.js';

/** 'st(0)': sign, exponent and significand, and what they are worth. */
function floatText(session: Session): CommandOutput {
  const { registers } = session;
  const lines = [
    `fpcw=${hex4(Number(registers.lookup('fpcw')))} fpsw=${hex4(Number(registers.lookup('fpsw')))} fptw=${hex4(Number(registers.lookup('fptw')))}`,
  ];
  const data: Json[] = [];
  for (let index = 0; index < 8; index++) {
    const [head, significand] = registers.st(index);
    const value = realValue(head, significand);
    lines.push(`st${index}= ${value} (${hex4(head)}:${hex16(significand).replace('`', '')})`);
    data.push({ register: `st${index}`, head, significand: significand.toString(16), value: String(value) });
  }
  return output(lines.join('\n'), data);
}

function realValue(head: number, significand: bigint): number {
  const exponent = head & 0x7fff;
  const sign = (head & 0x8000) !== 0 ? -1 : 1;
  if (exponent === 0x7fff)
    return (significand & 0x7fffffffffffffffn) === 0n ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * Number(significand) * 2 ** (exponent - 16383 - 63);
}

function vectorText(session: Session): CommandOutput {
  const { registers } = session;
  const lines: string[] = [];
  const data: Json[] = [];
  for (let index = 0; index < 8; index++) {
    const [low, high] = registers.xmm(index);
    lines.push(`xmm${index}=${hex16(high).replace('`', '')}${hex16(low).replace('`', '')}`);
    data.push({ register: `xmm${index}`, low: low.toString(16), high: high.toString(16) });
  }
  return output(lines.join('\n'), data);
}

function showAll(session: Session): CommandOutput {
  const { registers } = session;
  const values = registerNames.map((name) => [name, registers.get(name)] as const);
  return output(contextText(session), Object.fromEntries(values));
}

function assign(session: Session, name: string, text: string): CommandOutput {
  const value = session.evaluate(text);
  const temporary = /^\$t(\d{1,2})$/.exec(name);
  if (temporary !== null && Number(temporary[1]) < session.userRegisters.length) {
    session.userRegisters[Number(temporary[1])] = value;
    return output('', { [name]: value.toString() });
  }
  session.registers.set(name, Number(BigInt.asUintN(32, value)));
  session.changed();
  return output('', { [name]: Number(BigInt.asUintN(32, value)) });
}

function show(session: Session, name: string): CommandOutput {
  const value = session.register(name);
  if (value === null) throw new DebuggerError(`Bad register error at '${name}'`);
  const flag = /^(?:[cpazstido]f|iopl)$/.test(name);
  const text = value > 0xffffffffn ? hex16(value) : flag ? hex(Number(value)) : hex8(Number(value));
  return output(`${name}=${text}`, { [name]: Number(value) });
}

function registers(session: Session, args: string): CommandOutput {
  const text = args.trim();
  if (text === '') return showAll(session);
  const assignment = /^@?(\$?[a-z0-9]+)\s*=\s*(.+)$/i.exec(text);
  if (assignment !== null) return assign(session, assignment[1].toLowerCase(), assignment[2]);
  const shown = text.split(/[\s,]+/).map((name) => show(session, name.replace(/^@/, '').toLowerCase()));
  return output(shown.map((one) => one.text).join(' '), Object.assign({}, ...shown.map(({ data }) => data)));
}

function frameRegisters(session: Session): CommandOutput {
  return output(
    `${registerText(session.registers)}\n${instructionText(session, session.frame.eip)}`,
    session.frame.eip,
  );
}

export const registerCommands = commands(
  {
    name: 'r',
    syntax: 'r [REGISTER[=VALUE] ...]',
    help: 'show or change registers; $t0 to $t19 are yours',
    run: registers,
  },
  { name: 'rf', syntax: 'rf', help: 'the x87 registers', run: floatText },
  { name: 'rx', syntax: 'rx', help: 'the SSE registers', run: vectorText },
  {
    name: '.cxr',
    syntax: '.cxr',
    help: 'registers of the thread and the instruction of the chosen frame',
    run: frameRegisters,
  },
);
