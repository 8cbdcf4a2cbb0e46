import { describe, expect, it } from 'vitest';
import { serviceList } from '../../kernel/ke/service-names.js';
import type { ObjectHeader } from '../../kernel/ob/object-header.js';
import { services } from '../../kernel/services.js';
import { BUFFER, Caller, HANDLE, NOWHERE, OUT, SELF, THREAD } from './security-caller.js';

/**
 * Every service that takes a handle, with handles that are closed, 0, of another type, and with every right but the one that is needed
 * (nt52.md 12.2). The other parameters are right.
 */

/** Types by which objects are made, and their names. */
const types = [
  'process',
  'thread',
  'token',
  'section',
  'event',
  'mutant',
  'semaphore',
  'timer',
  'keyedEvent',
  'directory',
  'symbolicLink',
  'ioCompletion',
  'job',
  'file',
] as const;
type TypeName = (typeof types)[number];
const RIGHTS: Readonly<Record<TypeName, number>> = {
  process: 0x1f0fff,
  thread: 0x1f03ff,
  token: 0xf01ff,
  section: 0xf001f,
  event: 0x1f0003,
  mutant: 0x1f0001,
  semaphore: 0x1f0003,
  timer: 0x1f0003,
  keyedEvent: 0xf0003,
  directory: 0xf000f,
  symbolicLink: 0xf0001,
  ioCompletion: 0x1f0003,
  job: 0x1f001f,
  file: 0x1f01ff,
};

/** Places of the parameters: what they point at is as the services want it. */
const [DWORD_OUT, QUAD, STATUS_BLOCK, SIZE, ATTRIBUTES, REGION] = [
  OUT,
  BUFFER + 0x500,
  BUFFER + 0x510,
  BUFFER + 0x520,
  BUFFER + 0x540,
  BUFFER + 0x560,
];
/** Stands for the handle in a list of parameters. */
const H = -1;
/** Stands for a job with all rights. */
const JOB = -2;
const SYNCHRONIZE = 0x100000;

/** Service, type of the object, rights it needs (0: none), its parameters with H. */
type Row = readonly [service: string, type: TypeName | 'any', needed: number, parameters: readonly number[]];
const memory = (service: string, needed: number, ...rest: readonly number[]): Row => [
  service,
  'process',
  needed,
  [H, ...rest],
];
const file = (service: string, needed: number, ...rest: readonly number[]): Row => [
  service,
  'file',
  needed,
  [H, ...rest],
];

