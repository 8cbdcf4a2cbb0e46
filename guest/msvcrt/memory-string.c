/* string.h: memory and narrow strings. The C locale's character set is the ANSI code page. */
#include "crt.h"

void *memcpy(void *target, const void *source, size_t count) {
  void *to = target;
  size_t words = count >> 2, rest = count & 3;
  __asm__ volatile("rep movsl" : "+D"(to), "+S"(source), "+c"(words) : : "memory");
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(rest) : : "memory");
  return target;
}

void *memmove(void *target, const void *source, size_t count) {
  if ((uintptr_t)target - (uintptr_t)source >= count) return memcpy(target, source, count);
  char *to = (char *)target + count - 1;
  const char *from = (const char *)source + count - 1;
  __asm__ volatile("std; rep movsb; cld" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
  return target;
}

void *memset(void *target, int byte, size_t count) {
  void *to = target;
  size_t words = count >> 2, rest = count & 3;
  __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"((byte & 0xff) * 0x01010101u) : "memory");
  __asm__ volatile("rep stosb" : "+D"(to), "+c"(rest) : "a"(byte) : "memory");
  return target;
}

int memcmp(const void *a, const void *b, size_t count) {
  const unsigned char *x = a, *y = b;
  for (; count; count--, x++, y++)
    if (*x != *y) return *x < *y ? -1 : 1;
  return 0;
}

void *memchr(const void *memory, int byte, size_t count) {
  const unsigned char *x = memory;
  for (; count; count--, x++)
    if (*x == (unsigned char)byte) return (void *)x;
  return NULL;
}

void *_memccpy(void *target, const void *source, int byte, size_t count) {
  unsigned char *to = target;
  const unsigned char *from = source;
  while (count--)
    if ((*to++ = *from++) == (unsigned char)byte) return to;
  return NULL;
}

int _memicmp(const void *a, const void *b, size_t count) {
  const unsigned char *x = a, *y = b;
  for (; count; count--, x++, y++)
    if (tolower(*x) != tolower(*y)) return tolower(*x) - tolower(*y);
  return 0;
}

size_t strlen(const char *text) {
  const char *end = text;
  while (*end) end++;
  return end - text;
}

size_t strnlen(const char *text, size_t count) {
  size_t length = 0;
  while (length < count && text[length]) length++;
  return length;
}

char *strcpy(char *target, const char *source) {
  char *to = target;
  while ((*to++ = *source++)) {}
  return target;
}

char *strncpy(char *target, const char *source, size_t count) {
  size_t i = 0;
  for (; i < count && source[i]; i++) target[i] = source[i];
  for (; i < count; i++) target[i] = 0;
  return target;
}

char *strcat(char *target, const char *source) {
  strcpy(target + strlen(target), source);
  return target;
}

char *strncat(char *target, const char *source, size_t count) {
  char *to = target + strlen(target);
  while (count-- && *source) *to++ = *source++;
  *to = 0;
  return target;
}

int strcmp(const char *a, const char *b) {
  for (; *a && *a == *b; a++, b++) {}
  return (*(unsigned char *)a > *(unsigned char *)b) - (*(unsigned char *)a < *(unsigned char *)b);
}

int strncmp(const char *a, const char *b, size_t count) {
  for (; count && *a && *a == *b; a++, b++, count--) {}
  return count ? *(unsigned char *)a - *(unsigned char *)b : 0;
}

int strcoll(const char *a, const char *b) { return strcmp(a, b); }
int _strncoll(const char *a, const char *b, size_t count) { return strncmp(a, b, count); }

int _stricmp(const char *a, const char *b) {
  for (; *a && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++, b++) {}
  return tolower((unsigned char)*a) - tolower((unsigned char)*b);
}

int _strnicmp(const char *a, const char *b, size_t count) {
  for (; count && *a && tolower((unsigned char)*a) == tolower((unsigned char)*b); a++, b++, count--) {}
  return count ? tolower((unsigned char)*a) - tolower((unsigned char)*b) : 0;
}

size_t strxfrm(char *target, const char *source, size_t count) {
  size_t length = strlen(source);
  if (count) strncpy(target, source, count);
  return length;
}

char *strchr(const char *text, int character) {
  for (;; text++) {
    if (*text == (char)character) return (char *)text;
    if (!*text) return NULL;
  }
}

char *strrchr(const char *text, int character) {
  const char *found = NULL;
  for (;; text++) {
    if (*text == (char)character) found = text;
    if (!*text) return (char *)found;
  }
}

size_t strspn(const char *text, const char *set) {
  size_t length = 0;
  while (text[length] && strchr(set, text[length])) length++;
  return length;
}

size_t strcspn(const char *text, const char *set) {
  size_t length = 0;
  while (text[length] && !strchr(set, text[length])) length++;
  return length;
}

char *strpbrk(const char *text, const char *set) {
  text += strcspn(text, set);
  return *text ? (char *)text : NULL;
}

char *strstr(const char *text, const char *part) {
  size_t length = strlen(part);
  if (!length) return (char *)text;
  for (; (text = strchr(text, *part)); text++)
    if (!strncmp(text, part, length)) return (char *)text;
  return NULL;
}

char *strtok(char *text, const char *set) {
  struct thread_data *data = thread_data();
  if (!text) text = data->strtok_next;
  if (!text) return NULL;
  text += strspn(text, set);
  if (!*text) return data->strtok_next = NULL;
  char *end = text + strcspn(text, set);
  data->strtok_next = *end ? end + 1 : NULL;
  *end = 0;
  return text;
}

char *_strdup(const char *text) {
  if (!text) return NULL;
  char *copy = malloc(strlen(text) + 1);
  return copy ? strcpy(copy, text) : NULL;
}

char *_strlwr(char *text) {
  for (char *c = text; *c; c++) *c = (char)tolower((unsigned char)*c);
  return text;
}

char *_strupr(char *text) {
  for (char *c = text; *c; c++) *c = (char)toupper((unsigned char)*c);
  return text;
}

char *_strrev(char *text) {
  for (char *a = text, *b = text + strlen(text); a < --b; a++) {
    char swap = *a;
    *a = *b;
    *b = swap;
  }
  return text;
}

char *_strset(char *text, int character) {
  for (char *c = text; *c; c++) *c = (char)character;
  return text;
}

char *_strnset(char *text, int character, size_t count) {
  for (char *c = text; *c && count; c++, count--) *c = (char)character;
  return text;
}

void _swab(char *from, char *to, int count) {
  for (; count > 1; count -= 2, from += 2, to += 2) {
    char first = from[0];
    to[0] = from[1];
    to[1] = first;
  }
}
