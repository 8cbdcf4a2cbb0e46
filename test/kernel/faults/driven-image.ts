import { buildImage, HeaderField, SectionFlag } from '../portable-executable.js';

/** Where the program's image lies and what its sections are for; every page that is not named is zeros. */
export const Image = {
  base: 0x400000,
  /** Code of the drive: read-only, executable. */
  code: 0x401000,
  /** Two read-only pages, the first of them full of 22. */
  readOnly: 0x402000,
  /** Three copy-on-write pages, the first of them full of 33, the others without a place in the file. */
  data: 0x404000,
  /** One page, shared by all processes, full of 44. */
  shared: 0x407000,
  /** Room for arguments of services. */
  scratch: 0x408000,
  end: 0x40a000,
} as const;

/** Instructions that the driven thread executes, each with a jump to itself behind it. */
export const Drive = {
  /** MOV AL, [ECX] */
  read: Image.code,
  /** MOV [ECX], AL */
  write: Image.code + 4,
  /** INT 2E: service number in EAX, arguments at EDX */
  service: Image.code + 8,
  park: Image.code + 12,
} as const;

const PARK = [0xeb, 0xfe] as const;
const STUBS = Uint8Array.from([0x8a, 0x01, ...PARK, 0x88, 0x01, ...PARK, 0xcd, 0x2e, ...PARK, ...PARK, ...PARK]);
const PAGE = 0x1000;

/** The program: nothing but what a driven thread executes, and a page of every kind that an image can have. */
export function drivenProgram(): Uint8Array {
  const { Code, ReadOnly, Data, Shared } = SectionFlag;
  const filled = (byte: number): Uint8Array => new Uint8Array(PAGE).fill(byte);
  return buildImage({
    imageBase: Image.base,
    sections: [
      { name: '.text', virtualSize: PAGE, characteristics: Code, raw: STUBS },
      { name: '.rdata', virtualSize: 2 * PAGE, characteristics: ReadOnly, raw: filled(0x22) },
      { name: '.data', virtualSize: 3 * PAGE, characteristics: Data, raw: filled(0x33) },
      { name: '.shared', virtualSize: PAGE, characteristics: Shared, raw: filled(0x44) },
      { name: '.scratch', virtualSize: 2 * PAGE, characteristics: Data, raw: new Uint8Array(0) },
    ],
  });
}

/** What the kernel needs of ntdll.dll; a driven thread that comes to one of these stays there. */
const ENTRY_POINTS = [
  'KiFastSystemCall',
  'KiFastSystemCallRet',
  'KiIntSystemCall',
  'KiRaiseUserExceptionDispatcher',
  'KiUserApcDispatcher',
  'KiUserCallbackDispatcher',
  'KiUserExceptionDispatcher',
  'LdrInitializeThunk',
] as const;
const NTDLL_BASE = 0x7c900000;
const DLL = 0x2102;
const EXPORT_DIRECTORY = HeaderField.magic + 96;
const TEXT = 0x1000;

/** An ntdll.dll in which every entry point is a jump to itself. */
export function drivenSystemDll(): Uint8Array {
  const raw = new Uint8Array(PAGE);
  const view = new DataView(raw.buffer);
  const count = ENTRY_POINTS.length;
  const table = 0x100;
  const functions = table + 40;
  const names = functions + count * 4;
  const ordinals = names + count * 4;
  let text = ordinals + count * 2;
  const dword = (at: number, value: number): void => view.setUint32(at, value, true);
  const string = (value: string): number => {
    const at = text;
    for (let index = 0; index < value.length; index++) raw[at + index] = value.charCodeAt(index);
    text += value.length + 1;
    return at + TEXT;
  };
  dword(table + 12, string('ntdll.dll'));
  dword(table + 16, 1);
  dword(table + 20, count);
  dword(table + 24, count);
  dword(table + 28, functions + TEXT);
  dword(table + 32, names + TEXT);
  dword(table + 36, ordinals + TEXT);
  for (const [index, name] of ENTRY_POINTS.entries()) {
    raw.set(PARK, index * 16);
    dword(functions + index * 4, index * 16 + TEXT);
    dword(names + index * 4, string(name));
    view.setUint16(ordinals + index * 2, index, true);
  }
  const image = buildImage({
    imageBase: NTDLL_BASE,
    sections: [{ name: '.text', virtualSize: PAGE, characteristics: SectionFlag.Code, raw }],
  });
  const header = new DataView(image.buffer);
  header.setUint16(HeaderField.characteristics, DLL, true);
  header.setUint32(EXPORT_DIRECTORY, table + TEXT, true);
  header.setUint32(EXPORT_DIRECTORY + 4, PAGE - table, true);
  return image;
}
