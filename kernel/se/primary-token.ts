import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { EProcess } from '../ps/process.js';
import type { NtStatus } from '../types.js';
import { Privilege } from './privilege.js';
import { type Token, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';

/**
 * NtSetInformationProcess(ProcessAccessToken): the process acts for whom the token stands for, from now on. BAD_TOKEN_TYPE for an
 * impersonation token, PRIVILEGE_NOT_HELD for one that does not come of the caller's own, TOKEN_ALREADY_IN_USE, handle statuses;
 * TOKEN_ASSIGN_PRIMARY.
 */
export function assignPrimaryToken(kernel: Kernel, process: EProcess, handle: number): NtStatus {
  const { ob, ke } = kernel;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.ASSIGN_PRIMARY);
  if (found.object === null) return found.status;
  const token = found.object.body;
  if (token.type !== TokenType.Primary) return Status.BAD_TOKEN_TYPE;
  const own = ke.currentProcess.executive?.token?.body ?? null;
  if (own !== null && !descends(token, own) && !ob.security.holds(Privilege.ASSIGN_PRIMARY_TOKEN)) {
    return Status.PRIVILEGE_NOT_HELD;
  }
  if (token.inUse) return Status.TOKEN_ALREADY_IN_USE;
  const former = process.token;
  ob.referenceObject(found.object);
  process.token = found.object;
  token.inUse = true;
  if (former !== null) {
    former.body.inUse = false;
    ob.dereferenceObject(former);
  }
  return Status.SUCCESS;
}

/** Filtered from a token, or from the one that this was filtered from (SeIsChildToken, SeIsSiblingToken). */
function descends(token: Token, own: Token): boolean {
  if (token.parentTokenId === 0) return false;
  return token.parentTokenId === own.tokenId || token.parentTokenId === own.parentTokenId;
}
