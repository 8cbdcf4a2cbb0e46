/** `nt86 bare`: the machine without firmware, its devices, what it starts and what it refuses. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CS, EAX, EBX, EIP, ESP, SEGMENT_BASE, SEGMENT_SELECTOR } from '../../cpu/index.js';
import { loadFlat, mapRom } from '../../tools/bare/boot-image.js';
import { loadMultiboot } from '../../tools/bare/multiboot.js';
import { CliError } from '../../tools/cli-error.js';
import { type BareFlags, runBare } from '../../tools/verb-bare.js';
import { assemble, machine, rom, runReal } from './bare-program.js';

/** Real mode with interrupts and exceptions, protected mode with timer interrupts, and back. */
const TOUR = `
  fa                   ; start: cli
  31c0                 ; xor ax,ax
  8ed8                 ; mov ds,ax
  8ec0                 ; mov es,ax
  8ed0                 ; mov ss,ax
  bc0070               ; mov sp,0x7000
  c70600006000         ; mov word [0*4], divh
  c706020000f0         ; mov word [0*4+2], 0xf000
  c70618006d00         ; mov word [6*4], udh
  c7061a0000f0         ; mov word [6*4+2], 0xf000
  c70684005b00         ; mov word [0x21*4], svc
  c706860000f0         ; mov word [0x21*4+2], 0xf000
  b041                 ; mov al,'A'
  cd21                 ; int 0x21
  31db                 ; xor bx,bx
  f7f3                 ; div bx
  b043                 ; mov al,'C'
  cd21                 ; int 0x21
  0f0b                 ; db 0x0f,0x0b
  2e0f01164801         ; cs lgdt [gdtr]
  2e660f011e4e01       ; cs o32 lidt [idtr]
  0f20c0               ; mov eax,cr0
  0c01                 ; or al,1
  0f22c0               ; mov cr0,eax
  66ea7a000f000800     ; jmp dword 8:(0xf0000+pm)
  baf803               ; svc: mov dx,0x3f8
  ee                   ; out dx,al
  cf                   ; iret
  55                   ; divh: push bp
  89e5                 ; mov bp,sp
  83460202             ; add word [bp+2],2
  5d                   ; pop bp
  b042                 ; mov al,'B'
  cd21                 ; int 0x21
  cf                   ; iret
  55                   ; udh: push bp
  89e5                 ; mov bp,sp
  83460202             ; add word [bp+2],2
  5d                   ; pop bp
  b044                 ; mov al,'D'
  cd21                 ; int 0x21
  cf                   ; iret
  66b81000             ; pm: mov ax,16
  8ed8                 ; mov ds,ax
  8ec0                 ; mov es,ax
  8ed0                 ; mov ss,ax
  bc00700000           ; mov esp,0x7000
  66c70500110000dd00   ; mov word [0x1000+0x20*8], tick
  66c705021100001800   ; mov word [0x1000+0x20*8+2], 24
  c70504110000008e0000 ; mov dword [0x1000+0x20*8+4], 0x00008e00
  b011                 ; mov al,0x11
  e620                 ; out 0x20,al
  b020                 ; mov al,0x20
  e621                 ; out 0x21,al
  b004                 ; mov al,4
  e621                 ; out 0x21,al
  b001                 ; mov al,1
  e621                 ; out 0x21,al
  b0fe                 ; mov al,0xfe
  e621                 ; out 0x21,al
  b034                 ; mov al,0x34
  e643                 ; out 0x43,al
  b09c                 ; mov al,0x9c
  e640                 ; out 0x40,al
  b02e                 ; mov al,0x2e
  e640                 ; out 0x40,al
  31db                 ; xor ebx,ebx
  fb                   ; sti
  f4                   ; .wait: hlt
  83fb03               ; cmp ebx,3
  72fa                 ; jb .wait
  fa                   ; cli
  b045                 ; mov al,'E'
  66baf803             ; mov dx,0x3f8
  ee                   ; out dx,al
  eae50000002000       ; jmp 32:(rm16)
  43                   ; tick: inc ebx
  50                   ; push eax
  b020                 ; mov al,0x20
  e620                 ; out 0x20,al
  58                   ; pop eax
  cf                   ; iret
  b82800               ; rm16: mov ax,40
  8ed8                 ; mov ds,ax
  8ed0                 ; mov ss,ax
  0f20c0               ; mov eax,cr0
  24fe                 ; and al,0xfe
  0f22c0               ; mov cr0,eax
  eaf90000f0           ; jmp 0xf000:real
  31c0                 ; real: xor ax,ax
  8ed8                 ; mov ds,ax
  8ed0                 ; mov ss,ax
  bc0070               ; mov sp,0x7000
  2e0f011e5401         ; cs lidt [ridtr]
  b046                 ; mov al,'F'
  cd21                 ; int 0x21
  b00a                 ; mov al,10
  cd21                 ; int 0x21
  b020                 ; mov al,0x20
  e6f4                 ; out 0xf4,al
  f4                   ; hlt
  909090               ; 3h> align 8
  0000000000000000     ; gdt: dq 0
  ffff0000009bcf00     ; dq 0x00cf9b000000ffff
  ffff00000093cf00     ; dq 0x00cf93000000ffff
  ffff00000f9b4000     ; dq 0x00409b0f0000ffff
  ffff00000f9b0000     ; dq 0x00009b0f0000ffff
  ffff000000930000     ; dq 0x000093000000ffff
  2f00                 ; gdtr: dw 47
  18010f00             ; dd 0xf0000+gdt
  ff07                 ; idtr: dw 0x7ff
  00100000             ; dd 0x1000
  ff03                 ; ridtr: dw 0x3ff
  00000000             ; dd 0
`;

