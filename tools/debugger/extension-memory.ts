import type { ControlArea } from '../../kernel/index.js';
import { PageLocation } from '../../kernel/index.js';
import { type CommandOutput, commands, output } from './command.js';
import type { Json } from './debugger-error.js';
import { pagingFileLines } from './extension-paging.js';
import { prototypeOwners } from './extension-section.js';
import { hex8 } from './number-text.js';
import type { Session } from './session.js';

const KB = 4;
/** A label and its number, as WinDbg lines them up. */
const LABEL_COLUMNS = 25;

const pagesText = (label: string, pages: number): string =>
  `      ${label}:${String(pages).padStart(LABEL_COLUMNS - label.length)}   (${String(pages * KB).padStart(8)} Kb)`;

/** !vm: what memory there is and who has it. */
function vm(session: Session, args: string): CommandOutput {
  const { mm, ex, ps } = session.machine.kernel;
  const { lists, commit } = mm;
  const figures = {
    physical: mm.pfn.frameCount,
    available: lists.availablePages,
    zeroed: lists.zeroed.total,
    free: lists.free.total,
    standby: lists.standby.total,
    modified: lists.modifiedPages,
    modifiedNoWrite: lists.modifiedNoWrite.total,
    nonPagedPool: ex.pool.pagesInUse(0),
    pagedPool: ex.pool.pagesInUse(1),
    freeSystemPtes: mm.systemPtes.free,
    committed: commit.charged,
    commitLimit: commit.limit,
    peakCommitment: commit.peak,
  };
  const lines = [
    '*** Virtual Memory Usage ***',
    pagesText('Physical Memory', figures.physical),
    ...pagingFileLines(mm),
    pagesText('Available Pages', figures.available),
    pagesText('Modified Pages', figures.modified),
    pagesText('NonPagedPool Usage', figures.nonPagedPool),
    pagesText('PagedPool Usage', figures.pagedPool),
    pagesText('Free System PTEs', figures.freeSystemPtes),
    pagesText('Committed pages', figures.committed),
    pagesText('Peak commitment', figures.peakCommitment),
    pagesText('Commit limit', figures.commitLimit),
  ];
  const processes = ps.processes.map((process) => ({
    id: process.processId,
    name: process.pcb.imageFileName,
    private: process.pcb.addressSpace?.commitCharge ?? 0,
    workingSet: process.pcb.addressSpace?.workingSetSize ?? 0,
  }));
  if (args.trim() !== '1') {
    lines.push('');
    for (const process of processes) {
      lines.push(
        `      ${process.id.toString(16).padStart(4, '0')} ${process.name.padEnd(16)} ${String(process.private).padStart(8)} (${String(process.private * KB).padStart(8)} Kb)`,
      );
    }
  }
  return output(lines.join('\n'), { ...figures, processes });
}

const LISTS: readonly (readonly [number, string])[] = [
  [PageLocation.Zeroed, 'Zeroed'],
  [PageLocation.Free, 'Free'],
  [PageLocation.Standby, 'Standby'],
  [PageLocation.Modified, 'Modified'],
  [PageLocation.ModifiedNoWrite, 'ModifiedNoWrite'],
  [PageLocation.Active, 'Active/Valid'],
  [PageLocation.Transition, 'Transition'],
  [PageLocation.Bad, 'Bad'],
];

/** Page frames of one owner. */
interface Usage {
  /** Address of the control area; null for a process. */
  readonly controlArea: number | null;
  readonly name: string;
  valid: number;
  standby: number;
  dirty: number;
  shared: number;
  locked: number;
  pageTables: number;
}

/** Names of processes by where the bytes of their page directories lie. */
function directoryOwners({ mm, ps }: Session['machine']['kernel']): Map<number, string> {
  const owners = new Map<number, string>();
  for (const space of mm.addressSpaces) {
    if (space.outSwapped) continue;
    const process = ps.processes.find(({ pcb }) => pcb.addressSpace === space);
    for (const directory of space.directories) owners.set(directory, process?.pcb.imageFileName ?? '(ended)');
  }
  return owners;
}

