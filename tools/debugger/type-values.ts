import { DebuggerError } from './debugger-error.js';
import { Attribute, Encoding, Tag } from './dwarf-constants.js';
import { type DebugEntry, type DebugInformation, numberAttribute, textAttribute } from './dwarf-info.js';
import { members, resolvedType, typeOf, typeSize } from './dwarf-types.js';

/** A part of a value. */
export interface TypedChild {
  readonly name: string;
  readonly type: DebugEntry | null;
  readonly address: number;
}

const MAXIMUM_ELEMENTS = 256;

const isAggregate = ({ tag }: DebugEntry): boolean => tag === Tag.StructureType || tag === Tag.UnionType;

/** What a pointer type points to; null for void and for types that are no pointers. */
export function pointerTarget(info: DebugInformation, given: DebugEntry | null): DebugEntry | null {
  const type = resolvedType(info, given);
  if (type === null || (type.tag !== Tag.PointerType && type.tag !== Tag.ReferenceType)) return null;
  return typeOf(info, type);
}

/**
 * Fields of a structure, elements of an array, what a pointer points to (the fields of a structure at once); nothing for other
 * values. Fields of bits are left out: they have no address.
 * @param bytes of the value itself
 */
export function typeChildren(
  info: DebugInformation,
  given: DebugEntry | null,
  address: number,
  bytes: Uint8Array,
): readonly TypedChild[] {
  const type = resolvedType(info, given);
  if (type !== null && isAggregate(type)) return fields(info, type, address);
  const target = pointerTarget(info, type);
  if (target !== null && bytes.length >= 4) {
    const value = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    if (value === 0) return [];
    const pointed = resolvedType(info, target);
    if (pointed !== null && isAggregate(pointed)) return fields(info, pointed, value);
    return pointed === null || pointed.tag === Tag.SubroutineType ? [] : [{ name: '*', type: target, address: value }];
  }
  if (type === null || type.tag !== Tag.ArrayType) return [];
  const element = typeOf(info, type);
  const size = typeSize(info, element);
  const count = size === 0 ? 0 : Math.min(Math.floor(typeSize(info, type) / size), MAXIMUM_ELEMENTS);
  return Array.from({ length: count }, (_, index) => ({
    name: `[${index}]`,
    type: element,
    address: address + index * size,
  }));
}

function fields(info: DebugInformation, type: DebugEntry, address: number): readonly TypedChild[] {
  return members(info, type)
    .filter(({ bitSize }) => bitSize === null)
    .map((member) => ({ name: member.name, type: member.type, address: (address + member.offset) >>> 0 }));
}

/**
 * The bytes of a value that a user wrote: decimal or 0x for numbers, a name of an enumeration, 'x' for a character, or an
 * expression. @throws DebuggerError for types that have no such value
 */
export function encodeValue(
  info: DebugInformation,
  given: DebugEntry | null,
  text: string,
  evaluate: (expression: string) => bigint,
): Uint8Array {
  const type = resolvedType(info, given);
  const size = typeSize(info, type) || 4;
  if (type !== null && (isAggregate(type) || type.tag === Tag.ArrayType))
    throw new DebuggerError('Only its parts can be changed');
  const encoding = type === null ? null : numberAttribute(type, Attribute.Encoding);
  if (encoding === Encoding.Float) return encodeFloat(size, text);
  const value = namedValue(type, text) ?? plainNumber(text) ?? evaluate(text);
  return Uint8Array.from({ length: size }, (_, index) => Number((value >> BigInt(index * 8)) & 0xffn));
}

function encodeFloat(size: number, text: string): Uint8Array {
  const value = Number(text);
  if (text.trim() === '' || (Number.isNaN(value) && text.trim() !== 'NaN'))
    throw new DebuggerError(`'${text}' is no number`);
  const view = new DataView(new ArrayBuffer(8));
  if (size === 4) view.setFloat32(0, value, true);
  else if (size === 8) view.setFloat64(0, value, true);
  else throw new DebuggerError('Values of this type cannot be changed');
  return new Uint8Array(view.buffer, 0, size);
}

/** An enumerator, or a character in quotes. */
function namedValue(type: DebugEntry | null, text: string): bigint | null {
  const character = /^'(.)'$/s.exec(text.trim());
  if (character !== null) return BigInt(character[1].charCodeAt(0));
  if (type?.tag !== Tag.EnumerationType) return null;
  const found = type.children.find((entry) => textAttribute(entry, Attribute.Name) === text.trim());
  const value = found === undefined ? null : numberAttribute(found, Attribute.ConstValue);
  return value === null ? null : BigInt(value);
}

/** Numbers as C has them: decimal unless they begin with 0x. */
function plainNumber(text: string): bigint | null {
  const match = /^\s*(-?)(\d+|0x[0-9a-f]+)\s*$/i.exec(text);
  if (match === null) return null;
  return match[1] === '-' ? -BigInt(match[2]) : BigInt(match[2]);
}
