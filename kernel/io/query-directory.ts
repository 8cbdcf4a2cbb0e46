import { PoolType } from '../ex/pool.js';
import type { HostFileInformation } from '../host.js';
import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { upcaseName } from '../ob/name.js';
import { currentPayer } from '../ps/quota.js';
import type { Blocking, NtStatus } from '../types.js';
import { type DirectoryScan, isPlainName, matchesPattern } from './directory-scan.js';
import type { FileControlBlock } from './file-control-block.js';
import { FileAccess, type FileObject } from './file-object.js';
import { beginOperation, completeOperation, type IoResult, refused } from './io-status.js';
import { isValidPattern } from './path.js';
import { FileInformationClass } from './query-file.js';
import type { VolumeDevice } from './volume-device.js';

/** Paged pool that an entry of a scan is charged with, in bytes. */
const ENTRY_CHARGE = 0x20;

/** Bytes before the name in an entry of each class. */
const nameOffsets: ReadonlyMap<number, number> = new Map([
  [FileInformationClass.Directory, 64],
  [FileInformationClass.FullDirectory, 68],
  [FileInformationClass.BothDirectory, 94],
  [FileInformationClass.Names, 12],
  [FileInformationClass.IdBothDirectory, 104],
  [FileInformationClass.IdFullDirectory, 80],
]);

function* queryDirectoryFile(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, buffer, length] = given;
  const [informationClass, single, nameAddress, restart] = given.slice(7);
  const nameOffset = nameOffsets.get(informationClass);
  if (nameOffset === undefined) return Status.INVALID_INFO_CLASS;
  if (length < nameOffset) return Status.INFO_LENGTH_MISMATCH;
  const { user } = kernel;
  let probed = yield* user.probeForWrite(ioStatusBlock, 8, 4);
  if (isSuccess(probed)) probed = yield* user.probeForWrite(buffer, length, 4);
  if (!isSuccess(probed)) return probed;
  const captured = nameAddress === 0 ? null : yield* user.readUnicodeString(nameAddress);
  if (captured !== null && !isSuccess(captured.status)) return captured.status;
  const operation = yield* beginOperation(
    kernel,
    { file, event, apcRoutine, apcContext, ioStatusBlock },
    { access: FileAccess.READ_DATA },
  );
  if (typeof operation === 'number') return operation;
  const { control, device } = operation.file;
  if (control === null || !control.isDirectory || device.kind !== 'volume') {
    return completeOperation(kernel, operation, refused(Status.INVALID_PARAMETER));
  }
  const first = operation.file.scan === null;
  const scan = prepareScan(kernel, operation.file, control, captured?.text ?? '', (restart & 0xff) !== 0);
  if (typeof scan === 'number') return completeOperation(kernel, operation, refused(scan));
  const writer: EntryWriter = { kernel, device, informationClass, nameOffset };
  const result = fill(writer, scan, buffer, length, (single & 0xff) !== 0, first);
  return completeOperation(kernel, operation, result);
}

/** The pattern of the first call stays for the file object; a restart begins again with it. */
function prepareScan(
  kernel: Kernel,
  file: FileObject,
  control: FileControlBlock,
  pattern: string,
  restart: boolean,
): DirectoryScan | NtStatus {
  if (file.scan !== null && !restart) return file.scan;
  const kept = file.scan?.pattern ?? pattern;
  if (!isValidPattern(kept)) return Status.OBJECT_NAME_INVALID;
  const entries = control.volume.host.list(control.path);
  if (typeof entries === 'number') return entries;
  const all = control.path.length === 0 ? entries : [...dotEntries(control), ...entries];
  const wanted = kept === '' || kept === '*' ? all : all.filter(matcher(kept));
  const { pool } = kernel.ex;
  const taken = pool.allocateWithQuota(currentPayer(kernel), PoolType.Paged, wanted.length * ENTRY_CHARGE, 'Ntfi');
  if (taken.address === 0) return taken.status;
  if (file.scan !== null) pool.free(file.scan.buffer);
  file.scan = { entries: wanted, index: 0, pattern: kept, buffer: taken.address };
  return file.scan;
}

