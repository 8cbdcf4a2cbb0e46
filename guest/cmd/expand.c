/* %NAME%, %NAME:~from,count%, %NAME:old=new%, arguments of batch files, !NAME!, variables of for loops with their modifiers. */
#include "cmd.h"

BOOL delayed_expansion;
static char *loop_variables[128];

char *set_loop_variable(char variable, char *value) {
  char *old = loop_variables[variable & 127];
  loop_variables[variable & 127] = value;
  return old;
}

const char *variable_value(const char *name) {
  SYSTEMTIME now;
  static unsigned random_state = 1;
  DWORD size = GetEnvironmentVariableA(name, NULL, 0);
  if (size != 0) {
    char *value = take(size);
    GetEnvironmentVariableA(name, value, size);
    return value;
  }
  if (same(name, "errorlevel")) return format_text("%d", errorlevel);
  if (same(name, "cd")) {
    char *folder = take(MAX_PATH);
    GetCurrentDirectoryA(MAX_PATH, folder);
    return folder;
  }
  GetLocalTime(&now);
  if (same(name, "date")) return format_text("%02d/%02d/%04d", now.wMonth, now.wDay, now.wYear);
  if (same(name, "time")) return format_text("%2d:%02d:%02d.%02d", now.wHour, now.wMinute, now.wSecond, now.wMilliseconds / 10);
  if (same(name, "random")) return format_text("%u", (random_state = random_state * 214013 + 2531011) >> 16 & 0x7fff);
  return NULL;
}

static const char *find_text(const char *text, const char *part) {
  size_t length = strlen(part);
  for (; length != 0 && *text != 0; text++)
    if (_strnicmp(text, part, length) == 0) return text;
  return NULL;
}

/* What a value becomes by what stands behind the colon: a piece of it, or with something replaced. */
static char *modified(const char *value, const char *how) {
  size_t length = strlen(value);
  if (*how == '~') {
    char *end;
    long from = strtol(how + 1, &end, 10), count = *end == ',' ? strtol(end + 1, NULL, 10) : (long)length;
    if (from < 0) from += (long)length;
    if (from < 0) from = 0;
    if (from > (long)length) from = (long)length;
    if (count < 0) count += (long)length - from;
    if (count < 0) count = 0;
    if (count > (long)length - from) count = (long)length - from;
    return copy_text(value + from, (size_t)count);
  }
  const char *equals = strchr(how, '=');
  if (equals == NULL) return copy_text(value, length);
  char *old = copy_text(how, (size_t)(equals - how));
  BUFFER result = { 0 };
  add_text(&result, "", 0);
  if (*old == '*') {
    const char *found = find_text(value, old + 1);
    if (found == NULL) return copy_text(value, length);
    add_text(&result, equals + 1, strlen(equals + 1));
    add_text(&result, found + strlen(old + 1), strlen(found + strlen(old + 1)));
    return result.text;
  }
  for (const char *found; (found = find_text(value, old)) != NULL; value = found + strlen(old)) {
    add_text(&result, value, (size_t)(found - value));
    add_text(&result, equals + 1, strlen(equals + 1));
  }
  add_text(&result, value, strlen(value));
  return result.text;
}

/* A variable between two signs, which begins at `name`; `*end` is behind the second. NULL: none, or nothing is there to be replaced. */
static char *between(const char *name, char sign, const char **end) {
  const char *last = strchr(name, sign);
  if (last == NULL || last == name) return NULL;
  char *whole = copy_text(name, (size_t)(last - name)), *colon = strchr(whole, ':');
  if (strchr(whole, '\n') != NULL) return NULL;
  *end = last + 1;
  if (colon == whole || (colon != NULL && colon[1] == 0)) return NULL;
  if (colon != NULL) *colon = 0;
  const char *value = variable_value(whole);
  if (value == NULL) return NULL;
  return colon == NULL ? (char *)value : modified(value, colon + 1);
}

