import { readFileSync, statSync } from 'node:fs';
import { totalmem } from 'node:os';
import {
  type Account,
  accounts,
  type Injection,
  isError,
  type NoExecutePolicy,
  ntStatus,
  type PagingFileOptions,
  privilegeByName,
  privilegeNames,
  type Sku,
  type TraceOptions,
} from '../kernel/index.js';
import { CliError, ExitCode, reasonOf } from './cli-error.js';

/** A host folder as a guest drive. */
export interface Mount {
  /** Upper-case drive letter. */
  readonly drive: string;
  readonly folder: string;
  readonly readOnly: boolean;
}

/** The machine as the command line describes it; the same flags for every verb. */
export interface MachineFlags {
  readonly memorySize: number;
  /** Bytes that the guest may touch. */
  readonly hostMemory: number;
  readonly pae: boolean;
  readonly mounts: readonly Mount[];
  readonly environment: Readonly<Record<string, string>>;
  readonly maximumInstructions: number;
  /** Nanoseconds of virtual time. */
  readonly maximumTime: number;
  readonly injections: readonly Injection[];
  readonly seed: number;
  /** Megabytes of user space of a boot with --3gb; null: without. */
  readonly userSpace: number | null;
  /** Megabytes; Infinity for no large pages of the kernel. */
  readonly largePageMinimum: number;
  readonly noExecute: NoExecutePolicy;
  readonly sku: Sku;
  readonly account: Account;
  /** LUIDs that the account holds beside its own. */
  readonly privileges: readonly number[];
  readonly verify: VerifyPolicy;
  readonly replacement: 'clock' | 'fifo';
  readonly clusterPageFileReads: number;
  readonly badPages: readonly number[];
  /** Host folder for the paging files; undefined: they are kept in memory. */
  readonly pagingFolder: string | undefined;
  /** Empty: none; null: what the machine makes by itself. */
  readonly pagingFiles: readonly PagingFileOptions[] | null;
}

/** When the whole memory manager is checked: never, at the end, or also every N page faults. */
export type VerifyPolicy = 'off' | 'exit' | number;

const MAXIMUM_MEMORY = 64 * 2 ** 30;
const MINIMUM_MEMORY = 8 * 2 ** 20;

/** yargs descriptions of the machine flags. */
export const machineFlagDescriptions = {
  maxmem: { type: 'string', default: '128M', describe: 'guest memory: a number with K, M or G' },
  'host-memory': {
    type: 'string',
    describe: 'end the run when the guest has touched so much memory; three quarters of what the host has',
  },
  pae: { type: 'boolean', default: true, describe: 'three-level page tables with NX; --no-pae for two-level ones' },
  '3gb': {
    type: 'boolean',
    default: false,
    describe: 'user space of 3 GB for programs marked LARGE_ADDRESS_AWARE; limits memory to 16 GB',
  },
  'large-page-minimum': {
    type: 'string',
    describe:
      'megabytes of memory above which the kernel maps itself by large pages, or off [255; off with --verify N]',
  },
  userva: { type: 'number', describe: 'megabytes of user space, 2048 to 3072, in place of the 3072 of --3gb' },
  noexecute: {
    type: 'string',
    default: 'optin',
    describe: 'optin, optout, alwayson or alwaysoff: which programs may not execute data (needs PAE)',
  },
  sku: {
    type: 'string',
    default: 'enterprise',
    describe: 'web, professional, standard, enterprise or datacenter: limits memory to 2, 4, 4, 64 and 128 GB',
  },
  mount: { type: 'string', array: true, nargs: 1, describe: 'C=DIR[:ro]: a host folder as a guest drive' },
  env: { type: 'string', array: true, nargs: 1, describe: 'K=V: an environment variable of the guest' },
  'max-instructions': { type: 'string', describe: 'end the run after so many instructions (exit code 124)' },
  'max-time': {
    type: 'string',
    describe: 'end the run after so much virtual time: a number with ns, us, ms, s or m (exit code 124)',
  },
  inject: {
    type: 'string',
    array: true,
    nargs: 1,
    describe:
      'KIND:N[=STATUS],...: what goes wrong once after boot. read:N=STATUS and write:N=STATUS: the N-th paging read or write ' +
      'fails with this NTSTATUS (8 hex digits); page:N: the N-th page allocation waits; commit:N: the N-th commit fails; ' +
      'bad-page:N: the frame of the N-th page allocation fails',
  },
  verify: {
    type: 'string',
    default: 'off',
    describe: 'off, exit or N: check the memory manager at exit, or every N faults',
  },
  pagefile: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'SIZE[:MAX] of a paging file, or none; by default 1.5 times the memory',
  },
  'pagefile-path': {
    type: 'string',
    describe: 'DIR: keep the paging files in files of this folder while the machine runs',
  },
  replacement: {
    type: 'string',
    default: 'clock',
    describe: 'clock or fifo: how working sets choose pages to replace',
  },
  'bad-pages': {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'PFN[-PFN],...: page frames, hexadecimal, whose memory is broken and is not used',
  },
  'cluster-reads': {
    type: 'number',
    default: 0,
    describe: 'pages, 0 to 15, that may be read from a paging file together with the one that is wanted',
  },
  account: { type: 'string', default: 'admin', describe: 'user, admin or system: whom the program runs as' },
  privilege: {
    type: 'string',
    array: true,
    nargs: 1,
    describe: 'NAME: a privilege that the account holds too and the program may enable, as SeLockMemoryPrivilege',
  },
  seed: { type: 'number', default: 0, describe: 'seed of everything the machine draws at random' },
} as const;

