/** Micro-operations that may leave the block: jumps, calls, returns, fused compare and jump, instruction handlers. */
import { REGION_BLOCK, REGION_BUDGET } from './layout.js';
import {
  A,
  B,
  CONDITIONS,
  IMMEDIATE,
  IMMEDIATE2,
  load,
  type MicroOperation,
  NEXT,
  NEXT_BRANCH,
  store,
  TAKE_LINK,
} from './micro-operation.js';

/** Goes to the block at the EIP in `eip`, by way of the jump cache. */
const TAKE_INDIRECT = `
  const slot = jumpBase + ((eip ^ eip >>> 12) & 0xfff) * 4 | 0;
  if (jumps[slot] === eip && words[executeTable + (eip >>> 12) | 0] === jumps[slot + 1 | 0]) {
    pc = jumps[slot + 2 | 0];
    continue blocks;
  }
  run.unknown(eip, block, remaining);
  return;`;

const JUMPS: readonly MicroOperation[] = [
  { name: 'JUMP', body: TAKE_LINK },
  {
    // The target lies in another page: the link holds while that page is where it was.
    name: 'JUMP_PAGE',
    body: `
    const link = code[pc + 6 | 0];
    if (words[executeTable + ${IMMEDIATE} | 0] === code[link + 6 | 0]) { pc = link; continue blocks; }
    run.unlinked(pc, block, remaining);
    return;`,
  },
  { name: 'JUMP_R', body: `const eip = ${A}; ${TAKE_INDIRECT}` },
  { name: 'CALL', body: `${store(32, '(words[ESP] - 4 | 0)', IMMEDIATE)} words[ESP] = linear; ${TAKE_LINK}` },
  {
    name: 'CALL_R',
    body: `const eip = ${A}; ${store(32, '(words[ESP] - 4 | 0)', IMMEDIATE)} words[ESP] = linear; ${TAKE_INDIRECT}`,
  },
  {
    name: 'RETURN',
    body: `${load(32, true, 'words[ESP]')} words[ESP] = linear + ${IMMEDIATE}; const eip = value; ${TAKE_INDIRECT}`,
  },
];

const TAKE_BRANCH = `remaining = remaining + code[pc + 5 | 0] | 0; ${TAKE_LINK}`;

function conditionalJumps(): MicroOperation[] {
  return CONDITIONS.map(([name, text]) => ({
    name: `J${name}`,
    body: `if (${text}) { ${TAKE_BRANCH} } ${NEXT_BRANCH}`,
  }));
}

/** Conditions over the operands x and y of a comparison. */
const COMPARED: readonly (readonly [name: string, text: string])[] = [
  ['B', 'x >>> 0 < y >>> 0'],
  ['AE', 'x >>> 0 >= y >>> 0'],
  ['E', 'r === 0'],
  ['NE', 'r !== 0'],
  ['BE', 'x >>> 0 <= y >>> 0'],
  ['A', 'x >>> 0 > y >>> 0'],
  ['S', 'r < 0'],
  ['NS', 'r >= 0'],
  ['L', 'x < y'],
  ['GE', 'x >= y'],
  ['LE', 'x <= y'],
  ['G', 'x > y'],
];

/** Conditions over the result r of a logical operation. */
const TESTED: readonly (readonly [name: string, text: string])[] = [
  ['E', 'r === 0'],
  ['NE', 'r !== 0'],
  ['S', 'r < 0'],
  ['NS', 'r >= 0'],
  ['L', 'r < 0'],
  ['GE', 'r >= 0'],
  ['LE', 'r <= 0'],
  ['G', 'r > 0'],
];

const COMPARE_FLAGS = 'const r = x - y | 0; words[FR] = r; words[FA] = (~x & y | ~(x ^ y) & r) & 0xc0000008;';
const TEST_FLAGS = 'const r = x & y; words[FR] = r; words[FA] = 0;';
const COMPARE_BYTE_FLAGS = `const r = x - y | 0, v = ~x & y | ~(x ^ y) & r;
  words[FR] = r << 24 >> 24; words[FA] = v << 24 & 0xc0000000 | v & 8;`;

function fused(
  name: string,
  operands: string,
  conditions: readonly (readonly [name: string, text: string])[],
): MicroOperation[] {
  return conditions.map(([condition, text]) => ({
    name: `${name}_J${condition}`,
    body: `${operands} if (${text}) { ${TAKE_BRANCH} } ${NEXT_BRANCH}`,
  }));
}

