/* Processes from inside: the program starts itself in many ways. check-processes WORD [ARGUMENTS] is a child. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>
#include <tlhelp32.h>
#include "ok.h"

static char self[MAX_PATH];
static STARTUPINFOA startup = { .cb = sizeof startup };

static int start(const char *arguments, BOOL inherit, DWORD flags, void *environment, const char *directory, PROCESS_INFORMATION *child) {
  char line[1024];
  sprintf(line, "\"%s\" %s", self, arguments);
  return CreateProcessA(NULL, line, NULL, NULL, inherit, flags, environment, directory, &startup, child);
}

static DWORD finish(PROCESS_INFORMATION *child) {
  DWORD code = 0;
  ok(WaitForSingleObject(child->hProcess, INFINITE) == WAIT_OBJECT_0, "wait");
  ok(GetExitCodeProcess(child->hProcess, &code), "exit code");
  CloseHandle(child->hThread);
  CloseHandle(child->hProcess);
  return code;
}

static DWORD run(const char *arguments, BOOL inherit, DWORD flags) {
  PROCESS_INFORMATION child;
  if (!ok(start(arguments, inherit, flags, NULL, NULL, &child), "start %s: %lu", arguments, GetLastError())) return 0xbad;
  return finish(&child);
}

static void exit_codes(void) {
  PROCESS_INFORMATION child;
  DWORD code = 0;
  ok(run("exit 42", FALSE, 0) == 42, "exit code");
  ok(run("exit 0xdeadbeef", FALSE, 0) == 0xdeadbeef, "all 32 bits");
  ok(run("crash", FALSE, 0) == EXCEPTION_ACCESS_VIOLATION, "exit code of a crash");
  ok(start("sleep", FALSE, 0, NULL, NULL, &child), "sleeper");
  ok(GetExitCodeProcess(child.hProcess, &code) && code == STILL_ACTIVE, "still active: %lu", code);
  ok(WaitForSingleObject(child.hProcess, 50) == WAIT_TIMEOUT, "it sleeps");
  ok(TerminateProcess(child.hProcess, 77), "kill");
  ok(finish(&child) == 77, "exit code of a killed process");
  HANDLE gone = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, child.dwProcessId);
  ok(gone == NULL && GetLastError() == ERROR_INVALID_PARAMETER, "its id is gone: %lu", GetLastError());
}

static void suspended(void) {
  PROCESS_INFORMATION child;
  ok(start("exit 5", FALSE, CREATE_SUSPENDED, NULL, NULL, &child), "suspended");
  ok(WaitForSingleObject(child.hProcess, 100) == WAIT_TIMEOUT, "does not run");
  ok(ResumeThread(child.hThread) == 1, "suspend count");
  ok(finish(&child) == 5, "runs now");
  ok(start("exit 5", FALSE, CREATE_SUSPENDED, NULL, NULL, &child), "suspended");
  ok(TerminateProcess(child.hProcess, 6), "killed before its first instruction");
  ok(finish(&child) == 6, "exit code");
}

static void inheritance(void) {
  char arguments[100];
  SECURITY_ATTRIBUTES inherits = { sizeof inherits, NULL, TRUE };
  HANDLE event = CreateEventA(&inherits, TRUE, FALSE, NULL), own = CreateEventA(NULL, TRUE, FALSE, NULL);
  sprintf(arguments, "set %p", event);
  ok(run(arguments, TRUE, 0) == 1 && WaitForSingleObject(event, 0) == WAIT_OBJECT_0, "inherited handle");
  ResetEvent(event);
  ok(run(arguments, FALSE, 0) == 0 && WaitForSingleObject(event, 0) == WAIT_TIMEOUT, "nothing is inherited");
  sprintf(arguments, "set %p", own);
  ok(run(arguments, TRUE, 0) == 0, "not inheritable");
  ok(SetHandleInformation(own, HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT), "made inheritable");
  ok(run(arguments, TRUE, 0) == 1 && WaitForSingleObject(own, 0) == WAIT_OBJECT_0, "inherited now");
  /* Rights go with the handle. */
  HANDLE limited = NULL;
  ok(DuplicateHandle(GetCurrentProcess(), own, GetCurrentProcess(), &limited, SYNCHRONIZE, TRUE, 0), "limited duplicate");
  sprintf(arguments, "set %p", limited);
  ok(run(arguments, TRUE, 0) == 0, "the child may only wait");
  ok(!SetEvent(limited) && GetLastError() == ERROR_ACCESS_DENIED, "as its parent: %lu", GetLastError());
  CloseHandle(limited);
  CloseHandle(event);
  CloseHandle(own);
}

