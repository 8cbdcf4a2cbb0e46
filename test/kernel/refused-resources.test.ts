import { describe, expect, it } from 'vitest';
import { allocateVirtualMemory } from '../../kernel/mm/allocate-virtual-memory.js';
import { workingSetHeaderSize } from '../../kernel/mm/working-set-list.js';
import { Status } from '../../kernel/ntstatus.js';
import { BareProcess, code, DATA } from './bare-process.js';

const REGION = 0x00800000;
/** More pages than the first page of a working set list has entries for. */
const PAGES = 1200;
const END = REGION + PAGES * 0x1000;

/** Stores in every page of the region, says so at DATA and spins. */
const TOUCH_ALL = code(
  `bf =${REGION}`, // mov edi
  '89 3f', // mov [edi], edi
  '81 c7 =4096', // add edi
  `81 ff =${END}`, // cmp edi
  '72 f0', // jb
  `c7 05 =${DATA} =1`,
  'eb fe',
);

function withRegion(): BareProcess {
  const guest = new BareProcess(TOUCH_ALL, { memorySize: 32 << 20 });
  const space = guest.process.pcb.addressSpace;
  if (space === null) throw new Error('no address space');
  const request = { base: REGION, zeroBits: 0, size: END - REGION, type: 0x3000, protection: 4 };
  expect(allocateVirtualMemory(guest.kernel, space, request).status).toBe(Status.SUCCESS);
  return guest;
}

describe('commitment that is refused', () => {
  it('makes no system thread, and leaves nothing behind', () => {
    const { kernel } = new BareProcess(code('eb fe'));
    const { mm, systemProcess } = kernel;
    const before = [mm.commit.charged, mm.resident.available, systemProcess.threads.length, systemProcess.stackCount];
    // Stacks of ended threads need no commitment.
    while (mm.deadKernelStacks.pop() !== 0);
    mm.commit.refuse = () => true;
    expect(kernel.ke.createSystemThread(kernel.systemProcess, 8, function* () {})).toBeNull();
    mm.commit.refuse = null;
    const after = [mm.commit.charged, mm.resident.available, systemProcess.threads.length, systemProcess.stackCount];
    expect(after).toEqual(before);
    expect(mm.verify()).toBeNull();
  });

  it('while a working set list would grow: another page leaves, and the program goes on', () => {
    const guest = withRegion();
    const { mm } = guest.kernel;
    mm.commit.refuse = () => true;
    guest.run(100_000);
    mm.commit.refuse = null;
    expect(guest.exceptions).toEqual([]);
    expect(guest.words(DATA, 1)).toEqual([1]);
    const space = guest.process.pcb.addressSpace;
    expect(space?.workingSet.pages.length).toBe(1);
    const room = (0x1000 - workingSetHeaderSize(mm.format.userTables)) / 4;
    expect(space?.workingSetSize).toBeGreaterThan(room - 50);
    expect(guest.words(END - 0x1000, 1)).toEqual([END - 0x1000]);
    expect(mm.verify()).toBeNull();
  });

  it('while a service touches many pages: the same', () => {
    const guest = withRegion();
    const { mm, user } = guest.kernel;
    guest.inProcess(function* () {
      mm.commit.refuse = () => true;
      for (let address = REGION; address < END; address += 0x1000) {
        expect(yield* user.probeForWrite(address, 4, 4)).toBe(Status.SUCCESS);
        user.write32(address, address);
      }
    });
    mm.commit.refuse = null;
    expect(guest.words(REGION, 1)).toEqual([REGION]);
    expect(mm.verify()).toBeNull();
  });
});

describe('kernel stacks of ended threads', () => {
  it('are chained through the PFN database, the last one used first', () => {
    const { mm } = new BareProcess(code('eb fe'), { memorySize: 64 << 20 }).kernel;
    expect(mm.thresholds.deadKernelStacks).toBeGreaterThan(1);
    while (mm.deadKernelStacks.pop() !== 0);
    const stacks = [mm.allocateKernelStack(), mm.allocateKernelStack()];
    for (const stack of stacks) mm.freeKernelStack(stack);
    expect(mm.deadKernelStacks.count).toBe(2);
    expect(mm.verify()).toBeNull();
    expect([mm.allocateKernelStack(), mm.allocateKernelStack()]).toEqual(stacks.reverse());
    expect(mm.deadKernelStacks.count).toBe(0);
  });
});