const rows: readonly Row[] = [
  // Memory.
  memory('NtAllocateVirtualMemory', 8, REGION, 0, SIZE, 0x3000, 4),
  memory('NtFreeVirtualMemory', 8, REGION, SIZE, 0x8000),
  memory('NtProtectVirtualMemory', 8, REGION, SIZE, 4, DWORD_OUT),
  memory('NtQueryVirtualMemory', 0x400, 0, 0, BUFFER, 0x1c, 0),
  memory('NtLockVirtualMemory', 8, REGION, SIZE, 1),
  memory('NtUnlockVirtualMemory', 8, REGION, SIZE, 1),
  memory('NtReadVirtualMemory', 0x10, BUFFER, BUFFER, 4, 0),
  memory('NtWriteVirtualMemory', 0x20, BUFFER, BUFFER, 4, 0),
  memory('NtFlushVirtualMemory', 8, REGION, SIZE, STATUS_BLOCK),
  memory('NtFlushInstructionCache', 0x20, 0, 0),
  memory('NtGetWriteWatch', 8, 0, BUFFER, 0x1000, BUFFER, SIZE, DWORD_OUT),
  memory('NtResetWriteWatch', 8, BUFFER, 0x1000),
  memory('NtAllocateUserPhysicalPages', 8, SIZE, BUFFER),
  memory('NtFreeUserPhysicalPages', 8, SIZE, BUFFER),
  // Sections.
  memory('NtUnmapViewOfSection', 8, BUFFER),
  ['NtMapViewOfSection', 'section', 2, [H, SELF, REGION, 0, 0, 0, SIZE, 1, 0, 4]],
  ['NtMapViewOfSection', 'section', 4, [H, SELF, REGION, 0, 0, 0, SIZE, 1, 0, 2]],
  ['NtMapViewOfSection', 'section', 8, [H, SELF, REGION, 0, 0, 0, SIZE, 1, 0, 0x10]],
  ['NtExtendSection', 'section', 0x10, [H, QUAD]],
  ['NtQuerySection', 'section', 1, [H, 0, BUFFER, 0x10, 0]],
  ['NtCreateSection', 'file', 1, [HANDLE, 0xf001f, 0, 0, 2, 0x8000000, H]],
  ['NtCreateSection', 'file', 2, [HANDLE, 0xf001f, 0, 0, 4, 0x8000000, H]],
  ['NtCreateSection', 'file', 0x20, [HANDLE, 0xf001f, 0, 0, 0x10, 0x1000000, H]],
  // Processes and threads.
  ['NtCreateProcessEx', 'process', 0x80, [HANDLE, 0x1f0fff, 0, H, 0, 0, 0, 0, 0]],
  ['NtCreateProcessEx', 'section', 8, [HANDLE, 0x1f0fff, 0, SELF, 0, H, 0, 0, 0]],
  ['NtCreateProcess', 'process', 0x80, [HANDLE, 0x1f0fff, 0, H, 0, 0, 0, 0]],
  ['NtTerminateProcess', 'process', 1, [H, 0]],
  ['NtSuspendProcess', 'process', 0x800, [H]],
  ['NtResumeProcess', 'process', 0x800, [H]],
  ['NtQueryInformationProcess', 'process', 0x400, [H, 0, BUFFER, 0x18, 0]],
  ['NtSetInformationProcess', 'process', 0x200, [H, 22, BUFFER, 4]],
  ['NtCreateThread', 'process', 2, [HANDLE, 0x1f03ff, 0, H, 0, BUFFER, BUFFER, 1]],
  ['NtTerminateThread', 'thread', 1, [H, 0]],
  ['NtSuspendThread', 'thread', 2, [H, 0]],
  ['NtResumeThread', 'thread', 2, [H, 0]],
  ['NtGetContextThread', 'thread', 8, [H, BUFFER]],
  ['NtSetContextThread', 'thread', 0x10, [H, BUFFER]],
  ['NtQueryInformationThread', 'thread', 0x40, [H, 0, BUFFER, 0x1c, 0]],
  ['NtSetInformationThread', 'thread', 0x20, [H, 2, BUFFER, 4]],
  ['NtSetInformationThread', 'thread', 0x80, [H, 5, BUFFER, 4]],
  ['NtQueueApcThread', 'thread', 0x10, [H, 0, 0, 0, 0]],
  ['NtAlertThread', 'thread', 4, [H]],
  ['NtAlertResumeThread', 'thread', 2, [H, 0]],
  ['NtImpersonateThread', 'thread', 0x200, [H, THREAD, ATTRIBUTES]],
  ['NtImpersonateThread', 'thread', 0x100, [THREAD, H, ATTRIBUTES]],
  ['NtImpersonateAnonymousToken', 'thread', 0x100, [H]],
  // Jobs.
  ['NtAssignProcessToJobObject', 'job', 1, [H, SELF]],
  ['NtAssignProcessToJobObject', 'process', 0x101, [JOB, H]],
  ['NtTerminateJobObject', 'job', 8, [H, 0]],
  ['NtIsProcessInJob', 'process', 0x400, [H, 0]],
  ['NtQueryInformationJobObject', 'job', 4, [H, 2, BUFFER, 0x30, 0]],
  ['NtSetInformationJobObject', 'job', 2, [H, 2, BUFFER, 0x30]],
  // Tokens.
  ['NtOpenProcessToken', 'process', 0x400, [H, 8, HANDLE]],
  ['NtOpenProcessTokenEx', 'process', 0x400, [H, 8, 0, HANDLE]],
  ['NtOpenThreadToken', 'thread', 0x40, [H, 8, 0, HANDLE]],
  ['NtOpenThreadTokenEx', 'thread', 0x40, [H, 8, 0, 0, HANDLE]],
  ['NtQueryInformationToken', 'token', 8, [H, 1, BUFFER, 0x100, DWORD_OUT]],
  ['NtQueryInformationToken', 'token', 0x10, [H, 7, BUFFER, 0x100, DWORD_OUT]],
  ['NtSetInformationToken', 'token', 0x80, [H, 6, BUFFER, 4]],
  ['NtAdjustPrivilegesToken', 'token', 0x20, [H, 1, 0, 0, 0, 0]],
  ['NtAdjustGroupsToken', 'token', 0x40, [H, 1, 0, 0, 0, 0]],
  ['NtDuplicateToken', 'token', 2, [H, 0, 0, 0, 1, HANDLE]],
  ['NtFilterToken', 'token', 2, [H, 0, 0, 0, 0, HANDLE]],
  ['NtCompareTokens', 'token', 8, [H, H, DWORD_OUT]],
  ['NtPrivilegeCheck', 'token', 8, [H, BUFFER, DWORD_OUT]],
  ['NtAccessCheck', 'token', 8, [BUFFER, H, 1, BUFFER, BUFFER, SIZE, OUT, OUT]],
  ['NtAccessCheckByType', 'token', 8, [BUFFER, 0, H, 1, 0, 0, BUFFER, BUFFER, SIZE, OUT, OUT]],
  ['NtAccessCheckByTypeResultList', 'token', 8, [BUFFER, 0, H, 1, BUFFER, 1, BUFFER, BUFFER, SIZE, OUT, OUT]],
  ['NtOpenObjectAuditAlarm', 'token', 8, [0, 0, 0, 0, 0, H, 0, 0, 0, 0, 0, OUT]],
  ['NtPrivilegedServiceAuditAlarm', 'token', 8, [0, 0, H, BUFFER, 0]],
  ['NtPrivilegeObjectAuditAlarm', 'token', 8, [0, 0, H, 0, BUFFER, 0]],
  [
    'NtAccessCheckByTypeResultListAndAuditAlarmByHandle',
    'token',
    8,
    [0, 0, H, 0, 0, BUFFER, 0, 1, 0, 0, BUFFER, 1, BUFFER, 0, OUT, OUT, OUT],
  ],
  // Objects of all types.
  ['NtClose', 'any', 0, [H]],
  ['NtDuplicateObject', 'process', 0x40, [H, SELF, SELF, HANDLE, 0, 0, 2]],
  ['NtDuplicateObject', 'process', 0x40, [SELF, SELF, H, HANDLE, 0, 0, 2]],
  ['NtDuplicateObject', 'any', 0, [SELF, H, SELF, HANDLE, 0, 0, 2]],
  ['NtQueryObject', 'any', 0, [H, 0, BUFFER, 0x38, 0]],
  ['NtSetInformationObject', 'any', 0, [H, 4, BUFFER, 2]],
  ['NtMakeTemporaryObject', 'any', 0x10000, [H]],
  ['NtMakePermanentObject', 'any', 0, [H]],
  ['NtQuerySecurityObject', 'any', 0x20000, [H, 4, BUFFER, 0x100, OUT]],
  ['NtSetSecurityObject', 'any', 0x40000, [H, 4, ATTRIBUTES]],
  ['NtQueryDirectoryObject', 'directory', 1, [H, BUFFER, 0x100, 1, 1, DWORD_OUT, 0]],
  ['NtQuerySymbolicLinkObject', 'symbolicLink', 1, [H, ATTRIBUTES, 0]],
  // Synchronization.
  ['NtSetEvent', 'event', 2, [H, 0]],
  ['NtResetEvent', 'event', 2, [H, 0]],
  ['NtPulseEvent', 'event', 2, [H, 0]],
  ['NtClearEvent', 'event', 2, [H]],
  ['NtSetEventBoostPriority', 'event', 2, [H]],
  ['NtQueryEvent', 'event', 1, [H, 0, BUFFER, 8, 0]],
  ['NtReleaseMutant', 'mutant', 0, [H, 0]],
  ['NtQueryMutant', 'mutant', 1, [H, 0, BUFFER, 8, 0]],
  ['NtReleaseSemaphore', 'semaphore', 2, [H, 1, 0]],
  ['NtQuerySemaphore', 'semaphore', 1, [H, 0, BUFFER, 8, 0]],
  ['NtSetTimer', 'timer', 2, [H, QUAD, 0, 0, 0, 0, 0]],
  ['NtCancelTimer', 'timer', 2, [H, 0]],
  ['NtQueryTimer', 'timer', 1, [H, 0, BUFFER, 0x10, 0]],
  ['NtWaitForKeyedEvent', 'keyedEvent', 1, [H, 2, 0, QUAD]],
  ['NtReleaseKeyedEvent', 'keyedEvent', 2, [H, 2, 0, QUAD]],
  ['NtWaitForSingleObject', 'event', SYNCHRONIZE, [H, 0, QUAD]],
  ['NtSignalAndWaitForSingleObject', 'event', 2, [H, SELF, 0, QUAD]],
  ['NtRemoveIoCompletion', 'ioCompletion', 2, [H, DWORD_OUT, DWORD_OUT, STATUS_BLOCK, QUAD]],
  ['NtSetIoCompletion', 'ioCompletion', 2, [H, 0, 0, 0, 0]],
  ['NtQueryIoCompletion', 'ioCompletion', 1, [H, 0, BUFFER, 4, 0]],
  // Files.
  file('NtReadFile', 1, 0, 0, 0, STATUS_BLOCK, BUFFER, 4, QUAD, 0),
  file('NtWriteFile', 6, 0, 0, 0, STATUS_BLOCK, BUFFER, 4, QUAD, 0),
  file('NtFlushBuffersFile', 6, STATUS_BLOCK),
  file('NtQueryInformationFile', 0x80, STATUS_BLOCK, BUFFER, 0x28, 4),
  file('NtSetInformationFile', 2, STATUS_BLOCK, QUAD, 8, 20),
  file('NtQueryVolumeInformationFile', 0, STATUS_BLOCK, BUFFER, 0x18, 3),
  file('NtSetVolumeInformationFile', 2, STATUS_BLOCK, BUFFER, 0x10, 2),
  file('NtQueryDirectoryFile', 1, 0, 0, 0, STATUS_BLOCK, BUFFER, 0x100, 1, 1, 0, 0),
  file('NtLockFile', 7, 0, 0, 0, STATUS_BLOCK, QUAD, QUAD, 0, 1, 0),
  file('NtUnlockFile', 7, STATUS_BLOCK, QUAD, QUAD, 0),
  file('NtCancelIoFile', 0, STATUS_BLOCK),
  file('NtDeviceIoControlFile', 1, 0, 0, 0, STATUS_BLOCK, 0x4000, 0, 0, 0, 0),
  file('NtFsControlFile', 1, 0, 0, 0, STATUS_BLOCK, 0x4000, 0, 0, 0, 0),
];

