// Tool help: snapshots of processes, threads, modules and heap lists. A snapshot is a section, as on Windows: its handle is closed
// with CloseHandle and can be inherited.
#include "kernel32.h"
#include <tlhelp32.h>

typedef struct { ULONG count, next, at, room; } TABLE;
enum { Processes, Threads, Modules, Heaps, TABLES };
typedef struct { TABLE tables[TABLES]; ULONG size; } SNAPSHOT;

/* Entries of NtQuerySystemInformation(SystemProcessInformation). */
typedef struct {
  LARGE_INTEGER KernelTime, UserTime, CreateTime; ULONG WaitTime; PVOID StartAddress; CLIENT_ID ClientId; KPRIORITY Priority, BasePriority;
  ULONG ContextSwitches, State, WaitReason, Padding;
} THREAD_ENTRY;
typedef struct {
  ULONG NextEntryOffset, NumberOfThreads; LARGE_INTEGER Spare[3], CreateTime, UserTime, KernelTime; UNICODE_STRING ImageName;
  KPRIORITY BasePriority; ULONG UniqueProcessId, InheritedFromUniqueProcessId, HandleCount, SessionId, PageDirectoryBase;
  UCHAR VmAndIoCounters[0xB8 - 0x58]; THREAD_ENTRY Threads[];
} PROCESS_ENTRY;
LAYOUT(PROCESS_ENTRY, ImageName, 0x38);
LAYOUT(PROCESS_ENTRY, UniqueProcessId, 0x44);
_Static_assert(sizeof(PROCESS_ENTRY) == 0xB8 && sizeof(THREAD_ENTRY) == 0x40, "SYSTEM_PROCESS_INFORMATION");

static const ULONG entry_sizes[TABLES] = { sizeof(PROCESSENTRY32W), sizeof(THREADENTRY32), sizeof(MODULEENTRY32W), sizeof(HEAPLIST32) };

static NTSTATUS process_list(PROCESS_ENTRY **list) {
  NTSTATUS status = STATUS_INFO_LENGTH_MISMATCH;
  *list = NULL;
  for (ULONG size = 0x4000; status == STATUS_INFO_LENGTH_MISMATCH; size *= 2) {
    release(*list);
    *list = allocate(size);
    if (*list == NULL) return STATUS_NO_MEMORY;
    status = NtQuerySystemInformation(5, *list, size, NULL);
  }
  return status;
}

static const PROCESS_ENTRY *next_process(const PROCESS_ENTRY *entry) {
  return entry->NextEntryOffset == 0 ? NULL : (const PROCESS_ENTRY *)((const char *)entry + entry->NextEntryOffset);
}

/* Room for one more entry, zeroed and with its size in its first dword; NULL beyond what was measured. */
static PVOID add(SNAPSHOT *snapshot, ULONG table) {
  TABLE *to = &snapshot->tables[table];
  if (to->count == to->room) return NULL;
  ULONG *entry = (ULONG *)((char *)snapshot + to->at + to->count++ * entry_sizes[table]);
  memset(entry, 0, entry_sizes[table]);
  *entry = entry_sizes[table];
  return entry;
}

static void copy_name(PWSTR target, ULONG room, PCWSTR source, ULONG length) {
  if (length >= room) length = room - 1;
  memcpy(target, source, length * sizeof(WCHAR));
  target[length] = 0;
}

static void add_processes(SNAPSHOT *snapshot, const PROCESS_ENTRY *list) {
  for (const PROCESS_ENTRY *from = list; from != NULL; from = next_process(from)) {
    PROCESSENTRY32W *to = add(snapshot, Processes);
    if (to == NULL) return;
    to->th32ProcessID = from->UniqueProcessId;
    to->cntThreads = from->NumberOfThreads;
    to->th32ParentProcessID = from->InheritedFromUniqueProcessId;
    to->pcPriClassBase = from->BasePriority;
    copy_name(to->szExeFile, MAX_PATH, from->ImageName.Buffer, from->ImageName.Length / sizeof(WCHAR));
  }
}

