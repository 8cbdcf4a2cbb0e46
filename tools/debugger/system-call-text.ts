import { serviceList } from '../../kernel/index.js';
import { hex8 } from './number-text.js';
import type { Session } from './session.js';

/** 'System call NtClose(0000000c)'. */
export function systemCallText(session: Session, name: string, argumentPointer: number): string {
  const count = serviceList.find(([service]) => service === name)?.[1] ?? 0;
  const values = Array.from({ length: count }, (_, index) => session.memory.read32(argumentPointer + index * 4));
  return `System call ${name}(${values.map((value) => (value === null ? '????????' : hex8(value))).join(', ')})`;
}
