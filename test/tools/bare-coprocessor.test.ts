/** x87 exceptions as a PC reports them: CR0.NE clear, FERR# to line 13 of the interrupt controllers, port F0h to IGNNE#. */
import { describe, expect, it } from 'vitest';
import { EIP } from '../../cpu/index.js';
import { runReal } from './bare-program.js';

/** Opens line 13 alone, unmasks zero divide, divides by zero twice with and once without interrupts. */
const PROGRAM = `
  fa                   ; cli
  31c0 8ed8 8ed0       ; xor ax, ax; mov ds, ax; mov ss, ax
  bc0070               ; mov sp, 7000h
  c706d401677c         ; mov word [75h * 4], handler
  c706d6010000
  b011 e620 e6a0       ; ICW1 of both controllers
  b008 e621 b070 e6a1  ; ICW2: vectors 8h and 70h
  b004 e621 b002 e6a1  ; ICW3
  b001 e621 e6a1       ; ICW4
  b0fb e621 b0df e6a1  ; masks
  dbe3                 ; fninit
  687b03 89e5 d96e00   ; push 37Bh; mov bp, sp; fldcw [bp]
  fb                   ; sti
  d9e8 d9ee def9       ; again: fld1; fldz; fdivp
  b042 e6e9            ; 'B' to port E9h
  9b                   ; fwait
  b043 e6e9            ; 'C'
  43 83fb02 72eb       ; inc bx; cmp bx, 2; jb again
  fa                   ; cli
  d9e8 d9ee def9
  9b                   ; fwait, at 7C61h
  b044 e6e9            ; 'D'
  f4                   ; hlt
  e6f0                 ; handler: out F0h, al
  9b                   ; fwait
  b041 e6e9            ; 'A'
  dbe2                 ; fnclex
  b020 e6a0 e620 cf    ; end of interrupt; iret`;

const text = (ports: readonly [number, number][]) => String.fromCharCode(...ports.map(([, value]) => value));

describe('x87 exceptions with CR0.NE clear', () => {
  it('hold the next waiting instruction until IRQ 13; port F0h lets the handler use the unit; with IF clear it stands still', () => {
    const { outcome, log, machine } = runReal(PROGRAM, { loggedPorts: [0xe9] });
    expect(text(log.ports)).toBe('BACBAC');
    expect([outcome, machine.cpu.state[EIP]]).toEqual([{ reason: 'halted' }, 0x7c61]);
  });

  it('FNCLEX ends it, and no interrupt comes for an exception that was cleared before a waiting instruction', () => {
    const { outcome, log } = runReal(`dbe3 687b03 89e5 d96e00 d9e8 d9ee def9 dbe2 9b d9e8 b045 e6e9 f4`, {
      loggedPorts: [0xe9],
    });
    expect([outcome.reason, text(log.ports)]).toEqual(['halted', 'E']);
  });

  it('with CR0.NE set they give #MF, vector 10h', () => {
    const { outcome, machine } = runReal(`
       31c0 8ed8 8ed0 bc0070
       c70640000005 c70642000000  ; mov word [10h * 4], 500h
       c6060005f4                 ; hlt there
       0f20c0 0c20 0f22c0         ; CR0.NE
       dbe3 687b03 89e5 d96e00 d9e8 d9ee def9 9b 90 f4`);
    expect([outcome.reason, machine.cpu.state[EIP]]).toEqual(['halted', 0x501]);
  });
});
