/** Who may use a port: IOPL and the I/O permission bitmap (SDM vol 1 section 18.5). */
import { describe, expect, it } from 'vitest';
import { EDX, TR } from '../../cpu/layout.js';
import { load, outcome, RINGS, refusal, restart, sweepMachine } from './descriptor-sweep.js';
import { TSS, TSS_SELECTOR } from './protected-machine.js';

const MAP_BASE = 102;
const LAST_OF_TSS = 103;
/** Bits of the map from 68h of the TSS on. */
const MAP = [0x00, 0x80, 0xfe, 0x7f, 0x01, 0x00, 0x00, 0xff, 0xff];
const FORMS = [
  [1, 'ec'],
  [2, '66ed'],
  [4, 'ed'],
] as const;

describe('ports', () => {
  it.each(FORMS)('the map: %i-byte accesses to every port under TSS limits at the edges', (size, code) => {
    const cpu = sweepMachine(true);
    load(cpu, code);
    MAP.forEach((byte, at) => {
      cpu.memory.write8(TSS + 0x68 + at, byte);
    });
    let permitted = 0;
    for (const base of [0x68, 0x40, 0xffff]) {
      cpu.memory.write16(TSS + MAP_BASE, base);
      for (const limit of [0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6c, 0x70, 0xffff]) {
        cpu.setSegment(TR, TSS_SELECTOR, TSS, limit, 0x8b);
        for (let port = 0; port < 0x40; port++) {
          // Two bytes of the map are read, both within the limit; the bits of all bytes of the access are clear.
          let allowed = limit >= LAST_OF_TSS && base + (port >> 3) + 1 <= limit;
          for (let bit = port; bit < port + size; bit++) {
            if (((cpu.memory.read8(TSS + base + (bit >> 3)) >> (bit & 7)) & 1) !== 0) allowed = false;
          }
          restart(cpu, 3);
          cpu.state[EDX] = port;
          const got = outcome(cpu);
          if (got !== (allowed ? 'done' : refusal(13, 0))) {
            expect.fail(`base ${base.toString(16)} limit ${limit.toString(16)} port ${port.toString(16)}: ${got}`);
          }
          if (allowed) permitted++;
        }
      }
    }
    expect(permitted).toBeGreaterThan(100);
  });

  it('IOPL: every level of code and of privilege', () => {
    const cpu = sweepMachine(true);
    for (const code of ['ec', 'e480', 'ee', 'e780', '6c', '6e', 'fa', 'fb']) {
      load(cpu, code);
      for (const cpl of RINGS) {
        for (const iopl of RINGS) {
          restart(cpu, cpl);
          cpu.setEflags(iopl << 12);
          expect([code, cpl, iopl, outcome(cpu)]).toEqual([code, cpl, iopl, cpl <= iopl ? 'done' : refusal(13, 0)]);
        }
      }
    }
  });
});
