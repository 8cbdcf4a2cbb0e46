import { ByteCursor } from './byte-cursor.js';
import type { DwarfSections } from './dwarf-info.js';

/** How a register of the caller is found. */
export type RegisterRule =
  | { readonly kind: 'offset' | 'value-offset'; readonly offset: number }
  | { readonly kind: 'register'; readonly register: number }
  | { readonly kind: 'expression' | 'value-expression'; readonly block: Uint8Array }
  | { readonly kind: 'same' | 'undefined' };

/** Canonical frame address: register + offset, or an expression. */
export type CfaRule =
  | { readonly kind: 'register'; readonly register: number; readonly offset: number }
  | { readonly kind: 'expression'; readonly block: Uint8Array };

/** What is known of the frame at one address. */
export interface FrameRules {
  readonly cfa: CfaRule;
  readonly registers: ReadonlyMap<number, RegisterRule>;
  readonly returnRegister: number;
}

interface CommonInformation {
  readonly codeAlignment: number;
  readonly dataAlignment: number;
  readonly returnRegister: number;
  readonly instructions: Uint8Array;
  readonly pointerEncoding: number;
  readonly hasAugmentationData: boolean;
}

interface FrameDescription {
  readonly common: CommonInformation;
  readonly start: number;
  readonly length: number;
  readonly instructions: Uint8Array;
}

const PC_RELATIVE = 0x10;
const UNDEFINED_CFA: CfaRule = { kind: 'register', register: 4, offset: 4 };

function readCommon(cursor: ByteCursor): CommonInformation | null {
  const version = cursor.u8();
  if (version !== 1 && version !== 3 && version !== 4) return null;
  const augmentation = cursor.text();
  if (version === 4) cursor.u16();
  const codeAlignment = cursor.uleb();
  const dataAlignment = cursor.sleb();
  const returnRegister = version === 1 ? cursor.u8() : cursor.uleb();
  let pointerEncoding = 0;
  const hasAugmentationData = augmentation.startsWith('z');
  if (hasAugmentationData) {
    const next = cursor.uleb() + cursor.at;
    for (const letter of augmentation.slice(1)) {
      if (letter === 'R') pointerEncoding = cursor.u8();
      else if (letter === 'L') cursor.u8();
      else if (letter === 'P') readPointer(cursor, cursor.u8(), 0);
    }
    cursor.at = next;
  } else if (augmentation !== '') return null;
  const instructions = cursor.block(cursor.end - cursor.at);
  return { codeAlignment, dataAlignment, returnRegister, instructions, pointerEncoding, hasAugmentationData };
}

/** @param place address of the pointer itself, for relative encodings */
function readPointer(cursor: ByteCursor, encoding: number, place: number): number {
  const format = encoding & 0x0f;
  let value: number;
  if (format === 0x01) value = cursor.uleb();
  else if (format === 0x02 || format === 0x0a) value = (cursor.u16() << 16) >> (format === 0x0a ? 16 : 0);
  else value = cursor.u32();
  return (encoding & 0x70) === PC_RELATIVE ? (value + place) >>> 0 : value >>> 0;
}

/** Unwind information of an image: .debug_frame and .eh_frame (DWARF 5 section 6.4). */
export class FrameTable {
  readonly #descriptions: FrameDescription[] = [];

  /** @param ehFrameAddress address of .eh_frame at the preferred base, 0 without one */
  constructor(sections: DwarfSections, ehFrameAddress: number) {
    const debug = sections.get('.debug_frame');
    const exceptions = sections.get('.eh_frame');
    if (debug !== undefined) this.#read(debug, false, 0);
    if (exceptions !== undefined) this.#read(exceptions, true, ehFrameAddress);
    this.#descriptions.sort((left, right) => left.start - right.start);
  }

  #read(section: Uint8Array, isExceptionFrame: boolean, base: number): void {
    const commons = new Map<number, CommonInformation | null>();
    for (let offset = 0; offset + 8 <= section.length; ) {
      const length = new ByteCursor(section, offset).u32();
      if (length === 0 || length >= 0xfffffff0) break;
      const end = offset + 4 + length;
      const cursor = new ByteCursor(section, offset + 4, end);
      const identifier = cursor.u32();
      if (identifier === (isExceptionFrame ? 0 : 0xffffffff)) commons.set(offset, readCommon(cursor));
      else {
        const place = isExceptionFrame ? offset + 4 - identifier : identifier;
        const common = commons.get(place) ?? null;
        if (common !== null) this.#describe(cursor, common, isExceptionFrame, base);
      }
      offset = end;
    }
  }

  #describe(cursor: ByteCursor, common: CommonInformation, isExceptionFrame: boolean, base: number): void {
    const encoding = isExceptionFrame ? common.pointerEncoding : 0;
    const start = readPointer(cursor, encoding, base + cursor.at);
    const length = readPointer(cursor, encoding & 0x0f, 0);
    if (common.hasAugmentationData) cursor.at += cursor.uleb();
    const instructions = cursor.block(cursor.end - cursor.at);
    if (length > 0) this.#descriptions.push({ common, start, length, instructions });
  }

  /** Rules at an address (at the preferred base), or null where there is no information. */
  rulesAt(address: number): FrameRules | null {
    const description = this.#descriptions.find(({ start, length }) => address >= start && address < start + length);
    return description === undefined ? null : execute(description, address);
  }
}

