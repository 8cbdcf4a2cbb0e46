// The resource tree of an image: type, name, language; then a data entry.
#include "ntdll.h"

typedef struct { const char *start; ULONG size; } TREE;

static BOOLEAN open_tree(PVOID base, TREE *tree) {
  tree->start = RtlImageDirectoryEntryToData(base, TRUE, IMAGE_DIRECTORY_ENTRY_RESOURCE, &tree->size);
  return tree->start != NULL && tree->size >= sizeof(IMAGE_RESOURCE_DIRECTORY);
}

static BOOLEAN in_tree(const TREE *tree, ULONG offset, ULONG length) {
  return offset <= tree->size && length <= tree->size - offset;
}

static BOOLEAN entry_matches(const TREE *tree, const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry, ULONG_PTR id) {
  if (id < 0x10000) return !entry->NameIsString && entry->Id == id;
  if (!entry->NameIsString || !in_tree(tree, entry->NameOffset, sizeof(USHORT))) return FALSE;
  const IMAGE_RESOURCE_DIR_STRING_U *name = (const IMAGE_RESOURCE_DIR_STRING_U *)(tree->start + entry->NameOffset);
  if (!in_tree(tree, entry->NameOffset + sizeof(USHORT), name->Length * sizeof(WCHAR))) return FALSE;
  PCWSTR wanted = (PCWSTR)id;
  for (ULONG i = 0; i < name->Length; i++) {
    if (wanted[i] == 0 || RtlUpcaseUnicodeChar(name->NameString[i]) != RtlUpcaseUnicodeChar(wanted[i])) return FALSE;
  }
  return wanted[name->Length] == 0;
}

/* The entry with the id; with `any`, the first one when there is none. */
static const IMAGE_RESOURCE_DIRECTORY_ENTRY *find_entry(const TREE *tree, ULONG offset, ULONG_PTR id, BOOLEAN any) {
  if (!in_tree(tree, offset, sizeof(IMAGE_RESOURCE_DIRECTORY))) return NULL;
  const IMAGE_RESOURCE_DIRECTORY *directory = (const IMAGE_RESOURCE_DIRECTORY *)(tree->start + offset);
  ULONG count = directory->NumberOfNamedEntries + directory->NumberOfIdEntries;
  if (!in_tree(tree, offset + sizeof *directory, count * sizeof(IMAGE_RESOURCE_DIRECTORY_ENTRY))) return NULL;
  const IMAGE_RESOURCE_DIRECTORY_ENTRY *entries = (const IMAGE_RESOURCE_DIRECTORY_ENTRY *)(directory + 1);
  for (ULONG i = 0; i < count; i++) {
    if (entry_matches(tree, &entries[i], id)) return &entries[i];
  }
  return any && count > 0 ? entries : NULL;
}

static NTSTATUS find(PVOID base, const ULONG_PTR *path, ULONG levels, BOOLEAN wantDirectory, PVOID *result) {
  static const NTSTATUS missing[] = { STATUS_RESOURCE_TYPE_NOT_FOUND, STATUS_RESOURCE_NAME_NOT_FOUND,
                                      STATUS_RESOURCE_LANG_NOT_FOUND };
  TREE tree;
  ULONG offset = 0;
  if (!open_tree(base, &tree)) return STATUS_RESOURCE_DATA_NOT_FOUND;
  for (ULONG level = 0; level < levels; level++) {
    const IMAGE_RESOURCE_DIRECTORY_ENTRY *entry = find_entry(&tree, offset, path[level], level == 2);
    if (entry == NULL) return level < ARRAY_LENGTH(missing) ? missing[level] : STATUS_INVALID_PARAMETER;
    BOOLEAN last = level + 1 == levels;
    if (!entry->DataIsDirectory && (!last || wantDirectory)) return STATUS_RESOURCE_DATA_NOT_FOUND;
    if (entry->DataIsDirectory && last && !wantDirectory) return STATUS_RESOURCE_DATA_NOT_FOUND;
    offset = entry->DataIsDirectory ? entry->OffsetToDirectory : entry->OffsetToData;
  }
  if (!in_tree(&tree, offset, sizeof(IMAGE_RESOURCE_DATA_ENTRY))) return STATUS_RESOURCE_DATA_NOT_FOUND;
  *result = (PVOID)(tree.start + offset);
  return STATUS_SUCCESS;
}

/* path: type, name, language (an absent language gives the first one). */
NTSTATUS NTAPI LdrFindResource_U(PVOID base, const ULONG_PTR *path, ULONG levels, PVOID *entry) {
  return find(base, path, levels, FALSE, entry);
}
NTSTATUS NTAPI LdrFindResourceDirectory_U(PVOID base, const ULONG_PTR *path, ULONG levels, PVOID *directory) {
  return find(base, path, levels, TRUE, directory);
}

/* Data entries hold image-relative addresses; in a file mapped as data these are looked up through the sections. */
NTSTATUS NTAPI LdrAccessResource(PVOID base, PVOID entry, PVOID *address, ULONG *size) {
  const IMAGE_RESOURCE_DATA_ENTRY *data = entry;
  TREE tree;
  if (!open_tree(base, &tree)) return STATUS_RESOURCE_DATA_NOT_FOUND;
  if (size != NULL) *size = data->Size;
  if (address == NULL) return STATUS_SUCCESS;
  PVOID start = (PVOID)((ULONG_PTR)base & ~(ULONG_PTR)3);
  ULONG rva = RtlImageNtHeader(start)->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_RESOURCE].VirtualAddress;
  if ((ULONG_PTR)base & 1) *address = (PVOID)(tree.start + (data->OffsetToData - rva));
  else *address = (char *)start + data->OffsetToData;
  return STATUS_SUCCESS;
}
