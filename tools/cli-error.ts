/** Exit codes of the command line (conventions.md); a guest's own exit status is passed on modulo 256. */
export const ExitCode = {
  Success: 0,
  Usage: 2,
  Bugcheck: 3,
  Defect: 4,
  LimitReached: 124,
  CannotStart: 125,
  /** 128 + SIGABRT: an unhandled exception that is no memory fault. */
  UnhandledException: 134,
  /** 128 + SIGSEGV: an unhandled access violation or the like. */
  UnhandledAccessViolation: 139,
} as const;

/** A refusal that the user can act on: printed as one line after 'nt86: ', then the process ends with the exit code. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** What went wrong with a file of the host, in the words that people know. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const words: Record<string, string> = {
    ENOENT: 'no such file',
    ENOTDIR: 'no such file',
    EISDIR: 'is a directory',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ELOOP: 'too many symbolic links',
    ENOSPC: 'no space left on the device',
    EDQUOT: 'disk quota exceeded',
    EROFS: 'read-only file system',
    ENAMETOOLONG: 'file name too long',
    EMFILE: 'too many open files',
  };
  return words[code] ?? (error instanceof Error ? error.message : String(error));
}
