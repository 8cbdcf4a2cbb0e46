import type { Kernel } from '../kernel.js';
import type { TraceFields } from '../trace.js';
import type { SharedCacheMap } from './shared-cache-map.js';

/** An event of `--trace cache` that concerns a file. Who is called often asks trace.cache first. */
export function traceCache({ trace }: Kernel, name: string, map: SharedCacheMap, fields: TraceFields = {}): void {
  if (trace.cache) trace.event(name, { file: map.file.name, ...fields });
}
