// Threads and their local storage.
#include "kernel32.h"

DWORD WINAPI base_call(PVOID routine, PVOID parameter);

DECLSPEC_NORETURN void WINAPI BaseThreadStart(PVOID routine, PVOID parameter) {
  ExitThread(base_call(routine, parameter));
}

/* Reserves the stack, commits its top and puts a guard page below the committed part. */
NTSTATUS base_create_stack(HANDLE process, SIZE_T commit, SIZE_T reserve, PINITIAL_TEB teb) {
  const IMAGE_OPTIONAL_HEADER32 *optional = &RtlImageNtHeader(current_peb()->ImageBaseAddress)->OptionalHeader;
  if (reserve == 0) reserve = optional->SizeOfStackReserve;
  if (commit == 0) commit = optional->SizeOfStackCommit;
  if (commit >= reserve) reserve = ROUND_UP(commit, 0x100000);
  commit = ROUND_UP(commit == 0 ? 1 : commit, PAGE_BYTES);
  reserve = ROUND_UP(reserve, ALLOCATION_BYTES);
  PVOID base = NULL;
  NTSTATUS status = NtAllocateVirtualMemory(process, &base, 0, &reserve, MEM_RESERVE, PAGE_READWRITE);
  if (!NT_SUCCESS(status)) return status;
  memset(teb, 0, sizeof *teb);
  teb->StackAllocationBase = base;
  teb->StackBase = (char *)base + reserve;
  BOOLEAN guarded = reserve >= commit + 2 * PAGE_BYTES;
  SIZE_T bytes = guarded ? commit + PAGE_BYTES : reserve;
  PVOID bottom = (char *)teb->StackBase - bytes;
  status = NtAllocateVirtualMemory(process, &bottom, 0, &bytes, MEM_COMMIT, PAGE_READWRITE);
  teb->StackLimit = bottom;
  if (NT_SUCCESS(status) && guarded) {
    SIZE_T page = PAGE_BYTES;
    ULONG old;
    status = NtProtectVirtualMemory(process, &bottom, &page, PAGE_READWRITE | PAGE_GUARD, &old);
    teb->StackLimit = (char *)bottom + PAGE_BYTES;
  }
  if (!NT_SUCCESS(status)) {
    SIZE_T all = 0;
    NtFreeVirtualMemory(process, &base, &all, MEM_RELEASE);
  }
  return status;
}

void base_initial_context(PCONTEXT context, void (*start)(void), PVOID eax, PVOID ebx, PVOID stackBase) {
  memset(context, 0, sizeof *context);
  context->ContextFlags = CONTEXT_FULL;
  context->Eip = (DWORD)start;
  context->Eax = (DWORD)eax;
  context->Ebx = (DWORD)ebx;
  context->Esp = (DWORD)stackBase - sizeof(PVOID);
  context->EFlags = 0x200;
  context->SegCs = 0x1B;
  context->SegDs = context->SegEs = context->SegSs = 0x23;
  context->SegFs = 0x3B;
}

HANDLE WINAPI CreateRemoteThread(HANDLE process, LPSECURITY_ATTRIBUTES security, SIZE_T stack,
                                 LPTHREAD_START_ROUTINE routine, LPVOID parameter, DWORD flags, LPDWORD id) {
  INITIAL_TEB teb;
  CONTEXT context;
  CLIENT_ID client;
  HANDLE thread;
  if (flags & ~(DWORD)(CREATE_SUSPENDED | STACK_SIZE_PARAM_IS_A_RESERVATION)) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  BOOLEAN isReserve = (flags & STACK_SIZE_PARAM_IS_A_RESERVATION) != 0;
  if (!ok(base_create_stack(process, isReserve ? 0 : stack, isReserve ? stack : 0, &teb))) return NULL;
  base_initial_context(&context, BaseThreadStartThunk, (PVOID)routine, parameter, teb.StackBase);
  ULONG inherit = security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, inherit);
  if (security != NULL) attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  NTSTATUS status = NtCreateThread(&thread, THREAD_ALL_ACCESS & 0x1F03FF, &attributes, process, &client, &context, &teb, TRUE);
  if (!ok(status)) {
    SIZE_T all = 0;
    NtFreeVirtualMemory(process, &teb.StackAllocationBase, &all, MEM_RELEASE);
    return NULL;
  }
  NtSetInformationThread(thread, 9, &routine, sizeof routine);
  if (id != NULL) *id = (DWORD)client.UniqueThread;
  if (!(flags & CREATE_SUSPENDED)) NtResumeThread(thread, NULL);
  return thread;
}

