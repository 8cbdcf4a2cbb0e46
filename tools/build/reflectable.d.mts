import type { Plugin } from 'esbuild';

/** Name of a module that is to be rewritten, from the root of the repository; null for others. */
export function reflectableModule(path: string): string | null;
/** The rewritten module. */
export function makeReflectable(source: string, name: string): Promise<{ readonly code: string; readonly map: unknown }>;
export const reflectableKernel: Plugin;
export function reflectableKernelForVite(): {
  readonly name: string;
  readonly enforce: 'pre';
  transform(source: string, id: string): Promise<{ readonly code: string; readonly map: unknown } | null>;
};
