import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Conversation, converse } from './conversation.js';

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
/** Register numbers of target.xml. */
const [EAX, EIP, ST0, XMM0] = [0, 8, 16, 32];

async function address({ program }: Conversation, expression: string): Promise<string> {
  return (await program.run(`? ${expression}`)).split('= ')[1].replace(/^0+/, '');
}

/** Continues through library events up to something else. */
async function go({ ask }: Conversation, packet = 'vCont;c'): Promise<string> {
  for (;;) {
    const reply = await ask(packet);
    if (!reply.includes('library:')) return reply;
  }
}

async function register({ ask }: Conversation, number: number): Promise<string> {
  const bytes = Buffer.from(await ask(`p${number.toString(16)}`), 'hex');
  return bytes.readUInt32LE(0).toString(16);
}

/** At the first instruction of leaf, with a breakpoint there. */
async function atLeaf(argument = ''): Promise<Conversation> {
  const conversation = await converse(argument);
  const leaf = await address(conversation, 'sample!leaf');
  expect(await conversation.ask(`Z0,${leaf},1`)).toBe('OK');
  expect(await go(conversation)).toMatch(/^T05thread:[0-9a-f]+;swbreak:;$/);
  return conversation;
}

describe('a client', () => {
  it('learns what is supported, and is acknowledged until it asks for the contrary', async () => {
    const { ask, received, raw } = await converse();
    const features = await ask('qSupported:multiprocess+;swbreak+;xmlRegisters=i386');
    expect(received()[0]).toBe('+');
    for (const feature of ['PacketSize=4000', 'QStartNoAckMode+', 'qXfer:features:read+', 'vContSupported+']) {
      expect(features.split(';')).toContain(feature);
    }
    raw('$g#00');
    expect(received()).toBe('-');
    expect(await ask('QStartNoAckMode')).toBe('OK');
    received();
    raw('$g#00');
    await ask('qC');
    expect(received()[0]).toBe('$');
    expect(await ask('vMustReplyEmpty')).toBe('');
    expect(await ask('qCRC:400000,4')).toBe('');
    expect(await ask('nosuch')).toBe('');
  });

  it('asks a new connection what gdb asks', async () => {
    const { ask } = await converse();
    expect(await ask('vCont?')).toBe('vCont;c;C;s;S;t;r');
    expect(await ask('QNonStop:0')).toBe('OK');
    expect(await ask('QNonStop:1')).toBe('');
    expect(await ask('qSymbol::')).toBe('OK');
    // At its preferred base.
    expect(await ask('qOffsets')).toBe('');
    expect(await ask('vFile:setfs:0')).toBe('F0');
    const thread = /^QC(.*)$/.exec(await ask('qC'))?.[1] ?? '';
    const words = Buffer.from(await ask(`qThreadExtraInfo,${thread}`), 'hex').toString('latin1');
    expect(words).toMatch(/sample\.exe/);
    expect(await ask('qThreadExtraInfo,7777')).toMatch(/^E/);
  });

  it('is sent the last answer again when it was damaged', async () => {
    const { ask, received, raw } = await converse();
    await ask('qAttached');
    received();
    raw('-');
    expect(received()).toBe('$1#31');
  });

  it('reads the description of the registers in pieces', async () => {
    const { ask } = await converse();
    let text = '';
    for (let part = 'm'; part[0] === 'm'; text += part.slice(1)) {
      part = await ask(`qXfer:features:read:target.xml:${text.length.toString(16)},200`);
    }
    for (const name of [
      'org.gnu.gdb.i386.core',
      'org.gnu.gdb.i386.sse',
      'fs_base',
      'cr0',
      'cr2',
      'cr3',
      'cr4',
      'efer',
    ]) {
      expect(text).toContain(`"${name}"`);
    }
    const sizes = [...text.matchAll(/bitsize="(\d+)"/g)].map((match) => Number(match[1]));
    expect((await ask('g')).length).toBe(sizes.reduce((sum, bits) => sum + bits / 4, 0));
    expect(await ask('qXfer:features:read:nosuch.xml:0,100')).toBe('E00');
    expect(await ask('qXfer:nosuch:read::0,100')).toBe('');
  });

  it('learns of threads, libraries and the file that runs', async () => {
    const conversation = await atLeaf();
    const { ask, program } = conversation;
    const thread = program.session.threads[0].uniqueThreadId.toString(16);
    expect(await ask('qfThreadInfo')).toBe(`m${thread}`);
    expect(await ask('qsThreadInfo')).toBe('l');
    expect(await ask('qC')).toBe(`QC${thread}`);
    expect(await ask(`T${thread}`)).toBe('OK');
    expect(await ask('Tfffe')).toBe('E03');
    expect(await ask(`Hg${thread}`)).toBe('OK');
    expect(await ask('Hgfffe')).toBe('E03');
    expect(await ask(`qGetTIBAddr:${thread}`)).toBe(program.session.threads[0].teb.toString(16));
    const libraries = await ask('qXfer:libraries:read::0,1000');
    expect(libraries).toMatch(/^l<library-list>.*<library name="[^"]*ntdll.dll"><segment address="0x7c801000"\/>/);
    expect(libraries).toContain('kernel32.dll');
    expect(libraries).not.toContain('sample.exe');
    expect(await ask('qXfer:exec-file:read::0,100')).toMatch(/^l\/.*\/sample\.exe$/);
  });

  it('reads image files through the connection, and nothing else', async () => {
    const { ask } = await converse();
    const name = (await ask('qXfer:exec-file:read::0,100')).slice(1);
    const opened = await ask(`vFile:open:${hex(name)},0,0`);
    expect(opened).toMatch(/^F[0-9a-f]+$/);
    expect(await ask(`vFile:pread:${opened.slice(1)},2,0`)).toBe('F2;MZ');
    expect(await ask(`vFile:fstat:${opened.slice(1)}`)).toMatch(/^F40;/);
    expect(await ask(`vFile:close:${opened.slice(1)}`)).toBe('F0');
    expect(await ask(`vFile:open:${hex('/etc/passwd')},0,0`)).toBe('F-1,2');
    expect(await ask(`vFile:open:${hex(name)},2,0`)).toBe('F-1,1e');
    expect(await ask('vFile:pread:77,2,0')).toBe('F-1,9');
  });
});

