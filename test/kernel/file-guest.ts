import { expect } from 'vitest';
import type { HostVolume } from '../../kernel/host.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { statusName } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { BareProcess, code, DATA } from './bare-process.js';

export const HANDLE = DATA;
export const IOSB = DATA + 0x10;
export const OFFSET = DATA + 0x20;
export const ATTRIBUTES = DATA + 0x40;
export const NAME = DATA + 0x60;
export const TEXT = DATA + 0x80;
export const BUFFER = DATA + 0x1000;
export const FORBIDDEN = bootLayout.userProbeAddress;

export const GENERIC_READ_WRITE = 0xc0100000;
export const SYNCHRONOUS = 0x20;
export const DIRECTORY = 0x21;
export const CREATE = 2;
export const OPEN_IF = 3;
export const SHARE_ALL = 7;

/** Runs service calls in a process without image. @param volumes drives besides or in place of an empty C: */
export function run(
  body: (guest: Guest) => Blocking<void>,
  volumes: ReadonlyMap<string, HostVolume> = new Map(),
): void {
  const process = new BareProcess(code('f4'), { memorySize: 16 << 20 }, {}, volumes);
  let failure: unknown = null;
  process.inProcess(function* () {
    try {
      yield* body(new Guest(process));
    } catch (error) {
      failure = error;
    }
  });
  if (failure !== null) throw failure;
  expect(process.kernel.mm.verify()).toBeNull();
}

/** Files as a program has them: services by name, their statuses without STATUS_. */
export class Guest {
  readonly process: BareProcess;

  constructor(process: BareProcess) {
    this.process = process;
  }

  get user() {
    return this.process.kernel.user;
  }

  *call(name: string, ...parameters: readonly number[]): Blocking<string> {
    return statusName(yield* this.process.call(name, ...parameters)).replace('STATUS_', '');
  }

  name(text: string): void {
    const bytes = encodeUtf16(text);
    this.user.writeBytes(TEXT, bytes);
    this.user.write32(NAME, bytes.length | (bytes.length << 16));
    this.user.write32(NAME + 4, TEXT);
    [0x18, 0, NAME, 0x40, 0, 0].forEach((value, index) => {
      this.user.write32(ATTRIBUTES + index * 4, value);
    });
  }

  *create(path: string, given: { access?: number; disposition?: number; options?: number } = {}): Blocking<number> {
    this.name(`\\??\\${path}`);
    const { access = GENERIC_READ_WRITE, disposition = OPEN_IF, options = SYNCHRONOUS } = given;
    const status = yield* this.call(
      'NtCreateFile',
      HANDLE,
      access,
      ATTRIBUTES,
      IOSB,
      0,
      0x80,
      SHARE_ALL,
      disposition,
      options,
      0,
      0,
    );
    expect(status).toBe('SUCCESS');
    return this.user.read32(HANDLE);
  }

  *write(handle: number, text: string, offset: bigint | null = null): Blocking<string> {
    this.user.writeBytes(BUFFER, new TextEncoder().encode(text));
    if (offset !== null) this.user.write64(OFFSET, offset);
    return yield* this.call('NtWriteFile', handle, 0, 0, 0, IOSB, BUFFER, text.length, offset === null ? 0 : OFFSET, 0);
  }

  *read(handle: number, length: number, offset: bigint | null = null): Blocking<string> {
    if (offset !== null) this.user.write64(OFFSET, offset);
    const status = yield* this.call(
      'NtReadFile',
      handle,
      0,
      0,
      0,
      IOSB,
      BUFFER,
      length,
      offset === null ? 0 : OFFSET,
      0,
    );
    return status === 'SUCCESS' ? this.text(this.information) : status;
  }

  text(length: number): string {
    return new TextDecoder('latin1').decode(this.user.readBytes(BUFFER, length));
  }

  get information(): number {
    return this.user.read32(IOSB + 4);
  }
}
