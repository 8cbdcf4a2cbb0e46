import { describe, expect, it } from 'vitest';
import { releaseSection } from '../../kernel/mm/create-section.js';
import { createImageSection } from '../../kernel/mm/image.js';
import { InheritDisposition, mapViewOfSection, unmapViewOfSection } from '../../kernel/mm/map-view.js';
import { PageProtection } from '../../kernel/mm/protection.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import { MemoryMachine } from './memory-machine.js';
import { buildImage, SectionFlag, sampleImage, TestFile } from './portable-executable.js';

/**
 * Images with damaged headers: every field in turn, then several at once. NT86_IMAGE_MUTATIONS=10000 is the long form.
 * Each is a status that nt52.md 8.3 names, or an image that can be mapped and touched; nothing of it stays.
 */
const MUTATIONS = Number(process.env.NT86_IMAGE_MUTATIONS ?? 1200);
const HEADERS = 0x220;
/** What is put into a field: borders of every check. */
const VALUES = [
  0, 1, 2, 0x1ff, 0x200, 0xfff, 0x1000, 0x8000, 0x1_0000, 0x7700_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_f000,
  0xffff_ffff,
];
const EXPECTED: ReadonlySet<string> = new Set(
  [
    'SUCCESS',
    'INVALID_FILE_FOR_SECTION',
    'INVALID_IMAGE_NOT_MZ',
    'INVALID_IMAGE_PROTECT',
    'INVALID_IMAGE_NE_FORMAT',
    'INVALID_IMAGE_WIN_16',
    'INVALID_IMAGE_FORMAT',
    'INSUFFICIENT_RESOURCES',
    'COMMITMENT_LIMIT',
  ].map((name) => `STATUS_${name}`),
);

/** Images of both kinds: sections on pages, and the file mapped as it is. */
const originals = [
  sampleImage(),
  buildImage({
    sectionAlignment: 0x200,
    fileAlignment: 0x200,
    sections: [
      { name: '.text', virtualSize: 0x200, characteristics: SectionFlag.Code, raw: new Uint8Array(0x200).fill(0xc3) },
      { name: '.data', virtualSize: 0x100, characteristics: SectionFlag.Data, raw: new Uint8Array(0x200).fill(0x33) },
    ],
  }),
];

/** Numbers that look random and are the same in every run (xorshift). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state >>> 0;
  }
}

interface Mutation {
  readonly original: number;
  readonly fields: readonly { readonly offset: number; readonly value: number; readonly bytes: number }[];
  readonly length: number;
}

/** First each dword and word of the headers with each value, as far as the count goes; then up to four fields of any kind, and files cut off. */
function* mutations(count: number): Generator<Mutation> {
  const random = numbers(86);
  const below = (limit: number): number => random.next().value % limit;
  const systematic = Math.floor(count / 2);
  const all = (HEADERS / 2) * VALUES.length * 2 * originals.length;
  for (let index = 0; index < systematic; index++) {
    // Spread over all of them when there are fewer.
    let rest = Math.floor((index * all) / systematic) % all;
    const original = rest % originals.length;
    rest = Math.floor(rest / originals.length);
    const bytes = rest % 2 === 0 ? 4 : 2;
    rest = Math.floor(rest / 2);
    const value = VALUES[rest % VALUES.length] ?? 0;
    yield {
      original,
      fields: [{ offset: Math.floor(rest / VALUES.length) * 2, value, bytes }],
      length: Number.POSITIVE_INFINITY,
    };
  }
  for (let index = systematic; index < count; index++) {
    const fields = Array.from({ length: 1 + below(4) }, () => ({
      offset: below(HEADERS),
      value: below(2) === 0 ? (VALUES[below(VALUES.length)] ?? 0) : random.next().value,
      bytes: [1, 2, 4][below(3)] ?? 4,
    }));
    yield {
      original: below(originals.length),
      fields,
      length: below(4) === 0 ? below(0x1000) : Number.POSITIVE_INFINITY,
    };
  }
}

function damaged({ original, fields, length }: Mutation): Uint8Array {
  const bytes = (originals[original] ?? new Uint8Array(0)).slice();
  for (const { offset, value, bytes: width } of fields) {
    for (let index = 0; index < width; index++) bytes[offset + index] = (value >>> (index * 8)) & 0xff;
  }
  return bytes.subarray(0, Math.min(length, bytes.length));
}

describe('damaged images', () => {
  it(`are a status or a view (${MUTATIONS} of them)`, () => {
    const machine = new MemoryMachine();
    const { mm } = machine;
    const { context } = mm;
    const space = machine.createSpace();
    // Pool keeps what it has grown to.
    const charged = (): number => mm.commit.charged - mm.committed.pool - mm.committed.systemPageTables;
    const before = charged();
    const seen = new Map<string, number>();
    let checked = 0;
    for (const mutation of mutations(MUTATIONS)) {
      const file = new TestFile(damaged(mutation));
      const { status, section } = createImageSection(context, file);
      const name = statusName(status);
      seen.set(name, (seen.get(name) ?? 0) + 1);
      if (!EXPECTED.has(name)) expect([mutation, name]).toEqual('a status of nt52.md 8.3');
      if (section !== null) {
        const view = mapViewOfSection(context, section, space, {
          base: 0,
          zeroBits: 0,
          commitSize: 0,
          offset: 0,
          size: 0,
          inherit: InheritDisposition.ViewUnmap,
          allocationType: 0,
          protection: PageProtection.Execute,
        });
        if (view.status === Status.SUCCESS || view.status === Status.IMAGE_NOT_AT_BASE) {
          const end = view.base + Math.min(view.size, 0x1_0000);
          for (let at: number = view.base; at < end; at += 0x1000) if (!machine.write(at, 1)) machine.read(at);
          if (checked++ % 100 === 0) expect(mm.verify()).toBeNull();
          expect(unmapViewOfSection(context, space, view.base)).toBe(Status.SUCCESS);
        }
        releaseSection(context, section);
      }
      mm.unusedSegments.deleteAll(context);
      if (file.references !== 0 || charged() !== before) expect([mutation, file.references]).toEqual('nothing left');
    }
    expect(mm.verify()).toBeNull();
    expect(space.commitCharge).toBe(0);
    expect(mm.subsections.size).toBe(0);
    // The damage reaches the checks, and not every image is refused.
    expect(seen.get('STATUS_INVALID_IMAGE_FORMAT')).toBeGreaterThan(MUTATIONS / 50);
    expect(seen.get('STATUS_INVALID_IMAGE_PROTECT')).toBeGreaterThan(MUTATIONS / 200);
    expect(seen.get('STATUS_SUCCESS')).toBeGreaterThan(MUTATIONS / 10);
  });
});
