// Modules: loading, looking up, names, resources.
#include "kernel32.h"

#define MAXIMUM_NAME 1024

/* The name with "..." around an optional path search list of its own for LOAD_WITH_ALTERED_SEARCH_PATH. */
static PWSTR altered_path(PCWSTR name) {
  ULONG length = (ULONG)wcslen(name);
  while (length > 0 && name[length - 1] != L'\\' && name[length - 1] != L'/') length--;
  if (length == 0) return NULL;
  PCWSTR rest = parameters()->DllPath.Buffer;
  PWSTR path = allocate((length + wcslen(rest) + 2) * sizeof(WCHAR));
  if (path == NULL) return NULL;
  memcpy(path, name, length * sizeof(WCHAR));
  path[length] = L';';
  copy_wide(path + length + 1, rest);
  return path;
}

/* As plain data: the handle is the address of the view with bit 0 set. */
static HMODULE load_as_data(PCWSTR name) {
  WCHAR full[MAXIMUM_NAME];
  if (SearchPathW(NULL, name, L".dll", ARRAY_LENGTH(full), full, NULL) == 0) {
    set_last_error(ERROR_MOD_NOT_FOUND);
    return NULL;
  }
  HANDLE file = CreateFileW(full, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE, NULL, OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return NULL;
  HANDLE section = CreateFileMappingW(file, NULL, PAGE_READONLY, 0, 0, NULL);
  NtClose(file);
  if (section == NULL) return NULL;
  PVOID view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
  NtClose(section);
  if (view == NULL) return NULL;
  if (RtlImageNtHeader(view) == NULL) {
    UnmapViewOfFile(view);
    set_last_error(ERROR_BAD_EXE_FORMAT);
    return NULL;
  }
  return (HMODULE)((ULONG_PTR)view | 1);
}

HMODULE WINAPI LoadLibraryExW(LPCWSTR name, HANDLE file, DWORD flags) {
  UNICODE_STRING string;
  PVOID base = NULL;
  if (name == NULL || file != NULL) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return NULL;
  }
  RtlInitUnicodeString(&string, name);
  if (flags & (LOAD_LIBRARY_AS_DATAFILE | LOAD_LIBRARY_AS_DATAFILE_EXCLUSIVE | LOAD_LIBRARY_AS_IMAGE_RESOURCE)) {
    if (NT_SUCCESS(LdrGetDllHandleEx(0, NULL, NULL, &string, &base))) return base;
    return load_as_data(name);
  }
  PWSTR path = flags & LOAD_WITH_ALTERED_SEARCH_PATH ? altered_path(name) : NULL;
  NTSTATUS status = LdrLoadDll(path, NULL, &string, &base);
  release(path);
  return ok(status) ? base : NULL;
}
HMODULE WINAPI LoadLibraryW(LPCWSTR name) { return LoadLibraryExW(name, NULL, 0); }
HMODULE WINAPI LoadLibraryExA(LPCSTR name, HANDLE file, DWORD flags) {
  PWSTR wide = wide_path(name);
  HMODULE module = LoadLibraryExW(wide, file, flags);
  release(wide);
  return module;
}
HMODULE WINAPI LoadLibraryA(LPCSTR name) { return LoadLibraryExA(name, NULL, 0); }

BOOL WINAPI FreeLibrary(HMODULE module) {
  if ((ULONG_PTR)module & 1) return UnmapViewOfFile((PVOID)((ULONG_PTR)module & ~(ULONG_PTR)1));
  NTSTATUS status = LdrUnloadDll(module);
  return ok(status);
}
VOID WINAPI FreeLibraryAndExitThread(HMODULE module, DWORD code) {
  LdrUnloadDll(module);
  ExitThread(code);
}
BOOL WINAPI DisableThreadLibraryCalls(HMODULE module) { return ok(LdrDisableThreadCalloutsForDll(module)); }

/* Names below 64 K are ordinals. */
FARPROC WINAPI GetProcAddress(HMODULE module, LPCSTR name) {
  PVOID address = NULL;
  ANSI_STRING string;
  NTSTATUS status;
  if (module == NULL) module = current_peb()->ImageBaseAddress;
  if (HIWORD(name) == 0) {
    status = LdrGetProcedureAddress(module, NULL, LOWORD(name), &address);
  } else {
    RtlInitAnsiString(&string, name);
    status = LdrGetProcedureAddress(module, &string, 0, &address);
  }
  return ok(status) ? (FARPROC)address : NULL;
}

BOOL WINAPI GetModuleHandleExW(DWORD flags, LPCWSTR name, HMODULE *module) {
  PVOID base = NULL;
  *module = NULL;
  NTSTATUS status = STATUS_SUCCESS;
  BOOLEAN keepsCount = (flags & GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT) != 0;
  BOOLEAN pins = (flags & GET_MODULE_HANDLE_EX_FLAG_PIN) != 0;
  if (keepsCount && pins) return refuse(ERROR_INVALID_PARAMETER);
  if (name == NULL) {
    base = current_peb()->ImageBaseAddress;
  } else if (flags & GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS) {
    PLDR_DATA_TABLE_ENTRY entry;
    status = LdrFindEntryForAddress((PVOID)name, &entry);
    if (NT_SUCCESS(status)) base = entry->DllBase;
    else status = STATUS_DLL_NOT_FOUND;
  } else {
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, name);
    status = LdrGetDllHandleEx(1, NULL, NULL, &string, &base);
  }
  if (!ok(status)) return FALSE;
  if (!keepsCount) LdrAddRefDll(pins ? 1 : 0, base);
  *module = base;
  return TRUE;
}
BOOL WINAPI GetModuleHandleExA(DWORD flags, LPCSTR name, HMODULE *module) {
  if (name == NULL || (flags & GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS)) return GetModuleHandleExW(flags, (LPCWSTR)name, module);
  PWSTR wide = wide_path(name);
  BOOL done = wide != NULL && GetModuleHandleExW(flags, wide, module);
  release(wide);
  return done;
}
HMODULE WINAPI GetModuleHandleW(LPCWSTR name) {
  HMODULE module = NULL;
  GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, name, &module);
  return module;
}
HMODULE WINAPI GetModuleHandleA(LPCSTR name) {
  HMODULE module = NULL;
  GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, name, &module);
  return module;
}

