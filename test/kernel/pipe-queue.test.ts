import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PipeQueue } from '../../kernel/io/pipe-device.js';

describe('bytes in a pipe', () => {
  it('come out in the order in which they were put, never more than its quota', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('put' as const), count: fc.nat(9) }),
      fc.record({ kind: fc.constant('take' as const), count: fc.nat(9) }),
      fc.record({ kind: fc.constant('peek' as const), count: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(step, { maxLength: 60 }), (quota, steps) => {
        const queue = new PipeQueue(quota);
        const model: number[] = [];
        let next = 0;
        for (const { kind, count } of steps) {
          if (kind === 'put') {
            const bytes = Array.from({ length: Math.min(count, queue.room) }, () => next++ & 0xff);
            queue.put(Uint8Array.from(bytes));
            model.push(...bytes);
          } else {
            const expected = model.slice(0, count);
            expect([...(kind === 'take' ? queue.take(count) : queue.peek(count))]).toEqual(expected);
            if (kind === 'take') model.splice(0, count);
          }
          expect([queue.length, queue.room]).toEqual([model.length, quota - model.length]);
        }
      }),
    );
  });
});
