import type { ExceptionRecord, FaultEvent, ModuleEvent, NtStatus, RunResult, Thread } from '../../kernel/index.js';
import type { Breakpoint } from './breakpoints.js';

/** Why the machine stands still. */
export type StopEvent =
  | { readonly kind: 'initial' }
  | { readonly kind: 'step' }
  | { readonly kind: 'break-in' }
  | { readonly kind: 'limit' }
  /** Nothing was executed: every thread waits for input from the terminal. */
  | { readonly kind: 'idle' }
  /** Going back has come to the oldest instruction that can be gone back to. */
  | { readonly kind: 'beginning' }
  /** The next instruction is the one that was looked for: it stores to this address. */
  | { readonly kind: 'written'; readonly address: number }
  /** Nobody stored there: the page came with this fault, which the next instruction (or the service that it calls) takes. */
  | { readonly kind: 'filled'; readonly address: number; readonly fault: FaultEvent }
  | { readonly kind: 'breakpoint'; readonly breakpoint: Breakpoint }
  | { readonly kind: 'data'; readonly breakpoint: Breakpoint; readonly address: number }
  | { readonly kind: 'fault'; readonly breakpoint: Breakpoint; readonly fault: FaultEvent }
  | { readonly kind: 'temporary' }
  | {
      readonly kind: 'exception';
      readonly thread: Thread;
      readonly record: ExceptionRecord;
      readonly firstChance: boolean;
      /** User address of the arguments of NtRaiseException, where that raised it; else 0. */
      readonly argumentPointer: number;
      readonly fault: FaultEvent | null;
    }
  | {
      readonly kind: 'system-call';
      readonly thread: Thread;
      readonly name: string;
      readonly argumentPointer: number;
    }
  | { readonly kind: 'module'; readonly module: ModuleEvent }
  | {
      readonly kind: 'thread';
      readonly thread: Thread;
      readonly started: boolean;
      readonly exitStatus: NtStatus | null;
    }
  | { readonly kind: 'process'; readonly processId: number; readonly name: string; readonly started: boolean }
  | { readonly kind: 'ended'; readonly result: RunResult };