/** Services that take no handle, or take it only inside of a structure or together with others; tested where they are. */
const elsewhere =
  /^Nt(Create(?!Process|Section|Thread)|Open(?!.*Token|ObjectAudit)|Delete|Yield|Test|Delay|Continue|Raise|Display|Callback|Close.+)/;
const withoutHandle = new Set([
  'NtAccessCheckAndAuditAlarm',
  'NtAccessCheckByTypeAndAuditAlarm',
  'NtAccessCheckByTypeResultListAndAuditAlarm',
  'NtAllocateLocallyUniqueId',
  'NtAreMappedFilesTheSame',
  'NtFlushWriteBuffer',
  'NtGetCurrentProcessorNumber',
  'NtMapUserPhysicalPages',
  'NtMapUserPhysicalPagesScatter',
  'NtQueryAttributesFile',
  'NtQueryDebugFilterState',
  'NtQueryDefaultLocale',
  'NtQueryDefaultUILanguage',
  'NtQueryFullAttributesFile',
  'NtQueryInstallUILanguage',
  'NtQueryPerformanceCounter',
  'NtQuerySystemInformation',
  'NtQuerySystemTime',
  'NtQueryTimerResolution',
  'NtSetSystemInformation',
  'NtSetSystemTime',
  'NtSetTimerResolution',
  'NtWaitForMultipleObjects',
  'NtWaitForMultipleObjects32',
]);

