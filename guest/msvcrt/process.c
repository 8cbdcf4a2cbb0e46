/* process.h and the pipes of stdio.h: child processes, which inherit descriptors. Everything is done in UTF-16. */
#include "crt.h"

enum { P_WAIT = 0, P_NOWAIT = 1, P_OVERLAY = 2, P_NOWAITO = 3, P_DETACH = 4 };

static void free_list(wide **list) {
  for (wide **item = list; item && *item; item++) free(*item);
  free(list);
}

/* UTF-16 copies of a list of texts; NULL stays NULL. False without memory. */
static int widen_list(const char *const *list, wide ***result) {
  int count = 0;
  *result = NULL;
  if (!list) return 1;
  while (list[count]) count++;
  *result = calloc((size_t)count + 1, sizeof **result);
  for (int i = 0; *result && i < count; i++) {
    (*result)[i] = widen(list[i]);
    if (!(*result)[i]) return free_list(*result), 0;
  }
  return *result != NULL;
}

/* Arguments with blanks between, or variables with zeros between. */
static wide *join(const wide *const *list, wide separator) {
  size_t length = 2;
  for (const wide *const *item = list; *item; item++) length += wcslen(*item) + 1;
  wide *line = malloc(length * sizeof *line), *end = line;
  if (!line) return NULL;
  for (const wide *const *item = list; *item; item++) {
    if (item != list && separator) *end++ = separator;
    wcscpy(end, *item);
    end += wcslen(*item) + !separator;
  }
  end[0] = end[1] = 0;
  return line;
}

/* The file that a name means: with the extensions of programs where it has none, along PATH where that is asked for. */
static wide *find_program(const wide *name, int along_path) {
  static const wide extensions[4][5] = {{'.', 'c', 'o', 'm'}, {'.', 'e', 'x', 'e'}, {'.', 'b', 'a', 't'}, {'.', 'c', 'm', 'd'}};
  const wide *last = name;
  for (const wide *c = name; *c; c++)
    if (*c == '\\' || *c == '/' || *c == ':') last = c + 1;
  int has_extension = wcschr(last, '.') != NULL, has_folder = last != name;
  wide *tried = malloc((wcslen(name) + 5) * sizeof *tried), *found = malloc(MAX_PATH * sizeof *found);
  for (int i = 0; tried && found && i < (has_extension ? 1 : 4); i++) {
    wcscpy(tried, name);
    if (!has_extension) wcscpy(tried + wcslen(name), extensions[i]);
    DWORD attributes = GetFileAttributesW((LPCWSTR)tried);
    int is_there = attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
    if (is_there) return free(found), tried;
    DWORD length = along_path && !has_folder ? SearchPathW(NULL, (LPCWSTR)tried, NULL, MAX_PATH, (LPWSTR)found, NULL) : 0;
    if (length && length < MAX_PATH) return free(tried), found;
  }
  free(tried);
  free(found);
  fail_errno(E_NOENT);
  return NULL;
}

/* Starts a process that inherits descriptors; its handle, or -1. The line may be changed. */
static intptr_t start(int mode, const wide *program, wide *line, wide *environment, STARTUPINFOW *startup) {
  PROCESS_INFORMATION process;
  DWORD flags = (environment ? CREATE_UNICODE_ENVIRONMENT : 0) | (mode == P_DETACH ? DETACHED_PROCESS : 0);
  startup->cb = sizeof *startup;
  startup->lpReserved2 = descriptors_for_child(&startup->cbReserved2, mode == P_DETACH);
  if (!startup->lpReserved2) return fail_errno(E_NOMEM);
  BOOL made = CreateProcessW((LPCWSTR)program, (LPWSTR)line, NULL, NULL, TRUE, flags, environment, NULL, startup, &process);
  DWORD error = GetLastError();
  free(startup->lpReserved2);
  if (!made) return fail_with(error);
  CloseHandle(process.hThread);
  return (intptr_t)process.hProcess;
}

static intptr_t finish(int mode, intptr_t process) {
  int code = 0;
  if (process == -1) return -1;
  if (mode == P_OVERLAY) _exit(0);
  if (mode == P_NOWAIT || mode == P_NOWAITO) return process;
  if (mode == P_DETACH) return CloseHandle((HANDLE)process), 0;
  WaitForSingleObject((HANDLE)process, INFINITE);
  GetExitCodeProcess((HANDLE)process, (DWORD *)&code);
  CloseHandle((HANDLE)process);
  return code;
}

static intptr_t spawn(int mode, const wide *program, const wide *const *arguments, const wide *const *environment, int along_path) {
  if (!program || !arguments || !arguments[0] || mode < P_WAIT || mode > P_DETACH) return fail_errno(E_INVAL);
  STARTUPINFOW startup = {0};
  intptr_t process = -1;
  wide *file = find_program(program, along_path);
  if (!file) return -1;
  wide *line = join(arguments, ' '), *block = environment ? join(environment, 0) : NULL;
  if (!line || (environment && !block)) fail_errno(E_NOMEM);
  else process = start(mode, file, line, block, &startup);
  free(file);
  free(line);
  free(block);
  return finish(mode, process);
}

