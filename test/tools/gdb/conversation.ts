import { framePacket, GdbConnection, PacketReader } from '../../../tools/gdb/index.js';
import { type DebuggedProgram, debugSample } from '../debugger/debugged-program.js';

/** A client in memory, at a program that stands at its first instruction. */
export interface Conversation {
  readonly program: DebuggedProgram;
  readonly connection: GdbConnection;
  /** Everything that came back and no answer took, as text. */
  readonly received: () => string;
  /** Sends bytes as they are. */
  readonly raw: (text: string) => void;
  /** Sends a packet and waits for its answer; console output goes to `console`. */
  readonly ask: (body: string) => Promise<string>;
  readonly console: () => string;
  /** True once the connection wants to be closed. */
  readonly ended: () => boolean;
}

const text = (bytes: Uint8Array): string => String.fromCharCode(...bytes);
const fromHex = (digits: string): string => Buffer.from(digits, 'hex').toString('utf8');

export async function converse(argument = ''): Promise<Conversation> {
  const program = await debugSample(argument);
  const reader = new PacketReader();
  let raw = '';
  let output = '';
  let ended = false;
  let waiting: ((body: string) => void) | null = null;
  const connection = new GdbConnection(
    program.session,
    (bytes) => {
      raw += text(bytes);
      for (const incoming of reader.feed(bytes)) {
        if (incoming.kind !== 'packet') continue;
        if (/^O[0-9a-f]/.test(incoming.body)) output += fromHex(incoming.body.slice(1));
        else waiting?.(incoming.body);
      }
    },
    () => {
      ended = true;
    },
  );
  return {
    program,
    connection,
    received: () => {
      const all = raw;
      raw = '';
      return all;
    },
    raw: (given) => connection.receive(Uint8Array.from(given, (character) => character.charCodeAt(0))),
    ask: (body) =>
      new Promise((resolve) => {
        waiting = resolve;
        connection.receive(framePacket(body));
      }),
    console: () => {
      const all = output;
      output = '';
      return all;
    },
    ended: () => ended,
  };
}
