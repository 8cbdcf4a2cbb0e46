/** Rows of the instruction table that have no vectors, with the reason. */
const UMIP = 'Linux sets CR4.UMIP and gives the program an emulation with made-up values';
const LONG_MODE = 'undefined on AMD processors while the operating system runs in long mode';

export const UNPROVEN_ROWS: ReadonlyMap<string, string> = new Map([
  ['0F 00 /0', UMIP],
  ['0F 00 /1', UMIP],
  ['0F 01 /0 m', UMIP],
  ['0F 01 /1 m', UMIP],
  ['0F 01 /4', UMIP],
  ['0F 34', LONG_MODE],
  ['0F 35', LONG_MODE],
  ['0F 31', 'time: different on every execution'],
  ['0F A2', 'identification: differs on purpose'],
  ['F1', 'under a hypervisor the trap comes with the address of the instruction, not of the next one'],
  ['CD', 'enters the operating system, or #GP by gates that are its own'],
]);
