/** Why run() returned. */
export const ExitReason = {
  Budget: 0,
  /** Fault, trap, INT3, INTO, BOUND, #DB: exceptionVector and its companions say which. Only with an owner. */
  Exception: 1,
  /** INT n with an owner; exceptionVector = n. */
  SoftwareInterrupt: 2,
  /** SYSENTER with an owner. */
  SystemEnter: 3,
  Halt: 4,
  Shutdown: 5,
  /** requestExit() was called. */
  Interrupted: 6,
} as const;
export type ExitReason = (typeof ExitReason)[keyof typeof ExitReason];
