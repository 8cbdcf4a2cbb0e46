/* Every conversion of printf with its flags, widths and precisions. */
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

int main(void) {
  static const double values[] = {0, 1, -1.5, 123456.789, 1e-5, 1.5e300, 2.5, 3.5, 0.1, 1e15, 1e16, 123456789012345678.0, 5e-324, DBL_MAX, DBL_MIN};
  printf("[%d] [%5d] [%-5d] [%05d] [%+d] [% d] [%.3d] [%8.3d] [%-8.3d]\n", 42, 42, 42, 42, 42, 42, 42, -42, 42);
  printf("[%d] [%d] [%u] [%x] [%X] [%#x] [%o] [%#o] [%#X]\n", INT_MAX, INT_MIN, UINT_MAX, 0xbeef, 0xbeef, 255, 8, 8, 0);
  printf("[%hd] [%hu] [%hhd] [%hhu] [%ld] [%lu]\n", (short)-32768, (unsigned short)65535, (signed char)-1, (unsigned char)255, LONG_MIN, ULONG_MAX);
  printf("[%lld] [%llu] [%llx] [%20lld] [%-20lld] [%020lld]\n", LLONG_MIN, ULLONG_MAX, 0x123456789abcdefLL, -5LL, 5LL, 5LL);
  printf("[%c] [%3c] [%-3c] [%s] [%10s] [%-10s] [%.2s] [%10.2s] [%%]\n", 'x', 'y', 'z', "text", "right", "left", "cut", "cut");
  printf("[%*d] [%-*d] [%.*f] [%*.*f]\n", 6, 1, 6, 2, 3, 3.14159, 10, 2, 2.71828);
  for (unsigned i = 0; i < sizeof values / sizeof *values; i++)
    printf("[%f] [%e] [%g]\n[%.0f] [%.10e] [%.17g] [%+.3E] [%#.0f] [%G] [%15.4f] [%-15.4e] [%015.2f]\n", values[i] > 1e20 ? 1 : values[i],
           values[i], values[i], values[i] > 1e20 ? 1 : values[i], values[i], values[i], values[i], values[i] > 1e20 ? 1 : values[i], values[i],
           values[i] > 1e20 ? 1 : values[i], values[i], values[i] > 1e20 ? 1 : values[i]);
  printf("%.20f %.30f\n", 0.1, 1.0 / 3.0);
  printf("%.0f %.0f %.0f %.0f %.1f %.2f\n", 0.5, 1.5, 2.5, 3.5, 0.25, 1.005);
  int count;
  printf("counted%n", &count);
  printf(" %d\n", count);
  char buffer[32];
  int length = snprintf(buffer, sizeof buffer, "%s-%d", "composed", 7);
  printf("%d %s\n", length, buffer);
  return 0;
}
