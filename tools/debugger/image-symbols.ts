import { Attribute, Tag } from './dwarf-constants.js';
import { FrameTable } from './dwarf-frame.js';
import {
  type DebugEntry,
  type DebugInformation,
  entryName,
  entryRange,
  inheritedAttribute,
  numberAttribute,
  parseDebugInformation,
} from './dwarf-info.js';
import { type LineRow, parseLineTable } from './dwarf-line.js';
import { type PeSymbols, parsePeSymbols } from './pe-symbols.js';

/** A named place in an image. */
export interface ImageSymbol {
  readonly name: string;
  /** Relative to the image base. */
  readonly rva: number;
  /** Bytes, 0 when unknown. */
  readonly size: number;
  readonly source: 'dwarf' | 'coff' | 'export';
}

/** DW_OP_addr. */
const ADDRESS_OPERATION = 3;
const PRIORITY = { dwarf: 0, coff: 1, export: 2 } as const;

/** Everything that an image file says of its symbols; addresses in DWARF are those of the preferred base. */
export class ImageSymbols {
  readonly imageBase: number;
  readonly imageSize: number;
  readonly timestamp: number;
  readonly info: DebugInformation;
  readonly lines: readonly LineRow[];
  readonly frames: FrameTable;
  /** By address, the best name first where there are several. */
  readonly symbols: readonly ImageSymbol[];
  /** Executable ranges, relative to the base. */
  readonly codeRanges: readonly { readonly start: number; readonly end: number }[];
  readonly #byName = new Map<string, ImageSymbol>();
  readonly #functions: readonly DebugEntry[];

  constructor(pe: PeSymbols) {
    this.imageBase = pe.imageBase;
    this.imageSize = pe.imageSize;
    this.timestamp = pe.timestamp;
    this.codeRanges = pe.codeRanges;
    this.info = parseDebugInformation(pe.sections);
    this.lines = parseLineTable(pe.sections);
    this.frames = new FrameTable(pe.sections, pe.sectionAddresses.get('.eh_frame') ?? 0);
    const entries = [...this.info.entries.values()];
    this.#functions = entries.filter(
      ({ tag, attributes }) => tag === Tag.Subprogram && attributes.has(Attribute.LowPc),
    );
    const all = [...this.#dwarfSymbols(entries), ...pe.symbols];
    this.symbols = all.sort((left, right) => left.rva - right.rva || PRIORITY[left.source] - PRIORITY[right.source]);
    for (const symbol of [...this.symbols].sort((left, right) => PRIORITY[left.source] - PRIORITY[right.source])) {
      const key = symbol.name.toLowerCase();
      if (!this.#byName.has(key)) this.#byName.set(key, symbol);
    }
  }

  #dwarfSymbols(entries: readonly DebugEntry[]): ImageSymbol[] {
    const symbols: ImageSymbol[] = [];
    for (const entry of entries) {
      const name = entryName(this.info, entry);
      if (name === null) continue;
      if (entry.tag === Tag.Subprogram) {
        const range = entryRange(entry);
        if (range === null) continue;
        symbols.push({ name, rva: range.low - this.imageBase, size: range.high - range.low, source: 'dwarf' });
      } else if (entry.tag === Tag.Variable) {
        const rva = this.#variableRva(entry);
        if (rva !== null) symbols.push({ name, rva, size: 0, source: 'dwarf' });
      }
    }
    return symbols;
  }

  /** Where a variable lies that has a fixed address; null for others. */
  #variableRva(entry: DebugEntry): number | null {
    const location = entry.attributes.get(Attribute.Location);
    if (!(location instanceof Uint8Array) || location.length !== 5 || location[0] !== ADDRESS_OPERATION) return null;
    return new DataView(location.buffer, location.byteOffset).getUint32(1, true) - this.imageBase;
  }

  /** A global or static variable with its type, by its exact name. */
  variable(name: string): { readonly rva: number; readonly type: DebugEntry | null } | null {
    for (const entry of this.info.entries.values()) {
      if (entry.tag !== Tag.Variable || entryName(this.info, entry) !== name) continue;
      const rva = this.#variableRva(entry);
      const typed = inheritedAttribute(this.info, entry, Attribute.Type);
      const type = typeof typed?.value === 'number' ? (this.info.entries.get(typed.value) ?? null) : null;
      if (rva !== null) return { rva, type };
    }
    return null;
  }

  get hasDwarf(): boolean {
    return this.info.units.length > 0;
  }

  /** A symbol by its name, upper and lower case alike; null when there is none. */
  find(name: string): ImageSymbol | null {
    return this.#byName.get(name.toLowerCase()) ?? null;
  }

  /** The last symbol at or before an offset, or null. */
  nearest(rva: number): ImageSymbol | null {
    let low = 0;
    let high = this.symbols.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.symbols[middle].rva <= rva) low = middle + 1;
      else high = middle;
    }
    let index = low - 1;
    while (index > 0 && this.symbols[index - 1].rva === this.symbols[index].rva) index--;
    return this.symbols[index] ?? null;
  }

  /** Source line of an offset, or null. */
  lineAt(rva: number): LineRow | null {
    const address = rva + this.imageBase;
    let found: LineRow | null = null;
    for (const row of this.lines) {
      if (row.address > address) break;
      found = row;
    }
    return found === null || found.endSequence || found.line === 0 ? null : found;
  }

  /**
   * Offset of the first instruction of a line; of the next line with code when it has none itself. The file is compared from
   * its end, so that a bare name will do.
   */
  addressOfLine(file: string, line: number): { readonly rva: number; readonly line: number } | null {
    const wanted = file.replaceAll('\\', '/').toLowerCase();
    let best: LineRow | null = null;
    for (const row of this.lines) {
      if (row.endSequence || !row.isStatement || row.line < line) continue;
      const name = row.file.replaceAll('\\', '/').toLowerCase();
      if (name !== wanted && !name.endsWith(`/${wanted}`)) continue;
      if (best === null || row.line < best.line) best = row;
    }
    return best === null ? null : { rva: best.address - this.imageBase, line: best.line };
  }

  /** The function whose code holds an offset, or null. */
  functionAt(rva: number): DebugEntry | null {
    const address = rva + this.imageBase;
    return (
      this.#functions.find((entry) => {
        const range = entryRange(entry);
        return range !== null && address >= range.low && address < range.high;
      }) ?? null
    );
  }

  /** A structure, union, enumeration or typedef by name. */
  type(name: string): DebugEntry | null {
    const wanted = name.replace(/^(struct|union|enum)\s+/, '');
    let declaration: DebugEntry | null = null;
    for (const entry of this.info.entries.values()) {
      const isType =
        entry.tag === Tag.StructureType ||
        entry.tag === Tag.UnionType ||
        entry.tag === Tag.EnumerationType ||
        entry.tag === Tag.Typedef ||
        entry.tag === Tag.BaseType;
      if (!isType || entryName(this.info, entry) !== wanted) continue;
      if (numberAttribute(entry, Attribute.Declaration) !== 1) return entry;
      declaration = entry;
    }
    return declaration;
  }
}

/** @returns null when the bytes are no PE32 image */
export function readImageSymbols(file: Uint8Array): ImageSymbols | null {
  const pe = parsePeSymbols(file);
  return pe === null ? null : new ImageSymbols(pe);
}