describe('a ROM', () => {
  it('starts at the reset vector and tours the modes, with interrupts in each', () => {
    const { machine: built, log } = machine({ exitPort: 0xf4 });
    mapRom(built, rom(TOUR), null);
    expect(built.run(1_000_000)).toEqual({ reason: 'exit', code: 0x41 });
    expect(log.serial).toBe('ABCDEF\n');
    // Three ticks of 100 Hz, nearly all of them asleep.
    expect(built.now()).toBeGreaterThan(29e6);
    expect(built.now()).toBeLessThan(31e6);
    expect(built.cpu.instructionCount).toBeLessThan(200);
  });

  it('shows below 4 GB and below 1 MB; writes to it are lost', () => {
    const { machine: built } = machine();
    mapRom(
      built,
      rom(`
      2ec606000012         ; mov byte cs:[0], 12h
      2ea00000             ; mov al, cs:[0]
      2efe060000           ; inc byte cs:[0]
      2e8a260000           ; mov ah, cs:[0]
      f4                   ; hlt`),
      null,
    );
    expect(built.run(1000)).toEqual({ reason: 'halted' });
    expect(built.cpu.state[EAX] & 0xffff).toBe(0x2e2e);
    expect([built.memory.read8(0xf_0000), built.memory.read8(0xffff_0000)]).toEqual([0x2e, 0x2e]);
  });

  it('at an address lies there alone, save where it ends at 1 MB', () => {
    const { machine: built } = machine();
    mapRom(built, new Uint8Array(0x1000).fill(0x55), 0xc_8000);
    mapRom(built, new Uint8Array(0x1000).fill(0x66), 0xf_f000);
    expect([0xc_8000, 0xf_f000, 0xffff_f000, 0xfffc_8000].map((address) => built.memory.read8(address))).toEqual([
      0x55, 0x66, 0x66, 0xff,
    ]);
  });
});

describe('a flat binary', () => {
  it('in real mode: CS:IP at the image, data segments 0', () => {
    const { machine: built } = machine();
    loadFlat(built, assemble('f4'), 0x1_2340, 'real');
    const { state } = built.cpu;
    expect([state[SEGMENT_SELECTOR + CS], state[SEGMENT_BASE + CS], state[EIP], state[ESP]]).toEqual([
      0x1000, 0x1_0000, 0x2340, 0x2340,
    ]);
    expect(built.run(10)).toEqual({ reason: 'halted' });
  });

  it('in protected mode: flat 32-bit segments, the stack below the image', () => {
    const { machine: built } = machine();
    loadFlat(built, assemble('50 b978563412 f4'), 0x20_0000, 'protected');
    expect(built.run(10)).toEqual({ reason: 'halted' });
    expect([built.cpu.state[EIP], built.cpu.state[ESP]]).toEqual([0x20_0007, 0x1f_fffc]);
  });
});

