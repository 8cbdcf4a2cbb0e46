import { describe, expect, it } from 'vitest';
import { type Status, statusName } from '../../kernel/ntstatus.js';
import { services } from '../../kernel/services.js';
import { bootLayout } from '../boot-options.js';
import { DATA } from './bare-process.js';
import {
  type Call,
  choices,
  handleStatus,
  ParameterMachine,
  pointers,
  probe,
  REGION,
  RESERVED,
  type ServiceModel,
} from './service-parameters.js';

/**
 * The order in which memory services look at their parameters, written down from nt52.md section 9 and not from the services: each pair
 * of wrong parameters shows which of the two is noticed first.
 */

type StatusName = keyof typeof Status | null;

const HIGHEST_USER = bootLayout.highestUserAddress;
const HIGHEST_VAD = bootLayout.highestVadAddress;
/** Sizes that nothing can have. */
const SIZES = [0, bootLayout.systemRangeStart, 0xffff_ffff] as const;
const { userProbeAddress, systemRangeStart } = bootLayout;
const BASES = [HIGHEST_VAD + 1, userProbeAddress, systemRangeStart, 0xffffffff] as const;

const sample = new ParameterMachine();
const handles = (): readonly number[] => {
  const { self, full, closed, wrongType, underPrivileged, terminated } = sample.handles;
  return [self, full, closed, wrongType, underPrivileged, terminated];
};

/** Pointers to a value that is right, in memory of every kind, and good pointers to wrong values. */
const pointersTo = (offset: number, right: number, ...wrong: readonly number[]) => [
  ...pointers(offset, [right]),
  ...wrong.map((value) => ({ value: DATA + offset, at: [value] })),
];

/** The dword behind a pointer of a call. */
const behind = (call: Call, name: string): number => call[name]?.at?.[0] ?? 0;
const value = (call: Call, name: string): number => call[name]?.value ?? 0;

/** The first check that says something. */
const first = (...checks: readonly (StatusName | false)[]): StatusName => {
  for (const check of checks) if (check !== null && check !== false) return check;
  return null;
};

const ALLOCATION_TYPES = 0x20783000;
const isProtection = (protection: number) =>
  [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80].includes(protection & 0xff) &&
  (protection & ~0x7ff) === 0 &&
  ((protection & 0x700) === 0 || (protection & 0xff) !== 1) &&
  !((protection & 0x200) !== 0 && (protection & 0x500) !== 0) &&
  !((protection & 0x100) !== 0 && (protection & 0x600) !== 0) &&
  !((protection & 0x400) !== 0 && (protection & 0x300) !== 0);

function allocationTypeStatus(type: number, protection: number): StatusName {
  const has = (bit: number) => (type & bit) !== 0;
  const [commit, reserve, reset, topDown] = [0x1000, 0x2000, 0x80000, 0x100000];
  const [watch, physical, large] = [0x200000, 0x400000, 0x20000000];
  return first(
    (type & ~ALLOCATION_TYPES) !== 0 && 'INVALID_PARAMETER_5',
    !has(commit) && !has(reserve) && !has(reset) && 'INVALID_PARAMETER_5',
    has(reset) && type !== reset && 'INVALID_PARAMETER_5',
    has(large) && (!has(commit) || has(physical) || has(reset) || has(watch)) && 'INVALID_PARAMETER_5',
    has(watch) && (has(physical) || !has(reserve)) && 'INVALID_PARAMETER_5',
    has(physical) && (!has(reserve) || (type & ~(reserve | topDown | physical)) !== 0) && 'INVALID_PARAMETER_5',
    has(physical) && protection !== 4 && 'INVALID_PARAMETER_6',
    !isProtection(protection) && 'INVALID_PAGE_PROTECTION',
  );
}

const PROTECTIONS = choices(4, 0, 3, 0x101, 0x104, 0x304, 0x1000, 0xff, 0xffffffff);

