#include "CHiredis.h"

int sb_hiredis_version(void) { return HIREDIS_MAJOR * 10000 + HIREDIS_MINOR * 100 + HIREDIS_PATCH; }
