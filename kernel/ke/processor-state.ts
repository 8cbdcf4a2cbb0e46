import {
  CPL,
  type Cpu,
  CS,
  DR0,
  DR6,
  DR7,
  DS,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  EIP,
  ES,
  ESI,
  ESP,
  FS,
  GS,
  SEGMENT_BASE,
  SEGMENT_SELECTOR,
  SS,
} from '../../cpu/index.js';
import { Access, FLAT_LIMIT, Selector, TEB_LIMIT } from './descriptor-tables.js';
import { type TrapFrame, TrapFrameField } from './trap-frame.js';

const { Dr0, Dr6, Dr7, Gs, Es, Ds, Edx, Ecx, Eax, Fs, Edi, Esi, Ebx, Ebp, Eip, Cs, EFlags, Esp, Ss, ErrCode } =
  TrapFrameField;
const USER_MODE = 3;
/** Enable bits of DR7: local and global, four breakpoints. */
const DR7_ENABLES = 0xff;
const DR7_FIXED = 0x400;

/** Writes the user-mode registers that a trap found into the thread's trap frame. */
export function storeTrapFrame(cpu: Cpu, frame: TrapFrame, errorCode: number): void {
  const state = cpu.state;
  frame.set(Gs, state[SEGMENT_SELECTOR + GS]);
  frame.set(Es, state[SEGMENT_SELECTOR + ES]);
  frame.set(Ds, state[SEGMENT_SELECTOR + DS]);
  frame.set(Edx, state[EDX]);
  frame.set(Ecx, state[ECX]);
  frame.set(Eax, state[EAX]);
  frame.set(Fs, state[SEGMENT_SELECTOR + FS]);
  frame.set(Edi, state[EDI]);
  frame.set(Esi, state[ESI]);
  frame.set(Ebx, state[EBX]);
  frame.set(Ebp, state[EBP]);
  frame.set(ErrCode, errorCode);
  frame.set(Eip, state[EIP]);
  frame.set(Cs, state[SEGMENT_SELECTOR + CS]);
  frame.set(EFlags, cpu.getEflags());
  frame.set(Esp, state[ESP]);
  frame.set(Ss, state[SEGMENT_SELECTOR + SS]);
  if ((state[DR7] & DR7_ENABLES) === 0) return;
  for (let index = 0; index < 4; index++) frame.set((Dr0 + index * 4) as TrapFrameField, state[DR0 + index]);
  frame.set(Dr6, state[DR6]);
  frame.set(Dr7, state[DR7]);
}

/** Loads the user-mode registers from a trap frame. @param teb base of FS. */
export function loadTrapFrame(cpu: Cpu, frame: TrapFrame, teb: number): void {
  const state = cpu.state;
  state[EDX] = frame.get(Edx);
  state[ECX] = frame.get(Ecx);
  state[EAX] = frame.get(Eax);
  state[EDI] = frame.get(Edi);
  state[ESI] = frame.get(Esi);
  state[EBX] = frame.get(Ebx);
  state[EBP] = frame.get(Ebp);
  state[EIP] = frame.get(Eip);
  state[ESP] = frame.get(Esp);
  cpu.setEflags(frame.get(EFlags));
  if (state[CPL] !== USER_MODE || state[SEGMENT_SELECTOR + CS] !== frame.get(Cs)) {
    state[CPL] = USER_MODE;
    cpu.setSegment(CS, Selector.UserCode, 0, FLAT_LIMIT, Access.UserCode);
  }
  loadSegment(cpu, SS, frame.get(Ss), teb);
  loadSegment(cpu, DS, frame.get(Ds), teb);
  loadSegment(cpu, ES, frame.get(Es), teb);
  loadSegment(cpu, GS, frame.get(Gs), teb);
  loadSegment(cpu, FS, frame.get(Fs), teb);
  const dr7 = frame.get(Dr7);
  if (((dr7 | state[DR7]) & DR7_ENABLES) !== 0) loadDebugRegisters(cpu, frame, dr7);
}

/** The breakpoints of the thread that goes to user mode, unless the processor has them already. */
function loadDebugRegisters(cpu: Cpu, frame: TrapFrame, dr7: number): void {
  const { state } = cpu;
  let changed = ((state[DR7] ^ dr7) & ~DR7_FIXED) !== 0;
  for (let index = 0; index < 4; index++) {
    const address = frame.get((Dr0 + index * 4) as TrapFrameField);
    changed ||= state[DR0 + index] !== address;
    state[DR0 + index] = address;
  }
  cpu.debug.load(6, frame.get(Dr6));
  if (changed) cpu.debug.load(7, dr7);
}

/** Selectors were checked when they came into the frame; a cache that is right already stays. */
function loadSegment(cpu: Cpu, segment: number, selector: number, teb: number): void {
  const state = cpu.state;
  const base = selector === Selector.UserTeb ? teb | 0 : 0;
  if (state[SEGMENT_SELECTOR + segment] === selector && state[SEGMENT_BASE + segment] === base) return;
  switch (selector) {
    case Selector.UserData:
      cpu.setSegment(segment, selector, 0, FLAT_LIMIT, Access.UserData);
      return;
    case Selector.UserTeb:
      cpu.setSegment(segment, selector, base, TEB_LIMIT, Access.UserTeb);
      return;
    case Selector.UserCode:
      cpu.setSegment(segment, selector, 0, FLAT_LIMIT, Access.UserCode);
      return;
    default:
      cpu.setSegment(segment, selector & 3, 0, 0, 0);
  }
}