static void duplicates(void) {
  PROCESS_INFORMATION child;
  HANDLE event = CreateEventA(NULL, TRUE, FALSE, NULL), there = NULL, back = NULL;
  ok(start("sleep", FALSE, CREATE_SUSPENDED, NULL, NULL, &child), "target");
  ok(DuplicateHandle(GetCurrentProcess(), event, child.hProcess, &there, 0, FALSE, DUPLICATE_SAME_ACCESS), "into it");
  ok(DuplicateHandle(child.hProcess, there, GetCurrentProcess(), &back, 0, FALSE, DUPLICATE_SAME_ACCESS | DUPLICATE_CLOSE_SOURCE), "back");
  ok(SetEvent(back) && WaitForSingleObject(event, 0) == WAIT_OBJECT_0, "the same event");
  HANDLE again = NULL;
  ok(!DuplicateHandle(child.hProcess, there, GetCurrentProcess(), &again, 0, FALSE, DUPLICATE_SAME_ACCESS), "the source is closed");
  ok(GetLastError() == ERROR_INVALID_HANDLE, "error %lu", GetLastError());
  HANDLE weak = OpenProcess(PROCESS_QUERY_INFORMATION, FALSE, child.dwProcessId);
  ok(!DuplicateHandle(GetCurrentProcess(), event, weak, &again, 0, FALSE, DUPLICATE_SAME_ACCESS), "needs PROCESS_DUP_HANDLE");
  ok(GetLastError() == ERROR_ACCESS_DENIED, "error %lu", GetLastError());
  ok(!TerminateProcess(weak, 1) && GetLastError() == ERROR_ACCESS_DENIED, "needs PROCESS_TERMINATE");
  CloseHandle(weak);
  CloseHandle(back);
  CloseHandle(event);
  TerminateProcess(child.hProcess, 0);
  finish(&child);
}

static void memory(void) {
  PROCESS_INFORMATION child;
  MEMORY_BASIC_INFORMATION information;
  char text[16] = "";
  SIZE_T done = 0;
  ok(start("sleep", FALSE, CREATE_SUSPENDED, NULL, NULL, &child), "target");
  char *page = VirtualAllocEx(child.hProcess, NULL, 0x3000, MEM_COMMIT, PAGE_READWRITE);
  ok(page != NULL, "VirtualAllocEx: %lu", GetLastError());
  ok(WriteProcessMemory(child.hProcess, page + 0xffc, "remote text", 12, &done) && done == 12, "write across pages");
  ok(ReadProcessMemory(child.hProcess, page + 0xffc, text, 12, &done) && strcmp(text, "remote text") == 0, "read: %s", text);
  ok(VirtualQueryEx(child.hProcess, page, &information, sizeof information) && information.RegionSize == 0x3000, "query");
  ok(!ReadProcessMemory(child.hProcess, page + 0x2ff0, text, 16 + 16, &done), "past its end: %lu", GetLastError());
  ok(VirtualFreeEx(child.hProcess, page, 0, MEM_RELEASE), "free");
  TerminateProcess(child.hProcess, 0);
  finish(&child);
}

static void remote_thread(void) {
  PROCESS_INFORMATION child;
  DWORD code = 0;
  ok(start("sleep", FALSE, 0, NULL, NULL, &child), "target");
  /* kernel32 lies at the same address in every process. */
  LPTHREAD_START_ROUTINE routine = (LPTHREAD_START_ROUTINE)GetProcAddress(GetModuleHandleA("kernel32"), "GetCurrentProcessId");
  HANDLE thread = CreateRemoteThread(child.hProcess, NULL, 0, routine, NULL, CREATE_SUSPENDED, NULL);
  ok(thread != NULL, "CreateRemoteThread: %lu", GetLastError());
  WaitForSingleObject(child.hProcess, 50);
  ResumeThread(thread);
  ok(WaitForSingleObject(thread, INFINITE) == WAIT_OBJECT_0 && GetExitCodeThread(thread, &code) && code == child.dwProcessId, "runs there: %lu", code);
  CloseHandle(thread);
  routine = (LPTHREAD_START_ROUTINE)GetProcAddress(GetModuleHandleA("kernel32"), "ExitProcess");
  thread = CreateRemoteThread(child.hProcess, NULL, 0, routine, (void *)31, 0, NULL);
  ok(finish(&child) == 31, "a remote thread can end it");
  CloseHandle(thread);
}

