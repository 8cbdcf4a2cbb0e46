// Exports that are there, so that programs start, but cannot do their work: each says its name once on the debug output, sets
// ERROR_CALL_NOT_IMPLEMENTED and returns what its kind of function returns on failure.
#pragma once
#include "nt.h"

typedef struct { BOOLEAN said; char name[]; } MISSING_EXPORT;

__attribute__((used)) static void NTAPI report_missing(MISSING_EXPORT *export) {
  if (!export->said) DbgPrint("%s is not implemented\n", export->name);
  export->said = TRUE;
  current_teb()->LastErrorValue = ERROR_CALL_NOT_IMPLEMENTED;
}

// Only the bytes of arguments matter (they are the callee's to remove), so the function is made by hand.
#define MISSING_AS(name, bytes, value) \
  __asm__(".data\n9: .byte 0\n.asciz \"" #name "\"\n.text\n.globl _" #name "@" #bytes "\n_" #name "@" #bytes ":\n" \
          "pushl $9b\ncall _report_missing@4\nmovl $" #value ", %eax\nret $" #bytes "\n")
#define MISSING(name, bytes) MISSING_AS(name, bytes, 0)
#define MISSING_HANDLE(name, bytes) MISSING_AS(name, bytes, -1)
