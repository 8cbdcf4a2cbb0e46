import { describe, expect, it } from 'vitest';
import { checkCreateParameters } from '../../kernel/io/create-file.js';
import { Status } from '../../kernel/ntstatus.js';
import { DATA } from './bare-process.js';
import {
  type Call,
  type Choice,
  choices,
  ParameterMachine,
  pointers,
  probe,
  type ServiceModel,
} from './service-parameters.js';

/**
 * The order in which the file services look at their parameters (IopXxx of NT 5.2): each pair of wrong parameters shows which of the two
 * is noticed first, and that nothing is changed by then.
 */

type StatusName = keyof typeof Status | null;
const { handles } = new ParameterMachine();
const { file, fileToRead, fileToWait, directory, closed, wrongType } = handles;

const value = (call: Call, name: string): number => call[name]?.value ?? 0;
const at = (call: Call, name: string, index = 0): number => call[name]?.at?.[index] ?? 0;
const first = (...checks: readonly (StatusName | false)[]): StatusName => {
  for (const check of checks) if (check !== null && check !== false) return check;
  return null;
};

const files = choices(file, closed, 0, 0xffffffff, wrongType, fileToRead, fileToWait, directory);
const iosb = { iosb: pointers(0x60, [0, 0]) };
const events = { event: choices(0, closed, wrongType), apc: choices(0), context: choices(0) };
const READ = 1;
const WRITE = 2;
const ATTRIBUTES = 0x80;

/** What a file handle is worth to a service that needs one of these rights; 0: none. */
function fileStatus(call: Call, rights: number): StatusName {
  const handle = value(call, 'file');
  if (handle === closed || handle === 0) return 'INVALID_HANDLE';
  // The pseudo handle of the process is an object of another type.
  if (handle === wrongType || handle === 0xffffffff) return 'OBJECT_TYPE_MISMATCH';
  const granted = handle === fileToWait ? 0x100000 : handle === fileToRead ? 0x120089 : 0x1f01ff;
  return rights !== 0 && (granted & rights) === 0 ? 'ACCESS_DENIED' : null;
}

function eventStatus(call: Call): StatusName {
  const event = value(call, 'event');
  if (event === 0) return null;
  return event === closed ? 'INVALID_HANDLE' : 'OBJECT_TYPE_MISMATCH';
}

const iosbStatus = (call: Call): StatusName => probe(value(call, 'iosb'), 8, 4, 'write');
const optionalStatus = (call: Call, name: string, size: number): StatusName =>
  value(call, name) === 0 ? null : probe(value(call, name), size, 4, 'read');
const isDirectory = (call: Call): boolean => value(call, 'file') === directory;

/** NtReadFile and NtWriteFile: the handle first, then memory in the order of the parameters' use, then the event. */
function transfer(name: string, rights: number, access: 'read' | 'write'): ServiceModel {
  return {
    name,
    parameters: {
      file: files,
      ...events,
      ...iosb,
      buffer: pointers(0x100, [0x62626262, 0x62626262]).filter((_, index) => [0, 4, 6, 7].includes(index)),
      length: choices(8, 0, 0xffffffff),
      offset: [
        { value: 0 },
        ...pointers(0x80, [0, 0]).filter((_, index) => [0, 1, 4].includes(index)),
        { value: DATA + 0x90, at: [0, 0x80000000] },
      ],
      key: [{ value: 0 }, { value: DATA + 0xa1 }, { value: 0x80001000 }],
    },
    outputs: ['iosb', 'buffer'],
    status: (call) =>
      first(
        fileStatus(call, rights),
        iosbStatus(call),
        probe(value(call, 'buffer'), value(call, 'length'), 1, access),
        optionalStatus(call, 'offset', 8),
        optionalStatus(call, 'key', 4),
        eventStatus(call),
        isDirectory(call) && 'INVALID_DEVICE_REQUEST',
        at(call, 'offset', 1) === 0x80000000 && 'INVALID_PARAMETER',
      ),
  };
}