static void environment_and_directory(void) {
  PROCESS_INFORMATION child;
  WCHAR wide[] = L"A=uni\0NT86_C=w\0";
  char narrow[] = "NT86_C=narrow\0";
  SetEnvironmentVariableA("NT86_C", "from the parent");
  ok(run("variable \"from the parent\"", FALSE, 0) == 0, "the parent's environment");
  ok(start("variable narrow", FALSE, 0, narrow, NULL, &child) && finish(&child) == 0, "an ANSI block");
  ok(start("variable w", FALSE, CREATE_UNICODE_ENVIRONMENT, wide, NULL, &child) && finish(&child) == 0, "a Unicode block");
  SetEnvironmentVariableA("NT86_C", NULL);
  ok(start("directory C:\\WINDOWS", FALSE, 0, NULL, "C:\\WINDOWS\\", &child) && finish(&child) == 0, "current directory");
  ok(!start("exit 0", FALSE, 0, NULL, "C:\\no such folder", &child) && GetLastError() == ERROR_DIRECTORY, "no directory: %lu", GetLastError());
}

static void refuse(const char *application, const char *line, DWORD wanted) {
  PROCESS_INFORMATION child;
  char copy[200];
  BOOL made = CreateProcessA(application, line == NULL ? NULL : strcpy(copy, line), NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child);
  ok(!made && GetLastError() == wanted, "%s, %s: %lu instead of %lu", application ? application : "-", line ? line : "-", GetLastError(), wanted);
}

static void finding(void) {
  PROCESS_INFORMATION child;
  char line[MAX_PATH + 20];
  refuse(NULL, "no-such-program", ERROR_FILE_NOT_FOUND);
  refuse(NULL, "\"no such program\" with arguments", ERROR_FILE_NOT_FOUND);
  refuse("C:\\no-such-folder\\program.exe", NULL, ERROR_PATH_NOT_FOUND);
  refuse("check-processes", NULL, ERROR_FILE_NOT_FOUND);
  refuse("C:\\WINDOWS", NULL, ERROR_ACCESS_DENIED);
  refuse("C:\\WINDOWS\\system32\\kernel32.dll", NULL, ERROR_BAD_EXE_FORMAT);
  HANDLE text = CreateFileA("C:\\WINDOWS\\TEMP\\text.exe", GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  WriteFile(text, "this is no program", 18, &(DWORD){ 0 }, NULL);
  CloseHandle(text);
  refuse("C:\\WINDOWS\\TEMP\\text.exe", NULL, ERROR_BAD_EXE_FORMAT);
  DeleteFileA("C:\\WINDOWS\\TEMP\\text.exe");
  /* Beside this program, without extension; the application's name wins over the line's. */
  strcpy(line, "check-processes exit 9");
  ok(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child) && finish(&child) == 9, "found beside the program: %lu", GetLastError());
  strcpy(line, "nonsense exit 8");
  ok(CreateProcessA(self, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child) && finish(&child) == 8, "application name");
  ok(WinExec("check-processes exit 1", SW_SHOW) > 31 && WinExec("no-such", SW_SHOW) == ERROR_FILE_NOT_FOUND, "WinExec");
}

static void many(void) {
  PROCESS_INFORMATION children[20];
  HANDLE handles[20];
  char arguments[20];
  for (int i = 0; i < 20; i++) {
    sprintf(arguments, "exit %d", i);
    ok(start(arguments, FALSE, CREATE_SUSPENDED, NULL, NULL, &children[i]), "process %d: %lu", i, GetLastError());
    handles[i] = children[i].hProcess;
  }
  for (int i = 0; i < 20; i++) ResumeThread(children[i].hThread);
  ok(WaitForMultipleObjects(20, handles, TRUE, INFINITE) == WAIT_OBJECT_0, "all of them end");
  for (int i = 0; i < 20; i++) ok(finish(&children[i]) == (DWORD)i, "exit code %d", i);
  ok(run("tree 6", FALSE, 0) == 6, "a chain of processes");
}

