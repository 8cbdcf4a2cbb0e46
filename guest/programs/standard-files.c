/* What the standard streams are: their types, and sizes and positions where they are files. Says it on standard error. */
#include <io.h>
#include <stdio.h>
#include <sys/stat.h>
#include <windows.h>

int main(void) {
  static const DWORD numbers[] = {STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
  char line[100];
  struct _stat information;
  DWORD waiting = 0;
  fprintf(stderr, "types");
  for (int i = 0; i < 3; i++) fprintf(stderr, " %lu", GetFileType(GetStdHandle(numbers[i])));
  _fstat(0, &information);
  fprintf(stderr, "\ninput of %ld bytes at %ld\n", (long)information.st_size, ftell(stdin));
  BOOL peeked = PeekNamedPipe(GetStdHandle(STD_INPUT_HANDLE), NULL, 0, NULL, &waiting, NULL);
  fprintf(stderr, "peek %d: %lu, error %lu\n", peeked, waiting, peeked ? 0 : GetLastError());
  unsigned lines = 0;
  while (fgets(line, sizeof line, stdin)) {
    printf("%u: %s", ++lines, line);
  }
  peeked = PeekNamedPipe(GetStdHandle(STD_INPUT_HANDLE), NULL, 0, NULL, &waiting, NULL);
  fprintf(stderr, "peek at the end %d: error %lu\n", peeked, peeked ? 0 : GetLastError());
  if (fseek(stdin, 0, SEEK_SET) == 0 && fgets(line, sizeof line, stdin)) printf("again: %s", line);
  fflush(stdout);
  fprintf(stderr, "output at %ld\n", ftell(stdout));
  return 0;
}
