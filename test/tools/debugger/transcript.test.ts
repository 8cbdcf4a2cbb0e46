import { describe, expect, it } from 'vitest';
import { debugSample } from './debugged-program.js';

describe('breakpoints and stacks', () => {
  it('stop at a name of a module, show the stack and the variables', async () => {
    const { transcript } = await debugSample();
    expect(await transcript('bp sample!leaf', 'g', 'p 3', '.frame 1', 'dv')).toContain(
      [
        'kd> .frame 1',
        '01 0022ff88 00401159 sample!middle+0x29 [./sample.c @ 23]',
        'kd> dv',
        '          count = 0n5',
        '          total = 0n0',
        '              i = 0n0',
        '',
      ].join('\n'),
    );
  });

  it('stop at a source line, and show values in their types', async () => {
    const { run } = await debugSample();
    await run('bp `sample.c:18`');
    expect(await run('g')).toContain('Breakpoint 0 hit\n');
    expect(await run('dv')).toBe(
      [
        '          depth = 0n0',
        '              p = 0x00402000',
        '          local = 0n0',
        '           tint = GREEN (0n5)',
      ].join('\n'),
    );
    expect(await run('dt point poi(p)')).toBe(
      [
        '   +0x000 x                : 0n3',
        '   +0x004 y                : 0n4',
        '   +0x008 name             : "origin"',
      ].join('\n'),
    );
  });

  it('walk out of functions without frame pointers into the libraries', async () => {
    const { run } = await debugSample();
    await run('bp sample!start; g; sxe sc:NtAllocateVirtualMemory');
    const text = await run('g; k');
    expect(text).toContain('System call NtAllocateVirtualMemory(ffffffff, ');
    expect(text).toMatch(
      /ntdll!KiFastSystemCall\+0x2\n.*ntdll!NtAllocateVirtualMemory\+0xc\n.*kernel32!VirtualAlloc\+.*\n.*sample!start\+/,
    );
  });

  it('count passes, test conditions, run commands, and can be switched off', async () => {
    const { run } = await debugSample();
    await run('bp /w "poi(esp+4) == 3" leaf ".echo here; ? poi(esp+4)"');
    expect(await run('g')).toMatch(/Breakpoint 0 hit[\s\S]*\nhere\nEvaluate expression: 3 = 00000003$/);
    await run('bc *');
    await run('bp leaf 2');
    await run('g');
    expect(await run('? poi(esp+4)')).toContain('= 00000000');
    await run('bd 0');
    expect(await run('g')).toContain('The program has ended with status 0000003c');
  });

  it('wait for modules that are not loaded yet', async () => {
    const { run } = await debugSample();
    expect(await run('bp kernel32!VirtualAlloc')).toBe(
      "Bp expression 'kernel32!VirtualAlloc' could not be resolved, adding deferred bp",
    );
    expect(await run('g')).toMatch(
      /^ModLoad: [0-9a-f]{8} [0-9a-f]{8} {3}.*kernel32\.dll\nBreakpoint 0 hit\n[\s\S]*kernel32!VirtualAlloc:/,
    );
  });

  it('stop behind the service in which the kernel touched watched memory', async () => {
    const { run } = await debugSample();
    // NtAllocateVirtualMemory(process, &base, 0, &size, ...): the kernel reads and writes both.
    await run('bp sample!start; g; bc *; sxe sc:NtAllocateVirtualMemory; g; sxi sc; ba w4 poi(edx+c)');
    expect(await run('g; r eip')).toMatch(/^Breakpoint 0 hit\n[\s\S]*ntdll!KiFastSystemCallRet:\n/);
    expect(await run('? poi(poi(esp+c))')).toMatch(/= 00[1-9a-f]/);

    const { run: other } = await debugSample();
    await other('bp sample!start; g; bc *; sxe sc:NtAllocateVirtualMemory; g; sxi sc; ba r4 edx+8');
    expect(await other('g')).toMatch(/^Breakpoint 0 hit\n[\s\S]*ntdll!KiFastSystemCallRet:\n/);
  });

  it('stop behind the instruction that touched watched memory', async () => {
    const { run, json } = await debugSample();
    await run('ba w4 table+8');
    expect(await json('g')).toMatchObject({
      stop: 'data',
      breakpoint: 0,
      address: 0x405008,
      symbol: 'sample!leaf+0x27',
    });
    expect(await run('? poi(table+8)')).toContain('= 00000004');
  });
});

