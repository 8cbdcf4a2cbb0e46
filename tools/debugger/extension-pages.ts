import { findPte, NO_PTE, PageLocation, type PteLocation, pdeLocation, systemPte } from '../../kernel/index.js';
import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { MemoryManager } from './machine-types.js';
import { hex, hex8, upper8 } from './number-text.js';
import { type PteMeaning, pteContents, pteLetters, pteMeaning } from './pte-text.js';
import type { Session } from './session.js';

const LOCATION_NAMES: Readonly<Record<number, string>> = {
  [PageLocation.Zeroed]: 'Zeroed',
  [PageLocation.Free]: 'Free',
  [PageLocation.Standby]: 'Standby',
  [PageLocation.Modified]: 'Modified',
  [PageLocation.ModifiedNoWrite]: 'ModifiedNoWrite',
  [PageLocation.Bad]: 'Bad',
  [PageLocation.Active]: 'Active',
  [PageLocation.Transition]: 'Transition',
};

/** Letters for the layout at hand: the PAE one has a place for C and E, the other shows C only where it is set. */
function letters(mm: MemoryManager, at: PteLocation): string {
  const all = pteLetters(mm.format, at);
  if (mm.format.isPae) return all;
  const without = all.slice(1).replace(/E(?=V$)/, '');
  return all.startsWith('C') ? `C${without}` : without;
}

function entryText(
  mm: MemoryManager,
  at: PteLocation,
): { contents: string; meaning: string; data: PteMeaning['data'] } {
  const { format } = mm;
  const contents = pteContents(format, at);
  const { data, text, form } = pteMeaning(format, at);
  if (form !== 'valid') return { contents, meaning: text, data };
  return {
    contents,
    meaning: `pfn ${hex(format.frame(at))} ${letters(mm, at)}`,
    data: { form, pfn: format.frame(at), letters: letters(mm, at) },
  };
}

/** !pte ADDRESS: an address, or that of a PTE or PDE in the self-map. */
function pte(session: Session, args: string): CommandOutput {
  const [where] = splitArguments(args);
  if (where === undefined) throw new DebuggerError('!pte takes an address');
  const { mm } = session.machine.kernel;
  const { format } = mm;
  const given = session.address(where);
  const isPteAddress = given >= 0xc0000000 && given <= format.pteTop;
  const address = isPteAddress ? format.addressOfPte(given & ~(format.entrySize - 1)) : given;
  const space = session.space ?? mm.systemSpace;
  const own = pdeLocation(mm, space, address);
  const isSystem = address >= mm.layout.systemRangeStart;
  const pdeAt = isSystem && !format.isValid(own) ? pdeLocation(mm, mm.systemSpace, address) : own;
  const large = format.isValid(pdeAt) && format.isLargePage(pdeAt);
  const found = isSystem && !isSelfMap(mm, address) ? systemPte(mm, address) : findPte(mm, space, address);
  const pteAt = large ? NO_PTE : found;
  const pde = entryText(mm, pdeAt);
  const pteEntry = pteAt === NO_PTE ? null : entryText(mm, pteAt);
  const pdeAddress = format.pdeAddress(address);
  const pteAddress = format.pteAddress(address);
  const column = 32;
  const contains = `          contains ${pde.contents}`.padEnd(column + 1);
  const meaning = `        ${pde.meaning}`;
  const unavailable = large ? 'LARGE PAGE' : 'unavailable';
  const lines = [
    `${upper8(address)}  - PDE at ${upper8(pdeAddress)}        PTE at ${upper8(pteAddress)}`,
    `${contains} contains ${pteEntry?.contents ?? unavailable}`,
    `${meaning}    ${pteEntry?.meaning ?? ''}`.trimEnd(),
  ];
  const data: Json = {
    address,
    pde: { address: pdeAddress, contents: pde.contents, ...pde.data },
    pte: pteEntry === null ? null : { address: pteAddress, contents: pteEntry.contents, ...pteEntry.data },
  };
  return output(lines.join('\n'), data);
}

