/* signal and raise; a handler for SIGSEGV that leaves by longjmp; abort's status comes last. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t count;
static jmp_buf escape;

static void on_terminate(int number) {
  count++;
  printf("handler for %d\n", number);
}

static void on_segment(int number) {
  printf("segment violation %d\n", number);
  longjmp(escape, 1);
}

static void on_abort(int number) {
  printf("abort handler %d\n", number);
  fflush(stdout);
}

int main(void) {
  signal(SIGTERM, on_terminate);
  printf("raise: %d\n", raise(SIGTERM));
  signal(SIGTERM, SIG_IGN);
  printf("ignored: %d, count %d\n", raise(SIGTERM), (int)count);
  signal(SIGSEGV, on_segment);
  if (setjmp(escape) == 0) *(volatile int *)8 = 1;
  printf("escaped\n");
  printf("bad signal: %s\n", signal(999, SIG_DFL) == SIG_ERR ? "refused" : "taken");
  signal(SIGABRT, on_abort);
  fflush(stdout);
  abort();
}
