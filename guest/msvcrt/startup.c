/* Attaching to the process, the arguments of main, the environment, and the ways to end. */
#include "crt.h"

typedef void (*function)(void);

char *_acmdln, *_pgmptr;
wide *_wcmdln, *_wpgmptr;
int __argc, _osplatform = 2;
unsigned _osver, _winver, _winmajor, _winminor;
char **__argv, **_environ, **__initenv;
wide **__wargv, **_wenviron, **__winitenv;
static int app_type, exiting;

char **__p__acmdln(void) { return &_acmdln; }
wide **__p__wcmdln(void) { return &_wcmdln; }
char **__p__pgmptr(void) { return &_pgmptr; }
wide **__p__wpgmptr(void) { return &_wpgmptr; }
int *__p___argc(void) { return &__argc; }
char ***__p___argv(void) { return &__argv; }
wide ***__p___wargv(void) { return &__wargv; }
char ***__p__environ(void) { return &_environ; }
wide ***__p__wenviron(void) { return &_wenviron; }
char ***__p___initenv(void) { return &__initenv; }
wide ***__p___winitenv(void) { return &__winitenv; }
unsigned *__p__osver(void) { return &_osver; }
unsigned *__p__winver(void) { return &_winver; }
unsigned *__p__winmajor(void) { return &_winmajor; }
unsigned *__p__winminor(void) { return &_winminor; }
void __set_app_type(int type) { app_type = type; }

/* ---- arguments: quotes and backslashes by the rules that CommandLineToArgv documents ---- */

static int is_blank(wide c) { return c == ' ' || c == '\t'; }

/* Splits into `arguments` and `text` when they are there; counts in any case. */
static void split(const wide *line, wide **arguments, wide *text, int *count, size_t *units) {
  int quoted = 0;
  *count = 0;
  *units = 0;
#define PUT(unit) ((void)(text ? *text++ = (unit) : 0), ++*units)
  if (arguments) arguments[0] = text;
  ++*count;
  /* The program name knows no backslash escapes. */
  for (; *line && (quoted || !is_blank(*line)); line++) {
    if (*line == '"') quoted = !quoted;
    else PUT(*line);
  }
  PUT(0);
  for (;;) {
    while (is_blank(*line)) line++;
    if (!*line) break;
    if (arguments) arguments[*count] = text;
    ++*count;
    for (quoted = 0;; line++) {
      int slashes = 0;
      for (; *line == '\\'; line++) slashes++;
      int literal = 0;
      if (*line == '"') {
        if (slashes % 2) literal = 1;
        else if (quoted && line[1] == '"') line++, literal = 1;
        else quoted = !quoted;
        slashes /= 2;
      }
      while (slashes--) PUT('\\');
      if (!*line || (!quoted && *line != '"' && is_blank(*line))) break;
      if (*line != '"' || literal) PUT(*line);
    }
    PUT(0);
  }
  if (arguments) arguments[*count] = NULL;
#undef PUT
}

struct list { wide **items; int count; };

static void append(struct list *list, wide *item) {
  wide **grown = realloc(list->items, (size_t)(list->count + 2) * sizeof *grown);
  if (!grown) return;
  list->items = grown;
  grown[list->count++] = item;
  grown[list->count] = NULL;
}

/* The names that match a pattern, in the order of the directory; the pattern itself when none does. */
static void expand(struct list *list, wide *pattern) {
  WIN32_FIND_DATAW found;
  HANDLE search = wcschr(pattern, '*') || wcschr(pattern, '?') ? FindFirstFileW((LPCWSTR)pattern, &found) : INVALID_HANDLE_VALUE;
  if (search == INVALID_HANDLE_VALUE) return append(list, pattern);
  size_t folder = 0;
  for (size_t i = 0; pattern[i]; i++)
    if (pattern[i] == '\\' || pattern[i] == '/' || pattern[i] == ':') folder = i + 1;
  do {
    const wide *name = (wide *)found.cFileName;
    if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]))) continue;
    wide *path = malloc((folder + wcslen(name) + 1) * sizeof *path);
    if (!path) break;
    memcpy(path, pattern, folder * sizeof *path);
    wcscpy(path + folder, name);
    append(list, path);
  } while (FindNextFileW(search, &found));
  FindClose(search);
}

