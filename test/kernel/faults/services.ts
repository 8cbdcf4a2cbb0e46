import { FaultAccess, type NtStatus } from '../../../kernel/index.js';
import { MemoryType, PageProtection } from '../../../kernel/mm/index.js';
import { startWrite as startPageWrite } from '../../../kernel/mm/modified-writer.js';
import { inAddressSpace } from '../../../kernel/mm/process-access.js';
import { emptyWorkingSet as trimAll } from '../../../kernel/mm/working-set-trim.js';
import * as pageOut from '../page-out.js';
import { Image } from './driven-image.js';
import type { DrivenMachine } from './driven-machine.js';

/** System services with their arguments put into the program's memory; each throws when the service fails. */

/** Error code of a user-mode read of a page that is not there. */
const USER_READ = 4;
const CURRENT_PROCESS = 0xffffffff;
/** Where pointers of the services point to. */
const BASE = Image.scratch + 0x100;
const SIZE = Image.scratch + 0x104;
const OLD = Image.scratch + 0x108;
const HANDLE = Image.scratch + 0x10c;
const LARGE = Image.scratch + 0x110;
const STRING = Image.scratch + 0x120;
const ATTRIBUTES = Image.scratch + 0x130;
const IO_STATUS = Image.scratch + 0x150;
const QUOTAS = Image.scratch + 0x160;
const TEXT = Image.scratch + 0x200;

const { Commit, Reserve, Decommit, Release } = MemoryType;
const PROCESS_QUOTA_LIMITS = 1;
const QUOTA_LIMITS_SIZE = 0x20;
const MEM_PHYSICAL = 0x40_0000;
const MEM_LARGE_PAGES = 0x2000_0000;
const MEM_WRITE_WATCH = 0x20_0000;
const SECTION_ALL_ACCESS = 0xf001f;
const SEC_COMMIT = 0x8000000;
const VIEW_UNMAP = 2;
/** GENERIC_READ | GENERIC_WRITE | SYNCHRONIZE, FILE_SYNCHRONOUS_IO_NONALERT. */
const FILE_ACCESS = 0xc0100000;
const FILE_SYNCHRONOUS = 0x20;
const SHARE_ALL = 7;
const FILE_CREATE = 2;
const SHARE_READ_WRITE = 3;
const PIPE_QUOTA = 0x1000;
const FSCTL_PIPE_LISTEN = 0x110008;

export interface Allocation {
  /** 0: anywhere. */
  readonly base?: number;
  readonly size?: number;
  /** Reserve and commit in one call when not given. */
  readonly type?: number;
  readonly protection?: number;
}

/** NtAllocateVirtualMemory; the base that it gave. */
export function allocate(drive: DrivenMachine, { base = 0, size = 0x1000, type, protection }: Allocation = {}): number {
  drive.poke(BASE, base);
  drive.poke(SIZE, size);
  const rights = protection ?? PageProtection.ReadWrite;
  drive.call('NtAllocateVirtualMemory', CURRENT_PROCESS, BASE, 0, SIZE, type ?? Commit | Reserve, rights);
  return drive.word(BASE);
}

/** Reserves first and commits in a second call: the pages get PTEs of their own. */
export function commit(drive: DrivenMachine, protection: number, size = 0x1000): number {
  const base = allocate(drive, { size, type: Reserve });
  return allocate(drive, { base, size, type: Commit, protection });
}

export function decommit(drive: DrivenMachine, base: number, size = 0x1000): void {
  free(drive, base, size, Decommit);
}

export function release(drive: DrivenMachine, base: number): void {
  free(drive, base, 0, Release);
}

function free(drive: DrivenMachine, base: number, size: number, type: number): void {
  drive.poke(BASE, base);
  drive.poke(SIZE, size);
  drive.call('NtFreeVirtualMemory', CURRENT_PROCESS, BASE, SIZE, type);
}

/** NtProtectVirtualMemory; the old protection. */
export function protect(drive: DrivenMachine, base: number, protection: number, size = 0x1000): number {
  drive.poke(BASE, base);
  drive.poke(SIZE, size);
  drive.call('NtProtectVirtualMemory', CURRENT_PROCESS, BASE, SIZE, protection, OLD);
  return drive.word(OLD);
}

export interface SectionRequest {
  readonly size?: number;
  readonly protection?: number;
  readonly attributes?: number;
  /** Handle of a file; 0: the section lives in the paging file. */
  readonly file?: number;
}

