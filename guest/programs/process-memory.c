/* psapi: what a program can find out about its own memory and the machine's. */
#define PSAPI_VERSION 1
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include <psapi.h>

#define PAGES 100
#define PAGE 4096

static const char *yes(int condition) { return condition ? "yes" : "no"; }

/* How a call went that should fail. */
static void tell(const char *what, BOOL done) {
  DWORD error = GetLastError();
  printf("%s: %d, error %lu\n", what, done, error);
}

static PROCESS_MEMORY_COUNTERS_EX counters(void) {
  PROCESS_MEMORY_COUNTERS_EX result;
  GetProcessMemoryInfo(GetCurrentProcess(), (PPROCESS_MEMORY_COUNTERS)&result, sizeof result);
  return result;
}

/* Pages of the region that the working set list names. */
static unsigned listed(const char *region) {
  static ULONG_PTR list[1 + 4096];
  if (!QueryWorkingSet(GetCurrentProcess(), list, sizeof list)) return 9999;
  unsigned count = 0;
  for (ULONG_PTR index = 1; index <= list[0]; index++) {
    ULONG_PTR address = list[index] & ~(ULONG_PTR)0xFFF;
    if (address >= (ULONG_PTR)region && address < (ULONG_PTR)region + PAGES * PAGE) count++;
  }
  return count;
}

static void working_set(char *region) {
  HANDLE self = GetCurrentProcess();
  PROCESS_MEMORY_COUNTERS_EX before = counters();
  for (int page = 0; page < PAGES; page++) region[page * PAGE] = (char)page;
  PROCESS_MEMORY_COUNTERS_EX after = counters();
  printf("touching %d pages: working set grew by at least that: %s, faults too: %s, private use stayed: %s\n", PAGES,
         yes(after.WorkingSetSize >= before.WorkingSetSize + PAGES * PAGE),
         yes(after.PageFaultCount >= before.PageFaultCount + PAGES), yes(after.PrivateUsage == before.PrivateUsage));
  printf("the working set list names %u of them\n", listed(region));
  VirtualLock(region, PAGE);
  PSAPI_WORKING_SET_EX_INFORMATION pages[3] = { { region, { 0 } }, { region + PAGE, { 0 } }, { (PVOID)0x10, { 0 } } };
  QueryWorkingSetEx(self, pages, sizeof pages);
  for (int i = 0; i < 3; i++) {
    ULONG_PTR flags = pages[i].VirtualAttributes.Flags;
    printf("page %d: valid %lu, protection %lu, shared %lu, locked %lu\n", i, flags & 1, flags >> 4 & 0x7FF, flags >> 15 & 1,
           flags >> 22 & 1);
  }
  printf("emptied: %s", yes(EmptyWorkingSet(self)));
  printf(", listed now: %u\n", listed(region));
  int right = 0;
  for (int page = 0; page < PAGES; page++) right += region[page * PAGE] == (char)page;
  printf("%d pages hold what they held; listed again: %u\n", right, listed(region));
  VirtualUnlock(region, PAGE);
}

static void watch(char *region) {
  HANDLE self = GetCurrentProcess();
  static PSAPI_WS_WATCH_INFORMATION changes[3000];
  tell("changes before watching", GetWsChanges(self, changes, sizeof changes));
  printf("watching: %d", InitializeProcessForWsWatch(self));
  printf(", twice: %d\n", InitializeProcessForWsWatch(self));
  for (int page = 0; page < PAGES; page++) region[page * PAGE] = 1;
  int found = 0, soft = 0, inside = 0;
  tell("too small a buffer", GetWsChanges(self, changes, sizeof changes[0]));
  printf("changes: %d\n", GetWsChanges(self, changes, sizeof changes));
  for (PSAPI_WS_WATCH_INFORMATION *change = changes; change->FaultingPc != NULL; change++) {
    ULONG_PTR address = (ULONG_PTR)change->FaultingVa & ~(ULONG_PTR)1;
    if (address < (ULONG_PTR)region || address >= (ULONG_PTR)region + PAGES * PAGE) continue;
    found++;
    soft += (ULONG_PTR)change->FaultingVa & 1;
    inside += change->FaultingPc > (PVOID)GetModuleHandle(NULL) && change->FaultingPc < (PVOID)0x500000;
  }
  printf("%d faults in the region, %d of them soft, %d from this program's code\n", found, soft, inside);
}

