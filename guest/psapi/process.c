// Lists of processes and modules, and their names.
#include "missing.h"
#include "process-status.h"

enum { BASIC_CLASS = 0, IMAGE_NAME_CLASS = 27, PROCESS_LIST_CLASS = 5, SECTION_NAME_CLASS = 2 };
#define FIRST_GUESS 0x4000

PVOID system_information(ULONG informationClass) {
  for (ULONG size = FIRST_GUESS, needed = 0;; size = needed > size ? needed : size * 2) {
    PVOID buffer = allocate(size);
    if (buffer == NULL) return NULL;
    NTSTATUS status = NtQuerySystemInformation(informationClass, buffer, size, &needed);
    if (NT_SUCCESS(status) && needed > 0) return buffer;
    release(buffer);
    if (NT_SUCCESS(status)) {
      refuse(ERROR_SUCCESS); // An empty list.
      return NULL;
    }
    if (status != STATUS_INFO_LENGTH_MISMATCH) {
      ok(status);
      return NULL;
    }
  }
}

DWORD give_wide(PCWSTR text, DWORD length, PWSTR buffer, DWORD size) {
  if (size == 0) return 0;
  if (length > size - 1) length = size - 1;
  memcpy(buffer, text, length * sizeof *text);
  buffer[length] = 0;
  return length;
}
DWORD give_narrow(PCWSTR text, DWORD length, PSTR buffer, DWORD size) {
  if (size == 0) return 0;
  int count = length == 0 ? 0 : WideCharToMultiByte(CP_ACP, 0, text, length, buffer, size - 1, NULL, NULL);
  buffer[count] = 0;
  return count;
}

BOOL WINAPI EnumProcesses(DWORD *ids, DWORD size, DWORD *used) {
  UCHAR *entries = system_information(PROCESS_LIST_CLASS);
  if (entries == NULL) return FALSE;
  DWORD count = 0;
  for (UCHAR *entry = entries;; entry += *(ULONG *)entry) {
    if (count < size / sizeof *ids) ids[count++] = *(DWORD *)(entry + 0x44);
    if (*(ULONG *)entry == 0) break;
  }
  *used = count * sizeof *ids;
  release(entries);
  return TRUE;
}

// --- modules, as the loader of the other process lists them
typedef struct { HANDLE process; PVOID head; PVOID link; } MODULE_WALK;

static BOOL read_memory(HANDLE process, PVOID address, PVOID buffer, SIZE_T size) {
  return ok(NtReadVirtualMemory(process, address, buffer, size, NULL));
}

/* Before the first module; a process that has not begun to load any has none. */
static BOOL begin_walk(HANDLE process, MODULE_WALK *walk, PVOID *imageBase) {
  struct { NTSTATUS exitStatus; PPEB peb; ULONG rest[4]; } basic;
  PEB_LDR_DATA *loader;
  if (!ok(NtQueryInformationProcess(process, BASIC_CLASS, &basic, sizeof basic, NULL))) return FALSE;
  if (basic.peb == NULL) return refuse(ERROR_INVALID_HANDLE);
  if (!read_memory(process, &basic.peb->ImageBaseAddress, imageBase, sizeof *imageBase)) return FALSE;
  if (!read_memory(process, &basic.peb->Ldr, &loader, sizeof loader)) return FALSE;
  walk->process = process;
  walk->head = walk->link = NULL;
  if (loader == NULL) return TRUE;
  walk->head = &loader->InMemoryOrderModuleList;
  return read_memory(process, walk->head, &walk->link, sizeof walk->link);
}

/* The next module; FALSE at the end, with the last error left alone, or when its memory cannot be read. */
static BOOL next_module(MODULE_WALK *walk, LDR_DATA_TABLE_ENTRY *entry) {
  if (walk->link == walk->head) return FALSE;
  if (!read_memory(walk->process, CONTAINING_RECORD(walk->link, LDR_DATA_TABLE_ENTRY, InMemoryOrderLinks), entry, sizeof *entry)) {
    return FALSE;
  }
  walk->link = entry->InMemoryOrderLinks.Flink;
  return TRUE;
}

/* A list that another process damages may go in circles. */
#define MOST_MODULES 10000

BOOL WINAPI EnumProcessModules(HANDLE process, HMODULE *modules, DWORD size, DWORD *needed) {
  MODULE_WALK walk;
  LDR_DATA_TABLE_ENTRY entry;
  PVOID imageBase;
  DWORD count = 0;
  if (!begin_walk(process, &walk, &imageBase)) return FALSE;
  for (; count < MOST_MODULES && next_module(&walk, &entry); count++) {
    if (count < size / sizeof *modules) modules[count] = entry.DllBase;
  }
  if (walk.link != walk.head) return count == MOST_MODULES ? refuse(ERROR_INVALID_HANDLE) : FALSE;
  *needed = count * sizeof *modules;
  return TRUE;
}

