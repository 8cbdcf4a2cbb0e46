import { concatenate } from '../io/information-bytes.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { Fields } from './information-buffer.js';

const HEADER_SIZE = 0x18;

/**
 * SYSTEM_PAGEFILE_INFORMATION of every paging file, each with its name behind it; sizes and use in pages. Nothing when there
 * are none.
 * @param buffer where the caller will have it: names are pointed at
 */
export function pageFileList(kernel: Kernel, buffer: number): Uint8Array {
  const { files } = kernel.mm.paging;
  const entries: Uint8Array[] = [];
  let offset = 0;
  for (const file of files) {
    const name = encodeUtf16(file.name);
    const size = (HEADER_SIZE + name.length + 2 + 3) & ~3;
    const isLast = file.number === files.length - 1;
    const entry = new Fields(size)
      .dword(0x00, isLast ? 0 : size)
      .dword(0x04, file.size)
      .dword(0x08, file.usage)
      .dword(0x0c, file.peakUsage)
      .word(0x10, name.length)
      .word(0x12, name.length + 2)
      .dword(0x14, buffer + offset + HEADER_SIZE).bytes;
    entry.set(name, HEADER_SIZE);
    entries.push(entry);
    offset += size;
  }
  return concatenate(entries);
}
