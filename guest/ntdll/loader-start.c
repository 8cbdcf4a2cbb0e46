// LdrInitializeThunk: the first thing that runs in every thread. The first thread builds the process around it.
#include "ntdll.h"

NTSTATUS ldrp_thread_attach(void);

static RTL_CRITICAL_SECTION peb_lock = { NULL, -1, 0, NULL, NULL, 0 };
static RTL_BITMAP tls_bitmap, tls_expansion_bitmap, fls_bitmap;

VOID NTAPI RtlAcquirePebLock(void) { RtlEnterCriticalSection(&peb_lock); }
VOID NTAPI RtlReleasePebLock(void) { RtlLeaveCriticalSection(&peb_lock); }

static DECLSPEC_NORETURN void fail_start(NTSTATUS status, PCUNICODE_STRING name) {
  ldrp_report(status, NULL, name);
  for (;;) NtTerminateProcess(CURRENT_PROCESS, status);
}

static void prepare_peb(PPEB peb) {
  peb->FastPebLock = &peb_lock;
  peb->LoaderLock = &ldrp_lock;
  RtlInitializeBitMap(&tls_bitmap, peb->TlsBitmapBits, 64);
  RtlInitializeBitMap(&tls_expansion_bitmap, peb->TlsExpansionBitmapBits, 1024);
  RtlInitializeBitMap(&fls_bitmap, peb->FlsBitmapBits, 128);
  peb->TlsBitmap = &tls_bitmap;
  peb->TlsExpansionBitmap = &tls_expansion_bitmap;
  peb->FlsBitmap = &fls_bitmap;
  list_initialize(&peb->FlsListHead);
  if (peb->ProcessHeaps == NULL) {
    peb->ProcessHeaps = (HANDLE *)(peb + 1);
    peb->MaximumNumberOfHeaps = (PAGE_BYTES - sizeof(PEB)) / sizeof(HANDLE);
  }
  ldrp_data.Length = sizeof ldrp_data;
  list_initialize(&ldrp_data.InLoadOrderModuleList);
  list_initialize(&ldrp_data.InMemoryOrderModuleList);
  list_initialize(&ldrp_data.InInitializationOrderModuleList);
  peb->Ldr = &ldrp_data;
}

static BOOLEAN create_process_heap(PPEB peb) {
  const IMAGE_OPTIONAL_HEADER32 *optional = &RtlImageNtHeader(peb->ImageBaseAddress)->OptionalHeader;
  SIZE_T reserve = optional->SizeOfHeapReserve, commit = optional->SizeOfHeapCommit;
  if (reserve > 0x10000000) reserve = 0x10000000;
  if (commit > reserve) commit = reserve;
  peb->ProcessHeap = RtlCreateHeap(HEAP_GROWABLE_FLAG, NULL, reserve, commit, NULL, NULL);
  return peb->ProcessHeap != NULL;
}

static MODULE *add_initial(PVOID base, PCUNICODE_STRING fullName) {
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(base);
  MODULE *module = headers == NULL ? NULL : ldrp_add_module(base, headers->OptionalHeader.SizeOfImage, fullName);
  if (module != NULL) module->entry.LoadCount = (USHORT)-1;
  return module;
}

/* Everything that came with the process stays until its end. */
static void pin_all(void) {
  LIST_ENTRY *head = &ldrp_data.InLoadOrderModuleList;
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    CONTAINING_RECORD(link, LDR_DATA_TABLE_ENTRY, InLoadOrderLinks)->LoadCount = (USHORT)-1;
  }
}

/* A Win32 program starts inside kernel32, which sets up the frame that catches what nobody else does. */
static void enter_through_kernel32(PCONTEXT context) {
  UNICODE_STRING name = UNICODE_LITERAL(L"kernel32.dll");
  MODULE *kernel32 = ldrp_find_by_name(&name);
  PVOID thunk = NULL;
  if (kernel32 == NULL) return;
  if (!NT_SUCCESS(ldrp_resolve_export(kernel32, "BaseProcessStartThunk", 0, &thunk))) return;
  context->Eip = (DWORD)thunk;
}