const allocate: ServiceModel = {
  name: 'NtAllocateVirtualMemory',
  parameters: {
    process: choices(...handles()),
    base: pointersTo(0, RESERVED, ...BASES),
    zeroBits: choices(0, 22, 0xffffffff),
    size: pointersTo(0x10, 0x1000, ...SIZES),
    type: choices(0x1000, 0, 0x4000, 0x81000, 0x20002000, 0x201000, 0x401000, 0x80000000),
    protection: PROTECTIONS,
  },
  status: (call, held) => {
    const [base, size] = [behind(call, 'base'), behind(call, 'size')];
    return first(
      value(call, 'zeroBits') > 21 && 'INVALID_PARAMETER_3',
      allocationTypeStatus(value(call, 'type'), value(call, 'protection')),
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      base > HIGHEST_VAD && 'INVALID_PARAMETER_2',
      size > HIGHEST_VAD + 1 - base && 'INVALID_PARAMETER_4',
      size === 0 && 'INVALID_PARAMETER_4',
      handleStatus(value(call, 'process'), held),
    );
  },
};

const free: ServiceModel = {
  name: 'NtFreeVirtualMemory',
  parameters: {
    process: choices(...handles()),
    base: pointersTo(0, REGION, ...BASES),
    size: pointersTo(0x10, 0x1000, systemRangeStart, 0xffff_ffff),
    type: choices(0x4000, 0, 0xc000, 0x1000, 0x4001, 0xffffffff),
  },
  status: (call, held) => {
    const [base, size] = [behind(call, 'base'), behind(call, 'size')];
    return first(
      ![0x4000, 0x8000].includes(value(call, 'type')) && 'INVALID_PARAMETER_4',
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      base > HIGHEST_USER && 'INVALID_PARAMETER_2',
      size > HIGHEST_USER - base && 'INVALID_PARAMETER_3',
      handleStatus(value(call, 'process'), held),
      base === 0x7ffe0000 && 'MEMORY_NOT_ALLOCATED',
    );
  },
};

const protect: ServiceModel = {
  name: 'NtProtectVirtualMemory',
  parameters: {
    process: choices(...handles()),
    base: pointersTo(0, REGION, ...BASES),
    size: pointersTo(0x10, 0x1000, ...SIZES),
    protection: PROTECTIONS,
    oldProtection: pointersTo(0x20, 0),
  },
  status: (call, held) => {
    const [base, size] = [behind(call, 'base'), behind(call, 'size')];
    return first(
      !isProtection(value(call, 'protection')) && 'INVALID_PAGE_PROTECTION',
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      probe(value(call, 'oldProtection'), 4, 1, 'write'),
      base > HIGHEST_USER && 'INVALID_PARAMETER_2',
      (size > HIGHEST_USER - base || size === 0) && 'INVALID_PARAMETER_3',
      handleStatus(value(call, 'process'), held),
      base === 0x7ffe0000 && 'CONFLICTING_ADDRESSES',
    );
  },
};

const SMALLEST_QUERY: Readonly<Record<number, number>> = { 0: 0x1c, 1: 4, 2: 0, 4: 8 };

const query: ServiceModel = {
  name: 'NtQueryVirtualMemory',
  parameters: {
    process: choices(...handles()),
    base: choices(REGION, userProbeAddress, systemRangeStart, 0xffffffff),
    informationClass: choices(0, 3, 5, 0xffffffff),
    buffer: pointersTo(0, 0),
    length: choices(0x1c, 0, 1, 0x1b, 0x8000_0000, 0xffff_ffff),
    returnLength: pointersTo(0x40, 0),
  },
  status: (call, held) => {
    const [informationClass, length] = [value(call, 'informationClass'), value(call, 'length')];
    const returnLength = value(call, 'returnLength');
    const smallest = SMALLEST_QUERY[informationClass];
    return first(
      smallest === undefined && 'INVALID_INFO_CLASS',
      smallest !== undefined && length < smallest && 'INFO_LENGTH_MISMATCH',
      probe(value(call, 'buffer'), length, 4, 'write'),
      returnLength !== 0 && probe(returnLength, 4, 1, 'write'),
      value(call, 'base') > HIGHEST_USER && 'INVALID_PARAMETER',
      handleStatus(value(call, 'process'), held),
    );
  },
};

