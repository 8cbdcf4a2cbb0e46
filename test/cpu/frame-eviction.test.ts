import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AccessKind,
  Cpu,
  EIP,
  EVICTION_HAND,
  EVICTION_WAITS,
  FrameEviction,
  HostMemoryExhausted,
  PhysicalMemory,
} from '../../cpu/index.js';
import { restoreProcessor, saveProcessor } from '../../cpu/processor-snapshot.js';

/** Memory that does not fit into the linear memory (frame-eviction.ts): 4,096 frames, of which 192 have room. */

const PAGE = 0x1000;
const FRAMES = 4096;
const LINEAR = 192 * PAGE;
/** Its place must stay: a page table, say. */
const PINNED = 3;

function smallMemory(touched?: number): { memory: PhysicalMemory; cpu: Cpu } {
  const memory = new PhysicalMemory(FRAMES * PAGE, 0, { linear: LINEAR, touched });
  const cpu = new Cpu(memory, null);
  memory.evictor = new FrameEviction(cpu, (frame) => frame !== PINNED);
  return { memory, cpu };
}

describe('a linear memory that is too small', () => {
  it('holds every frame all the same, in its place or behind it', () => {
    const frame = fc.nat(FRAMES - 1);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('write'), frame, value: fc.integer() }) },
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('read'), frame, value: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('zero'), frame, value: fc.constant(0) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('copy'), frame, value: frame }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('save'), frame, value: fc.constant(0) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore'), frame, value: fc.constant(0) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 300, maxLength: 400 }), (steps) => {
        const { memory, cpu } = smallMemory();
        const model = new Map<number, number>();
        const home = memory.hostPage(PINNED);
        let saved = saveProcessor(cpu, null);
        let savedModel = new Map(model);
        for (const { kind, frame, value } of steps) {
          if (kind === 'write') {
            memory.write32(frame * PAGE + 8, value);
            model.set(frame, value);
          } else if (kind === 'zero') {
            memory.zeroFrame(frame);
            model.delete(frame);
          } else if (kind === 'copy') {
            memory.copyFrame(frame, value);
            model.set(frame, model.get(value) ?? 0);
          } else if (kind === 'save') {
            saved = saveProcessor(cpu, saved);
            savedModel = new Map(model);
          } else if (kind === 'restore') {
            restoreProcessor(cpu, saved);
            model.clear();
            for (const [key, word] of savedModel) model.set(key, word);
          }
          expect(memory.read32(frame * PAGE + 8)).toBe(model.get(frame) ?? 0);
          expect(memory.verify()).toBeNull();
        }
        for (let frame = 0; frame < FRAMES; frame++) {
          expect(memory.read32(frame * PAGE + 8)).toBe(model.get(frame) ?? 0);
        }
        expect(memory.verify()).toBeNull();
        expect(memory.hostPage(PINNED)).toBe(home);
      }),
      { numRuns: 4, seed: 7, endOnFailure: true },
    );
  });

  it('keeps no place for zeros', () => {
    const { memory } = smallMemory();
    for (let frame = 0; frame < FRAMES; frame++) memory.read32(frame * PAGE);
    expect(memory.store.frames).toBe(0);
    expect(memory.touchedFrames()).toBeLessThanOrEqual(192);
  });

  it('keeps the source of a copy, though it would be the next to go', () => {
    const { memory } = smallMemory();
    for (let frame = 0; frame < 400; frame++) memory.write32(frame * PAGE, frame + 1);
    for (let target = 1000; target < 1400; target++) {
      const source = memory.frameAt(memory.words[EVICTION_HAND] % memory.hostFrames);
      if (source < 0) continue;
      const word = memory.read32(source * PAGE);
      memory.copyFrame(target, source);
      expect([memory.read32(target * PAGE), memory.read32(source * PAGE)]).toEqual([word, word]);
    }
    expect(memory.verify()).toBeNull();
  });

  it('keeps what the TLB maps while an instruction may use it, and nothing for longer', () => {
    const { memory, cpu } = smallMemory();
    cpu.setCr0(1);
    const linear = 7 * PAGE;
    const host = cpu.translate(linear, AccessKind.Write, true);
    memory.write32(linear, 0x1234);
    for (let frame = 100; frame < 800; frame++) memory.write32(frame * PAGE, frame);
    expect(cpu.translate(linear, AccessKind.Write, true)).toBe(host);
    for (let frame = 800; frame < 4000; frame++) {
      memory.write32(frame * PAGE, frame);
      memory.words[EVICTION_WAITS] = 1;
      memory.evictor?.makeRoomBetween();
    }
    const slots = memory.store.frames;
    expect(memory.read32(linear)).toBe(0x1234);
    expect(memory.store.frames).toBe(slots - 1);
    expect(memory.view.getUint32(cpu.translate(linear, AccessKind.Read, true), true)).toBe(0x1234);
  });

  it('says when more was touched than it may hold', () => {
    const { memory } = smallMemory(1000 * PAGE);
    const touch = (frame: number) => memory.write32(frame * PAGE, frame + 1);
    for (let frame = 0; frame < 1000; frame++) touch(frame);
    expect(() => touch(1000)).toThrow(HostMemoryExhausted);
    expect(() => touch(1000)).toThrow('3 MB');
    for (let frame = 0; frame < 1000; frame++) expect(memory.read32(frame * PAGE)).toBe(frame + 1);
    expect(memory.verify()).toBeNull();
  });
});

