import { EventType, KEvent } from '../ke/dispatcher-object.js';
import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { NtStatus } from '../types.js';
import type { EProcess } from './process.js';
import { JobCommit, UNLIMITED } from './quota.js';

/** JOB_OBJECT_LIMIT_*. */
export const JobLimit = {
  ACTIVE_PROCESS: 0x8,
  AFFINITY: 0x10,
  PRIORITY_CLASS: 0x20,
  PROCESS_MEMORY: 0x100,
  JOB_MEMORY: 0x200,
  DIE_ON_UNHANDLED_EXCEPTION: 0x400,
  BREAKAWAY_OK: 0x800,
  SILENT_BREAKAWAY_OK: 0x1000,
  KILL_ON_JOB_CLOSE: 0x2000,
} as const;

/** What a job lets its processes do; numbers count only where `flags` say so. */
export interface JobLimits {
  readonly flags: number;
  readonly activeProcesses: number;
  readonly affinity: number;
  readonly priorityClass: number;
  /** Pages. */
  readonly processMemory: number;
  readonly jobMemory: number;
}

const NO_LIMITS: JobLimits = {
  flags: 0,
  activeProcesses: 0,
  affinity: 0,
  priorityClass: 0,
  processMemory: 0,
  jobMemory: 0,
};

/** What processes of a job that have ended have used: times in 100 ns. */
export interface JobUsage {
  userTime: number;
  kernelTime: number;
  pageFaults: number;
  readonly io: EProcess['io'];
}

/** Body of a Job object (EJOB): processes that are limited, counted and ended together. Waits go to its event. */
export class Job {
  readonly dispatcherObject = new KEvent(EventType.Notification, false);
  /** Living processes in the order in which they came. */
  readonly processes: EProcess[] = [];
  /** The object itself; null only while it is being made. */
  object: ObjectHeader<Job> | null = null;
  limits: JobLimits = NO_LIMITS;
  /** JOB_OBJECT_UILIMIT_* bits: kept, for there is nothing to restrict. */
  userInterfaceLimits = 0;
  readonly commit = new JobCommit();
  readonly ended: JobUsage = {
    userTime: 0,
    kernelTime: 0,
    pageFaults: 0,
    io: { readOperations: 0, writeOperations: 0, otherOperations: 0, bytesRead: 0, bytesWritten: 0 },
  };
  totalProcesses = 0;
  /** Ended because of a limit. */
  terminatedProcesses = 0;

  has(limit: number): boolean {
    return (this.limits.flags & limit) !== 0;
  }
}

/**
 * A process, and what it starts from now on, belongs to a job for good (PspAddProcessToJob). ACCESS_DENIED when it is in one already,
 * PROCESS_IS_TERMINATING, QUOTA_EXCEEDED when the job has as many processes as it may.
 */
export function addToJob(kernel: Kernel, job: Job, process: EProcess): NtStatus {
  const quota = process.pcb.addressSpace?.quota ?? null;
  if (process.exiting || quota === null || job.object === null) return Status.PROCESS_IS_TERMINATING;
  if (process.job !== null) return Status.ACCESS_DENIED;
  if (job.has(JobLimit.ACTIVE_PROCESS) && job.processes.length >= job.limits.activeProcesses) {
    job.terminatedProcesses++;
    return Status.QUOTA_EXCEEDED;
  }
  kernel.ob.referenceObject(job.object);
  job.processes.push(process);
  job.totalProcesses++;
  process.job = job;
  quota.joinJob(job.commit);
  limitProcess(job, process);
  return Status.SUCCESS;
}

/** A process of a job has ended: what it used is kept. Its memory counts in the job until it is gone. */
export function leaveJob(kernel: Kernel, process: EProcess): void {
  const { job, pcb } = process;
  if (job === null) return;
  process.job = null;
  const index = job.processes.indexOf(process);
  if (index >= 0) job.processes.splice(index, 1);
  const { ended } = job;
  ended.userTime += userTimeOf(process);
  ended.kernelTime += pcb.kernelTime;
  ended.pageFaults += pcb.addressSpace?.pageFaultCount ?? 0;
  for (const kind of Object.keys(ended.io) as (keyof EProcess['io'])[]) ended.io[kind] += process.io[kind];
  if (job.object !== null) kernel.ob.dereferenceObject(job.object);
}

/** User time of a process in 100 ns, that of its living threads with it. */
export const userTimeOf = ({ pcb }: EProcess): number =>
  pcb.userTime + pcb.threads.reduce((sum, thread) => sum + Math.floor(thread.userNanoseconds / 100), 0);

/** New limits count for the processes that are there too. Memory that is already committed stays. */
export function setJobLimits(job: Job, limits: JobLimits): void {
  job.limits = limits;
  job.commit.limit = job.has(JobLimit.JOB_MEMORY) ? limits.jobMemory : UNLIMITED;
  for (const process of job.processes) limitProcess(job, process);
}

function limitProcess(job: Job, process: EProcess): void {
  const { limits } = job;
  const quota = process.pcb.addressSpace?.quota ?? null;
  if (quota !== null) quota.commitLimit = job.has(JobLimit.PROCESS_MEMORY) ? limits.processMemory : UNLIMITED;
  if (job.has(JobLimit.AFFINITY)) process.affinity = limits.affinity;
  if (job.has(JobLimit.PRIORITY_CLASS)) process.priorityClass = limits.priorityClass;
}

/** What a new process does about the job of its creator. ACCESS_DENIED when it may not leave it but wants to. */
export function jobOfChild(parent: EProcess | null, breaksAway: boolean): Job | null | NtStatus {
  const job = parent?.job ?? null;
  if (job === null || job.has(JobLimit.SILENT_BREAKAWAY_OK)) return null;
  if (!breaksAway) return job;
  return job.has(JobLimit.BREAKAWAY_OK) ? null : Status.ACCESS_DENIED;
}

/** Ends all processes of a job; the caller's own thread ends when it next is about to return to user mode. */
export function terminateJob(kernel: Kernel, job: Job, exitStatus: NtStatus): void {
  const { ps, ke } = kernel;
  const current = ke.currentThread.executive;
  for (const process of [...job.processes]) {
    if (process.exiting) continue;
    ps.killProcess(process, exitStatus);
    if (current !== null && current.process === process) ps.terminateThread(current, exitStatus);
  }
}

/** Tells ob how Job objects end; once at boot. */
export function initializeJobType(kernel: Kernel): void {
  kernel.ob.types.job.procedures = {
    close: (job, handles) => {
      if (handles === 1 && job.has(JobLimit.KILL_ON_JOB_CLOSE)) terminateJob(kernel, job, Status.SUCCESS);
    },
  };
}
