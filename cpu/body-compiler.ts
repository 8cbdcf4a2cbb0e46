/**
 * Compiles the bodies of micro-operations to WebAssembly, their operands taken for constants: the same text that the interpreter is
 * made of says what translated code does. Registers and flag words are locals; every call of the interpreter (`run.`), which is a
 * slow path, becomes an exit in front of the instruction.
 *
 * Numbers are 32-bit integers unless they come from what gives another kind: the functions below, and products, which are doubles.
 */
import { BUILTINS, type Builtin } from './body-functions.js';
import type { Expression, Statement } from './body-syntax.js';
import { FLAG_AUXILIARY, FLAG_RESULT, TEMP0, TEMP2, ZERO } from './layout.js';
import { type FunctionWriter, MemoryOp, Op, ValueType } from './wasm-writer.js';

/** What a body cannot decide: how control leaves it. */
export interface BodyExits {
  /** Leaves translated code in front of the instruction. */
  exit(): void;
  /** Goes to a block, having given back this much of the budget. */
  branch(link: number, refund: number): void;
  /** Goes to the block at the EIP in this local. */
  branchIndirect(eip: number): void;
}

const { I32, I64, F64 } = ValueType;

/** Integer, 64-bit and double opcodes of a binary operator. */
const BINARY: Readonly<Record<string, readonly [number, number, number]>> = {
  '+': [Op.i32_add, Op.i64_add, Op.f64_add],
  '-': [Op.i32_sub, Op.i64_sub, Op.f64_sub],
  '*': [Op.i32_mul, Op.i64_mul, Op.f64_mul],
  '/': [0, 0, Op.f64_div],
  '&': [Op.i32_and, Op.i64_and, 0],
  '|': [Op.i32_or, Op.i64_or, 0],
  '^': [Op.i32_xor, Op.i64_xor, 0],
  '<<': [Op.i32_shl, Op.i64_shl, 0],
  '>>': [Op.i32_shr_s, Op.i64_shr_s, 0],
  '>>>': [Op.i32_shr_u, Op.i64_shr_u, 0],
};
const COMPARISON: Readonly<Record<string, readonly [number, number, number]>> = {
  '===': [Op.i32_eq, Op.i64_eq, Op.f64_eq],
  '!==': [Op.i32_ne, Op.i64_ne, Op.f64_ne],
  '<': [Op.i32_lt_s, Op.i64_lt_s, Op.f64_lt],
  '>': [Op.i32_gt_s, Op.i64_gt_s, Op.f64_gt],
  '<=': [Op.i32_le_s, Op.i64_le_s, Op.f64_le],
  '>=': [Op.i32_ge_s, Op.i64_ge_s, Op.f64_ge],
};
const UNSIGNED_COMPARISON: Readonly<Record<string, number>> = {
  '<': Op.i32_lt_u,
  '>': Op.i32_gt_u,
  '<=': Op.i32_le_u,
  '>=': Op.i32_ge_u,
};

/** Words of the state that are locals in every region: registers, temporaries, flags. */
export const REGISTER_WORDS: readonly number[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  7,
  TEMP0,
  TEMP0 + 1,
  TEMP2,
  FLAG_RESULT,
  FLAG_AUXILIARY,
];

export class BodyCompiler {
  readonly out: FunctionWriter;
  /** Locals of the registers, temporaries and flag words by their word; undefined: the word lies in memory. */
  readonly words: (number | undefined)[] = [];
  readonly #code: Int32Array;
  readonly #tables: Readonly<Record<string, number>>;
  readonly #functions: Readonly<Record<string, Builtin>>;
  /** Locals that have names, by name and kind, and the one that a name means now. */
  readonly #locals = new Map<string, number>();
  readonly #named = new Map<string, { local: number; type: ValueType }>();
  readonly #constants = new Map<string, number>();
  #exits: BodyExits | null = null;
  #refund = 0;

  /**
   * @param words the words of the state that are locals
   * @param tables word indices of the TLB tables: readTable, writeTable, executeTable
   * @param functions what bodies may call besides the functions that all may call
   */
  constructor(
    out: FunctionWriter,
    code: Int32Array,
    words: readonly number[],
    tables: Readonly<Record<string, number>>,
    functions: Readonly<Record<string, Builtin>>,
  ) {
    this.out = out;
    this.#code = code;
    this.#tables = tables;
    this.#functions = { ...BUILTINS, ...functions };
    for (const word of words) this.words[word] = out.local(I32);
    this.bind('rmwHost', out.local(I32), I32);
  }

  /** Lets a name in bodies mean this local. */
  bind(name: string, local: number, type: ValueType): void {
    this.#named.set(name, { local, type });
  }

