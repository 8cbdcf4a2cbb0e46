import { defineConfig } from 'vitest/config';

const common = { testTimeout: 120_000, hookTimeout: 120_000 };
/** Tests that need a kernel whose state can be reached (kernel/reflection/README.md), and tests that are worth running with it. */
const reflectableOnly = ['test/tools/history/**/*.test.ts'];
const reflectable = [...reflectableOnly, 'test/tools/{debugger,gdb,dap}/**/*.test.ts'];

// Not a literal: vite would put it into the configuration's own bundle.
const module = new URL('./tools/build/reflectable.mjs', import.meta.url).href;
const plugin = await import(module).catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
  console.warn('@babel/core is missing: tests of going back are left out; run `npm ci`');
  return null;
});
const plain = {
  ...common,
  name: 'plain',
  include: ['test/**/*.test.ts'],
  exclude: plugin ? reflectable : reflectableOnly,
};

export default defineConfig({
  test: {
    // All processors: vitest leaves one free otherwise.
    maxWorkers: '100%',
    // The files of a worker share their modules: none of ours keeps state, and loading them again for each costs a minute.
    isolate: false,
    projects: plugin
      ? [
          { test: plain },
          {
            plugins: [plugin.reflectableKernelForVite()],
            test: { ...common, name: 'reflectable', include: reflectable },
          },
        ]
      : [{ test: plain }],
  },
});
