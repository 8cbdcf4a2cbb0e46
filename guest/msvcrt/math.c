/* math.h: what mingw-w64's static runtime does not bring, on the x87; and the floating-point control functions. */
#include "crt.h"

double sin(double), cos(double), exp(double), log(double), pow(double, double), sqrt(double), floor(double), ceil(double);
double fmod(double, double), atan2(double, double), ldexp(double, int), expm1(double), log1p(double);
double copysign(double, double);
double _HUGE = __builtin_inf();
int _adjust_fdiv;

struct exception { int type; char *name; double argument1, argument2, value; };
static int (*user_matherr)(struct exception *);
void __setusermatherr(int (*handler)(struct exception *)) { user_matherr = handler; }

/* Called by the static runtime's functions for arguments outside their domain and results outside the range. */
void __mingw_raise_matherr(int type, const char *name, double argument1, double argument2, double value) {
  struct exception e = {type, (char *)name, argument1, argument2, value};
  if (user_matherr && user_matherr(&e)) return;
  errno = type == 1 ? E_DOM : E_RANGE;
}

static int is_nan(double x) { return x != x; }
static int is_infinite(double x) { return __builtin_isinf(x); }
static double domain_error(const char *name, double x) {
  double nan = -__builtin_nan("");
  if (is_nan(x)) return x;
  __mingw_raise_matherr(1, name, x, 0, nan);
  return nan;
}

double tan(double x) {
  double result, one;
  if (is_infinite(x)) return domain_error("tan", x);
  __asm__("fptan" : "=t"(one), "=u"(result) : "0"(x));
  return result;
}
double atan(double x) {
  double result;
  __asm__("fpatan" : "=t"(result) : "0"(1.0), "u"(x) : "st(1)");
  return result;
}
double asin(double x) { return x > 1 || x < -1 ? domain_error("asin", x) : atan2(x, sqrt((1 - x) * (1 + x))); }
double acos(double x) { return x > 1 || x < -1 ? domain_error("acos", x) : atan2(sqrt((1 - x) * (1 + x)), x); }
double sinh(double x) {
  if (x > -22 && x < 22) {
    double e = expm1(x < 0 ? -x : x), r = (e + e / (e + 1)) / 2;
    return x < 0 ? -r : r;
  }
  double half = exp((x < 0 ? -x : x) / 2), r = half / 2 * half;
  return x < 0 ? -r : r;
}
double cosh(double x) {
  double half = exp((x < 0 ? -x : x) / 2);
  if (x > -22 && x < 22) return (half * half + 1 / (half * half)) / 2;
  return half / 2 * half;
}
double tanh(double x) {
  if (x > 22) return 1;
  if (x < -22) return -1;
  double e = expm1(2 * x);
  return e / (e + 2);
}
double log10(double x) {
  double result;
  if (is_nan(x)) return x;
  if (x < 0) return domain_error("log10", x);
  if (x == 0) {
    __mingw_raise_matherr(2, "log10", x, 0, -_HUGE);
    return -_HUGE;
  }
  __asm__("fldlg2; fxch; fyl2x" : "=t"(result) : "0"(x) : "st(1)");
  return result;
}
double frexp(double x, int *exponent) {
  union { double d; uint64_t u; } v = {x};
  int e = (int)(v.u >> 52 & 0x7ff);
  *exponent = 0;
  if (x == 0 || e == 0x7ff) return x;
  if (e == 0) {
    v.d = x * 0x1p64;
    e = (int)(v.u >> 52 & 0x7ff) - 64;
  }
  *exponent = e - 1022;
  v.u = (v.u & ~(0x7ffULL << 52)) | 1022ULL << 52;
  return v.d;
}
double modf(double x, double *whole) {
  if (is_infinite(x)) return *whole = x, copysign(0, x);
  *whole = x < 0 ? ceil(x) : floor(x);
  return copysign(x - *whole, x);
}
double fabs(double x) { return __builtin_fabs(x); }
int abs(int x) { return x < 0 ? -x : x; }
long labs(long x) { return x < 0 ? -x : x; }
int64_t _abs64(int64_t x) { return x < 0 ? -x : x; }

/* In extended precision, whose exponents the squares cannot leave. */
double _hypot(double x, double y) {
  long double sum = (long double)x * x + (long double)y * y;
  if (is_infinite(x) || is_infinite(y)) return _HUGE;
  __asm__("fsqrt" : "+t"(sum));
  return (double)sum;
}
double _cabs(double x, double y) { return _hypot(x, y); }
double _copysign(double x, double y) { return copysign(x, y); }
double _chgsign(double x) { return -x; }
double _scalb(double x, long n) { return ldexp(x, (int)n); }
double _logb(double x) {
  int e;
  if (x == 0) return -_HUGE;
  if (is_nan(x)) return x;
  if (is_infinite(x)) return _HUGE;
  frexp(x, &e);
  return e - 1;
}
int _isnan(double x) { return is_nan(x); }
int _finite(double x) { return !is_nan(x) && !is_infinite(x); }
int _fpclass(double x) {
  union { double d; uint64_t u; } v = {x};
  int negative = (int)(v.u >> 63), e = (int)(v.u >> 52 & 0x7ff);
  uint64_t fraction = v.u & 0xfffffffffffffULL;
  if (e == 0x7ff) return fraction ? (fraction >> 51 ? 2 : 1) : negative ? 4 : 0x200;
  if (e) return negative ? 8 : 0x100;
  return fraction ? (negative ? 0x10 : 0x80) : negative ? 0x20 : 0x40;
}
double _nextafter(double x, double y) {
  union { double d; uint64_t u; } v = {x};
  if (is_nan(x) || is_nan(y)) return x + y;
  if (x == y) return y;
  if (x == 0) {
    v.u = 1;
    return copysign(v.d, y);
  }
  v.u += (x < y) == (x > 0) ? 1 : (uint64_t)-1;
  return v.d;
}