/** Commits memory until the commit limit permits no more. */
export function exhaustCommitment(drive: DrivenMachine): void {
  for (let size = 0x1000_0000; size >= 0x1000; ) {
    drive.poke(BASE, 0);
    drive.poke(SIZE, size);
    const { value } = drive.service(
      'NtAllocateVirtualMemory',
      CURRENT_PROCESS,
      BASE,
      0,
      SIZE,
      Commit | Reserve,
      PageProtection.ReadWrite,
    );
    if (value !== 0) size /= 2;
  }
}

/** NtCreateSection; the handle. */
export function createSection(drive: DrivenMachine, request: SectionRequest = {}): number {
  const { size = 0x4000, protection = PageProtection.ReadWrite, attributes = SEC_COMMIT, file = 0 } = request;
  drive.poke(LARGE, size);
  drive.poke(LARGE + 4, 0);
  drive.call('NtCreateSection', HANDLE, SECTION_ALL_ACCESS, 0, LARGE, protection, attributes, file);
  return drive.word(HANDLE);
}

/** NtMapViewOfSection of the whole section; its base. */
export function mapView(drive: DrivenMachine, section: number, protection: number = PageProtection.ReadWrite): number {
  drive.poke(BASE, 0);
  drive.poke(SIZE, 0);
  drive.call('NtMapViewOfSection', section, CURRENT_PROCESS, BASE, 0, 0, 0, SIZE, VIEW_UNMAP, 0, protection);
  return drive.word(BASE);
}

/** NtMapViewOfSection with MEM_RESERVE: a view that may be longer than its file; its base. */
export function mapLongView(drive: DrivenMachine, section: number, size: number): number {
  drive.poke(BASE, 0);
  drive.poke(SIZE, size);
  const { ReadWrite } = PageProtection;
  drive.call('NtMapViewOfSection', section, CURRENT_PROCESS, BASE, 0, 0, 0, SIZE, VIEW_UNMAP, Reserve, ReadWrite);
  return drive.word(BASE);
}

export function unmapView(drive: DrivenMachine, base: number): void {
  drive.call('NtUnmapViewOfSection', CURRENT_PROCESS, base);
}

export function close(drive: DrivenMachine, handle: number): void {
  drive.call('NtClose', handle);
}

/** NtOpenFile of a file of drive C:; the handle. */
export function openFile(drive: DrivenMachine, name: string): number {
  nameObject(drive, `\\??\\C:\\${name}`);
  drive.call('NtOpenFile', HANDLE, FILE_ACCESS, ATTRIBUTES, IO_STATUS, SHARE_ALL, FILE_SYNCHRONOUS);
  return drive.word(HANDLE);
}

/**
 * A server's end of a new named pipe that waits for its client without end (FSCTL_PIPE_LISTEN).
 * @param ioStatus where it is told when there is one
 */
export function listen(drive: DrivenMachine, ioStatus: number): void {
  nameObject(drive, '\\Device\\NamedPipe\\driven');
  drive.poke(LARGE, 0);
  drive.poke(LARGE + 4, -1);
  const create = [HANDLE, FILE_ACCESS, ATTRIBUTES, IO_STATUS, SHARE_READ_WRITE, FILE_CREATE, 0];
  // A pipe of bytes, one instance, that waits.
  const pipe = [0, 0, 0, 1, PIPE_QUOTA, PIPE_QUOTA, LARGE];
  drive.call('NtCreateNamedPipeFile', ...create, ...pipe);
  drive.call('NtFsControlFile', drive.word(HANDLE), 0, 0, 0, ioStatus, FSCTL_PIPE_LISTEN, 0, 0, 0, 0);
}

function nameObject(drive: DrivenMachine, path: string): void {
  for (let index = 0; index < path.length; index += 2) {
    drive.poke(TEXT + index * 2, path.charCodeAt(index) | ((path.charCodeAt(index + 1) || 0) << 16));
  }
  drive.poke(STRING, (path.length * 2) | (path.length << 17));
  drive.poke(STRING + 4, TEXT);
  const attributes = [0x18, 0, STRING, 0x40, 0, 0];
  for (const [index, value] of attributes.entries()) drive.poke(ATTRIBUTES + index * 4, value);
}

/** Takes every page that is not locked out of the working set (SetProcessWorkingSetSize(-1, -1)). */
export function emptyWorkingSet(drive: DrivenMachine): void {
  for (let at = 0; at < QUOTA_LIMITS_SIZE; at += 4) drive.poke(QUOTAS + at, at === 8 || at === 12 ? 0xffffffff : 0);
  drive.call('NtSetInformationProcess', CURRENT_PROCESS, PROCESS_QUOTA_LIMITS, QUOTAS, QUOTA_LIMITS_SIZE);
}

/** Takes every page of paged pool that is not locked out of the system working set. */
export function emptySystemWorkingSet(drive: DrivenMachine): void {
  const { mm } = drive.machine.kernel;
  trimAll(mm, mm.systemCache);
  drive.check();
}

