import { DebugAdapter } from './debug-adapter.js';

/** `nt86 dap`: the Debug Adapter Protocol on these streams. Settles when the client has disconnected or gone. */
export function serveDap(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const adapter = new DebugAdapter(resolve);
    input.on('close', () => adapter.shutdown());
    output.on('error', () => adapter.shutdown());
    adapter.start(input, output);
  });
}