/* ~ and letters: no quotes, f full path, d drive, p folder, n name, x extension, z size. */
static char *with_modifiers(const char *letters, size_t count, char *value) {
  char *plain = unquoted(value), *full = take(MAX_PATH), *part = NULL;
  if (count == 0) return plain;
  if (GetFullPathNameA(plain, MAX_PATH, full, &part) == 0) return plain;
  if (part == NULL) part = full + strlen(full);
  char *dot = strrchr(part, '.');
  if (dot == NULL) dot = part + strlen(part);
  BUFFER result = { 0 };
  add_text(&result, "", 0);
  for (size_t i = 0; i < count; i++) {
    WIN32_FILE_ATTRIBUTE_DATA data;
    switch (letters[i] | 32) {
    case 'f': add_text(&result, full, strlen(full)); break;
    case 'd': add_text(&result, full, 2); break;
    case 'p': add_text(&result, full + 2, (size_t)(part - full - 2)); break;
    case 'n': add_text(&result, part, (size_t)(dot - part)); break;
    case 'x': add_text(&result, dot, strlen(dot)); break;
    case 'z':
      if (GetFileAttributesExA(plain, GetFileExInfoStandard, &data)) {
        char *size = format_text("%lu", data.nFileSizeLow);
        add_text(&result, size, strlen(size));
      }
      break;
    }
  }
  return result.text;
}

/* Behind a % in a batch file: %1, %*, %~dp1. NULL: none of them. */
static char *argument_at(const char *text, const char **end) {
  if (*text == '*') return *end = text + 1, batch->arguments;
  const char *c = text;
  if (*c == '~') c++;
  while (c != text && strchr("fdpnxzFDPNXZ", *c) != NULL && *c != 0) c++;
  if (*c < '0' || *c > '9') return NULL;
  *end = c + 1;
  char *value = batch_argument(*c - '0');
  return *text == '~' ? with_modifiers(text + 1, (size_t)(c - text - 1), value) : value;
}

char *expand_percent(const char *line) {
  BUFFER result = { 0 };
  add_text(&result, "", 0);
  for (const char *c = line, *end; *c != 0;) {
    if (*c != '%') {
      add_character(&result, *c++);
      continue;
    }
    if (batch != NULL && c[1] == '%') {
      add_character(&result, '%');
      c += 2;
      continue;
    }
    end = NULL;
    char *value = batch == NULL ? NULL : argument_at(c + 1, &end);
    if (value == NULL) value = between(c + 1, '%', &end);
    if (value != NULL) add_text(&result, value, strlen(value));
    // What is not defined is nothing in a batch file and stays as it is elsewhere.
    else if (batch == NULL || end == NULL) add_character(&result, '%'), end = c + 1;
    c = end;
  }
  return result.text;
}

char *expand_late(const char *text) {
  BUFFER result = { 0 };
  add_text(&result, "", 0);
  for (const char *c = text, *end; *c != 0;) {
    char *value = NULL;
    end = NULL;
    if (*c == '!' && delayed_expansion) {
      value = between(c + 1, '!', &end);
      if (value == NULL && end != NULL) value = "";
    } else if (*c == '%' && c[1] != 0) {
      const char *letter = c + 1;
      if (*letter == '~') letter++;
      // The longest row of modifiers that ends with a variable that there is.
      while (*letter != 0 && letter != c + 1 && strchr("fdpnxz", *letter | 32) != NULL &&
             (loop_variables[*letter & 127] == NULL || (letter[1] > ' ' && loop_variables[letter[1] & 127] != NULL)))
        letter++;
      char *known = *letter != 0 ? loop_variables[*letter & 127] : NULL;
      if (known != NULL) {
        end = letter + 1;
        value = c[1] == '~' ? with_modifiers(c + 2, (size_t)(letter - c - 2), known) : known;
      }
    }
    if (value == NULL) add_character(&result, *c++);
    else add_text(&result, value, strlen(value)), c = end;
  }
  return result.text;
}
