import { describe, expect, it } from 'vitest';
import { type Process, ProcessState } from '../../kernel/ke/process.js';
import { ThreadState, WaitReason } from '../../kernel/ke/thread.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { allocateVirtualMemory } from '../../kernel/mm/allocate-virtual-memory.js';
import { allocateAwePages, mapAwePage } from '../../kernel/mm/awe.js';
import { largePageSize } from '../../kernel/mm/large-page.js';
import { makeProcessResident } from '../../kernel/mm/outswap.js';
import { outSwapKernelStack } from '../../kernel/mm/swapper.js';
import { systemLocation, systemPte } from '../../kernel/mm/system-pages.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA } from './bare-process.js';
import { repurposeStandby, writeModified } from './page-out.js';

/** A thread that sleeps for a time from DATA, adds a number to the dword at DATA + 10 and spins. */
const SLEEPER = code(
  `b8 NtDelayExecution`,
  `68 =${DATA}`, // interval
  '6a 00', // not alertable
  '8d 14 24', // edx = arguments
  'cd 2e',
  `81 05 =${DATA + 0x10} =4660`,
  'eb fe',
);
const REGION = 0x00800000;
const PHYSICAL = 0x10000000;
const PAGE_SIZE = 0x1000;

interface Sleeper {
  readonly guest: BareProcess;
  readonly process: Process;
  readonly space: AddressSpace;
}

/** A process with data in several page tables, whose thread sleeps for so many seconds. */
function sleeper(seconds: number, pae = true, pages = 40): Sleeper {
  const guest = new BareProcess(SLEEPER, { pae });
  const { kernel, process } = guest;
  const space = process.pcb.addressSpace;
  if (space === null) throw new Error('no address space');
  const request = { base: REGION, zeroBits: 0, size: pages * 0x10000, type: 0x3000, protection: 4 };
  expect(allocateVirtualMemory(kernel, space, request).status).toBe(Status.SUCCESS);
  guest.inProcess(function* () {
    kernel.user.write64(DATA, BigInt.asUintN(64, BigInt(-seconds) * 10_000_000n));
    kernel.user.write32(DATA + 0x10, 1);
    for (let page = 0; page < pages; page++) kernel.user.write32(REGION + page * 0x10000, page + 7);
    yield* [];
  });
  kernel.runLoop.run(1000, () => guest.thread.state === ThreadState.Waiting);
  return { guest, process: process.pcb, space };
}

/** The swapper has a look now. */
function swapperPass({ guest: { kernel } }: Sleeper): void {
  kernel.mm.swapper.requestStackOutswap();
  const { swapper } = kernel.mm;
  kernel.runLoop.run(1000, () => !swapper.outSwapRequested && swapper.outSwapProcesses.length === 0);
}

/** Every page that is in transition goes to its paging file. */
function writeAndRepurpose({ guest: { kernel } }: Sleeper): void {
  writeModified(kernel.mm);
  expect(kernel.mm.verify()).toBeNull();
  repurposeStandby(kernel.mm);
  expect(kernel.mm.verify()).toBeNull();
}

/** Takes the whole process out of memory, as pressure does in the course of time. */
function swapOut(sleeping: Sleeper): void {
  const { guest, space } = sleeping;
  const { kernel } = guest;
  // Memory is short from now on.
  Object.assign(kernel.mm.thresholds, { plentyFreePages: kernel.mm.pfn.frameCount });
  outSwapKernelStack(kernel, guest.thread);
  for (let pass = 0; pass < 8 && !space.outSwapped; pass++) {
    swapperPass(sleeping);
    expect(kernel.mm.verify()).toBeNull();
    if (!space.outSwapped) writeAndRepurpose(sleeping);
  }
  expect(space.outSwapped).toBe(true);
}

/** The bookkeeping pages lose their frames: children first. */
function toPagingFile(sleeping: Sleeper): void {
  for (let pass = 0; pass < 4; pass++) writeAndRepurpose(sleeping);
  const { mm } = sleeping.guest.kernel;
  expect(mm.format.pageFileOffset(systemLocation(mm, sleeping.space.pageDirectoryPte))).not.toBe(0);
}

function expectAlive({ guest, space, process }: Sleeper, pages = 40): void {
  const { kernel } = guest;
  guest.run(20_000);
  expect(guest.words(DATA + 0x10, 1)).toEqual([4661]);
  expect(process.state).toBe(ProcessState.InMemory);
  expect(space.outSwapped).toBe(false);
  for (let page = 0; page < pages; page++) expect(guest.words(REGION + page * 0x10000, 1)).toEqual([page + 7]);
  expect(kernel.mm.verify()).toBeNull();
}

