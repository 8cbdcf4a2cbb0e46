/** DIV and IDIV of EDX:EAX by 32 bits (SDM vol 2A). False: the quotient does not fit and nothing was changed (#DE). */
import { setDivideFlags } from './flags.js';
import { EAX, EDX } from './layout.js';

export function divideUnsigned(words: Int32Array, divisor: number): boolean {
  const low = words[EAX] >>> 0;
  const high = words[EDX] >>> 0;
  const by = divisor >>> 0;
  if (high >= by) return false;
  if (high === 0) {
    words[EAX] = (low / by) | 0;
    words[EDX] = (low % by) | 0;
  } else divideLong(words, high, low, by);
  setDivideFlags(words);
  return true;
}

export function divideSigned(words: Int32Array, divisor: number): boolean {
  let low = words[EAX];
  let high = words[EDX];
  if (divisor !== 0 && high === low >> 31 && !(low === -0x8000_0000 && divisor === -1)) {
    words[EAX] = (low / divisor) | 0;
    words[EDX] = (low % divisor) | 0;
    setDivideFlags(words);
    return true;
  }
  const negative = high < 0;
  if (negative) {
    low = -low | 0;
    high = (~high + (low === 0 ? 1 : 0)) | 0;
  }
  const by = Math.abs(divisor);
  if (high >>> 0 >= by) return false;
  const oldLow = words[EAX];
  const oldHigh = words[EDX];
  divideLong(words, high >>> 0, low >>> 0, by);
  const quotient = words[EAX] >>> 0;
  const quotientNegative = negative !== divisor < 0;
  if (quotient > (quotientNegative ? 0x8000_0000 : 0x7fff_ffff)) {
    words[EAX] = oldLow;
    words[EDX] = oldHigh;
    return false;
  }
  setDivideFlags(words);
  if (quotientNegative) words[EAX] = -quotient;
  if (negative) words[EDX] = -words[EDX];
  return true;
}

/** Quotient to EAX and remainder to EDX of high:low / by, where high < by: schoolbook division by 16-bit digits. */
function divideLong(words: Int32Array, high: number, low: number, by: number): void {
  // Each step divides less than 2^48 by less than 2^32: exact in doubles.
  const first = high * 0x10000 + (low >>> 16);
  const firstDigit = Math.floor(first / by);
  const second = (first - firstDigit * by) * 0x10000 + (low & 0xffff);
  const secondDigit = Math.floor(second / by);
  words[EAX] = (firstDigit * 0x10000 + secondDigit) | 0;
  words[EDX] = (second - secondDigit * by) | 0;
}
