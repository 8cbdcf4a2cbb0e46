/* The native counterpart of faults-guest.c: anonymous mmap, SIGSEGV repaired with mprotect, and views of a file in memory. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Fresh pages in rounds of 32 MB: long enough that what runs is compiled code. */
enum { PAGES = 8192, ROUNDS = 24, ROUND_TRIPS = 300000 };

static volatile char *guarded;

static char *map(size_t size) { return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }

static void repair(int signal) {
  (void)signal;
  mprotect((void *)guarded, 4096, PROT_READ | PROT_WRITE);
}

static void touch(void) {
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *memory = map(PAGES * 4096);
    madvise((void *)memory, PAGES * 4096, MADV_NOHUGEPAGE);
    for (int page = 0; page < PAGES; page++) memory[page * 4096] = 1;
    munmap((void *)memory, PAGES * 4096);
  }
  printf("end %d\n", PAGES * ROUNDS);
}

static void round_trips(void) {
  struct sigaction action = {.sa_handler = repair};
  sigaction(SIGSEGV, &action, NULL);
  guarded = map(4096);
  puts("begin");
  fflush(stdout);
  for (int i = 0; i < ROUND_TRIPS; i++) {
    mprotect((void *)guarded, 4096, PROT_NONE);
    guarded[i & 4095] = 1;
  }
  printf("end %d\n", ROUND_TRIPS);
}

/* Touches pages that are in memory in new views: shared ones are read, private copies stored to. */
static void views(int flags) {
  int file = memfd_create("section", 0);
  if (ftruncate(file, PAGES * 4096) != 0) return;
  volatile char *first = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  for (int page = 0; page < PAGES; page++) first[page * 4096] = 1;
  puts("begin");
  fflush(stdout);
  for (int round = 0; round < ROUNDS; round++) {
    volatile char *view = mmap(NULL, PAGES * 4096, PROT_READ | PROT_WRITE, flags, file, 0);
    /* One page a fault, as elsewhere. */
    madvise((void *)view, PAGES * 4096, MADV_RANDOM);
    for (int page = 0; page < PAGES; page++) {
      if (flags == MAP_SHARED) view[page * 4096];
      else view[page * 4096] = 2;
    }
    munmap((void *)view, PAGES * 4096);
  }
  printf("end %d\n", PAGES * ROUNDS);
}

int main(int argc, char **argv) {
  if (argc == 2 && !strcmp(argv[1], "touch")) touch();
  else if (argc == 2 && !strcmp(argv[1], "violation")) round_trips();
  else if (argc == 2 && !strcmp(argv[1], "shared")) views(MAP_SHARED);
  else if (argc == 2 && !strcmp(argv[1], "copy-on-write")) views(MAP_PRIVATE);
  else return puts("usage: faults touch | violation | shared | copy-on-write"), 2;
  return 0;
}
