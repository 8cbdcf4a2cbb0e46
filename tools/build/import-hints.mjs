// Hints in import tables: where in the exporting library's name table a name stands. The linker takes them from mingw's import
// libraries, which describe other builds of these DLLs; with right ones the loader finds a name with one comparison.

/** Offsets of what is needed of a PE32 image. @param {Buffer} file */
function layoutOf(file) {
  const header = file.readUInt32LE(0x3c);
  const optional = header + 24;
  const sections = optional + file.readUInt16LE(header + 20);
  const count = file.readUInt16LE(header + 6);
  /** File offset of a relative virtual address. */
  const offset = (rva) => {
    for (let at = sections; at < sections + count * 40; at += 40) {
      const start = file.readUInt32LE(at + 12);
      if (rva >= start && rva < start + file.readUInt32LE(at + 16)) return rva - start + file.readUInt32LE(at + 20);
    }
    throw new Error(`address ${rva.toString(16)} lies in no section`);
  };
  const directory = (index) => file.readUInt32LE(optional + 96 + index * 8);
  return { offset, checksum: optional + 64, exports: directory(0), imports: directory(1) };
}

/** @param {Buffer} file */
function text(file, offset) {
  return file.toString('latin1', offset, file.indexOf(0, offset));
}

/**
 * Exported names with their places in the name table.
 * @param {Buffer} file
 * @returns {Map<string, number>}
 */
export function exportHints(file) {
  const { offset, exports } = layoutOf(file);
  if (exports === 0) return new Map();
  const directory = offset(exports);
  const names = offset(file.readUInt32LE(directory + 32));
  const places = Array.from({ length: file.readUInt32LE(directory + 24) }, (_, place) => place);
  return new Map(places.map((place) => [text(file, offset(file.readUInt32LE(names + place * 4))), place]));
}

/** CheckSum of the optional header, as imagehlp computes it. @param {Buffer} file */
function imageChecksum(file, field) {
  let sum = 0;
  for (let at = 0; at < file.length; at += 2) {
    if (at === field || at === field + 2) continue;
    sum += at + 1 < file.length ? file.readUInt16LE(at) : file[at];
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return sum + file.length;
}

/**
 * Gives every import of a known library the right hint, in place.
 * @param {Buffer} file
 * @param {(library: string) => Map<string, number> | undefined} hintsOf export hints of a library, by its name in lower case
 */
export function setImportHints(file, hintsOf) {
  const { offset, checksum, imports } = layoutOf(file);
  if (imports === 0) return;
  for (let descriptor = offset(imports); file.readUInt32LE(descriptor + 12) !== 0; descriptor += 20) {
    const hints = hintsOf(text(file, offset(file.readUInt32LE(descriptor + 12))).toLowerCase());
    if (hints === undefined) continue;
    for (let thunk = offset(file.readUInt32LE(descriptor)); file.readUInt32LE(thunk) !== 0; thunk += 4) {
      const rva = file.readUInt32LE(thunk);
      if (rva >= 0x80000000) continue;
      const hint = hints.get(text(file, offset(rva) + 2));
      if (hint !== undefined) file.writeUInt16LE(hint, offset(rva));
    }
  }
  file.writeUInt32LE(imageChecksum(file, checksum), checksum);
}
