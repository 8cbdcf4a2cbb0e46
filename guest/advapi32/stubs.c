// What programs import and this machine cannot do yet: fails with ERROR_CALL_NOT_IMPLEMENTED.
#include "missing.h"

MISSING_AS(CryptCreateHash, 20, 0);
MISSING_AS(CryptDestroyHash, 4, 0);
MISSING_AS(CryptGetHashParam, 20, 0);
MISSING_AS(CryptHashData, 16, 0);
MISSING_AS(GetNamedSecurityInfoW, 32, 120);
MISSING_AS(SaferCreateLevel, 20, 0);
MISSING_AS(SaferComputeTokenFromLevel, 20, 0);
MISSING_AS(RegCreateKeyExA, 36, 120);
MISSING_AS(RegCreateKeyExW, 36, 120);
MISSING_AS(RegSetValueExA, 24, 120);
MISSING_AS(RegSetValueExW, 24, 120);
MISSING_AS(RegDeleteKeyA, 8, 120);
MISSING_AS(RegDeleteKeyW, 8, 120);
MISSING_AS(RegDeleteValueA, 8, 120);
MISSING_AS(RegDeleteValueW, 8, 120);
MISSING_AS(OpenSCManagerA, 12, 0);
MISSING_AS(OpenSCManagerW, 12, 0);
MISSING_AS(StartServiceCtrlDispatcherA, 4, 0);
MISSING_AS(StartServiceCtrlDispatcherW, 4, 0);
