import { describe, expect, it } from 'vitest';
import { ContextFlag } from '../../kernel/ke/context.js';
import { EventType, KEvent } from '../../kernel/ke/dispatcher-object.js';
import { type Thread, ThreadState } from '../../kernel/ke/thread.js';
import { PAGE_SIZE, PageLocation } from '../../kernel/mm/layout.js';
import { outSwapKernelStack } from '../../kernel/mm/swapper.js';
import { systemPte } from '../../kernel/mm/system-pages.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { repurposeStandby, writeModified } from './page-out.js';

/** A thread that sleeps for a time from DATA, stores a number and spins. */
const SLEEPER = code(
  `b8 NtDelayExecution`,
  `68 =${DATA}`, // interval
  '6a 00', // not alertable
  '8d 14 24', // edx = arguments
  'cd 2e',
  `c7 05 =${DATA + 0x10} =4660`,
  'eb fe',
);

function sleeper(seconds: number, pae = true): { guest: BareProcess; thread: Thread } {
  const guest = new BareProcess(SLEEPER, { pae });
  const { kernel } = guest;
  guest.inProcess(function* () {
    kernel.user.write64(DATA, BigInt.asUintN(64, BigInt(-seconds) * 10_000_000n));
    yield* [];
  });
  kernel.runLoop.run(1000, () => guest.thread.state === ThreadState.Waiting);
  expect(guest.thread.state).toBe(ThreadState.Waiting);
  return { guest, thread: guest.thread };
}

const topPte = (guest: BareProcess, thread: Thread) => systemPte(guest.kernel.mm, thread.initialStack - PAGE_SIZE);

describe.each([{ pae: true }, { pae: false }])('kernel stacks, %o', ({ pae }) => {
  it('leave memory when their threads have waited in user mode for long, and come back to let them run', () => {
    const { guest, thread } = sleeper(30, pae);
    const { mm, runLoop } = guest.kernel;
    const resident = mm.resident.available;
    runLoop.run(1000, () => !thread.kernelStackResident);
    expect(thread.kernelStackResident).toBe(false);
    expect(guest.kernel.ke.tickCount() - thread.waitTime).toBeGreaterThan(225);
    expect(mm.format.isTransition(topPte(guest, thread))).toBe(true);
    expect(mm.resident.available).toBe(resident + 3);
    expect(guest.process.pcb.stackCount).toBe(0);
    expect(mm.verify()).toBeNull();
    guest.run(10_000);
    expect(thread.kernelStackResident).toBe(true);
    expect(guest.words(DATA + 0x10, 1)).toEqual([4660]);
    expect(mm.resident.available).toBe(resident);
    expect(mm.verify()).toBeNull();
  });

  it('come back from the paging file with the registers that they had', () => {
    const { guest, thread } = sleeper(3, pae);
    const { kernel } = guest;
    const { mm, ke } = kernel;
    const before = ke.getContext(thread, ContextFlag.FULL | ContextFlag.FLOATING_POINT);
    outSwapKernelStack(kernel, thread);
    writeModified(mm);
    repurposeStandby(mm);
    expect(mm.format.pageFileOffset(topPte(guest, thread))).not.toBe(0);
    expect(mm.verify()).toBeNull();
    expect(ke.getContext(thread, ContextFlag.FULL | ContextFlag.FLOATING_POINT)).toEqual(before);
    expect(thread.kernelStackResident).toBe(true);
    expect(mm.paging.files[0]?.usage).toBe(0);
    expect(mm.verify()).toBeNull();
    guest.run(10_000);
    expect(guest.words(DATA + 0x10, 1)).toEqual([4660]);
  });

  it('make a thread that is to run wait in state Transition for the read', () => {
    const { guest, thread } = sleeper(2, pae);
    const { kernel } = guest;
    outSwapKernelStack(kernel, thread);
    writeModified(kernel.mm);
    repurposeStandby(kernel.mm);
    kernel.runLoop.run(1000, () => thread.state === ThreadState.Transition);
    expect(thread.state).toBe(ThreadState.Transition);
    expect(kernel.mm.verify()).toBeNull();
    guest.run(10_000);
    expect(guest.words(DATA + 0x10, 1)).toEqual([4660]);
    expect(kernel.mm.verify()).toBeNull();
  });

  it('come back while their page is still being written', () => {
    const { guest, thread } = sleeper(2, pae);
    const { kernel } = guest;
    const { mm } = kernel;
    outSwapKernelStack(kernel, thread);
    mm.signal(mm.paging.writerEvent);
    const frame = mm.format.transitionFrame(topPte(guest, thread));
    expect(mm.pfn.location(frame)).toBe(PageLocation.Modified);
    kernel.ke.getContext(thread, ContextFlag.FULL);
    expect(mm.verify()).toBeNull();
    guest.run(10_000);
    expect(guest.words(DATA + 0x10, 1)).toEqual([4660]);
    expect(mm.verify()).toBeNull();
  });

  it('stop the machine when the signature is not that of the thread', () => {
    const { guest, thread } = sleeper(2, pae);
    const { kernel } = guest;
    outSwapKernelStack(kernel, thread);
    const frame = kernel.mm.format.transitionFrame(topPte(guest, thread));
    const host = kernel.mm.memory.hostPage(frame);
    kernel.mm.bytes.fill(0x55, host, host + PAGE_SIZE);
    expect(() => kernel.ke.getContext(thread, ContextFlag.FULL)).toThrow(
      /0x00000077 \(0x00000000, 0x55555555, 0x00000000/,
    );
  });

  it('stop the machine when they cannot be read', () => {
    const { guest, thread } = sleeper(2, pae);
    const { kernel } = guest;
    outSwapKernelStack(kernel, thread);
    writeModified(kernel.mm);
    repurposeStandby(kernel.mm);
    kernel.mm.paging.device.inject = () => Status.DEVICE_DATA_ERROR;
    expect(() => guest.run(10_000)).toThrow(/0x00000077 \(0xC000009C, 0xC000009C, 0x00000000, 0x00000001\)/);
  });
});

describe('threads that keep their stacks', () => {
  it('wait in kernel mode, or not for long', () => {
    const { guest, thread } = sleeper(3);
    const { kernel } = guest;
    const event = new KEvent(EventType.Notification, false);
    kernel.ke.suspendThread(thread);
    kernel.mm.swapper.requestStackOutswap();
    kernel.runLoop.run(1000, () => thread.timer.inserted === false);
    expect(event.signalState).toBe(0);
    expect(kernel.mm.swapper.swappedOut).toEqual([]);
    expect(kernel.mm.verify()).toBeNull();
  });
});