function lock(name: string, isLock: boolean): ServiceModel {
  const ranges = { offset: pointers(0x80, [0, 0]), length: pointers(0x90, [16, 0]), key: choices(0, 1) };
  return {
    name,
    parameters: isLock
      ? { file: files, ...events, ...iosb, ...ranges, failImmediately: choices(1), exclusive: choices(1, 0) }
      : { file: files, ...iosb, ...ranges },
    outputs: ['iosb'],
    status: (call) =>
      first(
        fileStatus(call, READ | WRITE),
        iosbStatus(call),
        probe(value(call, 'offset'), 8, 4, 'read'),
        probe(value(call, 'length'), 8, 4, 'read'),
        isLock && eventStatus(call),
        isDirectory(call) && 'INVALID_PARAMETER',
        !isLock && 'RANGE_NOT_LOCKED',
      ),
  };
}

const queryInformation: ServiceModel = {
  name: 'NtQueryInformationFile',
  parameters: {
    file: files,
    ...iosb,
    buffer: pointers(0x100, []),
    length: choices(0x40, 24, 8, 4, 0),
    informationClass: choices(5, 4, 14, 0, 1, 13, 99, 0xffffffff),
  },
  outputs: ['iosb', 'buffer'],
  status: (call) => {
    const size = new Map([
      [5, 24],
      [4, 40],
      [14, 8],
    ]).get(value(call, 'informationClass'));
    return first(
      size === undefined && 'INVALID_INFO_CLASS',
      value(call, 'length') < (size ?? 0) && 'INFO_LENGTH_MISMATCH',
      iosbStatus(call),
      probe(value(call, 'buffer'), value(call, 'length'), 4, 'write'),
      fileStatus(call, value(call, 'informationClass') === 4 ? ATTRIBUTES : 0),
    );
  },
};

const setInformation: ServiceModel = {
  name: 'NtSetInformationFile',
  parameters: {
    file: files,
    ...iosb,
    buffer: pointers(0x100, [0x2000, 0]),
    length: choices(8, 4, 0),
    informationClass: choices(14, 20, 0, 5, 9, 99),
  },
  outputs: ['iosb'],
  status: (call) =>
    first(
      ![14, 20].includes(value(call, 'informationClass')) && 'INVALID_INFO_CLASS',
      value(call, 'length') < 8 && 'INFO_LENGTH_MISMATCH',
      iosbStatus(call),
      probe(value(call, 'buffer'), value(call, 'length'), 4, 'read'),
      fileStatus(call, value(call, 'informationClass') === 20 ? WRITE : 0),
      value(call, 'informationClass') === 20 && isDirectory(call) && 'INVALID_PARAMETER',
    ),
};

const queryDirectory: ServiceModel = {
  name: 'NtQueryDirectoryFile',
  parameters: {
    file: [...choices(directory), ...files.slice(0, -1)],
    ...events,
    ...iosb,
    buffer: pointers(0x100, []),
    length: choices(0x80, 12, 11, 0),
    informationClass: choices(12, 0, 4, 99),
    single: choices(1),
    name: [{ value: 0 }, ...pointers(0xa0, [0, 0]).slice(1)],
    restart: choices(1, 0),
  },
  outputs: ['iosb', 'buffer'],
  status: (call) =>
    first(
      value(call, 'informationClass') !== 12 && 'INVALID_INFO_CLASS',
      value(call, 'length') < 12 && 'INFO_LENGTH_MISMATCH',
      iosbStatus(call),
      probe(value(call, 'buffer'), value(call, 'length'), 4, 'write'),
      optionalStatus(call, 'name', 8),
      fileStatus(call, READ),
      eventStatus(call),
      !isDirectory(call) && 'INVALID_PARAMETER',
    ),
};

