// Virtual memory, heaps, file mappings.
#include "kernel32.h"

#define LOWEST_ADDRESS 0x10000u

LPVOID WINAPI VirtualAllocEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type, DWORD protect) {
  PVOID base = address;
  if (address != NULL && (ULONG_PTR)address < LOWEST_ADDRESS) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  return ok(NtAllocateVirtualMemory(process, &base, 0, &size, type, protect)) ? base : NULL;
}
LPVOID WINAPI VirtualAlloc(LPVOID address, SIZE_T size, DWORD type, DWORD protect) {
  return VirtualAllocEx(CURRENT_PROCESS, address, size, type, protect);
}

/* Unlike the kernel, insists on size 0 when the whole region goes. */
BOOL WINAPI VirtualFreeEx(HANDLE process, LPVOID address, SIZE_T size, DWORD type) {
  if ((type & MEM_RELEASE) && size != 0) return refuse(ERROR_INVALID_PARAMETER);
  return ok(NtFreeVirtualMemory(process, &address, &size, type));
}
BOOL WINAPI VirtualFree(LPVOID address, SIZE_T size, DWORD type) {
  return VirtualFreeEx(CURRENT_PROCESS, address, size, type);
}

BOOL WINAPI VirtualProtectEx(HANDLE process, LPVOID address, SIZE_T size, DWORD protect, PDWORD old) {
  return ok(NtProtectVirtualMemory(process, &address, &size, protect, old));
}
BOOL WINAPI VirtualProtect(LPVOID address, SIZE_T size, DWORD protect, PDWORD old) {
  return VirtualProtectEx(CURRENT_PROCESS, address, size, protect, old);
}

SIZE_T WINAPI VirtualQueryEx(HANDLE process, LPCVOID address, PMEMORY_BASIC_INFORMATION information, SIZE_T length) {
  SIZE_T used = 0;
  return ok(NtQueryVirtualMemory(process, (PVOID)address, 0, information, length, &used)) ? used : 0;
}
SIZE_T WINAPI VirtualQuery(LPCVOID address, PMEMORY_BASIC_INFORMATION information, SIZE_T length) {
  return VirtualQueryEx(CURRENT_PROCESS, address, information, length);
}

BOOL WINAPI VirtualLock(LPVOID address, SIZE_T size) { return ok(NtLockVirtualMemory(CURRENT_PROCESS, &address, &size, 1)); }
BOOL WINAPI VirtualUnlock(LPVOID address, SIZE_T size) {
  return ok(NtUnlockVirtualMemory(CURRENT_PROCESS, &address, &size, 1));
}
UINT WINAPI GetWriteWatch(DWORD flags, PVOID base, SIZE_T size, PVOID *addresses, ULONG_PTR *count, LPDWORD granularity) {
  return ok(NtGetWriteWatch(CURRENT_PROCESS, flags, base, size, addresses, count, granularity)) ? 0 : (UINT)-1;
}
UINT WINAPI ResetWriteWatch(LPVOID base, SIZE_T size) {
  return ok(NtResetWriteWatch(CURRENT_PROCESS, base, size)) ? 0 : (UINT)-1;
}
BOOL WINAPI AllocateUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames) {
  return ok(NtAllocateUserPhysicalPages(process, count, frames));
}
BOOL WINAPI FreeUserPhysicalPages(HANDLE process, PULONG_PTR count, PULONG_PTR frames) {
  return ok(NtFreeUserPhysicalPages(process, count, frames));
}
BOOL WINAPI MapUserPhysicalPages(PVOID address, ULONG_PTR count, PULONG_PTR frames) {
  return ok(NtMapUserPhysicalPages(address, count, frames));
}
BOOL WINAPI MapUserPhysicalPagesScatter(PVOID *addresses, ULONG_PTR count, PULONG_PTR frames) {
  return ok(NtMapUserPhysicalPagesScatter(addresses, count, frames));
}
SIZE_T WINAPI GetLargePageMinimum(VOID) { return SHARED_USER_DATA->LargePageMinimum; }

// --- heaps (the calls on blocks are forwarded to ntdll)
HANDLE WINAPI GetProcessHeap(VOID) { return process_heap(); }

