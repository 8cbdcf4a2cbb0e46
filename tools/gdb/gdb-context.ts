import type { Session, StopEvent, Thread } from '../debugger/index.js';

/** What the packets of one client share. */
export interface GdbContext {
  readonly session: Session;
  /** The thread that register and memory packets are about (Hg); null: the one that stopped. */
  selected: Thread | null;
  /** Why the machine stands still. */
  lastStop: StopEvent;
  /** Numbers of the session's breakpoints by gdb's own words for them: 'Z0,401000,1'. */
  readonly breakpoints: Map<string, number>;
  /** Both sides acknowledge packets. */
  acknowledges: boolean;
  /** Ctrl-C came; the packet that runs the machine takes it. */
  interruptRequested: boolean;
  /** What the client has done with the program. */
  ending: 'attached' | 'detached' | 'killed';
  /** Sends a packet besides the answer: console output while a command runs. */
  send(body: string): void;
}

/** A kind of packet by its first characters. */
export interface PacketRow {
  readonly prefix: string;
  /**
   * @param rest the packet behind its prefix
   * @returns the answer's body; '' says that the packet is not known, null sends nothing
   */
  answer(context: GdbContext, rest: string): string | null | Promise<string | null>;
}

/** Words of an errno as gdb numbers them. */
export const GdbError = { Syntax: 'E16', Address: 'E0e', NoThread: 'E03', Refused: 'E01' } as const;
export const OK = 'OK';

export const threadText = (thread: Thread): string => thread.uniqueThreadId.toString(16);

/** The thread of a gdb thread number; '0' and '-1' are any; null when there is none. */
export function threadOf({ session }: GdbContext, text: string): Thread | null {
  if (text === '0' || text === '-1' || text === '') return session.thread;
  return session.threads.find((thread) => threadText(thread) === text.toLowerCase()) ?? null;
}
