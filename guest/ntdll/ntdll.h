// What the files of ntdll share and nobody else sees.
#pragma once
#include "nt.h"

// A loaded image. The public part is what debuggers and programs walk; the rest is the loader's own.
typedef struct module {
  LDR_DATA_TABLE_ENTRY entry;
  struct module **dependencies;
  ULONG dependencyCount, dependencyCapacity;
  BOOLEAN reachable;
} MODULE;

// --- loader
extern RTL_CRITICAL_SECTION ldrp_lock;
extern PEB_LDR_DATA ldrp_data;
extern BOOLEAN ldrp_shutdown;
extern MODULE *ldrp_ntdll, *ldrp_program;
extern const UNICODE_STRING ldrp_default_extension;

static inline BOOLEAN ldrp_in_image(const MODULE *module, ULONG rva, ULONG length) {
  ULONG size = module->entry.SizeOfImage;
  return rva < size && length <= size - rva;
}
const char *ldrp_image_string(const MODULE *module, ULONG rva);
PVOID ldrp_directory(const MODULE *module, ULONG directory, ULONG minimum, ULONG *size);
NTSTATUS ldrp_relocate(MODULE *module);
BOOLEAN ldrp_make_writable(PVOID start, SIZE_T length, ULONG *old);
void ldrp_restore_protection(PVOID start, SIZE_T length, ULONG old);

MODULE *ldrp_add_module(PVOID base, ULONG size, PCUNICODE_STRING fullName);
MODULE *ldrp_find_by_name(PCUNICODE_STRING name);
MODULE *ldrp_find_by_base(PVOID base);
MODULE *ldrp_find_by_address(PVOID address);
NTSTATUS ldrp_add_dependency(MODULE *module, MODULE *dependency);
void ldrp_sweep(void);
void ldrp_remove_module(MODULE *module);
NTSTATUS ldrp_load(PWSTR path, PCUNICODE_STRING name, MODULE **module);
NTSTATUS ldrp_snap_imports(MODULE *module);
NTSTATUS ldrp_resolve_export(MODULE *module, const char *name, ULONG ordinal, PVOID *address);
NTSTATUS ldrp_report(NTSTATUS status, PCUNICODE_STRING what, PCUNICODE_STRING dll);

NTSTATUS ldrp_tls_add(MODULE *module);
void ldrp_tls_remove(MODULE *module);
NTSTATUS ldrp_tls_thread_start(void);
void ldrp_tls_thread_end(void);
void ldrp_tls_call(MODULE *module, ULONG reason, PVOID reserved);
NTSTATUS ldrp_attach_new(void);
void ldrp_call_detach(MODULE *module, ULONG reason, PVOID reserved);
extern BOOLEAN ldrp_starting;

// --- others
NTSTATUS rtlp_initialize_environment(void);
void rtlp_start_critical_section(PRTL_CRITICAL_SECTION section);
DECLSPEC_NORETURN void NTAPI RtlpRaise(PEXCEPTION_RECORD record, PCONTEXT context);
void NTAPI RtlpUnwind(PVOID target, PEXCEPTION_RECORD record, PCONTEXT context);
typedef EXCEPTION_DISPOSITION(__cdecl *FRAME_HANDLER)(PEXCEPTION_RECORD, PVOID frame, PCONTEXT, PVOID dispatcherContext);
EXCEPTION_DISPOSITION NTAPI RtlpCallHandler(PEXCEPTION_RECORD, PVOID frame, PCONTEXT, PVOID *dispatcherContext,
                                            FRAME_HANDLER handler, FRAME_HANDLER guard);
ULONG NTAPI RtlpCallEntry(PVOID entry, PVOID base, ULONG reason, PVOID context);
NTSTATUS NTAPI RtlpDebugService(ULONG service, const void *address, ULONG length);
int rtlp_format(char *buffer, size_t size, const char *format, __builtin_va_list arguments);

static inline PVOID process_heap(void) { return current_peb()->ProcessHeap; }

static inline void list_initialize(LIST_ENTRY *head) { head->Flink = head->Blink = head; }
static inline BOOLEAN list_empty(const LIST_ENTRY *head) { return head->Flink == head; }
static inline void list_remove(LIST_ENTRY *entry) {
  entry->Blink->Flink = entry->Flink;
  entry->Flink->Blink = entry->Blink;
}
static inline void list_insert_tail(LIST_ENTRY *head, LIST_ENTRY *entry) {
  entry->Flink = head;
  entry->Blink = head->Blink;
  head->Blink->Flink = entry;
  head->Blink = entry;
}
static inline void list_insert_head(LIST_ENTRY *head, LIST_ENTRY *entry) { list_insert_tail(head->Flink, entry); }
