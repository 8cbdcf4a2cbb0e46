// Binding imports to exports: by hint, name or ordinal, through forwarders.
#include "ntdll.h"

#define FORWARDER_DEPTH 32

/* At start-up the user is told what is missing, by the kernel's hard-error port; later the caller gets the status. */
NTSTATUS ldrp_report(NTSTATUS status, PCUNICODE_STRING what, PCUNICODE_STRING dll) {
  if (!ldrp_starting) return status;
  ULONG_PTR parameters[2] = { (ULONG_PTR)(what != NULL ? what : dll), (ULONG_PTR)dll };
  ULONG count = what != NULL ? 2 : 1, response = 0;
  NtRaiseHardError(status, count, (1u << count) - 1, parameters, 1, &response);
  NtTerminateProcess(CURRENT_PROCESS, status);
  return status;
}

static NTSTATUS report_import(NTSTATUS status, const char *name, ULONG ordinal, PCUNICODE_STRING dll) {
  WCHAR buffer[520];
  UNICODE_STRING text = { 0, sizeof buffer, buffer };
  if (name != NULL) {
    ANSI_STRING ansi;
    RtlInitAnsiString(&ansi, name);
    RtlAnsiStringToUnicodeString(&text, &ansi, FALSE);
  } else {
    WCHAR digits[12];
    UNICODE_STRING number = { 0, sizeof digits, digits };
    RtlIntegerToUnicodeString(ordinal, 10, &number);
    RtlAppendUnicodeToString(&text, L"#");
    RtlAppendUnicodeStringToString(&text, &number);
  }
  return ldrp_report(status, &text, dll);
}

static NTSTATUS load_by_ansi_name(const char *name, ULONG length, MODULE **result) {
  WCHAR buffer[300];
  UNICODE_STRING wide = { 0, sizeof buffer - 5 * sizeof(WCHAR), buffer };
  ANSI_STRING ansi = { (USHORT)length, (USHORT)length, (PCHAR)name };
  if (length == 0 || length > 260) return STATUS_INVALID_IMAGE_FORMAT;
  NTSTATUS status = RtlAnsiStringToUnicodeString(&wide, &ansi, FALSE);
  return NT_SUCCESS(status) ? ldrp_load(NULL, &wide, result) : status;
}

/* "LIBRARY.Name" or "LIBRARY.#12". */
static NTSTATUS follow_forwarder(MODULE *module, const char *forwarder, ULONG depth, PVOID *address) {
  const char *dot = NULL;
  for (const char *at = forwarder; *at != 0; at++) {
    if (*at == '.') dot = at;
  }
  if (dot == NULL || depth >= FORWARDER_DEPTH) return STATUS_INVALID_IMAGE_FORMAT;
  char library[264];
  ULONG length = (ULONG)(dot - forwarder);
  if (length > 255) return STATUS_INVALID_IMAGE_FORMAT;
  memcpy(library, forwarder, length);
  memcpy(library + length, ".dll", 4);
  MODULE *target;
  NTSTATUS status = load_by_ansi_name(library, length + 4, &target);
  if (!NT_SUCCESS(status)) return status;
  status = ldrp_add_dependency(module, target);
  if (!NT_SUCCESS(status)) return status;
  if (dot[1] != '#') return ldrp_resolve_export(target, dot + 1, 0, 0, depth + 1, address);
  ULONG ordinal = 0;
  for (const char *digit = dot + 2; *digit >= '0' && *digit <= '9' && ordinal < 65536; digit++) {
    ordinal = ordinal * 10 + (ULONG)(*digit - '0');
  }
  return ldrp_resolve_export(target, NULL, 0, ordinal, depth + 1, address);
}

