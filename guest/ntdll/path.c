// DOS path names: classification, full paths, translation to NT names, searching.
#include "ntdll.h"

enum path_type { PathUnknown, PathUncAbsolute, PathDriveAbsolute, PathDriveRelative, PathRooted, PathRelative,
                 PathLocalDevice, PathRootLocalDevice };
#define MAXIMUM_NAME 32767u
/* Characters of a full DOS path with its terminator (MAX_PATH); names behind "\\?\" go beyond. */
#define MAXIMUM_DOS_PATH 260u

static BOOLEAN is_separator(WCHAR c) { return c == L'\\' || c == L'/'; }

ULONG NTAPI RtlDetermineDosPathNameType_U(PCWSTR path) {
  if (is_separator(path[0])) {
    if (!is_separator(path[1])) return PathRooted;
    if (path[2] != L'.' && path[2] != L'?') return PathUncAbsolute;
    if (is_separator(path[3])) return PathLocalDevice;
    return path[3] == 0 ? PathRootLocalDevice : PathUncAbsolute;
  }
  if (path[0] != 0 && path[1] == L':') return is_separator(path[2]) ? PathDriveAbsolute : PathDriveRelative;
  return PathRelative;
}

static BOOLEAN matches_device(PCWSTR name, ULONG length, const char *device) {
  ULONG i = 0;
  for (; i < length && device[i] != 0; i++) {
    WCHAR c = RtlUpcaseUnicodeChar(name[i]);
    if (device[i] == '#' ? (c < L'1' || c > L'9') : c != (WCHAR)device[i]) return FALSE;
  }
  return i == length && device[i] == 0;
}

/* Offset and length in bytes of a DOS device name (NUL, CON, COM1 ...) that the path ends with, 0 when it does not. */
ULONG NTAPI RtlIsDosDeviceName_U(PCWSTR path) {
  static const char *const devices[] = { "NUL", "CON", "PRN", "AUX", "COM#", "LPT#", "CONIN$", "CONOUT$" };
  ULONG type = RtlDetermineDosPathNameType_U(path);
  if (type == PathUncAbsolute || type == PathLocalDevice || type == PathRootLocalDevice) return 0;
  ULONG end = (ULONG)wcslen(path), start, length = 0;
  if (end > 0 && path[end - 1] == L':') end--;
  for (start = end; start > 0 && !is_separator(path[start - 1]) && !(start == 2 && path[1] == L':');) start--;
  while (start + length < end && path[start + length] != L'.' && path[start + length] != L':') length++;
  while (length > 0 && path[start + length - 1] == L' ') length--;
  for (ULONG i = 0; i < ARRAY_LENGTH(devices); i++) {
    if (matches_device(path + start, length, devices[i])) return (start * sizeof(WCHAR)) << 16 | length * sizeof(WCHAR);
  }
  return 0;
}

typedef struct { PWSTR text; ULONG length, capacity, floor; } BUILDER;

static void put(BUILDER *builder, WCHAR c) {
  if (builder->length < builder->capacity) builder->text[builder->length] = c;
  builder->length++;
}

/* Adds the components of `path`, folding ".", ".." and repeated separators; nothing climbs above the root at `floor`. */
static void put_components(BUILDER *builder, PCWSTR path) {
  while (*path != 0) {
    while (is_separator(*path)) path++;
    PCWSTR start = path;
    while (*path != 0 && !is_separator(*path)) path++;
    ULONG length = (ULONG)(path - start);
    if (length == 0) break;
    if (length == 1 && start[0] == L'.') continue;
    if (length == 2 && start[0] == L'.' && start[1] == L'.') {
      while (builder->length > builder->floor && builder->text[--builder->length] != L'\\') {}
      continue;
    }
    BOOLEAN isLast = *path == 0;
    if (isLast) {
      while (length > 0 && (start[length - 1] == L'.' || start[length - 1] == L' ')) length--;
    } else if (start[length - 1] == L'.' && length > 1 && start[length - 2] != L'.') {
      length--;
    }
    if (length == 0) break;
    if (builder->length == 0 || builder->length > builder->capacity || builder->text[builder->length - 1] != L'\\') {
      put(builder, L'\\');
    }
    for (ULONG i = 0; i < length && builder->length < builder->capacity; i++) put(builder, start[i]);
  }
}

