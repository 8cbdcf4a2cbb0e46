import { PAGE_MASK, PAGE_SIZE } from './layout.js';
import type { MemoryManager } from './memory-manager.js';
import { forEachPteAnywhere } from './page-reader.js';
import type { VerifierFindings } from './verifier-findings.js';
import { verifyResident } from './verify-prototypes.js';

/**
 * Pages of forks: every fork prototype counts the VADs that name it, is there as long as one does, and agrees with the PFN database; the
 * PTE of a page that a VAD names is in prototype form, or maps the fork prototype's page, copy-on-write or read-only.
 * @returns the first inconsistency in one sentence, or null
 */
export function verifyClones(mm: MemoryManager, { reader }: VerifierFindings): string | null {
  const { format } = mm;
  const named = new Map<object, number>();
  let wrong: string | null = null;
  for (const space of mm.addressSpaces) {
    for (let vad = space.vads.first(); vad !== null; vad = space.vads.next(vad)) {
      if (vad.clones === null || vad.clones.size === 0) continue;
      let seen = 0;
      for (const [vpn, page] of vad.clones) {
        named.set(page, (named.get(page) ?? 0) + 1);
        if (vpn < vad.startingVpn || vpn > vad.endingVpn)
          return `page ${hex(vpn * PAGE_SIZE)} of a fork lies outside its VAD`;
        if (!mm.cloneBlocks.has(page.block)) return `page ${hex(vpn * PAGE_SIZE)} names a fork prototype that is gone`;
      }
      forEachPteAnywhere(mm, space, vad.startingVpn, vad.endingVpn, (at, vpn, form) => {
        const page = vad.clones?.get(vpn);
        if (page === undefined || at === null || wrong !== null) return;
        seen++;
        const shows = form.isValid(at)
          ? mm.pfn.isPrototype(form.frame(at)) &&
            mm.pfn.pteAddress(form.frame(at)) === page.address &&
            !form.isWritable(at)
          : form.isPrototype(at) && (form.isLookupMarker(at) || form.prototypeAddress(at) === page.address);
        if (!shows)
          wrong = `process ${space.processId}: the PTE of ${hex(vpn * PAGE_SIZE)} is not that of the page of a fork`;
      });
      if (wrong !== null) return wrong;
      if (seen !== vad.clones.size)
        return `process ${space.processId}: ${vad.clones.size} pages of forks, but ${seen} PTEs`;
    }
  }
  for (const block of mm.cloneBlocks) {
    let live = 0;
    for (const page of block.pages) {
      if (page.references !== (named.get(page) ?? 0)) {
        return `the fork prototype at ${hex(page.address)} counts ${page.references} references, but has ${named.get(page) ?? 0}`;
      }
      if (page.references > 0) live++;
      const home = reader.readSystem(page.address);
      if (home === null) return `the fork prototype at ${hex(page.address)} cannot be read`;
      const at = home.at((page.address & PAGE_MASK) / format.entrySize);
      if (home.format.isZero(at) !== (page.references === 0))
        return `the fork prototype at ${hex(page.address)} is zero, or should be`;
      const frame = home.format.isValid(at)
        ? home.format.frame(at)
        : home.format.isTransition(at)
          ? home.format.transitionFrame(at)
          : 0;
      const bad = frame === 0 ? null : verifyResident(mm, at, frame, page.address);
      if (bad !== null) return `fork prototype at ${hex(page.address)} ${bad}`;
    }
    if (live !== block.live) return `a block of fork prototypes counts ${block.live} in use, but ${live} are`;
  }
  return null;
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
