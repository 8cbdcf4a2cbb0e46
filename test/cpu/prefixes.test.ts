/** Prefixes on everything: LOCK, REP and REPNE, and instructions of 15 and 16 bytes (SDM vol 2A section 2.1, LOCK, REP). */
import { describe, expect, it } from 'vitest';
import { DecodeFailure, decodeInstruction } from '../../cpu/decoder.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { instructionTable } from '../../cpu/instruction-table.js';
import { CS, EAX, EIP } from '../../cpu/layout.js';
import { CODE, flatMachine, pagedMachine, place, setPage } from './flat-machine.js';
import { openVectors } from './vectors/coverage.js';
import { PAGE_SIZE, PAGES, Protection } from './vectors/environment.js';
import { Replayer } from './vectors/replay.js';
import { COMPLETED, readSlot, SLOT, STATE_SIZE, writeSlot } from './vectors/vector-file.js';

const FOLDER = new URL('./vectors/', import.meta.url);

/** SDM vol 2A, LOCK: these, and only with a destination in memory. */
const LOCKABLE = new Set(
  'ADD ADC AND BTC BTR BTS CMPXCHG CMPXCHG8B DEC INC NEG NOT OR SBB SUB XOR XADD XCHG'.split(' '),
);

describe('LOCK', () => {
  it.each([16, 32] as const)('every opcode and ModRM byte in %i-bit code: #UD but for the listed ones', (mode) => {
    const bytes = new Uint8Array(16);
    let locked = 0;
    for (const twoByte of [false, true]) {
      for (let opcode = 0; opcode < 256; opcode++) {
        for (let modrm = 0; modrm < 256; modrm++) {
          const code = twoByte ? [0x0f, opcode, modrm] : [opcode, modrm];
          bytes.fill(0);
          bytes.set(code);
          const plain = decodeInstruction(bytes, mode);
          bytes.fill(0);
          bytes.set([0xf0, ...code]);
          const result = decodeInstruction(bytes, mode);
          if (typeof plain === 'number') {
            if (result !== plain) expect.fail(`${code}: ${plain}, with LOCK ${result}`);
            continue;
          }
          if (!twoByte && [0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3].includes(opcode)) continue;
          const { mnemonic, operands } = plain.row;
          const toMemory = plain.isMemory && (/^[EM]/.test(operands) || mnemonic === 'XCHG');
          const want = LOCKABLE.has(mnemonic) && toMemory;
          if (want !== (typeof result !== 'number')) expect.fail(`${mnemonic} ${code}: lockable ${!want}`);
          if (want) locked++;
          else if (result !== DecodeFailure.Undefined) expect.fail(`${mnemonic} ${code}: ${result}`);
        }
      }
    }
    expect(locked).toBeGreaterThan(5000);
  });

  it('#UD changes nothing, and comes before the fault of the operand', () => {
    const cpu = pagedMachine();
    setPage(cpu, 0, 0);
    place(cpu, CODE, 'f08b00'); // lock mov eax, [eax]
    expect([cpu.run(1), cpu.exceptionVector, cpu.state[EIP]]).toEqual([ExitReason.Exception, 6, CODE]);
  });

  it('an operand over two pages, the second one absent or read-only: a fault there, nothing written', () => {
    const page = 0x2_0000;
    for (const entry of [0, (page + 0x1000) | 5]) {
      for (const code of ['f00103', 'f00fc103', 'f00fb10b', 'f08703', 'f00fc70b', 'f0ff03', 'f00fab03']) {
        const cpu = pagedMachine();
        cpu.state[EAX] = 1;
        cpu.state[3] = page + 0xffe;
        cpu.memory.write16(page + 0xffe, 0x1234);
        setPage(cpu, page + 0x1000, entry);
        place(cpu, CODE, code);
        expect([code, cpu.run(1), cpu.exceptionVector, cpu.exceptionLinear]).toEqual([
          code,
          ExitReason.Exception,
          14,
          page + 0x1000,
        ]);
        expect([cpu.memory.read16(page + 0xffe), cpu.state[EAX]]).toEqual([0x1234, 1]);
        setPage(cpu, page + 0x1000, (page + 0x1000) | 7);
        expect(cpu.run(1)).toBe(ExitReason.Budget);
      }
    }
  });
});

