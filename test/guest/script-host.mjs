// What scripts that run guest/images outside of the suite have in common.
import { guestImages, NodeHost, Status } from '../../dist/index.js';

/**
 * A host whose drive Z: is guest/images, read-only, with an empty standard input. `output()`: what has been written so far, a character
 * a byte. `close()` ends it.
 */
export function scriptHost() {
  let output = '';
  const files = new NodeHost({
    mounts: [{ drive: 'Z', folder: guestImages, readOnly: true }],
    systemFolder: guestImages,
  });
  const host = {
    volumes: files.volumes,
    systemVolume: files.systemVolume,
    debugOutput() {},
    hardError() {},
    unhandledException() {},
    console: {
      kind: () => 'pipe',
      read: () => 'eof',
      waitForInput: () => true,
      write(_stream, bytes) {
        output += Buffer.from(bytes).toString('latin1');
        return Status.SUCCESS;
      },
      flush() {},
      size: () => ({ columns: 80, rows: 25 }),
      setRaw() {},
    },
  };
  return { host, output: () => output, close: () => files.close() };
}
