/* Batch files: where the interpreter reads, labels, calls, arguments, setlocal. */
#include "cmd.h"

BATCH *batch;

struct local {
  struct local *outer;
  char *environment, *folder;
  BOOL delayed;
};

static char *read_file(const char *path) {
  HANDLE file = CreateFileA(path, GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  if (file == INVALID_HANDLE_VALUE) return NULL;
  DWORD size = GetFileSize(file, NULL), got = 0;
  char *text = size < 0x1000000 ? malloc((size_t)size + 1) : NULL;
  if (text != NULL && (size == 0 || ReadFile(file, text, size, &got, NULL))) text[got] = 0;
  CloseHandle(file);
  return text;
}

/* The next line without its end; NULL at the end of the file. */
static char *batch_line(void) {
  char *start = batch->position;
  if (*start == 0) return NULL;
  size_t length = strcspn(start, "\n");
  batch->position = start + length + (start[length] == '\n');
  if (length > 0 && start[length - 1] == '\r') length--;
  return copy_text(start, length);
}

/* Further lines of an open parenthesis. */
static char *more_lines(void) {
  char *line = batch_line();
  return line == NULL ? NULL : expand_percent(line);
}

static void run_lines(BATCH *own) {
  while (!ending && !leaving_batch && batch == own && !interrupted) {
    MARK mark = arena_mark();
    char *line = batch_line();
    if (line == NULL) break;
    run_text(line, more_lines);
    arena_release(mark);
  }
}

static int run_frame(BATCH *frame) {
  frame->outer = batch;
  batch = frame;
  run_lines(frame);
  while (frame->locals != NULL) end_local();
  batch = frame->outer;
  leaving_batch = FALSE;
  return errorlevel;
}

int run_batch(const char *path, const char *name, const char *arguments) {
  char *text = read_file(path);
  if (text == NULL) return complain_of_error(GetLastError());
  BATCH frame = { .text = text, .position = text, .path = copy_text(name, strlen(name)), .arguments = copy_text(arguments, strlen(arguments)) };
  run_frame(&frame);
  free(text);
  return errorlevel;
}

BOOL go_to(const char *label) {
  if (*label == ':') label++;
  size_t wanted = strcspn(label, " \t:&");
  if (wanted == 3 && _strnicmp(label, "eof", 3) == 0) {
    batch->position += strlen(batch->position);
    return TRUE;
  }
  for (char *line = batch->text; *line != 0;) {
    const char *start = skip_blanks(line);
    size_t length = strcspn(line, "\n");
    if (*start == ':') {
      start = skip_blanks(start + 1);
      if (strcspn(start, " \t:&\r\n") == wanted && _strnicmp(start, label, wanted) == 0) {
        batch->position = line + length + (line[length] == '\n');
        return TRUE;
      }
    }
    line += length + (line[length] == '\n');
  }
  complain("The system cannot find the batch label specified - %s\n", label);
  errorlevel = 1;
  return FALSE;
}

int call_label(const char *label, const char *arguments) {
  if (batch == NULL) {
    complain("Invalid attempt to call batch label outside of batch script.\n");
    return 1;
  }
  BATCH frame = { .text = batch->text, .position = batch->text, .path = batch->path, .arguments = copy_text(arguments, strlen(arguments)) };
  BATCH *outer = batch;
  batch = &frame;
  BOOL found = go_to(label);
  batch = outer;
  return found ? run_frame(&frame) : 1;
}

char *batch_argument(int number) {
  if (number == 0 && batch->shifted == 0) return batch->path;
  const char *text = batch->arguments;
  char *word = NULL;
  for (int i = 0; i < number + batch->shifted; i++) word = next_word(&text);
  return word == NULL ? "" : word;
}

static char *environment_copy(void) {
  char *block = GetEnvironmentStringsA(), *end = block;
  while (*end != 0) end += strlen(end) + 1;
  char *copy = malloc((size_t)(end - block) + 1);
  if (copy != NULL) memcpy(copy, block, (size_t)(end - block) + 1);
  FreeEnvironmentStringsA(block);
  return copy;
}

void begin_local(const char *options) {
  struct local *local;
  if (batch == NULL || (local = malloc(sizeof *local)) == NULL) return;
  *local = (struct local){ batch->locals, environment_copy(), malloc(MAX_PATH), delayed_expansion };
  if (local->folder != NULL) GetCurrentDirectoryA(MAX_PATH, local->folder);
  batch->locals = local;
  for (char *word; (word = next_word(&options)) != NULL;) {
    if (same(word, "enabledelayedexpansion")) delayed_expansion = TRUE;
    if (same(word, "disabledelayedexpansion")) delayed_expansion = FALSE;
  }
}

/* Every variable that is not in the old environment goes, the others get their values back. */
void end_local(void) {
  struct local *local = batch == NULL ? NULL : batch->locals;
  if (local == NULL) return;
  batch->locals = local->outer;
  delayed_expansion = local->delayed;
  MARK mark = arena_mark();
  char *now = environment_copy();
  for (char *entry = now; entry != NULL && *entry != 0; entry += strlen(entry) + 1) {
    char *equals = strchr(entry + 1, '=');
    if (equals != NULL && *entry != '=') SetEnvironmentVariableA(copy_text(entry, (size_t)(equals - entry)), NULL);
  }
  for (char *entry = local->environment; entry != NULL && *entry != 0; entry += strlen(entry) + 1) {
    char *equals = strchr(entry + 1, '=');
    if (equals != NULL) SetEnvironmentVariableA(copy_text(entry, (size_t)(equals - entry)), equals + 1);
  }
  arena_release(mark);
  if (local->folder != NULL) SetCurrentDirectoryA(local->folder);
  free(now);
  free(local->environment);
  free(local->folder);
  free(local);
}
