/* find [/v] [/c] [/n] [/i] "string" [file ...]: lines with a string in them. Status 0: some, 1: none, 2: wrong parameters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static BOOL without, counts, numbers, ignores_case;
static char *wanted;

static BOOL has_wanted(const char *line) {
  size_t length = strlen(wanted);
  if (length == 0) return FALSE;
  for (; *line != 0; line++)
    if ((ignores_case ? _strnicmp(line, wanted, length) : strncmp(line, wanted, length)) == 0) return TRUE;
  return FALSE;
}

/* The number of lines found. */
static unsigned long search(FILE *input, const char *name) {
  static char *line;
  static size_t room;
  unsigned long found = 0, number = 0;
  if (name != NULL && !counts) printf("\n---------- %s\n", name);
  for (;;) {
    size_t length = 0;
    int c;
    while ((c = getc(input)) != EOF && c != '\n') {
      if (length + 2 > room && (line = realloc(line, room = room * 2 + 256)) == NULL) exit(2);
      line[length++] = (char)c;
    }
    if (c == EOF && length == 0) break;
    if (line == NULL && (line = malloc(room = 256)) == NULL) exit(2);
    line[length] = 0;
    number++;
    if (has_wanted(line) == without) continue;
    found++;
    if (counts) continue;
    if (numbers) printf("[%lu]", number);
    puts(line);
  }
  if (counts && name != NULL) printf("\n---------- %s: %lu\n", name, found);
  if (counts && name == NULL) printf("%lu\n", found);
  return found;
}

/* The string with its quotes, as the command line has it: arguments have lost them. */
static BOOL take_string(int index, char **arguments) {
  const char *text = GetCommandLineA();
  for (BOOL quoted = FALSE; *text != 0 && (quoted || (*text != ' ' && *text != '\t')); text++) quoted ^= *text == '"';
  const char *start = strchr(text, '"');
  if (start == NULL) return FALSE;
  wanted = arguments[index];
  return TRUE;
}

static unsigned long search_pattern(const char *pattern, BOOL *missing) {
  char path[MAX_PATH], shown[MAX_PATH];
  WIN32_FIND_DATAA entry;
  unsigned long found = 0, files = 0;
  size_t folder = 0;
  for (size_t i = 0; pattern[i] != 0; i++)
    if (strchr("\\/:", pattern[i]) != NULL) folder = i + 1;
  HANDLE each = FindFirstFileA(pattern, &entry);
  if (each != INVALID_HANDLE_VALUE) {
    do {
      if (entry.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) continue;
      snprintf(path, sizeof path, "%.*s%s", (int)folder, pattern, entry.cFileName);
      strcpy(shown, path);
      FILE *input = fopen(path, "r");
      if (input == NULL) continue;
      found += search(input, _strupr(shown));
      fclose(input);
      files++;
    } while (FindNextFileA(each, &entry));
    FindClose(each);
  }
  if (files != 0) return found;
  strncpy(shown, pattern, sizeof shown - 1)[sizeof shown - 1] = 0;
  fflush(stdout);
  fprintf(stderr, "File not found - %s\n", _strupr(shown));
  *missing = TRUE;
  return 0;
}

int main(int count, char **arguments) {
  BOOL missing = FALSE;
  int i = 1, first;
  for (; i < count && arguments[i][0] == '/'; i++) {
    switch (arguments[i][1] | 32) {
    case 'v': without = TRUE; break;
    case 'c': counts = TRUE; break;
    case 'n': numbers = TRUE; break;
    case 'i': ignores_case = TRUE; break;
    default: fputs("FIND: Invalid switch\n", stderr); return 2;
    }
  }
  if (i >= count || !take_string(i, arguments)) {
    fputs("FIND: Parameter format not correct\n", stderr);
    return 2;
  }
  unsigned long found = 0;
  for (first = ++i; i < count; i++) found += search_pattern(arguments[i], &missing);
  if (first == count) found = search(stdin, NULL);
  return missing ? 2 : found == 0;
}