describe.each([{ pae: true }, { pae: false }])('a process without kernel stacks in memory, %o', ({ pae }) => {
  it('leaves with its page directories and bookkeeping pages, and comes back when its thread is to run', () => {
    const sleeping = sleeper(60, pae);
    const { guest, process, space } = sleeping;
    const { mm } = guest.kernel;
    const overhead = pae ? 7 : 4;
    expect(space.bookkeepingFrames.length).toBe(overhead);
    swapOut(sleeping);
    expect(process.state).toBe(ProcessState.OutOfMemory);
    expect(space.workingSetSize).toBe(0);
    expect(mm.workingSetManager.expansion).not.toContain(space);
    const frames = [...space.bookkeepingFrames];
    toPagingFile(sleeping);
    expectAlive(sleeping);
    expect(mm.workingSetManager.expansion).toContain(space);
    expect(space.bookkeepingFrames).not.toEqual(frames);
    expect(mm.counters).toMatchObject({ processesSwappedOut: 1, processesSwappedIn: 1 });
  });

  it('stops the machine when the kernel stack that comes back with it is not its thread’s', () => {
    const sleeping = sleeper(60, pae);
    const { guest } = sleeping;
    const { mm } = guest.kernel;
    swapOut(sleeping);
    toPagingFile(sleeping);
    const stack = systemPte(mm, guest.thread.initialStack - PAGE_SIZE);
    const storage = mm.paging.files[mm.format.pageFileNumber(stack)]?.storage;
    expect(storage?.write(mm.format.pageFileOffset(stack), new Uint8Array(PAGE_SIZE).fill(0x55))).toBe(Status.SUCCESS);
    // 1: it was read from disk; then what stands in the signature's place.
    expect(() => expectAlive(sleeping)).toThrow(/0x00000077 \(0x00000001, 0x55555555, 0x00000000/);
  });

  it('comes back from the modified list, too', () => {
    const sleeping = sleeper(60, pae);
    swapOut(sleeping);
    const frames = [...sleeping.space.bookkeepingFrames];
    expectAlive(sleeping);
    expect(sleeping.space.bookkeepingFrames).toEqual(frames);
  });

  it('comes back when only some of them have left the modified list', () => {
    const sleeping = sleeper(60, pae);
    swapOut(sleeping);
    const frames = [...sleeping.space.bookkeepingFrames];
    writeAndRepurpose(sleeping);
    expectAlive(sleeping);
    expect(sleeping.space.bookkeepingFrames[0]).toBe(frames[0]);
    expect(sleeping.space.bookkeepingFrames.at(-1)).not.toBe(frames.at(-1));
  });

  it('is brought in on the spot for who looks at its memory, and leaves again', () => {
    const sleeping = sleeper(60, pae);
    const { guest, space, process } = sleeping;
    swapOut(sleeping);
    toPagingFile(sleeping);
    expect(guest.words(REGION, 1)).toEqual([7]);
    expect(space.outSwapped).toBe(false);
    expect(process.state).toBe(ProcessState.OutOfMemory);
    expect(guest.kernel.mm.verify()).toBeNull();
    for (let pass = 0; pass < 4; pass++) {
      swapperPass(sleeping);
      writeAndRepurpose(sleeping);
    }
    expect(space.outSwapped).toBe(true);
    expectAlive(sleeping);
  });
});

describe.each([{ pae: true }, { pae: false }])('a process that holds physical pages of its own, %o', ({ pae }) => {
  it.each([
    ['AWE', mapPhysicalPage, 1],
    ['large pages', allocateLargePage, 0],
  ] as const)('as %s do keeps them and its page directories, and gives up everything else', (_what, hold, tables) => {
    const sleeping = sleeper(60, pae);
    const { guest, space } = sleeping;
    const { kernel } = guest;
    hold(sleeping);
    guest.inProcess(function* () {
      kernel.user.write32(PHYSICAL, 0x5a5a);
      yield* [];
    });
    Object.assign(kernel.mm.thresholds, { plentyFreePages: kernel.mm.pfn.frameCount });
    outSwapKernelStack(kernel, guest.thread);
    for (let pass = 0; pass < 6; pass++) {
      swapperPass(sleeping);
      writeAndRepurpose(sleeping);
    }
    expect(space.outSwapped).toBe(false);
    expect(space.workingSetSize).toBe(space.bookkeepingFrames.length + tables);
    expect(space.vm.minimum).toBeGreaterThan(space.workingSetSize);
    expect(guest.words(PHYSICAL, 1)).toEqual([0x5a5a]);
    expectAlive(sleeping);
    expect(guest.words(PHYSICAL, 1)).toEqual([0x5a5a]);
  });
});

/** A page of AWE at PHYSICAL. */
function mapPhysicalPage({ guest: { kernel }, space }: Sleeper): void {
  const { mm } = kernel;
  const request = { base: PHYSICAL, zeroBits: 0, size: 0x10000, type: 0x402000, protection: 4 };
  expect(allocateVirtualMemory(kernel, space, request).status).toBe(Status.SUCCESS);
  const [frame] = allocateAwePages(mm.context, space, 1).frames;
  const vad = space.vads.find(PHYSICAL >>> 12);
  if (vad === null || frame === undefined) throw new Error('no page');
  mapAwePage(mm, space, vad, PHYSICAL, frame);
}

/** A large page at PHYSICAL. */
function allocateLargePage({ guest: { kernel }, space }: Sleeper): void {
  const request = { base: PHYSICAL, zeroBits: 0, size: largePageSize(kernel.mm), type: 0x20003000, protection: 4 };
  expect(allocateVirtualMemory(kernel, space, request).status).toBe(Status.SUCCESS);
}

describe('a process that is out', () => {
  it('has its ready threads wait in state Ready for the swapper', () => {
    const sleeping = sleeper(60);
    const { guest, process } = sleeping;
    swapOut(sleeping);
    toPagingFile(sleeping);
    guest.kernel.runLoop.run(1000, () => process.state === ProcessState.InSwap);
    expect(guest.thread).toMatchObject({
      state: ThreadState.Ready,
      waitReason: WaitReason.ProcessInSwap,
      processReadyQueue: true,
    });
    expect(process.readyList).toEqual([guest.thread]);
    guest.kernel.ke.setPriority(guest.thread, 9);
    // In the middle of its return somebody needs it at once.
    makeProcessResident(guest.kernel.mm, sleeping.space);
    expect(guest.kernel.mm.verify()).toBeNull();
    expectAlive(sleeping);
  });

  it('can be ended', () => {
    const sleeping = sleeper(1000);
    const { guest } = sleeping;
    swapOut(sleeping);
    toPagingFile(sleeping);
    guest.kernel.ps.killProcess(guest.process, Status.CONTROL_C_EXIT);
    expect(guest.run()).toBe('finished');
    expect(guest.kernel.mm.addressSpaces).not.toContain(sleeping.space);
    expect(guest.kernel.mm.verify()).toBeNull();
  });

  it('has left its locked pages, too', () => {
    const sleeping = sleeper(60);
    const { guest, space } = sleeping;
    guest.inProcess(function* () {
      guest.kernel.user.write32(DATA + 0x20, REGION);
      guest.kernel.user.write32(DATA + 0x24, 0x1000);
      const status = yield* guest.call('NtLockVirtualMemory', 0xffffffff, DATA + 0x20, DATA + 0x24, 1);
      expect(status).toBe(Status.SUCCESS);
    });
    // The page and its page table.
    expect(space.workingSet.firstDynamic).toBe(9);
    swapOut(sleeping);
    expectAlive(sleeping);
  });

  it('gives up the pages that its working set list had grown by', () => {
    const sleeping = sleeper(60, true, 700);
    const { space } = sleeping;
    expect(space.workingSetListFrames.length).toBeGreaterThan(0);
    swapOut(sleeping);
    expect(space.workingSetListFrames).toEqual([]);
    expectAlive(sleeping, 700);
  });

  it('keeps its working set while memory is plentiful', () => {
    const sleeping = sleeper(60);
    const { guest, process, space } = sleeping;
    const before = space.workingSetSize;
    outSwapKernelStack(guest.kernel, guest.thread);
    swapperPass(sleeping);
    expect(process.state).toBe(ProcessState.OutOfMemory);
    expect(space).toMatchObject({ workingSetSize: before, outswapEnabled: true, outSwapped: false });
    expectAlive(sleeping);
    expect(space.outswapEnabled).toBe(false);
  });

  it('stays when the stack of one of its threads comes back first', () => {
    const sleeping = sleeper(60);
    const { guest, process } = sleeping;
    outSwapKernelStack(guest.kernel, guest.thread);
    expect(process.state).toBe(ProcessState.OutTransition);
    guest.kernel.ke.getContext(guest.thread, 0x10007);
    guest.kernel.runLoop.run(1000, () => process.state === ProcessState.InMemory);
    expect(process.state).toBe(ProcessState.InMemory);
    expectAlive(sleeping);
  });

  it('stops the machine when a page directory cannot be read', () => {
    const sleeping = sleeper(60);
    swapOut(sleeping);
    toPagingFile(sleeping);
    sleeping.guest.kernel.mm.paging.device.inject = () => Status.DEVICE_DATA_ERROR;
    expect(() => sleeping.guest.run(20_000)).toThrow(/0x0000007A \(0x[0-9A-F]{8}, 0xC000009C/);
  });
});
