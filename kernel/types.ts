declare const brand: unique symbol;

/** A number that means one thing only: a plain number does not pass for it, it passes for a plain number. */
type Branded<Name extends string> = number & { readonly [brand]: Name };

/** An address as the guest sees it, 0 to FFFFFFFF, unsigned. */
export type VirtualAddress = Branded<'VirtualAddress'>;
/** A physical byte address, up to 36 bits, unsigned. */
export type PhysicalAddress = Branded<'PhysicalAddress'>;
/** Physical address >> 12. */
export type PageFrameNumber = Branded<'PageFrameNumber'>;
/** Virtual address >> 12. */
export type VirtualPageNumber = Branded<'VirtualPageNumber'>;
/** An NTSTATUS, unsigned (C0000005, not a negative number). */
export type NtStatus = Branded<'NtStatus'>;
/** Index * 4 into a handle table, or a pseudo handle (FFFFFFFF, FFFFFFFE). */
export type Handle = Branded<'Handle'>;
/** Rights asked for or granted. */
export type AccessMask = Branded<'AccessMask'>;

/** Kernel code that can wait: a yield means that the running thread gave up the processor. */
export type Blocking<Result> = Generator<void, Result, void>;

export const virtualAddress = (value: number): VirtualAddress => (value >>> 0) as VirtualAddress;
export const physicalAddress = (value: number): PhysicalAddress => value as PhysicalAddress;
export const pageFrameNumber = (value: number): PageFrameNumber => value as PageFrameNumber;
export const virtualPageNumber = (address: number): VirtualPageNumber => (address >>> 12) as VirtualPageNumber;
export const ntStatus = (value: number): NtStatus => (value >>> 0) as NtStatus;
export const handle = (value: number): Handle => (value >>> 0) as Handle;
export const accessMask = (value: number): AccessMask => (value >>> 0) as AccessMask;
