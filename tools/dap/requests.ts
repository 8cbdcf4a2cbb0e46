import type { Adapter } from './adapter.js';

/** A kind of request: its command, and what answers it. */
export interface RequestRow {
  readonly command: string;
  /**
   * @returns the response's body
   * @throws DebuggerError for what makes no sense: the client is told
   */
  answer(adapter: Adapter, given: unknown): object | undefined | Promise<object | undefined>;
  /** What happens behind the response, in the order that the protocol wants. */
  readonly after?: (adapter: Adapter) => void;
}

/** A row whose arguments have the protocol's type. Their shape is the client's word. */
export function request<Given>(
  command: string,
  answer: (adapter: Adapter, given: Given) => object | undefined | Promise<object | undefined>,
  after?: (adapter: Adapter) => void,
): RequestRow {
  return {
    command,
    answer: (adapter, given) => answer(adapter, (given ?? {}) as Given),
    ...(after === undefined ? {} : { after }),
  };
}
