// Binding imports to exports: by hint, name or ordinal, through forwarders.
#include "ntdll.h"

#define FORWARDER_DEPTH 32
#define MAXIMUM_NAME 512u
#define NO_HINT 0xFFFFFFFFu

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

// The export tables of a module, found and checked once for all that is looked up in them.
typedef struct exports {
  MODULE *module;
  const char *base;
  ULONG limit; // The image's size: nothing at or above it is read.
  const ULONG *names, *functions;
  const USHORT *indices;
  ULONG nameCount, functionCount, ordinalBase;
  ULONG directory, directorySize; // Addresses in here are forwarders.
} EXPORTS;

static BOOLEAN open_exports(MODULE *module, EXPORTS *exports) {
  const IMAGE_EXPORT_DIRECTORY *directory = ldrp_directory(module, IMAGE_DIRECTORY_ENTRY_EXPORT,
                                                           sizeof(IMAGE_EXPORT_DIRECTORY), &exports->directorySize);
  if (directory == NULL) return FALSE;
  exports->module = module;
  exports->base = module->entry.DllBase;
  exports->limit = module->entry.SizeOfImage;
  exports->directory = (ULONG)((const char *)directory - exports->base);
  exports->ordinalBase = directory->Base;
  exports->nameCount = directory->NumberOfNames;
  exports->functionCount = directory->NumberOfFunctions;
  exports->names = (const ULONG *)(exports->base + directory->AddressOfNames);
  exports->indices = (const USHORT *)(exports->base + directory->AddressOfNameOrdinals);
  exports->functions = (const ULONG *)(exports->base + directory->AddressOfFunctions);
  if (exports->nameCount > 0x10000 || !ldrp_in_image(module, directory->AddressOfNames, exports->nameCount * 4) ||
      !ldrp_in_image(module, directory->AddressOfNameOrdinals, exports->nameCount * 2)) {
    exports->nameCount = 0;
  }
  ULONG room = ldrp_in_image(module, directory->AddressOfFunctions, 4) ? (exports->limit - directory->AddressOfFunctions) / 4 : 0;
  if (exports->functionCount > room) exports->functionCount = room;
  return TRUE;
}

#define HAS_ZERO_BYTE(word) ((((word)-0x01010101u) & ~(word) & 0x80808080u) != 0)

/* As strcmp, by the first `room` bytes; a name without an end there is above all others. */
static int compare_names(const char *name, const char *candidate, ULONG room) {
  for (; room >= 4; name += 4, candidate += 4, room -= 4) {
    ULONG word = *(const ULONG UNALIGNED *)name;
    if (word != *(const ULONG UNALIGNED *)candidate) break;
    if (HAS_ZERO_BYTE(word)) return 0;
  }
  for (; room > 0; name++, candidate++, room--) {
    int order = (int)(unsigned char)*name - (int)(unsigned char)*candidate;
    if (order != 0 || *name == 0) return order;
  }
  return 1;
}

/* As compare_names, with the export name at this place of the name table. */
static int compare_with_export(const EXPORTS *exports, const char *name, ULONG room, ULONG at) {
  ULONG rva = exports->names[at];
  if (rva >= exports->limit) return 1;
  ULONG left = exports->limit - rva;
  return compare_names(name, exports->base + rva, left < room ? left : room);
}

