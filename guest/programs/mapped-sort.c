/*
 * Sorts a file of 256-byte records by their first eight bytes through mappings, with memory for a small part of it: runs of `run`
 * bytes are sorted in place, then merged into a second file. A window of 64 KB of each run, and of the output, is mapped at a time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#define RECORD 256
#define WINDOW 0x10000
#define MAXIMUM_RUNS 64

typedef struct { char *view, *at, *end; DWORD offset, last; } window;

static HANDLE map_file(HANDLE file, DWORD protect, DWORD size) {
  HANDLE map = CreateFileMappingA(file, NULL, protect, 0, size, NULL);
  if (map == NULL) printf("no mapping: error %lu\n", GetLastError()), exit(2);
  return map;
}

static int compare(const void *one, const void *two) { return memcmp(*(char *const *)one, *(char *const *)two, 8); }

static void sort_run(char *run, DWORD size) {
  static char *order[1 << 16];
  static char sorted[1 << 21];
  DWORD count = size / RECORD;
  for (DWORD i = 0; i < count; i++) order[i] = run + i * RECORD;
  qsort(order, count, sizeof order[0], compare);
  for (DWORD i = 0; i < count; i++) memcpy(sorted + i * RECORD, order[i], RECORD);
  memcpy(run, sorted, size);
}

/* The next 64 KB of a run; FALSE at its end. */
static BOOL advance(HANDLE map, window *own, DWORD access) {
  if (own->view != NULL) UnmapViewOfFile(own->view);
  own->view = NULL;
  if (own->offset >= own->last) return FALSE;
  DWORD size = own->last - own->offset < WINDOW ? own->last - own->offset : WINDOW;
  own->view = own->at = MapViewOfFile(map, access, 0, own->offset, size);
  if (own->view == NULL) printf("no view: error %lu\n", GetLastError()), exit(3);
  own->end = own->view + size;
  own->offset += size;
  return TRUE;
}

int main(int argc, char **argv) {
  if (argc < 4) return 99;
  DWORD run = strtoul(argv[3], NULL, 0);
  HANDLE input = CreateFileA(argv[1], GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
  DWORD size = GetFileSize(input, NULL), runs = 0;
  HANDLE map = map_file(input, PAGE_READWRITE, 0);
  static window windows[MAXIMUM_RUNS];
  for (DWORD offset = 0; offset < size; offset += run) {
    DWORD length = size - offset < run ? size - offset : run;
    char *view = MapViewOfFile(map, FILE_MAP_WRITE, 0, offset, length);
    sort_run(view, length);
    UnmapViewOfFile(view);
    windows[runs].offset = offset;
    windows[runs++].last = offset + length;
  }
  HANDLE output = CreateFileA(argv[2], GENERIC_READ | GENERIC_WRITE, 0, NULL, CREATE_ALWAYS, 0, NULL);
  HANDLE result = map_file(output, PAGE_READWRITE, size);
  window out = { .last = size };
  for (DWORD i = 0; i < runs; i++) advance(map, &windows[i], FILE_MAP_READ);
  for (DWORD done = 0; done < size; done += RECORD) {
    window *least = NULL;
    for (DWORD i = 0; i < runs; i++)
      if (windows[i].view != NULL && (least == NULL || memcmp(windows[i].at, least->at, 8) < 0)) least = &windows[i];
    if (out.at == out.end) advance(result, &out, FILE_MAP_WRITE);
    memcpy(out.at, least->at, RECORD);
    out.at += RECORD;
    least->at += RECORD;
    if (least->at == least->end) advance(map, least, FILE_MAP_READ);
  }
  advance(result, &out, FILE_MAP_WRITE);
  CloseHandle(result);
  CloseHandle(output);
  printf("%lu records sorted in %lu runs\n", size / RECORD, runs);
  return 0;
}
