import { ByteCursor } from './byte-cursor.js';
import { Attribute, Form } from './dwarf-constants.js';
import { type CompilationUnit, type DebugEntry, numberAttribute } from './dwarf-info.js';

/** What a location expression may ask for. Addresses are those of the running image. */
export interface LocationContext {
  /** DWARF number: 0 eax, 1 ecx, 2 edx, 3 ebx, 4 esp, 5 ebp, 6 esi, 7 edi, 8 eip. */
  register(number: number): number | null;
  read(address: number, size: number): number | null;
  /** DW_AT_frame_base of the function, or null. */
  frameBase(): number | null;
  /** Canonical frame address by call frame information, or null. */
  canonicalFrameAddress(): number | null;
  /** Added to addresses of the image: where it was loaded, less where it was linked for. */
  readonly slide: number;
}

/** Where a variable is, or what it is. */
export type Location =
  | { readonly kind: 'memory'; readonly address: number }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'value'; readonly value: number };

const MAXIMUM_STEPS = 1000;

/**
 * Evaluates a location expression (DWARF 5 section 2.5). Null: the variable was optimised away there, or the expression uses what
 * cannot be known (entry values, pieces).
 */
export function evaluateLocation(
  block: Uint8Array,
  context: LocationContext,
  initial: readonly number[] = [],
): Location | null {
  const cursor = new ByteCursor(block);
  const stack: number[] = [...initial];
  const pop = (): number => stack.pop() ?? 0;
  const push = (value: number): void => {
    stack.push(value >>> 0);
  };
  for (let step = 0; !cursor.done && step < MAXIMUM_STEPS; step++) {
    const opcode = cursor.u8();
    if (opcode >= 0x30 && opcode <= 0x4f) push(opcode - 0x30);
    else if (opcode >= 0x50 && opcode <= 0x6f) return { kind: 'register', register: opcode - 0x50 };
    else if (opcode >= 0x70 && opcode <= 0x8f) {
      const value = context.register(opcode - 0x70);
      if (value === null) return null;
      push(value + cursor.sleb());
    } else if (!operation(opcode, cursor, context, push, pop)) {
      if (opcode === 0x9f) return { kind: 'value', value: pop() };
      if (opcode === 0x90) return { kind: 'register', register: cursor.uleb() };
      return null;
    }
  }
  const address = stack.pop();
  return address === undefined ? null : { kind: 'memory', address };
}

/** One operation on the stack; false for those that are none or are not understood. */
function operation(
  opcode: number,
  cursor: ByteCursor,
  context: LocationContext,
  push: (value: number) => void,
  pop: () => number,
): boolean {
  const binary = (combine: (left: number, right: number) => number): true => {
    const right = pop();
    push(combine(pop(), right));
    return true;
  };
  const pushed = (value: number | null): boolean => {
    if (value === null) return false;
    push(value);
    return true;
  };
  switch (opcode) {
    case 0x03:
      return pushed(cursor.u32() + context.slide);
    case 0x06:
      return pushed(context.read(pop(), 4));
    case 0x08:
      return pushed(cursor.u8());
    case 0x09:
      return pushed(cursor.i8());
    case 0x0a:
      return pushed(cursor.u16());
    case 0x0b:
      return pushed((cursor.u16() << 16) >> 16);
    case 0x0c:
    case 0x0d:
      return pushed(cursor.u32());
    case 0x10:
      return pushed(cursor.uleb());
    case 0x11:
      return pushed(cursor.sleb());
    case 0x12: {
      const top = pop();
      push(top);
      return pushed(top);
    }
    case 0x13:
      pop();
      return true;
    case 0x1a:
      return binary((left, right) => left & right);
    case 0x1c:
      return binary((left, right) => left - right);
    case 0x1e:
      return binary(Math.imul);
    case 0x1f:
      return pushed(-pop());
    case 0x20:
      return pushed(~pop());
    case 0x21:
      return binary((left, right) => left | right);
    case 0x22:
      return binary((left, right) => left + right);
    case 0x23:
      return pushed(pop() + cursor.uleb());
    case 0x24:
      return binary((left, right) => left << right);
    case 0x25:
      return binary((left, right) => left >>> right);
    case 0x26:
      return binary((left, right) => left >> right);
    case 0x27:
      return binary((left, right) => left ^ right);
    case 0x91: {
      const base = context.frameBase();
      return pushed(base === null ? null : base + cursor.sleb());
    }
    case 0x94:
      return pushed(context.read(pop(), cursor.u8()));
    case 0x96:
      return true;
    case 0x9c:
      return pushed(context.canonicalFrameAddress());
    default:
      return false;
  }
}

