import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guestImages } from '../../tools/package-root.js';
import { readPeFile } from '../../tools/pe-file.js';
import { type GuestRun, type GuestRunOptions, runGuest } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-guest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The kernel32 functions that three or more of forty real console programs import. */
const neededFunctions = `
  AddVectoredExceptionHandler CloseHandle CompareStringW CreateEventA CreateEventW CreateFileA
  CreateFileMappingA CreateFileW CreateProcessA CreateSemaphoreA CreateThread DecodePointer
  DeleteCriticalSection DeleteFileW DeviceIoControl DuplicateHandle EncodePointer EnterCriticalSection
  ExitProcess FileTimeToSystemTime FillConsoleOutputAttribute FillConsoleOutputCharacterA FindClose
  FindFirstFileA FindFirstFileExW FindFirstFileW FindNextFileA FindNextFileW FlushFileBuffers FormatMessageA
  FormatMessageW FreeEnvironmentStringsW FreeLibrary GetACP GetCPInfo GetCommandLineA GetCommandLineW
  GetConsoleCP GetConsoleMode GetConsoleScreenBufferInfo GetCurrentDirectoryW GetCurrentProcess
  GetCurrentProcessId GetCurrentThread GetCurrentThreadId GetEnvironmentStringsW GetEnvironmentVariableW
  GetExitCodeProcess GetFileAttributesA GetFileAttributesW GetFileInformationByHandle GetFileSize
  GetFileSizeEx GetFileType GetFullPathNameA GetFullPathNameW GetHandleInformation GetLastError
  GetModuleFileNameA GetModuleFileNameW GetModuleHandleA GetModuleHandleExW GetModuleHandleW GetOEMCP
  GetProcAddress GetProcessAffinityMask GetProcessHeap GetProcessTimes GetStartupInfoA GetStartupInfoW
  GetStdHandle GetStringTypeW GetSystemDirectoryA GetSystemInfo GetSystemTimeAsFileTime GetTempPathA
  GetTempPathW GetThreadContext GetThreadPriority GetTickCount GetTickCount64 GetTimeZoneInformation
  HeapAlloc HeapFree HeapReAlloc HeapSize InitializeCriticalSection InitializeSListHead IsDBCSLeadByteEx
  IsDebuggerPresent IsProcessorFeaturePresent IsValidCodePage LCMapStringW LeaveCriticalSection LoadLibraryA
  LoadLibraryExW LoadLibraryW LocalFree MapViewOfFile MoveFileExA MultiByteToWideChar OpenProcess
  OutputDebugStringA OutputDebugStringW PeekNamedPipe QueryPerformanceCounter QueryPerformanceFrequency
  RaiseException ReadConsoleW ReadFile ReleaseSemaphore RemoveVectoredExceptionHandler ResetEvent
  ResumeThread RtlUnwind SetConsoleCtrlHandler SetConsoleCursorPosition SetConsoleMode
  SetConsoleTextAttribute SetCurrentDirectoryW SetEndOfFile SetEnvironmentVariableW SetEvent SetFilePointer
  SetFilePointerEx SetFileTime SetLastError SetProcessAffinityMask SetStdHandle SetThreadContext
  SetThreadPriority SetUnhandledExceptionFilter Sleep SuspendThread SwitchToThread SystemTimeToFileTime
  TerminateProcess TlsAlloc TlsGetValue TlsSetValue TryEnterCriticalSection UnhandledExceptionFilter
  UnmapViewOfFile VirtualProtect VirtualQuery WaitForMultipleObjects WaitForSingleObject
  WaitForSingleObjectEx WideCharToMultiByte WriteConsoleW WriteFile
`
  .trim()
  .split(/\s+/);

const image = (name: string) => readPeFile(readFileSync(join(guestImages, name)));
const exportsOf = (name: string) => new Set(image(name).exports.map((entry) => entry.name));

describe('ntdll and kernel32 do what their checks in guest/programs ask', () => {
  const checks = [
    'heap',
    'text',
    'threads',
    'loader',
    'files',
    'names',
    'processes',
    'security',
    'pipes',
    'commands',
    'cache',
  ];
  function check(name: string, machine: GuestRunOptions['machine'] = {}): void {
    const mounts: GuestRunOptions = ['files', 'names', 'cache'].includes(name)
      ? { mounts: [{ drive: 'C', folder, readOnly: false }] }
      : {};
    const run = runGuest(`check-${name}`, { ...mounts, machine });
    expect(run.stdout).toMatch(new RegExp(`^${name}: \\d+ tests executed, 0 failures\n$`));
    expect(run.result).toMatchObject({ reason: 'exited', status: 0 });
    expect(run.inconsistency).toBeNull();
  }

  it.each(checks)('check-%s', (name) => check(name));

  it('check-cache with more memory than the working set list of the cache has room for', () =>
    check('cache', { memorySize: 2 ** 36 }));
});

