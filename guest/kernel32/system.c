// What the machine is: processor, memory, version, names.
#include "kernel32.h"

VOID WINAPI GetSystemInfo(LPSYSTEM_INFO information) {
  SYSTEM_BASIC_INFORMATION basic;
  SYSTEM_PROCESSOR_INFORMATION processor;
  memset(information, 0, sizeof *information);
  memset(&processor, 0, sizeof processor);
  if (!NT_SUCCESS(NtQuerySystemInformation(0, &basic, sizeof basic, NULL))) return;
  NtQuerySystemInformation(1, &processor, sizeof processor, NULL);
  information->wProcessorArchitecture = PROCESSOR_ARCHITECTURE_INTEL;
  information->dwPageSize = basic.PageSize;
  information->lpMinimumApplicationAddress = (LPVOID)basic.MinimumUserModeAddress;
  information->lpMaximumApplicationAddress = (LPVOID)basic.MaximumUserModeAddress;
  information->dwActiveProcessorMask = basic.ActiveProcessorsAffinityMask;
  information->dwNumberOfProcessors = (DWORD)basic.NumberOfProcessors;
  information->dwProcessorType = PROCESSOR_INTEL_PENTIUM;
  information->dwAllocationGranularity = basic.AllocationGranularity;
  information->wProcessorLevel = processor.ProcessorLevel;
  information->wProcessorRevision = processor.ProcessorRevision;
}
VOID WINAPI GetNativeSystemInfo(LPSYSTEM_INFO information) { GetSystemInfo(information); }

BOOL WINAPI IsProcessorFeaturePresent(DWORD feature) { return feature < 64 && SHARED_USER_DATA->ProcessorFeatures[feature]; }

// Programs that are not marked so have 2 GB of addresses whatever the system was booted with, and see no larger numbers.
static BOOL knows_large_addresses(void) {
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(current_peb()->ImageBaseAddress);
  return headers != NULL && (headers->FileHeader.Characteristics & IMAGE_FILE_LARGE_ADDRESS_AWARE) != 0;
}

BOOL WINAPI GlobalMemoryStatusEx(LPMEMORYSTATUSEX status) {
  SYSTEM_BASIC_INFORMATION basic;
  SYSTEM_PERFORMANCE_INFORMATION performance;
  if (status->dwLength != sizeof *status) return refuse(ERROR_INVALID_PARAMETER);
  if (!ok(NtQuerySystemInformation(0, &basic, sizeof basic, NULL))) return FALSE;
  if (!ok(NtQuerySystemInformation(2, &performance, sizeof performance, NULL))) return FALSE;
  const ULONG *fields = performance.Fields;
  ULONGLONG page = basic.PageSize;
  status->ullTotalPhys = basic.NumberOfPhysicalPages * page;
  status->ullAvailPhys = fields[PERFORMANCE_AVAILABLE_PAGES] * page;
  status->ullTotalPageFile = fields[PERFORMANCE_COMMIT_LIMIT] * page;
  status->ullAvailPageFile = (fields[PERFORMANCE_COMMIT_LIMIT] - fields[PERFORMANCE_COMMITTED_PAGES]) * page;
  ULONG_PTR highest = basic.MaximumUserModeAddress;
  if (highest > 0x7FFEFFFF && !knows_large_addresses()) highest = 0x7FFEFFFF;
  status->ullTotalVirtual = highest - basic.MinimumUserModeAddress + 1;
  status->ullAvailVirtual = status->ullTotalVirtual;
  status->ullAvailExtendedVirtual = 0;
  struct { ULONG peakVirtual, virtual, fields[9]; } counters;
  if (NT_SUCCESS(NtQueryInformationProcess(CURRENT_PROCESS, 3, &counters, sizeof counters, NULL))) {
    status->ullAvailVirtual -= counters.virtual;
  }
  ULONGLONG used = status->ullTotalPhys - status->ullAvailPhys;
  status->dwMemoryLoad = status->ullTotalPhys == 0 ? 0 : (DWORD)(used * 100 / status->ullTotalPhys);
  return TRUE;
}

static SIZE_T saturated(ULONGLONG value, SIZE_T most) { return value > most ? most : (SIZE_T)value; }

