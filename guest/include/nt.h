// The native interface as ntdll, kernel32 and the other guest libraries see it: layouts of NT 5.2 for x86, the system
// services and the Rtl/Ldr routines that ntdll exports. Win32 types come from the compiler's own headers.
#pragma once

#define WIN32_NO_STATUS
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0600
#endif
#include <stddef.h>
#include <windows.h>
#include <winioctl.h>
#undef WIN32_NO_STATUS
#include <ntstatus.h>

typedef LONG NTSTATUS;
typedef const char *PCSZ;
typedef ULONG ACCESS_BITS;
typedef LONG KPRIORITY;

#define NT_SUCCESS(status) ((NTSTATUS)(status) >= 0)
#define NT_ERROR(status) (((ULONG)(status) >> 30) == 3)
#define CURRENT_PROCESS ((HANDLE)(LONG_PTR)-1)
#define CURRENT_THREAD ((HANDLE)(LONG_PTR)-2)
#define PAGE_BYTES 0x1000u
#define ALLOCATION_BYTES 0x10000u
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define ROUND_UP(value, unit) (((value) + (unit) - 1) & ~((unit) - 1))
#define ROUND_DOWN(value, unit) ((value) & ~((unit) - 1))
#define LAYOUT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field)

typedef struct _UNICODE_STRING { USHORT Length, MaximumLength; PWSTR Buffer; } UNICODE_STRING, *PUNICODE_STRING;
typedef const UNICODE_STRING *PCUNICODE_STRING;
typedef struct _STRING { USHORT Length, MaximumLength; PCHAR Buffer; } STRING, *PSTRING, ANSI_STRING, *PANSI_STRING,
    OEM_STRING, *POEM_STRING;
typedef const STRING *PCANSI_STRING, *PCOEM_STRING;
#define UNICODE_LITERAL(text) { sizeof(text) - sizeof(WCHAR), sizeof(text), (PWSTR)(text) }

typedef struct _OBJECT_ATTRIBUTES {
  ULONG Length; HANDLE RootDirectory; PUNICODE_STRING ObjectName; ULONG Attributes; PVOID SecurityDescriptor;
  PVOID SecurityQualityOfService;
} OBJECT_ATTRIBUTES, *POBJECT_ATTRIBUTES;
#define OBJ_INHERIT 0x02
#define OBJ_PERMANENT 0x10
#define OBJ_CASE_INSENSITIVE 0x40
#define OBJ_OPENIF 0x80
#define DUPLICATE_SAME_ATTRIBUTES 0x04
#define OBJECT_ATTRIBUTES_OF(name, flags) { sizeof(OBJECT_ATTRIBUTES), NULL, (name), (flags), NULL, NULL }

typedef struct _IO_STATUS_BLOCK { union { NTSTATUS Status; PVOID Pointer; }; ULONG_PTR Information; }
    IO_STATUS_BLOCK, *PIO_STATUS_BLOCK;
typedef VOID(NTAPI *PIO_APC_ROUTINE)(PVOID context, PIO_STATUS_BLOCK status, ULONG reserved);
typedef VOID(NTAPI *PKNORMAL_ROUTINE)(PVOID context, PVOID argument1, PVOID argument2);
typedef struct _CLIENT_ID { HANDLE UniqueProcess, UniqueThread; } CLIENT_ID, *PCLIENT_ID;
typedef struct _INITIAL_TEB {
  PVOID OldStackBase, OldStackLimit, StackBase, StackLimit, StackAllocationBase;
} INITIAL_TEB, *PINITIAL_TEB;

// --- process and thread environment
typedef struct _PEB_LDR_DATA {
  ULONG Length; BOOLEAN Initialized; HANDLE SsHandle; LIST_ENTRY InLoadOrderModuleList, InMemoryOrderModuleList,
      InInitializationOrderModuleList; PVOID EntryInProgress;
} PEB_LDR_DATA, *PPEB_LDR_DATA;
LAYOUT(PEB_LDR_DATA, InInitializationOrderModuleList, 0x1C);

typedef struct _LDR_DATA_TABLE_ENTRY {
  LIST_ENTRY InLoadOrderLinks, InMemoryOrderLinks, InInitializationOrderLinks;
  PVOID DllBase; PVOID EntryPoint; ULONG SizeOfImage; UNICODE_STRING FullDllName, BaseDllName;
  ULONG Flags; USHORT LoadCount, TlsIndex; LIST_ENTRY HashLinks; ULONG TimeDateStamp; PVOID EntryPointActivationContext;
  PVOID PatchInformation;
} LDR_DATA_TABLE_ENTRY, *PLDR_DATA_TABLE_ENTRY;
LAYOUT(LDR_DATA_TABLE_ENTRY, DllBase, 0x18);
LAYOUT(LDR_DATA_TABLE_ENTRY, Flags, 0x34);
_Static_assert(sizeof(LDR_DATA_TABLE_ENTRY) == 0x50, "LDR_DATA_TABLE_ENTRY");
#define LDRP_STATIC_LINK 0x00000002
#define LDRP_IMAGE_DLL 0x00000004
#define LDRP_LOAD_IN_PROGRESS 0x00001000
#define LDRP_UNLOAD_IN_PROGRESS 0x00002000
#define LDRP_ENTRY_PROCESSED 0x00004000
#define LDRP_DONT_CALL_FOR_THREADS 0x00040000
#define LDRP_PROCESS_ATTACH_CALLED 0x00080000
#define LDRP_IMAGE_NOT_AT_BASE 0x00200000

