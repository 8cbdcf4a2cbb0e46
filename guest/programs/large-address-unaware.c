/* large-address.c, whose image does not say that it knows addresses above 2 GB. */
#include "large-address.c"