BOOL WINAPI OpenThreadToken(HANDLE thread, DWORD access, BOOL self, PHANDLE token) {
  return ok(NtOpenThreadToken(thread, access, self != FALSE, token));
}
BOOL WINAPI SetThreadToken(PHANDLE thread, HANDLE token) {
  return ok(NtSetInformationThread(thread == NULL ? CURRENT_THREAD : *thread, 5, &token, sizeof token));
}

HANDLE WINAPI CreateThread(LPSECURITY_ATTRIBUTES security, SIZE_T stack, LPTHREAD_START_ROUTINE routine, LPVOID parameter,
                           DWORD flags, LPDWORD id) {
  return CreateRemoteThread(CURRENT_PROCESS, security, stack, routine, parameter, flags, id);
}

/* The last thread takes the process with it. */
VOID WINAPI ExitThread(DWORD code) {
  ULONG isLast = 0;
  if (NT_SUCCESS(NtQueryInformationThread(CURRENT_THREAD, 12, &isLast, sizeof isLast, NULL)) && isLast) ExitProcess(code);
  RtlExitUserThread((NTSTATUS)code);
  for (;;) {}
}

BOOL WINAPI TerminateThread(HANDLE thread, DWORD code) {
  if (thread == NULL) return refuse(ERROR_INVALID_HANDLE);
  return ok(NtTerminateThread(thread, (NTSTATUS)code));
}

static BOOL basic_information(HANDLE thread, THREAD_BASIC_INFORMATION *information) {
  return ok(NtQueryInformationThread(thread, 0, information, sizeof *information, NULL));
}

BOOL WINAPI GetExitCodeThread(HANDLE thread, LPDWORD code) {
  THREAD_BASIC_INFORMATION information;
  if (!basic_information(thread, &information)) return FALSE;
  *code = (DWORD)information.ExitStatus;
  return TRUE;
}

HANDLE WINAPI GetCurrentThread(VOID) { return CURRENT_THREAD; }
DWORD WINAPI GetCurrentThreadId(VOID) { return (DWORD)current_teb()->ClientId.UniqueThread; }

DWORD WINAPI GetThreadId(HANDLE thread) {
  THREAD_BASIC_INFORMATION information;
  return basic_information(thread, &information) ? (DWORD)information.ClientId.UniqueThread : 0;
}
DWORD WINAPI GetProcessIdOfThread(HANDLE thread) {
  THREAD_BASIC_INFORMATION information;
  return basic_information(thread, &information) ? (DWORD)information.ClientId.UniqueProcess : 0;
}

HANDLE WINAPI OpenThread(DWORD access, BOOL inherit, DWORD id) {
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, inherit ? OBJ_INHERIT : 0);
  CLIENT_ID client = { NULL, (HANDLE)id };
  HANDLE handle;
  NTSTATUS status = NtOpenThread(&handle, access, &attributes, &client);
  if (status == STATUS_INVALID_CID) status = STATUS_INVALID_PARAMETER;
  return ok(status) ? handle : NULL;
}

DWORD WINAPI SuspendThread(HANDLE thread) {
  ULONG previous;
  return ok(NtSuspendThread(thread, &previous)) ? previous : (DWORD)-1;
}
DWORD WINAPI ResumeThread(HANDLE thread) {
  ULONG previous;
  return ok(NtResumeThread(thread, &previous)) ? previous : (DWORD)-1;
}
BOOL WINAPI GetThreadContext(HANDLE thread, LPCONTEXT context) { return ok(NtGetContextThread(thread, context)); }
BOOL WINAPI SetThreadContext(HANDLE thread, const CONTEXT *context) {
  return ok(NtSetContextThread(thread, (PCONTEXT)context));
}

