import { hex } from '../trace.js';
import { ALLOCATION_GRANULARITY } from './layout.js';
import type { Section } from './section.js';

/** MmHighSectionBase and one: based sections lie below it, which every process can reach, so that a process has room for its own above them. */
const HIGHEST_BASED = 0x7f7f_0000;
const LOWEST_BASED = ALLOCATION_GRANULARITY;

/**
 * MmSectionBasedRoot: the sections that lie at the same address in every process (SEC_BASED, nt52.md 8.2 step 8). Addresses are given
 * from the top down, on 64 KB; no two based sections overlap, be they ever mapped together or not.
 */
export class BasedSections {
  /** By falling address. */
  readonly #sections: Section[] = [];

  /** Finds a section its address. False: NO_MEMORY, there is no hole that is large enough. */
  insert(section: Section): boolean {
    const size = Math.ceil(section.sizeOfSection / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
    let end = HIGHEST_BASED - (HIGHEST_BASED % ALLOCATION_GRANULARITY);
    let index = 0;
    for (const other of this.#sections) {
      if (end - endOf(other) >= size) break;
      end = other.basedAddress;
      index++;
    }
    if (end - size < LOWEST_BASED) return false;
    section.basedAddress = end - size;
    this.#sections.splice(index, 0, section);
    return true;
  }

  /** In one sentence what is wrong with their order, or null. */
  verify(): string | null {
    let end = HIGHEST_BASED;
    for (const section of this.#sections) {
      if (endOf(section) > end) return `the based section at ${hex(section.basedAddress)} reaches into another one`;
      if (section.controlArea.numberOfSectionReferences === 0)
        return `the based section at ${hex(section.basedAddress)} is gone`;
      end = section.basedAddress;
    }
    return null;
  }

  remove(section: Section): void {
    const index = this.#sections.indexOf(section);
    if (index >= 0) this.#sections.splice(index, 1);
  }
}

function endOf({ basedAddress, sizeOfSection }: Section): number {
  return basedAddress + Math.ceil(sizeOfSection / ALLOCATION_GRANULARITY) * ALLOCATION_GRANULARITY;
}
