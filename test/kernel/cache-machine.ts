import { BootedKernel } from '../../kernel/boot.js';
import { type CopyResult, copyRead, copyWrite, KernelBuffer, type SharedCacheMap } from '../../kernel/cc/index.js';
import type { Host, HostFile, HostPath } from '../../kernel/host.js';
import { Disposition, kernelAttributes } from '../../kernel/io/create-file.js';
import type { FileControlBlock } from '../../kernel/io/file-control-block.js';
import { CreateOption, type FileObject, FileShare } from '../../kernel/io/file-object.js';
import { setEndOfFile } from '../../kernel/io/file-size.js';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { Mode } from '../../kernel/ke/thread.js';
import { isSuccess, Status, statusName } from '../../kernel/ntstatus.js';
import { type MachineOptions, machineOptions } from '../../kernel/options.js';
import { services } from '../../kernel/services.js';
import type { Blocking, NtStatus } from '../../kernel/types.js';
import { bootOptions } from '../boot-options.js';

const READ_WRITE_DELETE = 0xc0110000;

/** A volume that counts what reaches it, and fails on demand. */
export class CountingVolume extends MemoryVolume {
  reads = 0;
  writes = 0;
  failure: NtStatus | null = null;
  readonly #clock: { time: bigint };

  constructor(clock = { time: 0n }) {
    super('DATA', () => clock.time);
    this.#clock = clock;
  }

  /** Another program of the host writes a file of the root, a moment later. */
  overwrite(name: string, bytes: Uint8Array): void {
    this.#clock.time++;
    const file = super.openFile([name], true);
    if (typeof file === 'number') throw new Error(statusName(file));
    file.write(0, bytes);
  }

  override openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    const file = super.openFile(path, writable);
    return typeof file === 'number' ? file : this.#count(file);
  }

  override createFile(path: HostPath): HostFile | NtStatus {
    const file = super.createFile(path);
    return typeof file === 'number' ? file : this.#count(file);
  }

  /** What the volume itself has of a file of the root. */
  contents(name: string): Uint8Array {
    const file = super.openFile([name], false);
    if (typeof file === 'number') throw new Error(statusName(file));
    const bytes = file.read(0, file.size());
    return typeof bytes === 'number' ? new Uint8Array(0) : bytes.slice();
  }

  #count(file: HostFile): HostFile {
    return {
      information: () => file.information(),
      size: () => file.size(),
      read: (offset, length) => {
        this.reads++;
        return this.failure ?? file.read(offset, length);
      },
      write: (offset, bytes) => {
        this.writes++;
        return this.failure ?? file.write(offset, bytes);
      },
      setSize: (size) => this.failure ?? file.setSize(size),
      flush: () => file.flush(),
      close: () => file.close(),
    };
  }
}

/** An open file of volume D: */
export interface OpenedFile {
  readonly file: FileObject;
  readonly control: FileControlBlock;
}

/** A booted machine with files on a volume D: that are read and written through the cache as NtReadFile and NtWriteFile do. */
export class CacheMachine {
  readonly kernel: BootedKernel;
  readonly volume = new CountingVolume();
  readonly popups: string[] = [];
  readonly traceLines: string[] = [];

