import type { LastFault } from '../mm/fault-outcome.js';
import { Status } from '../ntstatus.js';
import { type NtStatus, ntStatus } from '../types.js';
import type { ExceptionRecord } from './kernel-executive.js';

const FLOAT_MULTIPLE_FAULTS = ntStatus(0xc00002b4);
const FLOAT_MULTIPLE_TRAPS = ntStatus(0xc00002b5);
const UNKNOWN_ADDRESS = 0xffffffff;

export const Vector = {
  DivideError: 0,
  Debug: 1,
  Nmi: 2,
  Breakpoint: 3,
  Overflow: 4,
  BoundRange: 5,
  InvalidOpcode: 6,
  DeviceNotAvailable: 7,
  DoubleFault: 8,
  SegmentOverrun: 9,
  InvalidTss: 10,
  SegmentNotPresent: 11,
  StackFault: 12,
  GeneralProtection: 13,
  PageFault: 14,
  FloatingPoint: 16,
  AlignmentCheck: 17,
  SimdFloatingPoint: 19,
} as const;

/** The part of mm's last fault that an exception record is made of. */
type FailedFault = Pick<LastFault, 'status' | 'address' | 'access' | 'underlyingStatus'>;

/** What a trap handler can look at to name the exception. */
export interface TrapInformation {
  readonly vector: number;
  /** EIP as the trap left it, unsigned. */
  readonly eip: number;
  /** First bytes of the instruction at EIP, as many as are readable. */
  readonly code: readonly number[];
  readonly fpuControl: number;
  readonly fpuStatus: number;
  readonly mxcsr: number;
  readonly lastFault: FailedFault;
}

/** The exception record of a user-mode trap (nt52 5.1 and 11.7). */
export function exceptionOfTrap(trap: TrapInformation): ExceptionRecord {
  const at = (code: NtStatus, parameters: readonly number[] = []): ExceptionRecord => {
    return { code, flags: 0, address: trap.eip, parameters };
  };
  switch (trap.vector) {
    case Vector.DivideError:
      return at(Status.INTEGER_DIVIDE_BY_ZERO);
    case Vector.Debug:
      return at(Status.SINGLE_STEP);
    case Vector.Breakpoint:
      return { code: Status.BREAKPOINT, flags: 0, address: (trap.eip - 1) >>> 0, parameters: [0, 0, 0] };
    case Vector.Overflow:
      return at(Status.INTEGER_OVERFLOW);
    case Vector.BoundRange:
      return at(Status.ARRAY_BOUNDS_EXCEEDED);
    case Vector.InvalidOpcode:
      return at(trap.code[0] === LOCK_PREFIX ? Status.INVALID_LOCK_SEQUENCE : Status.ILLEGAL_INSTRUCTION);
    case Vector.GeneralProtection:
      if (isPrivilegedInstruction(trap.code)) return at(Status.PRIVILEGED_INSTRUCTION);
      return at(Status.ACCESS_VIOLATION, [0, UNKNOWN_ADDRESS]);
    case Vector.SegmentNotPresent:
    case Vector.StackFault:
    case Vector.InvalidTss:
    case Vector.SegmentOverrun:
      return at(Status.ACCESS_VIOLATION, [0, UNKNOWN_ADDRESS]);
    case Vector.PageFault:
      return pageFaultException(trap.eip, trap.lastFault);
    case Vector.FloatingPoint:
      return at(floatingPointStatus(trap.fpuStatus, trap.fpuControl), [0]);
    case Vector.AlignmentCheck:
      return at(Status.DATATYPE_MISALIGNMENT);
    case Vector.SimdFloatingPoint:
      return at(simdStatus(trap.mxcsr), [0]);
    default:
      return at(Status.ILLEGAL_INSTRUCTION);
  }
}

