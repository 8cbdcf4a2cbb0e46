/* math.h to twelve digits, rounding functions exactly. */
#include <math.h>
#include <stdio.h>

int main(void) {
  static const double x[] = {0.1, 0.5, 1, 1.5, 2, 3.7, 10, 25.5};
  for (unsigned i = 0; i < sizeof x / sizeof *x; i++) {
    printf("%g: sin %.12g cos %.12g tan %.12g atan %.12g\n", x[i], sin(x[i]), cos(x[i]), tan(x[i]), atan(x[i]));
    printf("   exp %.12g log %.12g log10 %.12g sqrt %.12g pow %.12g cbrt %.12g\n", exp(x[i]), log(x[i]), log10(x[i]), sqrt(x[i]), pow(x[i], 2.5), cbrt(x[i]));
    printf("   sinh %.12g cosh %.12g tanh %.12g atan2 %.12g hypot %.12g\n", sinh(x[i]), cosh(x[i]), tanh(x[i]), atan2(x[i], 2), hypot(x[i], 2));
  }
  static const double y[] = {-2.5, -1.5, -0.5, -0.2, 0.5, 1.5, 2.4999, 2.5, 1e10, -1e10 - 0.5};
  for (unsigned i = 0; i < sizeof y / sizeof *y; i++) {
    double whole, fraction = modf(y[i], &whole);
    int exponent;
    double significand = frexp(y[i], &exponent);
    printf("%.10g: floor %.10g ceil %.10g round %.10g trunc %.10g rint %.10g fmod %.10g modf %.10g+%.10g frexp %.10g*2^%d ldexp %.10g\n", y[i], floor(y[i]),
           ceil(y[i]), round(y[i]), trunc(y[i]), rint(y[i]), fmod(y[i], 0.7), whole, fraction, significand, exponent, ldexp(y[i], 3));
  }
  printf("asin %.12g acos %.12g fabs %g fmax %g fmin %g\n", asin(0.3), acos(0.3), fabs(-3.0), fmax(1, 2), fmin(1, 2));
  printf("%d %d %d\n", isnan(NAN) != 0, isinf(INFINITY) != 0, isfinite(1.0) != 0);
  return 0;
}
