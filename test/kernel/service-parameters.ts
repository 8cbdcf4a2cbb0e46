import { expect } from 'vitest';
import { Disposition, kernelAttributes } from '../../kernel/io/create-file.js';
import { type FileObject, FileShare } from '../../kernel/io/file-object.js';
import { Process } from '../../kernel/ke/process.js';
import { allocateVirtualMemory } from '../../kernel/mm/allocate-virtual-memory.js';
import { createSection, SectionAttribute } from '../../kernel/mm/create-section.js';
import { protectVirtualMemory } from '../../kernel/mm/protect-virtual-memory.js';
import { Status, statusName } from '../../kernel/ntstatus.js';
import type { ObjectHeader } from '../../kernel/ob/object-header.js';
import type { EProcess } from '../../kernel/ps/process.js';
import { accountToken } from '../../kernel/se/account.js';
import type { Blocking } from '../../kernel/types.js';
import { bootLayout } from '../boot-options.js';
import { BareProcess, CODE, code, DATA } from './bare-process.js';

/** Memory that services work on: 16 committed pages, and 16 reserved ones behind them. */
export const REGION = 0x00700000;
export const RESERVED = 0x00710000;
/** A page that can only be read. */
const READ_ONLY = 0x00720000;
/** Bytes of the sections. */
export const SECTION_SIZE = 0x20000;
/** Bytes of the file. */
export const FILE_SIZE = 0x2000;
const PROBE_LIMIT = bootLayout.userProbeAddress;
const READWRITE = 4;

/** Handles as a process can hold them. */
export interface Handles {
  readonly self: number;
  /** All access to another process. */
  readonly full: number;
  readonly closed: number;
  readonly wrongType: number;
  /** SYNCHRONIZE only. */
  readonly underPrivileged: number;
  /** All access to a process whose address space is gone. */
  readonly terminated: number;
  /** Section objects: of 128 KB of page-file memory with all access, with SECTION_QUERY alone, and read-only. */
  readonly section: number;
  readonly sectionToQuery: number;
  readonly readOnlySection: number;
  /** A file of 8 KB, open for everything and synchronous; the same with FILE_GENERIC_READ, and with SYNCHRONIZE alone. */
  readonly file: number;
  readonly fileToRead: number;
  readonly fileToWait: number;
  readonly directory: number;
}

/** A parameter in one of its values. `at`: what lies at the address that the parameter is. */
export interface Choice {
  readonly value: number;
  readonly at?: readonly number[];
}

export type Call = Readonly<Record<string, Choice>>;

/** A service, each parameter with its choices (the first is right), and the statuses that the documents give. */
export interface ServiceModel {
  readonly name: string;
  readonly parameters: Readonly<Record<string, readonly Choice[]>>;
  /** Parameters whose targets are written whatever the status is. */
  readonly outputs?: readonly string[];
  /** The caller holds every privilege. */
  readonly privileged?: boolean;
  /** In order of the checks: the first that applies is the status; null: nothing is wrong with the parameters. */
  readonly status: (call: Call, handles: Handles) => keyof typeof Status | null;
}

/** The status of a probe: alignment first, then the range, then the pages. */
export function probe(
  address: number,
  size: number,
  alignment: number,
  access: 'read' | 'write',
): 'DATATYPE_MISALIGNMENT' | 'ACCESS_VIOLATION' | null {
  if (size === 0) return null;
  if (address % alignment !== 0) return 'DATATYPE_MISALIGNMENT';
  if (address + size > PROBE_LIMIT) return 'ACCESS_VIOLATION';
  const lies = (start: number, length: number) => address >= start && address + size <= start + length;
  if (lies(DATA, 0x10000) || lies(CODE, 0x10000) || lies(REGION, 0x10000)) return null;
  return access === 'read' && lies(READ_ONLY, 0x1000) ? null : 'ACCESS_VIOLATION';
}

/** What a handle of a process is worth to a service that asks for an access. */
export function handleStatus(handle: number, handles: Handles): keyof typeof Status | null {
  if (handle === handles.closed) return 'INVALID_HANDLE';
  if (handle === handles.wrongType || handle === handles.section) return 'OBJECT_TYPE_MISMATCH';
  if (handle === handles.underPrivileged) return 'ACCESS_DENIED';
  return handle === handles.terminated ? 'PROCESS_IS_TERMINATING' : null;
}

/** A pointer to these dwords in memory of every kind. */
export function pointers(offset: number, at: readonly number[]): Choice[] {
  return [
    { value: DATA + offset, at },
    { value: DATA + offset + 1, at },
    { value: 0 },
    { value: 0xfffffffd },
    { value: 0x80001000 },
    { value: PROBE_LIMIT - 2 },
    { value: RESERVED, at },
    { value: READ_ONLY + offset, at },
  ];
}

export const choices = (...values: readonly number[]): Choice[] => values.map((value) => ({ value: value >>> 0 }));

