import { describe, expect, it, vi } from 'vitest';
import { type Status, statusName } from '../../kernel/ntstatus.js';
import { BareProcess, CODE, code, DATA } from './bare-process.js';
import {
  choices,
  handleStatus,
  ParameterMachine,
  pointers,
  probe,
  REGION,
  RESERVED,
  type ServiceModel,
} from './service-parameters.js';

/** As memory-service-parameters.test.ts: the order of checks, from nt52.md 8.5 and 9.6. */

type StatusName = keyof typeof Status | null;

const first = (...checks: readonly (StatusName | false)[]): StatusName => {
  for (const check of checks) if (check !== null && check !== false) return check;
  return null;
};

const { handles } = new ParameterMachine();
const { self, full, closed, wrongType, underPrivileged, terminated, section, sectionToQuery } = handles;

const models: readonly ServiceModel[] = [
  {
    name: 'NtExtendSection',
    parameters: {
      section: choices(section, sectionToQuery, self, full, closed, wrongType),
      size: [...pointers(0, [0x20000, 0]), { value: DATA, at: [0, 0] }, { value: DATA, at: [0xffffffff, 0xffffffff] }],
    },
    status: (call, held) => {
      const handle = call.section?.value ?? 0;
      return first(
        probe(call.size?.value ?? 0, 8, 1, 'write'),
        handle === held.closed && 'INVALID_HANDLE',
        handle !== held.section && handle !== held.sectionToQuery && 'OBJECT_TYPE_MISMATCH',
        handle === held.sectionToQuery && 'ACCESS_DENIED',
        // Page-file memory stays as large as it was made.
        'SECTION_NOT_EXTENDED',
      );
    },
  },
  {
    name: 'NtAreMappedFilesTheSame',
    parameters: {
      first: choices(CODE, REGION, RESERVED + 0xffff, 0, 0x7ffe0000, 0x80000000, 0xffffffff),
      second: choices(DATA, REGION + 1, 0x1000, 0x7fff0000, 0xc0000000, 0xffffffff),
    },
    status: (call) => {
      const isMemory = (address: number) =>
        [CODE, DATA, REGION, RESERVED].some((base) => address >= base && address < base + 0x10000);
      const both = isMemory(call.first?.value ?? 0) && isMemory(call.second?.value ?? 0);
      return both ? 'CONFLICTING_ADDRESSES' : 'INVALID_ADDRESS';
    },
  },
  {
    name: 'NtOpenSection',
    parameters: {
      handle: pointers(0, [0]),
      access: choices(0xf001f, 0, 0xffffffff),
      attributes: [
        // Length, root, name, attributes: a name that nobody has.
        { value: DATA + 0x40, at: [0x18, 0, DATA + 0x80, 0x40, 0, 0, 0, 0] },
        ...[DATA + 0x41, 0x80001000, 0xfffffffd].map((value) => ({ value })),
        { value: DATA + 0x40, at: [0x17, 0, DATA + 0x80, 0x40, 0, 0] },
        { value: DATA + 0x40, at: [0x18, 0, DATA + 0x80, 0x8000, 0, 0] },
      ],
    },
    status: (call) => {
      const { value = 0, at } = call.attributes ?? {};
      return first(
        probe(call.handle?.value ?? 0, 4, 1, 'write'),
        probe(value, 0x18, 4, 'read'),
        at?.[0] !== 0x18 && 'INVALID_PARAMETER',
        at?.[3] !== 0x40 && 'INVALID_PARAMETER',
        'OBJECT_PATH_SYNTAX_BAD',
      );
    },
  },
  {
    name: 'NtFlushInstructionCache',
    parameters: {
      process: choices(self, full, closed, wrongType, underPrivileged, terminated),
      base: choices(REGION, 0, 0x7fff0000, 0x80000000, 0xffffffff),
      length: choices(0x1000, 0, 0x7fffffff, 0x80000000, 0xffffffff),
    },
    status: (call, held) => {
      const [base, length] = [call.base?.value ?? 0, call.length?.value ?? 0];
      const leaves = base !== 0 && length !== 0 && base + length > 0x7fff0000;
      return first(leaves && 'ACCESS_VIOLATION', handleStatus(call.process?.value ?? 0, held));
    },
  },
];

describe('wrong parameters are noticed in the documented order, and nothing changes', () => {
  it.each(models.map((model) => [model.name, model] as const))('%s', (_name, model) => ParameterMachine.check(model));
});

describe('services that charge more than the limit', () => {
  it('wait for the dereference segment thread to make paging files bigger: sections, copies of views', () => {
    const MB = 1 << 20;
    const guest = new BareProcess(code('eb fe'), {
      memorySize: 16 * MB,
      pagingFiles: [{ size: 2 * MB, maximum: 512 * MB }],
    });
    const { mm, user } = guest.kernel;
    const asked = vi.spyOn(mm.dereference, 'requestAndNotify');
    const statuses: string[] = [];
    guest.inProcess(function* () {
      const call = function* (name: string, ...rest: number[]) {
        statuses.push(`${name} ${statusName(yield* guest.call(name, ...rest))} ${asked.mock.calls.length}`);
      };
      user.write32(DATA, 64 * MB);
      user.write32(DATA + 4, 0);
      yield* call('NtCreateSection', DATA + 8, 0xf001f, 0, DATA, 4, 0x8000000, 0);
      user.write32(DATA + 0x10, 0);
      user.write32(DATA + 0x14, 0);
      const handle = user.read32(DATA + 8);
      // PAGE_WRITECOPY: all pages are charged to the process.
      yield* call('NtMapViewOfSection', handle, 0xffffffff, DATA + 0x10, 0, 0, 0, DATA + 0x14, 2, 0, 8);
      yield* call('NtUnmapViewOfSection', 0xffffffff, user.read32(DATA + 0x10));
      yield* call('NtClose', handle);
    });
    expect(statuses).toEqual([
      'NtCreateSection STATUS_SUCCESS 1',
      'NtMapViewOfSection STATUS_SUCCESS 2',
      'NtUnmapViewOfSection STATUS_SUCCESS 2',
      'NtClose STATUS_SUCCESS 2',
    ]);
    expect(mm.verify()).toBeNull();
  });
});