/** Flags that make no other machine of it: limits, checks, and where the host keeps things. */
const passingFlags: ReadonlySet<string> = new Set([
  'host-memory',
  'max-instructions',
  'max-time',
  'verify',
  'pagefile-path',
]);

/** Names of the flags that make a machine what it is: a snapshot has to know them. */
export const lastingFlags: ReadonlySet<string> = new Set(
  Object.keys(machineFlagDescriptions).filter((name) => !passingFlags.has(name)),
);

/** yargs description of the flag of the verbs that gdb can come into. */
export const gdbFlagDescription = {
  gdb: { type: 'string', describe: '[HOST:]PORT: stop at the first instruction and wait there for gdb' },
} as const;

/** yargs description of the flag for going back. */
export const historyFlagDescription = {
  'history-memory': { type: 'string', describe: 'host memory for going back, with K, M or G [256M]' },
} as const;

/** yargs descriptions of the flags for snapshots. */
export const snapshotFlagDescriptions = {
  save: { type: 'string', describe: 'write the machine to this file when it stops before its program has ended' },
  restore: { type: 'string', describe: 'go on with the machine in this file; names no program' },
} as const;

/** The flags after yargs has read them. */
export interface RawMachineFlags {
  readonly maxmem: string;
  readonly 'host-memory'?: string | undefined;
  readonly pae: boolean;
  readonly '3gb'?: boolean | undefined;
  readonly userva?: number | undefined;
  readonly 'large-page-minimum'?: string | undefined;
  readonly mount?: string[] | undefined;
  readonly env?: string[] | undefined;
  readonly 'max-instructions'?: string | undefined;
  readonly 'max-time'?: string | undefined;
  readonly inject?: string[] | undefined;
  readonly verify: string;
  readonly pagefile?: string[] | undefined;
  readonly 'pagefile-path'?: string | undefined;
  readonly replacement?: string | undefined;
  readonly 'bad-pages'?: string[] | undefined;
  readonly 'cluster-reads'?: number | undefined;
  readonly noexecute?: string | undefined;
  readonly sku?: string | undefined;
  readonly account?: string | undefined;
  readonly privilege?: string[] | undefined;
  readonly seed: number;
}

const LEAST_HISTORY = 16 * 2 ** 20;

const usage = (message: string) => new CliError(ExitCode.Usage, message);

