// Critical sections. LockCount starts at -1 and counts entries less one; the waiters share a synchronisation event that is
// made when two threads first meet, so that statically initialised sections work.
#include "ntdll.h"

void rtlp_start_critical_section(PRTL_CRITICAL_SECTION section) {
  section->DebugInfo = NULL;
  section->LockCount = -1;
  section->RecursionCount = 0;
  section->OwningThread = NULL;
  section->LockSemaphore = NULL;
  section->SpinCount = 0;
}

NTSTATUS NTAPI RtlInitializeCriticalSectionAndSpinCount(PRTL_CRITICAL_SECTION section, ULONG spinCount) {
  (void)spinCount; // One processor: spinning never helps.
  rtlp_start_critical_section(section);
  return STATUS_SUCCESS;
}

NTSTATUS NTAPI RtlInitializeCriticalSection(PRTL_CRITICAL_SECTION section) {
  return RtlInitializeCriticalSectionAndSpinCount(section, 0);
}

ULONG NTAPI RtlSetCriticalSectionSpinCount(PRTL_CRITICAL_SECTION section, ULONG spinCount) {
  (void)section, (void)spinCount;
  return 0;
}

NTSTATUS NTAPI RtlDeleteCriticalSection(PRTL_CRITICAL_SECTION section) {
  NTSTATUS status = STATUS_SUCCESS;
  if (section->LockSemaphore != NULL) status = NtClose(section->LockSemaphore);
  memset(section, 0, sizeof *section);
  return status;
}

static HANDLE wait_event(PRTL_CRITICAL_SECTION section) {
  HANDLE event = *(HANDLE volatile *)&section->LockSemaphore;
  if (event != NULL) return event;
  NTSTATUS status = NtCreateEvent(&event, EVENT_ALL_ACCESS, NULL, SynchronizationEvent, FALSE);
  if (!NT_SUCCESS(status)) RtlRaiseStatus(status);
  HANDLE first = __sync_val_compare_and_swap(&section->LockSemaphore, NULL, event);
  if (first == NULL) return event;
  NtClose(event);
  return first;
}

NTSTATUS NTAPI RtlEnterCriticalSection(PRTL_CRITICAL_SECTION section) {
  HANDLE self = current_teb()->ClientId.UniqueThread;
  if (__sync_add_and_fetch(&section->LockCount, 1) != 0) {
    if (section->OwningThread == self) {
      section->RecursionCount++;
      return STATUS_SUCCESS;
    }
    NTSTATUS status = NtWaitForSingleObject(wait_event(section), FALSE, NULL);
    if (!NT_SUCCESS(status)) RtlRaiseStatus(status);
  }
  section->OwningThread = self;
  section->RecursionCount = 1;
  return STATUS_SUCCESS;
}

BOOL NTAPI RtlTryEnterCriticalSection(PRTL_CRITICAL_SECTION section) {
  HANDLE self = current_teb()->ClientId.UniqueThread;
  if (__sync_bool_compare_and_swap(&section->LockCount, -1, 0)) {
    section->OwningThread = self;
    section->RecursionCount = 1;
    return TRUE;
  }
  if (section->OwningThread != self) return FALSE;
  __sync_add_and_fetch(&section->LockCount, 1);
  section->RecursionCount++;
  return TRUE;
}

NTSTATUS NTAPI RtlLeaveCriticalSection(PRTL_CRITICAL_SECTION section) {
  if (--section->RecursionCount != 0) {
    __sync_sub_and_fetch(&section->LockCount, 1);
    return STATUS_SUCCESS;
  }
  section->OwningThread = NULL;
  if (__sync_sub_and_fetch(&section->LockCount, 1) < 0) return STATUS_SUCCESS;
  return NtSetEvent(wait_event(section), NULL);
}
