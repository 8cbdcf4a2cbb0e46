// Implicit thread-local storage: an index and a template per module, a vector of blocks per thread.
#include "ntdll.h"

typedef struct template {
  LIST_ENTRY links;
  MODULE *module;
  const char *data;
  ULONG dataBytes, zeroBytes, index;
  const PIMAGE_TLS_CALLBACK *callbacks;
} TEMPLATE;

// Stands before the blocks of a thread, so that modules loaded later reach the threads that already run.
typedef struct vector {
  LIST_ENTRY links;
  PTEB teb;
  ULONG capacity;
  PVOID blocks[];
} VECTOR;

static LIST_ENTRY templates = { &templates, &templates };
static LIST_ENTRY vectors = { &vectors, &vectors };
static ULONG index_count;

static TEMPLATE *template_of(const MODULE *module) {
  for (LIST_ENTRY *link = templates.Flink; link != &templates; link = link->Flink) {
    if (((TEMPLATE *)link)->module == module) return (TEMPLATE *)link;
  }
  return NULL;
}

static ULONG unused_index(void) {
  for (ULONG index = 0;; index++) {
    LIST_ENTRY *link = templates.Flink;
    while (link != &templates && ((TEMPLATE *)link)->index != index) link = link->Flink;
    if (link == &templates) return index;
  }
}

static VECTOR *vector_of(PTEB teb) {
  if (teb->ThreadLocalStoragePointer == NULL) return NULL;
  return CONTAINING_RECORD(teb->ThreadLocalStoragePointer, VECTOR, blocks);
}

static PVOID make_block(const TEMPLATE *template) {
  char *block = RtlAllocateHeap(process_heap(), 0, template->dataBytes + template->zeroBytes + 1);
  if (block == NULL) return NULL;
  memcpy(block, template->data, template->dataBytes);
  memset(block + template->dataBytes, 0, template->zeroBytes);
  return block;
}

static VECTOR *make_vector(PTEB teb, ULONG capacity) {
  VECTOR *vector = RtlAllocateHeap(process_heap(), HEAP_ZERO_MEMORY, sizeof *vector + capacity * sizeof(PVOID));
  if (vector == NULL) return NULL;
  vector->teb = teb;
  vector->capacity = capacity;
  return vector;
}

/* Gives a thread its block. The old vector of another thread is left alone: its owner may be reading it. */
static NTSTATUS give_block(VECTOR *vector, const TEMPLATE *template) {
  if (template->index >= vector->capacity) {
    VECTOR *grown = make_vector(vector->teb, template->index + 8);
    if (grown == NULL) return STATUS_NO_MEMORY;
    memcpy(grown->blocks, vector->blocks, vector->capacity * sizeof(PVOID));
    list_insert_tail(&vectors, &grown->links);
    list_remove(&vector->links);
    vector->teb->ThreadLocalStoragePointer = grown->blocks;
    vector = grown;
  }
  vector->blocks[template->index] = make_block(template);
  return vector->blocks[template->index] == NULL ? STATUS_NO_MEMORY : STATUS_SUCCESS;
}

static BOOLEAN address_in_image(const MODULE *module, ULONG address, ULONG length) {
  ULONG base = (ULONG)module->entry.DllBase;
  if (length == 0) return address - base <= module->entry.SizeOfImage;
  return address >= base && ldrp_in_image(module, address - base, length);
}