/* Too small a buffer gets what fits, without terminator, and its size back. */
DWORD WINAPI GetModuleFileNameW(HMODULE module, LPWSTR buffer, DWORD size) {
  PLDR_DATA_TABLE_ENTRY entry;
  PVOID base = module != NULL ? (PVOID)module : current_peb()->ImageBaseAddress;
  if (!NT_SUCCESS(LdrFindEntryForAddress(base, &entry)) || entry->DllBase != base) return refuse(ERROR_MOD_NOT_FOUND);
  DWORD length = entry->FullDllName.Length / sizeof(WCHAR), count = length < size ? length : size;
  memcpy(buffer, entry->FullDllName.Buffer, count * sizeof(WCHAR));
  if (count < size) {
    buffer[count] = 0;
    set_last_error(ERROR_SUCCESS);
  } else {
    set_last_error(ERROR_INSUFFICIENT_BUFFER);
  }
  return count;
}
DWORD WINAPI GetModuleFileNameA(HMODULE module, LPSTR buffer, DWORD size) {
  WCHAR text[MAXIMUM_NAME];
  DWORD length = GetModuleFileNameW(module, text, ARRAY_LENGTH(text));
  if (length == 0) return 0;
  DWORD result = narrow_result(text, length, buffer, size);
  if (result == length) return length;
  ULONG used = 0;
  RtlUnicodeToMultiByteN(buffer, size, &used, text, length * sizeof(WCHAR));
  set_last_error(ERROR_INSUFFICIENT_BUFFER);
  return size;
}

// --- resources
/* A name is an integer below 64 K, "#123", or text. The text's upper-case copy lives in the caller's buffer. */
static BOOL resource_id(PCWSTR name, PWSTR buffer, ULONG_PTR *id) {
  if (IS_INTRESOURCE(name)) {
    *id = (ULONG_PTR)name;
    return TRUE;
  }
  if (name[0] == L'#') {
    UNICODE_STRING digits;
    ULONG value;
    RtlInitUnicodeString(&digits, name + 1);
    if (!NT_SUCCESS(RtlUnicodeStringToInteger(&digits, 10, &value)) || value > 0xFFFF) return refuse(ERROR_INVALID_PARAMETER);
    *id = value;
    return TRUE;
  }
  ULONG i = 0;
  for (; i < 255 && name[i] != 0; i++) buffer[i] = RtlUpcaseUnicodeChar(name[i]);
  buffer[i] = 0;
  *id = (ULONG_PTR)buffer;
  return TRUE;
}

HRSRC WINAPI FindResourceExW(HMODULE module, LPCWSTR type, LPCWSTR name, WORD language) {
  WCHAR typeText[256], nameText[256];
  ULONG_PTR path[3] = { 0, 0, language };
  PVOID entry = NULL;
  if (module == NULL) module = current_peb()->ImageBaseAddress;
  if (!resource_id(type, typeText, &path[0]) || !resource_id(name, nameText, &path[1])) return NULL;
  return ok(LdrFindResource_U(module, path, 3, &entry)) ? entry : NULL;
}
HRSRC WINAPI FindResourceW(HMODULE module, LPCWSTR name, LPCWSTR type) { return FindResourceExW(module, type, name, 0); }
HRSRC WINAPI FindResourceExA(HMODULE module, LPCSTR type, LPCSTR name, WORD language) {
  PWSTR wideType = IS_INTRESOURCE(type) ? (PWSTR)type : wide_copy(type);
  PWSTR wideName = IS_INTRESOURCE(name) ? (PWSTR)name : wide_copy(name);
  HRSRC found = FindResourceExW(module, wideType, wideName, language);
  if (!IS_INTRESOURCE(type)) release(wideType);
  if (!IS_INTRESOURCE(name)) release(wideName);
  return found;
}
HRSRC WINAPI FindResourceA(HMODULE module, LPCSTR name, LPCSTR type) { return FindResourceExA(module, type, name, 0); }

HGLOBAL WINAPI LoadResource(HMODULE module, HRSRC resource) {
  PVOID address = NULL;
  if (module == NULL) module = current_peb()->ImageBaseAddress;
  return ok(LdrAccessResource(module, resource, &address, NULL)) ? address : NULL;
}
LPVOID WINAPI LockResource(HGLOBAL resource) { return resource; }
BOOL WINAPI FreeResource(HGLOBAL resource) {
  (void)resource;
  return FALSE; // Resources go with their module; FALSE is how that success is spelled.
}
DWORD WINAPI SizeofResource(HMODULE module, HRSRC resource) {
  ULONG size = 0;
  if (module == NULL) module = current_peb()->ImageBaseAddress;
  return ok(LdrAccessResource(module, resource, NULL, &size)) ? size : 0;
}
