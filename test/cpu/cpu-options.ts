import type { CpuOptions } from '../../cpu/cpu.js';

const after = process.env.NT86_TRANSLATE_AFTER;

/** Options of the processors under test. With NT86_TRANSLATE_AFTER=1 in the environment they run translated code wherever they can. */
export const cpuOptions: CpuOptions = after === undefined ? {} : { translateAfter: Number(after) };
