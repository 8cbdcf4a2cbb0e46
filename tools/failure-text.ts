import { basename } from 'node:path';
import { bugcheckText, type RunResult, Status, statusName } from '../kernel/index.js';
import { ExitCode } from './cli-error.js';

const hex = (value: number) => `0x${(value >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;

/** '0xC0000005 STATUS_ACCESS_VIOLATION'; the number alone where it has no name. */
const statusText = (status: number) => {
  const name = statusName(status);
  return name === 'UNKNOWN' ? hex(status) : `${hex(status)} ${name}`;
};

/** What a status means for somebody who wanted to start a program. */
const START_FAILURES: ReadonlyMap<number, string> = new Map<number, string>([
  [Status.INVALID_IMAGE_NOT_MZ, 'not a Windows program: no MZ header'],
  [Status.INVALID_IMAGE_FORMAT, 'not a valid 32-bit x86 (PE32) program'],
  [Status.INVALID_IMAGE_PROTECT, 'not a PE program: its header is missing, damaged or lies outside the file'],
  [Status.INVALID_IMAGE_WIN_16, 'a 16-bit Windows program'],
  [Status.INVALID_IMAGE_NE_FORMAT, 'an OS/2 or 16-bit (NE) program'],
  [Status.INVALID_IMAGE_LE_FORMAT, 'an LE program'],
  [Status.INVALID_FILE_FOR_SECTION, 'not a file that can be mapped as a program'],
  [Status.IMAGE_MACHINE_TYPE_MISMATCH, 'a program for another processor; nt86 runs 32-bit x86 programs'],
  [Status.OBJECT_NAME_NOT_FOUND, 'no such file'],
  [Status.OBJECT_PATH_NOT_FOUND, 'no such folder'],
  [Status.FILE_IS_A_DIRECTORY, 'is a directory'],
  [Status.ACCESS_DENIED, 'permission denied'],
  [Status.NO_MEMORY, 'not enough memory; give the machine more with --maxmem'],
  [Status.COMMITMENT_LIMIT, 'not enough memory; give the machine more with --maxmem'],
  [Status.INSUFFICIENT_RESOURCES, 'not enough memory; give the machine more with --maxmem'],
  [Status.CONFLICTING_ADDRESSES, 'its image cannot be placed in the address space'],
  [Status.DLL_NOT_FOUND, 'a DLL is missing'],
  [Status.ENTRYPOINT_NOT_FOUND, 'a function is missing from a DLL'],
  [Status.ORDINAL_NOT_FOUND, 'an ordinal is missing from a DLL'],
  [Status.DLL_INIT_FAILED, 'a DLL refused to initialise'],
  [Status.ILLEGAL_DLL_RELOCATION, 'a DLL could not be relocated'],
]);

/** Exceptions that are memory faults: exit code 128 + 11. */
const MEMORY_FAULTS: ReadonlySet<number> = new Set<number>([
  Status.ACCESS_VIOLATION,
  Status.GUARD_PAGE_VIOLATION,
  Status.IN_PAGE_ERROR,
  Status.STACK_OVERFLOW,
]);

/** Longest name that is shown whole. */
const MAXIMUM_NAME = 260;

/** Names come out of the guest's files: nothing in them may break the line or speak to the terminal. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '?').slice(0, MAXIMUM_NAME);
}

function startFailure(program: string, status: number, details: readonly string[]): string {
  const meaning = START_FAILURES.get(status >>> 0) ?? 'cannot be started';
  const named = details.length > 0 ? `: ${details.map(printable).join(' in ')}` : '';
  return `${program}: ${meaning}${named} (${statusText(status)})`;
}

function unhandledException(program: string, report: NonNullable<RunResult['unhandledException']>): string {
  const [kind, address] = report.parameters;
  const access = { 0: 'read from', 1: 'write to', 8: 'execute at' }[kind ?? -1] ?? 'access to';
  const detail = MEMORY_FAULTS.has(report.code) && address !== undefined ? ` (${access} ${hex(address)})` : '';
  return `${program}: unhandled exception ${statusText(report.code)} at ${hex(report.address)}${detail}`;
}

/** The memory manager contradicts itself: a defect of nt86, whatever the guest did. */
export function inconsistencyText(problem: string): string {
  return `memory manager inconsistent: ${problem}`;
}

/** The host has no more memory for the guest's, or may give none. */
export function hostMemoryText(problem: string): string {
  return `${problem} (--host-memory says how much it may give)`;
}

/** How a run ended, for the process that ran it: its exit code and, where it did not end well, one line for stderr. */
export function runOutcome(program: string, result: RunResult): { exitCode: number; message: string | null } {
  const name = basename(program);
  if (result.hostMemory !== null)
    return { exitCode: ExitCode.Bugcheck, message: `${name}: ${hostMemoryText(result.hostMemory)}` };
  if (result.bugcheck !== null) return { exitCode: ExitCode.Bugcheck, message: bugcheckText(result.bugcheck) };
  if (result.inconsistency !== null)
    return { exitCode: ExitCode.Defect, message: inconsistencyText(result.inconsistency) };
  if (result.reason === 'start-failed')
    return { exitCode: ExitCode.CannotStart, message: startFailure(name, result.status ?? Status.UNSUCCESSFUL, []) };
  const { hardError } = result;
  // A program that went on after a hard error of its own ends as it will.
  if (hardError !== null && result.reason === 'exited' && result.status === hardError.status)
    return {
      exitCode: ExitCode.CannotStart,
      message: startFailure(name, hardError.status, hardError.strings),
    };
  if (result.reason === 'limit')
    return { exitCode: ExitCode.LimitReached, message: `${name}: stopped after ${result.instructions} instructions` };
  if (result.reason === 'deadlock')
    return {
      exitCode: ExitCode.LimitReached,
      message: `${name}: deadlock: ${result.waiting.length} threads wait for what can never happen`,
    };
  if (result.unhandledException !== null) {
    const memory = MEMORY_FAULTS.has(result.unhandledException.code);
    return {
      exitCode: memory ? ExitCode.UnhandledAccessViolation : ExitCode.UnhandledException,
      message: unhandledException(name, result.unhandledException),
    };
  }
  if (result.reason === 'interrupted') return { exitCode: 130, message: `${name}: interrupted` };
  return { exitCode: (result.status ?? 0) & 0xff, message: null };
}
