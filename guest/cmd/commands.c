/* Commands that are neither about files nor about control: echo, set, call, exit and their like. */
#include "cmd.h"

static int do_echo(const char *text) {
  if (*text != 0 && strchr(".:;,/([]+\\", *text) != NULL) return say("%s\n", text + 1), 0;
  const char *word = skip_blanks(text);
  if (*word == 0) return say("ECHO is %s.\n", echoing ? "on" : "off"), 0;
  char *first = copy_text(word, strlen(word));
  size_t length = strlen(first);
  while (length > 0 && is_blank(first[length - 1])) first[--length] = 0;
  if (same(first, "on") || same(first, "off")) return echoing = same(first, "on"), 0;
  say("%s\n", text + 1);
  return 0;
}

// --- set /a: 32-bit arithmetic

static const char *sum;
static BOOL sum_failed;
static long sum_level(int level);

static long sum_value(void) {
  sum = skip_blanks(sum);
  if (*sum == '(') {
    sum++;
    long value = sum_level(0);
    sum = skip_blanks(sum);
    if (*sum == ')') sum++;
    else sum_failed = TRUE;
    return value;
  }
  if (*sum == '-') return sum++, (long)(0u - (unsigned long)sum_value());
  if (*sum == '+') return sum++, sum_value();
  if (*sum == '~') return sum++, ~sum_value();
  if (*sum == '!') return sum++, !sum_value();
  if (*sum >= '0' && *sum <= '9') {
    char *end;
    long value = (long)strtoul(sum, &end, 0);
    sum = end;
    return value;
  }
  size_t length = strcspn(sum, " \t()+-*/%&|^~!<>=,;\"");
  if (length == 0) return sum_failed = TRUE, 0;
  const char *value = variable_value(copy_text(sum, length));
  sum += length;
  return value == NULL ? 0 : strtol(value, NULL, 0);
}

static long operate(char operator, long a, long b) {
  unsigned long x = (unsigned long)a, y = (unsigned long)b;
  switch (operator) {
  case '|': return a | b;
  case '^': return a ^ b;
  case '&': return a & b;
  case '<': return (long)(x << (y & 31));
  case '>': return a >> (y & 31);
  case '+': return (long)(x + y);
  case '-': return (long)(x - y);
  case '*': return (long)(x * y);
  }
  if (b == 0) {
    complain("Divide by zero error.\n");
    return sum_failed = TRUE, 0;
  }
  if (b == -1) return operator == '/' ? (long)(0u - x) : 0;
  return operator == '/' ? a / b : a % b;
}

static long sum_level(int level) {
  static const char *const operators[] = { "|", "^", "&", "<>", "+-", "*/%" };
  if (level == (int)(sizeof operators / sizeof *operators)) return sum_value();
  long value = sum_level(level + 1);
  for (;;) {
    sum = skip_blanks(sum);
    char operator = *sum;
    if (operator == 0 || strchr(operators[level], operator) == NULL || sum[1] == '=') return value;
    sum += operator == '<' || operator == '>' ? 2 : 1;
    value = operate(operator, value, sum_level(level + 1));
    if (sum_failed) return 0;
  }
}

static int set_sum(const char *text) {
  long value = 0;
  sum = unquoted(text);
  sum_failed = FALSE;
  do {
    sum = skip_blanks(sum);
    size_t length = strcspn(sum, " \t()+-*/%&|^~!<>=,;");
    const char *after = skip_blanks(sum + length);
    char operator = after[0] != '=' && after[0] != 0 && strchr("+-*/%&|^", after[0]) != NULL && after[1] == '=' ? *after : 0;
    if (length != 0 && (operator != 0 || (after[0] == '=' && after[1] != '='))) {
      char *name = copy_text(sum, length);
      const char *before = variable_value(name);
      sum = after + (operator != 0 ? 2 : 1);
      value = sum_level(0);
      if (operator != 0) value = operate(operator, before == NULL ? 0 : strtol(before, NULL, 0), value);
      if (!sum_failed) SetEnvironmentVariableA(name, format_text("%ld", value));
    } else {
      value = sum_level(0);
    }
    sum = skip_blanks(sum);
  } while (!sum_failed && *sum++ == ',');
  if (sum_failed || sum[-1] != 0) return complain("Missing operand.\n"), 1;
  if (batch == NULL) say("%ld", value);
  return 0;
}

static int list_variables(const char *beginning) {
  char *block = GetEnvironmentStringsA();
  int shown = 0;
  for (char *entry = block; *entry != 0; entry += strlen(entry) + 1) {
    if (*entry == '=' || _strnicmp(entry, beginning, strlen(beginning)) != 0) continue;
    say("%s\n", entry);
    shown++;
  }
  FreeEnvironmentStringsA(block);
  if (shown != 0) return 0;
  complain("Environment variable %s not defined\n", beginning);
  return 1;
}

