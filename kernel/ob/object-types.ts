import type { DeviceBody } from '../io/device.js';
import type { FileObject } from '../io/file-object.js';
import type { IoCompletion } from '../io/io-completion.js';
import type { KEvent, KMutant, KSemaphore, KTimer } from '../ke/dispatcher-object.js';
import type { Section } from '../mm/segment.js';
import type { Job } from '../ps/job.js';
import type { EProcess } from '../ps/process.js';
import type { EThread } from '../ps/thread.js';
import type { Token } from '../se/token.js';
import type { GenericMapping } from './access-mask.js';
import type { DirectoryBody, SymbolicLinkBody } from './directory.js';
import { ObjectType, type ObjectTypeDescription } from './object-type.js';

const READ_CONTROL = 0x20000;
const SYNCHRONIZE = 0x100000;
const REQUIRED = 0xf0000;
/** Types whose own rights are to query and to modify state: events, semaphores, timers, completion ports. */
const QUERY_AND_MODIFY: GenericMapping = {
  read: READ_CONTROL | 1,
  write: READ_CONTROL | 2,
  execute: READ_CONTROL | SYNCHRONIZE,
  all: 0x1f0003,
};

/** The types of NT 5.2 that exist here, in the order in which the kernel makes them (nt52.md 12.2 for rights). */
const descriptions = {
  directory: {
    name: 'Directory',
    mapping: { read: READ_CONTROL | 3, write: READ_CONTROL | 0xc, execute: READ_CONTROL | 3, all: REQUIRED | 0xf },
    validAccess: REQUIRED | 0xf,
    tag: 'Dire',
    bodySize: 0xa0,
    paged: true,
    securityRequired: true,
  },
  symbolicLink: {
    name: 'SymbolicLink',
    mapping: { read: READ_CONTROL | 1, write: READ_CONTROL, execute: READ_CONTROL | 1, all: REQUIRED | 1 },
    validAccess: REQUIRED | 1,
    tag: 'Symb',
    bodySize: 0x20,
    paged: true,
    securityRequired: true,
  },
  token: {
    name: 'Token',
    mapping: { read: READ_CONTROL | 8, write: READ_CONTROL | 0xe0, execute: READ_CONTROL, all: REQUIRED | 0x1ff },
    validAccess: REQUIRED | 0x1ff,
    tag: 'Toke',
    bodySize: 0x88,
    paged: true,
    securityRequired: true,
  },
  process: {
    name: 'Process',
    mapping: {
      read: READ_CONTROL | 0x410,
      write: READ_CONTROL | 0xbea,
      execute: READ_CONTROL | SYNCHRONIZE | 1,
      all: 0x1f0fff,
    },
    validAccess: 0x1f0fff,
    tag: 'Proc',
    bodySize: 0x278,
    paged: false,
    securityRequired: true,
  },
  thread: {
    name: 'Thread',
    mapping: {
      read: READ_CONTROL | 0x48,
      write: READ_CONTROL | 0x37,
      execute: READ_CONTROL | SYNCHRONIZE,
      all: 0x1f03ff,
    },
    validAccess: 0x1f03ff,
    tag: 'Thre',
    bodySize: 0x250,
    paged: false,
    securityRequired: true,
  },
  event: {
    name: 'Event',
    mapping: QUERY_AND_MODIFY,
    validAccess: 0x1f0003,
    tag: 'Even',
    bodySize: 0x10,
    paged: false,
  },
  mutant: {
    name: 'Mutant',
    mapping: { read: READ_CONTROL | 1, write: READ_CONTROL, execute: READ_CONTROL | SYNCHRONIZE, all: 0x1f0001 },
    validAccess: 0x1f0001,
    tag: 'Muta',
    bodySize: 0x20,
    paged: false,
  },
  semaphore: {
    name: 'Semaphore',
    mapping: QUERY_AND_MODIFY,
    validAccess: 0x1f0003,
    tag: 'Sema',
    bodySize: 0x14,
    paged: false,
  },
  timer: {
    name: 'Timer',
    mapping: QUERY_AND_MODIFY,
    validAccess: 0x1f0003,
    tag: 'Time',
    bodySize: 0x98,
    paged: false,
  },
  keyedEvent: {
    name: 'KeyedEvent',
    mapping: { read: READ_CONTROL | 1, write: READ_CONTROL | 2, execute: READ_CONTROL, all: REQUIRED | 3 },
    validAccess: REQUIRED | 3,
    tag: 'Keye',
    bodySize: 0x110,
    paged: true,
  },
  section: {
    name: 'Section',
    mapping: { read: READ_CONTROL | 5, write: READ_CONTROL | 2, execute: READ_CONTROL | 8, all: 0xf001f },
    validAccess: 0x1f001f,
    tag: 'Sect',
    bodySize: 0x28,
    paged: true,
  },
  device: {
    name: 'Device',
    mapping: { read: 0x120089, write: 0x120116, execute: 0x1200a0, all: 0x1f01ff },
    validAccess: 0x1f01ff,
    tag: 'Devi',
    bodySize: 0xb8,
    paged: false,
    securityRequired: true,
  },
  file: {
    name: 'File',
    mapping: { read: 0x120089, write: 0x120116, execute: 0x1200a0, all: 0x1f01ff },
    validAccess: 0x1f01ff,
    tag: 'File',
    bodySize: 0x70,
    paged: false,
  },
  ioCompletion: {
    name: 'IoCompletion',
    mapping: QUERY_AND_MODIFY,
    validAccess: 0x1f0003,
    tag: 'IoCo',
    bodySize: 0x28,
    paged: false,
  },
  job: {
    name: 'Job',
    mapping: { read: READ_CONTROL | 4, write: READ_CONTROL | 0xb, execute: READ_CONTROL | SYNCHRONIZE, all: 0x1f001f },
    validAccess: 0x1f001f,
    tag: 'Job ',
    bodySize: 0x188,
    paged: false,
  },
} as const satisfies Record<string, ObjectTypeDescription>;