const lockModel = (name: string, after: (call: Call) => StatusName): ServiceModel => ({
  name,
  parameters: {
    process: choices(...handles()),
    base: pointersTo(0, REGION, ...BASES),
    size: pointersTo(0x10, 0x1000, ...SIZES),
    mapType: choices(1, 0, 4, 2, 0xffffffff),
  },
  status: (call, held) => {
    const [base, size] = [behind(call, 'base'), behind(call, 'size')];
    const mapType = value(call, 'mapType');
    return first(
      (mapType === 0 || mapType > 3) && 'INVALID_PARAMETER',
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      (base > HIGHEST_USER || size > HIGHEST_USER - base || size === 0) && 'INVALID_PARAMETER',
      handleStatus(value(call, 'process'), held),
      // A user's token does not hold SeLockMemoryPrivilege.
      (mapType & 2) !== 0 && 'PRIVILEGE_NOT_HELD',
      base > HIGHEST_VAD && 'ACCESS_VIOLATION',
      after(call),
    );
  },
});

const flush: ServiceModel = {
  name: 'NtFlushVirtualMemory',
  parameters: {
    process: choices(...handles()),
    base: pointersTo(0, REGION, ...BASES),
    size: pointersTo(0x10, 0x1000, ...SIZES),
    ioStatus: pointers(0x20, [0, 0]),
  },
  status: (call, held) => {
    const [base, size] = [behind(call, 'base'), behind(call, 'size')];
    return first(
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      probe(value(call, 'ioStatus'), 8, 4, 'write'),
      (base > HIGHEST_USER || size > HIGHEST_USER - base) && 'INVALID_PARAMETER_2',
      handleStatus(value(call, 'process'), held),
      'NOT_MAPPED_VIEW',
    );
  },
};

const copyModel = (name: string): ServiceModel => ({
  name,
  parameters: {
    process: choices(...handles()),
    base: choices(REGION, userProbeAddress, systemRangeStart, 0xffffffff),
    buffer: choices(DATA + 0x100, userProbeAddress, systemRangeStart, 0xffffffff),
    size: choices(0x40, 0, systemRangeStart, 0xffff_ffff),
    done: pointers(0, [0xabcd]),
  },
  outputs: ['done'],
  status: (call, held) => {
    const [base, buffer, size] = [value(call, 'base'), value(call, 'buffer'), value(call, 'size')];
    const done = value(call, 'done');
    const leaves = (address: number) => address + size > HIGHEST_USER + 1;
    return first(
      leaves(base) && 'ACCESS_VIOLATION',
      leaves(buffer) && 'ACCESS_VIOLATION',
      done !== 0 && probe(done, 4, 1, 'write'),
      // The handle is of no interest where nothing is copied.
      size !== 0 && handleStatus(value(call, 'process'), held),
    );
  },
});

const setQuota: ServiceModel = {
  name: 'NtSetInformationProcess',
  parameters: {
    process: choices(...handles()),
    informationClass: choices(1, 99, 0xffffffff),
    buffer: pointers(0, [0, 0, 0x100000, 0x400000, 0, 0, 0, 0]),
    length: choices(0x20, 0, 0x1f, 0x21, 0x8000_0000, 0xffff_ffff),
  },
  status: (call, held) => {
    const [informationClass, length] = [value(call, 'informationClass'), value(call, 'length')];
    return first(
      informationClass !== 1 && 'INVALID_INFO_CLASS',
      length !== 0x20 && length !== 0x38 && 'INFO_LENGTH_MISMATCH',
      probe(value(call, 'buffer'), length, 4, 'read'),
      handleStatus(value(call, 'process'), held),
    );
  },
};

