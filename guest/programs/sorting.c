/* qsort and bsearch over numbers, strings and structures; a linked list sorted by pointers to functions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct person { char name[12]; int age; };

static int compare_int(const void *a, const void *b) { return (*(int *)a > *(int *)b) - (*(int *)a < *(int *)b); }
static int compare_text(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static int by_age(const void *a, const void *b) { return ((struct person *)a)->age - ((struct person *)b)->age; }
static int by_name(const void *a, const void *b) { return strcmp(((struct person *)a)->name, ((struct person *)b)->name); }

int main(void) {
  enum { COUNT = 20000 };
  static int numbers[COUNT];
  unsigned seed = 1;
  for (int i = 0; i < COUNT; i++) numbers[i] = (int)((seed = seed * 1103515245 + 12345) >> 8) % 100000;
  qsort(numbers, COUNT, sizeof *numbers, compare_int);
  int sorted = 1, found = 0;
  for (int i = 1; i < COUNT; i++) sorted &= numbers[i - 1] <= numbers[i];
  for (int key = 0; key < 1000; key++) found += bsearch(&key, numbers, COUNT, sizeof *numbers, compare_int) != NULL;
  printf("sorted %d, first %d, last %d, found %d\n", sorted, numbers[0], numbers[COUNT - 1], found);
  const char *words[] = {"pear", "apple", "fig", "date", "banana", "cherry", "elderberry"};
  qsort(words, 7, sizeof *words, compare_text);
  for (int i = 0; i < 7; i++) printf("%s ", words[i]);
  struct person people[] = {{"Carol", 41}, {"Alice", 33}, {"Dave", 27}, {"Bob", 52}};
  static int (*const orders[])(const void *, const void *) = {by_age, by_name};
  for (int order = 0; order < 2; order++) {
    qsort(people, 4, sizeof *people, orders[order]);
    printf("\n");
    for (int i = 0; i < 4; i++) printf("%s(%d) ", people[i].name, people[i].age);
  }
  printf("\n");
  return 0;
}
