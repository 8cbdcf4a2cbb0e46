/* sort [/r] [/+column] [/o file] [file]: lines in the order of their text, upper and lower case alike; equal ones as they came. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

typedef struct { char *text; size_t number; } LINE;
static size_t column;
static int direction = 1;

static int compare(const void *first, const void *second) {
  const LINE *a = first, *b = second;
  size_t length_a = strlen(a->text), length_b = strlen(b->text);
  int order = lstrcmpiA(a->text + (column < length_a ? column : length_a), b->text + (column < length_b ? column : length_b));
  if (order != 0) return order * direction;
  return a->number < b->number ? -1 : a->number > b->number;
}

static int fail(const char *text, const char *name) {
  fprintf(stderr, "%s%s\n", text, name);
  return 1;
}

static void *grown(void *block, size_t size) {
  void *larger = realloc(block, size);
  if (larger == NULL) exit(fail("Not enough memory to sort the input.", ""));
  return larger;
}

/* A line of any length without its end; NULL at the end of the input. */
static char *read_line(FILE *input) {
  size_t room = 0, length = 0;
  char *line = NULL;
  for (int c; (c = getc(input)) != EOF && c != '\n';) {
    if (length + 2 > room) line = grown(line, room = room * 2 + 80);
    line[length++] = (char)c;
  }
  if (line == NULL && feof(input)) return NULL;
  if (line == NULL) line = grown(NULL, 1);
  line[length] = 0;
  return line;
}

int main(int count, char **arguments) {
  const char *input_name = NULL, *output_name = NULL;
  for (int i = 1; i < count; i++) {
    char *argument = arguments[i];
    if (argument[0] != '/') {
      if (input_name != NULL) return fail("Input file specified two times.", "");
      input_name = argument;
    } else if (argument[1] == '+' && atoi(argument + 2) > 0) {
      column = (size_t)atoi(argument + 2) - 1;
    } else if (_strnicmp(argument, "/r", 2) == 0 && (argument[2] == 0 || _stricmp(argument, "/reverse") == 0)) {
      direction = -1;
    } else if (_strnicmp(argument, "/o", 2) == 0 && i + 1 < count) {
      output_name = arguments[++i];
    } else if ((_strnicmp(argument, "/l", 2) == 0 || _strnicmp(argument, "/m", 2) == 0 || _strnicmp(argument, "/rec", 4) == 0) && i + 1 < count) {
      i++; /* Locale, memory and length of lines: there is one locale, and as much of the rest as is needed. */
    } else {
      return fail("Invalid switch: ", argument);
    }
  }
  FILE *input = input_name == NULL ? stdin : fopen(input_name, "r");
  if (input == NULL) return fail("The system cannot find the file specified: ", input_name);
  LINE *lines = NULL;
  size_t number = 0, room = 0;
  for (char *line; (line = read_line(input)) != NULL; number++) {
    if (number == room) lines = grown(lines, (room = room * 2 + 64) * sizeof *lines);
    lines[number] = (LINE){ line, number };
  }
  if (input != stdin) fclose(input);
  if (number != 0) qsort(lines, number, sizeof *lines, compare);
  FILE *output = output_name == NULL ? stdout : fopen(output_name, "w");
  if (output == NULL) return fail("Cannot write to the output file: ", output_name);
  for (size_t i = 0; i < number; i++) {
    fputs(lines[i].text, output);
    putc('\n', output);
  }
  return fflush(output) == 0 && !ferror(output) ? 0 : fail("Cannot write to the output file.", "");
}