typedef struct _CURDIR { UNICODE_STRING DosPath; HANDLE Handle; } CURDIR;
typedef struct _RTL_USER_PROCESS_PARAMETERS {
  ULONG MaximumLength, Length, Flags, DebugFlags; HANDLE ConsoleHandle; ULONG ConsoleFlags;
  HANDLE StandardInput, StandardOutput, StandardError; CURDIR CurrentDirectory; UNICODE_STRING DllPath, ImagePathName,
      CommandLine; PWSTR Environment; ULONG StartingX, StartingY, CountX, CountY, CountCharsX, CountCharsY, FillAttribute,
      WindowFlags, ShowWindowFlags; UNICODE_STRING WindowTitle, DesktopInfo, ShellInfo, RuntimeData;
} RTL_USER_PROCESS_PARAMETERS, *PRTL_USER_PROCESS_PARAMETERS;
LAYOUT(RTL_USER_PROCESS_PARAMETERS, Environment, 0x48);
LAYOUT(RTL_USER_PROCESS_PARAMETERS, RuntimeData, 0x88);

typedef struct _RTL_BITMAP { ULONG SizeOfBitMap; PULONG Buffer; } RTL_BITMAP, *PRTL_BITMAP;

typedef struct _PEB {
  BOOLEAN InheritedAddressSpace, ReadImageFileExecOptions, BeingDebugged, BitField; HANDLE Mutant;
  PVOID ImageBaseAddress; PPEB_LDR_DATA Ldr; PRTL_USER_PROCESS_PARAMETERS ProcessParameters; PVOID SubSystemData;
  HANDLE ProcessHeap; PRTL_CRITICAL_SECTION FastPebLock; PVOID AtlThunkSListPtr, SparePtr2;
  ULONG EnvironmentUpdateCount; PVOID KernelCallbackTable; ULONG SystemReserved[2]; PVOID FreeList;
  ULONG TlsExpansionCounter; PRTL_BITMAP TlsBitmap; ULONG TlsBitmapBits[2]; PVOID ReadOnlySharedMemoryBase,
      ReadOnlySharedMemoryHeap, ReadOnlyStaticServerData, AnsiCodePageData, OemCodePageData, UnicodeCaseTableData;
  ULONG NumberOfProcessors, NtGlobalFlag; ULONG Padding6C; LARGE_INTEGER CriticalSectionTimeout; ULONG HeapSegmentReserve,
      HeapSegmentCommit, HeapDeCommitTotalFreeThreshold, HeapDeCommitFreeBlockThreshold, NumberOfHeaps,
      MaximumNumberOfHeaps; HANDLE *ProcessHeaps; PVOID GdiSharedHandleTable, ProcessStarterHelper; ULONG GdiDCAttributeList;
  PRTL_CRITICAL_SECTION LoaderLock; ULONG OSMajorVersion, OSMinorVersion; USHORT OSBuildNumber, OSCSDVersion;
  ULONG OSPlatformId, ImageSubsystem, ImageSubsystemMajorVersion, ImageSubsystemMinorVersion, ImageProcessAffinityMask;
  ULONG GdiHandleBuffer[34]; PVOID PostProcessInitRoutine; PRTL_BITMAP TlsExpansionBitmap; ULONG TlsExpansionBitmapBits[32];
  ULONG SessionId; ULARGE_INTEGER AppCompatFlags, AppCompatFlagsUser; PVOID pShimData, AppCompatInfo;
  UNICODE_STRING CSDVersion; PVOID ActivationContextData, ProcessAssemblyStorageMap, SystemDefaultActivationContextData,
      SystemAssemblyStorageMap; ULONG MinimumStackCommit; PVOID *FlsCallback; LIST_ENTRY FlsListHead; PRTL_BITMAP FlsBitmap;
  ULONG FlsBitmapBits[4]; ULONG FlsHighIndex;
} PEB, *PPEB;
LAYOUT(PEB, TlsBitmapBits, 0x44);
LAYOUT(PEB, CriticalSectionTimeout, 0x70);
LAYOUT(PEB, LoaderLock, 0xA0);
LAYOUT(PEB, GdiHandleBuffer, 0xC4);
LAYOUT(PEB, TlsExpansionBitmap, 0x150);
LAYOUT(PEB, CSDVersion, 0x1F0);
LAYOUT(PEB, FlsHighIndex, 0x22C);

typedef struct _TEB {
  NT_TIB NtTib; PVOID EnvironmentPointer; CLIENT_ID ClientId; PVOID ActiveRpcHandle; PVOID *ThreadLocalStoragePointer;
  PPEB ProcessEnvironmentBlock; ULONG LastErrorValue, CountOfOwnedCriticalSections; PVOID CsrClientThread, Win32ThreadInfo;
  ULONG User32Reserved[26], UserReserved[5]; PVOID WOW32Reserved; LCID CurrentLocale; ULONG FpSoftwareStatusRegister;
  PVOID SystemReserved1[54]; NTSTATUS ExceptionCode; PVOID ActivationContextStackPointer; UCHAR Reserved1AC[0xBF4 - 0x1AC];
  NTSTATUS LastStatusValue; UNICODE_STRING StaticUnicodeString; WCHAR StaticUnicodeBuffer[261]; PVOID DeallocationStack;
  PVOID TlsSlots[64]; LIST_ENTRY TlsLinks; PVOID Vdm, ReservedForNtRpc, DbgSsReserved[2]; ULONG HardErrorMode;
  PVOID Instrumentation[16]; PVOID WinSockData; ULONG GdiBatchCount; BOOLEAN InDbgPrint, FreeStackOnTermination,
      HasFiberData, IdealProcessor; ULONG GuaranteedStackBytes; PVOID ReservedForPerf, ReservedForOle;
  ULONG WaitingOnLoaderLock; PVOID ReservedF88[3]; PVOID *TlsExpansionSlots; LCID ImpersonationLocale; ULONG IsImpersonating;
  PVOID NlsCache, pShimData; ULONG HeapVirtualAffinity; HANDLE CurrentTransactionHandle; PVOID ActiveFrame; PVOID FlsData;
} TEB, *PTEB;
LAYOUT(TEB, LastErrorValue, 0x34);
LAYOUT(TEB, ExceptionCode, 0x1A4);
LAYOUT(TEB, StaticUnicodeString, 0xBF8);
LAYOUT(TEB, DeallocationStack, 0xE0C);
LAYOUT(TEB, TlsSlots, 0xE10);
LAYOUT(TEB, HardErrorMode, 0xF28);
LAYOUT(TEB, GuaranteedStackBytes, 0xF78);
LAYOUT(TEB, TlsExpansionSlots, 0xF94);
LAYOUT(TEB, FlsData, 0xFB4);

