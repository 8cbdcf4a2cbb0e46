import { DebuggerError } from './debugger-error.js';

/** What an expression may look at. */
export interface EvaluationContext {
  /** Value of a register or pseudo-register ('eax', '$teb'), or null when there is none of that name. */
  register(name: string): bigint | null;
  /** Address of 'name' or 'module!name', or null. */
  symbol(name: string): number | null;
  /** Address of the first instruction of a source line, or null. */
  sourceLine(file: string, line: number): number | null;
  /** Little-endian bytes of memory as a number, or null where nothing can be read. */
  readMemory(address: number, size: number): bigint | null;
}

type Token =
  | { readonly kind: 'number'; readonly value: bigint; readonly at: number }
  | { readonly kind: 'word' | 'register' | 'operator' | 'line'; readonly text: string; readonly at: number };

const BITS = 64;
const wrap = (value: bigint): bigint => BigInt.asUintN(BITS, value);

/** Operators in ascending order of binding strength. */
const LEVELS: readonly (readonly string[])[] = [
  ['||', 'or'],
  ['&&', 'and'],
  ['|'],
  ['^', 'xor'],
  ['&'],
  ['=', '==', '!='],
  ['<', '<=', '>', '>='],
  ['<<', '>>', '>>>'],
  ['+', '-'],
  ['*', '/', '%', 'mod'],
];
const WORD_OPERATORS: ReadonlySet<string> = new Set(['or', 'and', 'xor', 'mod']);
const MEMORY_FUNCTIONS: Readonly<Record<string, number>> = { poi: 4, by: 1, wo: 2, dwo: 4, qwo: 8 };
const PUNCTUATION = ['>>>', '&&', '||', '<<', '>>', '<=', '>=', '==', '!=', ...'+-*/%&|^=<>()[]~!'];
const RADIX: Readonly<Record<string, number>> = { n: 10, x: 16, t: 8, y: 2 };

function numberOf(digits: string, radix: number): bigint | null {
  if (digits === '') return null;
  let value = 0n;
  for (const digit of digits) {
    const one = Number.parseInt(digit, radix);
    if (Number.isNaN(one)) return null;
    value = value * BigInt(radix) + BigInt(one);
  }
  return value;
}

/** '10', '0x10', '0n16', '10h', '0y101', "00000000`00401000" -> its value; null when it is no number. */
function parseNumber(text: string): bigint | null {
  const plain = text.replaceAll('`', '');
  const prefixed = /^0([nxty])([0-9a-f]+)$/i.exec(plain);
  if (prefixed !== null) return numberOf(prefixed[2], RADIX[prefixed[1].toLowerCase()]);
  if (/^[0-9][0-9a-f]*h$/i.test(plain)) return numberOf(plain.slice(0, -1), 16);
  return numberOf(plain, 16);
}

