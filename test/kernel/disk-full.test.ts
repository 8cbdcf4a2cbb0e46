import { expect, it } from 'vitest';
import { MemoryVolume } from '../../kernel/io/memory-volume.js';
import { BUFFER, type Guest, HANDLE, IOSB, OFFSET, run, SHARE_ALL } from './file-guest.js';

const CAPACITY = 96 << 10;
const CHUNK = 4096;
const MEGABYTE = 1 << 20;
const GENERIC_READ_WRITE_DELETE = 0xc0110000;
const [ALLOCATION, END_OF_FILE] = [19, 20];
const UNBUFFERED = 0x28;
const WRITE_THROUGH = 0x22;

/** Runs with a small volume D: that has a file `keep` on it and a file `big` that takes all the rest. */
function withFullVolume(
  body: (
    guest: Guest,
    files: { keep: number; big: number; size: number; volume: MemoryVolume },
  ) => ReturnType<Guest['call']>,
): MemoryVolume {
  const volume = new MemoryVolume('D', () => 0n, CAPACITY);
  run(
    function* (guest) {
      const keep = yield* guest.create('D:\\keep');
      expect(yield* guest.write(keep, 'precious')).toBe('SUCCESS');
      const big = yield* guest.create('D:\\big', { access: GENERIC_READ_WRITE_DELETE });
      let size = 0;
      let status = yield* guest.write(big, 'x'.repeat(CHUNK));
      for (; status === 'SUCCESS'; size += CHUNK) status = yield* guest.write(big, 'x'.repeat(CHUNK));
      expect(status).toBe('DISK_FULL');
      expect(size).toBeGreaterThan(CAPACITY - 4 * CHUNK);
      yield* body(guest, { keep, big, size, volume });
      expect(yield* guest.read(keep, 100, 0n)).toContain('precious');
      guest.process.kernel.cc.shutDown();
    },
    new Map([['D', volume]]),
  );
  return volume;
}

const contents = (volume: MemoryVolume, name: string): string => {
  const file = volume.openFile([name], false);
  const bytes = typeof file === 'number' ? file : file.read(0, file.size());
  return typeof bytes === 'number' ? String(bytes) : new TextDecoder('latin1').decode(bytes);
};

function* setSize(guest: Guest, file: number, informationClass: number, size: number): ReturnType<Guest['call']> {
  guest.user.write64(BUFFER, BigInt(size));
  return yield* guest.call('NtSetInformationFile', file, IOSB, BUFFER, 8, informationClass);
}

it('a write that finds no room is DISK_FULL and leaves the file as it was; one inside of it is done', () => {
  const volume = withFullVolume(function* (guest, { big, size }) {
    expect(yield* guest.write(big, 'y'.repeat(3 * CHUNK))).toBe('DISK_FULL');
    expect(yield* guest.write(big, 'y', BigInt(size - 1))).toBe('SUCCESS');
    return yield* guest.write(big, 'yy', BigInt(size - 1));
  });
  const text = contents(volume, 'big');
  expect(text).toMatch(/^x+yy?$/);
  expect(contents(volume, 'keep')).toBe('precious');
});

it.each([
  ['past the cache', UNBUFFERED],
  ['written through', WRITE_THROUGH],
])('so is one %s', (_what, options) => {
  withFullVolume(function* (guest, { size, volume }) {
    const other = yield* guest.create('D:\\big', { options });
    expect(yield* guest.write(other, 'z'.repeat(CHUNK), BigInt(size - 512))).toBe('DISK_FULL');
    expect(volume.information(['big'])).toMatchObject({ size });
    expect(yield* guest.write(other, 'z'.repeat(512), BigInt(size - 512))).toBe('SUCCESS');
    expect(contents(volume, 'big').endsWith('z'.repeat(512))).toBe(true);
    return yield* guest.call('NtClose', other);
  });
});

it('who makes a file longer learns it at once: end, allocation, section, new file', () => {
  withFullVolume(function* (guest, { keep, big, size, volume }) {
    expect(yield* setSize(guest, big, END_OF_FILE, MEGABYTE)).toBe('DISK_FULL');
    expect(yield* setSize(guest, big, ALLOCATION, MEGABYTE)).toBe('DISK_FULL');
    expect(yield* setSize(guest, big, ALLOCATION, size)).toBe('SUCCESS');
    guest.user.write64(OFFSET, BigInt(MEGABYTE));
    expect(yield* guest.call('NtCreateSection', HANDLE, 0xf001f, 0, OFFSET, 4, 0x8000000, keep)).toBe('DISK_FULL');
    guest.name('\\??\\D:\\new');
    const create = [
      'NtCreateFile',
      HANDLE,
      0xc0100000,
      0x500040,
      IOSB,
      OFFSET,
      0x80,
      SHARE_ALL,
      2,
      0x20,
      0,
      0,
    ] as const;
    expect(yield* guest.call(...create)).toBe('DISK_FULL');
    expect(volume.information(['big'])).toMatchObject({ size });
    expect(volume.information(['keep'])).toMatchObject({ size: 8 });
    return yield* guest.call('NtFlushBuffersFile', keep, IOSB);
  });
});

it('and what another file gives back can be used', () => {
  const volume = withFullVolume(function* (guest, { keep, big }) {
    guest.user.write32(BUFFER, 1);
    expect(yield* guest.call('NtSetInformationFile', big, IOSB, BUFFER, 1, 13)).toBe('SUCCESS');
    expect(yield* guest.call('NtClose', big)).toBe('SUCCESS');
    return yield* guest.write(keep, '+'.repeat(3 * CHUNK), 8n);
  });
  expect(contents(volume, 'keep')).toBe(`precious${'+'.repeat(3 * CHUNK)}`);
});
