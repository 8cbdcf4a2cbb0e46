import type { HostVolume } from '../host.js';
import { StandardStream } from '../host.js';
import { EventType, KEvent } from '../ke/dispatcher-object.js';
import { Increment } from '../ke/priority.js';
import { Mode, type Thread, WaitReason } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { isSuccess, Status } from '../ntstatus.js';
import { Access } from '../ob/access-mask.js';
import { deliverControlEvent } from '../ps/control-events.js';
import { systemSecurity } from '../se/system-security.js';
import type { Blocking, NtStatus } from '../types.js';
import type { SettledLock } from './byte-range-locks.js';
import { ConsoleDevice } from './console-device.js';
import { type CreateOutcome, type CreateRequest, createFile, Disposition, kernelAttributes } from './create-file.js';
import type { DeviceBody } from './device.js';
import type { FileControlBlock } from './file-control-block.js';
import { CreateOption, FileAccess, type FileObject, FileShare } from './file-object.js';
import { deletePackets } from './io-completion.js';
import { completeRequest, retryCompletions } from './io-request.js';
import { MemoryVolume } from './memory-volume.js';
import { mountedVolume } from './mounted-volume.js';
import { NullDevice } from './null-device.js';
import { PipeDevice } from './pipe-device.js';
import { STANDARD_FILES_PATH, StandardFiles } from './standard-files.js';
import { StreamDevice } from './stream-device.js';
import { VolumeDevice } from './volume-device.js';

export interface ImageFileResult {
  readonly status: NtStatus;
  /** With a reference that the caller gives back with dereference(); null on failure. */
  readonly file: FileControlBlock | null;
}

/** The drive that has Windows on it. */
const SYSTEM_DRIVE = 'C';
/** What everybody may do with devices that have no files; the sectors of volumes are for administrators. */
const USE_DEVICE = Access.GENERIC_READ | Access.GENERIC_WRITE | Access.GENERIC_EXECUTE;

/**
 * The I/O manager: devices of the host in the name space, and file objects on them. Everything the host does is
 * synchronous; what waits are pages of files, which take virtual time, pipes, and input from a terminal.
 */
export class IoManager {
  readonly kernel: Kernel;
  readonly volumes: VolumeDevice[] = [];
  readonly console: ConsoleDevice;
  readonly stream: StreamDevice;
  readonly pipes: PipeDevice;
  /** Standard streams that were redirected to regular files. */
  readonly standardFiles: StandardFiles;

  /** Signaled when the terminal may have brought input. */
  readonly #hostInput = new KEvent(EventType.Notification, false);
  /** Threads that wait for the terminal; while nobody else can run, the run loop lets the host wait for input. */
  inputWaiters = 0;