/** A flat processor with paging off: linear addresses are physical ones. */
function start(memory: PhysicalMemory, cpu: Cpu, code: readonly number[]): void {
  for (const [index, byte] of code.entries()) memory.write8(PAGE + index, byte);
  cpu.setCr0(1);
  for (let segment = 0; segment < 6; segment++)
    cpu.setSegment(segment, 8, 0, 0xffffffff, segment === 1 ? 0xc09b : 0xc093);
  cpu.state[EIP] = PAGE;
}

describe('programs in a linear memory that is too small', () => {
  it('are not told, whatever instructions they use', () => {
    // mov ecx, 0xfb000; mov edi, 0x4000; mov eax, 0x5a; cld; rep stosb
    const fill = [0xb9, 0, 0xb0, 0x0f, 0, 0xbf, 0, 0x40, 0, 0, 0xb8, 0x5a, 0, 0, 0, 0xfc, 0xf3, 0xaa];
    // mov esi, 0x4800; mov edi, 0x800800; mov ecx, 0x80000; rep movsb
    const copy = [0xbe, 0, 0x48, 0, 0, 0xbf, 0, 0x08, 0x80, 0, 0xb9, 0, 0, 8, 0, 0xf3, 0xa4];
    // mov edi, 0xbffffe; mov ecx, 1400; again: add dword [edi], 0x01010101; mov eax, [edi]
    const cross = [0xbf, 0xfe, 0xff, 0xbf, 0, 0xb9, 0x78, 5, 0, 0, 0x81, 0x07, 1, 1, 1, 1, 0x8b, 0x07];
    // sub edi, 0x2000; dec ecx; jnz again; hlt
    const loop = [0x81, 0xef, 0, 0x20, 0, 0, 0x49, 0x75, 0xef, 0xf4];
    const code = [...fill, ...copy, ...cross, ...loop];
    const { memory, cpu } = smallMemory();
    start(memory, cpu, code);
    cpu.run(100_000);
    expect(memory.store.frames).toBeGreaterThan(100);
    expect(memory.verify()).toBeNull();
    const large = new PhysicalMemory(FRAMES * PAGE);
    const other = new Cpu(large, null);
    start(large, other, code);
    other.run(100_000);
    expect(cpu.instructionCount).toBe(other.instructionCount);
    expect([...cpu.state.subarray(0, EIP + 1)]).toEqual([...other.state.subarray(0, EIP + 1)]);
    for (let frame = 0; frame < FRAMES; frame++) expect(checksum(memory, frame)).toBe(checksum(large, frame));
  });
});

function checksum(memory: PhysicalMemory, frame: number): number {
  if (!memory.isTouched(frame)) return 0;
  let sum = 0;
  for (let at = 0; at < PAGE; at += 4) sum = (Math.imul(sum, 31) + memory.read32(frame * PAGE + at)) | 0;
  return sum;
}