VOID WINAPI GlobalMemoryStatus(LPMEMORYSTATUS status) {
  MEMORYSTATUSEX extended = { .dwLength = sizeof extended };
  memset(status, 0, sizeof *status);
  status->dwLength = sizeof *status;
  if (!GlobalMemoryStatusEx(&extended)) return;
  SIZE_T most = knows_large_addresses() ? 0xFFFFFFFF : 0x7FFFFFFF;
  status->dwMemoryLoad = extended.dwMemoryLoad;
  status->dwTotalPhys = saturated(extended.ullTotalPhys, most);
  status->dwAvailPhys = saturated(extended.ullAvailPhys, most);
  status->dwTotalPageFile = saturated(extended.ullTotalPageFile, most);
  status->dwAvailPageFile = saturated(extended.ullAvailPageFile, most);
  status->dwTotalVirtual = saturated(extended.ullTotalVirtual, most);
  status->dwAvailVirtual = saturated(extended.ullAvailVirtual, most);
}

// --- version
DWORD WINAPI GetVersion(VOID) {
  PPEB peb = current_peb();
  return (peb->OSMajorVersion & 0xFF) | (peb->OSMinorVersion & 0xFF) << 8 | (ULONG)(peb->OSBuildNumber & 0x3FFF) << 16;
}

BOOL WINAPI GetVersionExW(LPOSVERSIONINFOW information) {
  if (information->dwOSVersionInfoSize != sizeof(OSVERSIONINFOW) && information->dwOSVersionInfoSize != sizeof(OSVERSIONINFOEXW)) {
    return refuse(ERROR_INSUFFICIENT_BUFFER);
  }
  return ok(RtlGetVersion(information));
}
BOOL WINAPI GetVersionExA(LPOSVERSIONINFOA information) {
  OSVERSIONINFOEXW wide = { .dwOSVersionInfoSize = sizeof wide };
  BOOLEAN extended = information->dwOSVersionInfoSize == sizeof(OSVERSIONINFOEXA);
  if (!extended && information->dwOSVersionInfoSize != sizeof(OSVERSIONINFOA)) return refuse(ERROR_INSUFFICIENT_BUFFER);
  if (!ok(RtlGetVersion((LPOSVERSIONINFOW)&wide))) return FALSE;
  information->dwMajorVersion = wide.dwMajorVersion;
  information->dwMinorVersion = wide.dwMinorVersion;
  information->dwBuildNumber = wide.dwBuildNumber;
  information->dwPlatformId = wide.dwPlatformId;
  narrow_result(wide.szCSDVersion, (DWORD)wcslen(wide.szCSDVersion), information->szCSDVersion, sizeof information->szCSDVersion);
  if (extended) memcpy(&((LPOSVERSIONINFOEXA)information)->wServicePackMajor, &wide.wServicePackMajor, 8);
  return TRUE;
}

ULONGLONG WINAPI VerSetConditionMask(ULONGLONG mask, ULONG type, UCHAR condition) {
  for (ULONG bit = 0; bit < 8; bit++) {
    if (type & (1u << bit)) mask |= (ULONGLONG)(condition & 7) << (bit * 3);
  }
  return mask | 0x8000000000000000ull;
}

static BOOLEAN meets(ULONG own, ULONG wanted, ULONG condition) {
  switch (condition) {
  case VER_EQUAL: return own == wanted;
  case VER_GREATER: return own > wanted;
  case VER_GREATER_EQUAL: return own >= wanted;
  case VER_LESS: return own < wanted;
  case VER_LESS_EQUAL: return own <= wanted;
  case VER_AND: return (own & wanted) == wanted;
  case VER_OR: return (own & wanted) != 0;
  }
  return FALSE;
}