function matcher(pattern: string): (entry: HostFileInformation) => boolean {
  if (!isPlainName(pattern)) return (entry) => matchesPattern(entry.name, pattern);
  const upper = upcaseName(pattern);
  return (entry) => upcaseName(entry.name) === upper;
}

/** '.' and '..', which every directory but the root has. */
function dotEntries(control: FileControlBlock): HostFileInformation[] {
  const own = control.volume.host.information(control.path);
  const parent = control.volume.host.information(control.path.slice(0, -1));
  const entries: HostFileInformation[] = [];
  if (typeof own !== 'number') entries.push({ ...own, name: '.' });
  if (typeof parent !== 'number') entries.push({ ...parent, name: '..' });
  return entries;
}

interface EntryWriter {
  readonly kernel: Kernel;
  readonly device: VolumeDevice;
  readonly informationClass: number;
  readonly nameOffset: number;
}

/** Puts as many entries as fit; entries lie at multiples of 8 and are linked by NextEntryOffset. */
function fill(
  writer: EntryWriter,
  scan: DirectoryScan,
  buffer: number,
  length: number,
  single: boolean,
  first: boolean,
): IoResult {
  const { kernel } = writer;
  let offset = 0;
  let previous = -1;
  let end = 0;
  while (scan.index < scan.entries.length && !(single && previous >= 0)) {
    const entry = entryBytes(writer, scan.entries[scan.index]);
    if (offset + entry.length > length) {
      if (previous >= 0) break;
      // Not even the first fits: its fixed part and as much of the name as there is room for.
      const count = kernel.user.writeBytes(buffer, entry.subarray(0, length));
      scan.index++;
      return { status: Status.BUFFER_OVERFLOW, information: count };
    }
    kernel.user.writeBytes(buffer + offset, entry);
    if (previous >= 0) kernel.user.write32(buffer + previous, offset - previous);
    previous = offset;
    end = offset + entry.length;
    offset = (end + 7) & ~7;
    scan.index++;
  }
  if (previous < 0) return refused(first ? Status.NO_SUCH_FILE : Status.NO_MORE_FILES);
  const failure = kernel.user.takeFailure();
  return isSuccess(failure) ? { status: Status.SUCCESS, information: end } : refused(failure);
}

function entryBytes(writer: EntryWriter, entry: HostFileInformation): Uint8Array {
  const { device, informationClass, nameOffset } = writer;
  const name = encodeUtf16(entry.name);
  const bytes = new Uint8Array(nameOffset + name.length);
  const view = new DataView(bytes.buffer);
  bytes.set(name, nameOffset);
  if (informationClass === FileInformationClass.Names) {
    view.setUint32(8, name.length, true);
    return bytes;
  }
  view.setBigUint64(8, BigInt.asUintN(64, device.creationTime(entry)), true);
  view.setBigUint64(16, BigInt.asUintN(64, entry.lastAccessTime), true);
  view.setBigUint64(24, BigInt.asUintN(64, entry.lastWriteTime), true);
  view.setBigUint64(32, BigInt.asUintN(64, entry.changeTime), true);
  view.setBigUint64(40, BigInt(entry.isDirectory ? 0 : entry.size), true);
  view.setBigUint64(48, BigInt(entry.isDirectory ? 0 : entry.allocationSize), true);
  view.setUint32(56, device.attributes(entry), true);
  view.setUint32(60, name.length, true);
  const identity = BigInt.asUintN(64, entry.identity);
  if (informationClass === FileInformationClass.IdBothDirectory) view.setBigUint64(96, identity, true);
  if (informationClass === FileInformationClass.IdFullDirectory) view.setBigUint64(72, identity, true);
  return bytes;
}

export const directoryServices: readonly Service[] = [service('NtQueryDirectoryFile', queryDirectoryFile)];