function isSelfMap(mm: MemoryManager, address: number): boolean {
  return address >= 0xc0000000 && address < mm.format.hyperspace + 0x400000;
}

/** !pfn NUMBER */
function pfn(session: Session, args: string): CommandOutput {
  const [number] = splitArguments(args);
  if (number === undefined) throw new DebuggerError('!pfn takes a page frame number');
  const { mm } = session.machine.kernel;
  const database = mm.pfn;
  const frame = session.address(number);
  if (frame >= database.frameCount)
    throw new DebuggerError(`PFN ${upper8(frame)} is beyond the last, ${upper8(database.frameCount - 1)}`);
  const location = database.location(frame);
  const active = location === PageLocation.Active || location === PageLocation.Transition;
  const entryAddress = mm.layout.pfnDatabase + frame * database.entrySize;
  const original = pteContents(mm.format, database.originalPte(frame));
  const flags = [
    database.isModified(frame) ? 'M' : '',
    database.isPrototype(frame) ? 'P' : '',
    database.isReadInProgress(frame) ? 'R' : '',
    database.isWriteInProgress(frame) ? 'W' : '',
    database.isInPageError(frame) ? 'E' : '',
  ].join('');
  const words = [
    database.isModified(frame) ? 'Modified' : '',
    database.isPrototype(frame) ? 'Shared' : '',
    database.isReadInProgress(frame) ? 'ReadInProgress' : '',
    database.isWriteInProgress(frame) ? 'WriteInProgress' : '',
  ].filter((word) => word !== '');
  const counter = active ? 'share count' : 'blink';
  const lines = [
    `    PFN ${upper8(frame)} at address ${upper8(entryAddress)}`,
    `    flink       ${upper8(database.flink(frame))}  blink / share count ${upper8(database.blink(frame))}  pteaddress ${upper8(database.pteAddress(frame))}`,
    `    reference count ${hex(database.referenceCount(frame)).padStart(4, '0').toUpperCase()}                                 color ${hex(database.color(frame))}`,
    `    restore pte ${original}  containing page        ${hex(database.pteFrame(frame)).padStart(6, '0').toUpperCase()}  ${LOCATION_NAMES[location].padEnd(10)} ${flags}`.trimEnd(),
  ];
  if (words.length > 0) lines.push(`    ${words.join(' ')}`);
  const data: Json = {
    frame,
    address: entryAddress,
    location: LOCATION_NAMES[location],
    flink: database.flink(frame),
    [counter === 'blink' ? 'blink' : 'shareCount']: database.blink(frame),
    pteAddress: database.pteAddress(frame),
    referenceCount: database.referenceCount(frame),
    originalPte: original,
    containingPage: database.pteFrame(frame),
    modified: database.isModified(frame),
    prototype: database.isPrototype(frame),
  };
  return output(lines.join('\n'), data);
}

/** !vtop ADDRESS: the physical address, level by level. */
function virtualToPhysical(session: Session, args: string): CommandOutput {
  const [where] = splitArguments(args);
  if (where === undefined) throw new DebuggerError('!vtop takes an address');
  const { mm } = session.machine.kernel;
  const address = session.address(where);
  const space = session.space ?? mm.systemSpace;
  const at = address >= mm.layout.systemRangeStart ? systemPte(mm, address) : findPte(mm, space, address);
  if (at === NO_PTE || !mm.format.isValid(at)) {
    return output(
      `${hex8(address)} has no physical address: ${at === NO_PTE ? 'no page table' : pteMeaning(mm.format, at).text}`,
      null,
    );
  }
  const physical = mm.format.frame(at) * 0x1000 + (address & 0xfff);
  return output(`Virtual address ${hex8(address)} translates to physical address ${hex(physical)}.`, {
    address,
    physical,
  });
}

export const pageExtensions = commands(
  { name: '!pte', syntax: '!pte ADDRESS', help: 'page directory and page table entries of an address', run: pte },
  { name: '!pfn', syntax: '!pfn FRAME', help: 'PFN database entry', run: pfn },
  { name: '!vtop', syntax: '!vtop ADDRESS', help: 'physical address of an address', run: virtualToPhysical },
);
