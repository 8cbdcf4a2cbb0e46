import net from 'node:net';
import type { Session } from '../debugger/index.js';
import { GdbConnection } from './connection.js';

/** Where to listen. */
export interface GdbAddress {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

const LOOPBACK = '127.0.0.1';
/** How long a second client waits for the first to go. */
const GRACE_MILLISECONDS = 250;

/** '[HOST:]PORT'; null when it is not that. Without a host: the loopback interface. */
export function parseGdbAddress(text: string): GdbAddress | null {
  const match = /^(?:(\[[0-9a-f:]+\]|[^:[\]]*):)?(\d{1,5})$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port > 65_535) return null;
  const host = (match[1] ?? '').replace(/^\[|\]$/g, '');
  return { host: host === '' ? LOOPBACK : host, port };
}

const isLoopback = (host: string): boolean => /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);

/** How serving ended. */
export type GdbEnding = 'detached' | 'killed' | 'ended' | 'cancelled';

/** A machine that gdb can connect to. */
export interface GdbServer {
  readonly port: number;
  /** Settles when a client has detached from the program or killed it, or it has ended and the client has gone. */
  readonly ending: Promise<GdbEnding>;
  /** Stops listening, cuts off who is there. */
  cancel(): void;
}

/**
 * Listens for gdb. One client at a time; another is turned away meanwhile. One that drops leaves the machine stopped for the
 * next.
 * @param say takes lines for the user
 * @throws the host's error when the address cannot be listened at
 */
export async function serveGdb(session: Session, address: GdbAddress, say: (line: string) => void): Promise<GdbServer> {
  const server = net.createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.port, address.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  if (!isLoopback(address.host)) {
    say(
      `gdb: listening at ${address.host}: the protocol has no authentication, whoever reaches it controls the machine`,
    );
  }
  say(`gdb: waiting at ${address.host}:${port}; in gdb: target remote ${address.host}:${port}`);
  let finish: (ending: GdbEnding) => void = () => undefined;
  let fail: (reason: unknown) => void = () => undefined;
  const ending = new Promise<GdbEnding>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  let present: net.Socket | null = null;
  let served: Promise<void> = Promise.resolve();
  const serve = async (socket: net.Socket): Promise<void> => {
    present = socket;
    const result = await serveClient(session, socket);
    present = null;
    if (result !== 'dropped') finish(result);
    else if (session.execution.ended !== null) finish('ended');
    else say('gdb: the client has gone; the machine stands still and waits for the next');
  };
  server.on('connection', async (socket) => {
    // One that comes right behind another that goes is let in.
    if (present !== null)
      await Promise.race([served, new Promise((resolve) => setTimeout(resolve, GRACE_MILLISECONDS))]);
    if (present !== null) socket.destroy();
    else served = serve(socket).catch(fail);
  });
  const close = (): void => {
    server.close();
    present?.destroy();
  };
  ending.then(close, close);
  return { port, ending, cancel: () => finish('cancelled') };
}

/** Serves one client until it has gone. */
async function serveClient(session: Session, socket: net.Socket): Promise<'detached' | 'killed' | 'dropped'> {
  socket.setNoDelay(true);
  const connection = new GdbConnection(
    session,
    (bytes) => socket.write(bytes),
    () => socket.end(),
  );
  socket.on('data', (bytes) => connection.receive(bytes));
  await new Promise<void>((resolve) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('close', () => resolve());
  });
  await connection.close();
  if (connection.failure !== null) throw connection.failure;
  const { ending } = connection.client;
  return ending === 'attached' ? 'dropped' : ending;
}
