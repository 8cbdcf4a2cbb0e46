import { describe, expect, it } from 'vitest';
import { debugSample } from './debugged-program.js';

/** At the first statement of leaf, called with depth 0. */
async function atLeaf() {
  const program = await debugSample();
  await program.run('sxi ld; bp sample!leaf; g; bc *; p 3');
  return program;
}

describe('what is seldom typed', async () => {
  const { run, json } = await atLeaf();

  it.each([
    ['dds esp L4', /^[0-9a-f]{8} {2}[0-9a-f]{8}[\s\S]*sample!middle\+0x/],
    ['du poi(poi(@$peb+10)+3c)', /^[0-9a-f]{8} {2}"[CZ]:\\sample\.exe/],
    [
      'kb',
      /^ChildEBP RetAddr {2}Args to Child[\s\S]*\n0022ff70 [0-9a-f]{8} 00000000 [0-9a-f]{8} [0-9a-f]{8} sample!leaf/,
    ],
    ['kn', /^ # ChildEBP RetAddr[\s\S]*\n00 [\s\S]*\n01 [\s\S]*sample!middle/],
    ['kv', /sample!leaf[^\n]*\(cfi\)/],
    ['ub eip L2', /sample!leaf/],
    ['uf sample!leaf', /^sample!leaf[\s\S]*ret/],
    ['rf', /^fpcw=027f fpsw=0000[\s\S]*st7= 0/],
    ['rx', /xmm0/],
    ['.cxr', /^eax=[\s\S]*sample!leaf/],
    ['.lastevent', /^eax=[\s\S]*sample!leaf/],
    ['!irql', /0 \(PASSIVE_LEVEL\)/],
    ['!sysptes', /Total System Ptes \d+\n\s+free ptes: \d+\n\s+in use: +\d+/],
    ['!session', /^Sessions on machine: 1\nValid Session/],
    ['!vm', /Physical Memory:[\s\S]*Page File:[\s\S]*Commit limit:[\s\S]*sample\.exe/],
    ['!poolused', /NonPaged +Paged[\s\S]* Thre +\d+ +\d+ +0 +0[\s\S]*TOTAL/],
    ['!vtop @eip', /^Virtual address 00401006 translates to physical address [0-9a-f]+006\.$/],
    ['!wsle 1', /as its PTE says[\s\S]*as the prototype PTE says/],
    ['!cache', /Current size[\s\S]*CcTotalDirtyPages[\s\S]*Lazy write IOs/],
    ['!pagefile', /pagefile\.sys[\s\S]*slots in use/],
    ['!handle', /File/],
    ['!object \\KernelObjects', /Type: Directory[\s\S]*Event +LowMemoryCondition/],
  ])('%s', async (line, text) => {
    expect(await run(line)).toMatch(text);
    expect(await json(line)).not.toHaveProperty('error');
  });

  it('!address tells what is committed from what is reserved', async () => {
    const lines = (await run('!address')).split('\n');
    const stack = lines.filter((line) => line.includes('Stack of thread'));
    expect(stack.map((line) => line.split(/ +/)[4])).toEqual(['MEM_RESERVE', 'MEM_COMMIT']);
    expect(await run('!address esp')).toMatch(
      /State: +MEM_COMMIT\nType: +MEM_PRIVATE\nProtect: +READWRITE\nPage: +pfn /,
    );
    expect(await run('!address poi(@$teb+e0c)')).toMatch(/State: +MEM_RESERVE/);
  });

  it('!dd shows the memory that !vtop finds', async () => {
    const physical = /physical address ([0-9a-f]+)/.exec(await run('!vtop esp'))?.[1] ?? '';
    const [virtual] = (await run('dd esp L1')).split(/ +/).slice(1);
    expect(await run(`!dd ${physical} L1`)).toContain(virtual.trim());
  });

  it('ew, eq, ea, eu, ezu write what the display commands read', async () => {
    await run('ew esp-40 1234; eq esp-38 1122334455667788; ea esp-30 "abc"; ezu esp-20 "wide"');
    expect(await run('dw esp-40 L1')).toContain('1234');
    expect(await run('dq esp-38 L1')).toContain('11223344`55667788');
    expect(await run('db esp-30 L3')).toContain('61 62 63');
    expect(await run('du esp-20')).toContain('"wide"');
    await run('eu esp-20 "WI"');
    expect(await run('du esp-20')).toContain('"WIde"');
  });

  it('ta stops at its address, and sxn tells without a stop', async () => {
    const [, target] = /\n[^\n]*\n([0-9a-f]{8}) /.exec(`\n${await run('u eip L4')}`) ?? [];
    expect(await run(`ta ${target}`)).toContain(`eip=${target}`);
    await run('sxn ct');
    expect(await run('sx')).toMatch(/ct - Create thread +- output/);
    await run('sxd av');
    expect(await run('sx')).toMatch(/av - Access violation +c0000005 - second-chance break/);
  });
});

describe('gn', () => {
  it('gives the program its exception, which ends it where gh would not', async () => {
    const { run } = await debugSample('!');
    expect(await run('sxi ld; g')).toContain('Access violation');
    expect(await run('gn')).toMatch(/Access violation - code c0000005 \(!!! second chance !!!\)/);
  });
});
