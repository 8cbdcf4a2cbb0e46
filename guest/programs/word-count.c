/* Counts lines, words and bytes of files, or of standard input, and the most frequent words. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 16384 };

struct entry { struct entry *next; unsigned count; char word[]; };
static struct entry *table[BUCKETS];
static unsigned distinct;

static void remember(const char *word) {
  unsigned hash = 5381;
  for (const char *c = word; *c; c++) hash = hash * 33 ^ (unsigned char)*c;
  struct entry **slot = &table[hash % BUCKETS];
  for (; *slot; slot = &(*slot)->next)
    if (!strcmp((*slot)->word, word)) {
      (*slot)->count++;
      return;
    }
  *slot = malloc(sizeof **slot + strlen(word) + 1);
  (*slot)->next = NULL;
  (*slot)->count = 1;
  strcpy((*slot)->word, word);
  distinct++;
}

static int by_count(const void *a, const void *b) {
  const struct entry *x = *(struct entry **)a, *y = *(struct entry **)b;
  return x->count != y->count ? (x->count < y->count) - (x->count > y->count) : strcmp(x->word, y->word);
}

int main(int argc, char **argv) {
  unsigned long lines = 0, words = 0, bytes = 0;
  for (int i = 1; i < argc || i == 1; i++) {
    FILE *file = argc > 1 ? fopen(argv[i], "rb") : stdin;
    if (!file) {
      perror(argv[i]);
      return 1;
    }
    char word[64];
    int length = 0, c;
    do {
      c = getc(file);
      bytes += c != EOF;
      lines += c == '\n';
      if (c != EOF && isalpha(c)) {
        if (length < 63) word[length++] = (char)tolower(c);
      } else if (length) {
        word[length] = 0;
        remember(word);
        words++;
        length = 0;
      }
    } while (c != EOF);
    if (file != stdin) fclose(file);
  }
  struct entry **all = malloc((distinct + 1) * sizeof *all);
  unsigned at = 0;
  for (int i = 0; i < BUCKETS; i++)
    for (struct entry *e = table[i]; e; e = e->next) all[at++] = e;
  qsort(all, distinct, sizeof *all, by_count);
  printf("%lu lines, %lu words, %lu bytes, %u distinct\n", lines, words, bytes, distinct);
  for (unsigned i = 0; i < distinct && i < 5; i++) printf("%7u %s\n", all[i]->count, all[i]->word);
  return 0;
}
