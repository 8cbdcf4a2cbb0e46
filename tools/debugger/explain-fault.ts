import { walkPageTables } from '../../cpu/index.js';
import {
  FaultAccess,
  type FaultEvent,
  faultOutcomeName,
  findPte,
  NO_PTE,
  type NtStatus,
  statusName,
} from '../../kernel/index.js';
import type { Json } from './debugger-error.js';
import { type DisassembledInstruction, instructionLine } from './disassembler.js';
import { hex, hex8, upper8 } from './number-text.js';
import { entryOf, protectionText, pteMeaning, vadKind } from './pte-text.js';
import type { Session } from './session.js';

const ACTIONS: Readonly<Record<string, string>> = {
  refault: 'nothing was wrong any more: the instruction is executed again',
  'demand-zero': 'gave the page a frame full of zeros',
  'copy-on-write': 'copied the shared page for this process alone',
  transition: 'took the page back from the standby or modified list',
  shared: 'mapped a shared page that was already in memory',
  'mapped-file': 'read the page from its file and mapped it',
  'page-file': 'read the page from a paging file',
  'stack-growth': 'the guard page of the stack was touched: committed it and moved the guard down',
  'system-directory': "copied the system's page-directory entry into this process",
  'access-violation': 'refused: nothing was changed',
  'guard-page': 'took the guard off the page and tells the program',
  'stack-overflow': 'the stack has reached its end',
  'in-page-error': 'the page could not be read',
  'no-memory': 'no frame was to be had',
  'must-wait': 'the page has to be read first',
  'multiple-fault': 'the thread itself is reading the page: the wait for it met the page again',
};

/** Page number of KUSER_SHARED_DATA. */
const SHARED_USER_DATA = 0x7ffe0;

const accessWord = (access: number): string =>
  access === FaultAccess.Read ? 'read' : access === FaultAccess.Write ? 'write' : 'execute';

function pteValue(event: FaultEvent, pae: boolean): { before: string; after: string } {
  const text = (high: number, low: number): string => (pae ? upper8(high) + upper8(low) : upper8(low));
  return {
    before: text(event.pteBeforeHigh, event.pteBeforeLow),
    after: text(event.pteAfterHigh, event.pteAfterLow),
  };
}

/** The VAD that covers an address, in one line. */
function vadText(session: Session, address: number): { text: string; data: Json } {
  const { systemRangeStart } = session.machine.kernel.mm.layout;
  const vad = address < systemRangeStart ? (session.space?.vads.find(address >>> 12) ?? null) : null;
  if (vad === null) {
    const place =
      address >>> 12 === SHARED_USER_DATA
        ? 'no VAD: the page that the kernel shares with every program (KUSER_SHARED_DATA)'
        : address < 0x10000
          ? 'no VAD: the lowest 64 KB belong to nobody'
          : 'no VAD: nothing is reserved there';
    return { text: address >= systemRangeStart ? 'system address: no VAD' : place, data: null };
  }
  const file = vad.controlArea?.file?.name ?? '';
  const range = `${hex(vad.startingVpn)}-${hex(vad.endingVpn)}`;
  const commit = vad.privateMemory ? `, ${vad.memCommit ? 'committed' : 'reserved'}, commit ${vad.commitCharge}` : '';
  const text = `${upper8(vad.poolAddress)} ${range} ${vadKind(vad).trim()} ${protectionText(vad.protection)}${commit}${file === '' ? '' : ` ${file}`}`;
  return {
    text,
    data: { address: vad.poolAddress, start: vad.startingVpn, end: vad.endingVpn, protection: vad.protection, file },
  };
}

/** The registers that the operand's address is made of, as long as they are what the instruction found. */
function operandLines(session: Session, fault: FaultEvent, instruction: DisassembledInstruction | null): string[] {
  const operand = instruction?.memory ?? null;
  if (operand === null || session.thread === null || session.registers.get('eip') !== fault.eip) return [];
  const names = [operand.base, operand.index].filter((name) => name !== null);
  const values = names.map((name) => `${name}=${hex8(Number(session.registers.lookup(name) ?? 0n))}`);
  const scale = operand.index === null || operand.scale === 1 ? '' : `*${operand.scale}`;
  const offset = operand.displacement === 0 ? '' : ` displacement=${hex8(operand.displacement)}`;
  if (names.length === 0) return [`  operand      ${operand.segment}:[${hex8(operand.displacement)}]`];
  return [`  operand      ${operand.segment}:[${names.join('+')}${scale}]  ${values.join(' ')}${offset}`];
}

/**
 * A page fault from the instruction down to the PTE: the instruction and its operand, the address, the page tables level by
 * level as they are now, what the PTE meant, the VAD behind it, and what the kernel did.
 * @param status of the exception that it became, null when the instruction went on
 */
export function explainFault(
  session: Session,
  fault: FaultEvent,
  status: NtStatus | null,
): { text: string; data: Json } {
  const { mm, cpu } = session.machine.kernel;
  const { format } = mm;
  const bytes = session.memory.read(fault.eip, 15);
  const instruction = fault.user ? session.disassembler.decode(bytes, fault.eip) : null;
  const by = instruction === null ? `at ${hex8(fault.eip)}` : instructionLine(instruction);
  const name = session.nameOf(fault.eip);
  const values = pteValue(fault, format.isPae);
  const lines = [
    `Fault: ${accessWord(fault.access)} of ${hex8(fault.address)} from ${fault.user ? 'user' : 'kernel'} mode`,
    `  instruction  ${by}${name === null ? '' : `  (${name})`}`,
    ...operandLines(session, fault, instruction),
  ];
  const walk = walkPageTables(cpu, fault.address | 0);
  for (const level of walk.levels) {
    const contents = format.isPae ? upper8(level.high) + upper8(level.low) : upper8(level.low);
    lines.push(
      `  ${level.name.padEnd(5)}        at physical ${level.address.toString(16).padStart(9, '0')} contains ${contents}`,
    );
  }
  if (walk.failure !== null) lines.push(`  walk         ends: ${walk.failure}`);
  const before = entryOf(format, fault.pteBeforeLow, fault.pteBeforeHigh);
  const meaning = pteMeaning(before.format, before.at);
  const at = findPte(mm, mm.current, fault.address);
  lines.push(`  PTE before   ${values.before}  ${meaning.text}`);
  if (values.after !== values.before) lines.push(`  PTE after    ${values.after}`);
  if (at !== NO_PTE) lines.push(`  PTE now      ${pteMeaning(format, at).text}`);
  const vad = vadText(session, fault.address);
  const outcome = faultOutcomeName(fault.outcome);
  lines.push(`  VAD          ${vad.text}`, `  kernel       ${outcome}: ${ACTIONS[outcome] ?? ''}`);
  if (status !== null) lines.push(`  exception    ${hex8(status)} ${statusName(status)}`);
  return {
    text: lines.join('\n'),
    data: {
      access: accessWord(fault.access),
      address: fault.address,
      user: fault.user,
      eip: fault.eip,
      instruction: instruction?.text ?? null,
      levels: walk.levels.map(({ name: level, address, low, high }) => ({ level, address, low, high })),
      failure: walk.failure,
      pteBefore: values.before,
      pteMeaning: meaning.data,
      pteAfter: values.after,
      vad: vad.data,
      outcome,
      status: status === null ? null : status >>> 0,
    },
  };
}
