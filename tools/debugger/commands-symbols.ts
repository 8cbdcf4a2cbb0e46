import { type CommandOutput, commands, output, SILENT, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { matches } from './exception-filters.js';
import type { Module } from './modules.js';
import { hex, hex8 } from './number-text.js';
import type { Session } from './session.js';

const MAXIMUM_SYMBOLS = 5000;

function symbolKind(module: Module): string {
  if (module.symbols === null) return '(no symbols)';
  if (module.symbols.hasDwarf) return '(dwarf symbols)';
  const coff = module.symbols.symbols.some(({ source }) => source === 'coff');
  return coff ? '(coff symbols)' : '(export symbols)';
}

function listModules(session: Session, args: string): CommandOutput {
  const words = splitArguments(args);
  const pattern = words[0] === 'm' ? (words[1] ?? '*') : '*';
  const modules = session.modules.list(session.space).filter(({ name }) => matches(pattern, name));
  const lines = modules.map(
    (module) =>
      `${hex8(module.base)} ${hex8(module.base + module.size)}   ${module.name.padEnd(10)} ${symbolKind(module).padEnd(18)} ${module.path}`,
  );
  const data = modules.map((module) => ({
    name: module.name,
    base: module.base,
    end: module.base + module.size,
    path: module.path,
    symbols: module.symbols?.symbols.length ?? 0,
    dwarf: module.symbols?.hasDwarf ?? false,
    timestamp: module.symbols?.timestamp ?? 0,
  }));
  return output(['start    end        module name', ...lines].join('\n'), data);
}

/** x MODULE!PATTERN */
function examine(session: Session, args: string): CommandOutput {
  const text = args.trim();
  if (text === '') return localSymbols(session);
  const [modulePattern, pattern] = text.includes('!') ? text.split('!', 2) : ['*', text];
  const rows: { address: number; name: string }[] = [];
  for (const module of session.modules.list(session.space)) {
    if (!matches(modulePattern, module.name)) continue;
    const seen = new Set<string>();
    for (const symbol of module.symbols?.symbols ?? []) {
      if (rows.length >= MAXIMUM_SYMBOLS) break;
      const key = `${symbol.rva} ${symbol.name}`;
      if (!matches(pattern, symbol.name) || seen.has(key)) continue;
      seen.add(key);
      rows.push({ address: module.base + symbol.rva, name: `${module.name}!${symbol.name}` });
    }
  }
  if (rows.length === 0) throw new DebuggerError(`No symbols match '${text}'`);
  return output(rows.map((row) => `${hex8(row.address)} ${row.name}`).join('\n'), rows);
}

function localSymbols(session: Session): CommandOutput {
  const rows = session.frames.locals().map(({ name, location }) => {
    return { name, address: location?.kind === 'memory' ? location.address : null };
  });
  const lines = rows.map(({ name, address }) => `${address === null ? '@register' : hex8(address)} ${name}`);
  return output(lines.join('\n'), rows);
}

/** ln: the nearest symbols before and behind an address, and its source line. */
function listNearest(session: Session, args: string): CommandOutput {
  const [where] = splitArguments(args);
  const address = where === undefined ? session.frame.eip : session.address(where);
  const place = session.modules.place(session.space, address);
  if (place === null) return output('', null);
  const { module, symbol, displacement } = place;
  if (symbol === null)
    return output(`(${hex8(module.base)})   ${module.name}+0x${hex(displacement)}`, { module: module.name });
  const at = module.base + symbol.rva;
  const offset = displacement === 0 ? '' : `+0x${hex(displacement)}`;
  const next = module.symbols?.symbols.find(({ rva }) => rva > symbol.rva) ?? null;
  const behind = next === null ? '' : `   |  (${hex8(module.base + next.rva)})   ${module.name}!${next.name}`;
  const lines = [`(${hex8(at)})   ${module.name}!${symbol.name}${offset}${behind}`];
  if (displacement === 0) lines.push('Exact matches:', `    ${module.name}!${symbol.name}`);
  const line = session.modules.lineAt(session.space, address);
  if (line !== null) lines.unshift(`${line.file}(${line.line})`);
  const data: Json = {
    symbol: `${module.name}!${symbol.name}`,
    address: at,
    displacement,
    file: line?.file ?? null,
    line: line?.line ?? null,
  };
  return output(lines.join('\n'), data);
}

function reload(session: Session): CommandOutput {
  session.modules.reload();
  session.frames.invalidate();
  return SILENT;
}

export const symbolCommands = commands(
  { name: 'lm', syntax: 'lm [m PATTERN]', help: 'loaded modules', run: listModules },
  { name: 'x', syntax: 'x [MODULE!]PATTERN', help: 'symbols that match, * and ? being wildcards', run: examine },
  { name: 'ln', syntax: 'ln [ADDRESS]', help: 'nearest symbols and source line', run: listNearest },
  { name: '.reload', syntax: '.reload', help: 'read the symbols of all images again', run: reload },
);
