// CreateProcess: which file a command line means, and everything that a new process is told before its first thread runs.
#include "kernel32.h"

typedef struct { HANDLE section; SECTION_IMAGE_INFORMATION image; } PROGRAM;

// --- finding the program
static BOOLEAN is_blank(WCHAR c) { return c == L' ' || c == L'\t'; }

static PWSTR copy_of(PCWSTR text, ULONG length) {
  PWSTR copy = allocate((length + 1) * sizeof(WCHAR));
  if (copy == NULL) return NULL;
  memcpy(copy, text, length * sizeof(WCHAR));
  copy[length] = 0;
  return copy;
}

/* Folder of this program; current, system32, system and Windows folder; PATH. */
static PWSTR search_path(void) {
  PCWSTR root = SHARED_USER_DATA->NtSystemRoot;
  PCUNICODE_STRING image = &parameters()->ImagePathName;
  DWORD variable = GetEnvironmentVariableW(L"PATH", NULL, 0);
  ULONG folder = image->Length / sizeof(WCHAR);
  while (folder > 0 && image->Buffer[folder - 1] != L'\\') folder--;
  ULONG size = folder + variable + 3 * (ULONG)wcslen(root) + 40;
  PWSTR path = allocate(size * sizeof(WCHAR)), end = path;
  if (path == NULL) return NULL;
  memcpy(end, image->Buffer, folder * sizeof(WCHAR));
  end += folder;
  end += format_wide(end, (int)(size - folder), L";.;%s\\system32;%s\\system;%s;", root, root, root);
  if (variable != 0) GetEnvironmentVariableW(L"PATH", end, variable);
  return path;
}

/* A full path in the heap, or NULL: there is no such file along the path. */
static PWSTR find_along(PCWSTR path, PCWSTR name) {
  DWORD length = SearchPathW(path, name, L".exe", 0, NULL, NULL);
  PWSTR found = length == 0 ? NULL : allocate((length + 1) * sizeof(WCHAR));
  if (found == NULL) return NULL;
  SearchPathW(path, name, L".exe", length + 1, found, NULL);
  DWORD attributes = GetFileAttributesW(found);
  if (attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY)) return found;
  release(found);
  set_last_error(ERROR_FILE_NOT_FOUND);
  return NULL;
}

/*
 * The program that a command line begins with: what stands in quotes, or the shortest beginning up to a blank that names a file.
 * The error is that of the first try.
 */
static PWSTR find_in_command_line(PCWSTR line) {
  PWSTR path = search_path(), found = NULL;
  if (path == NULL) return NULL;
  DWORD error = 0;
  while (is_blank(*line)) line++;
  BOOLEAN quoted = *line == L'"';
  if (quoted) line++;
  for (PCWSTR end = line; found == NULL; end++) {
    while (*end != 0 && (quoted ? *end != L'"' : !is_blank(*end))) end++;
    PWSTR name = end == line ? NULL : copy_of(line, (ULONG)(end - line));
    if (name != NULL) found = find_along(path, name);
    else if (end == line) set_last_error(quoted ? ERROR_PATH_NOT_FOUND : ERROR_ACCESS_DENIED);
    release(name);
    if (error == 0) error = last_error();
    if (quoted || *end == 0) break;
  }
  release(path);
  if (found == NULL) set_last_error(error);
  return found;
}

static PWSTR full_path(PCWSTR name) {
  DWORD length = GetFullPathNameW(name, 0, NULL, NULL);
  PWSTR path = length == 0 ? NULL : allocate((length + 1) * sizeof(WCHAR));
  if (path != NULL && GetFullPathNameW(name, length + 1, path, NULL) == 0) release(path), path = NULL;
  return path;
}

