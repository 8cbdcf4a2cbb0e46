import type { HandleTable } from '../ex/handle-table.js';
import type { Process } from '../ke/process.js';
import type { Section } from '../mm/segment.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { HandleEntry } from '../ob/object-manager.js';
import type { Token } from '../se/token.js';
import { type VirtualAddress, virtualAddress } from '../types.js';
import type { ControlRoutine } from './control-events.js';
import type { Job } from './job.js';
import type { QuotaBlock } from './quota.js';
import type { EThread } from './thread.js';

/** PROCESS_PRIORITY_CLASS values. */
export const PriorityClass = {
  Unknown: 0,
  Idle: 1,
  Normal: 2,
  High: 3,
  RealTime: 4,
  BelowNormal: 5,
  AboveNormal: 6,
} as const;

/** Body of a Process object: the executive part of a process (EPROCESS role). Waits go to its pcb. */
export class EProcess {
  readonly pcb: Process;
  readonly handleTable: HandleTable<HandleEntry>;
  /** Pool pages that the handle table is charged for. */
  handleTablePages: number[] = [];
  /** The object itself; null only while it is being made. */
  object: ObjectHeader<EProcess> | null = null;
  token: ObjectHeader<Token> | null = null;
  readonly inheritedFromProcessId: number;
  readonly createTime: bigint;
  exitTime = 0n;
  /** The image section, referenced for the process's life; null for System. */
  imageSection: ObjectHeader<Section> | null = null;
  sectionBaseAddress: VirtualAddress = virtualAddress(0);
  /** Where ntdll lies in this process, 0 in System. */
  systemDllBase: VirtualAddress = virtualAddress(0);
  /** NT path of the image, as ProcessImageFileName gives it. */
  readonly imagePath: string;
  /** Living threads, oldest first. */
  readonly threads: EThread[] = [];
  priorityClass: number = PriorityClass.Normal;
  /** Its threads are preferred by quantum and wait boosts, its pages are trimmed less. */
  isForeground = false;
  /** NtSetInformationProcess(ProcessDefaultHardErrorMode). */
  hardErrorMode = 1;
  /** MEM_EXECUTE_OPTION_* bits. */
  executeOptions = 0;
  /** ProcessCookie, 0 until it was asked for. */
  cookie = 0;
  /** NtTerminateProcess has begun, or the last thread has ended. */
  exiting = false;
  /** Deaths of threads have been worked off: the address space is gone. */
  rundownDone = false;
  /** What tells the program of Ctrl-C; null until kernel32 has said. */
  controlRoutine: ControlRoutine | null = null;
  /** The process group: id of the process that it began with. Control events may go to one group alone. */
  controlGroup: number;
  /** IO_COUNTERS: operations by kind, and bytes. */
  readonly io = { readOperations: 0, writeOperations: 0, otherOperations: 0, bytesRead: 0, bytesWritten: 0 };
  affinity = 1;
  /** The job that it belongs to, referenced; null: none. */
  job: Job | null = null;
  peakThreads = 0;

  constructor(options: {
    pcb: Process;
    handleTable: HandleTable<HandleEntry>;
    parent: number;
    createTime: bigint;
    imagePath: string;
  }) {
    this.pcb = options.pcb;
    this.handleTable = options.handleTable;
    this.controlGroup = options.pcb.uniqueProcessId;
    this.inheritedFromProcessId = options.parent;
    this.createTime = options.createTime;
    this.imagePath = options.imagePath;
  }

  /** What a wait on a process handle waits for. */
  get dispatcherObject(): Process {
    return this.pcb;
  }

  /** What pays for the objects that the process makes; null once its address space is gone. */
  get quotaBlock(): QuotaBlock | null {
    return this.pcb.addressSpace?.quota.block ?? null;
  }

  get processId(): number {
    return this.pcb.uniqueProcessId;
  }
}
