// Events, mutexes, semaphores, timers, waits and sleeps.
#include "kernel32.h"

NTSTATUS named_object(NAMED_OBJECT *object, PCWSTR name, LPSECURITY_ATTRIBUTES security, ULONG flags,
                      POBJECT_ATTRIBUTES *attributes) {
  memset(&object->attributes, 0, sizeof object->attributes);
  object->attributes.Length = sizeof object->attributes;
  object->attributes.Attributes = flags;
  *attributes = &object->attributes;
  if (security != NULL) {
    if (security->bInheritHandle) object->attributes.Attributes |= OBJ_INHERIT;
    object->attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  }
  if (name == NULL) {
    object->attributes.Attributes &= ~(ULONG)OBJ_OPENIF;
    return STATUS_SUCCESS;
  }
  static const WCHAR *const prefixes[] = { L"Global\\", L"Local\\" };
  for (ULONG i = 0; i < ARRAY_LENGTH(prefixes); i++) {
    size_t length = wcslen(prefixes[i]), at = 0;
    while (at < length && name[at] == prefixes[i][at]) at++;
    if (at == length) name += length;
  }
  object->name = (UNICODE_STRING){ 0, sizeof object->buffer, object->buffer };
  RtlAppendUnicodeToString(&object->name, L"\\BaseNamedObjects\\");
  NTSTATUS status = RtlAppendUnicodeToString(&object->name, name);
  if (!NT_SUCCESS(status)) return STATUS_NAME_TOO_LONG;
  object->attributes.ObjectName = &object->name;
  return STATUS_SUCCESS;
}

