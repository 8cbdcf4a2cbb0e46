/** All micro-operations with their numbers. */
import type { MicroOperation } from './micro-operation.js';
import { branchOperations } from './micro-operation-branch.js';
import { registerOperations } from './micro-operation-integer.js';
import { memoryOperations } from './micro-operation-memory.js';

/** A micro-operation's number is its place here. */
export const microOperations: readonly MicroOperation[] = [
  ...registerOperations,
  ...memoryOperations,
  ...branchOperations,
];

const numbers: ReadonlyMap<string, number> = new Map(
  microOperations.map((operation, number) => [operation.name, number]),
);

/** Number of a micro-operation; throws when there is none of this name, which only a wrong lowering can cause. */
export function operationNumber(name: string): number {
  const number = numbers.get(name);
  if (number === undefined) throw new Error(`no micro-operation ${name}`);
  return number;
}

/** Number of a micro-operation, or -1. */
export function findOperation(name: string): number {
  return numbers.get(name) ?? -1;
}

const branches: readonly boolean[] = microOperations.map(
  ({ body, wide }) => wide === true || body.includes('code[pc + 6 | 0]'),
);

/** True for micro-operations of eight words. */
export function isBranch(number: number): boolean {
  return branches[number];
}