static void snapshots(void) {
  PROCESS_INFORMATION child;
  PROCESSENTRY32 process = { .dwSize = sizeof process };
  MODULEENTRY32 module = { .dwSize = sizeof module };
  THREADENTRY32 thread = { .dwSize = sizeof thread };
  HEAPLIST32 heap = { .dwSize = sizeof heap };
  int found = 0, threads = 0, modules = 0;
  ok(start("sleep", FALSE, 0, NULL, NULL, &child), "child");
  WaitForSingleObject(child.hProcess, 100);
  HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPALL, child.dwProcessId);
  ok(snapshot != INVALID_HANDLE_VALUE, "snapshot: %lu", GetLastError());
  for (BOOL more = Process32First(snapshot, &process); more; more = Process32Next(snapshot, &process)) {
    if (process.th32ProcessID != child.dwProcessId) continue;
    found = process.th32ParentProcessID == GetCurrentProcessId() && strcmp(process.szExeFile, "check-processes.exe") == 0 && process.cntThreads == 1;
  }
  ok(found && GetLastError() == ERROR_NO_MORE_FILES, "the child is listed");
  for (BOOL more = Thread32First(snapshot, &thread); more; more = Thread32Next(snapshot, &thread))
    threads += thread.th32OwnerProcessID == child.dwProcessId && thread.th32ThreadID == child.dwThreadId;
  ok(threads == 1, "its thread too");
  ok(Module32First(snapshot, &module) && strcmp(module.szModule, "check-processes.exe") == 0, "first module %s", module.szModule);
  for (BOOL more = TRUE; more; more = Module32Next(snapshot, &module)) modules++;
  ok(modules == 4, "program, ntdll, kernel32, msvcrt: %d", modules);
  ok(Heap32ListFirst(snapshot, &heap) && heap.dwFlags == HF32_DEFAULT, "heap list");
  CloseHandle(snapshot);
  ok(CreateToolhelp32Snapshot(TH32CS_SNAPMODULE, 0x7ffffff0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_PARAMETER, "no such process: %lu", GetLastError());
  FILETIME created, ended, kernel, user;
  ok(GetProcessTimes(child.hProcess, &created, &ended, &kernel, &user) && created.dwHighDateTime != 0, "times");
  TerminateProcess(child.hProcess, 0);
  finish(&child);
}

/* A child that answers on its standard output what comes on its standard input. */
static void pipes(void) {
  SECURITY_ATTRIBUTES inherits = { sizeof inherits, NULL, TRUE };
  STARTUPINFOA redirected = { .cb = sizeof redirected, .dwFlags = STARTF_USESTDHANDLES };
  PROCESS_INFORMATION child;
  HANDLE toChild[2], fromChild[2];
  char line[MAX_PATH + 20], buffer[5000];
  DWORD count = 0, available = 0, total = 0, wrong = 0;
  ok(CreatePipe(&toChild[0], &toChild[1], &inherits, 0) && CreatePipe(&fromChild[0], &fromChild[1], &inherits, 100), "pipes: %lu", GetLastError());
  SetHandleInformation(toChild[1], HANDLE_FLAG_INHERIT, 0);
  SetHandleInformation(fromChild[0], HANDLE_FLAG_INHERIT, 0);
  ok(GetFileType(toChild[0]) == FILE_TYPE_PIPE, "file type");
  redirected.hStdInput = toChild[0], redirected.hStdOutput = redirected.hStdError = fromChild[1];
  sprintf(line, "\"%s\" upper", self);
  ok(CreateProcessA(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &redirected, &child), "child: %lu", GetLastError());
  CloseHandle(toChild[0]);
  CloseHandle(fromChild[1]);
  ok(WriteFile(toChild[1], "hello pipe", 10, &count, NULL) && count == 10, "write");
  ok(ReadFile(fromChild[0], buffer, sizeof buffer, &count, NULL) && count == 10 && memcmp(buffer, "HELLO PIPE", 10) == 0, "answer of %lu", count);
  ok(PeekNamedPipe(fromChild[0], NULL, 0, NULL, &available, NULL) && available == 0, "empty: %lu", available);
  /* More than both pipes hold together would block both: as much as fits, piece by piece. One read takes what one write left, whatever the quota. */
  for (int i = 0; i < 50; i++) {
    memset(buffer, 'a' + i % 26, 1000);
    WriteFile(toChild[1], buffer, 1000, &count, NULL);
    for (DWORD got = 0; got < 1000; got += count) {
      if (!ReadFile(fromChild[0], buffer, sizeof buffer, &count, NULL) || count > 700) break;
      for (DWORD j = 0; j < count; j++) wrong += buffer[j] != 'A' + i % 26;
      total += count;
    }
  }
  ok(total == 50000 && wrong == 0, "%lu bytes, %lu wrong", total, wrong);
  CloseHandle(toChild[1]);
  ok(!ReadFile(fromChild[0], buffer, sizeof buffer, &count, NULL) && GetLastError() == ERROR_BROKEN_PIPE, "end: %lu", GetLastError());
  ok(finish(&child) == 0, "the child saw the end");
  CloseHandle(fromChild[0]);
  ok(CreatePipe(&toChild[0], &toChild[1], NULL, 0), "pipe");
  CloseHandle(toChild[0]);
  ok(!WriteFile(toChild[1], "x", 1, &count, NULL) && GetLastError() == ERROR_NO_DATA, "nobody reads: %lu", GetLastError());
  CloseHandle(toChild[1]);
}

