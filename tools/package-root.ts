import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's own folder; right both from tools/*.ts and from the bundles in dist/. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** The folder of the guest system images: ntdll.dll, kernel32.dll, msvcrt.dll and the programs that come with nt86. */
export const guestImages = fileURLToPath(new URL('../guest/images/', import.meta.url));

/** The version in package.json. */
export function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
  return 'unknown';
}
