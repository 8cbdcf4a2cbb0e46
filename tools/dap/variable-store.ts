import type { DebugProtocol } from '@vscode/debugprotocol';

/** Something with variables in it: a scope, a structure, an array. */
export interface VariableContainer {
  variables(): DebugProtocol.Variable[] | Promise<DebugProtocol.Variable[]>;
  /** Changes one of them; null: they cannot be changed. Answers its new value. @throws DebuggerError */
  readonly set: ((name: string, value: string) => string) | null;
  /** Address and size of one of them; null where it lies nowhere. */
  readonly locate: ((name: string) => { readonly address: number; readonly size: number } | null) | null;
}

/** References to containers, good until the machine goes on. */
export class VariableStore {
  readonly #containers: VariableContainer[] = [];

  /** A number above 0. */
  add(container: VariableContainer): number {
    return this.#containers.push(container);
  }

  get(reference: number): VariableContainer | null {
    return this.#containers[reference - 1] ?? null;
  }

  clear(): void {
    this.#containers.length = 0;
  }
}
