/**
 * CPUID: a Pentium 4 class processor with exactly the features that this one has (SDM vol 2A, CPUID).
 */
import type { Cpu } from './cpu.js';
import { EAX, EBX, ECX, EDX } from './layout.js';

/** Family 15, model 4, stepping 3. Also in EDX after power-up. */
export const PROCESSOR_SIGNATURE = 0x0000_0f43;

/** CPUID.1:EDX, CPUID.1:ECX and CPUID.80000001h:EDX by bit. */
const FEATURES =
  (1 << 0) | // FPU
  (1 << 2) | // DE
  (1 << 3) | // PSE
  (1 << 4) | // TSC
  (1 << 5) | // MSR
  (1 << 6) | // PAE
  (1 << 8) | // CMPXCHG8B
  (1 << 11) | // SYSENTER
  (1 << 13) | // PGE
  (1 << 15) | // CMOV
  (1 << 16) | // PAT
  (1 << 17) | // PSE-36
  (1 << 19) | // CLFLUSH
  (1 << 23) | // MMX
  (1 << 24) | // FXSAVE
  (1 << 25) | // SSE
  (1 << 26); // SSE2
const FEATURES_ECX = 1 << 0; // SSE3
const EXTENDED_FEATURES = 1 << 20; // NX

/** CLFLUSH line of 64 bytes (in units of 8), no brand index. */
const CLFLUSH_LINE = 8 << 8;

const MAXIMUM_BASIC_LEAF = 2;
const EXTENDED_LEAVES = 0x8000_0000;
const MAXIMUM_EXTENDED_LEAF = 0x8000_0008;

const VENDOR = 'GenuineIntel';
const BRAND = 'Intel(R) Pentium(R) 4 CPU (nt86)';

/** Four characters of a string as a dword, zeros past its end. */
function dword(text: string, at: number): number {
  let value = 0;
  for (let index = 3; index >= 0; index--) value = (value << 8) | (text.charCodeAt(at + index) || 0);
  return value;
}

/** CPUID. Never faults; a basic leaf past the last answers as the last one does. */
export function executeCpuid(cpu: Cpu): boolean {
  const leaf = cpu.state[EAX] >>> 0;
  if (leaf >= EXTENDED_LEAVES && leaf <= MAXIMUM_EXTENDED_LEAF) return executeExtendedLeaf(cpu, leaf);
  if (leaf === 0) return answer(cpu, MAXIMUM_BASIC_LEAF, dword(VENDOR, 0), dword(VENDOR, 8), dword(VENDOR, 4));
  if (leaf === 1) return answer(cpu, PROCESSOR_SIGNATURE, CLFLUSH_LINE, FEATURES_ECX, FEATURES);
  // Descriptors 50h, 5Bh: instruction and data TLB of 64 entries; 2Ch, 60h, 70h, 7Ch: caches as on the real part.
  return answer(cpu, 0x605b_5001, 0, 0, 0x007c_7040);
}

function executeExtendedLeaf(cpu: Cpu, leaf: number): boolean {
  if (leaf === 0x8000_0000) return answer(cpu, MAXIMUM_EXTENDED_LEAF | 0, 0, 0, 0);
  if (leaf === 0x8000_0001) return answer(cpu, 0, 0, 0, EXTENDED_FEATURES);
  if (leaf <= 0x8000_0004) {
    const at = (leaf - 0x8000_0002) * 16;
    return answer(cpu, dword(BRAND, at), dword(BRAND, at + 4), dword(BRAND, at + 8), dword(BRAND, at + 12));
  }
  // 1 MB of second-level cache in lines of 64 bytes, 8-way; 36 bits of physical and 32 of linear address.
  if (leaf === 0x8000_0006) return answer(cpu, 0, 0, 0x0400_6040, 0);
  if (leaf === 0x8000_0008) return answer(cpu, 36 | (32 << 8), 0, 0, 0);
  return answer(cpu, 0, 0, 0, 0);
}

function answer(cpu: Cpu, eax: number, ebx: number, ecx: number, edx: number): true {
  const state = cpu.state;
  state[EAX] = eax;
  state[EBX] = ebx;
  state[ECX] = ecx;
  state[EDX] = edx;
  return true;
}
