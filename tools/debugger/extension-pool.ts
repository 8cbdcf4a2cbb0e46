import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { hex, hex8 } from './number-text.js';
import type { Session } from './session.js';

const PAGE_SIZE = 0x1000;
const UNIT = 8;
const IN_USE = 4;

interface PoolBlock {
  readonly address: number;
  readonly size: number;
  readonly previousSize: number;
  readonly tag: string;
  readonly allocated: boolean;
}

/** Blocks of a page by their headers; null when the headers make no sense: no page of small blocks. */
function blocksOfPage(session: Session, page: number): PoolBlock[] | null {
  const blocks: PoolBlock[] = [];
  let previous = 0;
  for (let offset = 0; offset < PAGE_SIZE; ) {
    const first = session.memory.read16(page + offset);
    const second = session.memory.read16(page + offset + 2);
    const tag = session.memory.read(page + offset + 4, 4);
    if (first === null || second === null || tag.length < 4) return null;
    const size = (second & 0x1ff) * UNIT;
    if ((first & 0x1ff) * UNIT !== previous || size === 0 || offset + size > PAGE_SIZE) return null;
    blocks.push({
      address: page + offset,
      size,
      previousSize: previous,
      tag: String.fromCharCode(...tag).replaceAll(/[^ -~]/g, '.'),
      allocated: ((second >>> 9) & IN_USE) !== 0,
    });
    previous = size;
    offset += size;
  }
  return blocks;
}

/** !pool ADDRESS: the page's blocks, the one that holds the address marked. */
function pool(session: Session, args: string): CommandOutput {
  const [where] = splitArguments(args);
  if (where === undefined) throw new DebuggerError('!pool takes an address');
  const address = session.address(where);
  const { mm, ex } = session.machine.kernel;
  const nonPaged = address >= mm.nonPagedPoolStart && address < mm.layout.nonPagedPoolEnd;
  const paged = address >= 0xe1000000 && address < 0xeb000000;
  if (!nonPaged && !paged) throw new DebuggerError(`${hex8(address)} is not in a pool`);
  const page = address - (address & 0xfff);
  const big = ex.pool.sizeOf(page);
  const kind = nonPaged ? 'Nonpaged pool' : 'Paged pool';
  if (big >= PAGE_SIZE)
    return output(
      `Pool page ${hex8(address)} region is ${kind}\n*${hex8(page)} : large page allocation, size is 0x${hex(big)} bytes`,
      { page, size: big },
    );
  const blocks = blocksOfPage(session, page);
  if (blocks === null) throw new DebuggerError(`${hex8(page)} is not a page of pool blocks`);
  const lines = blocks.map((block) => {
    const holds = address >= block.address && address < block.address + block.size;
    const state = block.allocated ? '(Allocated) ' : '(Free)      ';
    return `${holds ? '*' : ' '}${hex8(block.address)} size: ${hex(block.size).padStart(4)} prev size: ${hex(block.previousSize).padStart(4)}  ${state}${holds ? '*' : ' '}${block.tag}`;
  });
  return output(
    [`Pool page ${hex8(address)} region is ${kind}`, ...lines].join('\n'),
    blocks.map((block) => ({ ...block })),
  );
}

/** Allocations and bytes of nonpaged and paged pool, under their headings. */
const columns = (row: readonly number[]): string =>
  row.map((value, index) => String(value).padStart(index === 2 ? 10 : 9)).join('');

/** !poolused: bytes by tag. */
function poolUsed(session: Session, args: string): CommandOutput {
  const pattern = splitArguments(args).at(-1);
  const trackers = session.machine.kernel.ex.pool.trackers.list();
  const shown = trackers.filter(({ tag, nonPaged, paged }) => {
    if (pattern !== undefined && !/^\d$/.test(pattern) && !tag.startsWith(pattern.replace(/\*$/, ''))) return false;
    return nonPaged.allocations + paged.allocations > 0;
  });
  const live = (usage: { allocations: number; frees: number }): number => usage.allocations - usage.frees;
  const lines = ['            NonPaged           Paged', ' Tag    Allocs     Used    Allocs     Used'];
  const data: Json[] = [];
  const totals = [0, 0, 0, 0];
  for (const { tag, nonPaged, paged } of shown) {
    const row = [live(nonPaged), nonPaged.bytes, live(paged), paged.bytes];
    row.forEach((value, index) => {
      totals[index] += value;
    });
    lines.push(` ${tag}${columns(row)}`);
    data.push({ tag, nonPagedAllocs: row[0], nonPagedUsed: row[1], pagedAllocs: row[2], pagedUsed: row[3] });
  }
  lines.push(` TOTAL${columns(totals).slice(1)}`);
  return output(lines.join('\n'), data);
}

export const poolExtensions = commands(
  { name: '!pool', syntax: '!pool ADDRESS', help: 'the pool blocks of a page', run: pool },
  { name: '!poolused', syntax: '!poolused [TAG*]', help: 'pool by tag', run: poolUsed },
);
