import type { Kernel } from '../kernel.js';
import { Status } from '../ntstatus.js';
import type { NoExecutePolicy } from '../options.js';
import type { NtStatus } from '../types.js';
import type { EProcess } from './process.js';

/** MEM_EXECUTE_OPTION_* (KPROCESS.Flags, nt52.md 16). */
const ExecuteOption = { Disable: 0x1, Enable: 0x2, Permanent: 0x8, Valid: 0x3f } as const;
const IMAGE_DLLCHARACTERISTICS_NX_COMPAT = 0x100;

/**
 * What a new process may do with data pages: by policy alone with alwayson and alwaysoff, for good; with optin, images that say
 * NX_COMPAT give up executing data; with optout all do.
 */
function initialOptions(policy: NoExecutePolicy, dllCharacteristics: number): number {
  if (policy === 'alwayson') return ExecuteOption.Disable | ExecuteOption.Permanent;
  if (policy === 'alwaysoff') return ExecuteOption.Enable | ExecuteOption.Permanent;
  const disables = policy === 'optout' || (dllCharacteristics & IMAGE_DLLCHARACTERISTICS_NX_COMPAT) !== 0;
  return disables ? ExecuteOption.Disable : 0;
}

function apply(process: EProcess, options: number): void {
  process.executeOptions = options;
  const space = process.pcb.addressSpace;
  if (space === null) return;
  space.executeEnable = (options & ExecuteOption.Enable) !== 0;
  space.executeDisable = (options & ExecuteOption.Disable) !== 0;
}

/** Gives a new process the options of its image under the machine's policy (`--noexecute`). */
export function initializeExecuteOptions(kernel: Kernel, process: EProcess, dllCharacteristics: number): void {
  apply(process, initialOptions(kernel.options.noExecute, dllCharacteristics));
}

/**
 * NtSetInformationProcess(ProcessExecuteFlags): INVALID_PARAMETER for unknown or contradicting options, ACCESS_DENIED once they
 * are permanent.
 */
export function setExecuteOptions(_kernel: Kernel, process: EProcess, view: DataView): NtStatus {
  const options = view.getUint32(0, true);
  const both = ExecuteOption.Disable | ExecuteOption.Enable;
  if ((options & ~ExecuteOption.Valid) !== 0 || (options & both) === both) return Status.INVALID_PARAMETER;
  if ((process.executeOptions & ExecuteOption.Permanent) !== 0) return Status.ACCESS_DENIED;
  apply(process, options);
  return Status.SUCCESS;
}
