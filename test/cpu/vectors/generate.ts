/** Makes random jobs, has the executor run them on this machine's processor, and writes the vector files. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import type { InstructionRow } from '../../../cpu/instruction.js';
import { integerInstructions } from '../../../cpu/instructions-integer.js';
import { mmxInstructions } from '../../../cpu/instructions-mmx.js';
import { sseInstructions } from '../../../cpu/instructions-sse.js';
import { systemInstructions } from '../../../cpu/instructions-system.js';
import { x87Instructions } from '../../../cpu/instructions-x87.js';
import { type Encoding, encodingsByRow } from './encoding.js';
import { backgroundState, LDT_ENTRIES, PAGE_SIZE, PAGES, pageContents } from './environment.js';
import { Random } from './random.js';
import { type Job, randomJob, type Unit } from './scenario.js';
import { UNPROVEN_ROWS } from './unproven.js';
import { type MemoryRun, STATE_SIZE, type Vector, type VectorGroup, VectorWriter } from './vector-file.js';

const VECTORS_PER_ROW = 220;
const SEED = 0x1386;
const UNITS: readonly (readonly [Unit, readonly InstructionRow[]])[] = [
  ['integer', integerInstructions],
  ['system', systemInstructions],
  ['x87', x87Instructions],
  ['mmx', mmxInstructions],
  ['sse', sseInstructions],
];

/** Bytes that grow. */
class Output {
  #bytes = Buffer.alloc(1 << 20);
  #size = 0;

  uint32(value: number): void {
    this.raw(Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24));
  }

  raw(bytes: Uint8Array): void {
    while (this.#size + bytes.length > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes, this.#bytes]);
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
}

/** Input of executor.c: environment and jobs. */
function executorInput(jobs: readonly Job[]): Buffer {
  const output = new Output();
  output.uint32(PAGES.length);
  output.uint32(LDT_ENTRIES.length);
  LDT_ENTRIES.forEach((entry, number) => {
    const { big, contents, restricted, pages, present } = entry;
    const flags = [big ? 1 : 0, contents << 1, restricted ? 8 : 0, pages ? 0x10 : 0, present ? 0 : 0x20];
    for (const value of [number, entry.base, entry.limit, flags.reduce((sum, flag) => sum | flag, 0x40)]) {
      output.uint32(value);
    }
  });
  for (const page of PAGES) {
    output.uint32(page.address);
    output.uint32(page.protection);
  }
  output.raw(pageContents());
  for (const job of jobs) {
    output.raw(Uint8Array.of(job.code.length, job.mode, 0, 0));
    output.uint32(job.linear);
    const code = new Uint8Array(16);
    code.set(job.code);
    output.raw(code);
    output.raw(job.before);
    output.uint32(job.patches.length);
    for (const { address, bytes } of job.patches) {
      output.uint32(address);
      output.uint32(bytes.length);
      output.raw(bytes);
    }
  }
  const body = output.finish();
  const size = Buffer.alloc(4);
  size.writeUInt32LE(body.length);
  return Buffer.concat([size, body]);
}

function execute(executor: string, jobs: readonly Job[]): Vector[] {
  const run = spawnSync(executor, { input: executorInput(jobs), maxBuffer: 1 << 30 });
  if (run.status !== 0)
    throw new Error(
      `executor: ${jobs.length} jobs, first ${Buffer.from(jobs[0].code).toString('hex')}: ${run.signal ?? run.status} ${run.stderr}`,
    );
  const output = run.stdout;
  let at = 0;
  const uint32 = () => {
    at += 4;
    return output.readUInt32LE(at - 4);
  };
  return jobs.map((job) => {
    const exception = uint32();
    const errorCode = uint32();
    const faultAddress = uint32();
    const after = new Uint8Array(output.subarray(at, at + STATE_SIZE));
    at += STATE_SIZE;
    const changes: MemoryRun[] = [];
    for (let count = uint32(); count > 0; count--) {
      const address = uint32();
      const size = uint32();
      changes.push({ address, bytes: new Uint8Array(output.subarray(at, at + size)) });
      at += size;
    }
    normaliseFlags(after, job);
    return { ...job, exception, errorCode, faultAddress, after, changes };
  });
}

/** RF is set in the frames of faults, TF because we set it: both are no result of the instruction. */
function normaliseFlags(state: Uint8Array, job: Job): void {
  state[38] &= ~1;
  if (job.mode === 1 && (job.before[37] & 1) === 0 && job.code.length > 0) state[37] &= ~1;
}

function jobsOf(row: InstructionRow, unit: Unit, encodings: readonly Encoding[], seed: number): Job[] {
  const random = new Random(seed);
  const jobs: Job[] = [];
  for (let attempt = 0; jobs.length < VECTORS_PER_ROW && attempt < 50 * VECTORS_PER_ROW; attempt++) {
    const job = randomJob(random, row, unit, encodings);
    if (job !== null) jobs.push(job);
  }
  return jobs;
}

function processorName(): string {
  const text = readFileSync('/proc/cpuinfo', 'utf8');
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, 'm').exec(text)?.[1] ?? '?';
  return `${field('model name')}, family ${field('cpu family')}, model ${field('model')}, stepping ${field('stepping')}`;
}

function hashOf(text: string): number {
  let hash = SEED;
  for (const letter of text) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x0100_0193);
  return hash >>> 0;
}

function compress(bytes: Uint8Array): Buffer {
  return brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

const [executor, folder, ...wanted] = process.argv.slice(2);
const encodings = encodingsByRow();
for (const [unit, rows] of UNITS) {
  if (wanted.length > 0 && !wanted.includes(unit)) continue;
  const writer = new VectorWriter(backgroundState());
  const groups: VectorGroup[] = [];
  let total = 0;
  for (const row of rows) {
    if (UNPROVEN_ROWS.has(row.opcode)) continue;
    const vectors = execute(executor, jobsOf(row, unit, encodings.get(row) ?? [], hashOf(row.opcode)));
    for (const vector of vectors) writer.add(vector);
    groups.push({ opcode: row.opcode, mnemonic: row.mnemonic, vectors: vectors.length });
    total += vectors.length;
  }
  const file = compress(writer.finish({ processor: processorName(), groups }));
  writeFileSync(`${folder}/${unit}.bin.br`, file);
  console.log(`${unit}: ${groups.length} rows, ${total} vectors, ${file.length} bytes`);
}
if (PAGE_SIZE !== 4096) throw new Error('executor.c has pages of 4096 bytes');
