import { type HostStreamFile, StandardStream } from '../host.js';
import { CreateRequestDefaults, createFile, kernelAttributes } from '../io/create-file.js';
import type { ImageInformation } from '../mm/segment.js';
import { isSuccess, Status } from '../ntstatus.js';
import { HandleFlag } from '../ob/object-header.js';
import type { HandleResult } from '../ob/object-manager.js';
import { accounts } from '../se/account.js';
import { type Blocking, type Handle, handle, type NtStatus } from '../types.js';
import { createProcess } from './create-process.js';
import { createUserThread, type InitialTeb, initialContext } from './create-thread.js';
import { environmentBlock, environmentOf, type ProcessParameters, parametersBlock } from './parameters.js';
import type { EProcess } from './process.js';
import type { ProcessManager } from './process-manager.js';
import type { EThread } from './thread.js';

/** A program to start. Paths are as RtlDosPathNameToNtPathName would leave them. */
export interface ProcessRequest {
  /** NT path: \??\C:\dir\prog.exe. */
  readonly imagePath: string;
  readonly commandLine: string;
  /** DOS path. */
  readonly currentDirectory: string;
  readonly environment: ReadonlyMap<string, string>;
  /** NT paths of what the standard handles are opened on; null: no handle. */
  readonly standardStreams: readonly [string | null, string | null, string | null];
}

export interface ProcessResult {
  readonly status: NtStatus;
  readonly process: EProcess | null;
  readonly thread: EThread | null;
}

const failed = (status: NtStatus): ProcessResult => ({ status, process: null, thread: null });
const PAGE = 0x1000;
const NO_HANDLE = handle(0);
const GRANULARITY = 0x10000;
const DEFAULT_STACK_RESERVE = 0x100000;
const IMAGE_FILE_DLL = 0x2000;
/** FILE_GENERIC_READ, and FILE_GENERIC_WRITE with FILE_READ_ATTRIBUTES. */
const STREAM_READ = 0x120089;
const STREAM_WRITE = 0x120196;

/** Starts the program that the machine's options name; see createUserProcess. */
export function* createInitialProcess(manager: ProcessManager): Blocking<ProcessResult> {
  const { options, io } = manager.kernel;
  const status = manager.loadSystemDll();
  if (!isSuccess(status)) return failed(status);
  return yield* createUserProcess(manager, {
    imagePath: options.imagePath,
    commandLine: options.commandLine,
    currentDirectory: options.currentDirectory,
    environment: environmentOf(options.environment, accounts[options.account].name),
    standardStreams: [
      io.standardStreamPath(StandardStream.Input),
      io.standardStreamPath(StandardStream.Output),
      io.standardStreamPath(StandardStream.Error),
    ],
  });
}

/**
 * Makes a process with its first thread and starts it: address space, image and ntdll mapped, PEB, parameters, standard
 * handles, user stack, thread (nt52.md 11.5). Statuses of image sections, paths and memory; INVALID_IMAGE_FORMAT for a
 * DLL. Nothing is left behind when it fails. Environment: PASSIVE_LEVEL in any thread; may block.
 */
export function* createUserProcess(manager: ProcessManager, request: ProcessRequest): Blocking<ProcessResult> {
  const { kernel, memory } = manager;
  const opened = kernel.io.openImageFile(request.imagePath);
  if (opened.file === null) return failed(opened.status);
  const section = memory.createImageSection(opened.file);
  opened.file.dereference();
  if (section.object === null) return failed(section.status);
  const image = section.object.body.segment.imageInformation;
  if (image === null || (image.characteristics & IMAGE_FILE_DLL) !== 0) {
    kernel.ob.dereferenceObject(section.object);
    return failed(Status.INVALID_IMAGE_FORMAT);
  }
  const created = createProcess(manager, {
    section: section.object,
    parent: null,
    inheritHandles: false,
    imagePath: request.imagePath,
  });
  kernel.ob.dereferenceObject(section.object);
  const { process } = created;
  if (process === null) return failed(created.status);
  kernel.ke.attachProcess(process.pcb);
  const result = yield* buildUserHalf(manager, process, image, request);
  kernel.ke.detachProcess();
  const { thread } = result;
  if (thread === null) {
    manager.discardProcess(process);
    return failed(result.status);
  }
  if (thread.object !== null) kernel.ob.security.assign(thread.object, null, null, process.token?.body);
  return { status: Status.SUCCESS, process, thread };
}