typedef struct _KSYSTEM_TIME { ULONG LowPart; LONG High1Time, High2Time; } KSYSTEM_TIME;
typedef struct _KUSER_SHARED_DATA {
  ULONG TickCountLowDeprecated, TickCountMultiplier; volatile KSYSTEM_TIME InterruptTime, SystemTime, TimeZoneBias;
  USHORT ImageNumberLow, ImageNumberHigh; WCHAR NtSystemRoot[260]; ULONG MaxStackTraceDepth, CryptoExponent, TimeZoneId,
      LargePageMinimum, Reserved2[7], NtProductType; BOOLEAN ProductTypeIsValid; ULONG NtMajorVersion, NtMinorVersion;
  BOOLEAN ProcessorFeatures[64];
} KUSER_SHARED_DATA;
LAYOUT(KUSER_SHARED_DATA, NtSystemRoot, 0x30);
LAYOUT(KUSER_SHARED_DATA, NtProductType, 0x264);
LAYOUT(KUSER_SHARED_DATA, ProcessorFeatures, 0x274);
#define SHARED_USER_DATA ((const KUSER_SHARED_DATA *)0x7FFE0000)
#define SHARED_TICK_COUNT ((volatile const KSYSTEM_TIME *)0x7FFE0320)

static inline PTEB current_teb(void) {
  PTEB teb;
  __asm__("movl %%fs:0x18, %0" : "=r"(teb));
  return teb;
}
static inline PPEB current_peb(void) { return current_teb()->ProcessEnvironmentBlock; }

// --- information classes (only those used here)
typedef struct _FILE_BASIC_INFORMATION {
  LARGE_INTEGER CreationTime, LastAccessTime, LastWriteTime, ChangeTime; ULONG FileAttributes;
} FILE_BASIC_INFORMATION;
typedef struct _FILE_STANDARD_INFORMATION {
  LARGE_INTEGER AllocationSize, EndOfFile; ULONG NumberOfLinks; BOOLEAN DeletePending, Directory;
} FILE_STANDARD_INFORMATION;
typedef struct _FILE_INTERNAL_INFORMATION { LARGE_INTEGER IndexNumber; } FILE_INTERNAL_INFORMATION;
typedef struct _FILE_NAME_INFORMATION { ULONG FileNameLength; WCHAR FileName[1]; } FILE_NAME_INFORMATION;
typedef struct _FILE_RENAME_INFORMATION {
  BOOLEAN ReplaceIfExists; HANDLE RootDirectory; ULONG FileNameLength; WCHAR FileName[1];
} FILE_RENAME_INFORMATION;
typedef struct _FILE_NETWORK_OPEN_INFORMATION {
  LARGE_INTEGER CreationTime, LastAccessTime, LastWriteTime, ChangeTime, AllocationSize, EndOfFile; ULONG FileAttributes;
} FILE_NETWORK_OPEN_INFORMATION;
typedef struct _FILE_ATTRIBUTE_TAG_INFORMATION { ULONG FileAttributes, ReparseTag; } FILE_ATTRIBUTE_TAG_INFORMATION;
typedef struct _FILE_BOTH_DIR_INFORMATION {
  ULONG NextEntryOffset, FileIndex; LARGE_INTEGER CreationTime, LastAccessTime, LastWriteTime, ChangeTime, EndOfFile,
      AllocationSize; ULONG FileAttributes, FileNameLength, EaSize; CCHAR ShortNameLength; WCHAR ShortName[12];
  WCHAR FileName[1];
} FILE_BOTH_DIR_INFORMATION;
LAYOUT(FILE_BOTH_DIR_INFORMATION, FileName, 0x5E);
typedef struct _FILE_FS_DEVICE_INFORMATION { ULONG DeviceType, Characteristics; } FILE_FS_DEVICE_INFORMATION;
typedef struct _FILE_FS_VOLUME_INFORMATION {
  LARGE_INTEGER VolumeCreationTime; ULONG VolumeSerialNumber, VolumeLabelLength; BOOLEAN SupportsObjects;
  WCHAR VolumeLabel[1];
} FILE_FS_VOLUME_INFORMATION;
typedef struct _FILE_FS_SIZE_INFORMATION {
  LARGE_INTEGER TotalAllocationUnits, AvailableAllocationUnits; ULONG SectorsPerAllocationUnit, BytesPerSector;
} FILE_FS_SIZE_INFORMATION;
typedef struct _FILE_FS_ATTRIBUTE_INFORMATION {
  ULONG FileSystemAttributes; LONG MaximumComponentNameLength; ULONG FileSystemNameLength; WCHAR FileSystemName[1];
} FILE_FS_ATTRIBUTE_INFORMATION;