  /** Other input is taken when it is asked for, so that every run takes it alike. */
  readonly #inputIsTerminal: boolean;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.#inputIsTerminal = kernel.host.console.kind(StandardStream.Input) === 'terminal';
    this.console = new ConsoleDevice(kernel.host.console, kernel.options.imagePath.replace(/^\\\?\?\\/, ''));
    this.stream = new StreamDevice(kernel.host.console);
    this.pipes = new PipeDevice(kernel);
    this.standardFiles = new StandardFiles(kernel.host.console);
    this.console.onInterrupt = (event) => deliverControlEvent(kernel.ps, event);
    const { types } = kernel.ob;
    types.file.procedures = {
      close: (file, handles) => {
        if (handles === 1) this.#cleanup(file);
      },
      delete: (file) => {
        if (file.scan !== null) kernel.ex.pool.free(file.scan.buffer);
        if (file.completion !== null) kernel.ob.dereferenceObject(file.completion.port);
        file.control?.dereference();
      },
    };
    types.ioCompletion.procedures = { delete: (port) => deletePackets(kernel, port) };
    this.#addDevices(kernel);
  }

  /** IoRetryIrpCompletions: a thread's fault is over; what its end forbade to complete is completed now, by the APC once more. */
  retryCompletions(thread: Thread): void {
    retryCompletions(this.kernel, thread);
  }

  /** Opens a file for an image section: for reading and execution, shared with readers. Path statuses, SHARING_VIOLATION. */
  openImageFile(path: string): ImageFileResult {
    const outcome = this.createFile({
      attributes: kernelAttributes(path),
      desiredAccess: FileAccess.READ_DATA | FileAccess.EXECUTE | Access.SYNCHRONIZE,
      allocationSize: 0,
      fileAttributes: 0,
      shareAccess: FileShare.READ | FileShare.DELETE,
      disposition: Disposition.OPEN,
      options: CreateOption.NON_DIRECTORY_FILE | CreateOption.SYNCHRONOUS_IO_NONALERT,
    });
    if (outcome.file === null) return { status: outcome.status, file: null };
    const control = outcome.file.control;
    if (control === null) return { status: Status.INVALID_FILE_FOR_SECTION, file: null };
    control.reference();
    this.#cleanup(outcome.file);
    control.dereference();
    return { status: Status.SUCCESS, file: control };
  }

  /** Opens or creates without a handle; see create-file.ts. */
  createFile(request: CreateRequest): CreateOutcome {
    return createFile(this, request);
  }

  /** Ends sharing and locks of an open whose object goes without ever having had a handle. */
  closeUnreferenced(file: FileObject): void {
    this.#cleanup(file);
  }

  /** Undoes an open that got no object. */
  abandon(file: FileObject): void {
    this.#cleanup(file);
    file.control?.dereference();
  }

  /**
   * Takes input from the console, waiting for the terminal as long as `take` says so. END_OF_FILE at the end of input,
   * ALERTED or USER_APC when the wait was interrupted. Environment: PASSIVE_LEVEL, blocks.
   */
  *readConsole<Input>(take: () => Input | 'eof' | 'wait'): Blocking<Input | NtStatus> {
    const { host } = this.console;
    host.flush();
    // From the first read on for good: keys between two reads must not be echoed by the terminal as well.
    host.setRaw(true);
    for (;;) {
      const input = take();
      if (input !== 'wait') return input === 'eof' ? Status.END_OF_FILE : input;
      if (this.console.poll()) continue;
      const status = yield* this.waitForHostInput();
      if (status !== Status.SUCCESS) return status;
    }
  }

  /** Waits until the terminal may have brought something; USER_APC when interrupted. Environment: PASSIVE_LEVEL, blocks. */
  *waitForHostInput(): Blocking<NtStatus> {
    const { ke } = this.kernel;
    ke.resetEvent(this.#hostInput);
    this.inputWaiters++;
    const status = yield* ke.waitForSingleObject(this.#hostInput, WaitReason.UserRequest, Mode.User, false, null);
    this.inputWaiters--;
    return status;
  }

  /** Somebody waits for the terminal: a read, or a program that has handlers for Ctrl-C. */
  waitsForHost(): boolean {
    if (this.inputWaiters > 0) return true;
    if (!this.#inputIsTerminal || this.console.hasEnded) return false;
    return this.kernel.ps.processes.some(({ controlRoutine }) => controlRoutine?.hasHandlers === true);
  }

  /**
   * The run loop calls it when nothing can run and somebody waits for input: the host waits, then the waiters wake. False: the
   * host has none yet and does not wait.
   */
  waitForHost(): boolean {
    this.console.host.flush();
    if (!this.console.host.waitForInput()) return false;
    if (this.inputWaiters === 0) this.console.poll();
    else this.kernel.ke.setEvent(this.#hostInput, Increment.Keyboard);
    return true;
  }

  /** The run loop calls it while somebody waits for input and others run or wait for time to pass. */
  pollHost(): void {
    if (this.inputWaiters === 0) return;
    if (this.console.poll()) this.kernel.ke.setEvent(this.#hostInput, Increment.Keyboard);
  }

  /** A program has put something into the console's input. */
  inputArrived(): void {
    if (this.inputWaiters > 0) this.kernel.ke.setEvent(this.#hostInput, Increment.Keyboard);
  }

  /** Every clock interrupt: Ctrl-C must reach a program that does not read. */
  clockTick(): void {
    if (this.inputWaiters === 0 && this.#inputIsTerminal) this.console.poll();
  }

  /** NT path of the standard stream for a process's parameters, null where the host has none. */
  standardStreamPath(stream: StandardStream): string | null {
    const kind = this.kernel.host.console.kind(stream);
    if (kind === 'none') return null;
    if (this.standardFiles.get(stream) !== null) return `${STANDARD_FILES_PATH}\\${stream}`;
    if (kind !== 'terminal') return `\\Device\\Stream\\${stream}`;
    return `\\Device\\Console\\${['Input', 'Output', 'Error'][stream]}`;
  }

  /** Locks of a file have gone: whoever waited for them learns it. */
  settleLocks(control: FileControlBlock): void {
    this.#endLocks(control.locks.settle());
  }

  #endLocks(settled: readonly SettledLock[]): void {
    for (const { request, status } of settled) completeRequest(this.kernel, request, { status, information: 0 }, null);
  }

  /** The last handle goes: locks and sharing end, and a file that was to be deleted is. */
  #cleanup(file: FileObject): void {
    if (file.pipe !== null) this.pipes.close(file.pipe);
    const control = file.control;
    if (control === null) return;
    this.kernel.cc.uninitializeCacheMap(control, file);
    this.#endLocks(control.locks.unlockAll(file));
    this.settleLocks(control);
    const index = control.opens.indexOf(file);
    if (index >= 0) control.opens.splice(index, 1);
    if (file.deleteOnClose) control.deletePending = true;
    if (!control.deletePending || control.opens.length > 0 || control.deleted) return;
    if (isSuccess(control.volume.host.remove(control.path))) {
      control.deleted = true;
      // Nobody will read what was not written yet.
      if (!control.isMappedAsData) this.kernel.cc.forget(control);
      this.kernel.mm.unusedSegments.deleteOf(this.kernel, control);
      control.volume.removed(control);
    } else {
      control.deletePending = false;
    }
  }

  #addDevices(kernel: Kernel): void {
    const { ob, host } = kernel;
    const { mapping } = ob.types.device.description;
    const [forAll, forVolumes] = [systemSecurity(mapping, USE_DEVICE), systemSecurity(mapping, Access.GENERIC_EXECUTE)];
    const add = (path: string, body: DeviceBody): void => {
      const { object } = ob.createObject(ob.types.device, body, true);
      if (object !== null) ob.insertNamed(path, object, body.kind === 'volume' ? forVolumes : forAll);
    };
    add('\\Device\\Null', new NullDevice());
    add('\\Device\\Console', this.console);
    add('\\Device\\Stream', this.stream);
    add('\\Device\\NamedPipe', this.pipes);
    ob.createSymbolicLink('\\GLOBAL??\\PIPE', '\\Device\\NamedPipe');
    add(STANDARD_FILES_PATH, new VolumeDevice(STANDARD_FILES_PATH, '', this.standardFiles, { isCached: false }));
    // Windows is on C: even where the host has nothing to show there.
    const volumes = new Map(host.volumes);
    if (!volumes.has(SYSTEM_DRIVE)) volumes.set(SYSTEM_DRIVE, new MemoryVolume('', () => kernel.ke.systemTime()));
    const letters = [...volumes].sort(([left], [right]) => (left < right ? -1 : 1));
    letters.forEach(([letter, volume], index) => {
      const devicePath = `\\Device\\HarddiskVolume${index + 1}`;
      const mounted = letter === SYSTEM_DRIVE ? this.#withSystem(volume) : volume;
      const device = new VolumeDevice(devicePath, letter, mounted);
      this.volumes.push(device);
      add(devicePath, device);
      ob.createSymbolicLink(`\\GLOBAL??\\${letter}:`, devicePath);
      if (letter === SYSTEM_DRIVE) ob.createSymbolicLink('\\SystemRoot', `${devicePath}\\WINDOWS`);
    });
    const terminal = host.console.kind(StandardStream.Input) === 'terminal';
    ob.createSymbolicLink('\\GLOBAL??\\NUL', '\\Device\\Null');
    const side = (stream: StandardStream, name: string): string =>
      host.console.kind(stream) === 'terminal' ? `\\Device\\Console\\${name}` : `\\Device\\Stream\\${stream}`;
    ob.createSymbolicLink('\\GLOBAL??\\CONIN$', side(StandardStream.Input, 'Input'));
    ob.createSymbolicLink('\\GLOBAL??\\CONOUT$', side(StandardStream.Output, 'Output'));
    ob.createSymbolicLink('\\GLOBAL??\\CON', terminal ? '\\Device\\Console\\Input' : '\\Device\\Stream\\0');
  }

  /** The system images and a folder for temporary files in front of the host's folder. */
  #withSystem(volume: HostVolume): HostVolume {
    const now = (): bigint => this.kernel.ke.systemTime();
    return mountedVolume(
      volume,
      [
        { path: ['WINDOWS', 'system32'], volume: this.kernel.host.systemVolume, readOnly: true },
        { path: ['WINDOWS', 'TEMP'], volume: new MemoryVolume('TEMP', now), readOnly: false },
      ],
      now(),
    );
  }
}