interface UserHalfResult {
  readonly status: NtStatus;
  readonly thread: EThread | null;
}

/** Fills the user half of a new address space; the caller is attached to the process. */
function* buildUserHalf(
  manager: ProcessManager,
  process: EProcess,
  image: ImageInformation,
  request: ProcessRequest,
): Blocking<UserHalfResult> {
  const { kernel } = manager;
  const stop = (status: NtStatus): UserHalfResult => ({ status, thread: null });
  const handles: [Handle, Handle, Handle] = [NO_HANDLE, NO_HANDLE, NO_HANDLE];
  const opened = openStandardStreams(manager, process, request.standardStreams, handles);
  if (!isSuccess(opened)) return stop(opened);
  const parameters = parametersOf(request, handles);
  const placed = yield* placeParameters(manager, process, parameters, request.environment);
  if (!isSuccess(placed.status)) return stop(placed.status);
  const stack = createStack(manager, process, image);
  if (typeof stack === 'number') return stop(stack);
  const { peb } = process.pcb;
  const pebStatus = yield* kernel.user.probeForWrite(peb, PAGE, 1);
  if (!isSuccess(pebStatus)) return stop(pebStatus);
  kernel.user.write32(peb + 0x10, placed.address);

  const relocated = process.sectionBaseAddress - image.imageBase;
  const entry = image.transferAddress === 0 ? 0 : (image.transferAddress + relocated) >>> 0;
  return createUserThread(manager, {
    process,
    context: initialContext({ eip: entry, esp: stack.stackBase - 4, eax: entry, ebx: peb }),
    initialTeb: stack,
    suspended: false,
  });
}

/** Handles 4, 8 and C in the new process, in the order input, output, error; none where the host has nothing. */
function openStandardStreams(
  manager: ProcessManager,
  process: EProcess,
  paths: ProcessRequest['standardStreams'],
  made: [Handle, Handle, Handle],
): NtStatus {
  const { kernel } = manager;
  for (const stream of [StandardStream.Input, StandardStream.Output, StandardStream.Error] as const) {
    const path = paths[stream];
    const redirection = kernel.io.standardFiles.get(stream);
    const shared = redirection?.sharedWith ?? null;
    if (path === null) continue;
    const result =
      shared !== null && made[shared] !== NO_HANDLE
        ? duplicateStandardHandle(manager, process, made[shared])
        : openStandardStream(manager, process, path, redirection);
    if (!isSuccess(result.status)) return result.status;
    made[stream] = result.handle;
  }
  return Status.SUCCESS;
}

/** A stream that shares its position with an earlier one is another handle to the same file object. */
function duplicateStandardHandle(manager: ProcessManager, process: EProcess, value: Handle): HandleResult {
  const entry = process.handleTable.get(value);
  if (entry === null) return { status: Status.INVALID_HANDLE, handle: NO_HANDLE };
  return manager.kernel.ob.insertHandle(process, entry.object, entry.grantedAccess, entry.flags);
}

function openStandardStream(
  manager: ProcessManager,
  process: EProcess,
  path: string,
  redirection: HostStreamFile | null,
): HandleResult {
  const { kernel } = manager;
  const desiredAccess = redirection === null ? STREAM_READ | STREAM_WRITE : redirectionAccess(redirection);
  const attributes = kernelAttributes(path);
  const outcome = createFile(kernel.io, { ...CreateRequestDefaults, attributes, desiredAccess });
  if (outcome.file === null) return { status: outcome.status, handle: NO_HANDLE };
  outcome.file.currentOffset = redirection?.position ?? 0;
  const { object, status } = kernel.ob.createObject(kernel.ob.types.file, outcome.file);
  if (object === null) {
    kernel.io.abandon(outcome.file);
    return { status, handle: NO_HANDLE };
  }
  const result = kernel.ob.insertHandle(process, object, outcome.file.grantedAccess, HandleFlag.INHERIT);
  if (!isSuccess(result.status)) kernel.io.closeUnreferenced(outcome.file);
  kernel.ob.dereferenceObject(object);
  return result;
}

