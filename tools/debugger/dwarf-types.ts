import { Attribute, Encoding, Tag } from './dwarf-constants.js';
import {
  type DebugEntry,
  type DebugInformation,
  numberAttribute,
  referencedEntry,
  textAttribute,
} from './dwarf-info.js';
import { hex, hex8, printable } from './number-text.js';

/** A field of a structure. */
export interface Member {
  readonly name: string;
  readonly offset: number;
  readonly type: DebugEntry | null;
  readonly bitSize: number | null;
  readonly bitOffset: number;
}

const MAXIMUM_DEPTH = 32;
const MAXIMUM_SHOWN_ELEMENTS = 8;

/** The type of a variable, member, pointer or typedef; null is void. */
export function typeOf(info: DebugInformation, entry: DebugEntry): DebugEntry | null {
  return referencedEntry(info, entry, Attribute.Type);
}

/** The type behind typedefs, const and volatile. */
export function resolvedType(info: DebugInformation, given: DebugEntry | null): DebugEntry | null {
  let type = given;
  for (let depth = 0; type !== null && depth < MAXIMUM_DEPTH; depth++) {
    if (type.tag !== Tag.Typedef && type.tag !== Tag.ConstType && type.tag !== Tag.VolatileType) return type;
    type = typeOf(info, type);
  }
  return type;
}

/** A type as C writes it: 'struct node *', 'char [16]'. */
export function typeName(info: DebugInformation, type: DebugEntry | null, depth = 0): string {
  if (type === null || depth > MAXIMUM_DEPTH) return 'void';
  const name = textAttribute(type, Attribute.Name);
  const inner = () => typeName(info, typeOf(info, type), depth + 1);
  switch (type.tag) {
    case Tag.PointerType:
      return `${inner()}${inner().endsWith('*') ? '*' : ' *'}`;
    case Tag.ConstType:
      return `const ${inner()}`;
    case Tag.VolatileType:
      return `volatile ${inner()}`;
    case Tag.ArrayType:
      return `${inner()} ${dimensions(type)
        .map((count) => `[${count}]`)
        .join('')}`;
    case Tag.StructureType:
      return `struct ${name ?? '(unnamed)'}`;
    case Tag.UnionType:
      return `union ${name ?? '(unnamed)'}`;
    case Tag.EnumerationType:
      return `enum ${name ?? '(unnamed)'}`;
    case Tag.SubroutineType:
      return `${inner()} ()`;
    default:
      return name ?? '(unnamed)';
  }
}

function dimensions(type: DebugEntry): number[] {
  return type.children
    .filter(({ tag }) => tag === Tag.SubrangeType)
    .map((range) => {
      const upper = numberAttribute(range, Attribute.UpperBound);
      return numberAttribute(range, Attribute.Count) ?? (upper === null ? 0 : upper + 1);
    });
}

/** Bytes of a value of the type, 0 when unknown. */
export function typeSize(info: DebugInformation, given: DebugEntry | null, depth = 0): number {
  const type = resolvedType(info, given);
  if (type === null || depth > MAXIMUM_DEPTH) return 0;
  const size = numberAttribute(type, Attribute.ByteSize);
  if (size !== null) return size;
  if (type.tag === Tag.PointerType || type.tag === Tag.ReferenceType) return 4;
  if (type.tag !== Tag.ArrayType) return 0;
  return dimensions(type).reduce((product, count) => product * count, typeSize(info, typeOf(info, type), depth + 1));
}

/** Fields of a structure or union, in order. */
export function members(info: DebugInformation, type: DebugEntry): readonly Member[] {
  return type.children
    .filter(({ tag }) => tag === Tag.Member)
    .map((member) => {
      const bitOffset = numberAttribute(member, Attribute.DataBitOffset);
      const bitSize = numberAttribute(member, Attribute.BitSize);
      const byte = numberAttribute(member, Attribute.DataMemberLocation) ?? 0;
      return {
        name: textAttribute(member, Attribute.Name) ?? '',
        offset: bitOffset === null ? byte : bitOffset >>> 3,
        type: typeOf(info, member),
        bitSize,
        bitOffset: bitOffset === null ? 0 : bitOffset & 7,
      };
    });
}

