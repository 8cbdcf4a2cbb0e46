import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { DebuggerError } from '../debugger/index.js';

/** How a client counts, and names files; inside of the adapter lines count from 1, columns from 0, and files have paths. */
export class ClientConventions {
  readonly #firstLine: number;
  readonly #firstColumn: number;
  readonly #usesUris: boolean;

  constructor(given: Partial<DebugProtocol.InitializeRequestArguments> = {}) {
    this.#firstLine = given.linesStartAt1 === false ? 0 : 1;
    this.#firstColumn = given.columnsStartAt1 === false ? 0 : 1;
    this.#usesUris = given.pathFormat === 'uri';
  }

  lineFrom(line: number): number {
    return line + 1 - this.#firstLine;
  }

  lineTo(line: number): number {
    return line - 1 + this.#firstLine;
  }

  columnFrom(column: number): number {
    return column - this.#firstColumn;
  }

  columnTo(column: number): number {
    return column + this.#firstColumn;
  }

  /** @throws DebuggerError for what is no URI of a file, where the client uses such */
  pathFrom(source: DebugProtocol.Source): string | undefined {
    const path = source.path ?? source.name;
    if (path === undefined || !this.#usesUris || source.path === undefined) return path;
    try {
      return fileURLToPath(path);
    } catch {
      throw new DebuggerError(`'${path}' is no URI of a file`);
    }
  }

  sourceTo(source: DebugProtocol.Source): DebugProtocol.Source {
    if (!this.#usesUris || source.path === undefined) return source;
    return { ...source, path: pathToFileURL(source.path).href };
  }

  breakpointTo(breakpoint: DebugProtocol.Breakpoint): DebugProtocol.Breakpoint {
    return breakpoint.line === undefined ? breakpoint : { ...breakpoint, line: this.lineTo(breakpoint.line) };
  }
}