describe('memory and registers', () => {
  it('are read and written', async () => {
    const conversation = await atLeaf();
    const { ask, program } = conversation;
    expect(await register(conversation, EIP)).toBe(await address(conversation, 'sample!leaf'));
    expect(await ask(`P${EAX.toString(16)}=78563412`)).toBe('OK');
    expect(await program.run('r eax')).toBe('eax=12345678');
    const all = await ask('g');
    expect(await ask(`G${'ffffffff'}${all.slice(8)}`)).toBe('OK');
    expect(await program.run('r eax')).toBe('eax=ffffffff');
    const where = await address(conversation, 'origin');
    expect(await ask(`m${where},4`)).toBe('03000000');
    expect(await ask(`M${where},2:0500`)).toBe('OK');
    expect(await ask(`X${where},1:\x07`)).toBe('OK');
    expect(await ask(`X${where},0:`)).toBe('OK');
    expect(await ask(`m${where},4`)).toBe('07000000');
    expect(await ask(`qSearch:memory:${where};100;orig`)).toBe(`1,${await address(conversation, 'origin+8')}`);
  });

  it("of x87 and SSE are the processor's", async () => {
    const conversation = await atLeaf();
    const { ask, program } = conversation;
    expect(await ask(`P${XMM0.toString(16)}=000102030405060708090a0b0c0d0e0f`)).toBe('OK');
    expect(await ask(`p${XMM0.toString(16)}`)).toBe('000102030405060708090a0b0c0d0e0f');
    // 1.0 with its register not empty.
    expect(await ask(`P${ST0.toString(16)}=0000000000000080ff3f`)).toBe('OK');
    expect(await ask('P1a=00000000')).toBe('OK');
    expect(await ask('p1a')).toBe('54550000');
    await ask('vCont;s');
    expect(await ask(`p${XMM0.toString(16)}`)).toBe('000102030405060708090a0b0c0d0e0f');
    expect(await program.run('rF')).toContain('st0= 1 (3fff:8000000000000000)');
  });

  it.each([
    ['m1000,4', 'E0e'],
    ['M1000,1:00', 'E0e'],
    ['mzz,4', 'E16'],
    ['m400000', 'E16'],
    ['M400000,4:00', 'E16'],
    ['p7777', 'E16'],
    ['P0=00', 'E16'],
    ['P2a=00000000', 'E01'],
    ['Z0,zz,1', 'E16'],
    ['Z9,400000,1', ''],
    ['z2,400000', 'E16'],
    ['Z2,400000,0', 'E16'],
    ['vCont;q', 'E16'],
    ['vCont', 'E16'],
    ['Czz', 'E16'],
    ['qRcmd,zz', 'E16'],
  ])('answer %s with %s', async (packet, answer) => {
    const { ask } = await atLeaf();
    expect(await ask(packet)).toBe(answer);
    expect(await ask('m402000,4')).toBe('03000000');
  });
});

