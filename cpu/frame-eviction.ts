import type { Cpu } from './cpu.js';
import { EVICTION_HAND, EVICTION_WAITS, PAGE_SIZE, RECENT_FRAMES, RECENT_HOSTS } from './layout.js';
import type { FrameEvictor } from './physical-memory.js';
import { closeHosts, forEachMappedHost } from './tlb.js';

/** What a host frame is while victims are chosen. */
const KEPT = 1;
const VICTIM = 2;
/** This part of the host frames is moved at a time. */
const BATCH_SHARE = 64;

/**
 * Moves frames out of a linear memory that is full, into the store behind it: the oldest by a hand that goes round. The guest cannot tell:
 * what the TLB has cached stays cached, only its tables are closed, so that the next access comes to fillTlb().
 *
 * In the middle of an access nobody knows which host offsets are being used. Then frames stay that a table of the TLB names or that were
 * asked for lately; when that is not enough, the processor stops behind the instruction, where any frame may go.
 */
export class FrameEviction implements FrameEvictor {
  readonly #cpu: Cpu;
  readonly #mayLeave: (frame: number) => boolean;
  #marks = new Uint8Array(0);

  /** @param mayLeave false for frames whose host offset somebody keeps: page tables and the like */
  constructor(cpu: Cpu, mayLeave: (frame: number) => boolean) {
    this.#cpu = cpu;
    this.#mayLeave = mayLeave;
  }

  makeRoom(): void {
    const { state, memory } = this.#cpu;
    if (state[EVICTION_WAITS] !== 0 && memory.spareFrames > 0) return;
    this.#evict(true);
    if (!memory.isShort) return;
    state[EVICTION_WAITS] = 1;
    this.#cpu.attention = true;
  }

  makeRoomBetween(): void {
    const { state } = this.#cpu;
    if (state[EVICTION_WAITS] === 0) return;
    state[EVICTION_WAITS] = 0;
    this.#evict(false);
  }

  #evict(inAccess: boolean): void {
    const cpu = this.#cpu;
    const { memory, state } = cpu;
    const total = memory.hostFrames;
    if (this.#marks.length !== total) this.#marks = new Uint8Array(total);
    const marks = this.#marks.fill(0);
    if (inAccess) {
      forEachMappedHost(cpu, (host) => {
        marks[memory.hostIndex(host)] = KEPT;
      });
      for (let index = 0; index < RECENT_HOSTS; index++) {
        const host = state[RECENT_FRAMES + index];
        if (host !== 0) marks[memory.hostIndex(host)] = KEPT;
      }
    }
    const wanted = Math.max(Math.ceil(total / BATCH_SHARE), 2 * memory.reserve);
    const victims: number[] = [];
    let hand = state[EVICTION_HAND];
    for (let looked = 0; looked < total && victims.length < wanted; looked++, hand++) {
      if (hand >= total) hand = 0;
      const frame = memory.frameAt(hand);
      if (frame < 0 || marks[hand] === KEPT || !this.#mayLeave(frame)) continue;
      marks[hand] = VICTIM;
      victims.push(hand);
    }
    state[EVICTION_HAND] = hand;
    closeHosts(cpu, (host) => marks[memory.hostIndex(host)] === VICTIM);
    for (const index of victims) {
      const host = memory.hostAt(index);
      if (cpu.pageHasCode(host)) cpu.codeWritten(host, PAGE_SIZE);
      memory.moveOut(memory.frameAt(index));
    }
  }
}
