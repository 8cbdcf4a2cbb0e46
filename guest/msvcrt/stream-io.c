/* Characters, lines and blocks over streams. */
#include "crt.h"

int fgetc(FILE *stream) {
  _lock_file(stream);
  int byte = get_byte(stream);
  _unlock_file(stream);
  return byte;
}
int getc(FILE *stream) { return fgetc(stream); }
int getchar(void) { return fgetc(stdin); }
int _fgetchar(void) { return fgetc(stdin); }

int fputc(int byte, FILE *stream) {
  _lock_file(stream);
  byte = put_byte(byte, stream);
  _unlock_file(stream);
  return byte;
}
int putc(int byte, FILE *stream) { return fputc(byte, stream); }
int putchar(int byte) { return fputc(byte, stdout); }
int _fputchar(int byte) { return fputc(byte, stdout); }

int ungetc(int byte, FILE *stream) {
  _lock_file(stream);
  byte = unget_byte(byte, stream);
  _unlock_file(stream);
  return byte;
}

char *fgets(char *text, int room, FILE *stream) {
  char *to = text;
  int byte = EOF;
  if (room <= 0) return NULL;
  _lock_file(stream);
  while (--room && (byte = get_byte(stream)) != EOF)
    if ((*to++ = (char)byte) == '\n') break;
  _unlock_file(stream);
  *to = 0;
  return to == text && byte == EOF ? NULL : text;
}

char *gets(char *text) {
  char *to = text;
  int byte;
  _lock_file(stdin);
  while ((byte = get_byte(stdin)) != EOF && byte != '\n') *to++ = (char)byte;
  _unlock_file(stdin);
  *to = 0;
  return byte == EOF && to == text ? NULL : text;
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
  const char *from = data;
  size_t total = size * count, left = total;
  if (!total) return 0;
  _lock_file(stream);
  int begun = begin_temporary_buffer(stream);
  while (left) {
    if (stream->_cnt > 0 && stream->_flag & F_WRITE) {
      size_t part = left < (size_t)stream->_cnt ? left : (size_t)stream->_cnt;
      memcpy(stream->_ptr, from, part);
      stream->_ptr += part, stream->_cnt -= (int)part, from += part, left -= part;
    } else if (put_byte((unsigned char)*from, stream) == EOF) break;
    else from++, left--;
  }
  end_temporary_buffer(stream, begun);
  _unlock_file(stream);
  return (total - left) / size;
}

int fputs(const char *text, FILE *stream) {
  size_t length = strlen(text);
  return fwrite(text, 1, length, stream) == length ? 0 : EOF;
}

int puts(const char *text) {
  _lock_file(stdout);
  int begun = begin_temporary_buffer(stdout);
  int result = fputs(text, stdout) == EOF || put_byte('\n', stdout) == EOF ? EOF : 0;
  end_temporary_buffer(stdout, begun);
  _unlock_file(stdout);
  return result;
}

size_t fread(void *data, size_t size, size_t count, FILE *stream) {
  char *to = data;
  size_t total = size * count, left = total;
  if (!total) return 0;
  _lock_file(stream);
  while (left) {
    if (stream->_cnt > 0) {
      size_t part = left < (size_t)stream->_cnt ? left : (size_t)stream->_cnt;
      memcpy(to, stream->_ptr, part);
      stream->_ptr += part, stream->_cnt -= (int)part, to += part, left -= part;
      continue;
    }
    int byte = get_byte(stream);
    if (byte == EOF) break;
    *to++ = (char)byte, left--;
  }
  _unlock_file(stream);
  return (total - left) / size;
}

int _getw(FILE *stream) {
  int value;
  return fread(&value, sizeof value, 1, stream) == 1 ? value : EOF;
}
int _putw(int value, FILE *stream) { return fwrite(&value, sizeof value, 1, stream) == 1 ? value : EOF; }

/* ---- wide characters: the code page's bytes in text streams, UTF-16 in binary ones ---- */

unsigned short fgetwc(FILE *stream) {
  _lock_file(stream);
  int low = get_byte(stream), unit = low;
  if (low != EOF && !descriptor_is_text(stream->_file)) {
    int high = get_byte(stream);
    unit = high == EOF ? EOF : high << 8 | low;
  }
  _unlock_file(stream);
  return (unsigned short)unit;
}
unsigned short getwc(FILE *stream) { return fgetwc(stream); }
unsigned short getwchar(void) { return fgetwc(stdin); }

