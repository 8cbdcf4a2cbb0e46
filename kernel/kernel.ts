import type { Cpu, PhysicalMemory } from '../cpu/index.js';
import type { CacheManager } from './cc/cache-manager.js';
import type { Counters } from './counters.js';
import type { Pool } from './ex/pool.js';
import type { Host } from './host.js';
import type { IoManager } from './io/io-manager.js';
import type { KernelExecutive } from './ke/kernel-executive.js';
import type { MemoryManager } from './mm/memory-manager.js';
import type { SystemMemory } from './mm/system-memory.js';
import type { UserMemory } from './mm/user-memory.js';
import type { ObjectManager } from './ob/object-manager.js';
import type { MachineObserver } from './observer.js';
import type { MachineOptions } from './options.js';
import type { ProcessManager } from './ps/process-manager.js';
import type { Trace } from './trace.js';

/** ex: what is not a file of its own in the kernel object. */
export interface ExecutiveSupport {
  readonly pool: Pool;
}

/** What every component of the kernel sees of the others. Machine builds it, in the order of the fields. */
export interface Kernel {
  readonly options: MachineOptions;
  readonly host: Host;
  readonly memory: PhysicalMemory;
  readonly cpu: Cpu;
  readonly counters: Counters;
  readonly trace: Trace;
  /** System virtual addresses: kernel-mode accesses that may not fault. */
  readonly system: SystemMemory;
  /** User addresses of the current process: probing accesses. */
  readonly user: UserMemory;
  readonly mm: MemoryManager;
  readonly ex: ExecutiveSupport;
  readonly cc: CacheManager;
  readonly ke: KernelExecutive;
  readonly ob: ObjectManager;
  readonly ps: ProcessManager;
  readonly io: IoManager;
  /** A debugger that watches events; none costs nothing. */
  readonly observer?: MachineObserver | null;
  /**
   * KeBugCheckEx: the kernel found itself inconsistent. The machine stops at once; Machine.run reports the code.
   * @throws BugcheckError, the only throw of the kernel, caught by Machine alone.
   */
  bugcheck(code: number, parameter1?: number, parameter2?: number, parameter3?: number, parameter4?: number): never;
}
