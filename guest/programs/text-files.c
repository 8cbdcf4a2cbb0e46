/* Text and binary streams: CR LF translation, Ctrl-Z, seeking, ungetc, update mode, buffering, temporary files. */
#include <stdio.h>
#include <string.h>

static void dump(const char *path) {
  FILE *file = fopen(path, "rb");
  int c;
  while ((c = getc(file)) != EOF) printf(c < 32 ? "\\%02x" : "%c", c);
  printf(" (%ld bytes)\n", ftell(file));
  fclose(file);
}

int main(void) {
  char line[64];
  FILE *file = fopen("text.tmp", "w");
  fprintf(file, "one\ntwo\n%s\n", "three");
  printf("position in text: %ld\n", ftell(file));
  fclose(file);
  dump("text.tmp");
  file = fopen("text.tmp", "r");
  while (fgets(line, sizeof line, file)) printf("[%.*s] at %ld\n", (int)strcspn(line, "\n"), line, ftell(file));
  printf("eof %d error %d\n", feof(file) != 0, ferror(file));
  fseek(file, 5, SEEK_SET);
  printf("after seek: %c\n", getc(file));
  ungetc('X', file);
  int first = getc(file), second = getc(file);
  printf("pushed back: %c%c\n", first, second);
  fclose(file);
  file = fopen("text.tmp", "a+");
  fputs("four\n", file);
  rewind(file);
  printf("first: %s", fgets(line, sizeof line, file));
  fclose(file);
  dump("text.tmp");
  file = fopen("text.tmp", "r+b");
  fseek(file, -3, SEEK_END);
  fputc('!', file);
  fseek(file, 0, SEEK_CUR);
  printf("next byte %02x\n", getc(file));
  fclose(file);
  dump("text.tmp");
  file = fopen("text.tmp", "wb");
  fwrite("a\r\nb\x1a" "c", 1, 6, file);
  fclose(file);
  file = fopen("text.tmp", "r");
  printf("text read of binary: %u bytes\n", (unsigned)fread(line, 1, 10, file));
  fclose(file);
  char buffer[16];
  file = fopen("text.tmp", "wb");
  printf("setvbuf %d\n", setvbuf(file, buffer, _IOFBF, sizeof buffer));
  for (int i = 0; i < 40; i++) fputc('a' + i % 26, file);
  fclose(file);
  dump("text.tmp");
  file = fopen("absent.tmp", "r");
  if (!file) perror("absent.tmp");
  printf("exclusive: %s\n", fopen("no/such/folder", "w") ? "opened" : "refused");
  printf("remove %d\n", remove("text.tmp"));
  printf("again %d\n", remove("text.tmp"));
  return 0;
}
