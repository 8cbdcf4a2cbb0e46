// Exception dispatch: vectored handlers, then the chain of frames at FS:[0]; unwinding; raising.
#include "ntdll.h"

#define CHAIN_END ((REGISTRATION *)(LONG_PTR)-1)

typedef struct registration {
  struct registration *next;
  FRAME_HANDLER handler;
  struct registration *served; // only in the registrations that RtlpCallHandler makes
} REGISTRATION;

typedef struct vectored {
  LIST_ENTRY links;
  LONG references;
  BOOLEAN removed;
  PVECTORED_EXCEPTION_HANDLER handler;
} VECTORED;

static RTL_CRITICAL_SECTION vectored_lock = { NULL, -1, 0, NULL, NULL, 0 };
static LIST_ENTRY exception_handlers = { &exception_handlers, &exception_handlers };
static LIST_ENTRY continue_handlers = { &continue_handlers, &continue_handlers };

static PVOID add_vectored(LIST_ENTRY *list, ULONG first, PVECTORED_EXCEPTION_HANDLER handler) {
  VECTORED *entry = RtlAllocateHeap(process_heap(), 0, sizeof *entry);
  if (entry == NULL) return NULL;
  entry->references = 1;
  entry->removed = FALSE;
  entry->handler = handler;
  RtlEnterCriticalSection(&vectored_lock);
  if (first) list_insert_head(list, &entry->links);
  else list_insert_tail(list, &entry->links);
  RtlLeaveCriticalSection(&vectored_lock);
  return entry;
}

static void release_vectored(VECTORED *entry) {
  if (--entry->references != 0) return;
  list_remove(&entry->links);
  RtlFreeHeap(process_heap(), 0, entry);
}

static ULONG remove_vectored(LIST_ENTRY *list, PVOID handle) {
  ULONG found = 0;
  RtlEnterCriticalSection(&vectored_lock);
  for (LIST_ENTRY *link = list->Flink; link != list && !found; link = link->Flink) {
    VECTORED *entry = (VECTORED *)link;
    if (entry != handle || entry->removed) continue;
    entry->removed = TRUE;
    found = 1;
  }
  if (found) release_vectored(handle);
  RtlLeaveCriticalSection(&vectored_lock);
  return found;
}

PVOID NTAPI RtlAddVectoredExceptionHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler) {
  return add_vectored(&exception_handlers, first, handler);
}
PVOID NTAPI RtlAddVectoredContinueHandler(ULONG first, PVECTORED_EXCEPTION_HANDLER handler) {
  return add_vectored(&continue_handlers, first, handler);
}
ULONG NTAPI RtlRemoveVectoredExceptionHandler(PVOID handle) { return remove_vectored(&exception_handlers, handle); }
ULONG NTAPI RtlRemoveVectoredContinueHandler(PVOID handle) { return remove_vectored(&continue_handlers, handle); }

/* The handlers run without the lock; a reference keeps the entry in the list until its turn is over. */
static BOOLEAN call_vectored(LIST_ENTRY *list, PEXCEPTION_RECORD record, PCONTEXT context) {
  if (list_empty(list)) return FALSE;
  EXCEPTION_POINTERS pointers = { record, context };
  BOOLEAN handled = FALSE;
  RtlEnterCriticalSection(&vectored_lock);
  LIST_ENTRY *link = list->Flink;
  while (link != list && !handled) {
    VECTORED *entry = (VECTORED *)link;
    if (entry->removed) {
      link = link->Flink;
      continue;
    }
    entry->references++;
    RtlLeaveCriticalSection(&vectored_lock);
    handled = entry->handler(&pointers) == EXCEPTION_CONTINUE_EXECUTION;
    RtlEnterCriticalSection(&vectored_lock);
    link = link->Flink;
    release_vectored(entry);
  }
  RtlLeaveCriticalSection(&vectored_lock);
  return handled;
}

static REGISTRATION *first_frame(void) { return (REGISTRATION *)current_teb()->NtTib.ExceptionList; }

static BOOLEAN frame_is_valid(const REGISTRATION *frame) {
  const NT_TIB *tib = &current_teb()->NtTib;
  ULONG_PTR low = (ULONG_PTR)tib->StackLimit, high = (ULONG_PTR)tib->StackBase, at = (ULONG_PTR)frame;
  if (at < low || at + 8 > high || at + 8 < at || (at & 3) != 0) return FALSE;
  ULONG_PTR handler = (ULONG_PTR)frame->handler;
  return handler < low || handler >= high; // Code on the stack is never a handler.
}

static EXCEPTION_DISPOSITION __cdecl dispatch_guard(PEXCEPTION_RECORD record, PVOID frame, PCONTEXT context, PVOID result) {
  (void)context;
  if (record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)) return ExceptionContinueSearch;
  *(PVOID *)result = ((REGISTRATION *)frame)->served;
  return ExceptionNestedException;
}

static EXCEPTION_DISPOSITION __cdecl unwind_guard(PEXCEPTION_RECORD record, PVOID frame, PCONTEXT context, PVOID result) {
  (void)context;
  if (!(record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND))) return ExceptionContinueSearch;
  *(PVOID *)result = ((REGISTRATION *)frame)->served;
  return ExceptionCollidedUnwind;
}

