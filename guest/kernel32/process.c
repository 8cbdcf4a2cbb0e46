// Processes: start and end, what they know of themselves, times and priorities.
#include "kernel32.h"

DWORD WINAPI base_call(PVOID routine, PVOID parameter);

/* First user frame of the program's first thread: the entry point gets the PEB, its result is the exit code of the thread. */
DECLSPEC_NORETURN void WINAPI BaseProcessStart(PVOID entry) {
  NtSetInformationThread(CURRENT_THREAD, 9, &entry, sizeof entry);
  ExitThread(base_call(entry, current_peb()));
}

BOOL WINAPI DllMain(HINSTANCE base, DWORD reason, LPVOID reserved) {
  (void)base, (void)reserved;
  if (reason == DLL_PROCESS_ATTACH) register_control_routine(TRUE);
  if (reason == DLL_THREAD_DETACH || reason == DLL_PROCESS_DETACH) run_fls_callbacks();
  return TRUE;
}

/* The other threads are ended first, while no lock that the rest of the exit needs can be theirs. */
VOID WINAPI ExitProcess(UINT code) {
  ULONG_PTR cookie;
  LdrLockLoaderLock(0, NULL, &cookie);
  RtlAcquirePebLock();
  RtlLockHeap(process_heap());
  NtTerminateProcess(NULL, (NTSTATUS)code);
  RtlUnlockHeap(process_heap());
  RtlReleasePebLock();
  LdrUnlockLoaderLock(0, cookie);
  LdrShutdownProcess();
  for (;;) NtTerminateProcess(CURRENT_PROCESS, (NTSTATUS)code);
}

BOOL WINAPI TerminateProcess(HANDLE process, UINT code) {
  if (process == NULL) return refuse(ERROR_INVALID_HANDLE);
  return ok(NtTerminateProcess(process, (NTSTATUS)code));
}

HANDLE WINAPI GetCurrentProcess(VOID) { return CURRENT_PROCESS; }
DWORD WINAPI GetCurrentProcessId(VOID) { return (DWORD)current_teb()->ClientId.UniqueProcess; }

static BOOL basic_information(HANDLE process, PROCESS_BASIC_INFORMATION *information) {
  return ok(NtQueryInformationProcess(process, 0, information, sizeof *information, NULL));
}

DWORD WINAPI GetProcessId(HANDLE process) {
  PROCESS_BASIC_INFORMATION information;
  return basic_information(process, &information) ? information.UniqueProcessId : 0;
}

BOOL WINAPI GetExitCodeProcess(HANDLE process, LPDWORD code) {
  PROCESS_BASIC_INFORMATION information;
  if (!basic_information(process, &information)) return FALSE;
  *code = (DWORD)information.ExitStatus;
  return TRUE;
}

HANDLE WINAPI OpenProcess(DWORD access, BOOL inherit, DWORD id) {
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, inherit ? OBJ_INHERIT : 0);
  CLIENT_ID client = { (HANDLE)id, NULL };
  HANDLE handle;
  NTSTATUS status = NtOpenProcess(&handle, access, &attributes, &client);
  if (status == STATUS_INVALID_CID) status = STATUS_INVALID_PARAMETER;
  return ok(status) ? handle : NULL;
}

BOOL WINAPI GetProcessTimes(HANDLE process, LPFILETIME creation, LPFILETIME end, LPFILETIME kernel, LPFILETIME user) {
  KERNEL_USER_TIMES times;
  if (!ok(NtQueryInformationProcess(process, 4, &times, sizeof times, NULL))) return FALSE;
  memcpy(creation, &times.CreateTime, sizeof *creation);
  memcpy(end, &times.ExitTime, sizeof *end);
  memcpy(kernel, &times.KernelTime, sizeof *kernel);
  memcpy(user, &times.UserTime, sizeof *user);
  return TRUE;
}