/** Takes every page that is not locked out of the process's working set, without a service in between. */
export function trimEverything(drive: DrivenMachine): void {
  trimAll(drive.machine.kernel.mm, drive.space);
  drive.check();
}

/** Begins to write modified pages to the paging file. */
export function startWrite(drive: DrivenMachine): void {
  if (!startPageWrite(drive.machine.kernel.mm)) throw new Error('no page could be written');
}

/** Completes what the paging device has been given. */
export function finishPagingIo(drive: DrivenMachine): void {
  while (drive.machine.kernel.mm.paging.device.finishFirst());
  drive.check();
}

/** Writes every modified page to its file. */
export function writeModifiedPages(drive: DrivenMachine): void {
  pageOut.writeModified(drive.machine.kernel.mm);
  drive.check();
}

/** Gives the frames of the standby list another use: what was there can only be read from its file. */
export function repurposeStandby(drive: DrivenMachine): void {
  pageOut.repurposeStandby(drive.machine.kernel.mm);
  drive.check();
}

/** Everything that can leave memory does, but for page tables that still held PTEs in transition. */
export function evict(drive: DrivenMachine): void {
  emptyWorkingSet(drive);
  writeModifiedPages(drive);
  repurposeStandby(drive);
  drive.settle();
}

/**
 * Another thread's fault on the page has begun to read it; what to do when the read is done.
 * @param space of the process that it is in, or attached to
 */
export function readByAnother(drive: DrivenMachine, address: number, space = drive.space): () => void {
  const { mm, ke } = drive.machine.kernel;
  const { dispatcher } = ke;
  const driven = dispatcher.current;
  dispatcher.current = dispatcher.idleThread;
  inAddressSpace(mm, space, () => {
    if (mm.pageFault(address, USER_READ)) throw new Error('nothing had to be read');
  });
  dispatcher.current = driven;
  const { read, startedRead } = mm.lastFault;
  if (read === null || !startedRead) throw new Error('no read was begun');
  return () => inAddressSpace(mm, space, () => mm.completePageRead(read, address, FaultAccess.Read));
}

/** The next read from a paging file fails with this status. */
export function failNextRead(drive: DrivenMachine, status: NtStatus): void {
  const { device } = drive.machine.kernel.mm.paging;
  device.inject = ({ kind }) => {
    if (kind !== 'read') return null;
    device.inject = null;
    return status;
  };
}

/** A window of AWE, and the frames of its process. */
export interface AweWindow {
  readonly base: number;
  readonly frames: readonly number[];
}

/** Reserves a MEM_PHYSICAL region of so many pages, gets as many physical pages, and maps all but the last of them there. */
export function aweWindow(drive: DrivenMachine, pages: number): AweWindow {
  const base = allocate(drive, { size: pages * 0x1000, type: Reserve | MEM_PHYSICAL });
  drive.poke(SIZE, pages);
  drive.call('NtAllocateUserPhysicalPages', CURRENT_PROCESS, SIZE, TEXT);
  drive.call('NtMapUserPhysicalPages', base, pages - 1, TEXT);
  return { base, frames: Array.from({ length: pages }, (_, index) => drive.word(TEXT + index * 4)) };
}

/** NtMapUserPhysicalPages of one page; frame 0 unmaps it. */
export function mapPhysicalPage(drive: DrivenMachine, address: number, frame: number): void {
  drive.poke(TEXT, frame);
  drive.call('NtMapUserPhysicalPages', address, 1, frame === 0 ? 0 : TEXT);
}

/** Reserves and commits large pages; their base. */
export function allocateLarge(drive: DrivenMachine, size: number, protection: number): number {
  return allocate(drive, { size, type: Reserve | Commit | MEM_LARGE_PAGES, protection });
}

/** Reserves and commits a region with write watch; its base. */
export function allocateWatched(drive: DrivenMachine, size: number): number {
  return allocate(drive, { size, type: Reserve | Commit | MEM_WRITE_WATCH });
}

/** NtGetWriteWatch without reset: addresses of the pages that were written. */
export function writtenPages(drive: DrivenMachine, base: number, size: number): number[] {
  drive.poke(SIZE, size / 0x1000);
  drive.call('NtGetWriteWatch', CURRENT_PROCESS, 0, base, size, TEXT, SIZE, OLD);
  return Array.from({ length: drive.word(SIZE) }, (_, index) => drive.word(TEXT + index * 4));
}

/** NtResetWriteWatch. */
export function resetWatch(drive: DrivenMachine, base: number, size: number): void {
  drive.call('NtResetWriteWatch', CURRENT_PROCESS, base, size);
}
