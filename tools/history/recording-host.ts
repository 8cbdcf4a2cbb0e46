import {
  type Host,
  type HostConsole,
  type HostFile,
  type HostFileInformation,
  type HostFileTimes,
  type HostPagingFile,
  type HostPath,
  type HostStreamFile,
  type HostVolume,
  type HostVolumeSpace,
  isSuccess,
  type MachineOptions,
  type NtStatus,
  StandardStream,
  type StreamKind,
  type UnhandledExceptionReport,
} from '../../kernel/index.js';
import { HostLog } from './host-log.js';
import { PAGING_CHANGE, RecordedPagingFile, takeBackChanges } from './recorded-paging-file.js';
import { RestoredStream } from './restored-stream.js';

const INPUT = 'console.read';

/** A host between a machine and its real host: it writes down every answer and gives them again when the machine comes by again. */
export class RecordingHost implements Host {
  readonly log = new HostLog();
  readonly console: RecordingConsole;
  readonly volumes: ReadonlyMap<string, RecordingVolume>;
  readonly systemVolume: RecordingVolume;
  readonly #host: Host;
  readonly #identities = new Map<bigint, bigint>();
  #keepsPagingFiles = false;

  constructor(host: Host) {
    this.#host = host;
    this.console = new RecordingConsole(host.console, this.log);
    const letters = [...host.volumes].map(([letter, volume]): [string, RecordingVolume] => [
      letter,
      new RecordingVolume(volume, letter, this.log, this.#identities),
    ]);
    this.volumes = new Map(letters);
    this.systemVolume = new RecordingVolume(host.systemVolume, '', this.log, this.#identities);
  }

  /** The machine's state was changed: what the host said from here on is no longer true. Input that was read is there again. */
  forgetFuture(): void {
    const lost = this.log.forgetFuture([INPUT, PAGING_CHANGE]);
    this.console.giveBack(lost.get(INPUT) ?? []);
    takeBackChanges(lost.get(PAGING_CHANGE) ?? []);
  }

  /** Options whose trace is output like any other: lines of what is executed again are not written again. */
  withTrace<Options extends Partial<MachineOptions>>(options: Options): Options {
    const { trace } = options;
    const write = trace?.sink ?? null;
    if (write === null) return options;
    const sink = (line: string): void => this.log.ask('trace', () => write(line));
    return { ...options, trace: { ...trace, sink } };
  }

  /**
   * Opens a file of a volume again that was open in a machine that has been saved.
   * @param identity what the file was known by there; it is here, too, from now on
   * @returns the file, or null when it is not there or cannot be opened
   */
  reopen(origin: VolumeOrigin, identity: bigint): RecordedFile | null {
    const file = this.#volume(origin.letter)?.reopen(origin) ?? null;
    if (file === null) return null;
    this.#identities.set(file.liveIdentity, identity);
    return file;
  }

  #volume(letter: string): RecordingVolume | undefined {
    return letter === '' ? this.systemVolume : this.volumes.get(letter);
  }

  debugOutput(text: string): void {
    this.log.ask('debugOutput', () => this.#host.debugOutput(text));
  }

  hardError(status: NtStatus, strings: readonly string[]): void {
    this.log.ask('hardError', () => this.#host.hardError(status, strings));
  }

  popup(status: NtStatus): void {
    this.log.ask('popup', () => this.#host.popup?.(status));
  }

  createPagingFile(number: number, size: number): HostPagingFile | NtStatus | null {
    return this.log.ask('createPagingFile', () => {
      const made = this.#host.createPagingFile?.(number, size) ?? null;
      if (made === null || typeof made === 'number') return made;
      this.#keepsPagingFiles = true;
      return new RecordedPagingFile(made, number, size, this.log);
    });
  }

  /** Pages are in files of the host, which no snapshot has. */
  get keepsPagingFiles(): boolean {
    return this.#keepsPagingFiles;
  }

  unhandledException(report: UnhandledExceptionReport): void {
    this.log.ask('unhandledException', () => this.#host.unhandledException(report));
  }
}

/** Bytes of an answer that is bytes or something small. */
function answerBytes(answer: unknown): number {
  return answer instanceof Uint8Array ? answer.length : 0;
}

class RecordingConsole implements HostConsole {
  readonly #console: HostConsole;
  readonly #log: HostLog;
  /** Input that was read in a future that did not come to be. */
  #returned: Uint8Array[] = [];

  constructor(console: HostConsole, log: HostLog) {
    this.#console = console;
    this.#log = log;
  }

  giveBack(answers: readonly unknown[]): void {
    this.#returned = [...answers.filter((answer) => answer instanceof Uint8Array), ...this.#returned];
  }

  kind(stream: StandardStream): StreamKind {
    return this.#log.ask('console.kind', () => this.#console.kind(stream));
  }

  read(maximum: number): Uint8Array | 'eof' | 'wait' {
    const isLive = this.#log.isAtEnd && this.#returned.length === 0;
    if (isLive && this.#console.kind(StandardStream.Input) !== 'terminal') {
      const input = this.#console.read(maximum);
      // A machine that stands still until a pipe has brought something has seen nothing of that.
      return input === 'wait' ? input : this.#log.ask(INPUT, () => input, answerBytes);
    }
    return this.#log.ask(INPUT, () => this.#readReturned(maximum) ?? this.#console.read(maximum), answerBytes);
  }

  #readReturned(maximum: number): Uint8Array | null {
    const first = this.#returned.shift();
    if (first === undefined) return null;
    if (first.length > maximum) this.#returned.unshift(first.subarray(maximum));
    return first.subarray(0, maximum);
  }

  waitForInput(): boolean {
    // That there was nothing yet is not worth remembering: the machine did nothing but ask again.
    if (this.#log.isAtEnd && this.#returned.length === 0 && !this.#console.waitForInput()) return false;
    return this.#log.ask('console.waitForInput', () => true);
  }

  write(stream: StandardStream, bytes: Uint8Array): NtStatus {
    return this.#log.ask('console.write', () => this.#console.write(stream, bytes));
  }

  flush(): void {
    if (this.#log.isAtEnd) this.#console.flush();
  }

  size(): { readonly columns: number; readonly rows: number } {
    return this.#log.ask('console.size', () => this.#console.size());
  }

  setRaw(raw: boolean): void {
    this.#log.ask('console.setRaw', () => this.#console.setRaw(raw));
  }

  file(stream: StandardStream): HostStreamFile | null {
    return this.#log.ask('console.file', () => {
      const found = this.#console.file?.(stream) ?? null;
      if (found === null) return null;
      return { ...found, file: new RecordedFile(found.file, { kind: 'stream', stream }, this.#log, new Map()) };
    });
  }

  /** What a standard stream is now that was a regular file of so many bytes in a machine that has been saved. */
  reopen(stream: StandardStream, size: number): RecordedFile {
    const file = new RestoredStream(this.#console, stream, size);
    return new RecordedFile(file, { kind: 'stream', stream }, this.#log, new Map());
  }
}

/** A file is known by the identity that it had where the machine was saved, if it was open there. */
function known(information: HostFileInformation, identities: ReadonlyMap<bigint, bigint>): HostFileInformation {
  const identity = identities.get(information.identity);
  return identity === undefined ? information : { ...information, identity };
}

/** Where an open file came from, so that it can be opened again in another process. */
export type FileOrigin = { readonly kind: 'stream'; readonly stream: StandardStream } | VolumeOrigin;

interface VolumeOrigin {
  readonly kind: 'volume';
  /** '' for the system volume. */
  readonly letter: string;
  readonly path: HostPath;
  readonly writable: boolean;
}

/** A volume of the host. */
export class RecordingVolume implements HostVolume {
  readonly readOnly: boolean;
  readonly label: string;
  readonly serialNumber: number;
  readonly #volume: HostVolume;
  readonly #letter: string;
  readonly #log: HostLog;
  readonly #identities: ReadonlyMap<bigint, bigint>;
  readonly #files = new Set<RecordedFile>();

  /**
   * @param letter '' for the system volume
   * @param identities what files are to be known by in place of their own identity
   */
  constructor(volume: HostVolume, letter: string, log: HostLog, identities: ReadonlyMap<bigint, bigint>) {
    this.#identities = identities;
    this.readOnly = volume.readOnly;
    this.label = volume.label;
    this.serialNumber = volume.serialNumber;
    this.#volume = volume;
    this.#letter = letter;
    this.#log = log;
  }

  space(): HostVolumeSpace {
    return this.#log.ask('space', () => this.#volume.space());
  }

  writeStatus(path: HostPath): NtStatus {
    return this.#log.ask('writeStatus', () => this.#volume.writeStatus(path));
  }

  information(path: HostPath): HostFileInformation | NtStatus {
    return this.#log.ask('information', () => {
      const found = this.#volume.information(path);
      return typeof found === 'number' ? found : known(found, this.#identities);
    });
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    return this.#log.ask(
      'list',
      () => {
        const found = this.#volume.list(path);
        return typeof found === 'number' ? found : found.map((entry) => known(entry, this.#identities));
      },
      (answer) => (typeof answer === 'number' ? 0 : answer.length * 200),
    );
  }

  isEmpty(path: HostPath): boolean | NtStatus {
    return this.#log.ask('isEmpty', () => this.#volume.isEmpty(path));
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    return this.#log.ask('openFile', () => this.#opened(this.#volume.openFile(path, writable), path, writable));
  }

  createFile(path: HostPath): HostFile | NtStatus {
    return this.#log.ask('createFile', () => this.#opened(this.#volume.createFile(path), path, true));
  }

  #opened(file: HostFile | NtStatus, path: HostPath, writable: boolean): RecordedFile | NtStatus {
    if (typeof file === 'number') return file;
    const origin = { kind: 'volume', letter: this.#letter, path, writable } as const;
    const recorded = new RecordedFile(file, origin, this.#log, this.#identities);
    this.#files.add(recorded);
    return recorded;
  }

  /** Opens a file of a saved machine again; null when it cannot be. */
  reopen({ path, writable }: VolumeOrigin): RecordedFile | null {
    const file = this.#opened(this.#volume.openFile(path, writable), path, writable);
    return typeof file === 'number' ? null : file;
  }

  createDirectory(path: HostPath): NtStatus {
    return this.#log.ask('createDirectory', () => this.#volume.createDirectory(path));
  }

  remove(path: HostPath): NtStatus {
    return this.#log.ask('remove', () => this.#volume.remove(path));
  }

  rename(from: HostPath, to: HostPath, replace: boolean): NtStatus {
    return this.#log.ask('rename', () => {
      const status = this.#volume.rename(from, to, replace);
      if (isSuccess(status)) for (const file of this.#files) file.renamed(from, to);
      return status;
    });
  }

  setTimes(path: HostPath, times: HostFileTimes): NtStatus {
    return this.#log.ask('setTimes', () => this.#volume.setTimes(path, times));
  }

  setReadOnly(path: HostPath, readOnly: boolean): NtStatus {
    return this.#log.ask('setReadOnly', () => this.#volume.setReadOnly(path, readOnly));
  }
}

/** An open file of the host. It stays open there as long as the machine may come back to a time when it was. */
export class RecordedFile implements HostFile {
  readonly #file: HostFile;
  readonly #log: HostLog;
  readonly #identities: ReadonlyMap<bigint, bigint>;
  #origin: FileOrigin;

  constructor(file: HostFile, origin: FileOrigin, log: HostLog, identities: ReadonlyMap<bigint, bigint>) {
    this.#identities = identities;
    this.#file = file;
    this.#origin = origin;
    this.#log = log;
  }

  get origin(): FileOrigin {
    return this.#origin;
  }

  /** The file, or a folder that it lies in, has another name now. */
  renamed(from: HostPath, to: HostPath): void {
    const origin = this.#origin;
    if (origin.kind !== 'volume' || !from.every((name, index) => origin.path[index] === name)) return;
    this.#origin = { ...origin, path: [...to, ...origin.path.slice(from.length)] };
  }

  information(): HostFileInformation {
    return this.#log.ask('file.information', () => known(this.#file.information(), this.#identities));
  }

  /** The file as the host has it now, whatever the log says. */
  get live(): HostFile {
    return this.#file;
  }

  get liveIdentity(): bigint {
    return this.#file.information().identity;
  }

  size(): number {
    return this.#log.ask('file.size', () => this.#file.size());
  }

  read(offset: number, length: number): Uint8Array | NtStatus {
    return this.#log.ask('file.read', () => this.#file.read(offset, length), answerBytes);
  }

  write(offset: number, bytes: Uint8Array): NtStatus {
    return this.#log.ask('file.write', () => this.#file.write(offset, bytes));
  }

  setSize(size: number): NtStatus {
    return this.#log.ask('file.setSize', () => this.#file.setSize(size));
  }

  flush(): NtStatus {
    return this.#log.ask('file.flush', () => this.#file.flush());
  }

  /** The close is remembered: its answer in the log is what closes the file when that is forgotten. */
  close(): void {
    this.#log.ask('file.close', () => new PendingClose(this.#file));
  }
}

/** A close that the host has not been told of yet. */
export class PendingClose {
  readonly #file: HostFile;

  constructor(file: HostFile) {
    this.#file = file;
  }

  now(): void {
    this.#file.close();
  }
}
