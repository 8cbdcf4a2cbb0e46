// Reading a mapped image: headers, directories, relocations. Nothing an image says is believed without a bounds check.
#include "ntdll.h"

PIMAGE_NT_HEADERS NTAPI RtlImageNtHeader(PVOID base) {
  if (base == NULL || base == (PVOID)-1) return NULL;
  const IMAGE_DOS_HEADER *dos = base;
  if (dos->e_magic != IMAGE_DOS_SIGNATURE) return NULL;
  if (dos->e_lfanew < 0 || dos->e_lfanew >= 0x10000000) return NULL;
  PIMAGE_NT_HEADERS headers = (PIMAGE_NT_HEADERS)((char *)base + dos->e_lfanew);
  return headers->Signature == IMAGE_NT_SIGNATURE ? headers : NULL;
}

PVOID NTAPI RtlImageDirectoryEntryToData(PVOID base, BOOLEAN mapped, USHORT directory, PULONG size) {
  BOOLEAN asFile = ((ULONG_PTR)base & 1) != 0; // The low bit marks a file mapped as plain data.
  base = (PVOID)((ULONG_PTR)base & ~(ULONG_PTR)3);
  *size = 0;
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(base);
  if (headers == NULL || headers->OptionalHeader.Magic != IMAGE_NT_OPTIONAL_HDR32_MAGIC) return NULL;
  if (directory >= headers->OptionalHeader.NumberOfRvaAndSizes) return NULL;
  const IMAGE_DATA_DIRECTORY *entry = &headers->OptionalHeader.DataDirectory[directory];
  if (entry->VirtualAddress == 0) return NULL;
  *size = entry->Size;
  if ((mapped && !asFile) || entry->VirtualAddress < headers->OptionalHeader.SizeOfHeaders) {
    return (char *)base + entry->VirtualAddress;
  }
  const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(headers);
  for (ULONG i = 0; i < headers->FileHeader.NumberOfSections; i++, section++) {
    ULONG offset = entry->VirtualAddress - section->VirtualAddress;
    if (entry->VirtualAddress >= section->VirtualAddress && offset < section->SizeOfRawData) {
      return (char *)base + section->PointerToRawData + offset;
    }
  }
  return NULL;
}

/* A string of at most 512 bytes that ends inside the image, or NULL. */
const char *ldrp_image_string(const MODULE *module, ULONG rva) {
  if (!ldrp_in_image(module, rva, 1)) return NULL;
  const char *text = (const char *)module->entry.DllBase + rva;
  ULONG left = module->entry.SizeOfImage - rva;
  if (left > 512) left = 512;
  for (ULONG i = 0; i < left; i++) {
    if (text[i] == 0) return text;
  }
  return NULL;
}

/* A directory that lies wholly inside the image and has at least `minimum` bytes; NULL when there is none. */
PVOID ldrp_directory(const MODULE *module, ULONG directory, ULONG minimum, ULONG *size) {
  PVOID data = RtlImageDirectoryEntryToData(module->entry.DllBase, TRUE, (USHORT)directory, size);
  if (data == NULL || *size < minimum) return NULL;
  ULONG rva = (ULONG)((char *)data - (char *)module->entry.DllBase);
  return ldrp_in_image(module, rva, *size) ? data : NULL;
}

BOOLEAN ldrp_make_writable(PVOID start, SIZE_T length, ULONG *old) {
  return NT_SUCCESS(NtProtectVirtualMemory(CURRENT_PROCESS, &start, &length, PAGE_READWRITE, old));
}

void ldrp_restore_protection(PVOID start, SIZE_T length, ULONG old) {
  ULONG ignored;
  NtProtectVirtualMemory(CURRENT_PROCESS, &start, &length, old, &ignored);
}

