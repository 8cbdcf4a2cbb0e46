import type { Kernel } from '../kernel.js';
import { isSuccess } from '../ntstatus.js';
import { hex } from '../trace.js';
import type { AddressSpace } from './address-space.js';
import type { ViewResult } from './map-view.js';
import type { Section } from './section.js';
import type { Vad } from './vad.js';

/** `--trace modules`: an image was mapped (or could not be, which gives no event). */
export function traceImageMapped(kernel: Kernel, section: Section, space: AddressSpace, view: ViewResult): void {
  const { file, flags } = section.controlArea;
  if (!flags.image || file === null || !isSuccess(view.status)) return;
  kernel.observer?.module({ processId: space.processId, name: file.name, base: view.base >>> 0, mapped: true });
  if (!kernel.trace.modules) return;
  kernel.trace.event('module', {
    process: space.processId,
    name: file.name,
    base: hex(view.base),
    size: hex(view.size),
    atBase: view.base === section.segment.basedAddress + view.offset,
  });
}

/** `--trace modules`: an image was unmapped. */
export function traceImageUnmapped(kernel: Kernel, space: AddressSpace, vad: Vad | null): void {
  const file = vad?.controlArea?.file ?? null;
  if (vad === null || !vad.isImage || file === null) return;
  const base = vad.startAddress;
  kernel.observer?.module({ processId: space.processId, name: file.name, base, mapped: false });
  if (!kernel.trace.modules) return;
  kernel.trace.event('module-unmapped', { process: space.processId, name: file.name, base: hex(base) });
}