BOOL WINAPI GetProcessAffinityMask(HANDLE process, PDWORD_PTR processMask, PDWORD_PTR systemMask) {
  PROCESS_BASIC_INFORMATION information;
  SYSTEM_BASIC_INFORMATION system;
  if (!basic_information(process, &information)) return FALSE;
  if (!ok(NtQuerySystemInformation(0, &system, sizeof system, NULL))) return FALSE;
  *processMask = information.AffinityMask;
  *systemMask = system.ActiveProcessorsAffinityMask;
  return TRUE;
}

BOOL WINAPI SetProcessAffinityMask(HANDLE process, DWORD_PTR mask) {
  return ok(NtSetInformationProcess(process, 21, &mask, sizeof mask));
}

static const struct { DWORD win32; UCHAR native; } priority_classes[] = {
  { IDLE_PRIORITY_CLASS, 1 }, { NORMAL_PRIORITY_CLASS, 2 }, { HIGH_PRIORITY_CLASS, 3 }, { REALTIME_PRIORITY_CLASS, 4 },
  { BELOW_NORMAL_PRIORITY_CLASS, 5 }, { ABOVE_NORMAL_PRIORITY_CLASS, 6 },
};

UCHAR native_priority_class(DWORD class) {
  for (ULONG i = 0; i < ARRAY_LENGTH(priority_classes); i++) {
    if (priority_classes[i].win32 == class) return priority_classes[i].native;
  }
  return 0;
}
DWORD win32_priority_class(ULONG class) {
  for (ULONG i = 0; i < ARRAY_LENGTH(priority_classes); i++) {
    if (priority_classes[i].native == class) return priority_classes[i].win32;
  }
  return 0;
}

DWORD WINAPI GetPriorityClass(HANDLE process) {
  _Alignas(4) struct { BOOLEAN foreground; UCHAR class; } information = { 0, 0 };
  if (!ok(NtQueryInformationProcess(process, 18, &information, sizeof information, NULL))) return 0;
  DWORD class = win32_priority_class(information.class);
  return class != 0 ? class : NORMAL_PRIORITY_CLASS;
}

#define SE_INCREASE_BASE_PRIORITY_LUID 14
typedef struct { ULONG count; LUID_AND_ATTRIBUTES privilege; } ONE_PRIVILEGE;

/* What raises priorities or working sets takes a privilege, which is enabled for as long as that takes; without it, the kernel says so. */
static NTSTATUS set_with_privilege(HANDLE process, ULONG class, PVOID information, ULONG size) {
  ONE_PRIVILEGE enable = { 1, { { SE_INCREASE_BASE_PRIORITY_LUID, 0 }, SE_PRIVILEGE_ENABLED } }, previous = { 0 };
  ULONG used;
  HANDLE token = NULL;
  if (NT_SUCCESS(NtOpenProcessToken(CURRENT_PROCESS, TOKEN_ADJUST_PRIVILEGES | TOKEN_QUERY, &token))) {
    NtAdjustPrivilegesToken(token, FALSE, &enable, sizeof previous, &previous, &used);
  }
  NTSTATUS status = NtSetInformationProcess(process, class, information, size);
  if (previous.count != 0) NtAdjustPrivilegesToken(token, FALSE, &previous, 0, NULL, NULL);
  if (token != NULL) NtClose(token);
  return status;
}

/* The real-time class without its privilege is the high one. */
NTSTATUS set_priority_class(HANDLE process, UCHAR class) {
  _Alignas(4) struct { BOOLEAN foreground; UCHAR class; } information = { FALSE, class };
  NTSTATUS status = set_with_privilege(process, 18, &information, sizeof information);
  if (status != STATUS_PRIVILEGE_NOT_HELD || class != 4) return status;
  information.class = 3;
  return NtSetInformationProcess(process, 18, &information, sizeof information);
}

BOOL WINAPI SetPriorityClass(HANDLE process, DWORD class) {
  UCHAR native = native_priority_class(class);
  return native != 0 ? ok(set_priority_class(process, native)) : refuse(ERROR_INVALID_PARAMETER);
}