/* maximum 0: growable. */
HANDLE WINAPI HeapCreate(DWORD flags, SIZE_T initial, SIZE_T maximum) {
  ULONG own = flags & (HEAP_NO_SERIALIZE | HEAP_GENERATE_EXCEPTIONS | HEAP_CREATE_ENABLE_EXECUTE);
  if (maximum != 0 && initial > maximum) maximum = initial;
  PVOID heap = RtlCreateHeap(own | (maximum == 0 ? HEAP_GROWABLE_FLAG : 0), NULL, maximum, initial, NULL, NULL);
  if (heap == NULL) set_last_error(ERROR_NOT_ENOUGH_MEMORY);
  return heap;
}
BOOL WINAPI HeapDestroy(HANDLE heap) { return RtlDestroyHeap(heap) == NULL ? TRUE : refuse(ERROR_INVALID_HANDLE); }
BOOL WINAPI HeapValidate(HANDLE heap, DWORD flags, LPCVOID block) { return RtlValidateHeap(heap, flags, (PVOID)block); }
SIZE_T WINAPI HeapCompact(HANDLE heap, DWORD flags) { return RtlCompactHeap(heap, flags); }
BOOL WINAPI HeapLock(HANDLE heap) { return RtlLockHeap(heap); }
BOOL WINAPI HeapUnlock(HANDLE heap) { return RtlUnlockHeap(heap); }
DWORD WINAPI GetProcessHeaps(DWORD count, PHANDLE heaps) { return RtlGetProcessHeaps(count, heaps); }

/* The low-fragmentation front end (class 0, value 2) is a hint; a heap that is never fragmented by design takes it. */
BOOL WINAPI HeapSetInformation(HANDLE heap, HEAP_INFORMATION_CLASS class, PVOID information, SIZE_T length) {
  (void)heap;
  if (class == HeapEnableTerminationOnCorruption) return TRUE;
  if (class != HeapCompatibilityInformation || length < sizeof(ULONG)) return refuse(ERROR_INVALID_PARAMETER);
  return *(PULONG)information <= 2 ? TRUE : refuse(ERROR_INVALID_PARAMETER);
}
BOOL WINAPI HeapQueryInformation(HANDLE heap, HEAP_INFORMATION_CLASS class, PVOID information, SIZE_T length, PSIZE_T used) {
  (void)heap;
  if (class != HeapCompatibilityInformation) return refuse(ERROR_INVALID_PARAMETER);
  if (used != NULL) *used = sizeof(ULONG);
  if (length < sizeof(ULONG)) return refuse(ERROR_INSUFFICIENT_BUFFER);
  *(PULONG)information = 0;
  return TRUE;
}