/** Every combination with at most two parameters that are not their first choice: so each check meets each other one. */
export function* pairs(parameters: ServiceModel['parameters']): Generator<Call> {
  const names = Object.keys(parameters);
  const first = Object.fromEntries(names.map((name) => [name, parameters[name]?.[0] ?? { value: 0 }]));
  yield first;
  for (const [index, name] of names.entries()) {
    for (const choice of (parameters[name] ?? []).slice(1)) {
      const one = { ...first, [name]: choice };
      yield one;
      for (const other of names.slice(index + 1)) {
        for (const second of (parameters[other] ?? []).slice(1)) yield { ...one, [other]: second };
      }
    }
  }
}

/** A process with memory, handles and a neighbour, for calls with parameters of every kind. */
export class ParameterMachine {
  readonly guest = new BareProcess(code('eb fe'));
  readonly handles: Handles;
  readonly other: EProcess;
  readonly #file: FileObject;

  constructor(privileged = false) {
    const { kernel, process } = this.guest;
    const luid = kernel.ps.allocateLuid();
    kernel.ps.setToken(process, accountToken(privileged ? 'system' : 'admin', [], luid));
    this.#allocate(process, REGION, 0x10000, 0x3000, READWRITE);
    this.#allocate(process, RESERVED, 0x10000, 0x2000, READWRITE);
    this.#allocate(process, READ_ONLY, 0x1000, 0x3000, READWRITE);
    this.other = this.#createProcess();
    this.#allocate(this.other, REGION, 0x10000, 0x3000, READWRITE);
    this.#allocate(this.other, RESERVED, 0x10000, 0x2000, READWRITE);
    const terminated = this.#createProcess();
    kernel.ps.memory.deleteAddressSpace(terminated);
    terminated.pcb.addressSpace = null;
    this.#file = this.#open('C:\\file', 0x60);
    this.#file.control?.hostFile?.write(0, new Uint8Array(FILE_SIZE).fill(0x61));
    const file = kernel.ob.createObject(kernel.ob.types.file, this.#file).object;
    const directory = kernel.ob.createObject(kernel.ob.types.file, this.#open('C:\\directory', 0x21)).object;
    this.handles = {
      file: this.handleTo(file, 0x1f01ff),
      fileToRead: this.handleTo(file, 0x120089),
      fileToWait: this.handleTo(file, 0x100000),
      directory: this.handleTo(directory, 0x1f01ff),
      self: 0xffffffff,
      full: this.handleTo(this.other.object, 0x1f0fff),
      closed: 0x1234,
      wrongType: this.handleTo(process.token, 0xf01ff),
      underPrivileged: this.handleTo(this.other.object, 0x100000),
      terminated: this.handleTo(terminated.object, 0x1f0fff),
      section: this.handleTo(this.#createSection(READWRITE), 0xf001f),
      sectionToQuery: this.handleTo(this.#createSection(READWRITE), 1),
      readOnlySection: this.handleTo(this.#createSection(2), 0xf001f),
    };
  }

  /**
   * Calls the service with every pair of choices. Where the model says that a parameter is wrong, the status must be the model's,
   * and nothing may have changed. A call that nothing is wrong with may do its work; the next ones have a new machine.
   */
  static check(model: ServiceModel): void {
    const calls = [...pairs(model.parameters)];
    const problems: string[] = [];
    let refused = 0;
    while (calls.length > 0) {
      const machine = new ParameterMachine(model.privileged);
      machine.inThread(function* () {
        for (let call = calls.shift(); call !== undefined; call = calls.shift()) {
          const expected = model.status(call, machine.handles);
          if (expected !== null) refused++;
          machine.#prepare(call);
          const before = machine.#digest();
          const fileBefore = expected === null ? '' : machine.#fileState();
          const status = yield* machine.guest.call(model.name, ...Object.values(call).map(({ value }) => value));
          const problem = judge(expected, statusName(status).replace('STATUS_', ''));
          machine.#put(call, model.outputs ?? []);
          const changed = machine.#digest() !== before;
          const text = Object.entries(call).map(([name, { value }]) => `${name} ${value.toString(16)}`);
          if (problem !== null) problems.push(`${text.join(', ')}: ${problem}`);
          if (expected !== null && machine.#fileState() !== fileBefore)
            problems.push(`${text.join(', ')}: changed the file`);
          if (expected !== null && changed) problems.push(`${text.join(', ')}: changed something`);
          if (changed) return;
        }
      });
      expect(machine.guest.kernel.mm.verify()).toBeNull();
    }
    expect(problems.slice(0, 12)).toEqual([]);
    expect(refused).toBeGreaterThan(10);
  }

  /** A handle of the process to an object, with this access. */
  handleTo(object: ObjectHeader | null, access: number): number {
    if (object === null) throw new Error('no object');
    return this.guest.kernel.ob.insertHandle(this.guest.process, object, access).handle;
  }

  /** Runs kernel code in a thread of the process itself, until it is done. */
  inThread(body: () => Blocking<void>): void {
    const { kernel, process } = this.guest;
    let done = false;
    kernel.ke.createSystemThread(process.pcb, 16, function* () {
      yield* body();
      done = true;
    });
    kernel.runLoop.run(50_000_000, () => done);
    expect(done).toBe(true);
  }

  /** Everything that a refused call may not touch. */
  #digest(): string {
    const { kernel, process } = this.guest;
    const spaces = [process, this.other].map(({ pcb: { addressSpace: space } }) => [
      space?.virtualSize,
      space?.commitCharge,
      space?.vm.minimum,
      space?.vm.maximum,
      space?.workingSet.firstDynamic,
      [...(space?.vads ?? [])].map((vad) => [vad.startingVpn, vad.endingVpn, vad.commitCharge, vad.protection]),
    ]);
    const bytes = [DATA, REGION, READ_ONLY].map((address) => kernel.user.readBytes(address, 0x200).join());
    kernel.user.clearFailure();
    const { commit, paging } = kernel.mm;
    return JSON.stringify([
      spaces,
      bytes,
      commit.charged,
      commit.limit,
      paging.files.length,
      process.handleTable.count,
    ]);
  }

  /** Puts what the pointers of a call point at in its place; on the read-only page the protection is not in the way. */
  #prepare(call: Call): void {
    this.#protect(READWRITE);
    this.guest.kernel.user.writeBytes(DATA, new Uint8Array(0x200));
    this.#put(call, Object.keys(call));
    this.#protect(2);
  }

  #put(call: Call, names: readonly string[]): void {
    const { user } = this.guest.kernel;
    for (const name of names) {
      const { value, at } = call[name] ?? { value: 0, at: [] };
      for (const [index, word] of (at ?? []).entries()) user.write32(value + index * 4, word);
    }
    user.clearFailure();
  }

  #protect(protection: number): void {
    const { kernel, process } = this.guest;
    const space = process.pcb.addressSpace;
    if (space !== null) protectVirtualMemory(kernel, space, READ_ONLY, 0x1000, protection);
  }

  #allocate(process: EProcess, base: number, size: number, type: number, protection: number): void {
    const space = process.pcb.addressSpace;
    if (space === null) throw new Error('no address space');
    const { status } = allocateVirtualMemory(this.guest.kernel, space, { base, zeroBits: 0, size, type, protection });
    if (status !== Status.SUCCESS) throw new Error(`no memory: ${statusName(status)}`);
  }

  #open(name: string, options: number): FileObject {
    const { file, status } = this.guest.kernel.io.createFile({
      attributes: kernelAttributes(`\\??\\${name}`),
      desiredAccess: 0x1f01ff,
      allocationSize: 0,
      fileAttributes: 0x80,
      shareAccess: FileShare.VALID,
      disposition: Disposition.CREATE,
      options,
    });
    if (file === null) throw new Error(`no file: ${statusName(status)}`);
    return file;
  }

