// What the files of kernel32 share.
#pragma once
#include "nt.h"

static inline void set_last_error(DWORD error) { current_teb()->LastErrorValue = error; }
static inline DWORD last_error(void) { return current_teb()->LastErrorValue; }
static inline PVOID process_heap(void) { return current_peb()->ProcessHeap; }
static inline PRTL_USER_PROCESS_PARAMETERS parameters(void) { return current_peb()->ProcessParameters; }

/* Sets the last error of a failed status; TRUE for success. */
static inline BOOL ok(NTSTATUS status) {
  if (NT_SUCCESS(status)) return TRUE;
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return FALSE;
}
static inline BOOL refuse(DWORD error) {
  set_last_error(error);
  return FALSE;
}
static inline PVOID allocate(SIZE_T size) {
  PVOID block = RtlAllocateHeap(process_heap(), 0, size);
  if (block == NULL) set_last_error(ERROR_NOT_ENOUGH_MEMORY);
  return block;
}
static inline void release(PVOID block) {
  if (block != NULL) RtlFreeHeap(process_heap(), 0, block);
}

/* ANSI in, a heap copy in UTF-16 out; NULL stays NULL. The file functions obey SetFileApisToOEM. */
PWSTR wide_copy(const char *text);
PWSTR wide_path(const char *text);
/* The A form of a W result: characters without terminator when it fits, the size needed with it when not. */
DWORD narrow_result(PCWSTR text, DWORD length, char *buffer, DWORD size);
BOOLEAN file_apis_are_ansi(void);

/* NULL for no name. Objects live in \BaseNamedObjects; the attributes are built in the caller's storage. */
typedef struct { OBJECT_ATTRIBUTES attributes; UNICODE_STRING name; WCHAR buffer[300]; } NAMED_OBJECT;
NTSTATUS named_object(NAMED_OBJECT *object, PCWSTR name, LPSECURITY_ATTRIBUTES security, ULONG flags,
                      POBJECT_ATTRIBUTES *attributes);
/* What the Create and Open functions of named objects end with: the handle, and the last error. */
typedef NTSTATUS(NTAPI *OPENER)(PHANDLE, ACCESS_BITS, POBJECT_ATTRIBUTES);
HANDLE created(NTSTATUS status, HANDLE handle);
HANDLE open_named(OPENER opener, DWORD access, BOOL inherit, PCWSTR name);
HANDLE open_named_ansi(OPENER opener, DWORD access, BOOL inherit, const char *name);
/* Milliseconds to the kernel's relative time; NULL for INFINITE. */
/* What a completion port is given of a request. */
PVOID port_context(LPOVERLAPPED overlapped);
PLARGE_INTEGER relative_timeout(DWORD milliseconds, PLARGE_INTEGER storage);
HANDLE standard_handle(HANDLE handle);
/* Opens a DOS path for looking at or changing what it names; INVALID_HANDLE_VALUE with the last error set. */
HANDLE open_path(PCWSTR path, ULONG access, ULONG share, ULONG options);
LONG WINAPI UnhandledExceptionFilter(PEXCEPTION_POINTERS pointers);

/* The user stack and the first context of a thread in any process; `start` gets EAX and EBX. Sizes of 0: those of this program. */
NTSTATUS set_priority_class(HANDLE process, UCHAR class);
/* The kernel's priority class for that of Win32, and back; 0 for what is none. */
UCHAR native_priority_class(DWORD class);
DWORD win32_priority_class(ULONG class);
NTSTATUS base_create_stack(HANDLE process, SIZE_T commit, SIZE_T reserve, PINITIAL_TEB teb);
void base_initial_context(PCONTEXT context, void (*start)(void), PVOID eax, PVOID ebx, PVOID stackBase);
void BaseProcessStartThunk(void);
void BaseThreadStartThunk(void);

int compare_wide(PCWSTR a, PCWSTR b, BOOLEAN ignoreCase);
void copy_wide(PWSTR target, PCWSTR source);
int format_wide(PWSTR buffer, int size, PCWSTR format, ...);
void run_fls_callbacks(void);
void BaseThreadStartThunk(void);
/* RTL_USER_PROCESS_PARAMETERS.ConsoleFlags. */
enum { CONSOLE_IGNORES_CONTROL_C = 1, CONSOLE_BEGINS_GROUP = 2 };
ULONG console_flags_for_child(DWORD flags);
void register_control_routine(BOOLEAN starts);
