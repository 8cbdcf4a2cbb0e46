/**
 * The memory operand of the micro-operations that words 4 to 7 describe (sse-direct.ts, x87-direct.ts), as text for their bodies in
 * translated code.
 */
const ADDRESS = `(words[code[pc + 4 | 0] >> 16 & 63] + (words[code[pc + 4 | 0] >> 22 & 63] << (code[pc + 4 | 0] >>> 28)) + code[pc + 5 | 0] | 0)`;

/**
 * Declares `linear` and `host`, where the operand lies; exits when its page is not in the TLB.
 * @param size its bytes
 * @param aligned whether it must be a multiple of 16
 */
export function directOperand(size: number, table: 'readTable' | 'writeTable', aligned: boolean): string {
  return `const linear = ${ADDRESS};
  const page = words[${table} + (linear >>> 12) | 0];
  if (page === 0 || (linear & 0xfff) > ${0x1000 - size}${aligned ? ' || (linear & 15) !== 0' : ''}) exit();
  const host = page | linear & 0xfff;`;
}
