// Jobs: processes that are limited, counted and ended together.
#include "kernel32.h"

HANDLE WINAPI CreateJobObjectW(LPSECURITY_ATTRIBUTES security, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  NTSTATUS status = NtCreateJobObject(&handle, JOB_OBJECT_ALL_ACCESS & 0x1F001F, attributes);
  return created(status, handle);
}
HANDLE WINAPI CreateJobObjectA(LPSECURITY_ATTRIBUTES security, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = CreateJobObjectW(security, wide);
  release(wide);
  return handle;
}
HANDLE WINAPI OpenJobObjectW(DWORD access, BOOL inherit, LPCWSTR name) { return open_named(NtOpenJobObject, access, inherit, name); }
HANDLE WINAPI OpenJobObjectA(DWORD access, BOOL inherit, LPCSTR name) {
  return open_named_ansi(NtOpenJobObject, access, inherit, name);
}

BOOL WINAPI AssignProcessToJobObject(HANDLE job, HANDLE process) { return ok(NtAssignProcessToJobObject(job, process)); }
BOOL WINAPI TerminateJobObject(HANDLE job, UINT code) { return ok(NtTerminateJobObject(job, (NTSTATUS)code)); }
BOOL WINAPI IsProcessInJob(HANDLE process, HANDLE job, PBOOL result) {
  NTSTATUS status = NtIsProcessInJob(process, job);
  *result = status == STATUS_PROCESS_IN_JOB;
  return ok(status);
}

// --- information: the kernel has priority classes of its own
static BOOL has_limits(JOBOBJECTINFOCLASS class, DWORD length) {
  return (class == JobObjectBasicLimitInformation && length >= sizeof(JOBOBJECT_BASIC_LIMIT_INFORMATION)) ||
         (class == JobObjectExtendedLimitInformation && length >= sizeof(JOBOBJECT_EXTENDED_LIMIT_INFORMATION));
}

BOOL WINAPI SetInformationJobObject(HANDLE job, JOBOBJECTINFOCLASS class, LPVOID information, DWORD length) {
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits;
  if (has_limits(class, length) && length <= sizeof limits) {
    memcpy(&limits, information, length);
    JOBOBJECT_BASIC_LIMIT_INFORMATION *basic = &limits.BasicLimitInformation;
    if (basic->LimitFlags & JOB_OBJECT_LIMIT_PRIORITY_CLASS) basic->PriorityClass = native_priority_class(basic->PriorityClass);
    information = &limits;
  }
  return ok(NtSetInformationJobObject(job, class, information, length));
}

BOOL WINAPI QueryInformationJobObject(HANDLE job, JOBOBJECTINFOCLASS class, LPVOID information, DWORD length, LPDWORD returned) {
  if (!ok(NtQueryInformationJobObject(job, class, information, length, returned))) return FALSE;
  JOBOBJECT_BASIC_LIMIT_INFORMATION *basic = information;
  if (has_limits(class, length)) basic->PriorityClass = win32_priority_class(basic->PriorityClass);
  return TRUE;
}