/* Bessel functions by quadrature of their integrals: j_n(x) = 1/pi * integral of cos(n t - x sin t). */
static const double pi = 3.14159265358979323846;
double _jn(int n, double x) {
  int steps = 64 + (int)fabs(x) * 2 + (n < 0 ? -n : n) * 2;
  double sum = 0;
  if (fabs(x) > 1e6) return domain_error("_jn", x);
  for (int i = 0; i < steps; i++) {
    double t = pi * (i + 0.5) / steps;
    sum += cos(n * t - x * sin(t));
  }
  return sum / steps;
}
double _j0(double x) { return _jn(0, x); }
double _j1(double x) { return _jn(1, x); }

/* ---- control and status words ---- */

static unsigned short control_word(void) {
  unsigned short word;
  __asm__ volatile("fnstcw %0" : "=m"(word));
  return word;
}

/* The abstract bits of float.h: masks EM_*, rounding RC_*, precision PC_*, infinity, denormal. */
static unsigned abstract_of(unsigned short word) {
  unsigned value = 0;
  if (word & 1) value |= 0x10;
  if (word & 2) value |= 0x80000;
  if (word & 4) value |= 8;
  if (word & 8) value |= 4;
  if (word & 16) value |= 2;
  if (word & 32) value |= 1;
  value |= (word >> 10 & 3) == 1 ? 0x100u : (word >> 10 & 3) == 2 ? 0x200u : (word >> 10 & 3) == 3 ? 0x300u : 0;
  value |= (word >> 8 & 3) == 0 ? 0x20000u : (word >> 8 & 3) == 2 ? 0x10000u : 0;
  if (word & 0x1000) value |= 0x40000;
  return value;
}

static unsigned short hardware_of(unsigned value) {
  unsigned word = 0x40;
  if (value & 0x10) word |= 1;
  if (value & 0x80000) word |= 2;
  if (value & 8) word |= 4;
  if (value & 4) word |= 8;
  if (value & 2) word |= 16;
  if (value & 1) word |= 32;
  word |= (value >> 8 & 3) << 10;
  word |= value & 0x20000 ? 0 : value & 0x10000 ? 0x200 : 0x300;
  if (value & 0x40000) word |= 0x1000;
  return (unsigned short)word;
}

unsigned _control87(unsigned value, unsigned mask) {
  unsigned current = abstract_of(control_word());
  unsigned wanted = (current & ~mask) | (value & mask);
  if (mask) {
    unsigned short word = hardware_of(wanted);
    __asm__ volatile("fldcw %0" : : "m"(word));
  }
  return wanted;
}
unsigned _controlfp(unsigned value, unsigned mask) { return _control87(value, mask & ~0x80000u); }

static unsigned abstract_status(unsigned short word) {
  return (word & 1 ? 0x10u : 0) | (word & 2 ? 0x80000u : 0) | (word & 4 ? 8u : 0) | (word & 8 ? 4u : 0) | (word & 16 ? 2u : 0) | (word & 32 ? 1u : 0);
}
unsigned _statusfp(void) {
  unsigned short word;
  __asm__ volatile("fnstsw %0" : "=m"(word));
  return abstract_status(word);
}
unsigned _status87(void) { return _statusfp(); }
unsigned _clearfp(void) {
  unsigned status = _statusfp();
  __asm__ volatile("fnclex");
  return status;
}
unsigned _clear87(void) { return _clearfp(); }
/* msvcrt's default: 53-bit precision, everything masked. */
void _fpreset(void) {
  unsigned short word = 0x27f;
  __asm__ volatile("fninit; fldcw %0" : : "m"(word));
}
void (*const imported_fpreset)(void) __asm__("__imp___fpreset") = _fpreset;

/* Compiler helpers whose arguments and results travel on the x87 stack. */
#define ON_STACK1(name, call)                                                                     \
  __asm__(".globl _" name "\n_" name ":\n sub $8, %esp\n fstpl (%esp)\n call _" call "\n add $8, %esp\n ret")
#define ON_STACK2(name, call)                                                                     \
  __asm__(".globl _" name "\n_" name ":\n sub $16, %esp\n fstpl 8(%esp)\n fstpl (%esp)\n call _" call "\n add $16, %esp\n ret")
ON_STACK1("_CIsin", "sin");
ON_STACK1("_CIcos", "cos");
ON_STACK1("_CItan", "tan");
ON_STACK1("_CIatan", "atan");
ON_STACK1("_CIasin", "asin");
ON_STACK1("_CIacos", "acos");
ON_STACK1("_CIexp", "exp");
ON_STACK1("_CIlog", "log");
ON_STACK1("_CIlog10", "log10");
ON_STACK1("_CIsqrt", "sqrt");
ON_STACK1("_CIsinh", "sinh");
ON_STACK1("_CIcosh", "cosh");
ON_STACK1("_CItanh", "tanh");
ON_STACK2("_CIpow", "pow");
ON_STACK2("_CIatan2", "atan2");
ON_STACK2("_CIfmod", "fmod");
/* _ftol: ST(0), cut towards zero, to EDX:EAX. */
__asm__(".globl __ftol\n__ftol:\n sub $12, %esp\n fnstcw 8(%esp)\n movzwl 8(%esp), %eax\n or $0xc00, %eax\n movw %ax, 10(%esp)\n"
        " fldcw 10(%esp)\n fistpll (%esp)\n fldcw 8(%esp)\n mov (%esp), %eax\n mov 4(%esp), %edx\n add $12, %esp\n ret");