/** A process with an object of every type; handles are made to order. */
class HandleCaller extends Caller {
  readonly objects = new Map<TypeName, ObjectHeader>();

  prepare(): void {
    const { bare } = this;
    const { ob, ps } = bare.kernel;
    this.become('system');
    const own = this;
    this.run(function* () {
      const unnamed = own.named('');
      own.words(SIZE, 0x1000, 0);
      own.words(ATTRIBUTES, 0x20002, BUFFER);
      const make = function* (type: TypeName, service: string, ...parameters: readonly number[]) {
        const handle = Number(yield* own.handle(service, HANDLE, RIGHTS[type], ...parameters));
        const { object } = ob.referenceObjectByHandle(handle, null, 0);
        if (object !== null) own.objects.set(type, object);
        yield* own.call('NtClose', handle);
      };
      yield* make('event', 'NtCreateEvent', 0, 0, 0);
      yield* make('mutant', 'NtCreateMutant', 0, 0);
      yield* make('semaphore', 'NtCreateSemaphore', 0, 0, 9);
      yield* make('timer', 'NtCreateTimer', 0, 0);
      yield* make('keyedEvent', 'NtCreateKeyedEvent', 0, 0);
      yield* make('section', 'NtCreateSection', 0, SIZE, 0x40, 0x8000000, 0);
      yield* make('directory', 'NtCreateDirectoryObject', unnamed);
      yield* make('symbolicLink', 'NtCreateSymbolicLinkObject', unnamed, ATTRIBUTES);
      yield* make('ioCompletion', 'NtCreateIoCompletion', 0, 1);
      yield* make('job', 'NtCreateJobObject', 0);
      yield* make('file', 'NtCreateFile', own.named('\\??\\C:\\file'), STATUS_BLOCK, 0, 0x80, 7, 2, 0x20, 0, 0);
    });
    const { process, thread } = bare;
    for (const [type, object] of [
      ['process', process.object],
      ['thread', thread.executive?.object ?? null],
      ['token', process.token],
    ] as const) {
      if (object !== null) this.objects.set(type, object);
    }
    if (ps.processes.length === 0) throw new Error('no process');
  }