static int compare_names(const char *a, const char *b) {
  while (*a != 0 && *a == *b) a++, b++;
  return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

/* Index into the function table, or -1. Tries the hint before the binary search. */
static LONG find_name(const MODULE *module, const IMAGE_EXPORT_DIRECTORY *exports, const char *name, ULONG hint) {
  const char *base = module->entry.DllBase;
  ULONG count = exports->NumberOfNames;
  if (count > 0x10000 || !ldrp_in_image(module, exports->AddressOfNames, count * 4)) return -1;
  if (!ldrp_in_image(module, exports->AddressOfNameOrdinals, count * 2)) return -1;
  const ULONG *names = (const ULONG *)(base + exports->AddressOfNames);
  const USHORT *indices = (const USHORT *)(base + exports->AddressOfNameOrdinals);
  if (hint < count) {
    const char *candidate = ldrp_image_string(module, names[hint]);
    if (candidate != NULL && compare_names(candidate, name) == 0) return indices[hint];
  }
  ULONG low = 0, high = count;
  while (low < high) {
    ULONG middle = (low + high) / 2;
    const char *candidate = ldrp_image_string(module, names[middle]);
    if (candidate == NULL) return -1;
    int order = compare_names(name, candidate);
    if (order == 0) return indices[middle];
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1;
}

/* name NULL: by ordinal. ENTRYPOINT_NOT_FOUND or ORDINAL_NOT_FOUND when the module has no such export. */
NTSTATUS ldrp_resolve_export(MODULE *module, const char *name, ULONG hint, ULONG ordinal, ULONG depth, PVOID *address) {
  NTSTATUS missing = name != NULL ? STATUS_ENTRYPOINT_NOT_FOUND : STATUS_ORDINAL_NOT_FOUND;
  ULONG size = 0;
  char *base = module->entry.DllBase;
  const IMAGE_EXPORT_DIRECTORY *exports =
      ldrp_directory(module, IMAGE_DIRECTORY_ENTRY_EXPORT, sizeof(IMAGE_EXPORT_DIRECTORY), &size);
  if (exports == NULL) return missing;
  LONG index = name != NULL ? find_name(module, exports, name, hint) : (LONG)(ordinal - exports->Base);
  if (index < 0 || (ULONG)index >= exports->NumberOfFunctions) return missing;
  if (!ldrp_in_image(module, exports->AddressOfFunctions, ((ULONG)index + 1) * 4)) return missing;
  ULONG rva = ((const ULONG *)(base + exports->AddressOfFunctions))[index];
  if (rva == 0 || !ldrp_in_image(module, rva, 1)) return missing;
  ULONG directory = (ULONG)((const char *)exports - base);
  if (rva - directory >= size) {
    *address = base + rva;
    return STATUS_SUCCESS;
  }
  const char *forwarder = ldrp_image_string(module, rva);
  return forwarder == NULL ? STATUS_INVALID_IMAGE_FORMAT : follow_forwarder(module, forwarder, depth, address);
}

static NTSTATUS snap_thunk(MODULE *module, MODULE *library, ULONG thunk, PULONG slot) {
  PVOID address;
  NTSTATUS status;
  if (thunk & IMAGE_ORDINAL_FLAG32) {
    status = ldrp_resolve_export(library, NULL, 0, thunk & 0xFFFF, 0, &address);
    if (!NT_SUCCESS(status)) return report_import(status, NULL, thunk & 0xFFFF, &library->entry.BaseDllName);
  } else {
    if (!ldrp_in_image(module, thunk, sizeof(USHORT))) return STATUS_INVALID_IMAGE_FORMAT;
    const IMAGE_IMPORT_BY_NAME *import = (const IMAGE_IMPORT_BY_NAME *)((char *)module->entry.DllBase + thunk);
    const char *name = ldrp_image_string(module, thunk + sizeof(USHORT));
    if (name == NULL) return STATUS_INVALID_IMAGE_FORMAT;
    status = ldrp_resolve_export(library, name, import->Hint, 0, 0, &address);
    if (!NT_SUCCESS(status)) return report_import(status, name, 0, &library->entry.BaseDllName);
  }
  *slot = (ULONG)address;
  return STATUS_SUCCESS;
}

/* Fills one library's part of the address table, which is made writable for the time if its section is not. */
static NTSTATUS snap_library(MODULE *module, MODULE *library, const IMAGE_IMPORT_DESCRIPTOR *descriptor) {
  char *base = module->entry.DllBase;
  ULONG names = descriptor->OriginalFirstThunk != 0 ? descriptor->OriginalFirstThunk : descriptor->FirstThunk;
  ULONG count = 0;
  for (;; count++) {
    if (!ldrp_in_image(module, names + count * 4, 4)) return STATUS_INVALID_IMAGE_FORMAT;
    if (!ldrp_in_image(module, descriptor->FirstThunk + count * 4, 4)) return STATUS_INVALID_IMAGE_FORMAT;
    if (*(ULONG *)(base + names + count * 4) == 0) break;
  }
  if (count == 0) return STATUS_SUCCESS;
  PULONG slots = (PULONG)(base + descriptor->FirstThunk);
  ULONG old = 0;
  if (!ldrp_make_writable(slots, count * 4, &old)) return STATUS_INVALID_IMAGE_FORMAT;
  NTSTATUS status = STATUS_SUCCESS;
  for (ULONG i = 0; i < count && NT_SUCCESS(status); i++) {
    status = snap_thunk(module, library, *(ULONG *)(base + names + i * 4), &slots[i]);
  }
  if (old != PAGE_READWRITE && old != PAGE_WRITECOPY) ldrp_restore_protection(slots, count * 4, old);
  return status;
}

NTSTATUS ldrp_snap_imports(MODULE *module) {
  ULONG size = 0;
  const IMAGE_IMPORT_DESCRIPTOR *descriptor =
      RtlImageDirectoryEntryToData(module->entry.DllBase, TRUE, IMAGE_DIRECTORY_ENTRY_IMPORT, &size);
  if (descriptor == NULL) return STATUS_SUCCESS;
  for (;; descriptor++) {
    ULONG rva = (ULONG)((const char *)descriptor - (const char *)module->entry.DllBase);
    if (!ldrp_in_image(module, rva, sizeof *descriptor)) return STATUS_INVALID_IMAGE_FORMAT;
    if (descriptor->Name == 0 || descriptor->FirstThunk == 0) return STATUS_SUCCESS;
    const char *name = ldrp_image_string(module, descriptor->Name);
    if (name == NULL) return STATUS_INVALID_IMAGE_FORMAT;
    MODULE *library = NULL;
    NTSTATUS status = load_by_ansi_name(name, (ULONG)strlen(name), &library);
    if (status == STATUS_DLL_NOT_FOUND || (library == NULL && !NT_SUCCESS(status))) {
      WCHAR buffer[520];
      UNICODE_STRING wide = { 0, sizeof buffer, buffer };
      ANSI_STRING ansi;
      RtlInitAnsiString(&ansi, name);
      RtlAnsiStringToUnicodeString(&wide, &ansi, FALSE);
      return ldrp_report(status, NULL, &wide);
    }
    if (!NT_SUCCESS(status)) return status;
    status = ldrp_add_dependency(module, library);
    if (NT_SUCCESS(status)) status = snap_library(module, library, descriptor);
    if (!NT_SUCCESS(status)) return status;
  }
}
