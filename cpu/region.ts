/**
 * Regions: what the translator takes for one function. A region is the blocks that branches reach from one hot block, as a
 * control-flow graph in which every loop is entered at one block, so that it can be written with structured control flow. A branch
 * into the middle of a loop goes there by way of the region's entry, which is a block without instructions.
 */
import {
  BLOCK_COUNT,
  BLOCK_DEAD,
  BLOCK_EIP,
  BLOCK_PAGE,
  BRANCH_LINK,
  BRANCH_TARGET,
  BRANCH_WORDS,
  HEADER_WORDS,
  OPERATION_WORDS,
} from './micro-operation.js';
import { isBranch, operationNumber } from './micro-operation-table.js';

/** Largest region. A larger one is cut where the blocks found last begin. */
const MAXIMUM_BLOCKS = 96;
const MAXIMUM_OPERATIONS = 1500;
/** Targets that are tried for one indirect branch. */
const MAXIMUM_TARGETS = 12;

const RETURN = operationNumber('RETURN');
const CALL_R = operationNumber('CALL_R');
const JUMP_R = operationNumber('JUMP_R');
const CALL = operationNumber('CALL');
const REGION = operationNumber('REGION');
const JUMP_PAGE = operationNumber('JUMP_PAGE');
const CHECK_PAGE = operationNumber('CHECK_PAGE');
const TERMINAL = new Set(
  ['JUMP', 'JUMP_PAGE', 'JUMP_R', 'CALL', 'CALL_R', 'RETURN', 'RAISE', 'LEAVE_BLOCK', 'HANDLER_END', 'REGION'].map(
    operationNumber,
  ),
);

/** A block of a region. */
export interface RegionBlock {
  /** The block by which others know it, and the one that holds its micro-operations if that is the start of another region. */
  readonly block: number;
  readonly body: number;
  /** Places of its micro-operations. */
  readonly operations: readonly number[];
  /** Blocks that each branch may lead to, by the branch's place. */
  readonly targets: ReadonlyMap<number, readonly number[]>;
  /** Place in reverse postorder; blocks that were cut off have none (-1). */
  order: number;
  /** Those of its targets that it reaches by way of the entry. */
  readonly detours: Set<number>;
  dominator: RegionBlock | null;
  /** Blocks of which this is the immediate dominator, in reverse postorder. */
  readonly dominated: RegionBlock[];
  /** Branches that lead here from earlier blocks, and whether there are any from later ones. */
  forwardBranches: number;
  isLoop: boolean;
}

/** What the collector must know of the machine. */
export interface RegionSource {
  readonly code: Int32Array;
  /** Where the micro-operations of a block are that starts a region. */
  bodyOf(block: number): number;
  /** The block at this EIP, which a branch of the other block names: 0 when it is not known and may not be decoded now. */
  blockAt(block: number, eip: number): number;
  /** Blocks that the indirect branch at this place was seen to reach, the most frequent first. */
  seenTargets(operation: number): readonly number[];
}

export function isTerminal(operation: number): boolean {
  return TERMINAL.has(operation);
}

/** True for the micro-operations that go to an EIP that they work out. */
export function isIndirect(operation: number): boolean {
  return operation === RETURN || operation === CALL_R || operation === JUMP_R;
}

/** Words of the micro-operation with this number. */
export function operationLength(operation: number): number {
  return isBranch(operation) ? BRANCH_WORDS : OPERATION_WORDS;
}

/**
 * The region of the blocks that are reachable from `root`: its entry and then its blocks in reverse postorder. What the entry may lead
 * to are its targets, by place 0, `root` first.
 */
export function collectRegion(source: RegionSource, root: number): RegionBlock[] {
  const found = collectBlocks(source, root);
  const entries = [root];
  for (;;) {
    const entry = newBlock(0, 0, [], new Map([[0, entries]]));
    const order = orderBlocks(found, entry);
    findDominators(found, order);
    if (findDetours(found, order, entries)) continue;
    countBranches(found, order);
    entry.isLoop = order.some(({ detours }) => detours.size > 0);
    return order;
  }
}

/** The block with this number, if it is in the region. */
type Blocks = Map<number, RegionBlock>;

function collectBlocks(source: RegionSource, root: number): Blocks {
  const { code } = source;
  const blocks: Blocks = new Map();
  const waiting = [root];
  const returns: number[] = [];
  let operations = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    if (blocks.has(next) || blocks.size >= MAXIMUM_BLOCKS || operations >= MAXIMUM_OPERATIONS) continue;
    if (code[next + BLOCK_COUNT] === BLOCK_DEAD) continue;
    const block = readBlock(source, next);
    if (block === null) continue;
    blocks.set(next, block);
    operations += block.operations.length;
    for (const at of block.operations) {
      if ((code[at] & 0x3ff) === CALL || (code[at] & 0x3ff) === CALL_R) {
        const after = source.blockAt(next, code[at + 1]);
        if (after !== 0 && !returns.includes(after)) returns.push(after);
        if (after !== 0) waiting.push(after);
      }
    }
    for (const targets of block.targets.values()) waiting.push(...targets);
  }
  addReturns(source, blocks, returns);
  return blocks;
}

