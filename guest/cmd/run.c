/* Carries out what parse.c has understood: redirections, pipes, programs. */
#include "cmd.h"

int errorlevel, result;
BOOL echoing = TRUE, leaving_batch, ending, interrupted;
static const DWORD standard[3] = { STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE };
static SECURITY_ATTRIBUTES inheritable = { sizeof inheritable, NULL, TRUE };

char *read_line(HANDLE input) {
  BUFFER line = { 0 };
  char c;
  DWORD got;
  while (ReadFile(input, &c, 1, &got, NULL) && got == 1) {
    if (c == '\n') return line.text == NULL ? "" : line.text;
    if (c != '\r') add_character(&line, c);
  }
  return line.text;
}

static void prompt(void) {
  char folder[MAX_PATH];
  GetCurrentDirectoryA(sizeof folder, folder);
  say("%s>", folder);
}

void run_text(char *line, char *(*more)(void)) {
  BOOL wrong;
  NODE *node = parse_line(expand_percent(line), more, &wrong);
  if (wrong) errorlevel = result = 1;
  if (wrong && batch != NULL) leaving_batch = TRUE;
  if (node == NULL) return;
  if (batch != NULL && echoing && !node->quiet) {
    BUFFER text = { 0 };
    write_node(&text, node);
    say("\n");
    prompt();
    say("%s\n", text.text == NULL ? "" : text.text);
  }
  run(node);
}

// --- redirections

void restore_handles(HANDLE saved[3]) {
  for (int i = 0; i < 3; i++) {
    HANDLE now = GetStdHandle(standard[i]);
    if (now == saved[i]) continue;
    BOOL shared = FALSE;
    for (int j = 0; j < 3; j++) shared |= j != i && (GetStdHandle(standard[j]) == now || saved[j] == now);
    SetStdHandle(standard[i], saved[i]);
    if (!shared) CloseHandle(now);
  }
}

static HANDLE open_target(const REDIRECTION *redirection) {
  char *name = unquoted(expand_late(redirection->target));
  DWORD access = redirection->mode == '<' ? GENERIC_READ : GENERIC_WRITE;
  DWORD how = redirection->mode == '<' ? OPEN_EXISTING : redirection->mode == 'a' ? OPEN_ALWAYS : CREATE_ALWAYS;
  if (same(name, "con")) name = redirection->mode == '<' ? "CONIN$" : "CONOUT$";
  HANDLE file = CreateFileA(name, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, &inheritable, how, 0, NULL);
  if (file != INVALID_HANDLE_VALUE && redirection->mode == 'a') SetFilePointer(file, 0, NULL, FILE_END);
  return file;
}

BOOL apply_redirections(REDIRECTION *redirections, HANDLE saved[3]) {
  for (int i = 0; i < 3; i++) saved[i] = GetStdHandle(standard[i]);
  for (REDIRECTION *redirection = redirections; redirection != NULL; redirection = redirection->next) {
    HANDLE target = INVALID_HANDLE_VALUE;
    int source = *redirection->target - '0';
    if (redirection->handle > 2) continue;
    if (redirection->mode != '&') target = open_target(redirection);
    else if (source >= 0 && source <= 2)
      DuplicateHandle(GetCurrentProcess(), GetStdHandle(standard[source]), GetCurrentProcess(), &target, 0, TRUE, DUPLICATE_SAME_ACCESS);
    if (target == INVALID_HANDLE_VALUE) {
      DWORD error = GetLastError();
      restore_handles(saved);
      errorlevel = result = complain_of_error(error);
      return FALSE;
    }
    HANDLE before = GetStdHandle(standard[redirection->handle]);
    SetStdHandle(standard[redirection->handle], target);
    if (before != saved[redirection->handle]) CloseHandle(before);
  }
  return TRUE;
}

// --- programs

static BOOL is_file(const char *path) {
  DWORD attributes = GetFileAttributesA(path);
  return attributes != INVALID_FILE_ATTRIBUTES && !(attributes & FILE_ATTRIBUTE_DIRECTORY);
}

/* The file in one folder: as it is named if it has an extension that programs have, otherwise with each of PATHEXT. */
static char *find_in(const char *folder, size_t length, const char *name) {
  const char *extensions = variable_value("PATHEXT");
  if (extensions == NULL) extensions = ".COM;.EXE;.BAT;.CMD";
  BOOL separated = length == 0 || strchr("\\/:", folder[length - 1]) != NULL;
  char *base = format_text("%.*s%s%s", (int)length, folder, separated ? "" : "\\", name);
  const char *dot = strrchr(name, '.');
  if (dot != NULL && strpbrk(dot, "\\/") == NULL && is_file(base)) return base;
  while (*extensions != 0) {
    size_t size = strcspn(extensions, ";");
    char *path = format_text("%s%.*s", base, (int)size, extensions);
    if (size != 0 && is_file(path)) return path;
    extensions += size + (extensions[size] == ';');
  }
  return NULL;
}

