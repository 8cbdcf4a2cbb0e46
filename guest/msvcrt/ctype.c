/* Character classes of the C locale: _pctype and the functions over it. */
#include "crt.h"

enum { UPPER = 1, LOWER = 2, DIGIT = 4, SPACE = 8, PUNCT = 0x10, CONTROL = 0x20, BLANK = 0x40, HEX = 0x80, ALPHA = 0x100 };

#define CONTROLS_0_8 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20
#define CONTROLS_9_13 0x28, 0x28, 0x28, 0x28, 0x28
#define CONTROLS_14_31 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20
#define PUNCT_15 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10
#define DIGITS_10 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84, 0x84
#define LETTERS_G_Z(c) c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c

/* Entry 0 is EOF's. */
unsigned short class_table[257] = {
  0, CONTROLS_0_8, CONTROLS_9_13, CONTROLS_14_31, 0x48, PUNCT_15, DIGITS_10,
  0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
  0x181, 0x181, 0x181, 0x181, 0x181, 0x181, LETTERS_G_Z(0x101),
  0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
  0x182, 0x182, 0x182, 0x182, 0x182, 0x182, LETTERS_G_Z(0x102),
  0x10, 0x10, 0x10, 0x10, 0x20,
};
unsigned short *_pctype = class_table + 1;
unsigned short *_pwctype = class_table + 1;
int __mb_cur_max = 1;

unsigned short **__p__pctype(void) { return &_pctype; }
unsigned short **__p__pwctype(void) { return &_pwctype; }
const unsigned short *__pctype_func(void) { return _pctype; }
int *__p___mb_cur_max(void) { return &__mb_cur_max; }
int ___mb_cur_max_func(void) { return __mb_cur_max; }
unsigned ___lc_codepage_func(void) { return 0; }

static int class_of(int c) { return c >= -1 && c < 256 ? _pctype[c] : 0; }

int _isctype(int c, int mask) { return class_of(c) & mask; }
int isalpha(int c) { return class_of(c) & (ALPHA | UPPER | LOWER); }
int isupper(int c) { return class_of(c) & UPPER; }
int islower(int c) { return class_of(c) & LOWER; }
int isdigit(int c) { return class_of(c) & DIGIT; }
int isxdigit(int c) { return class_of(c) & HEX; }
int isspace(int c) { return class_of(c) & SPACE; }
int ispunct(int c) { return class_of(c) & PUNCT; }
int isalnum(int c) { return class_of(c) & (ALPHA | UPPER | LOWER | DIGIT); }
int isprint(int c) { return class_of(c) & (ALPHA | UPPER | LOWER | DIGIT | PUNCT | BLANK); }
int isgraph(int c) { return class_of(c) & (ALPHA | UPPER | LOWER | DIGIT | PUNCT); }
int iscntrl(int c) { return class_of(c) & CONTROL; }
int __isascii(int c) { return (unsigned)c < 128; }
int __toascii(int c) { return c & 127; }
int __iscsym(int c) { return c == '_' || isalnum(c); }
int __iscsymf(int c) { return c == '_' || isalpha(c); }
int tolower(int c) { return isupper(c) ? c + 32 : c; }
int toupper(int c) { return islower(c) ? c - 32 : c; }
int _tolower(int c) { return c + 32; }
int _toupper(int c) { return c - 32; }

int iswctype(unsigned short c, unsigned short mask) {
  if (c < 256) return class_of(c) & mask;
  WORD kind = 0;
  wide character = c;
  GetStringTypeW(CT_CTYPE1, (LPCWSTR)&character, 1, &kind);
  return kind & mask;
}
int is_wctype(unsigned short c, unsigned short mask) { return iswctype(c, mask); }
int iswalpha(unsigned short c) { return iswctype(c, ALPHA | UPPER | LOWER); }
int iswupper(unsigned short c) { return iswctype(c, UPPER); }
int iswlower(unsigned short c) { return iswctype(c, LOWER); }
int iswdigit(unsigned short c) { return iswctype(c, DIGIT); }
int iswxdigit(unsigned short c) { return iswctype(c, HEX); }
int iswspace(unsigned short c) { return iswctype(c, SPACE); }
int iswpunct(unsigned short c) { return iswctype(c, PUNCT); }
int iswalnum(unsigned short c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT); }
int iswprint(unsigned short c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT | PUNCT | BLANK); }
int iswgraph(unsigned short c) { return iswctype(c, ALPHA | UPPER | LOWER | DIGIT | PUNCT); }
int iswcntrl(unsigned short c) { return iswctype(c, CONTROL); }
int iswascii(unsigned short c) { return c < 128; }

static unsigned short map_case(unsigned short c, DWORD how) {
  wide mapped = c;
  LCMapStringW(0, how, (LPCWSTR)&c, 1, (LPWSTR)&mapped, 1);
  return mapped;
}
unsigned short towlower(unsigned short c) { return c < 128 ? tolower(c) : map_case(c, LCMAP_LOWERCASE); }
unsigned short towupper(unsigned short c) { return c < 128 ? toupper(c) : map_case(c, LCMAP_UPPERCASE); }
