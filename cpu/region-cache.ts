/**
 * Which blocks are hot, and their translations. The interpreter tells where its slices end: a block that is met there often enough
 * becomes the root of a region. Where that happens depends on instruction counts alone, and what runs is the same in either tier.
 *
 * The first micro-operation of a root is overwritten with REGION; a copy of the block keeps it for the interpreter and for others.
 * A region dies with any block that it was made from or leads to.
 */
import type { BlockCache } from './block-cache.js';
import type { Cpu } from './cpu.js';
import { FPU_CONTROL, FPU_STATUS, REGION_EXITS, REGION_LEFT } from './layout.js';
import { BLOCK_COUNT, BLOCK_DEAD, BLOCK_EIP, BLOCK_HOST, BLOCK_MODE, HEADER_WORDS } from './micro-operation.js';
import { operationNumber } from './micro-operation-table.js';
import { MODE_ALIGNMENT, MODE_CODE_BIG, MODE_CODE_FLAT } from './processor-mode.js';
import { collectRegion, isTerminal, operationLength, type RegionBlock, type RegionSource } from './region.js';
import { type RegionFunction, RegionTranslator } from './region-translator.js';
import type { TlbTables, TranslatorMachine } from './region-writer.js';

/** Whole slices that make a block hot, if nobody says otherwise. */
export const TRANSLATE_AFTER = 4;
/**
 * What a slice counts that nothing interrupted, in units of one that faults or services did: code that leaves its regions all the
 * time earns less by being translated than the translation costs, unless it runs for long.
 */
const WHOLE_SLICE = 32;
/** Regions that exist at a time; the oldest gives way. */
const MAXIMUM_REGIONS = 512;
/** Blocks whose samples are counted at a time. */
const MAXIMUM_SAMPLED = 4096;
/** Branches out of a region by an unknown target before it is translated anew, and how often that happens. */
const MISSES = 256;
const MAXIMUM_VERSIONS = 4;
/** Different targets that are counted for one branch. */
const MAXIMUM_SEEN = 64;
/** Exits in front of instructions in a slice, one in 32 instructions, and how many such slices a region is allowed. */
const TOO_MANY_EXITS = 2048;
const MAXIMUM_FAILURES = 16;
const REGION = operationNumber('REGION');

interface Region {
  readonly root: number;
  /** Holds the root's micro-operations. */
  readonly copy: number;
  /** Its place in `functions`. */
  readonly index: number;
  /** Blocks that it dies with. */
  readonly members: Set<number>;
  /** What the x87 unit was like at the root. */
  readonly control: number;
  readonly top: number;
  version: number;
  misses: number;
  /** Slices in which it was left too often. */
  failures: number;
}

/** What the cache needs of the interpreter. */
export interface RegionHost extends Pick<TranslatorMachine, 'memory' | 'handle'> {
  readonly words: Int32Array;
  /** Of the running mode. */
  readonly tables: TlbTables;
  readonly cpu: Cpu;
  /** The block at this EIP that the jump cache of the running mode knows, or 0. */
  knownBlock(eip: number): number;
}

export class RegionCache implements RegionSource {
  readonly code: Int32Array;
  /** For the loop: functions of the regions by number. */
  readonly functions: RegionFunction[] = [];
  readonly #blocks: BlockCache;
  readonly #host: RegionHost;
  readonly #threshold: number;
  /** Regions by root, the oldest first, and by each block that they die with. */
  readonly #regions = new Map<number, Region>();
  readonly #byMember = new Map<number, Region[]>();
  readonly #free: number[] = [];
  readonly #samples = new Map<number, number>();
  /** Where indirect branches of regions led to, by place and EIP. */
  readonly #seen = new Map<number, Map<number, number>>();
  /** Regions by the places of their indirect branches. */
  readonly #byBranch = new Map<number, Region>();
  /** Roots that were tried in vain. */
  readonly #barred = new Set<number>();
  #stale: Region | null = null;
  /** Made when the first region is. */
  #translator: RegionTranslator | null = null;