enum file_information_class {
  FileBothDirectoryInformationClass = 3, FileBasicInformationClass = 4, FileStandardInformationClass = 5,
  FileInternalInformationClass = 6, FileNameInformationClass = 9, FileRenameInformationClass = 10,
  FileDispositionInformationClass = 13, FilePositionInformationClass = 14, FileModeInformationClass = 16,
  FileAllocationInformationClass = 19, FileEndOfFileInformationClass = 20, FilePipeInformationClass = 23,
  FilePipeLocalInformationClass = 24,
  FileNetworkOpenInformationClass = 34, FileAttributeTagInformationClass = 35
};
enum volume_information_class { FileFsVolumeClass = 1, FileFsSizeClass = 3, FileFsDeviceClass = 4, FileFsAttributeClass = 5 };
#define FILE_OPENED_INFORMATION 1
#define FILE_OVERWRITTEN_INFORMATION 3
#define FILE_REMOVABLE_MEDIA 0x00000001
#define FILE_REMOTE_DEVICE 0x00000010
#define FILE_DIRECTORY_FILE 0x00000001
#define FILE_WRITE_THROUGH 0x00000002
#define FILE_SEQUENTIAL_ONLY 0x00000004
#define FILE_NO_INTERMEDIATE_BUFFERING 0x00000008
#define FILE_SYNCHRONOUS_IO_NONALERT 0x00000020
#define FILE_NON_DIRECTORY_FILE 0x00000040
#define FILE_RANDOM_ACCESS 0x00000800
#define FILE_DELETE_ON_CLOSE 0x00001000
#define FILE_OPEN_FOR_BACKUP_INTENT 0x00004000
#define FILE_OPEN_REPARSE_POINT 0x00200000

typedef struct _PROCESS_BASIC_INFORMATION {
  NTSTATUS ExitStatus; PPEB PebBaseAddress; ULONG_PTR AffinityMask; KPRIORITY BasePriority; ULONG_PTR UniqueProcessId,
      InheritedFromUniqueProcessId;
} PROCESS_BASIC_INFORMATION;
typedef struct _SECTION_IMAGE_INFORMATION {
  PVOID TransferAddress; ULONG ZeroBits, MaximumStackSize, CommittedStackSize, SubSystemType; USHORT SubSystemMinorVersion,
      SubSystemMajorVersion; ULONG GpValue; USHORT ImageCharacteristics, DllCharacteristics, Machine; BOOLEAN ImageContainsCode, Spare;
  ULONG LoaderFlags, ImageFileSize, Reserved;
} SECTION_IMAGE_INFORMATION;
LAYOUT(SECTION_IMAGE_INFORMATION, ImageCharacteristics, 0x1C);
_Static_assert(sizeof(SECTION_IMAGE_INFORMATION) == 0x30, "SECTION_IMAGE_INFORMATION");
typedef struct _THREAD_BASIC_INFORMATION {
  NTSTATUS ExitStatus; PTEB TebBaseAddress; CLIENT_ID ClientId; ULONG_PTR AffinityMask; KPRIORITY Priority, BasePriority;
} THREAD_BASIC_INFORMATION;
typedef struct _KERNEL_USER_TIMES { LARGE_INTEGER CreateTime, ExitTime, KernelTime, UserTime; } KERNEL_USER_TIMES;
typedef struct _SYSTEM_BASIC_INFORMATION {
  ULONG Reserved, TimerResolution, PageSize, NumberOfPhysicalPages, LowestPhysicalPageNumber, HighestPhysicalPageNumber,
      AllocationGranularity; ULONG_PTR MinimumUserModeAddress, MaximumUserModeAddress, ActiveProcessorsAffinityMask;
  CCHAR NumberOfProcessors;
} SYSTEM_BASIC_INFORMATION;
typedef struct _SYSTEM_PROCESSOR_INFORMATION {
  USHORT ProcessorArchitecture, ProcessorLevel, ProcessorRevision, Reserved; ULONG ProcessorFeatureBits;
} SYSTEM_PROCESSOR_INFORMATION;
typedef struct _SYSTEM_PERFORMANCE_INFORMATION { ULONG Fields[0x138 / 4]; } SYSTEM_PERFORMANCE_INFORMATION;
#define PERFORMANCE_AVAILABLE_PAGES (0x2C / 4)
#define PERFORMANCE_COMMITTED_PAGES (0x30 / 4)
#define PERFORMANCE_COMMIT_LIMIT (0x34 / 4)
enum { EventBasicClass = 0, SemaphoreBasicClass = 0 };
enum event_type { NotificationEvent, SynchronizationEvent };
enum section_inherit { ViewShare = 1, ViewUnmap = 2 };

// --- system services
#define SERVICE NTSTATUS NTAPI
SERVICE NtAlertThread(HANDLE);
SERVICE NtAllocateVirtualMemory(HANDLE, PVOID *base, ULONG zeroBits, SIZE_T *size, ULONG type, ULONG protect);
SERVICE NtAllocateUserPhysicalPages(HANDLE, ULONG_PTR *count, ULONG_PTR *frames);
SERVICE NtFreeUserPhysicalPages(HANDLE, ULONG_PTR *count, ULONG_PTR *frames);
SERVICE NtMapUserPhysicalPages(PVOID, ULONG_PTR count, ULONG_PTR *frames);
SERVICE NtMapUserPhysicalPagesScatter(PVOID *, ULONG_PTR count, ULONG_PTR *frames);
SERVICE NtCancelIoFile(HANDLE, PIO_STATUS_BLOCK);
SERVICE NtCancelTimer(HANDLE, BOOLEAN *state);
SERVICE NtClearEvent(HANDLE);
SERVICE NtClose(HANDLE);
SERVICE NtContinue(PCONTEXT, BOOLEAN testAlert);
SERVICE NtCreateEvent(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, ULONG type, BOOLEAN state);
SERVICE NtCreateFile(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, PLARGE_INTEGER size, ULONG attributes,
                     ULONG share, ULONG disposition, ULONG options, PVOID ea, ULONG eaLength);
