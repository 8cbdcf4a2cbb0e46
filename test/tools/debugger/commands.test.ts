import { describe, expect, it } from 'vitest';
import { commandTable } from '../../../tools/debugger/index.js';
import { debugSample } from './debugged-program.js';

/** A program that stands at the first instruction of leaf. */
async function atLeaf() {
  const program = await debugSample();
  await program.run('bp sample!leaf; g; bc *');
  return program;
}

describe('memory', () => {
  it('is shown in every size', async () => {
    const { run } = await atLeaf();
    expect(await run('db origin L10')).toBe(
      '00402000  03 00 00 00 04 00 00 00-6f 72 69 67 69 6e 00 00  ........origin..',
    );
    expect(await run('dw origin L4')).toBe('00402000  0003 0000 0004 0000');
    expect(await run('dd origin L2')).toBe('00402000  00000003 00000004');
    expect(await run('dq origin L1')).toBe('00402000  00000004`00000003');
    expect(await run('da origin+8')).toBe('00402008  "origin"');
    expect(await run('dyb origin L4')).toContain('00402000  00000011 00000000 00000000 00000000  03 00 00 00');
    expect(await run('dps esp L1')).toBe('0022ff74  00401061 sample!middle+0x29');
  });

  it('that is not there is question marks', async () => {
    const { run } = await atLeaf();
    expect(await run('dd 1000 L2')).toBe('00001000  ???????? ????????');
    expect(await run('db 0 L2')).toContain('00000000  ?? ??');
    expect(await run('u 10 L1')).toContain("Memory access error in 'u 00000010'");
    expect(await run('da 10')).toBe('00000010  "????????"');
  });

  it('is changed as the program could change it', async () => {
    const { run, guestOutput } = await atLeaf();
    await run('ed origin 0n100; eb origin+4 1 2 3; eza origin+8 "abc"');
    expect(await run('dd origin L2')).toBe('00402000  00000064 00030201');
    expect(await run('da origin+8')).toBe('00402008  "abc"');
    expect(await run('ed 1000 5')).toBe("Memory access error in 'ed 00001000'");
    expect(await run('g')).toContain('ended with status 00000221');
    expect(guestOutput()).toBe('done\r\n');
  });

  it('is searched', async () => {
    const { run, json } = await atLeaf();
    expect(await run('s -a 400000 L10000 "origin"')).toContain('00402008  6f 72 69 67 69 6e');
    expect(await json('s -d 402000 L100 4')).toEqual([0x402004]);
  });

  it('of images that nobody touched comes from the file', async () => {
    const { run } = await debugSample();
    expect(await run('u sample!leaf L1')).toBe('sample!leaf:\n00401000 55              push    ebp');
  });
});

describe('registers', () => {
  it('are read and written, in whole and in part', async () => {
    const { run } = await atLeaf();
    expect(await run('r esp')).toBe('esp=0022ff74');
    await run('r eax=12345678; r al=ff; r zf=1');
    expect(await run('r eax')).toBe('eax=123456ff');
    expect(await run('r zf')).toBe('zf=1');
    await run('r $t3=eax+1');
    expect(await run('? $t3')).toContain('= 12345700');
    expect(await run('r nosuch')).toBe("Bad register error at 'nosuch'");
  });
});

describe('symbols and modules', () => {
  it('are listed and found', async () => {
    const { run, json } = await atLeaf();
    expect(await run('x sample!mid*')).toBe('00401038 sample!middle');
    expect(await run('ln 40103a')).toBe('./sample.c(21)\n(00401038)   sample!middle+0x2   |  (00401075)   sample!say');
    expect(await json('lm')).toMatchObject([
      { name: 'sample', base: 0x400000, dwarf: true },
      { name: 'kernel32', dwarf: false },
      { name: 'ntdll', base: 0x7c800000 },
    ]);
    expect(await run('lm m nt*')).toMatch(/^start {4}end {8}module name\n7c800000 .*ntdll\.dll$/);
    expect(await run('x nosuch!*')).toBe("No symbols match 'nosuch!*'");
  });
});

describe('structures', () => {
  it('of NT are shown by name', async () => {
    const { run, json } = await atLeaf();
    expect(await run('dt _PEB @$peb ImageBaseAddress')).toBe('   +0x008 ImageBaseAddress : 0x00400000');
    expect(await run('dt _CLIENT_ID')).toBe('   +0x000 UniqueProcess    : Ptr32\n   +0x004 UniqueThread     : Ptr32');
    expect(await json('dt _KUSER_SHARED_DATA 7ffe0000 Nt*')).toMatchObject({ NtMajorVersion: 5, NtMinorVersion: 2 });
    expect(await run('dt nosuch')).toBe('Symbol nosuch not found.');
  });
});

