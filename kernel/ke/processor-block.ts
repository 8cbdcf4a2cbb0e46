import {
  type Cpu,
  CR4,
  CS,
  DS,
  ES,
  FS,
  GDTR_BASE,
  GDTR_LIMIT,
  GS,
  IDTR_BASE,
  IDTR_LIMIT,
  LDTR,
  SS,
  TR,
} from '../../cpu/index.js';
import {
  Access,
  FLAT_LIMIT,
  GDT_SIZE,
  gdtEntries,
  IDT_SIZE,
  idtBytes,
  Selector,
  TSS_ESP0,
  TSS_SIZE,
  tebDescriptor,
} from './descriptor-tables.js';
import type { Thread } from './thread.js';
import { ESP0_DISTANCE } from './trap-frame.js';

/** Offsets in the PCR page (nt52 11.6); the PRCB is part of it. */
const PCR_EXCEPTION_LIST = 0x000;
const PCR_SELF_TEB = 0x018;
const PCR_SELF = 0x01c;
const PCR_PRCB = 0x020;
const PCR_IDT = 0x038;
const PCR_GDT = 0x03c;
const PCR_TSS = 0x040;
const PRCB = 0x120;
const PRCB_CURRENT_THREAD = 0x124;
/** Offsets within the page of descriptor tables. */
const IDT_OFFSET = GDT_SIZE;
const TSS_OFFSET = IDT_OFFSET + IDT_SIZE;
const TSS_SS0 = 8;
const TSS_IO_MAP_BASE = 0x66;
/** Where the gates of the IDT point: kernel addresses at which no guest code lies. */
const TRAP_ENTRIES = 0x80800000;
/**
 * CR0: PE MP ET NE WP PG. AM stays clear, as on 5.2 for x86 (8001003Bh with TS): EFLAGS.AC of a program has no effect. CR4 gains OSFXSR and
 * OSXMMEXCPT.
 */
const CR0_VALUE = 0x80010033 | 0;
const CR4_SSE = 0x600;
const OBJECT_BODY_OFFSET = 0x18;

/** Where the tables lie: system addresses, and the same pages as byte offsets in the machine's memory. */
export interface ProcessorBlockPlaces {
  readonly pcr: number;
  readonly pcrHost: number;
  readonly tables: number;
  readonly tablesHost: number;
}

/** PCR, GDT, IDT and TSS of the one processor: real bytes, kept true at every context switch. */
export class ProcessorBlock {
  readonly #cpu: Cpu;
  readonly #places: ProcessorBlockPlaces;

  constructor(cpu: Cpu, places: ProcessorBlockPlaces) {
    this.#cpu = cpu;
    this.#places = places;
  }

  /** Builds the tables and gives the processor the state in which NT leaves it: flat ring 3, paging as mm set it up. */
  initialize(): void {
    const { pcr, tables } = this.#places;
    this.#writeTables();
    this.#writePcr();
    const cpu = this.#cpu;
    const { state } = cpu;
    state[GDTR_BASE] = tables | 0;
    state[GDTR_LIMIT] = GDT_SIZE - 1;
    state[IDTR_BASE] = (tables + IDT_OFFSET) | 0;
    state[IDTR_LIMIT] = IDT_SIZE - 1;
    cpu.setCr0(CR0_VALUE);
    cpu.setCr4(state[CR4] | CR4_SSE);
    cpu.setSegment(CS, Selector.UserCode, 0, FLAT_LIMIT, Access.UserCode);
    for (const segment of [SS, DS, ES]) cpu.setSegment(segment, Selector.UserData, 0, FLAT_LIMIT, Access.UserData);
    cpu.setSegment(FS, Selector.UserTeb, 0, 0xfff, Access.UserTeb);
    cpu.setSegment(GS, 0, 0, 0, 0);
    cpu.setSegment(LDTR, 0, 0, 0, 0);
    cpu.setSegment(TR, Selector.Tss, (tables + TSS_OFFSET) | 0, TSS_SIZE - 1, Access.Tss);
    this.#write(this.#places.pcrHost + PCR_SELF, pcr);
  }

  /** The thread takes the processor: its TEB in the GDT, its kernel stack in the TSS, its object in the PRCB. */
  switchTo(thread: Thread): void {
    const { pcrHost, tablesHost } = this.#places;
    const { low, high } = tebDescriptor(thread.teb);
    const entry = tablesHost + (Selector.UserTeb & ~7);
    this.#write(entry, low);
    this.#write(entry + 4, high);
    this.#write(tablesHost + TSS_OFFSET + TSS_ESP0, thread.initialStack - ESP0_DISTANCE);
    this.#write(pcrHost + PCR_SELF_TEB, thread.teb);
    const object = thread.executive?.object ?? null;
    this.#write(pcrHost + PRCB_CURRENT_THREAD, object === null ? 0 : object.address + OBJECT_BODY_OFFSET);
  }

  #writeTables(): void {
    const { pcr, tables, tablesHost } = this.#places;
    for (const [selector, { low, high }] of gdtEntries(pcr, tables + TSS_OFFSET)) {
      this.#write(tablesHost + selector, low);
      this.#write(tablesHost + selector + 4, high);
    }
    this.#cpu.bytes.set(idtBytes(TRAP_ENTRIES), tablesHost + IDT_OFFSET);
    this.#write(tablesHost + TSS_OFFSET + TSS_SS0, Selector.KernelData);
    this.#cpu.view.setUint16(tablesHost + TSS_OFFSET + TSS_IO_MAP_BASE, TSS_SIZE, true);
  }

  #writePcr(): void {
    const { pcr, pcrHost, tables } = this.#places;
    this.#write(pcrHost + PCR_EXCEPTION_LIST, -1);
    this.#write(pcrHost + PCR_PRCB, pcr + PRCB);
    this.#write(pcrHost + PCR_IDT, tables + IDT_OFFSET);
    this.#write(pcrHost + PCR_GDT, tables);
    this.#write(pcrHost + PCR_TSS, tables + TSS_OFFSET);
  }

  #write(host: number, value: number): void {
    this.#cpu.view.setInt32(host, value, true);
  }
}