describe('execution', () => {
  it('steps, stops at breakpoints, and ends', async () => {
    const conversation = await atLeaf();
    const { ask, program } = conversation;
    const leaf = await address(conversation, 'sample!leaf');
    const thread = program.session.threads[0].uniqueThreadId.toString(16);
    expect(await ask(`vCont;s:${thread};c`)).toBe(`T05thread:${thread};`);
    expect(await register(conversation, EIP)).toBe((Number.parseInt(leaf, 16) + 1).toString(16));
    expect(await ask('s')).toBe(`T05thread:${thread};`);
    expect(await ask('c')).toContain('swbreak');
    expect(await ask('?')).toContain('swbreak');
    expect(await ask(`z0,${leaf},1`)).toBe('OK');
    expect(await go(conversation)).toBe('W3c');
    expect(await ask('?')).toBe('W3c');
    expect(await ask('vCont;c')).toBe('W3c');
    expect(await ask('qfThreadInfo')).toBe('l');
    expect(await ask('g')).toMatch(/^x+$/);
    expect(program.guestOutput()).toBe('done\r\n');
  });

  it('steps through a range of addresses', async () => {
    const conversation = await atLeaf();
    const { ask } = conversation;
    const from = await address(conversation, 'sample!leaf');
    const to = await address(conversation, 'sample!leaf+e');
    expect(await ask(`vCont;r${from},${to}`)).toMatch(/^T05thread/);
    expect(await register(conversation, EIP)).toBe(to);
  });

  it.each([
    ['Z2', 'watch'],
    ['Z3', 'rwatch'],
    ['Z4', 'awatch'],
  ])('stops at data with %s', async (packet, word) => {
    const conversation = await atLeaf();
    const { ask } = conversation;
    await ask(`z0,${await address(conversation, 'sample!leaf')},1`);
    const where = await address(conversation, 'table+8');
    expect(await ask(`${packet},${where},4`)).toBe('OK');
    expect(await go(conversation)).toMatch(new RegExp(`^T05thread:[0-9a-f]+;${word}:${where};$`));
  });

  it('tells exceptions as signals, and lets the program have them or not', async () => {
    const passed = await converse('!');
    expect(await go(passed)).toMatch(/^T0bthread/);
    // Passed on: nobody handles it, and the second chance comes.
    expect(await go(passed, 'vCont;C0b')).toMatch(/^T0bthread/);
    expect(await go(passed, 'vCont;C0b')).toBe('Wc0000005');

    const handled = await converse('!');
    expect(await go(handled)).toMatch(/^T0bthread/);
    // Not passed on: the instruction is executed again, and repaired it goes on.
    expect(await go(handled, 'vCont;c')).toMatch(/^T0bthread/);
    const length = 6;
    const next = Number.parseInt(await register(handled, EIP), 16) + length;
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(next);
    await handled.ask(`P8=${bytes.toString('hex')}`);
    expect(await go(handled)).toBe('W3c');
  });

  it('is interrupted by Ctrl-C, and by a client that has gone', async () => {
    const conversation = await converse('*');
    const { ask, raw, connection, program } = conversation;
    while ((await ask('qXfer:libraries:read::0,1000')).split('<library ').length < 3) await ask('c');
    const reply = go(conversation);
    raw('\x03');
    expect(await reply).toMatch(/^T02thread/);
    void ask('vCont;c');
    await connection.close();
    expect(program.session.execution.breakpoints.list).toEqual([]);
    expect(await program.run('r eip')).toMatch(/^eip=/m);
  });

  it('steps the thread that it is told to, while others run', async () => {
    const conversation = await converse();
    const { ask, program } = conversation;
    const second = await address(conversation, 'sample!second');
    await ask(`Z1,${second},1`);
    const reply = await go(conversation);
    expect(reply).toContain('hwbreak');
    const [first, other] = program.session.threads.map(({ uniqueThreadId }) => uniqueThreadId.toString(16));
    expect(reply).toContain(`thread:${other};`);
    // The first thread waits for the second: it steps when that has ended.
    const stepped = await ask(`vCont;s:${first};c`);
    expect(stepped).toBe(`T05thread:${first};`);
    expect(program.session.threads.length).toBe(1);
  });

  it('detaches and kills', async () => {
    const { ask, ended, connection, program } = await atLeaf();
    expect(await ask('D')).toBe('OK');
    expect(ended()).toBe(true);
    expect(connection.client.ending).toBe('detached');
    await connection.close();
    expect(program.session.execution.breakpoints.list).toEqual([]);
    expect(program.session.filters.find('ld')?.mode).toBe('output');
    const second = await converse();
    expect(await second.ask('vKill;1')).toBe('OK');
    expect(second.connection.client.ending).toBe('killed');
  });
});

