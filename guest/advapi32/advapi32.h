// What the files of advapi32 share.
#pragma once
#include "nt.h"
#include <aclapi.h>
#include <sddl.h>
#include <stddef.h>

static inline BOOL ok(NTSTATUS status) {
  if (NT_SUCCESS(status)) return TRUE;
  RtlSetLastWin32ErrorAndNtStatusFromNtStatus(status);
  return FALSE;
}
static inline BOOL refuse(DWORD error) {
  current_teb()->LastErrorValue = error;
  return FALSE;
}

DWORD sid_length(PSID sid);
