import { AccessPattern, type CacheUser, type PrivateCacheMap } from '../cc/index.js';
import { EventType, KEvent } from '../ke/dispatcher-object.js';
import type { ConsoleChannel } from './console-device.js';
import type { DeviceBody } from './device.js';
import type { DirectoryScan } from './directory-scan.js';
import type { FileControlBlock } from './file-control-block.js';
import type { CompletionContext } from './io-completion.js';
import type { PipeEnd } from './pipe.js';

/** NtCreateFile CreateOptions. */
export const CreateOption = {
  DIRECTORY_FILE: 0x1,
  WRITE_THROUGH: 0x2,
  SEQUENTIAL_ONLY: 0x4,
  NO_INTERMEDIATE_BUFFERING: 0x8,
  SYNCHRONOUS_IO_ALERT: 0x10,
  SYNCHRONOUS_IO_NONALERT: 0x20,
  NON_DIRECTORY_FILE: 0x40,
  CREATE_TREE_CONNECTION: 0x80,
  COMPLETE_IF_OPLOCKED: 0x100,
  NO_EA_KNOWLEDGE: 0x200,
  OPEN_FOR_RECOVERY: 0x400,
  RANDOM_ACCESS: 0x800,
  DELETE_ON_CLOSE: 0x1000,
  OPEN_BY_FILE_ID: 0x2000,
  OPEN_FOR_BACKUP_INTENT: 0x4000,
  NO_COMPRESSION: 0x8000,
  RESERVE_OPFILTER: 0x100000,
  OPEN_REPARSE_POINT: 0x200000,
  OPEN_NO_RECALL: 0x400000,
  OPEN_FOR_FREE_SPACE_QUERY: 0x800000,
  VALID: 0x00ffffff,
} as const;

/** File access rights. */
export const FileAccess = {
  READ_DATA: 0x1,
  WRITE_DATA: 0x2,
  APPEND_DATA: 0x4,
  READ_EA: 0x8,
  WRITE_EA: 0x10,
  EXECUTE: 0x20,
  DELETE_CHILD: 0x40,
  READ_ATTRIBUTES: 0x80,
  WRITE_ATTRIBUTES: 0x100,
} as const;

/** Either right is good for writing. */
export const WRITES = FileAccess.WRITE_DATA | FileAccess.APPEND_DATA;

export const FileShare = { READ: 1, WRITE: 2, DELETE: 4, VALID: 7 } as const;

/** FILE_ATTRIBUTE_*. */
export const FileAttribute = {
  READONLY: 0x1,
  HIDDEN: 0x2,
  SYSTEM: 0x4,
  DIRECTORY: 0x10,
  ARCHIVE: 0x20,
  NORMAL: 0x80,
  TEMPORARY: 0x100,
  NOT_CONTENT_INDEXED: 0x2000,
  VALID: 0x7fb7,
  SETTABLE: 0x31a7,
} as const;

/** Body of a File object: one open of a file, directory, volume or character device (FILE_OBJECT). */
export class FileObject implements CacheUser {
  readonly device: DeviceBody;
  /** Null for volumes as such and for character devices. */
  readonly control: FileControlBlock | null;
  /** For a console: which side of it. For a stream: its number. */
  readonly channel: ConsoleChannel;
  /** For an end of a pipe. */
  readonly pipe: PipeEnd | null;
  readonly grantedAccess: number;
  readonly shareAccess: number;
  /** The CreateOptions that stay as the file's mode. */
  mode: number;
  deleteOnClose: boolean;
  /** Bytes; for synchronous files. */
  currentOffset = 0;
  /** How the opener said that it will read; the file's mode does not tell. */
  readonly accessPattern: AccessPattern;
  /** Of the cache manager, from the first read or write through the cache on. */
  privateCacheMap: PrivateCacheMap | null = null;
  /** Where ended operations are told of, when they have an APC context. */
  completion: CompletionContext | null = null;
  /** State of NtQueryDirectoryFile, null before the first call. */
  scan: DirectoryScan | null = null;
  /** The event that a wait on the handle waits for: set at every completion. */
  readonly event = new KEvent(EventType.Notification, false);
  /** Of a synchronous file: an operation moves its position; others wait for the lock. */
  busy = false;
  waiters = 0;
  readonly lock = new KEvent(EventType.Synchronization, false);

  constructor(options: {
    device: DeviceBody;
    control: FileControlBlock | null;
    channel?: ConsoleChannel;
    pipe?: PipeEnd | null;
    grantedAccess: number;
    shareAccess: number;
    createOptions: number;
  }) {
    this.device = options.device;
    this.control = options.control;
    this.channel = options.channel ?? 0;
    this.pipe = options.pipe ?? null;
    this.grantedAccess = options.grantedAccess;
    this.shareAccess = options.shareAccess;
    this.deleteOnClose = (options.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
    this.mode = options.createOptions & MODE_OPTIONS;
    this.accessPattern = accessPattern(options.createOptions);
  }

  /** Its reads and writes go to the device. */
  get isUnbuffered(): boolean {
    return (this.mode & CreateOption.NO_INTERMEDIATE_BUFFERING) !== 0;
  }

  /** Has a position, and its operations are done when the service returns. */
  get isSynchronous(): boolean {
    return (this.mode & (CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT)) !== 0;
  }

  get dispatcherObject(): KEvent {
    return this.event;
  }

  get isDirectory(): boolean {
    return this.control?.isDirectory ?? false;
  }
}

function accessPattern(createOptions: number): AccessPattern {
  if ((createOptions & CreateOption.RANDOM_ACCESS) !== 0) return AccessPattern.Random;
  return (createOptions & CreateOption.SEQUENTIAL_ONLY) !== 0 ? AccessPattern.Sequential : AccessPattern.Normal;
}

const MODE_OPTIONS =
  CreateOption.WRITE_THROUGH |
  CreateOption.SEQUENTIAL_ONLY |
  CreateOption.NO_INTERMEDIATE_BUFFERING |
  CreateOption.SYNCHRONOUS_IO_ALERT |
  CreateOption.SYNCHRONOUS_IO_NONALERT |
  CreateOption.DELETE_ON_CLOSE;
