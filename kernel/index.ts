/** The kernel room: everything that tools may use of it. */
export { BugcheckError, type BugcheckReport, bugcheckName, bugcheckText } from './bugcheck.js';
export { Counters } from './counters.js';
export { type Holdings, holdings, leaks } from './holdings.js';
export * from './host.js';
export { MemoryVolume } from './io/memory-volume.js';
export type { ExceptionRecord } from './ke/kernel-executive.js';
export { type Process, ProcessState } from './ke/process.js';
export { PRIORITY_LEVELS } from './ke/ready-queues.js';
export { serviceList, serviceNames, serviceNumber } from './ke/service-names.js';
export { type Thread, ThreadState, WaitReason } from './ke/thread.js';
export { type TrapFrame, TrapFrameField } from './ke/trap-frame.js';
export type { Kernel } from './kernel.js';
export { type HardErrorReport, Machine, type RunResult, type WaitingThread } from './machine.js';
export {
  type AddressLayout,
  AddressSpace,
  accessFault,
  type ControlArea,
  FaultAccess,
  type FaultEvent,
  FaultOutcome,
  FIRST_FAILURE,
  faultOutcomeName,
  findPte,
  type KernelContext,
  kernelAccessFault,
  type MemoryManager,
  NO_PTE,
  PASSIVE_LEVEL,
  PageLocation,
  PageProtection,
  type PteFormat,
  type PteLocation,
  pdeLocation,
  pteLocation,
  systemFrame,
  systemLocation,
  systemPte,
  type Vad,
  VadType,
} from './mm/index.js';
export { isError, isSuccess, Status, statusName } from './ntstatus.js';
export { compareNames, upcaseName } from './ob/name.js';
export type { MachineObserver, ModuleEvent } from './observer.js';
export {
  type Injection,
  type MachineOptions,
  machineOptions,
  type NoExecutePolicy,
  type PagingFileOptions,
  type ReplacementPolicy,
  type Sku,
  type TraceOptions,
} from './options.js';
export * from './reflection/index.js';
export { type Account, accounts } from './se/account.js';
export { privilegeByName, privilegeNames } from './se/privilege.js';
export { services } from './services.js';
export { hex, Trace } from './trace.js';
export * from './types.js';
