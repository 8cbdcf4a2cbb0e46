import { Attribute, Tag } from './dwarf-constants.js';
import { type DebugEntry, entryName, inheritedAttribute, numberAttribute } from './dwarf-info.js';
import {
  coversAddress,
  evaluateLocation,
  type Location,
  type LocationContext,
  locationExpression,
} from './dwarf-location.js';
import { resolvedType, typeSize } from './dwarf-types.js';
import type { ImageSymbols } from './image-symbols.js';
import type { Session } from './session.js';
import { type StackFrame, walkStack } from './stack-walk.js';

export type DebuggerFrame = StackFrame;

/** A local variable or parameter of a frame. */
export interface LocalVariable {
  readonly name: string;
  readonly isParameter: boolean;
  readonly image: ImageSymbols;
  readonly type: DebugEntry | null;
  /** Null: not available at this instruction. */
  readonly location: Location | null;
  /** Its bytes, null where it is not available. */
  readonly bytes: Uint8Array | null;
}

const MAXIMUM_FRAMES = 256;
const END_OF_CHAIN = 0xffffffff;
const MAXIMUM_VARIABLE = 4096;

/** The call stack of the thread that is looked at, and the frame chosen in it. */
export class FrameView {
  readonly #session: Session;
  #walked: readonly StackFrame[] | null = null;
  #selected = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The machine moved on, or another thread was chosen. */
  reset(): void {
    this.#walked = null;
    this.#selected = 0;
  }

  /** Registers or memory were changed: the same frame is walked to again. */
  invalidate(): void {
    this.#walked = null;
  }

  get list(): readonly StackFrame[] {
    this.#walked ??= this.#walk();
    return this.#walked;
  }

  get current(): StackFrame {
    const { list } = this;
    return list[Math.min(this.#selected, list.length - 1)];
  }

  select(index: number): StackFrame | null {
    const frame = this.list[index] ?? null;
    if (frame !== null) this.#selected = index;
    return frame;
  }

  #walk(): readonly StackFrame[] {
    const session = this.#session;
    const teb = session.thread?.teb ?? 0;
    return walkStack(
      {
        memory: session.memory,
        modules: session.modules,
        disassembler: session.disassembler,
        space: session.space,
        stackBase: session.memory.read32(teb + 4) ?? 0,
        stackLimit: session.memory.read32(teb + 8) ?? 0,
        handlers: this.#handlers(teb),
      },
      session.topRegisters,
      MAXIMUM_FRAMES,
    );
  }

  /** Addresses of the thread's registered exception handlers. */
  #handlers(teb: number): ReadonlySet<number> {
    const { memory } = this.#session;
    const handlers = new Set<number>();
    let registration = memory.read32(teb) ?? END_OF_CHAIN;
    for (let count = 0; registration !== END_OF_CHAIN && count < MAXIMUM_FRAMES; count++) {
      const handler = memory.read32(registration + 4);
      if (handler === null) break;
      handlers.add(handler);
      registration = memory.read32(registration) ?? END_OF_CHAIN;
    }
    return handlers;
  }

  /** Parameters and locals of the chosen frame that are in scope, parameters first. */
  locals(): readonly LocalVariable[] {
    const frame = this.current;
    const found = this.#session.modules.functionAt(this.#session.space, frame.lookupAddress);
    const image = found?.module.symbols ?? null;
    if (found === null || image === null) return [];
    const slide = found.module.base - image.imageBase;
    const context = this.#locationContext(frame, image, found.entry, slide);
    const variables: LocalVariable[] = [];
    this.#collect(found.entry, image, frame.lookupAddress - slide, context, variables);
    return variables.sort((left, right) => Number(right.isParameter) - Number(left.isParameter));
  }

  /** Address of a local variable of the chosen frame, or null. */
  localAddress(name: string): number | null {
    if (name.includes('!') || this.#session.thread === null) return null;
    const local = this.locals().find((candidate) => candidate.name === name);
    return local?.location?.kind === 'memory' ? local.location.address : null;
  }

  #collect(
    scope: DebugEntry,
    image: ImageSymbols,
    address: number,
    context: LocationContext,
    into: LocalVariable[],
  ): void {
    for (const child of scope.children) {
      const isParameter = child.tag === Tag.FormalParameter;
      if (isParameter || child.tag === Tag.Variable) {
        const name = entryName(image.info, child);
        if (name !== null && numberAttribute(child, Attribute.Declaration) !== 1) {
          into.push(this.#variable(child, name, isParameter, image, address, context));
        }
      } else if (child.tag === Tag.LexicalBlock || child.tag === Tag.InlinedSubroutine) {
        if (coversAddress(child, address)) this.#collect(child, image, address, context, into);
      }
    }
  }

  #variable(
    entry: DebugEntry,
    name: string,
    isParameter: boolean,
    image: ImageSymbols,
    address: number,
    context: LocationContext,
  ): LocalVariable {
    const typed = inheritedAttribute(image.info, entry, Attribute.Type);
    const type = typeof typed?.value === 'number' ? (image.info.entries.get(typed.value) ?? null) : null;
    const constant = numberAttribute(entry, Attribute.ConstValue);
    const expression = locationExpression(entry, Attribute.Location, address);
    const location: Location | null =
      constant !== null
        ? { kind: 'value', value: constant }
        : expression === null
          ? null
          : evaluateLocation(expression, context);
    const size = Math.min(typeSize(image.info, type) || 4, MAXIMUM_VARIABLE);
    return {
      name,
      isParameter,
      image,
      type: resolvedType(image.info, type) === null ? null : type,
      location,
      bytes: this.#bytes(location, size, context),
    };
  }

  #bytes(location: Location | null, size: number, context: LocationContext): Uint8Array | null {
    if (location === null) return null;
    if (location.kind === 'memory') {
      const bytes = this.#session.memory.read(location.address, size);
      return bytes.length === size ? bytes : null;
    }
    const value = location.kind === 'value' ? location.value : context.register(location.register);
    if (value === null || size > 8) return null;
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setUint32(0, value >>> 0, true);
    return bytes.subarray(0, size);
  }

  #locationContext(frame: StackFrame, image: ImageSymbols, entry: DebugEntry, slide: number): LocationContext {
    const { memory } = this.#session;
    const context: LocationContext = {
      register: (number) => frame.registers[number] ?? null,
      read: (address, size) => {
        const value = memory.readNumber(address, size);
        return value === null ? null : Number(value);
      },
      canonicalFrameAddress: () => (frame.canonicalFrameAddress === 0 ? null : frame.canonicalFrameAddress),
      frameBase: () => {
        const block = locationExpression(entry, Attribute.FrameBase, frame.lookupAddress - slide);
        const base = block === null ? null : evaluateLocation(block, { ...context, frameBase: () => null });
        if (base === null) return null;
        return base.kind === 'register'
          ? (frame.registers[base.register] ?? null)
          : base.kind === 'memory'
            ? base.address
            : null;
      },
      slide: slide,
    };
    return image.hasDwarf ? context : { ...context, frameBase: () => null };
  }
}