describe('kernel extensions', () => {
  it('show page tables, frames and descriptors that agree', async () => {
    const { run, json, session } = await atLeaf();
    const pte = (await json('!pte esp')) as { pte: { pfn: number } };
    const pfn = (await json(`!pfn ${pte.pte.pfn.toString(16)}`)) as { location: string; pteAddress: number };
    expect(pfn).toMatchObject({ location: 'Active', shareCount: 1, referenceCount: 1 });
    expect(await json('!vad eip')).toMatchObject({ start: 0x400, image: true, protection: 'EXECUTE_WRITECOPY' });
    expect(await run('!pfn ffffff')).toContain('is beyond the last');
    expect(await run('!vad')).toMatch(/^VAD {5}level {6}start {6}end {4}commit\n[\s\S]*\nTotal VADs: /);
    expect(session.machine.verify()).toBeNull();
  });

  it('show an image page that is shared through its prototype PTE', async () => {
    const { json } = await atLeaf();
    const pte = (await json('!pte eip')) as { pte: { pfn: number } };
    const pfn = (await json(`!pfn ${pte.pte.pfn.toString(16)}`)) as { prototype: boolean; pteAddress: number };
    expect(pfn.prototype).toBe(true);
    expect(pfn.pteAddress).toBeGreaterThanOrEqual(0xe1000000);
  });

  it('show control areas and who maps them', async () => {
    const { run, json } = await atLeaf();
    type Area = { address: number; file: string | null; pages: number; views: { process: string; valid: number }[] };
    const areas = (await json('!ca')) as unknown as Area[];
    const own = areas.find(({ file }) => file?.endsWith('sample.exe'));
    if (own === undefined) throw new Error('no control area');
    expect(await run('!ca')).toMatch(/^Control {3}Kind.*\n[\s\S]*Image +1 .*sample\.exe/);
    const [area] = (await json(`!ca ${own.address.toString(16)}`)) as unknown as Area[];
    expect(area?.views).toMatchObject([{ process: 'sample.exe', base: 0x400000, pages: own.pages }]);
    expect(area?.views[0]?.valid).toBeGreaterThan(1);
    expect(await run(`!ca ${own.address.toString(16)}`)).toMatch(/\n {2}Views .*\n.*00400000.* sample\.exe$/);
    expect(await run('!ca 5')).toBe('There is no control area at 00000005');
  });

  it('count every page frame once', async () => {
    const { json } = await atLeaf();
    const usage = (await json('!memusage')) as Record<string, number>;
    const lists = ['Zeroed', 'Free', 'Standby', 'Modified', 'ModifiedNoWrite', 'Active/Valid', 'Transition', 'Bad'];
    expect(lists.reduce((sum, name) => sum + usage[name], 0)).toBe(usage.total);
  });

  it('show processes, threads, handles, objects and pool', async () => {
    const { run, json } = await atLeaf();
    expect(await run('!process 0 0')).toMatch(/Image: System\n[\s\S]*Image: sample\.exe$/);
    expect(await json('!thread')).toMatchObject({ state: 'Running', basePriority: 8 });
    // While the program's pages were read, the zero page thread has done what there was to do.
    expect(await json('!ready')).toEqual([]);
    expect(await run('!handle')).toMatch(/\n0004: Object: [0-9a-f]{8} {2}GrantedAccess: [0-9a-f]{8} {2}File/);
    expect(await run('!handle 5554')).toBe('Handle 5554 is not in use');
    expect(await run('!object \\Device')).toContain('HarddiskVolume1');
    expect(await run('!object \\nosuch')).toBe('Object \\nosuch not found');
    const [process] = [((await json('!process 0 0')) as { address: number }[])[1]];
    expect(await run(`!pool ${process.address.toString(16)}`)).toMatch(
      /\n\*[0-9a-f]{8} size: .*\(Allocated\) \*Proc(\n|$)/,
    );
    expect(await run('!cache')).toMatch(/^\*\*\* {2}Cache\n {2}Current size +\d+ {3}\( +\d+ Kb\)\n/);
    expect(await json('!filecache')).toEqual({ files: [] });
    expect(await json('!cache')).toMatchObject({ pinned: 0, lockedPages: 0, fetches: 0, deferredWrites: 0 });
    expect(await run('!verify')).toBe('The memory manager is consistent.');
  });

  it('show paging files and the working set list', async () => {
    const { run, json, session } = await atLeaf();
    expect(await run('!pagefile')).toMatch(/^ {6}(No Page File|Page File: )/);
    const { size, entries } = (await json('!wsle')) as { size: number; entries: { address: number }[] };
    expect(entries.length).toBe(size);
    const eip = session.registers.get('eip');
    expect(entries.some(({ address }) => address === eip - (eip & 0xfff))).toBe(true);
  });

  it('!session shows the only one, whose space nothing lies in', async () => {
    const { run, json } = await atLeaf();
    expect(await run('!session')).toMatch(/^Sessions on machine: 1\nValid Sessions: 0\n.*a0000000-bfffffff: empty/s);
    expect(await json('!session 0')).toMatchObject({ sessions: [0], current: 0, sessionSpace: 0xa0000000 });
    expect(await run('!session 1')).toBe('there is no session 1, only 0');
  });
});

describe('the command table', () => {
  it('has every command once, with syntax and help', () => {
    const names = commandTable.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { syntax, help, name } of commandTable) {
      expect(syntax.startsWith(name), name).toBe(true);
      expect(help, name).not.toBe('');
    }
  });

  it('answers --json from every command that needs no arguments', async () => {
    const { json } = await atLeaf();
    for (const { name } of commandTable) {
      if (['t', 'p', 'g', 'gu', 'q', 'bp', 'bu', 'bf'].includes(name)) continue;
      expect(await json(name), name).toBeDefined();
    }
  });

  it.each([
    ['nosuch', "Syntax error in 'nosuch'; .help lists the commands"],
    ['%%%', "Syntax error in '%%%'; .help lists the commands"],
    ['bp', ''],
    ['bc 7', 'Breakpoint 7 does not exist'],
    ['ba w4 table+1', 'The address must be a multiple of 4'],
    ['dd eip L999999', 'Range error: more than 0x10000 elements'],
    ['sxe nosuch', "'nosuch' is no event; sx lists them"],
    ['~9s', 'There is no thread 9'],
    ['.frame 99', 'Cannot find frame 0x99, previous scope unchanged'],
    ['?', '? takes an expression; .help lists the commands'],
  ])('answers %s and goes on', async (line, answer) => {
    const { run } = await atLeaf();
    expect(await run(line)).toBe(answer);
    expect(await run('? 1+1')).toBe('Evaluate expression: 2 = 00000002');
  });
});
