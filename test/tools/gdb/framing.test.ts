import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { framePacket, PacketReader } from '../../../tools/gdb/index.js';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (packet: Uint8Array): string => String.fromCharCode(...packet);

describe('packets', () => {
  it('have a checksum, and escape what means something', () => {
    expect(text(framePacket('g'))).toBe('$g#67');
    expect(text(framePacket(''))).toBe('$#00');
    expect(text(framePacket('a}b'))).toBe(`$a}]b#${((0x61 + 0x7d + 0x5d + 0x62) & 0xff).toString(16)}`);
  });

  it('come out as they went in, whatever the bytes and the pieces', () => {
    const body = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) });
    fc.assert(
      fc.property(fc.array(body, { maxLength: 5 }), fc.integer({ min: 1, max: 7 }), (bodies, piece) => {
        const stream = bodies.flatMap((one) => [...framePacket(one)]);
        const reader = new PacketReader();
        const found: string[] = [];
        for (let at = 0; at < stream.length; at += piece) {
          for (const incoming of reader.feed(Uint8Array.from(stream.slice(at, at + piece)))) {
            expect(incoming.kind).toBe('packet');
            if (incoming.kind === 'packet') found.push(incoming.body);
          }
        }
        expect(found).toEqual(bodies);
      }),
    );
  });

  it.each([
    ['noise between packets', 'abc$g#67xyz', ['packet']],
    ['acknowledgements and Ctrl-C', '+-\x03', ['acknowledged', 'refused', 'interrupt']],
    ['a wrong checksum', '$g#68$g#67', ['damaged', 'packet']],
    ['a checksum that is no number', '$g#zz$g#67', ['damaged', 'packet']],
    ['half a packet with a whole one behind it', '$m400000,4$g#67', ['packet']],
    ['a packet longer than any may be', `$${'a'.repeat(0x5000)}#00$g#67`, ['damaged', 'packet']],
  ])('are found behind %s', (_name, stream, kinds) => {
    expect(new PacketReader().feed(bytes(stream)).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('never come out of garbage, and garbage never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (garbage) => {
        const reader = new PacketReader();
        reader.feed(garbage);
        // Ends whatever packet it may have begun.
        reader.feed(bytes('#00'));
        expect(reader.feed(framePacket('qC')).at(-1)).toEqual({ kind: 'packet', body: 'qC' });
      }),
    );
  });
});