/** '64M' -> 67108864. @throws CliError for anything that is no size. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([KMG])B?$/i.exec(text.trim());
  if (match === null) throw usage(`'${text}' is not a size; write a number with K, M or G, for example 64M`);
  const shift = { K: 10, M: 20, G: 30 }[match[2]?.toUpperCase() ?? ''] ?? 0;
  return Math.floor(Number(match[1]) * 2 ** shift);
}

/** Bytes of --history-memory; undefined when it is not given. @throws CliError */
export function historyBytes(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const bytes = parseSize(given);
  if (bytes >= LEAST_HISTORY) return bytes;
  throw usage(`--history-memory ${given}: at least 16M are needed`);
}

/** '64M' -> bytes, a multiple of 4 KB within what a machine takes. @throws CliError */
export function parseMemory(text: string): number {
  const size = parseSize(text);
  if (size < MINIMUM_MEMORY || size > MAXIMUM_MEMORY)
    throw usage(`--maxmem ${text}: the machine takes 8M to ${MAXIMUM_MEMORY / 2 ** 30}G`);
  return Math.floor(size / 4096) * 4096;
}

/** Bytes of --host-memory; the host keeps a quarter of its own when it is not given. @throws CliError */
function parseHostMemory(text: string | undefined): number {
  if (text === undefined) return totalmem() * 0.75;
  const size = parseSize(text);
  if (size < MINIMUM_MEMORY) throw usage(`--host-memory ${text}: the machine needs 8M`);
  return size;
}

function parseMount(text: string): Mount {
  const match = /^([A-Za-z])=(.+?)(:ro)?$/.exec(text);
  if (match === null)
    throw usage(`--mount ${text}: write a drive letter and a folder, for example --mount C=./files:ro`);
  return { drive: (match[1] ?? '').toUpperCase(), folder: match[2] ?? '', readOnly: match[3] !== undefined };
}

function parseEnvironment(entries: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const entry of entries) {
    const equals = entry.indexOf('=', 1);
    if (equals < 0) throw usage(`--env ${entry}: write NAME=VALUE`);
    environment[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return environment;
}

/** Instruction counts may be written 5000000, 5_000_000, 5e6 or 5M (decimal); without one there is no limit. @throws CliError */
export function parseCount(flag: string, text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const match = /^(\d[\d_]*(?:\.\d+)?(?:e\d+)?)([KMG]?)$/i.exec(text);
  const factor = { K: 1e3, M: 1e6, G: 1e9 }[match?.[2]?.toUpperCase() ?? ''] ?? 1;
  const count = match === null ? Number.NaN : Number((match[1] ?? '').replaceAll('_', '')) * factor;
  if (!Number.isSafeInteger(count) || count <= 0) throw usage(`${flag} ${text}: write a positive whole number`);
  return count;
}

const TIME_UNITS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9 };

/** '1.5s' -> 1500000000 ns; without one there is no limit. @throws CliError */
export function parseTime(flag: string, text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|s|m)$/i.exec(text.trim());
  const unit = TIME_UNITS[match?.[2]?.toLowerCase() ?? ''] ?? Number.NaN;
  const nanoseconds = Math.round(Number(match?.[1]) * unit);
  if (!Number.isSafeInteger(nanoseconds) || nanoseconds <= 0)
    throw usage(`${flag} ${text}: write a time with its unit, for example 500ms, 10s or 2m`);
  return nanoseconds;
}

/** 'read:3=C000009C,commit:2' -> injections. @throws CliError */
export function parseInjections(texts: readonly string[]): readonly Injection[] {
  return texts.flatMap((text) => text.split(',')).map(parseInjection);
}

function parseInjection(text: string): Injection {
  const match = /^(?:(read|write):([1-9]\d{0,8})=(?:0x)?([0-9a-f]{8})|(page|commit|bad-page):([1-9]\d{0,8}))$/i.exec(
    text.trim(),
  );
  const [, transfer, transferOrdinal, digits, other, otherOrdinal] = match ?? [];
  const kind = (transfer ?? other ?? '').toLowerCase();
  if (kind === 'read' || kind === 'write') {
    const status = ntStatus(Number.parseInt(digits ?? '', 16));
    if (isError(status)) return { kind, ordinal: Number(transferOrdinal), status };
  }
  if (kind === 'page' || kind === 'commit' || kind === 'bad-page') return { kind, ordinal: Number(otherOrdinal) };
  throw usage(
    `--inject ${text}: write read:N=STATUS or write:N=STATUS with an NTSTATUS of C0000000 or above, page:N, commit:N or bad-page:N`,
  );
}