interface State {
  cfa: CfaRule;
  registers: Map<number, RegisterRule>;
}

function execute({ common, start, instructions }: FrameDescription, address: number): FrameRules {
  const state: State = { cfa: UNDEFINED_CFA, registers: new Map() };
  run(common, common.instructions, state, new Map(), start, address);
  run(common, instructions, state, new Map(state.registers), start, address);
  return { cfa: state.cfa, registers: state.registers, returnRegister: common.returnRegister };
}

/** Call frame instructions (DWARF 5 section 6.4.2) up to an address. */
function run(
  common: CommonInformation,
  code: Uint8Array,
  state: State,
  initial: ReadonlyMap<number, RegisterRule>,
  start: number,
  address: number,
): void {
  const cursor = new ByteCursor(code);
  const { codeAlignment, dataAlignment } = common;
  const saved: State[] = [];
  let location = start;
  const restore = (register: number) => {
    const rule = initial.get(register);
    if (rule === undefined) state.registers.delete(register);
    else state.registers.set(register, rule);
  };
  const changeCfa = (change: { register?: number; offset?: number }) => {
    const old = state.cfa.kind === 'register' ? state.cfa : { register: 4, offset: 0 };
    state.cfa = {
      kind: 'register',
      register: change.register ?? old.register,
      offset: change.offset ?? old.offset,
    };
  };
  const set = (register: number, rule: RegisterRule) => state.registers.set(register, rule);
  while (!cursor.done) {
    const opcode = cursor.u8();
    const operand = opcode & 0x3f;
    if (opcode >= 0xc0) restore(operand);
    else if (opcode >= 0x80) set(operand, { kind: 'offset', offset: cursor.uleb() * dataAlignment });
    else if (opcode >= 0x40) location += operand * codeAlignment;
    else if (opcode === 0x01) location = cursor.u32();
    else if (opcode === 0x02) location += cursor.u8() * codeAlignment;
    else if (opcode === 0x03) location += cursor.u16() * codeAlignment;
    else if (opcode === 0x04) location += cursor.u32() * codeAlignment;
    else if (opcode === 0x05) set(cursor.uleb(), { kind: 'offset', offset: cursor.uleb() * dataAlignment });
    else if (opcode === 0x06) restore(cursor.uleb());
    else if (opcode === 0x07) set(cursor.uleb(), { kind: 'undefined' });
    else if (opcode === 0x08) set(cursor.uleb(), { kind: 'same' });
    else if (opcode === 0x09) set(cursor.uleb(), { kind: 'register', register: cursor.uleb() });
    else if (opcode === 0x0a) saved.push({ cfa: state.cfa, registers: new Map(state.registers) });
    else if (opcode === 0x0b) Object.assign(state, saved.pop() ?? {});
    else if (opcode === 0x0c) changeCfa({ register: cursor.uleb(), offset: cursor.uleb() });
    else if (opcode === 0x0d) changeCfa({ register: cursor.uleb() });
    else if (opcode === 0x0e) changeCfa({ offset: cursor.uleb() });
    else if (opcode === 0x0f) state.cfa = { kind: 'expression', block: cursor.block(cursor.uleb()) };
    else if (opcode === 0x10) set(cursor.uleb(), { kind: 'expression', block: cursor.block(cursor.uleb()) });
    else if (opcode === 0x11) set(cursor.uleb(), { kind: 'offset', offset: cursor.sleb() * dataAlignment });
    else if (opcode === 0x12) changeCfa({ register: cursor.uleb(), offset: cursor.sleb() * dataAlignment });
    else if (opcode === 0x13) changeCfa({ offset: cursor.sleb() * dataAlignment });
    else if (opcode === 0x14) set(cursor.uleb(), { kind: 'value-offset', offset: cursor.uleb() * dataAlignment });
    else if (opcode === 0x15) set(cursor.uleb(), { kind: 'value-offset', offset: cursor.sleb() * dataAlignment });
    else if (opcode === 0x16) set(cursor.uleb(), { kind: 'value-expression', block: cursor.block(cursor.uleb()) });
    else if (opcode === 0x2e) cursor.uleb();
    else if (opcode !== 0) return;
    if (location > address) return;
  }
}