static DECLSPEC_NORETURN void raise_about(NTSTATUS status, PEXCEPTION_RECORD cause) {
  EXCEPTION_RECORD record = { 0 };
  record.ExceptionCode = status;
  record.ExceptionFlags = EXCEPTION_NONCONTINUABLE;
  record.ExceptionRecord = cause;
  RtlRaiseException(&record);
  for (;;) NtTerminateProcess(CURRENT_PROCESS, status);
}

/* TRUE: continue with the context. FALSE: nobody wanted the exception. */
BOOLEAN NTAPI RtlDispatchException(PEXCEPTION_RECORD record, PCONTEXT context) {
  if (call_vectored(&exception_handlers, record, context)) {
    call_vectored(&continue_handlers, record, context);
    return TRUE;
  }
  REGISTRATION *nested = NULL;
  for (REGISTRATION *frame = first_frame(); frame != CHAIN_END; frame = frame->next) {
    if (!frame_is_valid(frame)) {
      record->ExceptionFlags |= EXCEPTION_STACK_INVALID;
      return FALSE;
    }
    PVOID inner = NULL;
    EXCEPTION_DISPOSITION disposition =
        RtlpCallHandler(record, frame, context, &inner, frame->handler, dispatch_guard);
    if (nested == frame) {
      record->ExceptionFlags &= ~EXCEPTION_NESTED_CALL;
      nested = NULL;
    }
    switch (disposition) {
    case ExceptionContinueExecution:
      if (record->ExceptionFlags & EXCEPTION_NONCONTINUABLE) raise_about(STATUS_NONCONTINUABLE_EXCEPTION, record);
      call_vectored(&continue_handlers, record, context);
      return TRUE;
    case ExceptionContinueSearch:
      break;
    case ExceptionNestedException:
      record->ExceptionFlags |= EXCEPTION_NESTED_CALL;
      if ((REGISTRATION *)inner > nested) nested = inner;
      break;
    default:
      raise_about(STATUS_INVALID_DISPOSITION, record);
    }
  }
  return FALSE;
}

/* Calls the handlers of all frames above the target for clean-up and takes them off the chain; the target stays. */
void NTAPI RtlpUnwind(PVOID target, PEXCEPTION_RECORD record, PCONTEXT context) {
  EXCEPTION_RECORD own = { 0 };
  if (record == NULL) {
    own.ExceptionCode = STATUS_UNWIND;
    own.ExceptionAddress = (PVOID)context->Eip;
    record = &own;
  }
  record->ExceptionFlags |= target == NULL ? EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND : EXCEPTION_UNWINDING;
  REGISTRATION *frame = first_frame();
  while (frame != CHAIN_END) {
    if (frame == target) return;
    if (target != NULL && (REGISTRATION *)target < frame) raise_about(STATUS_INVALID_UNWIND_TARGET, record);
    if (!frame_is_valid(frame)) raise_about(STATUS_BAD_STACK, record);
    PVOID inner = NULL;
    EXCEPTION_DISPOSITION disposition =
        RtlpCallHandler(record, frame, context, &inner, frame->handler, unwind_guard);
    if (disposition == ExceptionCollidedUnwind) frame = inner;
    else if (disposition != ExceptionContinueSearch) raise_about(STATUS_INVALID_DISPOSITION, record);
    frame = frame->next;
    current_teb()->NtTib.ExceptionList = (PVOID)frame;
  }
  if (target == NULL || target == CHAIN_END) return;
  NtRaiseException(record, context, FALSE);
}

void NTAPI RtlpRaise(PEXCEPTION_RECORD record, PCONTEXT context) {
  NTSTATUS status;
  if (current_peb()->BeingDebugged) status = NtRaiseException(record, context, TRUE);
  else if (RtlDispatchException(record, context)) status = NtContinue(context, FALSE);
  else status = NtRaiseException(record, context, FALSE);
  for (;;) NtTerminateProcess(CURRENT_PROCESS, status);
}

VOID NTAPI RtlRaiseStatus(NTSTATUS status) {
  EXCEPTION_RECORD record = { 0 };
  record.ExceptionCode = status;
  record.ExceptionFlags = EXCEPTION_NONCONTINUABLE;
  RtlRaiseException(&record);
}

/* Pointer obfuscation: a value per process, from the cookie that the kernel keeps (process information class 36). */
static ULONG pointer_cookie(void) {
  static ULONG cookie;
  if (cookie == 0) {
    ULONG value = 0, used = 0;
    NTSTATUS status = NtQueryInformationProcess(CURRENT_PROCESS, 36, &value, sizeof value, &used);
    cookie = NT_SUCCESS(status) && value != 0 ? value : 0x2A6F5C31;
  }
  return cookie;
}

PVOID NTAPI RtlEncodePointer(PVOID pointer) { return (PVOID)((ULONG_PTR)pointer ^ pointer_cookie()); }
PVOID NTAPI RtlDecodePointer(PVOID pointer) { return (PVOID)((ULONG_PTR)pointer ^ pointer_cookie()); }
PVOID NTAPI RtlEncodeSystemPointer(PVOID pointer) { return RtlEncodePointer(pointer); }
PVOID NTAPI RtlDecodeSystemPointer(PVOID pointer) { return RtlDecodePointer(pointer); }
