import type { Kernel } from '../kernel.js';
import type { Token } from './token.js';

/**
 * Whom the running thread acts for: the client that it impersonates, else its process. Null for threads of the kernel that are in
 * no process (PsReferenceEffectiveToken). Gives no reference.
 */
export function effectiveToken(kernel: Kernel): Token | null {
  const { currentThread, currentProcess } = kernel.ke;
  const client = currentThread.executive?.impersonation?.token ?? null;
  return (client ?? currentProcess.executive?.token)?.body ?? null;
}
