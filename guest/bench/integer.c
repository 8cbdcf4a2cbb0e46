/* Integer, memory, call-heavy and indirect-branch kernels, and the table of all kernels. */
#include "kernels.h"

static u32 arena[1 << 18];

static u32 arithmetic64(void) {
  u64 a = 0x123456789abcdefULL, b = 0xfedcba987654321ULL, sum = 0;
  for (u32 i = 1; i < 2400000; i++) {
    a = a * 6364136223846793005ULL + 1442695040888963407ULL;
    b ^= a >> 17;
    b += b << 5;
    sum += (a ^ b) / (i | 1);
  }
  return (u32)(sum ^ (sum >> 32));
}

static u32 crc32(void) {
  static u32 table[256];
  u8 *data = (u8 *)arena;
  u32 crc = 0xffffffff;
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  for (u32 i = 0; i < sizeof arena; i++) data[i] = (u8)(i * 31 + (i >> 8));
  for (int round = 0; round < 12; round++)
    for (u32 i = 0; i < sizeof arena; i++) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
  return ~crc;
}

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))

static u32 sha256(void) {
  static u32 k[64];
  static u32 w[64];
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (u32 i = 0; i < 64; i++) k[i] = 0x428a2f98 + i * 0x9e3779b9;
  for (u32 block = 0; block < 60000; block++) {
    u32 a, b, c, d, e, f, g, s;
    for (u32 i = 0; i < 16; i++) w[i] = block * 0x01010101 + i;
    for (u32 i = 16; i < 64; i++) {
      u32 s0 = ROTR(w[i - 15], 7) ^ ROTR(w[i - 15], 18) ^ (w[i - 15] >> 3);
      u32 s1 = ROTR(w[i - 2], 17) ^ ROTR(w[i - 2], 19) ^ (w[i - 2] >> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], s = h[7];
    for (u32 i = 0; i < 64; i++) {
      u32 t1 = s + (ROTR(e, 6) ^ ROTR(e, 11) ^ ROTR(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
      u32 t2 = (ROTR(a, 2) ^ ROTR(a, 13) ^ ROTR(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      s = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += s;
  }
  return h[0] ^ h[7];
}

static u32 sieve(void) {
  u8 *flags = (u8 *)arena;
  u32 count = 0;
  for (int round = 0; round < 20; round++) {
    for (u32 i = 0; i < sizeof arena; i++) flags[i] = 1;
    for (u32 i = 2; i * i < sizeof arena; i++)
      if (flags[i])
        for (u32 j = i * i; j < sizeof arena; j += i) flags[j] = 0;
    for (u32 i = 2; i < sizeof arena; i++) count += flags[i];
  }
  return count;
}

static void sort(u32 *low, u32 *high) {
  while (low < high) {
    u32 pivot = low[(high - low) / 2], swap;
    u32 *i = low, *j = high;
    while (i <= j) {
      while (*i < pivot) i++;
      while (*j > pivot) j--;
      if (i <= j) swap = *i, *i++ = *j, *j-- = swap;
    }
    sort(low, j);
    low = i;
  }
}

static u32 quicksort(void) {
  u32 seed = 12345, count = sizeof arena / sizeof *arena;
  for (u32 i = 0; i < count; i++) arena[i] = seed = seed * 1664525 + 1013904223;
  sort(arena, arena + count - 1);
  return arena[count / 3] ^ arena[count / 2];
}

static u32 matrix(void) {
  u32 *a = arena, *b = arena + 16384, *c = arena + 32768, sum = 0;
  for (u32 i = 0; i < 16384; i++) a[i] = i * 7, b[i] = i * 13 + 1;
  for (int round = 0; round < 10; round++)
    for (u32 i = 0; i < 128; i++)
      for (u32 j = 0; j < 128; j++) {
        u32 dot = 0;
        for (u32 n = 0; n < 128; n++) dot += a[i * 128 + n] * b[n * 128 + j];
        c[i * 128 + j] = dot;
      }
  for (u32 i = 0; i < 16384; i++) sum = sum * 33 + c[i];
  return sum;
}

static u32 block_copy(void) {
  u32 count = sizeof arena / 2, *from = arena, *to = arena + count / 4;
  for (int round = 0; round < 800; round++) {
    u32 n = count;
    void *source = from, *target = to;
    __asm__ volatile("rep movsb" : "+S"(source), "+D"(target), "+c"(n) : : "memory");
    n = count / 4;
    target = from;
    __asm__ volatile("rep stosl" : "+D"(target), "+c"(n) : "a"(round * 77) : "memory");
  }
  return arena[5] + arena[count / 4 + 9];
}

static u32 __attribute__((noinline)) fibonacci(u32 n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }
static u32 calls(void) { return fibonacci(36); }

static u32 f0(u32 x) { return x * 3 + 1; }
static u32 f1(u32 x) { return x ^ (x >> 3); }
static u32 f2(u32 x) { return x + 0x9e37; }
static u32 f3(u32 x) { return (x << 7) | (x >> 25); }

static u32 indirect_calls(void) {
  static u32 (*const volatile table[4])(u32) = {f0, f1, f2, f3};
  u32 x = 1;
  for (u32 i = 0; i < 12000000; i++) x = table[(x >> 5) & 3](x);
  return x;
}

/* A small stack machine: the dispatch of a bytecode interpreter. */
static u32 bytecode(void) {
  static const u8 program[] = {0, 7, 1, 3, 2, 3, 5, 4, 6, 1, 9, 5, 2, 4, 7, 6, 3, 8};
  u32 stack[16], accumulator = 1, top = 0;
  for (u32 round = 0; round < 500000; round++)
    for (u32 pc = 0; pc < sizeof program; pc++)
      switch (program[pc]) {
        case 0: stack[top++ & 15] = accumulator; break;
        case 1: accumulator += 12345; break;
        case 2: accumulator ^= accumulator >> 7; break;
        case 3: accumulator *= 5; break;
        case 4: accumulator -= stack[(top - 1) & 15]; break;
        case 5: accumulator = (accumulator << 3) | (accumulator >> 29); break;
        case 6: stack[top & 15] ^= accumulator; break;
        case 7: if (accumulator & 1) accumulator += round; break;
        case 8: top--; break;
        default: accumulator = ~accumulator;
      }
  return accumulator;
}

const struct kernel kernels[] = {
  {"integer: 64-bit arithmetic", arithmetic64},
  {"integer: crc32", crc32},
  {"integer: sha256", sha256},
  {"integer: matrix multiply", matrix},
  {"memory: sieve", sieve},
  {"memory: quicksort", quicksort},
  {"memory: rep movs/stos", block_copy},
  {"calls: recursive fibonacci", calls},
  {"branches: indirect calls", indirect_calls},
  {"branches: bytecode interpreter", bytecode},
  {"x87: n-body", nbody_x87},
  {"x87: mandelbrot", mandelbrot_x87},
  {"SSE2: n-body", nbody_sse2},
  {"SSE2: mandelbrot", mandelbrot_sse2},
};
const int kernel_count = sizeof kernels / sizeof *kernels;
