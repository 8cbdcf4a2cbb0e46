import { type Service, service } from '../ke/service.js';
import type { Kernel } from '../kernel.js';
import { decodeUtf16, encodeUtf16 } from '../mm/user-memory.js';
import { isSuccess, Status } from '../ntstatus.js';
import { generateControlEvent } from '../ps/control-events.js';
import type { Blocking, NtStatus } from '../types.js';
import { isKnownCodePage } from './code-page.js';
import { ConsoleChannel, type ConsoleDevice, ControlEvent, OutputMode } from './console-device.js';
import { INPUT_RECORD_SIZE } from './console-input.js';
import { InputMode } from './console-line.js';
import { concatenate, dword, putBytes } from './information-bytes.js';
import { countOperation } from './io-counters.js';
import {
  beginOperation,
  completeOperation,
  controlAccess,
  controlBuffers,
  type IoOperation,
  type IoResult,
  refused,
} from './io-status.js';

/** Control codes of \Device\Console: kernel32's console functions. Text is UTF-16. */
export const ConsoleControl = {
  /** out: ULONG */
  GET_MODE: 0x500004,
  /** in: ULONG */
  SET_MODE: 0x500008,
  /** out: CONSOLE_SCREEN_BUFFER_INFO, 22 bytes */
  GET_SCREEN_BUFFER_INFO: 0x50000c,
  /** out: text */
  READ_CONSOLE: 0x500010,
  /** in: text */
  WRITE_CONSOLE: 0x500014,
  /** out: ULONG input code page, ULONG output code page */
  GET_CODE_PAGES: 0x500018,
  /** in: ULONG input code page, ULONG output code page */
  SET_CODE_PAGES: 0x50001c,
  /** in: WORD */
  SET_TEXT_ATTRIBUTE: 0x500020,
  /** in: COORD */
  SET_CURSOR_POSITION: 0x500024,
  /** out: ULONG */
  GET_NUMBER_OF_INPUT_EVENTS: 0x500028,
  /** in: text */
  SET_TITLE: 0x50002c,
  /** out: text */
  GET_TITLE: 0x500030,
  /** in: WORD 0 character or 1 attribute, WORD value, ULONG count, COORD */
  FILL_OUTPUT: 0x500034,
  FLUSH_INPUT: 0x500038,
  /** out: INPUT_RECORDs, at least one; waits for it */
  READ_INPUT: 0x500044,
  /** out: INPUT_RECORDs that are there, which stay */
  PEEK_INPUT: 0x500048,
  /** in: INPUT_RECORDs */
  WRITE_INPUT: 0x50004c,
  /**
   * in: ULONG thunk, ULONG routine, ULONG has handlers: where threads begin that handle Ctrl-C (kernel/ps/control-events.ts), ULONG begins a
   * process group
   */
  SET_CONTROL_ROUTINE: 0x50003c,
  /** in: ULONG event, ULONG process group or 0 */
  GENERATE_CONTROL_EVENT: 0x500040,
} as const;

const MAXIMUM_INPUT = 0x10000;
const MAXIMUM_TITLE = 0x1000;

/** Arguments of NtDeviceIoControlFile behind the usual five. */
interface ControlCall {
  readonly code: number;
  readonly input: Uint8Array;
  readonly outputBuffer: number;
  readonly outputLength: number;
}

