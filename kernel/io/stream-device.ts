import type { HostConsole } from '../host.js';

/** \Device\Stream\0, \1 and \2: standard streams of the host that are a file or a pipe. */
export class StreamDevice {
  readonly kind = 'stream';
  readonly host: HostConsole;

  constructor(host: HostConsole) {
    this.host = host;
  }
}
