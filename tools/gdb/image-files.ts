import type { Session } from '../debugger/index.js';

/** An image of the program, as its file is. */
export interface ImageFile {
  /** 'C:\dir\x.exe' as '/C:/dir/x.exe': gdb takes names that begin with '/' for whole ones. */
  readonly path: string;
  readonly base: number;
  size(): number;
  /** Bytes, fewer at the end of the file; null when they cannot be read. */
  read(offset: number, length: number): Uint8Array | null;
}

/** '\??\C:\dir\x.exe' and '\Device\...' as gdb is told them. */
export function imagePath(name: string): string {
  return `/${name
    .replace(/^\\\?\?\\/, '')
    .replaceAll('\\', '/')
    .replace(/^\/+/, '')}`;
}

/** The images of the process that is looked at, the program itself first. */
export function imageFiles({ space, process }: Session): readonly ImageFile[] {
  const images: ImageFile[] = [];
  for (const vad of space?.vads ?? []) {
    const file = vad.controlArea?.file ?? null;
    if (!vad.isImage || file === null) continue;
    images.push({
      path: imagePath(file.name),
      base: vad.startAddress,
      size: () => file.size(),
      read(offset, length) {
        const bytes = file.read(offset, Math.max(0, Math.min(length, file.size() - offset)));
        return typeof bytes === 'number' ? null : bytes;
      },
    });
  }
  const own = process?.sectionBaseAddress ?? 0;
  return images.sort((left, right) => Number(right.base === own) - Number(left.base === own) || left.base - right.base);
}
