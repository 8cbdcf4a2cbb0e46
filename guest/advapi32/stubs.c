// What programs import and this machine cannot do yet: fails with ERROR_CALL_NOT_IMPLEMENTED.
#include "advapi32.h"

// `value`: what a failure is spelled as, 0 for BOOL, 120 for functions that return the error itself.
#define MISSING(name, bytes, value) \
  __asm__(".text\n.globl _" #name "@" #bytes "\n_" #name "@" #bytes ":\n" \
          "movl %fs:0x18, %eax\nmovl $120, 0x34(%eax)\nmovl $" #value ", %eax\nret $" #bytes "\n")

MISSING(AccessCheck, 32, 0);
MISSING(CryptCreateHash, 20, 0);
MISSING(CryptDestroyHash, 4, 0);
MISSING(CryptGetHashParam, 20, 0);
MISSING(CryptHashData, 16, 0);
MISSING(GetFileSecurityA, 20, 0);
MISSING(GetFileSecurityW, 20, 0);
MISSING(SetFileSecurityA, 12, 0);
MISSING(SetFileSecurityW, 12, 0);
MISSING(GetNamedSecurityInfoW, 32, 120);
MISSING(GetSecurityInfo, 32, 120);
MISSING(LookupAccountSidA, 28, 0);
MISSING(LookupAccountSidW, 28, 0);
MISSING(SaferCreateLevel, 20, 0);
MISSING(SaferComputeTokenFromLevel, 20, 0);
MISSING(RegCreateKeyExA, 36, 120);
MISSING(RegCreateKeyExW, 36, 120);
MISSING(RegSetValueExA, 24, 120);
MISSING(RegSetValueExW, 24, 120);
MISSING(RegDeleteKeyA, 8, 120);
MISSING(RegDeleteKeyW, 8, 120);
MISSING(RegDeleteValueA, 8, 120);
MISSING(RegDeleteValueW, 8, 120);
MISSING(OpenSCManagerA, 12, 0);
MISSING(OpenSCManagerW, 12, 0);
MISSING(CreateProcessAsUserW, 44, 0);
MISSING(StartServiceCtrlDispatcherA, 4, 0);
MISSING(StartServiceCtrlDispatcherW, 4, 0);
