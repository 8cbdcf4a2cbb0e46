/**
 * NT structures for dt, those of them that lie in guest memory as bytes (nt52 1.7, 2, 3.1, 6.2, 10.1, 11.3, 11.6, 11.7). A field:
 * hexadecimal offset, name, type. Types: u1 u2 u4 u8, ptr, an array as u4[5], another structure as _NAME, a bit field as
 * u4:FIRST:COUNT.
 */
export const structures: Readonly<Record<string, string>> = {
  _LIST_ENTRY: '0 Flink ptr; 4 Blink ptr',
  _UNICODE_STRING: '0 Length u2; 2 MaximumLength u2; 4 Buffer ptr',
  _CLIENT_ID: '0 UniqueProcess ptr; 4 UniqueThread ptr',
  _KSYSTEM_TIME: '0 LowPart u4; 4 High1Time u4; 8 High2Time u4',
  _EXCEPTION_REGISTRATION_RECORD: '0 Next ptr; 4 Handler ptr',
  _NT_TIB:
    '0 ExceptionList ptr; 4 StackBase ptr; 8 StackLimit ptr; c SubSystemTib ptr; 10 FiberData ptr; ' +
    '14 ArbitraryUserPointer ptr; 18 Self ptr',
  _TEB:
    '0 NtTib _NT_TIB; 1c EnvironmentPointer ptr; 20 ClientId _CLIENT_ID; 28 ActiveRpcHandle ptr; ' +
    '2c ThreadLocalStoragePointer ptr; 30 ProcessEnvironmentBlock ptr; 34 LastErrorValue u4; ' +
    '38 CountOfOwnedCriticalSections u4; 3c CsrClientThread ptr; 40 Win32ThreadInfo ptr; c0 WOW32Reserved ptr; ' +
    'c4 CurrentLocale u4; 1a4 ExceptionCode u4; 1a8 ActivationContextStackPointer ptr; 6b4 RealClientId _CLIENT_ID; ' +
    'bf4 LastStatusValue u4; bf8 StaticUnicodeString _UNICODE_STRING; e0c DeallocationStack ptr; e10 TlsSlots u4[40]; ' +
    'f10 TlsLinks _LIST_ENTRY; f18 Vdm ptr; f28 HardErrorMode u4; f70 GdiBatchCount u4; f78 GuaranteedStackBytes u4; ' +
    'f94 TlsExpansionSlots ptr; f98 ImpersonationLocale u4; fb4 FlsData ptr; fb8 SafeThunkCall u1',
  _PEB:
    '0 InheritedAddressSpace u1; 1 ReadImageFileExecOptions u1; 2 BeingDebugged u1; 3 BitField u1; 4 Mutant ptr; ' +
    '8 ImageBaseAddress ptr; c Ldr ptr; 10 ProcessParameters ptr; 14 SubSystemData ptr; 18 ProcessHeap ptr; ' +
    '1c FastPebLock ptr; 20 AtlThunkSListPtr ptr; 28 EnvironmentUpdateCount u4; 2c KernelCallbackTable ptr; ' +
    '38 FreeList ptr; 3c TlsExpansionCounter u4; 40 TlsBitmap ptr; 44 TlsBitmapBits u4[2]; 64 NumberOfProcessors u4; ' +
    '68 NtGlobalFlag u4; 70 CriticalSectionTimeout u8; 78 HeapSegmentReserve u4; 7c HeapSegmentCommit u4; ' +
    '80 HeapDeCommitTotalFreeThreshold u4; 84 HeapDeCommitFreeBlockThreshold u4; 88 NumberOfHeaps u4; ' +
    '8c MaximumNumberOfHeaps u4; 90 ProcessHeaps ptr; a0 LoaderLock ptr; a4 OSMajorVersion u4; a8 OSMinorVersion u4; ' +
    'ac OSBuildNumber u2; ae OSCSDVersion u2; b0 OSPlatformId u4; b4 ImageSubsystem u4; b8 ImageSubsystemMajorVersion u4; ' +
    'bc ImageSubsystemMinorVersion u4; c0 ImageProcessAffinityMask u4; 14c PostProcessInitRoutine ptr; ' +
    '150 TlsExpansionBitmap ptr; 1d4 SessionId u4; 1d8 AppCompatFlags u8; 1f0 CSDVersion _UNICODE_STRING; ' +
    '1f8 ActivationContextData ptr; 208 MinimumStackCommit u4; 20c FlsCallback ptr; 210 FlsListHead _LIST_ENTRY; ' +
    '218 FlsBitmap ptr; 22c FlsHighIndex u4',
  _PEB_LDR_DATA:
    '0 Length u4; 4 Initialized u1; 8 SsHandle ptr; c InLoadOrderModuleList _LIST_ENTRY; ' +
    '14 InMemoryOrderModuleList _LIST_ENTRY; 1c InInitializationOrderModuleList _LIST_ENTRY; 24 EntryInProgress ptr',
  _LDR_DATA_TABLE_ENTRY:
    '0 InLoadOrderLinks _LIST_ENTRY; 8 InMemoryOrderLinks _LIST_ENTRY; 10 InInitializationOrderLinks _LIST_ENTRY; ' +
    '18 DllBase ptr; 1c EntryPoint ptr; 20 SizeOfImage u4; 24 FullDllName _UNICODE_STRING; 2c BaseDllName _UNICODE_STRING; ' +
    '34 Flags u4; 38 LoadCount u2; 3a TlsIndex u2',
  _KTRAP_FRAME:
    '0 DbgEbp u4; 4 DbgEip u4; 8 DbgArgMark u4; c DbgArgPointer u4; 10 TempSegCs u4; 14 TempEsp u4; 18 Dr0 u4; 1c Dr1 u4; ' +
    '20 Dr2 u4; 24 Dr3 u4; 28 Dr6 u4; 2c Dr7 u4; 30 SegGs u4; 34 SegEs u4; 38 SegDs u4; 3c Edx u4; 40 Ecx u4; 44 Eax u4; ' +
    '48 PreviousPreviousMode u4; 4c ExceptionList ptr; 50 SegFs u4; 54 Edi u4; 58 Esi u4; 5c Ebx u4; 60 Ebp u4; ' +
    '64 ErrCode u4; 68 Eip u4; 6c SegCs u4; 70 EFlags u4; 74 HardwareEsp u4; 78 HardwareSegSs u4; 7c V86Es u4; 80 V86Ds u4; ' +
    '84 V86Fs u4; 88 V86Gs u4',
  _FLOATING_SAVE_AREA:
    '0 ControlWord u4; 4 StatusWord u4; 8 TagWord u4; c ErrorOffset u4; 10 ErrorSelector u4; 14 DataOffset u4; ' +
    '18 DataSelector u4; 1c RegisterArea u1[50]; 6c Cr0NpxState u4',
  _CONTEXT:
    '0 ContextFlags u4; 4 Dr0 u4; 8 Dr1 u4; c Dr2 u4; 10 Dr3 u4; 14 Dr6 u4; 18 Dr7 u4; 1c FloatSave _FLOATING_SAVE_AREA; ' +
    '8c SegGs u4; 90 SegFs u4; 94 SegEs u4; 98 SegDs u4; 9c Edi u4; a0 Esi u4; a4 Ebx u4; a8 Edx u4; ac Ecx u4; b0 Eax u4; ' +
    'b4 Ebp u4; b8 Eip u4; bc SegCs u4; c0 EFlags u4; c4 Esp u4; c8 SegSs u4; cc ExtendedRegisters u1[200]',
  _EXCEPTION_RECORD:
    '0 ExceptionCode u4; 4 ExceptionFlags u4; 8 ExceptionRecord ptr; c ExceptionAddress ptr; 10 NumberParameters u4; ' +
    '14 ExceptionInformation u4[f]',
  _EXCEPTION_POINTERS: '0 ExceptionRecord ptr; 4 ContextRecord ptr',
  _MMPTE_HARDWARE:
    '0 Valid u4:0:1; 0 Write u4:1:1; 0 Owner u4:2:1; 0 WriteThrough u4:3:1; 0 CacheDisable u4:4:1; 0 Accessed u4:5:1; ' +
    '0 Dirty u4:6:1; 0 LargePage u4:7:1; 0 Global u4:8:1; 0 CopyOnWrite u4:9:1; 0 Prototype u4:a:1; 0 reserved u4:b:1; ' +
    '0 PageFrameNumber u4:c:14',
  _MMPTE_SOFTWARE:
    '0 Valid u4:0:1; 0 PageFileLow u4:1:4; 0 Protection u4:5:5; 0 Prototype u4:a:1; 0 Transition u4:b:1; ' +
    '0 PageFileHigh u4:c:14',
  _MMPTE_TRANSITION:
    '0 Valid u4:0:1; 0 Write u4:1:1; 0 Owner u4:2:1; 0 WriteThrough u4:3:1; 0 CacheDisable u4:4:1; 0 Protection u4:5:5; ' +
    '0 Prototype u4:a:1; 0 Transition u4:b:1; 0 PageFrameNumber u4:c:14',
  _MMPTE_PROTOTYPE:
    '0 Valid u4:0:1; 0 ProtoAddressLow u4:1:7; 0 ReadOnly u4:8:1; 0 WhichPool u4:9:1; 0 Prototype u4:a:1; ' +
    '0 ProtoAddressHigh u4:b:15',
  _MMPTE:
    '0 Long u4; 0 Hard _MMPTE_HARDWARE; 0 Soft _MMPTE_SOFTWARE; 0 Trans _MMPTE_TRANSITION; 0 Proto _MMPTE_PROTOTYPE',
  _MMPTE_PAE: '0 Long u8; 0 Low _MMPTE; 4 High u4; 4 NoExecute u4:1f:1; 4 PageFrameHigh u4:0:6',
  _MMPFN:
    '0 Flink u4; 4 PteAddress ptr; 8 BlinkOrShareCount u4; c ReferenceCount u2; e Modified u2:0:1; e ReadInProgress u2:1:1; ' +
    'e WriteInProgress u2:2:1; e PrototypePte u2:3:1; e PageColor u2:4:4; e PageLocation u2:8:3; e RemovalRequested u2:b:1; ' +
    'e CacheAttribute u2:c:2; 10 OriginalPte u4; 14 PteFrame u4:0:19; 14 InPageError u4:19:1',
  _MMPFN_PAE:
    '0 Flink u4; 4 PteAddress ptr; 8 BlinkOrShareCount u4; c ReferenceCount u2; e Modified u2:0:1; e ReadInProgress u2:1:1; ' +
    'e WriteInProgress u2:2:1; e PrototypePte u2:3:1; e PageColor u2:4:4; e PageLocation u2:8:3; e RemovalRequested u2:b:1; ' +
    'e CacheAttribute u2:c:2; 10 OriginalPte u8; 18 PteFrame u4:0:19; 18 InPageError u4:19:1',
  _MMWSLE:
    '0 Valid u4:0:1; 0 LockedInWs u4:1:1; 0 LockedInMemory u4:2:1; 0 Protection u4:3:5; 0 Hashed u4:8:1; 0 Direct u4:9:1; ' +
    '0 Age u4:a:2; 0 VirtualPageNumber u4:c:14',
  _POOL_HEADER: '0 PreviousSize u2:0:9; 0 PoolIndex u2:9:7; 2 BlockSize u2:0:9; 2 PoolType u2:9:7; 4 PoolTag u4',
  _KUSER_SHARED_DATA:
    '0 TickCountLowDeprecated u4; 4 TickCountMultiplier u4; 8 InterruptTime _KSYSTEM_TIME; 14 SystemTime _KSYSTEM_TIME; ' +
    '20 TimeZoneBias _KSYSTEM_TIME; 2c ImageNumberLow u2; 2e ImageNumberHigh u2; 238 MaxStackTraceDepth u4; ' +
    '23c CryptoExponent u4; 240 TimeZoneId u4; 244 LargePageMinimum u4; 264 NtProductType u4; 268 ProductTypeIsValid u1; ' +
    '26c NtMajorVersion u4; 270 NtMinorVersion u4; 274 ProcessorFeatures u1[40]; 2bc TimeSlip u4; ' +
    '2c0 AlternativeArchitecture u4; 2c8 SystemExpirationDate u8; 2d0 SuiteMask u4; 2d4 KdDebuggerEnabled u1; ' +
    '2d5 NXSupportPolicy u1; 2d8 ActiveConsoleId u4; 2dc DismountCount u4; 2e0 ComPlusPackage u4; ' +
    '2e4 LastSystemRITEventTickCount u4; 2e8 NumberOfPhysicalPages u4; 2ec SafeBootMode u1; 2f0 TraceLogging u4; ' +
    '2f8 TestRetInstruction u8; 300 SystemCall ptr; 304 SystemCallReturn ptr; 320 TickCount _KSYSTEM_TIME; 330 Cookie u4',
};

