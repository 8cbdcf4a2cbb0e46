/*
 * cmd.exe: reads commands from its command line, or from its input until that ends. In which order to read: parse.c (what a line
 * means), expand.c (variables), run.c, conditions.c (if, for), batch.c, commands.c, files.c. Text is in the ANSI code page.
 */
#include "cmd.h"

static BOOL WINAPI control_event(DWORD event) {
  if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) return FALSE;
  interrupted = TRUE;
  return TRUE;
}

static char *read_more(void) {
  say("More? ");
  char *line = read_line(GetStdHandle(STD_INPUT_HANDLE));
  return line == NULL ? NULL : expand_percent(line);
}

static void read_commands(void) {
  char folder[MAX_PATH];
  while (!ending) {
    MARK mark = arena_mark();
    GetCurrentDirectoryA(sizeof folder, folder);
    if (echoing) say("\n%s>", folder);
    char *line = read_line(GetStdHandle(STD_INPUT_HANDLE));
    if (line == NULL && !interrupted) break;
    if (!interrupted) run_text(line, read_more);
    interrupted = FALSE;
    arena_release(mark);
  }
}

/* The command behind /c or /k: without its outer quotes, but where they belong to a name that is all there is. */
static char *command_behind(const char *text, BOOL strips) {
  text = skip_blanks(text);
  size_t length = strlen(text);
  while (length > 0 && is_blank(text[length - 1])) length--;
  if (*text != '"') return copy_text(text, length);
  int quotes = 0;
  for (size_t i = 0; i < length; i++) quotes += text[i] == '"';
  if (!strips && quotes == 2 && strpbrk(text, "&<>()@^|") == NULL) {
    char *name = copy_text(text + 1, (size_t)(strchr(text + 1, '"') - text - 1));
    if (strchr(name, ' ') != NULL && GetFileAttributesA(name) != INVALID_FILE_ATTRIBUTES) return copy_text(text, length);
  }
  char *command = copy_text(text + 1, length - 1), *last = strrchr(command, '"');
  if (last != NULL) memmove(last, last + 1, strlen(last));
  return command;
}

int main(void) {
  const char *text = GetCommandLineA();
  BOOL strips = FALSE, quoted = FALSE;
  SetConsoleCtrlHandler(control_event, TRUE);
  for (; *text != 0 && (quoted || !is_blank(*text)); text++) quoted ^= *text == '"';
  for (;;) {
    text = skip_blanks(text);
    char letter = *text == '/' ? (char)(text[1] | 32) : 0;
    if (letter == 0) break;
    if (letter == 'c' || letter == 'k' || letter == 'r') {
      run_text(command_behind(text + 2, strips), NULL);
      if (letter != 'k') return errorlevel;
      break;
    }
    if (letter == 's') strips = TRUE;
    if (letter == 'q') echoing = FALSE;
    if (letter == 'v') delayed_expansion = _strnicmp(text + 2, ":off", 4) != 0;
    text += strcspn(text, " \t");
  }
  read_commands();
  return errorlevel;
}