function parseVerify(text: string): VerifyPolicy {
  if (text === 'off' || text === 'exit') return text;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw usage(`--verify ${text}: write off, exit or a number of faults`);
}

const MINIMUM_PAGING_FILE = 2 ** 20;
const MAXIMUM_PAGING_FILE = 0xffff_f000;
const MAXIMUM_PAGING_FILES = 16;

/** '1f00' or '1f00-1f0f' -> page frame numbers. @throws CliError */
function parsePageFrames(text: string): readonly number[] {
  const [, low, high] = /^([0-9a-f]{1,6})(?:-([0-9a-f]{1,6}))?$/i.exec(text.trim()) ?? [];
  const first = Number.parseInt(low ?? '', 16);
  const last = high === undefined ? first : Number.parseInt(high, 16);
  if (first >= 1 && last >= first) return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  throw usage(`--bad-pages ${text}: write PFN or PFN-PFN, hexadecimal, from 1 on`);
}

function parsePagingFiles(texts: readonly string[] | undefined): readonly PagingFileOptions[] | null {
  if (texts === undefined) return null;
  if (texts.length === 1 && texts[0] === 'none') return [];
  if (texts.length > MAXIMUM_PAGING_FILES) throw usage(`--pagefile: at most ${MAXIMUM_PAGING_FILES} of them`);
  return texts.map((text) => {
    const [first, second] = text.split(':');
    const size = Math.floor(parseSize(first ?? '') / 4096) * 4096;
    const maximum = second === undefined ? size : Math.floor(parseSize(second) / 4096) * 4096;
    if (size < MINIMUM_PAGING_FILE || maximum < size || maximum > MAXIMUM_PAGING_FILE)
      throw usage(`--pagefile ${text}: write SIZE or SIZE:MAX, 1M to 4095M`);
    return { size, maximum };
  });
}

