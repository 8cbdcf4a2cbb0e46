import { describe, expect, it } from 'vitest';
import { DebuggerError } from '../../../tools/debugger/debugger-error.js';
import { type EvaluationContext, evaluate, evaluateAddress } from '../../../tools/debugger/expression.js';

const context: EvaluationContext = {
  register: (name) => ({ eax: 0x10n, eip: 0x401000n, ah: 0xabn, $t0: 7n })[name] ?? null,
  symbol: (name) => ({ 'crash!main': 0x401234, main: 0x401234, table: 0x402000 })[name] ?? null,
  sourceLine: (file, line) => (file === 'crash.c' && line === 12 ? 0x401240 : null),
  readMemory: (address, size) => (address === 0x402000 ? 0x1122334455667788n & ((1n << BigInt(size * 8)) - 1n) : null),
};
const value = (text: string): bigint => evaluate(text, context);

describe('MASM expressions', () => {
  it.each([
    ['10', 0x10n],
    ['0n10', 10n],
    ['0x1f', 0x1fn],
    ['10h', 0x10n],
    ['0y101', 5n],
    ['0t17', 15n],
    ['00000000`00401000', 0x401000n],
    ['1+2*3', 7n],
    ['(1+2)*3', 9n],
    ['10-1', 0xfn],
    ['-1', 0xffffffffffffffffn],
    ['~0 & ff', 0xffn],
    ['1<<4', 0x10n],
    ['7 mod 4', 3n],
    ['6 xor 3', 5n],
    ['eax', 0x10n],
    ['@eax+eax', 0x20n],
    ['@ah', 0xabn],
    ['$t0', 7n],
    ['.', 0x401000n],
    ['crash!main+4', 0x401238n],
    ['poi(table)', 0x55667788n],
    ['by(table)', 0x88n],
    ['wo table', 0x7788n],
    ['qwo(table)', 0x1122334455667788n],
    ['hi(poi(table))', 0x5566n],
    ['`crash.c:12`', 0x401240n],
    ['crash.c:12', 0x401240n],
    ['eax == 10', 1n],
    ['eax > 20 or $t0 = 7', 1n],
    ['!0', 1n],
  ])('%s', (text, expected) => {
    expect(value(text)).toBe(expected);
  });

  it('is an unsigned 32-bit number as an address', () => {
    expect(evaluateAddress('-4', context)).toBe(0xfffffffc);
  });

  it.each([
    ['nosuch', "Couldn't resolve error at 'nosuch'"],
    ['@nosuch', "Bad register error at '@nosuch'"],
    ['poi(5)', "Memory access error at 'poi(5)'"],
    ['1+', "Syntax error at the end of '1+'"],
    ['(1', "Syntax error at the end of '(1'"],
    ['1 2', "Syntax error at '2'"],
    ['1/0', 'Divide by zero'],
    ['', "Syntax error at the end of ''"],
    ['`other.c:1`', "Couldn't resolve error at '`other.c:1`'"],
    ['#', "Syntax error at '#'"],
  ])('refuses %s', (text, message) => {
    expect(() => value(text)).toThrow(new DebuggerError(message));
  });
});