static NTSTATUS open_program(PCWSTR path, PROGRAM *program) {
  UNICODE_STRING name;
  if (!RtlDosPathNameToNtPathName_U(path, &name, NULL, NULL)) return STATUS_OBJECT_PATH_NOT_FOUND;
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(&name, OBJ_CASE_INSENSITIVE);
  IO_STATUS_BLOCK io;
  HANDLE file;
  NTSTATUS status = NtOpenFile(&file, SYNCHRONIZE | FILE_EXECUTE | FILE_READ_DATA, &attributes, &io, FILE_SHARE_READ | FILE_SHARE_DELETE,
                               FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE);
  RtlFreeUnicodeString(&name);
  if (!NT_SUCCESS(status)) return status;
  status = NtCreateSection(&program->section, SECTION_ALL_ACCESS, NULL, NULL, PAGE_EXECUTE, SEC_IMAGE, file);
  NtClose(file);
  if (!NT_SUCCESS(status)) return status;
  status = NtQuerySection(program->section, 1, &program->image, sizeof program->image, NULL);
  USHORT subsystem = (USHORT)program->image.SubSystemType;
  BOOLEAN runs = program->image.Machine == IMAGE_FILE_MACHINE_I386 && !(program->image.ImageCharacteristics & IMAGE_FILE_DLL) &&
                 (subsystem == IMAGE_SUBSYSTEM_WINDOWS_CUI || subsystem == IMAGE_SUBSYSTEM_WINDOWS_GUI);
  if (NT_SUCCESS(status) && runs) return STATUS_SUCCESS;
  NtClose(program->section);
  return NT_SUCCESS(status) ? STATUS_INVALID_IMAGE_FORMAT : status;
}

// --- what the process is told
typedef struct {
  PCWSTR image, commandLine, directory;
  const STARTUPINFOW *startup;
  PVOID environment;
  SIZE_T environmentBytes;
  HANDLE standard[3];
  ULONG consoleFlags;
} START;

