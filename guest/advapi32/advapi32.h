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

// Sub-authorities of the machine's own accounts, in front of the relative identifier.
#define MACHINE_DOMAIN 21, 86, 1986, 2005

DWORD sid_length(PSID sid);
DWORD sid_by_name(const char *name, SID *sid);
