import type { Host, HostPagingFile, HostVolume, NtStatus, UnhandledExceptionReport } from '../kernel/index.js';
import type { Mount } from './machine-flags.js';
import { NodeConsole, type NodeConsoleOptions } from './node-console.js';
import { NodePagingFiles } from './node-paging-file.js';
import { NodeVolume } from './node-volume.js';

/** What the machine has to say besides the guest's output; what is left out goes nowhere. */
export interface NodeHostReports {
  readonly debugOutput?: (text: string) => void;
  readonly hardError?: (status: NtStatus, strings: readonly string[]) => void;
  readonly unhandledException?: (report: UnhandledExceptionReport) => void;
  readonly popup?: (status: NtStatus) => void;
}

export interface NodeHostOptions {
  readonly mounts: readonly Mount[];
  /** Further drives, by upper-case letter; they come before a mount of the same letter. */
  readonly volumes?: ReadonlyMap<string, HostVolume>;
  /** The folder with ntdll.dll and the other system images. */
  readonly systemFolder: string;
  readonly reports?: NodeHostReports;
  readonly console?: NodeConsoleOptions;
  /** Where paging files are kept; in the machine's memory when not given. */
  readonly pagingFolder?: string | undefined;
}

/** A host on Node's files and standard streams; close() puts the terminal back into its mode. */
export class NodeHost implements Host {
  readonly console: NodeConsole;
  readonly volumes: ReadonlyMap<string, HostVolume>;
  readonly systemVolume: HostVolume;
  readonly #reports: NodeHostReports;
  readonly #pagingFiles: NodePagingFiles | null;

  /** @throws the host's error when a folder does not exist. */
  constructor(options: NodeHostOptions) {
    this.console = new NodeConsole(options.console);
    const mounted = options.mounts.map(({ drive, folder, readOnly }): [string, HostVolume] => [
      drive.toUpperCase(),
      new NodeVolume({ directory: folder, readOnly }),
    ]);
    this.volumes = new Map([...mounted, ...(options.volumes ?? [])]);
    this.systemVolume = new NodeVolume({ directory: options.systemFolder, readOnly: true });
    this.#reports = options.reports ?? {};
    this.#pagingFiles = options.pagingFolder === undefined ? null : new NodePagingFiles(options.pagingFolder);
  }

  debugOutput(text: string): void {
    this.#reports.debugOutput?.(text);
  }

  hardError(status: NtStatus, strings: readonly string[]): void {
    this.#reports.hardError?.(status, strings);
  }

  unhandledException(report: UnhandledExceptionReport): void {
    this.#reports.unhandledException?.(report);
  }

  popup(status: NtStatus): void {
    this.#reports.popup?.(status);
  }

  createPagingFile(number: number, size: number): HostPagingFile | NtStatus | null {
    return this.#pagingFiles?.create(number, size) ?? null;
  }

  close(): void {
    this.console.close();
    this.#pagingFiles?.close();
  }
}
