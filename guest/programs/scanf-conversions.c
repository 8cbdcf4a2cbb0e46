/* sscanf and friends: numbers, sets, widths, suppression, counts and failures. */
#include <stdio.h>
#include <string.h>

int main(void) {
  int a, b, c, n;
  unsigned u;
  long long l;
  short h;
  double d;
  float f;
  char s[32], t[32], ch;
  printf("%d", sscanf(" 12 -34 +56", "%d%d%d", &a, &b, &c)), printf(" %d %d %d\n", a, b, c);
  printf("%d", sscanf("0x1F 017 99", "%i%i%i", &a, &b, &c)), printf(" %d %d %d\n", a, b, c);
  printf("%d", sscanf("ff 777 4000000000", "%x%o%u", &a, &b, &u)), printf(" %d %d %u\n", a, b, u);
  printf("%d", sscanf("123456789012345 -7", "%lld%hd", &l, &h)), printf(" %lld %d\n", l, h);
  printf("%d", sscanf("3.25 -1e3", "%lf%f", &d, &f)), printf(" %g %g\n", d, f);
  printf("%d", sscanf("hello world", "%s%s", s, t)), printf(" %s %s\n", s, t);
  printf("%d", sscanf("abcdef", "%3s%c%2c", s, &ch, t)), t[2] = 0, printf(" %s %c %s\n", s, ch, t);
  printf("%d", sscanf("key=value;rest", "%[^=]=%[a-z];%n", s, t, &n)), printf(" %s %s %d\n", s, t, n);
  printf("%d", sscanf("12:34:56", "%d:%*d:%d", &a, &b)), printf(" %d %d\n", a, b);
  printf("%d", sscanf("12345", "%2d%3d", &a, &b)), printf(" %d %d\n", a, b);
  printf("%d\n", sscanf("abc", "%d", &a));
  printf("%d\n", sscanf("", "%d", &a));
  printf("%d", sscanf("10 x", "%d%d", &a, &b)), printf(" %d\n", a);
  printf("%d", sscanf("50%", "%d%%", &a)), printf(" %d\n", a);
  printf("%d\n", scanf("%d %lf %s", &a, &d, s)), printf("%d %g %s\n", a, d, s);
  while (scanf("%d", &a) == 1) printf("read %d\n", a);
  printf("rest: %s\n", fgets(s, sizeof s, stdin) ? s : "none");
  return 0;
}
