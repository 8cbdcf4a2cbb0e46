import { spawn } from 'node:child_process';

export interface TimedRun {
  /** Milliseconds between the line 'begin' and the line 'end ...'. */
  readonly milliseconds: number;
  /** What followed 'end'. */
  readonly result: string;
}

/** Runs a program that writes a line 'begin' and a line 'end RESULT', and times the gap as the lines arrive. */
export function timeBetweenLines(command: string, args: readonly string[]): Promise<TimedRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    let begun = 0;
    let run: TimedRun | null = null;
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      const now = performance.now();
      text += chunk;
      if (begun === 0 && /^begin/m.test(text)) begun = now;
      const end = /^end (.*?)\r?$/m.exec(text);
      if (end !== null && run === null) run = { milliseconds: now - begun, result: end[1] ?? '' };
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (run === null) reject(new Error(`${command} ${args.join(' ')} ended with ${code} before its end line`));
      else resolve(run);
    });
  });
}

/** Milliseconds from the start of a process to the first byte of its standard output. */
export function timeToFirstOutput(command: string, args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let first = 0;
    child.stdout.on('data', () => {
      if (first === 0) first = performance.now() - start;
    });
    child.on('error', reject);
    child.on('close', () => {
      if (first === 0) reject(new Error(`${command} wrote nothing`));
      else resolve(first);
    });
  });
}
