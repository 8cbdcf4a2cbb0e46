import {
  type AddressLayout,
  findPte,
  NO_PTE,
  type PteFormat,
  type PteLocation,
  type Vad,
  VadType,
} from '../../kernel/index.js';
import { type CommandOutput, commands, output, splitArguments } from './command.js';
import { DebuggerError, type Json } from './debugger-error.js';
import type { AddressSpace, MemoryManager } from './machine-types.js';
import { hex, hex8 } from './number-text.js';
import { protectionText, pteMeaning, vadKind } from './pte-text.js';
import type { Session } from './session.js';

function spaceOf(session: Session): AddressSpace {
  const { space } = session;
  if (space === null) throw new DebuggerError('There is no process to look at');
  return space;
}

function vadData(vad: Vad, level: number): { readonly [key: string]: Json } {
  return {
    address: vad.poolAddress,
    level,
    start: vad.startingVpn,
    end: vad.endingVpn,
    commit: vad.commitCharge,
    private: vad.privateMemory,
    image: vad.isImage,
    protection: protectionText(vad.protection),
    file: vad.controlArea?.file?.name ?? null,
  };
}

function vadLine(vad: Vad, level: number): string {
  const file = vad.controlArea?.file?.name ?? '';
  const line = `${hex8(vad.poolAddress)} (${String(level).padStart(2)})      ${hex(vad.startingVpn).padStart(5)}    ${hex(vad.endingVpn).padStart(5)} ${String(vad.commitCharge).padStart(9)} ${vadKind(vad)}  ${protectionText(vad.protection).padEnd(18)} ${file}`;
  return line.trimEnd();
}

/** !vad: the tree of the process. !vad ADDRESS: the VAD that covers it, or whose structure lies there. */
function vad(session: Session, args: string): CommandOutput {
  const space = spaceOf(session);
  const [where] = splitArguments(args);
  const list = [...space.vads];
  const header = 'VAD     level      start      end    commit';
  if (where !== undefined) {
    const address = session.address(where);
    const found = list.find(({ poolAddress }) => poolAddress === address) ?? space.vads.find(address >>> 12);
    if (found === null) throw new DebuggerError(`No VAD covers ${hex8(address)}`);
    const level = space.vads.level(found);
    return output(detail(found, level), vadData(found, level));
  }
  const levels = list.map((one) => space.vads.level(one));
  const lines = list.map((one, index) => vadLine(one, levels[index]));
  const average = list.length === 0 ? 0 : Math.round(levels.reduce((sum, level) => sum + level, 0) / list.length);
  const summary = `Total VADs: ${String(list.length).padStart(5)}  average level: ${String(average).padStart(4)}  maximum depth: ${space.vads.depth}`;
  return output(
    [header, ...lines, summary].join('\n'),
    list.map((one, index) => vadData(one, levels[index])),
  );
}

function detail(vad: Vad, level: number): string {
  const lines = [
    `VAD @ ${hex8(vad.poolAddress)}  level ${level}  tag ${vad.tag}`,
    `  Start VPN  ${hex(vad.startingVpn).padStart(10)}  End VPN  ${hex(vad.endingVpn).padStart(8)}  Control Area  ${hex8(vad.controlArea?.poolAddress ?? 0)}`,
    `  Commit Charge  ${vad.commitCharge}  ${vad.memCommit ? 'MemCommit  ' : ''}${vad.noChange ? 'NoChange  ' : ''}${vadKind(vad).trim()}`,
    `  Protection  ${protectionText(vad.protection)}`,
  ];
  if (vad.controlArea?.file) lines.push(`  File  ${vad.controlArea.file.name}`);
  for (const range of vad.secured) {
    lines.push(`  Secured  ${hex(range.startingVpn)}-${hex(range.endingVpn)}${range.readOnly ? ' read-only' : ''}`);
  }
  return lines.join('\n');
}

interface Region {
  readonly start: number;
  readonly end: number;
  readonly state: 'MEM_FREE' | 'MEM_RESERVE' | 'MEM_COMMIT';
  readonly type: string;
  readonly protection: string;
  readonly usage: string;
}

function usageOf(session: Session, vad: Vad): string {
  const file = vad.controlArea?.file?.name ?? null;
  if (file !== null) return file.split('\\').at(-1) ?? file;
  const start = vad.startAddress;
  const end = start + vad.pages * 0x1000;
  for (const thread of session.threads) {
    if (thread.teb >= start && thread.teb < end) return `TEB of thread ${hex(thread.uniqueThreadId)}`;
    const deallocation = session.memory.read32(thread.teb + 0xe0c);
    if (deallocation !== null && deallocation >= start && deallocation < end)
      return `Stack of thread ${hex(thread.uniqueThreadId)}`;
  }
  const peb = session.thread?.process.peb ?? 0;
  if (peb >= start && peb < end) return 'PEB';
  const heaps = session.memory.read32(peb + 0x90) ?? 0;
  const count = Math.min(session.memory.read32(peb + 0x88) ?? 0, 64);
  for (let index = 0; index < count; index++) {
    const heap = session.memory.read32(heaps + index * 4) ?? 0;
    if (heap >= start && heap < end) return `Heap ${hex8(heap)}`;
  }
  const parameters = session.memory.read32(peb + 0x10) ?? 0;
  return parameters >= start && parameters < end ? 'Process parameters' : '';
}

