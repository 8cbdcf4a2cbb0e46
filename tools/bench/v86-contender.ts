import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { packageRoot } from '../package-root.js';
import type { Contender } from './contenders.js';

/** Runs v86 in a process of its own: one boot runs all kernels, so a round is run once and its figures are handed out. */
export class V86Contender implements Contender {
  readonly name = 'v86';
  readonly #library: string;
  readonly #image: string;
  readonly #rounds: Promise<{ milliseconds: number; result: string }[]>[] = [];
  readonly #asked: number[] = [];

  constructor(library: string, image: string) {
    this.#library = library;
    this.#image = image;
  }

  async run(kernel: number): Promise<{ milliseconds: number; result: string }> {
    const round = this.#asked[kernel] ?? 0;
    this.#asked[kernel] = round + 1;
    this.#rounds[round] ??= this.#runAll();
    const figure = (await this.#rounds[round])[kernel];
    if (figure === undefined) throw new Error(`v86 ended before kernel ${kernel}`);
    return figure;
  }

  #runAll(): Promise<{ milliseconds: number; result: string }[]> {
    return new Promise((resolve, reject) => {
      const script = join(packageRoot, 'tools/bench/v86-runner.mjs');
      const child = spawn(process.execPath, [script, this.#library, this.#image], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      const figures: { milliseconds: number; result: string }[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => {
        const match = /^end (\S+) ([\d.]+)$/.exec(line);
        if (match !== null) figures.push({ result: match[1] ?? '', milliseconds: Number(match[2]) });
      });
      child.on('error', reject);
      child.on('close', () => resolve(figures));
    });
  }
}
