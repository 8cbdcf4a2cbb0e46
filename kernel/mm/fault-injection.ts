import type { Injection } from '../options.js';
import type { NtStatus } from '../types.js';
import type { MemoryManager } from './memory-manager.js';
import type { DeviceRequest } from './paging-device.js';

/** Counts what can be made to fail and says when it does (`--inject`). Each injection happens once. */
export class FaultInjection {
  readonly #reads = new Countdown();
  #failedCluster: (Pick<DeviceRequest, 'file' | 'slot' | 'pages'> & { readonly status: NtStatus }) | null = null;
  readonly #writes = new Countdown();
  readonly #pages = new Countdown();
  readonly #commits = new Countdown();
  readonly #badPages = new Countdown();

  constructor(injections: readonly Injection[]) {
    for (const injection of injections) {
      if (injection.kind === 'read') this.#reads.add(injection.ordinal, injection.status);
      else if (injection.kind === 'write') this.#writes.add(injection.ordinal, injection.status);
      else this.#ofKind(injection.kind).add(injection.ordinal, null);
    }
  }

  #ofKind(kind: 'page' | 'commit' | 'bad-page'): Countdown {
    if (kind === 'page') return this.#pages;
    return kind === 'commit' ? this.#commits : this.#badPages;
  }

  /** How many of the injections have not happened yet. */
  get left(): number {
    const all = [this.#reads, this.#writes, this.#pages, this.#commits, this.#badPages];
    return all.reduce((sum, { left }) => sum + left, 0);
  }

  /** Pages are about to be read: the status that they get instead, or null. A cluster that failed fails once more, in what is tried again of it. */
  read(request: DeviceRequest): NtStatus | null {
    const { file, slot, pages } = request;
    const failed = this.#failedCluster;
    if (failed !== null && failed.file === file && slot >= failed.slot && slot < failed.slot + failed.pages) {
      this.#failedCluster = null;
      return failed.status;
    }
    const status = this.#reads.next() ?? null;
    if (status !== null && pages > 1) this.#failedCluster = { file, slot, pages, status };
    return status;
  }

  /** A cluster is about to be written. */
  write(): NtStatus | null {
    return this.#writes.next() ?? null;
  }

  /** A fault is about to take a page and could wait: true, it has to. */
  pageWaits(): boolean {
    return this.#pages.next() !== undefined;
  }

  /** A frame was given to somebody: true, it is one that fails while it is in use. */
  pageFails(): boolean {
    return this.#badPages.next() !== undefined;
  }

  /** Commitment is about to be charged: true, it is refused. */
  commitFails(): boolean {
    return this.#commits.next() !== undefined;
  }
}

/** Events by their number, from 1 on, and what is to become of a few of them. */
class Countdown {
  #count = 0;
  readonly #planned = new Map<number, NtStatus | null>();

  add(ordinal: number, status: NtStatus | null): void {
    this.#planned.set(ordinal, status);
  }

  get left(): number {
    return this.#planned.size;
  }

  /** Counts one; undefined: nothing was planned for it. */
  next(): NtStatus | null | undefined {
    this.#count++;
    const planned = this.#planned.get(this.#count);
    this.#planned.delete(this.#count);
    return planned;
  }
}

/** From now on what the injections say goes wrong. Environment: the end of the boot. */
export function armInjections(mm: MemoryManager, injections: readonly Injection[]): void {
  if (injections.length === 0) return;
  const injection = new FaultInjection(injections);
  mm.injection = injection;
  mm.paging.device.inject = (request) => (request.kind === 'read' ? injection.read(request) : injection.write());
  mm.commit.refuse = () => injection.commitFails();
  if (injections.every(({ kind }) => kind !== 'bad-page')) return;
  mm.lists.given = (frame) => {
    if (injection.pageFails()) mm.pfn.requestRemoval(frame);
  };
}