/* Process groups: an event reaches those of one group alone. */
static void groups(void) {
  PROCESS_INFORMATION child;
  SECURITY_ATTRIBUTES inherits = { sizeof inherits, NULL, TRUE };
  char arguments[60];
  HANDLE ready = CreateEventA(&inherits, FALSE, FALSE, NULL);
  for (int handles = 1; handles >= 0; handles--) {
    sprintf(arguments, "control %p %d", ready, handles);
    ok(start(arguments, TRUE, CREATE_NEW_PROCESS_GROUP, NULL, NULL, &child), "a group of its own");
    ok(WaitForSingleObject(ready, INFINITE) == WAIT_OBJECT_0, "it is ready");
    ok(GenerateConsoleCtrlEvent(CTRL_C_EVENT, child.dwProcessId), "Ctrl-C is off in new groups: %lu", GetLastError());
    ok(GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.dwProcessId), "break: %lu", GetLastError());
    ok(finish(&child) == (handles ? 55 : (DWORD)STATUS_CONTROL_C_EXIT), "the group has heard of it, this one has not");
  }
  ok(!GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.dwProcessId) && GetLastError() == ERROR_INVALID_PARAMETER, "nobody left: %lu", GetLastError());
  CloseHandle(ready);
}
static BOOL WINAPI control(DWORD event) {
  ExitProcess(event == CTRL_BREAK_EVENT ? 55 : 56);
}

static void names(void) {
  char name[MAX_PATH];
  DWORD size = sizeof name, small = 3, handles = 0;
  ok(QueryFullProcessImageNameA(GetCurrentProcess(), 0, name, &size) && _stricmp(name, self) == 0 && size == strlen(self), "image %s", name);
  size = sizeof name;
  ok(QueryFullProcessImageNameA(GetCurrentProcess(), 1, name, &size) && strncmp(name, "\\Device\\", 8) == 0, "native %s", name);
  ok(!QueryFullProcessImageNameA(GetCurrentProcess(), 0, name, &small) && GetLastError() == ERROR_INSUFFICIENT_BUFFER, "too small: %lu", GetLastError());
  ok(GetProcessHandleCount(GetCurrentProcess(), &handles) && handles > 2, "%lu handles", handles);
  ok(GetProcessId(GetCurrentProcess()) == GetCurrentProcessId(), "id");
}

static int upper(void) {
  char buffer[700];
  DWORD count, done;
  while (ReadFile(GetStdHandle(STD_INPUT_HANDLE), buffer, sizeof buffer, &count, NULL)) {
    for (DWORD i = 0; i < count; i++) buffer[i] = (char)(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
    if (!WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), buffer, count, &done, NULL) || done != count) return 1;
  }
  return GetLastError() != ERROR_BROKEN_PIPE;
}

typedef LONG(NTAPI *create_process)(HANDLE *, ULONG access, void *attributes, HANDLE parent, ULONG flags, HANDLE section, HANDLE debug, HANDLE exception, ULONG job);
typedef LONG(NTAPI *create_section)(HANDLE *, ULONG access, void *attributes, LARGE_INTEGER *size, ULONG protect, ULONG kind, HANDLE file);