static void arguments_initialise(int expand_wildcards) {
  size_t units;
  int count;
  if (__wargv) return;
  split(_wcmdln, NULL, NULL, &count, &units);
  wide **arguments = malloc((size_t)(count + 1) * sizeof *arguments), *text = malloc(units * sizeof *text);
  if (!arguments || !text) return;
  split(_wcmdln, arguments, text, &count, &units);
  if (expand_wildcards) {
    struct list list = {NULL, 0};
    append(&list, arguments[0]);
    for (int i = 1; i < count; i++) expand(&list, arguments[i]);
    arguments = list.items;
    count = list.count;
  }
  __wargv = arguments;
  __argc = count;
  if (!(__argv = malloc((size_t)(count + 1) * sizeof *__argv))) return;
  for (int i = 0; i < count; i++) __argv[i] = narrow(arguments[i]);
  __argv[count] = NULL;
}

struct startup_information { int new_mode; };
int _set_new_mode(int mode);

int __getmainargs(int *count, char ***arguments, char ***environment, int expand_wildcards, struct startup_information *information) {
  arguments_initialise(expand_wildcards);
  *count = __argc;
  *arguments = __argv;
  *environment = __initenv = _environ;
  if (information) _set_new_mode(information->new_mode);
  return 0;
}

int __wgetmainargs(int *count, wide ***arguments, wide ***environment, int expand_wildcards, struct startup_information *information) {
  arguments_initialise(expand_wildcards);
  *count = __argc;
  *arguments = __wargv;
  *environment = __winitenv = _wenviron;
  if (information) _set_new_mode(information->new_mode);
  return 0;
}

/* ---- environment: _environ and _wenviron are kept in step with the process's own ---- */

void environment_initialise(void) {
  wide *block = (wide *)GetEnvironmentStringsW();
  int count = 0, at = 0;
  if (!block) return;
  for (wide *c = block; *c; c += wcslen(c) + 1) count += *c != '=';
  char **names = malloc((size_t)(count + 1) * sizeof *names);
  wide **wide_names = malloc((size_t)(count + 1) * sizeof *wide_names);
  if (names && wide_names) {
    for (wide *c = block; *c; c += wcslen(c) + 1) {
      if (*c == '=') continue;
      wide_names[at] = _wcsdup(c);
      names[at++] = narrow(c);
    }
    names[at] = NULL;
    wide_names[at] = NULL;
    /* The old lists are not freed: programs keep pointers into them. */
    _environ = names;
    _wenviron = wide_names;
  }
  FreeEnvironmentStringsW((LPWCH)block);
}

static int same_name(const char *entry, const char *name, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (toupper((unsigned char)entry[i]) != toupper((unsigned char)name[i])) return 0;
  return entry[length] == '=';
}

char *getenv(const char *name) {
  size_t length = strlen(name);
  char *found = NULL;
  _lock(LOCK_ENVIRONMENT);
  for (char **entry = _environ; entry && *entry && !found; entry++)
    if (same_name(*entry, name, length)) found = *entry + length + 1;
  _unlock(LOCK_ENVIRONMENT);
  return found;
}

wide *_wgetenv(const wide *name) {
  size_t length = wcslen(name);
  for (wide **entry = _wenviron; entry && *entry; entry++) {
    size_t i = 0;
    while (i < length && (name[i] < 128 ? toupper(name[i]) : name[i]) == ((*entry)[i] < 128 ? toupper((*entry)[i]) : (*entry)[i])) i++;
    if (i == length && (*entry)[i] == '=') return *entry + length + 1;
  }
  return NULL;
}

int _wputenv(const wide *setting) {
  wide *copy = _wcsdup(setting), *equals = copy ? wcschr(copy, '=') : NULL;
  int result = -1;
  if (equals && equals != copy) {
    *equals = 0;
    _lock(LOCK_ENVIRONMENT);
    if (SetEnvironmentVariableW((LPCWSTR)copy, equals[1] ? (LPCWSTR)equals + 1 : NULL) || !equals[1]) environment_initialise(), result = 0;
    _unlock(LOCK_ENVIRONMENT);
  }
  free(copy);
  return result;
}

int _putenv(const char *setting) {
  wide *wide_setting = widen(setting);
  int result = wide_setting ? _wputenv(wide_setting) : -1;
  free(wide_setting);
  return result;
}

/* ---- the ways to end ---- */

void _initterm(function *first, function *last) {
  for (; first < last; first++)
    if (*first) (*first)();
}

int _initterm_e(int (**first)(void), int (**last)(void)) {
  int result = 0;
  for (; first < last && !result; first++)
    if (*first) result = (*first)();
  return result;
}