/** !memusage: every page frame by its state, and by the control area or process that it belongs to. */
function memoryUsage(session: Session): CommandOutput {
  const { kernel } = session.machine;
  const { pfn, lists } = kernel.mm;
  const counts = new Array<number>(8).fill(0);
  const usage = new Map<ControlArea | string, Usage>();
  counts[PageLocation.Zeroed] += lists.unlinkedPages;
  const owners = directoryOwners(kernel);
  const ownerOfPrototype = prototypeOwners(kernel.mm);
  for (let frame = 0; frame < lists.knownFrames; frame++) {
    const location = pfn.location(frame);
    counts[location]++;
    if (location === PageLocation.Zeroed || location === PageLocation.Free || location === PageLocation.Bad) continue;
    const row = pfn.isPrototype(frame)
      ? sharedUsage(usage, ownerOfPrototype(pfn.pteAddress(frame)))
      : privateUsage(session, usage, owners, frame);
    if (row === null) continue;
    if (location === PageLocation.Active) row.valid++;
    else row.standby++;
    if (pfn.isModified(frame)) row.dirty++;
    if (pfn.shareCount(frame) > 1 && location === PageLocation.Active && pfn.isPrototype(frame)) row.shared++;
    if (pfn.referenceCount(frame) > 1) row.locked++;
  }
  const size = (value: number): string => `${String(value).padStart(8)} (${String(value * KB).padStart(8)} kb)`;
  const lines = LISTS.map(([location, name]) => `${`${name}:`.padStart(20)} ${size(counts[location])}`);
  lines.push(
    `${'TOTAL:'.padStart(20)} ${size(pfn.frameCount)}`,
    '  Usage Summary (in Kb):',
    'Control  Valid Standby Dirty Shared Locked PageTables  name',
  );
  const rows = [...usage.values()].sort(
    (left, right) => (left.controlArea ?? 0xffffffff) - (right.controlArea ?? 0xffffffff),
  );
  for (const row of rows) lines.push(usageLine(row));
  const data: Json = {
    ...Object.fromEntries(LISTS.map(([location, name]) => [name, counts[location]])),
    total: pfn.frameCount,
    owners: rows.map((row) => ({ ...row })),
  };
  return output(lines.join('\n'), data);
}

function usageLine({ controlArea, name, valid, standby, dirty, shared, locked, pageTables }: Usage): string {
  const kilobytes = (pages: number, width: number): string => String(pages * KB).padStart(width);
  const head = `${controlArea === null ? '--------' : hex8(controlArea)}${kilobytes(valid, 6)}${kilobytes(standby, 8)}${kilobytes(dirty, 6)}`;
  const tail = `${kilobytes(locked, 7)}${kilobytes(pageTables, 11)}`;
  return controlArea === null
    ? `${head}  -----${tail}  process ( ${name} )`
    : `${head}${kilobytes(shared, 7)}${tail}  ${name}`;
}

function usageOf(usage: Map<ControlArea | string, Usage>, key: ControlArea | string, name: string): Usage {
  const controlArea = typeof key === 'string' ? null : key.poolAddress;
  const none = { valid: 0, standby: 0, dirty: 0, shared: 0, locked: 0, pageTables: 0 };
  const row = usage.get(key) ?? { controlArea, name, ...none };
  usage.set(key, row);
  return row;
}

function sharedUsage(usage: Map<ControlArea | string, Usage>, area: ControlArea | null): Usage | null {
  return area === null ? null : usageOf(usage, area, area.file?.name ?? '(page-file backed)');
}

/** A page belongs to the process whose directory holds the entry of its page table, a page table to that of its own. */
function privateUsage(
  session: Session,
  usage: Map<ControlArea | string, Usage>,
  owners: ReadonlyMap<number, string>,
  frame: number,
): Usage | null {
  const { pfn, memory } = session.machine.kernel.mm;
  const ownerOf = (table: number): string | undefined => owners.get(memory.hostPage(table) >>> 2);
  const table = pfn.pteFrame(frame);
  const asTable = ownerOf(table);
  const name = asTable ?? ownerOf(pfn.pteFrame(table));
  if (name === undefined) return null;
  const row = usageOf(usage, name, name);
  if (asTable !== undefined) row.pageTables++;
  return row;
}

function systemPtes(session: Session): CommandOutput {
  const { systemPtes: ptes } = session.machine.kernel.mm;
  const lines = [
    'System PTE Information',
    `  Total System Ptes ${ptes.count}`,
    `     free ptes: ${ptes.free}`,
    `     in use:    ${ptes.count - ptes.free}`,
  ];
  return output(lines.join('\n'), { total: ptes.count, free: ptes.free });
}

function verify(session: Session): CommandOutput {
  const problem = session.machine.verify();
  const text = problem === null ? 'The memory manager is consistent.' : `Inconsistent: ${problem}`;
  return output(text, { consistent: problem === null, problem });
}

export const memoryExtensions = commands(
  { name: '!vm', syntax: '!vm [1]', help: 'virtual memory usage; 1 leaves the processes out', run: vm },
  { name: '!memusage', syntax: '!memusage', help: 'page frames by state and by file', run: memoryUsage },
  { name: '!sysptes', syntax: '!sysptes', help: 'system PTEs', run: systemPtes },
  { name: '!verify', syntax: '!verify', help: 'check the whole memory manager', run: verify },
);