  /** @param threshold samples that make a block hot; 0 = nothing is ever translated */
  constructor(blocks: BlockCache, host: RegionHost, threshold: number) {
    this.#blocks = blocks;
    this.#host = host;
    this.#threshold = threshold;
    this.code = blocks.code;
  }

  /** Everything was dropped: places in `code` mean nothing any more. */
  clear(): void {
    this.#regions.clear();
    this.#byMember.clear();
    this.#byBranch.clear();
    this.#seen.clear();
    this.#samples.clear();
    this.#barred.clear();
    this.#stale = null;
    this.#free.length = 0;
    this.functions.length = 0;
  }

  /** The interpreter was about to run this block when its slice ended, which was whole or had been interrupted. May translate. */
  sample(block: number, isWhole: boolean): void {
    if (this.#stale !== null && this.code[this.#stale.root + BLOCK_MODE] === this.code[block + BLOCK_MODE]) {
      this.#renew(this.#stale);
    }
    if (this.#threshold === 0 || this.#regions.has(block) || this.#barred.has(block)) return;
    const count = (this.#samples.get(block) ?? 0) + (isWhole ? WHOLE_SLICE : 1);
    if (count < this.#threshold * WHOLE_SLICE) {
      if (this.#samples.size >= MAXIMUM_SAMPLED) this.#samples.clear();
      this.#samples.set(block, count);
      return;
    }
    this.#samples.delete(block);
    this.#translate(block);
  }

  /** A whole slice ended. A region that is left in front of instructions all the time is worse than none: the last one has to answer for it. */
  judge(): void {
    const { words } = this.#host;
    if (words[REGION_EXITS] < TOO_MANY_EXITS) return;
    for (const region of this.#regions.values()) {
      if (region.index !== words[REGION_LEFT] || ++region.failures < MAXIMUM_FAILURES) continue;
      if (this.#barred.size >= MAXIMUM_SAMPLED) this.#barred.clear();
      this.#barred.add(region.root);
      this.#remove(region);
      return;
    }
  }

  /** A block was invalidated. */
  drop(block: number): void {
    const regions = this.#byMember.get(block);
    if (regions === undefined) return;
    for (const region of [...regions]) this.#remove(region);
  }

  // --- RegionSource -----------------------------------------------------------------------------------------------------

  bodyOf(block: number): number {
    return this.#regions.get(block)?.copy ?? block;
  }

  readonly blockAt = (block: number, eip: number): number => {
    const code = this.code;
    if (eip >>> 12 !== code[block + BLOCK_EIP] >>> 12) return this.#host.knownBlock(eip);
    const host = (code[block + BLOCK_HOST] - code[block + BLOCK_EIP] + eip) >>> 0;
    return this.#blocks.findOrDecode(host, eip, code[block + BLOCK_MODE]);
  };

  seenTargets(operation: number): readonly number[] {
    const seen = this.#seen.get(operation);
    if (seen === undefined) return [];
    return [...seen]
      .sort(([, first], [, second]) => second - first)
      .map(([eip]) => this.#host.knownBlock(eip))
      .filter(
        (block) => block !== 0 && this.code[block + BLOCK_COUNT] !== BLOCK_DEAD && !this.#blocks.straddles(block),
      );
  }

  // --- translation ------------------------------------------------------------------------------------------------------

  #translate(root: number): void {
    const code = this.code;
    const flat = MODE_CODE_BIG | MODE_CODE_FLAT;
    if (code[root + BLOCK_COUNT] === BLOCK_DEAD || (code[root + BLOCK_MODE] & (flat | MODE_ALIGNMENT)) !== flat) return;
    if (this.#blocks.straddles(root) || this.#host.cpu.debug.instructionSet !== 0) return;
    const copy = this.#blocks.copy(root, blockLength(code, root));
    if (copy === 0) return;
    for (const oldest of this.#regions.values()) {
      if (this.#regions.size < MAXIMUM_REGIONS) break;
      this.#remove(oldest);
    }
    const index = this.#free.pop() ?? this.functions.length;
    const { words } = this.#host;
    const control = words[FPU_CONTROL];
    const top = (words[FPU_STATUS] >> 11) & 7;
    const members = new Set<number>();
    const region: Region = { root, copy, index, control, top, members, version: 0, misses: 0, failures: 0 };
    this.#regions.set(root, region);
    this.#install(region);
  }

  #install(region: Region): void {
    const { code } = this;
    const blocks = collectRegion(this, region.root);
    this.#translator ??= new RegionTranslator({
      memory: this.#host.memory,
      code,
      instructions: this.#blocks.instructions,
      indirectJump: this.#blocks.indirectJump,
      indirectBlock: this.#blocks.indirectJump,
      handle: this.#host.handle,
      missed: (operation, eip) => this.#missed(operation, eip),
    });
    const { control, top, index } = region;
    const seesTargets = region.version < MAXIMUM_VERSIONS;
    const plan = { number: index, blocks, tables: this.#host.tables, control, top, seesTargets };
    this.functions[index] = this.#translator.translate(plan);
    this.#enlist(region, blocks);
    this.#host.cpu.counters.regionsTranslated++;
    code[region.root + HEADER_WORDS] = REGION;
    code[region.root + HEADER_WORDS + 1] = region.index;
  }

  #enlist(region: Region, blocks: readonly RegionBlock[]): void {
    const members = [region.root, region.copy];
    for (const { block, body, targets } of blocks) {
      members.push(block, body);
      for (const [branch, list] of targets) {
        members.push(...list);
        this.#byBranch.set(branch, region);
      }
    }
    for (const member of members) {
      if (region.members.has(member)) continue;
      region.members.add(member);
      const others = this.#byMember.get(member);
      if (others === undefined) this.#byMember.set(member, [region]);
      else others.push(region);
    }
  }

  #remove(region: Region): void {
    const { code } = this;
    code[region.root + HEADER_WORDS] = code[region.copy + HEADER_WORDS];
    code[region.root + HEADER_WORDS + 1] = code[region.copy + HEADER_WORDS + 1];
    for (const member of region.members) {
      const others = this.#byMember.get(member)?.filter((other) => other !== region) ?? [];
      if (others.length === 0) this.#byMember.delete(member);
      else this.#byMember.set(member, others);
    }
    this.#regions.delete(region.root);
    this.#free.push(region.index);
    if (this.#stale === region) this.#stale = null;
  }

  // --- indirect branches ------------------------------------------------------------------------------------------------

  #missed(operation: number, eip: number): void {
    let seen = this.#seen.get(operation);
    if (seen === undefined) {
      if (this.#seen.size >= MAXIMUM_SAMPLED) this.#seen.clear();
      seen = new Map();
      this.#seen.set(operation, seen);
    }
    if (seen.size < MAXIMUM_SEEN || seen.has(eip)) seen.set(eip, (seen.get(eip) ?? 0) + 1);
    const region = this.#byBranch.get(operation);
    if (region === undefined || ++region.misses < MISSES << region.version) return;
    region.misses = 0;
    this.#stale = region;
  }

  /** Translates a region anew, with what was learnt of its indirect branches. */
  #renew(region: Region): void {
    this.#stale = null;
    if (region.version >= MAXIMUM_VERSIONS || this.#host.cpu.debug.instructionSet !== 0) return;
    region.version++;
    this.#install(region);
  }
}

/** Words of a block with its header. */
function blockLength(code: Int32Array, block: number): number {
  let at = block + HEADER_WORDS;
  for (; !isTerminal(code[at] & 0x3ff); at += operationLength(code[at] & 0x3ff));
  return at + operationLength(code[at] & 0x3ff) - block;
}
