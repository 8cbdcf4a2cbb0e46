/* strtod and strtol: exactness to the last bit, ends and ranges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  static const char *const texts[] = {"0", "-0", "1", "0.1", "1e23", "8.5e22", "9007199254740993", "1.7976931348623157e308", "1.8e308", "-1e400",
    "4.9e-324", "2.4e-324", "2.2250738585072011e-308", "6.02214076e23", ".5", "5.", "1e", "1e+", "  12.5abc", "+3", "x",
    "3.141592653589793238462643383279", "123456789012345678901234567890", "0.000000000000000000000000000000123", "1e-5", "17.5e-1"};
  for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
    char *end;
    errno = 0;
    double value = strtod(texts[i], &end);
    unsigned long long bits;
    memcpy(&bits, &value, 8);
    printf("%-34s %016llx rest [%s]%s\n", texts[i], bits, end, errno == ERANGE && (value > 1 || value < -1) ? " range" : "");
  }
  static const char *const integers[] = {"123", "-123", "0x7f", "0777", "2147483647", "2147483648", "-2147483649", "zz", "  9z", "1010"};
  for (unsigned i = 0; i < sizeof integers / sizeof *integers; i++) {
    char *end;
    errno = 0;
    long value = strtol(integers[i], &end, 0);
    printf("%-14s %11ld rest [%s] errno %d base 36 %lu\n", integers[i], value, end, errno, strtoul(integers[i], NULL, 36));
  }
  printf("%d %ld %lld %g\n", atoi(" 42x"), atol("-7"), atoll("1234567890123"), atof("2.5e3"));
  return 0;
}
