// Version, random numbers, interlocked lists, threads, debug output.
#include "ntdll.h"

/* Windows Server 2003 SP1. */
NTSTATUS NTAPI RtlGetVersion(PRTL_OSVERSIONINFOW information) {
  PPEB peb = current_peb();
  information->dwMajorVersion = peb->OSMajorVersion;
  information->dwMinorVersion = peb->OSMinorVersion;
  information->dwBuildNumber = peb->OSBuildNumber;
  information->dwPlatformId = peb->OSPlatformId;
  memset(information->szCSDVersion, 0, sizeof information->szCSDVersion);
  if (peb->CSDVersion.Buffer != NULL && peb->CSDVersion.Length < sizeof information->szCSDVersion) {
    memcpy(information->szCSDVersion, peb->CSDVersion.Buffer, peb->CSDVersion.Length);
  }
  if (information->dwOSVersionInfoSize >= sizeof(RTL_OSVERSIONINFOEXW)) {
    PRTL_OSVERSIONINFOEXW extended = (PRTL_OSVERSIONINFOEXW)information;
    extended->wServicePackMajor = peb->OSCSDVersion >> 8;
    extended->wServicePackMinor = peb->OSCSDVersion & 0xFF;
    extended->wSuiteMask = 0;
    extended->wProductType = (BYTE)SHARED_USER_DATA->NtProductType;
    extended->wReserved = 0;
  }
  return STATUS_SUCCESS;
}

VOID NTAPI RtlGetNtVersionNumbers(PULONG major, PULONG minor, PULONG build) {
  PPEB peb = current_peb();
  if (major != NULL) *major = peb->OSMajorVersion;
  if (minor != NULL) *minor = peb->OSMinorVersion;
  if (build != NULL) *build = peb->OSBuildNumber | 0xF0000000;
}

/* A linear congruential step modulo 2^31 - 1. */
ULONG NTAPI RtlUniform(PULONG seed) {
  *seed = (ULONG)(((ULONGLONG)*seed * 0x7FFFFFED + 0x7FFFFFC3) % 0x7FFFFFFF);
  return *seed;
}
ULONG NTAPI RtlRandom(PULONG seed) { return RtlUniform(seed); }

// --- interlocked singly linked lists: {first, depth, sequence} changed by one 8-byte exchange
static SLIST_HEADER exchange_head(PSLIST_HEADER head, SLIST_HEADER next, SLIST_HEADER old) {
  old.Alignment = __sync_val_compare_and_swap((ULONGLONG *)&head->Alignment, old.Alignment, next.Alignment);
  return old;
}

VOID NTAPI RtlInitializeSListHead(PSLIST_HEADER head) { head->Alignment = 0; }
PSLIST_ENTRY NTAPI RtlFirstEntrySList(const SLIST_HEADER *head) { return (PSLIST_ENTRY)head->Next.Next; }
WORD NTAPI RtlQueryDepthSList(PSLIST_HEADER head) { return head->Depth; }

PSLIST_ENTRY NTAPI RtlInterlockedPushEntrySList(PSLIST_HEADER head, PSLIST_ENTRY entry) {
  SLIST_HEADER old = *head;
  for (;;) {
    SLIST_HEADER next = old;
    entry->Next = old.Next.Next;
    next.Next.Next = entry;
    next.Depth++;
    next.Sequence++;
    SLIST_HEADER seen = exchange_head(head, next, old);
    if (seen.Alignment == old.Alignment) return (PSLIST_ENTRY)old.Next.Next;
    old = seen;
  }
}

PSLIST_ENTRY NTAPI RtlInterlockedPopEntrySList(PSLIST_HEADER head) {
  SLIST_HEADER old = *head;
  for (;;) {
    if (old.Next.Next == NULL) return NULL;
    SLIST_HEADER next = old;
    next.Next.Next = old.Next.Next->Next;
    next.Depth--;
    next.Sequence++;
    SLIST_HEADER seen = exchange_head(head, next, old);
    if (seen.Alignment == old.Alignment) return (PSLIST_ENTRY)old.Next.Next;
    old = seen;
  }
}

PSLIST_ENTRY NTAPI RtlInterlockedFlushSList(PSLIST_HEADER head) {
  SLIST_HEADER old = *head;
  for (;;) {
    SLIST_HEADER next = old;
    next.Next.Next = NULL;
    next.Depth = 0;
    next.Sequence++;
    SLIST_HEADER seen = exchange_head(head, next, old);
    if (seen.Alignment == old.Alignment) return (PSLIST_ENTRY)old.Next.Next;
    old = seen;
  }
}

// --- threads
/* Ends the calling thread; its stack goes with it. */
VOID NTAPI RtlExitUserThread(NTSTATUS status) {
  LdrShutdownThread();
  current_teb()->FreeStackOnTermination = TRUE;
  for (;;) NtTerminateThread(CURRENT_THREAD, status);
}

ULONG NTAPI RtlGetCurrentProcessorNumber(void) { return 0; }
PPEB NTAPI RtlGetCurrentPeb(void) { return current_peb(); }
ULONG NTAPI RtlGetNtGlobalFlags(void) { return current_peb()->NtGlobalFlag; }

/* Return addresses along the EBP chain, as long as it stays on the stack. */
USHORT NTAPI RtlCaptureStackBackTrace(ULONG skip, ULONG count, PVOID *trace, PULONG hash) {
  const NT_TIB *tib = &current_teb()->NtTib;
  ULONG_PTR *frame = __builtin_frame_address(0);
  ULONG sum = 0;
  USHORT found = 0;
  while ((ULONG_PTR)frame >= (ULONG_PTR)tib->StackLimit && (ULONG_PTR)(frame + 2) <= (ULONG_PTR)tib->StackBase) {
    if (((ULONG_PTR)frame & 3) != 0 || frame[1] == 0 || found == count) break;
    if (skip > 0) skip--;
    else trace[found++] = (PVOID)frame[1], sum += frame[1];
    if (frame[0] <= (ULONG_PTR)frame) break;
    frame = (ULONG_PTR *)frame[0];
  }
  if (hash != NULL) *hash = sum;
  return found;
}

// --- debug output
ULONG __cdecl DbgPrint(const char *format, ...) {
  char text[512];
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  int length = rtlp_format(text, sizeof text, format, arguments);
  __builtin_va_end(arguments);
  return (ULONG)RtlpDebugService(1, text, (ULONG)length);
}

ULONG __cdecl DbgPrintEx(ULONG component, ULONG level, const char *format, ...) {
  (void)component, (void)level;
  char text[512];
  __builtin_va_list arguments;
  __builtin_va_start(arguments, format);
  int length = rtlp_format(text, sizeof text, format, arguments);
  __builtin_va_end(arguments);
  return (ULONG)RtlpDebugService(1, text, (ULONG)length);
}

VOID NTAPI RtlAssert(PVOID condition, PVOID file, ULONG line, PCHAR message) {
  DbgPrint("Assertion failed: %s%s (%s, line %u)\n", message != NULL ? message : "", condition, file, line);
  DbgBreakPoint();
}
