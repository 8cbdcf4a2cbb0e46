// Counters, working sets and their changes, of processes and of the machine.
#include "missing.h"
#include "process-status.h"

enum { QUOTA_LIMITS_CLASS = 1, VM_COUNTERS_CLASS = 3, WORKING_SET_WATCH_CLASS = 15 };
enum { WORKING_SET_LIST_CLASS = 1, WORKING_SET_EX_CLASS = 4 };
enum { PERFORMANCE_CLASS = 2, PROCESS_CLASS = 5, PAGE_FILE_CLASS = 18 };

typedef struct {
  SIZE_T peakVirtual, virtual; ULONG faults; SIZE_T peakWorkingSet, workingSet, peakPaged, paged, peakNonPaged, nonPaged,
      pagefile, peakPagefile, private;
} VM_INFORMATION;

BOOL WINAPI GetProcessMemoryInfo(HANDLE process, PPROCESS_MEMORY_COUNTERS counters, DWORD size) {
  VM_INFORMATION vm;
  if (size < sizeof *counters) return refuse(ERROR_INSUFFICIENT_BUFFER);
  if (!ok(NtQueryInformationProcess(process, VM_COUNTERS_CLASS, &vm, sizeof vm, NULL))) return FALSE;
  counters->cb = sizeof *counters;
  counters->PageFaultCount = vm.faults;
  counters->PeakWorkingSetSize = vm.peakWorkingSet;
  counters->WorkingSetSize = vm.workingSet;
  counters->QuotaPeakPagedPoolUsage = vm.peakPaged;
  counters->QuotaPagedPoolUsage = vm.paged;
  counters->QuotaPeakNonPagedPoolUsage = vm.peakNonPaged;
  counters->QuotaNonPagedPoolUsage = vm.nonPaged;
  counters->PagefileUsage = vm.pagefile;
  counters->PeakPagefileUsage = vm.peakPagefile;
  PPROCESS_MEMORY_COUNTERS_EX extended = (PPROCESS_MEMORY_COUNTERS_EX)counters;
  if (size < sizeof *extended) return TRUE;
  extended->cb = sizeof *extended;
  extended->PrivateUsage = vm.private;
  return TRUE;
}

BOOL WINAPI QueryWorkingSet(HANDLE process, PVOID buffer, DWORD size) {
  return ok(NtQueryVirtualMemory(process, NULL, WORKING_SET_LIST_CLASS, buffer, size, NULL));
}
BOOL WINAPI QueryWorkingSetEx(HANDLE process, PVOID buffer, DWORD size) {
  return ok(NtQueryVirtualMemory(process, NULL, WORKING_SET_EX_CLASS, buffer, size, NULL));
}

BOOL WINAPI EmptyWorkingSet(HANDLE process) {
  struct { SIZE_T paged, nonPaged, minimum, maximum, pagefile; LARGE_INTEGER time; } quota;
  if (!ok(NtQueryInformationProcess(process, QUOTA_LIMITS_CLASS, &quota, sizeof quota, NULL))) return FALSE;
  quota.minimum = quota.maximum = (SIZE_T)-1;
  return ok(NtSetInformationProcess(process, QUOTA_LIMITS_CLASS, &quota, sizeof quota));
}

BOOL WINAPI InitializeProcessForWsWatch(HANDLE process) {
  return ok(NtSetInformationProcess(process, WORKING_SET_WATCH_CLASS, NULL, 0));
}
BOOL WINAPI GetWsChanges(HANDLE process, PPSAPI_WS_WATCH_INFORMATION changes, DWORD size) {
  return ok(NtQueryInformationProcess(process, WORKING_SET_WATCH_CLASS, changes, size, NULL));
}
// The kernel of this version does not note threads.
MISSING(GetWsChangesEx, 12);

// --- the machine
typedef struct { ULONG next, threads; UCHAR rest[0x44]; ULONG handles; } PROCESS_ENTRY;
LAYOUT(PROCESS_ENTRY, handles, 0x4C);