function pageFaultException(eip: number, fault: FailedFault): ExceptionRecord {
  const parameters = [fault.access, fault.address >>> 0];
  switch (fault.status >>> 0) {
    case Status.ACCESS_VIOLATION:
    case Status.GUARD_PAGE_VIOLATION:
    case Status.STACK_OVERFLOW:
      return { code: ntStatus(fault.status), flags: 0, address: eip, parameters };
    case Status.IN_PAGE_ERROR:
      return {
        code: Status.IN_PAGE_ERROR,
        flags: 0,
        address: eip,
        parameters: [...parameters, fault.underlyingStatus >>> 0],
      };
    default:
      return { code: Status.IN_PAGE_ERROR, flags: 0, address: eip, parameters: [...parameters, fault.status >>> 0] };
  }
}

const FPU_EXCEPTIONS = 0x3f;
const INVALID = 0x01;
const DENORMAL = 0x02;
const ZERO_DIVIDE = 0x04;
const OVERFLOW = 0x08;
const UNDERFLOW = 0x10;
const STACK_FAULT = 0x40;

/** The first unmasked x87 exception, in the order in which NT asks. */
function floatingPointStatus(status: number, control: number): NtStatus {
  const pending = status & ~control & FPU_EXCEPTIONS;
  if ((pending & INVALID) !== 0) {
    return (status & STACK_FAULT) !== 0 ? Status.FLOAT_STACK_CHECK : Status.FLOAT_INVALID_OPERATION;
  }
  if ((pending & ZERO_DIVIDE) !== 0) return Status.FLOAT_DIVIDE_BY_ZERO;
  if ((pending & DENORMAL) !== 0) return Status.FLOAT_INVALID_OPERATION;
  if ((pending & OVERFLOW) !== 0) return Status.FLOAT_OVERFLOW;
  if ((pending & UNDERFLOW) !== 0) return Status.FLOAT_UNDERFLOW;
  return Status.FLOAT_INEXACT_RESULT;
}

const MXCSR_MASK_SHIFT = 7;

function simdStatus(mxcsr: number): NtStatus {
  const pending = mxcsr & ~(mxcsr >>> MXCSR_MASK_SHIFT) & FPU_EXCEPTIONS;
  return (pending & (INVALID | DENORMAL | ZERO_DIVIDE)) !== 0 ? FLOAT_MULTIPLE_FAULTS : FLOAT_MULTIPLE_TRAPS;
}

const LOCK_PREFIX = 0xf0;
const PREFIXES: ReadonlySet<number> = new Set([
  0x26,
  0x2e,
  0x36,
  0x3e,
  0x64,
  0x65,
  0x66,
  0x67,
  LOCK_PREFIX,
  0xf2,
  0xf3,
]);
const ESCAPE = 0x0f;
/** HLT, CLI, STI, INS, OUTS, IN, OUT. */
const PRIVILEGED: ReadonlySet<number> = new Set([
  0xf4, 0xfa, 0xfb, 0x6c, 0x6d, 0x6e, 0x6f, 0xe4, 0xe5, 0xe6, 0xe7, 0xec, 0xed, 0xee, 0xef,
]);
/** CLTS, INVD, WBINVD, MOV to and from CR, DR and TR, WRMSR, RDTSC, RDMSR, RDPMC, SYSEXIT. */
const PRIVILEGED_ESCAPED: ReadonlySet<number> = new Set([
  0x06, 0x08, 0x09, 0x20, 0x21, 0x22, 0x23, 0x24, 0x26, 0x30, 0x31, 0x32, 0x33, 0x35,
]);

/** Whether a general-protection fault comes from an instruction that ring 3 may not use at all. */
export function isPrivilegedInstruction(code: readonly number[]): boolean {
  let index = 0;
  while (index < code.length && PREFIXES.has(code[index])) index++;
  if (index >= code.length) return false;
  if (code[index] !== ESCAPE) return PRIVILEGED.has(code[index]);
  const opcode = code[index + 1] ?? -1;
  const extension = ((code[index + 2] ?? 0) >>> 3) & 7;
  if (opcode === 0x00) return extension === 2 || extension === 3;
  if (opcode === 0x01) return extension === 2 || extension === 3 || extension === 6 || extension === 7;
  return PRIVILEGED_ESCAPED.has(opcode);
}
