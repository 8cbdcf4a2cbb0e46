import {
  type AddressSpace,
  type Counters,
  findPte,
  type Machine,
  NO_PTE,
  PageLocation,
  type PteLocation,
  pdeLocation,
  systemLocation,
  systemPte,
} from '../../../kernel/index.js';
import { protectionText, pteLetters, pteMeaning } from '../../../tools/debugger/pte-text.js';

/** A PTE by its meaning. Fields that a form does not have are absent. */
export interface PteView {
  /** `absent`: there is no page table. */
  readonly form: ReturnType<typeof pteMeaning>['form'] | 'absent';
  readonly frame?: number;
  /** Valid: kd's letters, 'C' copy-on-write, 'D' dirty, 'U' user, 'W' writable and so on. */
  readonly letters?: string;
  /** Not valid: protection by its name, 'READWRITE GUARD'. */
  readonly protection?: string;
  /** Page file and slot. */
  readonly file?: number;
  readonly slot?: number;
  /** Prototype form: address of the prototype PTE. */
  readonly prototype?: number;
}

/** A page frame's entry of the PFN database. */
export interface FrameView {
  readonly location: keyof typeof PageLocation;
  /** Active and Transition. */
  readonly shareCount: number;
  readonly referenceCount: number;
  readonly modified: boolean;
  /** Owned by a prototype PTE. */
  readonly prototype: boolean;
  readonly original: PteView;
}

/** What memory management knows of one page of a process. */
export interface PageView {
  /** The page-directory entry above it. */
  readonly pde: PteView;
  readonly pte: PteView;
  /** The frame that the PTE names, valid or in transition. */
  readonly frame: FrameView | null;
  /** The page has an entry in the process's working set; a page of the system half, in the system's. */
  readonly inWorkingSet: boolean;
}

type ListName = 'zeroed' | 'free' | 'standby' | 'modified' | 'modifiedNoWrite' | 'bad';
export type ListTotals = Readonly<Record<ListName, number>>;
export type CounterValues = Readonly<Record<string, number>>;

/** Counters of memory management, the page lists, and what the process has: all that one fault can move. */
export interface MemoryFigures {
  readonly counters: CounterValues;
  readonly lists: ListTotals;
  readonly process: CounterValues;
}

/**
 * Looks at a process's memory in NT's words; changes nothing, so that a test can ask at any time. Works on any machine and on
 * any address space of it: `machine.kernel.ps.initialProcess.pcb.addressSpace` is the program's.
 */
export class MemoryView {
  readonly #machine: Machine;
  readonly #space: AddressSpace;

  constructor(machine: Machine, space: AddressSpace) {
    this.#machine = machine;
    this.#space = space;
  }

  page(address: number): PageView {
    const { mm } = this.#machine.kernel;
    const pte = this.#describe(isSystem(address) ? systemPte(mm, address) : findPte(mm, this.#space, address));
    return {
      pde: this.#describe(pdeLocation(mm, this.#space, address)),
      pte,
      frame: pte.frame === undefined ? null : this.frame(pte.frame),
      inWorkingSet: this.#isInWorkingSet(address),
    };
  }

  /** The prototype PTE at a system address, and its frame. */
  prototype(address: number): { readonly pte: PteView; readonly frame: FrameView | null } {
    const pte = this.#describe(systemLocation(this.#machine.kernel.mm, address), true);
    return { pte, frame: pte.frame === undefined ? null : this.frame(pte.frame) };
  }

  frame(frame: number): FrameView {
    const { pfn } = this.#machine.kernel.mm;
    const names = Object.keys(PageLocation) as (keyof typeof PageLocation)[];
    const location = pfn.location(frame);
    const isCounted = location === PageLocation.Active || location === PageLocation.Transition;
    return {
      location: names.find((name) => PageLocation[name] === location) ?? 'Bad',
      shareCount: isCounted ? pfn.shareCount(frame) : 0,
      referenceCount: pfn.referenceCount(frame),
      modified: pfn.isModified(frame),
      prototype: pfn.isPrototype(frame),
      original: this.#describe(pfn.originalPte(frame), pfn.isPrototype(frame)),
    };
  }

  figures(): MemoryFigures {
    const { kernel, counters } = this.#machine;
    const { lists } = kernel.mm;
    const space = this.#space;
    return {
      counters: { ...(counters satisfies Counters) },
      lists: {
        zeroed: lists.zeroed.total,
        free: lists.free.total,
        standby: lists.standby.total,
        modified: lists.modifiedPages,
        modifiedNoWrite: lists.modifiedNoWrite.total,
        bad: lists.bad.total,
      },
      process: {
        workingSetSize: space.workingSetSize,
        pageFaultCount: space.pageFaultCount,
        privatePages: space.privatePages,
        commitCharge: space.commitCharge,
      },
    };
  }

  #isInWorkingSet(address: number): boolean {
    const { workingSet } = isSystem(address) ? this.#machine.kernel.mm.systemCache : this.#space;
    const vpn = address >>> 12;
    for (let index = 0; index <= workingSet.lastEntry; index++) {
      if (workingSet.isValid(index) && workingSet.vpn(index) === vpn) return true;
    }
    return false;
  }

  #describe(at: PteLocation, isPrototype = false): PteView {
    const { format } = this.#machine.kernel.mm;
    if (at === NO_PTE) return { form: 'absent' };
    const { form, data } = pteMeaning(format, at, isPrototype);
    if (form === 'valid') return { form, frame: format.frame(at), letters: pteLetters(format, at) };
    return {
      form,
      ...(typeof data.pfn === 'number' ? { frame: data.pfn } : {}),
      ...(typeof data.protection === 'number' ? { protection: protectionText(data.protection) } : {}),
      ...(form === 'page-file' ? { file: Number(data.file), slot: Number(data.offset) } : {}),
      ...(typeof data.prototype === 'number' ? { prototype: data.prototype } : {}),
    };
  }
}

const isSystem = (address: number): boolean => address >= 0x8000_0000;

/** What changed between two looks: only figures that differ. */
export function differences(before: MemoryFigures, after: MemoryFigures): MemoryFigures {
  return {
    counters: changed(before.counters, after.counters),
    lists: changed(before.lists, after.lists) as ListTotals,
    process: changed(before.process, after.process),
  };
}

function changed(before: CounterValues, after: CounterValues): CounterValues {
  const entries = Object.keys(after).map((name): [string, number] => [name, (after[name] ?? 0) - (before[name] ?? 0)]);
  return Object.fromEntries(entries.filter(([, difference]) => difference !== 0));
}
