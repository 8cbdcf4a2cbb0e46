import type { DisassembledInstruction } from './disassembler.js';
import type { Session } from './session.js';

const LONGEST_INSTRUCTION = 15;

/** The instruction at an address; null where there is none or it cannot be read. */
export function instructionAt(session: Session, address: number): DisassembledInstruction | null {
  return session.disassembler.decode(session.memory.read(address, LONGEST_INSTRUCTION), address);
}

/**
 * Address of the instruction that lies `count` instructions before another: x86 cannot be read backwards, so longer and longer
 * distances are tried until the instructions end exactly there. The address itself where nothing fits.
 */
export function addressBefore(session: Session, address: number, count: number): number {
  for (let distance = count * LONGEST_INSTRUCTION; distance > 0; distance--) {
    const starts: number[] = [];
    let at = address - distance;
    while (at < address) {
      const instruction = instructionAt(session, at);
      if (instruction === null) break;
      starts.push(at);
      at += instruction.length;
    }
    if (at === address && starts.length >= Math.min(count, distance)) {
      return starts[Math.max(0, starts.length - count)];
    }
  }
  return address;
}