struct exit_table { function *first, *last, *end; };
static struct exit_table at_exit;

static int register_in(struct exit_table *table, function what) {
  _lock(LOCK_EXIT);
  if (table->last == table->end) {
    size_t count = (size_t)(table->last - table->first), room = count ? count * 2 : 32;
    function *grown = realloc(table->first, room * sizeof *grown);
    if (grown) table->first = grown, table->last = grown + count, table->end = grown + room;
  }
  int full = table->last == table->end;
  if (!full) *table->last++ = what;
  _unlock(LOCK_EXIT);
  return full;
}

function _onexit(function what) { return register_in(&at_exit, what) ? NULL : what; }
int atexit(function what) { return register_in(&at_exit, what) ? -1 : 0; }

/* For DLLs with a table of their own. */
function __dllonexit(function what, function **first, function **last) {
  size_t count = (size_t)(*last - *first);
  function *grown = realloc(*first, (count + 1) * sizeof *grown);
  if (!grown) return NULL;
  grown[count] = what;
  *first = grown;
  *last = grown + count + 1;
  return what;
}

static void run_exit_functions(void) {
  for (;;) {
    _lock(LOCK_EXIT);
    function next = at_exit.last > at_exit.first ? *--at_exit.last : NULL;
    int more = at_exit.last > at_exit.first || next;
    _unlock(LOCK_EXIT);
    if (!more) return;
    if (next) next();
  }
}

void _cexit(void) {
  run_exit_functions();
  streams_flush_and_close();
}
void _c_exit(void) {}

void exit(int code) {
  if (!exiting) {
    exiting = 1;
    _cexit();
  }
  ExitProcess((UINT)code);
}

void _exit(int code) { ExitProcess((UINT)code); }

/* Error texts go to standard error; a GUI program would show a box. */
static void say(const char *text) { _write(2, text, strlen(text)); }

void _amsg_exit(int number) {
  char line[] = "\nruntime error R6000\n";
  line[17] = (char)('0' + number / 100 % 10);
  line[18] = (char)('0' + number / 10 % 10);
  line[19] = (char)('0' + number % 10);
  say(line);
  _exit(255);
}

void abort(void) {
  say("\nThis application has requested the Runtime to terminate it in an unusual way.\n"
      "Please contact the application's support team for more information.\n");
  raise(22);
  _exit(3);
}

int sprintf(char *target, const char *format, ...);

void _assert(const char *expression, const char *file, unsigned line) {
  char text[600];
  if (strlen(expression) + strlen(file) > 500) expression = "(long expression)";
  sprintf(text, "Assertion failed: %s, file %s, line %u\n", expression, strlen(file) > 400 ? "?" : file, line);
  say(text);
  abort();
}

void _wassert(const wide *expression, const wide *file, unsigned line) {
  char *narrow_expression = narrow(expression), *narrow_file = narrow(file);
  _assert(narrow_expression ? narrow_expression : "?", narrow_file ? narrow_file : "?", line);
}

void _purecall(void) { _amsg_exit(25); }
void terminate(void) { abort(); }

static char program_path[MAX_PATH];
static wide wide_program_path[MAX_PATH];

BOOL WINAPI DllMain(HINSTANCE instance, DWORD reason, LPVOID reserved) {
  (void)instance;
  switch (reason) {
    case DLL_PROCESS_ATTACH: {
      DWORD version = GetVersion();
      heap_initialise();
      locks_initialise();
      _winmajor = version & 0xff;
      _winminor = version >> 8 & 0xff;
      _winver = _winmajor << 8 | _winminor;
      _osver = version >> 16;
      _acmdln = GetCommandLineA();
      _wcmdln = (wide *)GetCommandLineW();
      GetModuleFileNameA(NULL, program_path, sizeof program_path);
      GetModuleFileNameW(NULL, (LPWSTR)wide_program_path, MAX_PATH);
      _pgmptr = program_path;
      _wpgmptr = wide_program_path;
      descriptors_initialise();
      streams_initialise();
      environment_initialise();
      break;
    }
    case DLL_THREAD_DETACH: thread_data_free(); break;
    case DLL_PROCESS_DETACH:
      /* ExitProcess without exit(): msvcrt writes out what streams still hold. */
      if (!exiting && reserved == NULL) streams_flush_and_close();
      break;
    default: break;
  }
  return TRUE;
}
