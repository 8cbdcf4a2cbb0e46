import { describe, it } from 'vitest';
import type { Status } from '../../kernel/ntstatus.js';
import { bootLayout } from '../boot-options.js';
import { DATA } from './bare-process.js';
import {
  type Call,
  type Choice,
  choices,
  handleStatus,
  ParameterMachine,
  pointers,
  probe,
  REGION,
  SECTION_SIZE,
  type ServiceModel,
} from './service-parameters.js';

/**
 * The order in which the section services look at their parameters once the handles are right, from nt52.md 8.4 and 8.5: each pair of
 * wrong parameters shows which of the two is noticed first.
 */

type StatusName = keyof typeof Status | null;
const HIGHEST_USER = bootLayout.highestUserAddress;
const HIGHEST_VAD = bootLayout.highestVadAddress;
const FREE_PLACE = 0x0100_0000;
const VIEW_TYPES = 0x60502000;

const { handles } = new ParameterMachine();
const { section, sectionToQuery, readOnlySection, closed, wrongType, self } = handles;

const value = (call: Call, name: string): number => call[name]?.value ?? 0;
const low = (call: Call, name: string): number => call[name]?.at?.[0] ?? 0;
const high = (call: Call, name: string): number => call[name]?.at?.[1] ?? 0;
/** The first check that says something. */
const first = (...checks: readonly (StatusName | false)[]): StatusName => {
  for (const check of checks) if (check !== null && check !== false) return check;
  return null;
};
const good = (offset: number, ...at: readonly number[]): Choice => ({ value: DATA + offset, at });

/** What a section handle is worth to a service that asks for this access. */
function sectionStatus(handle: number, needsMore: boolean): StatusName {
  if (handle === closed || handle === 0) return 'INVALID_HANDLE';
  if (handle === wrongType) return 'OBJECT_TYPE_MISMATCH';
  return handle === sectionToQuery && needsMore ? 'ACCESS_DENIED' : null;
}

const mapView: ServiceModel = {
  name: 'NtMapViewOfSection',
  parameters: {
    section: choices(section, closed, 0, wrongType, sectionToQuery, readOnlySection),
    process: choices(self, closed, handles.underPrivileged, handles.terminated),
    base: [good(0, 0), good(0, FREE_PLACE), good(0, FREE_PLACE + 0x1000), good(0, REGION), good(0, 0x7ffe_0000)],
    zeroBits: choices(0, 22),
    commitSize: choices(0, 0x1000, 0x2_1000),
    offset: [
      { value: 0 },
      good(0x20, 0x1_0000, 0),
      good(0x20, 0x1000, 0),
      good(0x20, 0, 1),
      good(0x20, SECTION_SIZE, 0),
    ],
    size: [good(0x10, 0), good(0x10, 0x1000), good(0x10, SECTION_SIZE + 1), good(0x10, 0x8000_0000)],
    inherit: choices(1, 3),
    type: choices(0, 0x10_0000, 0x2000, 0x4000_0000, 0x1000),
    protection: choices(4, 2, 0x40, 0x404, 3),
  },
  status: (call, held) => {
    const [base, size, zeroBits] = [low(call, 'base'), low(call, 'size'), value(call, 'zeroBits')];
    const [type, protection, handle] = [value(call, 'type'), value(call, 'protection'), value(call, 'section')];
    const has = (bit: number) => (type & bit) !== 0;
    const offset = value(call, 'offset') === 0 ? 0 : high(call, 'offset') * 2 ** 32 + low(call, 'offset');
    const start = has(0x4000_0000) ? offset - (offset % 0x1000) : offset - (offset % 0x1_0000);
    const wanted = size === 0 ? SECTION_SIZE - start : size + offset - start;
    const allowed = handle === readOnlySection ? [1, 2, 8] : [1, 2, 4, 8, 0x404];
    const rounded = Math.ceil(wanted / 0x1000) * 0x1000;
    return first(
      zeroBits > 21 && 'INVALID_PARAMETER_4',
      ![1, 2].includes(value(call, 'inherit')) && 'INVALID_PARAMETER_8',
      (type & ~VIEW_TYPES) !== 0 && 'INVALID_PARAMETER_9',
      protection === 3 && 'INVALID_PAGE_PROTECTION',
      (base > HIGHEST_VAD || size > HIGHEST_VAD + 1 - base) && 'INVALID_PARAMETER_3',
      zeroBits !== 0 && base !== 0 && base + size > 0xffffffff >>> zeroBits && 'INVALID_PARAMETER_4',
      handleStatus(value(call, 'process'), held),
      sectionStatus(handle, true),
      !has(0x4000_0000) && (base % 0x1_0000 !== 0 || offset % 0x1_0000 !== 0) && 'MAPPED_ALIGNMENT',
      !allowed.includes(protection) && 'SECTION_PROTECTION',
      offset >= SECTION_SIZE && 'INVALID_VIEW_SIZE',
      start + wanted > SECTION_SIZE && !has(0x2000) && 'INVALID_VIEW_SIZE',
      value(call, 'commitSize') > rounded && 'INVALID_PARAMETER_5',
      has(0x2000) && handle === readOnlySection && 'SECTION_PROTECTION',
      protection === 0x404 && 'INVALID_PARAMETER_10',
      has(0x2000) && 'INVALID_PARAMETER_9',
      has(0x4000_0000) && base === 0 && 'INVALID_PARAMETER_3',
      base === REGION && 'CONFLICTING_ADDRESSES',
    );
  },
};

