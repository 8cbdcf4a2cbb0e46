// What is done to files by name: attributes, searching, copying, moving, deleting, folders.
#include "kernel32.h"

static NTSTATUS with_name(PCWSTR name, POBJECT_ATTRIBUTES attributes, PUNICODE_STRING ntName) {
  if (name == NULL || !RtlDosPathNameToNtPathName_U(name, ntName, NULL, NULL)) return STATUS_OBJECT_PATH_NOT_FOUND;
  *attributes = (OBJECT_ATTRIBUTES)OBJECT_ATTRIBUTES_OF(ntName, OBJ_CASE_INSENSITIVE);
  return STATUS_SUCCESS;
}

DWORD WINAPI GetFileAttributesW(LPCWSTR name) {
  OBJECT_ATTRIBUTES attributes;
  UNICODE_STRING ntName;
  FILE_BASIC_INFORMATION basic;
  if (!ok(with_name(name, &attributes, &ntName))) return INVALID_FILE_ATTRIBUTES;
  NTSTATUS status = NtQueryAttributesFile(&attributes, &basic);
  RtlFreeUnicodeString(&ntName);
  if (NT_SUCCESS(status)) return basic.FileAttributes;
  if (RtlIsDosDeviceName_U(name) != 0) return FILE_ATTRIBUTE_ARCHIVE;
  ok(status);
  return INVALID_FILE_ATTRIBUTES;
}
DWORD WINAPI GetFileAttributesA(LPCSTR name) {
  PWSTR wide = wide_path(name);
  DWORD attributes = GetFileAttributesW(wide);
  release(wide);
  return attributes;
}

static void set_times(PFILETIME creation, PFILETIME access, PFILETIME write, const LARGE_INTEGER *source) {
  memcpy(creation, &source[0], sizeof *creation);
  memcpy(access, &source[1], sizeof *access);
  memcpy(write, &source[2], sizeof *write);
}

BOOL WINAPI GetFileAttributesExW(LPCWSTR name, GET_FILEEX_INFO_LEVELS level, LPVOID information) {
  OBJECT_ATTRIBUTES attributes;
  UNICODE_STRING ntName;
  FILE_NETWORK_OPEN_INFORMATION network;
  if (level != GetFileExInfoStandard) return refuse(ERROR_INVALID_PARAMETER);
  if (!ok(with_name(name, &attributes, &ntName))) return FALSE;
  NTSTATUS status = NtQueryFullAttributesFile(&attributes, &network);
  RtlFreeUnicodeString(&ntName);
  if (!ok(status)) return FALSE;
  WIN32_FILE_ATTRIBUTE_DATA *data = information;
  data->dwFileAttributes = network.FileAttributes;
  set_times(&data->ftCreationTime, &data->ftLastAccessTime, &data->ftLastWriteTime, &network.CreationTime);
  data->nFileSizeHigh = (DWORD)network.EndOfFile.HighPart;
  data->nFileSizeLow = network.EndOfFile.LowPart;
  return TRUE;
}
BOOL WINAPI GetFileAttributesExA(LPCSTR name, GET_FILEEX_INFO_LEVELS level, LPVOID information) {
  PWSTR wide = wide_path(name);
  BOOL done = GetFileAttributesExW(wide, level, information);
  release(wide);
  return done;
}

static BOOL set_by_name(PCWSTR name, ULONG access, ULONG options, void *data, ULONG length, ULONG class) {
  IO_STATUS_BLOCK io;
  HANDLE file = open_path(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, options | FILE_OPEN_REPARSE_POINT);
  if (file == INVALID_HANDLE_VALUE) return FALSE;
  NTSTATUS status = NtSetInformationFile(file, &io, data, length, class);
  NtClose(file);
  return ok(status);
}

