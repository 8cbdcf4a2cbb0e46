import { createHash } from 'node:crypto';
import {
  codeText,
  type Host,
  type HostFile,
  isReflectable,
  Machine,
  type MachineObserver,
  type MachineOptions,
  StateImageError,
  StateImager,
} from '../../kernel/index.js';
import type { LoggedAnswer } from './host-log.js';
import { RecordedPagingFile } from './recorded-paging-file.js';
import { type FileOrigin, RecordedFile, RecordingHost } from './recording-host.js';
import { encodeSnapshot, type Snapshot, SnapshotError } from './snapshot-file.js';

const HASH_PIECE = 1 << 20;

/** A file of the host in a snapshot. */
interface FileDescription {
  readonly origin: FileOrigin;
  readonly size: number;
  readonly hash: string;
  readonly identity: string;
}

type Options = Partial<MachineOptions> & { readonly imagePath: string };

/** A machine that can be saved to a snapshot, or is made from one. */
export class SavableMachine {
  readonly machine: Machine;
  readonly host: RecordingHost;
  readonly #imager: StateImager;
  readonly #bootAnswers: readonly LoggedAnswer[];

  private constructor(options: Options, host: RecordingHost, observer: MachineObserver) {
    this.host = host;
    // All boot alike, so that each can be made what another was.
    const trace = { ...NO_TRACE, ...options.trace, sink: options.trace?.sink ?? ignore };
    this.machine = new Machine(host.withTrace({ ...options, trace }), host, observer);
    const { kernel } = this.machine;
    this.#imager = new StateImager(this.machine, kernel.cpu, [kernel.options]);
    this.#bootAnswers = host.log.answers();
    host.log.isListening = false;
  }

  /**
   * Boots.
   * @throws BugcheckError when the memory is too small to boot; SnapshotError where the kernel's code is not reflectable
   */
  static boot(options: Options, host: Host, observer: MachineObserver): SavableMachine {
    if (!isReflectable()) throw new SnapshotError('this build of nt86 cannot save machines');
    return new SavableMachine(options, new RecordingHost(host), observer);
  }

