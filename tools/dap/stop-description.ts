import { statusName } from '../../kernel/index.js';
import type { StopEvent } from '../debugger/index.js';
import type { LaunchedProgram } from './adapter.js';

/** Reason and words of a stop that the client shows. */
interface StopDescription {
  readonly reason: string;
  readonly description?: string;
  readonly text?: string;
  readonly threadId: number;
  readonly allThreadsStopped: true;
  readonly hitBreakpointIds?: readonly number[];
}

const WORDS: Readonly<Partial<Record<StopEvent['kind'], string>>> = {
  beginning: 'The oldest instruction that can be gone back to',
  idle: 'Every thread waits for input',
  limit: 'The instructions that --max-instructions allows are used up',
  fault: 'Page fault',
  written: 'In front of the last write',
  filled: 'In front of the fault that filled the page',
  module: 'Module loaded or unloaded',
  thread: 'Thread started or ended',
  process: 'Process started or ended',
};

/** Body of the stopped event. */
export function describeStop({ session, breakpoints }: LaunchedProgram, event: StopEvent): StopDescription {
  const base = { threadId: session.thread?.uniqueThreadId ?? 0, allThreadsStopped: true } as const;
  switch (event.kind) {
    case 'initial':
      return { ...base, reason: 'entry' };
    case 'step':
    case 'temporary':
      return { ...base, reason: 'step' };
    case 'break-in':
      return { ...base, reason: 'pause' };
    case 'breakpoint':
    case 'data': {
      const found = breakpoints.find(event.breakpoint.id);
      return {
        ...base,
        reason: found?.reason ?? (event.kind === 'data' ? 'data breakpoint' : 'breakpoint'),
        ...(found === null ? {} : { hitBreakpointIds: [found.id] }),
      };
    }
    case 'exception': {
      const code = (event.record.code >>> 0).toString(16).padStart(8, '0');
      const name = statusName(event.record.code);
      const chance = event.firstChance ? 'first chance' : 'nobody handled it';
      return { ...base, reason: 'exception', description: `${name} (${chance})`, text: `0x${code} ${name}` };
    }
    case 'system-call':
      return { ...base, reason: 'function breakpoint', description: `System call ${event.name}` };
    default:
      return { ...base, reason: 'pause', description: WORDS[event.kind] ?? event.kind };
  }
}
