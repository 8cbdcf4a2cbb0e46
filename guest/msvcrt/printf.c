/* The printf families over format_output: to streams, to memory, to nowhere (counting). */
#include "crt.h"

static void put_to_stream(struct output *output, unsigned unit) {
  output->count++;
  if (unit > 255) output->failed = 1;
  else if (put_byte((int)unit, output->target) == EOF) output->failed = 1;
}


static void put_to_memory(struct output *output, unsigned unit) {
  if (unit > 255) output->failed = 1;
  if ((size_t)output->count++ < output->room) ((char *)output->target)[output->count - 1] = (char)unit;
}

static void put_to_wide_memory(struct output *output, unsigned unit) {
  if ((size_t)output->count++ < output->room) ((wide *)output->target)[output->count - 1] = (wide)unit;
}

static int print_to_stream(FILE *stream, const void *format, int is_wide, va_list arguments) {
  struct output output = {put_to_stream, stream, 0, 0, 0};
  _lock_file(stream);
  int begun = begin_temporary_buffer(stream);
  int count = format_output(&output, format, is_wide, arguments);
  end_temporary_buffer(stream, begun);
  _unlock_file(stream);
  return count;
}

int vfprintf(FILE *stream, const char *format, va_list arguments) { return print_to_stream(stream, format, 0, arguments); }
int vfwprintf(FILE *stream, const wide *format, va_list arguments) { return print_to_stream(stream, format, 1, arguments); }
int vprintf(const char *format, va_list arguments) { return print_to_stream(stdout, format, 0, arguments); }
int vwprintf(const wide *format, va_list arguments) { return print_to_stream(stdout, format, 1, arguments); }

/* msvcrt's count: no terminator when the text just fits, -1 when it does not. */
int _vsnprintf(char *target, size_t room, const char *format, va_list arguments) {
  struct output output = {put_to_memory, target, room, 0, 0};
  int count = format_output(&output, format, 0, arguments);
  if (count >= 0 && (size_t)count < room) target[count] = 0;
  return count >= 0 && (size_t)count > room ? -1 : count;
}

int _vsnwprintf(wide *target, size_t room, const wide *format, va_list arguments) {
  struct output output = {put_to_wide_memory, target, room, 0, 0};
  int count = format_output(&output, format, 1, arguments);
  if (count >= 0 && (size_t)count < room) target[count] = 0;
  return count >= 0 && (size_t)count > room ? -1 : count;
}

int _vscprintf(const char *format, va_list arguments) {
  struct output output = {put_to_memory, NULL, 0, 0, 0};
  return format_output(&output, format, 0, arguments);
}

int _vscwprintf(const wide *format, va_list arguments) {
  struct output output = {put_to_wide_memory, NULL, 0, 0, 0};
  return format_output(&output, format, 1, arguments);
}

int vsprintf(char *target, const char *format, va_list arguments) { return _vsnprintf(target, 0x7fffffff, format, arguments); }
int vswprintf(wide *target, const wide *format, va_list arguments) { return _vsnwprintf(target, 0x3fffffff, format, arguments); }

#define VARIADIC(call)                  \
  {                                     \
    va_list arguments;                  \
    va_start(arguments, format);        \
    int count = call;                   \
    va_end(arguments);                  \
    return count;                       \
  }
int printf(const char *format, ...) VARIADIC(vprintf(format, arguments))
int wprintf(const wide *format, ...) VARIADIC(vwprintf(format, arguments))
int fprintf(FILE *stream, const char *format, ...) VARIADIC(vfprintf(stream, format, arguments))
int fwprintf(FILE *stream, const wide *format, ...) VARIADIC(vfwprintf(stream, format, arguments))
int sprintf(char *target, const char *format, ...) VARIADIC(vsprintf(target, format, arguments))
int swprintf(wide *target, const wide *format, ...) VARIADIC(vswprintf(target, format, arguments))
int _snprintf(char *target, size_t room, const char *format, ...) VARIADIC(_vsnprintf(target, room, format, arguments))
int _snwprintf(wide *target, size_t room, const wide *format, ...) VARIADIC(_vsnwprintf(target, room, format, arguments))
int _scprintf(const char *format, ...) VARIADIC(_vscprintf(format, arguments))
int _scwprintf(const wide *format, ...) VARIADIC(_vscwprintf(format, arguments))
