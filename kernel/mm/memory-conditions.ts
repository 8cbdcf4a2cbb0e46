import type { KEvent } from '../ke/dispatcher-object.js';
import type { Kernel } from '../kernel.js';

const DIRECTORY = '\\KernelObjects';

/**
 * \KernelObjects\LowMemoryCondition and HighMemoryCondition (nt52.md 3.7): notification events that programs can wait for,
 * signaled while few, or many, pages are available. Environment: boot.
 */
export function createMemoryConditions(kernel: Kernel): void {
  const { available } = kernel.mm;
  kernel.ob.createDirectory(DIRECTORY);
  insert(kernel, 'LowMemoryCondition', available.lowMemory);
  insert(kernel, 'HighMemoryCondition', available.highMemory);
}

function insert(kernel: Kernel, name: string, event: KEvent): void {
  const { object } = kernel.ob.createObject(kernel.ob.types.event, event, true);
  if (object !== null) kernel.ob.insertNamed(`${DIRECTORY}\\${name}`, object);
}
