// Unhandled exceptions, raising, error modes, and the bottom frame of every thread.
#include "kernel32.h"

static LPTOP_LEVEL_EXCEPTION_FILTER top_filter;
static UINT error_mode;

LPTOP_LEVEL_EXCEPTION_FILTER WINAPI SetUnhandledExceptionFilter(LPTOP_LEVEL_EXCEPTION_FILTER filter) {
  LPTOP_LEVEL_EXCEPTION_FILTER old = RtlDecodePointer((PVOID)__sync_lock_test_and_set(
      (ULONG_PTR *)&top_filter, filter == NULL ? 0 : (ULONG_PTR)RtlEncodePointer((PVOID)filter)));
  return (PVOID)old == RtlDecodePointer(NULL) ? NULL : old;
}

/* Asks the program's own filter; without one the exception goes to its second chance, which ends the process. */
LONG WINAPI UnhandledExceptionFilter(PEXCEPTION_POINTERS pointers) {
  LPTOP_LEVEL_EXCEPTION_FILTER filter = top_filter == NULL ? NULL : RtlDecodePointer((PVOID)top_filter);
  if (filter != NULL) {
    LONG disposition = filter(pointers);
    if (disposition == EXCEPTION_EXECUTE_HANDLER || disposition == EXCEPTION_CONTINUE_EXECUTION) return disposition;
  }
  return EXCEPTION_CONTINUE_SEARCH;
}

/* The last frame of the chain. EXECUTE_HANDLER ends the process with the exception code, as the default handler does. */
EXCEPTION_DISPOSITION __cdecl base_handler(PEXCEPTION_RECORD record, PVOID frame, PCONTEXT context, PVOID dispatcher) {
  (void)frame, (void)dispatcher;
  if (record->ExceptionFlags & (EXCEPTION_UNWINDING | EXCEPTION_EXIT_UNWIND)) return ExceptionContinueSearch;
  EXCEPTION_POINTERS pointers = { record, context };
  LONG disposition = UnhandledExceptionFilter(&pointers);
  if (disposition == EXCEPTION_CONTINUE_EXECUTION) return ExceptionContinueExecution;
  if (disposition == EXCEPTION_EXECUTE_HANDLER) NtTerminateProcess(CURRENT_PROCESS, (NTSTATUS)record->ExceptionCode);
  return ExceptionContinueSearch;
}

VOID WINAPI RaiseException(DWORD code, DWORD flags, DWORD count, const ULONG_PTR *arguments) {
  EXCEPTION_RECORD record;
  memset(&record, 0, sizeof record);
  record.ExceptionCode = code & 0xEFFFFFFF;
  record.ExceptionFlags = flags & EXCEPTION_NONCONTINUABLE;
  record.ExceptionAddress = (PVOID)RaiseException;
  if (arguments != NULL) {
    record.NumberParameters = count > EXCEPTION_MAXIMUM_PARAMETERS ? EXCEPTION_MAXIMUM_PARAMETERS : count;
    memcpy(record.ExceptionInformation, arguments, record.NumberParameters * sizeof *arguments);
  }
  RtlRaiseException(&record);
}

UINT WINAPI SetErrorMode(UINT mode) {
  UINT old = error_mode;
  error_mode = mode;
  return old;
}
UINT WINAPI GetErrorMode(VOID) { return error_mode; }

VOID WINAPI DebugBreak(VOID) { __asm__ volatile("int3"); }
BOOL WINAPI IsDebuggerPresent(VOID) { return current_peb()->BeingDebugged; }

BOOL WINAPI CheckRemoteDebuggerPresent(HANDLE process, PBOOL present) {
  ULONG_PTR port = 0;
  if (!ok(NtQueryInformationProcess(process, 7, &port, sizeof port, NULL))) return FALSE;
  *present = port != 0;
  return TRUE;
}

/* Without a debugger the text goes to the kernel's debug output. */
VOID WINAPI OutputDebugStringA(LPCSTR text) {
  if (text != NULL) DbgPrint("%s", text);
}

VOID WINAPI OutputDebugStringW(LPCWSTR text) {
  UNICODE_STRING wide;
  ANSI_STRING ansi;
  RtlInitUnicodeString(&wide, text);
  if (!NT_SUCCESS(RtlUnicodeStringToAnsiString(&ansi, &wide, TRUE))) return;
  OutputDebugStringA(ansi.Buffer);
  RtlFreeAnsiString(&ansi);
}

VOID WINAPI FatalAppExitA(UINT action, LPCSTR message) {
  (void)action;
  OutputDebugStringA(message);
  NtTerminateProcess(CURRENT_PROCESS, 0);
}
