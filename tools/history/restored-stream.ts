import {
  type HostConsole,
  type HostFile,
  type HostFileInformation,
  type HostStreamFile,
  type NtStatus,
  StandardStream,
  Status,
} from '../../kernel/index.js';

/**
 * A standard stream that was a regular file when the machine was saved, and is whatever the process has now that goes on with it: what
 * the program writes from then on goes there, from its present position on; what it reads comes from there. What lies before is gone.
 */
export class RestoredStream implements HostFile {
  readonly #console: HostConsole;
  readonly #stream: StandardStream;
  readonly #file: HostStreamFile | null;
  /** Offset, as the program counts, of the first byte that goes to or comes from here; null: that of the first read. */
  #base: number | null;
  /** Bytes written or read, where there is no file to ask. */
  #passed = 0;

  /** @param size of the file when the machine was saved */
  constructor(console: HostConsole, stream: StandardStream, size: number) {
    this.#console = console;
    this.#stream = stream;
    this.#file = console.file?.(stream) ?? null;
    this.#base = stream === StandardStream.Input ? null : size;
  }

  size(): number {
    const here = this.#file === null ? this.#passed : this.#file.file.size() - this.#file.position;
    return (this.#base ?? 0) + Math.max(0, here);
  }

  information(): HostFileInformation {
    const size = this.size();
    if (this.#file !== null) return { ...this.#file.file.information(), size };
    const never = 0n;
    const times = { creationTime: never, lastAccessTime: never, lastWriteTime: never, changeTime: never };
    return {
      name: '',
      isDirectory: false,
      readOnly: false,
      size,
      allocationSize: size,
      linkCount: 1,
      ...times,
      identity: 0n,
    };
  }

  read(offset: number, length: number): Uint8Array | NtStatus {
    this.#base ??= offset;
    if (offset < this.#base) return Status.ACCESS_DENIED;
    if (this.#file !== null) return this.#file.file.read(this.#place(offset, this.#file), length);
    for (;;) {
      const input = this.#console.read(length);
      if (input === 'eof') return new Uint8Array(0);
      if (input !== 'wait') {
        this.#passed += input.length;
        return input;
      }
      // A host that does not wait has nothing for a file: the end of it.
      if (!this.#console.waitForInput()) return new Uint8Array(0);
    }
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    if (offset < (this.#base ?? 0)) return Status.ACCESS_DENIED;
    if (this.#file !== null) return this.#file.file.write(this.#place(offset, this.#file), bytes);
    this.#passed += bytes.length;
    return this.#console.write(this.#stream, bytes);
  }

  #place(offset: number, file: HostStreamFile): number {
    return file.position + offset - (this.#base ?? 0);
  }

  setSize(size: number): NtStatus {
    if (size < (this.#base ?? 0)) return Status.ACCESS_DENIED;
    return this.#file === null ? Status.SUCCESS : this.#file.file.setSize(this.#place(size, this.#file));
  }

  flush(): NtStatus {
    return this.#file?.file.flush() ?? Status.SUCCESS;
  }

  close(): void {
    // The stream is the host's.
  }
}