static int do_set(const char *text) {
  text = skip_blanks(text);
  if (take_word(&text, "/a")) return set_sum(text);
  BOOL asks = take_word(&text, "/p");
  text = skip_blanks(text);
  if (*text == '"') {
    const char *last = strrchr(text, '"');
    text = last == text ? text + 1 : copy_text(text + 1, (size_t)(last - text - 1));
  }
  const char *equals = strchr(text, '=');
  if (equals == text) return complain("The syntax of the command is incorrect.\n"), 1;
  if (equals == NULL) {
    char *name = copy_text(text, strlen(text));
    for (size_t length = strlen(name); length > 0 && is_blank(name[length - 1]);) name[--length] = 0;
    return list_variables(name);
  }
  char *name = copy_text(text, (size_t)(equals - text));
  if (!asks) {
    if (SetEnvironmentVariableA(name, equals[1] == 0 ? NULL : equals + 1) || equals[1] == 0) return 0;
    return complain_of_error(GetLastError());
  }
  say("%s", unquoted(equals + 1));
  char *answer = read_line(GetStdHandle(STD_INPUT_HANDLE));
  if (answer == NULL || *answer == 0) return 1;
  return SetEnvironmentVariableA(name, answer) ? 0 : complain_of_error(GetLastError());
}

static int do_exit(const char *text) {
  BOOL only_batch = take_word(&text, "/b");
  char *code = next_word(&text);
  if (code != NULL) errorlevel = (int)strtol(code, NULL, 0);
  if (only_batch && batch != NULL) batch->position += strlen(batch->position), leaving_batch = TRUE;
  else ending = TRUE;
  return errorlevel;
}

static int do_call(const char *text) {
  text = skip_blanks(text);
  if (*text != ':') return run_words(expand_percent(text), TRUE);
  size_t length = strcspn(text, " \t");
  return call_label(copy_text(text, length), skip_blanks(expand_percent(text + length)));
}

static int do_shift(const char *text) {
  (void)text;
  if (batch != NULL) batch->shifted++;
  return 0;
}

static int do_goto(const char *text) {
  if (batch == NULL) return 0;
  if (go_to(skip_blanks(text))) return 0;
  leaving_batch = TRUE;
  return 1;
}

static int do_pause(const char *text) {
  char key;
  DWORD mode, got;
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  (void)text;
  say("Press any key to continue . . . ");
  BOOL is_console = GetConsoleMode(input, &mode);
  if (is_console) SetConsoleMode(input, 0);
  ReadFile(input, &key, 1, &got, NULL);
  if (is_console) SetConsoleMode(input, mode);
  say("\n");
  return 0;
}

static int do_title(const char *text) { return SetConsoleTitleA(skip_blanks(text)) ? 0 : complain_of_error(GetLastError()); }
static int do_ver(const char *text) {
  OSVERSIONINFOA version = { .dwOSVersionInfoSize = sizeof version };
  (void)text;
  GetVersionExA(&version);
  say("\nnt86 [Version %lu.%lu.%lu]\n", version.dwMajorVersion, version.dwMinorVersion, version.dwBuildNumber);
  return 0;
}
static int do_cls(const char *text) { return (void)text, say("\x1b[2J\x1b[H"), 0; }
static int do_rem(const char *text) { return (void)text, 0; }
static int do_setlocal(const char *text) { return begin_local(text), 0; }
static int do_endlocal(const char *text) { return (void)text, end_local(), 0; }
static int do_path(const char *text) {
  text = skip_blanks(text);
  if (*text == '=') text = skip_blanks(text + 1);
  const char *value = variable_value("PATH");
  if (*text == 0) return say("PATH=%s\n", value == NULL ? "" : value), 0;
  return SetEnvironmentVariableA("PATH", strcmp(text, ";") == 0 ? NULL : text) ? 0 : complain_of_error(GetLastError());
}
static int do_date(const char *text) { return (void)text, say("%s\n", variable_value("DATE")), 0; }
static int do_time(const char *text) { return (void)text, say("%s\n", variable_value("TIME")), 0; }

static const struct { const char *name; int (*routine)(const char *arguments); } builtins[] = {
  { "echo", do_echo }, { "set", do_set }, { "exit", do_exit }, { "call", do_call }, { "goto", do_goto }, { "shift", do_shift },
  { "pause", do_pause }, { "title", do_title }, { "ver", do_ver }, { "cls", do_cls }, { "rem", do_rem }, { "setlocal", do_setlocal },
  { "endlocal", do_endlocal }, { "path", do_path }, { "date", do_date }, { "time", do_time },
};

int run_builtin(const char *name, const char *arguments) {
  for (size_t i = 0; i < sizeof builtins / sizeof *builtins; i++)
    if (same(name, builtins[i].name)) return builtins[i].routine(arguments);
  return file_command(name, arguments);
}