const query: ServiceModel = {
  name: 'NtQuerySection',
  parameters: {
    section: choices(section, closed, 0, wrongType, readOnlySection),
    informationClass: choices(0, 1, 2, 0xffffffff),
    buffer: pointers(0, []),
    length: choices(0x30, 0x10, 0xf, 0),
    returnLength: [{ value: 0 }, ...pointers(0x40, [])],
  },
  outputs: ['buffer', 'returnLength'],
  status: (call) => {
    const [informationClass, length] = [value(call, 'informationClass'), value(call, 'length')];
    const returnLength = value(call, 'returnLength');
    return first(
      probe(value(call, 'buffer'), length, 4, 'write'),
      returnLength !== 0 && probe(returnLength, 4, 1, 'write'),
      informationClass > 1 && 'INVALID_INFO_CLASS',
      length < (informationClass === 0 ? 0x10 : 0x30) && 'INFO_LENGTH_MISMATCH',
      sectionStatus(value(call, 'section'), false),
      informationClass === 1 && 'SECTION_NOT_IMAGE',
    );
  },
};

const extend: ServiceModel = {
  name: 'NtExtendSection',
  parameters: {
    section: choices(section, closed, 0, wrongType, sectionToQuery, readOnlySection),
    size: [...pointers(0, [0x4_0000, 0]), good(0, 0, 0), good(0, 0, 0x8000_0000), good(0, 0, 0x10_0000)],
  },
  status: (call) =>
    first(
      probe(value(call, 'size'), 8, 1, 'write'),
      sectionStatus(value(call, 'section'), true),
      // Of page-file memory, whatever is asked for.
      'SECTION_NOT_EXTENDED',
    ),
};

const open: ServiceModel = {
  name: 'NtOpenSection',
  parameters: {
    handle: pointers(0, [0]),
    access: choices(0xf001f, 4),
    attributes: [
      ...pointers(0x40, [0x18, 0, 0, 0x40, 0, 0]),
      good(0x40, 0x17, 0, 0, 0x40, 0, 0),
      good(0x40, 0x18, 0, 0, 0x8040, 0, 0),
    ],
  },
  status: (call) =>
    first(
      probe(value(call, 'handle'), 4, 1, 'write'),
      value(call, 'attributes') !== 0 && probe(value(call, 'attributes'), 0x18, 4, 'read'),
      value(call, 'attributes') !== 0 && low(call, 'attributes') !== 0x18 && 'INVALID_PARAMETER',
      call.attributes?.at?.[3] === 0x8040 && 'INVALID_PARAMETER',
      'OBJECT_PATH_SYNTAX_BAD',
    ),
};

const areTheSame: ServiceModel = {
  name: 'NtAreMappedFilesTheSame',
  parameters: {
    first: choices(REGION, 0, FREE_PLACE, 0x7fff_0000, 0x8000_0000, 0xffff_ffff),
    second: choices(REGION, 0, FREE_PLACE, 0x7fff_0000, 0x8000_0000, 0xffff_ffff),
  },
  status: (call) => {
    const isMemory = (name: string) => value(call, name) === REGION;
    return isMemory('first') && isMemory('second') ? 'CONFLICTING_ADDRESSES' : 'INVALID_ADDRESS';
  },
};

const unmap: ServiceModel = {
  name: 'NtUnmapViewOfSection',
  parameters: {
    process: choices(self, closed, wrongType, section, handles.underPrivileged, handles.terminated, handles.full),
    base: choices(REGION, 0, 0x1234, HIGHEST_USER, HIGHEST_USER + 1, bootLayout.systemRangeStart, 0xffff_ffff),
  },
  status: (call, held) =>
    first(
      value(call, 'base') > HIGHEST_USER && 'NOT_MAPPED_VIEW',
      handleStatus(value(call, 'process'), held),
      'NOT_MAPPED_VIEW',
    ),
};

describe('section services notice wrong parameters in the documented order, and change nothing', () => {
  it.each([mapView, query, extend, open, areTheSame, unmap].map((model) => [model.name, model] as const))(
    '%s',
    (_name, model) => ParameterMachine.check(model),
  );
});
