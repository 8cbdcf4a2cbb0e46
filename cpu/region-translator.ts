/**
 * Regions to WebAssembly: a module with one function for each, over the machine's own memory. region-writer.ts writes the function.
 */
import { BodyCompiler } from './body-compiler.js';
import { parseBody, type Statement } from './body-syntax.js';
import { withConstants } from './interpreter-source.js';
import { SEGMENT_ACCESS, SEGMENT_BASE, SEGMENT_LIMIT } from './layout.js';
import { A, ADDRESS, CHECK_FAULT } from './micro-operation.js';
import { microOperations } from './micro-operation-table.js';
import {
  ARITHMETIC_SIGNATURE,
  REGION_SIGNATURE,
  type RegionPlan,
  RegionWriter,
  type TranslatorMachine,
} from './region-writer.js';
import { x87Functions } from './region-x87.js';
import { FunctionWriter, moduleBytes, Op, type Signature, ValueType } from './wasm-writer.js';

/** A translated region: runs with this budget; returns where the interpreter goes on, 0 when nothing is left to do. */
export type RegionFunction = (remaining: number) => number;

const { I32, I64 } = ValueType;

/** In the order of region-writer.ts. */
const IMPORTS: readonly (readonly [string, Signature])[] = [
  ['handle', { parameters: [I32, I32], results: [I32] }],
  ['missed', { parameters: [I32, I32], results: [] }],
];
const NO_TABLES = {};
/** Access word of a present, writable data segment that does not expand down, in this mask. */
const DATA_MASK = 0x9e;
const DATA_WRITABLE = 0x92;

/** Bodies that differ from the interpreter's, which calls functions for them. */
const OWN_BODIES: Readonly<Record<string, string>> = {
  DIV32_R: `const by = ${A};
    if (words[2] === 0) {
      if (by === 0) exit();
      const low = words[0], quotient = divideUnsigned32(low, by);
      words[0] = quotient; words[2] = low - Math.imul(quotient, by);
    } else {
      if (words[2] >>> 0 >= by >>> 0) exit();
      const divisor = unsigned64(by), dividend = unsigned64(words[2]) << 32n | unsigned64(words[0]);
      const wide = divideUnsigned64(dividend, divisor);
      words[0] = low32(wide); words[2] = low32(dividend - wide * divisor);
    }
    words[FR] = 1; words[FA] = words[FA] & 0xc0000000 | 8;`,
  IDIV32_R: `const by = ${A};
    if (by + 1 >>> 0 <= 1) exit();
    const divisor = signed64(by), dividend = unsigned64(words[2]) << 32n | unsigned64(words[0]);
    const wide = divideSigned64(dividend, divisor);
    if (signed64(low32(wide)) !== wide) exit();
    words[0] = low32(wide); words[2] = low32(dividend - wide * divisor);
    words[FR] = 1; words[FA] = words[FA] & 0xc0000000 | 8;`,
  SEGMENT: `const segment = code[pc + 2 | 0] & 7, offset = ${ADDRESS}, rest = (code[pc + 2 | 0] >> 8 & 0xff) - 1;
    const limit = words[${SEGMENT_LIMIT} + segment];
    if ((words[${SEGMENT_ACCESS} + segment] & ${DATA_MASK}) !== ${DATA_WRITABLE}) exit();
    if (limit >>> 0 < offset >>> 0 || limit - offset >>> 0 < rest >>> 0) exit();
    ${A} = words[${SEGMENT_BASE} + segment] + offset;`,
};

/** Translates regions of one machine. */
export class RegionTranslator {
  readonly #machine: TranslatorMachine;
  readonly #bodies: (readonly Statement[] | undefined)[] = [];
  readonly #functions = new Map<number, readonly (readonly number[])[]>();

  constructor(machine: TranslatorMachine) {
    this.#machine = machine;
  }

  translate(plan: RegionPlan): RegionFunction {
    const writer = new RegionWriter(this.#machine, plan, (operation) => this.#bodyOf(operation));
    const functions: (readonly [readonly number[], Signature])[] = [[writer.write(), REGION_SIGNATURE]];
    if (writer.dropped !== undefined) {
      for (const code of this.#arithmetic(writer.dropped)) functions.push([code, ARITHMETIC_SIGNATURE]);
    }
    const { memory, handle, missed } = this.#machine;
    const module = new WebAssembly.Module(moduleBytes(IMPORTS, functions));
    const instance = new WebAssembly.Instance(module, { machine: { memory, handle, missed } });
    return instance.exports.run as RegionFunction;
  }

  /** The functions of x87 arithmetic for this precision, as entries of the code section. */
  #arithmetic(dropped: number): readonly (readonly number[])[] {
    const written = this.#functions.get(dropped);
    if (written !== undefined) return written;
    const list = x87Functions(dropped).map(([, text]) => writeArithmetic(this.#machine.code, text));
    this.#functions.set(dropped, list);
    return list;
  }

  #bodyOf(operation: number): readonly Statement[] {
    const { name, body } = microOperations[operation];
    this.#bodies[operation] ??= parseBody(withConstants((OWN_BODIES[name] ?? body).replaceAll(CHECK_FAULT, '')));
    return this.#bodies[operation];
  }
}

function writeArithmetic(code: Int32Array, text: string): readonly number[] {
  const out = new FunctionWriter(4);
  const compiler = new BodyCompiler(out, code, [], NO_TABLES, {});
  ['sa', 'ea', 'sb', 'eb'].forEach((name, local) => {
    compiler.bind(name, local, local % 2 === 0 ? I64 : I32);
  });
  const never = () => {
    throw new Error('x87 arithmetic does not branch');
  };
  const exit = () => {
    out.get(compiler.localOf('word'));
    out.get(compiler.localOf('sig'));
    out.op(Op.return);
  };
  compiler.compile(parseBody(text), 0, { exit, branch: never, branchIndirect: never });
  out.op(Op.unreachable);
  return out.finish();
}