/** Runs of pages of a VAD that are committed or not, up to `end`. Views are taken as a whole, page tables in a paging file as the VAD says. */
function runs(session: Session, vad: Vad): readonly { readonly end: number; readonly committed: boolean }[] {
  const last = vad.startAddress + vad.pages * 0x1000;
  if (!vad.privateMemory) return [{ end: last, committed: true }];
  const { mm } = session.machine.kernel;
  const tableSize = mm.format.entriesPerTable * 0x1000;
  const found: { end: number; committed: boolean }[] = [];
  for (let address: number = vad.startAddress; address < last; ) {
    const at = findPte(mm, spaceOf(session), address);
    const committed = isCommitted(mm.format, vad, at);
    const end = Math.min(last, at === NO_PTE ? (Math.floor(address / tableSize) + 1) * tableSize : address + 0x1000);
    const previous = found.at(-1);
    if (previous?.committed === committed) previous.end = end;
    else found.push({ end, committed });
    address = end;
  }
  return found;
}

function isCommitted(format: PteFormat, vad: Vad, at: PteLocation): boolean {
  if (vad.type === VadType.Awe) return at !== NO_PTE && format.isValid(at);
  if (at === NO_PTE || format.isZero(at)) return vad.memCommit;
  return !format.isDecommitted(at);
}

function regions(session: Session): Region[] {
  const list: Region[] = [];
  const { userProbeAddress } = session.machine.kernel.mm.layout;
  let next = 0x10000;
  for (const one of spaceOf(session).vads) {
    const start: number = one.startAddress;
    if (start > next) list.push({ start: next, end: start, state: 'MEM_FREE', type: '', protection: '', usage: '' });
    next = start + one.pages * 0x1000;
    const type = one.isImage ? 'MEM_IMAGE' : one.privateMemory ? 'MEM_PRIVATE' : 'MEM_MAPPED';
    const usage = usageOf(session, one);
    for (const { end, committed } of runs(session, one)) {
      const first = list.at(-1)?.end ?? start;
      const protection = committed ? protectionText(one.protection) : '';
      list.push({
        start: Math.max(first, start),
        end,
        state: committed ? 'MEM_COMMIT' : 'MEM_RESERVE',
        type,
        protection,
        usage,
      });
    }
  }
  if (next < userProbeAddress)
    list.push({ start: next, end: userProbeAddress, state: 'MEM_FREE', type: '', protection: '', usage: '' });
  return list;
}

/** !address: regions of the process; !address ADDRESS: the one that holds it, its page included. */
function address(session: Session, args: string): CommandOutput {
  const [where] = splitArguments(args);
  if (where === undefined) {
    const list = regions(session);
    const lines = list.map((region) =>
      `${hex8(region.start)} ${hex8(region.end)} ${hex8(region.end - region.start)} ${region.type.padEnd(12)} ${region.state.padEnd(12)} ${region.protection.padEnd(18)} ${region.usage}`.trimEnd(),
    );
    return output(
      ['BaseAddr EndAddr  RgnSize  Type         State        Protect            Usage', ...lines].join('\n'),
      list.map((region) => ({ ...region })),
    );
  }
  const at = session.address(where);
  const { layout } = session.machine.kernel.mm;
  if (at >= layout.systemRangeStart) return systemRegion(layout, at);
  const region = regions(session).find(({ start, end }) => at >= start && at < end);
  if (region === undefined) return output(`${hex8(at)} belongs to nobody`, null);
  const { mm } = session.machine.kernel;
  const lines = [
    `Usage:                  ${region.usage}`.trimEnd(),
    `Base Address:           ${hex8(region.start)}`,
    `End Address:            ${hex8(region.end)}`,
    `Region Size:            ${hex8(region.end - region.start)}`,
    `State:                  ${region.state}`,
    `Type:                   ${region.type}`.trimEnd(),
    `Protect:                ${region.protection}`.trimEnd(),
    `Page:                   ${pageText(mm, spaceOf(session), at)}`,
  ];
  return output(lines.join('\n'), { ...region, page: pageText(mm, spaceOf(session), at) });
}

function pageText(mm: MemoryManager, space: AddressSpace, at: number): string {
  const location = findPte(mm, space, at);
  return location === NO_PTE ? 'no page table' : pteMeaning(mm.format, location).text;
}

/** Kernel images lie so far below the kernel's data. */
const KERNEL_IMAGES = 0x80_0000;

/** What lies in the system half, by address. */
function systemRegions(layout: AddressLayout): readonly (readonly [number, number, string])[] {
  const images = layout.kernelData - KERNEL_IMAGES;
  return [
    [layout.extraSystemPtes, layout.extraSystemPtesEnd, 'system PTEs'],
    [images, layout.pfnDatabase, 'kernel images and data'],
    [layout.pfnDatabase, layout.nonPagedPoolEnd, 'PFN database and nonpaged pool'],
    [layout.sessionSpace, layout.sessionSpaceEnd, 'session space'],
    [0xc0000000, 0xc0800000, 'page tables (self-map)'],
    [0xc0800000, 0xc1000000, 'hyperspace and working set lists'],
    [0xc1000000, layout.systemCacheEnd, 'system cache'],
    [0xe1000000, 0xeb000000, 'paged pool'],
    [0xeb000000, 0xffbe0000, 'system PTEs'],
    [0xffbe0000, 0x100000000, 'crash dump and HAL: KUSER_SHARED_DATA, PCR'],
  ];
}

function systemRegion(layout: AddressLayout, at: number): CommandOutput {
  const region = systemRegions(layout).find(([start, end]) => at >= start && at < end);
  if (region === undefined) return output(`${hex8(at)} belongs to nobody`, null);
  const [start, end, usage] = region;
  return output(`  ${hex8(start)} - ${hex8(end - 1)}  ${usage}`, { start, end, usage });
}

export const vadExtensions = commands(
  { name: '!vad', syntax: '!vad [ADDRESS]', help: 'virtual address descriptors of the process', run: vad },
  {
    name: '!address',
    syntax: '!address [ADDRESS]',
    help: 'regions of the address space and what they are for',
    run: address,
  },
);
