import { describe, it } from 'vitest';
import { DrivenMachine, type DrivenOptions } from './driven-machine.js';
import { type LeafId, leaves } from './leaves.js';

/** What a leaf's test is given: the format under test, and machines that use it. */
export interface LeafContext {
  readonly pae: boolean;
  readonly start: (options?: DrivenOptions) => DrivenMachine;
}

/** A test that reaches a leaf of the decision tree, run with both formats of PTEs. */
export function leaf(id: LeafId, body: (context: LeafContext) => void): void {
  leafIn(id, [true, false], body);
}

/** A leaf that exists with PAE alone: NX. */
export function paeLeaf(id: LeafId, body: (context: LeafContext) => void): void {
  leafIn(id, [true], body);
}

function leafIn(id: LeafId, formats: readonly boolean[], body: (context: LeafContext) => void): void {
  describe(id, () => {
    for (const pae of formats) {
      it(`${leaves[id]} (${pae ? 'PAE' : 'x86'})`, () => {
        body({ pae, start: (options = {}) => new DrivenMachine({ pae, ...options }) });
      });
    }
  });
}
