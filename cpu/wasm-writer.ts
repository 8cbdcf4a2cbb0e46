/** WebAssembly's binary format, as far as the translator of regions needs it (WebAssembly core specification, chapter 5). */

export const ValueType = { I32: 0x7f, I64: 0x7e, F32: 0x7d, F64: 0x7c, V128: 0x7b } as const;
export type ValueType = (typeof ValueType)[keyof typeof ValueType];

/** Opcodes without operands of their own. */
export const Op = {
  unreachable: 0x00,
  else: 0x05,
  end: 0x0b,
  return: 0x0f,
  drop: 0x1a,
  select: 0x1b,
  i32_eqz: 0x45,
  i32_eq: 0x46,
  i32_ne: 0x47,
  i32_lt_s: 0x48,
  i32_lt_u: 0x49,
  i32_gt_s: 0x4a,
  i32_gt_u: 0x4b,
  i32_le_s: 0x4c,
  i32_le_u: 0x4d,
  i32_ge_s: 0x4e,
  i32_ge_u: 0x4f,
  i64_eqz: 0x50,
  i64_eq: 0x51,
  i64_ne: 0x52,
  i64_lt_s: 0x53,
  i64_lt_u: 0x54,
  i64_gt_s: 0x55,
  i64_gt_u: 0x56,
  i64_le_s: 0x57,
  i64_le_u: 0x58,
  i64_ge_s: 0x59,
  i64_ge_u: 0x5a,
  f64_eq: 0x61,
  f64_ne: 0x62,
  f64_lt: 0x63,
  f64_gt: 0x64,
  f64_le: 0x65,
  f64_ge: 0x66,
  i32_clz: 0x67,
  i32_add: 0x6a,
  i32_sub: 0x6b,
  i32_mul: 0x6c,
  i32_div_u: 0x6e,
  i32_and: 0x71,
  i32_or: 0x72,
  i32_xor: 0x73,
  i32_shl: 0x74,
  i32_shr_s: 0x75,
  i32_shr_u: 0x76,
  i64_clz: 0x79,
  i64_add: 0x7c,
  i64_sub: 0x7d,
  i64_mul: 0x7e,
  i64_div_s: 0x7f,
  i64_div_u: 0x80,
  i64_and: 0x83,
  i64_or: 0x84,
  i64_xor: 0x85,
  i64_shl: 0x86,
  i64_shr_s: 0x87,
  i64_shr_u: 0x88,
  f64_abs: 0x99,
  f64_neg: 0x9a,
  f64_floor: 0x9c,
  f64_sqrt: 0x9f,
  f64_add: 0xa0,
  f64_sub: 0xa1,
  f64_mul: 0xa2,
  f64_div: 0xa3,
  i32_wrap_i64: 0xa7,
  i64_extend_i32_s: 0xac,
  i64_extend_i32_u: 0xad,
  f32_demote_f64: 0xb6,
  f64_convert_i32_s: 0xb7,
  f64_convert_i32_u: 0xb8,
  f64_convert_i64_u: 0xba,
  f64_promote_f32: 0xbb,
  i64_reinterpret_f64: 0xbd,
  f64_reinterpret_i64: 0xbf,
} as const;

/** Opcodes with an alignment and an offset. */
export const MemoryOp = {
  i32_load: 0x28,
  i64_load: 0x29,
  f32_load: 0x2a,
  f64_load: 0x2b,
  i32_load8_s: 0x2c,
  i32_load8_u: 0x2d,
  i32_load16_s: 0x2e,
  i32_load16_u: 0x2f,
  i32_store: 0x36,
  i64_store: 0x37,
  f32_store: 0x38,
  f64_store: 0x39,
  i32_store8: 0x3a,
  i32_store16: 0x3b,
} as const;

/** Vector opcodes, behind the prefix FD. */
export const VectorOp = {
  v128_load: 0x00,
  v128_store: 0x0b,
  i32x4_extract_lane: 0x1b,
  i32x4_replace_lane: 0x1c,
  i64x2_extract_lane: 0x1d,
  i64x2_replace_lane: 0x1e,
  f32x4_extract_lane: 0x1f,
  f32x4_replace_lane: 0x20,
  f64x2_extract_lane: 0x21,
  f64x2_replace_lane: 0x22,
  v128_and: 0x4e,
  v128_andnot: 0x4f,
  v128_or: 0x50,
  v128_xor: 0x51,
  v128_load32_zero: 0x5c,
  v128_load64_zero: 0x5d,
  i32x4_add: 0xae,
  f64x2_add: 0xf0,
  f64x2_sub: 0xf1,
  f64x2_mul: 0xf2,
} as const;

const BLOCK_TYPE_EMPTY = 0x40;

/** Bytes of a section or a function body. */
export class ByteWriter {
  readonly bytes: number[] = [];

  byte(value: number): void {
    this.bytes.push(value);
  }

  append(other: readonly number[]): void {
    for (const value of other) this.bytes.push(value);
  }

  unsigned(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.bytes.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.bytes.push(rest);
  }