static NTSTATUS place(HANDLE process, const void *bytes, SIZE_T size, PVOID *address) {
  SIZE_T region = size;
  *address = NULL;
  NTSTATUS status = NtAllocateVirtualMemory(process, address, 0, &region, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  return NT_SUCCESS(status) ? NtWriteVirtualMemory(process, *address, bytes, size, NULL) : status;
}

typedef struct { RTL_USER_PROCESS_PARAMETERS *block; ULONG used, size; } BLOCK;

/* Text behind the block; its address is relative to the block until it is known where that will lie. */
static void put_bytes(BLOCK *block, PUNICODE_STRING field, const void *bytes, ULONG length, ULONG capacity) {
  field->Length = (USHORT)length;
  field->MaximumLength = (USHORT)capacity;
  field->Buffer = (PWSTR)block->used;
  if (block->block != NULL && length != 0) memcpy((char *)block->block + block->used, bytes, length);
  block->used += ROUND_UP(capacity, 4u);
}
static void put_text(BLOCK *block, PUNICODE_STRING field, PCWSTR text, ULONG minimum) {
  ULONG length = text == NULL ? 0 : (ULONG)wcslen(text) * sizeof(WCHAR), capacity = length + sizeof(WCHAR);
  put_bytes(block, field, text, length, capacity > minimum ? capacity : minimum);
}

/* Lays the strings out; with no block yet, only their sizes. */
static void put_all(BLOCK *block, RTL_USER_PROCESS_PARAMETERS *to, const START *start) {
  const STARTUPINFOW *startup = start->startup;
  block->used = sizeof *to;
  put_text(block, &to->CurrentDirectory.DosPath, start->directory, MAX_PATH * sizeof(WCHAR));
  put_text(block, &to->ImagePathName, start->image, 0);
  put_text(block, &to->CommandLine, start->commandLine, 0);
  put_text(block, &to->WindowTitle, startup->lpTitle != NULL ? startup->lpTitle : start->image, 0);
  put_text(block, &to->DesktopInfo, startup->lpDesktop != NULL ? startup->lpDesktop : parameters()->DesktopInfo.Buffer, 0);
  put_text(block, &to->ShellInfo, startup->lpReserved, 0);
  if (startup->cbReserved2 != 0 && startup->lpReserved2 != NULL) {
    put_bytes(block, &to->RuntimeData, startup->lpReserved2, startup->cbReserved2, startup->cbReserved2);
  }
}

static void relocate(PUNICODE_STRING field, ULONG_PTR base) {
  if (field->Buffer != NULL) field->Buffer = (PWSTR)((ULONG_PTR)field->Buffer + base);
}

static NTSTATUS push_parameters(HANDLE process, PPEB peb, const START *start) {
  RTL_USER_PROCESS_PARAMETERS measured;
  BLOCK block = { NULL, 0, 0 };
  memset(&measured, 0, sizeof measured);
  put_all(&block, &measured, start);
  SIZE_T size = block.used;
  RTL_USER_PROCESS_PARAMETERS *own = allocate(size);
  if (own == NULL) return STATUS_NO_MEMORY;
  memset(own, 0, size);
  block.block = own;
  put_all(&block, own, start);
  const STARTUPINFOW *startup = start->startup;
  own->MaximumLength = own->Length = (ULONG)size;
  own->Flags = 1;
  own->ConsoleFlags = start->consoleFlags;
  own->StandardInput = start->standard[0];
  own->StandardOutput = start->standard[1];
  own->StandardError = start->standard[2];
  own->StartingX = startup->dwX, own->StartingY = startup->dwY;
  own->CountX = startup->dwXSize, own->CountY = startup->dwYSize;
  own->CountCharsX = startup->dwXCountChars, own->CountCharsY = startup->dwYCountChars;
  own->FillAttribute = startup->dwFillAttribute;
  own->WindowFlags = startup->dwFlags;
  own->ShowWindowFlags = startup->wShowWindow;
  PVOID environment, address = NULL;
  NTSTATUS status = place(process, start->environment, start->environmentBytes, &environment);
  SIZE_T region = size;
  if (NT_SUCCESS(status)) status = NtAllocateVirtualMemory(process, &address, 0, &region, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  if (NT_SUCCESS(status)) {
    own->Environment = environment;
    relocate(&own->CurrentDirectory.DosPath, (ULONG_PTR)address);
    relocate(&own->ImagePathName, (ULONG_PTR)address);
    relocate(&own->CommandLine, (ULONG_PTR)address);
    relocate(&own->WindowTitle, (ULONG_PTR)address);
    relocate(&own->DesktopInfo, (ULONG_PTR)address);
    relocate(&own->ShellInfo, (ULONG_PTR)address);
    relocate(&own->RuntimeData, (ULONG_PTR)address);
    status = NtWriteVirtualMemory(process, address, own, size, NULL);
  }
  if (NT_SUCCESS(status)) status = NtWriteVirtualMemory(process, &peb->ProcessParameters, &address, sizeof address, NULL);
  release(own);
  return status;
}

/* The block that the child gets, in the heap and in UTF-16: what the caller gives, or a copy of the own one. */
static PVOID environment_copy(const void *given, DWORD flags, SIZE_T *bytes) {
  PVOID copy = NULL;
  if (given != NULL && !(flags & CREATE_UNICODE_ENVIRONMENT)) {
    const char *text = given, *end = text;
    while (*end != 0) end += strlen(end) + 1;
    ULONG length = (ULONG)(end - text) + 1, used;
    *bytes = (length + 1) * sizeof(WCHAR);
    copy = allocate(*bytes);
    if (copy == NULL) return NULL;
    memset(copy, 0, *bytes);
    RtlMultiByteToUnicodeN(copy, length * sizeof(WCHAR), &used, text, length);
    return copy;
  }
  RtlAcquirePebLock();
  PCWSTR text = given != NULL ? given : parameters()->Environment, end = text;
  while (*end != 0) end += wcslen(end) + 1;
  *bytes = (SIZE_T)(end - text + 2) * sizeof(WCHAR);
  copy = allocate(*bytes);
  if (copy != NULL) {
    memcpy(copy, text, *bytes - 2 * sizeof(WCHAR));
    memset((char *)copy + *bytes - 2 * sizeof(WCHAR), 0, 2 * sizeof(WCHAR));
  }
  RtlReleasePebLock();
  return copy;
}

/* A full path with '\' behind it, in the heap. ERROR_DIRECTORY when it is none. */
static PWSTR directory_copy(PCWSTR given) {
  if (given == NULL) {
    RtlAcquirePebLock();
    PCUNICODE_STRING current = &parameters()->CurrentDirectory.DosPath;
    PWSTR own = copy_of(current->Buffer, current->Length / sizeof(WCHAR));
    RtlReleasePebLock();
    return own;
  }
  PWSTR path = full_path(given);
  DWORD attributes = path == NULL ? INVALID_FILE_ATTRIBUTES : GetFileAttributesW(path);
  if (attributes == INVALID_FILE_ATTRIBUTES || !(attributes & FILE_ATTRIBUTE_DIRECTORY)) {
    release(path);
    set_last_error(ERROR_DIRECTORY);
    return NULL;
  }
  ULONG length = (ULONG)wcslen(path);
  PWSTR result = allocate((length + 2) * sizeof(WCHAR));
  if (result != NULL) {
    copy_wide(result, path);
    if (path[length - 1] != L'\\') copy_wide(result + length, L"\\");
  }
  release(path);
  return result;
}

/*
 * Standard handles: what the caller says, what is inherited, or duplicates of this process's own. There is one console, so that
 * CREATE_NEW_CONSOLE shares it.
 */
static void give_standard_handles(HANDLE process, BOOL inherit, DWORD flags, const PROGRAM *program, START *start) {
  const STARTUPINFOW *startup = start->startup;
  HANDLE own[3] = { parameters()->StandardInput, parameters()->StandardOutput, parameters()->StandardError };
  if (startup->dwFlags & STARTF_USESTDHANDLES) {
    start->standard[0] = startup->hStdInput;
    start->standard[1] = startup->hStdOutput;
    start->standard[2] = startup->hStdError;
    return;
  }
  if (flags & DETACHED_PROCESS) return;
  for (ULONG i = 0; i < 3; i++) {
    if (inherit) start->standard[i] = own[i];
    else if (own[i] != NULL && program->image.SubSystemType == IMAGE_SUBSYSTEM_WINDOWS_CUI) {
      NtDuplicateObject(CURRENT_PROCESS, own[i], process, &start->standard[i], 0, 0, DUPLICATE_SAME_ACCESS | DUPLICATE_SAME_ATTRIBUTES);
    }
  }
}

/* Where the program begins in the child: the image need not lie at its preferred base. */
static NTSTATUS entry_point(HANDLE process, PPEB peb, PVOID *base, PVOID *entry) {
  LONG header;
  IMAGE_NT_HEADERS32 headers;
  NTSTATUS status = NtReadVirtualMemory(process, &peb->ImageBaseAddress, base, sizeof *base, NULL);
  char *image = *base;
  if (NT_SUCCESS(status)) status = NtReadVirtualMemory(process, image + offsetof(IMAGE_DOS_HEADER, e_lfanew), &header, sizeof header, NULL);
  if (NT_SUCCESS(status)) status = NtReadVirtualMemory(process, image + header, &headers, sizeof headers, NULL);
  if (NT_SUCCESS(status)) *entry = image + headers.OptionalHeader.AddressOfEntryPoint;
  return status;
}

static UCHAR priority_class(DWORD flags) {
  if (flags & IDLE_PRIORITY_CLASS) return 1;
  if (flags & NORMAL_PRIORITY_CLASS) return 2;
  if (flags & HIGH_PRIORITY_CLASS) return 3;
  if (flags & REALTIME_PRIORITY_CLASS) return 4;
  if (flags & BELOW_NORMAL_PRIORITY_CLASS) return 5;
  if (flags & ABOVE_NORMAL_PRIORITY_CLASS) return 6;
  return 0; // what the kernel gives: normal, or the parent's when that is lower
}

static ULONG inherit_flag(const SECURITY_ATTRIBUTES *security) {
  return security != NULL && security->bInheritHandle ? OBJ_INHERIT : 0;
}

static PVOID descriptor_of(const SECURITY_ATTRIBUTES *security) { return security == NULL ? NULL : security->lpSecurityDescriptor; }

typedef struct { LPSECURITY_ATTRIBUTES process, thread; } SECURITY;

/* Gives a process a copy of a token for its own. */
static NTSTATUS assign_token(HANDLE process, HANDLE token) {
  struct { HANDLE token, thread; } access = { NULL, NULL };
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, 0);
  NTSTATUS status = NtDuplicateToken(token, TOKEN_ASSIGN_PRIMARY, &attributes, FALSE, TokenPrimary, &access.token);
  if (!NT_SUCCESS(status)) return status;
  status = NtSetInformationProcess(process, 9, &access, sizeof access);
  NtClose(access.token);
  return status;
}

/* Of NtCreateProcessEx: leave the job, inherit handles. */
static ULONG create_flags(BOOL inherit, DWORD flags) {
  return (inherit ? 4 : 0) | (flags & CREATE_BREAKAWAY_FROM_JOB ? 1 : 0);
}

/* The process and its first thread, which is suspended. */
static NTSTATUS make_process(PROGRAM *program, START *start, HANDLE token, SECURITY security, BOOL inherit, DWORD flags, LPPROCESS_INFORMATION made) {
  OBJECT_ATTRIBUTES attributes = OBJECT_ATTRIBUTES_OF(NULL, inherit_flag(security.process));
  attributes.SecurityDescriptor = descriptor_of(security.process);
  PROCESS_BASIC_INFORMATION basic;
  INITIAL_TEB teb;
  CONTEXT context;
  CLIENT_ID client;
  PVOID base = NULL, entry = NULL;
  HANDLE process, thread;
  NTSTATUS status = NtCreateProcessEx(&process, PROCESS_ALL_ACCESS & 0x1F0FFF, &attributes, CURRENT_PROCESS, create_flags(inherit, flags), program->section,
                                      NULL, NULL, 0);
  if (!NT_SUCCESS(status)) return status;
  if (token != NULL) status = assign_token(process, token);
  if (NT_SUCCESS(status)) status = NtQueryInformationProcess(process, 0, &basic, sizeof basic, NULL);
  if (NT_SUCCESS(status)) status = entry_point(process, basic.PebBaseAddress, &base, &entry);
  if (NT_SUCCESS(status)) give_standard_handles(process, inherit, flags, program, start);
  if (NT_SUCCESS(status)) status = push_parameters(process, basic.PebBaseAddress, start);
  if (NT_SUCCESS(status)) {
    status = base_create_stack(process, program->image.CommittedStackSize, program->image.MaximumStackSize, &teb);
  }
  if (NT_SUCCESS(status)) {
    UCHAR class = priority_class(flags);
    if (class != 0) set_priority_class(process, class);
    base_initial_context(&context, BaseProcessStartThunk, entry, basic.PebBaseAddress, teb.StackBase);
    attributes.Attributes = inherit_flag(security.thread);
    attributes.SecurityDescriptor = descriptor_of(security.thread);
    status = NtCreateThread(&thread, THREAD_ALL_ACCESS & 0x1F03FF, &attributes, process, &client, &context, &teb, TRUE);
  }
  if (!NT_SUCCESS(status)) {
    NtTerminateProcess(process, status);
    NtClose(process);
    return status;
  }
  *made = (PROCESS_INFORMATION){ process, thread, (DWORD)client.UniqueProcess, (DWORD)client.UniqueThread };
  return STATUS_SUCCESS;
}

static BOOLEAN is_batch_file(PCWSTR path) {
  ULONG length = (ULONG)wcslen(path);
  return length > 4 && (compare_wide(path + length - 4, L".bat", TRUE) == 0 || compare_wide(path + length - 4, L".cmd", TRUE) == 0);
}

/* Batch files run in the command interpreter. */
static PWSTR batch_command(PCWSTR path, PCWSTR line) {
  WCHAR interpreter[MAX_PATH];
  DWORD length = GetEnvironmentVariableW(L"ComSpec", interpreter, MAX_PATH);
  if (length == 0 || length >= MAX_PATH) copy_wide(interpreter, L"cmd.exe");
  ULONG size = (ULONG)(wcslen(interpreter) + wcslen(path) + wcslen(line)) + 16;
  PWSTR command = allocate(size * sizeof(WCHAR));
  if (command == NULL) return NULL;
  // The batch file's own name is the first word of the line.
  BOOLEAN quoted = FALSE;
  while (*line != 0 && (quoted || !is_blank(*line))) quoted ^= *line++ == L'"';
  format_wide(command, (int)size, L"\"%s\" /c \"\"%s\"%s\"", interpreter, path, line);
  return command;
}

#define DEBUG_FLAGS (DEBUG_PROCESS | DEBUG_ONLY_THIS_PROCESS)

/* Token NULL: the process acts for whom this one acts for. The new token is never told of: kernel32 restricts nobody. */
BOOL WINAPI CreateProcessInternalW(HANDLE token, LPCWSTR application, LPWSTR commandLine, LPSECURITY_ATTRIBUTES processSecurity,
                                   LPSECURITY_ATTRIBUTES threadSecurity, BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR directory,
                                   LPSTARTUPINFOW startup, LPPROCESS_INFORMATION information, PHANDLE newToken) {
  if (newToken != NULL) *newToken = NULL;
  if (startup == NULL || information == NULL) return refuse(ERROR_INVALID_PARAMETER);
  memset(information, 0, sizeof *information);
  if ((flags & (DETACHED_PROCESS | CREATE_NEW_CONSOLE)) == (DETACHED_PROCESS | CREATE_NEW_CONSOLE)) return refuse(ERROR_INVALID_PARAMETER);
  if (flags & EXTENDED_STARTUPINFO_PRESENT) return refuse(ERROR_INVALID_PARAMETER);
  if (flags & DEBUG_FLAGS) return refuse(ERROR_CALL_NOT_IMPLEMENTED);
  if (commandLine != NULL && *commandLine == 0) commandLine = NULL;
  if (application == NULL && commandLine == NULL) return refuse(ERROR_INVALID_PARAMETER);
  PCWSTR line = commandLine != NULL ? commandLine : application;
  if (wcslen(line) > 32766) return refuse(ERROR_FILENAME_EXCED_RANGE);
  PWSTR image = application != NULL ? full_path(application) : find_in_command_line(commandLine);
  if (image == NULL) return FALSE;
  START start = { image, line, NULL, startup, NULL, 0, { NULL, NULL, NULL }, console_flags_for_child(flags) };
  PROGRAM program;
  NTSTATUS status = open_program(image, &program);
  if (status == STATUS_INVALID_IMAGE_NOT_MZ && is_batch_file(image)) {
    PWSTR command = batch_command(image, line);
    release(image);
    BOOL done = command != NULL && CreateProcessInternalW(token, NULL, command, processSecurity, threadSecurity, inherit, flags, environment,
                                                          directory, startup, information, newToken);
    release(command);
    return done;
  }
  BOOL done = status == STATUS_FILE_IS_A_DIRECTORY ? refuse(ERROR_ACCESS_DENIED) : ok(status);
  if (done) {
    start.environment = environment_copy(environment, flags, &start.environmentBytes);
    PWSTR folder = start.environment == NULL ? NULL : directory_copy(directory);
    start.directory = folder;
    done = folder != NULL;
    if (done) done = ok(make_process(&program, &start, token, (SECURITY){ processSecurity, threadSecurity }, inherit, flags, information));
    release(folder);
    release(start.environment);
    NtClose(program.section);
  }
  release(image);
  if (done && !(flags & CREATE_SUSPENDED)) NtResumeThread(information->hThread, NULL);
  return done;
}

BOOL WINAPI CreateProcessW(LPCWSTR application, LPWSTR commandLine, LPSECURITY_ATTRIBUTES processSecurity,
                           LPSECURITY_ATTRIBUTES threadSecurity, BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR directory,
                           LPSTARTUPINFOW startup, LPPROCESS_INFORMATION information) {
  return CreateProcessInternalW(NULL, application, commandLine, processSecurity, threadSecurity, inherit, flags, environment, directory,
                                startup, information, NULL);
}

BOOL WINAPI CreateProcessAsUserW(HANDLE token, LPCWSTR application, LPWSTR commandLine, LPSECURITY_ATTRIBUTES processSecurity,
                                 LPSECURITY_ATTRIBUTES threadSecurity, BOOL inherit, DWORD flags, LPVOID environment, LPCWSTR directory,
                                 LPSTARTUPINFOW startup, LPPROCESS_INFORMATION information) {
  return CreateProcessInternalW(token, application, commandLine, processSecurity, threadSecurity, inherit, flags, environment, directory,
                                startup, information, NULL);
}

BOOL WINAPI CreateProcessA(LPCSTR application, LPSTR commandLine, LPSECURITY_ATTRIBUTES processSecurity,
                           LPSECURITY_ATTRIBUTES threadSecurity, BOOL inherit, DWORD flags, LPVOID environment, LPCSTR directory,
                           LPSTARTUPINFOA startup, LPPROCESS_INFORMATION information) {
  if (startup == NULL || information == NULL) return refuse(ERROR_INVALID_PARAMETER);
  STARTUPINFOW wide;
  memcpy(&wide, startup, sizeof wide);
  PWSTR texts[] = { wide_path(application), wide_copy(commandLine), wide_path(directory), wide_copy(startup->lpReserved),
                    wide_copy(startup->lpDesktop), wide_copy(startup->lpTitle) };
  wide.lpReserved = texts[3], wide.lpDesktop = texts[4], wide.lpTitle = texts[5];
  BOOL complete = (application == NULL || texts[0] != NULL) && (commandLine == NULL || texts[1] != NULL) && (directory == NULL || texts[2] != NULL);
  BOOL done = complete && CreateProcessW(texts[0], texts[1], processSecurity, threadSecurity, inherit, flags, environment, texts[2], &wide,
                                         information);
  for (ULONG i = 0; i < ARRAY_LENGTH(texts); i++) release(texts[i]);
  return done;
}

/* More than 31: done. */
UINT WINAPI WinExec(LPCSTR commandLine, UINT show) {
  STARTUPINFOA startup;
  PROCESS_INFORMATION information;
  memset(&startup, 0, sizeof startup);
  startup.cb = sizeof startup;
  startup.dwFlags = STARTF_USESHOWWINDOW;
  startup.wShowWindow = (WORD)show;
  if (CreateProcessA(NULL, (LPSTR)commandLine, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &information)) {
    NtClose(information.hThread);
    NtClose(information.hProcess);
    return 33;
  }
  DWORD error = last_error();
  return error == ERROR_PATH_NOT_FOUND || error == ERROR_FILE_NOT_FOUND ? error : error == ERROR_BAD_EXE_FORMAT ? ERROR_BAD_FORMAT : 0;
}
