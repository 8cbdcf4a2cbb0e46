import { compareNames, upcaseName } from '../ob/name.js';

/** What a new process is told (RTL_USER_PROCESS_PARAMETERS). Paths are DOS paths. */
export interface ProcessParameters {
  readonly imagePathName: string;
  readonly commandLine: string;
  /** With a trailing '\'. */
  readonly currentDirectory: string;
  readonly dllPath: string;
  readonly windowTitle: string;
  readonly standardInput: number;
  readonly standardOutput: number;
  readonly standardError: number;
}

/** nt52.md 11.4. */
const SIZE = 0x290;
const FLAG_NORMALIZED = 1;
const CURRENT_DIRECTORY_BYTES = 520;
const MAXIMUM_STRING_BYTES = 0xfffe;

/** The block with its strings behind it, all pointers absolute (Flags = normalised). */
export function parametersBlock(address: number, environment: number, parameters: ProcessParameters): Uint8Array {
  const strings: readonly (readonly [field: number, text: string, capacity: number])[] = [
    [0x24, parameters.currentDirectory, CURRENT_DIRECTORY_BYTES],
    [0x30, parameters.dllPath, 0],
    [0x38, parameters.imagePathName, 0],
    [0x40, parameters.commandLine, 0],
    [0x70, parameters.windowTitle, 0],
    [0x78, 'WinSta0\\Default', 0],
    [0x80, '', 0],
  ];
  const length = strings.reduce((sum, [, text, capacity]) => sum + stringCapacity(text, capacity), SIZE);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, length, true);
  view.setUint32(0x04, length, true);
  view.setUint32(0x08, FLAG_NORMALIZED, true);
  view.setUint32(0x18, parameters.standardInput, true);
  view.setUint32(0x1c, parameters.standardOutput, true);
  view.setUint32(0x20, parameters.standardError, true);
  view.setUint32(0x48, environment, true);
  view.setUint32(0x68, 0, true);
  let offset = SIZE;
  for (const [field, text, capacity] of strings) {
    const taken = stringCapacity(text, capacity);
    writeUnicode(view, offset, text);
    view.setUint16(field, Math.min(text.length * 2, MAXIMUM_STRING_BYTES), true);
    view.setUint16(field + 2, Math.min(Math.max(text.length * 2 + 2, capacity), MAXIMUM_STRING_BYTES), true);
    view.setUint32(field + 4, address + offset, true);
    offset += taken;
  }
  return bytes;
}

/** Variables of the machine itself for a user; `given` are added or replace them, an empty value takes one away. */
export function environmentOf(given: Readonly<Record<string, string>>, userName: string): ReadonlyMap<string, string> {
  const variables = new Map<string, { name: string; value: string }>();
  const set = (name: string, value: string): void => {
    const key = upcaseName(name);
    variables.set(key, { name: variables.get(key)?.name ?? name, value });
  };
  for (const [name, value] of Object.entries(DEFAULTS)) set(name, value);
  set('USERNAME', userName);
  for (const [name, value] of Object.entries(given)) {
    if (name === '' || name.includes('\0') || name.indexOf('=', 1) >= 0 || value.includes('\0')) continue;
    if (value === '') variables.delete(upcaseName(name));
    else set(name, value);
  }
  return new Map([...variables.values()].map(({ name, value }) => [name, value]));
}

const DEFAULTS: Readonly<Record<string, string>> = {
  ALLUSERSPROFILE: 'C:\\Documents and Settings\\All Users',
  CommonProgramFiles: 'C:\\Program Files\\Common Files',
  COMPUTERNAME: 'NT86',
  ComSpec: 'C:\\WINDOWS\\system32\\cmd.exe',
  HOMEDRIVE: 'C:',
  HOMEPATH: '\\',
  NUMBER_OF_PROCESSORS: '1',
  OS: 'Windows_NT',
  Path: 'C:\\WINDOWS\\system32;C:\\WINDOWS',
  PATHEXT: '.COM;.EXE;.BAT;.CMD',
  PROCESSOR_ARCHITECTURE: 'x86',
  PROCESSOR_LEVEL: '6',
  ProgramFiles: 'C:\\Program Files',
  SystemDrive: 'C:',
  SystemRoot: 'C:\\WINDOWS',
  TEMP: 'C:\\WINDOWS\\TEMP',
  TMP: 'C:\\WINDOWS\\TEMP',
  USERDOMAIN: 'NT86',
  USERPROFILE: 'C:\\',
  windir: 'C:\\WINDOWS',
};

/** The environment block: NAME=value in UTF-16, each with a zero behind it, sorted by name, and a last zero. */
export function environmentBlock(variables: ReadonlyMap<string, string>): Uint8Array {
  const sorted = [...variables].sort(([left], [right]) => compareNames(left, right));
  const text = `${sorted.map(([name, value]) => `${name}=${value}\0`).join('')}\0`;
  const bytes = new Uint8Array(Math.max(4, text.length * 2));
  writeUnicode(new DataView(bytes.buffer), 0, text);
  return bytes;
}

/** UTF-16 text at an offset, without a terminator. */
export function writeUnicode(view: DataView, offset: number, text: string): void {
  for (let index = 0; index < text.length; index++) {
    view.setUint16(offset + index * 2, text.charCodeAt(index), true);
  }
}

function stringCapacity(text: string, capacity: number): number {
  return (Math.max(text.length * 2 + 2, capacity) + 3) & ~3;
}
