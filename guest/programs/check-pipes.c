/* Named pipes from inside: messages, instances, listening, waiting, transactions, overlapped operations. With arguments: a client. */
#include <stdio.h>
#include <string.h>
#include <windows.h>
#include "ok.h"

#define NAME "\\\\.\\pipe\\check pipes"
enum { DUPLEX_MESSAGES = PIPE_TYPE_MESSAGE | PIPE_READMODE_MESSAGE };

static char buffer[20000];
static DWORD count;

static HANDLE make(DWORD open, DWORD mode, DWORD instances, DWORD quota) {
  return CreateNamedPipeA(NAME, open, mode, instances, quota, quota, 0, NULL);
}
static HANDLE join(DWORD access, DWORD flags) { return CreateFileA(NAME, access, 0, NULL, OPEN_EXISTING, flags, NULL); }
static BOOL say(HANDLE pipe, const char *text) { return WriteFile(pipe, text, (DWORD)strlen(text), &count, NULL) && count == strlen(text); }
static BOOL hear(HANDLE pipe, const char *text) {
  memset(buffer, 0, 100);
  return ReadFile(pipe, buffer, sizeof buffer, &count, NULL) && count == strlen(text) && memcmp(buffer, text, count) == 0;
}
static BOOL fails(BOOL result, DWORD error) { return !result && GetLastError() == error; }

