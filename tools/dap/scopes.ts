import type { DebugProtocol } from '@vscode/debugprotocol';
import {
  DebuggerError,
  executeLine,
  type Json,
  type RegisterName,
  registerNames,
  type Session,
} from '../debugger/index.js';
import { type Adapter, hexAddress } from './adapter.js';
import { localVariable, setTyped } from './typed-values.js';
import type { VariableContainer, VariableStore } from './variable-store.js';

const FLAGS = ['cf', 'pf', 'af', 'zf', 'sf', 'tf', 'if', 'df', 'of', 'iopl'] as const;
const FLOATING_CONTROL = ['fpcw', 'fpsw', 'fptw', 'mxcsr'] as const;

const leaf = (name: string, value: string, type?: string): DebugProtocol.Variable => ({
  name,
  value,
  variablesReference: 0,
  ...(type === undefined ? {} : { type }),
});

/** The scopes of a frame. Each looks at the frame again when it is opened, so that what was changed shows. */
export function frameScopes(adapter: Adapter, frameId: number): DebugProtocol.Scope[] {
  const { variables } = adapter;
  const at = (): Session => adapter.selectFrame(frameId);
  const scope = (name: string, container: VariableContainer, hint?: string): DebugProtocol.Scope => ({
    name,
    variablesReference: variables.add(container),
    expensive: hint === undefined,
    ...(hint === undefined ? {} : { presentationHint: hint }),
  });
  return [
    scope('Locals', localScope(at, variables), 'locals'),
    scope('Registers', registerScope(at, variables), 'registers'),
    scope('Kernel', kernelScope(at, variables)),
  ];
}

function localScope(at: () => Session, store: VariableStore): VariableContainer {
  const find = (name: string) => {
    const local = at()
      .frames.locals()
      .find((candidate) => candidate.name === name);
    return local?.location?.kind === 'memory' ? { local, address: local.location.address } : null;
  };
  return {
    variables: () => {
      const session = at();
      return session.frames.locals().map((local) => localVariable(session, store, local));
    },
    set(name, value) {
      const found = find(name);
      if (found === null) throw new DebuggerError(`${name} does not lie in memory`);
      return setTyped(at(), { image: found.local.image, type: found.local.type, address: found.address }, value);
    },
    locate(name) {
      const found = find(name);
      return found === null ? null : { address: found.address, size: found.local.bytes?.length ?? 4 };
    },
  };
}

const isRegister = (name: string): name is RegisterName => (registerNames as readonly string[]).includes(name);

function registerScope(at: () => Session, store: VariableStore): VariableContainer {
  return {
    variables: () => {
      const { registers } = at();
      const general = registerNames.map((name) => ({
        ...leaf(name, hexAddress(registers.get(name))),
        memoryReference: hexAddress(registers.get(name)),
      }));
      return [
        ...general,
        { name: 'Flags', value: hexAddress(registers.get('efl')), variablesReference: store.add(flagScope(at)) },
        { name: 'Floating point', value: '', variablesReference: store.add(floatingScope(at)) },
      ];
    },
    set: (name, value) => setRegister(at(), name, value),
    locate: null,
  };
}

function flagScope(at: () => Session): VariableContainer {
  return {
    variables: () => FLAGS.map((name) => leaf(name, String(at().registers.lookup(name)))),
    set: (name, value) => setRegister(at(), name, value),
    locate: null,
  };
}

function setRegister(session: Session, name: string, text: string): string {
  const value = Number(BigInt.asUintN(32, session.evaluate(text)));
  session.registers.set(name, value);
  session.changed();
  return isRegister(name) ? hexAddress(session.registers.get(name)) : String(session.registers.lookup(name));
}

function floatingScope(at: () => Session): VariableContainer {
  return {
    variables: () => {
      const { registers } = at();
      const wide = (high: bigint, low: bigint, digits: number): string =>
        `0x${high.toString(16).padStart(digits, '0')}${low.toString(16).padStart(16, '0')}`;
      const stack = Array.from({ length: 8 }, (_, index) => {
        const [head, significand] = registers.st(index);
        return leaf(`st${index}`, wide(BigInt(head), significand, 4));
      });
      const vectors = Array.from({ length: 8 }, (_, index) => {
        const [low, high] = registers.xmm(index);
        return leaf(`xmm${index}`, wide(high, low, 16));
      });
      const control = FLOATING_CONTROL.map((name) => leaf(name, `0x${(registers.lookup(name) ?? 0n).toString(16)}`));
      return [...stack, ...control, ...vectors];
    },
    set: null,
    locate: null,
  };
}

/** What the kernel knows of this place: kd commands whose answers can be opened. */
const KERNEL_VIEWS: readonly (readonly [name: string, command: string])[] = [
  ['Page table entry of EIP', '!pte eip'],
  ['Page table entry of ESP', '!pte esp'],
  ['Address descriptor of EIP', '!vad eip'],
  ['Thread', '!thread'],
  ['Process', '!process -1 0'],
  ['Memory', '!vm 1'],
  ['Page frames', '!memusage'],
  ['Working set', '!wsle'],
  ['Last fault or exception', '!analyze'],
  ['Interrupt request level', '!irql'],
];

function kernelScope(at: () => Session, store: VariableStore): VariableContainer {
  return {
    variables: async () => {
      const session = at();
      const rows: DebugProtocol.Variable[] = [];
      for (const [name, command] of KERNEL_VIEWS) {
        let said = '';
        await executeLine(session, command, true, (text) => {
          said = text;
        });
        rows.push(jsonVariable(store, name, JSON.parse(said) as Json, command));
      }
      return rows;
    },
    set: null,
    locate: null,
  };
}

/** A JSON value as a variable; objects and arrays open. */
function jsonVariable(store: VariableStore, name: string, value: Json, type?: string): DebugProtocol.Variable {
  if (value === null || typeof value !== 'object') return leaf(name, jsonText(value), type);
  const entries = Array.isArray(value)
    ? value.map((one: Json, index) => [`[${index}]`, one] as const)
    : Object.entries(value as { readonly [key: string]: Json });
  const variablesReference = store.add({
    variables: () => entries.map(([key, one]) => jsonVariable(store, key, one)),
    set: null,
    locate: null,
  });
  const text = Array.isArray(value) ? `${entries.length} entries` : 'error' in value ? String(value.error) : '{...}';
  return { ...leaf(name, text, type), variablesReference };
}

function jsonText(value: Json): string {
  if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) < 10) return String(value);
  return `${value} (0x${value < 0 ? (value >>> 0).toString(16) : value.toString(16)})`;
}
