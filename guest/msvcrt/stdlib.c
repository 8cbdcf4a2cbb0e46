/* Sorting, searching, random numbers, division, and what a single process cannot have: child processes. */
#include "crt.h"

typedef int (*comparison)(const void *, const void *);

static void swap_items(char *a, char *b, size_t size) {
  if (a == b) return;
  for (; size >= 4; size -= 4, a += 4, b += 4) {
    unsigned word = *(unsigned *)a;
    *(unsigned *)a = *(unsigned *)b;
    *(unsigned *)b = word;
  }
  for (; size; size--, a++, b++) {
    char byte = *a;
    *a = *b;
    *b = byte;
  }
}

static void sift(char *base, size_t root, size_t count, size_t size, comparison compare) {
  for (size_t child; (child = root * 2 + 1) < count; root = child) {
    if (child + 1 < count && compare(base + child * size, base + (child + 1) * size) < 0) child++;
    if (compare(base + root * size, base + child * size) >= 0) return;
    swap_items(base + root * size, base + child * size, size);
  }
}

static void heap_sort(char *base, size_t count, size_t size, comparison compare) {
  for (size_t root = count / 2; root--;) sift(base, root, count, size, compare);
  while (count-- > 1) {
    swap_items(base, base + count * size, size);
    sift(base, 0, count, size, compare);
  }
}

/* Quicksort with the median of three, insertion sort for short runs, heapsort when it goes too deep. */
static void sort_range(char *base, size_t count, size_t size, comparison compare, int depth) {
  while (count > 8) {
    if (depth-- == 0) return heap_sort(base, count, size, compare);
    char *low = base, *middle = base + count / 2 * size, *high = base + (count - 1) * size;
    if (compare(middle, low) < 0) swap_items(middle, low, size);
    if (compare(high, low) < 0) swap_items(high, low, size);
    if (compare(high, middle) < 0) swap_items(high, middle, size);
    swap_items(base, middle, size);
    char *i = base, *j = base + count * size;
    for (;;) {
      do i += size;
      while (i < base + count * size && compare(i, base) < 0);
      do j -= size;
      while (compare(j, base) > 0);
      if (i >= j) break;
      swap_items(i, j, size);
    }
    swap_items(base, j, size);
    size_t left = (size_t)(j - base) / size, right = count - left - 1;
    if (left < right) {
      sort_range(base, left, size, compare, depth);
      base = j + size;
      count = right;
    } else {
      sort_range(j + size, right, size, compare, depth);
      count = left;
    }
  }
  for (size_t i = 1; i < count; i++)
    for (size_t j = i; j > 0 && compare(base + (j - 1) * size, base + j * size) > 0; j--)
      swap_items(base + (j - 1) * size, base + j * size, size);
}

void qsort(void *base, size_t count, size_t size, comparison compare) {
  int depth = 2;
  for (size_t n = count; n; n >>= 1) depth += 2;
  if (size) sort_range(base, count, size, compare, depth);
}

void *bsearch(const void *key, const void *base, size_t count, size_t size, comparison compare) {
  const char *low = base;
  while (count) {
    const char *middle = low + count / 2 * size;
    int order = compare(key, middle);
    if (!order) return (void *)middle;
    if (order > 0) low = middle + size, count--;
    count /= 2;
  }
  return NULL;
}

void *_lfind(const void *key, const void *base, unsigned *count, unsigned size, comparison compare) {
  for (unsigned i = 0; i < *count; i++)
    if (!compare(key, (const char *)base + i * size)) return (char *)base + i * size;
  return NULL;
}
void *_lsearch(const void *key, void *base, unsigned *count, unsigned size, comparison compare) {
  void *found = _lfind(key, base, count, size, compare);
  return found ? found : memcpy((char *)base + (*count)++ * size, key, size);
}

int rand(void) {
  struct thread_data *data = thread_data();
  data->random_seed = data->random_seed * 214013 + 2531011;
  return (int)(data->random_seed >> 16 & 0x7fff);
}
void srand(unsigned seed) { thread_data()->random_seed = seed; }

struct quotient { int quotient, remainder; };
struct quotient div(int a, int b) { return (struct quotient){a / b, a % b}; }
struct quotient ldiv(long a, long b) { return (struct quotient){(int)(a / b), (int)(a % b)}; }
unsigned _rotl(unsigned value, int shift) { return value << (shift & 31) | value >> (-shift & 31); }
unsigned _rotr(unsigned value, int shift) { return value >> (shift & 31) | value << (-shift & 31); }
unsigned long _lrotl(unsigned long value, int shift) { return _rotl(value, shift); }
unsigned long _lrotr(unsigned long value, int shift) { return _rotr(value, shift); }

int _getpid(void) { return (int)GetCurrentProcessId(); }
void _sleep(unsigned long milliseconds) { Sleep(milliseconds); }
void _beep(unsigned frequency, unsigned duration) { Beep(frequency, duration); }

/* ---- console ---- */
static int read_key(void) {
  char byte;
  DWORD got = 0, mode = 0;
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  int console = GetConsoleMode(input, &mode);
  if (console) SetConsoleMode(input, 0);
  int done = ReadFile(input, &byte, 1, &got, NULL) && got == 1;
  if (console) SetConsoleMode(input, mode);
  return done ? (unsigned char)byte : EOF;
}
int _getch(void) { return read_key(); }
int _getche(void) {
  int key = read_key();
  if (key != EOF) _write(1, &(char){(char)key}, 1);
  return key;
}
int _putch(int byte) { return _write(1, &(char){(char)byte}, 1) == 1 ? byte : EOF; }
int _kbhit(void) {
  DWORD events = 0;
  return GetNumberOfConsoleInputEvents(GetStdHandle(STD_INPUT_HANDLE), &events) && events > 0;
}
int _cputs(const char *text) { return _write(1, text, strlen(text)) < 0 ? -1 : 0; }
