import { describe, expect, it } from 'vitest';
import { type HostFile, type HostPath, MemoryVolume, type NtStatus } from '../../kernel/index.js';
import { runGuest } from './guest-program.js';

/** A volume that says what reaches it, in the order in which it does. */
class TellingVolume extends MemoryVolume {
  readonly #tell: (line: string) => void;

  constructor(tell: (line: string) => void) {
    super('TOLD', () => 0n);
    this.#tell = tell;
  }

  override openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    return this.#watch(path, super.openFile(path, writable));
  }

  override createFile(path: HostPath): HostFile | NtStatus {
    return this.#watch(path, super.createFile(path));
  }

  #watch(path: HostPath, file: HostFile | NtStatus): HostFile | NtStatus {
    if (typeof file === 'number') return file;
    const name = path.join('\\');
    return {
      information: () => file.information(),
      size: () => file.size(),
      read: (offset, length) => file.read(offset, length),
      write: (offset, bytes) => {
        this.#tell(`  ${name}: ${bytes.length} bytes at ${offset}`);
        return file.write(offset, bytes);
      },
      setSize: (size) => file.setSize(size),
      flush: () => {
        this.#tell(`  ${name}: to the disk`);
        return file.flush();
      },
      close: () => file.close(),
    };
  }
}

/** What the program says when a step has returned and, indented, what reaches the volume meanwhile. */
const EXPECTED = `
two seconds after a write
  lazy: 100 bytes at 0
four seconds after it
before FlushFileBuffers
  flushed: 5000 bytes at 0
  flushed: to the disk
after it
before a write through the cache
  through: 5000 bytes at 0
  through: to the disk
after it
before a write past the cache
  unbuffered: 4096 bytes at 0
after it
before FlushViewOfFile of the last page
  view: 4096 bytes at 12288
after it
  view: 4096 bytes at 0
  view: to the disk
after FlushFileBuffers
after the last view
200 seconds later
  view: 4096 bytes at 4096
310 seconds later
  view: 4096 bytes at 8192
after the last view and its section
after the last handle
closed
  closed: 5000 bytes at 0
four seconds later
end
  at the end: 100 bytes at 0
`;

describe('what a program writes', () => {
  it('reaches the host when the program was promised so, and otherwise when it is due', () => {
    const lines: string[] = [];
    const run = runGuest('write-back', {
      volumes: new Map([['C', new TellingVolume((line) => lines.push(line))]]),
      heard: (text) => lines.push(...text.trim().split(/\r?\n/)),
    });
    expect(run.result.status).toBe(0);
    expect(lines).toEqual(EXPECTED.trim().split('\n'));
    expect(run.inconsistency).toBeNull();
  });
});
