import { createObjectService, openObjectService } from '../ke/object-service.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { PAGE_SIZE } from '../mm/layout.js';
import { isSuccess, Status } from '../ntstatus.js';
import { type Blocking, type NtStatus, ntStatus } from '../types.js';
import { Fields } from './information-buffer.js';
import { addToJob, Job, JobLimit, setJobLimits, terminateJob, userTimeOf } from './job.js';
import { type EProcess, PriorityClass } from './process.js';
import { ProcessAccess } from './process-services.js';

const JobAccess = { ASSIGN_PROCESS: 1, SET_ATTRIBUTES: 2, QUERY: 4, TERMINATE: 8 } as const;

/** JOBOBJECTINFOCLASS. */
const JobClass = {
  BasicAccounting: 1,
  BasicLimit: 2,
  ProcessIds: 3,
  UserInterface: 4,
  Security: 5,
  EndOfJobTime: 6,
  CompletionPort: 7,
  BasicAndIoAccounting: 8,
  ExtendedLimit: 9,
} as const;

const BASIC_LIMIT_SIZE = 0x30;
const EXTENDED_LIMIT_SIZE = 0x70;
const BASIC_LIMITS = 0xff;
const EXTENDED_LIMITS = 0x3fff;
/** Limits of times, working sets and scheduling classes. */
const NOT_BUILT = 0xc7;
const BUILT = Object.values(JobLimit).reduce((sum: number, flag) => sum | flag, 0);

/** NtCreateJobObject(handle*, access, attributes*). */
function* createJob(kernel: Kernel, handleAddress: number, access: number, attributes: number): Blocking<NtStatus> {
  const { ob, user } = kernel;
  const { job: type } = ob.types;
  const status = yield* createObjectService(kernel, type, handleAddress, access, attributes, () => new Job());
  if (!isSuccess(status)) return status;
  const { object } = ob.peekObjectByHandle(user.read32(handleAddress), type, 0);
  if (object !== null) object.body.object = object;
  user.clearFailure();
  return status;
}

/**
 * NtAssignProcessToJobObject(job, process). ACCESS_DENIED for a process that is in a job, PROCESS_IS_TERMINATING; QUOTA_EXCEEDED for one
 * too many, which is ended; handle statuses: JOB_OBJECT_ASSIGN_PROCESS, PROCESS_SET_QUOTA and PROCESS_TERMINATE.
 */
function* assignProcess(kernel: Kernel, jobHandle: number, processHandle: number): Blocking<NtStatus> {
  const { ob, ps, ke } = kernel;
  const job = ob.peekObjectByHandle(jobHandle, ob.types.job, JobAccess.ASSIGN_PROCESS);
  if (job.object === null) return job.status;
  const rights = ProcessAccess.SET_QUOTA | ProcessAccess.TERMINATE;
  const found = ob.peekObjectByHandle(processHandle, ob.types.process, rights);
  if (found.object === null) return found.status;
  const process = found.object.body;
  const status = addToJob(kernel, job.object.body, process);
  if (status !== Status.QUOTA_EXCEEDED) return status;
  ps.killProcess(process, status);
  if (ke.currentThread.executive?.process === process) return yield* ps.exitThread(status);
  return status;
}

/** NtTerminateJobObject(job, status); JOB_OBJECT_TERMINATE. Never returns to a process of the job. */
function* terminate(kernel: Kernel, handle: number, exitStatus: number): Blocking<NtStatus> {
  const { ob, ps, ke } = kernel;
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.job, JobAccess.TERMINATE);
  if (object === null) return status;
  const job = object.body;
  const own = ke.currentThread.executive?.process ?? null;
  const includesCaller = own !== null && own.job === job;
  terminateJob(kernel, job, ntStatus(exitStatus));
  return includesCaller ? yield* ps.exitThread(ntStatus(exitStatus)) : Status.SUCCESS;
}

/** NtIsProcessInJob(process, job or 0 for any): PROCESS_IN_JOB or PROCESS_NOT_IN_JOB; PROCESS_QUERY_INFORMATION, JOB_OBJECT_QUERY. */
function isProcessInJob(kernel: Kernel, processHandle: number, jobHandle: number): NtStatus {
  const { ob } = kernel;
  const process = ob.peekObjectByHandle(processHandle, ob.types.process, ProcessAccess.QUERY_INFORMATION);
  if (process.object === null) return process.status;
  const { job } = process.object.body;
  if (job === null) return Status.PROCESS_NOT_IN_JOB;
  if (jobHandle === 0) return Status.PROCESS_IN_JOB;
  const asked = ob.peekObjectByHandle(jobHandle, ob.types.job, JobAccess.QUERY);
  if (asked.object === null) return asked.status;
  return asked.object.body === job ? Status.PROCESS_IN_JOB : Status.PROCESS_NOT_IN_JOB;
}

