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
/* What comes before the next key: a key that was put back, or the second half of one without a character. */
static int next_key = EOF;

/* A key of the console: its character; 0 or E0h for one without, and then its scan code. EOF: no keys will come. */
static int read_console_key(HANDLE input) {
  INPUT_RECORD record;
  DWORD got = 0;
  while (ReadConsoleInputA(input, &record, 1, &got) && got == 1) {
    const KEY_EVENT_RECORD *key = &record.Event.KeyEvent;
    if (record.EventType != KEY_EVENT || !key->bKeyDown) continue;
    if (key->uChar.AsciiChar != 0) return (unsigned char)key->uChar.AsciiChar;
    BOOL function = key->wVirtualKeyCode >= VK_F1 && key->wVirtualKeyCode <= VK_F10;
    if (!function && !(key->dwControlKeyState & ENHANCED_KEY) && key->wVirtualKeyCode != VK_F11 && key->wVirtualKeyCode != VK_F12) continue;
    // F11 and F12 came with later keyboards: their codes are not those of the keyboard.
    next_key = key->wVirtualKeyCode == VK_F11 ? 0x85 : key->wVirtualKeyCode == VK_F12 ? 0x86 : key->wVirtualScanCode;
    return function ? 0 : 0xE0;
  }
  return EOF;
}
static int read_key(void) {
  char byte;
  DWORD got = 0, mode = 0;
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  int key = next_key;
  next_key = EOF;
  if (key != EOF) return key;
  if (!GetConsoleMode(input, &mode)) return ReadFile(input, &byte, 1, &got, NULL) && got == 1 ? (unsigned char)byte : EOF;
  SetConsoleMode(input, 0);
  key = read_console_key(input);
  SetConsoleMode(input, mode);
  return key;
}
int _getch(void) { return read_key(); }
int _ungetch(int key) {
  if (key == EOF || next_key != EOF) return EOF;
  return next_key = key;
}
int _getche(void) {
  int key = read_key();
  if (key != EOF) _write(1, &(char){(char)key}, 1);
  return key;
}
int _putch(int byte) { return _write(1, &(char){(char)byte}, 1) == 1 ? byte : EOF; }
/* A key that has a character, or another that _getch would give, is in the console's input, or a byte in the pipe. */
int _kbhit(void) {
  HANDLE input = GetStdHandle(STD_INPUT_HANDLE);
  INPUT_RECORD records[64];
  DWORD available = 0, mode = 0;
  if (next_key != EOF) return 1;
  if (!GetConsoleMode(input, &mode)) return PeekNamedPipe(input, NULL, 0, NULL, &available, NULL) && available != 0;
  if (!PeekConsoleInputA(input, records, 64, &available)) return 0;
  for (DWORD i = 0; i < available; i++) {
    const KEY_EVENT_RECORD *key = &records[i].Event.KeyEvent;
    if (records[i].EventType != KEY_EVENT || !key->bKeyDown) continue;
    if (key->uChar.AsciiChar != 0 || (key->dwControlKeyState & ENHANCED_KEY) || (key->wVirtualKeyCode >= VK_F1 && key->wVirtualKeyCode <= VK_F12)) return 1;
  }
  return 0;
}
int _cputs(const char *text) { return _write(1, text, strlen(text)) < 0 ? -1 : 0; }
