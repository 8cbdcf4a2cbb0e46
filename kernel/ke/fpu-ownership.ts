import type { Cpu } from '../../cpu/index.js';
import { loadFxImage, saveFxImage } from './fpu-state.js';
import type { Thread } from './thread.js';

/**
 * Whose x87 and SSE state the processor holds. It moves to and from the save area on the thread's kernel stack only
 * when another thread goes to user mode, or when somebody looks at it.
 */
export class FpuOwnership {
  readonly #cpu: Cpu;
  #owner: Thread | null = null;

  constructor(cpu: Cpu) {
    this.#cpu = cpu;
  }

  /** The thread goes to user mode: its state is in the processor afterwards. */
  load(thread: Thread): void {
    if (this.#owner === thread) return;
    if (this.#owner !== null) this.save(this.#owner);
    this.#owner = thread;
    if (thread.trapFrame !== null) loadFxImage(this.#cpu.state, this.#cpu.state, thread.trapFrame.npxOffset >>> 2);
  }

  /** Brings a thread's save area up to date. */
  save(thread: Thread): void {
    if (this.#owner !== thread || thread.trapFrame === null) return;
    saveFxImage(this.#cpu.state, this.#cpu.state, thread.trapFrame.npxOffset >>> 2);
  }

  /** The processor's copy no longer counts: the save area was changed, or the thread has ended. */
  forget(thread: Thread): void {
    if (this.#owner === thread) this.#owner = null;
  }
}
