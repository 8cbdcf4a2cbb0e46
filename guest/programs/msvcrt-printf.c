/* printf of msvcrt.dll itself, with its own rules: three-digit exponents, 1.#INF, I64, %p, %S, counts. */
#define __USE_MINGW_ANSI_STDIO 0
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

int main(void) {
  char small[8];
  printf("[%d] [%5d] [%-5d] [%05d] [%02d] [%02d] [%+d] [% d] [%.3d] [%8.3d]\n", 42, 42, 42, 42, 7, 25, 42, 42, 42, -42);
  printf("[%x] [%#x] [%#X] [%o] [%#o] [%u] [%hd] [%ld]\n", 0xbeef, 255, 255, 8, 8, 4000000000u, (short)-1, -5L);
  printf("[%I64d] [%I64u] [%I64x] [%I32d] [%20I64d]\n", -1234567890123LL, 18446744073709551615ULL, 0xabcdef0123LL, 7, 5LL);
  printf("[%e] [%E] [%.2e] [%g] [%g] [%G]\n", 1.5, 1.5e-10, 12345.678, 1e10, 1e-5, 1e100);
  printf("[%f] [%.0f] [%.3f] [%10.2f] [%-10.2f] [%010.2f] [%+.1f]\n", 3.14159, 2.5, 2.0 / 3, 1.5, 1.5, -1.5, 9.95);
  printf("[%#.0f] [%#g] [%.10g] [%.17g]\n", 3.0, 1.5, 0.1, 0.1);
  double zero = 0;
  printf("[%f] [%f] [%f] [%g] [%.2f]\n", 1 / zero, -1 / zero, -sqrt(-1.0), 1 / zero, 1 / zero);
  printf("[%p] [%c] [%5c] [%s] [%.2s] [%8s] [%-8s] [%%]\n", (void *)0x1234abcd, 'x', 'y', "text", "text", "text", "text");
  printf("[%S] [%ls] [%ws] [%hs] [%s]\n", L"wide", L"wide", L"wide", "narrow", (char *)NULL);
  memset(small, '#', sizeof small);
  printf("%d [%.8s]\n", _snprintf(small, 4, "%s", "abcd"), small);
  printf("%d [%.3s]\n", _snprintf(small, 3, "%s", "abcd"), small);
  printf("%d [%s]\n", _snprintf(small, 8, "%d", 123), small);
  wchar_t wide[32];
  printf("%d ", _snwprintf(wide, 32, L"%s %S %d", L"one", "two", 3));
  printf("[%ls]\n", wide);
  return printf("%s", "") + 0;
}