const queryVolume: ServiceModel = {
  name: 'NtQueryVolumeInformationFile',
  parameters: {
    file: files,
    ...iosb,
    buffer: pointers(0x100, []),
    length: choices(0x20, 8, 7, 0),
    informationClass: choices(4, 3, 0, 2, 99),
  },
  outputs: ['iosb', 'buffer'],
  status: (call) => {
    const size = new Map([
      [4, 8],
      [3, 24],
    ]).get(value(call, 'informationClass'));
    return first(
      size === undefined && 'INVALID_INFO_CLASS',
      value(call, 'length') < (size ?? 0) && 'INFO_LENGTH_MISMATCH',
      iosbStatus(call),
      probe(value(call, 'buffer'), value(call, 'length'), 4, 'write'),
      fileStatus(call, 0),
    );
  },
};

/** Control codes: bits 14 and 15 ask for the right to read and write data. */
function control(name: string): ServiceModel {
  return {
    name,
    parameters: {
      file: files,
      ...events,
      ...iosb,
      code: choices(0x90000, 0x94000, 0x98000, 0xffffffff, 0),
      input: [{ value: 0 }, ...pointers(0x80, [0, 0])],
      inputLength: choices(8, 0),
      output: [{ value: 0 }, ...pointers(0x100, [0, 0])],
      outputLength: choices(8, 0),
    },
    outputs: ['iosb', 'output'],
    status: (call) => {
      const rights = (value(call, 'code') >>> 14) & 3;
      const length = (buffer: string) => (value(call, buffer) === 0 ? 0 : value(call, `${buffer}Length`));
      return first(
        iosbStatus(call),
        probe(value(call, 'output'), length('output'), 1, 'write'),
        probe(value(call, 'input'), length('input'), 1, 'read'),
        fileStatus(call, 0),
        (rights & READ) !== 0 && fileStatus(call, READ),
        (rights & WRITE) !== 0 && fileStatus(call, WRITE),
        eventStatus(call),
        'INVALID_DEVICE_REQUEST',
      );
    },
  };
}

const flush: ServiceModel = {
  name: 'NtFlushBuffersFile',
  parameters: { file: files, ...iosb },
  outputs: ['iosb'],
  status: (call) => first(iosbStatus(call), fileStatus(call, WRITE)),
};

const cancel: ServiceModel = {
  name: 'NtCancelIoFile',
  parameters: { file: files, ...iosb },
  outputs: ['iosb'],
  status: (call) => first(iosbStatus(call), fileStatus(call, 0)),
};

const attributes: readonly Choice[] = [
  ...pointers(0x40, [0x18, 0, 0, 0x40, 0, 0]),
  { value: DATA + 0x40, at: [0x17, 0, 0, 0x40, 0, 0] },
  { value: DATA + 0x40, at: [0x18, 0, 0, 0x8040, 0, 0] },
  { value: DATA + 0x40, at: [0x18, 0, DATA + 0x58, 0x40, 0, 0, 3 | (3 << 16), DATA + 0x58] },
];
/** Attributes without a name lead nowhere; those with one have a name of one and a half characters. */
const attributesStatus = (call: Call): StatusName =>
  first(
    value(call, 'attributes') === 0 && 'INVALID_PARAMETER',
    probe(value(call, 'attributes'), 0x18, 4, 'read'),
    at(call, 'attributes') !== 0x18 && 'INVALID_PARAMETER',
    at(call, 'attributes', 3) === 0x8040 && 'INVALID_PARAMETER',
    at(call, 'attributes', 2) !== 0 && 'OBJECT_NAME_INVALID',
    'OBJECT_PATH_SYNTAX_BAD',
  );

