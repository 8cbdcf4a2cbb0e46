// The environment block (NAME=value strings, each ended by 0, the block by a second 0) and the parameters' search path.
#include "ntdll.h"

static BOOLEAN names_equal(PCWSTR entry, PCUNICODE_STRING name) {
  ULONG length = name->Length / sizeof(WCHAR);
  for (ULONG i = 0; i < length; i++) {
    if (entry[i] == 0 || RtlUpcaseUnicodeChar(entry[i]) != RtlUpcaseUnicodeChar(name->Buffer[i])) return FALSE;
  }
  return entry[length] == L'=';
}

static PWSTR find_variable(PWSTR environment, PCUNICODE_STRING name) {
  if (environment == NULL || name->Length == 0) return NULL;
  for (PWSTR entry = environment; *entry != 0; entry += wcslen(entry) + 1) {
    if (names_equal(entry, name)) return entry;
  }
  return NULL;
}

static SIZE_T block_length(PCWSTR environment) {
  PCWSTR end = environment;
  while (*end != 0) end += wcslen(end) + 1;
  return (SIZE_T)(end - environment) + 1;
}

/* value->Length is set to what is needed also when BUFFER_TOO_SMALL is returned. VARIABLE_NOT_FOUND. */
NTSTATUS NTAPI RtlQueryEnvironmentVariable_U(PWSTR environment, PCUNICODE_STRING name, PUNICODE_STRING value) {
  if (environment == NULL) RtlAcquirePebLock();
  PWSTR entry = find_variable(environment != NULL ? environment : current_peb()->ProcessParameters->Environment, name);
  NTSTATUS status = STATUS_VARIABLE_NOT_FOUND;
  value->Length = 0;
  if (entry != NULL) {
    PWSTR text = entry + name->Length / sizeof(WCHAR) + 1;
    ULONG bytes = (ULONG)wcslen(text) * sizeof(WCHAR);
    value->Length = (USHORT)bytes;
    status = bytes > value->MaximumLength ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
    if (NT_SUCCESS(status)) {
      memcpy(value->Buffer, text, bytes);
      if (bytes + sizeof(WCHAR) <= value->MaximumLength) value->Buffer[bytes / sizeof(WCHAR)] = 0;
    }
  }
  if (environment == NULL) RtlReleasePebLock();
  return status;
}

static int compare_entry(PCWSTR entry, PCUNICODE_STRING name) {
  ULONG length = name->Length / sizeof(WCHAR);
  for (ULONG i = 0;; i++) {
    WCHAR a = entry[i] == L'=' && i > 0 ? 0 : RtlUpcaseUnicodeChar(entry[i]);
    WCHAR b = i == length ? 0 : RtlUpcaseUnicodeChar(name->Buffer[i]);
    if (a != b) return a < b ? -1 : 1;
    if (a == 0) return 0;
  }
}

/* A copy of the block with the variable set (value NULL: removed). Names stay in alphabetical order. */
static PWSTR changed_copy(PCWSTR old, PCUNICODE_STRING name, PCUNICODE_STRING value) {
  SIZE_T length = block_length(old);
  SIZE_T extra = value == NULL ? 0 : (name->Length + value->Length) / sizeof(WCHAR) + 2;
  PWSTR block = RtlAllocateHeap(process_heap(), 0, (length + extra + 1) * sizeof(WCHAR));
  if (block == NULL) return NULL;
  PWSTR to = block;
  BOOLEAN placed = value == NULL;
  for (PCWSTR from = old;; from += wcslen(from) + 1) {
    int order = *from == 0 ? 1 : compare_entry(from, name);
    if (!placed && (order > 0 || order == 0) && (*from == 0 || *from != L'=')) {
      memcpy(to, name->Buffer, name->Length);
      to += name->Length / sizeof(WCHAR);
      *to++ = L'=';
      memcpy(to, value->Buffer, value->Length);
      to += value->Length / sizeof(WCHAR);
      *to++ = 0;
      placed = TRUE;
    }
    if (*from == 0) break;
    if (order == 0) continue;
    SIZE_T count = wcslen(from) + 1;
    memcpy(to, from, count * sizeof(WCHAR));
    to += count;
  }
  *to++ = 0;
  *to = 0;
  return block;
}

