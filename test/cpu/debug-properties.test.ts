/** Random programs under breakpoints and single steps: the same exceptions at the same places whatever the budget of run(). */
import { describe, expect, it } from 'vitest';
import type { Cpu } from '../../cpu/cpu.js';
import { ExitReason } from '../../cpu/exit-reason.js';
import { DR7, EAX, EBX, ECX, EDI, EDX, EIP, ESI, ESP } from '../../cpu/layout.js';
import { bytes, CODE, DATA, HANDLERS, protectedMachine, STACK0 } from './protected-machine.js';

const LOG_POINTER = 0x6_1000;
const LOG = 0x6_2000;
/** Above everything that is pushed, so that the handler of #DB does not meet a breakpoint itself. */
const COUNTER = STACK0 - 4;
const TF = 0x100;

/** Vector 1: appends DR6 and EIP to the log, clears DR6, returns with RF set. */
const HANDLER = `
  50 53                ; push eax; push ebx
  0f21f0               ; mov eax, dr6
  8b1d00100600         ; mov ebx, [LOG_POINTER]
  8903                 ; mov [ebx], eax
  8b442408             ; mov eax, [esp + 8]
  894304               ; mov [ebx + 4], eax
  83050010060008       ; add dword [LOG_POINTER], 8
  31c0 0f23f0          ; xor eax, eax; mov dr6, eax
  5b 58                ; pop ebx; pop eax
  814c240800000100     ; or dword [esp + 8], 10000h
  cf                   ; iretd`;

/** Instructions to draw from: data at ebx, esi and edi; none leaves the program or faults. */
const INSTRUCTIONS = [
  '40', // inc eax
  '894304', // mov [ebx + 4], eax
  '8b4308', // mov eax, [ebx + 8]
  '014302', // add [ebx + 2], eax
  'ff430c', // inc dword [ebx + 12]
  '8833', // mov [ebx], dh
  'c6430705', // mov byte [ebx + 7], 5
  '0fb64b03', // movzx ecx, byte [ebx + 3]
  '53 5a', // push ebx; pop edx
  'ff7304 8f4308', // push [ebx + 4]; pop [ebx + 8]
  'b903000000 f3a4', // mov ecx, 3; rep movsb
  'b902000000 f3ab', // mov ecx, 2; rep stosd
  'b904000000 89fa 89f2 f3a6', // mov ecx, 4; repe cmpsb
  '89df 89de', // mov edi, ebx; mov esi, ebx
  '31c9 41 7500', // xor ecx, ecx; inc ecx; jnz next
  'e800000000 58', // call next; pop eax
  '16 17', // push ss; pop ss
  '8cd0 8ed0', // mov eax, ss; mov ss, eax
  '874310', // xchg [ebx + 16], eax
  'a5 4e 4e 4f 4f', // movsd; dec esi twice; dec edi twice
] as const;

/** A sequence of numbers below 2^31 that is the same on every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

function strip(listing: string): number[] {
  return bytes(listing.replaceAll(/;.*$/gm, '').replaceAll('\n', ''));
}

function put(cpu: Cpu, address: number, code: readonly number[]): void {
  code.forEach((byte, index) => {
    cpu.memory.write8(address + index, byte);
  });
}

interface Outcome {
  log: number[];
  registers: number[];
  memory: number[];
}

function run(seed: number, budget: number): Outcome {
  const random = sequence(seed);
  const cpu = protectedMachine(0);
  put(cpu, HANDLERS + 16, strip('e9eb0f0000')); // jmp to where there is room
  put(cpu, HANDLERS + 0x1000, strip(HANDLER));
  const body: number[] = [];
  for (let count = 0; count < 30; count++) {
    body.push(...bytes(INSTRUCTIONS[random(INSTRUCTIONS.length)]));
  }
  // body; dec dword [esp]; jnz body; push 2; popfd, which ends single steps; hlt.
  const loop = [...body, 0xff, 0x0c, 0x24];
  const back = -(loop.length + 6);
  put(cpu, CODE, [...loop, 0x0f, 0x85, back & 0xff, (back >> 8) & 0xff, 0xff, 0xff, 0x6a, 0x02, 0x9d, 0xf4]);
  cpu.memory.write32(COUNTER, 2);
  cpu.state[ESP] = COUNTER;
  cpu.memory.write32(LOG_POINTER, LOG);
  cpu.memory.write32(DATA, 0x1234_5678);
  for (const register of [EBX, ESI, EDI]) cpu.state[register] = DATA;
  for (const index of [0, 1, 2]) {
    const instruction = random(2) === 0;
    cpu.debug.load(
      index,
      instruction ? CODE + random(loop.length) : [DATA + random(16), COUNTER + random(4)][random(2)],
    );
    const fields = instruction ? 0 : [1, 3, 5, 7, 13, 15][random(6)];
    cpu.debug.load(7, cpu.state[DR7] | (fields << (16 + index * 4)) | (1 << (index * 2)));
  }
  if (random(3) === 0) cpu.setEflags(TF | 2);
  for (let rounds = 0; rounds < 20_000; rounds++) {
    const reason = cpu.run(budget);
    if (reason === ExitReason.Halt) break;
    expect(reason).toBe(ExitReason.Budget);
  }
  const log: number[] = [];
  for (let at = LOG; at < cpu.memory.read32(LOG_POINTER); at += 4) log.push(cpu.memory.read32(at) >>> 0);
  return {
    log,
    registers: [EIP, EAX, ECX, EDX, EBX, ESP, ESI, EDI].map((register) => cpu.state[register]),
    memory: Array.from({ length: 64 }, (_, index) => cpu.memory.read8(DATA + index)),
  };
}

describe('breakpoints and single steps', () => {
  it('come at the same places with every budget', () => {
    let exceptions = 0;
    for (let seed = 1; seed <= 15; seed++) {
      const single = run(seed, 1);
      expect([seed, run(seed, 7)]).toEqual([seed, single]);
      expect([seed, run(seed, 100_000)]).toEqual([seed, single]);
      exceptions += single.log.length / 2;
    }
    expect(exceptions).toBeGreaterThan(300);
  });
});
