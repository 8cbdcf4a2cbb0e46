// FormatMessage: texts of the system's errors, of a module's message table, or of the caller; and the insertion of arguments.
#include "kernel32.h"
#include "messages.h"

#define MESSAGE_TABLE_TYPE 11
#define MAXIMUM_MESSAGE 32768u

typedef struct { PWSTR text; ULONG length, capacity, column, width; BOOLEAN failed; } OUTPUT;

static void put(OUTPUT *output, WCHAR c) {
  if (output->length + 1 >= output->capacity) {
    ULONG capacity = output->capacity == 0 ? 256 : output->capacity * 2;
    PWSTR grown = capacity > MAXIMUM_MESSAGE * 2 ? NULL
                  : output->text == NULL         ? RtlAllocateHeap(process_heap(), 0, capacity * sizeof(WCHAR))
                                         : RtlReAllocateHeap(process_heap(), 0, output->text, capacity * sizeof(WCHAR));
    if (grown == NULL) {
      output->failed = TRUE;
      return;
    }
    output->text = grown;
    output->capacity = capacity;
  }
  output->text[output->length++] = c;
  output->column = c == L'\n' ? 0 : output->column + 1;
}

static void put_text(OUTPUT *output, PCWSTR text, ULONG limit) {
  for (ULONG i = 0; i < limit && text[i] != 0; i++) put(output, text[i]);
}

/* The arguments are read in order and kept, so that a message can use them in any order. */
typedef struct { DWORD_PTR values[100]; ULONG count; va_list *list; DWORD_PTR *array; } ARGUMENTS;

static DWORD_PTR argument(ARGUMENTS *arguments, ULONG index) {
  if (arguments->array != NULL) return arguments->array[index];
  if (arguments->list == NULL) return 0;
  while (arguments->count <= index) arguments->values[arguments->count++] = __builtin_va_arg(*arguments->list, DWORD_PTR);
  return arguments->values[index];
}

/* printf's specification of one insert: flags, width, precision, size, kind. `wide`: what a plain %s means. */
static void put_insert(OUTPUT *output, PCWSTR specification, ARGUMENTS *arguments, ULONG index, BOOLEAN wide) {
  BOOLEAN left = FALSE, zero = FALSE, is64 = FALSE;
  ULONG width = 0, precision = 0xFFFFFFFF;
  for (;; specification++) {
    if (*specification == L'-') left = TRUE;
    else if (*specification == L'0') zero = TRUE;
    else if (*specification != L'#' && *specification != L'+' && *specification != L' ') break;
  }
  if (*specification == L'*') width = (ULONG)argument(arguments, index++), specification++;
  while (*specification >= L'0' && *specification <= L'9') width = width * 10 + *specification++ - L'0';
  if (*specification == L'.') {
    precision = 0;
    specification++;
    if (*specification == L'*') precision = (ULONG)argument(arguments, index++), specification++;
    while (*specification >= L'0' && *specification <= L'9') precision = precision * 10 + *specification++ - L'0';
  }
  BOOLEAN isWide = wide;
  for (;; specification++) {
    if (*specification == L'l' || *specification == L'w') isWide = TRUE;
    else if (*specification == L'h') isWide = FALSE;
    else if (specification[0] == L'I' && specification[1] == L'6' && specification[2] == L'4') is64 = TRUE, specification += 2;
    else break;
  }
  WCHAR kind = *specification, digits[80];
  PWSTR owned = NULL;
  PCWSTR text = digits;
  if (kind == L'S') isWide = !wide, kind = L's';
  if (kind == L'C') isWide = !wide, kind = L'c';
  DWORD_PTR value = argument(arguments, index);
  if (kind == L's') {
    if (value == 0) text = L"(null)";
    else if (isWide) text = (PCWSTR)value;
    else text = owned = wide_copy((const char *)value);
    if (text == NULL) text = L"";
  } else if (kind == L'c') {
    digits[0] = isWide ? (WCHAR)value : (UCHAR)value;
    digits[1] = 0;
  } else {
    ULONGLONG number = value;
    if (is64) number |= (ULONGLONG)argument(arguments, index + 1) << 32;
    BOOLEAN isSigned = kind == L'd' || kind == L'i', negative = FALSE;
    if (isSigned && !is64) number = (ULONGLONG)(LONGLONG)(LONG)value;
    if (isSigned && (LONGLONG)number < 0) negative = TRUE, number = 0 - number;
    ULONG base = kind == L'x' || kind == L'X' || kind == L'p' ? 16 : kind == L'o' ? 8 : 10, at = 79;
    PCWSTR set = kind == L'x' ? L"0123456789abcdef" : L"0123456789ABCDEF";
    if (kind == L'p') precision = 8;
    digits[at] = 0;
    while (number != 0 || at == 79 || (precision != 0xFFFFFFFF && 79 - at < precision && at > 2)) {
      digits[--at] = set[number % base];
      number /= base;
    }
    while (zero && !left && 79 - at + negative < width && at > 2) digits[--at] = L'0';
    if (negative) digits[--at] = L'-';
    text = digits + at;
    precision = 0xFFFFFFFF;
  }
  ULONG length = 0;
  while (length < precision && text[length] != 0) length++;
  for (ULONG i = length; !left && i < width; i++) put(output, L' ');
  put_text(output, text, length);
  for (ULONG i = length; left && i < width; i++) put(output, L' ');
  release(owned);
}