static PCWSTR current_directory(void) { return current_peb()->ProcessParameters->CurrentDirectory.DosPath.Buffer; }

/* Builds the full path (no terminator); returns its length in characters, 0 when the name is unusable. */
static ULONG build_full_path(PCWSTR name, PWSTR text, ULONG capacity) {
  BUILDER builder = { text, 0, capacity, 0 };
  ULONG device = RtlIsDosDeviceName_U(name);
  if (device != 0) {
    PCWSTR start = name + (device >> 16) / sizeof(WCHAR);
    for (PCWSTR c = L"\\\\.\\"; *c != 0; c++) put(&builder, *c);
    for (ULONG i = 0; i < (device & 0xFFFF) / sizeof(WCHAR); i++) put(&builder, start[i]);
    return builder.length;
  }
  PCWSTR directory = current_directory();
  ULONG length = (ULONG)wcslen(name);
  BOOLEAN trailing = length > 0 && is_separator(name[length - 1]);
  switch (RtlDetermineDosPathNameType_U(name)) {
  case PathUncAbsolute: {
    put(&builder, L'\\'), put(&builder, L'\\');
    name += 2;
    for (ULONG part = 0; part < 2; part++) {
      while (*name != 0 && !is_separator(*name)) put(&builder, *name++);
      if (part == 0 && *name != 0) put(&builder, L'\\'), name++;
    }
    builder.floor = builder.length;
    break;
  }
  case PathLocalDevice:
    for (ULONG i = 0; i < 4; i++) put(&builder, is_separator(name[i]) ? L'\\' : name[i]);
    name += 4;
    builder.floor = builder.length;
    break;
  case PathRootLocalDevice:
    for (PCWSTR c = L"\\\\.\\"; *c != 0; c++) put(&builder, *c);
    return builder.length;
  case PathDriveAbsolute:
    put(&builder, RtlUpcaseUnicodeChar(name[0])), put(&builder, L':');
    name += 2;
    builder.floor = builder.length;
    break;
  case PathDriveRelative:
    put(&builder, RtlUpcaseUnicodeChar(name[0])), put(&builder, L':');
    builder.floor = builder.length;
    if (RtlUpcaseUnicodeChar(name[0]) == RtlUpcaseUnicodeChar(directory[0])) put_components(&builder, directory + 2);
    name += 2;
    break;
  case PathRooted:
    put(&builder, directory[0]), put(&builder, directory[1]);
    builder.floor = builder.length;
    break;
  default:
    if (name[0] == 0) return 0;
    put(&builder, directory[0]), put(&builder, directory[1]);
    builder.floor = builder.length;
    put_components(&builder, directory + 2);
    break;
  }
  put_components(&builder, name);
  BOOLEAN atRoot = builder.length == builder.floor;
  if ((trailing || atRoot) && builder.length < builder.capacity && text[builder.length - 1] != L'\\') put(&builder, L'\\');
  return builder.length;
}

/* Bytes without the terminator, or the bytes needed with it when `size` is too small; 0 on failure. */
ULONG NTAPI RtlGetFullPathName_U(PCWSTR name, ULONG size, PWSTR buffer, PWSTR *filePart) {
  if (filePart != NULL) *filePart = NULL;
  if (name == NULL || name[0] == 0) return 0;
  size_t bound = wcslen(name) + wcslen(current_directory()) + 16;
  if (bound > MAXIMUM_NAME) return 0;
  PWSTR text = RtlAllocateHeap(process_heap(), 0, bound * sizeof(WCHAR));
  if (text == NULL) return 0;
  ULONG length = build_full_path(name, text, (ULONG)bound), bytes = length * sizeof(WCHAR);
  if (bytes != 0 && bytes + sizeof(WCHAR) <= size) {
    memcpy(buffer, text, bytes);
    buffer[length] = 0;
    if (filePart != NULL) {
      PWSTR part = buffer + length;
      while (part > buffer && part[-1] != L'\\') part--;
      *filePart = *part != 0 ? part : NULL;
    }
  } else if (bytes != 0) {
    bytes += sizeof(WCHAR);
  }
  RtlFreeHeap(process_heap(), 0, text);
  return bytes;
}

