import { PoolType } from '../ex/pool.js';
import type { Kernel } from '../kernel.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { Token } from './token.js';

/** A Token object with one reference, its parts of variable length charged to pool. Null without pool. */
export function createTokenObject(kernel: Kernel, token: Token): ObjectHeader<Token> | null {
  const { pool } = kernel.ex;
  const buffer = pool.allocate(PoolType.Paged, token.variableSize, 'TokD');
  if (buffer === 0) return null;
  const { object } = kernel.ob.createObject(kernel.ob.types.token, token);
  if (object === null) pool.free(buffer);
  else token.buffer = buffer;
  return object;
}

/** Tells ob how Token objects end; once at boot. */
export function initializeTokenType(kernel: Kernel): void {
  kernel.ob.types.token.procedures = {
    poolCharges: (token) => ({ paged: token.variableSize, nonPaged: 0 }),
    delete: (token) => kernel.ex.pool.free(token.buffer),
  };
}
