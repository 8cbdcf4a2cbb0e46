/* Many threads one after another: each takes two megabytes of address space for its stack and gives them back. */
#include <stdio.h>
#include <windows.h>

static unsigned sum;

static DWORD WINAPI work(void *argument) {
  volatile unsigned on_stack[4096];
  for (unsigned i = 0; i < 4096; i += 64) on_stack[i] = i;
  sum += (unsigned)(UINT_PTR)argument + on_stack[64];
  return 0;
}

int main(void) {
  unsigned made = 0;
  for (unsigned i = 0; i < 1200; i++) {
    HANDLE thread = CreateThread(NULL, 0, work, (void *)(UINT_PTR)i, 0, NULL);
    if (!thread) break;
    WaitForSingleObject(thread, INFINITE);
    CloseHandle(thread);
    made++;
  }
  printf("%u threads, sum %u\n", made, sum);
  return 0;
}
