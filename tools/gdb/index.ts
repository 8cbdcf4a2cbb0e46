/** The gdb remote protocol: a client of a debugger session whose packets come from anywhere, and a TCP server for it. */
export { GdbConnection } from './connection.js';
export { GdbClient } from './gdb-client.js';
export { framePacket, PacketReader } from './packet-framing.js';
export { type GdbAddress, type GdbEnding, type GdbServer, parseGdbAddress, serveGdb } from './tcp-server.js';
