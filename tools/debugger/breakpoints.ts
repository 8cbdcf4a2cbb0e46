import type { HostWatch } from '../../cpu/index.js';
import { hex8 } from './number-text.js';

/** What stops the machine when it is reached or touched. */
export type BreakpointPlace =
  | { readonly kind: 'execute'; readonly address: number }
  /** A name that no loaded module has yet. */
  | { readonly kind: 'deferred' }
  | { readonly kind: 'data'; readonly address: number; readonly size: number; readonly reads: boolean }
  /** Page faults by outcome ('*' = any) in a range of addresses. */
  | { readonly kind: 'fault'; readonly outcome: string; readonly first: number; readonly last: number };

export interface Breakpoint {
  readonly id: number;
  /** What the user wrote. */
  readonly text: string;
  place: BreakpointPlace;
  enabled: boolean;
  /** Process it belongs to; null: any. */
  readonly processId: number | null;
  /** Hits to go before it stops. */
  passes: number;
  readonly initialPasses: number;
  hits: number;
  /** Expression that must not be zero, or null. */
  readonly condition: string | null;
  /** Commands to run at a stop, or null. */
  readonly command: string | null;
  /** Gone after the first stop. */
  readonly once: boolean;
}

export type NewBreakpoint = Pick<Breakpoint, 'text' | 'place' | 'processId' | 'condition' | 'command' | 'once'> & {
  readonly passes: number;
};

/** The breakpoints of a session. */
export class Breakpoints {
  readonly #list: Breakpoint[] = [];

  get list(): readonly Breakpoint[] {
    return this.#list;
  }

  /** Takes the lowest free number, as kd does. */
  add(given: NewBreakpoint, wanted: number | null = null): Breakpoint {
    let id = wanted ?? 0;
    if (wanted !== null) this.remove(wanted);
    else while (this.#list.some((other) => other.id === id)) id++;
    const breakpoint: Breakpoint = { ...given, id, enabled: true, initialPasses: given.passes, hits: 0 };
    this.#list.push(breakpoint);
    this.#list.sort((left, right) => left.id - right.id);
    return breakpoint;
  }

  remove(id: number): boolean {
    const index = this.#list.findIndex((breakpoint) => breakpoint.id === id);
    if (index < 0) return false;
    this.#list.splice(index, 1);
    return true;
  }

  find(id: number): Breakpoint | null {
    return this.#list.find((breakpoint) => breakpoint.id === id) ?? null;
  }

  /** Addresses of the enabled execution breakpoints, less one that is being passed. */
  instructions(except: number | null): Set<number> {
    const addresses = new Set<number>();
    for (const { enabled, place } of this.#list) {
      if (enabled && place.kind === 'execute' && place.address !== except) addresses.add(place.address);
    }
    return addresses;
  }

  watches(): readonly HostWatch[] {
    return this.#list.flatMap(({ enabled, place }) => (enabled && place.kind === 'data' ? [place] : []));
  }

  /** True while some enabled breakpoint asks for page faults. */
  get wantsFaults(): boolean {
    return this.#list.some(({ enabled, place }) => enabled && place.kind === 'fault');
  }
}

/** Counts a hit: true when the breakpoint is to stop now. */
export function countHit(breakpoint: Breakpoint): boolean {
  breakpoint.hits++;
  if (breakpoint.passes > 1) {
    breakpoint.passes--;
    return false;
  }
  return true;
}

/** 'e', 'w4', 'r1', 'f': the kind column of bl. */
export function placeText(place: BreakpointPlace): string {
  switch (place.kind) {
    case 'execute':
      return hex8(place.address);
    case 'deferred':
      return '       u';
    case 'data':
      return `${hex8(place.address)} ${place.reads ? 'r' : 'w'} ${place.size}`;
    case 'fault':
      return `${hex8(place.first)} f ${place.outcome} to ${hex8(place.last)}`;
  }
}