/* A handle, with ERROR_ALREADY_EXISTS as news when the object was there before. */
HANDLE created(NTSTATUS status, HANDLE handle) {
  if (!ok(status)) return NULL;
  set_last_error(status == STATUS_OBJECT_NAME_EXISTS ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
  return handle;
}

HANDLE WINAPI CreateEventW(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL state, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  ULONG type = manual ? NotificationEvent : SynchronizationEvent;
  NTSTATUS status = NtCreateEvent(&handle, EVENT_ALL_ACCESS, attributes, type, state != FALSE);
  return created(status, handle);
}
HANDLE WINAPI CreateMutexW(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  NTSTATUS status = NtCreateMutant(&handle, MUTEX_ALL_ACCESS, attributes, owned != FALSE);
  return created(status, handle);
}
HANDLE WINAPI CreateSemaphoreW(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  NTSTATUS status = NtCreateSemaphore(&handle, SEMAPHORE_ALL_ACCESS, attributes, initial, maximum);
  return created(status, handle);
}
HANDLE WINAPI CreateWaitableTimerW(LPSECURITY_ATTRIBUTES security, BOOL manual, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  NTSTATUS status = NtCreateTimer(&handle, TIMER_ALL_ACCESS, attributes, manual ? NotificationEvent : SynchronizationEvent);
  return created(status, handle);
}

HANDLE open_named(OPENER opener, DWORD access, BOOL inherit, PCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE handle = NULL;
  if (name == NULL) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  if (!ok(named_object(&object, name, NULL, inherit ? OBJ_INHERIT : 0, &attributes))) return NULL;
  return ok(opener(&handle, access, attributes)) ? handle : NULL;
}
HANDLE WINAPI OpenEventW(DWORD access, BOOL inherit, LPCWSTR name) { return open_named(NtOpenEvent, access, inherit, name); }
HANDLE WINAPI OpenMutexW(DWORD access, BOOL inherit, LPCWSTR name) { return open_named(NtOpenMutant, access, inherit, name); }
HANDLE WINAPI OpenSemaphoreW(DWORD access, BOOL inherit, LPCWSTR name) {
  return open_named(NtOpenSemaphore, access, inherit, name);
}
HANDLE WINAPI OpenWaitableTimerW(DWORD access, BOOL inherit, LPCWSTR name) {
  return open_named(NtOpenTimer, access, inherit, name);
}

// --- the same by ANSI name
HANDLE WINAPI CreateEventA(LPSECURITY_ATTRIBUTES security, BOOL manual, BOOL state, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = CreateEventW(security, manual, state, wide);
  release(wide);
  return handle;
}
HANDLE WINAPI CreateMutexA(LPSECURITY_ATTRIBUTES security, BOOL owned, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = CreateMutexW(security, owned, wide);
  release(wide);
  return handle;
}
HANDLE WINAPI CreateSemaphoreA(LPSECURITY_ATTRIBUTES security, LONG initial, LONG maximum, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = CreateSemaphoreW(security, initial, maximum, wide);
  release(wide);
  return handle;
}
HANDLE WINAPI CreateWaitableTimerA(LPSECURITY_ATTRIBUTES security, BOOL manual, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = CreateWaitableTimerW(security, manual, wide);
  release(wide);
  return handle;
}
HANDLE open_named_ansi(OPENER opener, DWORD access, BOOL inherit, const char *name) {
  PWSTR wide = wide_copy(name);
  HANDLE handle = open_named(opener, access, inherit, wide);
  release(wide);
  return handle;
}
HANDLE WINAPI OpenEventA(DWORD access, BOOL inherit, LPCSTR name) { return open_named_ansi(NtOpenEvent, access, inherit, name); }
HANDLE WINAPI OpenMutexA(DWORD access, BOOL inherit, LPCSTR name) { return open_named_ansi(NtOpenMutant, access, inherit, name); }
HANDLE WINAPI OpenSemaphoreA(DWORD access, BOOL inherit, LPCSTR name) {
  return open_named_ansi(NtOpenSemaphore, access, inherit, name);
}
HANDLE WINAPI CreateEventExW(LPSECURITY_ATTRIBUTES security, LPCWSTR name, DWORD flags, DWORD access) {
  (void)access;
  return CreateEventW(security, (flags & CREATE_EVENT_MANUAL_RESET) != 0, (flags & CREATE_EVENT_INITIAL_SET) != 0, name);
}
HANDLE WINAPI CreateWaitableTimerExW(LPSECURITY_ATTRIBUTES security, LPCWSTR name, DWORD flags, DWORD access) {
  (void)access;
  if (flags & ~(DWORD)CREATE_WAITABLE_TIMER_MANUAL_RESET) { // High-resolution timers came with Windows 10.
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  return CreateWaitableTimerW(security, (flags & CREATE_WAITABLE_TIMER_MANUAL_RESET) != 0, name);
}

BOOL WINAPI SetEvent(HANDLE event) { return ok(NtSetEvent(event, NULL)); }
BOOL WINAPI ResetEvent(HANDLE event) { return ok(NtClearEvent(event)); }
BOOL WINAPI PulseEvent(HANDLE event) { return ok(NtPulseEvent(event, NULL)); }
BOOL WINAPI ReleaseMutex(HANDLE mutex) { return ok(NtReleaseMutant(mutex, NULL)); }
BOOL WINAPI ReleaseSemaphore(HANDLE semaphore, LONG count, LPLONG previous) {
  return ok(NtReleaseSemaphore(semaphore, count, previous));
}

static VOID NTAPI timer_apc(PVOID context, PVOID low, PVOID high);
typedef struct { PTIMERAPCROUTINE routine; PVOID argument; } TIMER_CALL;

/* The kernel's timer APC brings one context: routine and argument travel in a block that lives as long as the timer is set. */
BOOL WINAPI SetWaitableTimer(HANDLE timer, const LARGE_INTEGER *due, LONG period, PTIMERAPCROUTINE routine, LPVOID argument,
                             BOOL resume) {
  LARGE_INTEGER when = *due;
  TIMER_CALL *call = NULL;
  if (routine != NULL) {
    call = allocate(sizeof *call);
    if (call == NULL) return FALSE;
    call->routine = routine;
    call->argument = argument;
  }
  NTSTATUS status = NtSetTimer(timer, &when, routine != NULL ? (PVOID)timer_apc : NULL, call, resume != FALSE, period, NULL);
  if (!NT_SUCCESS(status)) release(call);
  return ok(status);
}
static VOID NTAPI timer_apc(PVOID context, PVOID low, PVOID high) {
  TIMER_CALL *call = context;
  call->routine(call->argument, (DWORD)low, (DWORD)high);
}
BOOL WINAPI CancelWaitableTimer(HANDLE timer) { return ok(NtCancelTimer(timer, NULL)); }

// --- waits
PLARGE_INTEGER relative_timeout(DWORD milliseconds, PLARGE_INTEGER storage) {
  if (milliseconds == INFINITE) return NULL;
  storage->QuadPart = -10000ll * milliseconds;
  return storage;
}

static DWORD wait_result(NTSTATUS status) {
  if (NT_SUCCESS(status)) return (DWORD)status;
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return WAIT_FAILED;
}

DWORD WINAPI WaitForSingleObjectEx(HANDLE object, DWORD milliseconds, BOOL alertable) {
  LARGE_INTEGER storage;
  PLARGE_INTEGER timeout = relative_timeout(milliseconds, &storage);
  NTSTATUS status;
  object = standard_handle(object);
  do status = NtWaitForSingleObject(object, alertable != FALSE, timeout);
  while (status == STATUS_ALERTED && alertable);
  return wait_result(status);
}
DWORD WINAPI WaitForSingleObject(HANDLE object, DWORD milliseconds) { return WaitForSingleObjectEx(object, milliseconds, FALSE); }

DWORD WINAPI WaitForMultipleObjectsEx(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds, BOOL alertable) {
  LARGE_INTEGER storage;
  PLARGE_INTEGER timeout = relative_timeout(milliseconds, &storage);
  HANDLE handles[MAXIMUM_WAIT_OBJECTS];
  NTSTATUS status;
  if (count == 0 || count > MAXIMUM_WAIT_OBJECTS) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return WAIT_FAILED;
  }
  for (DWORD i = 0; i < count; i++) handles[i] = standard_handle(objects[i]);
  do status = NtWaitForMultipleObjects(count, handles, all ? 0 : 1, alertable != FALSE, timeout);
  while (status == STATUS_ALERTED && alertable);
  return wait_result(status);
}
DWORD WINAPI WaitForMultipleObjects(DWORD count, const HANDLE *objects, BOOL all, DWORD milliseconds) {
  return WaitForMultipleObjectsEx(count, objects, all, milliseconds, FALSE);
}
DWORD WINAPI SignalObjectAndWait(HANDLE signal, HANDLE object, DWORD milliseconds, BOOL alertable) {
  LARGE_INTEGER storage;
  PLARGE_INTEGER timeout = relative_timeout(milliseconds, &storage);
  return wait_result(NtSignalAndWaitForSingleObject(signal, object, alertable != FALSE, timeout));
}

DWORD WINAPI SleepEx(DWORD milliseconds, BOOL alertable) {
  LARGE_INTEGER interval;
  NTSTATUS status;
  interval.QuadPart = milliseconds == INFINITE ? (LONGLONG)0x8000000000000000ull : -10000ll * milliseconds;
  do status = NtDelayExecution(alertable != FALSE, &interval);
  while (status == STATUS_ALERTED && alertable);
  return status == STATUS_USER_APC ? WAIT_IO_COMPLETION : 0;
}
VOID WINAPI Sleep(DWORD milliseconds) { SleepEx(milliseconds, FALSE); }

// --- critical sections (the operations are forwarded to ntdll)
VOID WINAPI InitializeCriticalSection(LPCRITICAL_SECTION section) { RtlInitializeCriticalSection(section); }
BOOL WINAPI InitializeCriticalSectionAndSpinCount(LPCRITICAL_SECTION section, DWORD spin) {
  return ok(RtlInitializeCriticalSectionAndSpinCount(section, spin & 0x00FFFFFF));
}
BOOL WINAPI InitializeCriticalSectionEx(LPCRITICAL_SECTION section, DWORD spin, DWORD flags) {
  (void)flags;
  return ok(RtlInitializeCriticalSectionAndSpinCount(section, spin & 0x00FFFFFF));
}

// --- memory conditions

enum { EVENT_QUERY_STATE = 1 };

HANDLE WINAPI CreateMemoryResourceNotification(MEMORY_RESOURCE_NOTIFICATION_TYPE type) {
  static const WCHAR *const names[] = { L"\\KernelObjects\\LowMemoryCondition", L"\\KernelObjects\\HighMemoryCondition" };
  if ((ULONG)type >= ARRAY_LENGTH(names)) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  UNICODE_STRING name;
  RtlInitUnicodeString(&name, names[type]);
  OBJECT_ATTRIBUTES attributes = { .Length = sizeof attributes, .ObjectName = &name };
  HANDLE handle = NULL;
  return ok(NtOpenEvent(&handle, EVENT_QUERY_STATE | SYNCHRONIZE, &attributes)) ? handle : NULL;
}

BOOL WINAPI QueryMemoryResourceNotification(HANDLE handle, PBOOL state) {
  struct { ULONG type; LONG state; } event;
  if (!ok(NtQueryEvent(handle, 0, &event, sizeof event, NULL))) return FALSE;
  if (event.type != NotificationEvent) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return FALSE;
  }
  *state = event.state != 0;
  return TRUE;
}
