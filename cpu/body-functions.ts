/** What bodies may call: WebAssembly's operations under the names that JavaScript has for them, or under our own. */
import { type FunctionWriter, MemoryOp, Op, ValueType, VectorOp } from './wasm-writer.js';

const { I32, I64, F64, V128 } = ValueType;

export interface Builtin {
  readonly parameters: readonly ValueType[];
  readonly result: ValueType | null;
  emit(out: FunctionWriter): void;
}

function builtin(
  parameters: readonly ValueType[],
  result: ValueType | null,
  emit: (out: FunctionWriter) => void,
): Builtin {
  return { parameters, result, emit };
}

const ops = (parameters: readonly ValueType[], result: ValueType, ...list: readonly number[]) =>
  builtin(parameters, result, (out) => {
    for (const op of list) out.op(op);
  });
const load = (result: ValueType, opcode: number, ...list: readonly number[]) =>
  builtin([I32], result, (out) => {
    out.memory(opcode, 0);
    for (const op of list) out.op(op);
  });
const store = (value: ValueType, opcode: number, ...list: readonly number[]) =>
  builtin([I32, value], null, (out) => {
    for (const op of list) out.op(op);
    out.memory(opcode, 0);
  });
const vector = (parameters: readonly ValueType[], opcode: number) =>
  builtin(parameters, V128, (out) => out.vector(opcode));
const lane = (result: ValueType, opcode: number, index: number, ...list: readonly number[]) =>
  builtin([V128], result, (out) => {
    out.lane(opcode, index);
    for (const op of list) out.op(op);
  });
const withLane = (value: ValueType, opcode: number, index: number, ...list: readonly number[]) =>
  builtin([V128, value], V128, (out) => {
    for (const op of list) out.op(op);
    out.lane(opcode, index);
  });

/** What bodies may call; the names without a dot exist in translated code only. */
export const BUILTINS: Readonly<Record<string, Builtin>> = {
  'Math.imul': ops([I32, I32], I32, Op.i32_mul),
  'Math.clz32': ops([I32], I32, Op.i32_clz),
  'Math.sqrt': ops([F64], F64, Op.f64_sqrt),
  'Math.abs': ops([F64], F64, Op.f64_abs),
  'Math.fround': ops([F64], F64, Op.f32_demote_f64, Op.f64_promote_f32),
  'view.getInt32': load(I32, MemoryOp.i32_load),
  'view.getInt16': load(I32, MemoryOp.i32_load16_s),
  'view.getUint16': load(I32, MemoryOp.i32_load16_u),
  'view.getFloat64': load(F64, MemoryOp.f64_load),
  'view.getFloat32': load(F64, MemoryOp.f32_load, Op.f64_promote_f32),
  'view.setInt32': store(I32, MemoryOp.i32_store),
  'view.setInt16': store(I32, MemoryOp.i32_store16),
  load64: load(I64, MemoryOp.i64_load),
  store64: store(I64, MemoryOp.i64_store),
  unsigned64: ops([I32], I64, Op.i64_extend_i32_u),
  signed64: ops([I32], I64, Op.i64_extend_i32_s),
  low32: ops([I64], I32, Op.i32_wrap_i64),
  below64: ops([I64, I64], I32, Op.i64_lt_u),
  clz64: ops([I64], I32, Op.i64_clz, Op.i32_wrap_i64),
  divideUnsigned64: ops([I64, I64], I64, Op.i64_div_u),
  divideSigned64: ops([I64, I64], I64, Op.i64_div_s),
  divideUnsigned32: ops([I32, I32], I32, Op.i32_div_u),
  bitsOf: ops([F64], I64, Op.i64_reinterpret_f64),
  doubleOf: ops([I64], F64, Op.f64_reinterpret_i64),
  unsignedToDouble: ops([I64], F64, Op.f64_convert_i64_u),
  truncate: builtin([F64], I32, (out) => {
    out.code.append([0xfc, 0x02]);
  }),
  truncate64: builtin([F64], I64, (out) => {
    out.code.append([0xfc, 0x07]);
  }),
  loadVector: builtin([I32], V128, (out) => out.vectorMemory(VectorOp.v128_load, 0)),
  storeVector: builtin([I32, V128], null, (out) => out.vectorMemory(VectorOp.v128_store, 0)),
  loadLow64: builtin([I32], V128, (out) => out.vectorMemory(VectorOp.v128_load64_zero, 0)),
  loadLow32: builtin([I32], V128, (out) => out.vectorMemory(VectorOp.v128_load32_zero, 0)),
  double0: lane(F64, VectorOp.f64x2_extract_lane, 0),
  double1: lane(F64, VectorOp.f64x2_extract_lane, 1),
  single0: lane(F64, VectorOp.f32x4_extract_lane, 0, Op.f64_promote_f32),
  long0: lane(I64, VectorOp.i64x2_extract_lane, 0),
  long1: lane(I64, VectorOp.i64x2_extract_lane, 1),
  word0: lane(I32, VectorOp.i32x4_extract_lane, 0),
  withDouble0: withLane(F64, VectorOp.f64x2_replace_lane, 0),
  withDouble1: withLane(F64, VectorOp.f64x2_replace_lane, 1),
  withSingle0: withLane(F64, VectorOp.f32x4_replace_lane, 0, Op.f32_demote_f64),
  withLong0: withLane(I64, VectorOp.i64x2_replace_lane, 0),
  withLong1: withLane(I64, VectorOp.i64x2_replace_lane, 1),
  withWord0: withLane(I32, VectorOp.i32x4_replace_lane, 0),
  vectorOfWord: builtin([I32], V128, (out) => {
    // The other lanes are zeros.
    out.op(Op.i64_extend_i32_u);
    out.vector(0x12);
    out.i64(0n);
    out.lane(VectorOp.i64x2_replace_lane, 1);
  }),
  andVectors: vector([V128, V128], VectorOp.v128_and),
  orVectors: vector([V128, V128], VectorOp.v128_or),
  xorVectors: vector([V128, V128], VectorOp.v128_xor),
  /** The first operand's bits that are clear in the second. */
  andNotVectors: vector([V128, V128], VectorOp.v128_andnot),
  addDoubles: vector([V128, V128], VectorOp.f64x2_add),
  subtractDoubles: vector([V128, V128], VectorOp.f64x2_sub),
  multiplyDoubles: vector([V128, V128], VectorOp.f64x2_mul),
  addDoublewords: vector([V128, V128], VectorOp.i32x4_add),
};
