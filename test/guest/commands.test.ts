import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runGuest } from './guest-program.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nt86-guest-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs cmd.exe with drive C: in the folder: its output by lines, and its status. */
function cmd(args: readonly string[], stdin = ''): { lines: readonly string[]; errors: string; status: number | null } {
  const run = runGuest('cmd', { args, stdin, mounts: [{ drive: 'C', folder, readOnly: false }] });
  expect(run.inconsistency).toBeNull();
  const lines = run.stdout.replaceAll('\r\n', '\n').split('\n');
  return { lines, errors: run.stderr.replaceAll('\r\n', '\n'), status: run.result.status };
}

const BATCH = [
  '@echo off',
  'echo hello %1 %~n2 [%3] %*',
  'set A=one two',
  'echo %A% %A:two=three% %A:~0,3% %A:~-3%',
  'if "%A%"=="one two" (echo equal) else echo different',
  'if not exist nothing.txt echo no file',
  'if exist test.bat echo file',
  'for %%i in (a b "c d") do echo item %%i %%~i',
  'for /l %%i in (1,2,7) do echo number %%i',
  'echo line one> out.txt',
  'echo line two>> out.txt',
  'type out.txt',
  'type out.txt | cmd /c "more_or_less 2>nul || echo piped failed"',
  '(echo x&echo y) > two.txt',
  'for /f "tokens=1,2*" %%a in ("p q r s") do echo %%a-%%b-%%c',
  'for /f %%a in (two.txt) do echo got %%a',
  'for /f "delims=" %%a in (\'dir /b *.txt\') do echo found %%a',
  'call :sub alpha beta',
  'echo back %errorlevel%',
  'set /a N=3*(4+5)%%7',
  'echo N is %N%',
  'set /a N+=10',
  'echo N is %N%',
  'md sub\\deep',
  'cd sub\\deep',
  'cd',
  'cd ..\\..',
  'copy out.txt sub\\copy.txt',
  'dir /b /s sub',
  'ren two.txt three.txt',
  'move three.txt sub',
  'del out.txt',
  'rd /s /q sub',
  'dir /b',
  'nosuchcommand 2>err.txt',
  'echo level %errorlevel%',
  'type err.txt',
  'cmd /c exit 7',
  'echo level %errorlevel%',
  'if errorlevel 7 echo at least seven',
  'goto end',
  'echo not here',
  ':sub',
  'echo in sub %1 %2',
  'shift',
  'echo shifted %1',
  'exit /b 5',
  ':end',
  'setlocal enabledelayedexpansion',
  'set V=1',
  'for %%i in (1 2 3) do (',
  '  set /a V=V*2 >nul',
  '  echo V !V!',
  ')',
  'endlocal',
  'echo V is [%V%]',
  'echo a ^& b ^| c "&" ',
  'true && echo yes || echo no',
  'cmd /c exit 0 && echo yes || echo no',
  'exit /b 3',
];

const HELPERS = [
  '@echo off',
  '(echo pear&echo Apple&echo fig&echo apple&echo 10&echo 9) > list',
  'sort list',
  'echo --',
  'sort /r < list',
  'sort /+2 /o sorted list',
  'type sorted | find "p"',
  'echo --',
  'find /n /i "APPLE" list',
  'find /v /c "a" list none 2>&1',
  'echo level %errorlevel%',
  'find "zzz" < list',
  'echo level %errorlevel%',
  'find 2>nul',
  'echo level %errorlevel%',
  'type list | sort | more +3',
  'echo --',
  'md tree\\one\\two',
  'md tree\\empty',
  'echo a> tree\\a.txt',
  'echo bb> tree\\one\\b.txt',
  'echo ccc> tree\\one\\two\\c.dat',
  'xcopy tree copy /s /i',
  'xcopy tree\\*.txt flat\\ /q',
  'echo n| xcopy tree\\a.txt flat',
  'xcopy tree\\a.txt flat /y /l',
  'xcopy nothing flat',
  'echo level %errorlevel%',
  'dir /b /s copy',
  'for /r tree %%f in (*.txt) do echo for %%~nxf',
  'for /r copy\\one %%d in (.) do echo in %%~d',
  'echo --',
  'dir /b /o-n tree',
  'dir /b /os /a-d /s tree',
  'dir /b /ad tree',
  'dir /b /og tree',
  'dir /x 2>&1',
];