/** The expression of a location attribute that holds at an address (at the preferred base), or null. */
export function locationExpression(entry: DebugEntry, attribute: number, address: number): Uint8Array | null {
  const value = entry.attributes.get(attribute);
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'number') return null;
  const { unit } = entry;
  const lowPc = unit.root === null ? 0 : (numberAttribute(unit.root, Attribute.LowPc) ?? 0);
  if (unit.version < 5) return oldLocationList(unit, value, lowPc, address);
  const section = unit.sections.get('.debug_loclists');
  if (section === undefined) return null;
  let offset = value;
  if (entry.forms.get(attribute) === Form.Loclistx) {
    const base = unit.root === null ? null : numberAttribute(unit.root, Attribute.LoclistsBase);
    if (base === null) return null;
    offset = base + new ByteCursor(section, base + value * 4).u32();
  }
  return locationList(section, offset, lowPc, address);
}

/** DWARF 5 section 7.7.3. Entries that use .debug_addr are split DWARF's; gcc makes them for nobody else. */
function locationList(section: Uint8Array, offset: number, lowPc: number, address: number): Uint8Array | null {
  const cursor = new ByteCursor(section, offset);
  let base = lowPc;
  let fallback: Uint8Array | null = null;
  while (!cursor.done) {
    const kind = cursor.u8();
    let start = 0;
    let end = 0;
    if (kind === 0) return fallback;
    if (kind === 0x04) {
      start = base + cursor.uleb();
      end = base + cursor.uleb();
    } else if (kind === 0x05) {
      fallback = cursor.block(cursor.uleb());
      continue;
    } else if (kind === 0x06) {
      base = cursor.u32();
      continue;
    } else if (kind === 0x07) {
      start = cursor.u32();
      end = cursor.u32();
    } else if (kind === 0x08) {
      start = cursor.u32();
      end = start + cursor.uleb();
    } else if (kind === 0x09) {
      // A view pair of gcc: two numbers without meaning for a debugger of instructions.
      cursor.uleb();
      cursor.uleb();
      continue;
    } else return fallback;
    const expression = cursor.block(cursor.uleb());
    if (address >= start && address < end) return expression;
  }
  return fallback;
}

/** .debug_loc of DWARF 2 to 4. */
function oldLocationList(unit: CompilationUnit, offset: number, lowPc: number, address: number): Uint8Array | null {
  const section = unit.sections.get('.debug_loc');
  if (section === undefined) return null;
  const cursor = new ByteCursor(section, offset);
  let base = lowPc;
  while (!cursor.done) {
    const start = cursor.u32();
    const end = cursor.u32();
    if (start === 0 && end === 0) return null;
    if (start === 0xffffffff) {
      base = end;
      continue;
    }
    const expression = cursor.block(cursor.u16());
    if (address >= base + start && address < base + end) return expression;
  }
  return null;
}

/** True when an entry's DW_AT_ranges or low and high pc hold an address (at the preferred base). */
export function coversAddress(entry: DebugEntry, address: number): boolean {
  const low = numberAttribute(entry, Attribute.LowPc);
  const high = numberAttribute(entry, Attribute.HighPc);
  if (low !== null && high !== null) {
    const end = entry.forms.get(Attribute.HighPc) === Form.Addr ? high : low + high;
    return address >= low && address < end;
  }
  const ranges = numberAttribute(entry, Attribute.Ranges);
  if (ranges === null) return false;
  return rangesCover(entry, ranges, address);
}

function rangesCover(entry: DebugEntry, value: number, address: number): boolean {
  const { unit } = entry;
  let base = unit.root === null ? 0 : (numberAttribute(unit.root, Attribute.LowPc) ?? 0);
  const modern = unit.version >= 5;
  const section = unit.sections.get(modern ? '.debug_rnglists' : '.debug_ranges');
  if (section === undefined) return false;
  let offset = value;
  if (modern && entry.forms.get(Attribute.Ranges) === Form.Rnglistx) {
    const lists = unit.root === null ? null : numberAttribute(unit.root, Attribute.RnglistsBase);
    if (lists === null) return false;
    offset = lists + new ByteCursor(section, lists + value * 4).u32();
  }
  const cursor = new ByteCursor(section, offset);
  while (!cursor.done) {
    let start = 0;
    let end = 0;
    if (modern) {
      const kind = cursor.u8();
      if (kind === 0) return false;
      if (kind === 0x05) {
        base = cursor.u32();
        continue;
      }
      if (kind === 0x04) {
        start = base + cursor.uleb();
        end = base + cursor.uleb();
      } else if (kind === 0x06) {
        start = cursor.u32();
        end = cursor.u32();
      } else if (kind === 0x07) {
        start = cursor.u32();
        end = start + cursor.uleb();
      } else return false;
    } else {
      start = cursor.u32();
      end = cursor.u32();
      if (start === 0 && end === 0) return false;
      if (start === 0xffffffff) {
        base = end;
        continue;
      }
      start += base;
      end += base;
    }
    if (address >= start && address < end) return true;
  }
  return false;
}