const create: ServiceModel = {
  name: 'NtCreateFile',
  parameters: {
    handle: pointers(0, [0]),
    access: choices(0x120089, 0x80000000),
    attributes,
    ...iosb,
    allocation: [{ value: 0 }, ...pointers(0x80, [0, 0]).slice(1), { value: DATA + 0x80, at: [0, 0x80000000] }],
    fileAttributes: choices(0x80, 0x8000),
    share: choices(7, 8),
    disposition: choices(1, 6, 0xffffffff),
    options: choices(0x20, 0x30, 0x1020, 0x1000000),
    eaBuffer: [{ value: 0 }, ...pointers(0x100, [0, 0])],
    eaLength: choices(0, 8),
  },
  status: (call) =>
    first(
      value(call, 'access') === 0x80000000 && 'INVALID_PARAMETER',
      value(call, 'fileAttributes') !== 0x80 && 'INVALID_PARAMETER',
      value(call, 'share') !== 7 && 'INVALID_PARAMETER',
      value(call, 'disposition') !== 1 && 'INVALID_PARAMETER',
      value(call, 'options') !== 0x20 && 'INVALID_PARAMETER',
      probe(value(call, 'handle'), 4, 1, 'write'),
      iosbStatus(call),
      optionalStatus(call, 'allocation', 8),
      value(call, 'eaBuffer') !== 0 && probe(value(call, 'eaBuffer'), value(call, 'eaLength'), 4, 'read'),
      at(call, 'allocation', 1) === 0x80000000 && 'INVALID_PARAMETER',
      attributesStatus(call),
    ),
};

const open: ServiceModel = {
  name: 'NtOpenFile',
  parameters: {
    handle: pointers(0, [0]),
    access: choices(0x120089, 0x80000000),
    attributes,
    ...iosb,
    share: choices(7, 8),
    options: choices(0x20, 0x30, 0x1020, 0x1000000),
  },
  status: (call) =>
    first(
      value(call, 'access') === 0x80000000 && 'INVALID_PARAMETER',
      value(call, 'share') !== 7 && 'INVALID_PARAMETER',
      value(call, 'options') !== 0x20 && 'INVALID_PARAMETER',
      probe(value(call, 'handle'), 4, 1, 'write'),
      iosbStatus(call),
      attributesStatus(call),
    ),
};

/** A server's end: what pipes need of the parameters of NtCreateFile, and of their own. */
const createPipe: ServiceModel = {
  name: 'NtCreateNamedPipeFile',
  parameters: {
    handle: pointers(0, [0]),
    access: choices(0x120089, 0x80000000),
    attributes,
    ...iosb,
    share: choices(3, 4, 8),
    disposition: choices(2, 0, 4, 0xffffffff),
    options: choices(0x20, 0x30, 0x60, 0x1000000),
    type: choices(0, 2),
    readMode: choices(0, 1),
    completionMode: choices(0, 2),
    instances: choices(1),
    inbound: choices(0),
    outbound: choices(0),
    timeout: [
      ...pointers(0x80, [0xffffffff, 0xffffffff]).filter((_, index) => [0, 1, 4].includes(index)),
      { value: 0 },
    ],
  },
  status: (call) =>
    first(
      optionalStatus(call, 'timeout', 8),
      value(call, 'access') === 0x80000000 && 'INVALID_PARAMETER',
      value(call, 'share') !== 3 && 'INVALID_PARAMETER',
      value(call, 'disposition') !== 2 && 'INVALID_PARAMETER',
      value(call, 'options') !== 0x20 && 'INVALID_PARAMETER',
      // Bytes are not read as messages.
      value(call, 'readMode') > value(call, 'type') && 'INVALID_PARAMETER',
      (value(call, 'type') === 2 || value(call, 'completionMode') === 2) && 'INVALID_PARAMETER',
      probe(value(call, 'handle'), 4, 1, 'write'),
      iosbStatus(call),
      attributesStatus(call),
    ),
};

const remove: ServiceModel = { name: 'NtDeleteFile', parameters: { attributes }, status: attributesStatus };

function queryByName(name: string, size: number): ServiceModel {
  return {
    name,
    parameters: { attributes, buffer: pointers(0x100, []) },
    outputs: ['buffer'],
    status: (call) => first(probe(value(call, 'buffer'), size, 4, 'write'), attributesStatus(call)),
  };
}

