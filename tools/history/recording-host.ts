import {
  type Host,
  type HostConsole,
  type HostFile,
  type HostFileInformation,
  type HostFileTimes,
  type HostPath,
  type HostStreamFile,
  type HostVolume,
  type HostVolumeSpace,
  isSuccess,
  type MachineOptions,
  type NtStatus,
  type StandardStream,
  Status,
  type StreamKind,
  type UnhandledExceptionReport,
} from '../../kernel/index.js';
import { HostLog } from './host-log.js';

const INPUT = 'console.read';

/** A host between a machine and its real host: it writes down every answer and gives them again when the machine comes by again. */
export class RecordingHost implements Host {
  readonly log = new HostLog();
  readonly console: RecordingConsole;
  readonly volumes: ReadonlyMap<string, RecordingVolume>;
  readonly systemVolume: RecordingVolume;
  readonly #host: Host;

  constructor(host: Host) {
    this.#host = host;
    this.console = new RecordingConsole(host.console, this.log);
    const letters = [...host.volumes].map(([letter, volume]): [string, RecordingVolume] => [
      letter,
      new RecordingVolume(volume, letter, this.log),
    ]);
    this.volumes = new Map(letters);
    this.systemVolume = new RecordingVolume(host.systemVolume, '', this.log);
  }

  /** The machine's state was changed: what the host said from here on is no longer true. Input that was read is there again. */
  forgetFuture(): void {
    this.console.giveBack(this.log.forgetFuture(INPUT));
  }

  /** Options whose trace is output like any other: lines of what is executed again are not written again. */
  withTrace<Options extends Partial<MachineOptions>>(options: Options): Options {
    const { trace } = options;
    const write = trace?.sink ?? null;
    if (write === null) return options;
    const sink = (line: string): void => this.log.ask('trace', () => write(line));
    return { ...options, trace: { ...trace, sink } };
  }

  debugOutput(text: string): void {
    this.log.ask('debugOutput', () => this.#host.debugOutput(text));
  }

  hardError(status: NtStatus, strings: readonly string[]): void {
    this.log.ask('hardError', () => this.#host.hardError(status, strings));
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
      return { ...found, file: new RecordedFile(found.file, { kind: 'stream', stream }, this.#log) };
    });
  }
}

/** Where an open file came from, so that it can be opened again in another process. */
export type FileOrigin =
  | { readonly kind: 'stream'; readonly stream: StandardStream }
  | { readonly kind: 'volume'; readonly letter: string; readonly path: HostPath; readonly writable: boolean };

/** A volume of the host. */
export class RecordingVolume implements HostVolume {
  readonly readOnly: boolean;
  readonly label: string;
  readonly serialNumber: number;
  readonly #volume: HostVolume;
  readonly #letter: string;
  readonly #log: HostLog;
  readonly #files = new Set<RecordedFile>();

  /** @param letter '' for the system volume */
  constructor(volume: HostVolume, letter: string, log: HostLog) {
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
    return this.#log.ask('information', () => this.#volume.information(path));
  }

  list(path: HostPath): readonly HostFileInformation[] | NtStatus {
    return this.#log.ask(
      'list',
      () => this.#volume.list(path),
      (answer) => (typeof answer === 'number' ? 0 : answer.length * 200),
    );
  }

  openFile(path: HostPath, writable: boolean): HostFile | NtStatus {
    return this.#log.ask('openFile', () => this.#opened(this.#volume.openFile(path, writable), path, writable));
  }

  createFile(path: HostPath): HostFile | NtStatus {
    return this.#log.ask('createFile', () => this.#opened(this.#volume.createFile(path), path, true));
  }

  #opened(file: HostFile | NtStatus, path: HostPath, writable: boolean): HostFile | NtStatus {
    if (typeof file === 'number') return file;
    const recorded = new RecordedFile(file, { kind: 'volume', letter: this.#letter, path, writable }, this.#log);
    this.#files.add(recorded);
    return recorded;
  }

  /** Opens a file of a snapshot again. @throws nothing; the status of the host */
  reopen(path: HostPath, writable: boolean): RecordedFile | NtStatus {
    const file = this.#opened(this.#volume.openFile(path, writable), path, writable);
    return file instanceof RecordedFile ? file : Status.OBJECT_NAME_NOT_FOUND;
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
  #origin: FileOrigin;

  constructor(file: HostFile, origin: FileOrigin, log: HostLog) {
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
    return this.#log.ask('file.information', () => this.#file.information());
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