unsigned short fputwc(wide unit, FILE *stream) {
  _lock_file(stream);
  int text = descriptor_is_text(stream->_file), failed = text && unit > 255;
  if (!failed) failed = put_byte(unit & 0xff, stream) == EOF;
  if (!failed && !text) failed = put_byte(unit >> 8, stream) == EOF;
  _unlock_file(stream);
  return failed ? 0xffff : unit;
}
unsigned short putwc(wide unit, FILE *stream) { return fputwc(unit, stream); }
unsigned short putwchar(wide unit) { return fputwc(unit, stdout); }

unsigned short ungetwc(unsigned short unit, FILE *stream) {
  if (unit == 0xffff) return unit;
  _lock_file(stream);
  int failed = !descriptor_is_text(stream->_file) && unget_byte(unit >> 8, stream) == EOF;
  if (!failed) failed = unget_byte(unit & 0xff, stream) == EOF;
  _unlock_file(stream);
  return failed ? 0xffff : unit;
}

wide *fgetws(wide *text, int room, FILE *stream) {
  wide *to = text;
  unsigned short unit = 0xffff;
  while (--room > 0 && (unit = fgetwc(stream)) != 0xffff)
    if ((*to++ = unit) == '\n') break;
  *to = 0;
  return to == text && unit == 0xffff ? NULL : text;
}

int fputws(const wide *text, FILE *stream) {
  _lock_file(stream);
  int begun = begin_temporary_buffer(stream), result = 0;
  for (; *text && !result; text++)
    if (fputwc(*text, stream) == 0xffff) result = EOF;
  end_temporary_buffer(stream, begun);
  _unlock_file(stream);
  return result;
}

int _putws(const wide *text) { return fputws(text, stdout) == EOF || fputwc('\n', stdout) == 0xffff ? EOF : 0; }

/* ---- temporary files ---- */

FILE *fopen(const char *path, const char *mode);
char *_ultoa(unsigned long value, char *text, int base);

char *tmpnam(char *target) {
  static unsigned long counter;
  char *text = target ? target : thread_data()->tmpnam_text;
  _lock(LOCK_TEMPORARY);
  do {
    strcpy(text, "\\s");
    _ultoa(GetCurrentProcessId(), text + 2, 32);
    strcat(text, ".");
    _ultoa(++counter, text + strlen(text), 32);
  } while (GetFileAttributesA(text) != INVALID_FILE_ATTRIBUTES && counter < 0x7fff);
  _unlock(LOCK_TEMPORARY);
  return text;
}

FILE *tmpfile(void) {
  char name[32] = "";
  FILE *stream = fopen(tmpnam(name), "w+bD");
  return stream;
}

char *_tempnam(const char *folder, const char *prefix) {
  char path[MAX_PATH], number[16];
  if (!folder || GetFileAttributesA(folder) == INVALID_FILE_ATTRIBUTES) folder = ".";
  if (strlen(folder) + (prefix ? strlen(prefix) : 0) > MAX_PATH - 24) return errno = E_INVAL, NULL;
  for (unsigned long i = 1; i < 0x7fff; i++) {
    strcat(strcat(strcpy(path, folder), "\\"), prefix ? prefix : "");
    strcat(path, _ultoa(i, number, 10));
    if (GetFileAttributesA(path) == INVALID_FILE_ATTRIBUTES) return _strdup(path);
  }
  return NULL;
}

char *_mktemp(char *pattern) {
  char *end = pattern + strlen(pattern), *first = end;
  unsigned long id = GetCurrentProcessId();
  while (first > pattern && first[-1] == 'X') *--first = (char)('0' + id % 10), id /= 10;
  if (end - first < 6) return errno = E_INVAL, NULL;
  for (char letter = 'a'; letter <= 'z'; letter++) {
    if (GetFileAttributesA(pattern) == INVALID_FILE_ATTRIBUTES) return pattern;
    *first = letter;
  }
  return errno = E_EXIST, NULL;
}
