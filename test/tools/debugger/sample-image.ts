import { fileURLToPath } from 'node:url';

/** The folder of sample.c and sample.exe. */
export const sampleFolder = fileURLToPath(new URL('.', import.meta.url));

/** The compiler and what it is given to build sample.exe, byte for byte, in the folder of sample.c. */
export const sampleCompiler = 'i686-w64-mingw32-gcc';
export function sampleFlags(folder: string, output: string): string[] {
  const paths = [`-fdebug-prefix-map=${folder.replace(/\/$/, '')}=.`, '-gno-record-gcc-switches'];
  const code = ['-O0', '-fno-ident', '-fno-stack-check', '-mpreferred-stack-boundary=2', '-ffreestanding', '-nostdlib'];
  const link = ['-Wl,--no-insert-timestamp', '-Wl,-e,_start', '-Wl,--image-base=0x400000'];
  return ['-g', ...paths, ...code, ...link, 'sample.c', '-lkernel32', '-o', output];
}
