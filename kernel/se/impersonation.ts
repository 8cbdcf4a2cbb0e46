import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { EThread } from '../ps/thread.js';
import type { Blocking, NtStatus } from '../types.js';
import { ANONYMOUS_LOGON } from './account.js';
import { Privilege } from './privilege.js';
import { ANONYMOUS, EVERYONE, NETWORK, sameSid } from './sid.js';
import { GroupAttribute, ImpersonationLevel, Token, TokenType } from './token.js';
import { TokenAccess } from './token-access.js';
import { captureQualityOfService, effectiveCopy } from './token-duplicate.js';
import { createTokenObject } from './token-object.js';

const THREAD_IMPERSONATE = 0x100;
const THREAD_DIRECT_IMPERSONATION = 0x200;
const GROUP_ENABLED = GroupAttribute.MANDATORY | GroupAttribute.ENABLED_BY_DEFAULT | GroupAttribute.ENABLED;

/**
 * Lets a thread act for the client of a token, of which the caller keeps its reference; null: for its process again
 * (PsImpersonateClient). Without SeImpersonatePrivilege somebody else can only be identified. INSUFFICIENT_RESOURCES.
 */
export function impersonate(kernel: Kernel, thread: EThread, token: ObjectHeader<Token> | null): NtStatus {
  const { ob } = kernel;
  let client = token;
  if (client !== null && !mayImpersonate(thread, client.body)) {
    const kind = { type: TokenType.Impersonation, impersonationLevel: ImpersonationLevel.Identification };
    client = createTokenObject(kernel, client.body.copy(kernel.ps.allocateLuid(), kind));
    if (client === null) return Status.INSUFFICIENT_RESOURCES;
    ob.security.assign(client, null, null);
  } else if (client !== null) ob.referenceObject(client);
  const former = thread.impersonation;
  thread.impersonation = client === null ? null : { token: client };
  if (former !== null) ob.dereferenceObject(former.token);
  return Status.SUCCESS;
}

/** SeTokenCanImpersonate. */
function mayImpersonate(thread: EThread, client: Token): boolean {
  if (client.impersonationLevel < ImpersonationLevel.Impersonation) return true;
  const own = thread.process.token?.body;
  if (own === undefined || own.holdsPrivilege(Privilege.IMPERSONATE)) return true;
  return sameSid(own.user.sid, client.user.sid) && (!own.isRestricted || client.isRestricted);
}

/** NtSetInformationThread(ThreadImpersonationToken): handle 0 ends it. BAD_TOKEN_TYPE, handle statuses; TOKEN_IMPERSONATE. */
export function assignImpersonationToken(kernel: Kernel, thread: EThread, handle: number): NtStatus {
  if (handle === 0) return impersonate(kernel, thread, null);
  const { ob } = kernel;
  const found = ob.peekObjectByHandle(handle, ob.types.token, TokenAccess.IMPERSONATE);
  if (found.object === null) return found.status;
  if (found.object.body.type !== TokenType.Impersonation) return Status.BAD_TOKEN_TYPE;
  return impersonate(kernel, thread, found.object);
}

/**
 * NtImpersonateThread(server thread, client thread, quality of service*): the server acts for whom the client acts for.
 * INVALID_PARAMETER, BAD_IMPERSONATION_LEVEL where the client is impersonating with less, handle statuses;
 * THREAD_DIRECT_IMPERSONATION on the server, THREAD_IMPERSONATE on the client.
 */
export function* impersonateThread(
  kernel: Kernel,
  serverHandle: number,
  clientHandle: number,
  qualityAddress: number,
): Blocking<NtStatus> {
  const { ob, ps } = kernel;
  const quality = yield* captureQualityOfService(kernel, qualityAddress);
  if (!isSuccess(quality.status)) return quality.status;
  const client = ob.peekObjectByHandle(clientHandle, ob.types.thread, THREAD_IMPERSONATE);
  if (client.object === null) return client.status;
  const server = ob.peekObjectByHandle(serverHandle, ob.types.thread, THREAD_DIRECT_IMPERSONATION);
  if (server.object === null) return server.status;
  const thread = client.object.body;
  const token = (thread.impersonation?.token ?? thread.process.token)?.body;
  if (token === undefined) return Status.NO_TOKEN;
  if (token.type === TokenType.Impersonation && token.impersonationLevel < quality.level) {
    return Status.BAD_IMPERSONATION_LEVEL;
  }
  const kind = { type: TokenType.Impersonation, impersonationLevel: quality.level };
  const id = ps.allocateLuid();
  return actAs(
    kernel,
    server.object.body,
    quality.effectiveOnly ? effectiveCopy(token, id, kind) : token.copy(id, kind),
  );
}

/** NtImpersonateAnonymousToken(thread): THREAD_IMPERSONATE. ACCESS_DENIED where the process is restricted. */
export function impersonateAnonymous(kernel: Kernel, handle: number): NtStatus {
  const { ob, ps } = kernel;
  const found = ob.peekObjectByHandle(handle, ob.types.thread, THREAD_IMPERSONATE);
  if (found.object === null) return found.status;
  if (ob.currentToken()?.isRestricted === true) return Status.ACCESS_DENIED;
  const contents = {
    authenticationId: ANONYMOUS_LOGON,
    source: '\0'.repeat(8),
    sourceId: 0,
    user: { sid: ANONYMOUS, attributes: 0 },
    groups: [EVERYONE, NETWORK].map((sid) => ({ sid, attributes: GROUP_ENABLED })),
    isRestricted: false,
    restrictedSids: [],
    privileges: [],
    owner: ANONYMOUS,
    primaryGroup: ANONYMOUS,
    defaultDacl: null,
    sessionId: 0,
    sandboxInert: false,
  };
  const kind = { type: TokenType.Impersonation, impersonationLevel: ImpersonationLevel.Impersonation };
  return actAs(kernel, found.object.body, new Token(ps.allocateLuid(), contents, kind));
}

/**
 * A thread acts for a client by what its token said when it was asked for (SeImpersonateClient), as far as it may. INSUFFICIENT_RESOURCES.
 */
export function impersonateClient(kernel: Kernel, thread: EThread, client: Token): NtStatus {
  const level = client.type === TokenType.Impersonation ? client.impersonationLevel : ImpersonationLevel.Impersonation;
  const kind = { type: TokenType.Impersonation, impersonationLevel: level };
  return actAs(kernel, thread, client.copy(kernel.ps.allocateLuid(), kind));
}

function actAs(kernel: Kernel, thread: EThread, token: Token): NtStatus {
  const object = createTokenObject(kernel, token);
  if (object === null) return Status.INSUFFICIENT_RESOURCES;
  const status = kernel.ob.security.assign(object, null, null, token);
  if (isSuccess(status)) impersonate(kernel, thread, object);
  kernel.ob.dereferenceObject(object);
  return status;
}
