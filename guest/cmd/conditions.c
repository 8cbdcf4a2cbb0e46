/* if and for. */
#include "cmd.h"

static BOOL exists(const char *name) {
  WIN32_FIND_DATAA found;
  char *plain = unquoted(name);
  size_t length = strlen(plain);
  if (length > 0 && (plain[length - 1] == '\\' || plain[length - 1] == '/')) return GetFileAttributesA(plain) != INVALID_FILE_ATTRIBUTES;
  if (strpbrk(plain, "*?") == NULL) return GetFileAttributesA(plain) != INVALID_FILE_ATTRIBUTES;
  HANDLE search = FindFirstFileA(plain, &found);
  if (search != INVALID_HANDLE_VALUE) FindClose(search);
  return search != INVALID_HANDLE_VALUE;
}

static BOOL compare(const NODE *node) {
  char *first = expand_late(node->first), *second = expand_late(node->second), *end_first, *end_second;
  int order = node->ignores_case ? lstrcmpiA(first, second) : strcmp(first, second);
  if (node->text[0] == '=') return order == 0;
  long a = strtol(first, &end_first, 0), b = strtol(second, &end_second, 0);
  if (*first != 0 && *second != 0 && *end_first == 0 && *end_second == 0) order = a < b ? -1 : a > b;
  switch (node->text[0] << 8 | node->text[2]) {
  case 'e' << 8 | 'u': return order == 0;
  case 'n' << 8 | 'q': return order != 0;
  case 'l' << 8 | 's': return order < 0;
  case 'l' << 8 | 'q': return order <= 0;
  case 'g' << 8 | 'r': return order > 0;
  default: return order >= 0;
  }
}

void run_if(NODE *node) {
  char *first = expand_late(node->first);
  BOOL holds = node->second != NULL               ? compare(node)
               : strcmp(node->text, "exist") == 0 ? exists(first)
               : *node->text == 'd'               ? variable_value(first) != NULL
                                                  : errorlevel >= atoi(first);
  run(holds != node->negated ? node->left : node->right);
}

/* Runs the body with a value; false when the loop is to end. */
static BOOL run_body(NODE *node, char variable, char *value) {
  MARK mark = arena_mark();
  char *position = batch == NULL ? NULL : batch->position, *old = set_loop_variable(variable, value);
  run(node->left);
  set_loop_variable(variable, old);
  arena_release(mark);
  return !ending && !leaving_batch && !interrupted && (batch == NULL || batch->position == position);
}

