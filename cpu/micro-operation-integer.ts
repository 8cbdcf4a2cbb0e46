/** Micro-operations on registers: moves, arithmetic, shifts, multiplication and division. */
import {
  A,
  A8,
  A16,
  B,
  B8,
  B16,
  C,
  CHECK_FAULT,
  CONDITIONS,
  IMMEDIATE,
  type MicroOperation,
  NEXT,
} from './micro-operation.js';

type Size = 8 | 16 | 32;

/** Names of the operations with two operands that ADD..CMP and TEST turn into. */
export const ARITHMETIC = ['ADD', 'OR', 'ADC', 'SBB', 'AND', 'SUB', 'XOR', 'CMP', 'TEST'] as const;
export type Arithmetic = (typeof ARITHMETIC)[number];

/** True for the operations that only set flags. */
export function onlyCompares(operation: Arithmetic): boolean {
  return operation === 'CMP' || operation === 'TEST';
}

/** Sets the lazy flags from the result `r` and the vector of carries or borrows `v`. */
function carryFlags(size: Size): string {
  if (size === 32) return 'words[FR] = r; words[FA] = v & 0xc0000008;';
  const shift = 32 - size;
  return `words[FR] = r << ${shift} >> ${shift}; words[FA] = v << ${shift} & 0xc0000000 | v & 8;`;
}

function logicFlags(size: Size): string {
  if (size === 32) return 'words[FR] = r; words[FA] = 0;';
  const shift = 32 - size;
  return `words[FR] = r << ${shift} >> ${shift}; words[FA] = 0;`;
}

const SUM = 'const v = x & y | (x | y) & ~r;';
const DIFFERENCE = 'const v = ~x & y | ~(x ^ y) & r;';

/** Text that computes `r` from `x` and `y` and sets the flags. */
export function arithmetic(operation: Arithmetic, size: Size): string {
  switch (operation) {
    case 'ADD':
      return `const r = x + y | 0; ${SUM} ${carryFlags(size)}`;
    case 'ADC':
      return `const r = (x + y | 0) + (words[FA] >>> 31) | 0; ${SUM} ${carryFlags(size)}`;
    case 'SUB':
    case 'CMP':
      return `const r = x - y | 0; ${DIFFERENCE} ${carryFlags(size)}`;
    case 'SBB':
      return `const r = (x - y | 0) - (words[FA] >>> 31) | 0; ${DIFFERENCE} ${carryFlags(size)}`;
    case 'AND':
    case 'TEST':
      return `const r = x & y; ${logicFlags(size)}`;
    case 'OR':
      return `const r = x | y; ${logicFlags(size)}`;
    default:
      return `const r = x ^ y; ${logicFlags(size)}`;
  }
}

const LEFT = { 8: A8, 16: A16, 32: A } as const;
const RIGHT = { 8: B8, 16: B16, 32: B } as const;

function arithmeticOperations(size: Size): MicroOperation[] {
  return ARITHMETIC.flatMap((operation) => {
    const writeBack = onlyCompares(operation) ? '' : `${LEFT[size]} = r;`;
    const compute = `${arithmetic(operation, size)} ${writeBack} ${NEXT}`;
    return [
      { name: `${operation}${size}_RR`, body: `const x = ${LEFT[size]}, y = ${RIGHT[size]}; ${compute}` },
      { name: `${operation}${size}_RI`, body: `const x = ${LEFT[size]}, y = ${IMMEDIATE}; ${compute}` },
    ];
  });
}

/** Text that computes `r` from `x` for INC, DEC, NEG and NOT, with flags. INC and DEC keep CF. */
export function unary(operation: 'INC' | 'DEC' | 'NEG' | 'NOT', size: Size): string {
  if (operation === 'NOT') return 'const r = ~x;';
  if (operation === 'NEG') return `const y = x, r = -y | 0; const v = y | r; ${carryFlags(size)}`;
  const shift = 32 - size;
  const [step, overflow] = operation === 'INC' ? ['x + 1', '~x & r'] : ['x - 1', 'x & ~r'];
  return `
  const r = ${step} | 0;
  const cf = words[FA] & 0x80000000;
  words[FR] = ${size === 32 ? 'r' : `r << ${shift} >> ${shift}`};
  words[FA] = cf | (cf ^ (${overflow})${size === 32 ? '' : ` << ${shift}`}) >>> 1 & 0x40000000 | (x ^ r) >>> 1 & 8;`;
}

function unaryOperations(size: Size): MicroOperation[] {
  return (['INC', 'DEC', 'NEG', 'NOT'] as const).map((operation) => ({
    name: `${operation}${size}_R`,
    body: `const x = ${LEFT[size]}; ${unary(operation, size)} ${LEFT[size]} = r; ${NEXT}`,
  }));
}

