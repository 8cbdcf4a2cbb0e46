/** The debugger: sessions over a machine, the command table, and the two ways to feed it commands. */
export type { Breakpoint, BreakpointPlace } from './breakpoints.js';
export { commandTable, executeLine } from './command-table.js';
export { DebuggerError, type Json } from './debugger-error.js';
export type { FilterMode } from './exception-filters.js';
export type { AddressSpace, Thread } from './machine-types.js';
export type { RegisterName } from './registers.js';
export { runScript } from './script.js';
export { Session } from './session.js';
export { createSession } from './start-session.js';
export type { StopEvent } from './stop-event.js';
export { stopData, stopText } from './stop-text.js';
export { runTerminal } from './terminal.js';