const pagingFile: ServiceModel = {
  name: 'NtCreatePagingFile',
  parameters: {
    name: [...pointers(0, [0x000a000a, DATA + 0x80]), { value: DATA, at: [0, DATA + 0x80] }],
    minimum: [...pointers(0x20, [0x100000, 0]), { value: DATA + 0x20, at: [0xfffff, 0] }],
    maximum: [...pointers(0x30, [0x200000, 0]), { value: DATA + 0x30, at: [0, 1] }],
    priority: choices(0, 1),
  },
  // A user's token does not hold SeCreatePagefilePrivilege, which is looked at before the pointers.
  status: () => 'PRIVILEGE_NOT_HELD',
};

const privilegedPagingFile: ServiceModel = {
  ...pagingFile,
  privileged: true,
  status: (call) => {
    const quad = (name: string) => (call[name]?.at?.[1] ?? 0) * 2 ** 32 + behind(call, name);
    return first(
      probe(value(call, 'name'), 8, 4, 'read'),
      probe(value(call, 'maximum'), 8, 4, 'read'),
      probe(value(call, 'minimum'), 8, 4, 'read'),
      quad('minimum') < 0x100000 && 'INVALID_PARAMETER_2',
      quad('maximum') > 0xfffff000 && 'INVALID_PARAMETER_3',
      behind(call, 'name') % 0x10000 === 0 && 'OBJECT_NAME_INVALID',
      // The name that is given is of no drive.
      'UNRECOGNIZED_VOLUME',
    );
  },
};

const createSection: ServiceModel = {
  name: 'NtCreateSection',
  parameters: {
    handle: pointers(0, [0]),
    access: choices(0xf001f),
    attributes: choices(0, DATA + 0x61, 0x80001000, 0xfffffffd),
    maximumSize: [...pointers(0x20, [0x10000, 0]), { value: DATA + 0x20, at: [0, 0] }],
    protection: choices(4, 0, 1, 0x104, 0x204, 0x404, 0xff),
    type: choices(0x8000000, 0, 0xc000000, 0x9000000, 0x1000000, 0x1, 0x80000000),
    file: choices(0, 0x1234),
  },
  status: (call) => {
    const [type, protection] = [value(call, 'type'), value(call, 'protection')];
    const maximumSize = value(call, 'maximumSize');
    const attributes = value(call, 'attributes');
    const has = (bit: number) => (type & bit) !== 0;
    const size = call.maximumSize?.at?.[0] ?? 0;
    return first(
      (type & ~0x9d600000) !== 0 && 'INVALID_PARAMETER_6',
      !has(0xd000000) && 'INVALID_PARAMETER_6',
      has(0x1000000) && has(0x9c400000) && 'INVALID_PARAMETER_6',
      has(0x8000000) && has(0x4000000) && 'INVALID_PARAMETER_6',
      (protection & 0x701) !== 0 && 'INVALID_PAGE_PROTECTION',
      probe(value(call, 'handle'), 4, 1, 'write'),
      maximumSize !== 0 && probe(maximumSize, 8, 4, 'read'),
      !isProtection(protection) && 'INVALID_PAGE_PROTECTION',
      attributes !== 0 && probe(attributes, 0x18, 4, 'read'),
      value(call, 'file') !== 0 && 'INVALID_HANDLE',
      has(0x1000000) && 'INVALID_FILE_FOR_SECTION',
      (maximumSize === 0 || size === 0) && 'INVALID_PARAMETER_4',
    );
  },
};

const VIEW_TYPES = 0x60502000;