function* deviceIoControl(kernel: Kernel, ...given: number[]): Blocking<NtStatus> {
  const [file, event, apcRoutine, apcContext, ioStatusBlock, code] = given;
  const [{ address: outputBuffer, length: outputLength }, { address: inputBuffer, length: inputLength }] =
    controlBuffers(given);
  const { user } = kernel;
  const operation = yield* beginOperation(
    kernel,
    { file, event, apcRoutine, apcContext, ioStatusBlock },
    { access: controlAccess(code), ranges: controlBuffers(given) },
  );
  if (typeof operation === 'number') return operation;
  countOperation(kernel, 'other', 0);
  const { device } = operation.file;
  if (device.kind !== 'console') {
    const isConsoleCode = code >>> 16 === 0x50;
    const refusal = isConsoleCode ? Status.OBJECT_TYPE_MISMATCH : Status.INVALID_DEVICE_REQUEST;
    return completeOperation(kernel, operation, refused(refusal));
  }
  const input = user.readBytes(inputBuffer, Math.min(inputLength, MAXIMUM_INPUT));
  const call: ControlCall = { code, input, outputBuffer, outputLength };
  const result =
    code === ConsoleControl.WRITE_CONSOLE
      ? writeConsole(kernel, operation, device, inputBuffer, inputLength)
      : yield* controlConsole(kernel, operation, device, call);
  return completeOperation(kernel, operation, result);
}

function* controlConsole(
  kernel: Kernel,
  operation: IoOperation,
  console: ConsoleDevice,
  call: ControlCall,
): Blocking<IoResult> {
  const { code, input } = call;
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const isInput = operation.file.channel === ConsoleChannel.Input;
  const put = (bytes: Uint8Array): IoResult => {
    if (call.outputLength < bytes.length) return refused(Status.BUFFER_TOO_SMALL);
    return putBytes(kernel, call.outputBuffer, call.outputLength, bytes);
  };
  const needs = (size: number): boolean => input.length >= size;
  switch (code) {
    case ConsoleControl.GET_MODE:
      return put(dword(isInput ? console.inputMode : console.outputMode));
    case ConsoleControl.SET_MODE:
      return needs(4) ? setMode(console, isInput, view.getUint32(0, true)) : TOO_SMALL;
    case ConsoleControl.GET_SCREEN_BUFFER_INFO:
      return isInput ? refused(Status.INVALID_HANDLE) : put(screenBufferInformation(console));
    case ConsoleControl.READ_CONSOLE:
      return isInput ? yield* readConsole(kernel, console, call) : refused(Status.INVALID_HANDLE);
    case ConsoleControl.GET_CODE_PAGES:
      return put(concatenate([dword(console.inputCodePage), dword(console.outputCodePage)]));
    case ConsoleControl.SET_CODE_PAGES:
      return needs(8) ? setCodePages(console, view.getUint32(0, true), view.getUint32(4, true)) : TOO_SMALL;
    case ConsoleControl.SET_TEXT_ATTRIBUTE:
      return needs(2) ? setTextAttribute(console, view.getUint16(0, true)) : TOO_SMALL;
    case ConsoleControl.SET_CURSOR_POSITION:
      return needs(4) ? setCursor(console, view.getInt16(0, true), view.getInt16(2, true)) : TOO_SMALL;
    case ConsoleControl.GET_NUMBER_OF_INPUT_EVENTS:
      console.poll();
      return isInput ? put(dword(console.eventCount)) : refused(Status.INVALID_HANDLE);
    case ConsoleControl.READ_INPUT:
      return isInput ? yield* readInput(kernel, console, call) : refused(Status.INVALID_HANDLE);
    case ConsoleControl.PEEK_INPUT:
      return isInput ? peekInput(kernel, console, call) : refused(Status.INVALID_HANDLE);
    case ConsoleControl.WRITE_INPUT:
      return isInput ? writeInput(kernel, console, input) : refused(Status.INVALID_HANDLE);
    case ConsoleControl.SET_TITLE:
      console.title = decodeUtf16(input.subarray(0, MAXIMUM_TITLE));
      return SUCCEEDED;
    case ConsoleControl.GET_TITLE:
      return putBytes(kernel, call.outputBuffer, call.outputLength, encodeUtf16(console.title));
    case ConsoleControl.FILL_OUTPUT:
      return needs(12) ? fillOutput(console, view) : TOO_SMALL;
    case ConsoleControl.FLUSH_INPUT:
      console.flushInput();
      return SUCCEEDED;
    case ConsoleControl.SET_CONTROL_ROUTINE:
      return needs(16) ? setControlRoutine(kernel, view) : TOO_SMALL;
    case ConsoleControl.GENERATE_CONTROL_EVENT:
      return needs(8) ? generateEvent(kernel, view.getUint32(0, true), view.getUint32(4, true)) : TOO_SMALL;
    default:
      return refused(Status.INVALID_DEVICE_REQUEST);
  }
}

