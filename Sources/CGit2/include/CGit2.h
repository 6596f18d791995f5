// libgit2 as Swift sees it.
#ifndef SIGNALBOX_CGIT2_H
#define SIGNALBOX_CGIT2_H

#include <git2.h>

/// Major * 10,000 + minor * 100 + revision of the library that is loaded.
int sb_git2_version(void);

#endif