BOOL WINAPI SetFileAttributesW(LPCWSTR name, DWORD attributes) {
  FILE_BASIC_INFORMATION basic;
  memset(&basic, 0, sizeof basic);
  attributes &= 0x3127;
  basic.FileAttributes = attributes == 0 ? FILE_ATTRIBUTE_NORMAL : attributes;
  return set_by_name(name, FILE_WRITE_ATTRIBUTES, 0, &basic, sizeof basic, FileBasicInformationClass);
}
BOOL WINAPI SetFileAttributesA(LPCSTR name, DWORD attributes) {
  PWSTR wide = wide_path(name);
  BOOL done = SetFileAttributesW(wide, attributes);
  release(wide);
  return done;
}

DWORD WINAPI GetCompressedFileSizeW(LPCWSTR name, LPDWORD high) {
  WIN32_FILE_ATTRIBUTE_DATA data;
  if (!GetFileAttributesExW(name, GetFileExInfoStandard, &data)) return INVALID_FILE_SIZE;
  if (high != NULL) *high = data.nFileSizeHigh;
  set_last_error(NO_ERROR);
  return data.nFileSizeLow;
}
DWORD WINAPI GetCompressedFileSizeA(LPCSTR name, LPDWORD high) {
  PWSTR wide = wide_path(name);
  DWORD size = GetCompressedFileSizeW(wide, high);
  release(wide);
  return size;
}

BOOL WINAPI DeleteFileW(LPCWSTR name) {
  BOOLEAN disposition = TRUE;
  return set_by_name(name, DELETE, FILE_NON_DIRECTORY_FILE, &disposition, sizeof disposition, FileDispositionInformationClass);
}
BOOL WINAPI DeleteFileA(LPCSTR name) {
  PWSTR wide = wide_path(name);
  BOOL done = DeleteFileW(wide);
  release(wide);
  return done;
}

BOOL WINAPI RemoveDirectoryW(LPCWSTR name) {
  BOOLEAN disposition = TRUE;
  return set_by_name(name, DELETE, FILE_DIRECTORY_FILE, &disposition, sizeof disposition, FileDispositionInformationClass);
}
BOOL WINAPI RemoveDirectoryA(LPCSTR name) {
  PWSTR wide = wide_path(name);
  BOOL done = RemoveDirectoryW(wide);
  release(wide);
  return done;
}

/* A directory has to leave room for an 8.3 name in it; names behind "\\?\" need not. */
static BOOLEAN is_long_directory(PCWSTR name) {
  if (name == NULL || (name[0] == L'\\' && name[1] == L'\\' && name[2] == L'?' && name[3] == L'\\')) return FALSE;
  return RtlGetFullPathName_U(name, 0, NULL, NULL) / sizeof(WCHAR) + 12 > MAX_PATH;
}

BOOL WINAPI CreateDirectoryW(LPCWSTR name, LPSECURITY_ATTRIBUTES security) {
  OBJECT_ATTRIBUTES attributes;
  UNICODE_STRING ntName;
  IO_STATUS_BLOCK io;
  HANDLE directory;
  if (is_long_directory(name)) return refuse(ERROR_FILENAME_EXCED_RANGE);
  if (!ok(with_name(name, &attributes, &ntName))) return FALSE;
  if (security != NULL) attributes.SecurityDescriptor = security->lpSecurityDescriptor;
  NTSTATUS status = NtCreateFile(&directory, FILE_LIST_DIRECTORY | SYNCHRONIZE, &attributes, &io, NULL, FILE_ATTRIBUTE_NORMAL,
                                 FILE_SHARE_READ | FILE_SHARE_WRITE, FILE_CREATE,
                                 FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT, NULL, 0);
  RtlFreeUnicodeString(&ntName);
  if (status == STATUS_NOT_A_DIRECTORY) return refuse(ERROR_ALREADY_EXISTS);
  if (!ok(status)) return FALSE;
  NtClose(directory);
  return TRUE;
}
BOOL WINAPI CreateDirectoryA(LPCSTR name, LPSECURITY_ATTRIBUTES security) {
  PWSTR wide = wide_path(name);
  BOOL done = CreateDirectoryW(wide, security);
  release(wide);
  return done;
}