function setControlRoutine(kernel: Kernel, view: DataView): IoResult {
  const process = kernel.ke.currentThread.process.executive;
  const [thunk, routine, handlers, group] = [0, 4, 8, 12].map((at) => view.getUint32(at, true));
  if (process !== null) process.controlRoutine = { thunk, routine, hasHandlers: handlers !== 0 };
  if (process !== null && group !== 0) process.controlGroup = process.processId;
  return SUCCEEDED;
}

function generateEvent(kernel: Kernel, event: number, group: number): IoResult {
  if (event > ControlEvent.CTRL_BREAK) return refused(Status.INVALID_PARAMETER);
  return generateControlEvent(kernel.ps, event, group) ? SUCCEEDED : refused(Status.INVALID_PARAMETER);
}

const SUCCEEDED: IoResult = { status: Status.SUCCESS, information: 0 };
const TOO_SMALL: IoResult = refused(Status.INVALID_PARAMETER);

function setMode(console: ConsoleDevice, isInput: boolean, mode: number): IoResult {
  if ((mode & ~(isInput ? InputMode.VALID : OutputMode.VALID)) !== 0) return refused(Status.INVALID_PARAMETER);
  const echoWithoutLines = (mode & InputMode.ECHO_INPUT) !== 0 && (mode & InputMode.LINE_INPUT) === 0;
  if (isInput && echoWithoutLines) return refused(Status.INVALID_PARAMETER);
  if (isInput) console.inputMode = mode;
  else console.outputMode = mode;
  return SUCCEEDED;
}

function setCodePages(console: ConsoleDevice, input: number, output: number): IoResult {
  if (!isKnownCodePage(input) || !isKnownCodePage(output)) return refused(Status.INVALID_PARAMETER);
  console.inputCodePage = input;
  console.outputCodePage = output;
  return SUCCEEDED;
}

/** Buffer size, cursor, attributes, window rectangle and maximum window size, all WORDs. */
function screenBufferInformation(console: ConsoleDevice): Uint8Array {
  const { columns, rows } = console.host.size();
  const words = [
    columns,
    rows,
    console.cursorX,
    console.cursorY,
    console.attributes,
    0,
    0,
    columns - 1,
    rows - 1,
    columns,
    rows,
  ];
  const bytes = new Uint8Array(words.length * 2);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => {
    view.setInt16(index * 2, word, true);
  });
  return bytes;
}

function* readConsole(kernel: Kernel, console: ConsoleDevice, call: ControlCall): Blocking<IoResult> {
  const maximum = call.outputLength >>> 1;
  if (maximum === 0) return SUCCEEDED;
  const input = yield* kernel.io.readConsole(() => console.takeText(maximum));
  // The end of input is a successful read of nothing.
  if (typeof input === 'number') return input === Status.END_OF_FILE ? SUCCEEDED : refused(input);
  return putBytes(kernel, call.outputBuffer, call.outputLength, encodeUtf16(input.text));
}

/** Waits for an event at least. END_OF_FILE where none will come. */
function* readInput(kernel: Kernel, console: ConsoleDevice, call: ControlCall): Blocking<IoResult> {
  const maximum = Math.floor(call.outputLength / INPUT_RECORD_SIZE);
  if (maximum === 0) return SUCCEEDED;
  const records = yield* kernel.io.readConsole(() => console.takeRecords(maximum, true));
  if (typeof records === 'number') return refused(records);
  return putBytes(kernel, call.outputBuffer, call.outputLength, concatenate(records));
}

function peekInput(kernel: Kernel, console: ConsoleDevice, call: ControlCall): IoResult {
  console.poll();
  const records = console.takeRecords(Math.floor(call.outputLength / INPUT_RECORD_SIZE), false);
  if (typeof records === 'string') return SUCCEEDED;
  return putBytes(kernel, call.outputBuffer, call.outputLength, concatenate(records));
}

