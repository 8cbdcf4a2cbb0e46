import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Session } from '../debugger/index.js';

/** Where the source files lie that debugging information names. */
export class SourceFiles {
  readonly #folders: readonly string[];
  readonly #found = new Map<string, string | null>();

  /** @param folders searched in order, before the program's own */
  constructor(program: string, folders: readonly string[]) {
    this.#folders = [...folders, dirname(program)];
  }

  /** A file of the debugging information as the protocol names it: with its path where it is on this computer. */
  source(file: string): DebugProtocol.Source {
    const path = this.#locate(file);
    const name = basename(file.replaceAll('\\', '/'));
    return path === null ? { name, presentationHint: 'deemphasize', origin: file } : { name, path };
  }

  /** Address of the first code at or behind a line of a file on this computer, with the line that it is; null: none. */
  address(session: Session, path: string, line: number): { readonly address: number; readonly line: number } | null {
    // The images name their files as the compiler saw them: the longest end that fits is the file.
    const parts = path
      .replaceAll('\\', '/')
      .split('/')
      .filter((part) => part !== '');
    for (let first = 0; first < parts.length; first++) {
      const found = session.modules.line(session.space, parts.slice(first).join('/'), line);
      if (found !== null) return found;
    }
    return null;
  }

  #locate(file: string): string | null {
    const known = this.#found.get(file);
    if (known !== undefined) return known;
    const path = this.#candidates(file.replaceAll('\\', '/')).find((candidate) => existsSync(candidate)) ?? null;
    this.#found.set(file, path);
    return path;
  }

  #candidates(file: string): string[] {
    const names = [file, basename(file)];
    const joined = this.#folders.flatMap((folder) => names.map((name) => resolve(join(folder, name))));
    return isAbsolute(file) ? [file, ...joined] : joined;
  }
}