// --- moving and copying
static BOOL rename_to(HANDLE file, PCWSTR target, BOOLEAN replace) {
  UNICODE_STRING ntName;
  IO_STATUS_BLOCK io;
  if (!RtlDosPathNameToNtPathName_U(target, &ntName, NULL, NULL)) return refuse(ERROR_PATH_NOT_FOUND);
  ULONG bytes = offsetof(FILE_RENAME_INFORMATION, FileName) + ntName.Length;
  FILE_RENAME_INFORMATION *rename = allocate(bytes + sizeof(WCHAR));
  NTSTATUS status = STATUS_NO_MEMORY;
  if (rename != NULL) {
    rename->ReplaceIfExists = replace;
    rename->RootDirectory = NULL;
    rename->FileNameLength = ntName.Length;
    memcpy(rename->FileName, ntName.Buffer, ntName.Length);
    status = NtSetInformationFile(file, &io, rename, bytes, FileRenameInformationClass);
    release(rename);
  }
  RtlFreeUnicodeString(&ntName);
  return ok(status);
}

BOOL WINAPI MoveFileExW(LPCWSTR source, LPCWSTR target, DWORD flags) {
  if (flags & MOVEFILE_DELAY_UNTIL_REBOOT) return refuse(ERROR_ACCESS_DENIED);
  if (target == NULL) return refuse(ERROR_INVALID_PARAMETER);
  HANDLE file = open_path(source, DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, FILE_OPEN_REPARSE_POINT);
  if (file == INVALID_HANDLE_VALUE) return FALSE;
  BOOL done = rename_to(file, target, (flags & MOVEFILE_REPLACE_EXISTING) != 0);
  NtClose(file);
  if (done || last_error() != ERROR_NOT_SAME_DEVICE || !(flags & MOVEFILE_COPY_ALLOWED)) return done;
  if (!CopyFileW(source, target, !(flags & MOVEFILE_REPLACE_EXISTING))) return FALSE;
  return DeleteFileW(source);
}
BOOL WINAPI MoveFileExA(LPCSTR source, LPCSTR target, DWORD flags) {
  PWSTR wideSource = wide_path(source), wideTarget = wide_path(target);
  BOOL done = MoveFileExW(wideSource, wideTarget, flags);
  release(wideSource), release(wideTarget);
  return done;
}
BOOL WINAPI MoveFileW(LPCWSTR source, LPCWSTR target) { return MoveFileExW(source, target, MOVEFILE_COPY_ALLOWED); }
BOOL WINAPI MoveFileA(LPCSTR source, LPCSTR target) { return MoveFileExA(source, target, MOVEFILE_COPY_ALLOWED); }

#define COPY_BUFFER 0x10000u

static BOOL copy_contents(HANDLE from, HANDLE to, LPPROGRESS_ROUTINE progress, LPVOID data, LPBOOL cancel) {
  LARGE_INTEGER total = { .QuadPart = 0 }, moved = { .QuadPart = 0 };
  char *buffer = allocate(COPY_BUFFER);
  if (buffer == NULL) return FALSE;
  GetFileSizeEx(from, &total);
  BOOL done = TRUE;
  for (;;) {
    DWORD count = 0, written = 0;
    done = ReadFile(from, buffer, COPY_BUFFER, &count, NULL);
    if (!done || count == 0) break;
    done = WriteFile(to, buffer, count, &written, NULL);
    if (!done) break;
    moved.QuadPart += written;
    if (cancel != NULL && *cancel) done = refuse(ERROR_REQUEST_ABORTED);
    if (done && progress != NULL) {
      DWORD answer = progress(total, moved, total, moved, 1, CALLBACK_CHUNK_FINISHED, from, to, data);
      if (answer == PROGRESS_CANCEL || answer == PROGRESS_STOP) done = refuse(ERROR_REQUEST_ABORTED);
      if (answer == PROGRESS_QUIET) progress = NULL;
    }
    if (!done) break;
  }
  release(buffer);
  return done;
}

