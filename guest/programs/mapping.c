/* File mappings: a page-file section with two views, a file mapped for reading, for writing and copy-on-write. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

int main(void) {
  HANDLE section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, PAGE_READWRITE, 0, 0x20000, "nt86-shared");
  char *one = MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, 0);
  char *two = MapViewOfFile(section, FILE_MAP_READ, 0, 0x10000, 0);
  strcpy(one + 0x10000, "seen through both views");
  printf("%s; same address: %d\n", two, one + 0x10000 == two);
  HANDLE opened = OpenFileMappingA(FILE_MAP_READ, FALSE, "nt86-shared");
  printf("opened by name: %d\n", opened != NULL);
  UnmapViewOfFile(two);

  HANDLE file = CreateFileA("mapping.tmp", GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  DWORD done;
  WriteFile(file, "the file as written....", 23, &done, NULL);
  HANDLE mapped = CreateFileMappingA(file, NULL, PAGE_READWRITE, 0, 0, NULL);
  char *write = MapViewOfFile(mapped, FILE_MAP_WRITE, 0, 0, 0);
  char *copy = MapViewOfFile(mapped, FILE_MAP_COPY, 0, 0, 0);
  copy[0] = 'T';
  memcpy(write + 12, "CHANGED", 7);
  printf("write view: %.23s\n", write);
  printf("copy view starts with %c, write view with %c\n", copy[0], write[0]);
  FlushViewOfFile(write, 0);
  UnmapViewOfFile(copy);
  UnmapViewOfFile(write);
  CloseHandle(mapped);
  char text[32] = "";
  SetFilePointer(file, 0, NULL, FILE_BEGIN);
  ReadFile(file, text, 23, &done, NULL);
  printf("file: %s\n", text);
  CloseHandle(file);
  printf("deleted: %d\n", DeleteFileA("mapping.tmp"));
  return 0;
}