BOOL WINAPI GetPerformanceInfo(PPERFORMACE_INFORMATION information, DWORD size) {
  SYSTEM_BASIC_INFORMATION basic;
  SYSTEM_PERFORMANCE_INFORMATION performance;
  if (size < sizeof *information) return refuse(ERROR_BAD_LENGTH);
  if (!ok(NtQuerySystemInformation(0, &basic, sizeof basic, NULL))) return FALSE;
  if (!ok(NtQuerySystemInformation(PERFORMANCE_CLASS, &performance, sizeof performance, NULL))) return FALSE;
  PROCESS_ENTRY *entries = system_information(PROCESS_CLASS);
  if (entries == NULL) return FALSE;
  const ULONG *fields = performance.Fields;
  memset(information, 0, sizeof *information);
  information->cb = sizeof *information;
  information->CommitTotal = fields[PERFORMANCE_COMMITTED_PAGES];
  information->CommitLimit = fields[PERFORMANCE_COMMIT_LIMIT];
  information->CommitPeak = fields[0x38 / 4];
  information->PhysicalTotal = basic.NumberOfPhysicalPages;
  information->PhysicalAvailable = fields[PERFORMANCE_AVAILABLE_PAGES];
  information->SystemCache = fields[0xA4 / 4];
  information->KernelPaged = fields[0x70 / 4];
  information->KernelNonpaged = fields[0x74 / 4];
  information->KernelTotal = information->KernelPaged + information->KernelNonpaged;
  information->PageSize = basic.PageSize;
  for (PROCESS_ENTRY *entry = entries;; entry = (PROCESS_ENTRY *)((UCHAR *)entry + entry->next)) {
    information->ProcessCount++;
    information->ThreadCount += entry->threads;
    information->HandleCount += entry->handles;
    if (entry->next == 0) break;
  }
  release(entries);
  return TRUE;
}

typedef struct { ULONG next, total, inUse, peak; UNICODE_STRING name; } PAGE_FILE_ENTRY;

/* The type of the callback was published without its calling convention: the stack is put right for either. */
static BOOL call_back(PVOID routine, PVOID context, PVOID information, LPCVOID name) {
  BOOL result;
  __asm__ volatile("movl %%esp, %%esi\n\tpushl %%edx\n\tpushl %%ecx\n\tpushl %%ebx\n\tcall *%%edi\n\tmovl %%esi, %%esp"
                   : "=a"(result), "+c"(information), "+d"(name)
                   : "D"(routine), "b"(context)
                   : "esi", "memory", "cc");
  return result;
}

static BOOL enumerate_page_files(PVOID routine, PVOID context, BOOLEAN isWide) {
  PAGE_FILE_ENTRY *entries = system_information(PAGE_FILE_CLASS);
  if (entries == NULL) return current_teb()->LastErrorValue == ERROR_SUCCESS;
  for (PAGE_FILE_ENTRY *entry = entries;; entry = (PAGE_FILE_ENTRY *)((UCHAR *)entry + entry->next)) {
    ENUM_PAGE_FILE_INFORMATION information = { sizeof information, 0, entry->total, entry->inUse, entry->peak };
    WCHAR name[MAX_PATH];
    char narrow[MAX_PATH * 2];
    DWORD length = give_wide(entry->name.Buffer, entry->name.Length / 2, name, ARRAY_LENGTH(name));
    // The name without the prefix of NT.
    PCWSTR dos = length > 4 && name[0] == L'\\' && name[1] == L'?' ? name + 4 : name;
    give_narrow(dos, length - (DWORD)(dos - name), narrow, sizeof narrow);
    if (!call_back(routine, context, &information, isWide ? (LPCVOID)dos : (LPCVOID)narrow) || entry->next == 0) break;
  }
  release(entries);
  return TRUE;
}
BOOL WINAPI EnumPageFilesW(PENUM_PAGE_FILE_CALLBACKW routine, LPVOID context) {
  return enumerate_page_files(routine, context, TRUE);
}
BOOL WINAPI EnumPageFilesA(PENUM_PAGE_FILE_CALLBACKA routine, LPVOID context) {
  return enumerate_page_files(routine, context, FALSE);
}
