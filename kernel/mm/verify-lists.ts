import { PageLocation } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { COLORS, type ColorHeads, type PageListHead } from './page-lists.js';
import { EMPTY_FRAME, EMPTY_LIST } from './pfn.js';

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
  const list = `page list ${head.location}`;
  let previous = EMPTY_LIST;
  let count = 0;
  for (let frame = head.flink; frame !== EMPTY_LIST; frame = pfn.flink(frame)) {
    if (frame === 0 || frame >= mm.lists.knownFrames)
      return `${list} links to frame ${frame.toString(16)}, which does not exist`;
    const page = `PFN ${frame.toString(16)}`;
    if (++count > head.total) return `${list} has more pages than its total ${head.total}: ${page} is one too many`;
    if (listed[frame] !== 0) return `${page} is on two lists, the second is ${list}`;
    listed[frame] = 1;
    if (pfn.location(frame) !== head.location) return `${page} is on ${list} but has location ${pfn.location(frame)}`;
    if (pfn.blink(frame) !== previous) return `${page} on ${list} links back to ${pfn.blink(frame).toString(16)}`;
    if (pfn.referenceCount(frame) !== 0)
      return `${page} is on ${list} with reference count ${pfn.referenceCount(frame)}`;
    if (head.location === PageLocation.Modified && mm.lists.modifiedHead(frame) !== head)
      return `${page} is on the modified list of the other kind`;
    if (head.location === PageLocation.Standby && pfn.isModified(frame))
      return `${page} is modified but on the standby list`;
    previous = frame;
  }
  if (head === mm.lists.zeroed) count += mm.lists.unlinkedPages;
  if (count !== head.total) return `${list} should have ${head.total} pages but links ${count}`;
  return head.blink === previous ? null : `${list} ends with ${previous.toString(16)}, not ${head.blink.toString(16)}`;
}

function verifyColors(mm: MemoryManager, heads: ColorHeads, all: PageListHead): string | null {
  const { pfn } = mm;
  let total = 0;
  for (let color = 0; color < COLORS; color++) {
    const list = `colour ${color} of page list ${all.location}`;
    let previous = -1;
    let count = 0;
    for (let frame = heads.flink[color]; frame !== -1; ) {
      const page = `PFN ${frame.toString(16)}`;
      if (++count > heads.count[color]) return `${list} has more than ${heads.count[color]} pages`;
      if (frame % COLORS !== color) return `${page} is on ${list}`;
      if (pfn.location(frame) !== all.location) return `${page} is on ${list} but has location ${pfn.location(frame)}`;
      const back = pfn.colorBlink(frame);
      if ((back === EMPTY_FRAME ? -1 : back) !== previous)
        return `${page} on ${list} links back to ${back.toString(16)}`;
      previous = frame;
      const next = pfn.colorFlink(frame);
      frame = next === EMPTY_LIST ? -1 : next;
    }
    if (count !== heads.count[color]) return `${list} should have ${heads.count[color]} pages but links ${count}`;
    if (heads.blink[color] !== previous) return `${list} has a wrong last page`;
    total += count;
  }
  if (all === mm.lists.zeroed) total += mm.lists.unlinkedPages;
  return total === all.total ? null : `page list ${all.location} has ${all.total} pages, its colours ${total}`;
}
