/** What a command answers instead of output: a wrong expression, an address that is not there. The debugger goes on. */
export class DebuggerError extends Error {}

/** Anything that `--json` can print. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
