import type { DebugProtocol } from '@vscode/debugprotocol';
import type { Session } from '../debugger/index.js';

/** Exceptions that a client switches together, by what their NTSTATUS is about; members are names of kd's filters. */
interface ExceptionClass {
  readonly filter: string;
  readonly label: string;
  readonly description: string;
  readonly members: readonly string[];
}

const CLASSES: readonly ExceptionClass[] = [
  {
    filter: 'access',
    label: 'Memory access',
    description: 'STATUS_ACCESS_VIOLATION, GUARD_PAGE_VIOLATION, STACK_OVERFLOW, IN_PAGE_ERROR, DATATYPE_MISALIGNMENT',
    members: ['av', 'gp', 'sov', 'ip', 'dm'],
  },
  {
    filter: 'arithmetic',
    label: 'Arithmetic',
    description: 'STATUS_INTEGER_DIVIDE_BY_ZERO, INTEGER_OVERFLOW',
    members: ['dz', 'iov'],
  },
  {
    filter: 'instruction',
    label: 'Illegal instructions',
    description: 'STATUS_ILLEGAL_INSTRUCTION, PRIVILEGED_INSTRUCTION',
    members: ['ii', 'pri'],
  },
  {
    filter: 'breakpoint',
    label: 'Breakpoint instructions',
    description: 'STATUS_BREAKPOINT, SINGLE_STEP',
    members: ['bpe', 'sse'],
  },
  { filter: 'cpp', label: 'C++ exceptions', description: '0xE06D7363', members: ['eh'] },
  { filter: 'handle', label: 'Invalid handles', description: 'STATUS_INVALID_HANDLE', members: ['ch'] },
  { filter: 'other', label: 'All other exceptions', description: 'Every other NTSTATUS', members: ['*'] },
];

const UNHANDLED = 'unhandled';
const DEFAULTS: ReadonlySet<string> = new Set(['access', 'breakpoint', UNHANDLED]);

/** The filters as the client shows them: classes of first chances, and what nobody handled. */
export const exceptionFilters: DebugProtocol.ExceptionBreakpointsFilter[] = [
  ...CLASSES.map(({ filter, label, description }) => ({ filter, label, description, default: DEFAULTS.has(filter) })),
  {
    filter: UNHANDLED,
    label: 'Unhandled exceptions',
    description: 'The second chance of any exception, before it ends the program',
    default: DEFAULTS.has(UNHANDLED),
  },
];

/** Takes over the client's choice; false for each name that is no filter. */
export function chooseExceptions(session: Session, chosen: readonly string[]): boolean[] {
  const otherwise = chosen.includes(UNHANDLED) ? 'second-chance' : 'ignore';
  for (const { filter, members } of CLASSES) {
    for (const member of members) {
      const found = session.filters.find(member);
      if (found !== null) found.mode = chosen.includes(filter) ? 'break' : otherwise;
    }
  }
  return chosen.map((name) => exceptionFilters.some(({ filter }) => filter === name));
}