SERVICE NtCreateKeyedEvent(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, ULONG flags);
SERVICE NtCreateMutant(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, BOOLEAN owned);
SERVICE NtCreateIoCompletion(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, ULONG concurrency);
SERVICE NtRemoveIoCompletion(HANDLE, PVOID *key, PVOID *context, PIO_STATUS_BLOCK, PLARGE_INTEGER timeout);
SERVICE NtSetIoCompletion(HANDLE, PVOID key, PVOID context, NTSTATUS, ULONG_PTR information);
SERVICE NtCreateNamedPipeFile(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG share, ULONG disposition, ULONG options,
                              ULONG type, ULONG readMode, ULONG completionMode, ULONG instances, ULONG inbound, ULONG outbound,
                              PLARGE_INTEGER timeout);
SERVICE NtCreateProcess(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, HANDLE parent, BOOLEAN inherit, HANDLE section, HANDLE debugPort,
                        HANDLE exceptionPort);
SERVICE NtCreateProcessEx(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, HANDLE parent, ULONG flags, HANDLE section, HANDLE debugPort,
                          HANDLE exceptionPort, ULONG jobMemberLevel);
SERVICE NtCreateSection(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PLARGE_INTEGER size, ULONG protect, ULONG attributes,
                        HANDLE file);
SERVICE NtCreateSemaphore(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, LONG initial, LONG maximum);
SERVICE NtCreateThread(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, HANDLE process, PCLIENT_ID, PCONTEXT, PINITIAL_TEB,
                       BOOLEAN suspended);
SERVICE NtCreateTimer(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, ULONG type);
SERVICE NtDelayExecution(BOOLEAN alertable, PLARGE_INTEGER interval);
SERVICE NtDeviceIoControlFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, ULONG code, PVOID in,
                              ULONG inLength, PVOID out, ULONG outLength);
SERVICE NtDuplicateObject(HANDLE sourceProcess, HANDLE source, HANDLE targetProcess, PHANDLE target, ACCESS_BITS,
                          ULONG attributes, ULONG options);
SERVICE NtFlushBuffersFile(HANDLE, PIO_STATUS_BLOCK);
SERVICE NtFlushInstructionCache(HANDLE, PVOID, SIZE_T);
SERVICE NtFlushVirtualMemory(HANDLE, PVOID *base, SIZE_T *size, PIO_STATUS_BLOCK);
SERVICE NtFreeVirtualMemory(HANDLE, PVOID *base, SIZE_T *size, ULONG type);
SERVICE NtFsControlFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, ULONG code, PVOID in,
                        ULONG inLength, PVOID out, ULONG outLength);
SERVICE NtGetContextThread(HANDLE, PCONTEXT);
SERVICE NtGetWriteWatch(HANDLE, ULONG flags, PVOID base, SIZE_T size, PVOID *addresses, ULONG_PTR *count, ULONG *granularity);
SERVICE NtLockFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, PLARGE_INTEGER offset,
                   PLARGE_INTEGER length, ULONG key, BOOLEAN failImmediately, BOOLEAN exclusive);
SERVICE NtLockVirtualMemory(HANDLE, PVOID *base, SIZE_T *size, ULONG mapType);
SERVICE NtMapViewOfSection(HANDLE section, HANDLE process, PVOID *base, ULONG zeroBits, SIZE_T commit, PLARGE_INTEGER offset,
                           SIZE_T *size, ULONG inherit, ULONG type, ULONG protect);