/* %n!spec! inserts, %0 ends the message, %n hard line break, other characters stand for themselves. */
static void expand(OUTPUT *output, PCWSTR source, DWORD flags, ARGUMENTS *arguments, BOOLEAN wide) {
  ULONG wrap = flags & FORMAT_MESSAGE_MAX_WIDTH_MASK;
  for (; *source != 0; source++) {
    if (wrap != 0 && (*source == L'\r' || *source == L'\n')) {
      if (*source == L'\r' && source[1] == L'\n') source++;
      if (output->length > 0 && output->text[output->length - 1] != L' ') put(output, L' ');
      continue;
    }
    if (*source == L'\n' && (output->length == 0 || output->text[output->length - 1] != L'\r')) put(output, L'\r');
    if (*source != L'%') {
      put(output, *source);
      continue;
    }
    source++;
    if (*source == L'0') return;
    if (*source >= L'1' && *source <= L'9') {
      ULONG index = *source - L'0';
      if (source[1] >= L'0' && source[1] <= L'9') index = index * 10 + *++source - L'0';
      WCHAR specification[32] = L"s";
      if (source[1] == L'!') {
        PCWSTR start = source + 2, end = start;
        while (*end != 0 && *end != L'!') end++;
        ULONG length = (ULONG)(end - start);
        if (*end == L'!' && length > 0 && length < ARRAY_LENGTH(specification)) {
          memcpy(specification, start, length * sizeof(WCHAR));
          specification[length] = 0;
          source = end;
        }
      }
      if (!(flags & FORMAT_MESSAGE_IGNORE_INSERTS)) {
        put_insert(output, specification, arguments, index - 1, wide);
      } else {
        WCHAR kept[8];
        format_wide(kept, 8, L"%%%u", index);
        put_text(output, kept, 8);
      }
      continue;
    }
    switch (*source) {
    case L'n': put(output, L'\r'), put(output, L'\n'); break;
    case L'r': put(output, L'\r'); break;
    case L't': put(output, L'\t'); break;
    case L'b': put(output, L' '); break;
    case 0: return;
    default: put(output, *source);
    }
  }
}

/* Message tables: blocks of consecutive ids, entries in ANSI or Unicode. */
static PWSTR module_message(HMODULE module, DWORD id, DWORD language) {
  HRSRC resource = FindResourceExW(module, MAKEINTRESOURCEW(MESSAGE_TABLE_TYPE), MAKEINTRESOURCEW(1), (WORD)language);
  const char *table = resource == NULL ? NULL : LoadResource(module, resource);
  ULONG size = resource == NULL ? 0 : SizeofResource(module, resource);
  if (table == NULL || size < sizeof(ULONG)) return NULL;
  const MESSAGE_RESOURCE_DATA *data = (const MESSAGE_RESOURCE_DATA *)table;
  for (ULONG i = 0; i < data->NumberOfBlocks && sizeof(ULONG) + (i + 1) * sizeof(MESSAGE_RESOURCE_BLOCK) <= size; i++) {
    const MESSAGE_RESOURCE_BLOCK *block = &data->Blocks[i];
    if (id < block->LowId || id > block->HighId) continue;
    ULONG offset = block->OffsetToEntries;
    for (DWORD at = block->LowId; offset + sizeof(MESSAGE_RESOURCE_ENTRY) <= size; at++) {
      const MESSAGE_RESOURCE_ENTRY *entry = (const MESSAGE_RESOURCE_ENTRY *)(table + offset);
      if (entry->Length < 4 || entry->Length > size - offset) return NULL;
      if (at == id && (entry->Flags & MESSAGE_RESOURCE_UNICODE)) {
        PWSTR copy = allocate(entry->Length);
        if (copy != NULL) memcpy(copy, entry->Text, entry->Length - 4u), copy[(entry->Length - 4u) / 2] = 0;
        return copy;
      }
      if (at == id) {
        char *narrow = allocate(entry->Length);
        if (narrow == NULL) return NULL;
        memcpy(narrow, entry->Text, entry->Length - 4u);
        narrow[entry->Length - 4u] = 0;
        PWSTR copy = wide_copy(narrow);
        release(narrow);
        return copy;
      }
      offset += entry->Length;
    }
  }
  return NULL;
}