static BOOL each_file(NODE *node, const char *pattern, BOOL folders) {
  WIN32_FIND_DATAA found;
  size_t folder = 0;
  BOOL goes_on = TRUE;
  for (size_t i = 0; pattern[i] != 0; i++)
    if (strchr("\\/:", pattern[i]) != NULL) folder = i + 1;
  HANDLE search = FindFirstFileA(pattern, &found);
  if (search == INVALID_HANDLE_VALUE) return TRUE;
  do {
    BOOL is_folder = (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (is_folder != folders || strcmp(found.cFileName, ".") == 0 || strcmp(found.cFileName, "..") == 0) continue;
    goes_on = run_body(node, node->variable, format_text("%.*s%s", (int)folder, pattern, found.cFileName));
  } while (goes_on && FindNextFileA(search, &found));
  FindClose(search);
  return goes_on;
}

static void for_words(NODE *node, const char *set) {
  for (char *word; (word = next_word(&set)) != NULL;) {
    if (strpbrk(word, "*?") == NULL ? !run_body(node, node->variable, word) : !each_file(node, unquoted(word), node->option == 'd')) break;
  }
}

/* for /r: the set in a folder and in all below it. */
static BOOL for_tree(NODE *node, const char *folder, const char *set) {
  WIN32_FIND_DATAA found;
  BOOL goes_on = TRUE;
  const char *words = set;
  for (char *word; goes_on && (word = next_word(&words)) != NULL;) {
    char *path = format_text("%s\\%s", folder, unquoted(word));
    goes_on = strpbrk(word, "*?") == NULL ? run_body(node, node->variable, path) : each_file(node, path, FALSE);
  }
  HANDLE search = FindFirstFileA(format_text("%s\\*", folder), &found);
  if (search == INVALID_HANDLE_VALUE) return goes_on;
  do {
    BOOL dots = strcmp(found.cFileName, ".") == 0 || strcmp(found.cFileName, "..") == 0;
    if (dots || (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) == 0) continue;
    MARK mark = arena_mark();
    goes_on = goes_on && for_tree(node, format_text("%s\\%s", folder, found.cFileName), set);
    arena_release(mark);
  } while (goes_on && FindNextFileA(search, &found));
  FindClose(search);
  return goes_on;
}

static void for_folders(NODE *node, const char *set) {
  char full[MAX_PATH];
  const char *start = node->first == NULL || *node->first == 0 ? "." : expand_late(node->first);
  DWORD length = GetFullPathNameA(start, sizeof full, full, NULL);
  if (length == 0 || length >= sizeof full) {
    errorlevel = complain_of_error(GetLastError());
    return;
  }
  if (length > 1 && full[length - 1] == '\\') full[length - 1] = 0;
  for_tree(node, full, set);
}

static void for_numbers(NODE *node, const char *set) {
  long numbers[3] = { 0 };
  for (int i = 0; i < 3; i++) {
    char *word = next_word(&set);
    numbers[i] = word == NULL ? 0 : strtol(word, NULL, 0);
  }
  for (long i = numbers[0]; numbers[1] >= 0 ? i <= numbers[2] : i >= numbers[2]; i += numbers[1])
    if (!run_body(node, node->variable, format_text("%ld", i))) break;
}

// --- for /f: lines of files, of a text or of what a command writes

typedef struct {
  char delimiters[32], eol;
  int skip, tokens[26], count;
  BOOL rest;
} LINES;

static LINES line_options(const char *text) {
  LINES lines = { " \t", ';', 0, { 1 }, 1, FALSE };
  while (text != NULL && *(text = skip_blanks(text)) != 0) {
    if (_strnicmp(text, "delims=", 7) == 0) {
      // The last option may have a blank among its delimiters.
      size_t length = strcspn(text += 7, " ");
      if (text[length] == ' ' && text[length + 1] == 0) length++;
      snprintf(lines.delimiters, sizeof lines.delimiters, "%.*s", (int)length, text);
      text += length;
    } else if (_strnicmp(text, "tokens=", 7) == 0) {
      for (lines.count = 0, text += 7; *text != 0 && *text != ' ' && lines.count < 26;) {
        if (*text == '*') lines.rest = TRUE, text++;
        else if (*text >= '0' && *text <= '9') {
          char *end;
          long from = strtol(text, &end, 10), to = *end == '-' ? strtol(end + 1, &end, 10) : from;
          for (; from <= to && lines.count < 26; from++) lines.tokens[lines.count++] = (int)from;
          text = end;
        } else text++;
      }
    } else if (_strnicmp(text, "skip=", 5) == 0) {
      lines.skip = atoi(text + 5);
      text += strcspn(text, " ");
    } else if (_strnicmp(text, "eol=", 4) == 0 && text[4] != 0) {
      lines.eol = text[4];
      text += 5;
    } else {
      text += strcspn(text, " ");
    }
  }
  return lines;
}

static BOOL run_line(NODE *node, const LINES *lines, const char *line) {
  char *old[27], variable = node->variable;
  const char *text = line + strspn(line, lines->delimiters);
  if (*text == 0 || (*line == lines->eol && lines->eol != 0)) return TRUE;
  int last = lines->count == 0 ? 0 : lines->tokens[lines->count - 1], names = lines->count + lines->rest;
  char *values[27];
  for (int i = 0; i < names; i++) values[i] = "";
  for (int token = 1; *text != 0 && token <= last; token++) {
    size_t length = strcspn(text, lines->delimiters);
    for (int i = 0; i < lines->count; i++)
      if (lines->tokens[i] == token) values[i] = copy_text(text, length);
    text += length;
    if (token < last || lines->rest) text += strspn(text, lines->delimiters);
  }
  if (lines->rest) values[lines->count] = copy_text(text, strlen(text));
  for (int i = 1; i < names; i++) old[i] = set_loop_variable((char)(variable + i), values[i]);
  BOOL goes_on = run_body(node, variable, names == 0 ? "" : values[0]);
  for (int i = 1; i < names; i++) set_loop_variable((char)(variable + i), old[i]);
  return goes_on;
}

/* Lines from a handle, all read before the first one is worked on. */
static char *read_all(HANDLE input) {
  BUFFER all = { 0 };
  char piece[512];
  DWORD got;
  add_text(&all, "", 0);
  while (ReadFile(input, piece, sizeof piece, &got, NULL) && got != 0) add_text(&all, piece, got);
  return all.text;
}

static char *output_of(const char *command) {
  SECURITY_ATTRIBUTES inheritable = { sizeof inheritable, NULL, TRUE };
  STARTUPINFOA startup = { .cb = sizeof startup, .dwFlags = STARTF_USESTDHANDLES };
  PROCESS_INFORMATION process;
  HANDLE ends[2];
  char self[MAX_PATH];
  if (!CreatePipe(&ends[0], &ends[1], &inheritable, 0)) return "";
  SetHandleInformation(ends[0], HANDLE_FLAG_INHERIT, 0);
  startup.hStdInput = GetStdHandle(STD_INPUT_HANDLE);
  startup.hStdOutput = ends[1];
  startup.hStdError = GetStdHandle(STD_ERROR_HANDLE);
  GetModuleFileNameA(NULL, self, sizeof self);
  char *line = format_text("\"%s\" /s /c \"%s\"", self, command);
  BOOL made = CreateProcessA(self, line, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &process);
  CloseHandle(ends[1]);
  char *text = made ? read_all(ends[0]) : "";
  CloseHandle(ends[0]);
  if (!made) return text;
  WaitForSingleObject(process.hProcess, INFINITE);
  CloseHandle(process.hThread);
  CloseHandle(process.hProcess);
  return text;
}

static BOOL run_lines_of(NODE *node, const LINES *lines, char *text) {
  for (int number = 0; *text != 0; number++) {
    size_t length = strcspn(text, "\n");
    size_t kept = length > 0 && text[length - 1] == '\r' ? length - 1 : length;
    if (number >= lines->skip && !run_line(node, lines, copy_text(text, kept))) return FALSE;
    text += length + (text[length] == '\n');
  }
  return TRUE;
}

static void for_lines(NODE *node, const char *set) {
  BOOL names_quoted = node->first != NULL && strstr(node->first, "usebackq") != NULL;
  LINES lines = line_options(node->first);
  set = skip_blanks(set);
  size_t length = strlen(set);
  while (length > 0 && is_blank(set[length - 1])) length--;
  char first = *set, text_sign = names_quoted ? '\'' : '"', command_sign = names_quoted ? '`' : '\'';
  if (length >= 2 && (first == text_sign || first == command_sign) && set[length - 1] == first) {
    char *inside = copy_text(set + 1, length - 2);
    run_lines_of(node, &lines, first == text_sign ? inside : output_of(inside));
    return;
  }
  for (char *word; (word = next_word(&set)) != NULL;) {
    HANDLE file = CreateFileA(unquoted(word), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
      complain("The system cannot find the file %s.\n", word);
      errorlevel = 1;
      return;
    }
    char *text = read_all(file);
    CloseHandle(file);
    if (!run_lines_of(node, &lines, text)) return;
  }
}

void run_for(NODE *node) {
  char *set = expand_late(node->text);
  if (node->option == 'l') for_numbers(node, set);
  else if (node->option == 'f') for_lines(node, set);
  else if (node->option == 'r') for_folders(node, set);
  else for_words(node, set);
}
