// Finding the file of a DLL and mapping it.
#include "ntdll.h"

#define MAXIMUM_PATH 1024

const UNICODE_STRING ldrp_default_extension = UNICODE_LITERAL(L".dll");

/* Maps the image file; `size` is the extent of the view. */
NTSTATUS ldrp_map(PCUNICODE_STRING dosName, PVOID *base, SIZE_T *size) {
  UNICODE_STRING ntName;
  if (!RtlDosPathNameToNtPathName_U(dosName->Buffer, &ntName, NULL, NULL)) return STATUS_OBJECT_PATH_SYNTAX_BAD;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE);
  IO_STATUS_BLOCK io;
  HANDLE file, section;
  NTSTATUS status = NtOpenFile(&file, SYNCHRONIZE | FILE_EXECUTE | FILE_READ_DATA, &attributes, &io,
                               FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT);
  RtlFreeUnicodeString(&ntName);
  if (!NT_SUCCESS(status)) return status;
  status = NtCreateSection(&section, SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_WRITE | SECTION_MAP_EXECUTE, NULL, NULL,
                           PAGE_EXECUTE, SEC_IMAGE, file);
  NtClose(file);
  if (!NT_SUCCESS(status)) return status;
  *base = NULL;
  *size = 0;
  status = NtMapViewOfSection(section, CURRENT_PROCESS, base, 0, 0, NULL, size, ViewShare, 0, PAGE_READWRITE);
  NtClose(section);
  if (status == STATUS_IMAGE_MACHINE_TYPE_MISMATCH) {
    NtUnmapViewOfSection(CURRENT_PROCESS, *base);
    return STATUS_INVALID_IMAGE_FORMAT;
  }
  return status;
}

static BOOLEAN has_extension(PCUNICODE_STRING name) {
  for (ULONG i = name->Length / sizeof(WCHAR); i-- > 0;) {
    if (name->Buffer[i] == L'.') return TRUE;
    if (name->Buffer[i] == L'\\' || name->Buffer[i] == L'/') return FALSE;
  }
  return FALSE;
}

/* Gives the name its default extension; a trailing dot says that it has none. */
static NTSTATUS complete_name(PCUNICODE_STRING name, PUNICODE_STRING complete) {
  if (name->Length == 0) return STATUS_OBJECT_NAME_INVALID;
  RtlCopyUnicodeString(complete, name);
  if (complete->Length != name->Length) return STATUS_NAME_TOO_LONG;
  if (name->Buffer[name->Length / sizeof(WCHAR) - 1] == L'.') complete->Length -= sizeof(WCHAR);
  else if (!has_extension(name)) return RtlAppendUnicodeStringToString(complete, &ldrp_default_extension);
  complete->Buffer[complete->Length / sizeof(WCHAR)] = 0;
  return STATUS_SUCCESS;
}

static NTSTATUS load_file(PCUNICODE_STRING fullName, MODULE **result) {
  PVOID base;
  SIZE_T size;
  NTSTATUS status = ldrp_map(fullName, &base, &size);
  if (!NT_SUCCESS(status)) return status;
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(base);
  if (headers == NULL || headers->FileHeader.Machine != IMAGE_FILE_MACHINE_I386 ||
      headers->OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR32_MAGIC || headers->OptionalHeader.SizeOfImage > size) {
    NtUnmapViewOfSection(CURRENT_PROCESS, base);
    return STATUS_INVALID_IMAGE_FORMAT;
  }
  MODULE *module = ldrp_add_module(base, headers->OptionalHeader.SizeOfImage, fullName);
  if (module == NULL) {
    NtUnmapViewOfSection(CURRENT_PROCESS, base);
    return STATUS_NO_MEMORY;
  }
  *result = module;
  status = ldrp_relocate(module);
  if (NT_SUCCESS(status)) status = ldrp_tls_add(module);
  if (NT_SUCCESS(status)) status = ldrp_snap_imports(module);
  if (!NT_SUCCESS(status)) return status; // Stays listed without a holder: the sweep that follows removes it.
  list_insert_tail(&ldrp_data.InInitializationOrderModuleList, &module->entry.InInitializationOrderLinks);
  return STATUS_SUCCESS;
}

/*
 * Finds a module that is loaded under the name, or loads it with everything that it imports. Takes no reference and runs no
 * entry points. `path` NULL: the process's own search path. DLL_NOT_FOUND when no file has the name.
 */
NTSTATUS ldrp_load(PWSTR path, PCUNICODE_STRING name, MODULE **result) {
  WCHAR nameBuffer[MAXIMUM_PATH], fullBuffer[MAXIMUM_PATH];
  UNICODE_STRING complete = { 0, sizeof nameBuffer - sizeof(WCHAR), nameBuffer };
  NTSTATUS status = complete_name(name, &complete);
  if (!NT_SUCCESS(status)) return status;
  *result = ldrp_find_by_name(&complete);
  if (*result != NULL) return STATUS_SUCCESS;
  if (path == NULL) path = current_peb()->ProcessParameters->DllPath.Buffer;
  ULONG length = RtlDosSearchPath_U(path, complete.Buffer, NULL, sizeof fullBuffer, fullBuffer, NULL);
  if (length == 0 || length >= sizeof fullBuffer) return STATUS_DLL_NOT_FOUND;
  UNICODE_STRING fullName;
  RtlInitUnicodeString(&fullName, fullBuffer);
  *result = ldrp_find_by_name(&fullName);
  if (*result != NULL) return STATUS_SUCCESS;
  return load_file(&fullName, result);
}