static PWSTR system_message(DWORD id) {
  if ((id & 0xFFFF0000) == 0x80070000) id &= 0xFFFF;
  for (ULONG i = 0; i < ARRAY_LENGTH(system_messages); i++) {
    if (system_messages[i].id != id) continue;
    ULONG length = (ULONG)strlen(system_messages[i].text);
    char *line = allocate(length + 3);
    if (line == NULL) return NULL;
    memcpy(line, system_messages[i].text, length);
    memcpy(line + length, "\r\n", 3);
    PWSTR copy = wide_copy(line);
    release(line);
    return copy;
  }
  return NULL;
}

/* A heap copy of the message before insertion, or NULL with the last error set. */
static PWSTR find_message(DWORD flags, LPCVOID source, DWORD id, DWORD language) {
  PWSTR text = NULL;
  if (flags & FORMAT_MESSAGE_FROM_HMODULE) {
    text = module_message(source != NULL ? (HMODULE)source : (HMODULE)current_peb()->ImageBaseAddress, id, language);
  }
  if (text == NULL && (flags & FORMAT_MESSAGE_FROM_SYSTEM)) text = system_message(id);
  if (text == NULL) set_last_error(ERROR_MR_MID_NOT_FOUND);
  return text;
}

static BOOLEAN build(OUTPUT *output, DWORD flags, PWSTR message, va_list *list, BOOLEAN wide) {
  static ARGUMENTS const empty;
  ARGUMENTS arguments = empty;
  if (flags & FORMAT_MESSAGE_ARGUMENT_ARRAY) arguments.array = (DWORD_PTR *)list;
  else arguments.list = list;
  expand(output, message, flags, &arguments, wide);
  put(output, 0);
  if (output->failed) {
    release(output->text);
    return refuse(ERROR_NOT_ENOUGH_MEMORY) != 0;
  }
  output->length--;
  return TRUE;
}

DWORD WINAPI FormatMessageW(DWORD flags, LPCVOID source, DWORD id, DWORD language, LPWSTR buffer, DWORD size, va_list *list) {
  OUTPUT output = { 0 };
  if (buffer == NULL) return refuse(ERROR_INVALID_PARAMETER);
  BOOLEAN given = (flags & FORMAT_MESSAGE_FROM_STRING) != 0;
  PWSTR message = given ? (PWSTR)source : find_message(flags, source, id, language);
  if (message == NULL) return 0;
  BOOLEAN built = build(&output, flags, message, list, TRUE);
  if (!given) release(message);
  if (!built) return 0;
  if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) {
    SIZE_T count = output.length + 1 > size ? output.length + 1 : size;
    PWSTR block = LocalAlloc(LMEM_FIXED, count * sizeof(WCHAR));
    *(PWSTR *)buffer = block;
    if (block != NULL) memcpy(block, output.text, (output.length + 1) * sizeof(WCHAR));
    else output.length = 0;
  } else if (output.length + 1 > size) {
    output.length = (ULONG)refuse(ERROR_INSUFFICIENT_BUFFER);
  } else {
    memcpy(buffer, output.text, (output.length + 1) * sizeof(WCHAR));
  }
  release(output.text);
  return output.length;
}

DWORD WINAPI FormatMessageA(DWORD flags, LPCVOID source, DWORD id, DWORD language, LPSTR buffer, DWORD size, va_list *list) {
  OUTPUT output = { 0 };
  if (buffer == NULL) return refuse(ERROR_INVALID_PARAMETER);
  PWSTR message = flags & FORMAT_MESSAGE_FROM_STRING ? wide_copy(source) : find_message(flags, source, id, language);
  if (message == NULL) return 0;
  BOOLEAN built = build(&output, flags, message, list, FALSE);
  release(message);
  if (!built) return 0;
  char *target = buffer;
  if (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) {
    target = LocalAlloc(LMEM_FIXED, output.length + 1 > size ? output.length + 1 : size);
    *(char **)buffer = target;
    if (target == NULL) output.length = 0;
  } else if (output.length + 1 > size) {
    target = NULL;
    output.length = (ULONG)refuse(ERROR_INSUFFICIENT_BUFFER);
  }
  ULONG used;
  if (target != NULL) {
    RtlUnicodeToMultiByteN(target, output.length, &used, output.text, output.length * sizeof(WCHAR));
    target[output.length] = 0;
  }
  release(output.text);
  return output.length;
}
