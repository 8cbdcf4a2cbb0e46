import { describe, expect, it } from 'vitest';
import { AccessKind } from '../../cpu/index.js';
import { setEndOfFile } from '../../kernel/io/file-size.js';
import type { AddressSpace } from '../../kernel/mm/address-space.js';
import { createSection, releaseSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { captureViewDirtyBits, flushDataPages } from '../../kernel/mm/flush-pages.js';
import { mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { userHost } from '../../kernel/mm/user-access.js';
import { emptyWorkingSet } from '../../kernel/mm/working-set-trim.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { CacheMachine, type OpenedFile } from './cache-machine.js';

const SPACES = 3;
const MAXIMUM_SIZE = 0x90000;
/** NT86_COHERENCY_STEPS=2000 is the long form. */
const STEPS = Number(process.env.NT86_COHERENCY_STEPS ?? 80);

/** A small generator of numbers: the same sequence for the same seed. */
class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}

interface View {
  readonly space: AddressSpace;
  readonly base: number;
  readonly size: number;
}

/** One file, its flat model, and everybody who reads and writes it in turn. */
class Coherency {
  readonly machine: CacheMachine;
  readonly random: Random;
  readonly spaces: AddressSpace[] = [];
  readonly views: View[] = [];
  readonly handles: OpenedFile[] = [];
  model = new Uint8Array(0);

  constructor(seed: number, pae: boolean) {
    this.random = new Random(seed);
    this.machine = new CacheMachine({ pae, memorySize: 8 << 20 });
    for (let index = 0; index < SPACES; index++) {
      const space = this.machine.kernel.mm.createAddressSpace();
      if (space === null) throw new Error('no address space');
      this.spaces.push(space);
    }
    this.handles.push(this.machine.open('file'), this.machine.open('file'));
  }

  /** One random thing happens. Returns what it was. */
  step(): string {
    const actions = [this.write, this.write, this.read, this.read, this.viewWrite, this.viewWrite, this.viewRead];
    actions.push(this.flush, this.flushView, this.resize, this.map, this.unmap, this.trim, this.reopen, this.pass);
    return actions[this.random.below(actions.length)].call(this);
  }

  write(): string {
    const offset = this.random.below(MAXIMUM_SIZE - 0x3000);
    const bytes = this.bytes(1 + this.random.below(0x3000));
    expect(statusName(this.machine.write(this.handle(), offset, bytes))).toBe('STATUS_SUCCESS');
    this.resizeModel(Math.max(this.model.length, offset + bytes.length));
    this.model.set(bytes, offset);
    return `write ${bytes.length} at ${offset}`;
  }

  read(): string {
    const offset = this.random.below(this.model.length + 1);
    const length = this.random.below(0x5000);
    const bytes = this.machine.read(this.handle(), offset, length);
    this.same(bytes, this.model.subarray(offset, offset + length), 'a cached read');
    return `read ${length} at ${offset}`;
  }

  viewWrite(): string {
    const view = this.view();
    if (view === null) return 'no view';
    const offset = this.random.below(Math.min(view.size, this.model.length));
    const bytes = this.bytes(Math.min(1 + this.random.below(0x1800), view.size - offset));
    this.touch(view, offset, bytes.length, AccessKind.Write, (host, done, length) =>
      this.machine.kernel.mm.bytes.set(bytes.subarray(done, done + length), host),
    );
    this.model.set(bytes, offset);
    return `store ${bytes.length} at ${offset} through a view of process ${view.space.processId}`;
  }

  viewRead(): string {
    const view = this.view();
    if (view === null) return 'no view';
    const offset = this.random.below(view.size);
    const bytes = new Uint8Array(Math.min(this.random.below(0x3000), view.size - offset));
    this.touch(view, offset, bytes.length, AccessKind.Read, (host, done, length) =>
      bytes.set(this.machine.kernel.mm.bytes.subarray(host, host + length), done),
    );
    this.same(bytes, this.model.subarray(offset, offset + bytes.length), 'a view');
    return `load ${bytes.length} at ${offset} through a view`;
  }

  flush(): string {
    const { control } = this.handle();
    expect(this.machine.kernel.cc.flush(control)).toBe(Status.SUCCESS);
    this.same(this.machine.volume.contents('file'), this.model, 'the volume after a flush');
    return 'flush';
  }

  /** FlushViewOfFile: what went through this view is in the file. */
  flushView(): string {
    const view = this.view();
    if (view === null) return 'no view';
    const { mm } = this.machine.kernel;
    const vad = view.space.vads.find(view.base >>> 12);
    const area = vad?.controlArea ?? null;
    if (vad === null || area === null) throw new Error('the view has no VAD');
    captureViewDirtyBits(mm, view.space, vad, vad.startingVpn, vad.endingVpn);
    expect(flushDataPages(mm, area, 0, area.segment.totalPages)).toBe(Status.SUCCESS);
    return 'flush a view';
  }

  resize(): string {
    const near = Math.max(0, this.model.length + this.random.below(0x1800) - 0xc00);
    const size = this.random.below(2) === 0 ? near : this.random.below(MAXIMUM_SIZE);
    const { control } = this.handle();
    const status = setEndOfFile(this.machine.kernel, control, size);
    const isRefused = size < this.model.length && this.views.length > 0;
    expect(statusName(status)).toBe(isRefused ? 'STATUS_USER_MAPPED_FILE' : 'STATUS_SUCCESS');
    if (!isRefused) this.resizeModel(size);
    return `set the end to ${size}: ${statusName(status)}`;
  }

  map(): string {
    if (this.model.length === 0 || this.views.length > 5) return 'nothing to map';
    const { kernel } = this.machine;
    const file = this.handle().control;
    const request = { size: 0, protection: 4, attributes: SectionAttribute.Commit, file };
    const { section } = createSection(kernel, request);
    if (section === null) throw new Error('no section');
    const space = this.spaces[this.random.below(SPACES)];
    const where = { base: 0, zeroBits: 0, commitSize: 0, offset: 0, size: 0, inherit: 2, allocationType: 0 };
    const { status, base } = mapViewOfSection(kernel, section, space, { ...where, protection: 4 });
    expect(statusName(status)).toBe('STATUS_SUCCESS');
    releaseSection(kernel, section);
    this.views.push({ space, base, size: this.model.length });
    return `map ${this.model.length}`;
  }

  unmap(): string {
    if (this.views.length === 0) return 'no view';
    const [view] = this.views.splice(this.random.below(this.views.length), 1);
    expect(unmapViewOfSection(this.machine.kernel, view.space, view.base)).toBe(Status.SUCCESS);
    return 'unmap';
  }

  trim(): string {
    const { mm } = this.machine.kernel;
    const which = this.random.below(SPACES + 1);
    emptyWorkingSet(mm, which === SPACES ? mm.systemCache : this.spaces[which]);
    return 'trim';
  }

  reopen(): string {
    const [closed] = this.handles.splice(this.random.below(2), 1);
    this.machine.close(closed);
    this.handles.push(this.machine.open('file'));
    return 'close and open';
  }

  /** The lazy writer and the read-ahead thread have their turn. */
  pass(): string {
    this.machine.pass(2);
    return 'two seconds';
  }

  handle(): OpenedFile {
    return this.handles[this.random.below(this.handles.length)];
  }

  view(): View | null {
    return this.views.length === 0 ? null : this.views[this.random.below(this.views.length)];
  }

  touch(
    { space, base }: View,
    offset: number,
    length: number,
    access: AccessKind,
    use: (host: number, done: number, length: number) => void,
  ): void {
    const { mm } = this.machine.kernel;
    mm.switchAddressSpace(space);
    for (let done = 0; done < length; ) {
      const at = base + offset + done;
      const run = Math.min(length - done, 0x1000 - (at & 0xfff));
      const host = userHost(mm, at, access);
      if (host === 0) throw new Error(`a view cannot be touched: ${mm.faults.userOutcome}`);
      use(host, done, run);
      done += run;
    }
    mm.switchAddressSpace(mm.systemSpace);
  }

  bytes(length: number): Uint8Array {
    const start = this.random.below(256);
    return Uint8Array.from({ length }, (_, index) => start + index * 7 + (index >>> 8));
  }

  resizeModel(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.model.subarray(0, size));
    this.model = next;
  }

  same(got: Uint8Array | number, wanted: Uint8Array, what: string): void {
    if (typeof got === 'number') throw new Error(`${what}: ${statusName(got)}`);
    if (Buffer.compare(got, wanted) === 0) return;
    const at = wanted.findIndex((byte, index) => got[index] !== byte);
    throw new Error(
      `${what} of ${got.length} bytes, model ${wanted.length}, differs at ${at}: ${got[at]}, ${wanted[at]}`,
    );
  }
}

describe('cached reads and writes, views of three processes, flushes, truncations and remaps', () => {
  it.each([
    { seed: 1, pae: true },
    { seed: 2, pae: false },
  ])('agree with a flat model at every step, seed $seed, PAE $pae', ({ seed, pae }) => {
    const coherency = new Coherency(seed, pae);
    for (let step = 0; step < STEPS; step++) {
      const what = coherency.step();
      const problem = coherency.machine.verify();
      if (problem !== null) throw new Error(`step ${step}, ${what}: ${problem}`);
    }
    coherency.machine.kernel.cc.shutDown();
    coherency.same(coherency.machine.volume.contents('file'), coherency.model, 'the volume at the end');
  });
});