  /**
   * Makes the machine of a snapshot again.
   * @param options those that the machine was booted with the first time, as its recipe says; limits may differ
   * @throws SnapshotError when something is not as it was, and says what
   */
  static restore(snapshot: Snapshot, options: Options, host: Host, observer: MachineObserver): SavableMachine {
    if (!isReflectable()) throw new SnapshotError('this build of nt86 cannot restore machines');
    if (snapshot.code !== codeHash()) throw new SnapshotError('was made by another build of nt86');
    const recording = new RecordingHost(host);
    const drives = drivesOf(recording);
    if (drives.join() !== snapshot.drives.join()) {
      throw new SnapshotError(`was made with the drives ${snapshot.drives.join(' ')}; there are ${drives.join(' ')}`);
    }
    const revive = (description: unknown): RecordedFile => reopen(recording, description);
    recording.log.load(reviveAnswers(snapshot.bootAnswers, revive));
    const made = new SavableMachine(options, recording, observer);
    if (hash(made.#imager.bootShape) !== snapshot.bootShape) {
      throw new SnapshotError('does not fit: the machine boots differently with these flags');
    }
    try {
      made.#imager.load(snapshot.image, revive);
    } catch (error) {
      if (error instanceof StateImageError) throw new SnapshotError(`is damaged: ${error.message}`);
      throw error;
    }
    return made;
  }

  /** A hash of the whole state: the same for the same state, whatever way the machine came there. */
  digest(): string {
    const { counters: _, ...image } = this.#imager.save(describe);
    const sum = createHash('sha256').update(JSON.stringify([image.nodes, image.records, image.processor]));
    for (const bytes of [image.tlb, ...image.memory.pages, ...image.bytes]) sum.update(bytes);
    return sum.digest('hex');
  }

  /**
   * The machine as it is now, between two runs.
   * @param recipe how to make its options and host again, for whoever restores it; JSON
   * @throws SnapshotError when its paging files are in files of the host; UnreflectableError for state that cannot be saved: a defect of the kernel
   */
  save(recipe: unknown): Uint8Array {
    if (this.host.keepsPagingFiles) throw new SnapshotError('cannot be made of a machine with --pagefile-path');
    const image = this.#imager.save(describe);
    return encodeSnapshot({
      code: codeHash(),
      bootShape: hash(this.#imager.bootShape),
      drives: drivesOf(this.host),
      recipe,
      bootAnswers: this.#bootAnswers.map((entry) => ({ ...entry, answer: describeAnswer(entry.answer) })),
      image,
    });
  }
}

/** Machines that can be saved have an observer, so that the debugger can go on with one that had none: this one does nothing. */
export class PassiveObserver implements MachineObserver {
  pageFault(): void {}
  systemCall(): boolean {
    return false;
  }
  exception(): boolean {
    return false;
  }
  module(): void {}
  threadStarted(): void {}
  threadEnded(): void {}
}

const NO_TRACE = { faults: false, syscalls: false, threads: false, modules: false } as const;

function ignore(): void {
  // Nobody wants the trace.
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function codeHash(): string {
  return hash(codeText());
}

function drivesOf({ volumes }: RecordingHost): readonly string[] {
  return [...volumes].map(([letter, { readOnly }]) => `${letter}:${readOnly ? ' (read-only)' : ''}`).sort();
}

function describe(foreign: object): FileDescription | { readonly pagingFile: number } | null {
  if (foreign instanceof RecordedPagingFile) return { pagingFile: foreign.number };
  if (!(foreign instanceof RecordedFile)) return null;
  const { origin, live } = foreign;
  const identity = String(foreign.information().identity);
  // What a standard stream brought or took so far is nobody's concern any more.
  return { origin, size: live.size(), hash: origin.kind === 'stream' ? '' : contentHash(live), identity };
}

function contentHash(file: HostFile): string {
  const sum = createHash('sha256');
  for (let at = 0; ; ) {
    const piece = file.read(at, HASH_PIECE);
    if (typeof piece === 'number' || piece.length === 0) break;
    sum.update(piece);
    at += piece.length;
  }
  return sum.digest('hex');
}

function isFileDescription(value: unknown): value is FileDescription {
  return typeof value === 'object' && value !== null && 'origin' in value && 'hash' in value && 'identity' in value;
}

function reopen(host: RecordingHost, description: unknown): RecordedFile {
  if (!isFileDescription(description)) throw new SnapshotError('is damaged: a file of the host makes no sense');
  const { origin, identity, size } = description;
  if (origin.kind === 'stream') return host.console.reopen(origin.stream, size);
  const name = fileName(origin.letter, origin.path);
  const file = host.reopen(origin, BigInt(identity));
  if (file === null) throw new SnapshotError(`needs a file that is not there: ${name}`);
  if (file.live.size() !== size || contentHash(file.live) !== description.hash) {
    throw new SnapshotError(`needs a file that is not as it was: ${name}`);
  }
  return file;
}

function fileName(letter: string, path: readonly string[]): string {
  return letter === '' ? `C:\\WINDOWS\\system32\\${path.join('\\')}` : `${letter}:\\${path.join('\\')}`;
}

/** Answers of the host as JSON: files are described. */
function describeAnswer(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null) return answer ?? null;
  return Object.fromEntries(
    Object.entries(answer).map(([name, value]) => [
      name,
      value instanceof RecordedFile ? { $file: describe(value) } : value,
    ]),
  );
}

function reviveAnswers(
  answers: readonly LoggedAnswer[],
  revive: (description: unknown) => RecordedFile,
): readonly LoggedAnswer[] {
  const value = (one: unknown): unknown =>
    typeof one === 'object' && one !== null && '$file' in one ? revive(one.$file) : one;
  return answers.map((entry) => {
    const { answer } = entry;
    if (typeof answer !== 'object' || answer === null) return entry;
    return { ...entry, answer: Object.fromEntries(Object.entries(answer).map(([name, one]) => [name, value(one)])) };
  });
}
