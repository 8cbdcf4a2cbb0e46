import { expect } from 'vitest';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { statusName } from '../../kernel/ntstatus.js';
import { type Account, accountToken } from '../../kernel/se/account.js';
import { type AccessControlEntry, AceType, aclOf, entry } from '../../kernel/se/acl.js';
import { Control, selfRelativeBytes } from '../../kernel/se/security-descriptor.js';
import { machineSid } from '../../kernel/se/sid.js';
import type { Blocking } from '../../kernel/types.js';
import { BareProcess, code, DATA } from './bare-process.js';

export const HANDLE = DATA;
export const OUT = DATA + 0x10;
export const ATTRIBUTES = DATA + 0x40;
export const QUALITY = DATA + 0x60;
export const NAME = DATA + 0x80;
export const SECURITY = DATA + 0x400;
export const BUFFER = DATA + 0x1000;
export const BUFFER_SIZE = 0x800;
export const NOWHERE = 0x00100000;
export const KERNEL = 0x80001000;

export const SELF = 0xffffffff;
export const THREAD = 0xfffffffe;
export const EVENT_ALL = 0x1f0003;
export const TOKEN_ALL = 0xf01ff;
export const READ_CONTROL = 0x20000;
export const WRITE_DAC = 0x40000;
export const WRITE_OWNER = 0x80000;
export const SYNCHRONIZE = 0x100000;
export const SYSTEM_SECURITY = 0x1000000;
export const MAXIMUM_ALLOWED = 0x2000000;
export const OPENIF = 0x80;
export const DACL = 4;
export const USER = machineSid(1000);

export const allow = (sid: typeof USER, mask: number) => entry(AceType.ACCESS_ALLOWED, sid, mask);
export const deny = (sid: typeof USER, mask: number) => entry(AceType.ACCESS_DENIED, sid, mask);

/** A process of an account that calls services. */
export class Caller {
  readonly bare = new BareProcess(code('eb fe'));

  get user() {
    return this.bare.kernel.user;
  }

  /** The process goes on as somebody else. */
  become(account: Account, ...granted: readonly number[]): void {
    const { ps } = this.bare.kernel;
    ps.setToken(this.bare.process, accountToken(account, granted, ps.allocateLuid()));
  }

  run(body: () => Blocking<void>): void {
    let failure: unknown = null;
    this.bare.inProcess(function* () {
      try {
        yield* body();
      } catch (error) {
        failure = error;
      }
    });
    if (failure !== null) throw failure;
    expect(this.bare.kernel.mm.verify()).toBeNull();
  }

  /** Status by name. */
  *call(name: string, ...parameters: readonly number[]): Blocking<string> {
    const status = statusName(yield* this.bare.call(name, ...parameters));
    this.user.clearFailure();
    return status.replace('STATUS_', '');
  }

  /** The handle that a service stores, or the status by name. */
  *handle(name: string, ...parameters: readonly number[]): Blocking<number | string> {
    const status = yield* this.call(name, ...parameters);
    return status === 'SUCCESS' || status === 'OBJECT_NAME_EXISTS' ? this.user.read32(HANDLE) : status;
  }

  words(address: number, ...values: readonly number[]): number {
    values.forEach((value, index) => {
      this.user.write32(address + index * 4, value);
    });
    return address;
  }

  /** OBJECT_ATTRIBUTES with a name, and a descriptor that lies at SECURITY. */
  named(name: string, flags = 0, secured = false): number {
    const bytes = encodeUtf16(name);
    this.user.writeBytes(NAME + 8, bytes);
    this.words(NAME, bytes.length | (bytes.length << 16), NAME + 8);
    return this.words(ATTRIBUTES, 0x18, 0, name === '' ? 0 : NAME, flags, secured ? SECURITY : 0, QUALITY);
  }

  /** A self-relative descriptor at SECURITY; null: a NULL DACL. */
  descriptor(entries: readonly AccessControlEntry[] | null, owner: typeof USER | null = null): number {
    const dacl = entries === null ? null : aclOf(entries);
    const descriptor = { control: Control.DACL_PRESENT, owner, group: owner, dacl, sacl: null };
    this.user.writeBytes(SECURITY, selfRelativeBytes(descriptor));
    return SECURITY;
  }

  createEvent(attributes: number, access = EVENT_ALL): Blocking<number | string> {
    return this.handle('NtCreateEvent', HANDLE, access, attributes, 0, 0);
  }

  openEvent(name: string, access: number): Blocking<number | string> {
    return this.handle('NtOpenEvent', HANDLE, access, this.named(name));
  }

  granted(handle: number | string): number {
    return typeof handle === 'string' ? 0 : this.bare.kernel.ob.grantedAccess(handle);
  }

  /** An impersonation token of an account, as a handle of this process. */
  *client(account: Account, level: number, ...granted: readonly number[]): Blocking<number> {
    const own = this.bare.process.token;
    this.become(account, ...granted);
    const opened = yield* this.handle('NtOpenProcessToken', SELF, TOKEN_ALL, HANDLE);
    this.words(QUALITY, 0xc, level, 0);
    const copy = yield* this.handle('NtDuplicateToken', Number(opened), TOKEN_ALL, this.named(''), 0, 2, HANDLE);
    this.bare.process.token = own;
    return Number(copy);
  }
}
