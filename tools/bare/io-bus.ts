import type { IoPorts } from '../../cpu/index.js';

/** A device with byte-wide ports. `port` is the number on the bus. */
export interface PortDevice {
  read(port: number): number;
  write(port: number, value: number): void;
}

/** The I/O bus: wider accesses become byte accesses to consecutive ports, and where no device is the bus floats. */
export class IoBus implements IoPorts {
  readonly #devices = new Map<number, PortDevice>();

  /** Puts a device at these ports, in place of what was there. */
  attach(device: PortDevice, ...ports: readonly number[]): void {
    for (const port of ports) this.#devices.set(port, device);
  }

  read(port: number, size: number): number {
    let value = 0;
    for (let index = size - 1; index >= 0; index--) {
      const at = (port + index) & 0xffff;
      value = (value << 8) | ((this.#devices.get(at)?.read(at) ?? 0xff) & 0xff);
    }
    return value;
  }

  write(port: number, size: number, value: number): void {
    for (let index = 0; index < size; index++) {
      const at = (port + index) & 0xffff;
      this.#devices.get(at)?.write(at, (value >>> (index * 8)) & 0xff);
    }
  }
}

/** A port whose writes go to a function. It reads as ones. */
export function outputPort(write: (port: number, value: number) => void): PortDevice {
  return { read: () => 0xff, write };
}
