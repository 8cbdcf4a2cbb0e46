/* What the debugger's tests look at. sample.exe is built from it by the command in sample-image.ts. */
#include <windows.h>

struct point {
  int x;
  int y;
  char name[8];
};
enum color { RED, GREEN = 5 };

int table[16];
struct point origin = {3, 4, "origin"};

int leaf(int depth, struct point *p) {
  int local = depth * 2;
  enum color tint = GREEN;
  table[depth & 15] = local;
  return local + p->x + (int)tint;
}

int middle(int count) {
  int total = 0;
  for (int i = 0; i < count; i++) total += leaf(i, &origin);
  return total;
}

static void say(const char *text, DWORD length) {
  DWORD written;
  WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), text, length, &written, NULL);
}

static DWORD WINAPI second(void *parameter) {
  return middle(*(int *)parameter);
}

static int ends_with(const char *text, char last) {
  while (text[0] != 0 && text[1] != 0) text++;
  return text[0] == last;
}

void start(void) {
  volatile char *page = VirtualAlloc(NULL, 0x10000, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE);
  int count = 5;
  DWORD id;
  page[0x2000] = 7;
  int total = middle(count);
  if (ends_with(GetCommandLineA(), '!')) *(volatile int *)8 = total;
  HANDLE thread = CreateThread(NULL, 0, second, &count, 0, &id);
  WaitForSingleObject(thread, INFINITE);
  if (ends_with(GetCommandLineA(), '*'))
    for (;;) table[0]++;
  say("done\r\n", 6);
  ExitProcess(total);
}