static BOOL find_module(HANDLE process, HMODULE module, LDR_DATA_TABLE_ENTRY *entry) {
  MODULE_WALK walk;
  PVOID imageBase;
  if (!begin_walk(process, &walk, &imageBase)) return FALSE;
  PVOID wanted = module == NULL ? imageBase : (PVOID)module;
  for (ULONG count = 0; count < MOST_MODULES && next_module(&walk, entry); count++) {
    if (entry->DllBase == wanted) return TRUE;
  }
  return walk.link == walk.head ? refuse(ERROR_INVALID_HANDLE) : FALSE;
}

/* The text of a UNICODE_STRING of the other process. */
static DWORD remote_text(HANDLE process, const UNICODE_STRING *string, PWSTR text, DWORD size) {
  DWORD length = string->Length / sizeof *text;
  if (length > size - 1) length = size - 1;
  if (!read_memory(process, string->Buffer, text, length * sizeof *text)) return 0;
  text[length] = 0;
  return length;
}

BOOL WINAPI GetModuleInformation(HANDLE process, HMODULE module, LPMODULEINFO information, DWORD size) {
  LDR_DATA_TABLE_ENTRY entry;
  if (size < sizeof *information) return refuse(ERROR_INSUFFICIENT_BUFFER);
  if (!find_module(process, module, &entry)) return FALSE;
  *information = (MODULEINFO){ entry.DllBase, entry.SizeOfImage, entry.EntryPoint };
  return TRUE;
}

#define NAME_SIZE 520

DWORD WINAPI GetModuleFileNameExW(HANDLE process, HMODULE module, LPWSTR buffer, DWORD size) {
  LDR_DATA_TABLE_ENTRY entry;
  WCHAR text[NAME_SIZE];
  if (!find_module(process, module, &entry)) return 0;
  return give_wide(text, remote_text(process, &entry.FullDllName, text, NAME_SIZE), buffer, size);
}
DWORD WINAPI GetModuleFileNameExA(HANDLE process, HMODULE module, LPSTR buffer, DWORD size) {
  WCHAR text[NAME_SIZE];
  return give_narrow(text, GetModuleFileNameExW(process, module, text, NAME_SIZE), buffer, size);
}
DWORD WINAPI GetModuleBaseNameW(HANDLE process, HMODULE module, LPWSTR buffer, DWORD size) {
  LDR_DATA_TABLE_ENTRY entry;
  WCHAR text[NAME_SIZE];
  if (!find_module(process, module, &entry)) return 0;
  return give_wide(text, remote_text(process, &entry.BaseDllName, text, NAME_SIZE), buffer, size);
}
DWORD WINAPI GetModuleBaseNameA(HANDLE process, HMODULE module, LPSTR buffer, DWORD size) {
  WCHAR text[NAME_SIZE];
  return give_narrow(text, GetModuleBaseNameW(process, module, text, NAME_SIZE), buffer, size);
}

// --- names of the kernel's kind
typedef struct { UNICODE_STRING string; WCHAR text[NAME_SIZE]; } NAME_INFORMATION;

DWORD WINAPI GetProcessImageFileNameW(HANDLE process, LPWSTR buffer, DWORD size) {
  NAME_INFORMATION name;
  if (!ok(NtQueryInformationProcess(process, IMAGE_NAME_CLASS, &name, sizeof name, NULL))) return 0;
  DWORD length = name.string.Length / sizeof(WCHAR);
  if (length + 1 > size) return refuse(ERROR_INSUFFICIENT_BUFFER);
  return give_wide(name.string.Buffer, length, buffer, size);
}
DWORD WINAPI GetProcessImageFileNameA(HANDLE process, LPSTR buffer, DWORD size) {
  WCHAR text[NAME_SIZE];
  return give_narrow(text, GetProcessImageFileNameW(process, text, NAME_SIZE), buffer, size);
}
DWORD WINAPI GetMappedFileNameW(HANDLE process, LPVOID address, LPWSTR buffer, DWORD size) {
  NAME_INFORMATION name;
  if (!ok(NtQueryVirtualMemory(process, address, SECTION_NAME_CLASS, &name, sizeof name, NULL))) return 0;
  return give_wide(name.string.Buffer, name.string.Length / sizeof(WCHAR), buffer, size);
}
DWORD WINAPI GetMappedFileNameA(HANDLE process, LPVOID address, LPSTR buffer, DWORD size) {
  WCHAR text[NAME_SIZE];
  return give_narrow(text, GetMappedFileNameW(process, address, text, NAME_SIZE), buffer, size);
}

// There are no drivers.
MISSING(EnumDeviceDrivers, 12);
MISSING(GetDeviceDriverBaseNameA, 12);
MISSING(GetDeviceDriverBaseNameW, 12);
MISSING(GetDeviceDriverFileNameA, 12);
MISSING(GetDeviceDriverFileNameW, 12);