/** Who waits for input wakes. INSUFFICIENT_RESOURCES: nobody has read what was put there before. */
function writeInput(kernel: Kernel, console: ConsoleDevice, input: Uint8Array): IoResult {
  if (input.length % INPUT_RECORD_SIZE !== 0) return TOO_SMALL;
  const records = Array.from({ length: input.length / INPUT_RECORD_SIZE }, (_, index) =>
    input.slice(index * INPUT_RECORD_SIZE, (index + 1) * INPUT_RECORD_SIZE),
  );
  if (!console.addRecords(records)) return refused(Status.INSUFFICIENT_RESOURCES);
  kernel.io.inputArrived();
  return { status: Status.SUCCESS, information: input.length };
}

function writeConsole(
  kernel: Kernel,
  operation: IoOperation,
  console: ConsoleDevice,
  buffer: number,
  length: number,
): IoResult {
  const { channel } = operation.file;
  if (channel === ConsoleChannel.Input) return refused(Status.INVALID_HANDLE);
  for (let offset = 0; offset < length; ) {
    let size = Math.min(MAXIMUM_INPUT, length - offset);
    let text = decodeUtf16(kernel.user.readBytes(buffer + offset, size));
    // A surrogate pair is not torn between two pieces.
    if (size < length - offset && /[\ud800-\udbff]$/.test(text)) {
      text = text.slice(0, -1);
      size -= 2;
    }
    const failure = kernel.user.takeFailure();
    if (!isSuccess(failure)) return refused(failure);
    const status = console.writeText(channel, text);
    if (!isSuccess(status)) return refused(status);
    offset += size;
  }
  return { status: Status.SUCCESS, information: length };
}

/** The sixteen colours as the terminal's: Windows counts blue 1, green 2, red 4. */
const ANSI_COLOURS = [0, 4, 2, 6, 1, 5, 3, 7] as const;

function setTextAttribute(console: ConsoleDevice, attributes: number): IoResult {
  console.attributes = attributes;
  const foreground = ANSI_COLOURS[attributes & 7] + ((attributes & 8) !== 0 ? 90 : 30);
  const background = ANSI_COLOURS[(attributes >> 4) & 7] + ((attributes & 0x80) !== 0 ? 100 : 40);
  const plain = (attributes & 0xff) === 7;
  return writeEscape(console, plain ? '[0m' : `[${foreground};${background}m`);
}

function setCursor(console: ConsoleDevice, x: number, y: number): IoResult {
  const { columns, rows } = console.host.size();
  if (x < 0 || y < 0 || x >= columns || y >= rows) return refused(Status.INVALID_PARAMETER);
  console.cursorX = x;
  console.cursorY = y;
  return writeEscape(console, `[${y + 1};${x + 1}H`);
}

/** Characters are written there and the cursor comes back; attributes alone cannot be given to a terminal. */
function fillOutput(console: ConsoleDevice, view: DataView): IoResult {
  const { columns, rows } = console.host.size();
  const [x, y] = [view.getInt16(8, true), view.getInt16(10, true)];
  if (x < 0 || y < 0 || x >= columns || y >= rows) return refused(Status.INVALID_PARAMETER);
  const count = Math.min(view.getUint32(4, true), columns * rows - (y * columns + x));
  if (view.getUint16(0, true) === 0) {
    const text = String.fromCharCode(view.getUint16(2, true)).repeat(count);
    writeEscape(console, `7\x1b[${y + 1};${x + 1}H${text}\x1b8`);
  }
  return { status: Status.SUCCESS, information: count };
}

function writeEscape(console: ConsoleDevice, sequence: string): IoResult {
  const status = console.writeText(ConsoleChannel.Output, `\x1b${sequence}`);
  return isSuccess(status) ? SUCCEEDED : refused(status);
}

export const deviceControlServices: readonly Service[] = [service('NtDeviceIoControlFile', deviceIoControl)];
