/* Child processes of the C library: system, pipes to and from commands, spawn and exec, descriptors that children inherit. */
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ok.h"

static const char *self;

static void commands(void) {
  char line[100] = "";
  ok(system(NULL) != 0, "there is an interpreter");
  ok(system("exit 5") == 5, "its status");
  ok(system("echo one> C:\\WINDOWS\\TEMP\\commands.txt") == 0, "a redirection");
  ok(system("nonsense 2>nul") == 1, "no such command");
  FILE *file = fopen("C:\\WINDOWS\\TEMP\\commands.txt", "r");
  ok(file && fgets(line, sizeof line, file) && strcmp(line, "one\n") == 0, "what it wrote: %s", line);
  if (file) fclose(file);
  remove("C:\\WINDOWS\\TEMP\\commands.txt");
}

static void piped(void) {
  char line[200] = "", command[300];
  FILE *stream = _popen("echo first&echo second&exit 3", "r");
  ok(stream && fgets(line, sizeof line, stream) && strcmp(line, "first\n") == 0, "first line: %s", line);
  ok(stream && fgets(line, sizeof line, stream) && strcmp(line, "second\n") == 0 && !fgets(line, sizeof line, stream), "second line: %s", line);
  ok(_pclose(stream) == 3, "status");
  sprintf(command, "%s count", self);
  stream = _popen(command, "w");
  ok(stream && fputs("a\nb\nc\n", stream) >= 0, "written");
  ok(_pclose(stream) == 3, "three lines were read");
  sprintf(command, "echo a&echo b) | %s count", self);
  char whole[320];
  sprintf(whole, "(%s", command);
  ok(system(whole) == 2, "a pipe between commands");
  errno = 0;
  ok(_popen("x", "q") == NULL && errno == EINVAL, "no such mode: %d", errno);
  ok(_pclose(stdout) == -1, "not a pipe");
}

static void spawned(void) {
  int status = 0;
  const char *arguments[] = { self, "exit", "9", NULL }, *environment[] = { "NT86_S=given", "SystemRoot=C:\\WINDOWS", NULL };
  ok(_spawnv(_P_WAIT, self, arguments) == 9, "spawnv");
  ok(_spawnl(_P_WAIT, self, self, "exit", "8", NULL) == 8, "spawnl");
  ok(_spawnlp(_P_WAIT, "cmd", "cmd", "/c", "exit", "7", NULL) == 7, "along the path, without extension");
  ok(_spawnl(_P_WAIT, "no such program", "x", NULL) == -1 && errno == ENOENT, "no such file: %d", errno);
  ok(_spawnle(_P_WAIT, self, self, "variable", "NT86_S", "given", NULL, environment) == 0, "an environment");
  intptr_t child = _spawnl(_P_NOWAIT, self, self, "exit", "6", NULL);
  ok(child != -1 && _cwait(&status, child, 0) == child && status == 6, "wait for it: %d", status);
  ok(_spawnl(_P_WAIT, self, self, "exec", NULL) == 0, "a process that another takes the place of ends at once");
}

/* A child knows the parent's descriptors by their numbers, text mode and all. */
static void inherited(void) {
  int ends[2];
  char number[12], text[10] = "";
  ok(_pipe(ends, 100, _O_BINARY) == 0, "pipe");
  sprintf(number, "%d", ends[1]);
  ok(_spawnl(_P_WAIT, self, self, "write", number, NULL) == 6, "the child writes to a number");
  ok(_read(ends[0], text, 10) == 6 && strcmp(text, "hello\n") == 0, "in binary mode: %s", text);
  _close(ends[0]), _close(ends[1]);
  ok(_pipe(ends, 100, _O_BINARY | _O_NOINHERIT) == 0, "pipe for itself");
  sprintf(number, "%d", ends[1]);
  ok(_spawnl(_P_WAIT, self, self, "write", number, NULL) == -1, "not inherited");
  int saved = _dup(1);
  ok(saved > 2 && _dup2(ends[1], 1) == 0, "standard output is the pipe");
  intptr_t status = _spawnl(_P_WAIT, self, self, "write", "1", NULL);
  _dup2(saved, 1);
  ok(status == 6 && _read(ends[0], text, 10) == 6, "also for a child: %d", (int)status);
  _close(saved), _close(ends[0]), _close(ends[1]);
}

static int child(int count, char **arguments) {
  char line[100];
  int lines = 0;
  if (strcmp(arguments[1], "exit") == 0) return atoi(arguments[2]);
  if (strcmp(arguments[1], "variable") == 0) return getenv(arguments[2]) == NULL || strcmp(getenv(arguments[2]), arguments[3]) != 0 || getenv("PATH") != NULL;
  if (strcmp(arguments[1], "write") == 0) return _write(atoi(arguments[2]), "hello\n", 6);
  if (strcmp(arguments[1], "exec") == 0) return (int)_execl(self, self, "exit", "4", NULL);
  while (fgets(line, sizeof line, stdin)) lines++;
  return count == 2 ? lines : -1;
}

int main(int count, char **arguments) {
  self = arguments[0];
  if (count > 1) return child(count, arguments);
  commands();
  piped();
  spawned();
  inherited();
  return report("commands");
}