/** Sizes of what can be asked for; of the list of processes, the least. */
const querySizes: ReadonlyMap<number, number> = new Map([
  [JobClass.BasicAccounting, 0x30],
  [JobClass.BasicLimit, BASIC_LIMIT_SIZE],
  [JobClass.ProcessIds, 0xc],
  [JobClass.UserInterface, 4],
  [JobClass.EndOfJobTime, 4],
  [JobClass.BasicAndIoAccounting, 0x60],
  [JobClass.ExtendedLimit, EXTENDED_LIMIT_SIZE],
]);

/**
 * NtQueryInformationJobObject(job or 0 for the caller's own, class, buffer, length, returned length*). INVALID_INFO_CLASS,
 * INFO_LENGTH_MISMATCH, BUFFER_OVERFLOW when not all process ids fit, ACCESS_DENIED for 0 without a job; JOB_OBJECT_QUERY.
 */
function* queryJob(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [handle, jobClass, buffer, length, returnedAddress] = given;
  const { user, ob, ke } = kernel;
  const size = querySizes.get(jobClass);
  if (size === undefined) return Status.INVALID_INFO_CLASS;
  const isList = jobClass === JobClass.ProcessIds;
  if (isList ? length < size : length !== size) return Status.INFO_LENGTH_MISMATCH;
  let status = yield* user.probeForWrite(buffer, length, 4);
  if (isSuccess(status) && returnedAddress !== 0) status = yield* user.probeForWrite(returnedAddress, 4, 4);
  if (!isSuccess(status)) return status;
  let job = ke.currentProcess.executive?.job ?? null;
  if (handle !== 0) {
    const found = ob.peekObjectByHandle(handle, ob.types.job, JobAccess.QUERY);
    if (found.object === null) return found.status;
    job = found.object.body;
  }
  if (job === null) return Status.ACCESS_DENIED;
  const bytes = isList ? processIds(job, length) : information(job, jobClass, size);
  user.writeBytes(buffer, bytes);
  if (returnedAddress !== 0) user.write32(returnedAddress, bytes.length);
  user.clearFailure();
  return isList && bytes.length < 8 + job.processes.length * 4 ? Status.BUFFER_OVERFLOW : Status.SUCCESS;
}

function processIds({ processes }: Job, length: number): Uint8Array {
  const listed = processes.slice(0, Math.floor((length - 8) / 4));
  const fields = new Fields(8 + listed.length * 4).dword(0, processes.length).dword(4, listed.length);
  listed.forEach(({ processId }, index) => {
    fields.dword(8 + index * 4, processId);
  });
  return fields.bytes;
}

function information(job: Job, jobClass: number, size: number): Uint8Array {
  const fields = new Fields(size);
  switch (jobClass) {
    case JobClass.BasicAccounting:
    case JobClass.BasicAndIoAccounting:
      return accounting(job, fields, jobClass === JobClass.BasicAndIoAccounting);
    case JobClass.UserInterface:
      return fields.dword(0, job.userInterfaceLimits).bytes;
    case JobClass.EndOfJobTime:
      return fields.bytes;
    default:
      return limitInformation(job, fields, jobClass === JobClass.ExtendedLimit);
  }
}

function accounting(job: Job, fields: Fields, withIo: boolean): Uint8Array {
  const { ended, processes } = job;
  const total = (kept: number, of: (process: EProcess) => number): number =>
    processes.reduce((sum, process) => sum + of(process), kept);
  const userTime = BigInt(total(ended.userTime, userTimeOf));
  const kernelTime = BigInt(total(ended.kernelTime, ({ pcb }) => pcb.kernelTime));
  fields.quad(0x00, userTime).quad(0x08, kernelTime).quad(0x10, userTime).quad(0x18, kernelTime);
  fields.dword(
    0x20,
    total(ended.pageFaults, ({ pcb }) => pcb.addressSpace?.pageFaultCount ?? 0),
  );
  fields.dword(0x24, job.totalProcesses).dword(0x28, processes.length).dword(0x2c, job.terminatedProcesses);
  if (!withIo) return fields.bytes;
  const kinds = ['readOperations', 'writeOperations', 'otherOperations', 'bytesRead', 'bytesWritten'] as const;
  kinds.forEach((kind, index) => {
    fields.quad(0x30 + index * 8, BigInt(total(ended.io[kind], ({ io }) => io[kind])));
  });
  return fields.bytes;
}