BOOL WINAPI CopyFileExW(LPCWSTR source, LPCWSTR target, LPPROGRESS_ROUTINE progress, LPVOID data, LPBOOL cancel, DWORD flags) {
  FILETIME written;
  HANDLE from = CreateFileW(source, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, FILE_FLAG_SEQUENTIAL_SCAN, NULL);
  if (from == INVALID_HANDLE_VALUE && last_error() == ERROR_SHARING_VIOLATION) {
    from = CreateFileW(source, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
  }
  if (from == INVALID_HANDLE_VALUE) return FALSE;
  DWORD attributes = GetFileAttributesW(source);
  if (attributes == INVALID_FILE_ATTRIBUTES) attributes = FILE_ATTRIBUTE_NORMAL;
  DWORD disposition = flags & COPY_FILE_FAIL_IF_EXISTS ? CREATE_NEW : CREATE_ALWAYS;
  HANDLE to = CreateFileW(target, GENERIC_WRITE | DELETE, 0, NULL, disposition, attributes, NULL);
  if (to == INVALID_HANDLE_VALUE) {
    NtClose(from);
    return FALSE;
  }
  BOOL done = copy_contents(from, to, progress, data, cancel);
  if (done && GetFileTime(from, NULL, NULL, &written)) SetFileTime(to, NULL, NULL, &written);
  DWORD error = last_error();
  if (!done) {
    IO_STATUS_BLOCK io;
    BOOLEAN disposal = TRUE;
    NtSetInformationFile(to, &io, &disposal, sizeof disposal, FileDispositionInformationClass);
  }
  NtClose(from);
  NtClose(to);
  if (!done) set_last_error(error);
  return done;
}
BOOL WINAPI CopyFileW(LPCWSTR source, LPCWSTR target, BOOL failIfExists) {
  return CopyFileExW(source, target, NULL, NULL, NULL, failIfExists ? COPY_FILE_FAIL_IF_EXISTS : 0);
}
BOOL WINAPI CopyFileExA(LPCSTR source, LPCSTR target, LPPROGRESS_ROUTINE progress, LPVOID data, LPBOOL cancel, DWORD flags) {
  PWSTR wideSource = wide_path(source), wideTarget = wide_path(target);
  BOOL done = CopyFileExW(wideSource, wideTarget, progress, data, cancel, flags);
  release(wideSource), release(wideTarget);
  return done;
}
BOOL WINAPI CopyFileA(LPCSTR source, LPCSTR target, BOOL failIfExists) {
  return CopyFileExA(source, target, NULL, NULL, NULL, failIfExists ? COPY_FILE_FAIL_IF_EXISTS : 0);
}

// --- searching
typedef struct {
  ULONG signature;
  HANDLE directory;
  FILE_BOTH_DIR_INFORMATION *next;
  char buffer[4096] __attribute__((aligned(8)));
} SEARCH;
#define SEARCH_SIGNATURE 0x444E4946u

/* The wildcards of DOS names in the file system's own characters: ? > and a dot before them ", *. < at the right places. */
static void translate_pattern(PUNICODE_STRING pattern) {
  ULONG length = pattern->Length / sizeof(WCHAR);
  PWSTR text = pattern->Buffer;
  if (length == 3 && text[0] == L'*' && text[1] == L'.' && text[2] == L'*') {
    pattern->Length = sizeof(WCHAR);
    return;
  }
  for (ULONG i = 0; i < length; i++) {
    if (text[i] == L'?') {
      text[i] = L'>';
      if (i > 0 && text[i - 1] == L'.') text[i - 1] = L'"';
    } else if (text[i] == L'*' && i > 0 && text[i - 1] == L'.') {
      text[i - 1] = L'"';
    }
  }
}

static void fill_data(LPWIN32_FIND_DATAW data, const FILE_BOTH_DIR_INFORMATION *entry) {
  ULONG length = entry->FileNameLength / sizeof(WCHAR), shortLength = (ULONG)entry->ShortNameLength / sizeof(WCHAR);
  if (length >= MAX_PATH) length = MAX_PATH - 1;
  if (shortLength > 12) shortLength = 12;
  memset(data, 0, sizeof *data);
  data->dwFileAttributes = entry->FileAttributes;
  set_times(&data->ftCreationTime, &data->ftLastAccessTime, &data->ftLastWriteTime, &entry->CreationTime);
  data->nFileSizeHigh = (DWORD)entry->EndOfFile.HighPart;
  data->nFileSizeLow = entry->EndOfFile.LowPart;
  memcpy(data->cFileName, entry->FileName, length * sizeof(WCHAR));
  memcpy(data->cAlternateFileName, entry->ShortName, shortLength * sizeof(WCHAR));
}

static NTSTATUS fetch(SEARCH *search, PUNICODE_STRING pattern) {
  IO_STATUS_BLOCK io;
  NTSTATUS status = NtQueryDirectoryFile(search->directory, NULL, NULL, NULL, &io, search->buffer, sizeof search->buffer,
                                         FileBothDirectoryInformationClass, FALSE, pattern, pattern != NULL);
  search->next = NT_SUCCESS(status) ? (FILE_BOTH_DIR_INFORMATION *)search->buffer : NULL;
  return status;
}

HANDLE WINAPI FindFirstFileExW(LPCWSTR name, FINDEX_INFO_LEVELS level, LPVOID data, FINDEX_SEARCH_OPS operation, LPVOID filter,
                               DWORD flags) {
  UNICODE_STRING ntName;
  PWSTR part = NULL;
  IO_STATUS_BLOCK io;
  (void)flags;
  if (level > FindExInfoBasic || operation > FindExSearchLimitToDirectories || filter != NULL) {
    set_last_error(ERROR_INVALID_PARAMETER);
    return INVALID_HANDLE_VALUE;
  }
  if (name == NULL || !RtlDosPathNameToNtPathName_U(name, &ntName, &part, NULL)) {
    set_last_error(ERROR_PATH_NOT_FOUND);
    return INVALID_HANDLE_VALUE;
  }
  SEARCH *search = part == NULL ? NULL : allocate(sizeof *search);
  if (search == NULL) {
    RtlFreeUnicodeString(&ntName);
    set_last_error(part == NULL ? ERROR_FILE_NOT_FOUND : ERROR_NOT_ENOUGH_MEMORY);
    return INVALID_HANDLE_VALUE;
  }
  UNICODE_STRING pattern, directory = ntName;
  RtlInitUnicodeString(&pattern, part);
  // The full path folds a trailing dot away, but "*." means names without an extension: "<" stops at the last dot.
  ULONG given = (ULONG)wcslen(name);
  BOOLEAN dotted = given >= 2 && name[given - 1] == L'.' && name[given - 2] == L'*';
  WCHAR copy[MAX_PATH + 2];
  if (pattern.Length / sizeof(WCHAR) > MAX_PATH) {
    RtlFreeUnicodeString(&ntName);
    release(search);
    set_last_error(ERROR_INVALID_NAME);
    return INVALID_HANDLE_VALUE;
  }
  memcpy(copy, pattern.Buffer, pattern.Length);
  pattern.Buffer = copy;
  translate_pattern(&pattern);
  if (dotted) copy[pattern.Length / sizeof(WCHAR) - 1] = L'<';
  directory.Length = (USHORT)((char *)part - (char *)ntName.Buffer);
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&directory, OBJ_CASE_INSENSITIVE);
  NTSTATUS status = NtOpenFile(&search->directory, FILE_LIST_DIRECTORY | SYNCHRONIZE, &attributes, &io,
                               FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE,
                               FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT);
  RtlFreeUnicodeString(&ntName);
  if (NT_SUCCESS(status)) {
    search->signature = SEARCH_SIGNATURE;
    status = fetch(search, &pattern);
    if (NT_SUCCESS(status)) {
      FindNextFileW(search, data);
      return search;
    }
    NtClose(search->directory);
    if (status == STATUS_NO_MORE_FILES) status = STATUS_NO_SUCH_FILE;
  } else if (status == STATUS_OBJECT_NAME_NOT_FOUND || status == STATUS_OBJECT_TYPE_MISMATCH || status == STATUS_NOT_A_DIRECTORY) {
    status = STATUS_OBJECT_PATH_NOT_FOUND;
  }
  release(search);
  ok(status);
  return INVALID_HANDLE_VALUE;
}
HANDLE WINAPI FindFirstFileW(LPCWSTR name, LPWIN32_FIND_DATAW data) {
  return FindFirstFileExW(name, FindExInfoStandard, data, FindExSearchNameMatch, NULL, 0);
}

