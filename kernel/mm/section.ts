import type { ControlArea, Segment } from './segment.js';

/** SECTION: the body of a Section object. */
export class Section {
  readonly controlArea: ControlArea;
  readonly segment: Segment;
  /** Bytes; at most the segment's. */
  sizeOfSection: number;
  /** Win32 value given at creation. */
  readonly initialPageProtection: number;
  /** Five-bit form of it. */
  readonly protection: number;
  readonly copyOnWrite: boolean;
  readonly noChange: boolean;
  /** SEC_NOCACHE: so are the PTEs of its views. */
  readonly noCache: boolean;
  /** SEC_BASED: every view of offset o lies at basedAddress + o; 0 for others. */
  basedAddress = 0;
  /** Counted in ControlArea.numberOfUserReferences. */
  readonly userReference: boolean;

  constructor(
    controlArea: ControlArea,
    size: number,
    win32: number,
    mask: number,
    options: { copyOnWrite: boolean; noChange: boolean; noCache: boolean; userReference?: boolean },
  ) {
    this.controlArea = controlArea;
    this.segment = controlArea.segment;
    this.sizeOfSection = size;
    this.initialPageProtection = win32;
    this.protection = mask;
    this.copyOnWrite = options.copyOnWrite;
    this.noChange = options.noChange;
    this.noCache = options.noCache;
    this.userReference = options.userReference ?? false;
  }
}