/** 32-bit shifts by a count `n` of 1 to 31: result `r`, flags. AF, which the SDM leaves undefined, is set as on AMD processors. */
const SHIFTS: readonly (readonly [name: string, text: string])[] = [
  ['ROL', 'const r = x << n | x >>> 32 - n; words[FA] = words[FA] & 0x3fffffff | r << 31 | r >>> 1 & 0x40000000;'],
  ['ROR', 'const r = x >>> n | x << 32 - n; words[FA] = words[FA] & 0x3fffffff | r & 0xc0000000;'],
  ['SHL', 'const t = x << n - 1, r = t << 1; words[FR] = r; words[FA] = t & 0xc0000000 | 8;'],
  [
    'SHR',
    `const t = x >>> n - 1, r = t >>> 1 | 0; words[FR] = r;
    words[FA] = t << 31 ^ (t << 30 ^ (n === 1 ? x >>> 1 : 0)) & 0x40000000 | 8;`,
  ],
  ['SAR', 'const t = x >> n - 1, r = t >> 1; words[FR] = r; words[FA] = t << 31 | t << 30 & 0x40000000 | 8;'],
];

function shiftOperations(): MicroOperation[] {
  return SHIFTS.flatMap(([name, text]) => [
    { name: `${name}32_RI`, body: `const x = ${A}, n = ${IMMEDIATE}; ${text} ${A} = r; ${NEXT}` },
    {
      name: `${name}32_RC`,
      body: `const n = words[1] & 31; if (n !== 0) { const x = ${A}; ${text} ${A} = r; } ${NEXT}`,
    },
  ]);
}

/** SHLD and SHRD of A, filled from B. */
function doubleShiftOperations(): MicroOperation[] {
  const left = `const r = x << n | y >>> 32 - n, c = x << n - 1;
    words[FR] = r; words[FA] = c & 0x80000000 | r >>> 1 & 0x40000000 | 8; ${A} = r;`;
  const right = `const r = x >>> n | y << 32 - n;
    words[FR] = r; const c = x >>> n - 1 & 1; words[FA] = c << 31 | (c << 30 ^ (r >>> 1 ^ r) & 0x40000000) | 8; ${A} = r;`;
  return [
    ['SHLD', left],
    ['SHRD', right],
  ].flatMap(([name, text]) => [
    { name: `${name}32_RRI`, body: `const x = ${A}, y = ${B}, n = ${IMMEDIATE}; ${text} ${NEXT}` },
    {
      name: `${name}32_RRC`,
      body: `const n = words[1] & 31; if (n !== 0) { const x = ${A}, y = ${B}; ${text} } ${NEXT}`,
    },
  ]);
}

/**
 * Multiplications set CF and OF alone; SF, ZF, AF and PF, which the SDM leaves undefined, stay as on AMD processors.
 * Unsigned high half of x * y by 16-bit pieces.
 */
const HIGH_PRODUCT = `
  const x0 = x & 0xffff, x1 = x >>> 16, y0 = y & 0xffff, y1 = y >>> 16;
  const t = Math.imul(x1, y0) + (Math.imul(x0, y0) >>> 16) | 0;
  const u = Math.imul(x0, y1) + (t & 0xffff) | 0;
  const high = Math.imul(x1, y1) + (t >>> 16) + (u >>> 16) | 0;`;

const MULTIPLY: readonly MicroOperation[] = [
  {
    name: 'MUL32_R',
    body: `const x = words[0], y = ${A}; ${HIGH_PRODUCT}
      words[0] = Math.imul(x, y); words[2] = high; words[FA] = words[FA] & 0x3fffffff | (high !== 0 ? 0x80000000 : 0); ${NEXT}`,
  },
  {
    name: 'IMUL32_R',
    body: `const x = words[0], y = ${A}; ${HIGH_PRODUCT}
      const low = Math.imul(x, y), signed = high - (x >> 31 & y) - (y >> 31 & x) | 0;
      words[0] = low; words[2] = signed; words[FA] = words[FA] & 0x3fffffff | (signed !== low >> 31 ? 0x80000000 : 0); ${NEXT}`,
  },
  {
    name: 'IMUL32_RR',
    body: `const x = ${A}, y = ${B}, r = Math.imul(x, y);
      words[FA] = words[FA] & 0x3fffffff | (x * y !== r ? 0x80000000 : 0); ${A} = r; ${NEXT}`,
  },
  {
    name: 'IMUL32_RRI',
    body: `const x = ${B}, y = ${IMMEDIATE}, r = Math.imul(x, y);
      words[FA] = words[FA] & 0x3fffffff | (x * y !== r ? 0x80000000 : 0); ${A} = r; ${NEXT}`,
  },
  { name: 'DIV32_R', body: `run.divideUnsigned(${A}, pc, block, remaining); ${CHECK_FAULT} ${NEXT}` },
  { name: 'IDIV32_R', body: `run.divideSigned(${A}, pc, block, remaining); ${CHECK_FAULT} ${NEXT}` },
];