  /** What the file's services work on. */
  #fileState(): string {
    const { control, currentOffset, mode, deleteOnClose } = this.#file;
    const bytes = control?.hostFile?.read(0, FILE_SIZE * 2) ?? 0;
    const content = typeof bytes === 'number' ? bytes : bytes.reduce((sum, byte) => (sum * 31 + byte) >>> 0, 0);
    const path = control?.path.join('\\') ?? '';
    return [path, control?.size(), control?.deletePending, currentOffset, mode, deleteOnClose, content].join();
  }

  #createSection(protection: number): ObjectHeader | null {
    const { kernel } = this.guest;
    const request = { size: SECTION_SIZE, protection, attributes: SectionAttribute.Commit, file: null };
    const { section } = createSection(kernel, request);
    if (section === null) throw new Error('no section');
    return kernel.ob.createObject(kernel.ob.types.section, section).object;
  }

  #createProcess(): EProcess {
    const { ps } = this.guest.kernel;
    const pcb = new Process(ps.allocateClientId(), 'other.exe');
    pcb.addressSpace = ps.memory.createAddressSpace(pcb.uniqueProcessId);
    const process = ps.createProcessObject(pcb, 4, '\\??\\C:\\other.exe');
    if (process === null) throw new Error('no process');
    return process;
  }
}

/** What is wrong with a status; null: nothing. Without an expected one, any will do that does not blame a parameter. */
function judge(expected: string | null, got: string): string | null {
  if (expected !== null) return got === expected ? null : `${got}, but ${expected} is right`;
  const blames = /INVALID_PARAMETER|INVALID_HANDLE|TYPE_MISMATCH|ACCESS_DENIED|MISALIGN|INFO_|ACCESS_VIOLATION/.test(
    got,
  );
  return blames ? `${got}, but nothing is wrong` : null;
}