/** One field, taken apart. */
export interface StructureField {
  readonly offset: number;
  readonly name: string;
  /** 'u1' 'u2' 'u4' 'u8' 'ptr' or a structure's name. */
  readonly type: string;
  /** Elements of an array, 1 otherwise. */
  readonly count: number;
  readonly bits: { readonly first: number; readonly count: number } | null;
}

/** Fields of a structure by its name, with or without the underscore; null when there is none. */
export function structureFields(name: string): readonly StructureField[] | null {
  const key = Object.keys(structures).find(
    (known) => known.toLowerCase() === name.toLowerCase() || known.toLowerCase() === `_${name.toLowerCase()}`,
  );
  if (key === undefined) return null;
  return structures[key].split('; ').map((row) => {
    const [offset, field, type] = row.split(' ');
    const array = /^(.+)\[([0-9a-f]+)\]$/.exec(type);
    const bits = /^(u[124]):([0-9a-f]+):([0-9a-f]+)$/.exec(type);
    return {
      offset: Number.parseInt(offset, 16),
      name: field,
      type: array?.[1] ?? bits?.[1] ?? type,
      count: array === null ? 1 : Number.parseInt(array[2], 16),
      bits: bits === null ? null : { first: Number.parseInt(bits[2], 16), count: Number.parseInt(bits[3], 16) },
    };
  });
}