/* Major, minor and service pack are compared as one number as far as they are asked for; the rest one by one. */
BOOL WINAPI VerifyVersionInfoW(LPOSVERSIONINFOEXW wanted, DWORD types, DWORDLONG mask) {
  OSVERSIONINFOEXW own = { .dwOSVersionInfoSize = sizeof own };
  if (types == 0 || mask == 0) return refuse(ERROR_BAD_ARGUMENTS);
  RtlGetVersion((LPOSVERSIONINFOW)&own);
  struct { DWORD type; ULONG own, wanted; BOOLEAN ordered; } rows[] = {
    { VER_MAJORVERSION, own.dwMajorVersion, wanted->dwMajorVersion, TRUE },
    { VER_MINORVERSION, own.dwMinorVersion, wanted->dwMinorVersion, TRUE },
    { VER_SERVICEPACKMAJOR, own.wServicePackMajor, wanted->wServicePackMajor, TRUE },
    { VER_SERVICEPACKMINOR, own.wServicePackMinor, wanted->wServicePackMinor, TRUE },
    { VER_BUILDNUMBER, own.dwBuildNumber, wanted->dwBuildNumber, FALSE },
    { VER_PLATFORMID, own.dwPlatformId, wanted->dwPlatformId, FALSE },
    { VER_SUITENAME, own.wSuiteMask, wanted->wSuiteMask, FALSE },
    { VER_PRODUCT_TYPE, own.wProductType, wanted->wProductType, FALSE },
  };
  BOOLEAN decided = FALSE;
  for (ULONG i = 0; i < ARRAY_LENGTH(rows); i++) {
    if (!(types & rows[i].type)) continue;
    ULONG condition = (ULONG)(mask >> (__builtin_ctz(rows[i].type) * 3)) & 7;
    if (rows[i].ordered && decided) continue;
    if (rows[i].ordered && condition != VER_EQUAL && rows[i].own != rows[i].wanted) decided = TRUE;
    BOOLEAN last = !rows[i].ordered || decided;
    ULONG soft = !last && condition == VER_GREATER ? VER_GREATER_EQUAL : !last && condition == VER_LESS ? VER_LESS_EQUAL : condition;
    BOOLEAN laterRow = FALSE;
    for (ULONG j = i + 1; j < 4; j++) laterRow |= (types & rows[j].type) != 0;
    if (!meets(rows[i].own, rows[i].wanted, laterRow ? soft : condition)) return refuse(ERROR_OLD_WIN_VERSION);
  }
  return TRUE;
}
BOOL WINAPI VerifyVersionInfoA(LPOSVERSIONINFOEXA wanted, DWORD types, DWORDLONG mask) {
  OSVERSIONINFOEXW wide;
  memset(&wide, 0, sizeof wide);
  memcpy(&wide, wanted, offsetof(OSVERSIONINFOEXA, szCSDVersion));
  memcpy(&wide.wServicePackMajor, &wanted->wServicePackMajor, 8);
  return VerifyVersionInfoW(&wide, types, mask);
}

// --- names
static const WCHAR computer_name[] = L"NT86";

BOOL WINAPI GetComputerNameW(LPWSTR buffer, LPDWORD size) {
  DWORD length = ARRAY_LENGTH(computer_name) - 1;
  if (*size <= length) {
    *size = length + 1;
    return refuse(ERROR_BUFFER_OVERFLOW);
  }
  copy_wide(buffer, computer_name);
  *size = length;
  return TRUE;
}
BOOL WINAPI GetComputerNameA(LPSTR buffer, LPDWORD size) {
  DWORD length = ARRAY_LENGTH(computer_name) - 1;
  if (*size <= length) {
    *size = length + 1;
    return refuse(ERROR_BUFFER_OVERFLOW);
  }
  for (DWORD i = 0; i <= length; i++) buffer[i] = (char)computer_name[i];
  *size = length;
  return TRUE;
}
BOOL WINAPI GetComputerNameExW(COMPUTER_NAME_FORMAT format, LPWSTR buffer, LPDWORD size) {
  BOOLEAN domain = format == ComputerNameDnsDomain || format == ComputerNamePhysicalDnsDomain;
  if (format >= ComputerNameMax) return refuse(ERROR_INVALID_PARAMETER);
  DWORD length = domain ? 0 : ARRAY_LENGTH(computer_name) - 1;
  if (*size <= length) {
    *size = length + 1;
    return refuse(ERROR_MORE_DATA);
  }
  copy_wide(buffer, domain ? L"" : computer_name);
  *size = length;
  return TRUE;
}

BOOL WINAPI Beep(DWORD frequency, DWORD milliseconds) {
  (void)frequency;
  Sleep(milliseconds); // There is no speaker; the time passes.
  return TRUE;
}
