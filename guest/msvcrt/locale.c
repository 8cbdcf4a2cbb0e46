/* locale.h: the C locale is the only one there is. */
#include "crt.h"

struct lconv {
  char *decimal_point, *thousands_sep, *grouping, *int_curr_symbol, *currency_symbol, *mon_decimal_point, *mon_thousands_sep,
    *mon_grouping, *positive_sign, *negative_sign;
  char int_frac_digits, frac_digits, p_cs_precedes, p_sep_by_space, n_cs_precedes, n_sep_by_space, p_sign_posn, n_sign_posn;
};

static struct lconv conventions = {".", "", "", "", "", "", "", "", "", "", 127, 127, 127, 127, 127, 127, 127, 127};
struct lconv *__lconv_init(void) { return &conventions; }
struct lconv *localeconv(void) { return &conventions; }

char *setlocale(int category, const char *name) {
  if (category < 0 || category > 5) return NULL;
  return !name || !*name || !strcmp(name, "C") || !strcmp(name, "POSIX") ? "C" : NULL;
}

wide *_wsetlocale(int category, const wide *name) {
  static wide c[] = {'C', 0};
  if (category < 0 || category > 5) return NULL;
  return !name || !*name || (name[0] == 'C' && !name[1]) ? c : NULL;
}
