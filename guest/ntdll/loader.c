// The Ldr interface on loaded and loadable modules, and the calls of entry points.
#include "ntdll.h"

BOOLEAN ldrp_starting;

#define IN_ORDER(link) ((MODULE *)CONTAINING_RECORD(link, LDR_DATA_TABLE_ENTRY, InInitializationOrderLinks))

static BOOLEAN call_entry(MODULE *module, ULONG reason, PVOID reserved) {
  if (module->entry.EntryPoint == NULL || !(module->entry.Flags & LDRP_IMAGE_DLL)) return TRUE;
  return (BOOLEAN)RtlpCallEntry(module->entry.EntryPoint, module->entry.DllBase, reason, reserved);
}

/* Runs DLL_PROCESS_ATTACH for every module that is loaded and has not had it, dependencies first. */
NTSTATUS ldrp_attach_new(void) {
  LIST_ENTRY *order = &ldrp_data.InInitializationOrderModuleList;
  PVOID reserved = ldrp_starting ? (PVOID)1 : NULL;
  for (LIST_ENTRY *link = order->Flink; link != order; link = link->Flink) {
    MODULE *module = IN_ORDER(link);
    if (module->entry.Flags & LDRP_ENTRY_PROCESSED) continue;
    module->entry.Flags |= LDRP_ENTRY_PROCESSED | LDRP_PROCESS_ATTACH_CALLED;
    ldrp_tls_call(module, DLL_PROCESS_ATTACH, reserved);
    if (call_entry(module, DLL_PROCESS_ATTACH, reserved)) continue;
    module->entry.Flags &= ~LDRP_PROCESS_ATTACH_CALLED;
    return ldrp_report(STATUS_DLL_INIT_FAILED, NULL, &module->entry.BaseDllName);
  }
  return STATUS_SUCCESS;
}

void ldrp_call_detach(MODULE *module, ULONG reason, PVOID reserved) {
  ldrp_tls_call(module, reason, reserved);
  call_entry(module, reason, reserved);
}

static void call_all_threads(ULONG reason) {
  LIST_ENTRY *order = &ldrp_data.InInitializationOrderModuleList;
  BOOLEAN forward = reason == DLL_THREAD_ATTACH;
  for (LIST_ENTRY *link = forward ? order->Flink : order->Blink; link != order; link = forward ? link->Flink : link->Blink) {
    MODULE *module = IN_ORDER(link);
    if (!(module->entry.Flags & LDRP_PROCESS_ATTACH_CALLED)) continue;
    if (module->entry.Flags & LDRP_DONT_CALL_FOR_THREADS) continue;
    ldrp_tls_call(module, reason, NULL);
    call_entry(module, reason, NULL);
  }
}