static char *find_program(const char *name) {
  if (strpbrk(name, "\\/:") != NULL) return find_in("", 0, name);
  char *found = find_in("", 0, name);
  const char *path = variable_value("PATH");
  while (found == NULL && path != NULL && *path != 0) {
    size_t length = strcspn(path, ";");
    if (length != 0) found = find_in(path, length, name);
    path += length + (path[length] == ';');
  }
  return found;
}

static BOOL has_extension(const char *path, const char *extension) {
  size_t length = strlen(path), size = strlen(extension);
  return length > size && same(path + length - size, extension);
}

static HANDLE start_program(const char *path, char *line) {
  STARTUPINFOA startup = { .cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES };
  PROCESS_INFORMATION process;
  startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
  startup.hStdOutput = GetStdHandle(STD_OUTPUT_HANDLE);
  startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
  if (!CreateProcessA(path, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process)) {
    complain_of_error(GetLastError());
    return NULL;
  }
  CloseHandle(process.hThread);
  return process.hProcess;
}

static int finish_program(HANDLE process) {
  DWORD code = 1;
  if (process == NULL) return 1;
  WaitForSingleObject(process, INFINITE);
  GetExitCodeProcess(process, &code);
  CloseHandle(process);
  return (int)code;
}

/* Where a command's name ends: at a blank, or before what only separates. "cd\x", "echo." and "dir/b" are their commands. */
static size_t name_length(const char *text) {
  if (*text == '"') {
    const char *end = strchr(text + 1, '"');
    return end == NULL ? strlen(text) : (size_t)(end + 1 - text);
  }
  return strcspn(text, " \t,;=/\"");
}

int run_words(const char *text, BOOL is_call) {
  text = skip_blanks(text);
  size_t length = name_length(text);
  char *name = unquoted(copy_text(text, length));
  const char *arguments = text + length;
  if (length == 0) return 0;
  if (length == 2 && name[1] == ':') {
    if (SetCurrentDirectoryA(name)) return 0;
    return complain_of_error(GetLastError());
  }
  if (*text != '"') {
    size_t letters = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    char *word = copy_text(name, letters);
    BOOL isPath = name[letters] != 0 && (strchr(".\\:", name[letters]) == NULL || find_program(name) != NULL);
    int status = isPath ? -1 : run_builtin(word, text + letters);
    // What the interpreter does itself shows in the error level only when it fails.
    if (status > 0) errorlevel = status;
    if (status != -1) return status;
  }
  char *path = find_program(name);
  if (path == NULL) {
    complain("'%s' is not recognized as an internal or external command,\noperable program or batch file.\n", name);
    return errorlevel = batch == NULL ? 1 : 9009;
  }
  if (!has_extension(path, ".bat") && !has_extension(path, ".cmd")) {
    return errorlevel = finish_program(start_program(path, copy_text(text, strlen(text))));
  }
  int status = run_batch(path, name, skip_blanks(arguments));
  // A batch file that is not called does not come back.
  if (batch != NULL && !is_call) leaving_batch = TRUE;
  return status;
}

// --- pipes

/* One side of a pipe: a program that it names, or another interpreter for everything else. */
static HANDLE start_side(const NODE *node) {
  BUFFER text = { 0 };
  char self[MAX_PATH];
  write_node(&text, node);
  GetModuleFileNameA(NULL, self, sizeof self);
  return start_program(self, format_text("\"%s\" /s /c \"%s\"", self, text.text == NULL ? "" : text.text));
}

static void run_pipe(const NODE *node) {
  HANDLE ends[2], input = GetStdHandle(STD_INPUT_HANDLE), output = GetStdHandle(STD_OUTPUT_HANDLE);
  if (!CreatePipe(&ends[0], &ends[1], &inheritable, 0)) {
    errorlevel = result = complain_of_error(GetLastError());
    return;
  }
  SetHandleInformation(ends[0], HANDLE_FLAG_INHERIT, 0);
  SetStdHandle(STD_OUTPUT_HANDLE, ends[1]);
  HANDLE left = start_side(node->left);
  SetStdHandle(STD_OUTPUT_HANDLE, output);
  CloseHandle(ends[1]);
  SetHandleInformation(ends[0], HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT);
  SetStdHandle(STD_INPUT_HANDLE, ends[0]);
  HANDLE right = start_side(node->right);
  SetStdHandle(STD_INPUT_HANDLE, input);
  CloseHandle(ends[0]);
  finish_program(left);
  errorlevel = result = finish_program(right);
}

void run(NODE *node) {
  HANDLE saved[3];
  if (node == NULL || ending || leaving_batch || interrupted) return;
  char *position = batch == NULL ? NULL : batch->position;
  if (!apply_redirections(node->redirections, saved)) return;
  switch (node->kind) {
  case COMMAND: result = run_words(expand_late(node->text), FALSE); break;
  case GROUP: run(node->left); break;
  case PIPE: run_pipe(node); break;
  case IF: run_if(node); break;
  case FOR: run_for(node); break;
  case SEQUENCE: case OR: case AND:
    run(node->left);
    // After a goto the rest of the line is gone.
    if (batch != NULL && batch->position != position) break;
    if (node->kind == SEQUENCE || (node->kind == OR) == (result != 0)) run(node->right);
    break;
  }
  restore_handles(saved);
}