static void add_threads(SNAPSHOT *snapshot, const PROCESS_ENTRY *list) {
  for (const PROCESS_ENTRY *from = list; from != NULL; from = next_process(from)) {
    for (ULONG i = 0; i < from->NumberOfThreads; i++) {
      THREADENTRY32 *to = add(snapshot, Threads);
      if (to == NULL) return;
      to->th32ThreadID = (DWORD)from->Threads[i].ClientId.UniqueThread;
      to->th32OwnerProcessID = from->UniqueProcessId;
      to->tpBasePri = from->Threads[i].BasePriority;
    }
  }
}

#define MAXIMUM_MODULES 512u
#define MAXIMUM_HEAPS 256u

static NTSTATUS read(HANDLE process, const void *from, PVOID to, SIZE_T size) {
  return NtReadVirtualMemory(process, (PVOID)from, to, size, NULL);
}

/* Walks the loader's list in the other process; a list that changes meanwhile ends early. */
static NTSTATUS add_modules(SNAPSHOT *snapshot, HANDLE process, DWORD id, const PEB *peb) {
  PPEB_LDR_DATA loader;
  LIST_ENTRY head;
  NTSTATUS status = read(process, &peb->Ldr, &loader, sizeof loader);
  if (!NT_SUCCESS(status)) return status;
  if (loader == NULL) return STATUS_PARTIAL_COPY;
  status = read(process, &loader->InLoadOrderModuleList, &head, sizeof head);
  for (PLIST_ENTRY link = head.Flink; NT_SUCCESS(status) && link != &loader->InLoadOrderModuleList;) {
    LDR_DATA_TABLE_ENTRY entry;
    status = read(process, link, &entry, sizeof entry);
    MODULEENTRY32W *to = NT_SUCCESS(status) ? add(snapshot, Modules) : NULL;
    if (to == NULL) break;
    to->th32ModuleID = 1;
    to->th32ProcessID = id;
    to->GlblcntUsage = to->ProccntUsage = entry.LoadCount;
    to->modBaseAddr = entry.DllBase;
    to->modBaseSize = entry.SizeOfImage;
    to->hModule = entry.DllBase;
    ULONG name = entry.BaseDllName.Length, path = entry.FullDllName.Length;
    if (name > sizeof to->szModule - sizeof(WCHAR)) name = sizeof to->szModule - sizeof(WCHAR);
    if (path > sizeof to->szExePath - sizeof(WCHAR)) path = sizeof to->szExePath - sizeof(WCHAR);
    status = read(process, entry.BaseDllName.Buffer, to->szModule, name);
    if (NT_SUCCESS(status)) status = read(process, entry.FullDllName.Buffer, to->szExePath, path);
    link = entry.InLoadOrderLinks.Flink;
  }
  return status;
}

static NTSTATUS add_heaps(SNAPSHOT *snapshot, HANDLE process, DWORD id, const PEB *peb) {
  PEB copy;
  HANDLE heap;
  NTSTATUS status = read(process, peb, &copy, sizeof copy);
  for (ULONG i = 0; NT_SUCCESS(status) && i < copy.NumberOfHeaps; i++) {
    status = read(process, &copy.ProcessHeaps[i], &heap, sizeof heap);
    HEAPLIST32 *to = NT_SUCCESS(status) ? add(snapshot, Heaps) : NULL;
    if (to == NULL) break;
    to->th32ProcessID = id;
    to->th32HeapID = (ULONG_PTR)heap;
    to->dwFlags = heap == copy.ProcessHeap ? HF32_DEFAULT : 0;
  }
  return status;
}

