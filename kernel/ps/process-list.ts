import { concatenate } from '../io/information-bytes.js';
import type { Thread } from '../ke/thread.js';
import type { Kernel } from '../kernel.js';
import { encodeUtf16 } from '../mm/user-memory.js';
import { Fields } from './information-buffer.js';
import type { EProcess } from './process.js';
import { QuotaType } from './quota.js';

const PROCESS_SIZE = 0xb8;
const THREAD_SIZE = 0x40;
const PAGE = 0x1000;

/** SYSTEM_PROCESS_INFORMATION entries of all processes, each with its threads and its name behind them. */
export function processList(kernel: Kernel, buffer: number): Uint8Array {
  const entries: Uint8Array[] = [];
  let offset = 0;
  const { processes } = kernel.ps;
  processes.forEach((process, index) => {
    const entry = processEntry(process, buffer + offset, index === processes.length - 1);
    entries.push(entry);
    offset += entry.length;
  });
  return concatenate(entries);
}

function processEntry(process: EProcess, address: number, last: boolean): Uint8Array {
  const { pcb } = process;
  const threads = pcb.threads;
  const name = encodeUtf16(process.imagePath.split('\\').at(-1) || pcb.imageFileName);
  const nameOffset = PROCESS_SIZE + threads.length * THREAD_SIZE;
  const size = (nameOffset + name.length + 2 + 7) & ~7;
  const userTime = pcb.userTime + threads.reduce((sum, thread) => sum + Math.floor(thread.userNanoseconds / 100), 0);
  const fields = new Fields(size)
    .dword(0x00, last ? 0 : size)
    .dword(0x04, threads.length)
    .quad(0x20, process.createTime)
    .quad(0x28, BigInt(userTime))
    .word(0x38, name.length)
    .word(0x3a, name.length + 2)
    .dword(0x3c, address + nameOffset)
    .dword(0x40, pcb.basePriority)
    .dword(0x44, process.processId)
    .dword(0x48, process.inheritedFromProcessId)
    .dword(0x4c, process.handleTable.count);
  const space = pcb.addressSpace;
  if (space !== null) {
    fields
      .dword(0x58, space.peakVirtualSize)
      .dword(0x5c, space.virtualSize)
      .dword(0x60, space.pageFaultCount)
      .dword(0x64, space.peakWorkingSetSize * PAGE)
      .dword(0x68, space.workingSetSize * PAGE)
      .dword(0x6c, space.quota.peak[QuotaType.PagedPool])
      .dword(0x70, space.quota.usage[QuotaType.PagedPool])
      .dword(0x74, space.quota.peak[QuotaType.NonPagedPool])
      .dword(0x78, space.quota.usage[QuotaType.NonPagedPool])
      .dword(0x7c, space.commitCharge * PAGE)
      .dword(0x80, space.commitChargePeak * PAGE)
      .dword(0x84, space.commitCharge * PAGE);
  }
  const { io } = process;
  fields
    .quad(0x88, BigInt(io.readOperations))
    .quad(0x90, BigInt(io.writeOperations))
    .quad(0x98, BigInt(io.otherOperations))
    .quad(0xa0, BigInt(io.bytesRead))
    .quad(0xa8, BigInt(io.bytesWritten));
  threads.forEach((thread, index) => {
    threadEntry(fields, PROCESS_SIZE + index * THREAD_SIZE, thread);
  });
  fields.bytes.set(name, nameOffset);
  return fields.bytes;
}

/** SYSTEM_THREAD_INFORMATION. */
function threadEntry(fields: Fields, at: number, thread: Thread): void {
  fields
    .quad(at + 0x08, BigInt(Math.floor(thread.userNanoseconds / 100)))
    .quad(at + 0x10, thread.executive?.createTime ?? 0n)
    .dword(at + 0x18, thread.waitTime)
    .dword(at + 0x1c, thread.executive?.startAddress ?? 0)
    .dword(at + 0x20, thread.process.uniqueProcessId)
    .dword(at + 0x24, thread.uniqueThreadId)
    .dword(at + 0x28, thread.priority)
    .dword(at + 0x2c, thread.basePriority)
    .dword(at + 0x30, thread.contextSwitches)
    .dword(at + 0x34, thread.state)
    .dword(at + 0x38, thread.waitReason);
}
