import type { AddressSpace } from '../../kernel/index.js';
import type { Disassembler } from './disassembler.js';
import type { FrameRules, RegisterRule } from './dwarf-frame.js';
import { evaluateLocation, type LocationContext } from './dwarf-location.js';
import type { GuestMemory } from './guest-memory.js';
import type { Modules } from './modules.js';

/** Registers by DWARF number: eax ecx edx ebx esp ebp esi edi eip; null = not known in this frame. */
export type FrameRegisters = readonly (number | null)[];

/** One frame of a call stack. */
export interface StackFrame {
  readonly index: number;
  readonly registers: FrameRegisters;
  readonly eip: number;
  /** ChildEBP as kd shows it: where the saved EBP is or would be. */
  readonly childEbp: number;
  /** 0 when there is none. */
  readonly returnAddress: number;
  /** The address to look up symbols with: inside the call instruction for frames that were called from. */
  readonly lookupAddress: number;
  readonly canonicalFrameAddress: number;
  /** How the caller was found. */
  readonly method: 'cfi' | 'frame pointer' | 'return address' | 'scan' | 'end';
}

const ESP = 4;
const EBP = 5;
const EIP = 8;
const MAXIMUM_SCAN = 0x800;
const LONGEST_CALL = 7;
/** Bytes that a function may be long when nothing tells. */
const FARTHEST_BEGINNING = 0x2000;

/** What a walk looks at. */
export interface StackSource {
  readonly memory: GuestMemory;
  readonly modules: Modules;
  readonly disassembler: Disassembler;
  readonly space: AddressSpace | null;
  /** Stack limits of the thread. */
  readonly stackLimit: number;
  readonly stackBase: number;
  /** Exception handlers registered on the stack: a registration is no frame, though it looks like one. */
  readonly handlers: ReadonlySet<number>;
}

interface Caller {
  readonly registers: (number | null)[];
  readonly canonicalFrameAddress: number;
  readonly method: StackFrame['method'];
}

/**
 * Walks a stack from the given registers: DWARF call frame information where the image has it, then the return address on top of
 * the stack at a function's first instruction or return, then frame pointers, then whatever looks like a return address.
 */
export function walkStack(source: StackSource, top: FrameRegisters, maximum: number): readonly StackFrame[] {
  const frames: StackFrame[] = [];
  let registers: (number | null)[] = [...top];
  for (let index = 0; index < maximum; index++) {
    const eip = registers[EIP] ?? 0;
    const lookupAddress = index === 0 ? eip : eip - 1;
    const caller = findCaller(source, registers, index === 0);
    const returnAddress = caller === null ? 0 : (caller.registers[EIP] ?? 0);
    frames.push({
      index,
      registers,
      eip,
      childEbp: caller === null ? (registers[EBP] ?? 0) : caller.canonicalFrameAddress - 8,
      returnAddress,
      lookupAddress,
      canonicalFrameAddress: caller?.canonicalFrameAddress ?? 0,
      method: caller?.method ?? 'end',
    });
    if (caller === null || returnAddress === 0) break;
    const grew = (caller.registers[ESP] ?? 0) > (registers[ESP] ?? 0);
    if (!grew || source.modules.moduleAt(source.space, returnAddress) === null) break;
    registers = caller.registers;
  }
  return frames;
}

function findCaller(source: StackSource, registers: readonly (number | null)[], isTop: boolean): Caller | null {
  const eip = registers[EIP] ?? 0;
  const byRules = unwindByRules(source, registers, isTop ? eip : eip - 1);
  if (byRules !== null) return byRules;
  const esp = registers[ESP] ?? 0;
  if (isTop && returnAddressIsOnTop(source, eip)) return callerAt(source, registers, esp, 'return address');
  const ebp = registers[EBP];
  const chained = ebp !== null && inStack(source, ebp) && ebp >= esp ? frameOf(source, registers, ebp) : null;
  const limit = chained === null ? Math.min(source.stackBase, esp + MAXIMUM_SCAN) : (ebp ?? 0) + 4;
  for (let slot = esp; slot < limit; slot += 4) {
    if (calls(source, source.memory.read32(slot) ?? 0, eip)) return callerAt(source, registers, slot, 'scan');
  }
  return chained;
}

const inStack = (source: StackSource, address: number): boolean =>
  address >= source.stackLimit && address + 8 <= source.stackBase && (address & 3) === 0;

function frameOf(source: StackSource, registers: readonly (number | null)[], ebp: number): Caller | null {
  const saved = source.memory.read32(ebp);
  const returnAddress = source.memory.read32(ebp + 4);
  if (saved === null || returnAddress === null) return null;
  if (source.handlers.has(returnAddress) || callsBefore(source, returnAddress).length === 0) return null;
  const next = [...registers];
  next[ESP] = ebp + 8;
  next[EBP] = saved;
  next[EIP] = returnAddress;
  return { registers: next, canonicalFrameAddress: ebp + 8, method: 'frame pointer' };
}

