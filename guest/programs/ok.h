/* Checks for guest tests: ok(condition, "format", ...) counts, report() prints the summary and gives the exit status. */
#pragma once
#include <stdarg.h>
#include <stdio.h>

static int checks_run, checks_failed;

static int ok_at(int line, int condition, const char *format, ...) {
  checks_run++;
  if (condition) return 1;
  checks_failed++;
  va_list arguments;
  va_start(arguments, format);
  printf("line %d failed: ", line);
  vprintf(format, arguments);
  printf("\n");
  va_end(arguments);
  return 0;
}
#define ok(condition, ...) ok_at(__LINE__, (condition) != 0, __VA_ARGS__)

static int report(const char *name) {
  printf("%s: %d tests executed, %d failures\n", name, checks_run, checks_failed);
  return checks_failed > 255 ? 255 : checks_failed;
}