/** Only labels could be set, which volumes of the host keep. */
const setVolume: ServiceModel = {
  name: 'NtSetVolumeInformationFile',
  parameters: {
    file: files,
    ...iosb,
    buffer: pointers(0x100, [0]),
    length: choices(8, 3, 0),
    informationClass: choices(2, 1, 0, 6, 99),
  },
  outputs: ['iosb'],
  status: (call) =>
    first(
      value(call, 'informationClass') !== 2 && 'INVALID_INFO_CLASS',
      value(call, 'length') < 8 && 'INFO_LENGTH_MISMATCH',
      iosbStatus(call),
      probe(value(call, 'buffer'), value(call, 'length'), 4, 'read'),
      fileStatus(call, WRITE),
      'ACCESS_DENIED',
    ),
};

describe('file services notice wrong parameters in the documented order, and change nothing', () => {
  const models = [
    transfer('NtReadFile', READ, 'write'),
    transfer('NtWriteFile', WRITE, 'read'),
    lock('NtLockFile', true),
    lock('NtUnlockFile', false),
    queryInformation,
    setInformation,
    queryDirectory,
    queryVolume,
    control('NtDeviceIoControlFile'),
    control('NtFsControlFile'),
    flush,
    cancel,
    create,
    open,
    createPipe,
    remove,
    queryByName('NtQueryAttributesFile', 40),
    queryByName('NtQueryFullAttributesFile', 56),
    setVolume,
  ];
  it.each(models.map((model) => [model.name, model] as const))('%s', (_name, model) => ParameterMachine.check(model));
});

describe('the flags of NtCreateFile', () => {
  const request = { desiredAccess: 0x120089, fileAttributes: 0x80, shareAccess: 7, disposition: 1, options: 0x20 };
  const permits = (changes: Partial<typeof request>): boolean =>
    checkCreateParameters({ ...request, ...changes }) === Status.SUCCESS;
  const bits = Array.from({ length: 32 }, (_, bit) => (1 << bit) >>> 0);
  const allowed = (test: (bit: number) => boolean): number => bits.filter(test).reduce((sum, bit) => sum + bit, 0);

  it.each([
    ['an attribute', 0x7fb7, allowed((bit) => permits({ fileAttributes: bit }))],
    ['sharing', 7, allowed((bit) => permits({ shareAccess: bit }))],
    ['an option alone', 0xffffff - 0x1000, allowed((bit) => permits({ options: bit }))],
    [
      'an option with the right to delete',
      0xffffff,
      allowed((bit) => permits({ options: bit, desiredAccess: 0x130089 })),
    ],
    // DIRECTORY_FILE: synchronous, write through, oplocks, delete, by number, backup, no compression, reparse points, no recall, space.
    [
      'an option beside DIRECTORY_FILE',
      0xe0f133,
      allowed((bit) => permits({ options: bit | 1, desiredAccess: 0x130089 })),
    ],
    ['an option beside both kinds of synchronous', 0, allowed((bit) => permits({ options: bit | 0x30 }))],
    // NON_DIRECTORY_FILE too.
    [
      'a right with NO_INTERMEDIATE_BUFFERING',
      0xfffffffb,
      allowed((bit) => permits({ options: 8, desiredAccess: bit })),
    ],
    ['a right for a synchronous file', 0x100000, allowed((bit) => permits({ desiredAccess: bit }))],
    ['a right for deleting on close', 0x10000, allowed((bit) => permits({ options: 0x1000, desiredAccess: bit }))],
  ])('%s: %s', (_what, expected, found) => {
    expect(found.toString(16)).toBe(expected.toString(16));
  });

  it.each([
    ['a file', 0x20, [0, 1, 2, 3, 4, 5]],
    ['a directory', 0x21, [1, 2, 3]],
  ])('%s: dispositions', (_what, options, dispositions) => {
    const found = [0, 1, 2, 3, 4, 5, 6, 7, 0xffffffff].filter((disposition) => permits({ options, disposition }));
    expect(found).toEqual(dispositions);
  });
});