describe('exports', () => {
  it('kernel32 has every function that real programs need', () => {
    const exported = exportsOf('kernel32.dll');
    expect(neededFunctions.filter((name) => !exported.has(name))).toEqual([]);
  });

  it('every import and forwarder of the system images is exported by the image that it names', () => {
    const missing: string[] = [];
    for (const file of ['ntdll.dll', 'kernel32.dll', 'msvcrt.dll', 'advapi32.dll', 'shell32.dll', 'psapi.dll']) {
      const { imports, exports } = image(file);
      for (const { dll, functions } of imports) {
        const offered = exportsOf(dll.toLowerCase());
        for (const name of functions) if (!offered.has(name)) missing.push(`${file}: ${dll}.${name}`);
      }
      for (const { forwarder } of exports) {
        if (forwarder === null) continue;
        const [dll, name] = forwarder.split('.');
        if (!exportsOf(`${dll.toLowerCase()}.dll`).has(name)) missing.push(`${file}: ${forwarder}`);
      }
    }
    expect(missing).toEqual([]);
  });

  it('system images do not overlap at their preferred bases', () => {
    const bases = readdirSync(guestImages)
      .filter((file) =>
        ['ntdll.dll', 'kernel32.dll', 'msvcrt.dll', 'advapi32.dll', 'shell32.dll', 'psapi.dll'].includes(file),
      )
      .map((file) => ({ file, base: image(file).imageBase, size: image(file).imageSize }))
      .sort((a, b) => a.base - b.base);
    for (let i = 1; i < bases.length; i++) {
      expect(bases[i - 1].base + bases[i - 1].size, bases[i - 1].file).toBeLessThanOrEqual(bases[i].base);
    }
  });
});

describe('a program that cannot be started', () => {
  /** Runs a changed copy of hello-nocrt.exe from drive C:. */
  function runChanged(change: (bytes: Buffer) => void): GuestRun {
    const bytes = readFileSync(join(guestImages, 'hello-nocrt.exe'));
    change(bytes);
    writeFileSync(join(folder, 'changed.exe'), bytes);
    return runGuest('changed', {
      mounts: [{ drive: 'C', folder, readOnly: true }],
      machine: { imagePath: '\\??\\C:\\changed.exe', commandLine: 'changed', maximumInstructions: 20_000_000 },
    });
  }
  const replaceText = (bytes: Buffer, from: string, to: string) =>
    bytes.write(to, bytes.indexOf(from, 'latin1'), 'latin1');

  it('names the missing DLL', () => {
    const { result } = runChanged((bytes) => replaceText(bytes, 'KERNEL32.dll', 'KERNEL99.dll'));
    expect(result.status).toBe(0xc0000135);
    expect(result.hardError?.strings).toEqual(['KERNEL99.dll']);
  });

  it('names the missing function and its DLL', () => {
    const { result } = runChanged((bytes) => replaceText(bytes, 'GetStdHandle', 'GetOddHandle'));
    expect(result.status).toBe(0xc0000139);
    expect(result.hardError?.strings.map((text) => text.toLowerCase())).toEqual(['getoddhandle', 'kernel32.dll']);
  });

  it('whatever the headers and tables say, ends with a status and a sound memory manager', () => {
    let state = 1;
    const random = (limit: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % limit;
    };
    for (let round = 0; round < 60; round++) {
      const run = runChanged((bytes) => {
        for (let i = 0; i < 3; i++) {
          const isHeader = random(2) === 0;
          const at = isHeader ? 0x80 + random(0x200) : 0x400 + random(bytes.length - 0x404);
          bytes.writeUInt32LE(random(3) === 0 ? random(0x10000) : Math.imul(random(0x10000), 0x10001) >>> 0, at);
        }
      });
      expect(['exited', 'start-failed', 'limit'], `round ${round}`).toContain(run.result.reason);
      expect(run.inconsistency, `round ${round}`).toBeNull();
    }
  });
});