function limitInformation({ limits, commit }: Job, fields: Fields, isExtended: boolean): Uint8Array {
  const shown = isExtended ? limits.flags : limits.flags & BASIC_LIMITS;
  fields.dword(0x10, shown).dword(0x1c, limits.activeProcesses).dword(0x20, limits.affinity);
  fields.dword(0x24, limits.priorityClass);
  if (!isExtended) return fields.bytes;
  fields.dword(0x60, limits.processMemory * PAGE_SIZE).dword(0x64, limits.jobMemory * PAGE_SIZE);
  return fields.dword(0x68, commit.processPeak * PAGE_SIZE).dword(0x6c, commit.peak * PAGE_SIZE).bytes;
}

const setSizes: ReadonlyMap<number, number> = new Map([
  [JobClass.BasicLimit, BASIC_LIMIT_SIZE],
  [JobClass.UserInterface, 4],
  [JobClass.Security, 0x14],
  [JobClass.EndOfJobTime, 4],
  [JobClass.CompletionPort, 8],
  [JobClass.ExtendedLimit, EXTENDED_LIMIT_SIZE],
]);

/**
 * NtSetInformationJobObject(job, class, buffer, length). INVALID_INFO_CLASS, INFO_LENGTH_MISMATCH, INVALID_PARAMETER for limits that make no
 * sense; NOT_IMPLEMENTED for limits of times, working sets and scheduling classes, for completion ports and for tokens;
 * JOB_OBJECT_SET_ATTRIBUTES.
 */
function* setJob(kernel: Kernel, handle: number, jobClass: number, buffer: number, length: number): Blocking<NtStatus> {
  const { user, ob } = kernel;
  const size = setSizes.get(jobClass);
  if (size === undefined) return Status.INVALID_INFO_CLASS;
  if (length !== size) return Status.INFO_LENGTH_MISMATCH;
  const probed = yield* user.probeForRead(buffer, length, 4);
  if (!isSuccess(probed)) return probed;
  const { status, object } = ob.peekObjectByHandle(handle, ob.types.job, JobAccess.SET_ATTRIBUTES);
  if (object === null) return status;
  const view = new DataView(user.readBytes(buffer, length).buffer);
  switch (jobClass) {
    case JobClass.BasicLimit:
    case JobClass.ExtendedLimit:
      return setLimits(object.body, view);
    case JobClass.UserInterface:
      if ((view.getUint32(0, true) & ~0xff) !== 0) return Status.INVALID_PARAMETER;
      object.body.userInterfaceLimits = view.getUint32(0, true);
      return Status.SUCCESS;
    case JobClass.EndOfJobTime:
      // Processes are ended at the end of their time: there is no such end yet, and no port to tell.
      return view.getUint32(0, true) === 0 ? Status.SUCCESS : Status.NOT_IMPLEMENTED;
    default:
      return Status.NOT_IMPLEMENTED;
  }
}

function setLimits(job: Job, view: DataView): NtStatus {
  const isExtended = view.byteLength === EXTENDED_LIMIT_SIZE;
  const dword = (offset: number): number => view.getUint32(offset, true);
  const flags = dword(0x10);
  if ((flags & ~(isExtended ? EXTENDED_LIMITS : BASIC_LIMITS)) !== 0) return Status.INVALID_PARAMETER;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  const [activeProcesses, affinity, priorityClass] = [dword(0x1c), dword(0x20), dword(0x24)];
  const isSenseless =
    (has(JobLimit.ACTIVE_PROCESS) && activeProcesses === 0) ||
    (has(JobLimit.AFFINITY) && affinity !== 1) ||
    (has(JobLimit.PRIORITY_CLASS) && (priorityClass === 0 || priorityClass > PriorityClass.AboveNormal));
  if (isSenseless) return Status.INVALID_PARAMETER;
  if ((flags & NOT_BUILT) !== 0) return Status.NOT_IMPLEMENTED;
  // What the smaller structure cannot say stays as it is.
  const kept = isExtended ? 0 : job.limits.flags & BUILT & ~BASIC_LIMITS;
  const pages = (offset: number): number => Math.floor(dword(offset) / PAGE_SIZE);
  const { processMemory, jobMemory } = isExtended ? { processMemory: pages(0x60), jobMemory: pages(0x64) } : job.limits;
  setJobLimits(job, { flags: flags | kept, activeProcesses, affinity, priorityClass, processMemory, jobMemory });
  return Status.SUCCESS;
}

export const jobServices: readonly Service[] = [
  service('NtCreateJobObject', createJob),
  service('NtOpenJobObject', (kernel, handleAddress, access, attributes) =>
    openObjectService(kernel, kernel.ob.types.job, handleAddress, access, attributes),
  ),
  service('NtAssignProcessToJobObject', assignProcess),
  service('NtTerminateJobObject', terminate),
  service('NtIsProcessInJob', isProcessInJob),
  service('NtQueryInformationJobObject', queryJob),
  service('NtSetInformationJobObject', setJob),
];