  constructor(options: Partial<MachineOptions> = {}) {
    const trace = { cache: true, sink: (line: string) => this.traceLines.push(line) };
    const given = { imagePath: '\\??\\C:\\none.exe', memorySize: 8 << 20, trace, ...bootOptions, ...options };
    this.kernel = new BootedKernel(machineOptions(given), this.#host(), services);
  }

  open(name: string, options = 0): OpenedFile {
    const { file, status } = this.kernel.io.createFile({
      attributes: kernelAttributes(`\\??\\D:\\${name}`),
      desiredAccess: READ_WRITE_DELETE,
      allocationSize: 0,
      fileAttributes: 0x80,
      shareAccess: FileShare.VALID,
      disposition: Disposition.OPEN_IF,
      options: options | CreateOption.SYNCHRONOUS_IO_NONALERT,
    });
    if (file === null || file.control === null) throw new Error(statusName(status));
    return { file, control: file.control };
  }

  close({ file }: OpenedFile): void {
    this.kernel.io.abandon(file);
  }

  map({ file, control }: OpenedFile): SharedCacheMap {
    const status = this.kernel.cc.initializeCacheMap(control, file);
    if (!isSuccess(status) || control.sharedCacheMap === null) throw new Error(statusName(status));
    return control.sharedCacheMap;
  }

  /** In a thread of its own, which may wait. */
  read(opened: OpenedFile, offset: number, length: number): Uint8Array | NtStatus {
    const bytes = new Uint8Array(length);
    const result = this.resultOf(() => this.reading(opened, offset, bytes));
    return isSuccess(result.status) ? bytes.subarray(0, result.count) : result.status;
  }

  /** For a thread of the test. */
  reading(opened: OpenedFile, offset: number, bytes: Uint8Array): Blocking<CopyResult> {
    const { cc, mm } = this.kernel;
    const map = this.map(opened);
    const buffer = new KernelBuffer(mm, bytes);
    return copyRead(cc, map, opened.file.privateCacheMap, offset, bytes.length, buffer);
  }

  write(opened: OpenedFile, offset: number, bytes: Uint8Array): NtStatus {
    return this.resultOf(() => this.writing(opened, offset, bytes)).status;
  }

  *writing(opened: OpenedFile, offset: number, bytes: Uint8Array): Blocking<CopyResult> {
    const { cc, mm } = this.kernel;
    const map = this.map(opened);
    const oldSize = cc.currentSize(map);
    if (offset + bytes.length > oldSize) {
      const status = setEndOfFile(this.kernel, opened.control, offset + bytes.length);
      if (!isSuccess(status)) return { status, count: 0 };
    }
    return yield* copyWrite(cc, map, offset, bytes.length, new KernelBuffer(mm, bytes), oldSize);
  }

  /** Moves the end of a file. */
  resize({ control }: OpenedFile, size: number): NtStatus {
    return setEndOfFile(this.kernel, control, size);
  }

  /** What kernel code comes to in a thread of its own. */
  resultOf<Result>(body: () => Blocking<Result>): Result {
    const results: Result[] = [];
    this.inThread(function* () {
      results.push(yield* body());
    });
    return results[0];
  }

  /** Lets so many seconds of virtual time pass. */
  pass(seconds: number): void {
    this.inThread(function* ({ ke }) {
      yield* ke.delayExecution(Mode.Kernel, false, BigInt(-seconds * 10_000_000));
    });
  }

  /** Runs kernel code in a thread of the system until it is done. */
  inThread(body: (kernel: BootedKernel) => Blocking<void>): void {
    const { kernel } = this;
    const state = { done: false };
    kernel.ke.createSystemThread(kernel.systemProcess, 12, function* () {
      yield* body(kernel);
      state.done = true;
    });
    const end = kernel.runLoop.run(Number.MAX_SAFE_INTEGER, () => state.done);
    if (!state.done) throw new Error(`the kernel code did not come to its end: ${end}`);
  }

  /** The first inconsistency, or null. */
  verify(): string | null {
    return this.kernel.mm.verify() ?? this.kernel.cc.verify();
  }

  #host(): Host {
    return {
      console: {
        kind: () => 'none',
        read: () => 'eof',
        waitForInput: () => true,
        write: () => Status.SUCCESS,
        flush: () => undefined,
        size: () => ({ columns: 80, rows: 25 }),
        setRaw: () => undefined,
      },
      volumes: new Map([['D', this.volume]]),
      systemVolume: new MemoryVolume('', () => 0n),
      debugOutput: () => undefined,
      hardError: () => undefined,
      popup: (status) => this.popups.push(statusName(status)),
      unhandledException: () => undefined,
    };
  }
}