describe('stepping', () => {
  it('goes into calls with t, over them with p, out of them with gu', async () => {
    const { run, json } = await debugSample();
    await run('bp sample!middle');
    await run('g');
    await run('bc *');
    await run('pa middle+24');
    expect(await json('t')).toMatchObject({ stop: 'step', symbol: 'sample!leaf' });
    expect(await json('gu')).toMatchObject({ stop: 'temporary', symbol: 'sample!middle+0x29' });
    expect(await json('gu')).toMatchObject({ symbol: 'sample!start+0x4f' });
    expect(await run('r eax')).toBe('eax=0000003c');
  });

  it('shows registers, the instruction and what its operand refers to', async () => {
    const { run } = await debugSample();
    await run('bp sample!leaf+6');
    const text = await run('g');
    expect(text).toMatch(
      /eip=00401006 esp=0022ff68 ebp=0022ff70 iopl=0 {9}[a-z ]{23}\ncs=001b {2}ss=0023 {2}ds=0023 {2}es=0023 {2}fs=003b {2}gs=0000 {13}efl=[0-9a-f]{8}\nsample!leaf\+0x6 \[\.\/sample\.c @ 15\]:\n00401006 8b4508 {10}mov {5}eax,dword ptr \[ebp\+8\] {3}ss:0023:0022ff78=00000000$/,
    );
  });
});

describe('exceptions', () => {
  it('stop at the instruction, with the fault explained down to the PTE', async () => {
    const { run } = await debugSample('!');
    const text = await run('g');
    expect(text).toContain('Access violation - code c0000005 (first chance)\n');
    expect(text).toContain('Fault: write of 00000008 from user mode\n');
    expect(text).toContain('0040117f 8902            mov     dword ptr [edx],eax  (sample!start+0x75)\n');
    expect(text).toMatch(
      / {2}PDPTE {8}at physical [0-9a-f]{9} contains [0-9A-F]{16}\n {2}PDE {10}at physical .*\n {2}PTE {10}at physical /,
    );
    expect(text).toContain(
      '  walk         ends: not present\n  PTE before   0000000000000000  not valid: zero, the VAD decides\n',
    );
    expect(text).toContain('  VAD          no VAD: the lowest 64 KB belong to nobody\n');
    expect(text).toContain('  kernel       access-violation: refused: nothing was changed\n');
    expect(text).toContain('  exception    c0000005 STATUS_ACCESS_VIOLATION\n');
    expect(text).toMatch(/0040117f 8902 {12}mov {5}dword ptr \[edx\],eax {5}ds:0023:00000008=\?\?\?\?\?\?\?\?$/);
  });

  it('are seen a second time when nobody handles them, and then end the program', async () => {
    const { run } = await debugSample('!');
    await run('g');
    const second = await run('g');
    expect(second).toContain('code c0000005 (!!! second chance !!!)\neax=');
    expect(second).toMatch(/\n0040117f 8902 .* ds:0023:00000008=\?{8}$/);
    expect(await run('k')).toMatch(/^ChildEBP RetAddr *\n[0-9a-f]{8} [0-9a-f]{8} sample!start\+0x75/);
    expect(await run('dv')).toContain('total');
    expect(await run('g')).toContain('The program has ended with status c0000005');
    expect(await run('r')).toBe('The program is not running');
    expect(await run('g')).toBe('The program has ended; nothing can be executed');
    expect(await run('? 1')).toContain('= 00000001');
  });

  it('can be repaired at the second chance too, in the context that was raised', async () => {
    const { run, guestOutput } = await debugSample('!');
    await run('g');
    await run('g');
    await run('r edx=table');
    expect(await run('r edx')).toBe('edx=00405000');
    expect(await run('gh')).toContain('ended with status 0000003c');
    expect(guestOutput()).toBe('done\r\n');
  });

  it('can be repaired: the debugger changes a register and the program goes on', async () => {
    const { run, guestOutput } = await debugSample('!');
    await run('sxi av');
    await run('bp sample!start+75');
    await run('g');
    await run('r edx=table');
    expect(await run('g')).toContain('ended with status 0000003c');
    expect(guestOutput()).toBe('done\r\n');
  });
});

describe('page faults', () => {
  it('stop by kind and range', async () => {
    const { run, json } = await debugSample();
    await run('sxi ld');
    await run('bf demand-zero table');
    expect(await json('g')).toMatchObject({
      stop: 'fault',
      fault: { access: 'write', address: 0x405000, outcome: 'demand-zero', pteBefore: '0000000000000000' },
    });
    expect(await run('!pte table')).toMatch(
      /^00405000 {2}- PDE at C0600010 {8}PTE at C0002028\n.*\n.*pfn [0-9a-f]+ ---DA--UW-V$/,
    );
  });
});
