/**
 * What the tests use of node-pty. The package is optional: where it could not be built, it and its own types are absent,
 * and the tests that need it are skipped.
 */
declare module 'node-pty' {
  export interface IDisposable {
    dispose(): void;
  }

  export interface IPty {
    readonly pid: number;
    readonly onData: (listener: (data: string) => void) => IDisposable;
    readonly onExit: (listener: (event: { exitCode: number; signal?: number }) => void) => IDisposable;
    write(data: string): void;
    resize(columns: number, rows: number): void;
    kill(signal?: string): void;
  }

  export interface IPtyForkOptions {
    readonly name?: string;
    readonly cols?: number;
    readonly rows?: number;
    readonly cwd?: string;
    readonly env?: Record<string, string | undefined>;
  }

  export function spawn(file: string, args: readonly string[], options: IPtyForkOptions): IPty;
}
