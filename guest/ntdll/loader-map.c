// Finding the file of a DLL and mapping it.
#include "ntdll.h"

#define MAXIMUM_PATH 1024

const UNICODE_STRING ldrp_default_extension = UNICODE_LITERAL(L".dll");

#define SECTION_ACCESS (SECTION_QUERY | SECTION_MAP_READ | SECTION_MAP_EXECUTE)

/* Maps an image section, which it closes; `size` is the extent of the view. */
static NTSTATUS map_section(HANDLE section, PVOID *base, SIZE_T *size) {
  *base = NULL;
  *size = 0;
  NTSTATUS status =
      NtMapViewOfSection(section, CURRENT_PROCESS, base, 0, 0, NULL, size, ViewShare, 0, PAGE_EXECUTE_READ);
  NtClose(section);
  if (status == STATUS_IMAGE_MACHINE_TYPE_MISMATCH) {
    NtUnmapViewOfSection(CURRENT_PROCESS, *base);
    return STATUS_INVALID_IMAGE_FORMAT;
  }
  return status;
}

/* Maps the image file. */
static NTSTATUS map_file(PCUNICODE_STRING dosName, PVOID *base, SIZE_T *size) {
  UNICODE_STRING ntName;
  if (!RtlDosPathNameToNtPathName_U(dosName->Buffer, &ntName, NULL, NULL)) return STATUS_OBJECT_PATH_SYNTAX_BAD;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE);
  IO_STATUS_BLOCK io;
  HANDLE file, section;
  NTSTATUS status = NtOpenFile(&file, SYNCHRONIZE | FILE_EXECUTE | FILE_READ_DATA, &attributes, &io,
                               FILE_SHARE_READ | FILE_SHARE_DELETE, FILE_NON_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT);
  RtlFreeUnicodeString(&ntName);
  if (!NT_SUCCESS(status)) return status;
  status = NtCreateSection(&section, SECTION_ACCESS, NULL, NULL, PAGE_EXECUTE, SEC_IMAGE, file);
  NtClose(file);
  return NT_SUCCESS(status) ? map_section(section, base, size) : status;
}

/*
 * The section of a library that the system keeps for all processes, when the name is the bare name of one; `fullName` gets where
 * it comes from. NULL: the library has to be searched for.
 */
static HANDLE open_known_dll(PCUNICODE_STRING name, PUNICODE_STRING fullName) {
  WCHAR buffer[128]; // No longer name is known.
  UNICODE_STRING path = { 0, sizeof buffer, buffer };
  for (ULONG i = 0; i < name->Length / sizeof(WCHAR); i++) {
    if (name->Buffer[i] == L'\\' || name->Buffer[i] == L'/' || name->Buffer[i] == L':') return NULL;
  }
  RtlAppendUnicodeToString(&path, L"\\KnownDlls\\");
  if (!NT_SUCCESS(RtlAppendUnicodeStringToString(&path, name))) return NULL;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&path, OBJ_CASE_INSENSITIVE);
  HANDLE section;
  if (!NT_SUCCESS(NtOpenSection(&section, SECTION_ACCESS, &attributes))) return NULL;
  RtlAppendUnicodeToString(fullName, SHARED_USER_DATA->NtSystemRoot);
  RtlAppendUnicodeToString(fullName, L"\\system32\\");
  RtlAppendUnicodeStringToString(fullName, name);
  return section;
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

/* `section` NULL: the file is mapped. */
static NTSTATUS load_image(PCUNICODE_STRING fullName, HANDLE section, MODULE **result) {
  PVOID base;
  SIZE_T size;
  NTSTATUS status = section != NULL ? map_section(section, &base, &size) : map_file(fullName, &base, &size);
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
  UNICODE_STRING fullName = { 0, sizeof fullBuffer, fullBuffer };
  HANDLE known = open_known_dll(&complete, &fullName);
  if (known != NULL) return load_image(&fullName, known, result);
  if (path == NULL) path = current_peb()->ProcessParameters->DllPath.Buffer;
  ULONG length = RtlDosSearchPath_U(path, complete.Buffer, NULL, sizeof fullBuffer, fullBuffer, NULL);
  if (length == 0 || length >= sizeof fullBuffer) return STATUS_DLL_NOT_FOUND;
  RtlInitUnicodeString(&fullName, fullBuffer);
  *result = ldrp_find_by_name(&fullName);
  if (*result != NULL) return STATUS_SUCCESS;
  return load_image(&fullName, NULL, result);
}
