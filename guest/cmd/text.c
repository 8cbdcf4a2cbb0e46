/* Memory, words and output. */
#include "cmd.h"

struct chunk { struct chunk *previous; size_t size; char bytes[]; };
static struct chunk *current;
static size_t used;

MARK arena_mark(void) { return (MARK){ current, used }; }

void arena_release(MARK mark) {
  while (current != mark.chunk) {
    struct chunk *previous = current->previous;
    free(current);
    current = previous;
  }
  used = mark.used;
}

void *take(size_t size) {
  size = (size + 7) & ~(size_t)7;
  if (current == NULL || used + size > current->size) {
    size_t room = size > 0x4000 ? size : 0x4000;
    struct chunk *chunk = malloc(sizeof *chunk + room);
    if (chunk == NULL) {
      complain("Out of memory.\n");
      ExitProcess(1);
    }
    chunk->previous = current;
    chunk->size = room;
    current = chunk;
    used = 0;
  }
  void *block = current->bytes + used;
  used += size;
  memset(block, 0, size);
  return block;
}

char *copy_text(const char *text, size_t length) {
  char *copy = take(length + 1);
  memcpy(copy, text, length);
  return copy;
}

char *format_text(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = _vscprintf(format, arguments);
  va_end(arguments);
  char *text = take((size_t)length + 1);
  va_start(arguments, format);
  _vsnprintf(text, (size_t)length, format, arguments);
  va_end(arguments);
  return text;
}

void add_text(BUFFER *buffer, const char *text, size_t length) {
  if (buffer->length + length + 1 > buffer->room) {
    size_t room = (buffer->length + length + 1) * 2 + 32;
    char *larger = take(room);
    if (buffer->length != 0) memcpy(larger, buffer->text, buffer->length);
    buffer->text = larger;
    buffer->room = room;
  }
  memcpy(buffer->text + buffer->length, text, length);
  buffer->length += length;
  buffer->text[buffer->length] = 0;
}
void add_character(BUFFER *buffer, char c) { add_text(buffer, &c, 1); }

int is_blank(char c) { return c == ' ' || c == '\t'; }
static int separates(char c) { return is_blank(c) || c == ',' || c == ';' || c == '=' || c == '\n'; }

const char *skip_blanks(const char *text) {
  while (is_blank(*text)) text++;
  return text;
}

char *next_word(const char **text) {
  const char *start = *text, *end;
  BOOL quoted = FALSE;
  while (separates(*start)) start++;
  for (end = start; *end != 0 && (quoted || !separates(*end)); end++) quoted ^= *end == '"';
  *text = end;
  return end == start ? NULL : copy_text(start, (size_t)(end - start));
}

char *unquoted(const char *text) {
  char *copy = copy_text(text, strlen(text)), *to = copy;
  for (const char *c = text; *c != 0; c++)
    if (*c != '"') *to++ = *c;
  *to = 0;
  return copy;
}

int same(const char *a, const char *b) { return lstrcmpiA(a, b) == 0; }

int take_word(const char **text, const char *word) {
  size_t length = strlen(word);
  const char *start = skip_blanks(*text);
  char next = strlen(start) >= length ? start[length] : 0;
  if (_strnicmp(start, word, length) != 0 || (next != 0 && !separates(next) && next != '(' && next != '"' && next != ')')) return 0;
  *text = start + length;
  return 1;
}

const char *take_options(const char *text, char *letters, size_t size) {
  size_t count = 0;
  text = skip_blanks(text);
  while (*text == '/') {
    text++;
    while (*text != 0 && !is_blank(*text) && *text != '/') {
      if (count + 1 < size) letters[count++] = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
      text++;
    }
    text = skip_blanks(text);
  }
  letters[count] = 0;
  return text;
}

static void write_to(DWORD stream, const char *format, va_list arguments) {
  MARK mark = arena_mark();
  va_list again;
  DWORD done;
  va_copy(again, arguments);
  int length = _vscprintf(format, arguments);
  char *text = take((size_t)length + 1);
  _vsnprintf(text, (size_t)length, format, again);
  va_end(again);
  BUFFER out = { 0 };
  for (const char *c = text; *c != 0; c++) {
    if (*c == '\n' && (c == text || c[-1] != '\r')) add_character(&out, '\r');
    add_character(&out, *c);
  }
  if (out.length != 0) WriteFile(GetStdHandle(stream), out.text, (DWORD)out.length, &done, NULL);
  arena_release(mark);
}

void say(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_to(STD_OUTPUT_HANDLE, format, arguments);
  va_end(arguments);
}

void complain(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_to(STD_ERROR_HANDLE, format, arguments);
  va_end(arguments);
}

int complain_of_error(DWORD error) {
  char text[300];
  DWORD length = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, error, 0, text, sizeof text, NULL);
  while (length > 0 && (text[length - 1] == '\r' || text[length - 1] == '\n')) text[--length] = 0;
  if (length == 0) complain("Error %lu.\n", error);
  else complain("%s\n", text);
  return 1;
}