const mapView: ServiceModel = {
  name: 'NtMapViewOfSection',
  parameters: {
    section: choices(0x1234, 0),
    process: choices(...handles()),
    base: pointersTo(0, 0x800000, ...BASES),
    zeroBits: choices(0, 22, 0xffffffff),
    commitSize: choices(0, 0xffffffff),
    offset: [{ value: 0 }, ...pointers(0x20, [0, 0])],
    size: pointersTo(0x10, 0x1000, systemRangeStart, 0xffff_ffff),
    inherit: choices(1, 0, 3, 0xffffffff),
    type: choices(0, 0x1000, 0x80000000),
    protection: PROTECTIONS,
  },
  status: (call, held) => {
    const [base, size, offset] = [behind(call, 'base'), behind(call, 'size'), value(call, 'offset')];
    return first(
      value(call, 'zeroBits') > 21 && 'INVALID_PARAMETER_4',
      ![1, 2].includes(value(call, 'inherit')) && 'INVALID_PARAMETER_8',
      (value(call, 'type') & ~VIEW_TYPES) !== 0 && 'INVALID_PARAMETER_9',
      !isProtection(value(call, 'protection')) && 'INVALID_PAGE_PROTECTION',
      probe(value(call, 'base'), 4, 1, 'write'),
      probe(value(call, 'size'), 4, 1, 'write'),
      offset !== 0 && probe(offset, 8, 1, 'write'),
      (base > HIGHEST_VAD || size > HIGHEST_VAD + 1 - base) && 'INVALID_PARAMETER_3',
      handleStatus(value(call, 'process'), held),
      'INVALID_HANDLE',
    );
  },
};

const querySection: ServiceModel = {
  name: 'NtQuerySection',
  parameters: {
    section: choices(0x1234, 0),
    informationClass: choices(0, 1, 2, 0xffffffff),
    buffer: pointers(0, [0]),
    length: choices(0x10, 0, 0xf, 0x30, 0xffffffff),
    returnLength: [{ value: 0 }, ...pointers(0x40, [0])],
  },
  status: (call) => {
    const [informationClass, length] = [value(call, 'informationClass'), value(call, 'length')];
    const returnLength = value(call, 'returnLength');
    return first(
      probe(value(call, 'buffer'), length, 4, 'write'),
      returnLength !== 0 && probe(returnLength, 4, 1, 'write'),
      informationClass > 1 && 'INVALID_INFO_CLASS',
      length < (informationClass === 0 ? 0x10 : 0x30) && 'INFO_LENGTH_MISMATCH',
      'INVALID_HANDLE',
    );
  },
};

const unmapView: ServiceModel = {
  name: 'NtUnmapViewOfSection',
  parameters: { process: choices(...handles()), base: choices(REGION, 0, RESERVED, 0x1234, ...BASES) },
  status: (call, held) =>
    first(
      value(call, 'base') > HIGHEST_USER && 'NOT_MAPPED_VIEW',
      handleStatus(value(call, 'process'), held),
      'NOT_MAPPED_VIEW',
    ),
};

const flushInstructions: ServiceModel = {
  name: 'NtFlushInstructionCache',
  parameters: {
    process: choices(...handles()),
    base: choices(REGION, 0, userProbeAddress, systemRangeStart, 0xffffffff),
    length: choices(0x1000, ...SIZES),
  },
  status: (call, held) => {
    const [base, length] = [value(call, 'base'), value(call, 'length')];
    const leaves = base !== 0 && length !== 0 && base + length > userProbeAddress;
    return first(leaves && 'ACCESS_VIOLATION', handleStatus(value(call, 'process'), held));
  },
};

const MAXIMUM_ARRAY = 0x3fffffff;

const getWriteWatch: ServiceModel = {
  name: 'NtGetWriteWatch',
  parameters: {
    process: choices(...handles()),
    flags: choices(0, 1, 2, 0xffffffff),
    base: choices(REGION, 0x7fff0000, 0x80000000, 0xffffffff),
    size: choices(0x1000, ...SIZES),
    addresses: pointers(0x100, []),
    count: pointersTo(0x40, 4, 0, 0x40000000),
    granularity: pointers(0x60, [0]),
  },
  status: (call, held) => {
    const [base, size, room] = [value(call, 'base'), value(call, 'size'), behind(call, 'count')];
    return first(
      (value(call, 'flags') > 1 || base > HIGHEST_USER) && 'INVALID_PARAMETER_2',
      size > HIGHEST_USER - base && 'INVALID_PARAMETER_3',
      probe(value(call, 'count'), 4, 1, 'write'),
      (room === 0 || room > MAXIMUM_ARRAY) && 'INVALID_PARAMETER_5',
      probe(value(call, 'addresses'), room * 4, 4, 'write'),
      probe(value(call, 'granularity'), 4, 1, 'write'),
      handleStatus(value(call, 'process'), held),
      size === 0 && 'INVALID_PARAMETER_4',
      // The region has no write watch.
      'INVALID_PARAMETER_1',
    );
  },
};

