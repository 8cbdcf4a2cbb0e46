import type { MemoryManager } from './memory-manager.js';

/**
 * MiExtendPagingFiles: the first paging file that takes all of so many pages more grows; when none does, several grow together.
 * The commit limit follows.
 * @returns pages gained; fewer than asked for when the files and their storage have no more room
 */
export function extendPagingFiles(mm: MemoryManager, pages: number): number {
  const { paging } = mm;
  for (const file of paging.files) {
    const gained = paging.extendFile(file, pages);
    if (gained > 0) return gained;
  }
  let missing = pages;
  for (const file of paging.files) {
    if (missing <= 0) break;
    missing -= paging.extendFile(file, Math.min(missing, file.maximum - file.size));
  }
  return pages - missing;
}

/** MiContractPagingFiles: while little is charged, paging files give back what they have grown, 1 MB at a time. */
export function contractPagingFiles(mm: MemoryManager): void {
  const { paging, commit } = mm;
  for (const file of paging.files) {
    while (commit.allowsContraction && file.contractible > 0) paging.contractFile(file, CONTRACTION);
  }
}

const CONTRACTION = 256;
