import { addressLayout } from '../kernel/mm/layout.js';

/** What boots differ in that must make no difference to a program. */
export interface BootOptions {
  readonly pae?: boolean;
  readonly userSpace?: number;
}

/**
 * How the machines of tests boot that do not say so themselves: NT86_BOOT is a list of `no-pae` and `3gb` (test/README.md). Empty:
 * as machines boot for users.
 */
export const bootOptions: BootOptions = parse(process.env.NT86_BOOT ?? '');

/** Where their user space ends. */
export const bootLayout = addressLayout(bootOptions.userSpace ?? null);

function parse(text: string): BootOptions {
  const words = text.split(',').filter((word) => word !== '');
  const unknown = words.find((word) => word !== 'no-pae' && word !== '3gb');
  if (unknown !== undefined) throw new RangeError(`NT86_BOOT=${text}: write no-pae, 3gb or both`);
  return { ...(words.includes('no-pae') && { pae: false }), ...(words.includes('3gb') && { userSpace: 3072 }) };
}
