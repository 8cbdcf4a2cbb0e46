import { PRIORITY_LEVELS, ProcessState, type Thread, ThreadState, WaitReason } from '../../kernel/index.js';
import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { EProcessLike, ObjectHeaderLike } from './machine-types.js';
import { hex, hex8 } from './number-text.js';
import { objectAddress, type Session } from './session.js';

const nameOfValue = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, known]) => known === value)?.[0] ?? String(value);

function processLines(session: Session, process: EProcessLike, whole: boolean): string[] {
  const { pcb } = process;
  const space = pcb.addressSpace;
  const lines = [
    `PROCESS ${hex8(objectAddress(process.object))}  SessionId: 0  Cid: ${hex(process.processId).padStart(4, '0')}    Peb: ${hex8(pcb.peb)}  ParentCid: ${hex(process.inheritedFromProcessId).padStart(4, '0')}`,
    `    DirBase: ${hex8(space?.directoryTableBase ?? 0)}  HandleCount: ${String(process.handleTable.count).padStart(3)}.`,
    `    Image: ${pcb.imageFileName}`,
  ];
  if (pcb.state !== ProcessState.InMemory)
    lines.push(`    Process swapped out: ${nameOfValue(ProcessState, pcb.state)}`);
  if (!whole) return lines;
  if (space !== null) {
    lines.push(
      `    VadCount ${[...space.vads].length}  Commit Charge ${space.commitCharge}  Private ${space.privatePages}  Working Set ${space.workingSetSize}  Peak ${space.peakWorkingSetSize}`,
      `    VirtualSize ${Math.floor(space.virtualSize / 2 ** 20)} Mb  PageFaultCount ${space.pageFaultCount}`,
    );
  }
  lines.push(
    `    BasePriority ${pcb.basePriority}  PriorityClass ${process.priorityClass}  UserTime ${userTime(pcb.userTime)}`,
  );
  for (const thread of pcb.threads) lines.push('', ...threadLines(session, thread, '        '));
  return lines;
}

/** 100 ns units as h:mm:ss.mmm. */
function userTime(units: number): string {
  const milliseconds = Math.floor(units / 10_000);
  const part = (value: number, width: number): string => String(value).padStart(width, '0');
  return `${part(Math.floor(milliseconds / 3_600_000), 2)}:${part(Math.floor(milliseconds / 60_000) % 60, 2)}:${part(Math.floor(milliseconds / 1000) % 60, 2)}.${part(milliseconds % 1000, 3)}`;
}

function processData(process: EProcessLike): Json {
  const space = process.pcb.addressSpace;
  return {
    address: objectAddress(process.object),
    id: process.processId,
    parent: process.inheritedFromProcessId,
    image: process.pcb.imageFileName,
    path: process.imagePath,
    peb: process.pcb.peb,
    directoryTableBase: space?.directoryTableBase ?? 0,
    handles: process.handleTable.count,
    commitCharge: space?.commitCharge ?? 0,
    workingSet: space?.workingSetSize ?? 0,
    threads: process.pcb.threads.map((thread) => thread.uniqueThreadId),
  };
}

/** !process: the current one; !process 0 0: all; !process ID or ADDRESS. */
function process(session: Session, args: string): CommandOutput {
  const words = splitArguments(args);
  const all = session.machine.kernel.ps.processes;
  if (words.length === 0) {
    const current = session.process;
    if (current === null) throw new DebuggerError('There is no current process');
    return output(processLines(session, current, true).join('\n'), processData(current));
  }
  const which = session.address(words[0]);
  const whole = (words[1] === undefined ? 1 : session.address(words[1])) !== 0;
  const shown = which === 0 ? all : all.filter((one) => one.processId === which || objectAddress(one.object) === which);
  if (shown.length === 0) throw new DebuggerError(`Process ${hex(which)} not found`);
  const lines = shown.map((one) => processLines(session, one, whole && which !== 0).join('\n'));
  if (which === 0) lines.unshift('**** NT ACTIVE PROCESS DUMP ****');
  return output(lines.join('\n\n'), shown.map(processData));
}

