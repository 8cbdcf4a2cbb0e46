import { describe, expect, it } from 'vitest';
import { addressLayout } from '../../kernel/mm/layout.js';
import { ProtectionMask } from '../../kernel/mm/protection.js';
import { PteOwner, pteLocation } from '../../kernel/mm/pte.js';
import { PaePteFormat } from '../../kernel/mm/pte-pae.js';
import { X86PteFormat } from '../../kernel/mm/pte-x86.js';

const words = new Int32Array(16);
const at = pteLocation(4);
const x86 = new X86PteFormat(words, addressLayout(null));
const pae = new PaePteFormat(words, addressLayout(null));
const low = (): number => words[4] >>> 0;
const high = (): number => words[5] >>> 0;
const { ReadOnly, ReadWrite, WriteCopy, Execute, ExecuteRead, ExecuteReadWrite, NoAccess, NoCache } = ProtectionMask;

describe('PTEs of the two-level format (nt52 2.1, 2.2)', () => {
  it('have the bytes of NT', () => {
    x86.writeDemandZero(at, ReadWrite);
    expect(low()).toBe(0x80);
    x86.writeDemandZero(at, NoAccess);
    expect(low()).toBe(0x300);
    x86.writeDecommitted(at);
    expect(low()).toBe(0x200);
    x86.writeLookupMarker(at, ReadOnly);
    expect(low()).toBe(0xfffff420);
    x86.writeTransition(at, 0x123, ReadWrite);
    expect(low()).toBe(0x00123886);
    x86.writePageFile(at, 3, 0x55, ReadWrite);
    expect(low()).toBe(0x00055086);
    x86.writeValid(at, 0x154, ReadWrite, PteOwner.User, true);
    expect(low()).toBe(0x00154067);
    x86.writeValid(at, 0x154, WriteCopy, PteOwner.User, true);
    expect(low()).toBe(0x00154225);
    x86.writeValid(at, 0x154, ReadOnly | NoCache, PteOwner.User, false);
    expect(low()).toBe(0x00154035);
    x86.writeKernel(at, 0x154, true);
    expect(low()).toBe(0x00154163);
    x86.writeTable(at, 0x154, PteOwner.User);
    expect(low()).toBe(0x00154067);
  });

  it('find prototype PTEs and subsections again', () => {
    for (const address of [0xe1000000, 0xe1000004, 0xe10001fc, 0xe1000200, 0xe1234568, 0xeafffffc]) {
      x86.writePrototypePointer(at, address, false);
      expect(x86.isPrototype(at)).toBe(true);
      expect(x86.isLookupMarker(at)).toBe(false);
      expect(x86.prototypeAddress(at)).toBe(address);
    }
    x86.writePrototypePointer(at, 0xe1000008, true);
    expect(x86.prototypeIsReadOnly(at)).toBe(true);
    for (const address of [0x81000038, 0x81000ff8, 0x88ffff80, 0x99000000, 0x9ffffff8]) {
      x86.writeSubsection(at, address, ExecuteRead);
      expect(x86.subsectionAddress(at)).toBe(address);
      expect(x86.protection(at)).toBe(ExecuteRead);
      expect(x86.isPrototype(at)).toBe(true);
    }
  });

  it('lie in the self-map at C0000000 and C0300000', () => {
    expect(x86.pteAddress(0x00401000)).toBe(0xc0001004);
    expect(x86.pdeAddress(0x00401000)).toBe(0xc0300004);
    expect(x86.pteAddress(0xc0000000)).toBe(0xc0300000);
    expect(x86.addressOfPte(0xc0001004)).toBe(0x00401000);
  });
});

describe('PTEs of the three-level format (nt52 2.4)', () => {
  it('have the bytes of NT', () => {
    pae.writeDemandZero(at, ReadWrite);
    expect([high(), low()]).toEqual([0, 0x80]);
    pae.writeDecommitted(at);
    expect([high(), low()]).toEqual([0, 0x200]);
    pae.writeLookupMarker(at, ReadOnly);
    expect([high(), low()]).toEqual([0xffffffff, 0x420]);
    pae.writePrototypePointer(at, 0xe1234568, true);
    expect([high(), low()]).toEqual([0xe1234568, 0x500]);
    pae.writeSubsection(at, 0x81234560, ReadWrite);
    expect([high(), low()]).toEqual([0x81234560, 0x480]);
    pae.writePageFile(at, 2, 0x1234567, ReadOnly);
    expect([high(), low()]).toEqual([0x1234567, 0x24]);
    pae.writeTransition(at, 0xabcdef, ReadWrite);
    expect([high(), low()]).toEqual([0xa, 0xbcdef886]);
    expect(pae.transitionFrame(at)).toBe(0xabcdef);
  });

  it('forbid execution of what is only data', () => {
    const noExecute = [ReadOnly, ReadWrite, WriteCopy];
    for (let protection = 1; protection < 8; protection++) {
      pae.writeValid(at, 0xfedcba, protection, PteOwner.User, false);
      expect(pae.frame(at)).toBe(0xfedcba);
      expect(pae.isNoExecute(at)).toBe((noExecute as number[]).includes(protection));
    }
    pae.setValidProtection(at, Execute);
    expect(pae.isNoExecute(at)).toBe(false);
  });

  it('lie in the self-map at C0000000 and C0600000', () => {
    expect(pae.pteAddress(0x00401000)).toBe(0xc0002008);
    expect(pae.pdeAddress(0x00401000)).toBe(0xc0600010);
    expect(pae.pteAddress(0xc0000000)).toBe(0xc0600000);
    expect(pae.addressOfPte(0xc0002008)).toBe(0x00401000);
  });
});

describe.each([
  ['two-level', x86],
  ['three-level', pae],
] as const)('every form of a %s PTE', (_name, format) => {
  it('is recognised as that form alone', () => {
    const forms: [string, () => void][] = [
      ['isZero', () => format.writeZero(at)],
      ['isValid', () => format.writeValid(at, 5, ExecuteReadWrite, PteOwner.User, true)],
      ['isDemandZero', () => format.writeDemandZero(at, ExecuteRead)],
      ['isDecommitted', () => format.writeDecommitted(at)],
      ['isTransition', () => format.writeTransition(at, 5, ReadWrite)],
      ['isPrototype', () => format.writePrototypePointer(at, 0xe1000400, false)],
    ];
    for (const [name, write] of forms) {
      write();
      const found = [
        format.isZero(at) && 'isZero',
        format.isValid(at) && 'isValid',
        format.isDemandZero(at) && 'isDemandZero',
        format.isDecommitted(at) && 'isDecommitted',
        format.isTransition(at) && 'isTransition',
        format.isPrototype(at) && 'isPrototype',
      ].filter((form) => form !== false);
      expect(found).toEqual([name]);
    }
  });

  it('loses its dirty bit with the right to write', () => {
    format.writeValid(at, 5, ReadWrite, PteOwner.User, true);
    format.setValidProtection(at, ReadOnly);
    expect(format.isDirty(at)).toBe(false);
    expect(format.isWritable(at)).toBe(false);
    expect(format.isUser(at)).toBe(true);
    expect(format.frame(at)).toBe(5);
    format.setValidProtection(at, WriteCopy);
    expect(format.isCopyOnWrite(at)).toBe(true);
  });
});