describe('REP and REPNE', () => {
  /** Those that repeat, and those to which F2 and F3 are part of the opcode. */
  const repeats = (attributes: string | undefined) => (attributes ?? '').split(' ').includes('rep');
  const hasPrefixedForms = (opcode: string) => /^(NP|66|F2|F3) /.test(opcode);
  const rows = new Map(instructionTable.map((row) => [row.opcode, row]));
  const EACH = 40;

  it.each(['integer', 'system', 'x87'])('have no meaning for what does not repeat: the vectors of %s', (unit) => {
    const replayer = new Replayer();
    const { cpu } = replayer;
    const plain = new Uint8Array(STATE_SIZE);
    const prefixed = new Uint8Array(STATE_SIZE);
    const memory = [new Uint8Array(PAGES.length * PAGE_SIZE), new Uint8Array(PAGES.length * PAGE_SIZE)];
    const reader = openVectors(FOLDER, unit);
    let compared = 0;
    for (const { opcode, vectors } of reader.header.groups) {
      const row = rows.get(opcode);
      for (let count = 0; count < vectors; count++) {
        const vector = reader.next();
        if (row === undefined || count % EACH !== 0 || repeats(row.attributes) || hasPrefixedForms(opcode)) continue;
        if (
          vector.exception !== COMPLETED ||
          vector.code.length > 14 ||
          /^(CALL|J|LOOP|RET|IRET|INT|RDTSC)/.test(row.mnemonic)
        )
          continue;
        // At the end of its page there is no room for a prefix.
        if ((vector.linear & (PAGE_SIZE - 1)) + vector.code.length >= PAGE_SIZE) continue;
        for (const prefix of [0xf2, 0xf3]) {
          replayer.restoreMemory();
          replayer.load(vector);
          const first = cpu.run(1);
          replayer.state(plain);
          replayer.memory(memory[0]);
          replayer.restoreMemory();
          replayer.load({ ...vector, code: Uint8Array.from([prefix, ...vector.code]) });
          const second = cpu.run(1);
          replayer.state(prefixed);
          replayer.memory(memory[1]);
          const what: string = `${row.mnemonic} ${opcode} behind ${prefix.toString(16)}`;
          if (second !== first) expect.fail(`${what}: exit ${second}, vector ${cpu.exceptionVector}`);
          compared++;
          if (readSlot(prefixed, SLOT.EIP) !== readSlot(plain, SLOT.EIP) + 1) expect.fail(`${what}: length`);
          writeSlot(prefixed, SLOT.EIP, readSlot(plain, SLOT.EIP));
          if (Buffer.compare(plain, prefixed) !== 0) expect.fail(`${what}: state`);
          PAGES.forEach(({ protection }, page) => {
            if (protection !== Protection.ReadExecute) return;
            for (const image of memory) image.fill(0, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
          });
          if (Buffer.compare(memory[0], memory[1]) !== 0) expect.fail(`${what}: memory`);
        }
      }
    }
    expect(compared).toBeGreaterThan(0);
  });
});

describe('length', () => {
  const prefixes = (count: number) => '66'.repeat(count);

  it.each([
    ['32-bit', 0xc0fb],
    ['16-bit', 0x80fb],
  ])('%s code: 15 bytes are executed, of 16 come #GP(0) with nothing changed', (_name, access) => {
    for (const [count, body, allowed] of [
      [14, '40', true],
      [15, '40', false],
      [13, '8bc0', true],
      [14, '8bc0', false],
    ] as const) {
      const cpu = flatMachine();
      cpu.setSegment(CS, 0x1b, 0, -1, access);
      place(cpu, CODE, prefixes(count) + body);
      const reason = cpu.run(1);
      const want = allowed ? [ExitReason.Budget, CODE + 15] : [ExitReason.Exception, CODE];
      expect([count, body, reason, cpu.state[EIP]]).toEqual([count, body, ...want]);
      if (!allowed) expect([cpu.exceptionVector, cpu.exceptionErrorCode]).toEqual([13, 0]);
    }
  });

  it('the 16th byte is not fetched: #GP, not the #PF of its page; with less before it the #PF', () => {
    for (const [count, vector] of [
      [15, 13],
      [14, 14],
    ]) {
      const cpu = pagedMachine();
      const start = CODE + 0x1000 - count;
      setPage(cpu, CODE + 0x1000, 0);
      place(cpu, start, prefixes(count));
      cpu.state[EIP] = start;
      expect([count, cpu.run(1), cpu.exceptionVector, cpu.state[EIP]]).toEqual([
        count,
        ExitReason.Exception,
        vector,
        start,
      ]);
    }
  });
});