function threadLines(session: Session, thread: Thread, indent: string): string[] {
  const executive = thread.executive;
  const state = nameOfValue(ThreadState, thread.state).toUpperCase();
  const reason = nameOfValue(WaitReason, thread.waitReason);
  const waiting =
    thread.state === ThreadState.Waiting
      ? `: (${reason}) ${thread.waitMode === 1 ? 'UserMode' : 'KernelMode'} ${thread.alertable ? 'Alertable' : 'Non-Alertable'}`
      : '';
  const lines = [
    `THREAD ${hex8(objectAddress(executive?.object ?? null))}  Cid ${hex(thread.process.uniqueProcessId).padStart(4, '0')}.${hex(thread.uniqueThreadId).padStart(4, '0')}  Teb: ${hex8(thread.teb)} ${state}${waiting}`,
    `    Owning Process ${hex8(objectAddress(thread.process.executive?.object ?? null))}  Image: ${thread.process.imageFileName}`,
    `    Context Switch Count ${thread.contextSwitches}  UserTime ${userTime(Math.floor(thread.userNanoseconds / 100))}`,
    `    Win32 Start Address ${session.addressText(executive?.win32StartAddress ?? 0)}`,
    `    Stack Init ${hex8(thread.initialStack)}  Priority ${thread.priority}  BasePriority ${thread.basePriority}  PriorityDecrement ${thread.priorityDecrement}  Quantum ${thread.quantum}`,
  ];
  if (!thread.kernelStackResident) lines.push('    Kernel stack not resident.');
  if (thread.suspendCount > 0) lines.push(`    Suspended ${thread.suspendCount} time(s)`);
  return lines.map((line) => indent + line);
}

function threadData(thread: Thread): Json {
  return {
    address: objectAddress(thread.executive?.object ?? null),
    process: thread.process.uniqueProcessId,
    thread: thread.uniqueThreadId,
    teb: thread.teb,
    state: nameOfValue(ThreadState, thread.state),
    waitReason: thread.state === ThreadState.Waiting ? nameOfValue(WaitReason, thread.waitReason) : null,
    priority: thread.priority,
    basePriority: thread.basePriority,
    contextSwitches: thread.contextSwitches,
  };
}

function thread(session: Session, args: string): CommandOutput {
  const [which] = splitArguments(args);
  let found = session.thread;
  if (which !== undefined) {
    const value = session.address(which);
    const all = session.machine.kernel.ps.processes.flatMap(({ pcb }) => pcb.threads);
    found =
      all.find((one) => one.uniqueThreadId === value || objectAddress(one.executive?.object ?? null) === value) ?? null;
  }
  if (found === null)
    throw new DebuggerError(which === undefined ? 'There is no current thread' : `Thread ${which} not found`);
  return output(threadLines(session, found, '').join('\n'), threadData(found));
}

/** !ready: the thread that runs next, and the ready ones by priority. */
function ready(session: Session): CommandOutput {
  const { dispatcher } = session.machine.kernel.ke;
  const groups: { readonly title: string; readonly threads: readonly Thread[] }[] = [];
  if (dispatcher.standby !== null) groups.push({ title: 'Standby Thread', threads: [dispatcher.standby] });
  for (let priority = PRIORITY_LEVELS - 1; priority >= 0; priority--) {
    const threads = dispatcher.ready.threads(priority);
    if (threads.length > 0) groups.push({ title: `Ready Threads at priority ${priority}`, threads });
  }
  const lines = groups.flatMap(({ title, threads }) => [
    `Processor 0: ${title}`,
    ...threads.map((thread) => threadLines(session, thread, '    ')[0]),
  ]);
  const text = groups.length === 0 ? 'Processor 0: No threads in READY state' : lines.join('\n');
  return output(
    text,
    groups.flatMap(({ threads }) => threads.map(threadData)),
  );
}

function objectName(object: ObjectHeaderLike | { readonly name: unknown }): string {
  const { name } = object as ObjectHeaderLike;
  return name === null ? '' : name.name;
}

