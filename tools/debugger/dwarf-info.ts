import { ByteCursor, textAt } from './byte-cursor.js';
import { Attribute, Form } from './dwarf-constants.js';

/** The DWARF sections of an image by name ('.debug_info'), as many as it has. */
export type DwarfSections = ReadonlyMap<string, Uint8Array>;

/** Value of an attribute: numbers, texts, blocks; references are offsets in .debug_info. */
export type AttributeValue = number | string | Uint8Array;

/** A debugging information entry. */
export interface DebugEntry {
  readonly offset: number;
  readonly tag: number;
  readonly unit: CompilationUnit;
  readonly attributes: ReadonlyMap<number, AttributeValue>;
  /** The form that each attribute came in: it tells an offset from a length, an address from a constant. */
  readonly forms: ReadonlyMap<number, number>;
  readonly parent: DebugEntry | null;
  readonly children: DebugEntry[];
}

export interface CompilationUnit {
  readonly offset: number;
  readonly version: number;
  readonly addressSize: number;
  readonly sections: DwarfSections;
  root: DebugEntry | null;
}

/** All of .debug_info. */
export interface DebugInformation {
  readonly units: readonly CompilationUnit[];
  readonly entries: ReadonlyMap<number, DebugEntry>;
}

interface Abbreviation {
  readonly tag: number;
  readonly hasChildren: boolean;
  /** Attribute, form, implicit constant. */
  readonly specifications: readonly (readonly [number, number, number])[];
}

/** A broken image may claim anything: nothing is read beyond these. */
const MAXIMUM_ENTRIES = 2_000_000;

function parseAbbreviations(section: Uint8Array, offset: number): ReadonlyMap<number, Abbreviation> {
  const cursor = new ByteCursor(section, offset);
  const table = new Map<number, Abbreviation>();
  for (let code = cursor.uleb(); code !== 0 && !cursor.done; code = cursor.uleb()) {
    const tag = cursor.uleb();
    const hasChildren = cursor.u8() !== 0;
    const specifications: (readonly [number, number, number])[] = [];
    while (!cursor.done) {
      const attribute = cursor.uleb();
      const form = cursor.uleb();
      const constant = form === Form.ImplicitConst ? cursor.sleb() : 0;
      if (attribute === 0 && form === 0) break;
      specifications.push([attribute, form, constant]);
    }
    table.set(code, { tag, hasChildren, specifications });
  }
  return table;
}

/** Reads one attribute value. @returns null for a form that is not known: the rest of the unit cannot be read then. */
function readForm(cursor: ByteCursor, unit: CompilationUnit, form: number, constant: number): AttributeValue | null {
  switch (form) {
    case Form.Addr:
      return cursor.unsigned(unit.addressSize);
    case Form.Data1:
    case Form.Flag:
    case Form.Strx1:
    case Form.Addrx1:
      return cursor.u8();
    case Form.Data2:
    case Form.Strx2:
    case Form.Addrx2:
      return cursor.u16();
    case Form.Strx3:
    case Form.Addrx3:
      return cursor.u16() | (cursor.u8() << 16);
    case Form.Data4:
    case Form.SecOffset:
    case Form.Strx4:
    case Form.Addrx4:
      return cursor.u32();
    case Form.Data8:
    case Form.RefSig8:
      return Number(cursor.u64());
    case Form.Data16:
      return cursor.block(16);
    case Form.String:
      return cursor.text();
    case Form.Strp:
      return textAt(unit.sections.get('.debug_str'), cursor.u32());
    case Form.LineStrp:
      return textAt(unit.sections.get('.debug_line_str'), cursor.u32());
    case Form.Block1:
      return cursor.block(cursor.u8());
    case Form.Block2:
      return cursor.block(cursor.u16());
    case Form.Block4:
      return cursor.block(cursor.u32());
    case Form.Block:
    case Form.Exprloc:
      return cursor.block(cursor.uleb());
    case Form.Sdata:
      return cursor.sleb();
    case Form.Udata:
    case Form.Strx:
    case Form.Addrx:
    case Form.Loclistx:
    case Form.Rnglistx:
      return cursor.uleb();
    case Form.RefAddr:
      return unit.version < 3 ? cursor.unsigned(unit.addressSize) : cursor.u32();
    case Form.Ref1:
      return unit.offset + cursor.u8();
    case Form.Ref2:
      return unit.offset + cursor.u16();
    case Form.Ref4:
      return unit.offset + cursor.u32();
    case Form.Ref8:
      return unit.offset + Number(cursor.u64());
    case Form.RefUdata:
      return unit.offset + cursor.uleb();
    case Form.FlagPresent:
      return 1;
    case Form.ImplicitConst:
      return constant;
    case Form.Indirect:
      return readForm(cursor, unit, cursor.uleb(), 0);
    default:
      return null;
  }
}

