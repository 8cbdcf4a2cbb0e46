/** What is under way, on a terminal only. */
export function progress(text: string): void {
  if (process.stderr.isTTY && process.env.CI === undefined) process.stderr.write(`\r\x1b[K${text}`);
}
