// What Swift cannot import from <ncurses.h>: macros, and globals that Swift 6 refuses.
#ifndef SIGNALBOX_CNCURSES_H
#define SIGNALBOX_CNCURSES_H

#define NCURSES_WIDECHAR 1
#include <ncurses.h>

/// The version of the library that is loaded, such as "ncurses 6.4.20221231".
const char *sb_curses_version(void);

#endif