NTSTATUS ldrp_thread_attach(void) {
  RtlEnterCriticalSection(&ldrp_lock);
  NTSTATUS status = ldrp_tls_thread_start();
  if (NT_SUCCESS(status) && !ldrp_shutdown) {
    call_all_threads(DLL_THREAD_ATTACH);
    ldrp_tls_call(ldrp_program, DLL_THREAD_ATTACH, NULL);
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return status;
}

NTSTATUS NTAPI LdrShutdownThread(void) {
  if (ldrp_shutdown) return STATUS_SUCCESS;
  RtlEnterCriticalSection(&ldrp_lock);
  ldrp_tls_call(ldrp_program, DLL_THREAD_DETACH, NULL);
  call_all_threads(DLL_THREAD_DETACH);
  ldrp_tls_thread_end();
  PTEB teb = current_teb();
  if (teb->TlsExpansionSlots != NULL) RtlFreeHeap(process_heap(), 0, teb->TlsExpansionSlots);
  teb->TlsExpansionSlots = NULL;
  RtlLeaveCriticalSection(&ldrp_lock);
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrShutdownProcess(void) {
  if (ldrp_shutdown) return STATUS_SUCCESS;
  RtlEnterCriticalSection(&ldrp_lock);
  ldrp_shutdown = TRUE;
  if (ldrp_program != NULL) ldrp_tls_call(ldrp_program, DLL_PROCESS_DETACH, (PVOID)1);
  LIST_ENTRY *order = &ldrp_data.InInitializationOrderModuleList;
  for (LIST_ENTRY *link = order->Blink; link != order; link = link->Blink) {
    MODULE *module = IN_ORDER(link);
    if (!(module->entry.Flags & LDRP_PROCESS_ATTACH_CALLED)) continue;
    module->entry.Flags &= ~LDRP_PROCESS_ATTACH_CALLED;
    ldrp_call_detach(module, DLL_PROCESS_DETACH, (PVOID)1);
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrLoadDll(PWSTR path, PULONG flags, PCUNICODE_STRING name, PVOID *base) {
  (void)flags;
  MODULE *module = NULL;
  *base = NULL;
  if (ldrp_shutdown) return STATUS_PROCESS_IS_TERMINATING;
  RtlEnterCriticalSection(&ldrp_lock);
  NTSTATUS status = ldrp_load(path, name, &module);
  if (NT_SUCCESS(status)) {
    if (module->entry.LoadCount != (USHORT)-1) module->entry.LoadCount++;
    status = ldrp_attach_new();
    if (!NT_SUCCESS(status) && module->entry.LoadCount != (USHORT)-1) module->entry.LoadCount--;
  }
  if (NT_SUCCESS(status)) *base = module->entry.DllBase;
  else ldrp_sweep();
  RtlLeaveCriticalSection(&ldrp_lock);
  return status;
}

NTSTATUS NTAPI LdrUnloadDll(PVOID base) {
  if (ldrp_shutdown) return STATUS_SUCCESS;
  RtlEnterCriticalSection(&ldrp_lock);
  MODULE *module = ldrp_find_by_base(base);
  NTSTATUS status = module == NULL ? STATUS_DLL_NOT_FOUND : STATUS_SUCCESS;
  if (module != NULL && module->entry.LoadCount != (USHORT)-1 && module->entry.LoadCount != 0) {
    if (--module->entry.LoadCount == 0) ldrp_sweep();
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return status;
}

/* flags: 1 leave the count alone, 2 pin; 0 adds a reference. */
NTSTATUS NTAPI LdrGetDllHandleEx(ULONG flags, PWSTR path, PULONG characteristics, PCUNICODE_STRING name, PVOID *base) {
  (void)path, (void)characteristics;
  WCHAR buffer[520];
  UNICODE_STRING complete = { 0, sizeof buffer - 5 * sizeof(WCHAR), buffer };
  RtlCopyUnicodeString(&complete, name);
  BOOLEAN dotted = FALSE;
  for (ULONG i = 0; i < complete.Length / sizeof(WCHAR); i++) {
    if (buffer[i] == L'/') buffer[i] = L'\\';
    if (buffer[i] == L'.') dotted = TRUE;
    if (buffer[i] == L'\\') dotted = FALSE;
  }
  if (complete.Length != 0 && buffer[complete.Length / sizeof(WCHAR) - 1] == L'.') complete.Length -= sizeof(WCHAR);
  else if (!dotted) RtlAppendUnicodeStringToString(&complete, &ldrp_default_extension);
  *base = NULL;
  RtlEnterCriticalSection(&ldrp_lock);
  MODULE *module = ldrp_find_by_name(&complete);
  if (module != NULL) {
    *base = module->entry.DllBase;
    if (flags & 2) module->entry.LoadCount = (USHORT)-1;
    else if (!(flags & 1) && module->entry.LoadCount != (USHORT)-1) module->entry.LoadCount++;
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return module == NULL ? STATUS_DLL_NOT_FOUND : STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrGetDllHandle(PWSTR path, PULONG characteristics, PCUNICODE_STRING name, PVOID *base) {
  return LdrGetDllHandleEx(1, path, characteristics, name, base);
}

/* flags: 1 pins. */
NTSTATUS NTAPI LdrAddRefDll(ULONG flags, PVOID base) {
  RtlEnterCriticalSection(&ldrp_lock);
  MODULE *module = ldrp_find_by_base(base);
  if (module != NULL && module->entry.LoadCount != (USHORT)-1) {
    module->entry.LoadCount = flags & 1 ? (USHORT)-1 : (USHORT)(module->entry.LoadCount + 1);
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return module == NULL ? STATUS_INVALID_PARAMETER : STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrGetProcedureAddress(PVOID base, PCANSI_STRING name, ULONG ordinal, PVOID *address) {
  *address = NULL;
  char text[512];
  if (name != NULL) {
    if (name->Length >= sizeof text) return STATUS_NAME_TOO_LONG;
    memcpy(text, name->Buffer, name->Length);
    text[name->Length] = 0;
  }
  RtlEnterCriticalSection(&ldrp_lock);
  MODULE *module = ldrp_find_by_base(base);
  NTSTATUS status = STATUS_DLL_NOT_FOUND;
  if (module != NULL) {
    status = ldrp_resolve_export(module, name != NULL ? text : NULL, ordinal, address);
    if (NT_SUCCESS(status)) status = ldrp_attach_new(); // A forwarder may have brought a library in.
  }
  RtlLeaveCriticalSection(&ldrp_lock);
  return status;
}

NTSTATUS NTAPI LdrFindEntryForAddress(PVOID address, PLDR_DATA_TABLE_ENTRY *entry) {
  MODULE *module = ldrp_find_by_address(address);
  if (module == NULL) return STATUS_NO_MORE_ENTRIES;
  *entry = &module->entry;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrDisableThreadCalloutsForDll(PVOID base) {
  RtlEnterCriticalSection(&ldrp_lock);
  MODULE *module = ldrp_find_by_base(base);
  if (module != NULL) module->entry.Flags |= LDRP_DONT_CALL_FOR_THREADS;
  RtlLeaveCriticalSection(&ldrp_lock);
  return module == NULL ? STATUS_DLL_NOT_FOUND : STATUS_SUCCESS;
}

/* flags: 1 raise on failure, 2 try only. disposition: 1 taken, 2 not taken. */
NTSTATUS NTAPI LdrLockLoaderLock(ULONG flags, ULONG *disposition, ULONG_PTR *cookie) {
  if (disposition != NULL) *disposition = 0;
  if (cookie == NULL || (flags & ~3u) != 0) return STATUS_INVALID_PARAMETER;
  if ((flags & 2) && !RtlTryEnterCriticalSection(&ldrp_lock)) {
    if (disposition != NULL) *disposition = 2;
    *cookie = 0;
    return STATUS_SUCCESS;
  }
  if (!(flags & 2)) RtlEnterCriticalSection(&ldrp_lock);
  if (disposition != NULL) *disposition = 1;
  *cookie = (ULONG_PTR)current_teb()->ClientId.UniqueThread;
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI LdrUnlockLoaderLock(ULONG flags, ULONG_PTR cookie) {
  if ((flags & ~1u) != 0) return STATUS_INVALID_PARAMETER;
  if (cookie == 0) return STATUS_SUCCESS;
  if (cookie != (ULONG_PTR)current_teb()->ClientId.UniqueThread) return STATUS_INVALID_PARAMETER;
  return RtlLeaveCriticalSection(&ldrp_lock);
}

PVOID NTAPI RtlPcToFileHeader(PVOID address, PVOID *base) {
  MODULE *module = ldrp_find_by_address(address);
  *base = module == NULL ? NULL : module->entry.DllBase;
  return *base;
}
