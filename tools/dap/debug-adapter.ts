import { DebugSession, Event, Response } from '@vscode/debugadapter';
import type { DebugProtocol } from '@vscode/debugprotocol';
import { DebuggerError } from '../debugger/index.js';
import { Adapter } from './adapter.js';
import { breakpointRequests } from './breakpoint-requests.js';
import { executionRequests } from './execution-requests.js';
import { inspectionRequests } from './inspection-requests.js';
import { lifecycleRequests } from './lifecycle-requests.js';
import { memoryRequests } from './memory-requests.js';
import type { RequestRow } from './requests.js';

/** Every request that is answered. */
export const requestTable: readonly RequestRow[] = [
  ...lifecycleRequests,
  ...breakpointRequests,
  ...executionRequests,
  ...inspectionRequests,
  ...memoryRequests,
];

const AT_ONCE: ReadonlySet<string> = new Set(['pause', 'terminate', 'disconnect']);

/**
 * The Debug Adapter Protocol over the debugger's sessions: takes requests one after the other, answers each, and turns what
 * cannot be done into an error response.
 */
export class DebugAdapter extends DebugSession {
  readonly #adapter: Adapter;
  #queue: Promise<void> = Promise.resolve();

  /** @param ended called when the client has disconnected */
  constructor(ended: () => void) {
    super();
    this.#adapter = new Adapter((event, body) => this.sendEvent(new Event(event, body)));
    this.#ended = ended;
  }

  readonly #ended: () => void;

  /** The client has gone without a word. */
  override shutdown(): void {
    this.#adapter.terminate();
    this.#ended();
  }

  protected override dispatchRequest(request: DebugProtocol.Request): void {
    // These are for a program that runs, or for a console command that runs it.
    if (AT_ONCE.has(request.command)) void this.#dispatch(request);
    else this.#queue = this.#queue.then(() => this.#dispatch(request));
  }

  async #dispatch(request: DebugProtocol.Request): Promise<void> {
    const row = requestTable.find(({ command }) => command === request.command);
    const response: DebugProtocol.Response = new Response(request);
    if (row === undefined) {
      this.#refuse(response, `'${request.command}' is not supported`);
      return;
    }
    try {
      response.body = await row.answer(this.#adapter, request.arguments);
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      this.#refuse(response, error instanceof DebuggerError ? words : `${request.command}: bad arguments (${words})`);
      return;
    }
    this.sendResponse(response);
    try {
      row.after?.(this.#adapter);
    } catch (error) {
      if (!(error instanceof DebuggerError)) throw error;
    }
    if (request.command === 'disconnect') this.#ended();
  }

  /** The library puts only variables that begin with '_' into the message. */
  #refuse(response: DebugProtocol.Response, words: string): void {
    this.sendErrorResponse(response, { id: 1, format: '{_words}', variables: { _words: words }, showUser: true });
  }
}