const resetWriteWatch: ServiceModel = {
  name: 'NtResetWriteWatch',
  parameters: {
    process: choices(...handles()),
    base: choices(REGION, 0x7fff0000, 0x80000000, 0xffffffff),
    size: choices(0x1000, ...SIZES),
  },
  status: (call, held) => {
    const [base, size] = [value(call, 'base'), value(call, 'size')];
    return first(
      base > HIGHEST_USER && 'INVALID_PARAMETER_2',
      size > HIGHEST_USER - base && 'INVALID_PARAMETER_3',
      handleStatus(value(call, 'process'), held),
      size === 0 && 'INVALID_PARAMETER_3',
      'INVALID_PARAMETER_1',
    );
  },
};

/** Services that take a handle, a count and an array of frames. */
const physicalPages = (name: string, access: 'read' | 'write', last: StatusName): ServiceModel => ({
  name,
  parameters: {
    process: choices(...handles()),
    count: pointersTo(0x40, 4, 0, 0x40000000, 0xffffffff),
    frames: pointers(0x100, []),
  },
  outputs: ['count'],
  status: (call, held) => {
    const count = behind(call, 'count');
    const wrongCount = probe(value(call, 'count'), 4, 1, 'write');
    // Allocating no page is no error.
    if (wrongCount !== null || (count === 0 && access === 'write')) return wrongCount;
    return first(
      (count === 0 || count > MAXIMUM_ARRAY) && 'INVALID_PARAMETER_2',
      probe(value(call, 'frames'), count * 4, 4, access),
      handleStatus(value(call, 'process'), held),
      last,
    );
  },
});

const COUNTS = choices(4, 0, 1, 0x100000, 0x8000_0000, 0xffff_ffff);
const MAXIMUM_PAGES = 0xfffff;

const mapPhysicalPages: ServiceModel = {
  name: 'NtMapUserPhysicalPages',
  parameters: {
    address: choices(REGION, 0, REGION + 1, 0x7fff0000, 0x80000000, 0xffffffff),
    count: COUNTS,
    frames: pointers(0x100, []),
  },
  status: (call) => {
    const [address, count, frames] = [value(call, 'address'), value(call, 'count'), value(call, 'frames')];
    const end = address - (address % 0x1000) + count * 0x1000;
    return first(
      (count > MAXIMUM_PAGES || end > 2 ** 32) && 'INVALID_PARAMETER_2',
      frames !== 0 && probe(frames, count * 4, 4, 'read'),
      // None of the addresses is in a region of AWE.
      count !== 0 && 'INVALID_PARAMETER_1',
    );
  },
};

const mapPhysicalPagesScatter: ServiceModel = {
  name: 'NtMapUserPhysicalPagesScatter',
  parameters: { addresses: pointers(0x80, []), count: COUNTS, frames: pointers(0x100, []) },
  status: (call) => {
    const [count, frames] = [value(call, 'count'), value(call, 'frames')];
    return first(
      count > MAXIMUM_PAGES && 'INVALID_PARAMETER_2',
      probe(value(call, 'addresses'), count * 4, 4, 'read'),
      frames !== 0 && probe(frames, count * 4, 4, 'read'),
      count !== 0 && 'INVALID_PARAMETER_1',
    );
  },
};

const models: readonly ServiceModel[] = [
  allocate,
  free,
  protect,
  query,
  lockModel('NtLockVirtualMemory', () => null),
  lockModel('NtUnlockVirtualMemory', () => 'NOT_LOCKED'),
  flush,
  flushInstructions,
  copyModel('NtReadVirtualMemory'),
  copyModel('NtWriteVirtualMemory'),
  setQuota,
  pagingFile,
  privilegedPagingFile,
  createSection,
  mapView,
  unmapView,
  querySection,
  getWriteWatch,
  resetWriteWatch,
  physicalPages('NtAllocateUserPhysicalPages', 'write', 'PRIVILEGE_NOT_HELD'),
  physicalPages('NtFreeUserPhysicalPages', 'read', 'CONFLICTING_ADDRESSES'),
  mapPhysicalPages,
  mapPhysicalPagesScatter,
];