static BOOLEAN make_nt_name(PCWSTR prefix, PCWSTR text, ULONG length, PUNICODE_STRING ntName) {
  ULONG prefixLength = (ULONG)wcslen(prefix);
  ULONG bytes = (prefixLength + length + 1) * sizeof(WCHAR);
  if (bytes > 0xFFFE) return FALSE;
  ntName->Buffer = RtlAllocateHeap(process_heap(), 0, bytes);
  if (ntName->Buffer == NULL) return FALSE;
  memcpy(ntName->Buffer, prefix, prefixLength * sizeof(WCHAR));
  memcpy(ntName->Buffer + prefixLength, text, length * sizeof(WCHAR));
  ntName->Buffer[prefixLength + length] = 0;
  ntName->Length = (USHORT)(bytes - sizeof(WCHAR));
  ntName->MaximumLength = (USHORT)bytes;
  return TRUE;
}

/* Full DOS paths of more than 259 characters are no names: FALSE. "C:\x" -> "\??\C:\x", "\\server\x" -> "\??\UNC\server\x", "\\.\x" -> "\??\x", "\\?\x" -> "\??\x" untouched. */
BOOLEAN NTAPI RtlDosPathNameToNtPathName_U(PCWSTR name, PUNICODE_STRING ntName, PWSTR *filePart, PVOID relative) {
  if (relative != NULL) memset(relative, 0, 16);
  if (name == NULL || name[0] == 0) return FALSE;
  BOOLEAN made;
  if (name[0] == L'\\' && name[1] == L'\\' && name[2] == L'?' && name[3] == L'\\') {
    made = make_nt_name(L"\\??\\", name + 4, (ULONG)wcslen(name + 4), ntName);
  } else {
    ULONG needed = RtlGetFullPathName_U(name, 0, NULL, NULL);
    if (needed > MAXIMUM_DOS_PATH * sizeof(WCHAR)) return FALSE;
    PWSTR full = needed == 0 ? NULL : RtlAllocateHeap(process_heap(), 0, needed);
    if (full == NULL) return FALSE;
    ULONG length = RtlGetFullPathName_U(name, needed, full, NULL) / sizeof(WCHAR);
    ULONG type = RtlDetermineDosPathNameType_U(full);
    if (type == PathLocalDevice) made = make_nt_name(L"\\??\\", full + 4, length - 4, ntName);
    else if (type == PathUncAbsolute) made = make_nt_name(L"\\??\\UNC\\", full + 2, length - 2, ntName);
    else made = make_nt_name(L"\\??\\", full, length, ntName);
    RtlFreeHeap(process_heap(), 0, full);
  }
  if (!made || filePart == NULL) return made;
  PWSTR part = ntName->Buffer + ntName->Length / sizeof(WCHAR);
  while (part > ntName->Buffer && part[-1] != L'\\') part--;
  *filePart = *part != 0 ? part : NULL;
  return TRUE;
}

BOOLEAN NTAPI RtlDoesFileExists_U(PCWSTR name) {
  UNICODE_STRING ntName;
  FILE_BASIC_INFORMATION information;
  if (!RtlDosPathNameToNtPathName_U(name, &ntName, NULL, NULL)) return FALSE;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE);
  NTSTATUS status = NtQueryAttributesFile(&attributes, &information);
  RtlFreeUnicodeString(&ntName);
  return NT_SUCCESS(status) || status == STATUS_SHARING_VIOLATION || status == STATUS_ACCESS_DENIED;
}

/*
 * Looks for a file along a list of directories that are separated by semicolons. Bytes of the full path without terminator,
 * or the bytes needed when the buffer is too small; 0 when not found. A name with a path is only checked for existence.
 */