function readInteger(bytes: Uint8Array, signed: boolean): bigint {
  let value = 0n;
  for (let at = bytes.length - 1; at >= 0; at--) value = (value << 8n) | BigInt(bytes[at]);
  return signed ? BigInt.asIntN(bytes.length * 8, value) : value;
}

/** A value as kd shows it: 0n5, 0x00401000, 0x41 'A', 3.5, { 0n1, 0n2 }. */
export function valueText(info: DebugInformation, given: DebugEntry | null, bytes: Uint8Array): string {
  const type = resolvedType(info, given);
  if (type === null) return `0x${hex(Number(readInteger(bytes, false)))}`;
  switch (type.tag) {
    case Tag.BaseType:
      return baseText(numberAttribute(type, Attribute.Encoding) ?? 0, bytes);
    case Tag.PointerType:
    case Tag.ReferenceType:
      return `0x${hex8(Number(readInteger(bytes, false)))}`;
    case Tag.EnumerationType:
      return enumerationText(type, bytes);
    case Tag.ArrayType:
      return arrayText(info, type, bytes);
    case Tag.StructureType:
    case Tag.UnionType:
      return typeName(info, type);
    default:
      return `0x${hex(Number(readInteger(bytes.subarray(0, 4), false)))}`;
  }
}

function baseText(encoding: number, bytes: Uint8Array): string {
  switch (encoding) {
    case Encoding.Boolean:
      return bytes[0] === 0 ? 'false' : 'true';
    case Encoding.Float: {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (bytes.length === 4) return String(view.getFloat32(0, true));
      return bytes.length >= 8 && bytes.length < 10 ? String(view.getFloat64(0, true)) : longDoubleText(view);
    }
    case Encoding.SignedChar:
    case Encoding.UnsignedChar: {
      const value = readInteger(bytes, encoding === Encoding.SignedChar);
      return `0n${value} '${printable(bytes[0])}'`;
    }
    case Encoding.Signed:
      return `0n${readInteger(bytes, true)}`;
    default:
      return `0x${readInteger(bytes, false).toString(16)}`;
  }
}

/** An 80-bit value, rounded to what a number holds. */
function longDoubleText(view: DataView): string {
  const sign = (view.getUint16(8, true) & 0x8000) !== 0 ? -1 : 1;
  const exponent = view.getUint16(8, true) & 0x7fff;
  const significand = Number(view.getBigUint64(0, true));
  return String(sign * significand * 2 ** (exponent - 16383 - 63));
}

function enumerationText(type: DebugEntry, bytes: Uint8Array): string {
  const value = Number(readInteger(bytes, true));
  const name = type.children.find((child) => numberAttribute(child, Attribute.ConstValue) === value);
  const number = `0n${value}`;
  return name === undefined ? number : `${textAttribute(name, Attribute.Name) ?? ''} (${number})`;
}

function arrayText(info: DebugInformation, type: DebugEntry, bytes: Uint8Array): string {
  const element = typeOf(info, type);
  const size = typeSize(info, element);
  if (size === 0) return '[]';
  const resolved = resolvedType(info, element);
  const encoding = resolved === null ? 0 : numberAttribute(resolved, Attribute.Encoding);
  if (size === 1 && (encoding === Encoding.SignedChar || encoding === Encoding.UnsignedChar)) {
    const end = bytes.indexOf(0);
    return `"${[...bytes.subarray(0, end < 0 ? bytes.length : end)].map(printable).join('')}"`;
  }
  const count = Math.min(Math.floor(bytes.length / size), MAXIMUM_SHOWN_ELEMENTS);
  const shown = Array.from({ length: count }, (_, index) =>
    valueText(info, element, bytes.subarray(index * size, (index + 1) * size)),
  );
  if (bytes.length > count * size) shown.push('...');
  return `{ ${shown.join(', ')} }`;
}
