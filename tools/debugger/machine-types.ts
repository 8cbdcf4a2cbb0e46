/** Types of the kernel that the debugger names, as the kernel's public interface gives them. */
import type { Machine } from '../../kernel/index.js';

export type { AddressSpace, Machine, MemoryManager, Thread } from '../../kernel/index.js';
export type EProcessLike = Machine['kernel']['ps']['processes'][number];
export type ObjectHeaderLike = Machine['kernel']['ob']['root'];
