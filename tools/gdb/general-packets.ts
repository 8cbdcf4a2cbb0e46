import { executeLine } from '../debugger/index.js';
import { type GdbContext, GdbError, OK, type PacketRow } from './gdb-context.js';
import { bytesOfHex, hexOf, PACKET_SIZE } from './packet-framing.js';

/** Bytes of console output in one packet. */
const OUTPUT_BYTES = PACKET_SIZE / 2 - 1;

function supported({ session }: GdbContext): string {
  return [
    `PacketSize=${PACKET_SIZE.toString(16)}`,
    'QStartNoAckMode+',
    'qXfer:features:read+',
    'qXfer:libraries:read+',
    'qXfer:exec-file:read+',
    'qXfer:threads:read+',
    'vContSupported+',
    'swbreak+',
    'hwbreak+',
    ...(session.history === null ? [] : ['ReverseStep+', 'ReverseContinue+']),
  ].join(';');
}

/** Text in the client's console, outside of answers. */
export function consoleOutput(context: GdbContext, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += OUTPUT_BYTES) {
    context.send(`O${hexOf(bytes.subarray(at, at + OUTPUT_BYTES))}`);
  }
}

/** `monitor LINE`: a line of kd commands. */
async function command(context: GdbContext, text: string): Promise<string> {
  const bytes = bytesOfHex(text);
  if (bytes === null) return GdbError.Syntax;
  const { session } = context;
  await executeLine(session, new TextDecoder().decode(bytes), false, (output) => consoleOutput(context, `${output}\n`));
  context.lastStop = session.lastEvent;
  return OK;
}

/** D ends the debugging, not the program. */
function detach(context: GdbContext): string {
  context.ending = 'detached';
  return OK;
}

export const generalPackets: readonly PacketRow[] = [
  { prefix: 'qSupported', answer: supported },
  {
    prefix: 'QStartNoAckMode',
    answer(context) {
      context.acknowledges = false;
      return OK;
    },
  },
  { prefix: 'qRcmd,', answer: command },
  { prefix: 'qAttached', answer: () => '1' },
  { prefix: 'QNonStop:0', answer: () => OK },
  { prefix: 'qSymbol', answer: () => OK },
  { prefix: 'D', answer: detach },
  {
    prefix: 'k',
    answer(context) {
      context.ending = 'killed';
      return null;
    },
  },
  {
    prefix: 'vKill',
    answer(context) {
      context.ending = 'killed';
      return OK;
    },
  },
];
