import { Process } from '../ke/process.js';
import { cleanAddressSpace } from '../mm/clean-address-space.js';
import { cloneAddressSpace } from '../mm/clone-address-space.js';
import { makeProcessResident } from '../mm/outswap.js';
import { inAddressSpace } from '../mm/process-access.js';
import type { Section } from '../mm/segment.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { NtStatus } from '../types.js';
import { initializeExecuteOptions } from './execute-options.js';
import { addToJob, jobOfChild } from './job.js';
import type { EProcess } from './process.js';
import { type ProcessManager, SYSTEM_PROCESS_ID } from './process-manager.js';
import { initializePriority } from './process-priority.js';
import { userDispatchers } from './system-dll.js';

/** What PspCreateProcess makes a process of. */
export interface NewProcess {
  /** Of an image; the caller keeps its reference. Null: the process becomes a clone of its parent (fork). */
  readonly section: ObjectHeader<Section> | null;
  /** Whose handles, token and priority it takes over. Null: a process of the machine itself, with a token of its own. */
  readonly parent: EProcess | null;
  readonly inheritHandles: boolean;
  /** It is not to be in the job of its parent. */
  readonly breaksAway?: boolean;
  /** NT path of the image. */
  readonly imagePath: string;
}

export interface CreatedProcess {
  readonly status: NtStatus;
  readonly process: EProcess | null;
}

const failed = (status: NtStatus): CreatedProcess => ({ status, process: null });

/**
 * Makes a process without threads: address space with image, ntdll and PEB, or the parent's, inherited handles, token (PspCreateProcess).
 * SECTION_NOT_IMAGE, PROCESS_IS_TERMINATING, ACCESS_DENIED and QUOTA_EXCEEDED of the parent's job, INSUFFICIENT_RESOURCES, CONFLICTING_ADDRESSES where the image lies in ntdll's
 * place, and what mapping gives. Nothing is left behind when it fails. Environment: PASSIVE_LEVEL, any process; never blocks.
 */
export function createProcess(manager: ProcessManager, request: NewProcess): CreatedProcess {
  const { kernel } = manager;
  const { parent, section } = request;
  if (section !== null && section.body.segment.imageInformation === null) return failed(Status.SECTION_NOT_IMAGE);
  if (parent?.exiting) return failed(Status.PROCESS_IS_TERMINATING);
  const job = jobOfChild(parent, request.breaksAway === true);
  if (typeof job === 'number') return failed(job);
  const process = makeProcessObject(manager, request);
  if (process === null) return failed(Status.INSUFFICIENT_RESOURCES);
  process.controlGroup = parent?.controlGroup ?? process.processId;
  const image = section ?? parent?.imageSection ?? null;
  if (image !== null) kernel.ob.referenceObject(image);
  process.imageSection = image;
  let status: NtStatus = Status.SUCCESS;
  if (request.inheritHandles && parent !== null) status = kernel.ob.inheritHandles(parent, process);
  if (isSuccess(status)) {
    status = section === null ? cloneParent(manager, process, parent) : mapImages(manager, process, section.body);
  }
  if (isSuccess(status) && job !== null) status = addToJob(kernel, job, process);
  if (isSuccess(status)) return { status: Status.SUCCESS, process };
  manager.discardProcess(process);
  return failed(status);
}

function makeProcessObject(manager: ProcessManager, { parent, imagePath }: NewProcess): EProcess | null {
  const { kernel } = manager;
  const id = manager.allocateClientId();
  if (id === 0) return null;
  const pcb = new Process(id, imagePath.split('\\').at(-1) ?? '');
  pcb.addressSpace = manager.memory.createAddressSpace(id);
  if (pcb.addressSpace === null) {
    manager.freeClientId(id);
    return null;
  }
  if (parent?.quotaBlock) pcb.addressSpace.quota.moveTo(parent.quotaBlock);
  const process = manager.createProcessObject(pcb, parent?.processId ?? SYSTEM_PROCESS_ID, imagePath);
  if (process === null) {
    cleanAddressSpace(kernel, pcb.addressSpace);
    kernel.mm.deleteAddressSpace(pcb.addressSpace);
    manager.freeClientId(id);
    return null;
  }
  initializePriority(kernel, process, parent);
  const inherited = parent?.token?.body.copy(manager.allocateLuid());
  if (manager.setToken(process, inherited ?? manager.createUserToken())) return process;
  manager.discardProcess(process);
  return null;
}

/** PEB.InheritedAddressSpace. */
const PEB_INHERITED_ADDRESS_SPACE = 0;

/** Everything that the parent has in memory. Its threads are not cloned: who forks makes the child's first one. */
function cloneParent(manager: ProcessManager, process: EProcess, parent: EProcess | null): NtStatus {
  const { kernel } = manager;
  const [from, to] = [parent?.pcb.addressSpace ?? null, process.pcb.addressSpace];
  if (parent === null || from === null || to === null || from.deleted) return Status.PROCESS_IS_TERMINATING;
  if (from === kernel.mm.systemSpace) return Status.INVALID_PARAMETER;
  if (from.outSwapped) makeProcessResident(kernel.mm, from);
  const status = cloneAddressSpace(kernel, from, to);
  if (!isSuccess(status)) return status;
  process.sectionBaseAddress = parent.sectionBaseAddress;
  process.systemDllBase = parent.systemDllBase;
  process.controlRoutine = parent.controlRoutine;
  process.pcb.peb = parent.pcb.peb;
  inAddressSpace(kernel.mm, to, () => {
    kernel.user.write8(process.pcb.peb + PEB_INHERITED_ADDRESS_SPACE, 1);
    kernel.user.clearFailure();
  });
  return Status.SUCCESS;
}

/** Maps the image, ntdll and the PEB. */
function mapImages(manager: ProcessManager, process: EProcess, section: Section): NtStatus {
  const { kernel, memory, systemDll } = manager;
  const image = section.segment.imageInformation;
  if (systemDll === null || image === null) return Status.DLL_NOT_FOUND;
  const limited = memory.limitAddresses(process, image);
  if (!isSuccess(limited)) return limited;
  const mapped = memory.mapImage(process, section);
  if (!isSuccess(mapped.status)) return mapped.status;
  process.sectionBaseAddress = mapped.base;
  initializeExecuteOptions(kernel, process, image.dllCharacteristics);
  const system = memory.mapImage(process, systemDll.section.body);
  if (!isSuccess(system.status)) return system.status;
  // Every process enters user mode through the same addresses: KUSER_SHARED_DATA holds them for all.
  const elsewhere = manager.processes.some(({ systemDllBase }) => systemDllBase !== 0 && systemDllBase !== system.base);
  if (elsewhere) return Status.CONFLICTING_ADDRESSES;
  kernel.ke.setUserDispatchers(userDispatchers(systemDll, system.base));
  process.systemDllBase = system.base;
  const peb = memory.createPeb(process, mapped.base, image);
  process.pcb.peb = peb.address;
  return peb.status;
}