  /**
   * Compiles the body of the micro-operation at `pc`.
   * @returns whether control can reach the next micro-operation
   */
  compile(body: readonly Statement[], pc: number, exits: BodyExits): boolean {
    this.#constants.clear();
    this.#constants.set('pc', pc);
    this.#constants.set('w', this.#code[pc]);
    for (const [name, value] of Object.entries(this.#tables)) this.#constants.set(name, value);
    this.#exits = exits;
    this.#refund = 0;
    return this.#statements(body);
  }

  #statements(list: readonly Statement[]): boolean {
    for (const statement of list) if (!this.#statement(statement)) return false;
    return true;
  }

  #statement(statement: Statement): boolean {
    switch (statement.kind) {
      case 'declare': {
        if (statement.name === 'slot') {
          this.#exits?.branchIndirect(this.localOf('eip'));
          return false;
        }
        const constant = statement.constant ? this.#fold(statement.value) : undefined;
        if (constant !== undefined) {
          this.#constants.set(statement.name, constant);
          return true;
        }
        if (callsInterpreter(statement.value)) return this.#exit();
        this.#constants.delete(statement.name);
        const type = this.#typeOf(statement.value);
        const key = `${statement.name} ${type}`;
        const local = this.#locals.get(key) ?? this.out.local(type);
        this.#locals.set(key, local);
        this.#emit(statement.value, type);
        this.out.set(local);
        this.#named.set(statement.name, { local, type });
        return true;
      }
      case 'assign':
        if (callsInterpreter(statement.value)) return this.#exit();
        this.#assign(statement.target, statement.value);
        return true;
      case 'if':
        return this.#if(statement.test, statement.then, statement.otherwise);
      case 'call':
        return this.#call(statement.call);
      case 'continue':
        if (statement.label === '') return true;
        this.#exits?.branch(this.#constants.get('link') ?? 0, this.#refund);
        return false;
      default:
        return this.#exit();
    }
  }

  #exit(): false {
    this.#exits?.exit();
    return false;
  }

  #call(call: Expression): boolean {
    if (call.kind !== 'call') throw new Error('micro-operation body: a value where a call belongs');
    if (call.callee === 'exit' || callsInterpreter(call)) return this.#exit();
    if (this.#emitCall(call.callee, call.arguments) !== null) this.out.op(Op.drop);
    return true;
  }

