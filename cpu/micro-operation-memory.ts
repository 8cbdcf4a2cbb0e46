/** Micro-operations on guest memory: loads, stores, arithmetic with a memory operand, the stack. */
import {
  A,
  A8,
  A16,
  ADDRESS,
  ADDRESS_BASE,
  B,
  C,
  CHECK_FAULT,
  IMMEDIATE,
  IMMEDIATE2,
  load,
  loadForWrite,
  type MicroOperation,
  NEXT,
  store,
  storeBack,
} from './micro-operation.js';
import { ARITHMETIC, arithmetic, onlyCompares, unary } from './micro-operation-integer.js';

const LOADS: readonly MicroOperation[] = [
  { name: 'LOAD32', body: `${load(32, true, ADDRESS)} ${A} = value; ${NEXT}` },
  { name: 'LOAD32_BASE', body: `${load(32, true, ADDRESS_BASE)} ${A} = value; ${NEXT}` },
  { name: 'LOAD16', body: `${load(16, false, ADDRESS)} ${A16} = value; ${NEXT}` },
  { name: 'LOAD8', body: `${load(8, false, ADDRESS)} ${A8} = value; ${NEXT}` },
  { name: 'LOADZX32_8', body: `${load(8, false, ADDRESS)} ${A} = value; ${NEXT}` },
  { name: 'LOADSX32_8', body: `${load(8, true, ADDRESS)} ${A} = value; ${NEXT}` },
  { name: 'LOADZX32_16', body: `${load(16, false, ADDRESS)} ${A} = value; ${NEXT}` },
  { name: 'LOADSX32_16', body: `${load(16, true, ADDRESS)} ${A} = value; ${NEXT}` },
  { name: 'LOADZX16_8', body: `${load(8, false, ADDRESS)} ${A16} = value; ${NEXT}` },
  { name: 'LOADSX16_8', body: `${load(8, true, ADDRESS)} ${A16} = value; ${NEXT}` },
];

const STORES: readonly MicroOperation[] = [
  { name: 'STORE32', body: `${store(32, ADDRESS, A)} ${NEXT}` },
  { name: 'STORE32_BASE', body: `${store(32, ADDRESS_BASE, A)} ${NEXT}` },
  { name: 'STORE32_I', body: `${store(32, ADDRESS, IMMEDIATE2)} ${NEXT}` },
  { name: 'STORE16', body: `${store(16, ADDRESS, A16)} ${NEXT}` },
  { name: 'STORE16_I', body: `${store(16, ADDRESS, IMMEDIATE2)} ${NEXT}` },
  { name: 'STORE8', body: `${store(8, ADDRESS, A8)} ${NEXT}` },
  { name: 'STORE8_I', body: `${store(8, ADDRESS, IMMEDIATE2)} ${NEXT}` },
];

const READ_MODIFY_WRITE: readonly MicroOperation[] = [
  { name: 'LOAD32_RMW', body: `${loadForWrite(32)} ${A} = value; ${NEXT}` },
  { name: 'LOAD16_RMW', body: `${loadForWrite(16)} ${A16} = value; ${NEXT}` },
  { name: 'LOAD8_RMW', body: `${loadForWrite(8)} ${A8} = value; ${NEXT}` },
  { name: 'STORE32_RMW', body: `${storeBack(32, A)} ${NEXT}` },
  { name: 'STORE16_RMW', body: `${storeBack(16, A16)} ${NEXT}` },
  { name: 'STORE8_RMW', body: `${storeBack(8, A8)} ${NEXT}` },
];

/** 32-bit arithmetic with one operand in memory; the others go through temporaries. */
function arithmeticOperations(): MicroOperation[] {
  return ARITHMETIC.flatMap((operation) => {
    const compute = arithmetic(operation, 32);
    const operations: MicroOperation[] = [];
    if (operation !== 'TEST') {
      operations.push({
        name: `${operation}32_RM`,
        body: `${load(32, true, ADDRESS)} const x = ${A}, y = value; ${compute}
          ${onlyCompares(operation) ? '' : `${A} = r;`} ${NEXT}`,
      });
    }
    if (onlyCompares(operation)) {
      const read = load(32, true, ADDRESS);
      operations.push(
        { name: `${operation}32_MR`, body: `${read} const x = value, y = ${A}; ${compute} ${NEXT}` },
        { name: `${operation}32_MI`, body: `${read} const x = value, y = ${IMMEDIATE2}; ${compute} ${NEXT}` },
        {
          name: `${operation}8_MI`,
          body: `${load(8, false, ADDRESS)} const x = value, y = ${IMMEDIATE2}; ${arithmetic(operation, 8)} ${NEXT}`,
        },
      );
    } else if (operation !== 'ADC' && operation !== 'SBB') {
      const read = loadForWrite(32);
      const write = storeBack(32, 'r');
      operations.push(
        { name: `${operation}32_MR`, body: `${read} const x = value, y = ${A}; ${compute} ${write} ${NEXT}` },
        { name: `${operation}32_MI`, body: `${read} const x = value, y = ${IMMEDIATE2}; ${compute} ${write} ${NEXT}` },
      );
    }
    return operations;
  });
}

const UNARY: readonly MicroOperation[] = (['INC', 'DEC'] as const).map((operation) => ({
  name: `${operation}32_M`,
  body: `${loadForWrite(32)} const x = value; ${unary(operation, 32)} ${storeBack(32, 'r')} ${NEXT}`,
}));

/** The stack of a flat 32-bit stack segment. */
const STACK: readonly MicroOperation[] = [
  { name: 'PUSH_R', body: `${store(32, '(words[ESP] - 4 | 0)', A)} words[ESP] = linear; ${NEXT}` },
  { name: 'PUSH_I', body: `${store(32, '(words[ESP] - 4 | 0)', IMMEDIATE)} words[ESP] = linear; ${NEXT}` },
  { name: 'POP_R', body: `${load(32, true, 'words[ESP]')} words[ESP] = linear + 4; ${A} = value; ${NEXT}` },
  {
    name: 'LEAVE',
    body: `${load(32, true, 'words[EBP]')} words[ESP] = linear + 4; words[EBP] = value; ${NEXT}`,
  },
];

/** Linear address of an operand in a segment that is not flat: A = checked base + offset. Immediate: see checkSegment(). */
const SEGMENTATION: readonly MicroOperation[] = [
  {
    name: 'SEGMENT',
    body: `const linear = run.checkSegment(${B} + (${C} << (w >>> 28)) + ${IMMEDIATE} | 0, ${IMMEDIATE2}, pc, block, remaining);
      ${CHECK_FAULT} ${A} = linear; ${NEXT}`,
  },
];

export const memoryOperations: readonly MicroOperation[] = [
  ...LOADS,
  ...STORES,
  ...READ_MODIFY_WRITE,
  ...arithmeticOperations(),
  ...UNARY,
  ...STACK,
  ...SEGMENTATION,
];
