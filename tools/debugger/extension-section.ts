import type { ControlArea } from '../../kernel/index.js';
import { findPte, NO_PTE } from '../../kernel/index.js';
import { type CommandOutput, commands, output } from './command.js';
import type { Json } from './debugger-error.js';
import type { MemoryManager } from './machine-types.js';
import { hex8 } from './number-text.js';
import { protectionText } from './pte-text.js';
import type { Session } from './session.js';

/** A view of a section: whose it is, where it lies and how many of its pages the process maps right now. */
interface View {
  readonly processId: number;
  readonly process: string;
  readonly base: number;
  readonly pages: number;
  readonly firstPage: number;
  readonly valid: number;
  /** Of those: pages that the process has copied. */
  readonly copied: number;
}

/** Every control area, by address. */
function controlAreas(mm: MemoryManager): ControlArea[] {
  const areas = new Set([...mm.subsections.values()].map((subsection) => subsection.controlArea));
  return [...areas].sort((left, right) => left.poolAddress - right.poolAddress);
}

/** Which control area the pages of a prototype PTE belong to, whatever is behind them. */
export function prototypeOwners(mm: MemoryManager): (prototypeAddress: number) => ControlArea | null {
  const arrays = [...mm.subsections.values()]
    .filter(({ base }) => base !== 0)
    .map(({ base, pages, controlArea }) => ({ base, end: base + pages * mm.format.entrySize, controlArea }))
    .sort((left, right) => left.base - right.base);
  return (address) => {
    let low = 0;
    let high = arrays.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((arrays[middle]?.end ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    const found = arrays[low];
    return found !== undefined && found.base <= address ? found.controlArea : null;
  };
}

/** Who maps a control area, and how much of it is in each working set. */
function viewsOf({ mm, ps }: Session['machine']['kernel'], area: ControlArea): View[] {
  const views: View[] = [];
  for (const space of mm.addressSpaces) {
    const process = ps.processes.find(({ pcb }) => pcb.addressSpace === space)?.pcb.imageFileName ?? '(ended)';
    for (const vad of space.vads) {
      if (vad.controlArea !== area) continue;
      let valid = 0;
      let copied = 0;
      for (let vpn = vad.startingVpn; vpn <= vad.endingVpn; vpn++) {
        const at = findPte(mm, space, vpn * 0x1000);
        if (at === NO_PTE || !mm.format.isValid(at)) continue;
        valid++;
        if (!mm.pfn.isPrototype(mm.format.frame(at))) copied++;
      }
      const { startAddress: base, pages, firstSegmentPage: firstPage } = vad;
      views.push({ processId: space.processId, process, base, pages, firstPage, valid, copied });
    }
  }
  return views;
}

/** !ca: the control areas; !ca ADDRESS: one with its segment, its subsections and who maps it. */
function controlArea(session: Session, args: string): CommandOutput {
  const { kernel } = session.machine;
  const { mm } = kernel;
  const wanted = args.trim() === '' ? null : session.address(args);
  const shown = controlAreas(mm).filter((area) => wanted === null || area.poolAddress === wanted);
  if (wanted !== null && shown.length === 0) return output(`There is no control area at ${hex8(wanted)}`, null);
  const lines = wanted === null ? ['Control   Kind   Views  Pages  In memory  File'] : [];
  const data: Json[] = [];
  for (const area of shown) {
    const isKept = mm.unusedSegments.list.includes(area);
    const views = wanted === null ? [] : viewsOf(kernel, area);
    lines.push(...(wanted === null ? [areaLine(area, isKept)] : areaLines(area, isKept, views)));
    data.push({
      address: area.poolAddress,
      file: area.file?.name ?? null,
      image: area.flags.image,
      unused: isKept,
      sectionReferences: area.numberOfSectionReferences,
      mappedViews: area.numberOfMappedViews,
      pfnReferences: area.numberOfPfnReferences,
      pages: area.segment.totalPages,
      subsections: area.subsections.map(({ address, base, firstPage, pages, fileOffset }) => ({
        address,
        base,
        firstPage,
        pages,
        fileOffset,
      })),
      ...(wanted === null ? {} : { views: views.map((view) => ({ ...view })) }),
    });
  }
  return output(lines.join('\n'), data);
}

const nameOf = (area: ControlArea): string => area.file?.name ?? '(page-file backed)';
const column = (value: number, width: number): string => String(value).padStart(width);

function areaLine(area: ControlArea, isKept: boolean): string {
  const kind = area.flags.image ? 'Image' : 'Data ';
  const figures = `${column(area.numberOfMappedViews, 5)}  ${column(area.segment.totalPages, 5)}  ${column(area.numberOfPfnReferences, 9)}`;
  return `${hex8(area.poolAddress)}  ${kind}  ${figures}  ${nameOf(area)}${isKept ? '  (unused)' : ''}`;
}

function areaLines(area: ControlArea, isKept: boolean, views: readonly View[]): string[] {
  const { segment } = area;
  const lines = [
    `ControlArea  @ ${hex8(area.poolAddress)}${isKept ? '  (unused)' : ''}`,
    `  Segment      ${hex8(segment.poolAddress)}  Section Ref ${area.numberOfSectionReferences}  Pfn Ref ${area.numberOfPfnReferences}  Mapped Views ${area.numberOfMappedViews}`,
    `  User Ref     ${area.numberOfUserReferences}  Writable ${area.writableUserReferences}  Being written ${area.modifiedWriteCount}`,
    `  Pages        ${segment.totalPages}  Size ${hex8(segment.sizeOfSegment)}  Committed ${segment.committedPages}`,
    `  File         ${nameOf(area)}`,
  ];
  area.subsections.forEach((subsection, index) => {
    lines.push(
      `  Subsection ${index + 1} @ ${hex8(subsection.address)}`,
      `    Base Pte     ${hex8(subsection.base)}  Ptes In Subsect ${subsection.pages}  File Offset ${hex8(subsection.fileOffset)}  Protection ${protectionText(subsection.protection)}`,
    );
  });
  if (views.length > 0) lines.push('  Views        Base      Pages  First   Valid  Copied');
  for (const view of views) {
    const place = `${hex8(view.base)}  ${column(view.pages, 5)}  ${column(view.firstPage, 5)}`;
    lines.push(
      `    ${column(view.processId, 5)}      ${place}  ${column(view.valid, 6)}  ${column(view.copied, 6)}  ${view.process}`,
    );
  }
  return lines;
}

export const sectionExtensions = commands({
  name: '!ca',
  syntax: '!ca [ADDRESS]',
  help: 'control areas; one with its subsections and who maps it',
  run: controlArea,
});