function parseUnit(
  cursor: ByteCursor,
  unit: CompilationUnit,
  abbreviations: ReadonlyMap<number, Abbreviation>,
  entries: Map<number, DebugEntry>,
): void {
  let parent: DebugEntry | null = null;
  while (!cursor.done && entries.size < MAXIMUM_ENTRIES) {
    const offset = cursor.at;
    const code = cursor.uleb();
    if (code === 0) {
      if (parent === null) return;
      parent = parent.parent;
      continue;
    }
    const abbreviation = abbreviations.get(code);
    if (abbreviation === undefined) return;
    const attributes = new Map<number, AttributeValue>();
    const forms = new Map<number, number>();
    for (const [attribute, form, constant] of abbreviation.specifications) {
      const value = readForm(cursor, unit, form, constant);
      if (value === null) return;
      attributes.set(attribute, value);
      forms.set(attribute, form);
    }
    const entry: DebugEntry = { offset, tag: abbreviation.tag, unit, attributes, forms, parent, children: [] };
    entries.set(offset, entry);
    parent?.children.push(entry);
    unit.root ??= entry;
    if (abbreviation.hasChildren) parent = entry;
    else if (parent === null) return;
  }
}

/**
 * Reads .debug_info and .debug_abbrev of DWARF 2 to 5 in the 32-bit format; a unit that cannot be understood ends early and the
 * next one goes on. Source: DWARF 5 section 7.5.
 */
export function parseDebugInformation(sections: DwarfSections): DebugInformation {
  const information = sections.get('.debug_info');
  const abbreviations = sections.get('.debug_abbrev');
  const units: CompilationUnit[] = [];
  const entries = new Map<number, DebugEntry>();
  if (information === undefined || abbreviations === undefined) return { units, entries };
  for (let offset = 0; offset + 11 < information.length; ) {
    const header = new ByteCursor(information, offset);
    const length = header.u32();
    if (length >= 0xfffffff0 || length === 0) break;
    const end = offset + 4 + length;
    const version = header.u16();
    const modern = version >= 5;
    const unitType = modern ? header.u8() : 1;
    const early = modern ? header.u8() : 0;
    const abbreviationOffset = header.u32();
    const addressSize = modern ? early : header.u8();
    const unit: CompilationUnit = { offset, version, addressSize, sections, root: null };
    if (version >= 2 && version <= 5 && (unitType === 1 || unitType === 3)) {
      const cursor = new ByteCursor(information, header.at, end);
      parseUnit(cursor, unit, parseAbbreviations(abbreviations, abbreviationOffset), entries);
      units.push(unit);
    }
    offset = end;
  }
  return { units, entries };
}

/** A numeric attribute, or null. */
export function numberAttribute(entry: DebugEntry, attribute: number): number | null {
  const value = entry.attributes.get(attribute);
  return typeof value === 'number' ? value : null;
}

export function textAttribute(entry: DebugEntry, attribute: number): string | null {
  const value = entry.attributes.get(attribute);
  return typeof value === 'string' ? value : null;
}

/** The entry that a reference attribute names, or null. */
export function referencedEntry(info: DebugInformation, entry: DebugEntry, attribute: number): DebugEntry | null {
  const offset = numberAttribute(entry, attribute);
  return offset === null ? null : (info.entries.get(offset) ?? null);
}

/** An attribute of the entry or of what it is an instance of. */
export function inheritedAttribute(
  info: DebugInformation,
  entry: DebugEntry,
  attribute: number,
): { readonly entry: DebugEntry; readonly value: AttributeValue } | null {
  let current: DebugEntry | null = entry;
  for (let depth = 0; current !== null && depth < 8; depth++) {
    const value = current.attributes.get(attribute);
    if (value !== undefined) return { entry: current, value };
    current =
      referencedEntry(info, current, Attribute.AbstractOrigin) ??
      referencedEntry(info, current, Attribute.Specification);
  }
  return null;
}

/** DW_AT_name of the entry or of what it is an instance of; null without one. */
export function entryName(info: DebugInformation, entry: DebugEntry): string | null {
  const found = inheritedAttribute(info, entry, Attribute.Name);
  return typeof found?.value === 'string' ? found.value : null;
}

/** Addresses [low, high) that an entry covers in one piece, or null (no code, or several ranges). */
export function entryRange(entry: DebugEntry): { readonly low: number; readonly high: number } | null {
  const low = numberAttribute(entry, Attribute.LowPc);
  const high = numberAttribute(entry, Attribute.HighPc);
  if (low === null || high === null) return null;
  return { low, high: entry.forms.get(Attribute.HighPc) === Form.Addr ? high : low + high };
}