static intptr_t spawn_narrow(int mode, const char *program, const char *const *arguments, const char *const *environment, int along_path) {
  wide *wide_program = program ? widen(program) : NULL, **wide_arguments = NULL, **wide_environment = NULL;
  intptr_t result = -1;
  if (widen_list(arguments, &wide_arguments) && widen_list(environment, &wide_environment))
    result = spawn(mode, wide_program, (const wide *const *)wide_arguments, (const wide *const *)wide_environment, along_path);
  free_list(wide_arguments);
  free_list(wide_environment);
  free(wide_program);
  return result;
}

/* The variants: v takes a list, l its items; e an environment; p looks along PATH. */
#define VARIANTS(prefix, type, does)                                                                                               \
  intptr_t prefix##spawnv(int mode, type const *program, type const *const *list) { return does(mode, program, list, NULL, 0); }    \
  intptr_t prefix##spawnvp(int mode, type const *program, type const *const *list) { return does(mode, program, list, NULL, 1); }   \
  intptr_t prefix##spawnve(int mode, type const *program, type const *const *list, type const *const *environment) {                \
    return does(mode, program, list, environment, 0);                                                                               \
  }                                                                                                                                 \
  intptr_t prefix##spawnvpe(int mode, type const *program, type const *const *list, type const *const *environment) {               \
    return does(mode, program, list, environment, 1);                                                                               \
  }                                                                                                                                 \
  intptr_t prefix##execv(type const *program, type const *const *list) { return does(P_OVERLAY, program, list, NULL, 0); }          \
  intptr_t prefix##execvp(type const *program, type const *const *list) { return does(P_OVERLAY, program, list, NULL, 1); }         \
  intptr_t prefix##execve(type const *program, type const *const *list, type const *const *environment) {                           \
    return does(P_OVERLAY, program, list, environment, 0);                                                                          \
  }                                                                                                                                 \
  intptr_t prefix##execvpe(type const *program, type const *const *list, type const *const *environment) {                          \
    return does(P_OVERLAY, program, list, environment, 1);                                                                          \
  }
VARIANTS(_, char, spawn_narrow)
VARIANTS(_w, wide, spawn)

#define COLLECT(type, first)                                                                             \
  type const *list[256];                                                                                 \
  int count = 0;                                                                                         \
  va_list more;                                                                                          \
  va_start(more, first);                                                                                 \
  for (list[0] = first; list[count] && count < 254;) list[++count] = va_arg(more, type const *);         \
  list[count] = NULL;
