/* 64-bit arithmetic on a 32-bit processor: the compiler's helpers, shifts, division, overflow. */
#include <inttypes.h>
#include <stdio.h>

int main(void) {
  static const int64_t v[] = {0, 1, -1, 7, -7, 1000000007, 0x7fffffff, 0x80000000LL, 0x123456789abcdefLL, -0x123456789abcdefLL, INT64_MAX, INT64_MIN + 1};
  enum { N = sizeof v / sizeof *v };
  uint64_t hash = 14695981039346656037ULL;
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      uint64_t results[8] = {(uint64_t)v[i] + (uint64_t)v[j], (uint64_t)v[i] - (uint64_t)v[j], (uint64_t)v[i] * (uint64_t)v[j],
        v[j] ? (uint64_t)(v[i] / v[j]) : 1, v[j] ? (uint64_t)(v[i] % v[j]) : 2, v[j] ? (uint64_t)v[i] / (uint64_t)v[j] : 3,
        v[j] ? (uint64_t)v[i] % (uint64_t)v[j] : 4, (uint64_t)(v[i] < v[j]) << 1 | (uint64_t)((uint64_t)v[i] < (uint64_t)v[j])};
      for (int k = 0; k < 8; k++) hash = (hash ^ results[k]) * 1099511628211ULL;
    }
  for (int shift = 0; shift < 64; shift++)
    for (int i = 0; i < N; i++) hash = (hash ^ ((uint64_t)v[i] << shift) ^ ((uint64_t)v[i] >> shift) ^ (uint64_t)(v[i] >> shift)) * 1099511628211ULL;
  printf("%016" PRIx64 "\n", hash);
  uint64_t a = 0, b = 1;
  for (int i = 0; i < 93; i++) { uint64_t t = a + b; a = b; b = t; }
  printf("fibonacci 93: %" PRIu64 "\n", a);
  int64_t factorial = 1;
  for (int i = 2; i <= 20; i++) factorial *= i;
  printf("20! = %" PRId64 ", as double %.17g, back %" PRId64 "\n", factorial, (double)factorial, (int64_t)(double)factorial);
  printf("%g %g %" PRIu64 "\n", (double)UINT64_MAX, (double)INT64_MIN, (uint64_t)1.8e19);
  return 0;
}