/** All object types of a machine, each with the TypeScript class of its bodies. */
export interface ObjectTypes {
  readonly directory: ObjectType<DirectoryBody>;
  readonly symbolicLink: ObjectType<SymbolicLinkBody>;
  readonly token: ObjectType<Token>;
  readonly process: ObjectType<EProcess>;
  readonly thread: ObjectType<EThread>;
  readonly event: ObjectType<KEvent>;
  readonly mutant: ObjectType<KMutant>;
  readonly semaphore: ObjectType<KSemaphore>;
  readonly timer: ObjectType<KTimer>;
  readonly keyedEvent: ObjectType<object>;
  readonly section: ObjectType<Section>;
  readonly device: ObjectType<DeviceBody>;
  readonly file: ObjectType<FileObject>;
  readonly ioCompletion: ObjectType<IoCompletion>;
  readonly job: ObjectType<Job>;
}

/** Makes the type objects of one machine. Index 1 is the type Type itself. */
export function createObjectTypes(): ObjectTypes {
  let index = 2;
  const make = <Body>(description: ObjectTypeDescription): ObjectType<Body> =>
    new ObjectType<Body>(description, index++);
  return {
    directory: make(descriptions.directory),
    symbolicLink: make(descriptions.symbolicLink),
    token: make(descriptions.token),
    process: make(descriptions.process),
    thread: make(descriptions.thread),
    event: make(descriptions.event),
    mutant: make(descriptions.mutant),
    semaphore: make(descriptions.semaphore),
    timer: make(descriptions.timer),
    keyedEvent: make(descriptions.keyedEvent),
    section: make(descriptions.section),
    device: make(descriptions.device),
    file: make(descriptions.file),
    ioCompletion: make(descriptions.ioCompletion),
    job: make(descriptions.job),
  };
}