describe('wrong parameters are noticed in the documented order, and nothing changes', () => {
  it.each(models.map((model) => [`${model.name}${model.privileged ? ' with every privilege' : ''}`, model] as const))(
    '%s',
    (_name, model) => ParameterMachine.check(model),
  );
});

/** Every combination of these bits. */
function* combinations(bits: readonly number[]): Generator<number> {
  for (let pattern = 0; pattern < 2 ** bits.length; pattern++) {
    yield bits.reduce((sum, bit, index) => (((pattern >>> index) & 1) === 0 ? sum : sum + bit), 0);
  }
}

describe('every combination of flags', () => {
  const { guest } = sample;
  /** The status of a service without pointers: what the flags are told of comes before them. */
  const statusOf = (name: string, ...parameters: readonly number[]): string => {
    const row = services.find((service) => service.name === name);
    const result = row?.handler(guest.kernel, ...parameters.map((parameter) => parameter >>> 0));
    const status = typeof result === 'object' ? result.next().value : result;
    return typeof status === 'number' ? statusName(status).replace('STATUS_', '') : 'waits';
  };
  const ALLOCATION_BITS = [0x1000, 0x2000, 0x80000, 0x100000, 0x200000, 0x400000, 0x20000000, 0x8000];
  const PROTECTION_BITS = Array.from({ length: 12 }, (_, bit) => 1 << bit);

  it('of allocation types', () => {
    for (const type of combinations(ALLOCATION_BITS)) {
      for (const protection of [...combinations(PROTECTION_BITS.slice(7)), 1, 2, 4, 5, 0x104, 0x204]) {
        const expected = allocationTypeStatus(type, protection) ?? 'ACCESS_VIOLATION';
        const got = statusOf('NtAllocateVirtualMemory', 0xffffffff, 0, 0, 0, type, protection);
        if (got !== expected) expect([type.toString(16), protection.toString(16), got]).toEqual([expected]);
      }
    }
  });

  it('of protections', () => {
    for (const protection of combinations(PROTECTION_BITS)) {
      const expected = isProtection(protection) ? 'ACCESS_VIOLATION' : 'INVALID_PAGE_PROTECTION';
      const got = statusOf('NtProtectVirtualMemory', 0xffffffff, 0, 0, protection, 0);
      if (got !== expected) expect([protection.toString(16), got]).toEqual([expected]);
    }
  });

  it('of free and lock types', () => {
    for (const type of combinations([1, 2, 0x1000, 0x2000, 0x4000, 0x8000, 0x10000])) {
      const freed = type === 0x4000 || type === 0x8000 ? 'ACCESS_VIOLATION' : 'INVALID_PARAMETER_4';
      expect([type, statusOf('NtFreeVirtualMemory', 0xffffffff, 0, 0, type)]).toEqual([type, freed]);
      const locked = type > 0 && type < 4 ? 'ACCESS_VIOLATION' : 'INVALID_PARAMETER';
      expect([type, statusOf('NtLockVirtualMemory', 0xffffffff, 0, 0, type)]).toEqual([type, locked]);
      expect([type, statusOf('NtUnlockVirtualMemory', 0xffffffff, 0, 0, type)]).toEqual([type, locked]);
    }
  });

  it('of view types', () => {
    for (const type of combinations([0x1000, 0x2000, 0x100000, 0x200000, 0x400000, 0x20000000, 0x40000000])) {
      const expected = (type & ~VIEW_TYPES) === 0 ? 'ACCESS_VIOLATION' : 'INVALID_PARAMETER_9';
      expect([type, statusOf('NtMapViewOfSection', 0, 0, 0, 0, 0, 0, 0, 1, type, 4)]).toEqual([type, expected]);
    }
  });
});