function callerAt(
  source: StackSource,
  registers: readonly (number | null)[],
  slot: number,
  method: StackFrame['method'],
): Caller | null {
  const returnAddress = source.memory.read32(slot);
  if (returnAddress === null) return null;
  const next = [...registers];
  next[ESP] = slot + 4;
  next[EIP] = returnAddress;
  return { registers: next, canonicalFrameAddress: slot + 4, method };
}

/** At the first instruction of a function and at its return the caller's address is on top of the stack. */
function returnAddressIsOnTop(source: StackSource, eip: number): boolean {
  const place = source.modules.place(source.space, eip);
  if (place?.symbol && place.displacement === 0) return true;
  return source.disassembler.decode(source.memory.read(eip, 15), eip)?.isReturn ?? false;
}

/** Targets of the call instructions that may end right before an address; null: an indirect call. */
function callsBefore(source: StackSource, returnAddress: number): readonly (number | null)[] {
  const module = source.modules.moduleAt(source.space, returnAddress);
  const rva = returnAddress - (module?.base ?? 0);
  const isCode = module?.symbols?.codeRanges.some(({ start, end }) => rva > start && rva < end) ?? false;
  const targets: (number | null)[] = [];
  for (let length = 2; isCode && length <= LONGEST_CALL; length++) {
    const start = returnAddress - length;
    const bytes = source.memory.read(start, length);
    const instruction = source.disassembler.decode(bytes, start);
    if (instruction === null || !instruction.isCall || instruction.length !== length) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    targets.push(bytes[0] === 0xe8 ? (returnAddress + view.getInt32(1, true)) >>> 0 : null);
  }
  return targets;
}

/** Is there a call before this address that may have led to `eip`? */
function calls(source: StackSource, returnAddress: number, eip: number): boolean {
  if (source.handlers.has(returnAddress)) return false;
  return callsBefore(source, returnAddress).some((target) => {
    if (target === null) return true;
    // A direct call leads to the beginning of the function, or to a stub that jumps into another image.
    const isThunk = source.memory.read16(target) === 0x25ff;
    return isThunk || (target <= eip && eip - target < FARTHEST_BEGINNING);
  });
}

function unwindByRules(
  source: StackSource,
  registers: readonly (number | null)[],
  lookupAddress: number,
): Caller | null {
  const module = source.modules.moduleAt(source.space, lookupAddress);
  const image = module?.symbols ?? null;
  if (module === null || image === null) return null;
  const slide = module.base - image.imageBase;
  const rules = image.frames.rulesAt(lookupAddress - slide);
  return rules === null ? null : applyRules(source, registers, rules, slide);
}

function applyRules(
  source: StackSource,
  registers: readonly (number | null)[],
  rules: FrameRules,
  slide: number,
): Caller | null {
  const context: LocationContext = {
    register: (number) => registers[number] ?? null,
    read: (address, size) => {
      const value = source.memory.readNumber(address, size);
      return value === null ? null : Number(value);
    },
    frameBase: () => null,
    canonicalFrameAddress: () => null,
    slide,
  };
  let frame: number | null;
  if (rules.cfa.kind === 'register') {
    const base = registers[rules.cfa.register];
    frame = base === null || base === undefined ? null : base + rules.cfa.offset;
  } else {
    const location = evaluateLocation(rules.cfa.block, context);
    frame = location?.kind === 'memory' ? location.address : null;
  }
  if (frame === null) return null;
  const next = [...registers];
  next[0] = null;
  next[1] = null;
  next[2] = null;
  next[ESP] = frame;
  for (const [register, rule] of rules.registers) next[register] = recover(rule, frame, registers, context);
  if (!rules.registers.has(rules.returnRegister)) return null;
  next[EIP] = next[rules.returnRegister];
  return { registers: next, canonicalFrameAddress: frame, method: 'cfi' };
}

function recover(
  rule: RegisterRule,
  frame: number,
  registers: readonly (number | null)[],
  context: LocationContext,
): number | null {
  switch (rule.kind) {
    case 'offset':
      return context.read((frame + rule.offset) >>> 0, 4);
    case 'value-offset':
      return frame + rule.offset;
    case 'register':
      return registers[rule.register] ?? null;
    case 'expression':
    case 'value-expression': {
      const location = evaluateLocation(rule.block, context, [frame]);
      if (location?.kind !== 'memory') return null;
      return rule.kind === 'expression' ? context.read(location.address, 4) : location.address;
    }
    default:
      return null;
  }
}
