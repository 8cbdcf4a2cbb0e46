import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import { Attribute, Tag } from './dwarf-constants.js';
import { type DebugEntry, numberAttribute } from './dwarf-info.js';
import { members, resolvedType, typeName, typeSize, valueText } from './dwarf-types.js';
import { matches } from './exception-filters.js';
import type { ImageSymbols } from './image-symbols.js';
import { hex, hex8 } from './number-text.js';
import type { Session } from './session.js';
import { type StructureField, structureFields, structures } from './structures.js';

const SIZES: Readonly<Record<string, number>> = { u1: 1, u2: 2, u4: 4, u8: 8, ptr: 4 };
const NAMES: Readonly<Record<string, string>> = { u1: 'UChar', u2: 'Uint2B', u4: 'Uint4B', u8: 'Uint8B', ptr: 'Ptr32' };

function fieldType(field: StructureField): string {
  const name = NAMES[field.type] ?? field.type;
  if (field.bits !== null)
    return `Pos ${field.bits.first}, ${field.bits.count} Bit${field.bits.count === 1 ? '' : 's'}`;
  return field.count === 1 ? name : `[${field.count}] ${name}`;
}

function fieldValue(session: Session, field: StructureField, address: number): { text: string; data: Json } {
  const size = SIZES[field.type];
  if (size === undefined || field.count > 1) return { text: fieldType(field), data: null };
  const value = session.memory.readNumber(address + field.offset, size);
  if (value === null) return { text: '????', data: null };
  if (field.bits !== null) {
    const part = (value >> BigInt(field.bits.first)) & ((1n << BigInt(field.bits.count)) - 1n);
    const text =
      field.bits.count > 8 ? `0x${part.toString(16)}` : `0y${part.toString(2).padStart(field.bits.count, '0')}`;
    return { text, data: Number(part) };
  }
  if (field.type === 'ptr') return { text: value === 0n ? '(null) ' : `0x${hex8(Number(value))}`, data: Number(value) };
  return {
    text: value === 0n ? '0' : `0x${value.toString(16)}`,
    data: size === 8 ? value.toString(16) : Number(value),
  };
}

/** 'dt _TEB', 'dt _TEB ADDRESS', 'dt _PEB ADDRESS Ldr' */
function knownStructure(
  session: Session,
  fields: readonly StructureField[],
  address: number | null,
  wanted: readonly string[],
): CommandOutput {
  const shown = wanted.length === 0 ? fields : fields.filter(({ name }) => wanted.some((one) => matches(one, name)));
  const width = Math.max(16, ...shown.map(({ name }) => name.length));
  const data: { [key: string]: Json } = {};
  const lines = shown.map((field) => {
    const value =
      address === null ? { text: fieldType(field), data: field.offset } : fieldValue(session, field, address);
    data[field.name] = value.data;
    return `   +0x${hex(field.offset).padStart(3, '0')} ${field.name.padEnd(width)} : ${value.text}`;
  });
  return output(lines.join('\n'), data);
}

/** A structure of the program, by its debugging information. */
function programType(
  session: Session,
  image: ImageSymbols,
  given: DebugEntry,
  address: number | null,
  wanted: readonly string[],
): CommandOutput {
  const { info } = image;
  const type = resolvedType(info, given);
  if (type === null || (type.tag !== Tag.StructureType && type.tag !== Tag.UnionType)) {
    if (address === null) return output(typeName(info, given), typeName(info, given));
    const bytes = session.memory.read(address, typeSize(info, given));
    const text = valueText(info, given, bytes);
    return output(text, text);
  }
  const fields = members(info, type).filter(
    ({ name }) => wanted.length === 0 || wanted.some((one) => matches(one, name)),
  );
  const width = Math.max(16, ...fields.map(({ name }) => name.length));
  const data: { [key: string]: Json } = {};
  const lines = fields.map((field) => {
    const size = typeSize(info, field.type);
    const bytes = address === null ? null : session.memory.read(address + field.offset, size);
    const text =
      bytes === null ? typeName(info, field.type) : bytes.length < size ? '????' : valueText(info, field.type, bytes);
    data[field.name] = text;
    return `   +0x${hex(field.offset).padStart(3, '0')} ${field.name.padEnd(width)} : ${text}`;
  });
  return output(lines.join('\n'), data);
}

function displayType(session: Session, args: string): CommandOutput {
  const [name, ...rest] = splitArguments(args);
  if (name === undefined) throw new DebuggerError('dt takes a type, or a pattern of types');
  if (name.includes('*')) {
    const known = Object.keys(structures).filter((one) => matches(name.replace(/^nt!/i, ''), one));
    return output(known.map((one) => `          ${one}`).join('\n'), known);
  }
  const { address, wanted } = addressOf(session, rest);
  const modules = session.modules.list(session.space);
  const [moduleName, typeText] = name.includes('!') ? name.split('!', 2) : [null, name];
  for (const module of modules) {
    if (moduleName !== null && module.name.toLowerCase() !== moduleName.toLowerCase()) continue;
    const type = module.symbols?.type(typeText) ?? null;
    if (type !== null && module.symbols !== null && !isDeclaration(type))
      return programType(session, module.symbols, type, address, wanted);
  }
  const fields = structureFields(typeText);
  if (fields === null || (moduleName !== null && !/^(nt|ntdll)$/i.test(moduleName))) {
    const local = session.frames.locals().find((variable) => variable.name === name);
    if (local !== undefined && local.type !== null && local.location?.kind === 'memory') {
      return programType(session, local.image, local.type, local.location.address, wanted);
    }
    throw new DebuggerError(`Symbol ${name} not found.`);
  }
  return knownStructure(session, fields, address, wanted);
}

/** 'struct x;' alone: the program never saw its fields. */
function isDeclaration(type: DebugEntry): boolean {
  return numberAttribute(type, Attribute.Declaration) === 1;
}

/** The address may stand before or behind the names of fields. */
function addressOf(session: Session, words: readonly string[]): { address: number | null; wanted: readonly string[] } {
  const wanted: string[] = [];
  let address: number | null = null;
  for (const word of words) {
    try {
      if (address === null) {
        address = session.address(word);
        continue;
      }
    } catch (error) {
      if (!(error instanceof DebuggerError) || !/^[A-Za-z_*][\w*]*$/.test(word)) throw error;
    }
    wanted.push(word);
  }
  return { address, wanted };
}

export const typeCommands = commands({
  name: 'dt',
  syntax: 'dt [MODULE!]TYPE [ADDRESS] [FIELDS...]',
  help: 'a structure: NT structures, and types of programs with debugging information',
  run: displayType,
});
