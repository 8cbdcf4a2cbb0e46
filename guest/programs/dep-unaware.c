/* dep.c, whose image does not say that it can live without executing data. */
#include "dep.c"