function redirectionAccess({ readable, writable }: HostStreamFile): number {
  return (readable ? STREAM_READ : 0) | (writable ? STREAM_WRITE : 0);
}

function parametersOf(request: ProcessRequest, handles: readonly [number, number, number]): ProcessParameters {
  const imagePathName = request.imagePath.replace(/^\\\?\?\\/, '');
  const directory = imagePathName.slice(0, imagePathName.lastIndexOf('\\'));
  const path = [...request.environment].find(([name]) => name.toUpperCase() === 'PATH')?.[1] ?? '';
  const current = request.currentDirectory.endsWith('\\') ? request.currentDirectory : `${request.currentDirectory}\\`;
  return {
    imagePathName,
    commandLine: request.commandLine,
    currentDirectory: current,
    dllPath: `${directory.endsWith(':') ? `${directory}\\` : directory};C:\\WINDOWS\\system32;C:\\WINDOWS;.;${path}`,
    windowTitle: imagePathName,
    standardInput: handles[0],
    standardOutput: handles[1],
    standardError: handles[2],
  };
}

interface Placed {
  readonly status: NtStatus;
  readonly address: number;
}

function* placeParameters(
  manager: ProcessManager,
  process: EProcess,
  parameters: ProcessParameters,
  environment: ReadonlyMap<string, string>,
): Blocking<Placed> {
  const environmentPlace = yield* place(manager, process, environmentBlock(environment));
  if (!isSuccess(environmentPlace.status)) return environmentPlace;
  const size = parametersBlock(0, 0, parameters).length;
  const region = manager.memory.allocate(process, size);
  if (!isSuccess(region.status)) return { status: region.status, address: 0 };
  const bytes = parametersBlock(region.base, environmentPlace.address, parameters);
  return yield* write(manager, region.base, bytes);
}

function* place(manager: ProcessManager, process: EProcess, bytes: Uint8Array): Blocking<Placed> {
  const region = manager.memory.allocate(process, bytes.length);
  if (!isSuccess(region.status)) return { status: region.status, address: 0 };
  return yield* write(manager, region.base, bytes);
}

function* write(manager: ProcessManager, address: number, bytes: Uint8Array): Blocking<Placed> {
  const { user } = manager.kernel;
  const status = yield* user.probeForWrite(address, bytes.length, 1);
  if (isSuccess(status)) user.writeBytes(address, bytes);
  return { status, address };
}

/** The user stack as kernel32 makes it: reserved whole, committed at its top, one guard page below. */
export function createStack(
  manager: ProcessManager,
  process: EProcess,
  image: ImageInformation,
): InitialTeb | NtStatus {
  const { memory } = manager;
  const commit = roundUp(Math.max(image.committedStackSize, PAGE), PAGE);
  let reserve = image.maximumStackSize === 0 ? DEFAULT_STACK_RESERVE : image.maximumStackSize;
  if (commit >= reserve) reserve = roundUp(commit + 1, DEFAULT_STACK_RESERVE);
  reserve = roundUp(reserve, GRANULARITY);
  const region = memory.reserve(process, reserve);
  if (!isSuccess(region.status)) return region.status;
  const stackBase = region.base + reserve;
  const guard = reserve >= commit + PAGE;
  const status = memory.commitStack(process, stackBase - commit, commit, guard);
  if (!isSuccess(status)) return status;
  return { stackBase, stackLimit: stackBase - commit, allocationBase: region.base };
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
