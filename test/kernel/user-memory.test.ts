import { beforeEach, describe, expect, it } from 'vitest';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { encodeUtf16 } from '../../kernel/mm/user-memory.js';
import { Status } from '../../kernel/ntstatus.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { MemoryMachine } from './memory-machine.js';

/** Runs a routine that must not wait. */
function run<Result>(routine: Blocking<Result>): Result {
  const step = routine.next();
  if (step.done !== true) throw new Error('it waits');
  return step.value;
}

describe('user memory as the kernel reaches it', () => {
  let machine: MemoryMachine;
  let space: AddressSpace;

  beforeEach(() => {
    machine = new MemoryMachine();
    space = machine.createSpace();
    machine.reserve(space, 0x10000, 16, 4, true);
  });

  it('faults pages in', () => {
    const { user } = machine.mm;
    user.write32(0x10ffe, 0x11223344);
    expect(user.read32(0x10ffe)).toBe(0x11223344);
    expect(user.read16(0x10fff)).toBe(0x2233);
    user.write64(0x11ffc, 0x8877665544332211n);
    expect(user.read64(0x11ffc)).toBe(0x8877665544332211n);
    expect(user.failed).toBe(Status.SUCCESS);
    expect(machine.mm.verify()).toBeNull();
  });

  it('keeps the first failure and changes nothing', () => {
    const { user } = machine.mm;
    expect(user.read32(0x20000)).toBe(0);
    user.write8(bootLayout.userProbeAddress, 1);
    expect(user.takeFailure()).toBe(Status.ACCESS_VIOLATION);
    expect(user.failed).toBe(Status.SUCCESS);
    expect(user.writeBytes(0x1fffe, new Uint8Array(4))).toBe(2);
    expect(user.takeFailure()).toBe(Status.ACCESS_VIOLATION);
  });

  it('never reaches the system half', () => {
    const { user } = machine.mm;
    for (const address of [
      bootLayout.userProbeAddress,
      bootLayout.systemRangeStart,
      0xc0000000,
      0xffdf0000,
      0xffffffff,
    ]) {
      user.read32(address);
      expect(user.takeFailure()).toBe(Status.ACCESS_VIOLATION);
      expect(run(user.probeForRead(address, 1))).toBe(Status.ACCESS_VIOLATION);
    }
    expect(run(user.probeForRead(0x7ffeffff, 2))).toBe(Status.ACCESS_VIOLATION);
    expect(run(user.probeForRead(0xfffffff0, 0x20))).toBe(Status.ACCESS_VIOLATION);
  });

  it('probes every page, and alignment', () => {
    const { user } = machine.mm;
    expect(run(user.probeForWrite(0x10000, 0x10000, 4))).toBe(Status.SUCCESS);
    expect(run(user.probeForWrite(0x10000, 0x10001, 4))).toBe(Status.ACCESS_VIOLATION);
    expect(run(user.probeForRead(0x10002, 8, 4))).toBe(Status.DATATYPE_MISALIGNMENT);
    expect(run(user.probeForRead(0x80000001, 0, 4))).toBe(Status.SUCCESS);
    machine.reserve(space, 0x30000, 16, 1, true);
    expect(run(user.probeForRead(0x30000, 16))).toBe(Status.SUCCESS);
    expect(run(user.probeForWrite(0x30000, 16))).toBe(Status.ACCESS_VIOLATION);
  });

  it('captures strings and object attributes', () => {
    const { user } = machine.mm;
    const text = '\\BaseNamedObjects\\\u00e4';
    user.writeBytes(0x10100, encodeUtf16(text));
    user.write16(0x10008, text.length * 2);
    user.write16(0x1000a, text.length * 2);
    user.write32(0x1000c, 0x10100);
    expect(run(user.readUnicodeString(0x10008))).toEqual({ status: Status.SUCCESS, text });
    user.write32(0x10020, 0x18);
    user.write32(0x10024, 0x44);
    user.write32(0x10028, 0x10008);
    user.write32(0x1002c, 0x40);
    const attributes = run(user.captureObjectAttributes(0x10020));
    expect(attributes).toMatchObject({ status: 0, root: 0x44, name: text, hasName: true, attributes: 0x40 });
    user.write32(0x10020, 0x14);
    expect(run(user.captureObjectAttributes(0x10020)).status).toBe(Status.INVALID_PARAMETER);
    expect(run(user.captureObjectAttributes(0)).hasName).toBe(false);
    user.write32(0x1000c, 0x90000000);
    expect(run(user.readUnicodeString(0x10008)).status).toBe(Status.ACCESS_VIOLATION);
  });
});
