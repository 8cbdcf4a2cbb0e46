import type { UserDispatchers } from '../ke/kernel-executive.js';
import type { Kernel } from '../kernel.js';
import type { Section } from '../mm/section.js';
import { isSuccess, Status } from '../ntstatus.js';
import type { ObjectHeader } from '../ob/object-header.js';
import type { NtStatus } from '../types.js';
import { findExports } from './image-exports.js';
import type { ProcessMemory } from './process-memory.js';

/** ntdll.dll: one image section for all processes, and where in it the kernel sends threads. */
export interface SystemDll {
  readonly section: ObjectHeader<Section>;
  /** Preferred base. */
  readonly imageBase: number;
  /** Offsets from the base by export name. */
  readonly exports: ReadonlyMap<string, number>;
}

const PATH = '\\SystemRoot\\system32\\ntdll.dll';
const ENTRY_POINTS = [
  'LdrInitializeThunk',
  'KiUserExceptionDispatcher',
  'KiUserApcDispatcher',
  'KiUserCallbackDispatcher',
  'KiRaiseUserExceptionDispatcher',
  'KiFastSystemCall',
  'KiFastSystemCallRet',
  'KiIntSystemCall',
] as const;
type EntryPoint = (typeof ENTRY_POINTS)[number];

/**
 * Makes the image section of ntdll.dll and finds its entry points (PsLocateSystemDll). DLL_NOT_FOUND, image statuses, or
 * ENTRYPOINT_NOT_FOUND when it lacks one that the kernel cannot do without.
 */
export function loadSystemDll(kernel: Kernel, memory: ProcessMemory): SystemDll | NtStatus {
  const { status, file } = kernel.io.openImageFile(PATH);
  if (file === null) return status === Status.OBJECT_NAME_NOT_FOUND ? Status.DLL_NOT_FOUND : status;
  const contents = file.read(0, file.size());
  const section = memory.createImageSection(file, true);
  file.dereference();
  if (section.object === null || !isSuccess(section.status)) return section.status;
  if (typeof contents === 'number') return contents;
  const read = (offset: number, length: number): Uint8Array => contents.subarray(offset, offset + length);
  const exports = findExports(read, ENTRY_POINTS);
  const imageBase = section.object.body.segment.imageInformation?.imageBase ?? 0;
  const dll: SystemDll = { section: section.object, imageBase, exports };
  const complete = exports.has('LdrInitializeThunk') && exports.has('KiUserExceptionDispatcher');
  if (!complete || !exports.has('KiUserApcDispatcher')) {
    kernel.ob.dereferenceObject(section.object);
    return Status.ENTRYPOINT_NOT_FOUND;
  }
  return dll;
}

/** Entry points as addresses for a base, 0 where ntdll has none. */
export function userDispatchers(dll: SystemDll, base: number): UserDispatchers {
  const at = (name: EntryPoint): number => {
    const offset = dll.exports.get(name);
    return offset === undefined ? 0 : (base + offset) >>> 0;
  };
  return {
    userExceptionDispatcher: at('KiUserExceptionDispatcher'),
    userApcDispatcher: at('KiUserApcDispatcher'),
    userCallbackDispatcher: at('KiUserCallbackDispatcher'),
    raiseUserExceptionDispatcher: at('KiRaiseUserExceptionDispatcher'),
    fastSystemCall: at('KiFastSystemCall'),
    fastSystemCallReturn: at('KiFastSystemCallRet'),
  };
}
