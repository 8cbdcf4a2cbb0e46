import type { AddressSpace, ControlArea, Vad } from '../../kernel/index.js';
import type { DebugEntry } from './dwarf-info.js';
import type { LineRow } from './dwarf-line.js';
import { type ImageSymbol, type ImageSymbols, readImageSymbols } from './image-symbols.js';
import { hex } from './number-text.js';

/** An image in a process's address space. */
export interface Module {
  /** File name without extension, as symbols are prefixed with: 'ntdll'. */
  readonly name: string;
  /** NT path of the file. */
  readonly path: string;
  readonly base: number;
  readonly size: number;
  /** Null when the file could not be read again. */
  readonly symbols: ImageSymbols | null;
}

/** Where an address is. */
export interface Place {
  readonly module: Module;
  readonly symbol: ImageSymbol | null;
  /** Bytes behind the symbol, or behind the base without one. */
  readonly displacement: number;
}

const MAXIMUM_FILE = 256 * 2 ** 20;

/** The images of a process, as its image VADs say, with the symbols of their files. */
export class Modules {
  readonly #images = new Map<string, ImageSymbols | null>();
  #modules = new WeakMap<Vad, Module>();

  /** Forgets what was read of image files (.reload). */
  reload(): void {
    this.#images.clear();
    this.#modules = new WeakMap();
  }

  /** In ascending order of their addresses. */
  list(space: AddressSpace | null): readonly Module[] {
    const modules: Module[] = [];
    if (space === null) return modules;
    for (const vad of space.vads) {
      if (!vad.isImage) continue;
      const module = this.#mapped(vad);
      if (module !== null) modules.push(module);
    }
    return modules;
  }

  /** A mapping is the same module as long as it is there. */
  #mapped(vad: Vad): Module | null {
    const known = this.#modules.get(vad);
    const area = vad.controlArea;
    if (known !== undefined && known.base === vad.startAddress && known.path === area?.file?.name) return known;
    if (area === null || area.file === null) return null;
    const path = area.file.name;
    const file = path.split('\\').at(-1) ?? path;
    const module: Module = {
      name: file.replace(/\.[^.]*$/, '').replaceAll(/[^A-Za-z0-9_]/g, '_'),
      path,
      base: vad.startAddress,
      size: vad.pages * 0x1000,
      symbols: this.#image(path, area),
    };
    this.#modules.set(vad, module);
    return module;
  }

  #image(path: string, area: ControlArea): ImageSymbols | null {
    const known = this.#images.get(path);
    if (known !== undefined) return known;
    const { file } = area;
    const bytes = file === null ? 0 : file.read(0, Math.min(file.size(), MAXIMUM_FILE));
    const image = typeof bytes === 'number' ? null : readImageSymbols(bytes);
    this.#images.set(path, image);
    return image;
  }

  /** The module that holds an address, or null. */
  moduleAt(space: AddressSpace | null, address: number): Module | null {
    return this.list(space).find(({ base, size }) => address >= base && address < base + size) ?? null;
  }

  /** Module and nearest symbol of an address; null outside of every module. */
  place(space: AddressSpace | null, address: number): Place | null {
    const module = this.moduleAt(space, address);
    if (module === null) return null;
    const rva = address - module.base;
    const symbol = module.symbols?.nearest(rva) ?? null;
    return { module, symbol, displacement: symbol === null ? rva : rva - symbol.rva };
  }

  /** 'ntdll!NtClose+0x5', or null outside of every module. */
  nameOf(space: AddressSpace | null, address: number): string | null {
    const place = this.place(space, address);
    if (place === null) return null;
    const name = place.symbol === null ? place.module.name : `${place.module.name}!${place.symbol.name}`;
    return place.displacement === 0 ? name : `${name}+0x${hex(place.displacement)}`;
  }

  /** Address of 'name' or 'module!name', or of a module by its name; null when there is none. */
  address(space: AddressSpace | null, text: string): number | null {
    const modules = this.list(space);
    const [left, right] = text.includes('!') ? text.split('!', 2) : [null, text];
    for (const module of modules) {
      if (left !== null && module.name.toLowerCase() !== left.toLowerCase()) continue;
      const symbol = module.symbols?.find(right) ?? null;
      if (symbol !== null) return module.base + symbol.rva;
    }
    if (left !== null) return null;
    return modules.find(({ name }) => name.toLowerCase() === text.toLowerCase())?.base ?? null;
  }

  /** A global variable with a type, by its name; null when debugging information knows none. */
  variable(
    space: AddressSpace | null,
    name: string,
  ): { readonly image: ImageSymbols; readonly type: DebugEntry | null; readonly address: number } | null {
    for (const { base, symbols } of this.list(space)) {
      const found = symbols?.variable(name) ?? null;
      if (found !== null && symbols !== null) return { image: symbols, type: found.type, address: base + found.rva };
    }
    return null;
  }

  /** Address of the first code of a line, with the line that it is, or null. */
  line(space: AddressSpace | null, file: string, line: number): { address: number; line: number } | null {
    for (const module of this.list(space)) {
      const found = module.symbols?.addressOfLine(file, line) ?? null;
      if (found !== null) return { address: module.base + found.rva, line: found.line };
    }
    return null;
  }

  /** Source line of an address, or null. */
  lineAt(space: AddressSpace | null, address: number): LineRow | null {
    const module = this.moduleAt(space, address);
    return module?.symbols?.lineAt(address - module.base) ?? null;
  }

  /** Whether an address is where the code of a line begins. */
  beginsLine(space: AddressSpace | null, address: number): boolean {
    const row = this.lineAt(space, address);
    const module = this.moduleAt(space, address);
    return row !== null && module !== null && row.address - (module.symbols?.imageBase ?? 0) === address - module.base;
  }

  /** Function of an address by its debugging information, with its module; null without. */
  functionAt(space: AddressSpace | null, address: number): { module: Module; entry: DebugEntry } | null {
    const module = this.moduleAt(space, address);
    const entry = module?.symbols?.functionAt(address - module.base) ?? null;
    return module === null || entry === null ? null : { module, entry };
  }
}