  signed(value: number): void {
    let rest = value | 0;
    while (rest > 0x3f || rest < -0x40) {
      this.bytes.push((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.bytes.push(rest & 0x7f);
  }

  signed64(value: bigint): void {
    let rest = BigInt.asIntN(64, value);
    while (rest > 0x3fn || rest < -0x40n) {
      this.bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.bytes.push(Number(rest & 0x7fn));
  }

  name(text: string): void {
    this.unsigned(text.length);
    for (const character of text) this.bytes.push(character.charCodeAt(0));
  }
}

/** Where a branch can go: the number of the label, counted from the outermost. */
export type Label = number;

/** One function: its locals and its code. */
export class FunctionWriter {
  readonly code = new ByteWriter();
  readonly #parameters: number;
  readonly #locals: ValueType[] = [];
  #labels = 0;

  constructor(parameters: number) {
    this.#parameters = parameters;
  }

  /** A new local. @returns its number */
  local(type: ValueType): number {
    return this.#parameters + this.#locals.push(type) - 1;
  }

  op(opcode: number): void {
    this.code.byte(opcode);
  }

  i32(value: number): void {
    this.code.byte(0x41);
    this.code.signed(value);
  }

  i64(value: bigint): void {
    this.code.byte(0x42);
    this.code.signed64(value);
  }

  f64(value: number): void {
    this.code.byte(0x44);
    this.code.append([...new Uint8Array(Float64Array.of(value).buffer)]);
  }

  get(local: number): void {
    this.code.byte(0x20);
    this.code.unsigned(local);
  }

  set(local: number): void {
    this.code.byte(0x21);
    this.code.unsigned(local);
  }

  memory(opcode: number, offset: number): void {
    this.code.byte(opcode);
    this.code.unsigned(0);
    this.code.unsigned(offset);
  }

  vector(opcode: number): void {
    this.code.byte(0xfd);
    this.code.unsigned(opcode);
  }

  vectorMemory(opcode: number, offset: number): void {
    this.vector(opcode);
    this.code.unsigned(0);
    this.code.unsigned(offset);
  }

  lane(opcode: number, lane: number): void {
    this.vector(opcode);
    this.code.byte(lane);
  }

  call(functionNumber: number): void {
    this.code.byte(0x10);
    this.code.unsigned(functionNumber);
  }

  #open(opcode: number, type: number): Label {
    this.code.byte(opcode);
    this.code.byte(type);
    return this.#labels++;
  }

  /** Opens a block: a branch to its label goes behind its end. */
  block(): Label {
    return this.#open(0x02, BLOCK_TYPE_EMPTY);
  }

  /** Opens a loop: a branch to its label goes to its start. */
  loop(): Label {
    return this.#open(0x03, BLOCK_TYPE_EMPTY);
  }

  if(type?: ValueType): Label {
    return this.#open(0x04, type ?? BLOCK_TYPE_EMPTY);
  }

  end(): void {
    this.#labels--;
    this.code.byte(Op.end);
  }

  branch(label: Label): void {
    this.code.byte(0x0c);
    this.code.unsigned(this.#labels - 1 - label);
  }

  branchIf(label: Label): void {
    this.code.byte(0x0d);
    this.code.unsigned(this.#labels - 1 - label);
  }

  /** The entry of the code section. */
  finish(): number[] {
    const body = new ByteWriter();
    body.unsigned(this.#locals.length);
    for (const type of this.#locals) {
      body.byte(1);
      body.byte(type);
    }
    body.append(this.code.bytes);
    body.byte(Op.end);
    const entry = new ByteWriter();
    entry.unsigned(body.bytes.length);
    entry.append(body.bytes);
    return entry.bytes;
  }
}

export interface Signature {
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** A module that imports a memory and functions from 'machine' and exports its first function as 'run'. */
export function moduleBytes(
  imports: readonly (readonly [name: string, signature: Signature])[],
  functions: readonly (readonly [code: readonly number[], signature: Signature])[],
): Uint8Array<ArrayBuffer> {
  const all = new ByteWriter();
  all.append([0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  const section = (number: number, count: number, write: (content: ByteWriter) => void) => {
    const content = new ByteWriter();
    content.unsigned(count);
    write(content);
    all.byte(number);
    all.unsigned(content.bytes.length);
    all.append(content.bytes);
  };
  const signatures = [...imports, ...functions].map(([, signature]) => signature);
  section(1, signatures.length, (content) => {
    for (const { parameters, results } of signatures) {
      content.byte(0x60);
      content.unsigned(parameters.length);
      content.append(parameters);
      content.unsigned(results.length);
      content.append(results);
    }
  });
  section(2, imports.length + 1, (content) => {
    content.name('machine');
    content.name('memory');
    content.append([2, 0, 0]);
    imports.forEach(([name], index) => {
      content.name('machine');
      content.name(name);
      content.byte(0);
      content.unsigned(index);
    });
  });
  section(3, functions.length, (content) => {
    functions.forEach((_entry, index) => {
      content.unsigned(imports.length + index);
    });
  });
  section(7, 1, (content) => {
    content.name('run');
    content.byte(0);
    content.unsigned(imports.length);
  });
  section(10, functions.length, (content) => {
    for (const [code] of functions) content.append(code);
  });
  return Uint8Array.from(all.bytes);
}
