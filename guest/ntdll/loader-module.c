// The list of loaded modules and their lifetime. A module lives while it is pinned (LoadCount -1: part of the process from
// its start), loaded by name (LoadCount > 0), or reachable from such a module through imports.
#include "ntdll.h"

RTL_CRITICAL_SECTION ldrp_lock = { NULL, -1, 0, NULL, NULL, 0 };
PEB_LDR_DATA ldrp_data;
BOOLEAN ldrp_shutdown;
MODULE *ldrp_ntdll, *ldrp_program;

#define MODULE_OF(link, field) ((MODULE *)CONTAINING_RECORD(link, LDR_DATA_TABLE_ENTRY, field))

static UNICODE_STRING copy_string(PCUNICODE_STRING source) {
  UNICODE_STRING copy = { source->Length, (USHORT)(source->Length + sizeof(WCHAR)), NULL };
  copy.Buffer = RtlAllocateHeap(process_heap(), 0, copy.MaximumLength);
  if (copy.Buffer == NULL) return copy;
  memcpy(copy.Buffer, source->Buffer, source->Length);
  copy.Buffer[source->Length / sizeof(WCHAR)] = 0;
  return copy;
}

MODULE *ldrp_add_module(PVOID base, ULONG size, PCUNICODE_STRING fullName) {
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(base);
  MODULE *module = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, sizeof *module);
  if (module == NULL || headers == NULL) return NULL;
  LDR_DATA_TABLE_ENTRY *entry = &module->entry;
  entry->FullDllName = copy_string(fullName);
  if (entry->FullDllName.Buffer == NULL) {
    RtlFreeHeap(process_heap(), 0, module);
    return NULL;
  }
  PWSTR baseName = entry->FullDllName.Buffer + entry->FullDllName.Length / sizeof(WCHAR);
  while (baseName > entry->FullDllName.Buffer && baseName[-1] != L'\\') baseName--;
  RtlInitUnicodeString(&entry->BaseDllName, baseName);
  entry->DllBase = base;
  entry->SizeOfImage = size;
  entry->TimeDateStamp = headers->FileHeader.TimeDateStamp;
  ULONG start = headers->OptionalHeader.AddressOfEntryPoint;
  if (start != 0 && ldrp_in_image(module, start, 1)) entry->EntryPoint = (char *)base + start;
  if (headers->FileHeader.Characteristics & IMAGE_FILE_DLL) entry->Flags |= LDRP_IMAGE_DLL;
  list_initialize(&entry->HashLinks);
  list_initialize(&entry->InInitializationOrderLinks);
  list_insert_tail(&ldrp_data.InLoadOrderModuleList, &entry->InLoadOrderLinks);
  list_insert_tail(&ldrp_data.InMemoryOrderModuleList, &entry->InMemoryOrderLinks);
  return module;
}

MODULE *ldrp_find_by_base(PVOID base) {
  LIST_ENTRY *head = &ldrp_data.InLoadOrderModuleList;
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    MODULE *module = MODULE_OF(link, InLoadOrderLinks);
    if (module->entry.DllBase == base) return module;
  }
  return NULL;
}

MODULE *ldrp_find_by_address(PVOID address) {
  LIST_ENTRY *head = &ldrp_data.InLoadOrderModuleList;
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    MODULE *module = MODULE_OF(link, InLoadOrderLinks);
    if ((ULONG_PTR)address - (ULONG_PTR)module->entry.DllBase < module->entry.SizeOfImage) return module;
  }
  return NULL;
}

static BOOLEAN has_path(PCUNICODE_STRING name) {
  for (ULONG i = 0; i < name->Length / sizeof(WCHAR); i++) {
    if (name->Buffer[i] == L'\\' || name->Buffer[i] == L'/') return TRUE;
  }
  return FALSE;
}

/* A plain name is compared with base names, a path with full names. */
MODULE *ldrp_find_by_name(PCUNICODE_STRING name) {
  LIST_ENTRY *head = &ldrp_data.InLoadOrderModuleList;
  BOOLEAN byPath = has_path(name);
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    MODULE *module = MODULE_OF(link, InLoadOrderLinks);
    PCUNICODE_STRING own = byPath ? &module->entry.FullDllName : &module->entry.BaseDllName;
    if (RtlEqualUnicodeString(own, name, TRUE)) return module;
  }
  return NULL;
}

NTSTATUS ldrp_add_dependency(MODULE *module, MODULE *dependency) {
  for (ULONG i = 0; i < module->dependencyCount; i++) {
    if (module->dependencies[i] == dependency) return STATUS_SUCCESS;
  }
  if (module->dependencyCount == module->dependencyCapacity) {
    ULONG capacity = module->dependencyCapacity == 0 ? 4 : module->dependencyCapacity * 2;
    PVOID heap = process_heap();
    MODULE **grown = module->dependencies == NULL
                         ? RtlAllocateHeap(heap, 0, capacity * sizeof *grown)
                         : RtlReAllocateHeap(heap, 0, module->dependencies, capacity * sizeof *grown);
    if (grown == NULL) return STATUS_NO_MEMORY;
    module->dependencies = grown;
    module->dependencyCapacity = capacity;
  }
  module->dependencies[module->dependencyCount++] = dependency;
  return STATUS_SUCCESS;
}

static void mark(MODULE *module) {
  if (module->reachable) return;
  module->reachable = TRUE;
  for (ULONG i = 0; i < module->dependencyCount; i++) mark(module->dependencies[i]);
}

void ldrp_remove_module(MODULE *module) {
  LDR_DATA_TABLE_ENTRY *entry = &module->entry;
  list_remove(&entry->InLoadOrderLinks);
  list_remove(&entry->InMemoryOrderLinks);
  list_remove(&entry->InInitializationOrderLinks);
  ldrp_tls_remove(module);
  NtUnmapViewOfSection(CURRENT_PROCESS, entry->DllBase);
  if (module->dependencies != NULL) RtlFreeHeap(process_heap(), 0, module->dependencies);
  RtlFreeHeap(process_heap(), 0, entry->FullDllName.Buffer);
  RtlFreeHeap(process_heap(), 0, module);
}

/* Detaches (in reverse order of initialisation) and unmaps every module that nothing holds any more. */
void ldrp_sweep(void) {
  LIST_ENTRY *head = &ldrp_data.InLoadOrderModuleList;
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) MODULE_OF(link, InLoadOrderLinks)->reachable = FALSE;
  for (LIST_ENTRY *link = head->Flink; link != head; link = link->Flink) {
    MODULE *module = MODULE_OF(link, InLoadOrderLinks);
    if (module->entry.LoadCount != 0) mark(module);
  }
  // A detach routine may load or free libraries: the list is read anew after each call.
  LIST_ENTRY *order = &ldrp_data.InInitializationOrderModuleList;
  for (LIST_ENTRY *link = order->Blink; link != order;) {
    MODULE *module = MODULE_OF(link, InInitializationOrderLinks);
    link = link->Blink;
    if (module->reachable || (module->entry.Flags & LDRP_UNLOAD_IN_PROGRESS)) continue;
    module->entry.Flags |= LDRP_UNLOAD_IN_PROGRESS;
    if (!(module->entry.Flags & LDRP_PROCESS_ATTACH_CALLED)) continue;
    ldrp_call_detach(module, DLL_PROCESS_DETACH, NULL);
    link = order->Blink;
  }
  for (LIST_ENTRY *link = head->Flink; link != head;) {
    MODULE *module = MODULE_OF(link, InLoadOrderLinks);
    link = link->Flink;
    if (!module->reachable && module->entry.LoadCount == 0) ldrp_remove_module(module);
  }
}
