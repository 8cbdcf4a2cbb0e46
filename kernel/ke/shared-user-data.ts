import { type Clock, TICK_COUNT_MULTIPLIER } from './clock.js';

/** Offsets in KUSER_SHARED_DATA (nt52 1.7). */
const Field = {
  TickCountLowDeprecated: 0x000,
  TickCountMultiplier: 0x004,
  InterruptTime: 0x008,
  SystemTime: 0x014,
  TimeZoneBias: 0x020,
  ImageNumberLow: 0x02c,
  ImageNumberHigh: 0x02e,
  NtSystemRoot: 0x030,
  LargePageMinimum: 0x244,
  NtProductType: 0x264,
  ProductTypeIsValid: 0x268,
  NtMajorVersion: 0x26c,
  NtMinorVersion: 0x270,
  ProcessorFeatures: 0x274,
  Reserved1: 0x2b4,
  Reserved3: 0x2b8,
  NxSupportPolicy: 0x2d5,
  NumberOfPhysicalPages: 0x2e8,
  TestRetInstruction: 0x2f8,
  SystemCall: 0x300,
  SystemCallReturn: 0x304,
  TickCount: 0x320,
  Cookie: 0x330,
} as const;

/** ProcessorFeatures indices (PF_*). */
const Feature = {
  CompareExchangeDouble: 2,
  Mmx: 3,
  Sse: 6,
  Rdtsc: 8,
  Pae: 9,
  Sse2: 10,
  NoExecute: 12,
} as const;

const IMAGE_FILE_MACHINE_I386 = 0x14c;
const PRODUCT_SERVER = 3;
const RET_INSTRUCTION = 0xc3;

/** What of the page is fixed at boot. */
export interface SharedUserDataParameters {
  readonly pae: boolean;
  readonly highestUserAddress: number;
  readonly systemRangeStart: number;
  readonly noExecuteEnabled: boolean;
  /** 0 AlwaysOff, 1 AlwaysOn, 2 OptIn, 3 OptOut. */
  readonly noExecutePolicy: number;
  readonly physicalPages: number;
  readonly systemRoot: string;
  readonly cookie: number;
}

/** The page that every process sees at 7FFE0000: real bytes, kept current at each clock interrupt. */
export class SharedUserData {
  readonly #view: DataView;
  readonly #base: number;

  /** @param hostOffset byte offset of the page in the machine's linear memory. */
  constructor(view: DataView, hostOffset: number) {
    this.#view = view;
    this.#base = hostOffset;
  }

  initialize(parameters: SharedUserDataParameters): void {
    this.#set32(Field.TickCountMultiplier, TICK_COUNT_MULTIPLIER);
    this.#set16(Field.ImageNumberLow, IMAGE_FILE_MACHINE_I386);
    this.#set16(Field.ImageNumberHigh, IMAGE_FILE_MACHINE_I386);
    for (let index = 0; index < parameters.systemRoot.length; index++) {
      this.#set16(Field.NtSystemRoot + index * 2, parameters.systemRoot.charCodeAt(index));
    }
    this.#set32(Field.LargePageMinimum, parameters.pae ? 0x200000 : 0x400000);
    this.#set32(Field.NtProductType, PRODUCT_SERVER);
    this.#set8(Field.ProductTypeIsValid, 1);
    this.#set32(Field.NtMajorVersion, 5);
    this.#set32(Field.NtMinorVersion, 2);
    const features: number[] = [Feature.CompareExchangeDouble, Feature.Mmx, Feature.Sse, Feature.Rdtsc, Feature.Sse2];
    if (parameters.pae) features.push(Feature.Pae);
    if (parameters.noExecuteEnabled) features.push(Feature.NoExecute);
    for (const feature of features) this.#set8(Field.ProcessorFeatures + feature, 1);
    this.#set32(Field.Reserved1, parameters.highestUserAddress);
    this.#set32(Field.Reserved3, parameters.systemRangeStart);
    this.#set8(Field.NxSupportPolicy, parameters.noExecutePolicy);
    this.#set32(Field.NumberOfPhysicalPages, parameters.physicalPages);
    this.#set8(Field.TestRetInstruction, RET_INSTRUCTION);
    this.#set32(Field.Cookie, parameters.cookie);
  }

  /** Where ntdll's stubs find their way into the kernel, and where SYSENTER services return. */
  setSystemCall(systemCall: number, systemCallReturn: number): void {
    this.#set32(Field.SystemCall, systemCall);
    this.#set32(Field.SystemCallReturn, systemCallReturn);
  }

  /** The time fields as of the clock's last interrupt. */
  updateTime(clock: Clock): void {
    const interruptTime = clock.interruptTime;
    this.#setTime(Field.InterruptTime, interruptTime >>> 0, Math.floor(interruptTime / 0x1_0000_0000));
    const systemTime = clock.systemTime;
    this.#setTime(Field.SystemTime, Number(systemTime & 0xffff_ffffn), Number((systemTime >> 32n) & 0xffff_ffffn));
    this.#setTime(Field.TickCount, clock.ticks >>> 0, Math.floor(clock.ticks / 0x1_0000_0000));
    this.#set32(Field.TickCountLowDeprecated, clock.ticks);
  }

  /** KSYSTEM_TIME in the writer's order: High2, Low, High1. */
  #setTime(offset: number, low: number, high: number): void {
    this.#set32(offset + 8, high);
    this.#set32(offset, low);
    this.#set32(offset + 4, high);
  }

  #set8(offset: number, value: number): void {
    this.#view.setUint8(this.#base + offset, value);
  }

  #set16(offset: number, value: number): void {
    this.#view.setUint16(this.#base + offset, value, true);
  }

  #set32(offset: number, value: number): void {
    this.#view.setInt32(this.#base + offset, value, true);
  }
}