static void start_process(PCONTEXT context, PVOID ntdllBase) {
  PPEB peb = current_peb();
  WCHAR systemName[300];
  UNICODE_STRING ntdllName = { 0, sizeof systemName, systemName };
  ldrp_starting = TRUE;
  prepare_peb(peb);
  RtlAppendUnicodeToString(&ntdllName, SHARED_USER_DATA->NtSystemRoot);
  RtlAppendUnicodeToString(&ntdllName, L"\\system32\\ntdll.dll");
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(peb->ImageBaseAddress);
  if (headers == NULL) fail_start(STATUS_INVALID_IMAGE_FORMAT, &peb->ProcessParameters->ImagePathName);
  if (!create_process_heap(peb)) fail_start(STATUS_NO_MEMORY, &peb->ProcessParameters->ImagePathName);
  NTSTATUS status = rtlp_initialize_environment();
  if (!NT_SUCCESS(status)) fail_start(status, &peb->ProcessParameters->ImagePathName);
  ldrp_program = add_initial(peb->ImageBaseAddress, &peb->ProcessParameters->ImagePathName);
  ldrp_ntdll = add_initial(ntdllBase, &ntdllName);
  if (ldrp_program == NULL || ldrp_ntdll == NULL) fail_start(STATUS_NO_MEMORY, &ntdllName);
  ldrp_ntdll->entry.Flags |= LDRP_ENTRY_PROCESSED;
  list_insert_tail(&ldrp_data.InInitializationOrderModuleList, &ldrp_ntdll->entry.InInitializationOrderLinks);

  PCUNICODE_STRING programName = &ldrp_program->entry.BaseDllName;
  status = ldrp_relocate(ldrp_program);
  if (!NT_SUCCESS(status)) fail_start(status, programName);
  status = ldrp_tls_add(ldrp_program);
  if (!NT_SUCCESS(status)) fail_start(status, programName);
  USHORT subsystem = headers->OptionalHeader.Subsystem;
  if (subsystem == IMAGE_SUBSYSTEM_WINDOWS_CUI || subsystem == IMAGE_SUBSYSTEM_WINDOWS_GUI) {
    UNICODE_STRING name = UNICODE_LITERAL(L"kernel32.dll");
    MODULE *kernel32;
    status = ldrp_load(NULL, &name, &kernel32);
    if (!NT_SUCCESS(status)) fail_start(status, &name);
  }
  status = ldrp_snap_imports(ldrp_program);
  if (!NT_SUCCESS(status)) fail_start(status, programName);
  pin_all();
  status = ldrp_tls_thread_start();
  if (!NT_SUCCESS(status)) fail_start(status, programName);
  ldrp_data.Initialized = TRUE;
  status = ldrp_attach_new();
  if (!NT_SUCCESS(status)) fail_start(status, programName);
  ldrp_tls_call(ldrp_program, DLL_PROCESS_ATTACH, (PVOID)1);
  ldrp_program->entry.Flags |= LDRP_ENTRY_PROCESSED;
  ldrp_starting = FALSE;
  enter_through_kernel32(context);
}

/* Runs as a user APC in front of the thread's context. */
VOID NTAPI LdrInitializeThunk(PCONTEXT context, PVOID ntdllBase, PVOID unused) {
  (void)unused;
  static LONG started;
  if (__sync_lock_test_and_set(&started, 1) == 0) {
    RtlEnterCriticalSection(&ldrp_lock);
    start_process(context, ntdllBase);
    RtlLeaveCriticalSection(&ldrp_lock);
    return;
  }
  NTSTATUS status = ldrp_thread_attach();
  if (!NT_SUCCESS(status)) NtTerminateThread(CURRENT_THREAD, status);
}
