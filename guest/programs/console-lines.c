/* Reads lines until the end of input and numbers them. */
#include <stdio.h>
#include <string.h>

int main(void) {
  char line[200];
  int number = 0;
  printf("type lines\n");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    printf("%d: [%s]\n", ++number, line);
    fflush(stdout);
  }
  printf("end of input after %d lines\n", number);
  return number;
}
