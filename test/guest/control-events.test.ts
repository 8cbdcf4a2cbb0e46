import { describe, expect, it } from 'vitest';
import { type Host, Machine, type RunResult, Status } from '../../kernel/index.js';
import { NodeHost } from '../../tools/host-node.js';
import { guestImages } from '../../tools/package-root.js';

const CONTROL_C = 0x03;
/** What terminals have for Ctrl-Break: Ctrl-\. */
const CONTROL_BREAK = 0x1c;

/** Runs control-c.exe in a terminal where these keys are typed, each when the program has written a text. */
function run(
  mode: string,
  keys: readonly (readonly [when: string, key: number])[],
): { result: RunResult; output: string } {
  const node = new NodeHost({
    mounts: [{ drive: 'Z', folder: guestImages, readOnly: true }],
    systemFolder: guestImages,
  });
  const left = [...keys];
  let output = '';
  let seen = 0;
  const host: Host = {
    volumes: node.volumes,
    systemVolume: node.systemVolume,
    debugOutput: () => {},
    hardError: () => {},
    unhandledException: () => {},
    console: {
      kind: () => 'terminal',
      read: () => {
        const [when, key] = left[0] ?? ['', 0];
        const at = when === '' ? -1 : output.indexOf(when, seen);
        if (at < 0) return 'wait';
        seen = at + when.length;
        left.shift();
        return Uint8Array.of(key);
      },
      waitForInput: () => true,
      write: (_stream, bytes) => {
        output += new TextDecoder().decode(bytes);
        return Status.SUCCESS;
      },
      flush: () => {},
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => {},
    },
  };
  const path = 'Z:\\control-c.exe';
  const machine = new Machine(
    { imagePath: `\\??\\${path}`, commandLine: `${path} ${mode}`, currentDirectory: 'Z:\\', maximumTime: 20e9 },
    host,
  );
  const result = machine.run();
  expect(machine.verify()).toBeNull();
  node.close();
  return { result, output: output.replaceAll('\r\n', '\n').replaceAll('^C\n', '').replaceAll('^\\\n', '') };
}

describe('Ctrl-C and Ctrl-Break at the terminal', () => {
  it('end a program that does nothing about them, with CONTROL_C_EXIT', () => {
    for (const key of [CONTROL_C, CONTROL_BREAK]) {
      const { result, output } = run('default', [['waiting', key]]);
      expect(result).toMatchObject({ reason: 'exited', status: Status.CONTROL_C_EXIT, unhandledException: null });
      expect(output).toBe('waiting\n');
    }
  });

  it('run handlers in a thread of their own, the last that was added first', () => {
    const { result, output } = run('handler', [
      ['ready\r\n', CONTROL_C],
      ['first handler: event 0', CONTROL_BREAK],
    ]);
    expect(output).toBe(
      [
        'ready',
        'second handler: event 0',
        'first handler: event 0, its own thread: 1',
        'second handler: event 1',
        'first handler: event 1, its own thread: 1',
        'done',
        '',
      ].join('\n'),
    );
    expect(result).toMatchObject({ reason: 'exited', status: 0 });
  });

  it('can be made by the program itself', () => {
    const { result, output } = run('own', []);
    expect(output).toContain('second handler: event 1\nfirst handler: event 1, its own thread: 1\ndone\n');
    expect(result.status).toBe(0);
  });

  it('are signals of the C runtime', () => {
    const { result, output } = run('signal', [
      ['waiting for signal 2\r\n', CONTROL_C],
      ['waiting for signal 21\r\n', CONTROL_BREAK],
    ]);
    expect(output).toBe('waiting for signal 2\nsignal 2\nwaiting for signal 21\nsignal 21\n');
    expect(result).toMatchObject({ reason: 'exited', status: 0 });
  });

  it('can be ignored, but for Ctrl-Break', () => {
    const { result, output } = run('ignore', [['waiting', CONTROL_C]]);
    expect(output).toBe('waiting\nnothing has ended this\n');
    expect(result.status).toBe(1);
  });
});