const ZERO_CONDITIONS = TESTED.slice(0, 2);

/** A comparison and the conditional jump behind it. Both count as instructions. */
const FUSED: readonly MicroOperation[] = [
  ...fused('CMP32_RR', `const x = ${A}, y = ${B}; ${COMPARE_FLAGS}`, COMPARED),
  ...fused('CMP32_RI', `const x = ${A}, y = ${IMMEDIATE}; ${COMPARE_FLAGS}`, COMPARED),
  ...fused('TEST32_R', `const r = ${A}; words[FR] = r; words[FA] = 0;`, TESTED),
  ...fused('TEST32_RR', `const x = ${A}, y = ${B}; ${TEST_FLAGS}`, ZERO_CONDITIONS),
  ...fused('TEST32_RI', `const x = ${A}, y = ${IMMEDIATE}; ${TEST_FLAGS}`, ZERO_CONDITIONS),
  ...fused(
    'CMP8_RI',
    `const x = bytes[(w >> 10) & 63], y = ${IMMEDIATE} & 0xff; ${COMPARE_BYTE_FLAGS}`,
    COMPARED.slice(0, 6),
  ),
  ...fused(
    'TEST8_RI',
    `const r = bytes[(w >> 10) & 63] & ${IMMEDIATE}; words[FR] = r << 24 >> 24; words[FA] = 0;`,
    ZERO_CONDITIONS,
  ),
  ...fused(
    'TEST8_RR',
    `const r = bytes[(w >> 10) & 63] & bytes[(w >> 16) & 63]; words[FR] = r << 24 >> 24; words[FA] = 0;`,
    ZERO_CONDITIONS,
  ),
];

/** The bits above the number are how many instructions of the block are left, this one included; word 2 is the EIP. */
const CALL_HANDLER = `
  run.left = remaining + (w >>> 10) | 0;
  words[EIP] = ${IMMEDIATE2};
  cpu.faulted = false;
  const index = ${IMMEDIATE}, instruction = instructions[index];
  if (!handlers[index](cpu, instruction)) { run.faulted(); return; }
  if (cpu.attention) { run.afterHandler(instruction.length); return; }`;

const HANDLERS: readonly MicroOperation[] = [
  { name: 'HANDLER', body: `${CALL_HANDLER} ${NEXT}` },
  {
    name: 'X87',
    wide: true,
    body: `if (executeX87Direct(words, view, code, pc, readTable, writeTable)) { ${NEXT_BRANCH} } ${CALL_HANDLER} ${NEXT_BRANCH}`,
  },
  {
    name: 'SSE',
    wide: true,
    body: `if (executeSseDirect(words, view, code, pc, readTable, writeTable)) { ${NEXT_BRANCH} } ${CALL_HANDLER} ${NEXT_BRANCH}`,
  },
  {
    // The instruction may have changed what this block depends on.
    name: 'HANDLER_END',
    body: `
    run.left = remaining + (w >>> 10) | 0;
    words[EIP] = ${IMMEDIATE2};
    cpu.faulted = false;
    const index = ${IMMEDIATE}, instruction = instructions[index];
    if (!handlers[index](cpu, instruction)) run.faulted();
    else run.afterHandler(instruction.length);
    return;`,
  },
  {
    // First in a block that is the root of a translated region, which says where to go on: at the head of a block, or within one.
    name: 'REGION',
    body: `
    const next = regions[${IMMEDIATE}](remaining + code[block] | 0);
    if (next === 0) return;
    remaining = words[${REGION_BUDGET}];
    block = words[${REGION_BLOCK}];
    pc = next;
    if (block === 0) continue blocks;
    continue;`,
  },
  { name: 'RAISE', body: `run.raise(${IMMEDIATE}, ${IMMEDIATE2}, pc, block, remaining); return;` },
  { name: 'LEAVE_BLOCK', body: 'run.leaveBlock(pc, block, remaining); return;' },
  {
    // First in a block whose last instruction lies in two pages: the second page must be the one that was decoded.
    name: 'CHECK_PAGE',
    body: `if (words[executeTable + ${IMMEDIATE} | 0] !== ${IMMEDIATE2}) { run.leaveBlock(pc, block, remaining); return; } ${NEXT}`,
  },
];

export const branchOperations: readonly MicroOperation[] = [...JUMPS, ...conditionalJumps(), ...FUSED, ...HANDLERS];
