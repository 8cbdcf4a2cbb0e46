// CommandLineToArgvW, the one part of the shell that console programs use; the rest fails with ERROR_CALL_NOT_IMPLEMENTED.
#include "missing.h"

typedef struct { PCWSTR from; PWSTR to; BOOLEAN quoted; } READER;

static void put(READER *reader, WCHAR c) {
  if (reader->to != NULL) *reader->to = c;
  if (reader->to != NULL) reader->to++;
}

/* 2n backslashes and a quote give n and switch quoting; 2n+1 and a quote give n and the quote. */
static void copy_argument(READER *reader) {
  while (*reader->from != 0 && (reader->quoted || (*reader->from != L' ' && *reader->from != L'\t'))) {
    ULONG slashes = 0;
    while (*reader->from == L'\\') slashes++, reader->from++;
    if (*reader->from != L'"') {
      for (; slashes > 0; slashes--) put(reader, L'\\');
      if (*reader->from == 0 || (!reader->quoted && (*reader->from == L' ' || *reader->from == L'\t'))) break;
      put(reader, *reader->from++);
      continue;
    }
    for (ULONG i = 0; i < slashes / 2; i++) put(reader, L'\\');
    if (slashes % 2 == 1) {
      put(reader, L'"');
    } else if (reader->quoted && reader->from[1] == L'"') {
      put(reader, L'"');
      reader->from++;
    } else {
      reader->quoted = !reader->quoted;
    }
    reader->from++;
  }
  reader->quoted = FALSE;
  put(reader, 0);
}

/* The program's name has no escapes: it ends at the closing quote or at the first blank. */
static void copy_program(READER *reader) {
  WCHAR end = L' ';
  if (*reader->from == L'"') end = L'"', reader->from++;
  while (*reader->from != 0 && *reader->from != end && (end == L'"' || *reader->from != L'\t')) put(reader, *reader->from++);
  if (*reader->from == L'"') reader->from++;
  put(reader, 0);
}

static int walk(PCWSTR line, PWSTR *arguments, PWSTR text) {
  READER reader = { line, text, FALSE };
  int count = 0;
  for (;; count++) {
    while (count > 0 && (*reader.from == L' ' || *reader.from == L'\t')) reader.from++;
    if (count > 0 && *reader.from == 0) return count;
    if (arguments != NULL) arguments[count] = reader.to;
    if (count == 0) copy_program(&reader);
    else copy_argument(&reader);
  }
}

/* One block from LocalAlloc: the pointers, a NULL, the texts. An empty line gives the program's own path. */
LPWSTR *WINAPI CommandLineToArgvW(LPCWSTR line, int *count) {
  WCHAR own[MAX_PATH + 2];
  if (line == NULL || count == NULL) {
    current_teb()->LastErrorValue = ERROR_INVALID_PARAMETER;
    return NULL;
  }
  if (line[0] == 0) {
    GetModuleFileNameW(NULL, own + 1, MAX_PATH);
    own[0] = L'"';
    line = own;
  }
  *count = walk(line, NULL, NULL);
  SIZE_T pointers = (SIZE_T)(*count + 1) * sizeof(PWSTR);
  PWSTR *arguments = LocalAlloc(LMEM_ZEROINIT, pointers + ((SIZE_T)lstrlenW(line) + (SIZE_T)*count + 2) * sizeof(WCHAR));
  if (arguments == NULL) return NULL;
  walk(line, arguments, (PWSTR)((char *)arguments + pointers));
  return arguments;
}

MISSING_AS(SHGetKnownFolderPath, 16, 0x80004001);
MISSING_AS(ShellExecuteA, 24, 31);
MISSING_AS(ShellExecuteW, 24, 31);
MISSING_AS(ShellExecuteExA, 4, 0);
MISSING_AS(ShellExecuteExW, 4, 0);