const MOVES: readonly MicroOperation[] = [
  { name: 'MOV32_RR', body: `${A} = ${B}; ${NEXT}` },
  { name: 'MOV32_RI', body: `${A} = ${IMMEDIATE}; ${NEXT}` },
  { name: 'MOV16_RR', body: `${A16} = ${B16}; ${NEXT}` },
  { name: 'MOV16_RI', body: `${A16} = ${IMMEDIATE}; ${NEXT}` },
  { name: 'MOV8_RR', body: `${A8} = ${B8}; ${NEXT}` },
  { name: 'MOV8_RI', body: `${A8} = ${IMMEDIATE}; ${NEXT}` },
  { name: 'MOVZX32_8', body: `${A} = ${B8}; ${NEXT}` },
  { name: 'MOVSX32_8', body: `${A} = ${B8} << 24 >> 24; ${NEXT}` },
  { name: 'MOVZX32_16', body: `${A} = ${B16}; ${NEXT}` },
  { name: 'MOVSX32_16', body: `${A} = ${B16} << 16 >> 16; ${NEXT}` },
  { name: 'MOVZX16_8', body: `${A16} = ${B8}; ${NEXT}` },
  { name: 'MOVSX16_8', body: `${A16} = ${B8} << 24 >> 24; ${NEXT}` },
  { name: 'XCHG32_RR', body: `const x = ${A}; ${A} = ${B}; ${B} = x; ${NEXT}` },
  {
    name: 'BSWAP32_R',
    body: `const x = ${A}; ${A} = x << 24 | x << 8 & 0xff0000 | x >>> 8 & 0xff00 | x >>> 24; ${NEXT}`,
  },
  { name: 'CDQ', body: `words[2] = words[0] >> 31; ${NEXT}` },
  { name: 'CWD', body: `halves[4] = halves[0] << 16 >> 31; ${NEXT}` },
  { name: 'LEA', body: `${A} = ${B} + (${C} << (w >>> 28)) + ${IMMEDIATE}; ${NEXT}` },
  { name: 'LEA_BASE', body: `${A} = ${B} + ${IMMEDIATE}; ${NEXT}` },
  { name: 'ADDRESS16', body: `${A} = ${B} + (${C} << (w >>> 28)) + ${IMMEDIATE} & 0xffff; ${NEXT}` },
  { name: 'ZERO32_R', body: `${A} = 0; words[FR] = 0; words[FA] = 0; ${NEXT}` },
  { name: 'TEST32_R', body: `words[FR] = ${A}; words[FA] = 0; ${NEXT}` },
  { name: 'CLC', body: `const x = words[FA]; words[FA] = x & 0x3fffffff | (x ^ x << 1) >>> 1 & 0x40000000; ${NEXT}` },
  {
    name: 'STC',
    body: `const x = words[FA]; words[FA] = x & 0x3fffffff | 0x80000000 | ~(x ^ x << 1) >>> 1 & 0x40000000; ${NEXT}`,
  },
  { name: 'CMC', body: `words[FA] ^= 0xc0000000; ${NEXT}` },
  { name: 'CLD', body: `words[EFLAGS] &= ~0x400; ${NEXT}` },
  { name: 'STD', body: `words[EFLAGS] |= 0x400; ${NEXT}` },
  {
    name: 'BT32_RR',
    body: `const c = ${A} >>> (${B} & 31) << 31, x = words[FA]; words[FA] = x & 0x3fffffff | c | (c ^ x ^ x << 1) >>> 1 & 0x40000000; ${NEXT}`,
  },
  {
    name: 'BT32_RI',
    body: `const c = ${A} >>> (${IMMEDIATE} & 31) << 31, x = words[FA]; words[FA] = x & 0x3fffffff | c | (c ^ x ^ x << 1) >>> 1 & 0x40000000; ${NEXT}`,
  },
];

function conditionalOperations(): MicroOperation[] {
  return CONDITIONS.flatMap(([name, text]) => [
    { name: `SET${name}`, body: `${A8} = ${text} ? 1 : 0; ${NEXT}` },
    { name: `CMOV${name}32_RR`, body: `if (${text}) ${A} = ${B}; ${NEXT}` },
  ]);
}

export const registerOperations: readonly MicroOperation[] = [
  ...MOVES,
  ...arithmeticOperations(32),
  ...arithmeticOperations(16),
  ...arithmeticOperations(8),
  ...unaryOperations(32),
  ...unaryOperations(16),
  ...unaryOperations(8),
  ...shiftOperations(),
  ...doubleShiftOperations(),
  ...MULTIPLY,
  ...conditionalOperations(),
];
