/* more [/c] [/s] [/tn] [+line] [file ...]: a screen at a time on a console; anywhere else everything. Blank goes on a screen, Enter a line, q ends. */
#include <conio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

static int rows = 25, columns = 80, used, tab = 8;
static BOOL pages, squeezes, was_blank;

/* False: that is enough. */
static BOOL next_screen(void) {
  char key = 0;
  DWORD got, mode;
  HANDLE keys = CreateFileA("CONIN$", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL, OPEN_EXISTING, 0, NULL);
  fputs("-- More --", stdout);
  fflush(stdout);
  if (keys != INVALID_HANDLE_VALUE && GetConsoleMode(keys, &mode)) {
    SetConsoleMode(keys, 0);
    if (!ReadFile(keys, &key, 1, &got, NULL) || got == 0) key = 'q';
    SetConsoleMode(keys, mode);
    CloseHandle(keys);
  }
  fputs("\r          \r", stdout);
  used = key == '\r' ? rows - 2 : 0;
  return key != 'q' && key != 'Q' && key != 3;
}

static BOOL end_line(int width) {
  putchar('\n');
  used += width == 0 ? 1 : (width + columns - 1) / columns;
  return !pages || used < rows - 1 || next_screen();
}

static BOOL show(FILE *input, long skip) {
  int width = 0, c;
  while ((c = getc(input)) != EOF) {
    if (skip > 0) {
      skip -= c == '\n';
    } else if (c == '\n') {
      BOOL blank = width == 0, hidden = blank && was_blank && squeezes;
      was_blank = blank;
      if (!hidden && !end_line(width)) return FALSE;
      width = 0;
    } else if (c == '\t') {
      int to = (width / tab + 1) * tab;
      for (; width < to; width++) putchar(' ');
    } else {
      putchar(c);
      width++;
    }
  }
  return width == 0 || end_line(width);
}

int main(int count, char **arguments) {
  CONSOLE_SCREEN_BUFFER_INFO screen;
  HANDLE output = GetStdHandle(STD_OUTPUT_HANDLE);
  long skip = 0;
  int files = 0, status = 0;
  BOOL clears = FALSE, goes_on = TRUE;
  pages = GetConsoleScreenBufferInfo(output, &screen);
  if (pages) rows = screen.srWindow.Bottom - screen.srWindow.Top + 1, columns = screen.dwSize.X;
  for (int i = 1; i < count; i++) {
    const char *argument = arguments[i];
    if (argument[0] == '+') skip = atol(argument + 1);
    else if (argument[0] != '/') files++;
    else if ((argument[1] | 32) == 'c') clears = TRUE;
    else if ((argument[1] | 32) == 's') squeezes = TRUE;
    else if ((argument[1] | 32) == 't' && atoi(argument + 2) > 0) tab = atoi(argument + 2);
    else if ((argument[1] | 32) != 'e' && (argument[1] | 32) != 'p') return fprintf(stderr, "Invalid switch - %s\n", argument + 1), 1;
  }
  if (clears && pages) fputs("\x1b[2J\x1b[H", stdout);
  if (files == 0) show(stdin, skip);
  for (int i = 1; i < count && goes_on; i++) {
    if (arguments[i][0] == '/' || arguments[i][0] == '+') continue;
    FILE *input = fopen(arguments[i], "r");
    if (input == NULL) {
      fprintf(stderr, "Cannot access file %s\n", arguments[i]);
      status = 1;
      continue;
    }
    goes_on = show(input, skip);
    fclose(input);
  }
  return status;
}
