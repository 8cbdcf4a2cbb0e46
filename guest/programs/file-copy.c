/* Copies a file through Win32, in blocks, and compares sizes. */
#include <stdio.h>
#include <windows.h>

int main(int argc, char **argv) {
  static char block[10000];
  DWORD got, put, total = 0;
  if (argc != 3) return puts("usage: file-copy FROM TO"), 2;
  HANDLE from = CreateFileA(argv[1], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  if (from == INVALID_HANDLE_VALUE) return printf("cannot open %s: error %lu\n", argv[1], GetLastError()), 1;
  HANDLE to = CreateFileA(argv[2], GENERIC_WRITE, 0, NULL, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL);
  if (to == INVALID_HANDLE_VALUE) return printf("cannot create %s: error %lu\n", argv[2], GetLastError()), 1;
  while (ReadFile(from, block, sizeof block, &got, NULL) && got) {
    if (!WriteFile(to, block, got, &put, NULL) || put != got) return printf("write error %lu\n", GetLastError()), 1;
    total += put;
  }
  printf("copied %lu bytes, sizes agree: %d\n", total, GetFileSize(from, NULL) == GetFileSize(to, NULL));
  CloseHandle(from);
  printf("opening the target while it is not shared: ");
  HANDLE again = CreateFileA(argv[2], GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
  printf("error %lu\n", again == INVALID_HANDLE_VALUE ? GetLastError() : 0);
  CloseHandle(to);
  return 0;
}
