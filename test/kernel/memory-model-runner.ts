import fc from 'fast-check';
import { AccessKind } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { adjustWorkingSet } from '../../kernel/mm/adjust-working-set.js';
import { allocateVirtualMemory, MemoryType } from '../../kernel/mm/allocate-virtual-memory.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { FaultOutcome, FIRST_FAILURE } from '../../kernel/mm/fault-outcome.js';
import { freeVirtualMemory } from '../../kernel/mm/free-virtual-memory.js';
import { lockPages, unlockPages } from '../../kernel/mm/lock-virtual-memory.js';
import { InheritDisposition, mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { startWrite } from '../../kernel/mm/modified-writer.js';
import { findPte, removeFromWorkingSet } from '../../kernel/mm/page-table.js';
import type { PageRead } from '../../kernel/mm/paging.js';
import { MemoryPagingStorage } from '../../kernel/mm/paging-storage.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { NO_PTE } from '../../kernel/mm/pte.js';
import { queryVirtualMemory } from '../../kernel/mm/query-virtual-memory.js';
import type { Section } from '../../kernel/mm/section.js';
import { ageWorkingSet, emptyWorkingSet, trimWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status } from '../../kernel/ntstatus.js';
import type { ReplacementPolicy } from '../../kernel/options.js';
import { MemoryMachine } from './memory-machine.js';
import {
  ALLOCATION_TYPES,
  type Expected,
  FREE_TYPES,
  ModelProcess,
  PRIVATE_PAGES,
  PROTECTIONS,
  VIEW_PAGES,
  VIEW_PROTECTIONS,
  Window,
  type WindowName,
} from './memory-model.js';
import { evictWithPageTables, repurposeStandby } from './page-out.js';

const PROCESSES = 3;
const PAGE = 0x1000;
/** The byte of a page that programs use. */
const BYTE = 8;
const MAP_PROCESS = 1;
/** Working set limits of each process, in pages, and how many of the minimum cannot be locked. */
const MINIMUM = 60;
const MAXIMUM = 90;
const FLUID_PAGES = 8;
const USER_READ = 4;

const processNumber = fc.nat(PROCESSES - 1);
const windowName = fc.constantFrom<WindowName>('private', 'private', 'private', 'shared', 'copied');
const page = fc.nat(PRIVATE_PAGES - 1);
const byte = fc.integer({ min: 1, max: 255 });
const count = fc.integer({ min: 1, max: 12 });
const range = fc.record({ first: page, count });
const name = <Kind extends string>(kind: Kind) => fc.constant(kind);
const command = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: name('allocate'),
      space: processNumber,
      range,
      type: fc.constantFrom(...ALLOCATION_TYPES),
      protection: fc.constantFrom(...PROTECTIONS),
    }),
  },
  fc.record({
    kind: name('free'),
    space: processNumber,
    range,
    type: fc.constantFrom(...FREE_TYPES),
    whole: fc.boolean(),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: name('protect'),
      space: processNumber,
      window: windowName,
      range,
      protection: fc.constantFrom(...PROTECTIONS),
      view: fc.constantFrom(...VIEW_PROTECTIONS),
    }),
  },
  fc.record({ kind: fc.constantFrom('lock', 'unlock'), space: processNumber, window: windowName, range }),
  fc.record({ kind: name('reset'), space: processNumber, range }),
  fc.record({ kind: name('query'), space: processNumber, window: windowName, page }),
  { weight: 6, arbitrary: fc.record({ kind: name('write'), window: windowName, page, value: byte }) },
  { weight: 6, arbitrary: fc.record({ kind: name('read'), window: windowName, page }) },
  { weight: 2, arbitrary: fc.record({ kind: name('switch'), space: processNumber }) },
  fc.record({ kind: name('trim-page'), space: processNumber, window: windowName, page }),
  fc.record({ kind: name('trim'), space: processNumber, pages: fc.nat(20), age: fc.nat(3) }),
  fc.record({ kind: fc.constantFrom('age', 'empty', 'evict'), space: processNumber }),
  fc.record({ kind: fc.constantFrom('begin-write', 'finish-io', 'repurpose', 'end-read') }),
  fc.record({ kind: name('begin-read'), window: windowName, page }),
);
type Command = typeof command extends fc.Arbitrary<infer Value> ? Value : never;

