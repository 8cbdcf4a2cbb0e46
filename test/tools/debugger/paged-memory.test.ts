import { describe, expect, it } from 'vitest';
import { findPte, NO_PTE } from '../../../kernel/index.js';
import { createSession, executeLine, type Session } from '../../../tools/debugger/index.js';
import { guestImages } from '../../../tools/package-root.js';
import { debugSample, sampleHost } from './debugged-program.js';

/** memory-pressure.exe in the middle of its work, with most of its pages in the paging file. */
async function underPressure(): Promise<Session> {
  const path = 'Z:\\memory-pressure.exe';
  const session = createSession(
    {
      imagePath: `\\??\\${path}`,
      commandLine: `${path} 40 2000`,
      memorySize: 12 * 2 ** 20,
    },
    sampleHost(() => undefined, guestImages),
    () => undefined,
  );
  session.stopped(await session.start());
  // Its first pass writes every page; the first page that has to be read again belongs to the second.
  await executeLine(session, 'bf must-wait', false, () => undefined);
  while (session.machine.kernel.mm.counters.pagingFileFaults === 0) {
    expect(session.stopped(await session.execution.go()).kind).toBe('fault');
  }
  return session;
}

describe('pages that are not in memory', () => {
  it('are read from the paging file, and stay there', async () => {
    const session = await underPressure();
    const { mm, cpu } = session.machine.kernel;
    const { format } = mm;
    const space = session.space;
    const vad = [...(space?.vads ?? [])].find(({ pages }) => pages === 40 * 256);
    expect(vad).toBeDefined();
    if (space === null || vad === undefined) return;
    const before = { faults: { ...mm.counters }, instructions: cpu.instructionCount };
    const writtenTo = (page: number) => session.memory.read32(vad.startAddress + page * 0x1000 + (page & 1023) * 4);
    let written = vad.pages;
    while (written > 0 && writtenTo(written - 1) === 0) written--;
    expect(written).toBeGreaterThan(5000);
    let pagedOut = 0;
    let tablesOut = 0;
    for (let page = 0; page < written; page++) {
      // The program's first pass writes this, at a place of its own in each page.
      expect(writtenTo(page), page.toString()).toBe(Math.imul(page, 2654435761) >>> 0);
      const at = findPte(mm, space, vad.startAddress + page * 0x1000);
      if (at === NO_PTE) tablesOut++;
      else if (!format.isValid(at) && !format.isTransition(at) && format.pageFileOffset(at) !== 0) pagedOut++;
    }
    // Pages whose page table is itself in the paging file.
    expect(tablesOut).toBeGreaterThan(100);
    expect(pagedOut).toBeGreaterThan(100);
    expect({ faults: { ...mm.counters }, instructions: cpu.instructionCount }).toEqual(before);
    expect(session.machine.verify()).toBeNull();
    const lines: string[] = [];
    await executeLine(session, '!pagefile', false, (text) => lines.push(text));
    expect(lines.join('\n')).toContain('Page File');
  });

  it('and would be filled with zeros are zeros, and those of nobody question marks', async () => {
    const { run } = await debugSample();
    await run('bp sample!middle; g');
    expect(await run('dd table L2')).toBe('00405000  00000000 00000000');
    const { run: other } = await debugSample();
    expect(await other('dd @$peb-3000 L1')).toMatch(/\?{8}$/);
  });
});
