import { AccessKind, Cpu, PhysicalMemory } from '../../cpu/index.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { accessFault } from '../../kernel/mm/fault.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from '../../kernel/mm/fault-outcome.js';
import { MemoryManager } from '../../kernel/mm/memory-manager.js';
import { switchAddressSpace } from '../../kernel/mm/page-directory.js';
import { Vad } from '../../kernel/mm/vad.js';
import { insertVad } from '../../kernel/mm/vad-charges.js';
import type { NoExecutePolicy, ReplacementPolicy } from '../../kernel/options.js';
import { bootOptions } from '../boot-options.js';

export class TestBugcheck extends Error {
  readonly code: number;
  readonly parameters: readonly number[];
  constructor(code: number, parameters: readonly number[]) {
    super(`bugcheck ${code.toString(16)} (${parameters.map((value) => (value >>> 0).toString(16)).join(', ')})`);
    this.code = code;
    this.parameters = parameters;
  }
}

/** A memory manager on a processor without a kernel around it: memory is touched by translating, as the processor does. */
export class MemoryMachine {
  readonly memory: PhysicalMemory;
  readonly cpu: Cpu;
  readonly mm: MemoryManager;
  /** TEB of the "running thread". */
  teb = 0;
  attached = false;

  constructor(
    options: {
      readonly pae?: boolean;
      readonly userSpace?: number | null;
      readonly largePageMinimum?: number;
      readonly megabytes?: number;
      readonly noExecute?: NoExecutePolicy;
      readonly replacement?: ReplacementPolicy;
      readonly clusterPageFileReads?: number;
      /** Bytes of frames that the linear memory has room for, when not for all. */
      readonly linear?: number | undefined;
    } = {},
  ) {
    this.memory = new PhysicalMemory((options.megabytes ?? 16) * 0x10_0000, 0, { linear: options.linear });
    this.cpu = new Cpu(this.memory, null);
    this.mm = new MemoryManager({
      cpu: this.cpu,
      memory: this.memory,
      pae: options.pae ?? bootOptions.pae ?? true,
      userSpace: options.userSpace === undefined ? (bootOptions.userSpace ?? null) : options.userSpace,
      largePageMinimum: options.largePageMinimum ?? 255,
      noExecute: options.noExecute ?? 'optin',
      replacement: options.replacement ?? 'clock',
      clusterPageFileReads: options.clusterPageFileReads ?? 0,
      bugcheck: (code, ...parameters) => {
        throw new TestBugcheck(code, parameters as number[]);
      },
      currentTeb: () => this.teb,
      isAttached: () => this.attached,
      traceFault: null,
    });
  }

  /** A new address space, which becomes the current one. */
  createSpace(): AddressSpace {
    const space = this.mm.createAddressSpace();
    if (space === null) throw new Error('no address space');
    switchAddressSpace(this.mm, space);
    return space;
  }

  /** Reserves pages; commit: all of them at once. */
  reserve(space: AddressSpace, address: number, pages: number, protection: number, commit: boolean): Vad {
    const vad = new Vad(address >>> 12, (address >>> 12) + pages - 1, protection, true);
    if (commit) {
      vad.memCommit = true;
      vad.commitCharge = pages;
    }
    const status = insertVad(this.mm.context, space, vad);
    if (status !== 0) throw new Error(`insertVad ${status.toString(16)}`);
    return vad;
  }

  /** Accesses one address as ring 3 does, resolving faults. The outcomes in order; the last may be a failure. */
  touch(address: number, access: AccessKind): FaultOutcome[] {
    const outcomes: FaultOutcome[] = [];
    this.memory.evictor?.makeRoomBetween();
    for (let tries = 0; tries < 10; tries++) {
      if (this.cpu.translate(address | 0, access, false) !== 0) return outcomes;
      const fault =
        access === AccessKind.Read
          ? FaultAccess.Read
          : access === AccessKind.Write
            ? FaultAccess.Write
            : FaultAccess.Execute;
      const outcome = accessFault(this.mm, address >>> 0, fault, true);
      if (outcome === FaultOutcome.MustWait) {
        const { read } = this.mm.faults;
        const status = this.mm.finishFaultNow(address >>> 0, fault);
        this.mm.faults.underlyingStatus = status;
        outcomes.push(status === 0 ? (read?.place.outcome ?? FaultOutcome.Refault) : FaultOutcome.InPageError);
        if (status !== 0) return outcomes;
        continue;
      }
      outcomes.push(outcome);
      if (outcome >= FIRST_FAILURE) return outcomes;
    }
    throw new Error('the fault is never resolved');
  }

  read(address: number): number {
    const outcomes = this.touch(address, AccessKind.Read);
    if ((outcomes.at(-1) ?? FaultOutcome.Refault) >= FIRST_FAILURE) return -1;
    return this.memory.bytes[this.cpu.translate(address | 0, AccessKind.Read, false)];
  }

  write(address: number, value: number): boolean {
    const outcomes = this.touch(address, AccessKind.Write);
    if ((outcomes.at(-1) ?? FaultOutcome.Refault) >= FIRST_FAILURE) return false;
    this.memory.bytes[this.cpu.translate(address | 0, AccessKind.Write, false)] = value;
    return true;
  }
}