describe('ports', () => {
  it('a logged port takes each byte; a wide OUT goes to consecutive ports', () => {
    const { log } = runReal('b8 3412 e780 b0ff e681 f4', { loggedPorts: [0x80, 0x81] });
    expect(log.ports).toEqual([
      [0x80, 0x34],
      [0x81, 0x12],
      [0x81, 0xff],
    ]);
  });

  it('the exit port ends the run at once', () => {
    const { outcome, machine: built } = runReal('b010 e6f4 40 40', { exitPort: 0xf4 });
    expect([outcome, built.cpu.instructionCount]).toEqual([{ reason: 'exit', code: 0x21 }, 2]);
  });

  it('a port without device reads as ones', () => {
    expect(runReal('e510 f4').machine.cpu.state[EAX] & 0xffff).toBe(0xffff);
  });

  it('COM1: the transmitter is ready, the divisor latch does not print, loopback brings bytes back', () => {
    const { log, machine: built } = runReal(`
      bafd03 ec 88c3       ; mov dx, 3FDh; in al, dx; mov bl, al
      bafb03 b080 ee       ; line control: divisor latch
      baf803 b001 ee       ; divisor 1
      bafb03 b003 ee       ; 8 bits
      baf803 b048 ee       ; 'H'
      bafc03 b010 ee       ; loopback
      baf803 b049 ee       ; 'I'
      bafd03 ec 88c7       ; line status to bh
      baf803 ec f4         ; in al, dx`);
    expect(log.serial).toBe('H');
    expect([built.cpu.state[EBX] & 0xffff, built.cpu.state[EAX] & 0xff]).toEqual([0x6160, 0x49]);
  });
});

describe('timer and interrupt controllers', () => {
  /** Vector 20h and up for lines 0-7, 28h and up for 8-15; only line 0 open. */
  const CONTROLLERS = `
      b011 e620 e6a0       ; ICW1
      b020 e621 b028 e6a1  ; ICW2
      b004 e621 b002 e6a1  ; ICW3
      b001 e621 e6a1       ; ICW4
      b0fe e621`;
  /** The vectors 20h-2Fh lead to 7D00h. */
  const VECTORS = `
      bf8000 b91000        ; mov di, 80h; mov cx, 10h
      b8007d ab 31c0 ab    ; mov ax, 7D00h; stosw; xor ax, ax; stosw
      e2f7                 ; loop`;
  const place = (lines: string, handler: string) => {
    const code = assemble(lines);
    const image = new Uint8Array(0x100 + assemble(handler).length).fill(0xf4);
    image.set(code);
    image.set(assemble(handler), 0x100);
    return image;
  };
  const run = (lines: string, handler: string, limit = 50_000_000) => {
    const { machine: built } = machine();
    loadFlat(built, place(lines, handler), 0x7c00, 'real');
    return { outcome: built.run(limit), built };
  };

  it('HLT sleeps up to the tick; without end of interrupt no second one comes', () => {
    const { outcome, built } = run(
      `${VECTORS} ${CONTROLLERS} b034 e643 b00a e640 b000 e640 31db fb f4 f4 fa f4`,
      '43 cf', // inc bx; iret
    );
    expect([outcome, built.cpu.state[EBX] & 0xffff]).toEqual([{ reason: 'halted' }, 1]);
  });

  it('mode 0 interrupts once, whatever the handler does', () => {
    const { outcome, built } = run(
      `${VECTORS} ${CONTROLLERS} b030 e643 b00a e640 b000 e640 31db fb f4 f4`,
      '43 50 b020 e620 58 cf',
    );
    expect([outcome, built.cpu.state[EBX] & 0xffff]).toEqual([{ reason: 'halted' }, 1]);
  });

  it('a busy program is interrupted when it is time', () => {
    // 119 ticks of the timer are 0.0997 ms, so every 100,000 instructions see one.
    const { built } = run(
      `${VECTORS} ${CONTROLLERS} b034 e643 b077 e640 b000 e640 31db fb ebfe`,
      '43 50 b020 e620 58 cf',
      501_000,
    );
    expect(built.cpu.state[EBX] & 0xffff).toBe(5);
  });

  it('the same to the instruction when run in small pieces', () => {
    const states = [1_000_000, 777, 1].map((step) => {
      const { machine: built } = machine();
      const setup = `${VECTORS} ${CONTROLLERS} b034 e643 b0ff e640 b000 e640 31db fb 40 ebfd`;
      loadFlat(built, place(setup, '43 50 b020 e620 58 cf'), 0x7c00, 'real');
      const end = 300_000;
      const first = step === 1 ? 210_000 : Math.min(step, end);
      built.run(first);
      for (let at = first; at < (step === 1 ? 220_000 : end); at += step) built.run(Math.min(end, at + step));
      built.run(end);
      const { state } = built.cpu;
      return [state[EAX], state[EBX], state[EIP], built.cpu.instructionCount];
    });
    expect(states[1]).toEqual(states[0]);
    expect(states[2]).toEqual(states[0]);
  });

  it('HLT with interrupts off, or with nothing to wait for, ends the run', () => {
    expect(run('fa f4', '').outcome).toEqual({ reason: 'halted' });
    expect(run('fb f4', '').outcome).toEqual({ reason: 'halted' });
  });

  it('counters can be latched and read back', () => {
    const { built } = run(
      `b0b4 e643 b0e8 e642 b003 e642  ; channel 2, mode 2, 1000
       b001 e661                      ; its gate
       b080 e643 e442 88c3 e442 88c7  ; latch; in al, 42h twice to bx
       b0e8 e643 e442 f4              ; read-back of its status`,
      '',
    );
    expect([built.cpu.state[EBX] & 0xffff, built.cpu.state[EAX] & 0xff]).toEqual([1000, 0xb4]);
  });

  it('the second controller: a line of it comes through line 2', () => {
    const { machine: built } = machine();
    const image = place(
      `${VECTORS} ${CONTROLLERS} b0fb e621 b0fe e6a1 31db fb 40 40 40 40 40 40 ebfe`,
      '43 b020 e6a0 e620 cf',
    );
    loadFlat(built, image, 0x7c00, 'real');
    built.run(100);
    built.controllers.raise(8);
    built.run(200);
    expect(built.cpu.state[EBX] & 0xffff).toBe(1);
    built.controllers.raise(8);
    built.controllers.raise(8);
    built.run(300);
    expect(built.cpu.state[EBX] & 0xffff).toBe(2);
  });
});