static SEARCH *search_of(HANDLE handle) {
  if (handle == INVALID_HANDLE_VALUE || handle == NULL || ((ULONG_PTR)handle & 7) != 0) return NULL;
  SEARCH *search = handle;
  return search->signature == SEARCH_SIGNATURE ? search : NULL;
}

BOOL WINAPI FindNextFileW(HANDLE handle, LPWIN32_FIND_DATAW data) {
  SEARCH *search = search_of(handle);
  if (search == NULL) return refuse(ERROR_INVALID_HANDLE);
  if (search->next == NULL) {
    NTSTATUS status = fetch(search, NULL);
    if (!ok(status)) return FALSE;
  }
  FILE_BOTH_DIR_INFORMATION *entry = search->next;
  fill_data(data, entry);
  search->next = entry->NextEntryOffset == 0 ? NULL : (FILE_BOTH_DIR_INFORMATION *)((char *)entry + entry->NextEntryOffset);
  return TRUE;
}

BOOL WINAPI FindClose(HANDLE handle) {
  SEARCH *search = search_of(handle);
  if (search == NULL) return refuse(ERROR_INVALID_HANDLE);
  search->signature = 0;
  NtClose(search->directory);
  release(search);
  return TRUE;
}

static void narrow_data(LPWIN32_FIND_DATAA target, const WIN32_FIND_DATAW *source) {
  memcpy(target, source, offsetof(WIN32_FIND_DATAA, cFileName));
  narrow_result(source->cFileName, (DWORD)wcslen(source->cFileName), target->cFileName, sizeof target->cFileName);
  narrow_result(source->cAlternateFileName, (DWORD)wcslen(source->cAlternateFileName), target->cAlternateFileName,
                sizeof target->cAlternateFileName);
}
HANDLE WINAPI FindFirstFileExA(LPCSTR name, FINDEX_INFO_LEVELS level, LPVOID data, FINDEX_SEARCH_OPS operation, LPVOID filter,
                               DWORD flags) {
  WIN32_FIND_DATAW wideData;
  PWSTR wide = wide_path(name);
  HANDLE handle = FindFirstFileExW(wide, level, &wideData, operation, filter, flags);
  release(wide);
  if (handle != INVALID_HANDLE_VALUE) narrow_data(data, &wideData);
  return handle;
}
HANDLE WINAPI FindFirstFileA(LPCSTR name, LPWIN32_FIND_DATAA data) {
  return FindFirstFileExA(name, FindExInfoStandard, data, FindExSearchNameMatch, NULL, 0);
}
BOOL WINAPI FindNextFileA(HANDLE handle, LPWIN32_FIND_DATAA data) {
  WIN32_FIND_DATAW wideData;
  if (!FindNextFileW(handle, &wideData)) return FALSE;
  narrow_data(data, &wideData);
  return TRUE;
}
