/* argc, argv and the environment. */
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  printf("%d arguments\n", argc - 1);
  for (int i = 1; i < argc; i++) printf("%d: [%s]\n", i, argv[i]);
  const char *greeting = getenv("NT86_GREETING");
  printf("NT86_GREETING is %s\n", greeting ? greeting : "not set");
  return 0;
}