static void limits(void) {
  HANDLE self = GetCurrentProcess();
  SIZE_T minimum = 0, maximum = 0;
  printf("set 1 MB to 4 MB: %d", SetProcessWorkingSetSize(self, 1 << 20, 4 << 20));
  GetProcessWorkingSetSize(self, &minimum, &maximum);
  printf(", now %lu to %lu KB\n", (DWORD)minimum >> 10, (DWORD)maximum >> 10);
  tell("minimum above maximum", SetProcessWorkingSetSize(self, 4 << 20, 1 << 20));
  tell("nothing", SetProcessWorkingSetSize(self, 0, 0));
  PROCESS_MEMORY_COUNTERS small;
  tell("too small a buffer for counters", GetProcessMemoryInfo(self, &small, 8));
}

static void processes(void) {
  DWORD ids[64], used = 0, self = 0;
  EnumProcesses(ids, sizeof ids, &used);
  for (DWORD i = 0; i < used / sizeof ids[0]; i++) self += ids[i] == GetCurrentProcessId();
  printf("more than one process: %s, this one among them: %lu\n", yes(used / sizeof ids[0] > 1), self);
  HMODULE modules[16];
  EnumProcessModules(GetCurrentProcess(), modules, sizeof modules, &used);
  printf("first modules:");
  for (DWORD i = 0; i < used / sizeof modules[0] && i < 3; i++) {
    char name[64] = "";
    GetModuleBaseNameA(GetCurrentProcess(), modules[i], name, sizeof name);
    printf(" %s", name);
  }
  MODULEINFO information;
  GetModuleInformation(GetCurrentProcess(), NULL, &information, sizeof information);
  char path[260] = "";
  GetModuleFileNameExA(GetCurrentProcess(), NULL, path, sizeof path);
  printf("\nthis program: at its handle: %s, entry inside: %s, file name ends right: %s\n",
         yes(information.lpBaseOfDll == (PVOID)GetModuleHandle(NULL)),
         yes((char *)information.EntryPoint - (char *)information.lpBaseOfDll < (int)information.SizeOfImage),
         yes(strstr(path, "process-memory.exe") != NULL));
  tell("no such module", (BOOL)GetModuleBaseNameA(GetCurrentProcess(), (HMODULE)0x10000, path, sizeof path));
  GetProcessImageFileNameA(GetCurrentProcess(), path, sizeof path);
  printf("image: from a device: %s", yes(strncmp(path, "\\Device\\", 8) == 0));
  GetMappedFileNameA(GetCurrentProcess(), (LPVOID)GetModuleHandleA("ntdll.dll"), path, sizeof path);
  printf(", ntdll's file: %s\n", yes(strstr(path, "ntdll.dll") != NULL));
}

static BOOL page_file(LPVOID context, PENUM_PAGE_FILE_INFORMATION information, LPCSTR name) {
  printf("paging file %s: %lu MB, in use less: %s\n", name, (DWORD)(information->TotalSize >> 8),
         yes(information->TotalInUse < information->TotalSize));
  ++*(int *)context;
  return TRUE;
}

static void machine(void) {
  PERFORMACE_INFORMATION performance;
  MEMORYSTATUSEX memory = { .dwLength = sizeof memory };
  int files = 0;
  GetPerformanceInfo(&performance, sizeof performance);
  GlobalMemoryStatusEx(&memory);
  printf("physical memory %lu MB, the same from kernel32: %s\n", (DWORD)(performance.PhysicalTotal >> 8),
         yes(memory.ullTotalPhys == (ULONGLONG)performance.PhysicalTotal * PAGE));
  printf("available below it: %s, committed below limit and peak: %s, something runs: %s\n",
         yes(performance.PhysicalAvailable < performance.PhysicalTotal),
         yes(performance.CommitTotal <= performance.CommitPeak && performance.CommitPeak < performance.CommitLimit),
         yes(performance.ProcessCount > 1 && performance.ThreadCount > performance.ProcessCount && performance.HandleCount > 0));
  EnumPageFilesA((PENUM_PAGE_FILE_CALLBACKA)page_file, &files);
  printf("paging files: %d\n", files);
  IO_COUNTERS io;
  GetProcessIoCounters(GetCurrentProcess(), &io);
  printf("this program has written: %s\n", yes(io.WriteOperationCount > 0 && io.WriteTransferCount > 100));
}

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  char *region = VirtualAlloc(NULL, 2 * PAGES * PAGE, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  working_set(region);
  watch(region + PAGES * PAGE);
  limits();
  processes();
  machine();
  return 0;
}
