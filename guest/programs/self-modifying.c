/* Writes code, runs it, changes it, runs it again: in a loop, across a page boundary, and right in front of itself. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

typedef unsigned (*function)(void);

static void put(unsigned char *code, unsigned value) {
  code[0] = 0xb8; /* mov eax, value */
  memcpy(code + 1, &value, 4);
  code[5] = 0xc3; /* ret */
}

int main(void) {
  unsigned char *code = VirtualAlloc(NULL, 8192, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
  unsigned sum = 0;
  for (unsigned i = 0; i < 1000; i++) {
    put(code, i);
    sum += ((function)code)();
  }
  printf("rewritten 1000 times: %u\n", sum);
  for (unsigned i = 0; i < 6; i++) {
    put(code + 4096 - i, 0x11111111 * i);
    printf("%x ", ((function)(code + 4096 - i))());
  }
  printf("over a page boundary\n");
  /* mov byte [next + 1], 42 ; next: mov al, 1 ; movzx eax, al ; ret */
  unsigned char ahead[] = {0xc6, 0x05, 0, 0, 0, 0, 42, 0xb0, 1, 0x0f, 0xb6, 0xc0, 0xc3};
  unsigned address = (unsigned)(code + 64 + 8);
  memcpy(ahead + 2, &address, 4);
  memcpy(code + 64, ahead, sizeof ahead);
  printf("an instruction that changes the next one: %u\n", ((function)(code + 64))());
  DWORD *counter = (DWORD *)(code + 512);
  put(code + 256, 7);
  for (*counter = 0; *counter < 100000; ++*counter) ((function)(code + 256))();
  printf("data beside code: %lu\n", *counter);
  return 0;
}