// --- file mappings
HANDLE WINAPI CreateFileMappingW(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect, DWORD sizeHigh, DWORD sizeLow,
                                 LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  LARGE_INTEGER size = { .LowPart = sizeLow, .HighPart = (LONG)sizeHigh };
  ULONG kind = protect & 0xFFFF0000, page = protect & 0xFFFF;
  ULONG access = SECTION_QUERY | SECTION_MAP_READ | STANDARD_RIGHTS_REQUIRED | SECTION_EXTEND_SIZE;
  HANDLE section;
  if (page == PAGE_READWRITE || page == PAGE_EXECUTE_READWRITE) access |= SECTION_MAP_WRITE;
  else if (page != PAGE_READONLY && page != PAGE_WRITECOPY && page != PAGE_EXECUTE_READ && page != PAGE_EXECUTE_WRITECOPY) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  if (page & (PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)) access |= SECTION_MAP_EXECUTE;
  if (kind & SEC_IMAGE) access |= SECTION_MAP_EXECUTE;
  if (kind == 0) kind = SEC_COMMIT;
  if (file == INVALID_HANDLE_VALUE && size.QuadPart == 0) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  if (!ok(named_object(&object, name, security, OBJ_OPENIF, &attributes))) return NULL;
  NTSTATUS status = NtCreateSection(&section, access, attributes, size.QuadPart == 0 ? NULL : &size, page, kind,
                                    file == INVALID_HANDLE_VALUE ? NULL : file);
  if (!ok(status)) return NULL;
  set_last_error(status == STATUS_OBJECT_NAME_EXISTS ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
  return section;
}
HANDLE WINAPI CreateFileMappingA(HANDLE file, LPSECURITY_ATTRIBUTES security, DWORD protect, DWORD sizeHigh, DWORD sizeLow,
                                 LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE section = CreateFileMappingW(file, security, protect, sizeHigh, sizeLow, wide);
  release(wide);
  return section;
}

/* FILE_MAP_COPY is the query right as an access mask. */
HANDLE WINAPI OpenFileMappingW(DWORD access, BOOL inherit, LPCWSTR name) {
  NAMED_OBJECT object;
  POBJECT_ATTRIBUTES attributes;
  HANDLE section;
  if (access == FILE_MAP_COPY) access = FILE_MAP_READ;
  if (name == NULL) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  if (!ok(named_object(&object, name, NULL, inherit ? OBJ_INHERIT : 0, &attributes))) return NULL;
  return ok(NtOpenSection(&section, access, attributes)) ? section : NULL;
}
HANDLE WINAPI OpenFileMappingA(DWORD access, BOOL inherit, LPCSTR name) {
  PWSTR wide = wide_copy(name);
  HANDLE section = OpenFileMappingW(access, inherit, wide);
  release(wide);
  return section;
}

LPVOID WINAPI MapViewOfFileEx(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow, SIZE_T size, LPVOID base) {
  LARGE_INTEGER offset = { .LowPart = offsetLow, .HighPart = (LONG)offsetHigh };
  BOOLEAN executes = (access & FILE_MAP_EXECUTE) != 0;
  ULONG protect = PAGE_NOACCESS;
  if ((access & ~(DWORD)FILE_MAP_EXECUTE) == FILE_MAP_COPY) protect = executes ? PAGE_EXECUTE_WRITECOPY : PAGE_WRITECOPY;
  else if (access & FILE_MAP_WRITE) protect = executes ? PAGE_EXECUTE_READWRITE : PAGE_READWRITE;
  else if (access & FILE_MAP_READ) protect = executes ? PAGE_EXECUTE_READ : PAGE_READONLY;
  if (access == FILE_MAP_ALL_ACCESS) protect = PAGE_READWRITE;
  NTSTATUS status =
      NtMapViewOfSection(section, CURRENT_PROCESS, &base, 0, 0, &offset, &size, ViewShare, 0, protect);
  return ok(status) ? base : NULL;
}
LPVOID WINAPI MapViewOfFile(HANDLE section, DWORD access, DWORD offsetHigh, DWORD offsetLow, SIZE_T size) {
  return MapViewOfFileEx(section, access, offsetHigh, offsetLow, size, NULL);
}
BOOL WINAPI UnmapViewOfFile(LPCVOID base) { return ok(NtUnmapViewOfSection(CURRENT_PROCESS, (PVOID)base)); }
BOOL WINAPI FlushViewOfFile(LPCVOID base, SIZE_T size) {
  PVOID start = (PVOID)base;
  IO_STATUS_BLOCK io;
  NTSTATUS status = NtFlushVirtualMemory(CURRENT_PROCESS, &start, &size, &io);
  return ok(status == STATUS_NOT_MAPPED_DATA ? STATUS_SUCCESS : status);
}

static BOOL cannot_access(const void *address, UINT_PTR size, ULONG allowed) {
  ULONG_PTR at = (ULONG_PTR)address, end = at + size;
  if (size == 0) return FALSE;
  if (address == NULL || end < at) return TRUE;
  while (at < end) {
    MEMORY_BASIC_INFORMATION information;
    if (VirtualQuery((PVOID)at, &information, sizeof information) == 0) return TRUE;
    if (information.State != MEM_COMMIT || (information.Protect & PAGE_GUARD) || !(information.Protect & allowed)) return TRUE;
    at = (ULONG_PTR)information.BaseAddress + information.RegionSize;
  }
  return FALSE;
}
#define READABLE (PAGE_READONLY | PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READ | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)
#define WRITABLE (PAGE_READWRITE | PAGE_WRITECOPY | PAGE_EXECUTE_READWRITE | PAGE_EXECUTE_WRITECOPY)
BOOL WINAPI IsBadReadPtr(CONST VOID *address, UINT_PTR size) { return cannot_access(address, size, READABLE); }
BOOL WINAPI IsBadWritePtr(LPVOID address, UINT_PTR size) { return cannot_access(address, size, WRITABLE); }
BOOL WINAPI IsBadCodePtr(FARPROC address) { return cannot_access((PVOID)address, 1, READABLE); }
BOOL WINAPI IsBadStringPtrA(LPCSTR text, UINT_PTR limit) {
  for (UINT_PTR i = 0; i < limit; i++) {
    if ((i == 0 || ((ULONG_PTR)(text + i) & 0xFFF) == 0) && cannot_access(text + i, 1, READABLE)) return TRUE;
    if (text[i] == 0) return FALSE;
  }
  return FALSE;
}
