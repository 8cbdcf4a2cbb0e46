/* Lists the files of a folder that match a pattern, with their sizes, folders marked. */
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv) {
  WIN32_FIND_DATAA found;
  int count = 0;
  HANDLE search = FindFirstFileA(argc > 1 ? argv[1] : "*", &found);
  if (search == INVALID_HANDLE_VALUE) return printf("nothing: error %lu\n", GetLastError()), 1;
  do {
    if (found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) printf("%-20s <DIR>\n", found.cFileName);
    else printf("%-20s %lu\n", found.cFileName, found.nFileSizeLow);
    count++;
  } while (FindNextFileA(search, &found));
  printf("%d entries, ended with error %lu\n", count, GetLastError());
  FindClose(search);
  return 0;
}
