import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Host, Machine, type MachineOptions, MemoryVolume, Status } from '../../kernel/index.js';

const images = new URL('../../guest/images/', import.meta.url);

function imageVolume(): MemoryVolume {
  const volume = new MemoryVolume('images', () => 0n);
  for (const name of readdirSync(images)) {
    const file = volume.createFile([name]);
    if (typeof file === 'number') continue;
    file.write(0, new Uint8Array(readFileSync(new URL(name, images))));
    file.close();
  }
  return volume;
}

interface Recorded {
  readonly machine: Machine;
  readonly output: () => string;
  readonly trace: string[];
}

function machineFor(program: string, options: Partial<MachineOptions> = {}): Recorded {
  let output = '';
  const trace: string[] = [];
  const host: Host = {
    console: {
      kind: (stream) => (stream === 0 ? 'none' : 'pipe'),
      read: () => 'eof',
      waitForInput: () => true,
      write: (_stream, bytes) => {
        output += new TextDecoder('latin1').decode(bytes);
        return Status.SUCCESS;
      },
      flush: () => undefined,
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => undefined,
    },
    volumes: new Map([['C', imageVolume()]]),
    systemVolume: imageVolume(),
    debugOutput: () => undefined,
    hardError: () => undefined,
    unhandledException: () => undefined,
  };
  const machine = new Machine(
    {
      imagePath: `\\??\\C:\\${program}`,
      memorySize: 32 << 20,
      trace: { faults: true, syscalls: true, threads: true, modules: true, sink: (line) => trace.push(line) },
      ...options,
    },
    host,
  );
  return { machine, output: () => output, trace };
}

describe('a whole machine', () => {
  it.each([true, false])('runs a program from its image to its exit status (PAE %s)', (pae) => {
    const { machine, output } = machineFor('hello-nocrt.exe', { pae });
    const result = machine.run();
    expect(result).toMatchObject({ reason: 'exited', unhandledException: null, hardError: null, bugcheck: null });
    expect(output()).toMatch(/ring 3/);
    expect(machine.verify()).toBeNull();
    expect(machine.run().reason).toBe('exited');
  });

  it('the same run twice gives the same trace, byte for byte', () => {
    const first = machineFor('hello-nocrt.exe');
    const second = machineFor('hello-nocrt.exe');
    first.machine.run();
    while (second.machine.run({ maxInstructions: 997 }).reason === 'limit');
    expect(second.trace).toEqual(first.trace);
    expect(second.machine.kernel.trace.hash()).toBe(first.machine.kernel.trace.hash());
    expect(first.trace.length).toBeGreaterThan(20);
  });

  it('stops at the limit and goes on from there', () => {
    const { machine } = machineFor('hello-nocrt.exe', { maximumInstructions: 5000 });
    expect(machine.run({ maxInstructions: 100 })).toMatchObject({ reason: 'limit', instructions: 100, status: null });
    expect(machine.step()).toMatchObject({ reason: 'limit', instructions: 101 });
    expect(machine.run()).toMatchObject({ reason: 'limit', instructions: 5000 });
  });

  it('says why a program cannot be started', () => {
    const missing = machineFor('nothing.exe');
    expect(missing.machine.run()).toMatchObject({ reason: 'start-failed', status: Status.OBJECT_NAME_NOT_FOUND });
    const library = machineFor('ntdll.dll');
    expect(library.machine.run()).toMatchObject({ reason: 'start-failed', status: Status.INVALID_IMAGE_FORMAT });
    expect(library.machine.verify()).toBeNull();
  });

  it('reports a bugcheck of its kernel and stays stopped', () => {
    const { machine } = machineFor('hello-nocrt.exe');
    machine.run({ maxInstructions: 100 });
    machine.kernel.ke.createSystemThread(machine.kernel.systemProcess, 16, () =>
      machine.kernel.bugcheck(0xbe, 1, 2, 3, 0x10),
    );
    const result = machine.run();
    expect(result).toMatchObject({ reason: 'bugcheck', bugcheck: { code: 0xbe, parameters: [1, 2, 3, 0x10] } });
    expect(machine.run().reason).toBe('bugcheck');
  });
});
