/**
 * The syntax of micro-operation bodies: the small part of JavaScript that they are written in, as trees. The interpreter hands the
 * bodies to the JavaScript engine; the translator compiles these trees.
 */
export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'index'; readonly array: string; readonly index: Expression }
  | { readonly kind: 'unary'; readonly operator: string; readonly operand: Expression }
  | { readonly kind: 'binary'; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: 'conditional';
      readonly test: Expression;
      readonly then: Expression;
      readonly otherwise: Expression;
    }
  | { readonly kind: 'call'; readonly callee: string; readonly arguments: readonly Expression[] };

export type Statement =
  | { readonly kind: 'declare'; readonly name: string; readonly value: Expression; readonly constant: boolean }
  | {
      readonly kind: 'assign';
      readonly target: Expression;
      readonly value: Expression;
    }
  | {
      readonly kind: 'if';
      readonly test: Expression;
      readonly then: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: 'call'; readonly call: Expression }
  | { readonly kind: 'continue'; readonly label: string }
  | { readonly kind: 'return' };

const TOKENS =
  /\s*(?:(0x[0-9a-fA-F]+|\d+)(n?)|([A-Za-z_$][\w$.]*)|(>>>=|>>>|===|!==|<<|>>|<=|>=|&&|\|\||[|&^+*/-]=|[-+*/&|^~!<>=?:;,(){}[\]]))/y;

/** Binding strength of the binary operators. */
const STRENGTH: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '===': 6,
  '!==': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '>>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
};
const STRONGEST = 11;

/** Trees of a list of statements. Throws at what is not part of the language: a body that nobody could translate. */
export function parseBody(text: string): readonly Statement[] {
  return new Parser(text).statements();
}

class Parser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    const plain = text.replace(/\/\/[^\n]*/g, '').trimEnd();
    TOKENS.lastIndex = 0;
    while (TOKENS.lastIndex < plain.length) {
      const start = TOKENS.lastIndex;
      const match = TOKENS.exec(plain);
      if (match === null) throw new Error(`micro-operation body: ${plain.slice(start, start + 40)}`);
      this.#tokens.push(match[0].trim());
    }
  }

  statements(): Statement[] {
    const list: Statement[] = [];
    while (this.#at < this.#tokens.length && this.#peek() !== '}') this.#statement(list);
    return list;
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? '';
  }

  #take(): string {
    return this.#tokens[this.#at++] ?? '';
  }

  #accept(token: string): boolean {
    if (this.#peek() !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    const found = this.#take();
    if (found !== token) throw new Error(`micro-operation body: '${found}' where '${token}' belongs`);
  }

  #statement(list: Statement[]): void {
    if (this.#accept('{')) {
      list.push(...this.statements());
      this.#expect('}');
    } else if (this.#peek() === 'const' || this.#peek() === 'let') {
      const constant = this.#take() === 'const';
      do {
        const name = this.#take();
        this.#expect('=');
        list.push({ kind: 'declare', name, value: this.#expression(0), constant });
      } while (this.#accept(','));
      this.#expect(';');
    } else if (this.#accept('if')) {
      this.#expect('(');
      const test = this.#expression(0);
      this.#expect(')');
      const then: Statement[] = [];
      const otherwise: Statement[] = [];
      this.#statement(then);
      if (this.#accept('else')) this.#statement(otherwise);
      list.push({ kind: 'if', test, then, otherwise });
    } else if (this.#accept('continue')) {
      const label = this.#peek() === ';' ? '' : this.#take();
      this.#expect(';');
      list.push({ kind: 'continue', label });
    } else if (this.#accept('return')) {
      this.#expect(';');
      list.push({ kind: 'return' });
    } else this.#assignment(list);
  }

  #assignment(list: Statement[]): void {
    const target = this.#expression(0);
    const operator = this.#take();
    if (operator === ';') {
      list.push({ kind: 'call', call: target });
      return;
    }
    let value = this.#expression(0);
    if (operator !== '=') value = { kind: 'binary', operator: operator.slice(0, -1), left: target, right: value };
    this.#expect(';');
    list.push({ kind: 'assign', target, value });
  }

  #expression(strength: number): Expression {
    let left = this.#operand();
    for (;;) {
      const operator = this.#peek();
      const binding = STRENGTH[operator] ?? 0;
      if (binding <= strength) break;
      this.#at++;
      left = { kind: 'binary', operator, left, right: this.#expression(binding) };
    }
    if (strength > 0 || !this.#accept('?')) return left;
    const then = this.#expression(0);
    this.#expect(':');
    return { kind: 'conditional', test: left, then, otherwise: this.#expression(0) };
  }

  #operand(): Expression {
    const token = this.#take();
    if (token === '(') {
      const inner = this.#expression(0);
      this.#expect(')');
      return inner;
    }
    if (token === '-' || token === '~' || token === '!') {
      return { kind: 'unary', operator: token, operand: this.#expression(STRONGEST) };
    }
    if (/^\d.*n$/.test(token)) return { kind: 'long', value: BigInt(token.slice(0, -1)) };
    if (/^\d/.test(token)) return { kind: 'number', value: Number(token) };
    if (!/^[A-Za-z_$]/.test(token)) throw new Error(`micro-operation body: '${token}' where an operand belongs`);
    if (this.#accept('[')) {
      const index = this.#expression(0);
      this.#expect(']');
      return { kind: 'index', array: token, index };
    }
    if (!this.#accept('(')) return { kind: 'name', name: token };
    const list: Expression[] = [];
    while (!this.#accept(')')) {
      list.push(this.#expression(0));
      this.#accept(',');
    }
    return { kind: 'call', callee: token, arguments: list };
  }
}
