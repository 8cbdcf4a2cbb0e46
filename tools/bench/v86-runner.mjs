// Boots a multiboot image in v86 and prints 'end CHECKSUM MILLISECONDS' for each pair of begin and end lines on COM1.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [library, imagePath] = process.argv.slice(2);
const { V86 } = await import(pathToFileURL(library).href);
const image = readFileSync(imagePath);

const emulator = new V86({
  wasm_path: join(dirname(library), 'v86.wasm'),
  memory_size: 64 << 20,
  vga_memory_size: 2 << 20,
  multiboot: { buffer: image.buffer.slice(image.byteOffset, image.byteOffset + image.length) },
  autostart: true,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
});

let line = '';
let begun = 0;
emulator.add_listener('serial0-output-byte', (byte) => {
  if (byte !== 10) {
    line += String.fromCharCode(byte);
    return;
  }
  const now = performance.now();
  if (line.startsWith('begin')) begun = now;
  if (line.startsWith('end ')) console.log(`${line} ${(now - begun).toFixed(3)}`);
  if (line === 'done') process.exit(0);
  line = '';
});