/* NtCreateProcessEx itself: its refusals, and a process that never gets a thread. */
static void native(void) {
  HMODULE ntdll = GetModuleHandleA("ntdll");
  create_process create = (create_process)GetProcAddress(ntdll, "NtCreateProcessEx");
  create_section section_of = (create_section)GetProcAddress(ntdll, "NtCreateSection");
  HANDLE file = CreateFileA(self, GENERIC_READ | GENERIC_EXECUTE, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  HANDLE section = NULL, data = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_EXECUTE_READWRITE, 0, 4096, NULL), limited = NULL, process = NULL;
  HANDLE me = GetCurrentProcess(), event = CreateEventA(NULL, TRUE, FALSE, NULL);
  ok(section_of(&section, SECTION_ALL_ACCESS, NULL, NULL, PAGE_EXECUTE, SEC_IMAGE, file) == 0, "image section");
  DuplicateHandle(me, section, me, &limited, SECTION_MAP_READ, FALSE, 0);
  struct { HANDLE *out; HANDLE parent; ULONG flags; HANDLE section, debug; ULONG job; LONG status; } refusals[] = {
    { NULL, me, 0, section, NULL, 0, 0xC0000005 },
    { &process, me, 0x100, section, NULL, 0, 0xC000000D },
    { &process, NULL, 0, section, NULL, 0, 0xC000000D },
    { &process, me, 0, section, NULL, 1, 0xC000000D },
    { &process, event, 0, section, NULL, 0, 0xC0000024 },
    { &process, (HANDLE)0x7000, 0, section, NULL, 0, 0xC0000008 },
    { &process, me, 0, event, NULL, 0, 0xC0000024 },
    { &process, me, 0, limited, NULL, 0, 0xC0000022 },
    { &process, me, 0, data, NULL, 0, 0xC0000049 },
    { &process, me, 0, section, event, 0, 0xC0000024 },
  };
  for (unsigned i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    LONG status = create(refusals[i].out, PROCESS_ALL_ACCESS, NULL, refusals[i].parent, refusals[i].flags, refusals[i].section, refusals[i].debug, NULL, refusals[i].job);
    ok(status == refusals[i].status, "refusal %u: %08lx", i, status);
  }
  ok(create(&process, PROCESS_ALL_ACCESS, NULL, me, 4, section, NULL, NULL, 0) == 0, "no thread yet");
  DWORD id = GetProcessId(process), code = 0;
  ok(WaitForSingleObject(process, 0) == WAIT_TIMEOUT && GetExitCodeProcess(process, &code) && code == STILL_ACTIVE, "neither running nor ended");
  ok(TerminateProcess(process, 3) && WaitForSingleObject(process, 0) == WAIT_OBJECT_0, "ends at once");
  ok(GetExitCodeProcess(process, &code) && code == 3, "exit code %lu", code);
  CloseHandle(process);
  ok(create(&process, PROCESS_ALL_ACCESS, NULL, me, 4, section, NULL, NULL, 0) == 0, "another one");
  id = GetProcessId(process);
  CloseHandle(process);
  ok(OpenProcess(SYNCHRONIZE, FALSE, id) == NULL, "it goes with its last handle");
  CloseHandle(section), CloseHandle(limited), CloseHandle(data), CloseHandle(event), CloseHandle(file);
}

static int child(int count, char **arguments) {
  if (strcmp(arguments[1], "exit") == 0) ExitProcess(strtoul(arguments[2], NULL, 0));
  if (strcmp(arguments[1], "crash") == 0) *(volatile int *)0 = 0;
  if (strcmp(arguments[1], "sleep") == 0) Sleep(INFINITE);
  if (strcmp(arguments[1], "upper") == 0) return upper();
  if (strcmp(arguments[1], "set") == 0) return SetEvent((HANDLE)strtoul(arguments[2], NULL, 16));
  if (strcmp(arguments[1], "variable") == 0) {
    const char *value = getenv("NT86_C");
    return value == NULL || strcmp(value, arguments[2]) != 0;
  }
  if (strcmp(arguments[1], "directory") == 0) {
    char directory[MAX_PATH];
    GetCurrentDirectoryA(sizeof directory, directory);
    return strcmp(directory, arguments[2]) != 0;
  }
  if (strcmp(arguments[1], "control") == 0) {
    HANDLE ready = NULL;
    sscanf(arguments[2], "%p", &ready);
    if (arguments[3][0] == '1') SetConsoleCtrlHandler(control, TRUE);
    SetEvent(ready);
    Sleep(INFINITE);
  }
  if (strcmp(arguments[1], "tree") == 0) {
    int depth = atoi(arguments[2]);
    char line[20];
    sprintf(line, "tree %d", depth - 1);
    return depth == 0 ? 0 : (int)run(line, FALSE, 0) + 1;
  }
  return count;
}

int main(int count, char **arguments) {
  GetModuleFileNameA(NULL, self, sizeof self);
  if (count > 1) return child(count, arguments);
  exit_codes();
  suspended();
  inheritance();
  duplicates();
  memory();
  remote_thread();
  environment_and_directory();
  finding();
  many();
  snapshots();
  pipes();
  groups();
  names();
  native();
  return report("processes");
}