/** A return may lead behind every call of the region. */
function addReturns(source: RegionSource, blocks: Blocks, returns: readonly number[]): void {
  for (const { operations, targets } of blocks.values()) {
    const last = operations[operations.length - 1];
    if ((source.code[last] & 0x3ff) !== RETURN) continue;
    const all = [...new Set([...(targets.get(last) ?? []), ...returns])];
    (targets as Map<number, readonly number[]>).set(last, all.slice(0, MAXIMUM_TARGETS));
  }
}

function readBlock(source: RegionSource, block: number): RegionBlock | null {
  const { code } = source;
  const body = source.bodyOf(block);
  const operations: number[] = [];
  const targets = new Map<number, readonly number[]>();
  for (let at = body + HEADER_WORDS; ; ) {
    const operation = code[at] & 0x3ff;
    if (operation === CHECK_PAGE || operation === REGION) return null;
    operations.push(at);
    if (isIndirect(operation)) targets.set(at, source.seenTargets(at).slice(0, MAXIMUM_TARGETS));
    else if (isBranch(operation) && !DIRECT.has(operation)) {
      if (code[at + BRANCH_LINK] === 0 && operation !== JUMP_PAGE) link(source, block, at);
      if (code[at + BRANCH_LINK] !== 0) targets.set(at, [code[at + BRANCH_LINK]]);
    }
    if (TERMINAL.has(operation)) break;
    at += operationLength(operation);
  }
  return newBlock(block, body, operations, targets);
}

/** Links a branch that was not taken yet, if it leads to the same page. */
function link({ code, blockAt }: RegionSource, block: number, branch: number): void {
  const eip = code[branch + BRANCH_TARGET];
  if (eip >>> 12 === code[block + BLOCK_EIP] >>> 12) code[branch + BRANCH_LINK] = blockAt(block, eip);
}

function newBlock(
  block: number,
  body: number,
  operations: readonly number[],
  targets: Map<number, readonly number[]>,
): RegionBlock {
  return {
    block,
    body,
    operations,
    targets,
    order: -1,
    detours: new Set(),
    dominator: null,
    dominated: [],
    forwardBranches: 0,
    isLoop: false,
  };
}

const DIRECT = new Set(['X87', 'SSE'].map(operationNumber));

function successors(blocks: Blocks, block: RegionBlock): RegionBlock[] {
  const list: RegionBlock[] = [];
  for (const targets of block.targets.values()) {
    for (const target of targets) {
      const found = blocks.get(target);
      if (found !== undefined && !block.detours.has(target)) list.push(found);
    }
  }
  return list;
}

function orderBlocks(blocks: Blocks, entry: RegionBlock): RegionBlock[] {
  const postorder: RegionBlock[] = [];
  const visited = new Set<RegionBlock>();
  const visit = (block: RegionBlock) => {
    visited.add(block);
    for (const next of successors(blocks, block)) if (!visited.has(next)) visit(next);
    postorder.push(block);
  };
  visit(entry);
  postorder.reverse();
  for (const block of blocks.values()) block.order = -1;
  postorder.forEach((block, order) => {
    block.order = order;
  });
  return postorder;
}

/** Immediate dominators by iteration over the reverse postorder (Cooper, Harvey, Kennedy). */
function findDominators(blocks: Blocks, order: readonly RegionBlock[]): void {
  const predecessors = new Map<RegionBlock, RegionBlock[]>(order.map((block) => [block, []]));
  for (const block of order) {
    block.dominator = null;
    for (const next of successors(blocks, block)) predecessors.get(next)?.push(block);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of order.slice(1)) {
      let dominator: RegionBlock | null = null;
      for (const before of predecessors.get(block) ?? []) {
        if (before.order !== 0 && before.dominator === null) continue;
        dominator = dominator === null ? before : commonDominator(before, dominator);
      }
      if (dominator !== block.dominator) {
        block.dominator = dominator;
        changed = true;
      }
    }
  }
}

function commonDominator(first: RegionBlock, second: RegionBlock): RegionBlock {
  let a = first;
  let b = second;
  while (a !== b) {
    if (a.order > b.order) a = a.dominator ?? b;
    else b = b.dominator ?? a;
  }
  return a;
}

function dominates(block: RegionBlock, other: RegionBlock): boolean {
  for (let at: RegionBlock | null = other; at !== null; at = at.dominator) if (at === block) return true;
  return false;
}

/** Sends branches into the middle of a loop by way of the entry. @returns whether there were any */
function findDetours(blocks: Blocks, order: readonly RegionBlock[], entries: number[]): boolean {
  let found = false;
  for (const block of order) {
    for (const next of successors(blocks, block)) {
      if (next.order > block.order || dominates(next, block)) continue;
      block.detours.add(next.block);
      if (!entries.includes(next.block)) entries.push(next.block);
      found = true;
    }
  }
  return found;
}

function countBranches(blocks: Blocks, order: readonly RegionBlock[]): void {
  for (const block of order) {
    block.dominator?.dominated.push(block);
    for (const next of successors(blocks, block)) {
      if (next.order <= block.order) next.isLoop = true;
      else next.forwardBranches++;
    }
  }
}

/** EIP of a block and the host page that it lies in, as the execute tables of the TLB hold it. */
export function blockPlace(code: Int32Array, block: number): { eip: number; page: number } {
  return { eip: code[block + BLOCK_EIP], page: code[block + BLOCK_PAGE] };
}
