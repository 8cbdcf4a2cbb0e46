import { describe, expect, it } from 'vitest';
import { Machine } from '../../kernel/index.js';
import { FaultVerifier } from '../../kernel/mm/fault-verifier.js';
import { runOutcome } from '../../tools/failure-text.js';
import { NodeHost } from '../../tools/host-node.js';
import { guestImages } from '../../tools/package-root.js';

/** The numbers of the faults behind which was checked. */
function checkedFaults(interval: number, faults: number, problemAt = Number.POSITIVE_INFINITY): number[] {
  const checked: number[] = [];
  const verifier = new FaultVerifier({ interval, report: () => undefined });
  for (let fault = 1; fault <= faults; fault++) {
    if (fault < verifier.due) continue;
    verifier.check(fault, () => {
      checked.push(fault);
      return fault >= problemAt ? 'wrong' : null;
    });
  }
  return checked;
}

describe('--verify N', () => {
  it('checks behind every N-th fault, exactly', () => {
    expect(checkedFaults(1, 4)).toEqual([1, 2, 3, 4]);
    expect(checkedFaults(3, 10)).toEqual([3, 6, 9]);
  });

  it('checks no more when something is wrong', () => {
    expect(checkedFaults(2, 10, 4)).toEqual([2, 4]);
  });

  const machine = (verifyInterval: number): Machine =>
    new Machine(
      { imagePath: '\\??\\C:\\WINDOWS\\system32\\exit-code.exe', memorySize: 32 << 20, verifyInterval },
      new NodeHost({ mounts: [], systemFolder: guestImages }),
    );

  it('ends the run at the fault behind which the memory manager is wrong, and says what is', () => {
    const running = machine(1);
    expect(running.run({ maxInstructions: 10_000 })).toMatchObject({ reason: 'limit', inconsistency: null });
    const faults = running.counters.pageFaults;
    running.kernel.mm.committed.pool += 5;
    const result = running.run();
    expect(result.reason).toBe('inconsistent');
    // The kernel's own faults on paged pool may come in between; the check follows a fault of the program.
    const [, fault] = /commit.* \(after page fault (\d+)\)/i.exec(result.inconsistency ?? '') ?? [];
    expect(Number(fault) - faults).toBeGreaterThan(0);
    expect(Number(fault) - faults).toBeLessThan(4);
    expect(running.run().reason).toBe('inconsistent');
    expect(runOutcome('exit-code.exe', result)).toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/^memory manager inconsistent: /),
    });
  });

  it('changes nothing of a run in which all is well', () => {
    const plain = machine(0);
    const checked = machine(7);
    const [one, other] = [plain.run(), checked.run()];
    expect(other).toEqual(one);
    expect(checked.counters).toEqual(plain.counters);
  });
});