BOOL WINAPI SetProcessPriorityBoost(HANDLE process, BOOL disable) {
  ULONG value = disable != FALSE;
  return ok(NtSetInformationProcess(process, 22, &value, sizeof value));
}
BOOL WINAPI GetProcessPriorityBoost(HANDLE process, PBOOL disable) {
  ULONG value = 0;
  if (!ok(NtQueryInformationProcess(process, 22, &value, sizeof value, NULL))) return FALSE;
  *disable = value != 0;
  return TRUE;
}

BOOL WINAPI GetProcessHandleCount(HANDLE process, PDWORD count) {
  ULONG value = 0;
  if (!ok(NtQueryInformationProcess(process, 20, &value, sizeof value, NULL))) return FALSE;
  *count = value;
  return TRUE;
}

BOOL WINAPI GetProcessIoCounters(HANDLE process, PIO_COUNTERS counters) {
  return ok(NtQueryInformationProcess(process, 2, counters, sizeof *counters, NULL));
}

BOOL WINAPI IsWow64Process(HANDLE process, PBOOL wow64) {
  ULONG_PTR value = 0;
  if (!ok(NtQueryInformationProcess(process, 26, &value, sizeof value, NULL))) return FALSE;
  *wow64 = value != 0;
  return TRUE;
}

// --- working set limits
typedef struct {
  SIZE_T paged, nonPaged, minimum, maximum, pagefile; ULONG padding; LARGE_INTEGER time; ULONG workingSet, reserved[3], flags;
  ULONG rate;
} QUOTA_EX;
_Static_assert(sizeof(QUOTA_EX) == 0x38, "QUOTA_LIMITS_EX");

BOOL WINAPI GetProcessWorkingSetSizeEx(HANDLE process, PSIZE_T minimum, PSIZE_T maximum, PDWORD flags) {
  QUOTA_EX quota;
  if (!ok(NtQueryInformationProcess(process, 1, &quota, sizeof quota, NULL))) return FALSE;
  *minimum = quota.minimum;
  *maximum = quota.maximum;
  *flags = quota.flags;
  return TRUE;
}
BOOL WINAPI GetProcessWorkingSetSize(HANDLE process, PSIZE_T minimum, PSIZE_T maximum) {
  DWORD flags;
  return GetProcessWorkingSetSizeEx(process, minimum, maximum, &flags);
}

BOOL WINAPI SetProcessWorkingSetSizeEx(HANDLE process, SIZE_T minimum, SIZE_T maximum, DWORD flags) {
  if (minimum == 0 || maximum == 0) return refuse(ERROR_INVALID_PARAMETER);
  QUOTA_EX quota = { .minimum = minimum, .maximum = maximum, .flags = flags };
  return ok(set_with_privilege(process, 1, &quota, sizeof quota));
}
BOOL WINAPI SetProcessWorkingSetSize(HANDLE process, SIZE_T minimum, SIZE_T maximum) {
  return SetProcessWorkingSetSizeEx(process, minimum, maximum, 0);
}

BOOL WINAPI ReadProcessMemory(HANDLE process, LPCVOID base, LPVOID buffer, SIZE_T size, SIZE_T *done) {
  SIZE_T count = 0;
  NTSTATUS status = NtReadVirtualMemory(process, (PVOID)base, buffer, size, &count);
  if (done != NULL) *done = count;
  return ok(status == STATUS_PARTIAL_COPY ? STATUS_PARTIAL_COPY : status);
}