static NTSTATUS fill(SNAPSHOT *snapshot, DWORD flags, DWORD id, const PROCESS_ENTRY *list) {
  if (flags & TH32CS_SNAPPROCESS) add_processes(snapshot, list);
  if (flags & TH32CS_SNAPTHREAD) add_threads(snapshot, list);
  if (!(flags & (TH32CS_SNAPMODULE | TH32CS_SNAPHEAPLIST))) return STATUS_SUCCESS;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, 0);
  CLIENT_ID client = { (HANDLE)(id == 0 ? GetCurrentProcessId() : id), NULL };
  PROCESS_BASIC_INFORMATION basic;
  HANDLE process;
  NTSTATUS status = NtOpenProcess(&process, PROCESS_QUERY_INFORMATION | PROCESS_VM_READ, &attributes, &client);
  if (status == STATUS_INVALID_CID) status = STATUS_INVALID_PARAMETER;
  if (!NT_SUCCESS(status)) return status;
  status = NtQueryInformationProcess(process, 0, &basic, sizeof basic, NULL);
  DWORD own = (DWORD)client.UniqueProcess;
  if (NT_SUCCESS(status) && basic.PebBaseAddress == NULL) status = STATUS_PARTIAL_COPY;
  if (NT_SUCCESS(status) && flags & TH32CS_SNAPMODULE) status = add_modules(snapshot, process, own, basic.PebBaseAddress);
  if (NT_SUCCESS(status) && flags & TH32CS_SNAPHEAPLIST) status = add_heaps(snapshot, process, own, basic.PebBaseAddress);
  NtClose(process);
  return status;
}

static NTSTATUS map(HANDLE section, SNAPSHOT **snapshot) {
  SIZE_T size = 0;
  *snapshot = NULL;
  return NtMapViewOfSection(section, CURRENT_PROCESS, (PVOID *)snapshot, 0, 0, NULL, &size, ViewUnmap, 0, PAGE_READWRITE);
}

HANDLE WINAPI CreateToolhelp32Snapshot(DWORD flags, DWORD id) {
  PROCESS_ENTRY *list;
  SNAPSHOT header, *snapshot;
  HANDLE section = NULL;
  NTSTATUS status = process_list(&list);
  memset(&header, 0, sizeof header);
  header.size = sizeof header;
  for (const PROCESS_ENTRY *entry = list; NT_SUCCESS(status) && entry != NULL; entry = next_process(entry)) {
    header.tables[Processes].room++;
    header.tables[Threads].room += entry->NumberOfThreads;
  }
  if (flags & TH32CS_SNAPMODULE) header.tables[Modules].room = MAXIMUM_MODULES;
  if (flags & TH32CS_SNAPHEAPLIST) header.tables[Heaps].room = MAXIMUM_HEAPS;
  for (ULONG i = 0; i < TABLES; i++) {
    header.tables[i].at = header.size;
    header.size += header.tables[i].room * entry_sizes[i];
  }
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, flags & TH32CS_INHERIT ? OBJ_INHERIT : 0);
  LARGE_INTEGER size = { .QuadPart = header.size };
  if (NT_SUCCESS(status)) status = NtCreateSection(&section, SECTION_ALL_ACCESS, &attributes, &size, PAGE_READWRITE, SEC_COMMIT, NULL);
  if (NT_SUCCESS(status)) status = map(section, &snapshot);
  if (NT_SUCCESS(status)) {
    *snapshot = header;
    status = fill(snapshot, flags, id, list);
    NtUnmapViewOfSection(CURRENT_PROCESS, snapshot);
  }
  release(list);
  if (ok(status)) return section;
  if (section != NULL) NtClose(section);
  return INVALID_HANDLE_VALUE;
}

/* The next entry of a table, or the first again, into `entry`, whose first dword says how large the caller thinks that it is. */
static BOOL take(HANDLE section, ULONG table, BOOLEAN restart, PVOID entry) {
  SNAPSHOT *snapshot;
  if (*(ULONG *)entry < entry_sizes[table]) return refuse(ERROR_BAD_LENGTH);
  if (!ok(map(section, &snapshot))) return FALSE;
  TABLE *from = &snapshot->tables[table];
  if (restart) from->next = 0;
  BOOL found = from->next < from->count;
  if (found) memcpy(entry, (char *)snapshot + from->at + from->next++ * entry_sizes[table], entry_sizes[table]);
  NtUnmapViewOfSection(CURRENT_PROCESS, snapshot);
  return found ? TRUE : refuse(ERROR_NO_MORE_FILES);
}

