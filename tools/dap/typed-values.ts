import type { DebugProtocol } from '@vscode/debugprotocol';
import type { DebugEntry, ImageSymbols, LocalVariable, Session } from '../debugger/index.js';
import {
  DebuggerError,
  encodeValue,
  pointerTarget,
  typeChildren,
  typeName,
  typeSize,
  valueText,
} from '../debugger/index.js';
import { hexAddress } from './adapter.js';
import type { VariableStore } from './variable-store.js';

/** A value of a type of the program at an address. */
export interface TypedPlace {
  readonly image: ImageSymbols;
  readonly type: DebugEntry | null;
  readonly address: number;
}

const PLACEHOLDER = '<not available>';

/** A variable at an address, with what lies in it behind a reference. */
export function typedVariable(
  session: Session,
  store: VariableStore,
  name: string,
  place: TypedPlace,
): DebugProtocol.Variable {
  const { image, type, address } = place;
  const size = typeSize(image.info, type) || 4;
  const bytes = session.memory.read(address, size);
  return {
    name,
    value: bytes.length < size ? PLACEHOLDER : valueText(image.info, type, bytes),
    type: typeName(image.info, type),
    variablesReference: bytes.length < size ? 0 : childrenReference(session, store, place, bytes),
    memoryReference: hexAddress(address),
  };
}

/** A reference to the fields, elements or target of a value; 0 where it has none. */
function childrenReference(session: Session, store: VariableStore, place: TypedPlace, bytes: Uint8Array): number {
  const { image } = place;
  const children = typeChildren(image.info, place.type, place.address, bytes);
  if (children.length === 0) return 0;
  const find = (name: string) => children.find((child) => child.name === name) ?? null;
  return store.add({
    variables: () => children.map(({ name, ...child }) => typedVariable(session, store, name, { image, ...child })),
    set(name, value) {
      const child = find(name);
      if (child === null) throw new DebuggerError(`There is no ${name}`);
      return setTyped(session, { image, ...child }, value);
    },
    locate(name) {
      const child = find(name);
      return child === null ? null : { address: child.address, size: typeSize(image.info, child.type) || 4 };
    },
  });
}

/** Stores what a text means for the type; answers the value as it then is. @throws DebuggerError */
export function setTyped(session: Session, { image, type, address }: TypedPlace, text: string): string {
  const bytes = encodeValue(image.info, type, text, (expression) => session.evaluate(expression));
  if (!session.memory.write(address, bytes))
    throw new DebuggerError(`Memory at ${hexAddress(address)} cannot be written`);
  session.changed();
  return valueText(image.info, type, bytes);
}

/** A local variable or parameter of the chosen frame. */
export function localVariable(session: Session, store: VariableStore, local: LocalVariable): DebugProtocol.Variable {
  const { name, image, type, location, bytes } = local;
  if (location?.kind === 'memory')
    return typedVariable(session, store, name, { image, type, address: location.address });
  return {
    name,
    value: bytes === null ? PLACEHOLDER : valueText(image.info, type, bytes),
    type: typeName(image.info, type),
    variablesReference: 0,
  };
}

/**
 * 'a', 'a.b', 'a->b', 'a[3]', '*a' of the chosen frame's locals and of global variables with a type; null for anything else.
 */
export function resolvePath(
  session: Session,
  text: string,
): { readonly name: string; readonly place: TypedPlace } | null {
  const match = /^(\**)\s*([A-Za-z_]\w*)((?:\.\w+|->\w+|\[\d+\])*)$/.exec(text.trim());
  if (match === null) return null;
  let place = root(session, match[2]);
  const steps = [...match[3].matchAll(/\.(\w+)|->(\w+)|\[(\d+)\]/g)];
  for (const [, field, behind, index] of steps) {
    if (place !== null && behind !== undefined) place = target(session, place);
    if (place === null) return null;
    place = child(session, place, field ?? behind ?? `[${index}]`);
  }
  for (let count = 0; count < match[1].length && place !== null; count++) place = target(session, place);
  return place === null ? null : { name: text.trim(), place };
}

function root(session: Session, name: string): TypedPlace | null {
  const local = session.frames.locals().find((candidate) => candidate.name === name);
  if (local !== undefined) {
    return local.location?.kind === 'memory'
      ? { image: local.image, type: local.type, address: local.location.address }
      : null;
  }
  return session.modules.variable(session.space, name);
}

/** A field or element of a value by its name. */
function child(session: Session, place: TypedPlace, name: string): TypedPlace | null {
  const size = typeSize(place.image.info, place.type) || 4;
  const bytes = session.memory.read(place.address, size);
  const found = typeChildren(place.image.info, place.type, place.address, bytes).find((one) => one.name === name);
  return found === undefined ? null : { image: place.image, type: found.type, address: found.address };
}

/** What a pointer points to. */
function target(session: Session, { image, type, address }: TypedPlace): TypedPlace | null {
  const value = session.memory.read32(address);
  const pointed = pointerTarget(image.info, type);
  return value === null || pointed === null ? null : { image, type: pointed, address: value };
}