/** An ELF program of one segment at 1 MB: multiboot header, then code. */
function elf(code: string, change: (view: DataView) => void = () => undefined): Uint8Array {
  const text = assemble(code);
  const file = new Uint8Array(0x60 + text.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 3, true);
  view.setUint32(24, 0x10_000c, true);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 1, true);
  [1, 0x54, 0x10_0000, 0x10_0000, 12 + text.length, 0x3000, 7, 4].forEach((value, index) => {
    view.setUint32(52 + index * 4, value, true);
  });
  [0x1bad_b002, 0, -0x1bad_b002].forEach((value, index) => {
    view.setInt32(0x54 + index * 4, value, true);
  });
  file.set(text, 0x60);
  change(view);
  return file;
}

describe('a multiboot program', () => {
  it('finds the magic number, its information and flat protected mode', () => {
    const { machine: built } = machine();
    loadMultiboot(built, elf('f4'), 'one two');
    const { state } = built.cpu;
    const { memory } = built;
    expect(built.run(10)).toEqual({ reason: 'halted' });
    expect([state[EAX], state[EIP]]).toEqual([0x2bad_b002, 0x10_000d]);
    const info = state[EBX];
    expect([memory.read32(info) & 0x45, memory.read32(info + 4), memory.read32(info + 8)]).toEqual([0x45, 640, 7168]);
    const commandLine = memory.read32(info + 16);
    expect([0, 1, 2, 3].map((index) => String.fromCharCode(memory.read8(commandLine + index))).join('')).toBe('one ');
    const map = memory.read32(info + 48);
    expect([memory.read32(map), memory.read32(map + 24 + 4), memory.read32(map + 24 + 12)]).toEqual([
      20,
      0x10_0000,
      7 << 20,
    ]);
  });

  it('can load the segments of the GDT that it is given', () => {
    const { machine: built } = machine();
    loadMultiboot(built, elf('b810000000 8ed8 8ed0 ea1a00100008 00 f4 f4 f4'), '');
    expect(built.run(20).reason).toBe('halted');
    expect(built.cpu.state[EIP]).toBe(0x10_001d);
  });

  it('may be flat, with its addresses in the header', () => {
    const { machine: built } = machine();
    const file = new Uint8Array(0x40);
    const view = new DataView(file.buffer);
    [0x1bad_b002, 0x1_0000, -0x1bae_b002, 0x20_0010, 0x20_0000, 0, 0, 0x20_0030].forEach((value, index) => {
      view.setInt32(0x10 + index * 4, value, true);
    });
    file[0x30] = 0xf4;
    loadMultiboot(built, file, '');
    expect(built.run(10).reason).toBe('halted');
    expect(built.cpu.state[EIP]).toBe(0x20_0031);
  });
});

