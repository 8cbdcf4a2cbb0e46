/* Writes numbered records through a view and says after every flush up to which one the file has them for certain. */
#include <stdio.h>
#include <stdlib.h>
#include <windows.h>

#define RECORD 64
#define COUNT 65536

int main(int argc, char **argv) {
  if (argc < 2) return 99;
  HANDLE file = CreateFileA(argv[1], GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, NULL, CREATE_ALWAYS, 0, NULL);
  HANDLE map = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, RECORD * COUNT, NULL);
  char *view = MapViewOfFile(map, FILE_MAP_WRITE, 0, 0, 0);
  if (view == NULL) return 1;
  unsigned step = 1;
  for (unsigned record = 1, flushed = 0; record <= COUNT; record++) {
    unsigned *at = (unsigned *)(view + (record - 1) * RECORD);
    for (unsigned word = 0; word < RECORD / 4; word++) at[word] = record * 2654435761u + word;
    if (record - flushed < step) continue;
    /* Now all of the view, now the part that is new. */
    BOOL done = step % 3 == 0 ? FlushViewOfFile(view, 0) : FlushViewOfFile(view + flushed * RECORD, (record - flushed) * RECORD);
    if (!done) return 2;
    printf("%u\n", record);
    fflush(stdout);
    flushed = record;
    step = step % 97 + 1;
  }
  return 0;
}