/* Index into the function table, or -1. Tries the hint before the binary search. `room`: bytes of the name that may be read. */
static LONG find_name(const EXPORTS *exports, const char *name, ULONG room, ULONG hint) {
  ULONG low = 0, high = exports->nameCount;
  if (hint < high && compare_with_export(exports, name, room, hint) == 0) return exports->indices[hint];
  while (low < high) {
    ULONG middle = (low + high) / 2;
    int order = compare_with_export(exports, name, room, middle);
    if (order == 0) return exports->indices[middle];
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return -1;
}

static NTSTATUS resolve_name(const EXPORTS *exports, const char *name, ULONG room, ULONG hint, ULONG depth, PVOID *address);
static NTSTATUS resolve_index(const EXPORTS *exports, ULONG index, NTSTATUS missing, ULONG depth, PVOID *address);

/* Nearly all forwarders lead to ntdll, which is always there: no search for it. */
static BOOLEAN is_ntdll(const char *library, ULONG length) {
  static const char name[] = "ntdll";
  if (length != sizeof name - 1) return FALSE;
  for (ULONG i = 0; i < length; i++) {
    if ((library[i] | 0x20) != name[i]) return FALSE;
  }
  return TRUE;
}

static NTSTATUS forwarder_library(const char *forwarder, ULONG length, MODULE **target) {
  if (is_ntdll(forwarder, length)) {
    *target = ldrp_ntdll;
    return STATUS_SUCCESS;
  }
  char library[264];
  if (length > 255) return STATUS_INVALID_IMAGE_FORMAT;
  memcpy(library, forwarder, length);
  memcpy(library + length, ".dll", 4);
  return load_by_ansi_name(library, length + 4, target);
}

/* "LIBRARY.Name" or "LIBRARY.#12". */
static NTSTATUS follow_forwarder(MODULE *module, const char *forwarder, ULONG depth, PVOID *address) {
  const char *dot = NULL, *at = forwarder;
  for (; *at != 0; at++) {
    if (*at == '.') dot = at;
  }
  if (dot == NULL || depth >= FORWARDER_DEPTH) return STATUS_INVALID_IMAGE_FORMAT;
  MODULE *target;
  NTSTATUS status = forwarder_library(forwarder, (ULONG)(dot - forwarder), &target);
  if (!NT_SUCCESS(status)) return status;
  status = ldrp_add_dependency(module, target);
  if (!NT_SUCCESS(status)) return status;
  EXPORTS exports;
  BOOLEAN byName = dot[1] != '#';
  if (!open_exports(target, &exports)) return byName ? STATUS_ENTRYPOINT_NOT_FOUND : STATUS_ORDINAL_NOT_FOUND;
  if (byName) return resolve_name(&exports, dot + 1, (ULONG)(at - dot), NO_HINT, depth + 1, address);
  ULONG ordinal = 0;
  for (const char *digit = dot + 2; *digit >= '0' && *digit <= '9' && ordinal < 65536; digit++) {
    ordinal = ordinal * 10 + (ULONG)(*digit - '0');
  }
  return resolve_index(&exports, ordinal - exports.ordinalBase, STATUS_ORDINAL_NOT_FOUND, depth + 1, address);
}

/* `missing`: the status when nothing is there. */
static NTSTATUS resolve_index(const EXPORTS *exports, ULONG index, NTSTATUS missing, ULONG depth, PVOID *address) {
  if (index >= exports->functionCount) return missing;
  ULONG rva = exports->functions[index];
  if (rva == 0 || rva >= exports->limit) return missing;
  if (rva - exports->directory >= exports->directorySize) {
    *address = (PVOID)(exports->base + rva);
    return STATUS_SUCCESS;
  }
  const char *forwarder = ldrp_image_string(exports->module, rva);
  if (forwarder == NULL) return STATUS_INVALID_IMAGE_FORMAT;
  return follow_forwarder(exports->module, forwarder, depth, address);
}

static NTSTATUS resolve_name(const EXPORTS *exports, const char *name, ULONG room, ULONG hint, ULONG depth, PVOID *address) {
  LONG index = find_name(exports, name, room, hint);
  if (index < 0) return STATUS_ENTRYPOINT_NOT_FOUND;
  return resolve_index(exports, (ULONG)index, STATUS_ENTRYPOINT_NOT_FOUND, depth, address);
}

/* name NULL: by ordinal. ENTRYPOINT_NOT_FOUND or ORDINAL_NOT_FOUND when the module has no such export. */
NTSTATUS ldrp_resolve_export(MODULE *module, const char *name, ULONG ordinal, PVOID *address) {
  EXPORTS exports;
  if (!open_exports(module, &exports)) return name != NULL ? STATUS_ENTRYPOINT_NOT_FOUND : STATUS_ORDINAL_NOT_FOUND;
  if (name != NULL) return resolve_name(&exports, name, (ULONG)strlen(name) + 1, NO_HINT, 0, address);
  return resolve_index(&exports, ordinal - exports.ordinalBase, STATUS_ORDINAL_NOT_FOUND, 0, address);
}

/* `exports` NULL: the library exports nothing. */
static NTSTATUS snap_thunk(MODULE *module, MODULE *library, const EXPORTS *exports, ULONG thunk, PULONG slot) {
  PVOID address;
  NTSTATUS status;
  if (thunk & IMAGE_ORDINAL_FLAG32) {
    ULONG ordinal = thunk & 0xFFFF;
    status = STATUS_ORDINAL_NOT_FOUND;
    if (exports != NULL) status = resolve_index(exports, ordinal - exports->ordinalBase, status, 0, &address);
    if (!NT_SUCCESS(status)) return report_import(status, NULL, ordinal, &library->entry.BaseDllName);
  } else {
    ULONG limit = module->entry.SizeOfImage;
    if (!ldrp_in_image(module, thunk, sizeof(IMAGE_IMPORT_BY_NAME))) return STATUS_INVALID_IMAGE_FORMAT;
    const IMAGE_IMPORT_BY_NAME *import = (const IMAGE_IMPORT_BY_NAME *)((char *)module->entry.DllBase + thunk);
    const char *name = (const char *)import->Name;
    ULONG room = limit - (thunk + sizeof(USHORT));
    if (room > MAXIMUM_NAME) room = MAXIMUM_NAME;
    status = STATUS_ENTRYPOINT_NOT_FOUND;
    if (exports != NULL) status = resolve_name(exports, name, room, import->Hint, 0, &address);
    if (!NT_SUCCESS(status)) {
      if (ldrp_image_string(module, thunk + sizeof(USHORT)) == NULL) return STATUS_INVALID_IMAGE_FORMAT;
      return report_import(status, name, 0, &library->entry.BaseDllName);
    }
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
  EXPORTS exports;
  const EXPORTS *opened = open_exports(library, &exports) ? &exports : NULL;
  NTSTATUS status = STATUS_SUCCESS;
  for (ULONG i = 0; i < count && NT_SUCCESS(status); i++) {
    status = snap_thunk(module, library, opened, *(ULONG *)(base + names + i * 4), &slots[i]);
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
