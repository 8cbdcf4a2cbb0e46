/* string.h and ctype.h. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

int main(void) {
  char buffer[64] = "hello", copy[64];
  printf("%u ", (unsigned)strlen(buffer));
  printf("%s ", strcat(buffer, ", world"));
  printf("%s\n", strncpy(copy, buffer, 63));
  printf("%d %d %d\n", strcmp("a", "b") < 0, strncmp("abc", "abd", 2), memcmp("xyz", "xya", 3) > 0);
  printf("%s %s %s %s\n", strchr(buffer, 'o'), strrchr(buffer, 'o'), strstr(buffer, "wor"), strpbrk(buffer, "xyzw"));
  printf("%u %u\n", (unsigned)strspn("aabbc", "ab"), (unsigned)strcspn("aabbc", "c"));
  for (char *t = strtok(buffer, ", "); t; t = strtok(NULL, ", ")) printf("<%s>", t);
  memmove(copy + 2, copy, 6);
  printf("\n%.10s\n", copy);
  memset(copy, '=', 10);
  copy[10] = 0;
  printf("%s %d\n", copy, memchr(copy, '!', 10) == NULL);
  int classes[11] = {0};
  for (int c = 0; c < 128; c++) {
    classes[0] += isalpha(c) != 0, classes[1] += isdigit(c) != 0, classes[2] += isspace(c) != 0, classes[3] += ispunct(c) != 0;
    classes[4] += isupper(c) != 0, classes[5] += islower(c) != 0, classes[6] += isxdigit(c) != 0, classes[7] += isprint(c) != 0;
    classes[8] += iscntrl(c) != 0, classes[9] += isgraph(c) != 0, classes[10] += isalnum(c) != 0;
  }
  for (int i = 0; i < 11; i++) printf("%d ", classes[i]);
  printf("%c%c\n", toupper('q'), tolower('Q'));
  return 0;
}
