import type { Host, MachineOptions } from '../../../kernel/index.js';
import { createSession, executeLine, runScript, type Session, stopText } from '../../../tools/debugger/index.js';
import { NodeHost } from '../../../tools/host-node.js';
import { guestImages } from '../../../tools/package-root.js';
import { sampleFolder } from './sample-image.js';

/** A program under the debugger, with everything that debugger and guest say collected. */
export interface DebuggedProgram {
  readonly session: Session;
  /** What the guest has written so far. */
  readonly guestOutput: () => string;
  /** Carries out one line and answers what it says, notices included. */
  readonly run: (line: string) => Promise<string>;
  /** The same with --json, parsed. */
  readonly json: (line: string) => Promise<unknown>;
  /** Several lines as a transcript. */
  readonly transcript: (...lines: readonly string[]) => Promise<string>;
}

/** The host of a debugged program: drive Z: is the folder of the sample, output goes to `write`. */
export function sampleHost(write: (text: string) => void, folder: string = sampleFolder): Host {
  const host = new NodeHost({ mounts: [{ drive: 'Z', folder, readOnly: true }], systemFolder: guestImages });
  const decoder = new TextDecoder('latin1');
  return {
    volumes: host.volumes,
    systemVolume: host.systemVolume,
    debugOutput: () => {},
    hardError: () => {},
    unhandledException: () => {},
    console: {
      kind: () => 'pipe',
      read: () => 'eof',
      waitForInput: () => true,
      write: (_stream, bytes) => {
        write(decoder.decode(bytes));
        return 0 as never;
      },
      flush: () => {},
      size: () => ({ columns: 80, rows: 25 }),
      setRaw: () => {},
    },
  };
}

export function sampleOptions(argument: string): { readonly imagePath: string; readonly commandLine: string } {
  return { imagePath: '\\??\\Z:\\sample.exe', commandLine: `Z:\\sample.exe ${argument}`.trim() };
}

/** Boots sample.exe and stops at its first instruction. */
export async function debugSample(argument = '', options: Partial<MachineOptions> = {}): Promise<DebuggedProgram> {
  let guest = '';
  let said: string[] = [];
  const host = sampleHost((text) => {
    guest += text;
  });
  const session = createSession({ ...sampleOptions(argument), ...options }, host, (text) => said.push(text));
  said.push(stopText(session, await session.start()));
  const take = (): string => {
    const text = said.join('\n');
    said = [];
    return text;
  };
  take();
  return {
    session,
    guestOutput: () => guest,
    run: async (line) => {
      await executeLine(session, line, false, (text) => said.push(text));
      return take();
    },
    json: async (line) => {
      let text = '';
      await executeLine(session, line, true, (one) => {
        text = one;
      });
      take();
      return JSON.parse(text);
    },
    transcript: async (...lines) => {
      let text = '';
      await runScript(
        session,
        lines,
        (part) => {
          text += part;
        },
        false,
      );
      take();
      return text;
    },
  };
}
