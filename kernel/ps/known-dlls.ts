import type { Kernel } from '../kernel.js';
import type { ProcessMemory } from './process-memory.js';
import type { SystemDll } from './system-dll.js';

const DIRECTORY = '\\KnownDlls';
const SYSTEM_DIRECTORY = 'C:\\WINDOWS\\system32';

/** The libraries that every program gets from the system directory, ntdll.dll but for itself (HKLM KnownDLLs of NT 5.2). */
const KNOWN_DLLS = ['kernel32.dll', 'msvcrt.dll', 'advapi32.dll', 'shell32.dll'] as const;

/**
 * Fills \KnownDlls as smss.exe does at boot: an image section for each library, which the loader of every process maps, and
 * KnownDllPath, the directory that they come from. A library that is not there, or no image, is not known: the loader then searches for
 * its file. Environment: PASSIVE_LEVEL, once.
 */
export function createKnownDlls(kernel: Kernel, memory: ProcessMemory, ntdll: SystemDll): void {
  const { ob } = kernel;
  ob.createSymbolicLink(`${DIRECTORY}\\KnownDllPath`, SYSTEM_DIRECTORY);
  ob.referenceObject(ntdll.section);
  ob.insertNamed(`${DIRECTORY}\\ntdll.dll`, ntdll.section);
  for (const name of KNOWN_DLLS) {
    const { file } = kernel.io.openImageFile(`\\SystemRoot\\system32\\${name}`);
    if (file === null) continue;
    const section = memory.createImageSection(file, true);
    file.dereference();
    if (section.object !== null) ob.insertNamed(`${DIRECTORY}\\${name}`, section.object);
  }
}
