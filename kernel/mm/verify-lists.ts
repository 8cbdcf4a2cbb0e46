import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { COLORS, type ColorHeads, type PageListHead } from './page-lists.js';
import { EMPTY_FRAME, EMPTY_LIST, type PfnDatabase } from './pfn.js';

/**
 * Walks every page list: links both ways, locations, counts, no cycles; zeroed and free pages by colour too.
 * @param listed set to 1 for every frame on a list
 * @returns the first inconsistency, or null
 */
export function verifyPageLists(mm: MemoryManager, listed: Uint8Array): string | null {
  for (const head of mm.lists.heads) {
    const wrong = verifyList(mm, head, listed);
    if (wrong !== null) return wrong;
  }
  const { lists } = mm;
  return (
    verifyColors(mm, lists.zeroedByColor, lists.zeroed) ??
    verifyColors(mm, lists.freeByColor, lists.free) ??
    verifyAvailable(mm)
  );
}

/** MmAvailablePages and the events that follow it. */
function verifyAvailable(mm: MemoryManager): string | null {
  const { zeroed, free, standby, availablePages } = mm.lists;
  const total = zeroed.total + free.total + standby.total;
  if (availablePages !== total) return `${availablePages} pages are said to be available, but ${total} are`;
  return mm.available.verify(availablePages);
}

function verifyList(mm: MemoryManager, head: PageListHead, listed: Uint8Array): string | null {
  const { pfn } = mm;
  const { knownFrames } = mm.lists;
  const { location, total } = head;
  const hasContents = location >= PageLocation.Standby && location !== PageLocation.Bad;
  let previous = EMPTY_LIST;
  let count = 0;
  for (let frame = head.flink; frame !== EMPTY_LIST; frame = pfn.flink(frame)) {
    if (frame === 0 || frame >= knownFrames)
      return `page list ${location} links to frame ${frame.toString(16)}, which does not exist`;
    if (++count > total)
      return `page list ${location} has more pages than its total ${total}: ${pageName(frame)} is one too many`;
    if (listed[frame] !== 0) return `${pageName(frame)} is on two lists, the second is page list ${location}`;
    if (!pfn.isLinked(frame, location, previous) || hasContents) {
      const wrong = verifyLinked(mm, head, frame, previous);
      if (wrong !== null) return `${pageName(frame)} is on page list ${location} but ${wrong}`;
    }
    listed[frame] = 1;
    previous = frame;
  }
  if (head === mm.lists.zeroed) count += mm.lists.unlinkedPages;
  if (count !== total) return `page list ${location} should have ${total} pages but links ${count}`;
  if (head.blink === previous) return null;
  return `page list ${location} ends with ${previous.toString(16)}, not ${head.blink.toString(16)}`;
}

/** What is wrong with one page of a list, or null. */
function verifyLinked(mm: MemoryManager, head: PageListHead, frame: number, previous: number): string | null {
  const { pfn } = mm;
  const { location } = head;
  if (pfn.location(frame) !== location) return `has location ${pfn.location(frame)}`;
  if (pfn.blink(frame) !== previous) return `links back to ${pfn.blink(frame).toString(16)}`;
  if (pfn.referenceCount(frame) !== 0) return `has reference count ${pfn.referenceCount(frame)}`;
  if (location === PageLocation.Modified && mm.lists.modifiedHead(frame) !== head) return 'belongs to the other kind';
  if (location === PageLocation.ModifiedNoWrite && !mm.lists.isModifiedWriteDisabled(frame)) return 'may be written';
  if (pfn.isRemovalRequested(frame) && location <= PageLocation.Standby) return 'has failed';
  const isModified = location === PageLocation.Modified || location === PageLocation.ModifiedNoWrite;
  if (location < PageLocation.Standby || location === PageLocation.Bad) return null;
  return pfn.isModified(frame) === isModified ? null : `is ${isModified ? 'not ' : ''}modified`;
}

function verifyColors(mm: MemoryManager, heads: ColorHeads, all: PageListHead): string | null {
  const { pfn } = mm;
  let total = 0;
  for (let color = 0; color < COLORS; color++) {
    const wrong = verifyColor(pfn, heads, color, all.location);
    if (wrong !== null) return `colour ${color} of page list ${all.location} ${wrong}`;
    total += heads.count[color];
  }
  if (all === mm.lists.zeroed) total += mm.lists.unlinkedPages;
  return total === all.total ? null : `page list ${all.location} has ${all.total} pages, its colours ${total}`;
}

function verifyColor(pfn: PfnDatabase, heads: ColorHeads, color: number, location: PageLocation): string | null {
  const total = heads.count[color];
  let previous = EMPTY_FRAME;
  let count = 0;
  for (let frame = heads.flink[color]; frame !== -1; ) {
    if (++count > total) return `has more than ${total} pages`;
    if (frame % COLORS !== color) return `holds ${pageName(frame)}`;
    if (pfn.location(frame) !== location) return `holds ${pageName(frame)}, which has location ${pfn.location(frame)}`;
    const back = pfn.colorBlink(frame);
    if (back !== previous) return `has ${pageName(frame)} link back to ${back.toString(16)}`;
    previous = frame;
    const next = pfn.colorFlink(frame);
    frame = next === EMPTY_LIST ? -1 : next;
  }
  if (count !== total) return `should have ${total} pages but links ${count}`;
  const last = previous === EMPTY_FRAME ? -1 : previous;
  return heads.blink[color] === last ? null : 'has a wrong last page';
}

const pageName = (frame: number): string => `PFN ${frame.toString(16)}`;