describe('the command line', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nt86-bare-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const flags = (given: Partial<BareFlags>): BareFlags => ({
    mode: 'real',
    append: '',
    serial: false,
    maxmem: '8M',
    ...given,
  });
  function file(name: string, contents: Uint8Array): string {
    const path = join(folder, name);
    writeFileSync(path, contents);
    return path;
  }
  /** Exit code and message of a refusal, the folder left out. */
  function refusal(given: Partial<BareFlags>): [number, string] {
    try {
      return [runBare(flags(given)), ''];
    } catch (error) {
      if (error instanceof CliError) return [error.exitCode, error.message.replaceAll(`${folder}/`, '')];
      throw error;
    }
  }

  it('returns the exit code of the exit port, and 0 for a guest that halts', () => {
    const path = file('exit.bin', assemble('b003 e6f4'));
    expect(refusal({ flat: `${path}@0x7c00`, 'exit-port': '0xF4' })).toEqual([7, '']);
    expect(refusal({ flat: `${file('halt.bin', assemble('f4'))}@7C00h` })).toEqual([0, '']);
  });

  it('a triple fault: 3, with the state at that point', () => {
    const path = file('triple.bin', assemble('0f011e007d cc')); // lidt [7D00h], zeros there; int3
    expect(refusal({ flat: `${path}@0x7c00` })).toEqual([
      3,
      'triple.bin: triple fault at EIP 0000:00007C05 CR0 60000010 CR2 00000000 CR3 00000000, last exception #GP(0000)',
    ]);
  });

  it('the instruction limit: 124', () => {
    const [code, message] = refusal({
      flat: `${file('loop.bin', assemble('ebfe'))}@0x7c00`,
      'max-instructions': '1000',
    });
    expect([code, message.split(' at ')[0]]).toEqual([124, 'loop.bin: instruction limit reached']);
  });

  it('what cannot be started: 125 and why', () => {
    const text = file('text.txt', new TextEncoder().encode('no program'));
    const elf64 = file(
      'elf64',
      elf('f4', (view) => view.setUint8(4, 2)),
    );
    const arm = file(
      'arm',
      elf('f4', (view) => view.setUint16(18, 40, true)),
    );
    const plain = file(
      'plain',
      elf('f4', (view) => view.setUint32(0x54, 0, true)),
    );
    const cut = file('cut', elf('f4').subarray(0, 0x5f));
    const high = file(
      'high',
      elf('f4', (view) => view.setUint32(52 + 12, 0x800_0000, true)),
    );
    const cases: [Partial<BareFlags>, string][] = [
      [{ rom: [join(folder, 'none.bin')] }, 'none.bin: no such file'],
      [{ rom: [text] }, 'text.txt: a ROM of 10 bytes; its size must be a multiple of 4096, at most 16 MB'],
      [
        { rom: [file('empty', new Uint8Array(0))] },
        'empty: a ROM of 0 bytes; its size must be a multiple of 4096, at most 16 MB',
      ],
      [{ multiboot: text }, 'text.txt: is not multiboot: no valid header in its first 8 KB'],
      [{ multiboot: elf64 }, 'elf64: is not an i386 ELF program (class 64, machine 3)'],
      [{ multiboot: arm }, 'arm: is not an i386 ELF program (class 32, machine 40)'],
      [{ multiboot: plain }, 'plain: is not multiboot: no valid header in its first 8 KB'],
      [{ multiboot: cut }, 'cut: is a truncated ELF file'],
      [
        { multiboot: high },
        'high: needs memory from 0x8000000 to 0x8003000, but RAM ends at 0x800000; give it more with --maxmem',
      ],
      [{ flat: `${text}@0xFFFFF` }, 'text.txt: does not fit below 1 MB at 0xFFFFF, as real mode needs'],
    ];
    for (const [given, message] of cases) expect(refusal(given)).toEqual([125, message]);
  });

  it('usage errors: 2', () => {
    const path = file('a.bin', assemble('f4'));
    const cases: Partial<BareFlags>[] = [
      {},
      { rom: [path], flat: `${path}@0` },
      { flat: path },
      { flat: `${path}@here` },
      { flat: `${path}@0x7c00`, mode: 'long' },
      { flat: `${path}@0x7c00`, 'exit-port': '65536' },
      { flat: `${path}@0x7c00`, 'port-log': ['COM1'] },
      { flat: `${path}@0x7c00`, 'max-instructions': '-1' },
    ];
    for (const given of cases) expect(refusal(given)[0]).toBe(2);
  });
});