/* Saturated priorities are 15 and -15 in Win32 and 16 and -16 in the kernel. */
BOOL WINAPI SetThreadPriority(HANDLE thread, int priority) {
  LONG native = priority == THREAD_PRIORITY_TIME_CRITICAL ? 16 : priority == THREAD_PRIORITY_IDLE ? -16 : priority;
  return ok(NtSetInformationThread(thread, 3, &native, sizeof native));
}
int WINAPI GetThreadPriority(HANDLE thread) {
  THREAD_BASIC_INFORMATION information;
  if (!basic_information(thread, &information)) return THREAD_PRIORITY_ERROR_RETURN;
  if (information.BasePriority == 16) return THREAD_PRIORITY_TIME_CRITICAL;
  return information.BasePriority == -16 ? THREAD_PRIORITY_IDLE : information.BasePriority;
}
BOOL WINAPI SetThreadPriorityBoost(HANDLE thread, BOOL disable) {
  ULONG value = disable != FALSE;
  return ok(NtSetInformationThread(thread, 14, &value, sizeof value));
}
BOOL WINAPI GetThreadPriorityBoost(HANDLE thread, PBOOL disable) {
  ULONG value = 0;
  if (!ok(NtQueryInformationThread(thread, 14, &value, sizeof value, NULL))) return FALSE;
  *disable = value != 0;
  return TRUE;
}
DWORD_PTR WINAPI SetThreadAffinityMask(HANDLE thread, DWORD_PTR mask) {
  THREAD_BASIC_INFORMATION information;
  if (!basic_information(thread, &information)) return 0;
  return ok(NtSetInformationThread(thread, 4, &mask, sizeof mask)) ? information.AffinityMask : 0;
}
DWORD WINAPI SetThreadIdealProcessor(HANDLE thread, DWORD processor) {
  ULONG value = processor;
  NTSTATUS status = NtSetInformationThread(thread, 13, &value, sizeof value);
  return ok(status) ? (DWORD)status : (DWORD)-1;
}
BOOL WINAPI GetThreadTimes(HANDLE thread, LPFILETIME creation, LPFILETIME end, LPFILETIME kernel, LPFILETIME user) {
  KERNEL_USER_TIMES times;
  if (!ok(NtQueryInformationThread(thread, 1, &times, sizeof times, NULL))) return FALSE;
  memcpy(creation, &times.CreateTime, sizeof *creation);
  memcpy(end, &times.ExitTime, sizeof *end);
  memcpy(kernel, &times.KernelTime, sizeof *kernel);
  memcpy(user, &times.UserTime, sizeof *user);
  return TRUE;
}

/* Bytes that stay usable after a stack overflow; the old value comes back through the pointer. */
BOOL WINAPI SetThreadStackGuarantee(PULONG bytes) {
  PTEB teb = current_teb();
  ULONG old = teb->GuaranteedStackBytes;
  if (*bytes > old) teb->GuaranteedStackBytes = ROUND_UP(*bytes, PAGE_BYTES);
  *bytes = old;
  return TRUE;
}

BOOL WINAPI SwitchToThread(VOID) { return NtYieldExecution() != STATUS_NO_YIELD_PERFORMED; }

DWORD WINAPI QueueUserAPC(PAPCFUNC routine, HANDLE thread, ULONG_PTR data) {
  // The routine takes one argument and removes one: the kernel's three go through a small adapter.
  extern VOID NTAPI base_apc(PVOID routine, PVOID data, PVOID unused);
  return (DWORD)ok(NtQueueApcThread(thread, base_apc, (PVOID)routine, (PVOID)data, NULL));
}
VOID NTAPI base_apc(PVOID routine, PVOID data, PVOID unused) {
  (void)unused;
  ((PAPCFUNC)routine)((ULONG_PTR)data);
}

// --- thread-local storage: 64 slots in the TEB, 1024 more in a block made on first use
#define TLS_DIRECT 64u
#define TLS_EXPANSION 1024u

DWORD WINAPI TlsAlloc(VOID) {
  PPEB peb = current_peb();
  RtlAcquirePebLock();
  ULONG index = RtlFindClearBitsAndSet(peb->TlsBitmap, 1, 0);
  if (index == 0xFFFFFFFF) {
    index = RtlFindClearBitsAndSet(peb->TlsExpansionBitmap, 1, 0);
    if (index != 0xFFFFFFFF) index += TLS_DIRECT;
  }
  RtlReleasePebLock();
  if (index == 0xFFFFFFFF) {
    set_last_error(ERROR_NO_MORE_ITEMS);
    return TLS_OUT_OF_INDEXES;
  }
  TlsSetValue(index, NULL);
  return index;
}

LPVOID WINAPI TlsGetValue(DWORD index) {
  PTEB teb = current_teb();
  if (index < TLS_DIRECT) {
    teb->LastErrorValue = ERROR_SUCCESS;
    return teb->TlsSlots[index];
  }
  if (index >= TLS_DIRECT + TLS_EXPANSION) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  teb->LastErrorValue = ERROR_SUCCESS;
  return teb->TlsExpansionSlots == NULL ? NULL : teb->TlsExpansionSlots[index - TLS_DIRECT];
}

BOOL WINAPI TlsSetValue(DWORD index, LPVOID value) {
  PTEB teb = current_teb();
  if (index < TLS_DIRECT) {
    teb->TlsSlots[index] = value;
    return TRUE;
  }
  if (index >= TLS_DIRECT + TLS_EXPANSION) return refuse(ERROR_INVALID_PARAMETER);
  if (teb->TlsExpansionSlots == NULL) {
    if (value == NULL) return TRUE;
    teb->TlsExpansionSlots = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, TLS_EXPANSION * sizeof(PVOID));
    if (teb->TlsExpansionSlots == NULL) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  }
  teb->TlsExpansionSlots[index - TLS_DIRECT] = value;
  return TRUE;
}

