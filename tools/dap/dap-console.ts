import { readFileSync } from 'node:fs';
import { type HostConsole, StandardStream, Status } from '../../kernel/index.js';

/**
 * The program's standard streams under a debug adapter, whose own belong to the protocol: output goes to the client, input comes
 * from a file or is empty.
 * @param input a file; null: none
 * @throws the host's error when the file cannot be read
 */
export function dapConsole(
  input: string | null,
  write: (category: 'stdout' | 'stderr', text: string) => void,
): HostConsole {
  const bytes = input === null ? new Uint8Array(0) : readFileSync(input);
  const decoders = [new TextDecoder('latin1'), new TextDecoder('latin1')];
  let position = 0;
  return {
    kind: () => 'pipe',
    read(maximum) {
      if (position >= bytes.length) return 'eof';
      const taken = bytes.subarray(position, position + maximum);
      position += taken.length;
      return taken;
    },
    waitForInput: () => true,
    write(stream, output) {
      const isError = stream === StandardStream.Error;
      write(isError ? 'stderr' : 'stdout', decoders[Number(isError)].decode(output));
      return Status.SUCCESS;
    },
    flush: () => undefined,
    size: () => ({ columns: 80, rows: 25 }),
    setRaw: () => undefined,
  };
}