/** !handle: handles of the current process; !handle HANDLE. */
function handle(session: Session, args: string): CommandOutput {
  const current = session.process;
  if (current === null) throw new DebuggerError('There is no current process');
  const [which] = splitArguments(args);
  const wanted = which === undefined ? 0 : session.address(which);
  const rows = [...current.handleTable.inUse()]
    .filter(([value]) => wanted === 0 || value === (wanted & ~3))
    .map(([value, entry]) => ({
      handle: value as number,
      object: objectAddress(entry.object),
      access: entry.grantedAccess as number,
      type: entry.object.type.name,
      name: objectName(entry.object),
      inherit: (entry.flags & 2) !== 0,
      protect: (entry.flags & 1) !== 0,
    }));
  if (rows.length === 0 && wanted !== 0) throw new DebuggerError(`Handle ${hex(wanted)} is not in use`);
  const lines = rows.map(
    (row) =>
      `${hex(row.handle).padStart(4, '0')}: Object: ${hex8(row.object)}  GrantedAccess: ${hex8(row.access)}  ${row.type}${row.name === '' ? '' : `  Name: ${row.name}`}`,
  );
  return output(
    [
      `PROCESS ${hex8(objectAddress(current.object))}  Image: ${current.pcb.imageFileName}, ${rows.length} handles`,
      ...lines,
    ].join('\n'),
    rows,
  );
}

/** !object PATH: a directory's entries or an object; !object ADDRESS of an object with a handle in the current process. */
function object(session: Session, args: string): CommandOutput {
  const { ob } = session.machine.kernel;
  const text = args.trim() === '' ? '\\' : args.trim();
  if (text.startsWith('\\')) {
    const found = walk(ob.root, text);
    if (found === null) throw new DebuggerError(`Object ${text} not found`);
    return describeObject(found, text);
  }
  const address = session.address(text);
  for (const one of session.machine.kernel.ps.processes) {
    for (const [, entry] of one.handleTable.inUse()) {
      if (objectAddress(entry.object) === address) return describeObject(entry.object, objectName(entry.object));
    }
  }
  throw new DebuggerError(`${hex8(address)} is no object that a handle refers to`);
}

type AnyObject = { readonly body: unknown } & Pick<ObjectHeaderLike, 'address' | 'pointerCount' | 'handleCount'> & {
    readonly type: { readonly name: string };
  };

interface DirectoryLike {
  entries(): { name: string; object: AnyObject }[];
}

function isDirectory(body: unknown): body is DirectoryLike {
  return typeof body === 'object' && body !== null && 'entries' in body && typeof body.entries === 'function';
}

function walk(root: AnyObject, path: string): AnyObject | null {
  let current: AnyObject = root;
  for (const component of path.split('\\').filter((part) => part !== '')) {
    if (!isDirectory(current.body)) return null;
    const next = current.body.entries().find(({ name }) => name.toLowerCase() === component.toLowerCase());
    if (next === undefined) return null;
    current = next.object;
  }
  return current;
}

function describeObject(found: AnyObject, name: string): CommandOutput {
  const lines = [
    `Object: ${hex8(objectAddress(found))}  Type: ${found.type.name}`,
    `    ObjectHeader: ${hex8(found.address)}`,
    `    HandleCount: ${found.handleCount}  PointerCount: ${found.pointerCount}`,
  ];
  if (name !== '') lines.push(`    Name: ${name}`);
  const entries = isDirectory(found.body) && found.type.name === 'Directory' ? found.body.entries() : [];
  if (entries.length > 0) lines.push('', '    Object    Type                 Name');
  for (const entry of entries)
    lines.push(`    ${hex8(objectAddress(entry.object))}  ${entry.object.type.name.padEnd(20)} ${entry.name}`);
  const data: Json = {
    address: objectAddress(found),
    type: found.type.name,
    handleCount: found.handleCount,
    pointerCount: found.pointerCount,
    name,
    entries: entries.map((entry) => ({
      name: entry.name,
      type: entry.object.type.name,
      address: objectAddress(entry.object),
    })),
  };
  return output(lines.join('\n'), data);
}

export const processExtensions = commands(
  { name: '!process', syntax: '!process [0|ID|ADDRESS [0]]', help: 'processes; 0 0 lists all', run: process },
  { name: '!thread', syntax: '!thread [ID|ADDRESS]', help: 'a thread', run: thread },
  { name: '!ready', syntax: '!ready', help: 'the threads that are ready to run', run: ready },
  { name: '!handle', syntax: '!handle [HANDLE]', help: 'handles of the current process', run: handle },
  { name: '!object', syntax: '!object [PATH|ADDRESS]', help: 'an object, or the entries of a directory', run: object },
);