BOOL WINAPI Process32FirstW(HANDLE snapshot, LPPROCESSENTRY32W entry) { return take(snapshot, Processes, TRUE, entry); }
BOOL WINAPI Process32NextW(HANDLE snapshot, LPPROCESSENTRY32W entry) { return take(snapshot, Processes, FALSE, entry); }
BOOL WINAPI Thread32First(HANDLE snapshot, LPTHREADENTRY32 entry) { return take(snapshot, Threads, TRUE, entry); }
BOOL WINAPI Thread32Next(HANDLE snapshot, LPTHREADENTRY32 entry) { return take(snapshot, Threads, FALSE, entry); }
BOOL WINAPI Module32FirstW(HANDLE snapshot, LPMODULEENTRY32W entry) { return take(snapshot, Modules, TRUE, entry); }
BOOL WINAPI Module32NextW(HANDLE snapshot, LPMODULEENTRY32W entry) { return take(snapshot, Modules, FALSE, entry); }
BOOL WINAPI Heap32ListFirst(HANDLE snapshot, LPHEAPLIST32 entry) { return take(snapshot, Heaps, TRUE, entry); }
BOOL WINAPI Heap32ListNext(HANDLE snapshot, LPHEAPLIST32 entry) { return take(snapshot, Heaps, FALSE, entry); }

static void narrow(PCWSTR from, char *to, ULONG size) {
  ULONG used;
  RtlUnicodeToMultiByteN(to, size - 1, &used, from, (ULONG)wcslen(from) * sizeof(WCHAR));
  to[used] = 0;
}

static BOOL take_process(HANDLE snapshot, LPPROCESSENTRY32 entry, BOOLEAN restart) {
  PROCESSENTRY32W wide = { .dwSize = sizeof wide };
  if (entry->dwSize < sizeof *entry) return refuse(ERROR_BAD_LENGTH);
  if (!take(snapshot, Processes, restart, &wide)) return FALSE;
  memcpy(entry, &wide, offsetof(PROCESSENTRY32, szExeFile));
  entry->dwSize = sizeof *entry;
  narrow(wide.szExeFile, entry->szExeFile, sizeof entry->szExeFile);
  return TRUE;
}
BOOL WINAPI Process32First(HANDLE snapshot, LPPROCESSENTRY32 entry) { return take_process(snapshot, entry, TRUE); }
BOOL WINAPI Process32Next(HANDLE snapshot, LPPROCESSENTRY32 entry) { return take_process(snapshot, entry, FALSE); }

static BOOL take_module(HANDLE snapshot, LPMODULEENTRY32 entry, BOOLEAN restart) {
  MODULEENTRY32W wide = { .dwSize = sizeof wide };
  if (entry->dwSize < sizeof *entry) return refuse(ERROR_BAD_LENGTH);
  if (!take(snapshot, Modules, restart, &wide)) return FALSE;
  memcpy(entry, &wide, offsetof(MODULEENTRY32, szModule));
  entry->dwSize = sizeof *entry;
  narrow(wide.szModule, entry->szModule, sizeof entry->szModule);
  narrow(wide.szExePath, entry->szExePath, sizeof entry->szExePath);
  return TRUE;
}
BOOL WINAPI Module32First(HANDLE snapshot, LPMODULEENTRY32 entry) { return take_module(snapshot, entry, TRUE); }
BOOL WINAPI Module32Next(HANDLE snapshot, LPMODULEENTRY32 entry) { return take_module(snapshot, entry, FALSE); }

BOOL WINAPI Toolhelp32ReadProcessMemory(DWORD id, LPCVOID base, LPVOID buffer, SIZE_T size, SIZE_T *done) {
  HANDLE process = OpenProcess(PROCESS_VM_READ, FALSE, id == 0 ? GetCurrentProcessId() : id);
  if (process == NULL) return FALSE;
  BOOL result = ReadProcessMemory(process, base, buffer, size, done);
  NtClose(process);
  return result;
}