#define VARIADIC(name, type, does, along_path)                                                           \
  intptr_t name##l##along_path(int mode, type const *program, type const *first, ...) {                  \
    COLLECT(type, first)                                                                                 \
    va_end(more);                                                                                        \
    return does(mode, program, list, NULL, sizeof(#along_path) > 1);                                     \
  }                                                                                                      \
  intptr_t name##l##along_path##e(int mode, type const *program, type const *first, ...) {               \
    COLLECT(type, first)                                                                                 \
    type const *const *environment = va_arg(more, type const *const *);                                  \
    va_end(more);                                                                                        \
    return does(mode, program, list, environment, sizeof(#along_path) > 1);                              \
  }
#define VARIADIC_EXEC(name, type, does, along_path)                                                      \
  intptr_t name##l##along_path(type const *program, type const *first, ...) {                            \
    COLLECT(type, first)                                                                                 \
    va_end(more);                                                                                        \
    return does(P_OVERLAY, program, list, NULL, sizeof(#along_path) > 1);                                \
  }                                                                                                      \
  intptr_t name##l##along_path##e(type const *program, type const *first, ...) {                         \
    COLLECT(type, first)                                                                                 \
    type const *const *environment = va_arg(more, type const *const *);                                  \
    va_end(more);                                                                                        \
    return does(P_OVERLAY, program, list, environment, sizeof(#along_path) > 1);                         \
  }
VARIADIC(_spawn, char, spawn_narrow, )
VARIADIC(_spawn, char, spawn_narrow, p)
VARIADIC(_wspawn, wide, spawn, )
VARIADIC(_wspawn, wide, spawn, p)
VARIADIC_EXEC(_exec, char, spawn_narrow, )
VARIADIC_EXEC(_exec, char, spawn_narrow, p)
VARIADIC_EXEC(_wexec, wide, spawn, )
VARIADIC_EXEC(_wexec, wide, spawn, p)

intptr_t _cwait(int *status, intptr_t process, int action) {
  DWORD code;
  (void)action;
  if (WaitForSingleObject((HANDLE)process, INFINITE) || !GetExitCodeProcess((HANDLE)process, &code)) return fail_errno(E_CHILD);
  if (status) *status = (int)code;
  CloseHandle((HANDLE)process);
  return process;
}

/* ---- the command interpreter ---- */

static wide *interpreter(void) {
  wide *path = malloc(MAX_PATH * sizeof *path);
  DWORD length = path ? GetEnvironmentVariableW(L"COMSPEC", (LPWSTR)path, MAX_PATH) : 0;
  if (length && length < MAX_PATH && GetFileAttributesW((LPCWSTR)path) != INVALID_FILE_ATTRIBUTES) return path;
  free(path);
  return find_program((const wide *)L"cmd", 1);
}

/* The handle of an interpreter that carries out a command, or -1. */
static intptr_t start_command(const wide *command, STARTUPINFOW *startup) {
  wide *program = interpreter();
  wide *line = program ? malloc((wcslen(program) + wcslen(command) + 8) * sizeof *line) : NULL;
  intptr_t process = -1;
  if (line) {
    wide *end = line;
    *end++ = '"';
    wcscpy(end, program);
    end += wcslen(end);
    for (const char *c = "\" /c "; *c; c++) *end++ = (wide)*c;
    wcscpy(end, command);
    process = start(P_NOWAIT, program, line, NULL, startup);
  }
  free(program);
  free(line);
  return process;
}

int _wsystem(const wide *command) {
  if (!command) {
    wide *program = interpreter();
    free(program);
    return program != NULL;
  }
  STARTUPINFOW startup = {0};
  return (int)finish(P_WAIT, start_command(command, &startup));
}

int system(const char *command) {
  wide *wide_command = command ? widen(command) : NULL;
  if (command && !wide_command) return -1;
  int result = _wsystem(wide_command);
  free(wide_command);
  return result;
}

/* ---- streams to and from commands ---- */

enum { MAXIMUM_PIPES = 64 };
static struct { FILE *stream; intptr_t process; } pipes[MAXIMUM_PIPES];

int _pipe(int numbers[2], unsigned size, int flags);
FILE *_wfdopen(int descriptor, const wide *mode);
int fclose(FILE *stream);

/* The child gets one end as standard stream `end` (0 input, 1 output); descriptor 0 or 1 in what it inherits must be that one too. */
static intptr_t start_piped(const wide *command, int end, int descriptor) {
  int _dup(int number), _dup2(int number, int to);
  STARTUPINFOW startup = {0};
  int saved = _dup(end);
  if (saved < 0 || _dup2(descriptor, end) < 0) return -1;
  startup.dwFlags = STARTF_USESTDHANDLES;
  startup.hStdInput = (HANDLE)_get_osfhandle(0);
  startup.hStdOutput = (HANDLE)_get_osfhandle(1);
  startup.hStdError = (HANDLE)_get_osfhandle(2);
  intptr_t process = start_command(command, &startup);
  _dup2(saved, end);
  _close(saved);
  return process;
}

FILE *_wpopen(const wide *command, const wide *mode) {
  int reads = mode && *mode == 'r', ends[2], slot = 0;
  if (!command || !mode || (!reads && *mode != 'w')) return errno = E_INVAL, NULL;
  while (slot < MAXIMUM_PIPES && pipes[slot].stream) slot++;
  if (slot == MAXIMUM_PIPES) return errno = E_MFILE, NULL;
  int flags = mode[1] == 'b' ? O_BINARY_ : mode[1] == 't' ? O_TEXT_ : 0;
  if (_pipe(ends, 1024, flags | O_NOINHERIT_) < 0) return NULL;
  int own = ends[reads ? 0 : 1], given = ends[reads ? 1 : 0];
  FILE *stream = _wfdopen(own, mode);
  intptr_t process = stream ? start_piped(command, reads ? 1 : 0, given) : -1;
  _close(given);
  if (process != -1) {
    pipes[slot].stream = stream;
    pipes[slot].process = process;
    return stream;
  }
  int error = errno;
  if (stream) fclose(stream);
  else _close(own);
  errno = error;
  return NULL;
}

FILE *_popen(const char *command, const char *mode) {
  wide *wide_command = command ? widen(command) : NULL, *wide_mode = mode ? widen(mode) : NULL;
  FILE *stream = _wpopen(wide_command, wide_mode);
  free(wide_command);
  free(wide_mode);
  return stream;
}

int _pclose(FILE *stream) {
  int slot = 0, status = -1;
  while (slot < MAXIMUM_PIPES && (!stream || pipes[slot].stream != stream)) slot++;
  if (slot == MAXIMUM_PIPES) return fail_errno(E_CHILD);
  intptr_t process = pipes[slot].process;
  fclose(stream);
  pipes[slot].stream = NULL;
  return _cwait(&status, process, 0) == -1 ? -1 : status;
}
