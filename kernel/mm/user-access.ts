import { AccessKind } from '../../cpu/index.js';
import { accessFault } from './fault.js';
import { FaultAccess, FaultOutcome, FIRST_FAILURE } from './fault-outcome.js';
import { PAGE_MASK } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { retryLater } from './wait-after-fault.js';

/**
 * The kernel's way to a byte of the current process: translate as ring 3 would, fault the page in where that
 * is possible. Everything else that touches user memory is made of this.
 * Environment: PASSIVE_LEVEL or inside a fault; does not wait.
 */

/** Answer of userHostOrWait: paging I/O, or free pages, have to be waited for. */
export const MUST_WAIT = -1;

/** How often an access that cannot wait is tried again on the spot when it lacks resources. */
const RETRIES = 16;

/**
 * Host byte offset of a user address for an access that stays within the page, or 0; then mm.faults.userOutcome says
 * why. Addresses above the user half are access violations. Paging I/O is finished on the spot.
 */
export function userHost(mm: MemoryManager, address: number, access: AccessKind): number {
  return hostOf(mm, address, access, false);
}

/** As userHost for a thread that can wait: MUST_WAIT when it has to, mm.lastFault says for what. */
export function userHostOrWait(mm: MemoryManager, address: number, access: AccessKind): number {
  return hostOf(mm, address, access, true);
}

function hostOf(mm: MemoryManager, address: number, access: AccessKind, mayWait: boolean): number {
  const { faults } = mm;
  if (address > mm.layout.highestUserAddress || address < 0) {
    faults.userOutcome = FaultOutcome.AccessViolation;
    return 0;
  }
  for (let tries = 0; ; tries++) {
    const host = mm.cpu.translate(address | 0, access, false);
    if (host !== 0) return host;
    const kind = access === AccessKind.Write ? FaultAccess.Write : FaultAccess.Read;
    // Even inside a fault that may wait, this access may not; and it is a fault of its own.
    const { mayWait: mayOuterWait, completing } = faults;
    faults.mayWait = mayWait;
    faults.completing = false;
    let outcome = accessFault(mm, address, kind, false);
    faults.mayWait = mayOuterWait;
    faults.completing = completing;
    mm.faultTaken();
    if (outcome === FaultOutcome.NoMemory && (mayWait || tries < RETRIES)) outcome = retryLater(mm);
    if (outcome === FaultOutcome.MustWait) {
      if (mayWait) {
        mm.setLastFault(outcome, address, kind);
        return MUST_WAIT;
      }
      const status = mm.finishFaultNow(address, kind);
      if (status >>> 0 < 0xc0000000) continue;
      faults.underlyingStatus = status >>> 0;
      outcome = FaultOutcome.InPageError;
    }
    if (outcome >= FIRST_FAILURE) {
      faults.userOutcome = outcome;
      return 0;
    }
  }
}

/** A dword within one page as an unsigned number, -1 when it cannot be read. */
export function readUser32(mm: MemoryManager, address: number): number {
  if ((address & PAGE_MASK) > 0xffc) return -1;
  const host = userHost(mm, address, AccessKind.Read);
  if (host === 0) return -1;
  if (mm.cpu.debug.watching) mm.cpu.debug.accessedByOwner(address, 4, false);
  return mm.view.getUint32(host, true);
}

/** Writes a dword within one page; false when it cannot be written. */
export function writeUser32(mm: MemoryManager, address: number, value: number): boolean {
  if ((address & PAGE_MASK) > 0xffc) return false;
  const host = userHost(mm, address, AccessKind.Write);
  if (host === 0) return false;
  mm.view.setInt32(host, value, true);
  if (mm.cpu.debug.watching) mm.cpu.debug.accessedByOwner(address, 4, true);
  if (mm.cpu.pageHasCode(host)) mm.cpu.codeWritten(host, 4);
  return true;
}