  #if(test: Expression, then: readonly Statement[], otherwise: readonly Statement[]): boolean {
    const known = this.#isKnownHost(test) ? 1 : this.#fold(test);
    if (known !== undefined) return this.#statements(known !== 0 ? then : otherwise);
    const out = this.out;
    const refund = this.#refund;
    this.#emit(test, I32);
    out.if();
    const thenReaches = this.#statements(then);
    this.#refund = refund;
    let otherwiseReaches = true;
    if (otherwise.length > 0) {
      out.op(Op.else);
      otherwiseReaches = this.#statements(otherwise);
      this.#refund = refund;
    }
    out.end();
    return thenReaches || otherwiseReaches;
  }

  /** A read-modify-write whose first half needs the slow way has left already: its second half knows where it writes. */
  #isKnownHost(test: Expression): boolean {
    return (
      test.kind === 'binary' && test.operator === '!==' && test.left.kind === 'name' && test.left.name === 'rmwHost'
    );
  }

  /** The local that a name means now. */
  localOf(name: string): number {
    const found = this.#named.get(name);
    if (found === undefined) throw new Error(`micro-operation body: nothing is called ${name}`);
    return found.local;
  }

  // --- assignment ---------------------------------------------------------------------------------------------------

  #assign(target: Expression, value: Expression): void {
    const out = this.out;
    if (target.kind === 'name') {
      if (target.name === 'pc') return;
      if (target.name === 'remaining') {
        // remaining + refund | 0
        this.#refund = this.#refundOf(value);
        return;
      }
      const named = this.#named.get(target.name);
      if (named === undefined) throw new Error(`micro-operation body: nothing is called ${target.name}`);
      this.#emit(value, named.type);
      out.set(named.local);
      return;
    }
    if (target.kind !== 'index') throw new Error('micro-operation body: no target of an assignment');
    const index = this.#fold(target.index);
    if (target.array === 'words') {
      if (index === undefined) throw new Error('micro-operation body: a store by a word index that is not constant');
      const local = this.words[index];
      if (local === undefined) out.i32(0);
      this.#emit(value, I32);
      if (local === undefined) out.memory(MemoryOp.i32_store, index * 4);
      else out.set(local);
    } else if (index === undefined) {
      this.#emit(target.index, I32);
      this.#emit(value, I32);
      out.memory(MemoryOp.i32_store8, 0);
    } else if (target.array === 'bytes') this.#assignPart(index >> 2, (index & 3) * 8, 0xff, value);
    else this.#assignPart(index >> 1, (index & 1) * 16, 0xffff, value);
  }

  #refundOf(value: Expression): number {
    if (value.kind === 'binary' && value.operator === '|') return this.#refundOf(value.left);
    const refund = value.kind === 'binary' ? this.#fold(value.right) : undefined;
    if (refund === undefined) throw new Error('micro-operation body: a refund that is not constant');
    return refund;
  }

  /** An 8 or 16-bit register. */
  #assignPart(word: number, shift: number, mask: number, value: Expression): void {
    const out = this.out;
    const local = this.#registerOf(word);
    out.get(local);
    out.i32(~(mask << shift));
    out.op(Op.i32_and);
    this.#emit(value, I32);
    out.i32(mask);
    out.op(Op.i32_and);
    if (shift !== 0) {
      out.i32(shift);
      out.op(Op.i32_shl);
    }
    out.op(Op.i32_or);
    out.set(local);
  }

  #registerOf(word: number): number {
    const local = this.words[word];
    if (local === undefined) throw new Error(`micro-operation body: word ${word} has no parts`);
    return local;
  }

  // --- expressions --------------------------------------------------------------------------------------------------

  /** Its value if it is a constant here. */
  #fold(expression: Expression): number | undefined {
    switch (expression.kind) {
      case 'number':
        return expression.value;
      case 'name':
        return this.#constants.get(expression.name);
      case 'index': {
        if (expression.array === 'words' && this.#fold(expression.index) === ZERO) return 0;
        if (expression.array !== 'code') return undefined;
        const index = this.#fold(expression.index);
        return index === undefined ? undefined : this.#code[index];
      }
      case 'unary': {
        const operand = this.#fold(expression.operand);
        if (operand === undefined) return undefined;
        return expression.operator === '-' ? -operand : expression.operator === '~' ? ~operand : undefined;
      }
      case 'binary':
        return this.#foldBinary(expression.operator, expression.left, expression.right);
      default:
        return undefined;
    }
  }

  #foldBinary(operator: string, first: Expression, second: Expression): number | undefined {
    const left = this.#fold(first);
    if (left === undefined) return undefined;
    const right = this.#fold(second);
    if (right === undefined) return undefined;
    switch (operator) {
      case '+':
        return left + right;
      case '-':
        return left - right;
      case '&':
        return left & right;
      case '|':
        return left | right;
      case '^':
        return left ^ right;
      case '<<':
        return left << right;
      case '>>':
        return left >> right;
      case '>>>':
        return left >>> right;
      case '===':
        return left === right ? 1 : 0;
      case '!==':
        return left !== right ? 1 : 0;
      default:
        return undefined;
    }
  }

  #typeOf(expression: Expression): ValueType {
    switch (expression.kind) {
      case 'long':
        return I64;
      case 'name':
        return this.#constants.has(expression.name) ? I32 : (this.#named.get(expression.name)?.type ?? I32);
      case 'unary':
        return expression.operator === '!' ? I32 : this.#typeOf(expression.operand);
      case 'binary': {
        if (expression.operator in COMPARISON || expression.operator === '&&' || expression.operator === '||')
          return I32;
        const type = this.#operandType(expression.left, expression.right);
        return expression.operator === '*' && type === I32 ? F64 : type;
      }
      case 'conditional':
        return this.#operandType(expression.then, expression.otherwise);
      case 'call':
        return this.#functions[expression.callee]?.result ?? I32;
      default:
        return I32;
    }
  }

  #operandType(left: Expression, right: Expression): ValueType {
    const type = this.#typeOf(left);
    return type === I32 ? this.#typeOf(right) : type;
  }

  #constant(value: number, type: ValueType): void {
    if (type === F64) this.out.f64(value);
    else if (type === I64) this.out.i64(BigInt(value));
    else this.out.i32(value | 0);
  }

  /** Leaves the value on the stack, as this kind of number. */
  #emit(expression: Expression, wanted: ValueType): void {
    const out = this.out;
    const constant = this.#fold(expression);
    if (constant !== undefined) {
      this.#constant(constant, wanted);
      return;
    }
    const type = this.#typeOf(expression);
    switch (expression.kind) {
      case 'long':
        out.i64(expression.value);
        break;
      case 'name':
        out.get(this.localOf(expression.name));
        break;
      case 'index':
        this.#emitIndex(expression.array, expression.index);
        break;
      case 'unary':
        this.#emitUnary(expression.operator, expression.operand, type);
        break;
      case 'binary':
        this.#emitBinary(expression.operator, expression.left, expression.right);
        break;
      case 'conditional':
        this.#emit(expression.then, type);
        this.#emit(expression.otherwise, type);
        this.#emit(expression.test, I32);
        out.op(Op.select);
        break;
      case 'call':
        this.#emitCall(expression.callee, expression.arguments);
        break;
      default:
        break;
    }
    if (type === wanted) return;
    if (type === I32 && wanted === F64) out.op(isUnsigned(expression) ? Op.f64_convert_i32_u : Op.f64_convert_i32_s);
    else throw new Error(`micro-operation body: a value of kind ${type} where ${wanted} belongs`);
  }

  #emitUnary(operator: string, operand: Expression, type: ValueType): void {
    const out = this.out;
    if (operator === '!') {
      this.#emit(operand, I32);
      out.op(Op.i32_eqz);
    } else if (type === F64) {
      this.#emit(operand, F64);
      out.op(Op.f64_neg);
    } else if (operator === '-') {
      this.#constant(0, type);
      this.#emit(operand, type);
      out.op(type === I64 ? Op.i64_sub : Op.i32_sub);
    } else {
      this.#emit(operand, type);
      this.#constant(-1, type);
      out.op(type === I64 ? Op.i64_xor : Op.i32_xor);
    }
  }

  #emitBinary(operator: string, left: Expression, right: Expression): void {
    const out = this.out;
    if (operator === '&&' || operator === '||') {
      this.#emit(left, I32);
      this.#emit(right, I32);
      out.op(operator === '&&' ? Op.i32_and : Op.i32_or);
      return;
    }
    let type = this.#operandType(left, right);
    const comparison = COMPARISON[operator];
    if (comparison === undefined && type === I32) {
      if (this.#isNeutral(operator, right)) {
        this.#emit(left, I32);
        return;
      }
      if (operator === '+' && this.#fold(left) === 0) {
        this.#emit(right, I32);
        return;
      }
      // Exact as a double only; products that wrap are Math.imul.
      if (operator === '*') type = F64;
    }
    this.#emit(left, type);
    this.#emit(right, type);
    const kind = type === I64 ? 1 : type === F64 ? 2 : 0;
    if (comparison === undefined) out.op(BINARY[operator][kind]);
    else if (kind === 0 && (isUnsigned(left) || isUnsigned(right))) {
      out.op(UNSIGNED_COMPARISON[operator] ?? comparison[0]);
    } else out.op(comparison[kind]);
  }

  /** True for what leaves a 32-bit integer as it is: + 0, | 0, >>> 0 and the like. */
  #isNeutral(operator: string, right: Expression): boolean {
    return this.#fold(right) === 0 && operator !== '&' && operator !== '*';
  }

  #emitIndex(array: string, index: Expression): void {
    const out = this.out;
    const at = this.#fold(index);
    if (array === 'words') {
      if (at === undefined) {
        this.#emitWordAt(index);
        return;
      }
      const local = this.words[at];
      if (local !== undefined) out.get(local);
      else {
        out.i32(0);
        out.memory(MemoryOp.i32_load, at * 4);
      }
    } else if (at === undefined) {
      if (array !== 'bytes') throw new Error(`micro-operation body: ${array} by an index that is not constant`);
      this.#emit(index, I32);
      out.memory(MemoryOp.i32_load8_u, 0);
    } else if (array === 'bytes') this.#emitPart(at >> 2, (at & 3) * 8, 0xff);
    else this.#emitPart(at >> 1, (at & 1) * 16, 0xffff);
  }

  #emitPart(word: number, shift: number, mask: number): void {
    const out = this.out;
    out.get(this.#registerOf(word));
    if (shift !== 0) {
      out.i32(shift);
      out.op(Op.i32_shr_u);
    }
    out.i32(mask);
    out.op(Op.i32_and);
  }

  /** An entry of a table at a constant place: table + index. */
  #emitWordAt(index: Expression): void {
    const out = this.out;
    const sum = index.kind === 'binary' && index.operator === '|' ? index.left : index;
    let offset = 0;
    let rest = sum;
    if (sum.kind === 'binary' && sum.operator === '+') {
      const table = this.#fold(sum.left);
      if (table !== undefined) {
        offset = table * 4;
        rest = sum.right;
      }
    }
    this.#emit(rest, I32);
    out.i32(2);
    out.op(Op.i32_shl);
    out.memory(MemoryOp.i32_load, offset);
  }

  #emitCall(callee: string, list: readonly Expression[]): ValueType | null {
    const called = this.#functions[callee];
    if (called === undefined) throw new Error(`micro-operation body: no function ${callee}`);
    called.parameters.forEach((type, index) => {
      this.#emit(list[index], type);
    });
    called.emit(this.out);
    return called.result;
  }
}

/** True for a value that JavaScript takes for unsigned. */
function isUnsigned(expression: Expression): boolean {
  return expression.kind === 'binary' && expression.operator === '>>>';
}

function callsInterpreter(expression: Expression): boolean {
  return expression.kind === 'call' && expression.callee.startsWith('run.')
    ? true
    : expression.kind === 'binary' && (callsInterpreter(expression.left) || callsInterpreter(expression.right));
}
