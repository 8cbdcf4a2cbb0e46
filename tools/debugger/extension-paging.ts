import { findPte, NO_PTE } from '../../kernel/index.js';
import { type CommandOutput, commands, output } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { MemoryManager } from './machine-types.js';
import { hex, hex8 } from './number-text.js';
import { protectionText } from './pte-text.js';
import type { Session } from './session.js';

const KB = 4;

const kilobytes = (pages: number, width: number): string => `${String(pages * KB).padStart(width)}Kb`;

/** The lines about paging files of !vm, and all of !pagefile. */
export function pagingFileLines(mm: MemoryManager): string[] {
  if (mm.paging.files.length === 0) return ['      No Page File'];
  return mm.paging.files.flatMap((file) => [
    `      Page File: ${file.name}`,
    `         Current: ${kilobytes(file.size, 9)} Free Space: ${kilobytes(file.freeSpace, 9)}`,
    `         Minimum: ${kilobytes(file.minimum, 9)} Maximum:    ${kilobytes(file.maximum, 9)}`,
  ]);
}

function pagingFiles(session: Session): CommandOutput {
  const { mm } = session.machine.kernel;
  const data: Json = mm.paging.files.map((file) => ({
    number: file.number,
    name: file.name,
    size: file.size,
    minimum: file.minimum,
    maximum: file.maximum,
    free: file.freeSpace,
    usage: file.usage,
    peakUsage: file.peakUsage,
  }));
  const lines = pagingFileLines(mm);
  for (const file of mm.paging.files) {
    lines.push(`      Paging file ${file.number}: ${file.usage} slots in use, ${file.peakUsage} at most`);
  }
  if (mm.paging.pagesInWrites > 0) lines.push(`      Pages being written: ${mm.paging.pagesInWrites}`);
  return output(lines.join('\n'), data);
}

/** !wsle: the working set list of the process; !wsle 1: every entry. */
function workingSetList(session: Session, args: string): CommandOutput {
  const { space } = session;
  if (space === null) throw new DebuggerError('There is no process to look at');
  const { mm } = session.machine.kernel;
  const list = space.workingSet;
  const lines = [
    `Working Set of process ${hex(space.processId)}`,
    `    FirstFree: ${hex(list.firstFree).padStart(8)}  FirstDynamic: ${hex(list.firstDynamic).padStart(8)}`,
    `    LastEntry: ${hex(list.lastEntry).padStart(8)}  NextSlot:     ${hex(list.nextSlot).padStart(8)}    LastInitialized: ${hex(list.lastInitialized)}`,
    `    NonDirect: ${hex(list.nonDirectCount).padStart(8)}  HashTable:    ${hex8(list.hashStart)}    HashTableSize: ${hex(list.hashSize)}`,
    `    Size:      ${hex(space.workingSetSize).padStart(8)}  Peak:         ${hex(space.peakWorkingSetSize).padStart(8)}`,
  ];
  const entries: { readonly [key: string]: Json }[] = [];
  for (let index = 0; index <= list.lastEntry; index++) {
    if (!list.isValid(index)) continue;
    entries.push({
      index,
      address: list.vpn(index) * 0x1000,
      age: list.age(index),
      locked: list.isLocked(index) || index < list.firstDynamic,
      hashed: list.isHashed(index),
      protection: list.protection(index),
    });
  }
  if (args.trim() !== '') {
    lines.push('', '    Index  Address   Age  Locked  Protection');
    for (const entry of entries) {
      const protection = Number(entry.protection);
      const at = findPte(mm, space, Number(entry.address));
      const isShared = at !== NO_PTE && mm.format.isValid(at) && mm.pfn.isPrototype(mm.format.frame(at));
      const asPte = isShared ? 'as the prototype PTE says' : 'as its PTE says';
      const words = protection === 0 ? asPte : protectionText(protection);
      lines.push(
        `    ${hex(Number(entry.index)).padStart(5)}  ${hex8(Number(entry.address))}  ${String(entry.age).padStart(3)}  ${entry.locked === true ? 'yes   ' : 'no    '}  ${words}`,
      );
    }
  }
  return output(lines.join('\n'), {
    firstFree: list.firstFree,
    firstDynamic: list.firstDynamic,
    lastEntry: list.lastEntry,
    nextSlot: list.nextSlot,
    nonDirect: list.nonDirectCount,
    size: space.workingSetSize,
    entries,
  });
}

export const pagingExtensions = commands(
  { name: '!pagefile', syntax: '!pagefile', help: 'paging files', run: pagingFiles },
  { name: '!wsle', syntax: '!wsle [1]', help: 'working set list; 1 shows every entry', run: workingSetList },
);