/* Makes all read-only sections writable, or gives them back the protection that was saved per section. */
static NTSTATUS protect_sections(MODULE *module, PIMAGE_NT_HEADERS headers, ULONG *saved, BOOLEAN restore) {
  const IMAGE_SECTION_HEADER *section = IMAGE_FIRST_SECTION(headers);
  for (ULONG i = 0; i < headers->FileHeader.NumberOfSections && i < 96; i++, section++) {
    if ((section->Characteristics & IMAGE_SCN_MEM_WRITE) || section->SizeOfRawData == 0) continue;
    if (!ldrp_in_image(module, section->VirtualAddress, 1)) continue;
    SIZE_T length = section->Misc.VirtualSize != 0 ? section->Misc.VirtualSize : section->SizeOfRawData;
    PVOID start = (char *)module->entry.DllBase + section->VirtualAddress;
    ULONG old = 0;
    NTSTATUS status =
        NtProtectVirtualMemory(CURRENT_PROCESS, &start, &length, restore ? saved[i] : PAGE_READWRITE, &old);
    if (!NT_SUCCESS(status)) return status;
    if (!restore) saved[i] = old;
  }
  return STATUS_SUCCESS;
}

static NTSTATUS apply_block(MODULE *module, const IMAGE_BASE_RELOCATION *block, ULONG delta) {
  const USHORT *entry = (const USHORT *)(block + 1);
  ULONG count = (block->SizeOfBlock - sizeof *block) / sizeof *entry;
  char *page = (char *)module->entry.DllBase + block->VirtualAddress;
  for (ULONG i = 0; i < count; i++) {
    ULONG type = entry[i] >> 12, offset = entry[i] & 0xFFF;
    if (type == IMAGE_REL_BASED_ABSOLUTE) continue;
    if (!ldrp_in_image(module, block->VirtualAddress + offset, 4)) return STATUS_INVALID_IMAGE_FORMAT;
    switch (type) {
    case IMAGE_REL_BASED_HIGHLOW: *(ULONG UNALIGNED *)(page + offset) += delta; break;
    case IMAGE_REL_BASED_HIGH: *(USHORT UNALIGNED *)(page + offset) += (USHORT)(delta >> 16); break;
    case IMAGE_REL_BASED_LOW: *(USHORT UNALIGNED *)(page + offset) += (USHORT)delta; break;
    default: return STATUS_INVALID_IMAGE_FORMAT;
    }
  }
  return STATUS_SUCCESS;
}

/* Fits an image to the place where it was mapped. CONFLICTING_ADDRESSES when it has no relocations. */
NTSTATUS ldrp_relocate(MODULE *module) {
  PIMAGE_NT_HEADERS headers = RtlImageNtHeader(module->entry.DllBase);
  ULONG delta = (ULONG)module->entry.DllBase - headers->OptionalHeader.ImageBase;
  if (delta == 0) return STATUS_SUCCESS;
  module->entry.Flags |= LDRP_IMAGE_NOT_AT_BASE;
  if (headers->FileHeader.Characteristics & IMAGE_FILE_RELOCS_STRIPPED) return STATUS_CONFLICTING_ADDRESSES;
  ULONG size = 0;
  const char *block = ldrp_directory(module, IMAGE_DIRECTORY_ENTRY_BASERELOC, sizeof(IMAGE_BASE_RELOCATION), &size);
  if (block == NULL) {
    // A directory that is present and empty says that nothing depends on the base.
    const IMAGE_DATA_DIRECTORY *entry = &headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_BASERELOC];
    return entry->VirtualAddress != 0 && entry->Size == 0 ? STATUS_SUCCESS : STATUS_INVALID_IMAGE_FORMAT;
  }
  ULONG saved[96];
  NTSTATUS status = protect_sections(module, headers, saved, FALSE);
  if (!NT_SUCCESS(status)) return status;
  while (size >= sizeof(IMAGE_BASE_RELOCATION)) {
    const IMAGE_BASE_RELOCATION *relocation = (const IMAGE_BASE_RELOCATION *)block;
    if (relocation->SizeOfBlock == 0 && relocation->VirtualAddress == 0) break;
    if (relocation->SizeOfBlock < sizeof *relocation || relocation->SizeOfBlock > size) return STATUS_INVALID_IMAGE_FORMAT;
    status = apply_block(module, relocation, delta);
    if (!NT_SUCCESS(status)) return status;
    block += relocation->SizeOfBlock;
    size -= relocation->SizeOfBlock;
  }
  status = protect_sections(module, headers, saved, TRUE);
  NtFlushInstructionCache(CURRENT_PROCESS, NULL, 0);
  return status;
}
