/* setjmp and longjmp over several frames, with values and volatile locals kept. */
#include <setjmp.h>
#include <stdio.h>

static jmp_buf outer, inner;

static void deep(int n) {
  char filler[100];
  filler[0] = (char)n;
  if (n == 0) longjmp(inner, 5);
  deep(n - 1);
  printf("not reached %d\n", filler[0]);
}

int main(void) {
  volatile int rounds = 0;
  int value = setjmp(outer);
  printf("outer returned %d\n", value);
  if (value < 3) {
    rounds++;
    int code = setjmp(inner);
    if (code == 0) deep(20);
    printf("inner returned %d\n", code);
    longjmp(outer, value + 1);
  }
  value = setjmp(outer);
  if (value == 0) longjmp(outer, 0);
  printf("longjmp with 0 gives %d after %d rounds\n", value, rounds);
  return 0;
}
