import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { Blocking, NtStatus } from '../types.js';
import { impersonateAnonymous, impersonateThread } from './impersonation.js';
import { ImpersonationLevel } from './token.js';
import { adjustGroups, adjustPrivileges, setInformationToken } from './token-adjust.js';
import { createToken } from './token-create.js';
import { duplicateToken, filterToken } from './token-duplicate.js';
import { compareTokens, queryInformationToken } from './token-query.js';

const PROCESS_QUERY_INFORMATION = 0x400;
const THREAD_QUERY_INFORMATION = 0x40;

/** NtOpenProcessTokenEx(process, access, handle attributes, handle*): PROCESS_QUERY_INFORMATION, and what the token's DACL says. */
function* openProcessToken(
  kernel: Kernel,
  processHandle: number,
  access: number,
  attributes: number,
  handleAddress: number,
): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const probed = yield* user.probeForWrite(handleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  const found = ob.peekObjectByHandle(processHandle, ob.types.process, PROCESS_QUERY_INFORMATION);
  if (found.object === null) return found.status;
  const { token } = found.object.body;
  if (token === null) return Status.PROCESS_IS_TERMINATING;
  const inserted = ob.openObject(token, attributes, access);
  if (isSuccess(inserted.status)) user.write32(handleAddress, inserted.handle);
  return inserted.status;
}

/**
 * NtOpenThreadTokenEx(thread, access, as self, handle attributes, handle*): the token of whom the thread acts for. NO_TOKEN when it
 * acts for its process, CANT_OPEN_ANONYMOUS; THREAD_QUERY_INFORMATION, and what the token's DACL says to the caller, or with `as
 * self` to the caller's process.
 */
function* openThreadToken(
  kernel: Kernel,
  threadHandle: number,
  access: number,
  asSelf: number,
  attributes: number,
  handleAddress: number,
): Blocking<NtStatus> {
  const { user, ob, ke } = kernel;
  const probed = yield* user.probeForWrite(handleAddress, 4, 4);
  if (!isSuccess(probed)) return probed;
  const found = ob.peekObjectByHandle(threadHandle, ob.types.thread, THREAD_QUERY_INFORMATION);
  if (found.object === null) return found.status;
  const token = found.object.body.impersonation?.token ?? null;
  if (token === null) return Status.NO_TOKEN;
  if (token.body.impersonationLevel === ImpersonationLevel.Anonymous) return Status.CANT_OPEN_ANONYMOUS;
  const own = ke.currentProcess.executive?.token?.body ?? null;
  const inserted = ob.openObject(token, attributes, access, (asSelf & 0xff) !== 0 ? { token: own } : {});
  if (isSuccess(inserted.status)) user.write32(handleAddress, inserted.handle);
  return inserted.status;
}

export const tokenServices: readonly Service[] = [
  service('NtOpenProcessToken', (kernel, processHandle, access, handleAddress) =>
    openProcessToken(kernel, processHandle, access, 0, handleAddress),
  ),
  service('NtOpenProcessTokenEx', openProcessToken),
  service('NtOpenThreadToken', (kernel, threadHandle, access, asSelf, handleAddress) =>
    openThreadToken(kernel, threadHandle, access, asSelf, 0, handleAddress),
  ),
  service('NtOpenThreadTokenEx', openThreadToken),
  service('NtQueryInformationToken', queryInformationToken),
  service('NtSetInformationToken', setInformationToken),
  service('NtAdjustPrivilegesToken', adjustPrivileges),
  service('NtAdjustGroupsToken', adjustGroups),
  service('NtDuplicateToken', duplicateToken),
  service('NtFilterToken', filterToken),
  service('NtCreateToken', createToken),
  service('NtCompareTokens', compareTokens),
  service('NtImpersonateThread', impersonateThread),
  service('NtImpersonateAnonymousToken', impersonateAnonymous),
];