static void refusals(void) {
  ok(make(0, 0, 1, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_PARAMETER, "no direction: %lu", GetLastError());
  ok(make(PIPE_ACCESS_DUPLEX, PIPE_READMODE_MESSAGE, 1, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_PARAMETER, "messages of a byte pipe: %lu", GetLastError());
  ok(make(PIPE_ACCESS_DUPLEX, 0, 0, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_PARAMETER, "no instances");
  ok(CreateNamedPipeA("C:\\pipe", PIPE_ACCESS_DUPLEX, 0, 1, 0, 0, 0, NULL) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_INVALID_NAME, "no pipe: %lu", GetLastError());
  ok(join(GENERIC_READ, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND, "nobody serves: %lu", GetLastError());
  ok(fails(WaitNamedPipeA(NAME, 10), ERROR_FILE_NOT_FOUND), "nothing to wait for: %lu", GetLastError());
  HANDLE first = make(PIPE_ACCESS_INBOUND, 0, 2, 0), other;
  ok(first != INVALID_HANDLE_VALUE, "first instance: %lu", GetLastError());
  ok(make(PIPE_ACCESS_INBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE, 0, 2, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED, "not the first: %lu", GetLastError());
  ok(make(PIPE_ACCESS_OUTBOUND, 0, 2, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED, "another direction: %lu", GetLastError());
  ok(make(PIPE_ACCESS_INBOUND, PIPE_TYPE_MESSAGE, 2, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED, "another type: %lu", GetLastError());
  ok((other = make(PIPE_ACCESS_INBOUND, 0, 2, 0)) != INVALID_HANDLE_VALUE, "second instance");
  ok(make(PIPE_ACCESS_INBOUND, 0, 2, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_PIPE_BUSY, "no third: %lu", GetLastError());
  ok(join(GENERIC_READ, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED, "the server only reads: %lu", GetLastError());
  ok(fails(ReadFile(first, buffer, 1, &count, NULL), ERROR_PIPE_LISTENING), "nobody there: %lu", GetLastError());
  CloseHandle(other);
  CloseHandle(first);
  ok(join(GENERIC_WRITE, 0) == INVALID_HANDLE_VALUE && GetLastError() == ERROR_FILE_NOT_FOUND, "all gone: %lu", GetLastError());
}

static void messages(void) {
  DWORD available = 0, left = 0, mode = PIPE_READMODE_MESSAGE, state = 9, flags = 9, instances = 9;
  HANDLE server = make(PIPE_ACCESS_DUPLEX, DUPLEX_MESSAGES, PIPE_UNLIMITED_INSTANCES, 0), client = join(GENERIC_READ | GENERIC_WRITE, 0);
  ok(server != INVALID_HANDLE_VALUE && client != INVALID_HANDLE_VALUE, "both ends: %lu", GetLastError());
  ok(fails(ConnectNamedPipe(server, NULL), ERROR_PIPE_CONNECTED), "the client was faster: %lu", GetLastError());
  ok(say(client, "one") && say(client, "second") && say(client, ""), "three messages");
  ok(PeekNamedPipe(server, buffer, 2, &count, &available, &left) && count == 2 && available == 9 && left == 1, "peek %lu %lu %lu", count, available, left);
  ok(hear(server, "one"), "a message a read: %lu", count);
  ok(fails(ReadFile(server, buffer, 4, &count, NULL), ERROR_MORE_DATA) && count == 4, "part of a message: %lu", count);
  ok(hear(server, "nd"), "its rest");
  ok(hear(server, "") && count == 0, "an empty message: %lu", count);
  ok(say(server, "abc") && say(server, "def") && hear(client, "abcdef"), "clients read bytes at first: %lu", count);
  ok(SetNamedPipeHandleState(client, &mode, NULL, NULL), "message mode: %lu", GetLastError());
  ok(say(server, "abc") && say(server, "def") && hear(client, "abc") && hear(client, "def"), "messages now");
  ok(GetNamedPipeHandleStateA(client, &state, &instances, NULL, NULL, NULL, 0) && state == PIPE_READMODE_MESSAGE && instances == 1, "state %lx", state);
  ok(GetNamedPipeInfo(server, &flags, &available, &left, &instances) && flags == (PIPE_TYPE_MESSAGE | PIPE_SERVER_END), "flags %lx", flags);
  ok(available == 4096 && left == 4096 && instances == PIPE_UNLIMITED_INSTANCES, "quotas %lu %lu, %lu", available, left, instances);
  mode = PIPE_READMODE_MESSAGE | PIPE_NOWAIT;
  ok(SetNamedPipeHandleState(server, &mode, NULL, NULL), "no waiting");
  ok(fails(ReadFile(server, buffer, 4, &count, NULL), ERROR_NO_DATA), "nothing there: %lu", GetLastError());
  ok(WriteFile(server, buffer, 4000, &count, NULL) && count == 4000 && WriteFile(server, buffer, 200, &count, NULL) && count == 0, "does not fit: %lu", count);
  ok(DisconnectNamedPipe(server), "disconnect");
  ok(fails(ReadFile(client, buffer, 4, &count, NULL), ERROR_PIPE_NOT_CONNECTED), "cut off, what was written is lost: %lu", GetLastError());
  ok(fails(WriteFile(server, buffer, 4, &count, NULL), ERROR_PIPE_NOT_CONNECTED), "the server too: %lu", GetLastError());
  ok(fails(DisconnectNamedPipe(server), ERROR_PIPE_NOT_CONNECTED), "once: %lu", GetLastError());
  ok(fails(DisconnectNamedPipe(client), ERROR_INVALID_FUNCTION), "clients cannot: %lu", GetLastError());
  ok(ConnectNamedPipe(server, NULL), "listens again, without waiting: %lu", GetLastError());
  HANDLE next = join(GENERIC_READ | GENERIC_WRITE, 0);
  ok(next != INVALID_HANDLE_VALUE && fails(WriteFile(client, buffer, 4, &count, NULL), ERROR_PIPE_NOT_CONNECTED), "the old client stays out");
  ok(say(next, "x") && hear(server, "x"), "the next one is in");
  CloseHandle(client);
  CloseHandle(server);
  ok(fails(ReadFile(next, buffer, 4, &count, NULL), ERROR_BROKEN_PIPE), "broken: %lu", GetLastError());
  CloseHandle(next);
}

static HANDLE shared;
static DWORD WINAPI call_late(void *text) {
  char answer[100];
  Sleep(100);
  return CallNamedPipeA(NAME, text, (DWORD)strlen(text), answer, sizeof answer, &(DWORD){ 0 }, NMPWAIT_WAIT_FOREVER) && strcmp(answer, "answer") == 0;
}
static DWORD WINAPI drain_late(void *length) {
  DWORD total = 0, got;
  Sleep(100);
  while (total < (DWORD)(ULONG_PTR)length && ReadFile(shared, buffer, 700, &got, NULL)) total += got;
  return total;
}
static DWORD WINAPI close_late(void *handle) {
  Sleep(100);
  return (DWORD)CloseHandle(handle);
}
static DWORD result_of(HANDLE thread) {
  DWORD code = 0;
  WaitForSingleObject(thread, INFINITE);
  GetExitCodeThread(thread, &code);
  CloseHandle(thread);
  return code;
}
static HANDLE run(LPTHREAD_START_ROUTINE routine, void *parameter) { return CreateThread(NULL, 0, routine, parameter, 0, NULL); }

static void waiting(void) {
  static char long_text[9000];
  HANDLE server = make(PIPE_ACCESS_DUPLEX, DUPLEX_MESSAGES, 1, 4096);
  HANDLE one = run(call_late, "first"), two = run(call_late, "second");
  for (int i = 0; i < 2; i++) {
    BOOL connected = ConnectNamedPipe(server, NULL) || GetLastError() == ERROR_PIPE_CONNECTED;
    ok(connected && (hear(server, "first") || (count == 6 && memcmp(buffer, "second", 6) == 0)), "request %d", i);
    ok(WriteFile(server, "answer", 7, &count, NULL) && FlushFileBuffers(server), "answered: %lu", GetLastError());
    ok(DisconnectNamedPipe(server), "disconnect");
  }
  ok(result_of(one) == 1 && result_of(two) == 1, "both were served, one after the other");
  CloseHandle(server);
  server = make(PIPE_ACCESS_OUTBOUND, 0, 1, 1000);
  shared = join(GENERIC_READ, 0);
  ok(fails(WaitNamedPipeA(NAME, 30), ERROR_SEM_TIMEOUT), "no instance in time: %lu", GetLastError());
  ok(fails(WaitNamedPipeA(NAME, NMPWAIT_USE_DEFAULT_WAIT), ERROR_SEM_TIMEOUT), "nor in the pipe's own: %lu", GetLastError());
  one = run(drain_late, (void *)(ULONG_PTR)sizeof long_text);
  ok(WriteFile(server, long_text, sizeof long_text, &count, NULL) && count == sizeof long_text, "waits for the reader: %lu", count);
  ok(result_of(one) == sizeof long_text, "everything has come");
  one = run(close_late, shared);
  ok(fails(WriteFile(server, long_text, 2000, &count, NULL), ERROR_BROKEN_PIPE), "the reader goes meanwhile: %lu", GetLastError());
  ok(fails(WriteFile(server, long_text, 1, &count, NULL), ERROR_NO_DATA), "and is gone: %lu", GetLastError());
  result_of(one);
  CloseHandle(server);
}

static int completions;
static DWORD completed;
static VOID CALLBACK completion(DWORD error, DWORD bytes, LPOVERLAPPED overlapped) {
  (void)overlapped;
  completions += error == 0;
  completed = bytes;
}

static void overlapped(void) {
  char first[10] = "", second[10] = "";
  OVERLAPPED a = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) }, b = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
  HANDLE server = make(PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, 1, 100);
  ok(fails(ConnectNamedPipe(server, &a), ERROR_IO_PENDING), "listens: %lu", GetLastError());
  ok(fails(GetOverlappedResult(server, &a, &count, FALSE), ERROR_IO_INCOMPLETE), "nobody yet: %lu", GetLastError());
  HANDLE client = join(GENERIC_READ | GENERIC_WRITE, 0);
  ok(GetOverlappedResult(server, &a, &count, TRUE), "connected: %lu", GetLastError());
  ok(fails(ReadFile(server, first, 3, NULL, &a), ERROR_IO_PENDING) && fails(ReadFile(server, second, 9, NULL, &b), ERROR_IO_PENDING), "two reads");
  ok(say(client, "abcde"), "for both");
  ok(GetOverlappedResult(server, &a, &count, TRUE) && count == 3 && strcmp(first, "abc") == 0, "first: %s", first);
  ok(WaitForSingleObject(b.hEvent, INFINITE) == WAIT_OBJECT_0 && GetOverlappedResult(server, &b, &count, FALSE) && count == 2 && strcmp(second, "de") == 0, "second: %s", second);
  ok(say(client, "now") && ReadFile(server, first, 3, &count, &a) && count == 3, "at once: %lu", GetLastError());
  ok(fails(WriteFile(server, buffer, 250, NULL, &a), ERROR_IO_PENDING), "beyond the quota");
  ok(ReadFile(client, buffer, 149, &count, NULL) && count == 149 && WaitForSingleObject(a.hEvent, 0) == WAIT_TIMEOUT, "not yet");
  ok(ReadFile(client, buffer, 1, &count, NULL) && GetOverlappedResult(server, &a, &count, TRUE) && count == 250, "the rest fits: %lu", count);
  ok(ReadFile(client, buffer, 200, &count, NULL) && count == 100, "rest of %lu", count);
  ok(fails(ReadFile(server, first, 3, NULL, &a), ERROR_IO_PENDING) && CancelIo(server), "cancel");
  ok(fails(GetOverlappedResult(server, &a, &count, TRUE), ERROR_OPERATION_ABORTED), "cancelled: %lu", GetLastError());
  ok(ReadFileEx(server, first, 3, &b, completion) && SleepEx(0, TRUE) == 0 && completions == 0, "with a routine");
  ok(say(client, "xy") && SleepEx(INFINITE, TRUE) == WAIT_IO_COMPLETION && completions == 1 && completed == 2, "called with %lu", completed);
  ok(fails(ReadFile(server, first, 3, NULL, &a), ERROR_IO_PENDING) && CloseHandle(client), "the client goes");
  ok(fails(GetOverlappedResult(server, &a, &count, TRUE), ERROR_BROKEN_PIPE), "broken: %lu", GetLastError());
  CloseHandle(server);
  CloseHandle(a.hEvent);
  CloseHandle(b.hEvent);
}

/* A child that asks what its parent answers; and one that dies with reads under way. */
static void processes(const char *self) {
  STARTUPINFOA startup = { .cb = sizeof startup };
  PROCESS_INFORMATION child;
  char line[MAX_PATH + 20];
  DWORD code = 0;
  HANDLE server = make(PIPE_ACCESS_DUPLEX, DUPLEX_MESSAGES, 1, 0);
  sprintf(line, "\"%s\" ask", self);
  ok(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child), "child");
  ok((ConnectNamedPipe(server, NULL) || GetLastError() == ERROR_PIPE_CONNECTED) && hear(server, "question") && say(server, "answer"), "asked and answered");
  ok(WaitForSingleObject(child.hProcess, INFINITE) == WAIT_OBJECT_0 && GetExitCodeProcess(child.hProcess, &code) && code == 6, "the child heard it: %lu", code);
  ok(fails(ReadFile(server, buffer, 4, &count, NULL), ERROR_BROKEN_PIPE), "and went: %lu", GetLastError());
  CloseHandle(child.hThread), CloseHandle(child.hProcess);
  DisconnectNamedPipe(server);
  sprintf(line, "\"%s\" hang", self);
  ok(CreateProcessA(NULL, line, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &child), "second child");
  ok((ConnectNamedPipe(server, NULL) || GetLastError() == ERROR_PIPE_CONNECTED) && hear(server, "ready"), "it reads");
  ok(TerminateProcess(child.hProcess, 3) && WaitForSingleObject(child.hProcess, INFINITE) == WAIT_OBJECT_0, "killed");
  ok(fails(WriteFile(server, buffer, 4, &count, NULL), ERROR_NO_DATA), "gone: %lu", GetLastError());
  CloseHandle(child.hThread), CloseHandle(child.hProcess);
  CloseHandle(server);
}

static int ask(void) {
  char answer[100];
  DWORD got = 0;
  return CallNamedPipeA(NAME, "question", 8, answer, sizeof answer, &got, NMPWAIT_WAIT_FOREVER) && memcmp(answer, "answer", 6) == 0 ? (int)got : -1;
}
static int hang(void) {
  OVERLAPPED a = { .hEvent = NULL };
  HANDLE client = join(GENERIC_READ | GENERIC_WRITE, FILE_FLAG_OVERLAPPED);
  ReadFile(client, buffer, 10, NULL, &a);
  OVERLAPPED b = { .hEvent = CreateEventA(NULL, TRUE, FALSE, NULL) };
  WriteFile(client, "ready", 5, NULL, &b);
  Sleep(INFINITE);
  return 0;
}

/* Floods end in statuses: what is written without limit waits, what is asked for without limit is refused. */
static void floods(void) {
  static OVERLAPPED requests[20000];
  static HANDLE servers[3000];
  int pending = 0, made = 0;
  HANDLE server = make(PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED, 0, 255, 100), client = join(GENERIC_READ | GENERIC_WRITE, 0);
  while (pending < 20000 && fails(WriteFile(server, buffer, 20000, NULL, &requests[pending]), ERROR_IO_PENDING)) pending++;
  ok(pending > 10 && (pending == 20000 || GetLastError() == ERROR_NO_SYSTEM_RESOURCES), "%d writes, then %lu", pending, GetLastError());
  ok(CancelIo(server), "cancel them");
  CloseHandle(client);
  CloseHandle(server);
  while (made < 3000 && (servers[made] = make(PIPE_ACCESS_DUPLEX, 0, PIPE_UNLIMITED_INSTANCES, 0)) != INVALID_HANDLE_VALUE) made++;
  ok(made > 100, "%d instances", made);
  while (made > 0) CloseHandle(servers[--made]);
}

/* The server acts for whoever wrote what it has read, until it is itself again. */
static void impersonated(void) {
  HANDLE server = CreateNamedPipeA("\\\\.\\pipe\\whose", PIPE_ACCESS_DUPLEX, 0, 1, 0, 0, 0, NULL), token;
  HANDLE client = CreateFileA("\\\\.\\pipe\\whose", GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
  TOKEN_TYPE type = TokenPrimary;
  char byte;
  ok(client != INVALID_HANDLE_VALUE && WriteFile(client, "x", 1, &count, NULL), "a client writes");
  ok(!ImpersonateNamedPipeClient(server) && GetLastError() == ERROR_CANNOT_IMPERSONATE, "nothing was read: %lu", GetLastError());
  ok(!OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token) && GetLastError() == ERROR_NO_TOKEN, "no token: %lu", GetLastError());
  ok(ReadFile(server, &byte, 1, &count, NULL) && ImpersonateNamedPipeClient(server), "impersonate: %lu", GetLastError());
  ok(OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token), "its token: %lu", GetLastError());
  ok(GetTokenInformation(token, TokenType, &type, sizeof type, &count) && type == TokenImpersonation, "type %d", type);
  CloseHandle(token);
  ok(RevertToSelf() && !OpenThreadToken(GetCurrentThread(), TOKEN_QUERY, TRUE, &token), "itself again");
  ok(!ImpersonateNamedPipeClient(client), "a client cannot");
  CloseHandle(client), CloseHandle(server);
}

int main(int argc, char **argv) {
  if (argc > 1) return strcmp(argv[1], "ask") == 0 ? ask() : hang();
  refusals();
  messages();
  waiting();
  overlapped();
  processes(argv[0]);
  impersonated();
  floods();
  return report("pipes");
}
