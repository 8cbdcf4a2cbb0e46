import type { NtStatus } from './types.js';

/**
 * Everything the machine sees of the outside. The caller of Machine supplies it; every call is synchronous.
 * The same machine runs over a Node host, a worker thread's or a browser's. A host never throws: what goes wrong
 * comes back as the NTSTATUS that NT would give.
 */
export interface Host {
  readonly console: HostConsole;
  /** Volumes by upper-case drive letter: 'C' is the drive that the program starts on. */
  readonly volumes: ReadonlyMap<string, HostVolume>;
  /** The guest's own system images (ntdll.dll ...), shown read-only as C:\WINDOWS\system32. */
  readonly systemVolume: HostVolume;
  /** DbgPrint and OutputDebugString without a debugger. */
  debugOutput(text: string): void;
  /** NtRaiseHardError: the program cannot go on, for instance a missing DLL; `strings` are its parameters as text. */
  hardError(status: NtStatus, strings: readonly string[]): void;
  /** Something that the machine tells whoever sits in front of it while it goes on: virtual memory is used up, for instance. */
  popup?(status: NtStatus): void;
  /**
   * Makes the store of a paging file of so many bytes, or says why not. Null, or no such method: the machine keeps
   * its paging files in its own memory.
   * @param number of the paging file, from 0
   */
  createPagingFile?(number: number, size: number): HostPagingFile | NtStatus | null;
  /** A process dies of an exception that nobody handled. */
  unhandledException(report: UnhandledExceptionReport): void;
}

/** What is known of the exception that ended a process. */
export interface UnhandledExceptionReport {
  readonly processId: number;
  readonly threadId: number;
  readonly imageName: string;
  readonly code: NtStatus;
  /** Address of the instruction, unsigned. */
  readonly address: number;
  /** EXCEPTION_RECORD.ExceptionInformation, unsigned. */
  readonly parameters: readonly number[];
}

/** The store of one paging file: bytes by offset. What was never written reads as anything. */
export interface HostPagingFile {
  /** Fills the whole array. */
  read(offset: number, into: Uint8Array): NtStatus;
  /** Writes all bytes, within the size. DISK_FULL and the like: the machine keeps the pages in memory. */
  write(offset: number, bytes: Uint8Array): NtStatus;
  /** DISK_FULL when the host has no room for it. */
  setSize(size: number): NtStatus;
}

/** Numbers of the three standard streams. */
export const StandardStream = { Input: 0, Output: 1, Error: 2 } as const;
export type StandardStream = (typeof StandardStream)[keyof typeof StandardStream];

/** What the host has at the other end of a stream. `none`: closed from the start. */
export type StreamKind = 'terminal' | 'pipe' | 'file' | 'none';

/** The three standard streams, and the terminal behind them when there is one. */
export interface HostConsole {
  kind(stream: StandardStream): StreamKind;
  /**
   * Takes at most `maximum` bytes of input. `'eof'`: the stream has ended. `'wait'`: nothing is there now. Files and pipes block, so
   * that their content arrives the same way in every run; for a host that does not (a debugger's) the machine stands still: its
   * run ends with `waiting`.
   */
  read(maximum: number): Uint8Array | 'eof' | 'wait';
  /**
   * Blocks the host until `read` would give something other than `'wait'`, and gives true. A host that does not block (a
   * debugger's) gives false while there is nothing: the run ends with `waiting`, and is to be continued later.
   */
  waitForInput(): boolean;
  /** Writes all bytes. PIPE_BROKEN (reader is gone), DISK_FULL, or the status nearest to the host's error. */
  write(stream: StandardStream, bytes: Uint8Array): NtStatus;
  /** Hands buffered output to the host's system. */
  flush(): void;
  /** Size of the terminal in characters; 80 by 25 where none is. */
  size(): { readonly columns: number; readonly rows: number };
  /**
   * Raw: every key arrives at once as its bytes, nothing is echoed and Ctrl-C is the byte 3; the kernel's console does
   * the line editing. The kernel asks for it with the first read; until then a terminal may be left to the user, and
   * read() gives 'wait'. The host restores the terminal when the machine is done. No effect where input is no terminal.
   */
  setRaw(raw: boolean): void;
  /**
   * The regular file that a stream of kind `file` stands for; null, or no such method, where the host cannot reach any
   * offset of it: then the stream is read and written in order, like a pipe.
   */
  file?(stream: StandardStream): HostStreamFile | null;
}

