// hiredis as Swift sees it, and the version macros.
#ifndef SIGNALBOX_CHIREDIS_H
#define SIGNALBOX_CHIREDIS_H

#include <hiredis/hiredis.h>

/// Major * 10,000 + minor * 100 + patch of the headers this was built with.
int sb_hiredis_version(void);

#endif