/* Reads the module's TLS directory, if it has one, and gives every running thread its block. */
NTSTATUS ldrp_tls_add(MODULE *module) {
  ULONG size = 0;
  const IMAGE_TLS_DIRECTORY32 *directory =
      ldrp_directory(module, IMAGE_DIRECTORY_ENTRY_TLS, sizeof(IMAGE_TLS_DIRECTORY32), &size);
  if (directory == NULL) return STATUS_SUCCESS;
  ULONG dataBytes = directory->EndAddressOfRawData - directory->StartAddressOfRawData;
  if (directory->EndAddressOfRawData < directory->StartAddressOfRawData || directory->SizeOfZeroFill > 0x1000000 ||
      !address_in_image(module, directory->StartAddressOfRawData, dataBytes) ||
      !address_in_image(module, directory->AddressOfIndex, sizeof(ULONG)) ||
      (directory->AddressOfCallBacks != 0 && !address_in_image(module, directory->AddressOfCallBacks, sizeof(ULONG)))) {
    return STATUS_INVALID_IMAGE_FORMAT;
  }
  TEMPLATE *template = RtlAllocateHeap(process_heap(), 0, sizeof *template);
  if (template == NULL) return STATUS_NO_MEMORY;
  template->module = module;
  template->data = (const char *)directory->StartAddressOfRawData;
  template->dataBytes = dataBytes;
  template->zeroBytes = directory->SizeOfZeroFill;
  template->callbacks = (const PIMAGE_TLS_CALLBACK *)directory->AddressOfCallBacks;
  template->index = unused_index();
  list_insert_tail(&templates, &template->links);
  if (template->index >= index_count) index_count = template->index + 1;
  module->entry.TlsIndex = (USHORT)-1;
  PULONG slot = (PULONG)directory->AddressOfIndex;
  ULONG old = 0;
  if (!ldrp_make_writable(slot, sizeof *slot, &old)) return STATUS_INVALID_IMAGE_FORMAT;
  *slot = template->index;
  if (old != PAGE_READWRITE && old != PAGE_WRITECOPY) ldrp_restore_protection(slot, sizeof *slot, old);
  LIST_ENTRY *link = vectors.Flink;
  while (link != &vectors) {
    VECTOR *vector = (VECTOR *)link;
    link = link->Flink;
    NTSTATUS status = give_block(vector, template);
    if (!NT_SUCCESS(status)) return status;
  }
  return STATUS_SUCCESS;
}

void ldrp_tls_remove(MODULE *module) {
  TEMPLATE *template = template_of(module);
  if (template == NULL) return;
  for (LIST_ENTRY *link = vectors.Flink; link != &vectors; link = link->Flink) {
    VECTOR *vector = (VECTOR *)link;
    if (template->index >= vector->capacity || vector->blocks[template->index] == NULL) continue;
    RtlFreeHeap(process_heap(), 0, vector->blocks[template->index]);
    vector->blocks[template->index] = NULL;
  }
  list_remove(&template->links);
  RtlFreeHeap(process_heap(), 0, template);
}

NTSTATUS ldrp_tls_thread_start(void) {
  PTEB teb = current_teb();
  VECTOR *vector = make_vector(teb, index_count + 4);
  if (vector == NULL) return STATUS_NO_MEMORY;
  list_insert_tail(&vectors, &vector->links);
  teb->ThreadLocalStoragePointer = vector->blocks;
  for (LIST_ENTRY *link = templates.Flink; link != &templates; link = link->Flink) {
    NTSTATUS status = give_block(vector_of(teb), (TEMPLATE *)link);
    if (!NT_SUCCESS(status)) return status;
  }
  return STATUS_SUCCESS;
}

void ldrp_tls_thread_end(void) {
  PTEB teb = current_teb();
  VECTOR *vector = vector_of(teb);
  if (vector == NULL) return;
  teb->ThreadLocalStoragePointer = NULL;
  list_remove(&vector->links);
  for (ULONG i = 0; i < vector->capacity; i++) {
    if (vector->blocks[i] != NULL) RtlFreeHeap(process_heap(), 0, vector->blocks[i]);
  }
  RtlFreeHeap(process_heap(), 0, vector);
}

void ldrp_tls_call(MODULE *module, ULONG reason, PVOID reserved) {
  const TEMPLATE *template = template_of(module);
  if (template == NULL || template->callbacks == NULL) return;
  for (const PIMAGE_TLS_CALLBACK *callback = template->callbacks; *callback != NULL; callback++) {
    ULONG rva = (ULONG)(callback + 1) - (ULONG)module->entry.DllBase;
    RtlpCallEntry((PVOID)*callback, module->entry.DllBase, reason, reserved);
    if (!ldrp_in_image(module, rva, sizeof *callback)) return;
  }
}
