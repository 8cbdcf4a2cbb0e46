// What the files of psapi share.
#pragma once
#include "nt.h"
#include <psapi.h>

static inline BOOL ok(NTSTATUS status) {
  if (NT_SUCCESS(status)) return TRUE;
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return FALSE;
}
static inline BOOL refuse(DWORD error) {
  current_teb()->LastErrorValue = error;
  return FALSE;
}
static inline PVOID allocate(SIZE_T size) {
  PVOID block = RtlAllocateHeap(current_peb()->ProcessHeap, 0, size);
  if (block == NULL) refuse(ERROR_NOT_ENOUGH_MEMORY);
  return block;
}
static inline void release(PVOID block) { RtlFreeHeap(current_peb()->ProcessHeap, 0, block); }

/* An NtQuerySystemInformation class of any length, on the heap; NULL with the last error set. */
PVOID system_information(ULONG informationClass);

/* Copies a text of so many characters into the caller's buffer, cut to it; the number of characters. */
DWORD give_wide(PCWSTR text, DWORD length, PWSTR buffer, DWORD size);
/* The same in ANSI. */
DWORD give_narrow(PCWSTR text, DWORD length, PSTR buffer, DWORD size);
