import { upcaseName } from './name.js';
import type { ObjectHeader } from './object-header.js';

/** Body of a Directory object: named objects, found by upper-case name, listed in the order of their insertion. */
export class DirectoryBody {
  /** Its names are those of all sessions: sections in it are not for everybody to make. */
  readonly isGlobal: boolean;
  readonly #byUpperName = new Map<string, { name: string; object: ObjectHeader }[]>();

  constructor(isGlobal = false) {
    this.isGlobal = isGlobal;
  }

  /** The object of that name, or null. */
  find(name: string, caseInsensitive: boolean): ObjectHeader | null {
    const bucket = this.#byUpperName.get(upcaseName(name));
    if (bucket === undefined) return null;
    const entry = caseInsensitive ? bucket[0] : bucket.find((candidate) => candidate.name === name);
    return entry?.object ?? null;
  }

  insert(name: string, object: ObjectHeader): void {
    const key = upcaseName(name);
    const bucket = this.#byUpperName.get(key);
    if (bucket === undefined) this.#byUpperName.set(key, [{ name, object }]);
    else bucket.push({ name, object });
  }

  remove(name: string): void {
    const key = upcaseName(name);
    const rest = (this.#byUpperName.get(key) ?? []).filter((entry) => entry.name !== name);
    if (rest.length === 0) this.#byUpperName.delete(key);
    else this.#byUpperName.set(key, rest);
  }

  /** All entries in the order of their insertion. */
  entries(): { name: string; object: ObjectHeader }[] {
    return [...this.#byUpperName.values()].flat();
  }
}

/** Body of a SymbolicLink object. */
export class SymbolicLinkBody {
  readonly target: string;
  readonly creationTime: bigint;
  /** Pool address of the target's text; 0 for the links of the boot. */
  readonly buffer: number;

  constructor(target: string, creationTime: bigint, buffer = 0) {
    this.target = target;
    this.creationTime = creationTime;
    this.buffer = buffer;
  }
}
