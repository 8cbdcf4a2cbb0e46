import { executeLine } from './command-table.js';
import type { Session } from './session.js';

/**
 * Carries out lines of commands one after the other, each shown behind a prompt, until they end or one says q.
 * @param json no prompts, every output as one line of JSON
 * @returns false when a command failed; the lines behind it are carried out all the same
 */
export async function runScript(
  session: Session,
  lines: readonly string[],
  write: (text: string) => void,
  json: boolean,
): Promise<boolean> {
  let succeeded = true;
  for (const line of lines) {
    if (session.finished) break;
    if (line.trim() === '') continue;
    if (!json) write(`kd> ${line}\n`);
    const done = await executeLine(session, line, json, (text) => write(`${text}\n`));
    succeeded &&= done;
  }
  return succeeded;
}