describe('the command interpreter', () => {
  it('comes with sort, find, more and xcopy; dir sorts and chooses, for walks trees', () => {
    writeFileSync(join(folder, 'helpers.bat'), `${HELPERS.join('\r\n')}\r\n`);
    const { lines, errors } = cmd(['/c', 'helpers.bat']);
    expect(lines).toEqual([
      ...['10', '9', 'Apple', 'apple', 'fig', 'pear', '--'],
      ...['pear', 'fig', 'Apple', 'apple', '9', '10'],
      ...['pear', 'Apple', 'apple', '--'],
      ...['', '---------- LIST', '[2]Apple', '[4]apple'],
      ...['', '---------- LIST: 4', 'File not found - NONE', 'level 2'],
      ...['level 1', 'level 2'],
      ...['apple', 'fig', 'pear', '--'],
      ...['tree\\a.txt', 'tree\\one\\b.txt', 'tree\\one\\two\\c.dat', '3 File(s) copied'],
      ...['1 File(s) copied', 'Overwrite flat\\a.txt (Yes/No/All)? 0 File(s) copied'],
      ...['tree\\a.txt', '1 File(s) would be copied', '0 File(s) copied', 'level 4'],
      ...[
        'C:\\copy\\a.txt',
        'C:\\copy\\one',
        'C:\\copy\\one\\b.txt',
        'C:\\copy\\one\\two',
        'C:\\copy\\one\\two\\c.dat',
      ],
      ...['for a.txt', 'for b.txt', 'in C:\\copy\\one\\.', 'in C:\\copy\\one\\two\\.', '--'],
      ...['one', 'empty', 'a.txt'],
      ...['C:\\tree\\a.txt', 'C:\\tree\\one\\b.txt', 'C:\\tree\\one\\two\\c.dat'],
      ...['empty', 'one', 'empty', 'one', 'a.txt'],
      ...['Invalid switch - "x".', ''],
    ]);
    expect(errors).toBe('File not found - nothing\n');
  });

  it('carries out a batch file', () => {
    writeFileSync(join(folder, 'test.bat'), `${BATCH.join('\r\n')}\r\n`);
    const { lines, errors, status } = cmd(['/c', 'test.bat', 'first', 'some.txt', 'third arg']);
    expect(lines).toEqual([
      'hello first some ["third arg"] first some.txt "third arg"',
      'one two one three one two',
      'equal',
      'no file',
      'file',
      'item a a',
      'item b b',
      'item "c d" c d',
      'number 1',
      'number 3',
      'number 5',
      'number 7',
      'line one',
      'line two',
      'piped failed',
      'p-q-r s',
      'got x',
      'got y',
      'found out.txt',
      'found two.txt',
      'in sub alpha beta',
      'shifted beta',
      'back 5',
      'N is 6',
      'N is 16',
      'C:\\sub\\deep',
      '        1 file(s) copied.',
      'C:\\sub\\copy.txt',
      'C:\\sub\\deep',
      '        1 file(s) moved.',
      'test.bat',
      'WINDOWS',
      'level 9009',
      "'nosuchcommand' is not recognized as an internal or external command,",
      'operable program or batch file.',
      'level 7',
      'at least seven',
      'V 2',
      'V 4',
      'V 8',
      'V is []',
      'a & b | c "&" ',
      'no',
      'yes ',
      '',
    ]);
    expect(errors).toBe(
      "'true' is not recognized as an internal or external command,\noperable program or batch file.\n",
    );
    expect(status).toBe(3);
  });

  it('reads commands from its input, in several lines while a parenthesis is open', () => {
    const { lines, status } = cmd(['/q'], 'set X=5\necho %X% %none%\nfor %i in (a b) do (\necho %i\n)\nexit 4\n');
    expect(lines).toEqual(['5 %none%', 'More? More? a', 'b', '']);
    expect(status).toBe(4);
  });

  it('refuses what it does not understand, and a fork bomb of batch files ends', () => {
    expect(cmd(['/c', 'if a b c']).errors).toContain('unexpected at this time');
    expect(cmd(['/c', 'echo a | | b']).status).toBe(1);
    writeFileSync(join(folder, 'bomb.bat'), '@cmd /c bomb.bat | cmd /c bomb.bat\r\n');
    const run = runGuest('cmd', {
      args: ['/c', 'bomb.bat'],
      mounts: [{ drive: 'C', folder, readOnly: false }],
      machine: { memorySize: 32 << 20, maximumInstructions: 25_000_000 },
    });
    expect(['exited', 'limit']).toContain(run.result.reason);
    expect(run.inconsistency).toBeNull();
  });
});
