/** One ROM through every mode of the processor: real, protected, paging, virtual-8086, a task switch and back. */
import { describe, expect, it } from 'vitest';
import { mapRom } from '../../tools/bare/boot-image.js';
import { machine, rom } from './bare-program.js';

/**
 * Copies its tables to RAM and writes a letter to port E9h in each mode: R real, P protected, G the alias of a page through page
 * tables, V in the handler of the #GP that HLT gave in virtual-8086 mode, T in a task called through its TSS, B back in the
 * first one; then a byte to port F4h.
 */
const MODES = `
  fa                        ; start: cli
  8cc8                      ; mov ax,cs
  8ed8                      ; mov ds,ax
  31c0                      ; xor ax,ax
  8ec0                      ; mov es,ax
  8ed0                      ; mov ss,ax
  bc0070                    ; mov sp,0x7000
  be0801                    ; mov si,0x108
  bf0010                    ; mov di,0x1000
  b9b400                    ; mov cx,0xb4
  fc                        ; cld
  f3a5                      ; rep movs WORD PTR es:[di],WORD PTR ds:[si]
  b052                      ; mov al,0x52
  e6e9                      ; out 0xe9,al
  660f01167002              ; lgdtd ds:0x270
  660f011e7602              ; lidtd ds:0x276
  0f20c0                    ; mov eax,cr0
  0c01                      ; or al,0x1
  0f22c0                    ; mov cr0,eax
  66ea3a000f000800          ; jmp 0x8:0xf003a
  66b81000                  ; protected: mov ax,0x10
  8ed8                      ; mov ds,eax
  8ec0                      ; mov es,eax
  8ed0                      ; mov ss,eax
  bc00800000                ; mov esp,0x8000
  b050                      ; mov al,0x50
  e6e9                      ; out 0xe9,al
  bf00100100                ; mov edi,0x11000
  b807000000                ; mov eax,0x7
  ab                        ; fill: stos DWORD PTR es:[edi],eax
  0500100000                ; add eax,0x1000
  81ff00200100              ; cmp edi,0x12000
  72f2                      ; jb f0057
  c7050000010007100100      ; mov DWORD PTR ds:0x10000,0x11007
  c705001c010007500000      ; mov DWORD PTR ds:0x11c00,0x5007
  b800000100                ; mov eax,0x10000
  0f22d8                    ; mov cr3,eax
  0f20c0                    ; mov eax,cr0
  0d00000080                ; or eax,0x80000000
  0f22c0                    ; mov cr0,eax
  c7050000300078563412      ; mov DWORD PTR ds:0x300000,0x12345678
  813d0050000078563412      ; cmp DWORD PTR ds:0x5000,0x12345678
  755d                      ; jne f00ff
  b047                      ; mov al,0x47
  e6e9                      ; out 0xe9,al
  66b81800                  ; mov ax,0x18
  0f00d8                    ; ltr ax
  6a00                      ; push 0x0
  6a00                      ; push 0x0
  6a00                      ; push 0x0
  6a00                      ; push 0x0
  6a00                      ; push 0x0
  6800600000                ; push 0x6000
  6802000200                ; push 0x20002
  6800f00000                ; push 0xf000
  6804010000                ; push 0x104
  cf                        ; iret
  f644240e02                ; fault: test BYTE PTR [esp+0xe],0x2
  742c                      ; je f00ff
  663d2143                  ; cmp ax,0x4321
  7526                      ; jne f00ff
  66b81000                  ; mov ax,0x10
  8ed8                      ; mov ds,eax
  b056                      ; mov al,0x56
  e6e9                      ; out 0xe9,al
  9a000000002000            ; call 0x20:0x0
  b042                      ; mov al,0x42
  e6e9                      ; out 0xe9,al
  b015                      ; mov al,0x15
  e6f4                      ; out 0xf4,al
  b054                      ; task: mov al,0x54
  e6e9                      ; out 0xe9,al
  0f00c8                    ; str eax
  83f820                    ; cmp eax,0x20
  7501                      ; jne f00ff
  cf                        ; iret
  b03f                      ; wrong: mov al,0x3f
  e6e9                      ; out 0xe9,al
  f4                        ; hlt
  b82143f4                  ; virtual: mov ax, 4321h; hlt
  0000000000000000ffff0000009bcf00 ; tables: GDT, gate of #GP at 68h, TSS at 80h, TSS at 100h, GDTR and IDTR
  ffff00000093cf006700801000890000
  67000011008900000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000000
  0000000000000000cc000800008e0f00
  00000000000000000000000000000000
  00000000009000001000000000000000
  00000000000000000000000000000100
  00000000000000000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000000
  00000000000068000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000000
  00000000000000000000000000000100
  f2000f00020000000000000000000000
  000000000000000000a0000000000000
  00000000000000001000000008000000
  10000000100000000000000000000000
  00000000000068002700001000006f00
  00100000`;

describe('a ROM', () => {
  it('goes from real mode to paging, virtual-8086 mode and another task', () => {
    const { machine: built, log } = machine({ loggedPorts: [0xe9], exitPort: 0xf4 });
    mapRom(built, rom(MODES), null);
    expect(built.run(100_000)).toEqual({ reason: 'exit', code: 0x2b });
    expect(String.fromCharCode(...log.ports.map(([, value]) => value))).toBe('RPGVTB');
  });
});