const WORD = /^[A-Za-z0-9_$.?@:][A-Za-z0-9_$.?@:`]*(![A-Za-z0-9_$?@:.~]+)?/;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const space = /^\s+/.exec(rest);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const line = /^`([^`]*)`/.exec(rest);
    if (line !== null) {
      tokens.push({ kind: 'line', text: line[1], at });
      at += line[0].length;
      continue;
    }
    const word = WORD.exec(rest);
    if (word !== null) {
      tokens.push(wordToken(word[0], at));
      at += word[0].length;
      continue;
    }
    const operator = PUNCTUATION.find((candidate) => rest.startsWith(candidate));
    if (operator === undefined) throw new DebuggerError(`Syntax error at '${rest}'`);
    tokens.push({ kind: 'operator', text: operator, at });
    at += operator.length;
  }
  return tokens;
}

function wordToken(text: string, at: number): Token {
  if (text.startsWith('@')) return { kind: 'register', text: text.slice(1), at };
  if (WORD_OPERATORS.has(text)) return { kind: 'operator', text, at };
  const value = parseNumber(text);
  return value === null ? { kind: 'word', text, at } : { kind: 'number', value: wrap(value), at };
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #context: EvaluationContext;
  #next = 0;

  constructor(text: string, context: EvaluationContext) {
    this.#text = text;
    this.#tokens = tokenize(text);
    this.#context = context;
  }

  whole(): bigint {
    const value = this.#binary(0);
    if (this.#next < this.#tokens.length) throw this.#error();
    return value;
  }

  #error(): DebuggerError {
    const token = this.#tokens[this.#next];
    if (token === undefined) return new DebuggerError(`Syntax error at the end of '${this.#text}'`);
    return new DebuggerError(`Syntax error at '${this.#text.slice(token.at)}'`);
  }

  #takeOperator(candidates: readonly string[]): string | null {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'operator' || !candidates.includes(token.text)) return null;
    this.#next++;
    return token.text;
  }

  #binary(level: number): bigint {
    if (level === LEVELS.length) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = this.#takeOperator(LEVELS[level]);
      if (operator === null) return left;
      left = wrap(apply(operator, left, this.#binary(level + 1)));
    }
  }

  #unary(): bigint {
    const operator = this.#takeOperator(['-', '+', '~', '!']);
    if (operator === null) return this.#primary();
    const value = this.#unary();
    if (operator === '-') return wrap(-value);
    if (operator === '~') return wrap(~value);
    if (operator === '!') return value === 0n ? 1n : 0n;
    return value;
  }

  #primary(): bigint {
    const token = this.#tokens[this.#next];
    if (token === undefined) throw this.#error();
    if (token.kind === 'operator') {
      const close = token.text === '(' ? ')' : token.text === '[' ? ']' : null;
      if (close === null) throw this.#error();
      this.#next++;
      const value = this.#binary(0);
      if (this.#takeOperator([close]) === null) throw this.#error();
      return value;
    }
    this.#next++;
    if (token.kind === 'number') return token.value;
    if (token.kind === 'line') return BigInt(this.#line(token.text));
    return token.kind === 'register' ? this.#register(token.text) : this.#word(token.text);
  }

  #register(name: string): bigint {
    const value = this.#context.register(name.toLowerCase());
    if (value === null) throw new DebuggerError(`Bad register error at '@${name}'`);
    return value;
  }

  #word(text: string): bigint {
    const lower = text.toLowerCase();
    if (Object.hasOwn(MEMORY_FUNCTIONS, lower)) return this.#memory(this.#unary(), MEMORY_FUNCTIONS[lower]);
    if (lower === 'hi') return (this.#unary() >> 16n) & 0xffffn;
    if (lower === 'low') return this.#unary() & 0xffffn;
    if (lower === 'not') return this.#unary() === 0n ? 1n : 0n;
    const register = text === '.' ? this.#context.register('eip') : this.#context.register(lower);
    if (register !== null) return register;
    const place = /^(.+\.\w+):(\d+)$/.exec(text);
    if (place !== null) return BigInt(this.#line(text));
    const address = this.#context.symbol(text);
    if (address === null) throw new DebuggerError(`Couldn't resolve error at '${text}'`);
    return BigInt(address >>> 0);
  }

  #line(text: string): number {
    const place = /^(?:[^!]+!)?(.+):(\d+)$/.exec(text);
    const address = place === null ? null : this.#context.sourceLine(place[1], Number(place[2]));
    if (address === null) throw new DebuggerError(`Couldn't resolve error at '\`${text}\`'`);
    return address;
  }

  #memory(address: bigint, size: number): bigint {
    const at = Number(BigInt.asUintN(32, address));
    const value = this.#context.readMemory(at, size);
    if (value === null) throw new DebuggerError(`Memory access error at '${this.#text}'`);
    return value;
  }
}

function apply(operator: string, left: bigint, right: bigint): bigint {
  const truth = (condition: boolean): bigint => (condition ? 1n : 0n);
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
    case '%':
    case 'mod':
      if (right === 0n) throw new DebuggerError('Divide by zero');
      return operator === '/' ? left / right : left % right;
    case '<<':
      return left << (right & 63n);
    case '>>':
      return left >> (right & 63n);
    case '>>>':
      return BigInt.asIntN(BITS, left) >> (right & 63n);
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
    case 'xor':
      return left ^ right;
    case '=':
    case '==':
      return truth(left === right);
    case '!=':
      return truth(left !== right);
    case '<':
      return truth(left < right);
    case '<=':
      return truth(left <= right);
    case '>':
      return truth(left > right);
    case '>=':
      return truth(left >= right);
    case 'and':
    case '&&':
      return truth(left !== 0n && right !== 0n);
    default:
      return truth(left !== 0n || right !== 0n);
  }
}

/**
 * Value of a MASM-style expression, 64 bits unsigned: hexadecimal unless 0n says decimal, registers with or without @,
 * symbols as module!name, `file.c:12`, poi() by() wo() dwo() qwo() for memory.
 * @throws DebuggerError for what cannot be understood or resolved
 */
export function evaluate(text: string, context: EvaluationContext): bigint {
  return new Parser(text, context).whole();
}

/** evaluate() as a 32-bit address or number, unsigned. */
export function evaluateAddress(text: string, context: EvaluationContext): number {
  return Number(BigInt.asUintN(32, evaluate(text, context)));
}
