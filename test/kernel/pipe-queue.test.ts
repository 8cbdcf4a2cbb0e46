import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { QuotaAllocation } from '../../kernel/ex/pool.js';
import { IoRequest } from '../../kernel/io/io-request.js';
import { PipeQueue, type PipeQueueHost } from '../../kernel/io/pipe-queue.js';
import { Status } from '../../kernel/ntstatus.js';
import { virtualAddress } from '../../kernel/types.js';

/** Ends requests as the device does and counts pool. */
class Host implements PipeQueueHost {
  blocks = 0;

  charge(): QuotaAllocation {
    this.blocks++;
    return { status: Status.SUCCESS, address: virtualAddress(0x1000) };
  }

  release(): void {
    this.blocks--;
  }

  end(request: IoRequest, status: number, information: number, output: Uint8Array | null): void {
    expect(request.status).toBe(Status.PENDING);
    Object.assign(request, { status, information, output, holder: null });
  }
}

interface Write {
  readonly request: IoRequest;
  /** What nobody has read yet. */
  left: number[];
  readonly total: number;
}

/** A pipe as the documentation tells it: a list of writes, a list of reads, looked through anew after every step. */
class Model {
  readonly quota: number;
  readonly messages: boolean;
  writes: Write[] = [];
  reads: { readonly request: IoRequest; readonly maximum: number }[] = [];
  readonly expected = new Map<IoRequest, readonly [status: number, bytes: readonly number[] | number]>();

  constructor(quota: number, messages: boolean) {
    this.quota = quota;
    this.messages = messages;
  }

  run(): void {
    for (let read = this.reads.at(0); read !== undefined && this.writes.length > 0; read = this.reads.at(0)) {
      const taken: number[] = [];
      do {
        const first = this.writes[0];
        taken.push(...first.left.splice(0, read.maximum - taken.length));
        if (first.left.length > 0) break;
        this.#finish(first);
        this.writes.shift();
      } while (!this.messages && this.writes.length > 0 && taken.length < read.maximum);
      const partial = this.messages && (this.writes.at(0)?.left.length ?? 0) > 0 && taken.length === read.maximum;
      const isRest = partial && this.writes[0].left.length < this.writes[0].total;
      this.expected.set(read.request, [isRest ? Status.BUFFER_OVERFLOW : Status.SUCCESS, taken]);
      this.reads.shift();
    }
    let before = 0;
    for (const write of this.writes) {
      before += write.left.length;
      if (before <= this.quota) this.#finish(write);
    }
  }

  #finish({ request, total }: Write): void {
    this.expected.set(request, [Status.SUCCESS, total]);
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('read' as const), count: fc.integer({ min: 1, max: 9 }) }),
  fc.record({ kind: fc.constant('cancel' as const), count: fc.nat(5) }),
);

describe('one direction of a pipe', () => {
  it('gives what was written in its order, in messages or bytes, and lets writes wait beyond the quota', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.integer({ min: 1, max: 12 }),
        fc.array(step, { maxLength: 60 }),
        (messages, quota, steps) => {
          const host = new Host();
          const queue = new PipeQueue(host, quota, messages);
          const model = new Model(quota, messages);
          let next = 0;
          for (const { kind, count } of steps) {
            const request = new IoRequest();
            if (kind === 'write') {
              const bytes = Array.from({ length: count }, () => next++ & 0xff);
              model.writes.push({ request, left: [...bytes], total: count });
              queue.write(request, Uint8Array.from(bytes), 'wait');
            } else if (kind === 'read') {
              model.reads.push({ request, maximum: count });
              queue.read(request, count, messages);
            } else {
              const waiting = [...model.writes, ...model.reads].filter((one) => !model.expected.has(one.request));
              const victim = waiting.at(count % Math.max(1, waiting.length));
              if (victim === undefined) continue;
              queue.remove(victim.request);
              model.writes = model.writes.filter((one) => one !== victim);
              model.reads = model.reads.filter((one) => one !== victim);
            }
            model.run();
            for (const [done, [status, result]] of model.expected) {
              expect(done.status).toBe(status);
              if (typeof result === 'number') expect(done.information).toBe(result);
              else expect([...(done.output ?? [])]).toEqual(result);
            }
            for (const one of [...model.writes, ...model.reads]) {
              if (!model.expected.has(one.request)) expect(one.request.status).toBe(Status.PENDING);
            }
            const length = model.writes.reduce((sum, { left }) => sum + left.length, 0);
            expect([queue.length, queue.room]).toEqual([length, Math.max(0, quota - length)]);
            expect([...queue.peek(100, false)]).toEqual(model.writes.flatMap(({ left }) => left));
            expect(host.blocks).toBe(queue.messageCount);
          }
          queue.endAll(Status.PIPE_BROKEN);
          expect(host.blocks).toBe(0);
        },
      ),
    );
  });
});
