/*
 * Reading and writing a file: through a mapping, in order and at random, and with reads and writes of 64 KB. The same source runs on
 * nt86 and, through its few POSIX counterparts, natively. The line "end N" says how many bytes were moved.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
typedef HANDLE file_handle;

static file_handle open_file(const char *name) {
  return CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING, 0, NULL);
}
static int is_open(file_handle file) { return file != INVALID_HANDLE_VALUE; }
static unsigned size_of(file_handle file) { return GetFileSize(file, NULL); }
static const char *map_file(file_handle file, unsigned size) {
  HANDLE section = CreateFileMappingA(file, NULL, PAGE_READONLY, 0, size, NULL);
  return section == NULL ? NULL : MapViewOfFile(section, FILE_MAP_READ, 0, 0, size);
}
static unsigned read_some(file_handle file, void *buffer, unsigned length) {
  DWORD done = 0;
  ReadFile(file, buffer, length, &done, NULL);
  return done;
}
static unsigned write_some(file_handle file, const void *buffer, unsigned length) {
  DWORD done = 0;
  WriteFile(file, buffer, length, &done, NULL);
  return done;
}
static void rewind_file(file_handle file) { SetFilePointer(file, 0, NULL, FILE_BEGIN); }
#else
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
typedef int file_handle;

static file_handle open_file(const char *name) { return open(name, O_RDWR); }
static int is_open(file_handle file) { return file >= 0; }
static unsigned size_of(file_handle file) { return (unsigned)lseek(file, 0, SEEK_END); }
static const char *map_file(file_handle file, unsigned size) {
  void *view = mmap(NULL, size, PROT_READ, MAP_SHARED, file, 0);
  return view == MAP_FAILED ? NULL : view;
}
static unsigned read_some(file_handle file, void *buffer, unsigned length) { return (unsigned)read(file, buffer, length); }
static unsigned write_some(file_handle file, const void *buffer, unsigned length) { return (unsigned)write(file, buffer, length); }
static void rewind_file(file_handle file) { lseek(file, 0, SEEK_SET); }
#endif

enum { PAGE = 4096, BLOCK = 65536 };

static char block[BLOCK];

static int fail(const char *what) {
  printf("no %s\n", what);
  return 1;
}

static void begin(void) {
  puts("begin");
  fflush(stdout);
}

static unsigned sum_of_page(const char *page) {
  const unsigned *words = (const unsigned *)page;
  unsigned sum = 0;
  for (int word = 0; word < PAGE / 4; word++) sum += words[word];
  return sum;
}

/* Every page of a view once: in order, or as a linear congruential generator of full period has it (a power of two of pages). */
static int mapped(file_handle file, int random) {
  unsigned size = size_of(file), pages = size / PAGE, page = 0, sum = 0;
  const char *view = map_file(file, size);
  if (view == NULL) return fail("view");
  begin();
  for (unsigned i = 0; i < pages; i++) {
    sum += sum_of_page(view + page * PAGE);
    page = (random ? page * 1664525 + 1013904223 : page + 1) & (pages - 1);
  }
  printf("end %u\nsum %08x\n", pages * PAGE, sum);
  return 0;
}

static unsigned read_all(file_handle file) {
  unsigned total = 0, length;
  rewind_file(file);
  while ((length = read_some(file, block, BLOCK)) > 0) total += length;
  return total;
}

/* All of the file, for the first time or once more. */
static int reads(file_handle file, int again) {
  if (again) read_all(file);
  begin();
  printf("end %u\n", read_all(file));
  return 0;
}

static int writes(file_handle file) {
  unsigned size = size_of(file), total = 0;
  memset(block, 86, sizeof block);
  rewind_file(file);
  begin();
  while (total < size && write_some(file, block, BLOCK) == BLOCK) total += BLOCK;
  printf("end %u\n", total);
  return total == size ? 0 : fail("room");
}

int main(int argc, char **argv) {
  const char *kind = argc == 3 ? argv[1] : "";
  if (argc != 3) return puts("usage: files mapped | mapped-random | read | read-again | write FILE"), 2;
  file_handle file = open_file(argv[2]);
  if (!is_open(file)) return fail("file");
  if (!strcmp(kind, "mapped")) return mapped(file, 0);
  if (!strcmp(kind, "mapped-random")) return mapped(file, 1);
  if (!strcmp(kind, "read")) return reads(file, 0);
  if (!strcmp(kind, "read-again")) return reads(file, 1);
  if (!strcmp(kind, "write")) return writes(file);
  return fail("such kind");
}