SERVICE NtOpenDirectoryObject(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtAssignProcessToJobObject(HANDLE job, HANDLE process);
SERVICE NtCreateJobObject(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtIsProcessInJob(HANDLE process, HANDLE job);
SERVICE NtOpenJobObject(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtQueryInformationJobObject(HANDLE, ULONG informationClass, PVOID, ULONG, PULONG);
SERVICE NtSetInformationJobObject(HANDLE, ULONG informationClass, PVOID, ULONG);
SERVICE NtOpenEvent(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtOpenFile(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PIO_STATUS_BLOCK, ULONG share, ULONG options);
SERVICE NtOpenMutant(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtOpenProcess(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PCLIENT_ID);
SERVICE NtOpenProcessToken(HANDLE, ACCESS_BITS, PHANDLE);
SERVICE NtOpenThreadToken(HANDLE, ACCESS_BITS, BOOLEAN self, PHANDLE);
SERVICE NtQueryInformationToken(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtSetInformationToken(HANDLE, ULONG informationClass, PVOID, ULONG);
SERVICE NtAdjustPrivilegesToken(HANDLE, BOOLEAN disableAll, PVOID state, ULONG length, PVOID previous, ULONG *used);
SERVICE NtDuplicateToken(HANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, BOOLEAN effectiveOnly, ULONG type, PHANDLE);
SERVICE NtAdjustGroupsToken(HANDLE, BOOLEAN reset, PVOID state, ULONG length, PVOID previous, ULONG *used);
SERVICE NtFilterToken(HANDLE, ULONG flags, PVOID disable, PVOID delete, PVOID restricting, PHANDLE);
SERVICE NtPrivilegeCheck(HANDLE, PVOID set, BOOLEAN *result);
SERVICE NtAccessCheck(PVOID descriptor, HANDLE, ACCESS_BITS, PVOID mapping, PVOID set, ULONG *length, ULONG *granted, NTSTATUS *status);
SERVICE NtImpersonateAnonymousToken(HANDLE);
SERVICE NtQuerySecurityObject(HANDLE, ULONG parts, PVOID, ULONG length, ULONG *needed);
SERVICE NtSetSecurityObject(HANDLE, ULONG parts, PVOID);
SERVICE NtOpenSection(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtOpenSemaphore(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtOpenThread(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES, PCLIENT_ID);
SERVICE NtOpenTimer(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
SERVICE NtProtectVirtualMemory(HANDLE, PVOID *base, SIZE_T *size, ULONG protect, PULONG oldProtect);
SERVICE NtPulseEvent(HANDLE, PLONG previous);
SERVICE NtQueryAttributesFile(POBJECT_ATTRIBUTES, FILE_BASIC_INFORMATION *);
SERVICE NtQueryDirectoryFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, PVOID buffer,
                             ULONG length, ULONG informationClass, BOOLEAN single, PUNICODE_STRING pattern, BOOLEAN restart);
SERVICE NtQueryEvent(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQueryFullAttributesFile(POBJECT_ATTRIBUTES, FILE_NETWORK_OPEN_INFORMATION *);
SERVICE NtQueryInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG length, ULONG informationClass);
SERVICE NtQueryInformationProcess(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQueryInformationThread(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQueryObject(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQueryPerformanceCounter(PLARGE_INTEGER counter, PLARGE_INTEGER frequency);
SERVICE NtQuerySection(HANDLE, ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQuerySystemInformation(ULONG informationClass, PVOID, ULONG, ULONG *);
SERVICE NtQuerySystemTime(PLARGE_INTEGER);
SERVICE NtQueryVirtualMemory(HANDLE, PVOID, ULONG informationClass, PVOID, SIZE_T, SIZE_T *);
SERVICE NtQueryVolumeInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG length, ULONG informationClass);
SERVICE NtQueueApcThread(HANDLE, PKNORMAL_ROUTINE, PVOID context, PVOID argument1, PVOID argument2);
SERVICE NtRaiseException(PEXCEPTION_RECORD, PCONTEXT, BOOLEAN firstChance);
SERVICE NtRaiseHardError(NTSTATUS, ULONG count, ULONG unicodeMask, ULONG_PTR *parameters, ULONG options, PULONG response);
SERVICE NtReadFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, PVOID, ULONG length,
                   PLARGE_INTEGER offset, PULONG key);
SERVICE NtReadVirtualMemory(HANDLE, PVOID base, PVOID buffer, SIZE_T size, SIZE_T *done);
SERVICE NtReleaseKeyedEvent(HANDLE, PVOID key, BOOLEAN alertable, PLARGE_INTEGER timeout);
SERVICE NtReleaseMutant(HANDLE, PLONG previous);
SERVICE NtReleaseSemaphore(HANDLE, LONG count, PLONG previous);
SERVICE NtResetEvent(HANDLE, PLONG previous);
SERVICE NtResetWriteWatch(HANDLE, PVOID base, SIZE_T size);
SERVICE NtResumeThread(HANDLE, PULONG previous);
SERVICE NtSetContextThread(HANDLE, PCONTEXT);
SERVICE NtSetEvent(HANDLE, PLONG previous);
SERVICE NtSetInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG length, ULONG informationClass);
SERVICE NtSetInformationObject(HANDLE, ULONG informationClass, PVOID, ULONG);
SERVICE NtSetInformationProcess(HANDLE, ULONG informationClass, PVOID, ULONG);
SERVICE NtSetInformationThread(HANDLE, ULONG informationClass, PVOID, ULONG);
SERVICE NtSetSystemTime(PLARGE_INTEGER now, PLARGE_INTEGER previous);
SERVICE NtSetTimer(HANDLE, PLARGE_INTEGER due, PVOID apc, PVOID context, BOOLEAN resume, LONG period, BOOLEAN *previous);
SERVICE NtSetVolumeInformationFile(HANDLE, PIO_STATUS_BLOCK, PVOID, ULONG length, ULONG informationClass);
SERVICE NtSignalAndWaitForSingleObject(HANDLE signal, HANDLE wait, BOOLEAN alertable, PLARGE_INTEGER timeout);
SERVICE NtSuspendThread(HANDLE, PULONG previous);
SERVICE NtTerminateJobObject(HANDLE, NTSTATUS);
SERVICE NtTerminateProcess(HANDLE, NTSTATUS);
SERVICE NtTerminateThread(HANDLE, NTSTATUS);
SERVICE NtTestAlert(void);
SERVICE NtUnlockFile(HANDLE, PIO_STATUS_BLOCK, PLARGE_INTEGER offset, PLARGE_INTEGER length, ULONG key);
SERVICE NtUnlockVirtualMemory(HANDLE, PVOID *base, SIZE_T *size, ULONG mapType);
SERVICE NtUnmapViewOfSection(HANDLE, PVOID base);
SERVICE NtWaitForKeyedEvent(HANDLE, PVOID key, BOOLEAN alertable, PLARGE_INTEGER timeout);
SERVICE NtWaitForMultipleObjects(ULONG count, const HANDLE *, ULONG waitAny, BOOLEAN alertable, PLARGE_INTEGER timeout);
SERVICE NtWaitForSingleObject(HANDLE, BOOLEAN alertable, PLARGE_INTEGER timeout);
SERVICE NtWriteFile(HANDLE, HANDLE event, PIO_APC_ROUTINE, PVOID context, PIO_STATUS_BLOCK, const void *, ULONG length,
                    PLARGE_INTEGER offset, PULONG key);
SERVICE NtWriteVirtualMemory(HANDLE, PVOID base, const void *buffer, SIZE_T size, SIZE_T *done);
SERVICE NtYieldExecution(void);

// --- loader
NTSTATUS NTAPI LdrLoadDll(PWSTR path, PULONG flags, PCUNICODE_STRING name, PVOID *base);
NTSTATUS NTAPI LdrUnloadDll(PVOID base);
NTSTATUS NTAPI LdrGetDllHandle(PWSTR path, PULONG flags, PCUNICODE_STRING name, PVOID *base);
NTSTATUS NTAPI LdrGetDllHandleEx(ULONG flags, PWSTR path, PULONG characteristics, PCUNICODE_STRING name, PVOID *base);
NTSTATUS NTAPI LdrGetProcedureAddress(PVOID base, PCANSI_STRING name, ULONG ordinal, PVOID *address);
NTSTATUS NTAPI LdrAddRefDll(ULONG flags, PVOID base);
NTSTATUS NTAPI LdrFindEntryForAddress(PVOID address, PLDR_DATA_TABLE_ENTRY *entry);
NTSTATUS NTAPI LdrDisableThreadCalloutsForDll(PVOID base);
NTSTATUS NTAPI LdrLockLoaderLock(ULONG flags, ULONG *disposition, ULONG_PTR *cookie);
NTSTATUS NTAPI LdrUnlockLoaderLock(ULONG flags, ULONG_PTR cookie);
NTSTATUS NTAPI LdrShutdownProcess(void);
NTSTATUS NTAPI LdrShutdownThread(void);
NTSTATUS NTAPI LdrFindResource_U(PVOID base, const ULONG_PTR *path, ULONG levels, PVOID *entry);
NTSTATUS NTAPI LdrFindResourceDirectory_U(PVOID base, const ULONG_PTR *path, ULONG levels, PVOID *directory);
NTSTATUS NTAPI LdrAccessResource(PVOID base, PVOID entry, PVOID *address, ULONG *size);
PIMAGE_NT_HEADERS NTAPI RtlImageNtHeader(PVOID base);
PVOID NTAPI RtlImageDirectoryEntryToData(PVOID base, BOOLEAN mapped, USHORT directory, PULONG size);

// --- heap
#define HEAP_GROWABLE_FLAG 2
PVOID NTAPI RtlCreateHeap(ULONG flags, PVOID base, SIZE_T reserve, SIZE_T commit, PVOID lock, PVOID parameters);
PVOID NTAPI RtlDestroyHeap(PVOID heap);
PVOID NTAPI RtlAllocateHeap(PVOID heap, ULONG flags, SIZE_T size);
BOOLEAN NTAPI RtlFreeHeap(PVOID heap, ULONG flags, PVOID block);
PVOID NTAPI RtlReAllocateHeap(PVOID heap, ULONG flags, PVOID block, SIZE_T size);
SIZE_T NTAPI RtlSizeHeap(PVOID heap, ULONG flags, PVOID block);
BOOLEAN NTAPI RtlValidateHeap(PVOID heap, ULONG flags, PVOID block);
ULONG NTAPI RtlCompactHeap(PVOID heap, ULONG flags);
BOOLEAN NTAPI RtlLockHeap(PVOID heap);
BOOLEAN NTAPI RtlUnlockHeap(PVOID heap);
ULONG NTAPI RtlGetProcessHeaps(ULONG count, PVOID *heaps);

// --- synchronisation
NTSTATUS NTAPI RtlInitializeCriticalSection(PRTL_CRITICAL_SECTION);
NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(PRTL_CRITICAL_SECTION, ULONG);
ULONG NTAPI RtlSetCriticalSectionSpinCount(PRTL_CRITICAL_SECTION, ULONG);
NTSTATUS NTAPI RtlDeleteCriticalSection(PRTL_CRITICAL_SECTION);
NTSTATUS NTAPI RtlEnterCriticalSection(PRTL_CRITICAL_SECTION);
NTSTATUS NTAPI RtlLeaveCriticalSection(PRTL_CRITICAL_SECTION);
BOOL NTAPI RtlTryEnterCriticalSection(PRTL_CRITICAL_SECTION);

// --- exceptions
PVOID NTAPI RtlAddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER);
ULONG NTAPI RtlRemoveVectoredExceptionHandler(PVOID);
PVOID NTAPI RtlAddVectoredContinueHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER);
ULONG NTAPI RtlRemoveVectoredContinueHandler(PVOID);
BOOLEAN NTAPI RtlDispatchException(PEXCEPTION_RECORD, PCONTEXT);
VOID NTAPI RtlRaiseException(PEXCEPTION_RECORD);
VOID NTAPI RtlRaiseStatus(NTSTATUS);
PVOID NTAPI RtlEncodePointer(PVOID);
PVOID NTAPI RtlDecodePointer(PVOID);

// --- strings
VOID NTAPI RtlInitString(PSTRING, PCSZ);
VOID NTAPI RtlInitAnsiString(PANSI_STRING, PCSZ);
VOID NTAPI RtlInitUnicodeString(PUNICODE_STRING, PCWSTR);
NTSTATUS NTAPI RtlInitUnicodeStringEx(PUNICODE_STRING, PCWSTR);
NTSTATUS NTAPI RtlAnsiStringToUnicodeString(PUNICODE_STRING, PCANSI_STRING, BOOLEAN allocate);
NTSTATUS NTAPI RtlUnicodeStringToAnsiString(PANSI_STRING, PCUNICODE_STRING, BOOLEAN allocate);
NTSTATUS NTAPI RtlOemStringToUnicodeString(PUNICODE_STRING, PCOEM_STRING, BOOLEAN allocate);
NTSTATUS NTAPI RtlUnicodeStringToOemString(POEM_STRING, PCUNICODE_STRING, BOOLEAN allocate);
NTSTATUS NTAPI RtlMultiByteToUnicodeN(PWSTR, ULONG size, PULONG used, const char *, ULONG length);
NTSTATUS NTAPI RtlUnicodeToMultiByteN(PCHAR, ULONG size, PULONG used, PCWSTR, ULONG length);
NTSTATUS NTAPI RtlOemToUnicodeN(PWSTR, ULONG size, PULONG used, const char *, ULONG length);
NTSTATUS NTAPI RtlUnicodeToOemN(PCHAR, ULONG size, PULONG used, PCWSTR, ULONG length);
NTSTATUS NTAPI RtlMultiByteToUnicodeSize(PULONG size, const char *, ULONG length);
NTSTATUS NTAPI RtlUnicodeToMultiByteSize(PULONG size, PCWSTR, ULONG length);
VOID NTAPI RtlFreeUnicodeString(PUNICODE_STRING);
VOID NTAPI RtlFreeAnsiString(PANSI_STRING);
LONG NTAPI RtlCompareUnicodeString(PCUNICODE_STRING, PCUNICODE_STRING, BOOLEAN ignoreCase);
BOOLEAN NTAPI RtlEqualUnicodeString(PCUNICODE_STRING, PCUNICODE_STRING, BOOLEAN ignoreCase);
BOOLEAN NTAPI RtlPrefixUnicodeString(PCUNICODE_STRING prefix, PCUNICODE_STRING, BOOLEAN ignoreCase);
VOID NTAPI RtlCopyUnicodeString(PUNICODE_STRING, PCUNICODE_STRING);
NTSTATUS NTAPI RtlAppendUnicodeStringToString(PUNICODE_STRING, PCUNICODE_STRING);
NTSTATUS NTAPI RtlAppendUnicodeToString(PUNICODE_STRING, PCWSTR);
BOOLEAN NTAPI RtlCreateUnicodeString(PUNICODE_STRING, PCWSTR);
BOOLEAN NTAPI RtlCreateUnicodeStringFromAsciiz(PUNICODE_STRING, PCSZ);
WCHAR NTAPI RtlUpcaseUnicodeChar(WCHAR);
WCHAR NTAPI RtlDowncaseUnicodeChar(WCHAR);
CHAR NTAPI RtlUpperChar(CHAR);
LONG NTAPI RtlCompareString(PCANSI_STRING, PCANSI_STRING, BOOLEAN ignoreCase);
BOOLEAN NTAPI RtlEqualString(PCANSI_STRING, PCANSI_STRING, BOOLEAN ignoreCase);
NTSTATUS NTAPI RtlUnicodeStringToInteger(PCUNICODE_STRING, ULONG base, PULONG value);
NTSTATUS NTAPI RtlIntegerToUnicodeString(ULONG value, ULONG base, PUNICODE_STRING);

// --- environment, paths, time, errors
NTSTATUS NTAPI RtlQueryEnvironmentVariable_U(PWSTR environment, PCUNICODE_STRING name, PUNICODE_STRING value);
NTSTATUS NTAPI RtlSetEnvironmentVariable(PWSTR *environment, PCUNICODE_STRING name, PCUNICODE_STRING value);
NTSTATUS NTAPI RtlExpandEnvironmentStrings_U(PWSTR, PCUNICODE_STRING source, PUNICODE_STRING target, PULONG needed);
ULONG NTAPI RtlGetFullPathName_U(PCWSTR name, ULONG size, PWSTR buffer, PWSTR *filePart);
BOOLEAN NTAPI RtlDosPathNameToNtPathName_U(PCWSTR name, PUNICODE_STRING ntName, PWSTR *filePart, PVOID relative);
ULONG NTAPI RtlDetermineDosPathNameType_U(PCWSTR);
ULONG NTAPI RtlIsDosDeviceName_U(PCWSTR);
BOOLEAN NTAPI RtlDoesFileExists_U(PCWSTR);
ULONG NTAPI RtlGetCurrentDirectory_U(ULONG size, PWSTR);
NTSTATUS NTAPI RtlSetCurrentDirectory_U(PUNICODE_STRING);
ULONG NTAPI RtlDosSearchPath_U(PCWSTR path, PCWSTR name, PCWSTR extension, ULONG size, PWSTR buffer, PWSTR *filePart);
typedef struct _TIME_FIELDS { SHORT Year, Month, Day, Hour, Minute, Second, Milliseconds, Weekday; } TIME_FIELDS;
VOID NTAPI RtlTimeToTimeFields(const LARGE_INTEGER *, TIME_FIELDS *);
BOOLEAN NTAPI RtlTimeFieldsToTime(const TIME_FIELDS *, PLARGE_INTEGER);
BOOLEAN NTAPI RtlTimeToSecondsSince1970(const LARGE_INTEGER *, PULONG);
ULONG NTAPI RtlNtStatusToDosError(NTSTATUS);
ULONG NTAPI RtlNtStatusToDosErrorNoTeb(NTSTATUS);
VOID NTAPI RtlSetLastWin32ErrorAndNtStatusFromNtStatus(NTSTATUS);
VOID NTAPI RtlSetLastWin32Error(ULONG);
ULONG NTAPI RtlGetLastWin32Error(void);
NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW);
ULONG NTAPI RtlRandom(PULONG seed);
VOID NTAPI RtlExitUserThread(NTSTATUS);
VOID NTAPI RtlAcquirePebLock(void);
VOID NTAPI RtlReleasePebLock(void);
VOID NTAPI RtlInitializeBitMap(PRTL_BITMAP, PULONG, ULONG);
ULONG NTAPI RtlFindClearBitsAndSet(PRTL_BITMAP, ULONG count, ULONG hint);
VOID NTAPI RtlClearBits(PRTL_BITMAP, ULONG start, ULONG count);
BOOLEAN NTAPI RtlAreBitsSet(PRTL_BITMAP, ULONG start, ULONG count);
ULONG __cdecl DbgPrint(const char *format, ...);
VOID NTAPI DbgBreakPoint(void);
VOID NTAPI RtlAssert(PVOID, PVOID, ULONG, PCHAR);

// --- the few C routines that the guest libraries share (ntdll/c-runtime.c, ntdll/memory.S)
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);
size_t strlen(const char *);
size_t wcslen(const wchar_t *);
