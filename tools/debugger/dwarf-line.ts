import { ByteCursor, textAt } from './byte-cursor.js';
import { Form } from './dwarf-constants.js';
import type { DwarfSections } from './dwarf-info.js';

/** One row of a line table: code from this address on comes from this line. */
export interface LineRow {
  readonly address: number;
  readonly file: string;
  readonly line: number;
  readonly isStatement: boolean;
  /** First address behind a run of code. */
  readonly endSequence: boolean;
}

interface Program {
  readonly version: number;
  readonly minimumLength: number;
  readonly defaultIsStatement: boolean;
  readonly lineBase: number;
  readonly lineRange: number;
  readonly opcodeBase: number;
  readonly opcodeLengths: readonly number[];
  readonly files: readonly string[];
}

const CONTENT_PATH = 1;
const CONTENT_DIRECTORY = 2;
const MAXIMUM_ROWS = 1_000_000;

const isAbsolute = (path: string): boolean => /^(\/|\\|[A-Za-z]:)/.test(path);
const join = (folder: string, name: string): string => (folder === '' || isAbsolute(name) ? name : `${folder}/${name}`);

/** Entry formats of DWARF 5: paths and directory numbers, whatever else is skipped. */
function readEntries(cursor: ByteCursor, sections: DwarfSections): { path: string; directory: number }[] {
  const format: (readonly [number, number])[] = [];
  const pairs = cursor.u8();
  for (let index = 0; index < pairs; index++) format.push([cursor.uleb(), cursor.uleb()]);
  const count = cursor.uleb();
  const entries: { path: string; directory: number }[] = [];
  for (let index = 0; index < count && !cursor.done; index++) {
    const entry = { path: '', directory: 0 };
    for (const [content, form] of format) {
      const value = readContent(cursor, form, sections);
      if (content === CONTENT_PATH && typeof value === 'string') entry.path = value;
      if (content === CONTENT_DIRECTORY && typeof value === 'number') entry.directory = value;
    }
    entries.push(entry);
  }
  return entries;
}

function readContent(cursor: ByteCursor, form: number, sections: DwarfSections): string | number {
  switch (form) {
    case Form.String:
      return cursor.text();
    case Form.LineStrp:
      return textAt(sections.get('.debug_line_str'), cursor.u32());
    case Form.Strp:
      return textAt(sections.get('.debug_str'), cursor.u32());
    case Form.Data1:
      return cursor.u8();
    case Form.Data2:
      return cursor.u16();
    case Form.Data4:
      return cursor.u32();
    case Form.Data16:
      cursor.block(16);
      return 0;
    default:
      return cursor.uleb();
  }
}

/** File names of DWARF 2 to 4; numbering begins with 1. */
function readOldFiles(cursor: ByteCursor): string[] {
  const directories = [''];
  for (let name = cursor.text(); name !== '' && !cursor.done; name = cursor.text()) directories.push(name);
  const files = [''];
  for (let name = cursor.text(); name !== '' && !cursor.done; name = cursor.text()) {
    const directory = cursor.uleb();
    cursor.uleb();
    cursor.uleb();
    files.push(join(directories[directory] ?? '', name));
  }
  return files;
}

function readHeader(cursor: ByteCursor, sections: DwarfSections): Program | null {
  const version = cursor.u16();
  if (version < 2 || version > 5) return null;
  if (version >= 5) cursor.u16();
  const headerLength = cursor.u32();
  const start = cursor.at + headerLength;
  const minimumLength = cursor.u8();
  if (version >= 4) cursor.u8();
  const defaultIsStatement = cursor.u8() !== 0;
  const lineBase = cursor.i8();
  const lineRange = cursor.u8();
  const opcodeBase = cursor.u8();
  const opcodeLengths = [0];
  for (let opcode = 1; opcode < opcodeBase; opcode++) opcodeLengths.push(cursor.u8());
  let files: string[];
  if (version >= 5) {
    const directories = readEntries(cursor, sections);
    const names = readEntries(cursor, sections);
    files = names.map(({ path, directory }) => join(directories[directory]?.path ?? '', path));
  } else files = readOldFiles(cursor);
  cursor.at = start;
  if (lineRange === 0) return null;
  return {
    version,
    minimumLength,
    defaultIsStatement,
    lineBase,
    lineRange,
    opcodeBase,
    opcodeLengths,
    files,
  };
}

/** Runs one line number program (DWARF 5 section 6.2.5). */
function runProgram(cursor: ByteCursor, program: Program, rows: LineRow[]): void {
  let address = 0;
  let file = 1;
  let line = 1;
  let isStatement = program.defaultIsStatement;
  const reset = () => {
    address = 0;
    file = 1;
    line = 1;
    isStatement = program.defaultIsStatement;
  };
  const emit = (endSequence: boolean) => {
    rows.push({ address, file: program.files[file] ?? '', line, isStatement, endSequence });
  };
  while (!cursor.done && rows.length < MAXIMUM_ROWS) {
    const opcode = cursor.u8();
    if (opcode >= program.opcodeBase) {
      const adjusted = opcode - program.opcodeBase;
      address += Math.floor(adjusted / program.lineRange) * program.minimumLength;
      line += program.lineBase + (adjusted % program.lineRange);
      emit(false);
      continue;
    }
    switch (opcode) {
      case 0: {
        const length = cursor.uleb();
        const next = cursor.at + length;
        const extended = cursor.u8();
        if (extended === 1) {
          emit(true);
          reset();
        } else if (extended === 2) address = cursor.unsigned(length - 1);
        cursor.at = next;
        break;
      }
      case 1:
        emit(false);
        break;
      case 2:
        address += cursor.uleb() * program.minimumLength;
        break;
      case 3:
        line += cursor.sleb();
        break;
      case 4:
        file = cursor.uleb();
        break;
      case 6:
        isStatement = !isStatement;
        break;
      case 8:
        address += Math.floor((255 - program.opcodeBase) / program.lineRange) * program.minimumLength;
        break;
      case 9:
        address += cursor.u16();
        break;
      default:
        for (let operand = 0; operand < (program.opcodeLengths[opcode] ?? 0); operand++) cursor.uleb();
    }
  }
}

/** Every row of .debug_line, in ascending order of addresses. Source: DWARF 5 section 6.2, DWARF 4 section 6.2. */
export function parseLineTable(sections: DwarfSections): readonly LineRow[] {
  const section = sections.get('.debug_line');
  const rows: LineRow[] = [];
  if (section === undefined) return rows;
  for (let offset = 0; offset + 4 < section.length; ) {
    const length = new ByteCursor(section, offset).u32();
    if (length === 0 || length >= 0xfffffff0) break;
    const cursor = new ByteCursor(section, offset + 4, offset + 4 + length);
    const program = readHeader(cursor, sections);
    if (program !== null) runProgram(cursor, program, rows);
    offset += 4 + length;
  }
  // Stable: at one address the end of a sequence comes before the beginning of the next.
  return rows.sort(
    (left, right) => left.address - right.address || Number(right.endSequence) - Number(left.endSequence),
  );
}
