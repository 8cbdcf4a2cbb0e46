import type { FilterMode, Session } from '../debugger/index.js';
import { breakpointPackets } from './breakpoint-packets.js';
import { filePackets } from './file-packets.js';
import { type GdbContext, GdbError, type PacketRow } from './gdb-context.js';
import { generalPackets } from './general-packets.js';
import { memoryPackets } from './memory-packets.js';
import { registerPackets } from './register-packets.js';
import { resumePackets } from './resume-packets.js';
import { threadPackets } from './thread-packets.js';
import { transferPackets } from './transfer-packets.js';

/** Every packet that is answered; the longest prefix that fits is the one. */
export const packetTable: readonly PacketRow[] = [
  ...generalPackets,
  ...resumePackets,
  ...registerPackets,
  ...memoryPackets,
  ...breakpointPackets,
  ...threadPackets,
  ...transferPackets,
  ...filePackets,
].sort((left, right) => right.prefix.length - left.prefix.length);

/** Filters of events that gdb wants to be stopped at, so that it looks at its list of libraries again. */
const LIBRARY_FILTERS = ['ld', 'ud'] as const;

/** One client at a debugged machine, whatever its packets travel in. */
export class GdbClient {
  readonly #context: GdbContext;
  readonly #filters: (readonly [name: string, mode: FilterMode])[] = [];

  /** @param send takes the bodies of packets that are no answers */
  constructor(session: Session, send: (body: string) => void) {
    this.#context = {
      session,
      selected: null,
      lastStop: session.lastEvent,
      breakpoints: new Map(),
      acknowledges: true,
      interruptRequested: false,
      ending: 'attached',
      send,
    };
    for (const name of LIBRARY_FILTERS) {
      const filter = session.filters.find(name);
      if (filter === null) continue;
      this.#filters.push([name, filter.mode]);
      filter.mode = 'break';
    }
  }

  /** Whether packets are still acknowledged. */
  get acknowledges(): boolean {
    return this.#context.acknowledges;
  }

  get ending(): GdbContext['ending'] {
    return this.#context.session.finished ? 'killed' : this.#context.ending;
  }

  /** The answer to a packet, null when it has none. Packets come one after the other; interrupt() may come in between. */
  async answer(body: string): Promise<string | null> {
    const row = packetTable.find(({ prefix }) => body.startsWith(prefix));
    if (row === undefined) return '';
    const answer = await row.answer(this.#context, body.slice(row.prefix.length));
    return answer;
  }

  /** Ctrl-C, or the client has gone: the machine stops if it runs. */
  interrupt(): void {
    this.#context.interruptRequested = true;
    this.#context.session.execution.breakRequested = true;
  }

  /** No packet is under way, so that a Ctrl-C that came has nothing to stop. */
  idle(): void {
    this.#context.interruptRequested = false;
  }

  /** Takes back what the client set: breakpoints, filters. */
  close(): void {
    const { session, breakpoints } = this.#context;
    for (const id of breakpoints.values()) session.execution.breakpoints.remove(id);
    breakpoints.clear();
    for (const [name, mode] of this.#filters) {
      const filter = session.filters.find(name);
      if (filter !== null) filter.mode = mode;
    }
  }
}

/** Answer to a packet whose command failed in a way that nobody foresaw: the client is told, the debugger goes on. */
export const FAILED = GdbError.Refused;