function parsePagingFolder(folder: string | undefined): string | undefined {
  if (folder !== undefined && !statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw usage(`--pagefile-path ${folder}: there is no such folder`);
  return folder;
}

function parseReplacement(text: string): 'clock' | 'fifo' {
  if (text === 'clock' || text === 'fifo') return text;
  throw usage(`--replacement ${text}: write clock or fifo`);
}

const noExecutePolicies: readonly NoExecutePolicy[] = ['optin', 'optout', 'alwayson', 'alwaysoff'];
const skus: readonly Sku[] = ['web', 'professional', 'standard', 'enterprise', 'datacenter'];

function parseChoice<T extends string>(flag: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((name) => name === text);
  if (choice === undefined) throw usage(`${flag} ${text}: write one of ${choices.join(', ')}`);
  return choice;
}

function parseAccount(text: string): Account {
  const account = Object.keys(accounts).find((name): name is Account => name === text);
  if (account === undefined) throw usage(`--account ${text}: write ${Object.keys(accounts).join(', ')}`);
  return account;
}

function parsePrivilege(name: string): number {
  const luid = privilegeByName(name);
  if (luid === null)
    throw usage(
      `--privilege ${name}: there is no such privilege; choose from ${[...privilegeNames.values()].join(', ')}`,
    );
  return luid;
}

const LEAST_USER_SPACE = 2048;
const MOST_USER_SPACE = 3072;

function parseUserSpace(isGiven: boolean, megabytes: number | undefined): number | null {
  if (megabytes === undefined) return isGiven ? MOST_USER_SPACE : null;
  if (!isGiven) throw usage('--userva says how much of it --3gb gives to programs: write both');
  if (Number.isInteger(megabytes) && megabytes >= LEAST_USER_SPACE && megabytes <= MOST_USER_SPACE) return megabytes;
  throw usage(`--userva takes a whole number of megabytes from ${LEAST_USER_SPACE} to ${MOST_USER_SPACE}`);
}

/** What --large-page-minimum says, or what it is when nobody says it: off where the machine is verified as it runs. */
export function largePageMinimumOf(raw: Pick<RawMachineFlags, 'large-page-minimum' | 'verify'>): string {
  return raw['large-page-minimum'] ?? (typeof parseVerify(raw.verify) === 'number' ? 'off' : '255');
}

function parseLargePageMinimum(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usage(`--large-page-minimum ${text}: write a number of megabytes, or off`);
}

function parseClusterReads(pages: number): number {
  if (Number.isInteger(pages) && pages >= 0 && pages <= 15) return pages;
  throw usage('--cluster-reads takes a whole number from 0 to 15');
}

/** @throws CliError (usage) for values that make no machine. */
export function machineFlags(raw: RawMachineFlags): MachineFlags {
  if (!Number.isSafeInteger(raw.seed)) throw usage('--seed takes a whole number');
  return {
    memorySize: parseMemory(raw.maxmem),
    hostMemory: parseHostMemory(raw['host-memory']),
    pae: raw.pae,
    mounts: (raw.mount ?? []).map(parseMount),
    environment: parseEnvironment(raw.env ?? []),
    maximumInstructions: parseCount('--max-instructions', raw['max-instructions']),
    maximumTime: parseTime('--max-time', raw['max-time']),
    injections: parseInjections(raw.inject ?? []),
    seed: raw.seed,
    userSpace: parseUserSpace(raw['3gb'] ?? false, raw.userva),
    largePageMinimum: parseLargePageMinimum(largePageMinimumOf(raw)),
    noExecute: parseChoice('--noexecute', raw.noexecute ?? 'optin', noExecutePolicies),
    sku: parseChoice('--sku', raw.sku ?? 'enterprise', skus),
    account: parseAccount(raw.account ?? 'admin'),
    privileges: (raw.privilege ?? []).map(parsePrivilege),
    verify: parseVerify(raw.verify),
    pagingFiles: parsePagingFiles(raw.pagefile),
    pagingFolder: parsePagingFolder(raw['pagefile-path']),
    replacement: parseReplacement(raw.replacement ?? 'clock'),
    clusterPageFileReads: parseClusterReads(raw['cluster-reads'] ?? 0),
    badPages: (raw['bad-pages'] ?? []).flatMap((text) => text.split(',')).flatMap(parsePageFrames),
  };
}

/** Names of the categories on the command line. */
export const TRACE_CATEGORIES = [
  'faults',
  'paging',
  'working-set',
  'sections',
  'cache',
  'syscalls',
  'threads',
  'scheduling',
  'modules',
] as const;

/** 'faults,syscalls' -> the trace options. @throws CliError for an unknown category. */
export function traceOptions(categories: string | undefined, sink: (line: string) => void): TraceOptions {
  const wanted = new Set((categories ?? '').split(',').filter((category) => category !== ''));
  const known: readonly string[] = TRACE_CATEGORIES;
  for (const category of wanted)
    if (!known.includes(category)) throw usage(`--trace ${category}: choose from ${TRACE_CATEGORIES.join(', ')}`);
  return {
    faults: wanted.has('faults'),
    paging: wanted.has('paging'),
    workingSet: wanted.has('working-set'),
    sections: wanted.has('sections'),
    cache: wanted.has('cache'),
    syscalls: wanted.has('syscalls'),
    threads: wanted.has('threads'),
    scheduling: wanted.has('scheduling'),
    modules: wanted.has('modules'),
    sink: wanted.size > 0 ? sink : null,
  };
}

/** Reads a --config file: a JSON object whose keys are flag names. @throws CliError when it is none. */
export function readConfiguration(path: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
  } catch (error) {
    throw usage(`--config ${path}: ${reasonOf(error)}`);
  }
  throw usage(`--config ${path}: the file must hold a JSON object of flags`);
}