/** A sequence of commands of any length up to a maximum. */
export const commands = (maxLength: number): fc.Arbitrary<Command[]> => fc.array(command, { maxLength, size: 'max' });

/** A read that a fault of a thread began; the thread has not come back to it yet. */
interface PendingRead {
  readonly read: PageRead;
  readonly process: number;
  readonly window: WindowName;
  readonly page: number;
}

export interface RunnerOptions {
  readonly pae: boolean;
  readonly replacement: ReplacementPolicy;
  readonly megabytes?: number;
  /** As in MemoryMachine: frames go to the store behind the linear memory, and nobody may tell. */
  readonly linear?: number;
}

/** Does to a memory manager and to the model what commands say, and compares. */
export class ModelRunner {
  readonly #machine: MemoryMachine;
  readonly #spaces: AddressSpace[] = [];
  readonly #models: ModelProcess[] = [];
  readonly #reads: PendingRead[] = [];
  readonly #section: Section;
  readonly #available: number;
  #current = 0;
  steps = 0;

  constructor({ pae, replacement, megabytes = 3, linear }: RunnerOptions) {
    const machine = new MemoryMachine({ pae, replacement, megabytes, linear });
    this.#machine = machine;
    const { mm } = machine;
    mm.paging.create('pagefile', 1024, 1024, new MemoryPagingStorage());
    this.#available = mm.lists.availablePages;
    const request = {
      size: VIEW_PAGES * PAGE,
      protection: PageProtection.ReadWrite,
      attributes: SectionAttribute.Commit,
      file: null,
    };
    const { section } = createSection(mm.context, request);
    if (section === null) throw new Error('no section');
    this.#section = section;
    const contents = new Array<number | null>(VIEW_PAGES).fill(null);
    for (let index = 0; index < PROCESSES; index++) {
      const space = machine.createSpace();
      space.processId = index;
      const limits = { minimum: MINIMUM * PAGE, maximum: MAXIMUM * PAGE, flags: 0, mayRaise: true };
      same('working set limits', adjustWorkingSet(mm, space, limits), Status.SUCCESS);
      this.#spaces.push(space);
      this.#models.push(new ModelProcess(contents));
      this.#map(space, Window.shared.base, PageProtection.ReadWrite);
      this.#map(space, Window.copied.base, PageProtection.WriteCopy);
    }
    mm.switchAddressSpace(this.#space(0));
  }

  /** @throws Error where the kernel and the model differ, or the memory manager is inconsistent */
  run(step: Command): void {
    this.steps++;
    this.#do(step);
    const wrong = this.#machine.mm.verify();
    if (wrong !== null) throw new Error(wrong);
  }

  /** Everything ends: all frames are there again. @throws Error as run() */
  finish(): void {
    const { mm } = this.#machine;
    while (this.#reads.length > 0) this.#endRead();
    while (mm.paging.device.finishFirst());
    for (const space of this.#spaces) {
      mm.switchAddressSpace(space);
      for (const base of [Window.shared.base, Window.copied.base]) unmapViewOfSection(mm.context, space, base);
      for (const vad of [...space.vads]) {
        freeVirtualMemory(mm.context, space, vad.startingVpn * PAGE, 0, MemoryType.Release);
      }
      mm.deleteAddressSpace(space);
    }
    releaseSection(mm.context, this.#section);
    const wrong = mm.verify();
    if (wrong !== null) throw new Error(wrong);
    same('slots of the paging file in use at the end', mm.paging.files[0]?.usage ?? -1, 0);
    // Pool and system page tables keep what they have once taken.
    const kept = this.#available - mm.lists.availablePages - mm.lists.modifiedPages;
    if (kept < 0 || kept > 8) throw new Error(`${kept} pages are missing at the end`);
  }

  #do(step: Command): void {
    const { mm } = this.#machine;
    switch (step.kind) {
      case 'allocate':
      case 'free':
      case 'protect':
      case 'lock':
      case 'unlock':
      case 'reset':
      case 'query':
        this.#service(step, this.#space(step.space), this.#model(step.space));
        break;
      case 'write': {
        const { window, index, address } = place(step);
        this.#access(
          AccessKind.Write,
          address,
          this.#model(this.#current).write(window, index, step.value),
          step.value,
        );
        break;
      }
      case 'read':
        this.#read(step, this.#model(this.#current));
        break;
      case 'switch':
        this.#current = step.space;
        mm.switchAddressSpace(this.#space(step.space));
        break;
      case 'trim-page': {
        const { window, index, address } = place(step);
        if (this.#model(step.space).isLocked(window, index)) this.#isResident(this.#space(step.space), address);
        else removeFromWorkingSet(mm, this.#space(step.space), address);
        break;
      }
      case 'trim':
        trimWorkingSet(mm, this.#space(step.space), step.pages, step.age);
        break;
      case 'age':
        ageWorkingSet(mm, this.#space(step.space));
        break;
      case 'empty':
        emptyWorkingSet(mm, this.#space(step.space));
        break;
      case 'evict':
        evictWithPageTables(mm, this.#space(step.space));
        break;
      case 'begin-write':
        startWrite(mm);
        break;
      case 'finish-io':
        mm.paging.device.finishFirst();
        break;
      case 'repurpose':
        repurposeStandby(mm);
        break;
      case 'begin-read':
        this.#beginRead(step);
        break;
      case 'end-read':
        this.#endRead();
        break;
    }
  }

  #service(
    step: Extract<Command, { readonly space: number; readonly range?: unknown }>,
    space: AddressSpace,
    model: ModelProcess,
  ): void {
    const { mm } = this.#machine;
    switch (step.kind) {
      case 'allocate': {
        const { first, size, pages } = within('private', step.range);
        const request = { base: first.address, zeroBits: 0, size, type: step.type, protection: step.protection };
        const expected = model.allocate(first.index, pages, step.type, step.protection);
        same('allocate', allocateVirtualMemory(mm.context, space, request).status, expected);
        return;
      }
      case 'free': {
        const { first, size, pages } = within('private', step.range);
        const whole = step.whole && step.type === MemoryType.Release;
        const expected =
          step.type === MemoryType.Release
            ? model.release(first.index, whole ? 0 : pages)
            : model.decommit(first.index, pages);
        same('free', freeVirtualMemory(mm.context, space, first.address, whole ? 0 : size, step.type).status, expected);
        return;
      }
      case 'protect': {
        const { first, size, pages } = within(step.window, step.range);
        const protection = step.window === 'private' ? step.protection : step.view;
        const expected = model.protect(step.window, first.index, pages, protection);
        const result = protectVirtualMemory(mm.context, space, first.address, size, protection);
        same('protect', result.status, expected.status);
        same('old protection', result.oldProtection, expected.old);
        return;
      }
      case 'lock':
      case 'unlock': {
        const { first, pages } = within(step.window, step.range);
        const vpns = { first: first.address / PAGE, last: first.address / PAGE + pages - 1 };
        if (step.kind === 'lock' && space.workingSet.firstDynamic + pages + FLUID_PAGES > space.vm.minimum) {
          same('lock', lockPages(mm, space, vpns, MAP_PROCESS), Status.WORKING_SET_QUOTA);
          return;
        }
        const [routine, expected] =
          step.kind === 'lock'
            ? [lockPages, model.lock(step.window, first.index, pages, step.space !== this.#current)]
            : [unlockPages, model.unlock(step.window, first.index, pages)];
        same(step.kind, routine(mm, space, vpns, MAP_PROCESS), expected);
        mm.user.clearFailure();
        return;
      }
      case 'reset': {
        const { first, size, pages } = within('private', step.range);
        const request = { base: first.address, zeroBits: 0, size, type: MemoryType.Reset, protection: 1 };
        same('reset', allocateVirtualMemory(mm.context, space, request).status, model.reset(first.index, pages));
        return;
      }
      case 'query':
        this.#query(step, space, model);
    }
  }

  #query(step: { readonly window: WindowName; readonly page: number }, space: AddressSpace, model: ModelProcess): void {
    const { window, index, address } = place(step);
    const expected = model.query(window, index);
    const { information } = queryVirtualMemory(this.#machine.mm, space, address);
    if (information === null) throw new Error('no information');
    same('state', information.state, expected.state);
    same('protection', information.protect, expected.protect);
    if (expected.base < 0) return;
    same('allocation base', information.allocationBase, Window[window].base + expected.base * PAGE);
    same('region size', information.regionSize, expected.pages * PAGE);
  }

  #read(step: { readonly window: WindowName; readonly page: number }, model: ModelProcess): void {
    const { window, index, address } = place(step);
    const seen = this.#access(AccessKind.Read, address, model.read(window, index));
    if (seen >= 0) model.seen(window, index, seen);
  }

  /** One access; the byte that was read, -1 for an exception. */
  #access(kind: AccessKind, address: number, expected: Expected, value = 0): number {
    const machine = this.#machine;
    const last = machine.touch(address + BYTE, kind).at(-1) ?? FaultOutcome.Refault;
    if (expected.kind !== 'byte') {
      const failure = expected.kind === 'guard' ? FaultOutcome.GuardPageViolation : FaultOutcome.AccessViolation;
      same(`access to ${address.toString(16)}`, last, failure);
      return -1;
    }
    if (last >= FIRST_FAILURE) throw new Error(`access to ${address.toString(16)}: outcome ${last}`);
    const host = machine.cpu.translate((address + BYTE) | 0, kind, false);
    if (kind === AccessKind.Write) machine.memory.bytes[host] = value;
    const seen = machine.memory.bytes[host];
    if (!expected.values.includes(seen)) {
      throw new Error(`the byte at ${address.toString(16)} is ${seen}, not ${expected.values.join(' or ')}`);
    }
    return seen;
  }

  #isResident(space: AddressSpace, address: number): void {
    const { mm } = this.#machine;
    const at = findPte(mm, space, address);
    if (at === NO_PTE || !mm.format.isValid(at)) throw new Error(`${address.toString(16)} is locked but not resident`);
  }

  /** A read access that, when it has to wait, is left in the middle of its wait. */
  #beginRead(step: { readonly window: WindowName; readonly page: number }): void {
    const { mm } = this.#machine;
    const { window, index, address } = place(step);
    if (this.#machine.cpu.translate(address | 0, AccessKind.Read, false) !== 0) return;
    const isResolved = mm.pageFault(address, USER_READ);
    const { mustWait, read, startedRead } = mm.lastFault;
    if (isResolved || !mustWait) this.#model(this.#current).read(window, index);
    else if (read !== null && startedRead) {
      this.#reads.push({ read, process: this.#current, window: step.window, page: step.page });
    }
  }

  /** The thread comes back from its wait, and makes its access. */
  #endRead(): void {
    const { mm } = this.#machine;
    const pending = this.#reads.shift();
    if (pending === undefined) return;
    while (!pending.read.isDone && mm.paging.device.finishFirst());
    mm.switchAddressSpace(this.#space(pending.process));
    mm.completePageRead(pending.read, place(pending).address, 0);
    this.#read(pending, this.#model(pending.process));
    mm.switchAddressSpace(this.#space(this.#current));
  }

  #map(space: AddressSpace, base: number, protection: number): void {
    const request = {
      base,
      zeroBits: 0,
      commitSize: 0,
      offset: 0,
      size: 0,
      inherit: InheritDisposition.ViewUnmap,
      allocationType: 0,
      protection,
    };
    same('map', mapViewOfSection(this.#machine.mm.context, this.#section, space, request).status, 0);
  }

  #space(index: number): AddressSpace {
    const space = this.#spaces[index];
    if (space === undefined) throw new Error(`no process ${index}`);
    return space;
  }

  #model(index: number): ModelProcess {
    const model = this.#models[index];
    if (model === undefined) throw new Error(`no model of process ${index}`);
    return model;
  }
}

function same(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`${what}: ${got.toString(16)}, not ${wanted.toString(16)}`);
}

/** The page of a window that a command means. */
function place(step: { readonly window: WindowName; readonly page: number }) {
  const { base, pages } = Window[step.window];
  const index = step.page % pages;
  return { window: step.window, index, address: base + index * PAGE };
}

/** The range that a command means, cut to its window. */
function within(window: WindowName, range: { readonly first: number; readonly count: number }) {
  const { base, pages } = Window[window];
  const index = range.first % pages;
  const cut = Math.min(range.count, pages - index);
  return { first: { index, address: base + index * PAGE }, pages: cut, size: cut * PAGE };
}