BOOL WINAPI TlsFree(DWORD index) {
  PPEB peb = current_peb();
  if (index >= TLS_DIRECT + TLS_EXPANSION) return refuse(ERROR_INVALID_PARAMETER);
  PRTL_BITMAP map = index < TLS_DIRECT ? peb->TlsBitmap : peb->TlsExpansionBitmap;
  ULONG bit = index < TLS_DIRECT ? index : index - TLS_DIRECT;
  RtlAcquirePebLock();
  BOOLEAN used = RtlAreBitsSet(map, bit, 1);
  // Information class 10 (ThreadZeroTlsCell) clears the slot in every thread of the process.
  if (used) NtSetInformationThread(CURRENT_THREAD, 10, &index, sizeof index);
  if (used) RtlClearBits(map, bit, 1);
  RtlReleasePebLock();
  return used ? TRUE : refuse(ERROR_INVALID_PARAMETER);
}

// --- fiber-local storage: like TLS, with a callback per slot when a thread ends
#define FLS_SLOTS 128u

DWORD WINAPI FlsAlloc(PFLS_CALLBACK_FUNCTION callback) {
  PPEB peb = current_peb();
  RtlAcquirePebLock();
  if (peb->FlsCallback == NULL) {
    peb->FlsCallback = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, FLS_SLOTS * sizeof(PVOID));
  }
  ULONG index = peb->FlsCallback == NULL ? 0xFFFFFFFF : RtlFindClearBitsAndSet(peb->FlsBitmap, 1, 1);
  if (index != 0xFFFFFFFF) {
    peb->FlsCallback[index] = (PVOID)callback;
    if (index > peb->FlsHighIndex) peb->FlsHighIndex = index;
  }
  RtlReleasePebLock();
  if (index == 0xFFFFFFFF) {
    set_last_error(ERROR_NO_MORE_ITEMS);
    return FLS_OUT_OF_INDEXES;
  }
  FlsSetValue(index, NULL);
  return index;
}

PVOID WINAPI FlsGetValue(DWORD index) {
  PTEB teb = current_teb();
  if (index >= FLS_SLOTS || teb->FlsData == NULL) {
    set_last_error(index >= FLS_SLOTS ? ERROR_INVALID_PARAMETER : ERROR_SUCCESS);
    return NULL;
  }
  teb->LastErrorValue = ERROR_SUCCESS;
  return ((PVOID *)teb->FlsData)[index];
}

BOOL WINAPI FlsSetValue(DWORD index, PVOID value) {
  PTEB teb = current_teb();
  if (index >= FLS_SLOTS) return refuse(ERROR_INVALID_PARAMETER);
  if (teb->FlsData == NULL) {
    if (value == NULL) return TRUE;
    teb->FlsData = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, FLS_SLOTS * sizeof(PVOID));
    if (teb->FlsData == NULL) return refuse(ERROR_NOT_ENOUGH_MEMORY);
  }
  ((PVOID *)teb->FlsData)[index] = value;
  return TRUE;
}

static void call_fls(ULONG index) {
  PVOID *slots = current_teb()->FlsData;
  PFLS_CALLBACK_FUNCTION callback = (PFLS_CALLBACK_FUNCTION)current_peb()->FlsCallback[index];
  if (slots == NULL || slots[index] == NULL || callback == NULL) return;
  callback(slots[index]);
  slots[index] = NULL;
}

BOOL WINAPI FlsFree(DWORD index) {
  PPEB peb = current_peb();
  if (index >= FLS_SLOTS || !RtlAreBitsSet(peb->FlsBitmap, index, 1)) return refuse(ERROR_INVALID_PARAMETER);
  call_fls(index);
  RtlAcquirePebLock();
  peb->FlsCallback[index] = NULL;
  RtlClearBits(peb->FlsBitmap, index, 1);
  RtlReleasePebLock();
  return TRUE;
}

void run_fls_callbacks(void) {
  PPEB peb = current_peb();
  if (peb->FlsCallback == NULL || current_teb()->FlsData == NULL) return;
  for (ULONG index = 1; index <= peb->FlsHighIndex; index++) call_fls(index);
  PVOID data = current_teb()->FlsData;
  current_teb()->FlsData = NULL;
  RtlFreeHeap(process_heap(), 0, data);
}