/* Read-only pages are made writable for the copy. */
BOOL WINAPI WriteProcessMemory(HANDLE process, LPVOID base, LPCVOID buffer, SIZE_T size, SIZE_T *done) {
  PVOID region = base;
  SIZE_T length = size, count = 0;
  ULONG old = 0, ignored;
  NTSTATUS status = NtProtectVirtualMemory(process, &region, &length, PAGE_EXECUTE_READWRITE, &old);
  if (!ok(status)) return FALSE;
  ULONG writable = PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY;
  if (old & (PAGE_NOACCESS | PAGE_GUARD)) {
    NtProtectVirtualMemory(process, &region, &length, old, &ignored);
    return refuse(ERROR_NOACCESS);
  }
  if (old & writable) NtProtectVirtualMemory(process, &region, &length, old, &ignored);
  status = NtWriteVirtualMemory(process, base, buffer, size, &count);
  if (!(old & writable)) NtProtectVirtualMemory(process, &region, &length, old, &ignored);
  if (done != NULL) *done = count;
  if (!ok(status)) return FALSE;
  NtFlushInstructionCache(process, base, size);
  return TRUE;
}

BOOL WINAPI FlushInstructionCache(HANDLE process, LPCVOID base, SIZE_T size) {
  return ok(NtFlushInstructionCache(process, (PVOID)base, size));
}

LPWSTR WINAPI GetCommandLineW(VOID) { return parameters()->CommandLine.Buffer; }

LPSTR WINAPI GetCommandLineA(VOID) {
  static char *text;
  if (text != NULL) return text;
  ANSI_STRING ansi;
  if (!NT_SUCCESS(RtlUnicodeStringToAnsiString(&ansi, &parameters()->CommandLine, TRUE))) return NULL;
  if (!__sync_bool_compare_and_swap(&text, NULL, ansi.Buffer)) RtlFreeAnsiString(&ansi);
  return text;
}

VOID WINAPI GetStartupInfoW(LPSTARTUPINFOW info) {
  PRTL_USER_PROCESS_PARAMETERS own = parameters();
  memset(info, 0, sizeof *info);
  info->cb = sizeof *info;
  info->lpReserved = own->ShellInfo.Buffer;
  info->lpDesktop = own->DesktopInfo.Buffer;
  info->lpTitle = own->WindowTitle.Buffer;
  info->dwX = own->StartingX;
  info->dwY = own->StartingY;
  info->dwXSize = own->CountX;
  info->dwYSize = own->CountY;
  info->dwXCountChars = own->CountCharsX;
  info->dwYCountChars = own->CountCharsY;
  info->dwFillAttribute = own->FillAttribute;
  info->dwFlags = own->WindowFlags;
  info->wShowWindow = (WORD)own->ShowWindowFlags;
  info->cbReserved2 = own->RuntimeData.Length;
  info->lpReserved2 = (LPBYTE)own->RuntimeData.Buffer;
  if (own->WindowFlags & STARTF_USESTDHANDLES) {
    info->hStdInput = own->StandardInput;
    info->hStdOutput = own->StandardOutput;
    info->hStdError = own->StandardError;
  }
}

static char *narrow_copy(PCUNICODE_STRING text) {
  ANSI_STRING ansi;
  if (text->Buffer == NULL || !NT_SUCCESS(RtlUnicodeStringToAnsiString(&ansi, text, TRUE))) return NULL;
  return ansi.Buffer;
}

/* The strings are made once and belong to the process. */
VOID WINAPI GetStartupInfoA(LPSTARTUPINFOA info) {
  static char *desktop, *title, *shell;
  if (title == NULL) {
    desktop = narrow_copy(&parameters()->DesktopInfo);
    shell = narrow_copy(&parameters()->ShellInfo);
    title = narrow_copy(&parameters()->WindowTitle);
  }
  GetStartupInfoW((LPSTARTUPINFOW)info);
  info->lpReserved = shell;
  info->lpDesktop = desktop;
  info->lpTitle = title;
}

DWORD WINAPI GetProcessVersion(DWORD id) {
  if (id != 0 && id != GetCurrentProcessId()) return refuse(ERROR_INVALID_PARAMETER);
  const IMAGE_NT_HEADERS *headers = RtlImageNtHeader(current_peb()->ImageBaseAddress);
  return MAKELONG(headers->OptionalHeader.MinorSubsystemVersion, headers->OptionalHeader.MajorSubsystemVersion);
}