ULONG NTAPI RtlDosSearchPath_U(PCWSTR path, PCWSTR name, PCWSTR extension, ULONG size, PWSTR buffer, PWSTR *filePart) {
  ULONG nameLength = (ULONG)wcslen(name), extensionLength = 0;
  BOOLEAN dotted = FALSE;
  for (ULONG i = 0; i < nameLength; i++) {
    if (name[i] == L'.') dotted = TRUE;
    if (is_separator(name[i])) dotted = FALSE;
  }
  if (extension != NULL && !dotted) extensionLength = (ULONG)wcslen(extension);
  ULONG capacity = (ULONG)wcslen(path) + nameLength + extensionLength + 4;
  PWSTR candidate = RtlAllocateHeap(process_heap(), 0, capacity * sizeof(WCHAR));
  if (candidate == NULL) return 0;
  BOOLEAN pathGiven = RtlDetermineDosPathNameType_U(name) != PathRelative ||
                      (name[0] == L'.' && (is_separator(name[1]) || (name[1] == L'.' && is_separator(name[2]))));
  ULONG result = 0;
  do {
    ULONG length = 0;
    if (!pathGiven) {
      while (*path != 0 && *path != L';') candidate[length++] = *path++;
      if (*path == L';') path++;
      if (length > 0 && !is_separator(candidate[length - 1])) candidate[length++] = L'\\';
    }
    memcpy(candidate + length, name, nameLength * sizeof(WCHAR));
    length += nameLength;
    if (extensionLength != 0) memcpy(candidate + length, extension, extensionLength * sizeof(WCHAR));
    candidate[length + extensionLength] = 0;
    if (!RtlDoesFileExists_U(candidate)) continue;
    result = RtlGetFullPathName_U(candidate, size, buffer, filePart);
    break;
  } while (!pathGiven && *path != 0);
  RtlFreeHeap(process_heap(), 0, candidate);
  return result;
}

/* Bytes without the terminator, or bytes needed with it. The root keeps its backslash, other directories have none. */
ULONG NTAPI RtlGetCurrentDirectory_U(ULONG size, PWSTR buffer) {
  RtlAcquirePebLock();
  PCUNICODE_STRING current = &current_peb()->ProcessParameters->CurrentDirectory.DosPath;
  ULONG bytes = current->Length;
  if (bytes > 3 * sizeof(WCHAR) && current->Buffer[bytes / sizeof(WCHAR) - 1] == L'\\') bytes -= sizeof(WCHAR);
  if (bytes + sizeof(WCHAR) <= size) {
    memcpy(buffer, current->Buffer, bytes);
    buffer[bytes / sizeof(WCHAR)] = 0;
  } else {
    bytes += sizeof(WCHAR);
  }
  RtlReleasePebLock();
  return bytes;
}

NTSTATUS NTAPI RtlSetCurrentDirectory_U(PUNICODE_STRING name) {
  ULONG needed = RtlGetFullPathName_U(name->Buffer, 0, NULL, NULL);
  if (needed == 0) return STATUS_OBJECT_NAME_INVALID;
  // With the backslash that is added at its end it has to be a DOS path.
  if (needed >= MAXIMUM_DOS_PATH * sizeof(WCHAR)) return STATUS_NAME_TOO_LONG;
  UNICODE_STRING full = { 0, (USHORT)(needed + sizeof(WCHAR)), RtlAllocateHeap(process_heap(), 0, needed + sizeof(WCHAR)) };
  if (full.Buffer == NULL) return STATUS_NO_MEMORY;
  full.Length = (USHORT)RtlGetFullPathName_U(name->Buffer, needed, full.Buffer, NULL);
  if (full.Buffer[full.Length / sizeof(WCHAR) - 1] != L'\\') RtlAppendUnicodeToString(&full, L"\\");
  UNICODE_STRING ntName;
  NTSTATUS status = STATUS_NO_MEMORY;
  HANDLE directory = NULL;
  if (RtlDosPathNameToNtPathName_U(full.Buffer, &ntName, NULL, NULL)) {
    OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&ntName, OBJ_CASE_INSENSITIVE | OBJ_INHERIT);
    IO_STATUS_BLOCK io;
    status = NtOpenFile(&directory, SYNCHRONIZE | FILE_TRAVERSE, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_WRITE,
                        FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT);
    RtlFreeUnicodeString(&ntName);
  }
  if (!NT_SUCCESS(status)) {
    RtlFreeHeap(process_heap(), 0, full.Buffer);
    return status;
  }
  // The text that was there before is left alone: the first one is part of the parameter block, and readers may hold any.
  RtlAcquirePebLock();
  CURDIR *current = &current_peb()->ProcessParameters->CurrentDirectory;
  HANDLE old = current->Handle;
  current->DosPath = full;
  current->Handle = directory;
  RtlReleasePebLock();
  if (old != NULL) NtClose(old);
  return STATUS_SUCCESS;
}
