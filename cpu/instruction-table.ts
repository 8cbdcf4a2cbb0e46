/** The one instruction table: every instruction that this processor knows, joined from its groups. */
import type { InstructionRow } from './instruction.js';
import { integerInstructions } from './instructions-integer.js';
import { mmxInstructions } from './instructions-mmx.js';
import { sseInstructions } from './instructions-sse.js';
import { systemInstructions } from './instructions-system.js';
import { x87Instructions } from './instructions-x87.js';

export const instructionTable: readonly InstructionRow[] = [
  ...integerInstructions,
  ...systemInstructions,
  ...x87Instructions,
  ...mmxInstructions,
  ...sseInstructions,
];