describe('going back', () => {
  it('steps back to the very state, and continues back to breakpoints and the beginning', async () => {
    const conversation = await atLeaf();
    const { ask } = conversation;
    expect(await ask('qSupported')).toContain('ReverseStep+;ReverseContinue+');
    const leaf = await address(conversation, 'sample!leaf');
    const before = await ask('g');
    await ask('vCont;s');
    await ask('vCont;s');
    const thread = (await ask('qC')).slice(2);
    expect(await ask('bs')).toBe(`T05thread:${thread};`);
    expect(await ask('bs')).toContain(`T05thread:${thread};`);
    expect(await ask('g')).toBe(before);
    expect(await go(conversation)).toContain('swbreak');
    expect(await go(conversation)).toContain('swbreak');
    expect(await go(conversation, 'bc')).toContain('swbreak');
    expect(await register(conversation, EIP)).toBe(leaf);
    expect(await go(conversation, 'bc')).toContain('swbreak');
    expect(await ask('g')).toBe(before);
    expect(await go(conversation, 'bc')).toContain('replaylog:begin');
    await ask(`z0,${leaf},1`);
    expect(await go(conversation)).toBe('W3c');
  });

  it('meets watchpoints', async () => {
    const conversation = await atLeaf();
    const { ask } = conversation;
    await ask(`z0,${await address(conversation, 'sample!leaf')},1`);
    await ask(`Z0,${await address(conversation, 'sample!say')},1`);
    await go(conversation);
    const where = await address(conversation, 'table+8');
    await ask(`Z2,${where},4`);
    expect(await go(conversation, 'bc')).toContain(`watch:${where};`);
    expect(await ask(`m${where},4`)).toBe('04000000');
  });
});

describe('monitor', () => {
  it('carries out kd commands', async () => {
    const { ask, console } = await atLeaf();
    expect(await ask(`qRcmd,${hex('? 1+1; !verify')}`)).toBe('OK');
    expect(console()).toBe('Evaluate expression: 2 = 00000002\nThe memory manager is consistent.\n');
    expect(await ask(`qRcmd,${hex('nosuch')}`)).toBe('OK');
    expect(console()).toBe("Syntax error in 'nosuch'; .help lists the commands\n");
    await ask(`qRcmd,${hex('db 400000 L1000')}`);
    expect(console().split('\n').length).toBe(257);
  });
});

describe('a client that makes no sense', () => {
  it('gets an answer to everything, and the debugger goes on', async () => {
    const { ask } = await atLeaf();
    const letters = fc.constantFrom(...'gGpPmMXzZHTqQvDS?;,:=#$}0123456789abcdefxyz\0\xff');
    const body = fc.string({ unit: letters, maxLength: 24 }).filter((text) => !/^(v?k|D|c|s|vCont|C|S)/.test(text));
    await fc.assert(
      fc.asyncProperty(body, async (packet) => {
        expect(typeof (await ask(packet))).toBe('string');
      }),
      { numRuns: 500, seed: 86 },
    );
    expect(await ask('?')).toContain('T05');
  });
});