/** A standard stream that was redirected to a regular file. Reads and writes at its position move it for others too. */
export interface HostStreamFile {
  readonly file: HostFile;
  /** Offset at which whoever made the stream left it. */
  readonly position: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** An earlier stream that shares the position with this one (`2>&1`), or null. */
  readonly sharedWith: StandardStream | null;
}

/** A name on a volume, from the root down, without separators; [] is the root. Never contains '', '.', '..'. */
export type HostPath = readonly string[];

/** What a volume tells of a file or directory. Times are 100 ns units since 1601-01-01. */
export interface HostFileInformation {
  /** The last component as the volume spells it; '' for the root. */
  readonly name: string;
  readonly isDirectory: boolean;
  /** No write permission on the host: FILE_ATTRIBUTE_READONLY. */
  readonly readOnly: boolean;
  /** Bytes. */
  readonly size: number;
  /** Bytes that the host has set aside. */
  readonly allocationSize: number;
  readonly linkCount: number;
  readonly creationTime: bigint;
  readonly lastAccessTime: bigint;
  readonly lastWriteTime: bigint;
  readonly changeTime: bigint;
  /** The same for every name of the same file while it exists, 64 bits: keys sharing, sections and locks. */
  readonly identity: bigint;
}

/** Times to set, 100 ns units since 1601; a missing one stays. */
export interface HostFileTimes {
  readonly lastAccessTime?: bigint;
  readonly lastWriteTime?: bigint;
}

export interface HostVolumeSpace {
  readonly totalBytes: number;
  readonly freeBytes: number;
}

/**
 * A tree of files. Lookup is case-insensitive and preserves case; it never leaves the volume's root: a symbolic link that
 * leads out, a device file, a socket or a FIFO is OBJECT_NAME_NOT_FOUND, as if it were not there.
 * Statuses: OBJECT_NAME_NOT_FOUND (last component), OBJECT_PATH_NOT_FOUND (an earlier one), ACCESS_DENIED,
 * MEDIA_WRITE_PROTECTED (read-only volume), DISK_FULL, OBJECT_NAME_COLLISION, DIRECTORY_NOT_EMPTY, OBJECT_NAME_INVALID.
 */
export interface HostVolume {
  readonly readOnly: boolean;
  readonly label: string;
  readonly serialNumber: number;
  space(): HostVolumeSpace;
  /** SUCCESS where files may be made and changed; MEDIA_WRITE_PROTECTED or ACCESS_DENIED where they may not. */
  writeStatus(path: HostPath): NtStatus;
  information(path: HostPath): HostFileInformation | NtStatus;
  /** All entries of a directory in ascending order of their upper-case names; without '.' and '..'. */
  list(path: HostPath): readonly HostFileInformation[] | NtStatus;
  /** Nothing is in a directory, shown by list() or not: it can be removed. */
  isEmpty(path: HostPath): boolean | NtStatus;
  /** Opens an existing file (not a directory). */
  openFile(path: HostPath, writable: boolean): HostFile | NtStatus;
  /** Creates an empty file that must not exist and opens it for reading and writing. */
  createFile(path: HostPath): HostFile | NtStatus;
  /** Creates a directory that must not exist. */
  createDirectory(path: HostPath): NtStatus;
  /** Removes a file or an empty directory. */
  remove(path: HostPath): NtStatus;
  /** Gives a file or directory another name on the same volume; `replace` allows an existing file there to go. */
  rename(from: HostPath, to: HostPath, replace: boolean): NtStatus;
  setTimes(path: HostPath, times: HostFileTimes): NtStatus;
  setReadOnly(path: HostPath, readOnly: boolean): NtStatus;
}

/** An open file of a volume: bytes, no position. */
export interface HostFile {
  information(): HostFileInformation;
  /** Bytes; the same as information().size, cheaper. */
  size(): number;
  /** At most `length` bytes from `offset` on; fewer only at the end of the file, none behind it. */
  read(offset: number, length: number): Uint8Array | NtStatus;
  /** As read, without a copy: the part of the target that was filled. A host that keeps its answers leaves it out. */
  readInto?(offset: number, target: Uint8Array): Uint8Array | NtStatus;
  /** Writes all bytes, extending the file with zeros in between where `offset` is behind its end. */
  write(offset: number, bytes: Uint8Array): NtStatus;
  /** Cuts or extends with zeros. */
  setSize(size: number): NtStatus;
  flush(): NtStatus;
  close(): void;
}