/* environment NULL: the process's own. value NULL removes. The old block is left to its readers. */
NTSTATUS NTAPI RtlSetEnvironmentVariable(PWSTR *environment, PCUNICODE_STRING name, PCUNICODE_STRING value) {
  if (name->Length == 0) return STATUS_INVALID_PARAMETER;
  for (ULONG i = 1; i < name->Length / sizeof(WCHAR); i++) {
    if (name->Buffer[i] == L'=') return STATUS_INVALID_PARAMETER;
  }
  RtlAcquirePebLock();
  PWSTR *slot = environment != NULL ? environment : &current_peb()->ProcessParameters->Environment;
  NTSTATUS status = STATUS_SUCCESS;
  if (value == NULL && find_variable(*slot, name) == NULL) {
    status = STATUS_VARIABLE_NOT_FOUND;
  } else {
    PWSTR block = changed_copy(*slot != NULL ? *slot : L"\0", name, value);
    if (block == NULL) status = STATUS_NO_MEMORY;
    else *slot = block;
  }
  if (environment == NULL) current_peb()->EnvironmentUpdateCount++;
  RtlReleasePebLock();
  return status;
}

/* Replaces %NAME% by its value; unknown names stay as they are. needed: bytes with the terminator. */
NTSTATUS NTAPI RtlExpandEnvironmentStrings_U(PWSTR environment, PCUNICODE_STRING source, PUNICODE_STRING target, PULONG needed) {
  ULONG length = source->Length / sizeof(WCHAR), out = 0, room = target->MaximumLength / sizeof(WCHAR);
  RtlAcquirePebLock();
  PWSTR block = environment != NULL ? environment : current_peb()->ProcessParameters->Environment;
  for (ULONG i = 0; i < length; i++) {
    WCHAR c = source->Buffer[i];
    if (c == L'%') {
      ULONG end = i + 1;
      while (end < length && source->Buffer[end] != L'%') end++;
      UNICODE_STRING name = { (USHORT)((end - i - 1) * sizeof(WCHAR)), 0, source->Buffer + i + 1 };
      PWSTR entry = end < length ? find_variable(block, &name) : NULL;
      if (entry != NULL) {
        for (PWSTR text = entry + name.Length / sizeof(WCHAR) + 1; *text != 0; text++, out++) {
          if (out < room) target->Buffer[out] = *text;
        }
        i = end;
        continue;
      }
    }
    if (out < room) target->Buffer[out] = c;
    out++;
  }
  RtlReleasePebLock();
  if (needed != NULL) *needed = (out + 1) * sizeof(WCHAR);
  if (out >= room) return STATUS_BUFFER_TOO_SMALL;
  target->Buffer[out] = 0;
  target->Length = (USHORT)(out * sizeof(WCHAR));
  return STATUS_SUCCESS;
}

/* Program's folder; system32; system; the Windows folder; the current folder; PATH. */
static NTSTATUS make_search_path(PRTL_USER_PROCESS_PARAMETERS parameters) {
  UNICODE_STRING name = UNICODE_LITERAL(L"PATH");
  PWSTR entry = find_variable(parameters->Environment, &name);
  PCWSTR tail = entry != NULL ? entry + 5 : L"";
  PCWSTR root = SHARED_USER_DATA->NtSystemRoot;
  ULONG folder = parameters->ImagePathName.Length / sizeof(WCHAR);
  while (folder > 0 && parameters->ImagePathName.Buffer[folder - 1] != L'\\') folder--;
  SIZE_T capacity = (folder + wcslen(tail) + wcslen(root) * 3 + 64) * sizeof(WCHAR);
  if (capacity > 0xFFFE) capacity = 0xFFFE;
  UNICODE_STRING path = { 0, (USHORT)capacity, RtlAllocateHeap(process_heap(), 0, capacity) };
  if (path.Buffer == NULL) return STATUS_NO_MEMORY;
  UNICODE_STRING own = { (USHORT)(folder * sizeof(WCHAR)), 0, parameters->ImagePathName.Buffer };
  RtlAppendUnicodeStringToString(&path, &own);
  static const PCWSTR parts[] = { L"\\system32", L"\\system", L"" };
  for (ULONG i = 0; i < ARRAY_LENGTH(parts); i++) {
    RtlAppendUnicodeToString(&path, L";");
    RtlAppendUnicodeToString(&path, root);
    RtlAppendUnicodeToString(&path, parts[i]);
  }
  RtlAppendUnicodeToString(&path, L";.;");
  RtlAppendUnicodeToString(&path, tail);
  path.Buffer[path.Length / sizeof(WCHAR)] = 0;
  parameters->DllPath = path;
  return STATUS_SUCCESS;
}

NTSTATUS rtlp_initialize_environment(void) {
  PRTL_USER_PROCESS_PARAMETERS parameters = current_peb()->ProcessParameters;
  if (parameters->DllPath.Buffer == NULL || parameters->DllPath.Length == 0) return make_search_path(parameters);
  return STATUS_SUCCESS;
}