  handleWith(type: TypeName, access: number): number {
    const object = this.objects.get(type);
    if (object === undefined) throw new Error(`no ${type}`);
    return this.bare.kernel.ob.insertHandle(this.bare.process, object, access).handle;
  }
}

const caller = new HandleCaller();
caller.prepare();

describe('services refuse handles', () => {
  it.each(rows.map((row, index) => [row[0], row[2].toString(16), index] as const))(
    '%s, %s (%i)',
    (_name, _rights, index) => {
      const [service, type, needed, parameters] = rows[index] ?? rows[0];
      caller.run(function* () {
        caller.bare.kernel.ke.currentThread.executive = caller.bare.thread.executive;
        const { handleTable } = caller.bare.process;
        const ask = function* (handle: number) {
          caller.words(BUFFER, 0, 0, 0, 0, 0, 0, 0, 0);
          caller.words(QUAD, 0, 0);
          caller.words(SIZE, 0x1000, 0);
          caller.words(REGION, 0x600000, 0);
          caller.words(ATTRIBUTES, 0x20002, BUFFER, 0);
          const isQuality = service === 'NtImpersonateThread';
          if (isQuality) caller.words(ATTRIBUTES, 0xc, 2, 0);
          const isDescriptor = service === 'NtSetSecurityObject';
          if (isDescriptor) caller.words(ATTRIBUTES, 0x00000001, 0, 0, 0, 0);
          const given = parameters.map((value) => ({ [H]: handle, [JOB]: job })[value] ?? value);
          return yield* caller.call(service, ...given);
        };
        const job = caller.handleWith('job', RIGHTS.job);
        const before = handleTable.count;
        expect(yield* ask(0x7770)).toBe('INVALID_HANDLE');
        expect(yield* ask(0x80000004)).toBe('INVALID_HANDLE');
        expect(yield* ask(NOWHERE + 1)).toBe('INVALID_HANDLE');
        if (type !== 'any') {
          const other = caller.handleWith(type === 'semaphore' ? 'keyedEvent' : 'semaphore', RIGHTS.semaphore);
          // Whoever can be waited for may be waited for.
          if (service !== 'NtWaitForSingleObject' && service !== 'NtSignalAndWaitForSingleObject') {
            expect(yield* ask(other)).toBe('OBJECT_TYPE_MISMATCH');
          }
          handleTable.remove(other);
        }
        if (needed !== 0) {
          const of = type === 'any' ? 'event' : type;
          const weak = caller.handleWith(of, RIGHTS[of] & ~needed);
          expect(yield* ask(weak)).toBe('ACCESS_DENIED');
          expect(handleTable.get(weak)).not.toBeNull();
          handleTable.remove(weak);
        }
        expect(handleTable.count).toBe(before);
        handleTable.remove(job);
        caller.bare.kernel.ke.currentThread.executive = null;
      });
    },
  );

  it('and this is all of them', () => {
    const tested = new Set(rows.map(([service]) => service));
    const missing = services
      .map(({ name }) => name)
      .filter((name) => !tested.has(name) && !elsewhere.test(name) && !withoutHandle.has(name));
    expect(missing).toEqual([]);
    expect(rows.filter(([service]) => !serviceList.some(([name]) => name === service))).toEqual([]);
  });
});
